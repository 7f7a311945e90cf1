/* Scaled dot-product attention of one (sequence, head): the task that the op above splits work into.
 *     S = scale Q K^T;   P = softmax(S) over keys;   O = drop(P) V
 *
 *   q, k, v, o   [T, d], row strides ldq (q, k, v share it: they are slices of one packed [T, 3C] matrix) and ldo
 *   lse          [T]  log sum_j exp(S[i][j]), kept for backward
 *   drop         element of P[i][j] is ((task * T + i) * ceil128(T) + j) with `task` given; threshold 0 or NULL = off
 *   next         columns from this head to the one that this thread works on after it, whose rows are asked for
 *                meanwhile: they are too short and too far apart for the processor to see them coming. 0: none
 *   scratch      hone_attention_scratch(T, d) elements, 64-byte aligned
 * No [T, T] matrix is stored: tiles of query rows by all keys (or key blocks) live in scratch, O(T * tile + T * d). d
 * <= 65536: no length is built in. T >= 1. Bidirectional. Source: Vaswani et al. 2017; recomputing backward: Dao et al.
 * 2022, arXiv:2205.14135. */
#ifndef HONE_KERNELS_ATTENTION_H
#define HONE_KERNELS_ATTENTION_H
#include "kernels/kernel.h"

/* most columns of a head, d above (a model of one head and the largest hidden_size); more: HONE_E_LIMIT */
#define HONE_ATTENTION_MAX_HEAD 65536

typedef void hone_attention_f32_fwd_fn(int64_t T, int64_t d, float scale, const float *q, const float *k,
                                       const float *v, int64_t ldq, const hone_dropout *drop, uint64_t task, float *o,
                                       int64_t ldo, float *lse, int64_t next, float *scratch);
typedef void hone_attention_f64_fwd_fn(int64_t T, int64_t d, double scale, const double *q, const double *k,
                                       const double *v, int64_t ldq, const hone_dropout *drop, uint64_t task, double *o,
                                       int64_t ldo, double *lse, int64_t next, double *scratch);

/* Backward; P is computed again from lse, D_i = sum_c dO O (dropout included, since O was formed with it):
 *     dV = drop(P)^T dO;   dP = drop'(dO V^T);   dS = P (dP - D);   dQ = scale dS K;   dK = scale dS^T Q
 *   dq, dk, dv [T, d], row stride ldq: overwritten. */
typedef void hone_attention_f32_bwd_fn(int64_t T, int64_t d, float scale, const float *q, const float *k,
                                       const float *v, int64_t ldq, const hone_dropout *drop, uint64_t task,
                                       const float *o, const float *dout, int64_t ldo, const float *lse, float *dq,
                                       float *dk, float *dv, int64_t next, float *scratch);
typedef void hone_attention_f64_bwd_fn(int64_t T, int64_t d, double scale, const double *q, const double *k,
                                       const double *v, int64_t ldq, const hone_dropout *drop, uint64_t task,
                                       const double *o, const double *dout, int64_t ldo, const double *lse, double *dq,
                                       double *dk, double *dv, int64_t next, double *scratch);

/* Elements of scratch that either direction needs, the same for every row of the table. */
int64_t hone_attention_scratch(int64_t T, int64_t d);
#endif
