/* Self-attention over packed sequences. Per (sequence, head), kernels/attention/attention.h gives the formulas; this file
 * splits the work. Each task is one (sequence, head) and writes its own slice, so no sum is ever split. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <math.h>

typedef struct attention_params {
    hone_sequences s;
    int heads;
    float p;
} attention_params;

typedef struct attention_saved {
    void *lse; /* [heads, T] */
    hone_dropout drop;
} attention_saved;

typedef struct attention_job {
    const hone_node *n;
    void *dqkv;
} attention_job;

/* One task's slice of everything. */
typedef struct attention_slice {
    int64_t T, d, row, column, C;
    uint64_t task;
    hone_dropout drop;
} attention_slice;

static attention_slice slice_of(const hone_node *n, int64_t task) {
    const attention_params *p = n->params;
    const attention_saved *saved = n->saved;
    int64_t b = task / p->heads, h = task % p->heads;
    attention_slice s = {.C = hone_dim(n->out, 1), .row = p->s.cu[b], .T = p->s.cu[b + 1] - p->s.cu[b], .drop = saved->drop};
    s.d = s.C / p->heads;
    s.column = h * s.d;
    /* Every task its own key: element numbers of sequences of different length would otherwise meet. */
    s.drop.seed += ((uint64_t)task + 1) * 0x9E3779B97F4A7C15ull;
    return s;
}

static hone_status attention_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const attention_params *p = n->params;
    const hone_tensor *qkv = n->in[0];
    int64_t C = qkv->shape.rank == 2 ? hone_dim(qkv, 1) / 3 : 0;
    if (qkv->shape.rank != 2 || hone_dim(qkv, 1) % 3 || p->heads < 1 || C % p->heads)
        return hone_fail(HONE_E_SHAPE, "attention: qkv \"%s\" is %s: its columns must be 3 x %d heads x head size", qkv->name,
                         hone_shape_str(&qkv->shape), p->heads);
    if (C / p->heads > HONE_ATTENTION_MAX_HEAD)
        return hone_fail(HONE_E_LIMIT, "attention: head size is %" PRId64 ", limit %d", C / p->heads, HONE_ATTENTION_MAX_HEAD);
    if (p->s.T != hone_dim(qkv, 0))
        return hone_fail(HONE_E_SHAPE, "attention: qkv \"%s\" has %" PRId64 " rows, the sequences %" PRId64, qkv->name,
                         hone_dim(qkv, 0), p->s.T);
    *shape = hone_shape_of(2, p->s.T, C);
    *dtype = qkv->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t task) {
    attention_job *j = ctx;
    const hone_node *n = j->n;
    const attention_saved *saved = n->saved;
    hone_dtype dtype = n->out->dtype;
    attention_slice s = slice_of(n, task);
    const attention_params *p = n->params;
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    void *work = hone_arena_alloc(scratch, (size_t)hone_attention_scratch(s.T, s.d) * hone_dtype_size(dtype));
    if (!work) return hone_fail(HONE_E_NOMEM, "attention: no scratch memory for %" PRId64 " tokens", s.T);
    const void *q = op_at(dtype, n->in[0]->data, s.row * 3 * s.C + s.column);
    double scale = 1 / sqrt((double)s.d);
    void *lse = op_at(dtype, saved->lse, (task % p->heads) * p->s.T + s.row);
    void *o = op_at(dtype, n->out->data, s.row * s.C + s.column);
    const void *k = op_at(dtype, q, s.C), *v = op_at(dtype, q, 2 * s.C);
    if (dtype == HONE_F64)
        hone_attention_f64_fwd(s.T, s.d, scale, q, k, v, 3 * s.C, &s.drop, 0, o, s.C, lse, work);
    else
        hone_attention_f32_fwd(s.T, s.d, (float)scale, q, k, v, 3 * s.C, &s.drop, 0, o, s.C, lse, work);
    hone_arena_release(scratch, mark);
    return HONE_OK;
}

static hone_status backward_task(void *ctx, int64_t task) {
    attention_job *j = ctx;
    const hone_node *n = j->n;
    const attention_saved *saved = n->saved;
    hone_dtype dtype = n->out->dtype;
    attention_slice s = slice_of(n, task);
    const attention_params *p = n->params;
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    void *work = hone_arena_alloc(scratch, (size_t)hone_attention_scratch(s.T, s.d) * hone_dtype_size(dtype));
    if (!work) return hone_fail(HONE_E_NOMEM, "attention: no scratch memory for %" PRId64 " tokens", s.T);
    int64_t at = s.row * 3 * s.C + s.column;
    const void *q = op_at(dtype, n->in[0]->data, at);
    const void *k = op_at(dtype, q, s.C), *v = op_at(dtype, q, 2 * s.C);
    void *dq = op_at(dtype, j->dqkv, at), *dk = op_at(dtype, dq, s.C), *dv = op_at(dtype, dq, 2 * s.C);
    double scale = 1 / sqrt((double)s.d);
    const void *lse = op_at(dtype, saved->lse, (task % p->heads) * p->s.T + s.row);
    const void *o = op_at(dtype, n->out->data, s.row * s.C + s.column);
    const void *dout = op_at(dtype, n->out->grad, s.row * s.C + s.column);
    if (dtype == HONE_F64)
        hone_attention_f64_bwd(s.T, s.d, scale, q, k, v, 3 * s.C, &s.drop, 0, o, dout, s.C, lse, dq, dk, dv, work);
    else
        hone_attention_f32_bwd(s.T, s.d, (float)scale, q, k, v, 3 * s.C, &s.drop, 0, o, dout, s.C, lse, dq, dk, dv, work);
    hone_arena_release(scratch, mark);
    return HONE_OK;
}

static hone_status attention_forward(hone_graph *g, hone_node *n) {
    const attention_params *p = n->params;
    attention_saved *s = n->saved = hone_graph_save(g, sizeof *s);
    if (!s) return HONE_E_NOMEM;
    s->lse = hone_graph_save(g, (size_t)(p->heads * p->s.T) * hone_dtype_size(n->out->dtype));
    if (!s->lse) return HONE_E_NOMEM;
    s->drop = hone_graph_dropout(g, n, p->p);
    return hone_parallel(p->s.B * p->heads, forward_task, &(attention_job){.n = n});
}

static hone_status attention_backward(hone_graph *g, hone_node *n) {
    const attention_params *p = n->params;
    hone_tensor *qkv = n->in[0];
    bool add;
    void *grad = hone_graph_grad(g, qkv, &add);
    if (!grad) return hone_graph_status(g);
    /* The kernel overwrites; a second consumer of qkv (no model has one) costs a copy. */
    void *own = add ? hone_graph_save(g, (size_t)hone_count(qkv) * hone_dtype_size(qkv->dtype)) : grad;
    if (!own) return HONE_E_NOMEM;
    HONE_TRY(hone_parallel(p->s.B * p->heads, backward_task, &(attention_job){.n = n, .dqkv = own}));
    return add ? op_scale(qkv->dtype, hone_count(qkv), 1, own, grad, true) : HONE_OK;
}

const hone_op hone_op_attention = {.name = "attention", .min_in = 1, .max_in = 1, .shape = attention_shape,
                                   .forward = attention_forward, .backward = attention_backward};

hone_tensor *hone_attention(hone_graph *g, hone_tensor *qkv, const hone_sequences *s, int heads, float p) {
    attention_params params = {.s = *s, .heads = heads, .p = p};
    return hone_graph_apply(g, &hone_op_attention, 1, (hone_tensor *[]){qkv}, &params, sizeof params);
}
