/* y = LN(z) gamma + beta with z = residual + drop(x). For xhat = (z - mean) rstd and u = dy gamma:
 *     dz = rstd (u - mean_c(u) - xhat mean_c(u xhat));   dresidual = dz;   dx = drop(dz)
 *     dgamma = sum over rows of dy xhat;   dbeta = sum over rows of dy */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <string.h>

typedef struct layernorm_params {
    float eps, p;
    bool consume; /* the sum takes x's place */
} layernorm_params;

typedef struct layernorm_saved {
    void *z; /* NULL: it is the input x itself */
    void *mean, *rstd;
    hone_dropout drop;
} layernorm_saved;

typedef struct layernorm_job {
    const hone_node *n;
    hone_dtype dtype;
    int64_t rows, C, per;
    float eps;
    void *dx, *dresidual, *part_gamma, *part_beta;
    bool add_dx, add_dresidual;
} layernorm_job;

static hone_status layernorm_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const layernorm_params *p = n->params;
    const hone_tensor *x = n->in[0], *residual = n->in[1];
    if (x->shape.rank < 1) return hone_fail(HONE_E_SHAPE, "layernorm: x \"%s\" is a scalar", x->name);
    if (residual && !hone_shape_equal(&x->shape, &residual->shape))
        return hone_fail(HONE_E_SHAPE, "layernorm: residual \"%s\" is %s, x \"%s\" is %s", residual->name,
                         hone_shape_str(&residual->shape), x->name, hone_shape_str(&x->shape));
    if (p->consume && !residual)
        return hone_fail(HONE_E_ARG, "layernorm: the residual is absent, and x \"%s\" is to hold its sum", x->name);
    for (int i = 2; i < 4; i++) {
        if (!n->in[i])
            return hone_fail(HONE_E_ARG, "layernorm: %s is absent, and not optional", i == 2 ? "gamma" : "beta");
        if (n->in[i]->shape.rank != 1 || hone_dim(n->in[i], 0) != hone_cols(x))
            return hone_fail(HONE_E_SHAPE, "layernorm: %s \"%s\" is %s, x \"%s\" wants [%" PRId64 "]",
                             i == 2 ? "gamma" : "beta", n->in[i]->name, hone_shape_str(&n->in[i]->shape), x->name,
                             hone_cols(x));
    }
    if (!(p->eps > 0)) return hone_fail(HONE_E_ARG, "layernorm: eps is %g, wants > 0", (double)p->eps);
    HONE_TRY(hone_ops_check_dropout("layernorm", p->p));
    *shape = x->shape;
    *dtype = x->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t t) {
    layernorm_job *j = ctx;
    const hone_node *n = j->n;
    const layernorm_saved *s = n->saved;
    int64_t r = op_first(t, j->per), count = op_count(t, j->per, j->rows), at = r * j->C;
    HONE_BY_DTYPE(j->dtype, hone_layernorm_f32_fwd, hone_layernorm_f64_fwd, count, j->C, r,
                  op_at(j->dtype, n->in[0]->data, at), n->in[1] ? op_at(j->dtype, n->in[1]->data, at) : NULL, &s->drop,
                  n->in[2]->data, n->in[3]->data, j->eps, op_at(j->dtype, s->z, at), op_at(j->dtype, n->out->data, at),
                  op_at(j->dtype, s->mean, r), op_at(j->dtype, s->rstd, r));
    return HONE_OK;
}

static hone_status layernorm_forward(hone_graph *g, hone_node *n) {
    const layernorm_params *p = n->params;
    const hone_tensor *x = n->in[0];
    size_t element = hone_dtype_size(x->dtype);
    int64_t rows = hone_rows(x), C = hone_cols(x);
    layernorm_saved *s = n->saved = hone_graph_save(g, sizeof *s);
    if (!s) return HONE_E_NOMEM;
    s->drop = hone_graph_dropout(g, n, p->p);
    bool is_sum = n->in[1] || s->drop.threshold;
    s->mean = hone_graph_save(g, (size_t)rows * element);
    s->rstd = hone_graph_save(g, (size_t)rows * element);
    s->z = !is_sum                          ? NULL
           : p->consume                     ? x->data
           : hone_graph_get_mode(g)->record ? hone_graph_save(g, (size_t)(rows * C) * element)
                                            : NULL;
    if (!s->mean || !s->rstd) return HONE_E_NOMEM;
    /* Inference keeps no sum, but the kernel needs a place for it: the output itself. */
    if (is_sum && !s->z) s->z = n->out->data;
    layernorm_job j = {.n = n, .dtype = x->dtype, .rows = rows, .C = C, .per = hone_task_rows(rows, C), .eps = p->eps};
    return hone_parallel(op_tasks(rows, j.per), forward_task, &j);
}

static hone_status rebuild_task(void *ctx, int64_t t) {
    layernorm_job *j = ctx;
    const hone_node *n = j->n;
    const layernorm_saved *s = n->saved;
    const hone_dropout none = {.scale = 1};
    int64_t r = op_first(t, j->per), count = op_count(t, j->per, j->rows), at = r * j->C;
    HONE_BY_DTYPE(j->dtype, hone_layernorm_f32_fwd, hone_layernorm_f64_fwd, count, j->C, r,
                  op_at(j->dtype, s->z ? s->z : n->in[0]->data, at), NULL, &none, n->in[2]->data, n->in[3]->data,
                  j->eps, NULL, op_at(j->dtype, n->out->data, at), op_at(j->dtype, s->mean, r),
                  op_at(j->dtype, s->rstd, r));
    return HONE_OK;
}

/* From the sum that backward keeps: the same numbers go through the same steps. */
static hone_status layernorm_rebuild(hone_graph *g, hone_node *n) {
    const layernorm_params *p = n->params;
    int64_t rows = hone_rows(n->out), C = hone_cols(n->out);
    layernorm_job j = {
        .n = n, .dtype = n->out->dtype, .rows = rows, .C = C, .per = hone_task_rows(rows, C), .eps = p->eps};
    (void)g;
    return hone_parallel(op_tasks(rows, j.per), rebuild_task, &j);
}

static hone_status backward_task(void *ctx, int64_t t) {
    layernorm_job *j = ctx;
    const hone_node *n = j->n;
    const layernorm_saved *s = n->saved;
    int64_t r = op_first(t, j->per), count = op_count(t, j->per, j->rows), at = r * j->C;
    void *dgamma = op_at(j->dtype, j->part_gamma, t * j->C), *dbeta = op_at(j->dtype, j->part_beta, t * j->C);
    memset(dgamma, 0, (size_t)j->C * hone_dtype_size(j->dtype));
    memset(dbeta, 0, (size_t)j->C * hone_dtype_size(j->dtype));
    HONE_BY_DTYPE(j->dtype, hone_layernorm_f32_bwd, hone_layernorm_f64_bwd, count, j->C, r,
                  op_at(j->dtype, n->out->grad, at), op_at(j->dtype, s->z ? s->z : n->in[0]->data, at),
                  op_at(j->dtype, s->mean, r), op_at(j->dtype, s->rstd, r), n->in[2]->data, &s->drop,
                  op_at(j->dtype, j->dx, at), j->add_dx, op_at(j->dtype, j->dresidual, at), j->add_dresidual, dgamma,
                  dbeta);
    return HONE_OK;
}

static void add_parts(hone_graph *g, hone_tensor *param, hone_dtype dtype, int64_t tasks, int64_t C, const void *part) {
    bool add;
    void *grad = hone_graph_grad(g, param, &add);
    if (!grad) return;
    if (!add) memset(grad, 0, (size_t)C * hone_dtype_size(dtype));
    HONE_BY_DTYPE(dtype, hone_vector_f32_colsum, hone_vector_f64_colsum, tasks, C, C, part, grad);
}

static hone_status layernorm_backward(hone_graph *g, hone_node *n) {
    const layernorm_saved *s = n->saved;
    int64_t rows = hone_rows(n->out), C = hone_cols(n->out);
    layernorm_job j = {.n = n, .dtype = n->out->dtype, .rows = rows, .C = C, .per = hone_task_rows(rows, C)};
    int64_t tasks = op_tasks(rows, j.per);
    size_t part_bytes = (size_t)(tasks * C) * hone_dtype_size(j.dtype);
    j.dresidual = hone_graph_grad(g, n->in[1], &j.add_dresidual);
    j.dx = hone_graph_grad(g, n->in[0], &j.add_dx);
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    j.part_gamma = hone_arena_alloc(scratch, part_bytes);
    j.part_beta = hone_arena_alloc(scratch, part_bytes);
    hone_status status = tasks && (!j.part_gamma || !j.part_beta)
                             ? hone_fail(HONE_E_NOMEM, "layernorm: no memory for partial sums")
                             : hone_parallel(tasks, backward_task, &j);
    if (status == HONE_OK) {
        add_parts(g, n->in[2], j.dtype, tasks, C, j.part_gamma);
        add_parts(g, n->in[3], j.dtype, tasks, C, j.part_beta);
    }
    hone_arena_release(scratch, mark);
    size_t element = hone_dtype_size(j.dtype);
    if (s->z && s->z != n->out->data && s->z != n->in[0]->data) hone_graph_done(g, s->z, (size_t)(rows * C) * element);
    hone_graph_done(g, s->mean, (size_t)rows * element);
    hone_graph_done(g, s->rstd, (size_t)rows * element);
    return status != HONE_OK ? status : hone_graph_status(g);
}

const hone_op hone_op_layernorm = {.name = "layernorm",
                                   .min_in = 1,
                                   .max_in = 4,
                                   .shape = layernorm_shape,
                                   .forward = layernorm_forward,
                                   .backward = layernorm_backward,
                                   .rebuild = layernorm_rebuild};

hone_tensor *hone_layernorm(hone_graph *g, hone_tensor *x, hone_tensor *residual, hone_tensor *gamma, hone_tensor *beta,
                            float eps, float p) {
    return hone_graph_apply(g, &hone_op_layernorm, 4, (hone_tensor *[]){x, residual, gamma, beta},
                            &(layernorm_params){eps, p, false}, sizeof(layernorm_params));
}

hone_tensor *hone_residual_layernorm(hone_graph *g, hone_tensor *x, hone_tensor *residual, hone_tensor *gamma,
                                     hone_tensor *beta, float eps, float p) {
    return hone_graph_apply(g, &hone_op_layernorm, 4, (hone_tensor *[]){x, residual, gamma, beta},
                            &(layernorm_params){eps, p, true}, sizeof(layernorm_params));
}
