#include "kernels/dropout/dropout_bits.h"
#include "tests/kernels/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static hone_dropout drop_of(uint64_t seed, uint64_t stream, double p) {
    uint32_t threshold = (uint32_t)(p * 65536 + 0.5);
    return (hone_dropout){seed, stream, threshold, threshold < 65536 ? 65536.0f / (float)(65536 - threshold) : 0};
}

/* kernels/kernel.h, word for word, with nothing shared with the kernels' generator but the constants of the paper. */
static uint32_t draw_of(const hone_dropout *d, uint64_t element) {
    uint64_t group = element / 128, within = element % 128, lane = within % 16, sixteen = within / 16;
    uint64_t index = group * 16 + lane;
    uint32_t c[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)d->stream, (uint32_t)(d->stream >> 32)};
    uint32_t k[2] = {(uint32_t)d->seed, (uint32_t)(d->seed >> 32)};
    for (int round = 0; round < 7; round++) {
        uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                            (uint32_t)a};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u;
    }
    return c[sixteen / 2] >> (sixteen % 2 ? 16 : 0) & 0xFFFF;
}

TEST(dropout, philox_with_seven_rounds_gives_the_published_words) {
    /* Random123's known-answer vectors, philox4x32 with 7 rounds. */
    uint32_t w[4];
    hone_dropout_philox7(0, 0, 0, w);
    CHECK(w[0] == 0x5f6fb709u && w[1] == 0x0d893f64u && w[2] == 0x4f121f81u && w[3] == 0x4f730a48u);
    hone_dropout_philox7(~0ull, ~0ull, ~0ull, w);
    CHECK(w[0] == 0x5207ddc2u && w[1] == 0x45165e59u && w[2] == 0x4d8ee751u && w[3] == 0x8c52f662u);
}

TEST(dropout, every_row_keeps_the_same_elements_and_follows_the_definition) {
    score s = {.op = "dropout_f32_apply"};
    const double rates[] = {0, 0.1, 0.5, 0.999, 1.0 / 65536, 1};
    uint64_t seed = 0;
    for (int p = 0; p < 6; p++)
        for (int z = 0; z < row_size_count; z++)
            for (int variant = 0; variant < 3; variant++) { /* plain, in place, add */
                int64_t n = row_sizes[z];
                seed++;
                hone_dropout d = drop_of(seed * 0x9E3779B97F4A7C15ull, seed << 40 | 77, rates[p]);
                /* Some first elements lie beyond 2^32 counters. */
                uint64_t first = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 128 * seed : 128 * (0x0FFFFFFFull + seed);
                FOR_ROWS(row, dropout_f32_apply) {
                    fixture f;
                    fixture_begin(&f, seed);
                    bool add = variant == 2, in_place = variant == 1;
                    float *x = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, 1),
                          *y = in_place ? x : fixture_out(&f, n, add);
                    float *before = case_floats(n, y), *want = case_floats(n, x);
                    for (int64_t i = 0; i < n; i++) {
                        if (d.threshold)
                            want[i] = draw_of(&d, first + (uint64_t)i) >= d.threshold ? want[i] * d.scale : 0;
                        if (add) want[i] += before[i];
                    }
                    rows_dropout_f32_apply[row](n, first, seed % 5 || d.threshold ? &d : NULL, x, y, add);
                    for (int64_t i = 0; i < n; i++) score_near(&s, row, &f, "y", i, (double)y[i], (double)want[i], 0);
                    fixture_end(&f);
                    s.cases++;
                }
                fixture f;
                fixture_begin(&f, seed);
                double *x = case_doubles(n, NULL), *y = case_doubles(n, NULL);
                for (int64_t i = 0; i < n; i++) x[i] = 1, y[i] = 10;
                hone_dropout_f64_apply(n, first, &d, x, y, variant == 2);
                for (int64_t i = 0; i < n; i++) {
                    bool kept = !d.threshold || draw_of(&d, first + (uint64_t)i) >= d.threshold;
                    double want = (kept ? (d.threshold ? (double)d.scale : 1) : 0) + (variant == 2 ? 10 : 0);
                    CHECK_NEAR(y[i], want, 0);
                }
            }
    score_print(&s, 1800);
}

/* Kept elements of a binomial with p: within five standard deviations. */
static void check_rate(int64_t kept, int64_t n, double keep, const char *what) {
    double sigma = sqrt((double)n * keep * (1 - keep));
    CHECK_MSG(fabs((double)kept - (double)n * keep) <= 5 * sigma,
              "%s: kept %" PRId64 " of %" PRId64 ", want %.1f +- %.1f", what, kept, n, (double)n * keep, sigma);
}

TEST(dropout, the_keep_rate_and_its_neighbours_look_independent) {
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x), *a = malloc(N * sizeof *x), *b = malloc(N * sizeof *x);
    for (int64_t i = 0; i < N; i++) x[i] = 1;
    const double rates[] = {0.1, 0.5, 0.9};
    for (int p = 0; p < 3; p++) {
        hone_dropout d = drop_of(42, 7, rates[p]);
        double keep = 1 - (double)d.threshold / 65536;
        hone_dropout_f32_apply(N, 0, &d, x, a, false);
        int64_t kept = 0, per_place[128] = {0}, lagged[4] = {0};
        static const int lag[4] = {1, 16, 128, 384};
        double sum = 0;
        for (int64_t i = 0; i < N; i++) {
            bool k = a[i] != 0;
            sum += (double)a[i];
            kept += k, per_place[i % 128] += k;
            for (int l = 0; l < 4; l++) lagged[l] += i + lag[l] < N && k && a[i + lag[l]] != 0;
        }
        check_rate(kept, N, keep, "all");
        CHECK_NEAR(sum / N, 1, 6 * sqrt((1 - keep) / keep / N)); /* the scale restores the mean */
        for (int c = 0; c < 128; c++) check_rate(per_place[c], N / 128, keep, "one place of the group");
        for (int l = 0; l < 4; l++) {
            double want = keep * keep * (N - lag[l]), slack = 5 * sqrt((double)N * keep * keep * (1 - keep * keep) * 3);
            CHECK_NEAR((double)lagged[l], want, slack);
        }
        /* Neighbouring streams, seeds and bits of either: the two masks agree as often as independent ones. */
        hone_dropout others[] = {drop_of(42, 8, rates[p]), drop_of(43, 7, rates[p]),
                                 drop_of(42, 7ull | 1ull << 32, rates[p]), drop_of(42ull | 1ull << 63, 7, rates[p]),
                                 drop_of(42, 6, rates[p])};
        for (int o = 0; o < 5; o++) {
            hone_dropout_f32_apply(N, 0, others + o, x, b, false);
            int64_t both = 0;
            for (int64_t i = 0; i < N; i++) both += a[i] != 0 && b[i] != 0;
            check_rate(both, N, keep * keep, "kept by both of two streams");
        }
    }
    free(x), free(a), free(b);
}

TEST(dropout, a_range_can_be_computed_in_pieces) {
    float x[1000], whole[1000], parts[1000];
    for (int i = 0; i < 1000; i++) x[i] = (float)i + 1;
    hone_dropout d = drop_of(1, 2, 0.3);
    FOR_ROWS(row, dropout_f32_apply) {
        rows_dropout_f32_apply[row](1000, 128 * 9, &d, x, whole, false);
        for (int from = 0; from < 1000; from += 256)
            rows_dropout_f32_apply[row](from + 256 < 1000 ? 256 : 1000 - from, 128 * 9 + (uint64_t)from, &d, x + from,
                                        parts + from, false);
        CHECK(!memcmp(whole, parts, sizeof whole));
    }
}
