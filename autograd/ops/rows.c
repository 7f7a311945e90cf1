/* A range of rows as a view: y = x[first : first + count];   dx[first : first + count] += dy */
#include "autograd/ops.h"
#include "autograd/ops/common.h"

#include <string.h>

typedef struct rows_params {
    int64_t first, count;
} rows_params;

static hone_status rows_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const rows_params *p = n->params;
    const hone_tensor *x = n->in[0];
    if (x->shape.rank < 1 || p->first < 0 || p->count < 0 || p->first > hone_dim(x, 0) - p->count)
        return hone_fail(HONE_E_SHAPE, "rows: %" PRId64 " rows from %" PRId64 " of x \"%s\" %s", p->count, p->first,
                         x->name, hone_shape_str(&x->shape));
    *shape = x->shape;
    shape->dim[0] = p->count;
    *dtype = x->dtype;
    return HONE_OK;
}

static int64_t row_size(const hone_tensor *x) {
    return hone_dim(x, 0) ? hone_count(x) / hone_dim(x, 0) : 0;
}

static hone_status rows_forward(hone_graph *g, hone_node *n) {
    (void)g;
    const rows_params *p = n->params;
    n->out->data = op_at(n->out->dtype, n->in[0]->data, p->first * row_size(n->in[0]));
    return HONE_OK;
}

static hone_status rows_backward(hone_graph *g, hone_node *n) {
    const rows_params *p = n->params;
    hone_tensor *x = n->in[0];
    bool add;
    char *dx = hone_graph_grad(g, x, &add);
    if (!dx) return hone_graph_status(g);
    size_t row_bytes = (size_t)row_size(x) * hone_dtype_size(x->dtype);
    /* The rows outside the range get zeros only if this is the first contribution. */
    if (!add) {
        memset(dx, 0, (size_t)p->first * row_bytes);
        memset(dx + (size_t)(p->first + p->count) * row_bytes, 0,
               (size_t)(hone_dim(x, 0) - p->first - p->count) * row_bytes);
    }
    return hone_ops_scale(x->dtype, hone_count(n->out), 1, n->out->grad, dx + (size_t)p->first * row_bytes, add);
}

const hone_op hone_op_rows = {.name = "rows",
                              .min_in = 1,
                              .max_in = 1,
                              .shape = rows_shape,
                              .forward = rows_forward,
                              .backward = rows_backward,
                              .view = true};

hone_tensor *hone_row_range(hone_graph *g, hone_tensor *x, int64_t first, int64_t count) {
    return hone_graph_apply(g, &hone_op_rows, 1, (hone_tensor *[]){x}, &(rows_params){first, count},
                            sizeof(rows_params));
}
