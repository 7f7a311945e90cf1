/* Which operation was the first to give NaN or infinity: a check behind every operation, for a step that is run again
 * because its loss or its gradient was not finite.
 *
 *     hone_finite f = {0};
 *     hone_graph_set_finite(g, &f);
 *     … the same step …            // the first bad operation fails with HONE_E_NUMERIC, and the pass ends there
 *     hone_graph_set_finite(g, NULL);
 *     if (f.found) …               // f says what and where
 *
 * Forward, an operation's result is looked at; backward, the gradients that it has added to its inputs'. Inputs were
 * looked at before, so the first that is bad was made by this operation - or lay in a parameter, which is looked at,
 * too. An unwatched graph pays one branch an operation.
 *
 * Place. An operation belongs to the named tensor among its inputs (its weight, its table), else to the nearest one
 * before it: forward by order of execution, backward along the inputs. Parameters have their published names; the
 * training step calls the encoder's result HONE_EMBEDDINGS, so whatever belongs to a tensor of that name is part of the
 * loss. */
#ifndef HONE_AUTOGRAD_FINITE_H
#define HONE_AUTOGRAD_FINITE_H

#include "tensor/tensor.h"

/* Name that the training step gives the encoder's result: where the model ends and the loss begins. */
#define HONE_EMBEDDINGS "embeddings"

/* Values that are NaN or infinite among some. */
typedef struct hone_bad_values {
    int64_t n, bad, first; /* of n values; index of the first bad one, -1: none */
    bool nan;              /* the first one is NaN (else: infinite) */
} hone_bad_values;

/* The check and what it found: all zero before a pass. Everything it names is borrowed from the graph. */
typedef struct hone_finite {
    bool found, backward;    /* something is bad; it came up in the backward pass */
    const char *op;          /* name of the operation */
    const hone_tensor *near; /* the named tensor it belongs to; NULL: none */
    bool own;                /* near is an input of it; else something before it */
    bool of_near;            /* backward: what is bad is the gradient of near; else that of an activation */
    hone_bad_values in_near; /* near's own values, where own: bad > 0: the operation is not to blame */
    hone_shape shape;        /* of the result, or of the gradient */
    hone_bad_values bad;     /* in it; of a table's gradient only rows that were touched are looked at */
    const hone_tensor *last; /* the check's own: the last named tensor seen */
} hone_finite;

/* Counts what is bad in n values of type F32 or F64. One pass at the speed of memory where everything is finite. */
hone_bad_values hone_finite_values(hone_dtype dtype, int64_t n, const void *p);

/* ---- for the graph ---- */

struct hone_node;
/* HONE_OK, or HONE_E_NUMERIC with f filled in and a sentence. */
hone_status hone_finite_forward(hone_finite *f, const struct hone_node *n);
hone_status hone_finite_backward(hone_finite *f, const struct hone_node *n);

#endif
