#include "autograd/gradcheck.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

typedef struct checker {
    const hone_gradcheck *c;
    hone_graph *g;
    hone_graph_mode mode;
} checker;

static double weight(int64_t i) {
    return 2 * hone_random_uniform(20, hone_stream_id(HONE_STREAM_TEST, 1), (uint64_t)i) - 1;
}

static hone_status evaluate(checker *k, hone_tensor **y) {
    hone_graph_begin(k->g, &k->mode);
    *y = k->c->build(k->g, k->c->leaves, k->c->ctx);
    HONE_TRY(hone_graph_status(k->g));
    if (!*y || (*y)->dtype != HONE_F64) return hone_fail(HONE_E_DTYPE, "gradcheck: the result is not F64");
    return HONE_OK;
}

static hone_status value(checker *k, double *sum) {
    hone_tensor *y;
    HONE_TRY(evaluate(k, &y));
    *sum = 0;
    for (int64_t i = 0; i < hone_count(y); i++) *sum += weight(i) * hone_f64(y)[i];
    return HONE_OK;
}

static hone_status difference(checker *k, double *x, double h, double *slope) {
    double at = *x, f[4];
    const double step[4] = {h, -h, 2 * h, -2 * h};
    hone_status s = HONE_OK;
    for (int i = 0; i < 4 && s == HONE_OK; i++) {
        *x = at + step[i];
        s = value(k, &f[i]);
    }
    *x = at;
    *slope = s == HONE_OK ? (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * h) : 0;
    return s;
}

static hone_status backward(checker *k, double **grads) {
    const hone_gradcheck *c = k->c;
    hone_tensor *y;
    for (int l = 0; l < c->n_leaves; l++) {
        c->leaves[l]->grad = grads[l];
        c->leaves[l]->grad_set = false;
    }
    HONE_TRY(evaluate(k, &y));
    if (c->before_backward) c->before_backward(k->g, c->ctx);
    double *r = hone_alloc((size_t)hone_count(y) * sizeof *r);
    if (!r) return HONE_E_NOMEM;
    for (int64_t i = 0; i < hone_count(y); i++) r[i] = weight(i);
    hone_status s = hone_graph_backward_from(k->g, y, r);
    hone_free(r);
    for (int l = 0; l < c->n_leaves; l++) /* no path to the result: the gradient is zero */
        if (grads[l] && !c->leaves[l]->grad_set) memset(grads[l], 0, (size_t)hone_count(c->leaves[l]) * sizeof(double));
    return s;
}

static hone_status compare_leaf(checker *k, int leaf, const double *grad, hone_gradcheck_result *out) {
    hone_tensor *t = k->c->leaves[leaf];
    int64_t n = hone_count(t), stride = 1;
    if (k->c->max_elements && n > k->c->max_elements) stride = n / k->c->max_elements;
    for (int64_t i = 0; i < n; i += stride) {
        double want;
        HONE_TRY(difference(k, &hone_f64(t)[i], k->c->h > 0 ? k->c->h : 1e-3, &want));
        double err = fabs(grad[i] - want) / fmax(1, fabs(want));
        if (!(err <= out->worst)) {
            out->worst = isnan(err) ? (double)INFINITY : err;
            out->leaf = leaf, out->element = i, out->got = grad[i], out->want = want;
        }
        out->checked++;
    }
    return HONE_OK;
}

static hone_status check_leaves(const hone_gradcheck *c) {
    if (c->n_leaves < 0 || c->max_elements < 0)
        return hone_fail(HONE_E_ARG, "gradcheck: %d leaves, %" PRId64 " elements of each, neither may be below 0",
                         c->n_leaves, c->max_elements);
    for (int l = 0; l < c->n_leaves; l++) {
        const hone_tensor *t = c->leaves[l];
        if (t->dtype != HONE_F64)
            return hone_fail(HONE_E_DTYPE, "gradcheck: leaf %d \"%s\" is %s, wants F64", l, t->name,
                             hone_dtype_name(t->dtype));
        if (!t->data && hone_count(t))
            return hone_fail(HONE_E_ARG, "gradcheck: leaf %d \"%s\" has no values", l, t->name);
    }
    return HONE_OK;
}

hone_status hone_gradcheck_run(const hone_gradcheck *c, hone_gradcheck_result *out) {
    HONE_TRY(check_leaves(c));
    checker k = {.c = c, .mode = c->mode};
    hone_arena *arena = hone_arena_new("gradcheck", 1 << 20);
    hone_status s = HONE_E_NOMEM;
    double **grads = hone_zalloc((size_t)(c->n_leaves + 1) * sizeof *grads);
    hone_tensor *was = hone_zalloc((size_t)(c->n_leaves + 1) * sizeof *was); /* the owner's gradients */
    memset(out, 0, sizeof *out);
    k.g = arena ? hone_graph_new(arena) : NULL;
    if (!k.g || !grads || !was) goto done;
    for (int l = 0; l < c->n_leaves; l++) was[l] = *c->leaves[l];
    k.mode.record = true;
    for (int l = 0; l < c->n_leaves; l++) {
        if (!c->leaves[l]->needs_grad) continue;
        grads[l] = hone_zalloc((size_t)hone_count(c->leaves[l]) * sizeof(double));
        if (!grads[l]) goto done;
    }
    s = backward(&k, grads);
    k.mode.record = false;
    for (int l = 0; l < c->n_leaves && s == HONE_OK; l++)
        if (grads[l]) s = compare_leaf(&k, l, grads[l], out);
done:
    for (int l = 0; k.g && grads && was && l < c->n_leaves; l++) {
        c->leaves[l]->grad = was[l].grad;
        c->leaves[l]->grad_set = was[l].grad_set;
        hone_free(grads[l]);
    }
    hone_free(grads);
    hone_free(was);
    hone_graph_free(k.g);
    hone_arena_free(arena);
    return s;
}
