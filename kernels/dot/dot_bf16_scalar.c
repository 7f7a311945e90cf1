/* The scalar row of bf16, which says what the others must give, and the choice among the rows. */
#include "kernels/dot/dot_bf16.h"

#include <math.h>
#include <string.h>

#define BF16_NAME(x) bf16_##x
#define BF16_MR 4
#define BF16_NR 8
#define BF16_LANES 2
#define BF16_PAIR_WORDS 1

/* One multiply-add of vdpbf16ps. The sum in double decides exactly what fma rounds to (dot_bf16.h), and whether that is
 * denormal: below 2^-126, floats of 24 bits are 2^-150 apart, so from 2^-126 - 2^-151 on it rounds up to 2^-126. */
static inline float bf16_fma(float a, float b, float sum) {
    double exact = (double)sum + (double)a * (double)b;
    return (float)(fabs(exact) < 0x1p-126 - 0x1p-151 ? copysign(0, exact) : exact);
}
static inline float bf16_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void bf16_tile(int64_t rows, int64_t words, const uint32_t *a, int64_t row, int64_t step, const uint32_t *b,
                      float *c, int64_t ldc) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < BF16_NR; j++) {
            float sum = 0;
            for (int64_t w = 0; w < words; w++) {
                uint32_t u = a[i * row + w * step], v = b[w * BF16_NR + j];
                sum = bf16_fma(bf16_float(u & 0xFFFF0000), bf16_float(v & 0xFFFF0000), sum);
                sum = bf16_fma(bf16_float(u << 16), bf16_float(v << 16), sum);
            }
            c[i * ldc + j] = sum;
        }
}

static void bf16_transpose(uint32_t block[2][2]) {
    uint32_t t = block[0][1];
    block[0][1] = block[1][0], block[1][0] = t;
}

#define BF16_ROW hone_dot_bf16__scalar
#define BF16_FIELDS .name = "scalar_4x8", .isa = HONE_ISA_SCALAR, .needs = 0
#include "kernels/dot/dot_bf16.inc"

const hone_dot_bf16_row *const hone_dot_bf16_rows[] = {&hone_dot_bf16__avx512bf16, &hone_dot_bf16__avx512,
                                                       &hone_dot_bf16__avx2, &hone_dot_bf16__scalar, NULL};

#ifdef HONE_TEST_HOOKS
const hone_dot_bf16_row *hone_dot_bf16_forced, *hone_dot_bf16_stand_in;
#endif

const hone_dot_bf16_row *hone_dot_bf16_choose(void) {
#ifdef HONE_TEST_HOOKS
    if (hone_dot_bf16_forced) return hone_dot_bf16_forced;
    if (hone_dot_bf16_stand_in) return hone_dot_bf16_stand_in;
#endif
    hone_isa isa = hone_kernels_isa();
    uint32_t has = hone_cpu_features(isa);
    const hone_dot_bf16_row *const *row = hone_dot_bf16_rows;
    while ((*row)->isa > isa || ((*row)->needs & ~has)) row++; /* scalar wants nothing */
    return *row;
}
