/* The AVX512-BF16 row with its instruction in plain C. */
#define HONE_SIMD_EMULATE_512
#include "kernels/dot/dot_bf16_simd.h"
#include "tests/kernels/dot_rows.h"

#include <math.h>

#define DOT_ROWS 12
#define DOT_VECTORS 2
#define DOT_LANES 16
#define DOT_B_WORD 1
#define DOT_NAME(x) dot_bf16_##x
typedef uint32_t dot_b;
typedef float dot_c;
typedef struct dot_vec {
    uint32_t v[16];
} dot_vec;
typedef struct dot_sum {
    float v[16];
} dot_sum;

static inline dot_sum dot_zero(void) {
    return (dot_sum){{0}};
}
static inline dot_vec dot_broadcast(const uint32_t *a) {
    dot_vec r;
    for (int i = 0; i < 16; i++) r.v[i] = *a;
    return r;
}
static inline dot_vec dot_load(const uint32_t *b) {
    dot_vec r;
    memcpy(r.v, b, sizeof r.v);
    return r;
}
static inline void dot_store(float *p, dot_sum sum) {
    memcpy(p, sum.v, sizeof sum.v);
}
/* A fused multiply-add with flushing, made from fmaf: unlike the scalar row's way through double. Where the result may
 * be denormal, the same is computed 2^100 times larger, so that it is rounded to 24 bits before it is judged. */
static inline float fma_flush(uint32_t a, uint32_t b, float sum) {
    float x, y;
    memcpy(&x, &a, sizeof x), memcpy(&y, &b, sizeof y);
    if (fabsf(x) < 0x1p-126f) x = copysignf(0, x);
    if (fabsf(y) < 0x1p-126f) y = copysignf(0, y);
    float r = fmaf(x, y, sum);
    /* A large sum cancels to 0 or to something far from denormal: products of bf16 have 16 bits. */
    if (!(fabsf(r) <= 0x1p-126f) || fabsf(sum) > 0x1p-90f) return r;
    float big = fabsf(x) < 1 ? fmaf(x * 0x1p100f, y, sum * 0x1p100f) : fmaf(x, y * 0x1p100f, sum * 0x1p100f);
    return fabsf(big) < 0x1p-26f ? copysignf(0, big) : big * 0x1p-100f;
}
/* VDPBF16PS: the odd elements first. */
static inline dot_sum dot_add(dot_sum sum, dot_vec a, dot_vec b) {
    for (int i = 0; i < 16; i++) {
        sum.v[i] = fma_flush(a.v[i] & 0xFFFF0000, b.v[i] & 0xFFFF0000, sum.v[i]);
        sum.v[i] = fma_flush(a.v[i] << 16, b.v[i] << 16, sum.v[i]);
    }
    return sum;
}
#include "kernels/dot/dot_tile.inc"

#define BF16_NAME(x) bf16_##x
#define BF16_MR DOT_ROWS
#define BF16_NR DOT_COLS
#define BF16_LANES 16
#define BF16_PAIR_WORDS 1
#define BF16_ROW hone_dot_bf16__emu512bf16
#define BF16_FIELDS .name = "emu512bf16_12x32", .isa = HONE_ISA_AVX2, .needs = 0
static void bf16_tile(int64_t rows, int64_t words, const uint32_t *a, int64_t row, int64_t step, const uint32_t *b,
                      float *c, int64_t ldc) {
    dot_bf16_words(rows, words, a, row, step, b, c, ldc);
}
#include "kernels/dot/dot_bf16.inc"
