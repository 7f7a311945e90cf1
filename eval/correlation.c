#include "eval/correlation.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "eval/pair_metrics.h"

#include <math.h>
#include <stdlib.h>

enum { RESAMPLES = 2000, FLIPS = 10000 };

/* One side of the pairs. For ranks: place[i] = number of its value among the distinct ones, in ascending order. */
typedef struct side {
    const double *x;
    int32_t *place;
    int64_t places;
} side;

typedef struct job {
    hone_correlation kind;
    int64_t n;
    uint64_t seed;
    side gold, a, b;               /* b.x NULL: one model */
    const double *za, *zb, *zgold; /* swaps: on one scale */
    double *out;                   /* [tasks] */
} job;

hone_status hone_correlate(hone_correlation kind, const double *score, const double *gold, int64_t n, double *out) {
    if (kind == HONE_SPEARMAN) return hone_spearman(n, score, gold, out);
    *out = hone_pearson(n, score, gold);
    return HONE_OK;
}

/* ---- resamples ---- */

typedef struct numbered {
    double x;
    int64_t at;
} numbered;

static int ascending(const void *a, const void *b) {
    double x = ((const numbered *)a)->x, y = ((const numbered *)b)->x;
    return x < y ? -1 : x > y;
}

static hone_status number_places(side *s, int64_t n) {
    numbered *list = hone_alloc((size_t)(n + 1) * sizeof *list);
    s->place = hone_alloc((size_t)(n + 1) * sizeof *s->place);
    for (int64_t i = 0; list && i < n; i++) list[i] = (numbered){s->x[i], i};
    if (list && s->place) {
        qsort(list, (size_t)n, sizeof *list, ascending);
        for (int64_t i = 0; i < n; i++) {
            s->places += i == 0 || list[i].x != list[i - 1].x;
            s->place[list[i].at] = (int32_t)(s->places - 1);
        }
    }
    hone_free(list);
    return s->place ? HONE_OK : HONE_E_NOMEM;
}

/* The drawn values of one side, or their average ranks by counting. */
static bool gather(const job *j, const side *s, const int64_t *draw, double *out) {
    if (j->kind == HONE_PEARSON) {
        for (int64_t i = 0; i < j->n; i++) out[i] = s->x[draw[i]];
        return true;
    }
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    double *rank = hone_arena_zalloc(scratch, (size_t)s->places * sizeof *rank), before = 0;
    for (int64_t i = 0; rank && i < j->n; i++) rank[s->place[draw[i]]]++;
    for (int64_t k = 0; rank && k < s->places; k++) {
        double count = rank[k];
        rank[k] = before + (count + 1) / 2;
        before += count;
    }
    for (int64_t i = 0; rank && i < j->n; i++) out[i] = rank[s->place[draw[i]]];
    hone_arena_release(scratch, mark);
    return rank;
}

/* The draws are those of hone_bootstrap_mean: element i of resample `task` has its own counter. */
static hone_status resample(void *ctx, int64_t task) {
    job *j = ctx;
    size_t bytes = (size_t)(j->n + 1) * sizeof(double);
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    int64_t *draw = hone_arena_alloc(scratch, (size_t)(j->n + 4) * sizeof *draw);
    double *gold = hone_arena_alloc(scratch, bytes), *x = hone_arena_alloc(scratch, bytes), y = 0;
    uint64_t stream = hone_stream_id(HONE_STREAM_BOOTSTRAP, (uint64_t)task);
    bool ok = draw && gold && x;
    for (int64_t i = 0; ok && i < j->n; i += 4) {
        uint32_t word[4];
        hone_philox(j->seed, stream, (uint64_t)i / 4, word);
        for (int k = 0; k < 4; k++) draw[i + k] = (int64_t)(((uint64_t)word[k] * (uint64_t)j->n) >> 32);
    }
    ok = ok && gather(j, &j->gold, draw, gold) && gather(j, &j->a, draw, x);
    if (ok) y = hone_pearson(j->n, x, gold);
    if (ok && j->b.x) {
        ok = gather(j, &j->b, draw, x);
        if (ok) y = hone_pearson(j->n, x, gold) - y;
    }
    j->out[task] = y;
    hone_arena_release(scratch, mark);
    return ok ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory for a resample of %" PRId64 " pairs", j->n);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const double *sorted, int64_t n, double share) {
    double at = share * (double)(n - 1);
    int64_t i = (int64_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static hone_status interval(job *j, double value, int64_t resamples, hone_interval *out) {
    *out = (hone_interval){value, (double)NAN, (double)NAN};
    if (isnan(value)) return HONE_OK;
    if (j->n > UINT32_MAX)
        return hone_fail(HONE_E_LIMIT, "%" PRId64 " values to resample, limit %" PRIu32, j->n, UINT32_MAX);
    if (resamples <= 0) resamples = RESAMPLES;
    j->out = hone_alloc((size_t)resamples * sizeof *j->out);
    hone_status s = j->out ? HONE_OK : HONE_E_NOMEM;
    side *sides[] = {&j->gold, &j->a, &j->b};
    for (int k = 0; k < 3 && s == HONE_OK && j->kind == HONE_SPEARMAN; k++)
        if (sides[k]->x) s = number_places(sides[k], j->n);
    if (s == HONE_OK) s = hone_parallel(resamples, resample, j);
    int64_t kept = 0;
    for (int64_t i = 0; s == HONE_OK && i < resamples; i++)
        if (!isnan(j->out[i])) j->out[kept++] = j->out[i];
    if (kept) {
        qsort(j->out, (size_t)kept, sizeof *j->out, by_value);
        *out = (hone_interval){value, percentile(j->out, kept, 0.025), percentile(j->out, kept, 0.975)};
    }
    for (int k = 0; k < 3; k++) hone_free(sides[k]->place);
    hone_free(j->out);
    return s;
}

hone_status hone_bootstrap_correlation(hone_correlation kind, const double *score, const double *gold, int64_t n,
                                       int64_t resamples, uint64_t seed, hone_interval *out) {
    double value;
    HONE_TRY(hone_correlate(kind, score, gold, n, &value));
    return interval(&(job){.kind = kind, .n = n, .seed = seed, .gold = {.x = gold}, .a = {.x = score}}, value,
                    resamples, out);
}

/* ---- swaps ---- */

/* On one scale: ranks, or standardised values. */
static hone_status one_scale(hone_correlation kind, const double *x, int64_t n, double *out) {
    if (kind == HONE_SPEARMAN) return hone_average_ranks(n, x, out);
    double mean = 0, far = 0, square = 0;
    for (int64_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) far = fmax(far, fabs(x[i] - mean));
    for (int64_t i = 0; i < n; i++) out[i] = (x[i] - mean) / far; /* first: squares of 1e200 or 1e-200 are no numbers */
    for (int64_t i = 0; i < n; i++) square += out[i] * out[i] / (double)n;
    for (int64_t i = 0; i < n; i++) out[i] /= sqrt(square);
    return HONE_OK;
}

static hone_status swap(void *ctx, int64_t task) {
    job *j = ctx;
    size_t bytes = (size_t)(j->n + 1) * sizeof(double);
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    double *a = hone_arena_alloc(scratch, bytes), *b = hone_arena_alloc(scratch, bytes);
    uint64_t stream = hone_stream_id(HONE_STREAM_BOOTSTRAP, (uint64_t)task | 1ull << 40);
    uint32_t word[4] = {0};
    for (int64_t i = 0; a && b && i < j->n; i++) {
        if (i % 128 == 0) hone_philox(j->seed, stream, (uint64_t)i / 128, word);
        bool swapped = word[i % 128 / 32] >> (i % 32) & 1;
        a[i] = swapped ? j->zb[i] : j->za[i];
        b[i] = swapped ? j->za[i] : j->zb[i];
    }
    if (a && b) j->out[task] = hone_pearson(j->n, b, j->zgold) - hone_pearson(j->n, a, j->zgold);
    hone_arena_release(scratch, mark);
    return a && b ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory to swap %" PRId64 " pairs", j->n);
}

static hone_status probability(hone_correlation kind, job *j, double difference, double *p) {
    size_t bytes = (size_t)(j->n + 1) * sizeof(double);
    double *z[3] = {hone_alloc(bytes), hone_alloc(bytes), hone_alloc(bytes)};
    j->out = hone_alloc(FLIPS * sizeof *j->out);
    hone_status s = z[0] && z[1] && z[2] && j->out ? HONE_OK : HONE_E_NOMEM;
    const double *x[3] = {j->a.x, j->b.x, j->gold.x};
    for (int k = 0; k < 3 && s == HONE_OK; k++) s = one_scale(kind, x[k], j->n, z[k]);
    j->za = z[0], j->zb = z[1], j->zgold = z[2];
    if (s == HONE_OK) s = hone_parallel(FLIPS, swap, j);
    int64_t extreme = 0;
    /* Sums in another order may differ in the last bits: equal differences must count as equal. */
    for (int64_t i = 0; s == HONE_OK && i < FLIPS; i++) extreme += fabs(j->out[i]) >= fabs(difference) - 1e-12;
    *p = (double)(1 + extreme) / (FLIPS + 1);
    for (int k = 0; k < 3; k++) hone_free(z[k]);
    hone_free(j->out);
    return s;
}

hone_status hone_paired_correlation(hone_correlation kind, const double *a, const double *b, const double *gold,
                                    int64_t n, int64_t resamples, uint64_t seed, hone_paired *out) {
    double first, second;
    hone_paired r = {.p = (double)NAN};
    HONE_TRY(hone_correlate(kind, a, gold, n, &first));
    HONE_TRY(hone_correlate(kind, b, gold, n, &second));
    job j = {.kind = kind, .n = n, .seed = seed, .gold = {.x = gold}, .a = {.x = a}, .b = {.x = b}};
    HONE_TRY(interval(&j, second - first, resamples, &r.difference));
    j.gold.place = j.a.place = j.b.place = NULL;
    if (!isnan(second - first)) HONE_TRY(probability(kind, &j, second - first, &r.p));
    *out = r;
    return HONE_OK;
}
