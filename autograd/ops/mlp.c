/* y = a W2^T + b2 with h = x W1^T + b1, a = act(h). Only h is kept; backward turns it into a where dh needs h for the
 * last time. With da = dy W2, dh = da act'(h), sums over rows:
 *     dW2 = dy^T a,  db2 = sum dy,  dW1 = dh^T x,  db1 = sum dh,  dx = dh W1 */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "kernels/kernels.h"

typedef struct mlp_params {
    hone_act act;
} mlp_params;

enum { X, W1, B1, W2, B2 };

static hone_status check_layer(const char *which, int64_t in, const hone_tensor *w, const hone_tensor *b) {
    if (w->shape.rank != 2 || hone_dim(w, 1) != in)
        return hone_fail(HONE_E_SHAPE, "mlp: %s weight \"%s\" is %s, its input has %" PRId64 " columns", which, w->name,
                         hone_shape_str(&w->shape), in);
    if (b && (b->shape.rank != 1 || hone_dim(b, 0) != hone_dim(w, 0)))
        return hone_fail(HONE_E_SHAPE, "mlp: %s bias \"%s\" is %s, weight \"%s\" %s wants [%" PRId64 "]", which,
                         b->name, hone_shape_str(&b->shape), w->name, hone_shape_str(&w->shape), hone_dim(w, 0));
    return HONE_OK;
}

static hone_status mlp_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *x = n->in[X];
    if (x->shape.rank < 1) return hone_fail(HONE_E_SHAPE, "mlp: x \"%s\" is a scalar", x->name);
    if (!n->in[W2]) return hone_fail(HONE_E_ARG, "mlp: the second weight is absent, and not optional");
    HONE_TRY(check_layer("first", hone_cols(x), n->in[W1], n->in[B1]));
    HONE_TRY(check_layer("second", hone_dim(n->in[W1], 0), n->in[W2], n->in[B2]));
    HONE_TRY(hone_ops_check_act("mlp", ((const mlp_params *)n->params)->act));
    *shape = x->shape;
    shape->dim[shape->rank - 1] = hone_dim(n->in[W2], 0);
    *dtype = x->dtype;
    return HONE_OK;
}

static hone_status mlp_forward(hone_graph *g, hone_node *n) {
    const mlp_params *p = n->params;
    hone_dtype dtype = n->out->dtype;
    int64_t M = hone_rows(n->out), F = hone_dim(n->in[W1], 0);
    size_t bytes = (size_t)(M * F) * hone_dtype_size(dtype);
    bool record = hone_graph_get_mode(g)->record;
    void *wide = hone_graph_save(g, bytes);
    n->saved = record ? hone_graph_save(g, bytes) : NULL;
    if (!wide || (record && !n->saved)) return HONE_E_NOMEM;
    op_products products = {.g = g, .dtype = dtype};
    HONE_TRY(hone_ops_add_linear(&products, M, n->in[X]->data, n->in[W1], n->in[B1], p->act, n->saved, wide));
    HONE_TRY(hone_ops_add_linear(&products, M, wide, n->in[W2], n->in[B2], HONE_ACT_NONE, NULL, n->out->data));
    HONE_TRY(hone_ops_run(&products));
    hone_graph_done(g, wide, bytes);
    return HONE_OK;
}

static hone_status mlp_backward(hone_graph *g, hone_node *n) {
    const mlp_params *p = n->params;
    int64_t M = hone_rows(n->out);
    size_t bytes = (size_t)(M * hone_dim(n->in[W1], 0)) * hone_dtype_size(n->out->dtype);
    const void *dy = n->out->grad;
    void *dh = hone_graph_save(g, bytes);
    if (!dh) return HONE_E_NOMEM;
    op_products products = {.g = g, .dtype = n->out->dtype};
    HONE_TRY(hone_ops_add_linear_through(&products, M, dy, n->in[W2], p->act, n->saved, dh));
    void *a = n->saved; /* what was h */
    HONE_TRY(hone_ops_add_linear_grads(&products, M, dy, a, n->in[W2], n->in[B2]));
    /* Run now, not with the rest: then the rest's results lie where a was. */
    HONE_TRY(hone_ops_run(&products));
    hone_graph_done(g, a, bytes);
    HONE_TRY(hone_ops_add_linear_grads(&products, M, dh, n->in[X]->data, n->in[W1], n->in[B1]));
    HONE_TRY(hone_ops_add_linear_input_grad(&products, M, dh, n->in[W1], n->in[X]));
    HONE_TRY(hone_ops_run(&products));
    hone_graph_done(g, dh, bytes);
    return HONE_OK;
}

const hone_op hone_op_mlp = {.name = "mlp",
                             .min_in = 2,
                             .max_in = 5,
                             .prepared = 1u << 1 | 1u << 3,
                             .shape = mlp_shape,
                             .forward = mlp_forward,
                             .backward = mlp_backward};

hone_tensor *hone_mlp(hone_graph *g, hone_tensor *x, hone_tensor *w1, hone_tensor *b1, hone_tensor *w2, hone_tensor *b2,
                      hone_act act) {
    return hone_graph_apply(g, &hone_op_mlp, 5, (hone_tensor *[]){x, w1, b1, w2, b2}, &(mlp_params){act},
                            sizeof(mlp_params));
}
