#include "tests/train/fixture.h"

#include "base/io.h"
#include "tests/test.h"

static double number(const json_t *o, const char *key, double fallback) {
    const json_t *v = json_object_get(o, key);
    return v ? json_number_value(v) : fallback;
}

static const char *string(const json_t *o, const char *key, const char *fallback) {
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : fallback;
}

static int find(const char *word, const char *const *list, int n) {
    for (int i = 0; i < n; i++)
        if (!strcmp(word, list[i])) return i;
    FAIL("no such word: %s", word);
}

static void open_data(fixture *f, const json_t *c) {
    char file[HONE_PATH_MAX];
    hone_roles roles;
    CHECK_OK(hone_io_join(file, test_path("tests/golden/train"), string(c, "data", "")));
    CHECK_OK(hone_table_read(file, NULL, &f->table));
    CHECK_OK(hone_roles_apply(f->table, HONE_ROWS_PAIRS, NULL, 0, &roles));
    CHECK_OK(hone_texts_from_table(f->table, roles.columns, roles.n_texts, &f->texts));
    hone_tokenizer_encoder tokens = {hone_model_tokenizer(f->model), hone_model_get_info(f->model)->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokens);
    CHECK_OK(hone_token_store_build(&f->texts, NULL, &encoder, &f->store));
}

fixture fixture_open(const json_t *c) {
    static const char *const metrics[] = {"cosine", "euclidean", "manhattan"}, *const schedules[] = {"linear", "cosine", "constant"};
    fixture f = {0};
    char dir[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), string(c, "model", "")));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = -1}, &f.model));
    open_data(&f, c);
    f.options = (hone_train_options){.loss = hone_loss_find(string(c, "loss", "")),
                                     .epochs = number(c, "epochs", 1),
                                     .batch_size = (int64_t)number(c, "batch_size", 8),
                                     .accumulate = (int64_t)number(c, "accumulate", 1),
                                     .lr = number(c, "lr", 1e-3),
                                     .warmup = number(c, "warmup", 0),
                                     .schedule = (hone_schedule)find(string(c, "schedule", "linear"), schedules, 3),
                                     .optim = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = number(c, "weight_decay", 0),
                                               .clip = number(c, "clip", 0)},
                                     .seed = 42,
                                     .no_shuffle = true,
                                     .eval_every = -1,
                                     .save_every = -1};
    CHECK(f.options.loss);
    f.options.loss_options = (hone_loss_options){
        .scale = number(c, "scale", f.options.loss->default_scale),
        .margin = number(c, "margin", f.options.loss->default_margin),
        .metric = (hone_metric)find(string(c, "distance", metrics[f.options.loss->default_metric]), metrics, 3)};
    return f;
}

hone_status fixture_train(fixture *f, hone_train_result *result) {
    hone_train_data data = {.store = &f->store, .texts = &f->texts, .n = f->texts.rows};
    return hone_train_run(f->model, &data, &f->options, result);
}

void fixture_close(fixture *f) {
    hone_token_store_free(&f->store);
    hone_texts_free(&f->texts);
    hone_table_free(f->table);
    hone_model_close(f->model);
}
