/* Layer normalisation over the last axis, optionally of a dropped-out sum (the post-LN residual of BERT):
 *     z = residual + drop(x)            (residual NULL: z = drop(x))
 *     y = (z - mean) * rstd * gamma + beta,   rstd = 1 / sqrt(var + eps)
 *
 *   x, residual, y  [rows, C], row stride C        gamma, beta [C]        mean, rstd [rows]
 *   drop  element index of x[r][c] is (first_row + r) * ceil128(C) + c; NULL or threshold 0 = no dropout
 *   z     [rows, C] or NULL: where to keep the sum for backward (y = x when there is neither residual nor
 *         dropout: pass NULL)
 *   In place: y may be x, y may be z (inference keeps no sum), z may be residual's buffer; never y = residual.
 *
 * var divides by C. Mean and variance are taken in two passes over the row (a large common offset must not eat the
 * variance), in the lanes' fixed order. A row whose squares are too large a sum for f32 (|z| about 1e19) becomes NaN in
 * the vector rows, as in PyTorch, never a row of beta. Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450, section 3. */
#ifndef HONE_KERNELS_LAYERNORM_H
#define HONE_KERNELS_LAYERNORM_H
#include "kernels/kernel.h"

typedef void hone_layernorm_f32_fwd_fn(int64_t rows, int64_t C, int64_t first_row, const float *x,
                                       const float *residual, const hone_dropout *drop, const float *gamma,
                                       const float *beta, float eps, float *z, float *y, float *mean, float *rstd);
typedef void hone_layernorm_f64_fwd_fn(int64_t rows, int64_t C, int64_t first_row, const double *x,
                                       const double *residual, const hone_dropout *drop, const double *gamma,
                                       const double *beta, double eps, double *z, double *y, double *mean,
                                       double *rstd);

/* Backward, for the normalised value xhat = (z - mean) rstd and g = dy gamma:
 *     dz = rstd (g - mean_c(g) - xhat mean_c(g xhat));   dresidual (+)= dz;   dx (+)= dz * drop'
 *     dgamma += sum_r dy xhat;  dbeta += sum_r dy        (over the rows given, in row order)
 *   dx, dresidual NULL = not wanted; add_dx, add_dresidual: accumulate, else overwrite.
 *   dgamma, dbeta [C]: always accumulated; both NULL = not wanted. The caller gives each chunk of rows its own pair and
 *   adds the chunks in order. dx may be dy (in place) when it is overwritten. */
typedef void hone_layernorm_f32_bwd_fn(int64_t rows, int64_t C, int64_t first_row, const float *dy, const float *z,
                                       const float *mean, const float *rstd, const float *gamma,
                                       const hone_dropout *drop, float *dx, bool add_dx, float *dresidual,
                                       bool add_dresidual, float *dgamma, float *dbeta);
typedef void hone_layernorm_f64_bwd_fn(int64_t rows, int64_t C, int64_t first_row, const double *dy, const double *z,
                                       const double *mean, const double *rstd, const double *gamma,
                                       const hone_dropout *drop, double *dx, bool add_dx, double *dresidual,
                                       bool add_dresidual, double *dgamma, double *dbeta);
#endif
