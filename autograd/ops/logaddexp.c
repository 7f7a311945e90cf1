/* y = log(e^a + e^b);   da = e^(a - y) dy, db = e^(b - y) dy.  In double whatever the type; not for hot places. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

#include <math.h>

static hone_status logaddexp_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *a = n->in[0], *b = n->in[1];
    if (!hone_shape_equal(&a->shape, &b->shape))
        return hone_fail(HONE_E_SHAPE, "logaddexp: a \"%s\" is %s, b \"%s\" is %s", a->name, hone_shape_str(&a->shape),
                         b->name, hone_shape_str(&b->shape));
    *shape = a->shape;
    *dtype = a->dtype;
    return HONE_OK;
}

static hone_status logaddexp_forward(hone_graph *g, hone_node *n) {
    (void)g;
    for (int64_t i = 0; i < hone_count(n->out); i++) {
        double a = op_get(n->out->dtype, n->in[0]->data, i), b = op_get(n->out->dtype, n->in[1]->data, i),
               top = a > b || isnan(a) ? a : b, low = a > b || isnan(a) ? b : a; /* fmax would lose a NaN */
        op_put(n->out->dtype, n->out->data, i, top + log1p(exp(low - top)), false);
    }
    return HONE_OK;
}

static hone_status logaddexp_backward(hone_graph *g, hone_node *n) {
    for (int k = 0; k < 2; k++) {
        /* e^(a - y) = 1 / (1 + e^(b - a)): from the inputs, for y is rounded */
        const void *x = n->in[k]->data, *other = n->in[1 - k]->data;
        bool add;
        void *dx = hone_graph_grad(g, n->in[k], &add);
        if (!dx) continue;
        for (int64_t i = 0; i < hone_count(n->out); i++) {
            double share = 1 / (1 + exp(op_get(n->out->dtype, other, i) - op_get(n->out->dtype, x, i)));
            op_put(n->out->dtype, dx, i, share * op_get(n->out->dtype, n->out->grad, i), add);
        }
    }
    return hone_graph_status(g);
}

const hone_op hone_op_logaddexp = {.name = "logaddexp",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .shape = logaddexp_shape,
                                   .forward = logaddexp_forward,
                                   .backward = logaddexp_backward};

hone_tensor *hone_logaddexp(hone_graph *g, hone_tensor *a, hone_tensor *b) {
    return hone_graph_apply(g, &hone_op_logaddexp, 2, (hone_tensor *[]){a, b}, NULL, 0);
}
