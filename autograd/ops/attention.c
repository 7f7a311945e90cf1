/* Self-attention over packed sequences: kernels/attention/attention.h has the formulas. */
#include "autograd/ops/attention_tasks.h"
#include "kernels/kernels.h"

static void forward_task(const attention_task *t) {
    if (t->dtype == HONE_F64)
        hone_attention_f64_fwd(t->T, t->d, t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, 0, t->out, t->C, t->kept,
                               t->next, t->scratch);
    else
        hone_attention_f32_fwd(t->T, t->d, (float)t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, 0, t->out, t->C,
                               t->kept, t->next, t->scratch);
}

static void backward_task(const attention_task *t) {
    if (t->dtype == HONE_F64)
        hone_attention_f64_bwd(t->T, t->d, t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, 0, t->out, t->dout, t->C,
                               t->kept, t->dq, t->dk, t->dv, t->next, t->scratch);
    else
        hone_attention_f32_bwd(t->T, t->d, (float)t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, 0, t->out, t->dout,
                               t->C, t->kept, t->dq, t->dk, t->dv, t->next, t->scratch);
}

/* Kept: the logarithm of each row's sum of exponentials. */
static const attention_kind kind = {
    .name = "attention", .scratch = hone_attention_scratch, .forward = forward_task, .backward = backward_task};

static hone_status attention_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const attention_params *p = n->params;
    HONE_TRY(hone_ops_attention_shape(&kind, n, shape, dtype));
    int64_t d = hone_dim(n->in[0], 1) / 3 / p->heads;
    if (d <= HONE_ATTENTION_MAX_HEAD) return HONE_OK;
    return hone_fail(HONE_E_LIMIT, "attention: head size is %" PRId64 ", limit %d", d, HONE_ATTENTION_MAX_HEAD);
}
static hone_status attention_forward(hone_graph *g, hone_node *n) {
    return hone_ops_attention_forward(&kind, g, n);
}
static hone_status attention_backward(hone_graph *g, hone_node *n) {
    return hone_ops_attention_backward(&kind, g, n);
}

const hone_op hone_op_attention = {.name = "attention",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .shape = attention_shape,
                                   .forward = attention_forward,
                                   .backward = attention_backward};

hone_tensor *hone_attention(hone_graph *g, hone_tensor *qkv, const hone_sequences *s, int heads, float p) {
    if (op_lacks(g, "attention", "the sequences", s ? s->cu : NULL)) return NULL;
    attention_params params = {.s = *s, .heads = heads, .p = p};
    return hone_graph_apply(g, &hone_op_attention, 1, (hone_tensor *[]){qkv}, &params, sizeof params);
}
