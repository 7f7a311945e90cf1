/* A small vocabulary of vector operations, so that each op's body (kernels/<op>/<op>_vector.inc) is written once and
 * built for each instruction set. The backend follows the compiler's flags, which follow the file's name:
 *
 *   vf                     VF_LANES floats
 *   vi                     the same lanes as 32-bit integers
 *   vm                     a truth value per lane
 *   vd                     the lanes in double
 *   HONE_ROW(name)         the symbol of this row, hone_<name>__avx2 or __avx512
 *   HONE_SIMD_EMULATE_512  16 lanes in plain C with the names __emu512: tests of the 16-lane bodies on any machine
 *
 * Every function here and in the backends is static inline: code built with AVX-512 must never be what the linker keeps
 * for everybody. min(a, b) is a < b ? a : b and max(a, b) is a > b ? a : b, so a NaN in b comes through and one in a
 * does not. Reductions are trees over lanes by halves, always the same. */
#ifndef HONE_KERNELS_SIMD_H
#define HONE_KERNELS_SIMD_H
#include "kernels/dropout/dropout_bits.h"
#include "kernels/kernels.h"

#include <math.h>

#if defined(HONE_SIMD_EMULATE_512)
#include "kernels/simd_emulated.h"
#elif defined(__AVX512F__)
#include "kernels/simd_avx512.h"
#else
#include "kernels/simd_avx2.h"
#endif

/* The first min(n, VF_LANES) elements, zeros behind them; n > 0. The full case is one predictable branch and a plain
 * load. */
static inline vf vf_get(const float *p, int64_t n) {
    return n >= VF_LANES ? vf_load(p) : vf_load_n(p, n);
}
static inline void vf_put(float *p, int64_t n, vf a) {
    if (n >= VF_LANES)
        vf_store(p, a);
    else
        vf_store_n(p, n, a);
}
static inline vf vf_neg(vf a) {
    return vf_sub(vf_set1(-0.0f), a);
}

/* exp(x), error under 1 ulp. x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 q(r), q of degree 4 fitted for
 * relative error 3e-9. Adding 1.5 * 2^23 rounds x / ln 2 to an integer in the low bits of the sum; 127 more makes those
 * bits the exponent of 2^n. ln 2 is a sum of two floats, the first so short that its product with n is exact. x > 88.37
 * gives infinity (the true range ends at 88.72), x < -87.68 gives 0, results below 2^-126 are coarse; NaN stays. The
 * clamps keep n within [-127, 128], where the exponent field reads 0 and infinity. */
static inline vf vf_exp(vf x) {
    const vf magic = vf_set1(12582912.0f + 127.0f);
    x = vf_max(vf_set1(-87.9f), vf_min(vf_set1(88.7f), x));
    vf shifted = vf_fma(x, vf_set1(0x1.715476p0f), magic);
    vf n = vf_sub(shifted, magic);
    vf r = vf_fnma(n, vf_set1(0x1.62e4p-1f), x);
    r = vf_fnma(n, vf_set1(0x1.7f7d1cp-20f), r);
    vf r2 = vf_mul(r, r);
    vf low = vf_fma(vf_set1(0x1.555490p-3f), r, vf_set1(0x1.fffffcp-2f));
    vf high = vf_fma(vf_set1(0x1.123b6ap-7f), r, vf_set1(0x1.5558fap-5f));
    vf q = vf_fma(vf_fma(vf_set1(0x1.6a21acp-10f), r2, high), r2, low);
    vf p = vf_add(vf_set1(1), vf_fma(q, r2, r));
    return vf_mul(p, vi_as_vf(vi_sll23(vi_bits(shifted))));
}

/* erf(x / sqrt 2) = 2 Phi(x) - 1, the form GELU needs, absolute error under 1e-7. |x| is cut into as many segments as a
 * vector has lanes, each a polynomial around its middle k * step; an in-register permute fetches the coefficients.
 * From 5.66 on the result is exactly 1. Minimax fits; the constant terms are rounded to float first and the rest fitted
 * to what remains. */
#define SIMD_ERF_TOP 5.6595f /* a little below 7.5 and 15.5 segments */
#if defined(HONE_SIMD_EMULATE_512) || defined(__AVX512F__)
enum { SIMD_ERF_DEGREE = 5 };
static const float simd_erf_step = 0.36516129970550537f, simd_erf_per_unit = 2.738515853881836f;
static const float simd_erf_table[SIMD_ERF_DEGREE + 1][VF_LANES] = {
    {0.0f, 0.285008997f, 0.534806967f, 0.726695299f, 0.855887175f, 0.932120562f, 0.971545875f, 0.989415586f,
     0.996514142f, 0.99898541f, 0.999739408f, 0.999940991f, 0.999988258f, 0.999997914f, 0.999999702f, 0.99999994f},
    {0.797884524f, 0.746423066f, 0.611110866f, 0.437869728f, 0.27457425f, 0.15068315f, 0.0723701492f, 0.0304189548f,
     0.011189715f, 0.00360233244f, 0.00101493578f, 0.000250255369f, 5.4003056e-05f, 1.01986689e-05f, 1.68561712e-06f,
     2.43817482e-07f},
    {0.0f, -0.136280149f, -0.223149195f, -0.239837542f, -0.200529739f, -0.137556672f, -0.0792810917f, -0.0388731956f,
     -0.0163424686f, -0.00591796916f, -0.00185399258f, -0.000501248578f, -0.000121486184f, -2.07343946e-05f,
     -7.41980921e-06f, 1.85435385e-06f},
    {-0.132978454f, -0.10781391f, -0.0475278534f, 0.0145995673f, 0.0518700518f, 0.0586047769f, 0.0458390489f,
     0.0280558113f, 0.0140506253f, 0.00588427996f, 0.0020863656f, 0.000631206029f, 0.000163799603f, 3.65962769e-05f,
     7.05886805e-06f, 1.17791888e-06f},
    {0.0f, 0.0323219597f, 0.0455388129f, 0.0358210988f, 0.0145653598f, -0.00379610504f, -0.011800155f, -0.0115324408f,
     -0.00758730806f, -0.00390048674f, -0.0015817791f, -0.000591790187f, -7.74710425e-05f, -0.000132634901f,
     7.44316494e-05f, -6.87570064e-05f},
    {0.0198088996f, 0.013707622f, 0.000469803112f, -0.00995974429f, -0.0119456816f, -0.00738494098f, -0.00169388426f,
     0.00161633349f, 0.00228348863f, 0.00164584932f, 0.000855835329f, 0.000350040937f, 0.000116873991f, 3.24741595e-05f,
     7.60006787e-06f, 1.50995891e-06f},
};
#else
enum { SIMD_ERF_DEGREE = 6 };
static const float simd_erf_step = 0.7546666264533997f, simd_erf_per_unit = 1.325088381767273f;
static const float simd_erf_table[SIMD_ERF_DEGREE + 1][VF_LANES] = {
    {0.0f, 0.549550951f, 0.868786335f, 0.976425886f, 0.997461081f, 0.999838948f, 0.99999404f, 0.999999881f},
    {0.797883809f, 0.600164294f, 0.255423158f, 0.0615046993f, 0.00837949291f, 0.000645940658f, 2.81740959e-05f,
     6.95350536e-07f},
    {0.0f, -0.226460904f, -0.192758575f, -0.0696238354f, -0.0126463771f, -0.00122031139f, -6.34523167e-05f,
     -2.30896057e-06f},
    {-0.132939517f, -0.0430721864f, 0.0543908998f, 0.0423009098f, 0.011331467f, 0.00142461073f, 9.1395872e-05f,
     3.10417522e-06f},
    {0.0f, 0.0458451733f, 0.0115978029f, -0.0123285204f, -0.00645736279f, -0.00111816113f, -9.7440352e-05f,
     3.1262789e-06f},
    {0.0193649642f, -0.000290173892f, -0.0113987718f, -0.000889446063f, 0.00215615076f, 0.000658709323f,
     7.40411269e-05f, 3.84417353e-06f},
    {0.0f, -0.00586203719f, 0.00130843243f, 0.00190362311f, -0.000171225867f, -0.000346578803f, -2.48213273e-05f,
     -3.14665886e-05f},
};
#endif
static inline vf vf_erf_sqrt_half(vf x) {
    const vf magic = vf_set1(12582912.0f);
    vf a = vf_min(vf_set1(SIMD_ERF_TOP), vf_abs(x));
    vf shifted = vf_fma(a, vf_set1(simd_erf_per_unit), magic); /* the segment's number in the low bits */
    vf t = vf_fnma(vf_sub(shifted, magic), vf_set1(simd_erf_step), a);
    vi segment = vi_bits(shifted);
    vf y = vf_lookup(simd_erf_table[SIMD_ERF_DEGREE], segment);
    for (int i = SIMD_ERF_DEGREE - 1; i >= 0; i--) y = vf_fma(y, t, vf_lookup(simd_erf_table[i], segment));
    return vf_with_sign(y, x);
}

/* sigmoid(x) = 1 / (1 + e) for x >= 0 and e / (1 + e) below, e = exp(-|x|) <= 1: nothing overflows or cancels. The
 * slope, sigmoid(x) (1 - sigmoid(x)), is e / (1 + e)^2 for both signs. */
static inline vf vf_sigmoid_slope(vf x, vf *slope) {
    vf e = vf_exp(vf_neg(vf_abs(x)));
    vf r = vf_div(vf_set1(1), vf_add(vf_set1(1), e));
    vf er = vf_mul(e, r);
    *slope = vf_mul(er, r);
    return vf_select(vf_lt(x, vf_zero()), er, r);
}
static inline vf vf_sigmoid(vf x) {
    vf e = vf_exp(vf_neg(vf_abs(x)));
    return vf_div(vf_select(vf_lt(x, vf_zero()), e, vf_set1(1)), vf_add(vf_set1(1), e));
}

/* tanh(x), error under 4 ulp: an odd polynomial below 0.625 (fitted, 6e-9 relative), (1 - e) / (1 + e) with e =
 * exp(-2|x|) above. */
static inline vf vf_tanh(vf x) {
    vf a = vf_abs(x), z = vf_mul(x, x);
    vf e = vf_exp(vf_mul(vf_set1(-2), a));
    vf far = vf_div(vf_sub(vf_set1(1), e), vf_add(vf_set1(1), e));
    vf q = vf_fma(vf_set1(-0x1.6e69b2p-8f), z, vf_set1(0x1.50820ep-6f));
    q = vf_fma(vf_fma(vf_fma(q, z, vf_set1(-0x1.b7fd50p-5f)), z, vf_set1(0x1.110552p-3f)), z, vf_set1(-0x1.55552ap-2f));
    vf near = vf_fma(vf_mul(q, z), a, a);
    return vf_with_sign(vf_select(vf_lt(a, vf_set1(0.625f)), near, far), x);
}

/* Dropout (kernels/kernel.h), prepared once per call: the seven round keys and what else does not change from group to
 * group.
 *
 * Philox: words (c0, c1, c2, c3) become (hi(m1 c2) ^ c1 ^ k0, lo(m1 c2), hi(m0 c0) ^ c3 ^ k1, lo(m0 c0)). Only c0, the
 * index, differs between lanes at first. So in round 1 the product m1 c2 is the same for all lanes, in round 2 m0 c0
 * is, and in round 3 c3 is: those are done once, as scalars, and each round below names what is left. */
typedef struct simd_dropout {
    vi key0[7], key1[7];
    vi second; /* round 1: k1 ^ c3 */
    vi below;  /* threshold - 1 */
    vf scale;
    uint32_t k0[2], k1[3];
    uint32_t hi, lo; /* of m1 c2 in round 1 */
} simd_dropout;

/* The draws of one group of 128 elements: vector j holds those of elements j * VF_LANES and on. */
typedef struct simd_draws {
    vi draw[HONE_DROPOUT_GROUP / VF_LANES];
} simd_draws;

/* drop NULL: as seed 0, threshold 0; whoever finds dropout inactive must not draw. */
static inline void simd_dropout_begin(simd_dropout *d, const hone_dropout *drop) {
    const hone_dropout off = {0, 0, 0, 1};
    if (!drop) drop = &off;
    uint32_t k0 = (uint32_t)drop->seed, k1 = (uint32_t)(drop->seed >> 32);
    for (int round = 0; round < 7; round++) {
        d->key0[round] = vi_set1(k0), d->key1[round] = vi_set1(k1);
        if (round < 2) d->k0[round] = k0;
        if (round < 3) d->k1[round] = k1;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    uint64_t p1 = (uint64_t)0xCD9E8D57u * (uint32_t)drop->stream;
    d->hi = (uint32_t)(p1 >> 32), d->lo = (uint32_t)p1;
    d->second = vi_set1(d->k1[0] ^ (uint32_t)(drop->stream >> 32));
    d->below = vi_set1(drop->threshold - 1);
    d->scale = vf_set1(drop->scale);
}

/* Four words for the even lanes of `index` (as 64-bit lanes, whose high halves hold rubbish that nothing reads: the
 * widening multiply takes even lanes only). */
static inline void simd_philox7(const simd_dropout *d, vi index, vi round2, vi mix2, vi mix3, vi w[4]) {
    const vi m0 = vi_set1(0xD2511F53u), m1 = vi_set1(0xCD9E8D57u);
    vi p0 = vi_mul_even(index, m0), p1;
    vi c2 = vi_xor(vi_odd_to_even(p0), d->second), c3 = p0; /* round 1 */
    p1 = vi_mul_even(c2, m1);
    vi c0 = vi_xor(vi_odd_to_even(p1), round2), c1 = p1; /* round 2 */
    c2 = vi_xor(mix2, c3);
    p0 = vi_mul_even(c0, m0), p1 = vi_mul_even(c2, m1);
    c0 = vi_xor(vi_xor(vi_odd_to_even(p1), d->key0[2]), c1), c1 = p1; /* round 3 */
    c2 = vi_xor(vi_odd_to_even(p0), mix3), c3 = p0;
#pragma GCC unroll 4
    for (int round = 3; round < 7; round++) {
        p0 = vi_mul_even(c0, m0), p1 = vi_mul_even(c2, m1);
        c0 = vi_xor(vi_xor(vi_odd_to_even(p1), d->key0[round]), c1), c1 = p1;
        c2 = vi_xor(vi_xor(vi_odd_to_even(p0), d->key1[round]), c3), c3 = p0;
    }
    w[0] = c0, w[1] = c1, w[2] = c2, w[3] = c3;
}

static inline void simd_draws_fill(simd_draws *draws, const simd_dropout *d, uint64_t group) {
    const vi low_half = vi_set1(0xFFFF);
    const uint32_t c0 = d->hi ^ (uint32_t)(group >> 28) ^ d->k0[0]; /* after round 1, in every lane */
    const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
    const vi round2 = vi_set1(d->k0[1] ^ d->lo), mix2 = vi_set1((uint32_t)(p0 >> 32) ^ d->k1[1]);
    const vi mix3 = vi_set1(d->k1[2] ^ (uint32_t)p0);
    for (int h = 0; h < 16 / VF_LANES; h++) {
        vi even[4], odd[4], index = vi_add(vi_iota(), vi_set1((uint32_t)(group << 4) + (uint32_t)(h * VF_LANES)));
        simd_philox7(d, index, round2, mix2, mix3, even);
        simd_philox7(d, vi_odd_to_even(index), round2, mix2, mix3, odd);
        for (int i = 0; i < 4; i++) {
            vi w = vi_zip_even(even[i], odd[i]);
            draws->draw[2 * i * (16 / VF_LANES) + h] = vi_and(w, low_half);
            draws->draw[(2 * i + 1) * (16 / VF_LANES) + h] = vi_srl16(w);
        }
    }
}

/* Which lanes of vector j survive (threshold 1 ... 65536), and a vector dropped and scaled. */
static inline vm simd_keep(const simd_dropout *d, const simd_draws *draws, int64_t j) {
    return vi_gt(draws->draw[j], d->below);
}
static inline vf simd_drop(const simd_dropout *d, const simd_draws *draws, int64_t j, vf x) {
    return vf_keep(simd_keep(d, draws, j), vf_mul(x, d->scale));
}

#endif
