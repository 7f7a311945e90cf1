#include "autograd/finite.h"

#include "autograd/graph.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

static bool all_finite(hone_dtype dtype, int64_t n, const void *p) {
    return dtype == HONE_F64 ? hone_vector_f64_finite(n, p) : hone_vector_f32_finite(n, p);
}

static void count(hone_bad_values *b, hone_dtype dtype, int64_t n, const void *p, int64_t offset) {
    b->n += n;
    if (all_finite(dtype, n, p)) return;
    for (int64_t i = 0; i < n; i++) {
        double x = dtype == HONE_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
        if (isfinite(x)) continue;
        if (!b->bad++) b->first = offset + i, b->nan = isnan(x);
    }
}

hone_bad_values hone_finite_values(hone_dtype dtype, int64_t n, const void *p) {
    hone_bad_values b = {.first = -1};
    if (p) count(&b, dtype, n, p, 0);
    return b;
}

/* A table's gradient holds garbage outside of the rows that were touched. */
static hone_bad_values gradient_values(const hone_tensor *t) {
    if (!t->rows) return hone_finite_values(t->dtype, hone_count(t), t->grad);
    hone_bad_values b = {.first = -1};
    int64_t C = hone_cols(t);
    for (int64_t r = 0; r < t->rows->n; r++) {
        int64_t at = t->rows->list[r] * C;
        count(&b, t->dtype, C, (const char *)t->grad + (size_t)at * hone_dtype_size(t->dtype), at);
    }
    return b;
}

static const hone_tensor *named_input(const hone_node *n) {
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] && *n->in[i]->name) return n->in[i];
    return NULL;
}

/* Along the inputs towards the leaves, level by level: the tape of a model is narrow, and 64 nodes wide is more than
 * any. */
static const hone_tensor *nearest_named(const hone_node *n) {
    enum { WIDTH = 64 };
    const hone_node *level[WIDTH] = {n}, *next[WIDTH];
    for (int width = 1; width;) {
        int more = 0;
        for (int k = 0; k < width; k++) {
            const hone_tensor *t = named_input(level[k]);
            if (t) return t;
            for (int i = 0; i < level[k]->n_in && more < WIDTH; i++)
                if (level[k]->in[i] && level[k]->in[i]->node) next[more++] = level[k]->in[i]->node;
        }
        memcpy(level, next, (size_t)more * sizeof *level);
        width = more;
    }
    return NULL;
}

static hone_status report(hone_finite *f) {
    return hone_fail(HONE_E_NUMERIC, "%s of %s%s gives %s in %" PRId64 " of %" PRId64 " values",
                     f->backward ? "backward" : "forward", f->op, f->near ? " at " : "", f->near ? f->near->name : "",
                     f->bad.bad, f->bad.n);
}

/* An input whose values are bad before anything was computed with them comes first. */
static void look_at_parameters(hone_finite *f, const hone_node *n) {
    for (int i = 0; i < n->n_in; i++) {
        const hone_tensor *t = n->in[i];
        if (!t || !*t->name || t->node || !t->data) continue;
        hone_bad_values b = hone_finite_values(t->dtype, hone_count(t), t->data);
        if (!b.bad) continue;
        f->near = t, f->own = true, f->in_near = b;
        return;
    }
}

hone_status hone_finite_forward(hone_finite *f, const hone_node *n) {
    const hone_tensor *own = named_input(n);
    if (own) f->last = own;
    if (f->found || all_finite(n->out->dtype, hone_count(n->out), n->out->data)) return HONE_OK;
    *f = (hone_finite){
        .found = true, .op = n->op->name, .near = f->last, .own = own != NULL, .last = f->last, .shape = n->out->shape};
    f->bad = hone_finite_values(n->out->dtype, hone_count(n->out), n->out->data);
    f->in_near.first = -1;
    look_at_parameters(f, n);
    return report(f);
}

hone_status hone_finite_backward(hone_finite *f, const hone_node *n) {
    for (int i = 0; i < n->n_in && !f->found; i++) {
        const hone_tensor *t = n->in[i];
        if (!hone_wants_grad(t) || !t->grad || !t->grad_set) continue;
        hone_bad_values b = gradient_values(t);
        if (!b.bad) continue;
        const hone_tensor *own = named_input(n);
        bool leaf = *t->name && !t->node;
        *f = (hone_finite){.found = true,
                           .backward = true,
                           .op = n->op->name,
                           .own = own != NULL,
                           .of_near = leaf,
                           .shape = t->shape,
                           .bad = b,
                           .in_near = {.first = -1},
                           .last = f->last};
        f->near = leaf ? t : own ? own : nearest_named(n);
        look_at_parameters(f, n);
        return report(f);
    }
    return HONE_OK;
}
