#include "tests/train/fixture.h"

#include "base/io.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

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

static hone_row_kind kind_of(const hone_loss *loss) {
    return loss->needs == HONE_LOSS_SCORES    ? HONE_ROWS_SCORED
           : loss->needs == HONE_LOSS_BINARY  ? HONE_ROWS_BINARY
           : loss->needs == HONE_LOSS_CLASSES ? HONE_ROWS_LABELLED
                                              : HONE_ROWS_PAIRS;
}

/* Scores, classes, groups. */
static void open_labels(fixture *f, hone_row_kind kind, const hone_roles *roles, bool grouped) {
    int64_t rows = hone_table_rows(f->table),
            group = grouped ? hone_table_find_column(f->table, "group") : roles->label;
    int64_t number = hone_roles_number(roles, kind);
    f->score = number >= 0 ? calloc((size_t)rows, sizeof *f->score) : NULL;
    for (int64_t i = 0; f->score && i < rows; i++)
        CHECK(hone_cell_number(hone_table_cell(f->table, i, number), &f->score[i]));
    if (!grouped && !(roles->n_texts == 1 && group >= 0)) return;
    CHECK_OK(hone_texts_from_table(f->table, &group, 1, &f->label));
    for (int64_t i = 0; i < rows; i++)
        if (hone_table_cell(f->table, i, group).kind == HONE_CELL_MISSING) f->label.of[i] = -1;
}

static void open_data(fixture *f, const json_t *c) {
    char file[HONE_PATH_MAX];
    hone_roles roles;
    const hone_loss *loss = hone_loss_find(string(c, "loss", ""));
    CHECK(loss);
    CHECK_OK(hone_io_join(file, test_path("tests/golden/train"), string(c, "data", "")));
    CHECK_OK(hone_table_read(file, NULL, &f->table));
    CHECK_OK(hone_roles_apply(f->table, kind_of(loss), NULL, 0, &roles));
    open_labels(f, kind_of(loss), &roles, json_is_true(json_object_get(c, "group")));
    CHECK_OK(hone_texts_from_table(f->table, roles.columns, roles.n_texts, &f->texts));
    hone_tokenizer_encoder tokens = {hone_model_tokenizer(f->model), hone_model_get_info(f->model)->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokens);
    CHECK_OK(hone_token_store_build(&f->texts, NULL, &encoder, &f->store));
}

static void set_parameters(fixture *f, const json_t *c) {
    size_t i;
    const char *pattern;
    json_t *x;
    json_array_foreach(json_object_get(c, "freeze"), i, x)
        CHECK(hone_params_freeze(hone_model_params(f->model), json_string_value(x)) > 0);
    json_object_foreach(json_object_get(c, "lr_scale"), pattern, x)
        CHECK(hone_params_scale_rate(hone_model_params(f->model), pattern, json_number_value(x)) > 0);
    json_array_foreach(json_object_get(c, "matryoshka"), i, x)
        f->options.loss_options.dims[f->options.loss_options.n_dims++] = json_integer_value(x);
}

fixture fixture_open(const json_t *c) {
    static const char *const metrics[] = {"cosine", "euclidean", "manhattan"}, *const schedules[] = {"linear", "cosine",
                                                                                                     "constant"};
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
                                     .optim = {.beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .eps = 1e-8,
                                               .weight_decay = number(c, "weight_decay", 0),
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
    set_parameters(&f, c);
    return f;
}

hone_status fixture_train(fixture *f, hone_train_result *result) {
    hone_train_data data = {.store = &f->store,
                            .texts = &f->texts,
                            .n = f->texts.rows,
                            .score = f->score,
                            .group = f->label.of,
                            .n_groups = f->label.count};
    return hone_train_run(f->model, &data, &f->options, result);
}

void fixture_close(fixture *f) {
    free(f->score);
    hone_texts_free(&f->label);
    hone_token_store_free(&f->store);
    hone_texts_free(&f->texts);
    hone_table_free(f->table);
    hone_model_close(f->model);
}

void fixture_edit_state(const char *dir, const char *from, const char *to, bool seal) {
    size_t n;
    char file[HONE_PATH_MAX], *text;
    CHECK_OK(hone_io_join(file, dir, "state.json"));
    CHECK_OK(hone_io_read_file(file, 1 << 28, &text, &n));
    char *at = strstr(text, from), *more = malloc(n + strlen(to) + 1);
    CHECK_MSG(at, "no %s in state.json", from);
    size_t head = (size_t)(at - text), rest = n - head - strlen(from);
    memcpy(more, text, head);
    memcpy(more + head, to, strlen(to));
    memcpy(more + head + strlen(to), at + strlen(from), rest + 1);
    n = head + strlen(to) + rest;
    char *sum = strstr(more, "\"state_crc32\": \"");
    if (seal) {
        char digits[16];
        sum += strlen("\"state_crc32\": \"");
        snprintf(digits, sizeof digits, "%08lx", crc32_z(0, (unsigned char *)more, (size_t)(sum - more)));
        memcpy(sum, digits, 8);
    }
    CHECK_OK(hone_io_write_file(file, more, n));
    free(more);
    hone_free(text);
}
