/* Pair metrics against scipy, scikit-learn and sentence-transformers (tests/golden/eval/make_pair_metrics.py). */
#include "eval/pair_metrics.h"

#include "base/json.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

#define TOLERANCE 1e-12 /* a few dozen roundings of values near 1 */

static json_t *golden(const char *group) {
    static json_t *all;
    if (!all) CHECK_OK(hone_json_load(test_path("tests/golden/eval/pair_metrics.json"), &all));
    json_t *list = json_object_get(all, group);
    CHECK(json_array_size(list) >= 7);
    return list;
}

static double *doubles(const json_t *object, const char *key, int64_t *n) {
    const json_t *list = json_object_get(object, key);
    *n = (int64_t)json_array_size(list);
    double *x = calloc((size_t)*n + 1, sizeof *x);
    for (int64_t i = 0; i < *n; i++) x[i] = json_number_value(json_array_get(list, (size_t)i));
    return x;
}

/* null stands for NaN */
static void check_value(size_t at, const json_t *object, const char *key, double got) {
    const json_t *want = json_object_get(object, key);
    CHECK_MSG(want, "case %zu of the golden file has no %s", at, key);
    if (json_is_null(want)) {
        CHECK_MSG(isnan(got), "case %zu: %s is %.17g, want NaN", at, key, got);
        return;
    }
    double err = fabs(got - json_number_value(want));
    CHECK_MSG(err <= TOLERANCE, "case %zu: %s is %.17g, want %.17g", at, key, got, json_number_value(want));
}

TEST(eval, a_correlation_does_not_depend_on_the_unit) {
    const double x[5] = {3, -1, 4, 1, -5}, y[5] = {2, -7, 1, 8, -2};
    const double r = hone_pearson(5, x, y), unit[] = {1e-300, 1e-160, 1e-3, 1e150, 1e300};
    for (int k = 0; k < 5; k++) {
        double a[5], b[5];
        for (int i = 0; i < 5; i++) a[i] = x[i] * unit[k], b[i] = y[i] * unit[4 - k];
        CHECK_MSG(fabs(hone_pearson(5, a, y) - r) < 1e-12, "unit %g: %g, wants %g", unit[k], hone_pearson(5, a, y), r);
        CHECK(fabs(hone_pearson(5, a, b) - r) < 1e-12);
    }
}

TEST(eval, correlations_are_those_of_scipy) {
    json_t *list = golden("correlations"), *c;
    size_t at;
    json_array_foreach(list, at, c) {
        int64_t n, same;
        double *x = doubles(c, "x", &n), *y = doubles(c, "y", &same), *want = doubles(c, "ranks", &same),
               *rank = calloc((size_t)n, sizeof *rank), r;
        check_value(at, c, "pearson", hone_pearson(n, x, y));
        CHECK_OK(hone_spearman(n, x, y, &r));
        check_value(at, c, "spearman", r);
        CHECK_OK(hone_average_ranks(n, x, rank));
        for (int64_t i = 0; i < n; i++) CHECK_NEAR(rank[i], want[i], 0);
        free(x), free(y), free(want), free(rank);
    }
}

TEST(eval, thresholds_and_areas_are_those_of_sentence_transformers_and_scikit_learn) {
    json_t *list = golden("binaries"), *c;
    size_t at;
    json_array_foreach(list, at, c) {
        int64_t n, same;
        double *score = doubles(c, "score", &n), *label = doubles(c, "label", &same), ap, auc;
        float *s = calloc((size_t)n, sizeof *s), *up = calloc((size_t)n, sizeof *up);
        bool *positive = calloc((size_t)n, sizeof *positive), distance = json_is_true(json_object_get(c, "distance"));
        for (int64_t i = 0; i < n; i++) {
            s[i] = (float)score[i], positive[i] = label[i] != 0;
            up[i] = distance ? -s[i] : s[i];
        }
        hone_best_threshold accuracy, f1;
        CHECK_OK(hone_best_accuracy(n, s, positive, distance, &accuracy));
        CHECK_OK(hone_best_f1(n, s, positive, distance, &f1));
        check_value(at, c, "accuracy", accuracy.value);
        check_value(at, c, "accuracy_threshold", (double)accuracy.threshold);
        check_value(at, c, "f1", f1.value);
        check_value(at, c, "precision", f1.precision);
        check_value(at, c, "recall", f1.recall);
        check_value(at, c, "f1_threshold", (double)f1.threshold);
        check_value(at, c, "mcc", hone_confusion_mcc(hone_confusion_at(n, s, positive, f1.threshold, distance)));
        /* What the threshold promises is what it does. */
        CHECK_NEAR(hone_confusion_accuracy(hone_confusion_at(n, s, positive, accuracy.threshold, distance)),
                   accuracy.value, TOLERANCE);
        if (f1.value > 0) {
            hone_confusion at_f1 = hone_confusion_at(n, s, positive, f1.threshold, distance);
            CHECK_NEAR(hone_confusion_f1(at_f1), f1.value, TOLERANCE);
            CHECK_NEAR(hone_confusion_precision(at_f1), f1.precision, TOLERANCE);
            CHECK_NEAR(hone_confusion_recall(at_f1), f1.recall, TOLERANCE);
        }
        CHECK_OK(hone_average_precision(n, up, positive, &ap));
        CHECK_OK(hone_roc_auc(n, up, positive, &auc));
        check_value(at, c, "ap", ap);
        check_value(at, c, "auc", auc);
        free(score), free(label), free(s), free(up), free(positive);
    }
}

TEST(eval, graded_ndcg_shares_gains_among_equal_scores) {
    json_t *list = golden("rankings"), *c;
    size_t at;
    json_array_foreach(list, at, c) {
        int64_t n, same;
        double *score = doubles(c, "score", &n), *gain = doubles(c, "gain", &same), ndcg;
        CHECK_OK(hone_ndcg_ties(n, score, gain, json_integer_value(json_object_get(c, "k")), &ndcg));
        check_value(at, c, "ndcg", ndcg);
        free(score), free(gain);
    }
}

TEST(eval, a_score_that_is_not_a_number_is_refused_by_its_row) {
    float score[] = {0.5f, NAN, 0.1f};
    double graded[] = {1, 2, NAN}, gain[] = {1, 0, 1}, x;
    bool positive[] = {true, false, true};
    hone_best_threshold best;
    CHECK_FAILS(hone_average_precision(3, score, positive, &x), HONE_E_NUMERIC, "score 1 of 3");
    CHECK_FAILS(hone_roc_auc(3, score, positive, &x), HONE_E_NUMERIC, "score 1 of 3");
    CHECK_FAILS(hone_best_accuracy(3, score, positive, false, &best), HONE_E_NUMERIC, "score 1 of 3");
    CHECK_FAILS(hone_best_f1(3, score, positive, false, &best), HONE_E_NUMERIC, "score 1 of 3");
    CHECK_FAILS(hone_ndcg_ties(3, graded, gain, 2, &x), HONE_E_NUMERIC, "document 2 of 3");
    CHECK_FAILS(hone_average_precision(0, score, positive, &x), HONE_E_ARG, "0 scored rows");
    CHECK(isnan(hone_pearson(3, graded, gain)));
    CHECK_OK(hone_spearman(3, graded, gain, &x));
    CHECK(isnan(x));
}
