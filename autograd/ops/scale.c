/* y = a x + c;   dx = a dy */
#include "autograd/ops.h"
#include "autograd/ops/common.h"

typedef struct scale_params {
    double a, c;
} scale_params;

static hone_status scale_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    *shape = n->in[0]->shape;
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status scale_forward(hone_graph *g, hone_node *n) {
    (void)g;
    const scale_params *p = n->params;
    int64_t count = hone_count(n->out);
    HONE_TRY(hone_ops_scale(n->out->dtype, count, p->a, n->in[0]->data, n->out->data, false));
    if (p->c == 0) return HONE_OK;
    if (n->out->dtype == HONE_F64)
        for (int64_t i = 0; i < count; i++) hone_f64(n->out)[i] += p->c;
    else
        for (int64_t i = 0; i < count; i++) hone_f32(n->out)[i] += (float)p->c;
    return HONE_OK;
}

static hone_status scale_backward(hone_graph *g, hone_node *n) {
    const scale_params *p = n->params;
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    return hone_ops_scale(n->out->dtype, hone_count(n->out), p->a, n->out->grad, dx, add);
}

const hone_op hone_op_scale = {.name = "scale",
                               .min_in = 1,
                               .max_in = 1,
                               .shape = scale_shape,
                               .forward = scale_forward,
                               .backward = scale_backward};

hone_tensor *hone_scale(hone_graph *g, hone_tensor *x, double a, double c) {
    return hone_graph_apply(g, &hone_op_scale, 1, (hone_tensor *[]){x}, &(scale_params){a, c}, sizeof(scale_params));
}
