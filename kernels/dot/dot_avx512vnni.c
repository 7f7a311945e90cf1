/* int8 with VNNI on 512 bits: vpdpbusd multiplies four u8 by four s8 and adds the products to a lane of 32 bits,
 * without saturation (vpdpbusds would). */
#include <immintrin.h>
#include <stdint.h>

#define DOT_ROWS 12
#define DOT_VECTORS 2
#define DOT_LANES 16
#define DOT_GROUP 4
#define DOT_B_WORD 4
#define DOT_NAME(x) dot_int8_##x
typedef int8_t dot_b;
typedef int32_t dot_c;
typedef __m512i dot_vec, dot_sum;

static inline dot_sum dot_zero(void) {
    return _mm512_setzero_si512();
}
static inline dot_vec dot_broadcast(const uint32_t *a) {
    return _mm512_set1_epi32((int32_t)*a);
}
static inline dot_vec dot_load(const int8_t *b) {
    return _mm512_loadu_si512(b);
}
static inline dot_sum dot_add(dot_sum sum, dot_vec a, dot_vec b) {
    return _mm512_dpbusd_epi32(sum, a, b);
}
static inline void dot_store(int32_t *p, dot_sum sum) {
    _mm512_storeu_si512(p, sum);
}
#include "kernels/dot/dot_tile.inc"

#define DOT_INT8_ROW hone_dot_int8__avx512vnni
#define DOT_INT8_FIELDS .name = "avx512vnni_12x32", .isa = HONE_ISA_AVX512, .needs = HONE_CPU_AVX512_VNNI
#include "kernels/dot/dot_int8.inc"
