/* loss[r] = lse_r - s z[r][target[r]];   dz[r][j] = s dloss[r] (exp(s z[r][j] - lse_r) - [j = target[r]]) */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

typedef struct xent_params {
    const int32_t *target;
    double scale;
} xent_params;

typedef struct xent_job {
    const hone_node *n;
    int64_t per;
    void *dz;
    bool add;
} xent_job;

static hone_status xent_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const xent_params *p = n->params;
    const hone_tensor *z = n->in[0];
    if (z->shape.rank != 2 || hone_dim(z, 1) < 1)
        return hone_fail(HONE_E_SHAPE, "softmax_xent: z \"%s\" is %s, wants [rows, classes]", z->name,
                         hone_shape_str(&z->shape));
    for (int64_t r = 0; r < hone_dim(z, 0); r++)
        if (p->target[r] < 0 || p->target[r] >= hone_dim(z, 1))
            return hone_fail(HONE_E_SHAPE, "softmax_xent: target %d of row %" PRId64 " is outside %" PRId64 " classes",
                             p->target[r], r, hone_dim(z, 1));
    *shape = hone_shape_of(1, hone_dim(z, 0));
    *dtype = z->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t t) {
    const xent_job *j = ctx;
    const hone_node *n = j->n;
    const xent_params *p = n->params;
    int64_t N = hone_dim(n->in[0], 1), r = op_first(t, j->per), rows = op_count(t, j->per, hone_dim(n->in[0], 0));
    void *z = op_at(n->out->dtype, n->in[0]->data, r * N), *loss = op_at(n->out->dtype, n->out->data, r);
    void *lse = op_at(n->out->dtype, n->saved, r);
    if (n->out->dtype == HONE_F64)
        hone_softmax_xent_f64_fwd(rows, N, N, p->scale, z, p->target + r, loss, lse);
    else
        hone_softmax_xent_f32_fwd(rows, N, N, (float)p->scale, z, p->target + r, loss, lse);
    return HONE_OK;
}

static hone_status backward_task(void *ctx, int64_t t) {
    const xent_job *j = ctx;
    const hone_node *n = j->n;
    const xent_params *p = n->params;
    int64_t N = hone_dim(n->in[0], 1), r = op_first(t, j->per), rows = op_count(t, j->per, hone_dim(n->in[0], 0));
    void *z = op_at(n->out->dtype, n->in[0]->data, r * N), *dloss = op_at(n->out->dtype, n->out->grad, r);
    void *lse = op_at(n->out->dtype, n->saved, r), *dz = op_at(n->out->dtype, j->dz, r * N);
    if (n->out->dtype == HONE_F64)
        hone_softmax_xent_f64_bwd(rows, N, N, p->scale, z, p->target + r, lse, dloss, dz, j->add);
    else
        hone_softmax_xent_f32_bwd(rows, N, N, (float)p->scale, z, p->target + r, lse, dloss, dz, j->add);
    return HONE_OK;
}

static hone_status xent_forward(hone_graph *g, hone_node *n) {
    int64_t R = hone_dim(n->in[0], 0);
    n->saved = hone_graph_save(g, (size_t)R * hone_dtype_size(n->out->dtype));
    if (!n->saved) return HONE_E_NOMEM;
    xent_job j = {.n = n, .per = hone_task_rows(R, hone_dim(n->in[0], 1))};
    return hone_parallel(op_tasks(R, j.per), forward_task, &j);
}

static hone_status xent_backward(hone_graph *g, hone_node *n) {
    int64_t R = hone_dim(n->in[0], 0);
    xent_job j = {.n = n, .per = hone_task_rows(R, hone_dim(n->in[0], 1))};
    j.dz = hone_graph_grad(g, n->in[0], &j.add);
    if (!j.dz) return hone_graph_status(g);
    return hone_parallel(op_tasks(R, j.per), backward_task, &j);
}

const hone_op hone_op_softmax_xent = {.name = "softmax_xent",
                                      .min_in = 1,
                                      .max_in = 1,
                                      .shape = xent_shape,
                                      .forward = xent_forward,
                                      .backward = xent_backward};

hone_tensor *hone_softmax_xent(hone_graph *g, hone_tensor *z, const int32_t *target, double scale) {
    if (op_lacks(g, "softmax_xent", "target", target)) return NULL;
    return hone_graph_apply(g, &hone_op_softmax_xent, 1, (hone_tensor *[]){z}, &(xent_params){target, scale},
                            sizeof(xent_params));
}
