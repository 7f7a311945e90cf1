/* Correlation of a model's scores with gold ones: how sure is it, and does another model correlate better?
 *
 * Interval: percentile bootstrap over pairs, as eval/bootstrap.h does it for means; ranks are taken anew in every
 * resample. Resamples in which one side is constant have no correlation and are left out.
 *
 * Test: paired randomisation. Under the hypothesis of no difference a pair's two scores could as well come from the
 * other model. Both models' scores are put on one scale first (Pearson: mean 0, deviation 1; Spearman: ranks); p = (1 +
 * how many of 10,000 random swaps give a difference of correlations at least as large) / 10,001. Source: Yeh 2000,
 * "More accurate tests for the statistical significance of result differences".
 *
 * A correlation with a constant is NaN, and so are then its interval, difference and p. */
#ifndef HONE_EVAL_CORRELATION_H
#define HONE_EVAL_CORRELATION_H

#include "eval/bootstrap.h"

/* Of values, or of their ranks (eval/pair_metrics.h). */
typedef enum hone_correlation { HONE_PEARSON = 0, HONE_SPEARMAN } hone_correlation;

/* The value alone. score, gold [n]. HONE_E_NOMEM. */
hone_status hone_correlate(hone_correlation kind, const double *score, const double *gold, int64_t n, double *out);
/* With its interval; resamples 0: 2,000. HONE_E_NOMEM. */
hone_status hone_bootstrap_correlation(hone_correlation kind, const double *score, const double *gold, int64_t n,
                                       int64_t resamples, uint64_t seed, hone_interval *out);
/* a, b [n]: the same pairs under two models; the difference is b's correlation less a's. resamples, of the interval: 0
 * is 2,000. HONE_E_NOMEM. */
hone_status hone_paired_correlation(hone_correlation kind, const double *a, const double *b, const double *gold,
                                    int64_t n, int64_t resamples, uint64_t seed, hone_paired *out);

#endif
