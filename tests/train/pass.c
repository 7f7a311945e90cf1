/* The gradient cache: with dropout, where a chunk's two passes must draw alike. */
#include "train/pass.h"

#include "base/io.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <math.h>
#include <stdlib.h>

typedef struct setup {
    fixture f;
    hone_arena *arena;
    hone_graph *g;
    hone_train_data data;
    hone_token_batch batch;
} setup;

static setup open_setup(int64_t rows, double dropout) {
    static const char CASE[] =
        "{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"epochs\":1,\"lr\":1e-3}";
    json_t *c = json_loads(CASE, 0, NULL);
    setup s = {.f = fixture_open(c)};
    char dir[HONE_PATH_MAX];
    int64_t list[64];
    json_decref(c);
    hone_model_close(s.f.model);
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), "mean"));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = dropout}, &s.f.model));
    s.arena = hone_arena_new("step", 0);
    s.g = hone_graph_new(s.arena);
    for (int64_t i = 0; i < rows; i++) list[i] = i % s.f.store.rows;
    CHECK_OK(hone_token_batch_fill(&s.batch, &s.f.store, list, rows));
    return s;
}

static void close_setup(setup *s) {
    hone_token_batch_free(&s->batch);
    hone_graph_free(s->g);
    hone_arena_free(s->arena);
    fixture_close(&s->f);
}

static double loss_of(setup *s, int64_t chunk, int64_t part) {
    hone_pass *p;
    double loss = 0;
    s->data.store = &s->f.store;
    hone_params_clear_grads(hone_model_params(s->f.model));
    CHECK_OK(hone_pass_new(s->f.model, s->g, &s->data, s->f.options.loss, &s->f.options.loss_options, chunk, &p));
    CHECK_OK(hone_pass_run(p, &s->batch, 7, 3, part, 1, &loss));
    hone_pass_free(p);
    return loss;
}

/* Along its own gradient a loss rises by |g|^2 per unit: L(w + h g) - L(w - h g) = 2 h |g|^2. A second pass that
 * dropped other elements than the first one would have a gradient of another function. */
static double slope_error(int64_t chunk) {
    setup s = open_setup(10, 0.3);
    hone_named w;
    CHECK(hone_params_find(hone_model_params(s.f.model), "encoder.layer.0.intermediate.dense.weight", &w));
    int64_t n = hone_shape_count(&w.shape);
    float *g = malloc((size_t)n * sizeof *g), *at = malloc((size_t)n * sizeof *at), *x = w.data;
    double square = 0;
    loss_of(&s, chunk, 0);
    memcpy(g, w.grad, (size_t)n * sizeof *g);
    memcpy(at, x, (size_t)n * sizeof *at);
    for (int64_t i = 0; i < n; i++) square += (double)g[i] * (double)g[i];
    double h = 0.01 / sqrt(square), side[2];
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < n; i++) x[i] = at[i] + (float)(k ? h : -h) * g[i];
        side[k] = loss_of(&s, chunk, 0);
    }
    double slope = (side[1] - side[0]) / (2 * h);
    free(g), free(at);
    close_setup(&s);
    return fabs(slope / square - 1);
}

TEST(pass, gradients_of_chunks_with_dropout_are_those_of_the_loss_that_was_computed) {
    double plain = slope_error(0), three = slope_error(3), one = slope_error(1);
    printf("  slope against |g|^2: plain %.2g, chunks of 3 %.2g, of 1 %.2g (allowed 0.01)\n", plain, three, one);
    CHECK(plain <= 0.01 && three <= 0.01 && one <= 0.01);
}

TEST(pass, chunks_and_parts_have_their_own_dropout_and_large_chunks_are_the_plain_pass) {
    setup s = open_setup(10, 0.3);
    double plain = loss_of(&s, 0, 0);
    CHECK(loss_of(&s, 10, 0) == plain && loss_of(&s, 11, 0) == plain);
    CHECK(loss_of(&s, 3, 0) == loss_of(&s, 3, 0));
    CHECK(loss_of(&s, 3, 0) != loss_of(&s, 3, 1));
    CHECK(loss_of(&s, 3, 0) != plain);
    hone_pass *p;
    double loss = 0;
    s.data.store = &s.f.store;
    CHECK_OK(hone_pass_new(s.f.model, s.g, &s.data, s.f.options.loss, &s.f.options.loss_options, 1, &p));
    CHECK_FAILS(hone_pass_run(p, &s.batch, 7, 3, 65536, 1, &loss), HONE_E_LIMIT, "limit 65536");
    hone_pass_free(p);
    close_setup(&s);
}

/* Of a batch of one row again and again: those of the chunks' first texts that are anchors. */
typedef struct firsts {
    const hone_token_store *store;
    int64_t n;
    float e[16][256];
} firsts;

static void take_firsts(void *ctx, const hone_token_batch *b, const float *e, int64_t D) {
    firsts *f = ctx;
    int64_t start[17];
    hone_chunks c = hone_pass_chunks(f->store, b->rows, b->B, 2, start);
    for (int64_t k = 0; k < c.n && start[k] < b->B; k++, f->n++)
        memcpy(f->e[f->n], e + start[k] * D, (size_t)D * sizeof *e);
}

TEST(pass, no_two_chunks_of_a_step_drop_alike_however_its_batches_are_cut) {
    static const int64_t rows[] = {8, 4, 2, 8}; /* in chunks of 2, of as many tokens as two positives and two anchors */
    setup s = open_setup(1, 0.3);
    firsts f = {.store = &s.f.store};
    hone_pass *p;
    s.data.store = &s.f.store;
    int64_t D = hone_model_get_info(s.f.model)->embedding, same[8] = {0}, r = 0;
    while (hone_token_store_len(&s.f.store, r, 0) <= hone_token_store_len(&s.f.store, r, 1)) r++;
    for (int i = 0; i < 8; i++) same[i] = r; /* a row whose anchor is the longer one: four of them fill a chunk */
    CHECK(D <= 256);
    CHECK_OK(hone_pass_new(s.f.model, s.g, &s.data, s.f.options.loss, &s.f.options.loss_options, 2, &p));
    hone_pass_set_look(p, take_firsts, &f);
    for (int part = 0; part < 4; part++) {
        double loss = 0;
        CHECK_OK(hone_token_batch_fill(&s.batch, &s.f.store, same, rows[part]));
        CHECK_OK(hone_pass_run(p, &s.batch, 7, 3, part, 1, &loss));
    }
    CHECK_INT(f.n, 6);
    for (int64_t i = 0; i < f.n; i++)
        for (int64_t j = 0; j < i; j++)
            CHECK_MSG(memcmp(f.e[i], f.e[j], (size_t)D * sizeof(float)), "%d and %d", (int)i, (int)j);
    hone_pass_free(p);
    close_setup(&s);
}

TEST(pass, scores_that_differ_by_less_than_f32_sees_are_ties) {
    setup s = open_setup(6, -1);
    const double near[6] = {0.3, 0.1 + 0.2, 0.7, 0.7000000000000001, 0.1, 0.1},
                 equal[6] = {0.3, 0.3, 0.7, 0.7, 0.1, 0.1}, apart[6] = {0.3, 0.3000001, 0.7, 0.7, 0.1, 0.1};
    const hone_loss *losses[] = {&hone_loss_cosent, &hone_loss_angle};
    for (int k = 0; k < 2; k++) {
        s.f.options.loss = losses[k];
        s.data.score = equal;
        double want = loss_of(&s, 0, 0);
        s.data.score = near;
        CHECK(loss_of(&s, 0, 0) == want);
        s.data.score = apart;
        CHECK(loss_of(&s, 0, 0) != want);
    }
    close_setup(&s);
}

TEST(pass, without_dropout_chunks_give_the_plain_loss) {
    setup s = open_setup(10, -1);
    double plain = loss_of(&s, 0, 0);
    for (int64_t chunk = 1; chunk < 10; chunk++) CHECK_NEAR(loss_of(&s, chunk, 0), plain, 1e-6);
    close_setup(&s);
}

/* How often the encoder runs in a step. */
static int64_t passes_of(setup *s, int64_t chunk) {
    hone_profile *p = hone_profile_new();
    const hone_profile_row *rows;
    int64_t calls = 0;
    hone_graph_set_profile(s->g, p);
    loss_of(s, chunk, 0);
    hone_graph_set_profile(s->g, NULL);
    for (int64_t i = 0, n = hone_profile_rows(p, &rows); i < n; i++)
        if (!strcmp(rows[i].op, "embedding")) calls += rows[i].calls;
    hone_profile_free(p);
    return calls;
}

TEST(pass, of_few_chunks_one_is_embedded_once) {
    setup s = open_setup(40, 0.1);
    int64_t rows[40];
    for (int64_t i = 0; i < 40; i++) rows[i] = i % s.f.store.rows;
    CHECK_INT(passes_of(&s, 0), 1);
    for (int64_t chunk = 1; chunk < 40; chunk *= 2) {
        hone_chunks c = hone_pass_chunks(&s.f.store, rows, 40, chunk, NULL);
        CHECK(c.n <= (40 + chunk - 1) / chunk && (c.n > 32) == (chunk == 1));
        CHECK_INT(passes_of(&s, chunk), c.n > 32 ? 2 * c.n : 2 * c.n - 1);
    }
    close_setup(&s);
}

TEST(pass, a_chunk_has_the_tokens_of_the_largest_chunk_of_rows) {
    /* Texts of 1, 2, 4, 8 tokens; three rows of two. */
    int64_t offset[] = {0, 1, 3, 7, 15}, at[11] = {0};
    int32_t unit[] = {0, 1, 3, 0, 2, 1};
    const hone_token_store store = {.groups = 2, .rows = 3, .n_units = 4, .unit = unit, .offset = offset};
    const int64_t rows[] = {0, 2, 1, 0, 2};
    hone_chunks c = hone_pass_chunks(&store, rows, 3, 0, at); /* anchors 1 4 8, then positives 2 2 1 */
    CHECK(c.n == 1 && c.tokens == 18 && c.kept == -1 && at[0] == 0 && at[1] == 6);
    c = hone_pass_chunks(&store, rows, 3, 1, at); /* by rows 1 4, 8 2, 2 1: ten tokens */
    CHECK(c.n == 3 && c.tokens == 10 && c.kept == 1 && at[1] == 2 && at[2] == 4 && at[3] == 6);
    c = hone_pass_chunks(&store, rows, 5, 2, at); /* 1 4 8 1 4, then 2 2 1 2 2: by rows 14, 9 and 4 tokens */
    CHECK(c.n == 2 && c.tokens == 14 && c.kept == 0 && at[0] == 0 && at[1] == 4 && at[2] == 10);
    CHECK_INT(hone_pass_chunks(&store, rows, 5, 5, NULL).n, 1);
    CHECK_INT(hone_pass_chunks(&store, rows, 0, 5, at).n, 1);
    int64_t many[44] = {0}; /* four anchors or two positives a chunk */
    CHECK(hone_pass_chunks(&store, many, 40, 1, NULL).n == 30 && hone_pass_chunks(&store, many, 40, 1, NULL).kept == 0);
    CHECK(hone_pass_chunks(&store, many, 44, 1, NULL).n == 33);
    CHECK_INT(hone_pass_chunks(&store, many, 44, 1, NULL).kept, -1);
}

static hone_tensor *nothing(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    (void)g, (void)b, (void)o;
    return NULL;
}

TEST(pass, a_loss_that_gives_nothing_and_a_model_in_double_are_refused) {
    setup s = open_setup(4, -1);
    const hone_loss lazy = {.name = "lazy", .build = nothing}, hollow = {.name = "hollow"};
    hone_pass *p;
    double loss = 0;
    s.data.store = &s.f.store;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(hone_pass_new(s.f.model, s.g, &s.data, i ? &hollow : &lazy, &s.f.options.loss_options, 0, &p));
        CHECK_FAILS(hone_pass_run(p, &s.batch, 7, 3, 0, 1, &loss), HONE_E_ARG,
                    i ? "loss hollow has no build" : "loss lazy gave nothing for 4 rows of 2 texts");
        hone_pass_free(p);
    }
    char dir[HONE_PATH_MAX];
    hone_model *m;
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), "mean"));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dtype = HONE_F64}, &m));
    CHECK_FAILS(hone_pass_new(m, s.g, &s.data, s.f.options.loss, &s.f.options.loss_options, 0, &p), HONE_E_DTYPE,
                "the model is F64, training is in F32");
    hone_model_close(m);
    close_setup(&s);
}

/* The word table's gradient keeps its memory; a weight's is gone with the pass that lent it. */
TEST(pass, lent_gradients_are_the_same_bits_and_cannot_be_sums) {
    setup s = open_setup(10, 0.3);
    hone_params *ps = hone_model_params(s.f.model);
    hone_tensor *w = NULL, *table = hone_model_word_table(s.f.model);
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        if (!strcmp(hone_params_at(ps, i)->name[0], "encoder.layer.0.intermediate.dense.weight"))
            w = hone_params_at(ps, i)->tensor;
    CHECK(w != NULL);
    size_t bytes = (size_t)hone_count(w) * sizeof(float), row = (size_t)hone_dim(table, 1) * sizeof(float);
    char *was = malloc(bytes + row);
    double loss = loss_of(&s, 0, 0);
    int32_t first = table->rows->list[0];
    memcpy(was, w->grad, bytes);
    memcpy(was + bytes, (char *)table->grad + row * (size_t)first, row);

    hone_train_options o = {.accumulate = 1, .chunk = 4};
    CHECK(!hone_pass_lends_grads(&o));
    o.chunk = 0;
    CHECK(hone_pass_lends_grads(&o) && !hone_params_are_grads_lent(ps));
    CHECK_OK(hone_pass_place_grads(s.f.model, &o));
    CHECK(hone_params_are_grads_lent(ps) && !w->grad);
    CHECK(loss_of(&s, 0, 0) == loss);
    CHECK(w->grad && !memcmp(w->grad, was, bytes));
    CHECK(table->rows->list[0] == first && !memcmp((char *)table->grad + row * (size_t)first, was + bytes, row));
    hone_pass *p;
    for (int k = 0; k < 2; k++) {
        hone_params_clear_grads(ps);
        CHECK_OK(hone_pass_new(s.f.model, s.g, &s.data, s.f.options.loss, &s.f.options.loss_options, k ? 3 : 0, &p));
        CHECK_FAILS(hone_pass_run(p, &s.batch, 7, 3, k ? 0 : 1, 1, &loss), HONE_E_ARG, "its gradients are sums");
        CHECK(!w->grad);
        hone_pass_free(p);
    }
    o.accumulate = 2;
    CHECK(!hone_pass_lends_grads(&o));
    CHECK_OK(hone_pass_place_grads(s.f.model, &o));
    CHECK(loss_of(&s, 3, 1) != 0 && w->grad);
    free(was);
    close_setup(&s);
}
