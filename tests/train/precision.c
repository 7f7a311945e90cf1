/* Formats other than f32: embeddings close to f32's, and a bf16 run whose losses follow those of f32. */
#include "base/io.h"
#include "base/parallel.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <math.h>
#include <stdlib.h>

enum { TEXTS = 6, WIDTH = 256 };

static int64_t embed(const char *folder, hone_precision precision, int threads, float out[TEXTS * WIDTH]) {
    static const hone_text texts[TEXTS] = {{"the city of light", 17},
                                           {"cold water", 10},
                                           {"a", 1},
                                           {"", 0},
                                           {"he ran home in the rain, again", 30},
                                           {"light", 5}};
    char dir[HONE_PATH_MAX];
    hone_model *m;
    hone_set_threads(threads);
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), folder));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.precision = precision}, &m));
    int64_t D = hone_model_get_info(m)->embedding;
    CHECK(D <= WIDTH);
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    CHECK_OK(hone_model_embed(m, g, texts, TEXTS, NULL, out, NULL));
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_model_close(m);
    hone_set_threads(0);
    return D;
}

static double cosine(int64_t n, const float *a, const float *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++)
        ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
    return ab / sqrt(aa * bb);
}

TEST(precision, embeddings_in_bf16_and_int8_point_where_those_in_f32_do) {
    static const char *const folders[] = {"mean", "pool_cls", "dense_two", "f16"};
    double worst[HONE_PRECISION_COUNT] = {1, 1, 1};
    for (int k = 0; k < 4; k++) {
        float want[TEXTS * WIDTH], got[TEXTS * WIDTH], again[TEXTS * WIDTH];
        int64_t D = embed(folders[k], HONE_PRECISION_F32, 1, want);
        for (int p = HONE_PRECISION_BF16; p < HONE_PRECISION_COUNT; p++) {
            embed(folders[k], (hone_precision)p, 1, got);
            embed(folders[k], (hone_precision)p, 3, again);
            CHECK_MSG(!memcmp(got, again, (size_t)(TEXTS * D) * sizeof *got), "%s %s: threads change bits", folders[k],
                      hone_precision_name(p));
            CHECK_MSG(memcmp(got, want, (size_t)(TEXTS * D) * sizeof *got), "%s %s: the same bits as f32", folders[k],
                      hone_precision_name(p));
            for (int i = 0; i < TEXTS; i++) worst[p] = fmin(worst[p], cosine(D, want + i * D, got + i * D));
        }
    }
    printf("  smallest cosine to f32: bf16 %.6f, int8 %.6f\n", worst[HONE_PRECISION_BF16], worst[HONE_PRECISION_INT8]);
    CHECK(worst[HONE_PRECISION_BF16] >= 0.9995);
    CHECK(worst[HONE_PRECISION_INT8] >= 0.99);
}

typedef struct losses {
    double loss[64];
    int64_t n;
} losses;

static void note_loss(void *ctx, const hone_train_report *r) {
    losses *l = ctx;
    if (!r->metrics && !r->note && l->n < 64) l->loss[l->n++] = r->loss;
}

static losses train(hone_precision precision) {
    static const char CASE[] =
        "{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"epochs\":6,\"lr\":1e-3,"
        "\"warmup\":0.1,\"weight_decay\":0.01,\"clip\":1.0,\"accumulate\":1}";
    json_t *c = json_loads(CASE, 0, NULL);
    fixture f = fixture_open(c);
    char dir[HONE_PATH_MAX], out[HONE_PATH_MAX];
    losses l = {.n = 0};
    json_decref(c);
    hone_model_close(f.model);
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), "mean"));
    CHECK_OK(
        hone_model_open(dir, &(hone_model_options){.train = true, .dropout = -1, .precision = precision}, &f.model));
    CHECK_OK(hone_io_join(out, test_dir(), hone_precision_name(precision)));
    f.options.out = out;
    f.options.report = note_loss;
    f.options.ctx = &l;
    hone_train_result r;
    CHECK_OK(fixture_train(&f, &r));
    fixture_close(&f);
    return l;
}

TEST(precision, losses_of_a_bf16_run_follow_those_of_f32) {
    losses want = train(HONE_PRECISION_F32), got = train(HONE_PRECISION_BF16);
    CHECK(want.n == got.n && want.n >= 8);
    double worst = 0;
    bool differs = false;
    for (int64_t i = 0; i < want.n; i++) {
        worst = test_worse(worst, fabs(got.loss[i] - want.loss[i]) / fmax(1, want.loss[i]));
        differs |= got.loss[i] != want.loss[i];
    }
    printf("  %d steps, losses %.4f to %.4f, bf16 within %.2g\n", (int)want.n, want.loss[0], want.loss[want.n - 1],
           worst);
    CHECK(differs);
    CHECK(want.loss[want.n - 1] < 0.9 * want.loss[0]); /* it learns */
    CHECK(worst <= 0.03);
}
