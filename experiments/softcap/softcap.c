/* The op: shape rule, forward and backward beside each other, and one table; hone_graph_apply does the rest. */
#include "softcap.h"

#include <math.h>

/* The reference: plain loops, in double for F64 tensors, and the scalar row for F32. */
#define SOFTCAP_SCALAR(name, real)                                                                                     \
    static void name##_fwd(int64_t n, real c, const real *x, real *y) {                                                \
        for (int64_t i = 0; i < n; i++) y[i] = (real)((double)c * tanh((double)x[i] / (double)c));                     \
    }                                                                                                                  \
    static void name##_bwd(int64_t n, real c, const real *y, const real *dy, real *dx, bool add) {                     \
        for (int64_t i = 0; i < n; i++) dx[i] = (add ? dx[i] : 0) + dy[i] * (1 - y[i] / c * (y[i] / c));               \
    }
SOFTCAP_SCALAR(f64, double)
SOFTCAP_SCALAR(f32, float)

const softcap_row softcap_rows[4] = {{"scalar", f32_fwd, f32_bwd},
                                     {"avx2", hone_softcap_fwd__avx2, hone_softcap_bwd__avx2},
                                     {"avx512", hone_softcap_fwd__avx512, hone_softcap_bwd__avx512},
                                     {"avx512, emulated", hone_softcap_fwd__emu512, hone_softcap_bwd__emu512}};

static hone_status softcap_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    double c = *(const double *)n->params; /* hone_graph_apply copied it */
    if (!(c > 0)) return hone_fail(HONE_E_ARG, "softcap: c is %g, wants more than 0", c);
    *shape = n->in[0]->shape, *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status softcap_forward(hone_graph *g, hone_node *n) {
    double c = *(const double *)n->params;
    (void)g;
    HONE_BY_DTYPE(n->out->dtype, softcap_rows[hone_kernels_isa()].fwd, f64_fwd, hone_count(n->out), c, n->in[0]->data,
                  n->out->data);
    return HONE_OK;
}

/* dy/dx = 1 - tanh^2(x / c) = 1 - (y / c)^2: the result says it all, nothing else is kept. */
static hone_status softcap_backward(hone_graph *g, hone_node *n) {
    double c = *(const double *)n->params;
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (dx)
        HONE_BY_DTYPE(n->out->dtype, softcap_rows[hone_kernels_isa()].bwd, f64_bwd, hone_count(n->out), c, n->out->data,
                      n->out->grad, dx, add);
    return hone_graph_status(g);
}

static const hone_op softcap_op = {.name = "softcap",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .shape = softcap_shape,
                                   .forward = softcap_forward,
                                   .backward = softcap_backward};

hone_tensor *softcap(hone_graph *g, hone_tensor *x, double c) {
    return hone_graph_apply(g, &softcap_op, 1, (hone_tensor *[]){x}, &c, sizeof c);
}
