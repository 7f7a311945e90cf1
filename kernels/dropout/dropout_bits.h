/* The dropout generator, one group at a time, for scalar rows (the layout is drawn in kernels/kernel.h; the vector rows
 * have theirs in kernels/simd.h).
 *
 * Philox 4x32 with seven rounds (the fewest that pass BigCrush, Salmon et al. 2011, table 2). Counter words, low to
 * high: index low, index high, stream low, stream high; key: seed low, seed high. index = 16 * group + lane. */
#ifndef HONE_KERNELS_DROPOUT_BITS_H
#define HONE_KERNELS_DROPOUT_BITS_H
#include "kernels/kernel.h"

enum { HONE_DROPOUT_GROUP = 128 };

static inline bool hone_dropout_active(const hone_dropout *drop) {
    return drop && drop->threshold;
}

/* Rows of a matrix start at a multiple of 128 elements, so that a row's mask does not depend on its neighbours'
 * lengths. */
static inline uint64_t hone_dropout_row_stride(int64_t columns) {
    return ((uint64_t)columns + 127) & ~(uint64_t)127;
}

static inline void hone_dropout_philox7(uint64_t seed, uint64_t stream, uint64_t index, uint32_t w[4]) {
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 7; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1, c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u; /* golden ratio, sqrt(3) - 1 */
    }
    w[0] = c0, w[1] = c1, w[2] = c2, w[3] = c3;
}

/* The 16-bit draws of elements 128 * group ... 128 * group + 127. */
static inline void hone_dropout_group(const hone_dropout *drop, uint64_t group, uint16_t draw[HONE_DROPOUT_GROUP]) {
    for (uint64_t lane = 0; lane < 16; lane++) {
        uint32_t w[4];
        hone_dropout_philox7(drop->seed, drop->stream, group * 16 + lane, w);
        for (int i = 0; i < 4; i++) {
            draw[2 * i * 16 + (int)lane] = (uint16_t)w[i];
            draw[(2 * i + 1) * 16 + (int)lane] = (uint16_t)(w[i] >> 16);
        }
    }
}

#endif
