#include "autograd/ops/attention_tasks.h"

#include "base/parallel.h"

#include <math.h>

typedef struct attention_saved {
    void *kept; /* [heads, T] */
    hone_dropout drop;
} attention_saved;

typedef struct attention_job {
    const attention_kind *kind;
    const hone_node *n;
    void *dqkv;       /* NULL: forward */
    int64_t together; /* heads of a task */
} attention_job;

hone_status hone_ops_attention_shape(const attention_kind *kind, const hone_node *n, hone_shape *shape,
                                     hone_dtype *dtype) {
    const attention_params *p = n->params;
    const hone_tensor *qkv = n->in[0];
    int64_t C = qkv->shape.rank == 2 ? hone_dim(qkv, 1) / 3 : 0;
    if (qkv->shape.rank != 2 || hone_dim(qkv, 1) % 3 || p->heads < 1 || C % p->heads)
        return hone_fail(HONE_E_SHAPE, "%s: qkv \"%s\" is %s: its columns must be 3 x %d heads x head size", kind->name,
                         qkv->name, hone_shape_str(&qkv->shape), p->heads);
    HONE_TRY(hone_ops_check_sequences(kind->name, &p->s, qkv, kind->first ? 1 : 0));
    HONE_TRY(hone_ops_check_dropout(kind->name, p->p));
    *shape = hone_shape_of(2, kind->first ? p->s.B : p->s.T, C);
    *dtype = qkv->dtype;
    return HONE_OK;
}

static attention_task head_of(const attention_job *j, int64_t b, int64_t h) {
    const hone_node *n = j->n;
    const attention_params *p = n->params;
    const attention_saved *saved = n->saved;
    const int64_t row = p->s.cu[b];
    attention_task t = {
        .dtype = n->out->dtype, .C = hone_dim(n->out, 1), .T = p->s.cu[b + 1] - row, .drop = saved->drop};
    t.d = t.C / p->heads;
    t.scale = 1 / sqrt((double)t.d);
    const int64_t in = row * 3 * t.C + h * t.d, out = (j->kind->first ? b : row) * t.C + h * t.d;
    t.q = op_at(t.dtype, n->in[0]->data, in), t.k = op_at(t.dtype, t.q, t.C), t.v = op_at(t.dtype, t.q, 2 * t.C);
    t.kept = op_at(t.dtype, saved->kept, h * p->s.T + row);
    t.out = op_at(t.dtype, n->out->data, out);
    t.drop.seed += ((uint64_t)(b * p->heads + h) + 1) * 0x9E3779B97F4A7C15ull;
    if (!j->dqkv) return t;
    t.dq = op_at(t.dtype, j->dqkv, in), t.dk = op_at(t.dtype, t.dq, t.C), t.dv = op_at(t.dtype, t.dq, 2 * t.C);
    t.dout = op_at(t.dtype, n->out->grad, out);
    return t;
}

/* Of one sequence. */
static int64_t tasks_of(int64_t heads, int64_t together) {
    return (heads + together - 1) / together;
}

/* `together` heads of a sequence, or those that are left. */
static hone_status run_task(void *ctx, int64_t number) {
    const attention_job *j = ctx;
    const attention_params *p = j->n->params;
    const int64_t tasks = tasks_of(p->heads, j->together), b = number / tasks, h0 = number % tasks * j->together,
                  h1 = h0 + j->together < p->heads ? h0 + j->together : p->heads;
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    attention_task t = head_of(j, b, h0);
    void *room = hone_arena_alloc(scratch, (size_t)j->kind->scratch(t.T, t.d) * hone_dtype_size(t.dtype));
    if (!room) return hone_fail(HONE_E_NOMEM, "%s: no scratch memory for %" PRId64 " tokens", j->kind->name, t.T);
    for (int64_t h = h0; h < h1; h++) {
        t = head_of(j, b, h);
        t.scratch = room, t.next = h + 1 < h1 ? t.d : 0;
        (j->dqkv ? j->kind->backward : j->kind->forward)(&t);
    }
    hone_arena_release(scratch, mark);
    return HONE_OK;
}

/* All heads of all sequences. Those of a sequence are one task, whose rows lie side by side, or fewer, so that there
 * are enough tasks for every thread to find the last ones short. */
static hone_status run_heads(attention_job j) {
    const attention_params *p = j.n->params;
    j.together = p->heads;
    while (j.together > 1 && p->s.B * tasks_of(p->heads, j.together) < 16 * hone_threads())
        j.together = tasks_of(j.together, 2);
    return hone_parallel(p->s.B * tasks_of(p->heads, j.together), run_task, &j);
}

hone_status hone_ops_attention_forward(const attention_kind *kind, hone_graph *g, hone_node *n) {
    const attention_params *p = n->params;
    attention_saved *s = n->saved = hone_graph_save(g, sizeof *s);
    if (!s) return HONE_E_NOMEM;
    s->kept = hone_graph_save(g, (size_t)(p->heads * p->s.T) * hone_dtype_size(n->out->dtype));
    if (!s->kept) return HONE_E_NOMEM;
    s->drop = hone_graph_dropout(g, n, p->p);
    return run_heads((attention_job){.kind = kind, .n = n});
}

hone_status hone_ops_attention_backward(const attention_kind *kind, hone_graph *g, hone_node *n) {
    hone_tensor *qkv = n->in[0];
    bool add;
    void *grad = hone_graph_grad(g, qkv, &add);
    if (!grad) return hone_graph_status(g);
    /* Tasks overwrite; a second consumer of qkv (no model has one) costs a copy. */
    void *own = add ? hone_graph_save(g, (size_t)hone_count(qkv) * hone_dtype_size(qkv->dtype)) : grad;
    if (!own) return HONE_E_NOMEM;
    HONE_TRY(run_heads((attention_job){.kind = kind, .n = n, .dqkv = own}));
    const attention_params *p = n->params;
    hone_graph_done(g, ((attention_saved *)n->saved)->kept,
                    (size_t)(p->heads * p->s.T) * hone_dtype_size(n->out->dtype));
    if (!add) return HONE_OK;
    HONE_TRY(hone_ops_scale(qkv->dtype, hone_count(qkv), 1, own, grad, true));
    hone_graph_done(g, own, (size_t)hone_count(qkv) * hone_dtype_size(qkv->dtype));
    return HONE_OK;
}
