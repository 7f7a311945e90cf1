/* A Linear in 8-bit integers, for inference:  y = act(x W^T + bias), x f32 [M, K], W packed once, y f32 [M, N].
 *
 *   hone_matmul_int8_weight w;
 *   HONE_TRY(hone_matmul_int8_pack(arena, N, K, weight, K, &w));                          once
 *   HONE_TRY(hone_matmul_int8(&(hone_matmul_int8_args){.M = M, .a = x, .lda = K, .w = &w, .c = y, .ldc = N}));
 *
 * Each row of x gets its own scale and zero point when it comes (8 bits, asymmetric: GELU's outputs are), each row of W
 * its own scale (8 bits, symmetric). The sums of products are exact integers and the rest is fixed arithmetic
 * (kernels/dot/dot.h): up to the activation the result has the same bits for every instruction set, number of threads,
 * and whatever the other rows are.
 *
 * Before quantising, each input k is balanced between its two operands: x_k c_k and W_nk / c_k, which changes nothing
 * but what the scales see. c_k = rms(W_.k)^(3/8): weights of small columns, which would drown in their row's scale,
 * grow, and inputs that matter little shrink. Measured on all-MiniLM-L6-v2, all linears of the encoder, 271 texts of
 * which 71 are odd ones, cosine to f32 embeddings: worst and mean 0.9918, 0.9981 without, 0.9956, 0.9989 with it.
 *
 * NaN or infinity in a row of x makes that row of y NaN. K <= 65,536. */
#ifndef HONE_TENSOR_MATMUL_INT8_H
#define HONE_TENSOR_MATMUL_INT8_H

#include "base/memory.h"
#include "base/status.h"
#include "kernels/kernel.h"

struct hone_dot_int8_row; /* kernels/dot/dot.h */
/* W [N, K] in 8 bits, for this process and its kernels; everything lies in the arena given. */
typedef struct hone_matmul_int8_weight {
    int64_t N, K;
    const struct hone_dot_int8_row *row; /* the kernels it was packed for */
    const int8_t *panels;                /* [panels][groups of k][columns][k of a group] */
    const float *gain;                   /* [K], c_k */
    const float *scale;                  /* [N] */
    const int32_t *sum;                  /* [N], of the quantised weights */
} hone_matmul_int8_weight;

/* W [N, K], rows ldw apart, quantised into `arena`, about N K + 8 N + 4 K bytes; W is not needed afterwards. On all
 * threads. Errors: HONE_E_LIMIT (K), HONE_E_NUMERIC (a weight that is not finite, with its row), HONE_E_NOMEM. */
hone_status hone_matmul_int8_pack(hone_arena *arena, int64_t N, int64_t K, const float *w, int64_t ldw,
                                  hone_matmul_int8_weight *out);

/* y = act(x W^T + bias). */
typedef struct hone_matmul_int8_args {
    int64_t M;
    const float *a; /* [M, K], rows lda apart */
    int64_t lda;
    const hone_matmul_int8_weight *w;
    float *c; /* [M, N], rows ldc apart; overwritten, no overlap with a */
    int64_t ldc;
    const float *bias; /* [N] or NULL */
    hone_act act;
} hone_matmul_int8_args;

/* On all threads; scratch from the threads' arenas. Errors: HONE_E_NOMEM. */
hone_status hone_matmul_int8(const hone_matmul_int8_args *m);

#endif
