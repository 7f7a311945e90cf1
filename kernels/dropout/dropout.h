/* Dropout: y = keep ? x * scale : 0, the mask drawn as hone_dropout says (kernels/kernel.h), element index first + i.
 * `first` is a multiple of 128. Forward and backward are the same function: dx (+)= drop(dy). y may be x.
 * Source: Srivastava et al. 2014 (inverted form). */
#ifndef HONE_KERNELS_DROPOUT_H
#define HONE_KERNELS_DROPOUT_H
#include "kernels/kernel.h"

typedef void hone_dropout_f32_apply_fn(int64_t n, uint64_t first, const hone_dropout *drop, const float *x, float *y,
                                       bool add);
typedef void hone_dropout_f64_apply_fn(int64_t n, uint64_t first, const hone_dropout *drop, const double *x, double *y,
                                       bool add);
#endif
