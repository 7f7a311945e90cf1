/* What attention and attention_first share: their inputs, what they keep for the walk back, and the split of the work.
 * A task is some heads of one sequence, one after the other; each writes its own slices, so no sum is ever split. */
#ifndef HONE_AUTOGRAD_OPS_ATTENTION_TASKS_H
#define HONE_AUTOGRAD_OPS_ATTENTION_TASKS_H

#include "autograd/ops.h"
#include "autograd/ops/common.h"

typedef struct attention_params {
    hone_sequences s;
    int heads;
    float p; /* dropout of the probabilities */
} attention_params;

/* One (sequence, head), as the kernels take it. q, k, v and their gradients are rows of 3C, out and dout rows of C. */
typedef struct attention_task {
    hone_dtype dtype;
    int64_t T, d, C;
    double scale; /* 1 / sqrt(d) */
    const void *q, *k, *v;
    void *dq, *dk, *dv; /* walking back; overwritten */
    void *kept;         /* [T] of the node's [heads, T] */
    void *out, *dout;   /* of the sequence's first row; `first` below: of row b */
    int64_t next;       /* columns to the head that follows on this thread; 0: none */
    hone_dropout
        drop; /* with a key of its own: element numbers of sequences of different length would otherwise meet */
    void *scratch;
} attention_task;

/* How an op differs. */
typedef struct attention_kind {
    const char *name;
    bool first;                               /* one row of the result for each sequence */
    int64_t (*scratch)(int64_t T, int64_t d); /* elements a task needs */
    void (*forward)(const attention_task *t);
    void (*backward)(const attention_task *t);
} attention_kind;

/* qkv [T, 3C], C a multiple of heads, rows as the sequences have. Errors: HONE_E_SHAPE with both numbers. */
hone_status hone_ops_attention_shape(const attention_kind *kind, const hone_node *n, hone_shape *shape,
                                     hone_dtype *dtype);
hone_status hone_ops_attention_forward(const attention_kind *kind, hone_graph *g, hone_node *n);
hone_status hone_ops_attention_backward(const attention_kind *kind, hone_graph *g, hone_node *n);

#endif
