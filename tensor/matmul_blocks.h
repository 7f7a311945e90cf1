/* Small numbers that every blocked product needs. */
#ifndef HONE_TENSOR_MATMUL_BLOCKS_H
#define HONE_TENSOR_MATMUL_BLOCKS_H
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
#endif
