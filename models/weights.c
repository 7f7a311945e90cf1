#include "models/weights.h"

#include <stdio.h>
#include <string.h>

/* ---- names ---- */

static bool ends_with(const char *text, const char *tail) {
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && !strcmp(text + n - m, tail);
}

/* "…LayerNorm.weight" was once "…LayerNorm.gamma". */
static bool old_norm_name(char out[512], const char *name) {
    const char *tail = ends_with(name, "LayerNorm.weight") ? "gamma"
                       : ends_with(name, "LayerNorm.bias") ? "beta"
                                                           : NULL;
    if (!tail) return false;
    snprintf(out, 512, "%.*s%s", (int)(strrchr(name, '.') + 1 - name), name, tail);
    return true;
}

const hone_safetensors_entry *hone_weights_find(const hone_safetensors *st, const char *prefix, const char *name) {
    char old[512], text[600];
    const char *spelling[2] = {name, old_norm_name(old, name) ? old : NULL};
    for (int i = 0; i < 2 && spelling[i]; i++) {
        const hone_safetensors_entry *e = hone_safetensors_find(st, spelling[i]);
        if (e) return e;
        snprintf(text, sizeof text, "%s%s", prefix, spelling[i]);
        if ((e = hone_safetensors_find(st, text))) return e;
    }
    return NULL;
}

/* A file with two spellings of one parameter does not say which of them is meant. */
static hone_status refuse_two(const hone_safetensors *st, const char *prefix, const char *name) {
    char old[512], text[600];
    const char *spelling[2] = {name, old_norm_name(old, name) ? old : NULL};
    const hone_safetensors_entry *first = NULL;
    for (int i = 0; i < 4; i++) {
        if (!spelling[i / 2] || (i % 2 && !*prefix)) continue;
        snprintf(text, sizeof text, "%s%s", i % 2 ? prefix : "", spelling[i / 2]);
        const hone_safetensors_entry *e = hone_safetensors_find(st, text);
        if (e && first) {
            char other[256];
            snprintf(other, sizeof other, "%s", hone_quote(e->name));
            return hone_fail_at(HONE_E_FORMAT, hone_safetensors_path(st, e->file), 0, 0,
                                "holds both \"%s\" and \"%s\", two spellings of one parameter", hone_quote(first->name),
                                other);
        }
        if (e) first = e;
    }
    return HONE_OK;
}

/* ---- loading ---- */

static hone_status check(const hone_safetensors *st, const hone_safetensors_entry *e, const hone_named *want,
                         const char *dir) {
    if (!e) {
        hone_fail_at(HONE_E_FORMAT, hone_safetensors_files(st) == 1 ? hone_safetensors_path(st, 0) : dir, 0, 0,
                     "has no tensor \"%s\" %s, which config.json asks for", want->name, hone_shape_str(&want->shape));
        return hone_hint("do config.json and the weights belong to the same model?");
    }
    if (!hone_shape_equal(&e->shape, &want->shape))
        return hone_fail_at(HONE_E_SHAPE, hone_safetensors_path(st, e->file), 0, 0,
                            "\"%s\" is %s, config.json wants %s", hone_quote(e->name), hone_shape_str(&e->shape),
                            hone_shape_str(&want->shape));
    if (e->dtype != HONE_F32 && e->dtype != HONE_F16 && e->dtype != HONE_BF16 && e->dtype != HONE_F64)
        return hone_fail_at(HONE_E_DTYPE, hone_safetensors_path(st, e->file), 0, 0,
                            "\"%s\" is %s, weights are F32, F16, BF16 or F64", hone_quote(e->name),
                            hone_dtype_name(e->dtype));
    return HONE_OK;
}

static hone_status fill(const hone_safetensors *st, const hone_safetensors_entry *e, const hone_named *to) {
    if (to->dtype == HONE_F32) return hone_safetensors_read_f32(st, e, to->data);
    int64_t n = hone_shape_count(&to->shape);
    if (e->dtype == HONE_F64) {
        memcpy(to->data, e->data, (size_t)n * sizeof(double));
        return HONE_OK;
    }
    float *narrow = hone_alloc((size_t)(n + 1) * sizeof *narrow);
    if (!narrow) return hone_last_error()->code;
    hone_status s = hone_safetensors_read_f32(st, e, narrow);
    for (int64_t i = 0; s == HONE_OK && i < n; i++) ((double *)to->data)[i] = (double)narrow[i];
    hone_free(narrow);
    return s;
}

/* Whether the file's own bytes can be read as weights, without a copy. */
static bool in_place(const hone_safetensors_entry *e) {
    return e->dtype == HONE_F32 && (uintptr_t)e->data % sizeof(float) == 0;
}

static hone_status supply_table(const hone_safetensors *st, hone_param *p, const hone_safetensors_entry *e,
                                hone_arena *arena) {
    if (in_place(e)) {
        p->tensor->data = (void *)(uintptr_t)e->data; /* read-only: inference never writes a table */
        return HONE_OK;
    }
    p->borrowed = false;
    p->tensor->data = hone_arena_alloc(arena, (size_t)hone_count(p->tensor) * hone_dtype_size(p->tensor->dtype));
    if (!p->tensor->data) return hone_fail(HONE_E_NOMEM, "no memory for table \"%s\"", p->name[0]);
    HONE_TRY(hone_safetensors_read_f32(st, e, p->tensor->data));
    hone_safetensors_let_go(st, e);
    return HONE_OK;
}

/* The parts of a matrix one below the other as F32: where they lie in the file, or in scratch. NULL: no memory, or a
 * tensor that cannot be read. */
static const float *whole_matrix(const hone_safetensors *st, const hone_param *p,
                                 const hone_safetensors_entry *const *e, hone_arena *scratch) {
    int64_t part = hone_count(p->tensor) / p->n_names;
    if (p->n_names == 1 && in_place(e[0])) return e[0]->data;
    float *w = hone_arena_alloc(scratch, (size_t)(part * p->n_names) * sizeof *w);
    for (int k = 0; w && k < p->n_names; k++)
        if (hone_safetensors_read_f32(st, e[k], w + k * part) != HONE_OK) return NULL;
    return w;
}

/* A matrix is laid out for the kernels, and nothing else of it stays. */
static hone_status supply_matrix(const hone_safetensors *st, hone_param *p, const hone_safetensors_entry *const *e,
                                 const hone_weights_place *place, const char *dir) {
    hone_tensor *t = p->tensor;
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    const float *w = whole_matrix(st, p, e, scratch);
    hone_status s = w ? hone_prepare(place->arena, place->precision, hone_dim(t, 0), hone_dim(t, 1), w, &t->prepared)
                      : hone_last_error()->code;
    hone_arena_release(scratch, mark);
    for (int k = 0; k < p->n_names; k++) hone_safetensors_let_go(st, e[k]);
    if (s != HONE_E_NUMERIC) return s;
    /* also the parts packed with it */
    hone_fail_at(s, dir, 0, 0, "%s holds NaN or infinity, which int8 has no number for", p->name[0]);
    return hone_hint("the model is broken; \"hone inspect\" lists every tensor with such values");
}

/* e: the file's tensor of each part. */
static hone_status supply(const hone_safetensors *st, hone_params *ps, int64_t i,
                          const hone_safetensors_entry *const *e, const hone_weights_place *place, const char *dir) {
    hone_param *p = hone_params_at(ps, i);
    if (p->borrowed) return supply_table(st, p, e[0], place->arena);
    if (p->prepares) return supply_matrix(st, p, e, place, dir);
    for (int k = 0; k < p->n_names; k++) {
        hone_named to = hone_params_part(ps, i, k);
        HONE_TRY(fill(st, e[k], &to));
        hone_safetensors_let_go(st, e[k]);
    }
    return HONE_OK;
}

hone_status hone_weights_load(const hone_safetensors *st, hone_params *ps, int64_t count, const char *prefix,
                              const hone_weights_place *place, const char *dir) {
    for (int64_t i = 0; i < count; i++) {
        const hone_safetensors_entry *e[HONE_PARAM_PARTS];
        for (int k = 0; k < hone_params_at(ps, i)->n_names; k++) {
            hone_named to = hone_params_part(ps, i, k);
            e[k] = hone_weights_find(st, prefix, to.name);
            HONE_TRY(check(st, e[k], &to, dir));
            HONE_TRY(refuse_two(st, prefix, to.name));
        }
        HONE_TRY(supply(st, ps, i, e, place, dir));
    }
    return HONE_OK;
}

static hone_status load_one(const hone_safetensors *st, hone_params *ps, const char *name, const char *there,
                            const char *tail, const hone_weights_place *place, const char *dir) {
    char mine[256], theirs[256];
    hone_named to;
    int64_t i = 0;
    snprintf(mine, sizeof mine, "%s.%s", name, tail);
    snprintf(theirs, sizeof theirs, "%s.%s", there, tail);
    if (!hone_params_find(ps, mine, &to)) return HONE_OK;
    const hone_safetensors_entry *e = hone_safetensors_find(st, theirs);
    to.name = theirs;
    HONE_TRY(check(st, e, &to, dir));
    while (hone_params_at(ps, i) != to.param) i++;
    return supply(st, ps, i, &e, place, dir);
}

hone_status hone_weights_load_layer(const hone_safetensors *st, hone_params *ps, const char *name, const char *there,
                                    const hone_weights_place *place, const char *dir) {
    HONE_TRY(load_one(st, ps, name, there, "weight", place, dir));
    return load_one(st, ps, name, there, "bias", place, dir);
}

/* ---- saving ---- */

hone_status hone_weights_save(const hone_params *ps, const char *file) {
    int64_t n = 0, room = hone_params_count(ps) * HONE_PARAM_PARTS;
    hone_safetensors_item *items = hone_alloc((size_t)(room + 1) * sizeof *items);
    if (!items) return hone_last_error()->code;
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        for (int k = 0; k < hone_params_at(ps, i)->n_names; k++) {
            hone_named t = hone_params_part(ps, i, k);
            if (strstr(t.name, "_Dense.")) continue;
            items[n++] = (hone_safetensors_item){.name = t.name, .dtype = t.dtype, .shape = t.shape, .data = t.data};
        }
    hone_status s = hone_safetensors_write(file, items, n, HONE_F32);
    hone_free(items);
    return s;
}
