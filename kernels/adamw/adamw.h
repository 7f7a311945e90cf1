/* One AdamW step on n parameters (decoupled weight decay), PyTorch's order of operations:
 *     g' = g * grad_scale                                      (clipping)
 *     p  = p * (1 - lr * weight_decay)
 *     m  = beta1 m + (1 - beta1) g'        v = beta2 v + (1 - beta2) g'^2
 *     p  = p - (lr / bias1) * m / (sqrt(v) / sqrt(bias2) + eps),   bias_i = 1 - beta_i^t, t from 1
 * Source: Loshchilov, Hutter 2019; torch/optim/adamw.py. zero_grad: set g to 0 after use. */
#ifndef HONE_KERNELS_ADAMW_H
#define HONE_KERNELS_ADAMW_H
#include "kernels/kernel.h"

/* The numbers of one step, the same for all parameters of a call. */
typedef struct hone_adamw_step {
    double lr, beta1, beta2, eps, weight_decay;
    double bias1, bias2; /* 1 - beta^t */
    double grad_scale;
    bool zero_grad;
} hone_adamw_step;

typedef void hone_adamw_f32_step_fn(int64_t n, const hone_adamw_step *s, float *p, float *g, float *m, float *v);
typedef void hone_adamw_f64_step_fn(int64_t n, const hone_adamw_step *s, double *p, double *g, double *m, double *v);
#endif
