/* The inner pieces of low-precision matrix products: sums of small dot products, as the processors have instructions
 * for them. tensor/matmul_int8.c walks over blocks and threads.
 *
 *   sums[i, j] = sum over g of dot(a[i, g], b[g, j])      g: groups of neighbouring k, a word of 32 bits each
 *
 * A word of A holds the values of one group: four u8, two s16. It is broadcast, and meets a vector of B's words, one
 * per column. B lies in panels of nr columns: [groups][nr][group], columns and k past the edge filled with zeros. So
 * int8 and every later format of this kind share the tile (kernels/dot/dot_tile.inc): a row differs from its neighbour
 * in one multiply-add.
 *
 * int8. x [K] becomes u8: u = clamp(round(x / s) + z, 0, 255), s = (hi - lo) / 255 with lo = min(0, min x), hi = max(0,
 * max x), z = round(-lo / s), all in float, rounding to nearest even. A weight's row w [K] becomes s8, symmetric: s_w =
 * max |w| / 127. Then sum x w ~ s s_w S with
 *
 *     S = sum (u - z) q  =  sum u q - z sum q               q the quantised weight; sum q is made once, while packing
 *
 * S is an exact integer: |u - z| <= 255 and |q| <= 127, so |S| <= 32385 K < 2^31 for K <= HONE_DOT_INT8_MAX_K, nothing
 * on the way saturates (vpdpbusd adds four products of 16 bits to 32; vpmaddwd pairs stay below 2^17; vpmaddubsw would
 * saturate at 16 bits and is not used), and sums of 32 bits that wrap on the way still end right. Every row therefore
 * gives the same S, and the same bits of y, whose arithmetic is fixed:  y = (float(S) * s) * s_w + bias, each operation
 * rounded. (Rows with weights or values of 7 bits would be a quarter faster on AVX2. They lose what makes embeddings
 * usable: the worst sentence's cosine falls from 0.994 to 0.97.) */
#ifndef HONE_KERNELS_DOT_H
#define HONE_KERNELS_DOT_H
#include "kernels/kernel.h"

#define HONE_DOT_INT8_MAX_K ((int64_t)65536)
enum { HONE_DOT_TILE_MOST = 12 * 32 }; /* sums of the largest tile */

/* Rows 1..mr of a tile, all nr columns: sums [rows, nr], overwritten. A's word (i, g) is a[i * row + g]. */
typedef void hone_dot_int8_tile_fn(int64_t rows, int64_t groups, const uint32_t *a, int64_t row, const int8_t *b,
                                   int32_t *sums);
/* A's words of one row x [K] times gain [K] (NULL: 1), its scale s and zero point z. Rows whose words are s16 take z
 * off beforehand and give zero 0: u - z fits. A row with a NaN or an infinity gets scale NaN, hence a row of NaN; one
 * whose range is below 2^-100 counts as zeros. Words past the last group are not touched. */
typedef void hone_dot_int8_quantize_fn(int64_t K, const float *x, const float *gain, uint32_t *words, float *scale,
                                       int32_t *zero);
/* A row of weights w [K] times gain [K] (NULL: 1) to q [K] and s_w; returns sum q. Not finite: s_w is NaN. */
typedef int32_t hone_dot_int8_weights_fn(int64_t K, const float *w, const float *gain, int8_t *q, float *scale);
/* y [rows, cols] from a tile's sums [rows, nr]; per row scale and zero, per column w_scale, w_sum and bias (NULL:
 * none). */
typedef void hone_dot_int8_finish_fn(int64_t rows, int64_t cols, const int32_t *sums, const float *scale,
                                     const int32_t *zero, const float *w_scale, const int32_t *w_sum, const float *bias,
                                     float *y, int64_t ldy);

typedef struct hone_dot_int8_row {
    const char *name;
    hone_isa isa;
    uint32_t needs; /* HONE_CPU_… bits */
    int mr, nr, group;
    hone_dot_int8_tile_fn *tile;
    hone_dot_int8_quantize_fn *quantize;
    hone_dot_int8_weights_fn *weights;
    hone_dot_int8_finish_fn *finish;
} hone_dot_int8_row;

/* Every row, best first, scalar last; NULL ends the list. */
extern const hone_dot_int8_row *const hone_dot_int8_rows[];
extern const hone_dot_int8_row hone_dot_int8__scalar, hone_dot_int8__avx2, hone_dot_int8__avx512,
    hone_dot_int8__avxvnni, hone_dot_int8__avx512vnni;
/* The first row that hone_kernels_isa() and the machine's features allow. */
const hone_dot_int8_row *hone_dot_int8_choose(void);
#ifdef HONE_TEST_HOOKS
extern const hone_dot_int8_row *hone_dot_int8_forced;   /* not NULL: what choose returns */
extern const hone_dot_int8_row *hone_dot_int8_stand_in; /* the same where nothing is forced */
#endif
#endif
