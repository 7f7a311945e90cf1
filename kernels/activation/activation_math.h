/* Activations and their slopes on vectors, for the activation kernels and for the epilogue of matmul. act(-inf) would
 * read -inf * 0 in the formulas: arguments are clamped where the result has reached its limit in float (and a NaN
 * passes). */
#ifndef HONE_KERNELS_ACTIVATION_MATH_H
#define HONE_KERNELS_ACTIVATION_MATH_H
#include "kernels/simd.h"

static inline vf act_at_least(float limit, vf x) {
    return vf_max(vf_set1(limit), x);
}
static inline vf act_within(float limit, vf x) {
    return vf_max(vf_set1(-limit), vf_min(vf_set1(limit), x));
}

/* 2 sqrt(2/pi) (x + 0.044715 x^3), the argument of the sigmoid that (1 + tanh)/2 is; and its derivative. */
static inline vf act_gelu_tanh_arg(vf x) {
    return vf_mul(x, vf_fma(vf_mul(x, x), vf_set1(0.07135481283f), vf_set1(1.595769122f)));
}
static inline vf act_gelu_tanh_arg_slope(vf x) {
    return vf_fma(vf_mul(x, x), vf_set1(0.2140644385f), vf_set1(1.595769122f));
}

static inline vf act_gelu(vf x) {
    vf h = vf_mul(vf_set1(0.5f), act_at_least(-16, x)); /* Phi(x) is 0 from -5.66 down */
    return vf_fma(h, vf_erf_sqrt_half(x), h);
}
static inline vf act_gelu_tanh(vf x) {
    return vf_mul(act_at_least(-16, x), vf_sigmoid(act_gelu_tanh_arg(x)));
}
static inline vf act_quick_gelu(vf x) {
    return vf_mul(act_at_least(-128, x), vf_sigmoid(vf_mul(vf_set1(1.702f), x)));
}
static inline vf act_relu(vf x) {
    return vf_max(vf_zero(), x);
}
static inline vf act_silu(vf x) {
    return vf_mul(act_at_least(-128, x), vf_sigmoid(x));
}

/* Phi(x) + x phi(x) */
static inline vf act_gelu_slope(vf x) {
    x = act_within(16, x);
    vf phi = vf_mul(vf_set1(0.3989422804f), vf_exp(vf_mul(vf_set1(-0.5f), vf_mul(x, x))));
    return vf_fma(x, phi, vf_fma(vf_set1(0.5f), vf_erf_sqrt_half(x), vf_set1(0.5f)));
}
/* d/dx x s(t(x)) = s + x s'(t) t' */
static inline vf act_ramp_slope(vf x, vf t, vf dt) {
    vf ds, s = vf_sigmoid_slope(t, &ds);
    return vf_fma(vf_mul(x, dt), ds, s);
}
static inline vf act_gelu_tanh_slope(vf x) {
    x = act_within(16, x);
    return act_ramp_slope(x, act_gelu_tanh_arg(x), act_gelu_tanh_arg_slope(x));
}
static inline vf act_quick_gelu_slope(vf x) {
    x = act_within(128, x);
    return act_ramp_slope(x, vf_mul(vf_set1(1.702f), x), vf_set1(1.702f));
}
static inline vf act_relu_slope(vf x) {
    return vf_select(vf_gt(x, vf_zero()), vf_set1(1), vf_keep(vf_isnan(x), x));
}
static inline vf act_silu_slope(vf x) {
    x = act_within(128, x);
    return act_ramp_slope(x, x, vf_set1(1));
}
/* 1 - tanh^2 = 4 sigmoid'(2x) */
static inline vf act_tanh_slope(vf x) {
    vf ds;
    vf_sigmoid_slope(vf_add(x, x), &ds);
    return vf_mul(vf_set1(4), ds);
}
static inline vf act_sigmoid_slope(vf x) {
    vf ds;
    vf_sigmoid_slope(x, &ds);
    return ds;
}

/* One vector of any activation. With a constant `act` the switch vanishes. */
static inline vf act_value(hone_act act, vf x) {
    switch (act) {
    case HONE_ACT_GELU: return act_gelu(x);
    case HONE_ACT_GELU_TANH: return act_gelu_tanh(x);
    case HONE_ACT_QUICK_GELU: return act_quick_gelu(x);
    case HONE_ACT_RELU: return act_relu(x);
    case HONE_ACT_SILU: return act_silu(x);
    case HONE_ACT_TANH: return vf_tanh(x);
    case HONE_ACT_SIGMOID: return vf_sigmoid(x);
    default: return x;
    }
}
static inline vf act_slope(hone_act act, vf x) {
    switch (act) {
    case HONE_ACT_GELU: return act_gelu_slope(x);
    case HONE_ACT_GELU_TANH: return act_gelu_tanh_slope(x);
    case HONE_ACT_QUICK_GELU: return act_quick_gelu_slope(x);
    case HONE_ACT_RELU: return act_relu_slope(x);
    case HONE_ACT_SILU: return act_silu_slope(x);
    case HONE_ACT_TANH: return act_tanh_slope(x);
    case HONE_ACT_SIGMOID: return act_sigmoid_slope(x);
    default: return vf_set1(1);
    }
}

#endif
