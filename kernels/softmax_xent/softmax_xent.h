/* Softmax cross-entropy over rows of scaled logits, one target class a row:
 *     loss[r] = lse_r - scale * z[r][target[r]],   lse_r = log sum_j exp(scale * z[r][j])
 *   z [rows, N] with row stride ld;  target[r] in 0..N-1;  loss, lse [rows].
 *   A logit of -inf takes no part; a row whose target is -inf has loss +inf.
 * Backward: dz[r][j] (+)= scale * dloss[r] * (exp(scale z[r][j] - lse_r) - [j = target]);   dz may be z when it is
 * overwritten. */
#ifndef HONE_KERNELS_SOFTMAX_XENT_H
#define HONE_KERNELS_SOFTMAX_XENT_H
#include "kernels/kernel.h"

typedef void hone_softmax_xent_f32_fwd_fn(int64_t rows, int64_t N, int64_t ld, float scale, const float *z,
                                          const int32_t *target, float *loss, float *lse);
typedef void hone_softmax_xent_f64_fwd_fn(int64_t rows, int64_t N, int64_t ld, double scale, const double *z,
                                          const int32_t *target, double *loss, double *lse);
typedef void hone_softmax_xent_f32_bwd_fn(int64_t rows, int64_t N, int64_t ld, float scale, const float *z,
                                          const int32_t *target, const float *lse, const float *dloss, float *dz,
                                          bool add);
typedef void hone_softmax_xent_f64_bwd_fn(int64_t rows, int64_t N, int64_t ld, double scale, const double *z,
                                          const int32_t *target, const double *lse, const double *dloss, double *dz,
                                          bool add);
#endif
