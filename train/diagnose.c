#include "train/diagnose.h"

#include "autograd/finite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct text {
    char *p;
    size_t n, used;
} text;

static __attribute__((format(printf, 2, 3))) void put(text *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int k = vsnprintf(t->p + t->used, t->n - t->used, fmt, ap);
    va_end(ap);
    t->used = k < 0 || (size_t)k >= t->n - t->used ? t->n - 1 : t->used + (size_t)k;
}

static const hone_param *param_of(hone_params *ps, const hone_tensor *t) {
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        if (hone_params_at(ps, i)->tensor == t) return hone_params_at(ps, i);
    return NULL;
}

/* The part of a parameter (query | key | value) that row `row` of its tensor belongs to. */
static const char *part_name(const hone_param *p, int64_t row) {
    int64_t per = hone_dim(p->tensor, 0) / p->n_names, part = per > 0 ? row / per : 0;
    return p->name[part >= 0 && part < p->n_names ? part : 0];
}

/* "[40, 2]" */
static void put_index(text *t, const hone_shape *s, int64_t i) {
    int64_t at[HONE_MAX_RANK];
    for (int k = s->rank - 1; k >= 0; k--) at[k] = i % s->dim[k], i /= s->dim[k];
    for (int k = 0; k < s->rank; k++) put(t, "%s%" PRId64, k ? ", " : "[", at[k]);
    if (s->rank) put(t, "]");
}

/* The published name of what f belongs to. Columns of a result, as rows of a gradient, are those of the weight: so one
 * of three stacked weights is known. */
static const char *name_of(const hone_finite *f, hone_params *ps) {
    const hone_param *p = f->near ? param_of(ps, f->near) : NULL;
    if (!p) return f->near ? f->near->name : "the input";
    int64_t rows = hone_dim(p->tensor, 0), cols = hone_cols(p->tensor),
            last = f->shape.rank ? f->shape.dim[f->shape.rank - 1] : 0;
    if (p->tensor->shape.rank < 2) cols = 1;
    if (f->in_near.bad) return part_name(p, f->in_near.first / cols);
    if (f->of_near) return part_name(p, f->bad.first / cols);
    return part_name(p, last == rows ? f->bad.first % last : 0);
}

/* The data's row behind element i of a tensor of this shape, -1: not one row alone. Its first dimension is that of the
 * tokens that the pass works on, of their sequences, or of the batch's rows. */
static int64_t row_behind(const hone_shape *s, int64_t i, const hone_pass *p, const hone_token_batch *b) {
    int64_t s0, s1, first = s->rank ? s->dim[0] : 0, k = first > 0 ? i / (hone_shape_count(s) / first) : 0;
    hone_pass_place(p, &s0, &s1);
    if (first == b->cu[s1] - b->cu[s0]) {
        int64_t q = s0;
        while (q + 1 < s1 && b->cu[q + 1] - b->cu[s0] <= k) q++;
        return b->rows[q % b->B];
    }
    if (first == s1 - s0) return b->rows[(s0 + k) % b->B];
    return first == b->B ? b->rows[k] : -1;
}

static int64_t number(const hone_train_data *d, int64_t row) {
    return d->table ? hone_table_row_number(d->table, row) : row;
}

static void put_rows(text *t, const hone_finite *f, const hone_pass *p, const hone_token_batch *b,
                     const hone_train_data *d) {
    enum { SHOWN = 8 };
    int64_t row = f->of_near ? -1 : row_behind(&f->shape, f->bad.first, p, b);
    if (row >= 0) {
        put(t, " (row %" PRId64 " of the data)", number(d, row));
        return;
    }
    put(t, " (rows of the batch: ");
    for (int64_t i = 0; i < b->B && i < SHOWN; i++) put(t, "%s%" PRId64, i ? ", " : "", number(d, b->rows[i]));
    put(t, b->B > SHOWN ? ", … %" PRId64 " in all)" : ")", b->B);
}

void hone_diagnose(const hone_finite *f, hone_model *m, const hone_pass *p, const hone_token_batch *b,
                   const hone_train_data *data, const char *loss, char *out, size_t n) {
    text t = {out, n, 0};
    hone_params *ps = hone_model_params(m);
    const char *name = name_of(f, ps), *what = f->bad.nan ? "NaN" : "infinity";
    const hone_bad_values *values = f->in_near.bad ? &f->in_near : &f->bad;
    bool in_loss = f->near && !strcmp(f->near->name, HONE_EMBEDDINGS);
    if (f->in_near.bad) {
        const hone_param *q = param_of(ps, f->near);
        put(&t, "%s itself holds %s, found in the %s pass of %s: %" PRId64 " of %" PRId64 " values, the first at ",
            name, values->nan ? "NaN" : "infinity", f->backward ? "backward" : "forward", f->op, values->bad,
            values->n);
        hone_shape part = f->near->shape;
        if (q) part.dim[0] /= q->n_names;
        put_index(&t, &part, values->first % hone_shape_count(&part));
        return;
    }
    put(&t, "%s first appears in the %s pass, in ", what, f->backward ? "backward" : "forward");
    if (in_loss)
        put(&t, "the loss %s, in %s", loss, f->op);
    else
        put(&t, "%s %s %s", f->op, f->own ? "of" : "after", name);
    put(&t, ": %" PRId64 " of %" PRId64 " values of %s", f->bad.bad, f->bad.n,
        !f->backward ? "its result"
        : f->of_near ? "that parameter's gradient"
                     : "the gradient it hands back");
    if (f->shape.rank) put(&t, ", the first at ");
    put_index(&t, &f->shape, f->bad.first);
    put_rows(&t, f, p, b, data);
}

/* ---- weights ---- */

static hone_status blame(const hone_param *p, const char *whose, const hone_bad_values *b, hone_status code) {
    hone_shape shape = p->tensor->shape;
    char place[160] = "";
    text t = {place, sizeof place, 0};
    int64_t cols = shape.rank > 1 ? hone_cols(p->tensor) : 1;
    const char *name = part_name(p, b->first / cols);
    shape.dim[0] /= p->n_names;
    put_index(&t, &shape, b->first % hone_shape_count(&shape));
    return hone_fail(code, "%s%s holds %s: %" PRId64 " of %" PRId64 " values, the first at %s", whose, name,
                     b->nan ? "NaN" : "infinity", b->bad, b->n, place);
}

hone_status hone_diagnose_weights(hone_params *ps, hone_optim *o, hone_status code) {
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *p = hone_params_at(ps, i);
        const void *values[3] = {p->tensor->data, o ? hone_optim_m(o, i) : NULL, o ? hone_optim_v(o, i) : NULL};
        static const char *const whose[3] = {"", "the mean gradient of ", "the mean squared gradient of "};
        for (int k = 0; k < 3; k++) {
            hone_bad_values b = hone_finite_values(p->tensor->dtype, hone_count(p->tensor), values[k]);
            if (b.bad) return blame(p, whose[k], &b, code);
        }
    }
    return HONE_OK;
}
