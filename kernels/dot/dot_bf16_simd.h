/* Helpers of the vectorised bf16 rows: blocks of words transposed, and the switch to flushing denormals. */
#ifndef HONE_KERNELS_DOT_BF16_SIMD_H
#define HONE_KERNELS_DOT_BF16_SIMD_H
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/transpose.h"

#include <immintrin.h>
#include <string.h>

static inline void bf16_transpose(uint32_t block[VF_LANES][VF_LANES]) {
    vf r[VF_LANES];
    for (int i = 0; i < VF_LANES; i++) {
        float line[VF_LANES];
        memcpy(line, block[i], sizeof line);
        r[i] = vf_load(line);
    }
    vf_transpose(r);
    for (int i = 0; i < VF_LANES; i++) {
        float line[VF_LANES];
        vf_store(line, r[i]);
        memcpy(block[i], line, sizeof line);
    }
}

/* An f32 tile in the arithmetic of vdpbf16ps: MXCSR's flush-to-zero (bit 15) and denormals-are-zeros (bit 6) for its
 * time. Words are floats here. */
static inline void bf16_tile_in_f32(const hone_matmul_f32_row *in, int64_t rows, int64_t words, const uint32_t *a,
                                    int64_t row, int64_t step, const uint32_t *b, float *c, int64_t ldc) {
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);
    in->tile(rows, in->nr, words, (const float *)(const void *)a, row, step, (const float *)(const void *)b, c, ldc,
             false);
    _mm_setcsr(mode);
}
#endif
