#include "tools/roof.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <math.h>
#include <time.h>

enum { CHAINS = 12, TRIES = 3 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The compiler may not fuse (-ffp-contract=off), so this counts a multiplication and an addition. */
float hone_roof_probe__scalar(int64_t n) {
    float x[CHAINS] = {0}, a = 0.999999f, b = 1e-6f;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < CHAINS; k++) x[k] = x[k] * a + b;
    float sum = 0;
    for (int k = 0; k < CHAINS; k++) sum += x[k];
    return sum;
}

typedef struct probe {
    float (*body)(int64_t);
    int64_t n; /* of a task */
    const float *x;
} probe;

static hone_status probe_task(void *ctx, int64_t task) {
    const probe *p = ctx;
    volatile float sink = p->body(p->n);
    (void)sink, (void)task;
    return HONE_OK;
}

static hone_status read_task(void *ctx, int64_t task) {
    const probe *p = ctx;
    volatile double sink = hone_vector_f32_sum(p->n, p->x + task * p->n);
    (void)sink;
    return HONE_OK;
}

/* On one thread, or on those of hone_parallel. */
static double seconds(int threads, int64_t tasks, hone_task body, probe *p) {
    double start = now();
    if (threads > 1)
        hone_parallel(tasks, body, p);
    else
        for (int64_t i = 0; i < tasks; i++) body(p, i);
    return now() - start;
}

double hone_roof_gflops(int threads) {
    static const int lanes[] = {1, 8, 16};
    float (*body[])(int64_t) = {hone_roof_probe__scalar, hone_roof_probe__avx2, hone_roof_probe__avx512};
    hone_isa isa = hone_kernels_isa();
    probe p = {.body = body[isa], .n = 50000};
    int64_t tasks = 30 * threads;
    double best = 0;
    for (int t = 0; t < TRIES; t++)
        best = fmax(best,
                    (double)(tasks * p.n) * CHAINS * 2 * lanes[isa] / seconds(threads, tasks, probe_task, &p) * 1e-9);
    return best;
}

double hone_roof_bandwidth(int threads) {
    enum { FLOATS = 16 << 20, PARTS = 64 };
    float *x = hone_alloc((size_t)FLOATS * sizeof *x);
    double best = 0;
    if (!x) return 0;
    for (int64_t i = 0; i < FLOATS; i++) x[i] = 1;
    probe p = {.n = FLOATS / PARTS, .x = x};
    for (int t = 0; t < TRIES; t++)
        best = fmax(best, (double)FLOATS * sizeof *x / seconds(threads, PARTS, read_task, &p) * 1e-9);
    hone_free(x);
    return best;
}
