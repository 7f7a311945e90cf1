/* Elementwise activations y = act(x) and their backward dx (+)= dy act'(x), x being the input (pre-activation).
 *   n elements; y may be x, dx may be dy. add: accumulate into dx, else overwrite.
 * Accuracy: erf by absolute error (< 2e-7), since GELU multiplies it by x; tanh and sigmoid < 4 ulp of the result or
 * 1e-7 absolute. act(+-inf) is the limit; NaN gives NaN. ReLU'(0) = 0. */
#ifndef HONE_KERNELS_ACTIVATION_H
#define HONE_KERNELS_ACTIVATION_H
#include "kernels/kernel.h"

typedef void hone_activation_f32_fwd_fn(int64_t n, hone_act act, const float *x, float *y);
typedef void hone_activation_f64_fwd_fn(int64_t n, hone_act act, const double *x, double *y);
typedef void hone_activation_f32_bwd_fn(int64_t n, hone_act act, const float *x, const float *dy, float *dx, bool add);
typedef void hone_activation_f64_bwd_fn(int64_t n, hone_act act, const double *x, const double *dy, double *dx,
                                        bool add);
#endif
