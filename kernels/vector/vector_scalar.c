/* Vector arithmetic in plain loops: the float row and the double reference; and the 16-bit conversions, bit by bit. */
#include "kernels/scalar_f32.h"

#include "kernels/vector/vector_scalar.inc"

#include "kernels/scalar_f64.h"

#include "kernels/vector/vector_scalar.inc"

#include <string.h>

static float vector_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t vector_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

void hone_vector_bf16_widen__scalar(int64_t n, const uint16_t *x, float *y) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(y + i, &bits, sizeof bits); /* as bits: a signalling NaN must not pass through arithmetic */
    }
}

/* f16: sign 1, exponent 5 (bias 15), mantissa 10. A signalling NaN comes out quiet, as the hardware's conversion has
 * it. */
static uint32_t vector_f16_to_bits(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3FF;
    if (exponent == 31) return sign | 0x7F800000u | (mantissa ? 0x400000u | mantissa << 13 : 0);
    if (exponent) return sign | (exponent + 112) << 23 | mantissa << 13;
    return sign | vector_bits((float)mantissa * 0x1p-24f); /* zero and denormals: exact in f32 */
}

void hone_vector_f16_widen__scalar(int64_t n, const uint16_t *x, float *y) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = vector_f16_to_bits(x[i]);
        memcpy(y + i, &bits, sizeof bits);
    }
}

void hone_vector_bf16_narrow__scalar(int64_t n, const float *x, uint16_t *y) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
            y[i] = (uint16_t)(bits >> 16 | 0x40); /* NaN stays NaN, and becomes quiet */
        else
            y[i] = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16); /* to nearest, ties to even */
    }
}

static uint16_t vector_f16_from_bits(uint32_t bits) {
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t a = bits & 0x7FFFFFFFu;
    if (a > 0x7F800000u) return (uint16_t)(sign | 0x7E00 | (a >> 13 & 0x3FF));
    if (a >= 0x477FF000u) return (uint16_t)(sign | 0x7C00); /* 65520 = halfway past the largest f16, and beyond */
    if (a < 0x38800000u) {                      /* below 2^-14: a multiple of 2^-24, ties to even by the FPU */
        float shifted = vector_float(a) + 0.5f; /* the ulp of [0.5, 1) is 2^-24 */
        return (uint16_t)(sign | (vector_bits(shifted) - 0x3F000000u));
    }
    a += 0xFFF + (a >> 13 & 1);
    return (uint16_t)(sign | (a - (112u << 23)) >> 13);
}

void hone_vector_f16_narrow__scalar(int64_t n, const float *x, uint16_t *y) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        y[i] = vector_f16_from_bits(bits);
    }
}
