/* The inner pieces of matrix multiplication; tensor/matmul.c walks over blocks and threads.
 *
 *   C [mr, nr] (+)= A [mr, K] B [K, nr]     one register tile
 *
 * B is read from a packed panel: nr columns, k outermost, nr floats a step, columns past the matrix's edge filled with
 * zeros. A is read in place: element (i, k) is a[i * row + k * step]. So A's rows need no packing (row = lda, step =
 * 1), and packed tiles of A^T are read with row = 1, step = mr.
 *
 * Each element of C is one chain of multiply-adds over k = 0..K-1, then stored or added to C once. Chains do not depend
 * on rows, cols or the place in the tile: how a product is cut into tiles never changes a bit of it. */
#ifndef HONE_KERNELS_MATMUL_H
#define HONE_KERNELS_MATMUL_H
#include "kernels/kernel.h"

/* rows 1..mr, cols 1..nr. add: C += AB, else C = AB. C's rows are ldc apart; nothing outside rows x cols is touched. */
typedef void hone_matmul_f32_tile_fn(int64_t rows, int64_t cols, int64_t K, const float *a, int64_t row, int64_t step,
                                     const float *b, float *c, int64_t ldc, bool add);
/* Fill one panel of `width` columns, of which n (1..width) exist, from K steps of
 *   copy:       b[k * ldb + j]          transpose:  b[j * ldb + k]
 * pack_a copies into tiles of mr, and n may exceed mr: columns that exist, so that whole vectors can be read. */
typedef void hone_matmul_f32_pack_fn(int64_t K, int64_t n, const float *b, int64_t ldb, float *panel);

typedef struct hone_matmul_f32_row {
    const char *name;
    int mr, nr;
    int64_t kc; /* longest chain: longer sums are chains of equal length, added in order */
    hone_matmul_f32_tile_fn *tile;
    hone_matmul_f32_pack_fn *pack_copy, *pack_transpose; /* B into panels of nr */
    hone_matmul_f32_pack_fn *pack_a;                     /* A^T, copied into tiles of mr */
} hone_matmul_f32_row;

/* The rows of each instruction set: two tile shapes where one does not divide the usual widths. */
extern const hone_matmul_f32_row hone_matmul_f32__scalar, hone_matmul_f32__avx2, hone_matmul_f32__avx512_8x48,
    hone_matmul_f32__avx512_12x32;

/* The row that hone_kernels_isa() calls for, for N columns. */
const hone_matmul_f32_row *hone_matmul_f32_choose(int64_t N);
/* With 16 lanes, whether 8x48 is the shape for N columns, or else 12x32: the wider tile reads A less often, and pays
 * where no vector of it is wasted. */
static inline bool hone_matmul_f32_is_wide(int64_t N) {
    return N % 48 == 0 || N % 48 > 32;
}
#ifdef HONE_TEST_HOOKS
extern const hone_matmul_f32_row *hone_matmul_f32_forced;      /* not NULL: what choose returns */
extern const hone_matmul_f32_row *hone_matmul_f32_stand_in[2]; /* 12x32, 8x48; not NULL: in place of every row */
#endif
#endif
