/* Where a step's time goes: seconds per operation and shape, forward and backward apart.
 *
 *     hone_profile *p = hone_profile_new();
 *     hone_graph_set_profile(g, p);
 *     … steps …
 *     const hone_profile_row *rows;
 *     int64_t n = hone_profile_rows(p, &rows);            // slowest first
 *
 * Wall time as the calling thread sees it, the threads it waits for included. An unwatched graph pays one branch an
 * operation. */
#ifndef HONE_AUTOGRAD_PROFILE_H
#define HONE_AUTOGRAD_PROFILE_H

#include "tensor/tensor.h"

/* The times so far, by operation and shape. */
typedef struct hone_profile hone_profile;

/* One operation at one shape. */
typedef struct hone_profile_row {
    const char *op;
    /* of the first input, the second input if it has rank 2, and the result; rank 0: none */
    hone_shape in, weight, out;
    int64_t calls;            /* forward calls */
    double forward, backward; /* seconds in all */
} hone_profile_row;

/* NULL when memory is short (HONE_E_NOMEM is in the error record). It may be freed before the graph that it watched, if
 * that is told first: hone_graph_set_profile(g, NULL). */
hone_profile *hone_profile_new(void);
void hone_profile_free(hone_profile *p); /* accepts NULL */
/* Forget what was measured (after warming up). */
void hone_profile_clear(hone_profile *p);
/* Sorted by forward + backward, the largest first. The rows belong to p and change with the next step. */
int64_t hone_profile_rows(hone_profile *p, const hone_profile_row **rows);

/* ---- for the graph ---- */

struct hone_node;
/* Seconds of a steady clock. */
double hone_profile_now(void);
/* Adds the time since `start` to n's row. Without memory for another row the time is lost, the step is not. */
void hone_profile_add(hone_profile *p, const struct hone_node *n, bool backward, double start);

#endif
