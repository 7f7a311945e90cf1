/* bf16 on AVX-512 without AVX512-BF16, which has no instruction for it: the f32 tile on rounded operands
 * (kernels/dot/dot_bf16.h). */
#include "kernels/dot/dot_bf16_simd.h"

#define BF16_NAME(x) bf16_##x
#define BF16_MR 12
#define BF16_NR 32
#define BF16_LANES 16
#define BF16_PAIR_WORDS 2
#define BF16_ROW hone_dot_bf16__avx512
#define BF16_FIELDS .name = "avx512_12x32", .isa = HONE_ISA_AVX512, .needs = 0
static void bf16_tile(int64_t rows, int64_t words, const uint32_t *a, int64_t row, int64_t step, const uint32_t *b,
                      float *c, int64_t ldc) {
    bf16_tile_in_f32(&hone_matmul_f32__avx512_12x32, rows, words, a, row, step, b, c, ldc);
}
#include "kernels/dot/dot_bf16.inc"
