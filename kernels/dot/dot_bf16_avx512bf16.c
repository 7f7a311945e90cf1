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
                      float *c, int64_t ldc) {
    dot_bf16_words(rows, words, a, row, step, b, c, ldc);
}

#define BF16_NATIVE
/* vcvtne2ps2bf16 rounds as the scalar row does: to nearest even, denormals to zeros, NaN quiet. */
static inline __m512i bf16_round_two(__m512 low, __m512 high) {
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}
/* 16 words of neighbouring k. */
static inline void bf16_line(const float *x, uint32_t *words) {
    _mm512_storeu_si512(words, bf16_round_two(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)));
}
/* One pair of steps; x1 NULL: the second one does not exist. */
static inline __attribute__((always_inline)) void bf16_pair(const int64_t width, int64_t n, const float *x0,
                                                            const float *x1, uint32_t *out) {
    const __m512i halves = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                            21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
#pragma GCC unroll 2
    for (int64_t j = 0; j < width; j += 16) {
        const int64_t left = n - j, room = width - j;
        const __mmask16 have = (__mmask16)(left >= 16 ? 0xFFFF : left > 0 ? (1u << left) - 1 : 0);
        const __m512 even = _mm512_maskz_loadu_ps(have, x0 + j);
        const __m512 odd = x1 ? _mm512_maskz_loadu_ps(have, x1 + j) : _mm512_setzero_ps();
        const __m512i words = _mm512_permutexvar_epi16(halves, bf16_round_two(even, odd));
        _mm512_mask_storeu_epi32(out + j, (__mmask16)(room >= 16 ? 0xFFFF : (1u << room) - 1), words);
    }
}
#include "kernels/dot/dot_bf16.inc"
