/* What every blocked product needs: small numbers, the cut into tasks, and what follows the last sum of an element. */
#ifndef HONE_TENSOR_MATMUL_BLOCKS_H
#define HONE_TENSOR_MATMUL_BLOCKS_H
#include "tensor/matmul.h"

#include <stdint.h>
#include <unistd.h>

static inline int64_t blocks_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t blocks_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}
static inline int64_t blocks_ceil(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Bytes of L2 that a group of panels may fill: the rest is for A, C and the prefetcher's mistakes. */
static inline int64_t blocks_l2_bytes(void) {
    static int64_t bytes; /* every thread would find the same */
    int64_t n = __atomic_load_n(&bytes, __ATOMIC_RELAXED);
    if (n) return n;
    n = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (n < 256 << 10) n = 256 << 10; /* unknown, or a hypervisor that tells nothing */
    n = blocks_min(n, 2 << 20) * 5 / 8;
    __atomic_store_n(&bytes, n, __ATOMIC_RELAXED);
    return n;
}

/* Packed copies take at most this much at a time, and one chain at least; longer sums are added in several passes. A
 * copy that is used and overwritten stays in the caches; of one that is made whole, every line goes to memory and
 * back. */
enum { BLOCKS_PASS_BYTES = 1 << 20 };

/* C in `tiles` of rows by `panels` of columns, of which `group` stay in L2 together. */
typedef struct blocks_grid {
    int64_t tiles, panels, group;
    int64_t cut_m, cut_n; /* tasks along each side */
} blocks_grid;

/* How many tasks along each side: several for each thread, so that a slow core does not hold up the rest, but none so
 * small that handing it out shows (`least_work` multiply-adds, some microseconds). A task reads its rows of A once for
 * each group of panels, and its panels once: of the cuts into groups or less, the one that reads least. Nothing depends
 * on the cut but time. */
enum { BLOCKS_SMALL_M = 64 }; /* so few rows are not cut, unless there are too few panels */
void hone_blocks_cut(const hone_matmul_args *m, int64_t least_work, blocks_grid *grid);

/* Where the sums go: into pre when there is one, from which hone_blocks_finish makes c. */
static inline float *blocks_sums(const hone_matmul_args *m) {
    return m->pre ? m->pre : m->c;
}
/* Rows r0..r1, columns n0..n1 of blocks_sums(m) are sums now: bias, activation, c. */
void hone_blocks_finish(const hone_matmul_args *m, int64_t r0, int64_t r1, int64_t n0, int64_t n1);
/* The whole product when M, N or K is 0: no elements, or empty sums. sum_a asks for neither: without columns, A is
 * still there. */
void hone_blocks_empty(const hone_matmul_args *m);

/* For functions that only prefetch: gcc takes such a one for without effect and drops the call, unless it is part of
 * its caller by then. */
#define BLOCKS_PREFETCHES static inline __attribute__((always_inline)) void

/* Ask for elements k0..k1 of rows of A, which are needed soon: they are too short and too far apart for the processor
 * to see them coming. */
BLOCKS_PREFETCHES blocks_prefetch_rows(const float *a, int64_t rows, int64_t row, int64_t k0, int64_t k1) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = k0; k < k1; k += 16) __builtin_prefetch(a + i * row + k, 0, 2);
}
/* Ask for what hone_blocks_finish will read or write beside the sums. */
BLOCKS_PREFETCHES blocks_prefetch_finish(const hone_matmul_args *m, int64_t r0, int64_t r1, int64_t n0, int64_t n1) {
    const float *other = m->through ? m->through : m->pre ? m->c : NULL;
    if (other) blocks_prefetch_rows(other + r0 * m->ldc + n0, r1 - r0, m->ldc, 0, n1 - n0);
}
#endif
