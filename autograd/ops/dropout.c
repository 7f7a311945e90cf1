/* y = keep ? x / (1 - p) : 0;   dx the same of dy, the mask drawn again from the counter (kernels/kernel.h) */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

typedef struct dropout_params {
    float p;
} dropout_params;

typedef struct dropout_job {
    hone_dtype dtype;
    hone_dropout drop;
    int64_t n;
    const void *x;
    void *y;
    bool add;
} dropout_job;

enum { PER = 16384 }; /* a multiple of the 128 of a group */

static hone_status dropout_task(void *ctx, int64_t t) {
    dropout_job *j = ctx;
    int64_t i = op_first(t, PER);
    HONE_BY_DTYPE(j->dtype, hone_dropout_f32_apply, hone_dropout_f64_apply, op_count(t, PER, j->n), (uint64_t)i,
                  &j->drop, op_at(j->dtype, j->x, i), op_at(j->dtype, j->y, i), j->add);
    return HONE_OK;
}

static hone_status dropout_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const dropout_params *p = n->params;
    HONE_TRY(hone_ops_check_dropout("dropout", p->p));
    *shape = n->in[0]->shape;
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status dropout_run(hone_graph *g, hone_node *n, const void *x, void *y, bool add) {
    const dropout_params *p = n->params;
    dropout_job j = {n->out->dtype, hone_graph_dropout(g, n, p->p), hone_count(n->out), x, y, add};
    return hone_parallel(op_tasks(j.n, PER), dropout_task, &j);
}

static hone_status dropout_forward(hone_graph *g, hone_node *n) {
    return dropout_run(g, n, n->in[0]->data, n->out->data, false);
}

static hone_status dropout_backward(hone_graph *g, hone_node *n) {
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    return dropout_run(g, n, n->out->grad, dx, add);
}

const hone_op hone_op_dropout = {.name = "dropout",
                                 .min_in = 1,
                                 .max_in = 1,
                                 .shape = dropout_shape,
                                 .forward = dropout_forward,
                                 .backward = dropout_backward};

hone_tensor *hone_dropout_op(hone_graph *g, hone_tensor *x, float p) {
    if (p == 0 || !hone_graph_get_mode(g)->train) return x;
    return hone_graph_apply(g, &hone_op_dropout, 1, (hone_tensor *[]){x}, &(dropout_params){p}, sizeof(dropout_params));
}
