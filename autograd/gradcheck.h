/* The gradient checker: backward against four-point central differences, in double.
 *
 *     L(x) = sum_i r_i y_i(x),  r fixed and random     (a plain sum is blind: softmax rows sum to one)
 *     dL/dx ~ (8 (L(x+h) - L(x-h)) - (L(x+2h) - L(x-2h))) / (12 h)
 *
 * The error of an element is |got - want| / max(1, |want|); NaN counts as infinite. */
#ifndef HONE_AUTOGRAD_GRADCHECK_H
#define HONE_AUTOGRAD_GRADCHECK_H

#include "autograd/graph.h"

/* What to check. Zeros are the usual values of what is not named. */
typedef struct hone_gradcheck {
    /* The function: builds y (F64, any shape) from the leaves. Called many times; must be deterministic. */
    hone_tensor *(*build)(hone_graph *g, hone_tensor *const *leaves, void *ctx);
    void *ctx;
    int n_leaves;
    /* F64 with data; those with needs_grad are checked. The checker supplies memory for their gradients, and puts back
     * what was there */
    hone_tensor *const *leaves;
    hone_graph_mode mode; /* record is forced on; keep seed and step fixed so that dropout repeats */
    double h;             /* 0: 1e-3 */
    int64_t max_elements; /* per leaf, spread evenly; 0: all */
    /* Called between forward and backward: tests plant errors here. NULL: nothing. */
    void (*before_backward)(hone_graph *g, void *ctx);
} hone_gradcheck;

/* What came out: the worst element, what backward says there (got) and what the differences say (want). */
typedef struct hone_gradcheck_result {
    double worst; /* largest error */
    int leaf;
    int64_t element;
    double got, want;
    int64_t checked; /* elements */
} hone_gradcheck_result;

/* Memory: a step arena of its own. Errors: whatever build reports; HONE_E_DTYPE (a leaf or a result that is not F64),
 * HONE_E_ARG (a leaf without values, a number below 0, no leaf of the result wants a gradient); HONE_E_NOMEM. */
hone_status hone_gradcheck_run(const hone_gradcheck *c, hone_gradcheck_result *out);

#endif
