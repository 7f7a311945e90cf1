/* How sure is a mean, and is one model better than another?
 *
 * Interval: percentile bootstrap over queries. 2,000 resamples of n values with replacement; the interval is the 2.5
 * and 97.5 percentiles of the resampled means (linear interpolation). Source: Efron, Tibshirani 1993, chapter 13.
 *
 * Test: paired sign-flip randomisation. Under the hypothesis of no difference each query's difference is as likely to
 * have either sign; p = (1 + how many of 10,000 random sign patterns give a mean difference at least as large) /
 * 10,001. Source: Smucker, Allan, Carterette 2007, "A comparison of statistical significance tests for information
 * retrieval evaluation".
 *
 * Random numbers are counters (base/random.h): the same seed gives the same figures, on any machine. */
#ifndef HONE_EVAL_BOOTSTRAP_H
#define HONE_EVAL_BOOTSTRAP_H

#include "base/status.h"

/* A figure and the ends of its 95 % interval, in the figure's own unit. */
typedef struct hone_interval {
    double value, low, high;
} hone_interval;

/* Mean of x[0..n) with its interval; n = 0 gives zeros. resamples 0: 2,000. HONE_E_NOMEM. */
hone_status hone_bootstrap_mean(const double *x, int64_t n, int64_t resamples, uint64_t seed, hone_interval *out);

/* A difference, its interval, and how likely it is by chance alone. */
typedef struct hone_paired {
    hone_interval difference; /* mean of b - a */
    double p;                 /* two-sided */
} hone_paired;

/* a, b [n]: the same queries under two models. resamples, of the interval: 0 is 2,000. HONE_E_NOMEM. */
hone_status hone_paired_test(const double *a, const double *b, int64_t n, int64_t resamples, uint64_t seed,
                             hone_paired *out);

#endif
