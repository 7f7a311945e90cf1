/* The tape: operations run at once and are remembered, so that gradients can be walked back through them.
 *
 *     hone_graph *g = hone_graph_new(step_arena);
 *     hone_graph_begin(g, &(hone_graph_mode){.record = true, .train = true, .seed = 42, .step = 7});
 *     hone_tensor *y = hone_linear(g, x, w, b, HONE_ACT_GELU);     // builders: autograd/ops.h
 *     hone_tensor *loss = hone_mean(g, …);
 *     HONE_TRY(hone_graph_status(g));                              // one check for the whole forward
 *     HONE_TRY(hone_graph_backward(g, loss, 1));                   // gradients are now in the leaves' ->grad
 *
 * Builders return NULL on failure and accept NULL inputs; the graph keeps the first failure, so a model's forward reads
 * as a list of layers. Everything a graph makes lives in the step arena, what is small in the graph itself, and is gone
 * at the next hone_graph_begin.
 *
 * Gradients. A tensor wants one if it is a leaf with needs_grad, or comes from one. A leaf's `grad` is memory that its
 * owner supplied (nn/param.h; a leaf without it is refused, unless the mode says lend_grads) and accumulates over
 * several backwards until the owner clears grad_set. Gradients of intermediate tensors are lent from the graph and taken
 * back as soon as the node that made the tensor has run its backward; so is the memory of the tensor itself, and what
 * its operation kept. hone_graph_keep exempts a tensor whose value is read after backward. */
#ifndef HONE_AUTOGRAD_GRAPH_H
#define HONE_AUTOGRAD_GRAPH_H

#include "autograd/finite.h"
#include "autograd/profile.h"
#include "kernels/kernel.h"
#include "tensor/prepared.h"
#include "tensor/tensor.h"

/* One step's operations and their tape. Used by one thread at a time; operations use hone_parallel by themselves. */
typedef struct hone_graph hone_graph;
typedef struct hone_op hone_op; /* below */

/* Most inputs of an operation. */
#define HONE_MAX_INPUTS 5

/* One application of an operation. */
struct hone_node {
    const hone_op *op;
    int n_in;                         /* inputs given, absent ones counted */
    hone_tensor *in[HONE_MAX_INPUTS]; /* an optional input that is absent is NULL */
    hone_tensor *out;
    const void *params;   /* the op's own struct, copied into the step arena; NULL if it has none */
    void *saved;          /* what forward keeps for backward, in the step arena */
    int64_t site;         /* number of this application in its graph: the key of its dropout */
    hone_node *previous;  /* on the tape */
    bool walked, reached; /* the graph's own: a backward pass has come by; will come by */
};

/* An operation is defined once: Hone's in autograd/ops/<name>.c, listed in autograd/ops.def; one of your own wherever
 * you like, passed to hone_graph_apply (experiments/softcap/softcap.c, docs/add-an-op.md). */
struct hone_op {
    const char *name;
    int min_in, max_in; /* how many inputs it takes; those from min_in on may be HONE_ABSENT */
    /* Check the inputs, explain refusals with hone_fail, fill the output's shape and dtype. Inputs up to min_in are not
     * NULL; all that are there have values, and one dtype: F32 or F64. */
    hone_status (*shape)(const hone_node *n, hone_shape *shape, hone_dtype *dtype);
    /* Compute out->data (allocated, uninitialised). A view op may point out->data into its input instead (op->view). */
    hone_status (*forward)(hone_graph *g, hone_node *n);
    /* Add to the gradients of the inputs that want one, through hone_graph_grad; read out->grad. Never NULL: an op
     * without a derivative says hone_no_gradient. */
    hone_status (*backward)(hone_graph *g, hone_node *n);
    /* Compute out->data once more, the same bits, from what backward keeps; NULL: an op that cannot, or that would cost
     * too much. */
    hone_status (*rebuild)(hone_graph *g, hone_node *n);
    bool view;         /* out shares its input's memory */
    unsigned prepared; /* bit i: input i may be a weight laid out for inference, without data (tensor/prepared.h) */
};

/* The backward of an operation without a derivative: HONE_E_UNSUPPORTED with the operation's name. */
hone_status hone_no_gradient(hone_graph *g, hone_node *n);

/* What a step is: {0} is inference. */
typedef struct hone_graph_mode {
    bool record;         /* keep the tape; false: inference */
    bool train;          /* dropout is active */
    uint64_t seed, step; /* keys of dropout, with the node's site */
    /* of the Linear products: f32 (0), or bf16 in training too (parameters and sums stay f32) */
    hone_precision precision;
    uint64_t part; /* which slice of a step this is (accumulation, gradient cache) */
    /* A leaf whose grad is NULL is lent memory: by the end of a backward pass nearly all that the forward pass kept is
     * free. Its owner sets grad to NULL again before the next begin (hone_params_clear_grads). */
    bool lend_grads;
} hone_graph_mode;

/* `step` is the arena for everything the graph makes (borrowed). NULL when memory is short, and for a `step` that is
 * NULL because it was short there: hone_graph_new(hone_arena_new("step", 0)) is looked at once. */
hone_graph *hone_graph_new(hone_arena *step);
void hone_graph_free(hone_graph *g); /* not the arena; accepts NULL */
/* Forget the previous step (resets the arena) and start a new one. */
void hone_graph_begin(hone_graph *g, const hone_graph_mode *mode);
/* The step arena: for what shall live as long as the graph's tensors. */
hone_arena *hone_graph_arena(hone_graph *g);
/* Inference in the memory of one layer: hold is room for a layer's result (NULL when recording: the tape needs
 * everything); settle copies x there and forgets everything made since the mark. When recording, settle returns x.
 *     hone_tensor *hold = hone_graph_hold(g, x);
 *     for each layer {
 *         mark = hone_arena_get_mark(hone_graph_arena(g));
 *         x = hone_graph_settle(g, mark, layer(g, x), hold);
 *     } */
hone_tensor *hone_graph_hold(hone_graph *g, const hone_tensor *x);
hone_tensor *hone_graph_settle(hone_graph *g, hone_arena_mark mark, hone_tensor *x, hone_tensor *hold);
/* The mode given to hone_graph_begin. */
const hone_graph_mode *hone_graph_get_mode(const hone_graph *g);
/* Time every operation from now on into p (borrowed); NULL: no longer. */
void hone_graph_set_profile(hone_graph *g, hone_profile *p);
/* Look behind every operation from now on for NaN and infinity (autograd/finite.h; borrowed); NULL: no longer. */
void hone_graph_set_finite(hone_graph *g, hone_finite *f);
/* First failure of any builder since begin; its sentence is in hone_last_error. */
hone_status hone_graph_status(hone_graph *g);
/* Report a failure from a builder outside autograd (a model's own check, a loss's), whose sentence hone_fail has just
 * made; returns NULL for `return hone_graph_refuse(g, hone_fail(…))`. */
hone_tensor *hone_graph_refuse(hone_graph *g, hone_status failed);

/* An input without gradient: wraps the caller's memory, which must live until the next begin. */
hone_tensor *hone_graph_input(hone_graph *g, const char *name, hone_dtype dtype, hone_shape shape, const void *data);
/* Apply an op: the one function behind every builder. in[n_in]: NULL is an earlier failure (returns NULL), HONE_ABSENT
 * an optional input that is not there; params (params_bytes of them, NULL and 0: none) are copied. NULL when the op
 * refuses or memory is short: the graph keeps the sentence (HONE_E_ARG for a table that lacks a function, and for an
 * input without values). */
hone_tensor *hone_graph_apply(hone_graph *g, const hone_op *op, int n_in, hone_tensor *const *in, const void *params,
                              size_t params_bytes);
/* The forward pass has read t for the last time. While recording, a result that its op can rebuild gives its memory
 * back at once, and is computed again where backward reads it; other tensors, and those that a view looks into, stay as
 * they are. Nobody may read t->data in between; an operation that is given t refuses (HONE_E_ARG). */
void hone_graph_forget(hone_graph *g, hone_tensor *t);
/* The value of t, and of what t is a view of, stays readable after backward. Of others the memory is lent to whoever
 * comes next, and an operation that is given one of them after a backward refuses (HONE_E_ARG). */
void hone_graph_keep(hone_graph *g, hone_tensor *t);

/* d(loss)/d(leaf) for every leaf that needs it, times `scale`. loss: one element, else HONE_E_SHAPE; HONE_E_ARG when no
 * operation on a parameter made it, when an earlier backward has come by one of the operations it depends on (what
 * those kept is gone), or when a leaf has no memory for its gradient; those of hone_graph_status. */
hone_status hone_graph_backward(hone_graph *g, hone_tensor *loss, double scale);
/* Start from a given gradient of `out` instead (same shape and dtype as out; copied). Errors as above. */
hone_status hone_graph_backward_from(hone_graph *g, hone_tensor *out, const void *dout);

/* ---- for ops ---- */

/* Where the gradient of t goes, or NULL when it is not wanted (or memory ran out: the graph has failed). *add: the
 * memory already holds a sum. The caller must then write every element (or add to every element). */
void *hone_graph_grad(hone_graph *g, hone_tensor *t, bool *add);
/* Whether backward has a use for the gradient of t. */
bool hone_wants_grad(const hone_tensor *t); /* accepts NULL */
/* Memory for `saved`, or for a while: what others gave back, or new; NULL: the graph has failed. Lives until the next
 * begin, or until hone_graph_done gives it back, with the same `bytes`: it is then lent to later results and
 * gradients. */
void *hone_graph_save(hone_graph *g, size_t bytes);
void hone_graph_done(hone_graph *g, void *p, size_t bytes);
/* Bytes of the step's memory that are free to be lent. */
size_t hone_graph_idle(const hone_graph *g);
/* The dropout of node n with probability p (threshold 0 when not training). */
hone_dropout hone_graph_dropout(const hone_graph *g, const hone_node *n, float p);
/* The most recent node, for tests that walk the tape. */
hone_node *hone_graph_last(const hone_graph *g);

/* Split `rows` of `cols` elements into tasks of about 16 k elements; borders depend on the sizes alone. */
int64_t hone_task_rows(int64_t rows, int64_t cols);

/* Calls the f32 or the f64 kernel by the tensor's dtype; data pointers are void and convert. */
#define HONE_BY_DTYPE(dtype, f32, f64, ...) ((dtype) == HONE_F64 ? f64(__VA_ARGS__) : f32(__VA_ARGS__))

#endif
