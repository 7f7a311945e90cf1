#include "eval/bootstrap.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

enum { RESAMPLES = 2000, FLIPS = 10000 };

typedef struct job {
    const double *x;
    int64_t n;
    uint64_t seed;
    double *mean; /* [tasks] */
} job;

/* Resample `task` draws element i from its own counter. */
static hone_status resample(void *ctx, int64_t task) {
    job *j = ctx;
    double sum = 0;
    uint64_t stream = hone_stream_id(HONE_STREAM_BOOTSTRAP, (uint64_t)task);
    for (int64_t i = 0; i < j->n; i += 4) {
        uint32_t draw[4];
        hone_philox(j->seed, stream, (uint64_t)i / 4, draw);
        for (int64_t k = 0; k < 4 && i + k < j->n; k++) sum += j->x[((uint64_t)draw[k] * (uint64_t)j->n) >> 32];
    }
    j->mean[task] = sum / (double)j->n;
    return HONE_OK;
}

/* The mean with random signs: one bit of a counter per element. */
static hone_status flip(void *ctx, int64_t task) {
    job *j = ctx;
    double sum = 0;
    uint64_t stream = hone_stream_id(HONE_STREAM_BOOTSTRAP, (uint64_t)task | 1ull << 40);
    uint32_t draw[4] = {0};
    for (int64_t i = 0; i < j->n; i++) {
        if (i % 128 == 0) hone_philox(j->seed, stream, (uint64_t)i / 128, draw);
        sum += draw[i % 128 / 32] >> (i % 32) & 1 ? j->x[i] : -j->x[i];
    }
    j->mean[task] = sum / (double)j->n;
    return HONE_OK;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const double *sorted, int64_t n, double share) {
    double at = share * (double)(n - 1);
    int64_t i = (int64_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static double mean_of(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : 0;
}

hone_status hone_bootstrap_mean(const double *x, int64_t n, int64_t resamples, uint64_t seed, hone_interval *out) {
    double mean = mean_of(x, n);
    if (resamples <= 0) resamples = RESAMPLES;
    if (n == 0) {
        *out = (hone_interval){0, 0, 0};
        return HONE_OK;
    }
    if (n > UINT32_MAX) return hone_fail(HONE_E_LIMIT, "%" PRId64 " values to resample, limit %" PRIu32, n, UINT32_MAX);
    job j = {x, n, seed, hone_alloc((size_t)resamples * sizeof(double))};
    if (!j.mean) return hone_last_error()->code;
    hone_status s = hone_parallel(resamples, resample, &j);
    if (s == HONE_OK) {
        qsort(j.mean, (size_t)resamples, sizeof *j.mean, ascending);
        *out = (hone_interval){mean, percentile(j.mean, resamples, 0.025), percentile(j.mean, resamples, 0.975)};
    }
    hone_free(j.mean);
    return s;
}

hone_status hone_paired_test(const double *a, const double *b, int64_t n, int64_t resamples, uint64_t seed,
                             hone_paired *out) {
    double *d = hone_alloc((size_t)(n + 1) * sizeof *d);
    job j = {d, n, seed, hone_alloc(FLIPS * sizeof(double))};
    hone_status s = d && j.mean ? HONE_OK : hone_last_error()->code;
    for (int64_t i = 0; s == HONE_OK && i < n; i++) d[i] = b[i] - a[i];
    hone_paired r = {.p = 1};
    if (s == HONE_OK) s = hone_bootstrap_mean(d, n, resamples, seed, &r.difference);
    if (s == HONE_OK && n > 0) {
        s = hone_parallel(FLIPS, flip, &j);
        int64_t extreme = 0;
        /* Sums in another order may differ in the last bits: equal differences must count as equal. */
        for (int64_t i = 0; i < FLIPS; i++) extreme += fabs(j.mean[i]) >= fabs(r.difference.value) - 1e-12;
        r.p = (double)(1 + extreme) / (FLIPS + 1);
    }
    if (s == HONE_OK) *out = r;
    hone_free(d);
    hone_free(j.mean);
    return s;
}
