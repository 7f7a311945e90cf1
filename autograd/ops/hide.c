/* Scores that a softmax shall not see: y = -1e28 where hidden, else x;   dx = dy, 0 where hidden.
 *
 * Not minus infinity: finite numbers cannot turn into NaN by a difference of two of them, and exp(scale (-1e28 - max))
 * is 0 all the same. A NaN stays: it is no score, and shall be seen. y lies in x's memory, for [B, N] scores are the
 * largest tensor of an in-batch loss. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

#include <math.h>

static const double HIDDEN = -1e28;

typedef struct hide_params {
    hone_hidden hidden;
} hide_params;

static hone_status hide_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_hidden *h = &((const hide_params *)n->params)->hidden;
    const hone_tensor *x = n->in[0];
    if (x->shape.rank != 2)
        return hone_fail(HONE_E_SHAPE, "hide: x \"%s\" is %s, wants [rows, columns]", x->name,
                         hone_shape_str(&x->shape));
    for (int64_t r = 0, before = 0; r <= hone_dim(x, 0); before = h->start[r++])
        if (h->start[r] < before)
            return hone_fail(HONE_E_SHAPE, "hide: start[%" PRId64 "] is %" PRId64 ", wants at least %" PRId64, r,
                             h->start[r], before);
    if (!h->column && h->start[0] < h->start[hone_dim(x, 0)]) return hone_fail(HONE_E_ARG, "hide: columns are NULL");
    for (int64_t k = h->start[0]; k < h->start[hone_dim(x, 0)]; k++)
        if (h->column[k] < 0 || h->column[k] >= hone_dim(x, 1))
            return hone_fail(HONE_E_SHAPE, "hide: column %d of x \"%s\" %s", h->column[k], x->name,
                             hone_shape_str(&x->shape));
    *shape = x->shape;
    *dtype = x->dtype;
    return HONE_OK;
}

static void fill(const hone_node *n, void *p, double value) { /* NaN aside */
    const hone_hidden *h = &((const hide_params *)n->params)->hidden;
    for (int64_t r = 0; r < hone_dim(n->out, 0); r++)
        for (int64_t k = h->start[r]; k < h->start[r + 1]; k++)
            if (!isnan(op_get(n->out->dtype, p, r * hone_dim(n->out, 1) + h->column[k])))
                op_put(n->out->dtype, p, r * hone_dim(n->out, 1) + h->column[k], value, false);
}

static hone_status hide_forward(hone_graph *g, hone_node *n) {
    (void)g;
    n->out->data = n->in[0]->data;
    fill(n, n->out->data, HIDDEN);
    return HONE_OK;
}

static hone_status hide_backward(hone_graph *g, hone_node *n) {
    bool add;
    void *dx = hone_graph_grad(g, n->in[0], &add);
    if (!dx) return hone_graph_status(g);
    fill(n, n->out->grad, 0);
    return hone_ops_scale(n->out->dtype, hone_count(n->out), 1, n->out->grad, dx, add);
}

const hone_op hone_op_hide = {.name = "hide",
                              .min_in = 1,
                              .max_in = 1,
                              .shape = hide_shape,
                              .forward = hide_forward,
                              .backward = hide_backward,
                              .view = true};

hone_tensor *hone_hide(hone_graph *g, hone_tensor *x, const hone_hidden *hidden) {
    if (op_lacks(g, "hide", "what is hidden", hidden ? hidden->start : NULL)) return NULL;
    return hone_graph_apply(g, &hone_op_hide, 1, (hone_tensor *[]){x}, &(hide_params){*hidden}, sizeof(hide_params));
}
