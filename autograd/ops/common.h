/* What several ops share: the two matmul types behind one call, and rows or elements split over threads. All borders
 * depend on sizes alone, never on the number of threads. What the linker sees is called hone_ops_…, as everything in
 * the library begins with hone_; the rest is static. */
#ifndef HONE_AUTOGRAD_OPS_COMMON_H
#define HONE_AUTOGRAD_OPS_COMMON_H

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "tensor/matmul.h"

/* A product as tensor/matmul.h describes it, for F32 or F64 data: with F64 the pointers of m are those of doubles.
 * Precision bf16 rounds the operands of F32 products (tensor/matmul_bf16.h). What a form lacks of `through` and `sum_a`
 * is done in passes of its own. */
hone_status hone_ops_product(hone_dtype dtype, hone_precision precision, const hone_matmul_args *m);

/* Products to be run together, so that those which do not wait for each other share the threads: described one after
 * another, run by hone_ops_run. For Linears y [M, N] = act(x [M, K] w^T + b) with w [N, K] and b [N] or NULL. Nothing
 * that they read or write may be given back before they have run. */
typedef struct op_products {
    hone_graph *g;
    hone_dtype dtype;
    int count;
    hone_matmul_args m[4];
} op_products;

/* y = act(x w^T + b); w plain, or prepared: then at once. pre: the value before act, or NULL. */
hone_status hone_ops_add_linear(op_products *ps, int64_t M, const void *x, const hone_tensor *w, const hone_tensor *b,
                                hone_act act, void *pre, void *y);
/* For dy [M, N] and x [M, K]: dw (+)= dy^T x and db (+)= the column sums of dy, each where the tensor wants it (b may
 * be NULL); and for the input tensor of x, dx (+)= dy w, if it wants that. */
hone_status hone_ops_add_linear_grads(op_products *ps, int64_t M, const void *dy, const void *x, hone_tensor *w,
                                      hone_tensor *b);
hone_status hone_ops_add_linear_input_grad(op_products *ps, int64_t M, const void *dy, const hone_tensor *w,
                                           hone_tensor *x);
/* Back through y = act(h) w^T for dy [M, N], h [M, K]: dh = (dy w) act'(h), and h becomes act(h). */
hone_status hone_ops_add_linear_through(op_products *ps, int64_t M, const void *dy, const hone_tensor *w, hone_act act,
                                        void *h, void *dh);
/* Run them, as though one after another; the list is empty then. */
hone_status hone_ops_run(op_products *ps);
/* y [C] (+)= sum over the rows of x [rows, C]: chunks of rows in parallel, added in chunk order. */
hone_status hone_ops_column_sums(hone_dtype dtype, int64_t rows, int64_t C, const void *x, void *y, bool add);
/* Elementwise, in parallel. */
hone_status hone_ops_activation_forward(hone_dtype dtype, int64_t n, hone_act act, const void *x, void *y);
hone_status hone_ops_activation_backward(hone_dtype dtype, int64_t n, hone_act act, const void *x, const void *dy,
                                         void *dx, bool add);
/* y (+)= a x */
hone_status hone_ops_scale(hone_dtype dtype, int64_t n, double a, const void *x, void *y, bool add);

/* Whether the sequences cut the rows of x [T, …] into pieces of at least `least` rows: else HONE_E_SHAPE with the
 * place. */
hone_status hone_ops_check_sequences(const char *op, const hone_sequences *s, const hone_tensor *x, int least);

/* An activation that hone_act has, else HONE_E_ARG. */
hone_status hone_ops_check_act(const char *op, hone_act act);
/* A probability of dropout: 0 <= p < 1, else HONE_E_ARG. */
hone_status hone_ops_check_dropout(const char *op, float p);

/* Rows r0 .. r1-1 of task t when `rows` are cut into pieces of `per`. */
static inline int64_t op_tasks(int64_t rows, int64_t per) {
    return (rows + per - 1) / per;
}
static inline int64_t op_first(int64_t task, int64_t per) {
    return task * per;
}
static inline int64_t op_count(int64_t task, int64_t per, int64_t rows) {
    return rows - task * per < per ? rows - task * per : per;
}
/* Address of element i of an F32 or F64 array; NULL stays NULL. */
static inline void *op_at(hone_dtype dtype, const void *p, int64_t i) {
    return p ? (char *)(uintptr_t)p + (size_t)i * hone_dtype_size(dtype) : NULL;
}

/* An array that a builder needs is NULL: the graph is refused (unless it failed before, which is why the array is
 * NULL). */
static inline bool op_lacks(hone_graph *g, const char *op, const char *what, const void *array) {
    if (array) return false;
    if (hone_graph_status(g) == HONE_OK) hone_graph_refuse(g, hone_fail(HONE_E_ARG, "%s: %s is NULL", op, what));
    return true;
}

#endif
