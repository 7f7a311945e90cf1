#include "nn/param.h"

#include <fnmatch.h>
#include <string.h>

struct hone_params {
    hone_dtype dtype;
    hone_arena *arena; /* structs and names */
    hone_param *list;
    int64_t n, capacity;
    void *values, *grads;
    bool allocated, trains, lent;
    hone_status failed; /* the first declaration that was refused, and its sentence */
    hone_error error;
};

hone_params *hone_params_new(hone_dtype dtype) {
    hone_params *ps = hone_zalloc(sizeof *ps);
    if (!ps) return NULL;
    ps->dtype = dtype;
    ps->arena = hone_arena_new("parameters", 1 << 16);
    if (!ps->arena) {
        hone_free(ps);
        return NULL;
    }
    return ps;
}

void hone_params_free(hone_params *ps) {
    if (!ps) return;
    hone_free(ps->values);
    hone_free(ps->grads);
    for (int64_t i = 0; i < ps->n; i++) hone_free(ps->list[i].table_grad);
    hone_free(ps->list);
    hone_arena_free(ps->arena);
    hone_free(ps);
}

static bool make_room(hone_params *ps) {
    if (ps->n < ps->capacity) return true;
    int64_t capacity = ps->capacity ? 2 * ps->capacity : 64;
    hone_param *more = hone_realloc(ps->list, (size_t)capacity * sizeof *more);
    if (!more) return false;
    ps->list = more, ps->capacity = capacity;
    return true;
}

static hone_tensor *refuse(hone_params *ps, hone_status failed) {
    if (ps->failed == HONE_OK) ps->failed = failed, ps->error = *hone_last_error();
    return NULL;
}

static hone_status check_declared(const hone_params *ps, hone_param_kind kind, const hone_shape *part, int n,
                                  const char *const *names) {
    if (n < 1 || n > HONE_PARAM_PARTS)
        return hone_fail(HONE_E_ARG, "a parameter of %d parts, wants 1 to %d", n, HONE_PARAM_PARTS);
    if (ps->allocated) return hone_fail(HONE_E_ARG, "\"%s\" is declared after hone_params_allocate", names[0]);
    if (n > 1 && part->rank < 1)
        return hone_fail(HONE_E_SHAPE, "\"%s\" and others are scalars, which cannot be stacked", names[0]);
    if (kind == HONE_PARAM_EMBEDDING && part->rank != 2)
        return hone_fail(HONE_E_SHAPE, "embedding table \"%s\" is %s, wants [rows, columns]", names[0],
                         hone_shape_str(part));
    return HONE_OK;
}

hone_tensor *hone_params_add_stacked(hone_params *ps, hone_param_kind kind, hone_shape part, int n,
                                     const char *const *names) {
    hone_status sound = check_declared(ps, kind, &part, n, names);
    if (sound != HONE_OK) return refuse(ps, sound);
    hone_param p = {.kind = kind, .n_names = n, .trainable = true};
    hone_shape whole = part;
    whole.dim[0] *= n;
    p.tensor = make_room(ps) ? hone_tensor_wrap(ps->arena, ps->dtype, whole, NULL) : NULL;
    for (int i = 0; i < n; i++) p.name[i] = hone_arena_strdup(ps->arena, names[i]), p.rate[i] = 1;
    if (!p.tensor || hone_arena_failed(ps->arena))
        return refuse(ps, hone_fail(HONE_E_NOMEM, "no memory for %" PRId64 " parameters", ps->n + 1));
    p.tensor->name = p.name[0];
    p.tensor->needs_grad = true;
    ps->list[ps->n++] = p;
    return p.tensor;
}

hone_tensor *hone_params_add(hone_params *ps, hone_param_kind kind, hone_shape shape, const char *name) {
    return hone_params_add_stacked(ps, kind, shape, 1, &name);
}

/* 64-byte steps: every parameter starts on a cache line. */
static size_t padded(const hone_params *ps, const hone_param *p) {
    return ((size_t)hone_count(p->tensor) * hone_dtype_size(ps->dtype) + 63) / 64 * 64;
}

static hone_status allocate_table_grad(hone_params *ps, hone_param *p) {
    hone_tensor *t = p->tensor;
    hone_row_set *set = hone_arena_zalloc(ps->arena, sizeof *set);
    p->table_grad = hone_zalloc_sparse(padded(ps, p));
    if (!set || !p->table_grad) return hone_fail(HONE_E_NOMEM, "no memory for the gradient of \"%s\"", p->name[0]);
    set->mark = hone_arena_zalloc(ps->arena, (size_t)hone_dim(t, 0));
    set->list = hone_arena_alloc(ps->arena, (size_t)hone_dim(t, 0) * sizeof *set->list);
    t->rows = set;
    t->grad = p->table_grad;
    return set->mark && set->list ? HONE_OK
                                  : hone_fail(HONE_E_NOMEM, "no memory for the row set of \"%s\"", p->name[0]);
}

/* Which parameters get no values: see hone_params_use. */
static void mark_use(hone_params *ps, hone_params_use use) {
    for (int64_t i = 0; i < ps->n; i++) {
        hone_param *p = &ps->list[i];
        p->borrowed = use == HONE_PARAMS_INFERENCE && p->kind == HONE_PARAM_EMBEDDING;
        p->prepares = use == HONE_PARAMS_INFERENCE && p->kind == HONE_PARAM_WEIGHT && p->tensor->shape.rank == 2;
    }
}

/* One flat block for all but tables. */
static hone_status allocate_grads(hone_params *ps) {
    size_t bytes = 0;
    for (int64_t i = 0; i < ps->n; i++)
        bytes += ps->list[i].kind == HONE_PARAM_EMBEDDING ? 0 : padded(ps, &ps->list[i]);
    ps->grads = hone_alloc(bytes ? bytes : 64);
    if (!ps->grads) return hone_last_error()->code;
    char *grad = ps->grads;
    for (int64_t i = 0; i < ps->n; i++) {
        const hone_param *p = &ps->list[i];
        if (p->kind == HONE_PARAM_EMBEDDING) continue;
        p->tensor->grad = grad;
        grad += padded(ps, p);
    }
    return HONE_OK;
}

hone_status hone_params_allocate(hone_params *ps, hone_params_use use) {
    size_t values = 0;
    if (ps->failed != HONE_OK) return hone_error_restore(&ps->error), ps->failed;
    if (ps->allocated) return hone_fail(HONE_E_ARG, "the parameters have their memory already");
    ps->allocated = true;
    ps->trains = use == HONE_PARAMS_TRAIN;
    mark_use(ps, use);
    for (int64_t i = 0; i < ps->n; i++) {
        const hone_param *p = &ps->list[i];
        values += p->borrowed || p->prepares ? 0 : padded(ps, p);
    }
    ps->values = hone_alloc(values ? values : 64);
    if (!ps->values) return hone_last_error()->code;
    char *value = ps->values;
    for (int64_t i = 0; i < ps->n; i++) {
        hone_param *p = &ps->list[i];
        bool here = !p->borrowed && !p->prepares;
        p->tensor->data = here ? value : NULL;
        p->tensor->needs_grad = ps->trains && p->trainable;
        if (here) value += padded(ps, p);
        if (ps->trains && p->kind == HONE_PARAM_EMBEDDING) HONE_TRY(allocate_table_grad(ps, p));
    }
    return ps->trains ? allocate_grads(ps) : HONE_OK;
}

int64_t hone_params_count(const hone_params *ps) {
    return ps->n;
}
hone_param *hone_params_at(const hone_params *ps, int64_t i) {
    return &ps->list[i];
}
hone_dtype hone_params_dtype(const hone_params *ps) {
    return ps->dtype;
}

int64_t hone_params_elements(const hone_params *ps) {
    int64_t n = 0;
    for (int64_t i = 0; i < ps->n; i++) n += hone_count(ps->list[i].tensor);
    return n;
}

hone_named hone_params_part(const hone_params *ps, int64_t i, int part) {
    hone_param *p = &ps->list[i];
    hone_named out = {.name = p->name[part], .shape = p->tensor->shape, .dtype = ps->dtype, .param = p};
    out.shape.dim[0] /= p->n_names;
    size_t offset = (size_t)part * (size_t)hone_shape_count(&out.shape) * hone_dtype_size(ps->dtype);
    out.data = p->tensor->data ? (char *)p->tensor->data + offset : NULL;
    out.grad = p->tensor->grad ? (char *)p->tensor->grad + offset : NULL;
    return out;
}

bool hone_params_find(const hone_params *ps, const char *name, hone_named *out) {
    for (int64_t i = 0; i < ps->n; i++)
        for (int k = 0; k < ps->list[i].n_names; k++)
            if (!strcmp(ps->list[i].name[k], name)) {
                *out = hone_params_part(ps, i, k);
                return true;
            }
    return false;
}

int64_t hone_params_freeze(hone_params *ps, const char *pattern) {
    int64_t matched = 0;
    for (int64_t i = 0; i < ps->n; i++) {
        hone_param *p = &ps->list[i];
        bool all = true;
        for (int k = 0; k < p->n_names; k++) {
            bool match = fnmatch(pattern, p->name[k], 0) == 0;
            p->frozen[k] |= match;
            matched += match;
            all &= p->frozen[k];
        }
        if (!all) continue;
        p->trainable = p->tensor->needs_grad = false;
    }
    return matched;
}

int64_t hone_params_scale_rate(hone_params *ps, const char *pattern, double factor) {
    int64_t matched = 0;
    for (int64_t i = 0; i < ps->n; i++)
        for (int k = 0; k < ps->list[i].n_names; k++)
            if (fnmatch(pattern, ps->list[i].name[k], 0) == 0) ps->list[i].rate[k] = factor, matched++;
    return matched;
}

double hone_params_top_rate(const hone_params *ps) {
    double top = 0;
    for (int64_t i = 0; i < ps->n; i++)
        for (int k = 0; k < ps->list[i].n_names; k++)
            if (!ps->list[i].frozen[k] && ps->list[i].rate[k] > top) top = ps->list[i].rate[k];
    return top;
}

void hone_params_clear_grads(hone_params *ps) {
    for (int64_t i = 0; i < ps->n; i++) {
        hone_tensor *t = ps->list[i].tensor;
        t->grad_set = false;
        if (!t->rows) {
            if (ps->lent) t->grad = NULL;
            continue;
        }
        for (int64_t r = 0; r < t->rows->n; r++) t->rows->mark[t->rows->list[r]] = 0;
        t->rows->n = 0;
    }
}

void hone_params_lend_grads(hone_params *ps) {
    if (!ps->trains) return;
    hone_free(ps->grads);
    ps->grads = NULL, ps->lent = true;
    hone_params_clear_grads(ps);
}

hone_status hone_params_own_grads(hone_params *ps) {
    hone_params_clear_grads(ps);
    if (!ps->lent) return HONE_OK;
    HONE_TRY(allocate_grads(ps));
    ps->lent = false;
    return HONE_OK;
}

bool hone_params_are_grads_lent(const hone_params *ps) {
    return ps->lent;
}
