/* Correlations with their intervals, two models compared, labelled texts judged by their neighbours. */
#include "eval/correlation.h"

#include "base/parallel.h"
#include "base/random.h"
#include "eval/pair_metrics.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

enum { N = 41, RESAMPLES = 200 };

/* Gold scores with ties, and similarities that follow them a little. */
static void make(double *score, double *other, double *gold) {
    for (int i = 0; i < N; i++) {
        gold[i] = i % 6 / 5.0;
        score[i] = gold[i] + 2 * test_uniform(1, (uint64_t)i);
        other[i] = i % 7 ? gold[i] + 0.2 * test_uniform(2, (uint64_t)i) : 0.5;
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The same draws, correlated by eval/pair_metrics.h. */
TEST(eval, the_interval_of_a_correlation_takes_ranks_anew_in_every_resample) {
    double score[N], other[N], gold[N], all[RESAMPLES];
    make(score, other, gold);
    for (int kind = HONE_PEARSON; kind <= HONE_SPEARMAN; kind++) {
        for (int t = 0; t < RESAMPLES; t++) {
            double x[N], y[N];
            for (int i = 0; i < N; i++) {
                uint32_t word[4];
                hone_philox(42, hone_stream_id(HONE_STREAM_BOOTSTRAP, (uint64_t)t), (uint64_t)i / 4, word);
                int64_t at = (int64_t)(((uint64_t)word[i % 4] * N) >> 32);
                x[i] = score[at], y[i] = gold[at];
            }
            CHECK_OK(hone_correlate((hone_correlation)kind, x, y, N, &all[t]));
        }
        qsort(all, RESAMPLES, sizeof *all, ascending);
        hone_interval got;
        double value;
        CHECK_OK(hone_correlate((hone_correlation)kind, score, gold, N, &value));
        CHECK_OK(hone_bootstrap_correlation((hone_correlation)kind, score, gold, N, RESAMPLES, 42, &got));
        CHECK_NEAR(got.value, value, 0);
        CHECK(all[4] <= got.low && got.low <= all[5] && all[194] <= got.high && got.high <= all[195]);
        CHECK(got.low < value && value < got.high);
    }
}

TEST(eval, two_models_are_compared_pair_by_pair) {
    double score[N], other[N], gold[N];
    hone_paired same, better, worse;
    make(score, other, gold);
    for (int kind = HONE_PEARSON; kind <= HONE_SPEARMAN; kind++) {
        CHECK_OK(hone_paired_correlation((hone_correlation)kind, score, score, gold, N, 0, 42, &same));
        CHECK(same.difference.value == 0 && same.difference.low == 0 && same.difference.high == 0 && same.p == 1);
        CHECK_OK(hone_paired_correlation((hone_correlation)kind, score, other, gold, N, 0, 42, &better));
        CHECK_OK(hone_paired_correlation((hone_correlation)kind, other, score, gold, N, 0, 42, &worse));
        CHECK(better.difference.value > 0.2 && better.difference.low > 0 && better.p < 0.05);
        CHECK_NEAR(worse.difference.value, -better.difference.value, 1e-15);
        CHECK_NEAR(worse.difference.low, -better.difference.high, 1e-12);
        CHECK_NEAR(worse.p, better.p, 0);
        /* Another scale is no difference. */
        for (int i = 0; i < N; i++) other[i] = 1000 * score[i] - 7;
        CHECK_OK(hone_paired_correlation((hone_correlation)kind, score, other, gold, N, 0, 42, &same));
        CHECK_NEAR(same.difference.value, 0, 1e-12);
        CHECK_NEAR(same.p, 1, 0);
        make(score, other, gold);
    }
}

TEST(eval, the_p_value_of_a_difference_does_not_depend_on_the_unit) {
    double score[N], other[N], gold[N], x[N], y[N], z[N];
    static const double units[] = {1e300, 1e200, 1e-200, 1e-310};
    make(score, other, gold);
    for (int i = 0; i < N; i++) other[i] += 0.3 * test_uniform(3, (uint64_t)i);
    hone_paired want, got;
    CHECK_OK(hone_paired_correlation(HONE_PEARSON, score, other, gold, N, 0, 42, &want));
    CHECK_MSG(want.p > 0.001 && want.p < 0.9, "%g", want.p); /* a p value that could be otherwise */
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < N; i++)
            x[i] = score[i] * units[k], y[i] = other[i] * units[3 - k], z[i] = gold[i] * units[k];
        CHECK_OK(hone_paired_correlation(HONE_PEARSON, x, y, z, N, 0, 42, &got));
        CHECK_NEAR(got.difference.value, want.difference.value, 1e-9);
        CHECK_NEAR(got.p, want.p, 0.002);
    }
}

TEST(eval, a_correlation_with_a_constant_is_not_a_number_and_neither_is_what_is_said_of_it) {
    double score[N], other[N], gold[N];
    make(score, other, gold);
    for (int i = 0; i < N; i++) gold[i] = 3;
    hone_interval x;
    hone_paired d;
    CHECK_OK(hone_bootstrap_correlation(HONE_SPEARMAN, score, gold, N, 0, 42, &x));
    CHECK(isnan(x.value) && isnan(x.low) && isnan(x.high));
    CHECK_OK(hone_paired_correlation(HONE_PEARSON, score, other, gold, N, 0, 42, &d));
    CHECK(isnan(d.difference.value) && isnan(d.p));
}

TEST(eval, intervals_of_correlations_do_not_depend_on_the_number_of_threads) {
    double score[N], other[N], gold[N];
    hone_paired first, d;
    int before = hone_threads();
    make(score, other, gold);
    for (int threads = 1; threads <= 3; threads++) {
        hone_set_threads(threads);
        CHECK_OK(hone_paired_correlation(HONE_SPEARMAN, score, other, gold, N, 0, 42, &d));
        if (threads == 1) first = d;
        CHECK(!memcmp(&first, &d, sizeof d));
    }
    hone_set_threads(before);
}
