/* y = (1/n) sum x, one element;   dx = dy / n.  The sum runs in double whatever the type. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "kernels/kernels.h"

static hone_status mean_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    if (hone_count(n->in[0]) < 1) return hone_fail(HONE_E_SHAPE, "mean: x \"%s\" is empty", n->in[0]->name);
    *shape = (hone_shape){.rank = 0};
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status mean_forward(hone_graph *g, hone_node *n) {
    (void)g;
    int64_t count = hone_count(n->in[0]);
    if (n->out->dtype == HONE_F64)
        hone_f64(n->out)[0] = hone_vector_f64_sum(count, n->in[0]->data) / (double)count;
    else
        hone_f32(n->out)[0] = (float)(hone_vector_f32_sum(count, n->in[0]->data) / (double)count);
    return HONE_OK;
}

static hone_status mean_backward(hone_graph *g, hone_node *n) {
    bool add;
    int64_t count = hone_count(n->in[0]);
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    if (n->out->dtype == HONE_F64) {
        double d = *(double *)n->out->grad / (double)count, *p = dx;
        for (int64_t i = 0; i < count; i++) p[i] = add ? p[i] + d : d;
    } else {
        float d = (float)((double)*(float *)n->out->grad / (double)count), *p = dx;
        for (int64_t i = 0; i < count; i++) p[i] = add ? p[i] + d : d;
    }
    return HONE_OK;
}

const hone_op hone_op_mean = {
    .name = "mean", .min_in = 1, .max_in = 1, .shape = mean_shape, .forward = mean_forward, .backward = mean_backward};

hone_tensor *hone_mean(hone_graph *g, hone_tensor *x) {
    return hone_graph_apply(g, &hone_op_mean, 1, (hone_tensor *[]){x}, NULL, 0);
}
