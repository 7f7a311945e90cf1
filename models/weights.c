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

static hone_status supply_table(hone_param *p, const hone_safetensors_entry *e, hone_arena *arena) {
    if (e->dtype == HONE_F32 && (uintptr_t)e->data % sizeof(float) == 0) {
        p->tensor->data = (void *)(uintptr_t)e->data; /* read-only: inference never writes a table */
        return HONE_OK;
    }
    p->borrowed = false;
    p->tensor->data = hone_arena_alloc(arena, (size_t)hone_count(p->tensor) * hone_dtype_size(p->tensor->dtype));
    return p->tensor->data ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory for table \"%s\"", p->name[0]);
}

/* A matrix that prepares gets memory while its parts are read. */
static hone_status open_param(hone_param *p) {
    if (!p->prepares) return HONE_OK;
    hone_tensor *t = p->tensor;
    t->data = hone_alloc((size_t)hone_count(t) * sizeof(float));
    return t->data ? HONE_OK : hone_last_error()->code;
}

static hone_status close_param(hone_param *p, const hone_weights_place *place, const char *dir, hone_status read) {
    if (!p->prepares) return read;
    hone_tensor *t = p->tensor;
    if (read == HONE_OK)
        read = hone_prepare(place->arena, place->precision, hone_dim(t, 0), hone_dim(t, 1), t->data, &t->prepared);
    hone_free(t->data);
    t->data = NULL;
    if (read != HONE_E_NUMERIC) return read;
    /* also the parts packed with it */
    hone_fail_at(read, dir, 0, 0, "%s holds NaN or infinity, which int8 has no number for", p->name[0]);
    return hone_hint("the model is broken; \"hone inspect\" lists every tensor with such values");
}

static hone_status load_param(const hone_safetensors *st, hone_params *ps, int64_t i, const char *prefix,
                              const hone_weights_place *place, const char *dir) {
    hone_param *p = hone_params_at(ps, i);
    for (int k = 0; k < p->n_names; k++) {
        hone_named to = hone_params_part(ps, i, k);
        const hone_safetensors_entry *e = hone_weights_find(st, prefix, to.name);
        HONE_TRY(check(st, e, &to, dir));
        HONE_TRY(refuse_two(st, prefix, to.name));
        if (p->borrowed && !p->tensor->data) {
            HONE_TRY(supply_table(p, e, place->arena));
            to = hone_params_part(ps, i, k);
        }
        if (p->borrowed) continue;
        HONE_TRY(fill(st, e, &to));
        hone_safetensors_let_go(st, e);
    }
    return HONE_OK;
}

hone_status hone_weights_load(const hone_safetensors *st, hone_params *ps, int64_t count, const char *prefix,
                              const hone_weights_place *place, const char *dir) {
    for (int64_t i = 0; i < count; i++) {
        HONE_TRY(open_param(hone_params_at(ps, i)));
        HONE_TRY(close_param(hone_params_at(ps, i), place, dir, load_param(st, ps, i, prefix, place, dir)));
    }
    return HONE_OK;
}

static hone_status load_one(const hone_safetensors *st, hone_params *ps, const char *name, const char *there,
                            const char *tail, const hone_weights_place *place, const char *dir) {
    char mine[256], theirs[256];
    hone_named to;
    snprintf(mine, sizeof mine, "%s.%s", name, tail);
    snprintf(theirs, sizeof theirs, "%s.%s", there, tail);
    if (!hone_params_find(ps, mine, &to)) return HONE_OK;
    hone_param *p = to.param;
    const hone_safetensors_entry *e = hone_safetensors_find(st, theirs);
    to.name = theirs;
    HONE_TRY(check(st, e, &to, dir));
    HONE_TRY(open_param(p));
    to.data = p->tensor->data; /* one part: the whole */
    return close_param(p, place, dir, fill(st, e, &to));
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
