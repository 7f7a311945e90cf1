#include "tools/roof.h"

#include <immintrin.h>

/* Twelve chains: more than latency (4) times units (2), and all in registers. */
float hone_roof_probe__avx512(int64_t n) {
    __m512 x[12], a = _mm512_set1_ps(0.999999f), b = _mm512_set1_ps(1e-6f);
    for (int k = 0; k < 12; k++) x[k] = _mm512_set1_ps((float)k);
    for (int64_t i = 0; i < n; i++)
#pragma GCC unroll 12
        for (int k = 0; k < 12; k++) x[k] = _mm512_fmadd_ps(x[k], a, b);
    __m512 sum = x[0];
    for (int k = 1; k < 12; k++) sum = _mm512_add_ps(sum, x[k]);
    return _mm512_cvtss_f32(sum);
}
