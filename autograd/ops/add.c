/* y = alpha a + beta b;   da = alpha dy,  db = beta dy */
#include "autograd/ops.h"
#include "autograd/ops/common.h"

typedef struct add_params {
    double alpha, beta;
} add_params;

static hone_status add_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *a = n->in[0], *b = n->in[1];
    if (!hone_shape_equal(&a->shape, &b->shape))
        return hone_fail(HONE_E_SHAPE, "add: \"%s\" is %s, \"%s\" is %s", a->name, hone_shape_str(&a->shape), b->name,
                         hone_shape_str(&b->shape));
    *shape = a->shape;
    *dtype = a->dtype;
    return HONE_OK;
}

static hone_status add_forward(hone_graph *g, hone_node *n) {
    (void)g;
    const add_params *p = n->params;
    int64_t count = hone_count(n->out);
    HONE_TRY(hone_ops_scale(n->out->dtype, count, p->alpha, n->in[0]->data, n->out->data, false));
    return hone_ops_scale(n->out->dtype, count, p->beta, n->in[1]->data, n->out->data, true);
}

static hone_status add_backward(hone_graph *g, hone_node *n) {
    const add_params *p = n->params;
    for (int i = 0; i < 2; i++) {
        bool add;
        void *d = hone_graph_grad(g, n->in[i], &add);
        if (d)
            HONE_TRY(hone_ops_scale(n->out->dtype, hone_count(n->out), i ? p->beta : p->alpha, n->out->grad, d, add));
    }
    return hone_graph_status(g);
}

const hone_op hone_op_add = {
    .name = "add", .min_in = 2, .max_in = 2, .shape = add_shape, .forward = add_forward, .backward = add_backward};

hone_tensor *hone_add(hone_graph *g, hone_tensor *a, double alpha, hone_tensor *b, double beta) {
    return hone_graph_apply(g, &hone_op_add, 2, (hone_tensor *[]){a, b}, &(add_params){alpha, beta},
                            sizeof(add_params));
}
