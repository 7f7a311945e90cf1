#include "eval/pair_metrics.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

/* The power of two that brings numbers up to `far` to where their squares neither overflow nor vanish; 1 for usual
 * ones, whose bits it would not change either. */
static double within_squares(double far) {
    int exponent;
    if (!(far > 0) || !isfinite(far) || (far > 1e-100 && far < 1e100)) return 1;
    frexp(far, &exponent);
    return ldexp(1, exponent < -1000 ? 1000 : -exponent);
}

double hone_pearson(int64_t n, const double *x, const double *y) {
    if (n < 2) return NAN;
    double mx = 0, my = 0;
    bool x_varies = false, y_varies = false;
    for (int64_t i = 0; i < n; i++) {
        mx += x[i], my += y[i];
        x_varies |= x[i] != x[0], y_varies |= y[i] != y[0];
    }
    /* Asked of the values themselves: the mean of a constant may be off by an ulp, and 0/0 would become +-1. */
    if (!x_varies || !y_varies) return NAN;
    mx /= (double)n, my /= (double)n;
    double far_x = 0, far_y = 0;
    for (int64_t i = 0; i < n; i++) far_x = fmax(far_x, fabs(x[i] - mx)), far_y = fmax(far_y, fabs(y[i] - my));
    const double sx = within_squares(far_x), sy = within_squares(far_y);
    double xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < n; i++) {
        double a = (x[i] - mx) * sx, b = (y[i] - my) * sy;
        xx += a * a, yy += b * b, xy += a * b;
    }
    /* Two roots: the product of the sums may overflow or underflow where the roots do not. */
    double r = xy / sqrt(xx) / sqrt(yy);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

typedef struct ranked {
    double value;
    int64_t at;
} ranked;

static int by_value_ascending(const void *a, const void *b) {
    double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return x < y ? -1 : x > y ? 1 : 0;
}

hone_status hone_average_ranks(int64_t n, const double *x, double *rank) {
    if (n <= 0) return HONE_OK;
    ranked *row = hone_alloc((size_t)n * sizeof *row);
    if (!row) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            hone_free(row);
            return hone_fail(HONE_E_NUMERIC, "value %" PRId64 " of %" PRId64 " is not a number and has no rank", i, n);
        }
        row[i] = (ranked){x[i], i};
    }
    qsort(row, (size_t)n, sizeof *row, by_value_ascending);
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && row[end].value == row[first].value;) end++;
        double shared = (double)(first + 1 + end) / 2; /* the mean of first+1 .. end */
        for (int64_t i = first; i < end; i++) rank[row[i].at] = shared;
    }
    hone_free(row);
    return HONE_OK;
}

hone_status hone_spearman(int64_t n, const double *x, const double *y, double *r) {
    *r = NAN;
    if (n < 2) return HONE_OK;
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]) || isnan(y[i])) return HONE_OK;
    double *rank = hone_alloc(2 * (size_t)n * sizeof *rank);
    if (!rank) return HONE_E_NOMEM;
    hone_status s = hone_average_ranks(n, x, rank);
    if (s == HONE_OK) s = hone_average_ranks(n, y, rank + n);
    if (s == HONE_OK) *r = hone_pearson(n, rank, rank + n);
    hone_free(rank);
    return s;
}

/* Rows from the most similar on, which is what every scan below walks. */
typedef struct scored {
    float score;
    bool positive;
} scored;

static int by_score_descending(const void *a, const void *b) {
    float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_score_ascending(const void *a, const void *b) {
    return by_score_descending(b, a);
}

static hone_status sorted_rows(int64_t n, const float *score, const bool *positive, bool distance, scored **out) {
    if (n <= 0) return hone_fail(HONE_E_ARG, "%" PRId64 " scored rows, at least 1 is needed", n);
    scored *row = hone_alloc((size_t)n * sizeof *row);
    if (!row) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(score[i])) {
            hone_free(row);
            return hone_fail(HONE_E_NUMERIC, "score %" PRId64 " of %" PRId64 " is not a number", i, n);
        }
        row[i] = (scored){score[i], positive[i]};
    }
    qsort(row, (size_t)n, sizeof *row, distance ? by_score_ascending : by_score_descending);
    *out = row;
    return HONE_OK;
}

static bool ends_group(const scored *row, int64_t n, int64_t i) {
    return i == n - 1 || row[i].score != row[i + 1].score;
}

hone_status hone_average_precision(int64_t n, const float *score, const bool *positive, double *ap) {
    scored *row;
    HONE_TRY(sorted_rows(n, score, positive, false, &row));
    int64_t total = 0, hits = 0, before = 0;
    for (int64_t i = 0; i < n; i++) total += row[i].positive;
    double sum = 0;
    for (int64_t i = 0; i < n && total; i++) {
        hits += row[i].positive;
        if (!ends_group(row, n, i)) continue;
        sum += (double)(hits - before) / (double)total * ((double)hits / (double)(i + 1));
        before = hits;
    }
    hone_free(row);
    *ap = sum;
    return HONE_OK;
}

hone_status hone_roc_auc(int64_t n, const float *score, const bool *positive, double *auc) {
    scored *row;
    HONE_TRY(sorted_rows(n, score, positive, false, &row));
    /* Trapezoids over the distinct scores; in units of half a (positive, negative) pair the area is a whole number. */
    double area = 0;
    int64_t tp = 0, fp = 0, tp_before = 0, fp_before = 0;
    for (int64_t i = 0; i < n; i++) {
        tp += row[i].positive, fp += !row[i].positive;
        if (!ends_group(row, n, i)) continue;
        area += (double)(fp - fp_before) * (double)(tp + tp_before);
        tp_before = tp, fp_before = fp;
    }
    hone_free(row);
    *auc = tp && fp ? area / 2 / (double)tp / (double)fp : (double)NAN;
    return HONE_OK;
}

hone_confusion hone_confusion_at(int64_t n, const float *score, const bool *positive, float threshold, bool distance) {
    hone_confusion c = {0};
    for (int64_t i = 0; i < n; i++) {
        bool said = distance ? score[i] <= threshold : score[i] >= threshold;
        if (said)
            c.tp += positive[i], c.fp += !positive[i];
        else
            c.fn += positive[i], c.tn += !positive[i];
    }
    return c;
}

static double share(int64_t part, int64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

double hone_confusion_accuracy(hone_confusion c) {
    return share(c.tp + c.tn, c.tp + c.fp + c.fn + c.tn);
}

double hone_confusion_precision(hone_confusion c) {
    return share(c.tp, c.tp + c.fp);
}

double hone_confusion_recall(hone_confusion c) {
    return share(c.tp, c.tp + c.fn);
}

double hone_confusion_f1(hone_confusion c) {
    return share(2 * c.tp, 2 * c.tp + c.fp + c.fn);
}

double hone_confusion_mcc(hone_confusion c) {
    double tp = (double)c.tp, fp = (double)c.fp, fn = (double)c.fn, tn = (double)c.tn;
    double below = sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn);
    return below > 0 ? (tp * tn - fp * fn) / below : 0;
}

/* Between row i and the next one. */
static float cut_after(const scored *row, int64_t n, int64_t i) {
    if (i == n - 1) return row[i].score;
    float middle = (row[i].score + row[i + 1].score) / 2;
    return middle == row[i + 1].score ? row[i].score : middle;
}

hone_status hone_best_accuracy(int64_t n, const float *score, const bool *positive, bool distance,
                               hone_best_threshold *out) {
    scored *row;
    HONE_TRY(sorted_rows(n, score, positive, distance, &row));
    int64_t right = 0; /* with nothing called positive: every negative */
    for (int64_t i = 0; i < n; i++) right += !row[i].positive;
    int64_t best = right;
    float threshold = nextafterf(row[0].score, distance ? -INFINITY : INFINITY);
    for (int64_t i = 0; i < n; i++) {
        right += row[i].positive ? 1 : -1;
        if (!ends_group(row, n, i) || right <= best) continue;
        best = right;
        threshold = cut_after(row, n, i);
    }
    hone_free(row);
    *out = (hone_best_threshold){.value = (double)best / (double)n, .threshold = threshold};
    return HONE_OK;
}

hone_status hone_best_f1(int64_t n, const float *score, const bool *positive, bool distance, hone_best_threshold *out) {
    scored *row;
    HONE_TRY(sorted_rows(n, score, positive, distance, &row));
    int64_t total = 0, hits = 0;
    for (int64_t i = 0; i < n; i++) total += row[i].positive;
    hone_best_threshold best = {0};
    for (int64_t i = 0; i < n; i++) {
        hits += row[i].positive;
        if (!ends_group(row, n, i) || !hits) continue;
        double precision = (double)hits / (double)(i + 1), recall = (double)hits / (double)total;
        double f1 = 2 * precision * recall / (precision + recall);
        if (f1 > best.value) best = (hone_best_threshold){f1, precision, recall, cut_after(row, n, i)};
    }
    hone_free(row);
    *out = best;
    return HONE_OK;
}

typedef struct graded {
    double score, gain;
} graded;

static int by_graded_score(const void *a, const void *b) {
    double x = ((const graded *)a)->score, y = ((const graded *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_graded_gain(const void *a, const void *b) {
    double x = ((const graded *)a)->gain, y = ((const graded *)b)->gain;
    return x < y ? 1 : x > y ? -1 : 0;
}

hone_status hone_ndcg_ties(int64_t n, const double *score, const double *gain, int64_t k, double *out) {
    *out = 0;
    if (n <= 0) return HONE_OK;
    if (k <= 0 || k > n) k = n;
    for (int64_t i = 0; i < n; i++)
        if (isnan(score[i]) || isnan(gain[i]))
            return hone_fail(HONE_E_NUMERIC, "document %" PRId64 " of %" PRId64 " has a score of %g and a gain of %g",
                             i, n, score[i], gain[i]);
    graded *row = hone_alloc((size_t)n * sizeof *row);
    if (!row) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) row[i] = (graded){score[i], gain[i]};
    qsort(row, (size_t)n, sizeof *row, by_graded_score);
    double got = 0, ideal = 0;
    for (int64_t first = 0, end; first < n; first = end) {
        double gains = 0, discounts = 0;
        for (end = first; end < n && row[end].score == row[first].score; end++) {
            gains += row[end].gain;
            if (end < k) discounts += 1 / log2((double)end + 2);
        }
        got += gains / (double)(end - first) * discounts;
    }
    qsort(row, (size_t)n, sizeof *row, by_graded_gain);
    for (int64_t i = 0; i < k; i++) ideal += row[i].gain / log2((double)i + 2);
    hone_free(row);
    if (ideal > 0) *out = got / ideal;
    return HONE_OK;
}
