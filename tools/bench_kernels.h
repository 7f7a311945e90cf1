/* What the files of the kernel bench share. */
#ifndef HONE_TOOLS_BENCH_KERNELS_H
#define HONE_TOOLS_BENCH_KERNELS_H

#include "base/status.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>

typedef struct bench_report {
    FILE *out;
    bool json;
    const char *only;
    int threads;   /* of matmul and attention */
    double stream; /* GB/s that one thread reads from memory */
    int lines;
} bench_report;

typedef struct bench_line {
    const char *kernel, *row, *shape;
    double work;   /* floating-point operations of a call, or 0 */
    double bytes;  /* moved by a call: what memory-bound kernels are judged by, and the weights of small products */
    bool by_bytes; /* the share is of the memory roof */
    double error;  /* against double, see error_of */
    const char *error_of;
    int threads;
} bench_line;

typedef hone_status (*bench_call)(void *ctx);
/* Warm up, time some calls between two probes of the roof, print a line. */
hone_status bench_time(bench_report *r, const bench_line *line, bench_call call, void *ctx);
bool bench_wanted(const bench_report *r, const char *kernel);
/* Values in [-1, 1), cheap and always the same. */
void bench_fill(float *x, int64_t n, uint32_t seed);

/* The larger of two errors; a NaN is the largest and stays. */
static inline double bench_worse(double worst, double error) {
    return isnan(worst) || error <= worst ? worst : error;
}

hone_status bench_matmul(bench_report *r);
hone_status bench_matmul_int8(bench_report *r);
hone_status bench_matmul_bf16(bench_report *r);
hone_status bench_attention(bench_report *r);
hone_status bench_elementwise(bench_report *r);

#endif
