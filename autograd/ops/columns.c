/* The first columns: y[r] = x[r][0 : n];   dx[r][0 : n] += dy[r], the others get zeros. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"

#include <string.h>

typedef struct columns_params {
    int64_t n;
} columns_params;

static hone_status columns_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const columns_params *p = n->params;
    const hone_tensor *x = n->in[0];
    if (x->shape.rank != 2 || p->n < 1 || p->n > hone_dim(x, 1))
        return hone_fail(HONE_E_SHAPE, "columns: the first %" PRId64 " of x \"%s\" %s", p->n, x->name,
                         hone_shape_str(&x->shape));
    *shape = hone_shape_of(2, hone_dim(x, 0), p->n);
    *dtype = x->dtype;
    return HONE_OK;
}

static hone_status columns_forward(hone_graph *g, hone_node *n) {
    (void)g;
    int64_t wide = hone_dim(n->in[0], 1), narrow = hone_dim(n->out, 1);
    for (int64_t r = 0; r < hone_dim(n->out, 0); r++)
        memcpy(op_at(n->out->dtype, n->out->data, r * narrow), op_at(n->out->dtype, n->in[0]->data, r * wide),
               (size_t)narrow * hone_dtype_size(n->out->dtype));
    return HONE_OK;
}

static hone_status columns_backward(hone_graph *g, hone_node *n) {
    hone_dtype dtype = n->out->dtype;
    int64_t wide = hone_dim(n->in[0], 1), narrow = hone_dim(n->out, 1);
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    for (int64_t r = 0; r < hone_dim(n->out, 0); r++) {
        HONE_TRY(
            hone_ops_scale(dtype, narrow, 1, op_at(dtype, n->out->grad, r * narrow), op_at(dtype, dx, r * wide), add));
        if (!add) memset(op_at(dtype, dx, r * wide + narrow), 0, (size_t)(wide - narrow) * hone_dtype_size(dtype));
    }
    return HONE_OK;
}

const hone_op hone_op_columns = {.name = "columns",
                                 .min_in = 1,
                                 .max_in = 1,
                                 .shape = columns_shape,
                                 .forward = columns_forward,
                                 .backward = columns_backward};

hone_tensor *hone_columns(hone_graph *g, hone_tensor *x, int64_t n) {
    return hone_graph_apply(g, &hone_op_columns, 1, (hone_tensor *[]){x}, &(columns_params){n}, sizeof(columns_params));
}
