/* The vector vocabulary of kernels/simd.h in AVX2, FMA and F16C: 8 lanes. */
#ifndef HONE_KERNELS_SIMD_AVX2_H
#define HONE_KERNELS_SIMD_AVX2_H
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

enum { VF_LANES = 8 };
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm; /* all bits of a lane set or clear */
typedef struct vd {
    __m256d lo, hi;
} vd;

#define HONE_ROW(name) hone_##name##__avx2

/* -1 in the first n lanes: a window over eight ones and eight zeros. */
static const int32_t simd_first_lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
static inline __m256i simd_first(int64_t n) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(simd_first_lanes + 8 - n));
}

/* clang-format off: a table, one operation a line */
static inline vf vf_zero(void) {
    return _mm256_setzero_ps();
}
static inline vf vf_set1(float a) {
    return _mm256_set1_ps(a);
}
static inline vf vf_load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void vf_store(float *p, vf a) {
    _mm256_storeu_ps(p, a);
}
static inline vf vf_load_n(const float *p, int64_t n) {
    return _mm256_maskload_ps(p, simd_first(n));
}
static inline void vf_store_n(float *p, int64_t n, vf a) {
    _mm256_maskstore_ps(p, simd_first(n), a);
}
static inline void vf_prefetch(const float *p) {
    _mm_prefetch((const char *)p, _MM_HINT_T0);
}

static inline vf vf_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return _mm256_div_ps(a, b);
}
static inline vf vf_sqrt(vf a) {
    return _mm256_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
static inline vf vf_fnma(vf a, vf b, vf c) {
    return _mm256_fnmadd_ps(a, b, c);
}
static inline vf vf_min(vf a, vf b) {
    return _mm256_min_ps(a, b);
}
static inline vf vf_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}
static inline vf vf_abs(vf a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline vf vf_with_sign(vf a, vf s) {
    return _mm256_or_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0f), s));
}

static inline vm vf_lt(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
static inline vm vf_gt(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}
static inline vm vf_eq(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
static inline vm vf_isnan(vf a) {
    return _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
}
static inline vm vm_or(vm a, vm b) {
    return _mm256_or_ps(a, b);
}
static inline vm vm_and(vm a, vm b) {
    return _mm256_and_ps(a, b);
}
static inline bool vm_any(vm a) {
    return _mm256_movemask_ps(a) != 0;
}
static inline vm vm_first(int64_t n) {
    return _mm256_castsi256_ps(simd_first(n));
}
static inline vf vf_select(vm m, vf a, vf b) {
    return _mm256_blendv_ps(b, a, m);
}
static inline vf vf_keep(vm m, vf a) {
    return _mm256_and_ps(m, a);
}

static inline vi vi_set1(uint32_t a) {
    return _mm256_set1_epi32((int32_t)a);
}
static inline vi vi_iota(void) {
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}
static inline vi vi_bits(vf a) {
    return _mm256_castps_si256(a);
}
static inline vf vi_as_vf(vi a) {
    return _mm256_castsi256_ps(a);
}
static inline vi vi_add(vi a, vi b) {
    return _mm256_add_epi32(a, b);
}
static inline vi vi_and(vi a, vi b) {
    return _mm256_and_si256(a, b);
}
static inline vi vi_or(vi a, vi b) {
    return _mm256_or_si256(a, b);
}
static inline vi vi_xor(vi a, vi b) {
    return _mm256_xor_si256(a, b);
}
static inline vm vi_gt(vi a, vi b) {
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b));
}
static inline vi vi_select(vm m, vi a, vi b) {
    return _mm256_blendv_epi8(b, a, _mm256_castps_si256(m));
}
static inline vi vi_sll23(vi a) {
    return _mm256_slli_epi32(a, 23);
}
static inline vi vi_sll16(vi a) {
    return _mm256_slli_epi32(a, 16);
}
static inline vi vi_srl16(vi a) {
    return _mm256_srli_epi32(a, 16);
}
static inline vi vi_mul_even(vi a, vi b) {
    return _mm256_mul_epu32(a, b);
}
static inline vi vi_odd_to_even(vi a) {
    return _mm256_srli_epi64(a, 32);
}
static inline vi vi_zip_even(vi a, vi b) {
    return _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xAA);
}
static inline void vi_store(int32_t *p, vi a) {
    _mm256_storeu_si256((__m256i *)(void *)p, a);
}

static inline vi vi_load_u16(const uint16_t *p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline void vi_store_u16(uint16_t *p, vi a) {
    /* packus works within 128-bit halves; quarters 0 and 2 hold the result. */
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, a), 0x08);
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_castsi256_si128(packed));
}
static inline vf vf_load_f16(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline void vf_store_f16(uint16_t *p, vf a) {
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

/* Lane i gives table[low three bits of index lane i]. */
static inline vf vf_lookup(const float table[VF_LANES], vi index) {
    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
}

static inline float vf_reduce_add(vf a) {
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
static inline float vf_reduce_max(vf a) {
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}

static inline vd vd_zero(void) {
    return (vd){_mm256_setzero_pd(), _mm256_setzero_pd()};
}
static inline vd vd_from(vf a) {
    return (vd){_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))};
}
static inline vd vd_set1(double a) {
    return (vd){_mm256_set1_pd(a), _mm256_set1_pd(a)};
}
static inline vf vd_round(vd a) {
    return _mm256_set_m128(_mm256_cvtpd_ps(a.hi), _mm256_cvtpd_ps(a.lo));
}
static inline vd vd_add(vd a, vd b) {
    return (vd){_mm256_add_pd(a.lo, b.lo), _mm256_add_pd(a.hi, b.hi)};
}
static inline vd vd_fma(vd a, vd b, vd c) {
    return (vd){_mm256_fmadd_pd(a.lo, b.lo, c.lo), _mm256_fmadd_pd(a.hi, b.hi, c.hi)};
}
static inline double vd_reduce_add(vd a) {
    __m256d s = _mm256_add_pd(a.lo, a.hi);
    __m128d h = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
}
/* clang-format on */
#endif
