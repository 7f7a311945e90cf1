/* One vector per sequence, several modes side by side. kernels/pooling/pooling.h has the formulas; a task is a
 * sequence. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <string.h>

typedef struct pooling_params {
    hone_sequences s;
    const int32_t *skip;
    int n;
    hone_pool mode[HONE_POOL_COUNT];
} pooling_params;

typedef struct pooling_job {
    const hone_node *n;
    void *dx;
} pooling_job;

static hone_status pooling_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const pooling_params *p = n->params;
    const hone_tensor *x = n->in[0];
    if (x->shape.rank != 2)
        return hone_fail(HONE_E_SHAPE, "pooling: x \"%s\" is %s, wants [rows, columns]", x->name,
                         hone_shape_str(&x->shape));
    HONE_TRY(hone_ops_check_sequences("pooling", &p->s, x, 1));
    for (int64_t b = 0; b < p->s.B; b++) {
        int64_t T = p->s.cu[b + 1] - p->s.cu[b], skip = p->skip ? p->skip[b] : 0;
        if (skip < 0 || skip >= T)
            return hone_fail(HONE_E_SHAPE,
                             "pooling: sequence %" PRId64 " has %" PRId64 " tokens, of which %" PRId64 " are skipped",
                             b, T, skip);
    }
    *shape = hone_shape_of(2, p->s.B, p->n * hone_dim(x, 1));
    *dtype = x->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t b) {
    const hone_node *n = ((pooling_job *)ctx)->n;
    const pooling_params *p = n->params;
    int64_t C = hone_dim(n->in[0], 1), row = p->s.cu[b], T = p->s.cu[b + 1] - row;
    for (int m = 0; m < p->n; m++)
        HONE_BY_DTYPE(n->out->dtype, hone_pooling_f32_fwd, hone_pooling_f64_fwd, p->mode[m], T, C,
                      p->skip ? p->skip[b] : 0, op_at(n->out->dtype, n->in[0]->data, row * C),
                      op_at(n->out->dtype, n->out->data, (b * p->n + m) * C));
    return HONE_OK;
}

static hone_status backward_task(void *ctx, int64_t b) {
    const pooling_job *j = ctx;
    const hone_node *n = j->n;
    const pooling_params *p = n->params;
    int64_t C = hone_dim(n->in[0], 1), row = p->s.cu[b], T = p->s.cu[b + 1] - row;
    for (int m = 0; m < p->n; m++)
        HONE_BY_DTYPE(n->out->dtype, hone_pooling_f32_bwd, hone_pooling_f64_bwd, p->mode[m], T, C,
                      p->skip ? p->skip[b] : 0, op_at(n->out->dtype, n->in[0]->data, row * C),
                      op_at(n->out->dtype, n->out->grad, (b * p->n + m) * C), op_at(n->out->dtype, j->dx, row * C));
    return HONE_OK;
}

static hone_status pooling_forward(hone_graph *g, hone_node *n) {
    (void)g;
    return hone_parallel(((const pooling_params *)n->params)->s.B, forward_task, &(pooling_job){.n = n});
}

static hone_status pooling_backward(hone_graph *g, hone_node *n) {
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    if (!add) memset(dx, 0, (size_t)hone_count(n->in[0]) * hone_dtype_size(n->out->dtype));
    return hone_parallel(((const pooling_params *)n->params)->s.B, backward_task, &(pooling_job){.n = n, .dx = dx});
}

const hone_op hone_op_pooling = {.name = "pooling",
                                 .min_in = 1,
                                 .max_in = 1,
                                 .shape = pooling_shape,
                                 .forward = pooling_forward,
                                 .backward = pooling_backward};

hone_tensor *hone_pooling(hone_graph *g, hone_tensor *x, const hone_sequences *s, int n, const hone_pool *modes,
                          const int32_t *skip) {
    if (op_lacks(g, "pooling", "the sequences", s ? s->cu : NULL)) return NULL;
    pooling_params p = {.s = *s, .skip = skip, .n = n};
    if (n < 1 || n > HONE_POOL_COUNT)
        return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "pooling: %d modes, wants 1 to %d", n, HONE_POOL_COUNT));
    for (int m = 0; m < n; m++) {
        int mode = modes ? (int)modes[m] : -1;
        if (mode < 0 || mode >= HONE_POOL_COUNT)
            return hone_graph_refuse(
                g, hone_fail(HONE_E_ARG, "pooling: mode %d, wants 0 to %d", mode, HONE_POOL_COUNT - 1));
        p.mode[m] = modes[m];
    }
    return hone_graph_apply(g, &hone_op_pooling, 1, (hone_tensor *[]){x}, &p, sizeof p);
}
