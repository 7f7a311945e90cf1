/* Correlations with their intervals, two models compared, labelled texts judged by their neighbours. */
#include "eval/correlation.h"

#include "base/parallel.h"
#include "base/random.h"
#include "eval/neighbours.h"
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

/* Points on a line at 0, 1, 3, 3, 10; classes 0 0 1 0 2: the last is alone in its class and is no query. */
TEST(eval, labelled_texts_on_a_line_have_the_neighbours_one_sees) {
    static const float x[] = {0, 1, 3, 3, 10};
    static const int32_t class_of[] = {0, 0, 1, 0, 2};
    double room[HONE_NEIGHBOUR_METRICS][5], *value[HONE_NEIGHBOUR_METRICS];
    int64_t n;
    for (int m = 0; m < HONE_NEIGHBOUR_METRICS; m++) value[m] = room[m];
    CHECK_OK(hone_neighbours_measure(5, 1, x, class_of, HONE_SIMILARITY_EUCLIDEAN, NULL, value, &n));
    CHECK_INT(n, 3); /* 0, 1 and the second 3; class 1 has one member */
    /* 0: ranking 1, 3 (class 1), 3', 10: own at places 1 and 3. 1: 0, 3, 3', 10: the same. 3': 3 (other), 1, 0, 10:
     * places 2 and 3. */
    static const double first[] = {1, 1, 0}, map[] = {(1 + 2.0 / 3) / 2, (1 + 2.0 / 3) / 2, (0.5 + 2.0 / 3) / 2},
                        wins[] = {3.0 / 4, 3.0 / 4, 2.0 / 4}; /* a tie is no win */
    for (int q = 0; q < 3; q++) {
        CHECK_NEAR(value[HONE_NEIGHBOUR_ACCURACY_1][q], first[q], 0);
        CHECK_NEAR(value[HONE_NEIGHBOUR_ACCURACY_3][q], 1, 0);
        CHECK_NEAR(value[HONE_NEIGHBOUR_MRR_10][q], first[q] > 0 ? 1 : 0.5, 0);
        CHECK_NEAR(value[HONE_NEIGHBOUR_MAP][q], map[q], 1e-15);
        CHECK_NEAR(value[HONE_NEIGHBOUR_TRIPLETS][q], wins[q], 0);
    }
    static const int32_t apart[] = {0, 1, 2, 3, 4}, alike[] = {0, 0, 0, 0, 0};
    CHECK_FAILS(hone_neighbours_measure(5, 1, x, apart, HONE_SIMILARITY_EUCLIDEAN, NULL, value, &n), HONE_E_FORMAT,
                "no label stands at two texts");
    /* Every text is held against every other one: at many texts a signal cannot wait for the end. */
    volatile int stop = 1;
    CHECK_FAILS(hone_neighbours_measure(5, 1, x, class_of, HONE_SIMILARITY_EUCLIDEAN, &stop, value, &n), HONE_E_STOPPED,
                "stopped by a signal");
    stop = 0;
    CHECK_OK(hone_neighbours_measure(5, 1, x, class_of, HONE_SIMILARITY_EUCLIDEAN, &stop, value, &n));
    CHECK_FAILS(hone_neighbours_measure(5, 1, x, alike, HONE_SIMILARITY_EUCLIDEAN, NULL, value, &n), HONE_E_FORMAT,
                "no label stands at two texts");
}
