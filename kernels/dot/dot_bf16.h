/* The inner pieces of products in bfloat16: operands rounded to bf16 while packed, sums in f32. tensor/matmul_bf16.c
 * walks over blocks and threads. The design is that of kernels/dot/dot.h with groups of two k.
 *
 * The arithmetic is that of vdpbf16ps, as Intel's manual gives it: for each pair (k even, k + 1) of a chain, in order,
 *
 *     sum = fma(a[k + 1], b[k + 1], sum);  sum = fma(a[k], b[k], sum)         the odd element first
 *
 * each rounded once to nearest even; denormal operands count as zeros, denormal results become zeros, whatever MXCSR
 * says. (A result is denormal if it is below 2^-126 after rounding to 24 bits.) Rounding f32 to bf16 is vcvtneps2bf16:
 * to nearest even, denormals to zeros, NaN stays NaN, too large becomes infinity. All rows give the same bits:
 *
 *   avx512bf16     the instruction
 *   avx512, avx2   the f32 tile of kernels/matmul with flushing switched on, on operands rounded to bf16 and kept as
 *                  floats, each pair of k exchanged: the speed of f32, no gain, but the same results
 *   scalar         in double: a product of two bf16 is exact there, and its sum with a float either is exact too, or
 *                  so far from the middle between two floats that rounding twice is rounding once (of the smaller
 *                  operand only the upper 53 bits below the larger's first one count, and it has 24 at most)
 *
 * A chain of odd length ends in a pair whose second element is 0 times 0. */
#ifndef HONE_KERNELS_DOT_BF16_H
#define HONE_KERNELS_DOT_BF16_H
#include "kernels/kernel.h"

/* c [rows, nr], rows ldc apart, = A B over `words` words: A's word (i, w) is a[i * row + w * step], B's w * nr + j. A
 * pair of k is one word (two bf16, the even one low) or two (floats, odd before even): row->pair_words. */
typedef void hone_dot_bf16_tile_fn(int64_t rows, int64_t words, const uint32_t *a, int64_t row, int64_t step,
                                   const uint32_t *b, float *c, int64_t ldc);
/* Rounded words of n columns over K steps into a panel `width` wide (nr, or mr for pack_a_copy); what is missing is
 * zeros.
 *
 *   pack_copy, pack_a_copy   x[k * ld + j]
 *   pack_transpose           x[j * ld + k]
 *   pack_a_rows              n rows x[i * ld + k]: words next to each other, rows hone_dot_bf16_words of K apart */
typedef void hone_dot_bf16_pack_fn(int64_t K, int64_t n, const float *x, int64_t ld, uint32_t *out);
/* c [rows, cols] = or += sums [rows, nr]. */
typedef void hone_dot_bf16_store_fn(int64_t rows, int64_t cols, const float *sums, float *c, int64_t ldc, bool add);

enum { HONE_DOT_BF16_CHAIN = 768 }; /* longest chain: longer sums are chains of equal length, added in order, in f32 */

typedef struct hone_dot_bf16_row {
    const char *name;
    hone_isa isa;
    uint32_t needs; /* HONE_CPU_… bits */
    int mr, nr, pair_words;
    hone_dot_bf16_tile_fn *tile;
    hone_dot_bf16_pack_fn *pack_copy, *pack_transpose, *pack_a_rows, *pack_a_copy;
    hone_dot_bf16_store_fn *store;
} hone_dot_bf16_row;

static inline int64_t hone_dot_bf16_words(const hone_dot_bf16_row *row, int64_t K) {
    return (K + 1) / 2 * row->pair_words;
}

/* Every row, best first, scalar last; NULL ends the list. */
extern const hone_dot_bf16_row *const hone_dot_bf16_rows[];
extern const hone_dot_bf16_row hone_dot_bf16__scalar, hone_dot_bf16__avx2, hone_dot_bf16__avx512,
    hone_dot_bf16__avx512bf16;
const hone_dot_bf16_row *hone_dot_bf16_choose(void);
#ifdef HONE_TEST_HOOKS
extern const hone_dot_bf16_row *hone_dot_bf16_forced;   /* not NULL: what choose returns */
extern const hone_dot_bf16_row *hone_dot_bf16_stand_in; /* the same where nothing is forced */
#endif
#endif
