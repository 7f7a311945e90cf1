/* y = act(x);   dx = dy act'(x) */
#include "autograd/ops.h"
#include "autograd/ops/common.h"

typedef struct activation_params {
    hone_act act;
} activation_params;

static hone_status activation_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    HONE_TRY(hone_ops_check_act("activation", ((const activation_params *)n->params)->act));
    *shape = n->in[0]->shape;
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status activation_forward(hone_graph *g, hone_node *n) {
    (void)g;
    const activation_params *p = n->params;
    return hone_ops_activation_forward(n->out->dtype, hone_count(n->out), p->act, n->in[0]->data, n->out->data);
}

static hone_status activation_backward(hone_graph *g, hone_node *n) {
    const activation_params *p = n->params;
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    return hone_ops_activation_backward(n->out->dtype, hone_count(n->out), p->act, n->in[0]->data, n->out->grad, dx,
                                        add);
}

const hone_op hone_op_activation = {.name = "activation",
                                    .min_in = 1,
                                    .max_in = 1,
                                    .shape = activation_shape,
                                    .forward = activation_forward,
                                    .backward = activation_backward};

hone_tensor *hone_activation(hone_graph *g, hone_tensor *x, hone_act act) {
    return hone_graph_apply(g, &hone_op_activation, 1, (hone_tensor *[]){x}, &(activation_params){act},
                            sizeof(activation_params));
}
