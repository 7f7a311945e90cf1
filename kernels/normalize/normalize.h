/* L2 normalisation of rows: y = x / max(|x|, eps), eps 1e-12 as torch.nn.functional.normalize has it.
 *   x, y [rows, C]; norm [rows] keeps |x| before the clamp. y may be x.
 * Backward: |x| > eps: dx (+)= (dy - y (y . dy)) / |x|;  else dx (+)= dy / eps. */
#ifndef HONE_KERNELS_NORMALIZE_H
#define HONE_KERNELS_NORMALIZE_H
#include "kernels/kernel.h"

typedef void hone_normalize_f32_fwd_fn(int64_t rows, int64_t C, float eps, const float *x, float *y, float *norm);
typedef void hone_normalize_f64_fwd_fn(int64_t rows, int64_t C, double eps, const double *x, double *y, double *norm);
typedef void hone_normalize_f32_bwd_fn(int64_t rows, int64_t C, float eps, const float *y, const float *norm,
                                       const float *dy, float *dx, bool add);
typedef void hone_normalize_f64_bwd_fn(int64_t rows, int64_t C, double eps, const double *y, const double *norm,
                                       const double *dy, double *dx, bool add);
#endif
