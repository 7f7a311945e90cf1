/* All distances within one set of rows: d_ij of x_i and x_j.
 *     euclidean  d = |x_i - x_j|     dx_i = sum_j (dd_ij + dd_ji) (x_i - x_j) / d_ij, nothing where d_ij = 0
 *     manhattan  d = sum |x_i - x_j| dx_i = sum_j (dd_ij + dd_ji) sign(x_i - x_j)
 * From the differences, not from |a|^2 - 2ab + |b|^2: near rows keep all their digits. In double whatever the type. A
 * loss that picks a few pairs leaves most of dd zero, which the backward skips. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"
#include "base/parallel.h"

#include <math.h>

typedef struct matrix_params {
    hone_metric metric;
} matrix_params;

typedef struct matrix_job {
    const hone_node *n;
    void *dx;
    bool add;
} matrix_job;

static hone_status matrix_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *x = n->in[0];
    if (x->shape.rank != 2)
        return hone_fail(HONE_E_SHAPE, "distance_matrix: x \"%s\" is %s, wants [rows, D]", x->name,
                         hone_shape_str(&x->shape));
    int metric = (int)((const matrix_params *)n->params)->metric;
    if (metric < 0 || metric >= HONE_METRIC_COUNT)
        return hone_fail(HONE_E_ARG, "distance_matrix: metric %d, wants 1 to %d", metric, HONE_METRIC_COUNT - 1);
    if (metric == HONE_COSINE)
        return hone_fail(HONE_E_UNSUPPORTED, "distance_matrix: cosine is the matmul of unit rows");
    *shape = hone_shape_of(2, hone_dim(x, 0), hone_dim(x, 0));
    *dtype = x->dtype;
    return HONE_OK;
}

/* Four sums side by side, so that the additions do not wait for each other. */
static double one_distance(const hone_tensor *x, int64_t i, int64_t j, hone_metric metric) {
    int64_t D = hone_dim(x, 1);
    double sum[4] = {0};
    for (int64_t k = 0; k < D; k++) {
        double gap = op_get(x->dtype, x->data, i * D + k) - op_get(x->dtype, x->data, j * D + k);
        sum[k & 3] += metric == HONE_EUCLIDEAN ? gap * gap : fabs(gap);
    }
    double all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    return metric == HONE_EUCLIDEAN ? sqrt(all) : all;
}

/* Row i of the upper triangle, and its mirror image: no two tasks write one element. */
static hone_status forward_task(void *ctx, int64_t i) {
    const hone_node *n = ((const matrix_job *)ctx)->n;
    hone_metric metric = ((const matrix_params *)n->params)->metric;
    int64_t B = hone_dim(n->out, 0);
    op_put(n->out->dtype, n->out->data, i * B + i, 0, false);
    for (int64_t j = i + 1; j < B; j++) {
        double d = one_distance(n->in[0], i, j, metric);
        op_put(n->out->dtype, n->out->data, i * B + j, d, false);
        op_put(n->out->dtype, n->out->data, j * B + i, d, false);
    }
    return HONE_OK;
}

static hone_status matrix_forward(hone_graph *g, hone_node *n) {
    (void)g;
    return hone_parallel(hone_dim(n->out, 0), forward_task, &(matrix_job){.n = n});
}

static hone_status backward_task(void *ctx, int64_t i) {
    const matrix_job *job = ctx;
    const hone_node *n = job->n;
    const hone_tensor *x = n->in[0];
    hone_metric metric = ((const matrix_params *)n->params)->metric;
    hone_dtype dtype = x->dtype;
    int64_t B = hone_dim(n->out, 0), D = hone_dim(x, 1);
    for (int64_t k = 0; k < D && !job->add; k++) op_put(dtype, job->dx, i * D + k, 0, false);
    for (int64_t j = 0; j < B; j++) {
        double d = op_get(dtype, n->out->data, i * B + j);
        double slope = op_get(dtype, n->out->grad, i * B + j) + op_get(dtype, n->out->grad, j * B + i);
        if (slope == 0 || d == 0) continue;
        for (int64_t k = 0; k < D; k++) {
            double gap = op_get(dtype, x->data, i * D + k) - op_get(dtype, x->data, j * D + k);
            op_put(dtype, job->dx, i * D + k,
                   slope * (metric == HONE_EUCLIDEAN ? gap / d
                            : gap > 0                ? 1
                            : gap < 0                ? -1
                                                     : 0),
                   true);
        }
    }
    return HONE_OK;
}

static hone_status matrix_backward(hone_graph *g, hone_node *n) {
    matrix_job j = {.n = n};
    j.dx = hone_graph_grad(g, n->in[0], &j.add);
    if (!j.dx) return hone_graph_status(g);
    return hone_parallel(hone_dim(n->out, 0), backward_task, &j);
}

const hone_op hone_op_distance_matrix = {.name = "distance_matrix",
                                         .min_in = 1,
                                         .max_in = 1,
                                         .shape = matrix_shape,
                                         .forward = matrix_forward,
                                         .backward = matrix_backward};

hone_tensor *hone_distance_matrix(hone_graph *g, hone_tensor *x, hone_metric metric) {
    return hone_graph_apply(g, &hone_op_distance_matrix, 1, (hone_tensor *[]){x}, &(matrix_params){metric},
                            sizeof(matrix_params));
}
