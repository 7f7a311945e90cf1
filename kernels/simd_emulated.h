/* The vector vocabulary of kernels/simd.h with 16 lanes in plain C arrays, for tests only: it runs the 16-lane bodies
 * on machines without AVX-512. Every operation has the semantics of the instruction in simd_avx512.h, NaN and lane
 * order included. */
#ifndef HONE_KERNELS_SIMD_EMULATED_H
#define HONE_KERNELS_SIMD_EMULATED_H
#include <immintrin.h> /* F16C for the f16 conversions */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { VF_LANES = 16 };
typedef struct vf {
    float v[16];
} vf;
typedef struct vi {
    uint32_t v[16];
} vi;
typedef struct vm {
    bool v[16];
} vm;
typedef struct vd {
    double v[16];
} vd;

#define HONE_ROW(name) hone_##name##__emu512
#define SIMD_LANES(type, expression)                                                                                   \
    type r;                                                                                                            \
    for (int i = 0; i < 16; i++) r.v[i] = (expression);                                                                \
    return r

/* clang-format off: a table, one operation a line */
static inline vm vm_first(int64_t n) {
    SIMD_LANES(vm, i < n);
}
static inline vf vf_zero(void) {
    SIMD_LANES(vf, 0);
}
static inline vf vf_set1(float a) {
    SIMD_LANES(vf, a);
}
static inline vf vf_load(const float *p) {
    SIMD_LANES(vf, p[i]);
}
static inline void vf_store(float *p, vf a) {
    memcpy(p, a.v, sizeof a.v);
}
static inline vf vf_load_n(const float *p, int64_t n) {
    SIMD_LANES(vf, i < n ? p[i] : 0);
}
static inline void vf_store_n(float *p, int64_t n, vf a) {
    memcpy(p, a.v, (size_t)n * sizeof *p);
}
static inline void vf_prefetch(const float *p) {
    (void)p;
}

static inline vf vf_add(vf a, vf b) {
    SIMD_LANES(vf, a.v[i] + b.v[i]);
}
static inline vf vf_sub(vf a, vf b) {
    SIMD_LANES(vf, a.v[i] - b.v[i]);
}
static inline vf vf_mul(vf a, vf b) {
    SIMD_LANES(vf, a.v[i] * b.v[i]);
}
static inline vf vf_div(vf a, vf b) {
    SIMD_LANES(vf, a.v[i] / b.v[i]);
}
static inline vf vf_sqrt(vf a) {
    SIMD_LANES(vf, sqrtf(a.v[i]));
}
static inline vf vf_fma(vf a, vf b, vf c) {
    SIMD_LANES(vf, fmaf(a.v[i], b.v[i], c.v[i]));
}
static inline vf vf_fnma(vf a, vf b, vf c) {
    SIMD_LANES(vf, fmaf(-a.v[i], b.v[i], c.v[i]));
}
static inline vf vf_min(vf a, vf b) {
    SIMD_LANES(vf, a.v[i] < b.v[i] ? a.v[i] : b.v[i]);
}
static inline vf vf_max(vf a, vf b) {
    SIMD_LANES(vf, a.v[i] > b.v[i] ? a.v[i] : b.v[i]);
}

static inline vi vi_bits(vf a) {
    vi r;
    memcpy(&r, &a, sizeof r);
    return r;
}
static inline vf vi_as_vf(vi a) {
    vf r;
    memcpy(&r, &a, sizeof r);
    return r;
}
static inline vi vi_set1(uint32_t a) {
    SIMD_LANES(vi, a);
}
static inline vi vi_iota(void) {
    SIMD_LANES(vi, (uint32_t)i);
}
static inline vi vi_add(vi a, vi b) {
    SIMD_LANES(vi, a.v[i] + b.v[i]);
}
static inline vi vi_and(vi a, vi b) {
    SIMD_LANES(vi, a.v[i] & b.v[i]);
}
static inline vi vi_or(vi a, vi b) {
    SIMD_LANES(vi, a.v[i] | b.v[i]);
}
static inline vi vi_xor(vi a, vi b) {
    SIMD_LANES(vi, a.v[i] ^ b.v[i]);
}
static inline vi vi_sll23(vi a) {
    SIMD_LANES(vi, a.v[i] << 23);
}
static inline vi vi_sll16(vi a) {
    SIMD_LANES(vi, a.v[i] << 16);
}
static inline vi vi_srl16(vi a) {
    SIMD_LANES(vi, a.v[i] >> 16);
}
static inline vi vi_mul_even(vi a, vi b) {
    vi r;
    for (int i = 0; i < 16; i += 2) {
        uint64_t p = (uint64_t)a.v[i] * b.v[i];
        r.v[i] = (uint32_t)p, r.v[i + 1] = (uint32_t)(p >> 32);
    }
    return r;
}
static inline vi vi_odd_to_even(vi a) {
    SIMD_LANES(vi, i & 1 ? 0 : a.v[i + 1]);
}
static inline vi vi_zip_even(vi a, vi b) {
    SIMD_LANES(vi, i & 1 ? b.v[i - 1] : a.v[i]);
}
static inline void vi_store(int32_t *p, vi a) {
    memcpy(p, a.v, sizeof a.v);
}
static inline vi vi_load_u16(const uint16_t *p) {
    SIMD_LANES(vi, p[i]);
}
static inline void vi_store_u16(uint16_t *p, vi a) {
    for (int i = 0; i < 16; i++) p[i] = (uint16_t)a.v[i];
}

static inline vf vf_abs(vf a) {
    return vi_as_vf(vi_and(vi_bits(a), vi_set1(0x7FFFFFFFu)));
}
static inline vf vf_with_sign(vf a, vf s) {
    return vi_as_vf(vi_or(vi_bits(a), vi_and(vi_bits(s), vi_set1(0x80000000u))));
}
static inline vm vf_lt(vf a, vf b) {
    SIMD_LANES(vm, a.v[i] < b.v[i]);
}
static inline vm vf_gt(vf a, vf b) {
    SIMD_LANES(vm, a.v[i] > b.v[i]);
}
static inline vm vf_eq(vf a, vf b) {
    SIMD_LANES(vm, a.v[i] == b.v[i]);
}
static inline vm vf_isnan(vf a) {
    SIMD_LANES(vm, a.v[i] != a.v[i]);
}
static inline vm vm_or(vm a, vm b) {
    SIMD_LANES(vm, a.v[i] || b.v[i]);
}
static inline vm vm_and(vm a, vm b) {
    SIMD_LANES(vm, a.v[i] && b.v[i]);
}
static inline bool vm_any(vm a) {
    bool any = false;
    for (int i = 0; i < 16; i++) any |= a.v[i];
    return any;
}
static inline vm vi_gt(vi a, vi b) {
    SIMD_LANES(vm, (int32_t)a.v[i] > (int32_t)b.v[i]);
}
static inline vf vf_select(vm m, vf a, vf b) {
    SIMD_LANES(vf, m.v[i] ? a.v[i] : b.v[i]);
}
static inline vi vi_select(vm m, vi a, vi b) {
    SIMD_LANES(vi, m.v[i] ? a.v[i] : b.v[i]);
}
static inline vf vf_keep(vm m, vf a) {
    SIMD_LANES(vf, m.v[i] ? a.v[i] : 0);
}
static inline vf vf_lookup(const float table[VF_LANES], vi index) {
    SIMD_LANES(vf, table[index.v[i] & 15]);
}

static inline vf vf_load_f16(const uint16_t *p) {
    vf r;
    for (int h = 0; h < 16; h += 8)
        _mm256_storeu_ps(r.v + h, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p + h))));
    return r;
}
static inline void vf_store_f16(uint16_t *p, vf a) {
    for (int h = 0; h < 16; h += 8)
        _mm_storeu_si128((__m128i *)(void *)(p + h),
                         _mm256_cvtps_ph(_mm256_loadu_ps(a.v + h), _MM_FROUND_TO_NEAREST_INT));
}

static inline float vf_reduce_add(vf a) {
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++) a.v[i] += a.v[i + half];
    return a.v[0];
}
static inline float vf_reduce_max(vf a) {
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    return a.v[0];
}
static inline vd vd_zero(void) {
    SIMD_LANES(vd, 0);
}
static inline vd vd_from(vf a) {
    SIMD_LANES(vd, (double)a.v[i]);
}
static inline vd vd_set1(double a) {
    SIMD_LANES(vd, a);
}
static inline vf vd_round(vd a) {
    SIMD_LANES(vf, (float)a.v[i]);
}
static inline vd vd_add(vd a, vd b) {
    SIMD_LANES(vd, a.v[i] + b.v[i]);
}
static inline vd vd_fma(vd a, vd b, vd c) {
    SIMD_LANES(vd, fma(a.v[i], b.v[i], c.v[i]));
}
static inline double vd_reduce_add(vd a) {
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++) a.v[i] += a.v[i + half];
    return a.v[0];
}
/* clang-format on */
#undef SIMD_LANES
#endif
