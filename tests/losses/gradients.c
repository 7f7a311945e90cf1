/* Whole tiny BERT models with each loss: gradients of every parameter against four-point differences, and against
 * PyTorch's, in double. */
#include "autograd/gradcheck.h"
#include "base/io.h"
#include "tensor/safetensors.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <math.h>
#include <stdlib.h>

typedef struct whole {
    fixture f;
    hone_token_batch batch;
    const hone_loss *loss;
    hone_loss_options options;
} whole;

static hone_tensor *build(hone_graph *g, hone_tensor *const *leaves, void *ctx) {
    whole *w = ctx;
    (void)leaves;
    hone_model_batch b = {
        .B = w->batch.S, .T = w->batch.T, .ids = w->batch.ids, .types = w->batch.type_ids, .cu = w->batch.cu};
    hone_loss_batch in = {.embeddings = hone_model_encode(w->f.model, g, &b),
                          .B = w->batch.B,
                          .G = (int)w->batch.G,
                          .score = w->f.score,
                          .group = w->f.label.of};
    return in.embeddings ? hone_loss_build(g, w->loss, &in, &w->options) : NULL;
}

/* The model of a case again in double, and its first `rows` rows as one batch. */
static whole open_whole(const json_t *c, int64_t rows) {
    whole w = {.f = fixture_open(c)};
    char dir[HONE_PATH_MAX];
    int64_t list[64];
    for (int64_t i = 0; i < rows; i++) list[i] = i;
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), json_string_value(json_object_get(c, "model"))));
    hone_model_close(w.f.model);
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dtype = HONE_F64, .dropout = -1}, &w.f.model));
    CHECK_OK(hone_token_batch_fill(&w.batch, &w.f.store, list, rows));
    w.loss = w.f.options.loss, w.options = w.f.options.loss_options;
    return w;
}

static void close_whole(whole *w) {
    hone_token_batch_free(&w->batch);
    fixture_close(&w->f);
}

TEST(losses, gradients_of_a_whole_bert_agree_with_four_point_differences) {
    static const struct {
        const char *model, *data, *loss, *distance;
        double margin;
    } cases[] = {{"mean", "pairs.jsonl", "mnr", "cosine", 0},
                 {"mean", "triplets.jsonl", "mnr", "cosine", 0},
                 {"pool_cls", "pairs.jsonl", "mnr", "cosine", 0},
                 {"dense", "triplets.jsonl", "mnr-symmetric", "cosine", 0},
                 {"gelu_new", "triplets.jsonl", "triplet", "cosine", 0.5},
                 {"mean", "triplets.jsonl", "triplet", "euclidean", 5},
                 {"mean", "negatives.jsonl", "gte", "cosine", 0},
                 {"gelu_new", "scored.jsonl", "cosent", "cosine", 0},
                 {"accents", "scored.jsonl", "angle", "cosine", 0},
                 {"mean", "scored.jsonl", "cosine", "cosine", 0},
                 {"mean", "scored.jsonl", "contrastive", "cosine", 0.5},
                 {"gelu_new", "scored.jsonl", "contrastive", "euclidean", 2},
                 {"gelu_new", "scored.jsonl", "online-contrastive", "manhattan", 8},
                 {"gelu_new", "labelled.jsonl", "batch-hard", "euclidean", 5},
                 {"gelu_new", "labelled.jsonl", "batch-hard-soft-margin", "manhattan", 0},
                 {"mean", "labelled.jsonl", "semi-hard", "cosine", 0.2},
                 {"gelu_new", "labelled.jsonl", "batch-all", "euclidean", 1},
                 {"pool_all", "triplets.jsonl", "triplet", "manhattan", 5}};
    double worst = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *c = json_pack("{s:s, s:s, s:s, s:s, s:f}", "model", cases[i].model, "data", cases[i].data, "loss",
                              cases[i].loss, "distance", cases[i].distance, "margin", cases[i].margin);
        whole w = open_whole(c, 4);
        hone_params *ps = hone_model_params(w.f.model);
        int n = (int)hone_params_count(ps);
        hone_tensor **leaves = calloc((size_t)n, sizeof *leaves);
        for (int k = 0; k < n; k++) leaves[k] = hone_params_at(ps, k)->tensor;
        /* A step that is small beside the distance to the kinks of max pooling, |x| and the hinge. */
        hone_gradcheck check = {
            .build = build, .ctx = &w, .n_leaves = n, .leaves = leaves, .max_elements = test_cases(8, 1), .h = 1e-4};
        hone_gradcheck_result r;
        CHECK_OK(hone_gradcheck_run(&check, &r));
        CHECK_MSG(r.worst <= 1e-8, "%s with %s: \"%s\" element %" PRId64 ": gradient %.12g, differences %.12g",
                  cases[i].model, cases[i].loss, leaves[r.leaf]->name, r.element, r.got, r.want);
        worst = fmax(worst, r.worst);
        free(leaves);
        close_whole(&w);
        json_decref(c);
    }
    printf("  worst error %.2g of 1e-8\n", worst);
}

/* The gradient of a published tensor; zeros where nothing was written (rows that no text has, parameters that are not
 * read). */
static double gradient_of(const hone_named *t, int64_t i) {
    if (!t->param->tensor->grad_set) return 0;
    const hone_row_set *rows = t->param->tensor->rows;
    if (rows && !rows->mark[i / hone_dim(t->param->tensor, 1)]) return 0;
    return ((double *)t->grad)[i];
}

TEST(losses, gradients_of_a_whole_bert_are_pytorchs) {
    json_t *index;
    const char *name;
    json_t *c;
    double worst = 0;
    CHECK_OK(hone_json_load(test_path("tests/golden/train/grads/index.json"), &index));
    json_object_foreach(json_object_get(index, "cases"), name, c) {
        char file[HONE_PATH_MAX];
        hone_safetensors *want;
        whole w = open_whole(c, json_integer_value(json_object_get(c, "rows")));
        snprintf(file, sizeof file, "%s/%s.safetensors", test_path("tests/golden/train/grads"), name);
        CHECK_OK(hone_safetensors_open(file, &want));
        hone_arena *arena = hone_arena_new("step", 0);
        hone_graph *g = hone_graph_new(arena);
        hone_graph_begin(g, &(hone_graph_mode){.record = true});
        hone_tensor *loss = build(g, NULL, &w);
        CHECK_OK(hone_graph_status(g));
        double exact = json_number_value(json_object_get(c, "loss_f64"));
        CHECK_NEAR(hone_f64(loss)[0] / exact, 1, 1e-12);
        CHECK_OK(hone_graph_backward(g, loss, 1));
        int compared = 0;
        for (int64_t i = 0; i < hone_safetensors_count(want); i++) {
            const hone_safetensors_entry *e = hone_safetensors_at(want, i);
            char mine[320];
            hone_named t;
            snprintf(mine, sizeof mine, "%s", e->name);
            if (strstr(e->name, ".linear.")) snprintf(mine, sizeof mine, "%c_Dense%s", e->name[0], e->name + 1);
            CHECK_MSG(hone_params_find(hone_model_params(w.f.model), mine, &t), "%s: no parameter \"%s\"", name, mine);
            CHECK_INT(e->dtype, HONE_F64);
            for (int64_t k = 0; k < hone_shape_count(&e->shape); k++) {
                double expected, got = gradient_of(&t, k);
                memcpy(&expected, (const char *)e->data + (size_t)k * sizeof expected, sizeof expected);
                double err = fabs(got - expected) / fmax(1, fabs(expected));
                CHECK_MSG(err <= 1e-10, "%s: \"%s\" element %" PRId64 ": gradient %.15g, PyTorch %.15g", name, mine, k,
                          got, expected);
                worst = fmax(worst, err);
            }
            compared++;
        }
        CHECK(compared > 10);
        hone_graph_free(g);
        hone_arena_free(arena);
        hone_safetensors_close(want);
        close_whole(&w);
    }
    json_decref(index);
    printf("  worst difference %.2g of 1e-10\n", worst);
}
