#include "tools/roof.h"

#include "base/memory.h"
#include "kernels/kernels.h"

#include <omp.h>
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

double hone_roof_gflops(int threads) {
    static const int lanes[] = {1, 8, 16};
    float (*probe[])(int64_t) = {hone_roof_probe__scalar, hone_roof_probe__avx2, hone_roof_probe__avx512};
    hone_isa isa = hone_kernels_isa();
    int64_t n = isa == HONE_ISA_SCALAR ? 1000000 : 1500000;
    double best = 0;
    for (int t = 0; t < TRIES; t++) {
        volatile float sink = 0;
        double start = now();
#pragma omp parallel num_threads(threads)
        sink = probe[isa](n);
        double rate = (double)n * CHAINS * 2 * lanes[isa] * threads / (now() - start) * 1e-9;
        (void)sink;
        if (rate > best) best = rate;
    }
    return best;
}

double hone_roof_bandwidth(int threads) {
    enum { FLOATS = 16 << 20 };
    float *x = hone_alloc((size_t)FLOATS * sizeof *x);
    double best = 0;
    if (!x) return 0;
    for (int64_t i = 0; i < FLOATS; i++) x[i] = 1;
    for (int t = 0; t < TRIES; t++) {
        volatile double sink = 0;
        double start = now();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int part = 0; part < 64; part++) sink = hone_vector_f32_sum(FLOATS / 64, x + (int64_t)part * (FLOATS / 64));
        double rate = (double)FLOATS * sizeof *x / (now() - start) * 1e-9;
        (void)sink;
        if (rate > best) best = rate;
    }
    hone_free(x);
    return best;
}
