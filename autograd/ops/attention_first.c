/* Attention whose result is read in each sequence's first row alone. As in attention.c a task is one (sequence, head). The
 * gradient of the other rows' queries is zero, that of all keys and values is not. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/attention/attention_first.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

typedef struct first_params {
    hone_sequences s;
    int heads;
    float p;
} first_params;

typedef struct first_saved {
    void *p; /* [heads, T]: probabilities of the first rows */
    hone_dropout drop;
} first_saved;

typedef struct first_job {
    const hone_node *n;
    void *dqkv;
} first_job;

/* One task's slice of everything. */
typedef struct first_slice {
    int64_t T, d, C, b;
    double scale;
    const void *q, *k, *v;
    void *p, *scratch;
    int64_t at; /* of q in qkv */
    hone_dropout drop;
} first_slice;

static hone_status slice_of(const hone_node *n, int64_t task, hone_arena *scratch, first_slice *s) {
    const first_params *p = n->params;
    const first_saved *saved = n->saved;
    hone_dtype dtype = n->out->dtype;
    int64_t b = task / p->heads, h = task % p->heads, row = p->s.cu[b];
    *s = (first_slice){.C = hone_dim(n->out, 1), .b = b, .T = p->s.cu[b + 1] - row, .drop = saved->drop};
    s->d = s->C / p->heads;
    s->scale = 1 / sqrt((double)s->d);
    s->at = row * 3 * s->C + h * s->d;
    s->q = op_at(dtype, n->in[0]->data, s->at), s->k = op_at(dtype, s->q, s->C), s->v = op_at(dtype, s->q, 2 * s->C);
    s->p = op_at(dtype, saved->p, h * p->s.T + row);
    s->drop.seed += ((uint64_t)task + 1) * 0x9E3779B97F4A7C15ull; /* a key for every task, as in attention.c */
    s->scratch = hone_arena_alloc(scratch, (size_t)s->T * hone_dtype_size(dtype));
    return s->scratch ? HONE_OK : hone_fail(HONE_E_NOMEM, "attention_first: no scratch memory for %" PRId64 " tokens", s->T);
}

static hone_status first_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const first_params *p = n->params;
    const hone_tensor *qkv = n->in[0];
    int64_t C = qkv->shape.rank == 2 ? hone_dim(qkv, 1) / 3 : 0;
    if (qkv->shape.rank != 2 || hone_dim(qkv, 1) % 3 || p->heads < 1 || C % p->heads)
        return hone_fail(HONE_E_SHAPE, "attention_first: qkv \"%s\" is %s: its columns must be 3 x %d heads x head size", qkv->name,
                         hone_shape_str(&qkv->shape), p->heads);
    if (p->s.T != hone_dim(qkv, 0))
        return hone_fail(HONE_E_SHAPE, "attention_first: qkv \"%s\" has %" PRId64 " rows, the sequences %" PRId64, qkv->name, hone_dim(qkv, 0),
                         p->s.T);
    for (int64_t b = 0; b < p->s.B; b++)
        if (p->s.cu[b + 1] <= p->s.cu[b]) return hone_fail(HONE_E_SHAPE, "attention_first: sequence %" PRId64 " is empty", b);
    *shape = hone_shape_of(2, p->s.B, C);
    *dtype = qkv->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t task) {
    const first_job *j = ctx;
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    first_slice s;
    HONE_TRY(slice_of(j->n, task, scratch, &s));
    hone_dtype dtype = j->n->out->dtype;
    void *o = op_at(dtype, j->n->out->data, s.b * s.C + s.at % s.C);
    if (dtype == HONE_F64)
        hone_attention_first_f64_fwd(s.T, s.d, s.scale, s.q, s.k, s.v, 3 * s.C, &s.drop, o, s.p, s.scratch);
    else
        hone_attention_first_f32_fwd(s.T, s.d, (float)s.scale, s.q, s.k, s.v, 3 * s.C, &s.drop, o, s.p, s.scratch);
    hone_arena_release(scratch, mark);
    return HONE_OK;
}

static hone_status backward_task(void *ctx, int64_t task) {
    const first_job *j = ctx;
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    first_slice s;
    HONE_TRY(slice_of(j->n, task, scratch, &s));
    hone_dtype dtype = j->n->out->dtype;
    const void *dout = op_at(dtype, j->n->out->grad, s.b * s.C + s.at % s.C);
    void *dq = op_at(dtype, j->dqkv, s.at), *dk = op_at(dtype, dq, s.C), *dv = op_at(dtype, dq, 2 * s.C);
    if (dtype == HONE_F64)
        hone_attention_first_f64_bwd(s.T, s.d, s.scale, s.q, s.k, s.v, 3 * s.C, &s.drop, s.p, dout, dq, dk, dv, s.scratch);
    else
        hone_attention_first_f32_bwd(s.T, s.d, (float)s.scale, s.q, s.k, s.v, 3 * s.C, &s.drop, s.p, dout, dq, dk, dv, s.scratch);
    for (int64_t t = 1; t < s.T; t++) memset(op_at(dtype, dq, t * 3 * s.C), 0, (size_t)s.d * hone_dtype_size(dtype));
    hone_arena_release(scratch, mark);
    return HONE_OK;
}

static hone_status first_forward(hone_graph *g, hone_node *n) {
    const first_params *p = n->params;
    first_saved *s = n->saved = hone_graph_save(g, sizeof *s);
    if (!s) return HONE_E_NOMEM;
    s->p = hone_graph_save(g, (size_t)(p->heads * p->s.T) * hone_dtype_size(n->out->dtype));
    if (!s->p) return HONE_E_NOMEM;
    s->drop = hone_graph_dropout(g, n, p->p);
    return hone_parallel(p->s.B * p->heads, forward_task, &(first_job){.n = n});
}

static hone_status first_backward(hone_graph *g, hone_node *n) {
    const first_params *p = n->params;
    hone_tensor *qkv = n->in[0];
    bool add;
    void *grad = hone_graph_grad(g, qkv, &add);
    if (!grad) return hone_graph_status(g);
    /* Tasks overwrite; a second consumer of qkv (no model has one) costs a copy. */
    void *own = add ? hone_graph_save(g, (size_t)hone_count(qkv) * hone_dtype_size(qkv->dtype)) : grad;
    if (!own) return HONE_E_NOMEM;
    HONE_TRY(hone_parallel(p->s.B * p->heads, backward_task, &(first_job){.n = n, .dqkv = own}));
    return add ? op_scale(qkv->dtype, hone_count(qkv), 1, own, grad, true) : HONE_OK;
}

const hone_op hone_op_attention_first = {
    .name = "attention_first", .min_in = 1, .max_in = 1, .shape = first_shape, .forward = first_forward, .backward = first_backward};

hone_tensor *hone_attention_first(hone_graph *g, hone_tensor *qkv, const hone_sequences *s, int heads, float p) {
    first_params params = {.s = *s, .heads = heads, .p = p};
    return hone_graph_apply(g, &hone_op_attention_first, 1, (hone_tensor *[]){qkv}, &params, sizeof params);
}
