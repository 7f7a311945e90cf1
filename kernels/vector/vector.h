/* Small vector arithmetic.
 *   scale   y (+)= a x                 in place allowed (y = x when not adding)
 *   mul     y (+)= a * b elementwise
 *   sum     returns sum x              lanes in a fixed order, combined in a fixed tree; f32 input summed in f64
 *   dot     returns sum a b            likewise in f64
 *   sumsq   returns sum x^2            likewise in f64 (gradient norms)
 *   colsum  y[c] += sum_r x[r][c]      x [rows, C], stride ld; in row order (bias gradients; the caller gives chunks
 *                                      their own y)
 *   finite  true when no element is NaN or infinite
 *   widen   bf16 / f16 (raw uint16) to f32, exact;   narrow: f32 to bf16 / f16, round to nearest even, NaN stays NaN */
#ifndef HONE_KERNELS_VECTOR_H
#define HONE_KERNELS_VECTOR_H
#include "kernels/kernel.h"

typedef void hone_vector_f32_scale_fn(int64_t n, float a, const float *x, float *y, bool add);
typedef void hone_vector_f64_scale_fn(int64_t n, double a, const double *x, double *y, bool add);
typedef void hone_vector_f32_mul_fn(int64_t n, const float *a, const float *b, float *y, bool add);
typedef void hone_vector_f64_mul_fn(int64_t n, const double *a, const double *b, double *y, bool add);
typedef double hone_vector_f32_sum_fn(int64_t n, const float *x);
typedef double hone_vector_f64_sum_fn(int64_t n, const double *x);
typedef double hone_vector_f32_dot_fn(int64_t n, const float *a, const float *b);
typedef double hone_vector_f64_dot_fn(int64_t n, const double *a, const double *b);
typedef double hone_vector_f32_sumsq_fn(int64_t n, const float *x);
typedef double hone_vector_f64_sumsq_fn(int64_t n, const double *x);
typedef void hone_vector_f32_colsum_fn(int64_t rows, int64_t C, int64_t ld, const float *x, float *y);
typedef void hone_vector_f64_colsum_fn(int64_t rows, int64_t C, int64_t ld, const double *x, double *y);
typedef bool hone_vector_f32_finite_fn(int64_t n, const float *x);
typedef bool hone_vector_f64_finite_fn(int64_t n, const double *x);
typedef void hone_vector_bf16_widen_fn(int64_t n, const uint16_t *x, float *y);
typedef void hone_vector_f16_widen_fn(int64_t n, const uint16_t *x, float *y);
typedef void hone_vector_bf16_narrow_fn(int64_t n, const float *x, uint16_t *y);
typedef void hone_vector_f16_narrow_fn(int64_t n, const float *x, uint16_t *y);
#endif
