/* Parameters: registered under their published names, stored flat, with their gradients beside them.
 *
 * A parameter is one tensor for the arithmetic and one or more published tensors for the files: query, key and value
 * weights are one [3C, C] parameter with three names, so that they are one matrix multiplication. The registry drives
 * loading, saving, optimiser groups, freezing and listings. Frozen parts of a parameter that has others get a gradient,
 * which nobody reads.
 *
 *     hone_params *ps = hone_params_new(HONE_F32);
 *     hone_tensor *w = hone_params_add(ps, HONE_PARAM_WEIGHT, shape, "encoder.layer.0.output.dense.weight");
 *     HONE_TRY(hone_params_allocate(ps, HONE_PARAMS_TRAIN)); // now w->data and w->grad exist
 *
 * The registry owns everything it hands out, until hone_params_free. */
#ifndef HONE_NN_PARAM_H
#define HONE_NN_PARAM_H

#include "tensor/tensor.h"

/* What a parameter is: biases and norms have no weight decay, tables have their gradient by rows. */
typedef enum hone_param_kind {
    HONE_PARAM_WEIGHT = 0,
    HONE_PARAM_BIAS,
    HONE_PARAM_NORM,      /* scale or shift of a norm layer */
    HONE_PARAM_EMBEDDING, /* a lookup table: its gradient is kept by rows (tensor.h, hone_row_set) */
} hone_param_kind;

/* Most published tensors that are one parameter. */
#define HONE_PARAM_PARTS 3

/* A parameter as the registry keeps it. */
typedef struct hone_param {
    hone_tensor *tensor;
    hone_param_kind kind;
    int n_names;
    const char *name[HONE_PARAM_PARTS]; /* part i holds rows i * rows/n_names … of tensor */
    bool trainable;                     /* false: every part is frozen; it gets no gradient and no optimiser state */
    bool frozen[HONE_PARAM_PARTS];      /* parts that stay as they are */
    double rate[HONE_PARAM_PARTS];      /* the learning rate is multiplied by this; 1 */
    bool borrowed;                      /* data lies in a mapped file (inference) */
    bool prepares;    /* inference: a matrix without memory of its own, laid out for the kernels as it is read */
    void *table_grad; /* a table's gradient: memory of its own, of which only touched pages exist */
} hone_param;

/* The registry. */
typedef struct hone_params hone_params;

hone_params *hone_params_new(hone_dtype dtype); /* F32 or F64; NULL: no memory */
void hone_params_free(hone_params *ps);         /* and every tensor it handed out; accepts NULL */

/* Declare a parameter (names are copied; files tell parameters apart by them). A table (HONE_PARAM_EMBEDDING) is [rows,
 * columns]; others may have any rank, a scalar's is 0. NULL when memory is short (HONE_E_NOMEM), for another shape
 * (HONE_E_SHAPE) and after hone_params_allocate (HONE_E_ARG): the registry remembers it and hone_params_allocate fails.
 */
hone_tensor *hone_params_add(hone_params *ps, hone_param_kind kind, hone_shape shape, const char *name);
/* n parts of the same shape, 1 to HONE_PARAM_PARTS, stacked along the first dimension. */
hone_tensor *hone_params_add_stacked(hone_params *ps, hone_param_kind kind, hone_shape part, int n,
                                     const char *const *names);

/* What the parameters are for. */
typedef enum hone_params_use {
    HONE_PARAMS_PLAIN,     /* values only */
    HONE_PARAMS_TRAIN,     /* values and gradients */
    HONE_PARAMS_INFERENCE, /* tables borrow from a mapped file, matrices are prepared: neither has values here */
} hone_params_use;
/* Give every declared parameter its memory: one flat block of values (uninitialised) and one of gradients, as the use
 * asks. Once, after all are declared: HONE_E_ARG for a second time; the first failure of declaring; HONE_E_NOMEM. */
hone_status hone_params_allocate(hone_params *ps, hone_params_use use);

/* How many parameters; the i-th, in order of declaration; elements of all together; F32 or F64. */
int64_t hone_params_count(const hone_params *ps);
hone_param *hone_params_at(const hone_params *ps, int64_t i);
int64_t hone_params_elements(const hone_params *ps);
hone_dtype hone_params_dtype(const hone_params *ps);

/* A published tensor: part `part` of parameter i as a tensor of its own shape. */
typedef struct hone_named {
    const char *name;
    hone_shape shape;
    hone_dtype dtype;
    void *data, *grad;
    hone_param *param;
} hone_named;
/* part 0 .. n_names-1. */
hone_named hone_params_part(const hone_params *ps, int64_t i, int part);
/* By published name; false: there is none. */
bool hone_params_find(const hone_params *ps, const char *name, hone_named *out);

/* Freeze the published tensors whose names match a pattern of the shell (* ? [a-z]), or give them a learning rate of
 * their own (0 or more); a later call wins. How many names matched. Before hone_optim_new, which looks at them. */
int64_t hone_params_freeze(hone_params *ps, const char *pattern);
int64_t hone_params_scale_rate(hone_params *ps, const char *pattern, double factor);
/* The largest rate of a part that is not frozen; 0 when all are. */
double hone_params_top_rate(const hone_params *ps);

/* Forget all gradients: the next backward overwrites. */
void hone_params_clear_grads(hone_params *ps);

/* Where gradients lie. After hone_params_allocate in memory of their own, as much as the values take. Lent: tables alone
 * keep theirs; the others have none (grad is NULL) until a graph with .lend_grads gives them some, from a backward to
 * hone_params_clear_grads, which comes before the next hone_graph_begin. So a gradient that is summed over several
 * graphs needs its own. Both forget the gradients that there are, and leave parameters that are not for training alone.
 * Own: HONE_E_NOMEM, and they stay lent. */
void hone_params_lend_grads(hone_params *ps);
hone_status hone_params_own_grads(hone_params *ps);
bool hone_params_are_grads_lent(const hone_params *ps);

#endif
