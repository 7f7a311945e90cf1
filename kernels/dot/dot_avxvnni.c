/* int8 with AVX-VNNI: vpdpbusd on 256 bits (kernels/dot/dot_avx512vnni.c), for processors without AVX-512. 12
 * accumulators. */
#include <immintrin.h>
#include <stdint.h>

#define DOT_ROWS 6
#define DOT_VECTORS 2
#define DOT_LANES 8
#define DOT_GROUP 4
#define DOT_B_WORD 4
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
    return _mm256_loadu_si256((const __m256i *)(const void *)b);
}
static inline dot_sum dot_add(dot_sum sum, dot_vec a, dot_vec b) {
    return _mm256_dpbusd_avx_epi32(sum, a, b);
}
static inline void dot_store(int32_t *p, dot_sum sum) {
    _mm256_storeu_si256((__m256i *)(void *)p, sum);
}
#include "kernels/dot/dot_tile.inc"

#define DOT_INT8_ROW hone_dot_int8__avxvnni
#define DOT_INT8_FIELDS .name = "avxvnni_6x16", .isa = HONE_ISA_AVX2, .needs = HONE_CPU_AVX_VNNI
#include "kernels/dot/dot_int8.inc"
