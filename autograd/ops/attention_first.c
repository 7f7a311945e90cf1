/* Attention whose result is read in each sequence's first row alone. The gradient of the other rows' queries is zero,
 * that of all keys and values is not. */
#include "kernels/attention/attention_first.h"
#include "autograd/ops/attention_tasks.h"
#include "kernels/kernels.h"

#include <string.h>

static int64_t one_row(int64_t T, int64_t d) {
    (void)d;
    return T;
}

static void forward_task(const attention_task *t) {
    if (t->dtype == HONE_F64)
        hone_attention_first_f64_fwd(t->T, t->d, t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, t->out, t->kept,
                                     t->scratch);
    else
        hone_attention_first_f32_fwd(t->T, t->d, (float)t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, t->out, t->kept,
                                     t->scratch);
}

static void backward_task(const attention_task *t) {
    if (t->dtype == HONE_F64)
        hone_attention_first_f64_bwd(t->T, t->d, t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, t->kept, t->dout,
                                     t->dq, t->dk, t->dv, t->scratch);
    else
        hone_attention_first_f32_bwd(t->T, t->d, (float)t->scale, t->q, t->k, t->v, 3 * t->C, &t->drop, t->kept,
                                     t->dout, t->dq, t->dk, t->dv, t->scratch);
    for (int64_t i = 1; i < t->T; i++)
        memset(op_at(t->dtype, t->dq, i * 3 * t->C), 0, (size_t)t->d * hone_dtype_size(t->dtype));
}

/* Kept: the probabilities of the first row. */
static const attention_kind kind = {
    .name = "attention_first", .first = true, .scratch = one_row, .forward = forward_task, .backward = backward_task};

static hone_status first_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    return hone_ops_attention_shape(&kind, n, shape, dtype);
}
static hone_status first_forward(hone_graph *g, hone_node *n) {
    return hone_ops_attention_forward(&kind, g, n);
}
static hone_status first_backward(hone_graph *g, hone_node *n) {
    return hone_ops_attention_backward(&kind, g, n);
}

const hone_op hone_op_attention_first = {.name = "attention_first",
                                         .min_in = 1,
                                         .max_in = 1,
                                         .shape = first_shape,
                                         .forward = first_forward,
                                         .backward = first_backward};

hone_tensor *hone_attention_first(hone_graph *g, hone_tensor *qkv, const hone_sequences *s, int heads, float p) {
    if (op_lacks(g, "attention_first", "the sequences", s ? s->cu : NULL)) return NULL;
    attention_params params = {.s = *s, .heads = heads, .p = p};
    return hone_graph_apply(g, &hone_op_attention_first, 1, (hone_tensor *[]){qkv}, &params, sizeof params);
}
