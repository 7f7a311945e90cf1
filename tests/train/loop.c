/* How batches become steps. */
#include "base/io.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

typedef struct steps {
    int64_t n;
    double loss[16], norm[16];
} steps;

static void hear(void *ctx, const hone_train_report *r) {
    steps *s = ctx;
    if (r->note || r->metrics) return;
    CHECK(s->n < 16);
    s->loss[s->n] = r->loss, s->norm[s->n++] = r->grad_norm;
}

/* Epochs of 32 rows in batches of 8, four as announced. The first `unlike` rows have documents of their own, of the
 * others every `each` share one. */
static steps steps_of(int64_t unlike, int64_t each, bool drop_last, int64_t accumulate, double epochs) {
    steps s = {0};
    char out[HONE_PATH_MAX];
    json_t *c =
        json_loads("{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"lr\":0}", 0, NULL);
    fixture f = fixture_open(c);
    json_decref(c);
    f.texts.rows = 32;
    for (int64_t i = unlike; i < 32; i++)
        f.texts.of[2 * i + 1] = f.texts.of[2 * (unlike + (i - unlike) / each * each) + 1];
    CHECK_OK(hone_io_join(out, test_dir(), "loop"));
    CHECK_OK(hone_io_remove_tree(out));
    f.options.out = out, f.options.report = hear, f.options.ctx = &s;
    f.options.epochs = epochs, f.options.no_duplicates = true, f.options.drop_last = drop_last,
    f.options.accumulate = accumulate;
    CHECK_OK(fixture_train(&f, NULL));
    fixture_close(&f);
    return s;
}

TEST(loop, a_step_of_fewer_batches_is_the_mean_of_those) {
    /* Of the last eight rows no two stand in one batch: three batches are full. */
    steps one = steps_of(24, 8, true, 1, 1), two = steps_of(24, 8, true, 2, 1);
    CHECK_INT(two.n, 2);
    CHECK(one.n == 4 && one.loss[3] == one.loss[0]); /* of the next epoch */
    CHECK_NEAR(two.loss[0], (one.loss[0] + one.loss[1]) / 2, 1e-6);
    CHECK(two.loss[1] == one.loss[2] && two.norm[1] == one.norm[2]);
    /* Documents at three rows each: two batches of three rows and one of two behind the three. */
    one = steps_of(24, 3, false, 1, 2), two = steps_of(24, 3, false, 4, 2);
    CHECK_INT(two.n, 2);
    CHECK(one.n == 8 && one.loss[6] == one.loss[0]);
    CHECK_NEAR(two.loss[0], (one.loss[0] + one.loss[1] + one.loss[2] + one.loss[3]) / 4, 1e-6);
    CHECK_NEAR(two.loss[1], (one.loss[4] + one.loss[5]) / 2, 1e-6);
}
