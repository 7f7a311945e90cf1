/* L = log(1 + sum over pairs y_i < y_j of exp(z_i - z_j)),  z = scale s.
 *
 * Without the square of pairs: rows in ascending order of labels, h(i) the first row with a larger label than row i,
 * f(i) the first with the label of row i.
 *     S_k = log sum_{j >= k} e^-z_j      L = log(1 + sum_i e^(z_i + S_h(i)))
 *     P_k = log sum_{i < k} e^z_i        dz_i = e^(z_i + S_h(i) - L) - e^(P_f(i) - z_i - L)
 * In double whatever the type. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

#include <math.h>
#include <stdlib.h>

typedef struct cosent_params {
    const double *label;
    double scale;
} cosent_params;

typedef struct cosent_row {
    double label, z;
    int64_t row;           /* in the input */
    int64_t first, above;  /* f and h */
    double suffix, prefix; /* S, P at this place */
} cosent_row;

typedef struct cosent_saved {
    double loss;
    cosent_row row[];
} cosent_saved;

static hone_status cosent_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *s = n->in[0];
    if (s->shape.rank != 1)
        return hone_fail(HONE_E_SHAPE, "cosent: s \"%s\" is %s, wants [rows]", s->name, hone_shape_str(&s->shape));
    *shape = (hone_shape){.rank = 0};
    *dtype = s->dtype;
    return HONE_OK;
}

static int by_label(const void *a, const void *b) {
    const cosent_row *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static double log_add(double a, double b) {
    if (isnan(a) || isnan(b)) return (double)NAN; /* fmax and fmin would lose it */
    double top = fmax(a, b);
    return isinf(top) ? top : top + log1p(exp(fmin(a, b) - top));
}

static hone_status cosent_forward(hone_graph *g, hone_node *n) {
    const cosent_params *p = n->params;
    int64_t R = hone_count(n->in[0]);
    cosent_saved *s = hone_graph_save(g, sizeof *s + (size_t)R * sizeof *s->row);
    if (!s) return HONE_E_NOMEM;
    n->saved = s;
    for (int64_t i = 0; i < R; i++)
        s->row[i] =
            (cosent_row){.label = p->label[i], .z = p->scale * op_get(n->in[0]->dtype, n->in[0]->data, i), .row = i};
    qsort(s->row, (size_t)R, sizeof *s->row, by_label);
    for (int64_t k = 0; k < R; k++) {
        cosent_row *r = &s->row[k];
        r->first = k && r[-1].label == r->label ? r[-1].first : k;
        r->prefix = k ? log_add(r[-1].prefix, r[-1].z) : -HUGE_VAL;
    }
    for (int64_t k = R - 1; k >= 0; k--) {
        cosent_row *r = &s->row[k];
        r->above = k + 1 < R ? (r[1].label == r->label ? r[1].above : k + 1) : R;
        r->suffix = k + 1 < R ? log_add(r[1].suffix, -r->z) : -r->z;
    }
    s->loss = 0;
    for (int64_t k = 0; k < R; k++)
        if (s->row[k].above < R) s->loss = log_add(s->loss, s->row[k].z + s->row[s->row[k].above].suffix);
    op_put(n->out->dtype, n->out->data, 0, s->loss, false);
    return HONE_OK;
}

static hone_status cosent_backward(hone_graph *g, hone_node *n) {
    const cosent_params *p = n->params;
    const cosent_saved *s = n->saved;
    int64_t R = hone_count(n->in[0]);
    bool add;
    void *ds = hone_graph_grad(g, n->in[0], &add);
    double dout = op_get(n->out->dtype, n->out->grad, 0);
    for (int64_t k = 0; ds && k < R; k++) {
        const cosent_row *r = &s->row[k];
        double up = r->above < R ? exp(r->z + s->row[r->above].suffix - s->loss) : 0;
        double down = exp(s->row[r->first].prefix - r->z - s->loss);
        op_put(n->out->dtype, ds, r->row, dout * p->scale * (up - down), add);
    }
    return hone_graph_status(g);
}

const hone_op hone_op_cosent = {.name = "cosent",
                                .min_in = 1,
                                .max_in = 1,
                                .shape = cosent_shape,
                                .forward = cosent_forward,
                                .backward = cosent_backward};

hone_tensor *hone_cosent(hone_graph *g, hone_tensor *s, const double *label, double scale) {
    if (op_lacks(g, "cosent", "label", label)) return NULL;
    return hone_graph_apply(g, &hone_op_cosent, 1, (hone_tensor *[]){s}, &(cosent_params){label, scale},
                            sizeof(cosent_params));
}
