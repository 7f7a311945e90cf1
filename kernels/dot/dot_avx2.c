/* int8 on AVX2: bytes widened to 16 bits while B is loaded, vpmaddwd on pairs of k. 12 accumulators. Beside it were
 * measured, in Gop/s on a Zen 3 core whose float tile does 100: this 159; |u - 128| and the weight with its sign
 * through vpmaddubsw (exact too) 141; B kept at 16 bits 156. */
#include <immintrin.h>
#include <stdint.h>

#define DOT_ROWS 6
#define DOT_VECTORS 2
#define DOT_LANES 8
#define DOT_GROUP 2
#define DOT_B_WORD 2
#define DOT_NAME(x) dot_int8_##x
typedef int8_t dot_b;
typedef int32_t dot_c;
typedef __m256i dot_vec, dot_sum;

static inline dot_sum dot_zero(void) {
    return _mm256_setzero_si256();
}
static inline dot_vec dot_broadcast(const uint32_t *a) {
    return _mm256_set1_epi32((int32_t)*a);
}
static inline dot_vec dot_load(const int8_t *b) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)b));
}
static inline dot_sum dot_add(dot_sum sum, dot_vec a, dot_vec b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
static inline void dot_store(int32_t *p, dot_sum sum) {
    _mm256_storeu_si256((__m256i *)(void *)p, sum);
}
#include "kernels/dot/dot_tile.inc"

#define DOT_INT8_ROW hone_dot_int8__avx2
#define DOT_INT8_FIELDS .name = "avx2_6x16", .isa = HONE_ISA_AVX2, .needs = 0
#include "kernels/dot/dot_int8.inc"
