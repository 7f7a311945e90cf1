/* y[i] = (x[i] - t[i])^2;   dx = 2 (x - t) dy.  In double whatever the type. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

typedef struct error_params {
    const double *target;
} error_params;

static hone_status error_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    *shape = n->in[0]->shape;
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static double gap(const hone_node *n, int64_t i) {
    return op_get(n->out->dtype, n->in[0]->data, i) - ((const error_params *)n->params)->target[i];
}

static hone_status error_forward(hone_graph *g, hone_node *n) {
    (void)g;
    for (int64_t i = 0; i < hone_count(n->out); i++)
        op_put(n->out->dtype, n->out->data, i, gap(n, i) * gap(n, i), false);
    return HONE_OK;
}

static hone_status error_backward(hone_graph *g, hone_node *n) {
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    for (int64_t i = 0; dx && i < hone_count(n->out); i++)
        op_put(n->out->dtype, dx, i, 2 * gap(n, i) * op_get(n->out->dtype, n->out->grad, i), add);
    return hone_graph_status(g);
}

const hone_op hone_op_squared_error = {.name = "squared_error",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .shape = error_shape,
                                       .forward = error_forward,
                                       .backward = error_backward};

hone_tensor *hone_squared_error(hone_graph *g, hone_tensor *x, const double *target) {
    if (op_lacks(g, "squared_error", "target", target)) return NULL;
    return hone_graph_apply(g, &hone_op_squared_error, 1, (hone_tensor *[]){x}, &(error_params){target},
                            sizeof(error_params));
}
