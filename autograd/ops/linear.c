/* y = act(x W^T + b). With h = x W^T + b and dh = dy act'(h):
 *     dx = dh W        dW = dh^T x        db = sum over rows of dh */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "kernels/kernels.h"

typedef struct linear_params {
    hone_act act;
} linear_params;

typedef struct linear_saved {
    void *pre; /* [M, N], the value before act; NULL without act */
} linear_saved;

static hone_status linear_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *x = n->in[0], *w = n->in[1], *b = n->in[2];
    if (w->shape.rank != 2 || x->shape.rank < 1 || hone_cols(x) != hone_dim(w, 1))
        return hone_fail(
            HONE_E_SHAPE, "linear: weight \"%s\" is %s, x \"%s\" is %s: its last dimension must be %" PRId64, w->name,
            hone_shape_str(&w->shape), x->name, hone_shape_str(&x->shape), w->shape.rank == 2 ? hone_dim(w, 1) : 0);
    if (b && (b->shape.rank != 1 || hone_dim(b, 0) != hone_dim(w, 0)))
        return hone_fail(HONE_E_SHAPE, "linear: bias \"%s\" is %s, weight \"%s\" %s wants [%" PRId64 "]", b->name,
                         hone_shape_str(&b->shape), w->name, hone_shape_str(&w->shape), hone_dim(w, 0));
    HONE_TRY(hone_ops_check_act("linear", ((const linear_params *)n->params)->act));
    *shape = x->shape;
    shape->dim[shape->rank - 1] = hone_dim(w, 0);
    *dtype = x->dtype;
    return HONE_OK;
}

static hone_status linear_forward(hone_graph *g, hone_node *n) {
    const hone_tensor *x = n->in[0], *w = n->in[1], *b = n->in[2];
    const linear_params *p = n->params;
    int64_t M = hone_rows(x), N = hone_dim(w, 0);
    linear_saved *saved = n->saved = hone_graph_save(g, sizeof *saved);
    if (!saved) return HONE_E_NOMEM;
    bool keep = p->act != HONE_ACT_NONE && hone_graph_get_mode(g)->record;
    saved->pre = keep ? hone_graph_save(g, (size_t)(M * N) * hone_dtype_size(x->dtype)) : NULL;
    if (keep && !saved->pre) return HONE_E_NOMEM;
    op_products products = {.g = g, .dtype = x->dtype};
    HONE_TRY(hone_ops_add_linear(&products, M, x->data, w, b, p->act, saved->pre, n->out->data));
    return hone_ops_run(&products);
}

static hone_status linear_backward(hone_graph *g, hone_node *n) {
    hone_tensor *x = n->in[0], *w = n->in[1], *b = n->in[2];
    const linear_params *p = n->params;
    const linear_saved *saved = n->saved;
    int64_t M = hone_rows(x), N = hone_dim(w, 0);
    void *dh = n->out->grad;
    if (p->act != HONE_ACT_NONE)
        HONE_TRY(hone_ops_activation_backward(x->dtype, M * N, p->act, saved->pre, dh, dh, false));
    if (saved->pre) hone_graph_done(g, saved->pre, (size_t)(M * N) * hone_dtype_size(x->dtype));
    op_products products = {.g = g, .dtype = x->dtype};
    HONE_TRY(hone_ops_add_linear_grads(&products, M, dh, x->data, w, b));
    HONE_TRY(hone_ops_add_linear_input_grad(&products, M, dh, w, x));
    return hone_ops_run(&products);
}

const hone_op hone_op_linear = {.name = "linear",
                                .min_in = 2,
                                .max_in = 3,
                                .prepared = 1u << 1,
                                .shape = linear_shape,
                                .forward = linear_forward,
                                .backward = linear_backward};

hone_tensor *hone_linear(hone_graph *g, hone_tensor *x, hone_tensor *w, hone_tensor *b, hone_act act) {
    return hone_graph_apply(g, &hone_op_linear, 3, (hone_tensor *[]){x, w, b}, &(linear_params){act},
                            sizeof(linear_params));
}
