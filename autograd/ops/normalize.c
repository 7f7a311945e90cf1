/* y = x / max(|x|, 1e-12);   |x| > eps: dx = (dy - y (y . dy)) / |x|,  else dy / eps */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

static const double EPS = 1e-12; /* torch.nn.functional.normalize */

typedef struct normalize_job {
    hone_dtype dtype;
    int64_t rows, C, per;
    const void *x, *dy;
    void *y, *norm;
    bool add;
} normalize_job;

static hone_status normalize_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    if (n->in[0]->shape.rank < 1) return hone_fail(HONE_E_SHAPE, "normalize: x \"%s\" is a scalar", n->in[0]->name);
    *shape = n->in[0]->shape;
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t t) {
    normalize_job *j = ctx;
    int64_t r = op_first(t, j->per), n = op_count(t, j->per, j->rows);
    void *x = op_at(j->dtype, j->x, r * j->C), *y = op_at(j->dtype, j->y, r * j->C),
         *norm = op_at(j->dtype, j->norm, r);
    if (j->dtype == HONE_F64)
        hone_normalize_f64_fwd(n, j->C, EPS, x, y, norm);
    else
        hone_normalize_f32_fwd(n, j->C, (float)EPS, x, y, norm);
    return HONE_OK;
}

static hone_status backward_task(void *ctx, int64_t t) {
    normalize_job *j = ctx;
    int64_t r = op_first(t, j->per), n = op_count(t, j->per, j->rows);
    void *x = op_at(j->dtype, j->x, r * j->C), *norm = op_at(j->dtype, j->norm, r);
    void *dy = op_at(j->dtype, j->dy, r * j->C), *dx = op_at(j->dtype, j->y, r * j->C);
    if (j->dtype == HONE_F64)
        hone_normalize_f64_bwd(n, j->C, EPS, x, norm, dy, dx, j->add);
    else
        hone_normalize_f32_bwd(n, j->C, (float)EPS, x, norm, dy, dx, j->add);
    return HONE_OK;
}

static hone_status normalize_forward(hone_graph *g, hone_node *n) {
    const hone_tensor *x = n->in[0];
    int64_t rows = hone_rows(x), C = hone_cols(x);
    n->saved = hone_graph_save(g, (size_t)rows * hone_dtype_size(x->dtype));
    if (!n->saved) return HONE_E_NOMEM;
    normalize_job j = {.dtype = x->dtype,
                       .rows = rows,
                       .C = C,
                       .per = hone_task_rows(rows, C),
                       .x = x->data,
                       .y = n->out->data,
                       .norm = n->saved};
    return hone_parallel(op_tasks(rows, j.per), forward_task, &j);
}

static hone_status normalize_backward(hone_graph *g, hone_node *n) {
    int64_t rows = hone_rows(n->out), C = hone_cols(n->out);
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    normalize_job j = {.dtype = n->out->dtype,
                       .rows = rows,
                       .C = C,
                       .per = hone_task_rows(rows, C),
                       .x = n->out->data,
                       .dy = n->out->grad,
                       .y = dx,
                       .norm = n->saved,
                       .add = add};
    return hone_parallel(op_tasks(rows, j.per), backward_task, &j);
}

const hone_op hone_op_normalize = {.name = "normalize",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .shape = normalize_shape,
                                   .forward = normalize_forward,
                                   .backward = normalize_backward};

hone_tensor *hone_normalize(hone_graph *g, hone_tensor *x) {
    return hone_graph_apply(g, &hone_op_normalize, 1, (hone_tensor *[]){x}, NULL, 0);
}
