/* bf16 with AVX512-BF16: vdpbf16ps multiplies two pairs a lane, twice the work of an f32 multiply-add. */
#include "kernels/dot/dot_bf16_simd.h"

#define DOT_ROWS 12
#define DOT_VECTORS 2
#define DOT_LANES 16
#define DOT_B_WORD 1
#define DOT_NAME(x) dot_bf16_##x
typedef uint32_t dot_b;
typedef float dot_c;
typedef __m512i dot_vec;
typedef __m512 dot_sum;

static inline dot_sum dot_zero(void) {
    return _mm512_setzero_ps();
}
static inline dot_vec dot_broadcast(const uint32_t *a) {
    return _mm512_set1_epi32((int32_t)*a);
}
static inline dot_vec dot_load(const uint32_t *b) {
    return _mm512_loadu_si512(b);
}
static inline dot_sum dot_add(dot_sum sum, dot_vec a, dot_vec b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
static inline void dot_store(float *p, dot_sum sum) {
    _mm512_storeu_ps(p, sum);
}
#include "kernels/dot/dot_tile.inc"

#define BF16_NAME(x) bf16_##x
#define BF16_MR DOT_ROWS
#define BF16_NR DOT_COLS
#define BF16_LANES 16
#define BF16_PAIR_WORDS 1
#define BF16_ROW hone_dot_bf16__avx512bf16
#define BF16_FIELDS .name = "avx512bf16_12x32", .isa = HONE_ISA_AVX512, .needs = HONE_CPU_AVX512_BF16
static void bf16_tile(int64_t rows, int64_t words, const uint32_t *a, int64_t row, int64_t step, const uint32_t *b,
                      float *sums) {
    dot_bf16_words(rows, words, a, row, step, b, sums);
}
#include "kernels/dot/dot_bf16.inc"
