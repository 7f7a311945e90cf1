#include "train/checkpoint.h"

#include "base/io.h"
#include "base/json.h"
#include "tensor/safetensors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { FORMAT = 2 };
#define STATE_SUM "\"state_crc32\": \""

static void sum_text(char out[16], const void *p, size_t n) {
    snprintf(out, 16, "%08lx", crc32_z(crc32_z(0, NULL, 0), p, n));
}

/* ---- saving ---- */

typedef struct item_list {
    hone_safetensors_item *item;
    char (*name)[320];
    int64_t n;
} item_list;

static void push(item_list *l, const char *kind, const char *name, hone_dtype dtype, hone_shape shape,
                 const void *data) {
    snprintf(l->name[l->n], sizeof *l->name, *name ? "%s.%s" : "%s", kind, name);
    l->item[l->n] = (hone_safetensors_item){.name = l->name[l->n], .dtype = dtype, .shape = shape, .data = data};
    l->n++;
}

/* The optimiser's arrays under names: what is written, and what a loader asks for. */
static hone_status list_optimizer(hone_model *m, hone_optim *o, const float *decays, int64_t n_decays, item_list *l) {
    hone_params *ps = hone_model_params(m);
    size_t room = (size_t)hone_params_count(ps) * 4 + 1;
    *l = (item_list){hone_alloc(room * sizeof *l->item), hone_alloc(room * sizeof *l->name), 0};
    if (!l->item || !l->name) return hone_last_error()->code;
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        if (strstr(t->name, "_Dense.")) push(l, "p", t->name, t->dtype, t->shape, t->data);
        if (!hone_optim_m(o, i)) continue;
        push(l, "m", t->name, t->dtype, t->shape, hone_optim_m(o, i));
        push(l, "v", t->name, t->dtype, t->shape, hone_optim_v(o, i));
        if (hone_optim_row_step(o, i))
            push(l, "rows", t->name, HONE_I32, hone_shape_of(1, hone_dim(t, 0)), hone_optim_row_step(o, i));
    }
    push(l, "decays", "", HONE_F32, hone_shape_of(1, n_decays), decays);
    return HONE_OK;
}

static void free_list(item_list *l) {
    hone_free(l->item);
    hone_free(l->name);
}

static hone_status save_optimizer(const char *dir, hone_model *m, hone_optim *o) {
    char file[HONE_PATH_MAX];
    item_list l = {0};
    int64_t n;
    const float *decays = hone_optim_decays(o, &n);
    hone_status s = hone_io_join(file, dir, "optimizer.safetensors");
    if (s == HONE_OK) s = list_optimizer(m, o, decays, n, &l);
    if (s == HONE_OK) s = hone_safetensors_write(file, l.item, l.n, HONE_F32);
    free_list(&l);
    return s;
}

static bool add_sum(json_t *sums, const char *name, const void *p, size_t n) {
    char text[16];
    sum_text(text, p, n);
    return !json_object_set_new(sums, name, json_string(text));
}

/* {"tensor name": "crc32 in hex", …} of a file's tensors. */
static hone_status sums_of(const char *file, json_t **out) {
    hone_safetensors *st;
    HONE_TRY(hone_safetensors_open(file, &st));
    json_t *sums = json_object();
    bool all = sums != NULL;
    for (int64_t i = 0; all && i < hone_safetensors_count(st); i++) {
        const hone_safetensors_entry *e = hone_safetensors_at(st, i);
        all = add_sum(sums, e->name, e->data, e->bytes);
        hone_safetensors_let_go(st, e); /* or the whole file would count as memory of this run */
    }
    hone_safetensors_close(st);
    if (!all) {
        json_decref(sums);
        return hone_fail(HONE_E_NOMEM, "no memory for checksums");
    }
    *out = sums;
    return HONE_OK;
}

/* A file's sum. Of the two files whose tensors have sums of their own only the header is left to sum up. */
static hone_status sum_file(const char *dir, const char *name, json_t *sums) {
    char file[HONE_PATH_MAX];
    hone_mapping map;
    HONE_TRY(hone_io_join(file, dir, name));
    HONE_TRY(hone_io_map(file, &map));
    size_t n = map.n;
    if (n >= 8 && (!strcmp(name, "model.safetensors") || !strcmp(name, "optimizer.safetensors"))) {
        uint64_t header = 0;
        for (int i = 0; i < 8; i++) header |= (uint64_t)map.p[i] << (8 * i);
        if (header <= n - 8) n = 8 + (size_t)header;
    }
    bool added = add_sum(sums, name, map.p, n);
    hone_io_unmap(&map);
    return added ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory for checksums");
}

/* {"config.json": …, "1_Pooling/config.json": …}: every file below dir. */
static hone_status sum_files(const char *dir, const char *below, json_t *sums) {
    char path[HONE_PATH_MAX], name[HONE_PATH_MAX], **names;
    size_t count;
    HONE_TRY(hone_io_join(path, dir, below));
    HONE_TRY(hone_io_list(path, &names, &count));
    hone_status s = HONE_OK;
    for (size_t i = 0; s == HONE_OK && i < count; i++) {
        if (snprintf(name, sizeof name, "%s%s", below, names[i]) >= HONE_PATH_MAX)
            s = hone_fail(HONE_E_LIMIT, "the path is longer than %d bytes", HONE_PATH_MAX);
        if (s == HONE_OK) s = hone_io_join(path, dir, name);
        if (s != HONE_OK) break;
        if (!hone_io_is_dir(path))
            s = sum_file(dir, name, sums);
        else if (!*below && strlen(name) + 1 < sizeof name) /* a model folder has one level of folders */
            s = sum_files(dir, strcat(name, "/"), sums);
    }
    hone_free(names);
    return s;
}

static json_t *numbers_json(const double *x, int n) {
    json_t *list = json_array();
    for (int i = 0; list && i < n; i++)
        if (json_array_append_new(list, json_real(x[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static void read_numbers(const json_t *list, double *x, int n) {
    for (int i = 0; i < n; i++) x[i] = json_number_value(json_array_get(list, (size_t)i));
}

static json_t *loss_json(double loss) {
    return isfinite(loss) ? json_real(loss) : json_null();
}

static hone_status state_json(const char *dir, const hone_train_state *s, const json_t *identity, json_t **out) {
    char file[HONE_PATH_MAX];
    json_t *weights = NULL, *optimizer = NULL, *files = NULL;
    HONE_TRY(hone_io_join(file, dir, "model.safetensors"));
    HONE_TRY(sums_of(file, &weights));
    hone_status status = hone_io_join(file, dir, "optimizer.safetensors");
    if (status == HONE_OK) status = sums_of(file, &optimizer);
    if (status == HONE_OK && !(files = json_object())) status = hone_fail(HONE_E_NOMEM, "no memory for checksums");
    if (status == HONE_OK) status = sum_files(dir, "", files);
    json_t *watch = numbers_json(s->watch, HONE_WATCH_NUMBERS);
    if (status == HONE_OK && !watch) status = hone_fail(HONE_E_NOMEM, "no memory for state.json");
    if (status != HONE_OK) {
        json_decref(weights), json_decref(optimizer), json_decref(files), json_decref(watch);
        return status;
    }
    *out = json_pack(
        "{s:i, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:O, s:{s:o, s:o}, s:o, s:s}",
        "format", FORMAT, "hone", HONE_VERSION, "step", (json_int_t)s->step, "epoch", (json_int_t)s->epoch, "batch",
        (json_int_t)s->batch, "best_step", (json_int_t)s->best_step, "best_metric", s->best_metric, "first_metric",
        s->first_metric, "skipped", (json_int_t)s->skipped, "stale", (json_int_t)s->stale, "bad", (json_int_t)s->bad,
        "log_offset", (json_int_t)s->log_offset, "judged", (json_int_t)s->judged, "last_loss", loss_json(s->last_loss),
        "watch", watch, "identity", (json_t *)(uintptr_t)identity, "checksums", "model.safetensors", weights,
        "optimizer.safetensors", optimizer, "files", files, "state_crc32", "00000000");
    return *out ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory for state.json");
}

/* state.json ends in its own sum, over the bytes before that. Where the sum's digits are; 0: nowhere. */
static size_t find_state_sum(const char *text, size_t n) {
    static const char end[] = "\"\n}\n";
    size_t head = strlen(STATE_SUM), tail = head + 8 + strlen(end);
    bool there =
        n > tail && !memcmp(text + n - tail, STATE_SUM, head) && !memcmp(text + n - strlen(end), end, strlen(end));
    return there ? n - tail + head : 0;
}

static hone_status write_state(const json_t *state, const char *file) {
    char *text, sum[16];
    size_t n;
    HONE_TRY(hone_json_save(state, file));
    HONE_TRY(hone_io_read_file(file, UINT64_MAX, &text, &n));
    size_t at = find_state_sum(text, n);
    sum_text(sum, text, at);
    if (at) memcpy(text + at, sum, 8);
    hone_status s = at ? hone_io_write_file(file, text, n)
                       : hone_fail_at(HONE_E_FORMAT, file, 0, 0, "was not written as it should be");
    hone_free(text);
    return s;
}

static hone_status check_state(const char *file) {
    char *text, sum[16];
    size_t n;
    HONE_TRY(hone_io_read_file(file, UINT64_MAX, &text, &n));
    size_t at = find_state_sum(text, n);
    sum_text(sum, text, at);
    hone_status s = HONE_OK;
    if (!at)
        s = hone_fail_at(HONE_E_FORMAT, file, 0, 0, "is damaged: it does not end in its checksum");
    else if (memcmp(text + at, sum, 8))
        s = hone_fail_at(HONE_E_FORMAT, file, 0, 0, "is damaged: checksum %s, written as %s", sum,
                         hone_quote_n(text + at, 8));
    hone_free(text);
    return s;
}

static hone_status add_state(const char *dir, hone_model *m, hone_optim *o, const hone_train_state *s,
                             const json_t *identity) {
    char file[HONE_PATH_MAX];
    json_t *state = NULL;
    HONE_TRY(hone_model_save(m, dir));
    HONE_TRY(save_optimizer(dir, m, o));
    HONE_TRY(state_json(dir, s, identity, &state));
    hone_status status = hone_io_join(file, dir, "state.json");
    if (status == HONE_OK) status = write_state(state, file);
    json_decref(state);
    return status == HONE_OK ? hone_io_sync_dir(dir) : status;
}

/* About what a checkpoint takes on the disk: its tensors, and 64 KiB for all that is small. */
static uint64_t bytes_of(hone_model *m, hone_optim *o) {
    hone_params *ps = hone_model_params(m);
    uint64_t floats = 0;
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        floats += (uint64_t)hone_count(hone_params_at(ps, i)->tensor) * (hone_optim_m(o, i) ? 3 : 1);
    return sizeof(float) * floats + (64 << 10);
}

hone_status hone_checkpoint_save(const char *dir, hone_model *m, hone_optim *o, const hone_train_state *s,
                                 const json_t *identity) {
    if (s->step - s->skipped != hone_optim_steps(o))
        return hone_fail(HONE_E_ARG,
                         "%" PRId64 " steps, %" PRId64 " of them skipped, and an optimiser of %" PRId64
                         " updates do not make one state",
                         s->step, s->skipped, hone_optim_steps(o));
    char fresh[HONE_PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.tmp", dir) >= HONE_PATH_MAX)
        return hone_fail(HONE_E_LIMIT, "the path is longer than %d bytes", HONE_PATH_MAX);
    char old[HONE_PATH_MAX], parent[HONE_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", dir);
    char *slash = strrchr(parent, '/');
    slash ? (void)(*slash = 0) : (void)strcpy(parent, ".");
    if (snprintf(old, sizeof old, "%s.old-%ld", dir, (long)getpid()) >= HONE_PATH_MAX)
        return hone_fail(HONE_E_LIMIT, "the path is longer than %d bytes", HONE_PATH_MAX);
    uint64_t bytes = bytes_of(m, o);
    HONE_TRY(hone_io_remove_tree(fresh));
    HONE_TRY(hone_io_check_room(parent, dir, bytes));
    hone_status status = add_state(fresh, m, o, s, identity);
    /* there may be one, damaged, of the same step */
    if (status == HONE_OK) status = hone_io_replace_dir(fresh, dir, old);
    if (status != HONE_OK) {
        hone_error e = *hone_last_error();
        hone_io_remove_tree(fresh);
        hone_error_restore(&e);
        if (e.os_error == ENOSPC || e.os_error == EDQUOT) return hone_io_fail_full(parent, dir, bytes);
    }
    return status;
}

/* ---- finding ---- */

static hone_status check_sums(const char *dir, const char *name, const json_t *state) {
    char path[HONE_PATH_MAX];
    json_t *now;
    const json_t *want = json_object_get(json_object_get(state, "checksums"), name);
    HONE_TRY(hone_io_join(path, dir, name));
    HONE_TRY(sums_of(path, &now));
    const char *key;
    json_t *value;
    hone_status s = json_object_size(want) == json_object_size(now)
                        ? HONE_OK
                        : hone_fail_at(HONE_E_FORMAT, path, 0, 0, "holds %zu tensors, state.json lists %zu",
                                       json_object_size(now), json_object_size(want));
    json_object_foreach((json_t *)(uintptr_t)now, key, value) {
        const json_t *sum = json_object_get(want, key);
        if (s == HONE_OK && (!sum || !json_equal(sum, value)))
            s = hone_fail_at(HONE_E_FORMAT, path, 0, 0, "tensor \"%s\" is damaged: checksum %s, written as %s",
                             hone_quote(key), json_string_value(value),
                             json_is_string(sum) ? json_string_value(sum) : "none");
    }
    json_decref(now);
    return s;
}

/* Every file that was written is there and is what it was. */
static hone_status check_files(const char *dir, const json_t *state, const char *file) {
    const char *name, *was;
    const json_t *files = json_object_get(state, "files");
    if (!json_is_object(files)) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "has no object \"files\"");
    json_t *value, *now = json_object();
    if (!now) return hone_fail(HONE_E_NOMEM, "no memory for checksums");
    hone_status s = HONE_OK;
    json_object_foreach((json_t *)(uintptr_t)files, name, value) {
        if (*name == '/' || strstr(name, "..")) /* names come from a file, and files may come from anywhere */
            s = hone_fail_at(HONE_E_FORMAT, file, 0, 0, "file \"%s\" is no name in this folder", hone_quote(name));
        if (s == HONE_OK) s = sum_file(dir, name, now);
        if (s != HONE_OK) break;
        was = json_string_value(json_object_get(now, name));
        if (!json_equal(value, json_object_get(now, name)))
            s = hone_fail_at(HONE_E_FORMAT, dir, 0, 0, "%s is damaged: checksum %s, written as %s", hone_quote(name),
                             was, json_is_string(value) ? hone_quote(json_string_value(value)) : "none");
    }
    json_decref(now);
    return s;
}

static hone_status read_int(const json_t *o, const char *file, const char *key, int64_t least, int64_t *out) {
    if (!json_is_integer(json_object_get(o, key)))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "has no whole number \"%s\"", key);
    return hone_json_int(o, file, key, 0, least, INT64_MAX, out);
}

/* Parse and verify a checkpoint's state. *json is the caller's. */
static hone_status read_state(const char *dir, hone_train_state *s, json_t **json) {
    char file[HONE_PATH_MAX];
    int64_t format;
    HONE_TRY(hone_io_join(file, dir, "state.json"));
    HONE_TRY(hone_json_load_object(file, json));
    HONE_TRY(read_int(*json, file, "format", 0, &format));
    if (format != FORMAT)
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "is of format %" PRId64 ", this version reads %d", format,
                            FORMAT);
    HONE_TRY(check_state(file));
    HONE_TRY(read_int(*json, file, "step", 0, &s->step));
    HONE_TRY(read_int(*json, file, "epoch", 0, &s->epoch));
    HONE_TRY(read_int(*json, file, "batch", 0, &s->batch));
    HONE_TRY(read_int(*json, file, "best_step", -1, &s->best_step));
    HONE_TRY(read_int(*json, file, "skipped", 0, &s->skipped));
    if (s->skipped > s->step)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%" PRId64 " of %" PRId64 " steps skipped", s->skipped, s->step);
    HONE_TRY(read_int(*json, file, "log_offset", 0, &s->log_offset));
    HONE_TRY(hone_json_int(*json, file, "stale", 0, 0, INT64_MAX, &s->stale));
    HONE_TRY(hone_json_int(*json, file, "bad", 0, 0, INT64_MAX, &s->bad));
    read_numbers(json_object_get(*json, "watch"), s->watch, HONE_WATCH_NUMBERS);
    const char *version = json_string_value(json_object_get(*json, "hone"));
    memset(s->version, 0, sizeof s->version); /* two that read the same are the same bytes */
    snprintf(s->version, sizeof s->version, "%s", version ? version : "");
    HONE_TRY(hone_json_int(*json, file, "judged", s->step, -1, INT64_MAX, &s->judged));
    HONE_TRY(hone_json_real(*json, file, "best_metric", 0, &s->best_metric));
    HONE_TRY(hone_json_real(*json, file, "first_metric", 0, &s->first_metric));
    HONE_TRY(hone_json_real(*json, file, "last_loss", (double)NAN, &s->last_loss)); /* null: that step was skipped */
    HONE_TRY(check_sums(dir, "model.safetensors", *json));
    HONE_TRY(check_sums(dir, "optimizer.safetensors", *json));
    return check_files(dir, *json, file);
}

bool hone_checkpoint_is_name(const char *name) {
    static const char *const heads[] = {"checkpoint_step_", "checkpoint_epoch_"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(heads[i]);
        if (!strncmp(name, heads[i], n) && name[n] && strspn(name + n, "0123456789") == strlen(name + n)) return true;
    }
    return false;
}

/* The step a folder claims, without verifying the tensors; -1 if it is damaged. HONE_E_NOMEM, HONE_E_IO: it cannot be
 * told. */
static hone_status step_of(const char *dir, int64_t *step) {
    char file[HONE_PATH_MAX];
    json_t *o = NULL;
    *step = -1;
    HONE_TRY(hone_io_join(file, dir, "state.json"));
    hone_status s = hone_json_load(file, &o);
    if (s == HONE_E_NOMEM || (s == HONE_E_IO && hone_last_error()->os_error != ENOENT)) return s;
    if (s == HONE_OK && json_is_integer(json_object_get(o, "step")))
        *step = json_integer_value(json_object_get(o, "step"));
    json_decref(o);
    return HONE_OK;
}

typedef struct found {
    char dir[HONE_PATH_MAX];
    int64_t step;
} found;

static int newest_first(const void *a, const void *b) {
    const found *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? 1 : -1;
    return strcmp(y->dir, x->dir);
}

/* Newest first. To delete some, one must know which is which: a step that cannot be told is an error, and damaged ones
 * come last, the first to go. To go on with one, both come first: they may have been the newest, and are to be
 * named. */
static hone_status list_checkpoints(const char *run, bool to_delete, found **out, size_t *n) {
    char **names, file[HONE_PATH_MAX];
    size_t count;
    *out = NULL, *n = 0;
    if (!hone_io_is_dir(run)) return HONE_OK;
    HONE_TRY(hone_io_list(run, &names, &count));
    found *list = hone_alloc((count + 1) * sizeof *list);
    hone_status s = list ? HONE_OK : hone_last_error()->code;
    for (size_t i = 0; s == HONE_OK && i < count; i++) {
        if (!hone_checkpoint_is_name(names[i])) continue;
        s = hone_io_join(list[*n].dir, run, names[i]);
        /* A checkpoint has its name only when it is whole: a folder without this file is somebody else's. */
        if (s == HONE_OK && to_delete) s = hone_io_join(file, list[*n].dir, "state.json");
        if (s == HONE_OK && to_delete && !hone_io_exists(file)) continue;
        hone_status told = s == HONE_OK ? step_of(list[*n].dir, &list[*n].step) : s;
        if (to_delete || told == HONE_E_NOMEM) s = told; /* want of memory says nothing about a checkpoint */
        if (!to_delete && list[*n].step < 0) list[*n].step = INT64_MAX;
        if (s == HONE_OK) (*n)++;
    }
    hone_free(names);
    if (s != HONE_OK) {
        hone_free(list);
        *n = 0;
        return s;
    }
    qsort(list, *n, sizeof *list, newest_first);
    *out = list;
    return HONE_OK;
}

/* What a run that was killed left half done: checkpoint_step_3.tmp, best_model.old-812, run.json.tmp-812 … */
static bool is_litter(const char *name) {
    static const char *const heads[] = {"checkpoint_", "best_model.", "final_model.", "run.json.", "report.html."};
    bool ours = false;
    for (int i = 0; i < 5; i++) ours |= !strncmp(name, heads[i], strlen(heads[i]));
    const char *dot = strrchr(name, '.');
    if (!ours || !dot || (strncmp(dot, ".tmp", 4) && strncmp(dot, ".old", 4))) return false;
    const char *rest = dot + 4;
    return !*rest ? !strcmp(dot, ".tmp")
                  : *rest == '-' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1);
}

hone_status hone_checkpoint_tidy(const char *run) {
    char **names, path[HONE_PATH_MAX];
    size_t count;
    if (!hone_io_is_dir(run)) return HONE_OK;
    HONE_TRY(hone_io_list(run, &names, &count));
    hone_status s = HONE_OK;
    for (size_t i = 0; s == HONE_OK && i < count; i++) {
        if (!is_litter(names[i])) continue;
        s = hone_io_join(path, run, names[i]);
        if (s != HONE_OK) break;
        char *old = strstr(path + strlen(path) - strlen(names[i]), ".old-"); /* not in the run's own path */
        char name[HONE_PATH_MAX];
        snprintf(name, sizeof name, "%.*s", old ? (int)(old - path) : 0, path);
        s = old && !hone_io_exists(name) ? hone_io_rename(path, name) : hone_io_remove_tree(path);
    }
    hone_free(names);
    return s;
}

/* One more line: the folder, and of its files the one that is damaged. */
static void say_passed_over(const char *dir, char *out, size_t n) {
    const hone_error *e = hone_last_error();
    size_t used = strlen(out), k = strlen(dir);
    const char *file = !strncmp(e->file, dir, k) && e->file[k] == '/' ? e->file + k + 1 : "";
    if (used + 1 < n)
        snprintf(out + used, n - used, "%spassing over %.1000s: %.200s%s%.400s", used ? "\n" : "", dir, file,
                 *file ? " " : "", e->message);
}

static hone_status find_newest(const char *run, char dir[4096], char *passed_over, size_t n, hone_train_state *state) {
    found *list;
    size_t count;
    dir[0] = 0;
    if (passed_over && n) *passed_over = 0;
    HONE_TRY(list_checkpoints(run, false, &list, &count));
    hone_status status = HONE_OK;
    for (size_t i = 0; i < count && !*dir && status == HONE_OK;) {
        json_t *json = NULL;
        if (read_state(list[i].dir, state, &json) == HONE_OK) {
            if (list[i].step == state->step) {
                snprintf(dir, HONE_PATH_MAX, "%s", list[i].dir);
            } else { /* its step could not be told a moment ago: to its place, and this place once more */
                list[i].step = state->step;
                qsort(list + i, count - i, sizeof *list, newest_first);
            }
        } else if (hone_last_error()->code == HONE_E_NOMEM) {
            status = HONE_E_NOMEM; /* says nothing about the checkpoint */
        } else {
            if (passed_over) say_passed_over(list[i].dir, passed_over, n);
            i++;
        }
        json_decref(json);
    }
    hone_free(list);
    if (status == HONE_OK) hone_error_clear();
    return status;
}

hone_status hone_checkpoint_newest(const char *run, char dir[4096], char *passed_over, size_t n) {
    hone_train_state state;
    return find_newest(run, dir, passed_over, n, &state);
}

hone_status hone_checkpoint_peek(const char *run, char dir[4096], hone_train_state *s) {
    HONE_TRY(find_newest(run, dir, NULL, 0, s));
    if (!*dir) *s = (hone_train_state){.best_step = -1};
    return HONE_OK;
}

/* Under a temporary name first: half of a checkpoint is never left behind under the name of a whole one. */
static hone_status discard(const char *dir) {
    char gone[HONE_PATH_MAX];
    if (snprintf(gone, sizeof gone, "%s.tmp", dir) >= HONE_PATH_MAX)
        return hone_fail(HONE_E_LIMIT, "the path is longer than %d bytes", HONE_PATH_MAX);
    HONE_TRY(hone_io_remove_tree(gone));
    if (!hone_io_exists(dir)) return HONE_OK;
    HONE_TRY(hone_io_rename(dir, gone));
    return hone_io_remove_tree(gone);
}

hone_status hone_checkpoint_prune(const char *run, int64_t keep, int64_t step) {
    found *list;
    size_t count;
    HONE_TRY(list_checkpoints(run, true, &list, &count));
    hone_status s = HONE_OK;
    for (size_t i = 0; i < count && s == HONE_OK; i++)
        if (list[i].step > step || keep-- <= 0) s = discard(list[i].dir);
    hone_free(list);
    return s;
}

/* ---- loading ---- */

/* As the user would write it; to be freed. Rows to judge by that there are none of have an empty sum; an empty prompt
 * is a prompt. */
static char *value_text(const char *key, const json_t *x) {
    char number[32];
    if (!x) return NULL;
    bool empty = json_is_string(x) && !json_string_length(x);
    if (json_is_null(x) || (empty && !strcmp(key, "eval_data"))) return hone_strdup("none");
    if (!json_is_real(x)) return json_dumps(x, JSON_ENCODE_ANY);
    hone_format_f64(number, json_real_value(x));
    return hone_strdup(number);
}

/* What somebody on the command line calls it. */
static const char *option_of(const char *key, char out[64]) {
    static const char *const others[][2] = {{"total_steps", "total_steps (--steps, --epochs)"},
                                            {"rows", "rows of --train"},
                                            {"data", "data (--train) of sum"},
                                            {"labels", "labels and scores of --train of sum"},
                                            {"model", "a --model of sum"},
                                            {"tokens", "tokens (the tokenizer of --model) of sum"},
                                            {"eval_data", "--eval rows of sum"},
                                            {"beta1", "--betas: beta1"},
                                            {"beta2", "--betas: beta2"},
                                            {"frozen", "--freeze: frozen"},
                                            {"rates", "--lr-scale: rates"},
                                            {"isa", "the CPU row (HONE_ISA)"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(key, others[i][0])) return others[i][1];
    snprintf(out, 64, "--%.60s", key);
    for (char *p = out; *p; p++)
        if (*p == '_') *p = '-';
    return out;
}

hone_status hone_checkpoint_compare(const char *dir, const json_t *stored, const json_t *now) {
    const char *key;
    char name[64];
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)now, key, value) {
        const json_t *old = json_object_get(stored, key);
        if (old && json_equal(old, value)) continue;
        char *a = value_text(key, old), *b = value_text(key, value);
        hone_fail_at(HONE_E_ARG, dir, 0, 0,
                     "was trained with %s %.60s, this run has %.60s: resuming would not give the same result",
                     option_of(key, name), a ? a : "(none)", b ? b : "?");
        hone_free(a);
        hone_free(b);
        return hone_hint("give the options of the first run, or start a new one with another --out");
    }
    return HONE_OK;
}

hone_status hone_checkpoint_check(const char *dir, const json_t *identity) {
    char file[HONE_PATH_MAX];
    json_t *state = NULL;
    HONE_TRY(hone_io_join(file, dir, "state.json"));
    HONE_TRY(hone_json_load_object(file, &state));
    hone_status s = hone_checkpoint_compare(dir, json_object_get(state, "identity"), identity);
    json_decref(state);
    return s;
}

static hone_status copy_item(const hone_safetensors *st, const hone_safetensors_item *want) {
    const hone_safetensors_entry *e = hone_safetensors_find(st, want->name);
    if (!e || e->dtype != want->dtype || !hone_shape_equal(&e->shape, &want->shape))
        return hone_fail_at(HONE_E_FORMAT, hone_safetensors_path(st, 0), 0, 0,
                            "\"%s\" %s %s is missing or of another kind", want->name, hone_dtype_name(want->dtype),
                            hone_shape_str(&want->shape));
    memcpy((void *)(uintptr_t)want->data, e->data, e->bytes);
    return HONE_OK;
}

/* `steps`: updates made, which are the steps less the skipped ones. */
static hone_status load_optimizer(const char *dir, hone_model *m, hone_optim *o, int64_t steps) {
    char file[HONE_PATH_MAX];
    hone_safetensors *st;
    item_list l = {0};
    int64_t columns = hone_optim_decay_columns(o);
    HONE_TRY(hone_io_join(file, dir, "optimizer.safetensors"));
    HONE_TRY(hone_safetensors_open(file, &st));
    const hone_safetensors_entry *e = hone_safetensors_find(st, "decays");
    int64_t n = e ? (int64_t)(e->bytes / sizeof(float)) : 0;
    hone_status s = HONE_OK;
    if (columns ? n % columns || n / columns != steps : n != 0)
        s = hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                         "has %" PRId64 " decay factors, %" PRId64 " for each update; state.json says %" PRId64
                         " updates",
                         n, columns, steps);
    float *decays = hone_alloc((size_t)(n + 1) * sizeof *decays);
    if (s == HONE_OK && !decays) s = hone_last_error()->code;
    if (s == HONE_OK) s = list_optimizer(m, o, decays, n, &l);
    for (int64_t i = 0; s == HONE_OK && i < l.n; i++) s = copy_item(st, &l.item[i]);
    if (s == HONE_OK) s = hone_optim_restore(o, steps, decays, n);
    free_list(&l);
    hone_safetensors_close(st);
    hone_free(decays);
    return s;
}

static hone_status load_weights(const char *dir, hone_model *m) {
    char file[HONE_PATH_MAX];
    hone_safetensors *st;
    hone_params *ps = hone_model_params(m);
    HONE_TRY(hone_io_join(file, dir, "model.safetensors"));
    HONE_TRY(hone_safetensors_open(file, &st));
    hone_status s = HONE_OK;
    for (int64_t i = 0; i < hone_params_count(ps) && s == HONE_OK; i++)
        for (int k = 0; k < hone_params_at(ps, i)->n_names && s == HONE_OK; k++) {
            hone_named t = hone_params_part(ps, i, k);
            if (!strstr(t.name, "_Dense."))
                s = copy_item(
                    st, &(hone_safetensors_item){.name = t.name, .dtype = t.dtype, .shape = t.shape, .data = t.data});
        }
    hone_safetensors_close(st);
    return s;
}

hone_status hone_checkpoint_load(const char *dir, hone_model *m, hone_optim *o, hone_train_state *s,
                                 const json_t *identity) {
    json_t *json = NULL;
    hone_train_state state;
    hone_status status = read_state(dir, &state, &json);
    if (status == HONE_OK) status = hone_checkpoint_compare(dir, json_object_get(json, "identity"), identity);
    json_decref(json);
    if (status == HONE_OK) status = load_weights(dir, m);
    if (status == HONE_OK) status = load_optimizer(dir, m, o, state.step - state.skipped);
    if (status == HONE_OK) *s = state;
    return status;
}
