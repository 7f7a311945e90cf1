/* Metrics of scored pairs: correlation with gold scores, how well a score tells two classes apart, NDCG of graded
 * lists.
 *
 * Sources: scipy.stats (pearsonr, spearmanr), scikit-learn (average_precision_score, roc_auc_score, matthews_corrcoef,
 * ndcg_score), sentence-transformers 6.2, sentence_transformer/evaluation/binary_classification.py (the thresholds).
 *
 * Undefined values (a correlation with a constant, an area with one class only) are NaN, as the references return them;
 * a caller prints null. Scores must not be NaN where a function sorts them: HONE_E_NUMERIC with the row's number. */
#ifndef HONE_EVAL_PAIR_METRICS_H
#define HONE_EVAL_PAIR_METRICS_H

#include "base/status.h"

/* r = sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2), held within [-1, 1]. n < 2, a constant side or any
 * NaN: NaN. */
double hone_pearson(int64_t n, const double *x, const double *y);

/* rank[i] = the place of x[i] in ascending order, from 1; equal values share the mean of their places (scipy's
 * rankdata, method "average"). HONE_E_NUMERIC, HONE_E_NOMEM. */
hone_status hone_average_ranks(int64_t n, const double *x, double *rank);

/* Pearson's r of the average ranks. NaN inputs give NaN, as Pearson's does. HONE_E_NOMEM. */
hone_status hone_spearman(int64_t n, const double *x, const double *y, double *r);

/* Average precision = sum over distinct scores t, descending, of (R_t - R_before) P_t, where P and R are precision and
 * recall of "score >= t is positive": equal scores enter together, nothing is interpolated. No positive: 0. positive
 * [n]. Same as scikit-learn's average_precision_score. HONE_E_NUMERIC, HONE_E_NOMEM. */
hone_status hone_average_precision(int64_t n, const float *score, const bool *positive, double *ap);

/* P(score of a positive > score of a negative) + P(equal) / 2. One class only: NaN. Same as roc_auc_score.
 * HONE_E_NUMERIC, HONE_E_NOMEM. */
hone_status hone_roc_auc(int64_t n, const float *score, const bool *positive, double *auc);

/* Counts at a threshold: predicted positive if score >= threshold (similarity) or <= threshold (distance). */
typedef struct hone_confusion {
    int64_t tp, fp, fn, tn;
} hone_confusion;
/* Of n rows; positive[i]: what row i truly is. */
hone_confusion hone_confusion_at(int64_t n, const float *score, const bool *positive, float threshold, bool distance);
/* Accuracy (tp + tn) / n, precision tp / (tp + fp), recall tp / (tp + fn), F1 = 2 tp / (2 tp + fp + fn); 0 where the
 * denominator is. */
double hone_confusion_accuracy(hone_confusion c);
double hone_confusion_precision(hone_confusion c);
double hone_confusion_recall(hone_confusion c);
double hone_confusion_f1(hone_confusion c);
double hone_confusion_mcc(hone_confusion c); /* Matthews' correlation; 0 if a row or column of the table is empty */

/* The threshold with the best accuracy, and the one with the best F1, among all cuts between different scores, as
 * sentence-transformers 6.2 finds them. Rows are walked from the most similar on (descending scores, ascending ones
 * for a distance). A cut lies at the end of every group of equal scores, at the mean (in f32) of that score and the
 * next; at the score itself if that mean rounds to the next, and for the last row. The first best cut wins. For
 * accuracy there is one more cut, before the first row: nothing is positive, threshold = the next f32 beyond the first
 * score. For F1 the walk starts from 0 at threshold 0, so without positives all is 0. */
typedef struct hone_best_threshold {
    double value;             /* the best accuracy or F1 */
    double precision, recall; /* at the F1 threshold; of hone_best_accuracy: 0 */
    float threshold;
} hone_best_threshold;
/* errors  HONE_E_NOMEM, HONE_E_NUMERIC (a score that is not a number, with its row). */
hone_status hone_best_accuracy(int64_t n, const float *score, const bool *positive, bool distance,
                               hone_best_threshold *out);
hone_status hone_best_f1(int64_t n, const float *score, const bool *positive, bool distance, hone_best_threshold *out);

/* NDCG@k of a list whose relevance is graded, as a reranker is judged. Linear gain; documents of equal score share the
 * mean of their gains, so that no order among them is favoured:
 *
 *     DCG = sum over groups of equal score, best first, of  mean gain * sum of 1 / log2(place + 1)
 *           over the group's places <= k
 *
 * divided by the DCG of the gains in descending order; 0 if no gain is positive.
 *
 *   score, gain  [n]; gains >= 0;  k <= 0 means n
 *   errors       HONE_E_NOMEM, HONE_E_NUMERIC (a score or gain that is not a number) */
hone_status hone_ndcg_ties(int64_t n, const double *score, const double *gain, int64_t k, double *ndcg);

#endif
