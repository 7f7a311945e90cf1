/* The vocabulary's functions over arrays, one set per backend, so that their accuracy can be swept. n is a multiple
 * of 16. */
#ifndef HONE_TESTS_KERNELS_SIMD_MATH_H
#define HONE_TESTS_KERNELS_SIMD_MATH_H
#include <stdint.h>

typedef void hone_simd_map_fn(int64_t n, const float *x, float *y);
#define SIMD_MATH(isa)                                                                                                 \
    hone_simd_map_fn hone_simd_exp__##isa, hone_simd_erf_sqrt_half__##isa, hone_simd_tanh__##isa,                      \
        hone_simd_sigmoid__##isa;                                                                                      \
    float hone_simd_reduce_add__##isa(const float x[16]);                                                              \
    float hone_simd_reduce_max__##isa(const float x[16]);                                                              \
    int hone_simd_lanes__##isa(void);
SIMD_MATH(avx2)
SIMD_MATH(avx512)
SIMD_MATH(emu512)
#undef SIMD_MATH
#endif
