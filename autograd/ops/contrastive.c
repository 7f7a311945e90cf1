/* y = p d^2 + n relu(m - d)^2;   dd = (2 p d - 2 n relu(m - d)) dy.  In double whatever the type. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

#include <math.h>

typedef struct contrastive_params {
    const double *pull, *push;
    double margin;
} contrastive_params;

static hone_status contrastive_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    *shape = n->in[0]->shape;
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status contrastive_forward(hone_graph *g, hone_node *n) {
    (void)g;
    const contrastive_params *p = n->params;
    for (int64_t i = 0; i < hone_count(n->out); i++) {
        double d = op_get(n->out->dtype, n->in[0]->data, i), short_of = fmax(p->margin - d, 0);
        op_put(n->out->dtype, n->out->data, i, p->pull[i] * d * d + p->push[i] * short_of * short_of, false);
    }
    return HONE_OK;
}

static hone_status contrastive_backward(hone_graph *g, hone_node *n) {
    const contrastive_params *p = n->params;
    bool add;
    void *dd = hone_graph_grad(g, n->in[0], &add);
    for (int64_t i = 0; dd && i < hone_count(n->out); i++) {
        double d = op_get(n->out->dtype, n->in[0]->data, i), short_of = fmax(p->margin - d, 0);
        op_put(n->out->dtype, dd, i,
               2 * (p->pull[i] * d - p->push[i] * short_of) * op_get(n->out->dtype, n->out->grad, i), add);
    }
    return hone_graph_status(g);
}

const hone_op hone_op_contrastive = {.name = "contrastive",
                                     .min_in = 1,
                                     .max_in = 1,
                                     .shape = contrastive_shape,
                                     .forward = contrastive_forward,
                                     .backward = contrastive_backward};

hone_tensor *hone_contrastive(hone_graph *g, hone_tensor *d, const double *pull, const double *push, double margin) {
    if (op_lacks(g, "contrastive", "pull or push", pull && push ? pull : NULL)) return NULL;
    return hone_graph_apply(g, &hone_op_contrastive, 1, (hone_tensor *[]){d}, &(contrastive_params){pull, push, margin},
                            sizeof(contrastive_params));
}
