/* The vector vocabulary of kernels/simd.h in AVX-512 F, DQ: 16 lanes, masks in mask registers. */
#ifndef HONE_KERNELS_SIMD_AVX512_H
#define HONE_KERNELS_SIMD_AVX512_H
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

enum { VF_LANES = 16 };
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;
typedef struct vd {
    __m512d lo, hi;
} vd;

#define HONE_ROW(name) hone_##name##__avx512

/* clang-format off: a table, one operation a line */
static inline vm vm_first(int64_t n) {
    return (vm)((1u << n) - 1);
} /* 0 <= n <= 16 */

static inline vf vf_zero(void) {
    return _mm512_setzero_ps();
}
static inline vf vf_set1(float a) {
    return _mm512_set1_ps(a);
}
static inline vf vf_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void vf_store(float *p, vf a) {
    _mm512_storeu_ps(p, a);
}
static inline vf vf_load_n(const float *p, int64_t n) {
    return _mm512_maskz_loadu_ps(vm_first(n), p);
}
static inline void vf_store_n(float *p, int64_t n, vf a) {
    _mm512_mask_storeu_ps(p, vm_first(n), a);
}
static inline void vf_prefetch(const float *p) {
    _mm_prefetch((const char *)p, _MM_HINT_T0);
}

static inline vf vf_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}
static inline vf vf_sqrt(vf a) {
    return _mm512_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf vf_fnma(vf a, vf b, vf c) {
    return _mm512_fnmadd_ps(a, b, c);
}
static inline vf vf_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}
static inline vf vf_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}
static inline vf vf_abs(vf a) {
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}
static inline vf vf_with_sign(vf a, vf s) {
    return _mm512_or_ps(a, _mm512_and_ps(_mm512_set1_ps(-0.0f), s));
}

static inline vm vf_lt(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline vm vf_gt(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
static inline vm vf_eq(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
static inline vm vf_isnan(vf a) {
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
static inline vm vm_or(vm a, vm b) {
    return (vm)(a | b);
}
static inline vm vm_and(vm a, vm b) {
    return (vm)(a & b);
}
static inline bool vm_any(vm a) {
    return a != 0;
}
static inline vf vf_select(vm m, vf a, vf b) {
    return _mm512_mask_blend_ps(m, b, a);
}
static inline vf vf_keep(vm m, vf a) {
    return _mm512_maskz_mov_ps(m, a);
}

static inline vi vi_set1(uint32_t a) {
    return _mm512_set1_epi32((int32_t)a);
}
static inline vi vi_iota(void) {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
static inline vi vi_bits(vf a) {
    return _mm512_castps_si512(a);
}
static inline vf vi_as_vf(vi a) {
    return _mm512_castsi512_ps(a);
}
static inline vi vi_add(vi a, vi b) {
    return _mm512_add_epi32(a, b);
}
static inline vi vi_and(vi a, vi b) {
    return _mm512_and_si512(a, b);
}
static inline vi vi_or(vi a, vi b) {
    return _mm512_or_si512(a, b);
}
static inline vi vi_xor(vi a, vi b) {
    return _mm512_xor_si512(a, b);
}
static inline vm vi_gt(vi a, vi b) {
    return _mm512_cmpgt_epi32_mask(a, b);
}
static inline vi vi_select(vm m, vi a, vi b) {
    return _mm512_mask_blend_epi32(m, b, a);
}
static inline vi vi_sll23(vi a) {
    return _mm512_slli_epi32(a, 23);
}
static inline vi vi_sll16(vi a) {
    return _mm512_slli_epi32(a, 16);
}
static inline vi vi_srl16(vi a) {
    return _mm512_srli_epi32(a, 16);
}
static inline vi vi_mul_even(vi a, vi b) {
    return _mm512_mul_epu32(a, b);
}
static inline vi vi_odd_to_even(vi a) {
    return _mm512_srli_epi64(a, 32);
}
static inline vi vi_zip_even(vi a, vi b) {
    return _mm512_mask_shuffle_epi32(a, 0xAAAA, b, _MM_PERM_CCAA); /* b's even lanes doubled, into the odd ones */
}
static inline void vi_store(int32_t *p, vi a) {
    _mm512_storeu_si512(p, a);
}

static inline vi vi_load_u16(const uint16_t *p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void vi_store_u16(uint16_t *p, vi a) {
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(a));
}
static inline vf vf_load_f16(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void vf_store_f16(uint16_t *p, vf a) {
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Lane i gives table[low four bits of index lane i]. */
static inline vf vf_lookup(const float table[VF_LANES], vi index) {
    return _mm512_permutexvar_ps(index, _mm512_loadu_ps(table));
}

/* Trees by halves, spelled out so that every compiler builds the same one. */
static inline float vf_reduce_add(vf a) {
    __m256 q = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(q), _mm256_extractf128_ps(q, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
static inline float vf_reduce_max(vf a) {
    __m256 q = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(q), _mm256_extractf128_ps(q, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}

static inline vd vd_zero(void) {
    return (vd){_mm512_setzero_pd(), _mm512_setzero_pd()};
}
static inline vd vd_from(vf a) {
    return (vd){_mm512_cvtps_pd(_mm512_castps512_ps256(a)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1))};
}
static inline vd vd_set1(double a) {
    return (vd){_mm512_set1_pd(a), _mm512_set1_pd(a)};
}
static inline vf vd_round(vd a) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a.lo)), _mm512_cvtpd_ps(a.hi), 1);
}
static inline vd vd_add(vd a, vd b) {
    return (vd){_mm512_add_pd(a.lo, b.lo), _mm512_add_pd(a.hi, b.hi)};
}
static inline vd vd_fma(vd a, vd b, vd c) {
    return (vd){_mm512_fmadd_pd(a.lo, b.lo, c.lo), _mm512_fmadd_pd(a.hi, b.hi, c.hi)};
}
static inline double vd_reduce_add(vd a) {
    __m512d s = _mm512_add_pd(a.lo, a.hi);
    __m256d q = _mm256_add_pd(_mm512_castpd512_pd256(s), _mm512_extractf64x4_pd(s, 1));
    __m128d h = _mm_add_pd(_mm256_castpd256_pd128(q), _mm256_extractf128_pd(q, 1));
    return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
}
/* clang-format on */
#endif
