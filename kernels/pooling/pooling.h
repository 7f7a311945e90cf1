/* Pooling of one sequence x [T, C] into y [C]; T >= 1. Modes are sentence-transformers' (models/Pooling).
 *   first   y = x[0]      last  y = x[T-1]      max  y = max_t x[t] (ties: the first)
 *   mean    y = sum x / T        mean_sqrt  y = sum x / sqrt(T)        weighted  y = sum (t+1) x[t] / sum (t+1)
 *   skip: tokens 0..skip-1 are left out of every mode (a prompt with include_prompt=false); skip < T. `weighted` still
 *   counts positions from the sequence's start: the weight of token t is t+1.
 * Backward adds: dx[t] += ... into [T, C]. x is read by max only. The sum over t runs in order of t. */
#ifndef HONE_KERNELS_POOLING_H
#define HONE_KERNELS_POOLING_H
#include "kernels/kernel.h"

/* How the tokens of a text become one vector. */
typedef enum hone_pool {
    HONE_POOL_CLS = 0,
    HONE_POOL_MAX,
    HONE_POOL_MEAN,
    HONE_POOL_MEAN_SQRT_LEN,
    HONE_POOL_WEIGHTED_MEAN,
    HONE_POOL_LAST,
    HONE_POOL_COUNT
} hone_pool;

typedef void hone_pooling_f32_fwd_fn(hone_pool mode, int64_t T, int64_t C, int64_t skip, const float *x, float *y);
typedef void hone_pooling_f64_fwd_fn(hone_pool mode, int64_t T, int64_t C, int64_t skip, const double *x, double *y);
typedef void hone_pooling_f32_bwd_fn(hone_pool mode, int64_t T, int64_t C, int64_t skip, const float *x,
                                     const float *dy, float *dx);
typedef void hone_pooling_f64_bwd_fn(hone_pool mode, int64_t T, int64_t C, int64_t skip, const double *x,
                                     const double *dy, double *dx);
#endif
