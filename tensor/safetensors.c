/* Opening files and folders, looking up and converting entries. The header is read in safetensors_header.c. */
#include "tensor/safetensors.h"

#include "base/io.h"
#include "base/json_scan.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "tensor/safetensors_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 4096 };
#define INDEX_NAME "model.safetensors.index.json"
#define INDEX_LIMIT ((uint64_t)256 << 20)

typedef struct safetensors_file {
    hone_mapping mapping; /* empty when the bytes are somebody else's */
    char *path;
    const char *base; /* the last part of path */
    safetensors_header header;
} safetensors_file;

struct hone_safetensors {
    int n_files, room;
    safetensors_file *files;
    int64_t n;
    hone_safetensors_entry **by_name; /* sorted; a file of strangers cannot make a sort slow as it can a hash table */
    int64_t *first;                   /* number of the first entry of each file, and the sum */
    unsigned char *listed;            /* while an index is checked: entries that it names */
};

void hone_safetensors_close(hone_safetensors *s) {
    if (!s) return;
    for (int i = 0; i < s->n_files; i++) {
        hone_io_unmap(&s->files[i].mapping);
        hone_free(s->files[i].path);
        hone_free(s->files[i].header.entries);
    }
    hone_free(s->files);
    hone_free(s->by_name);
    hone_free(s->first);
    hone_free(s);
}

/* A new file at the end of the list, with its name only. */
static hone_status add_file(hone_safetensors *s, const char *path) {
    if (s->n_files == FILES_MAX) return hone_fail_at(HONE_E_LIMIT, path, 0, 0, "more than %d shards", FILES_MAX);
    if (s->n_files == s->room) {
        int room = s->room ? 2 * s->room : 1;
        safetensors_file *grown = hone_realloc(s->files, (size_t)room * sizeof *grown);
        if (!grown) return HONE_E_NOMEM;
        s->files = grown, s->room = room;
    }
    safetensors_file f = {.path = hone_strdup(path)};
    if (!f.path) return HONE_E_NOMEM;
    const char *slash = strrchr(f.path, '/');
    f.base = slash ? slash + 1 : f.path;
    s->files[s->n_files++] = f;
    return HONE_OK;
}

static hone_status load_file(hone_safetensors *s, int i) {
    safetensors_file *f = &s->files[i];
    HONE_TRY(hone_io_map(f->path, &f->mapping));
    return hone_safetensors_parse(f->mapping.p, f->mapping.n, f->path, i, &f->header);
}

static int by_name(const void *a, const void *b) {
    const hone_safetensors_entry *x = *(hone_safetensors_entry *const *)a, *y = *(hone_safetensors_entry *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->file > y->file) - (x->file < y->file);
}

/* All files are loaded: number the entries, sort them by name, refuse names that come twice. */
static hone_status make_table(hone_safetensors *s) {
    s->first = hone_alloc(((size_t)s->n_files + 1) * sizeof *s->first);
    if (!s->first) return HONE_E_NOMEM;
    for (int i = 0; i < s->n_files; i++) s->first[i] = s->n, s->n += s->files[i].header.n;
    s->first[s->n_files] = s->n;
    s->by_name = hone_alloc((size_t)s->n * sizeof *s->by_name);
    if (!s->by_name) return HONE_E_NOMEM;
    for (int64_t i = 0, k = 0; i < s->n_files; i++)
        for (int64_t j = 0; j < s->files[i].header.n; j++) s->by_name[k++] = &s->files[i].header.entries[j];
    qsort(s->by_name, (size_t)s->n, sizeof *s->by_name, by_name);
    for (int64_t k = 1; k < s->n; k++) {
        const hone_safetensors_entry *a = s->by_name[k - 1], *b = s->by_name[k];
        if (strcmp(a->name, b->name)) continue;
        if (a->file == b->file)
            return hone_fail_at(HONE_E_FORMAT, s->files[b->file].path, 0, 0, "tensor \"%s\" stands there twice",
                                hone_quote(b->name));
        return hone_fail_at(HONE_E_FORMAT, s->files[b->file].path, 0, 0, "tensor \"%s\" is in %s and in %s",
                            hone_quote(b->name), hone_quote(s->files[a->file].base),
                            hone_quote(s->files[b->file].base));
    }
    return HONE_OK;
}

/* A shard is a plain name: never a way out of the folder. */
static hone_status check_shard_name(const hone_json_scanner *scan, const hone_json_token *t, char name[256]) {
    size_t n = t->n < 6 * 255 ? t->n : 0;
    char decoded[6 * 255 + 1];
    hone_json_token cut = *t;
    cut.n = n;
    n = hone_json_scan_decode(&cut, decoded);
    decoded[n] = 0;
    bool plain = n > 0 && n < 256 && !memchr(decoded, 0, n) && !strpbrk(decoded, "/\\") && strcmp(decoded, ".") &&
                 strcmp(decoded, "..");
    if (!plain)
        return hone_json_scan_fail(scan, t->p, HONE_E_FORMAT, "\"%s\" is no plain file name in this folder",
                                   hone_quote_n(t->p, t->n));
    memcpy(name, decoded, n + 1);
    return HONE_OK;
}

static int find_file(const hone_safetensors *s, const char *name, int guess) {
    if (guess < s->n_files && !strcmp(s->files[guess].base, name)) return guess;
    for (int i = 0; i < s->n_files; i++)
        if (!strcmp(s->files[i].base, name)) return i;
    return -1;
}

typedef hone_status index_pair_fn(hone_safetensors *s, const hone_json_scanner *scan, const hone_json_token *key,
                                  int *file, const char *shard, const char *folder);

/* First pass over the pairs: every shard once, and at once looked for, so that a long list of names costs nothing. */
static hone_status add_shard(hone_safetensors *s, const hone_json_scanner *scan, const hone_json_token *key, int *file,
                             const char *shard, const char *folder) {
    *file = find_file(s, shard, *file < 0 ? 0 : *file);
    if (*file >= 0) return HONE_OK;
    char path[HONE_PATH_MAX];
    HONE_TRY(hone_io_join(path, folder, shard));
    if (!hone_io_exists(path)) {
        hone_json_scan_fail(scan, key->p, HONE_E_FORMAT, "shard \"%s\" is not in the folder", hone_quote(shard));
        return hone_hint("download incomplete? every shard that the index names must be there");
    }
    HONE_TRY(add_file(s, path));
    *file = s->n_files - 1;
    return HONE_OK;
}

static int64_t number_of(const hone_safetensors *s, const hone_safetensors_entry *e) {
    return s->first[e->file] + (e - s->files[e->file].header.entries);
}

/* Second pass, the shards being open: each tensor is where the index says. */
static hone_status check_pair(hone_safetensors *s, const hone_json_scanner *scan, const hone_json_token *key, int *file,
                              const char *shard, const char *folder) {
    (void)folder;
    *file = find_file(s, shard, *file < 0 ? 0 : *file);
    char *name = hone_alloc_small(key->n + 1);
    if (!name) return HONE_E_NOMEM;
    name[hone_json_scan_decode(key, name)] = 0;
    const hone_safetensors_entry *e = hone_safetensors_find(s, name);
    hone_free(name);
    const char *shown = hone_quote_n(key->p, key->n);
    if (!e)
        return hone_json_scan_fail(scan, key->p, HONE_E_FORMAT, "tensor \"%s\" is not in \"%s\"", shown,
                                   hone_quote(shard));
    if (e->file != *file)
        return hone_json_scan_fail(scan, key->p, HONE_E_FORMAT, "tensor \"%s\" is in \"%s\", not in \"%s\"", shown,
                                   hone_quote(s->files[e->file].base), hone_quote(shard));
    unsigned char *seen = &s->listed[number_of(s, e)];
    if (*seen) return hone_json_scan_fail(scan, key->p, HONE_E_FORMAT, "tensor \"%s\" stands there twice", shown);
    *seen = 1;
    return HONE_OK;
}

/* Walk the index and hand every pair of its weight_map to `pair`. */
static hone_status walk_index(hone_safetensors *s, const char *text, size_t n, const char *path, const char *folder,
                              index_pair_fn *pair) {
    hone_json_scanner scan;
    hone_json_token key, value;
    hone_json_scan_start(&scan, text, n, path, 1);
    HONE_TRY(hone_json_scan_next(&scan, &value));
    if (value.kind != HONE_JSON_OBJECT) return hone_json_scan_fail(&scan, value.p, HONE_E_FORMAT, "expected an object");
    bool found = false;
    for (;;) {
        HONE_TRY(hone_json_scan_next(&scan, &key));
        if (key.kind == HONE_JSON_OBJECT_END) break;
        if (key.n != 10 || memcmp(key.p, "weight_map", 10)) {
            HONE_TRY(hone_json_scan_skip(&scan, &key));
            continue;
        }
        if (found) return hone_json_scan_fail(&scan, key.p, HONE_E_FORMAT, "\"weight_map\" stands there twice");
        found = true;
        HONE_TRY(hone_json_scan_next(&scan, &value));
        if (value.kind != HONE_JSON_OBJECT)
            return hone_json_scan_fail(&scan, value.p, HONE_E_FORMAT, "\"weight_map\" is no object of file names");
        for (int file = -1;;) {
            char shard[256];
            HONE_TRY(hone_json_scan_next(&scan, &key));
            if (key.kind == HONE_JSON_OBJECT_END) break;
            HONE_TRY(hone_json_scan_next(&scan, &value));
            if (value.kind != HONE_JSON_STRING)
                return hone_json_scan_fail(&scan, value.p, HONE_E_FORMAT, "the shard of \"%s\" is no string",
                                           hone_quote_n(key.p, key.n));
            HONE_TRY(check_shard_name(&scan, &value, shard));
            HONE_TRY(pair(s, &scan, &key, &file, shard, folder));
        }
    }
    if (!found) return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "no \"weight_map\"");
    if (!s->n_files) return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "\"weight_map\" names no file");
    return hone_json_scan_next(&scan, &value); /* nothing may follow */
}

static hone_status load_shards(hone_safetensors *s, const char *text, size_t n, const char *path, const char *folder) {
    HONE_TRY(walk_index(s, text, n, path, folder, add_shard));
    for (int i = 0; i < s->n_files; i++) HONE_TRY(load_file(s, i));
    HONE_TRY(make_table(s));
    s->listed = hone_zalloc((size_t)s->n + 1);
    if (!s->listed) return HONE_E_NOMEM;
    hone_status status = walk_index(s, text, n, path, folder, check_pair);
    hone_free(s->listed);
    s->listed = NULL;
    return status;
}

static hone_status load_folder(hone_safetensors *s, const char *folder) {
    char path[HONE_PATH_MAX];
    HONE_TRY(hone_io_join(path, folder, "model.safetensors"));
    if (hone_io_exists(path)) {
        HONE_TRY(add_file(s, path));
        HONE_TRY(load_file(s, 0));
        return make_table(s);
    }
    HONE_TRY(hone_io_join(path, folder, INDEX_NAME));
    if (hone_io_exists(path)) {
        char *text;
        size_t n;
        HONE_TRY(hone_io_read_file(path, INDEX_LIMIT, &text, &n));
        hone_status status = load_shards(s, text, n, path, folder);
        hone_free(text);
        return status;
    }
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json"};
    for (int i = 0; i < 2; i++) {
        HONE_TRY(hone_io_join(path, folder, pickles[i]));
        if (!hone_io_exists(path)) continue;
        hone_fail_at(HONE_E_UNSUPPORTED, folder, 0, 0, "holds %s and no safetensors", pickles[i]);
        return hone_hint("in that folder, python -c \"from transformers import AutoModel; "
                         "AutoModel.from_pretrained('.').save_pretrained('.', "
                         "safe_serialization=True)\" writes model.safetensors");
    }
    errno = ENOENT;
    return hone_fail_os(folder, "neither model.safetensors nor %s", INDEX_NAME);
}

hone_status hone_safetensors_open(const char *path, hone_safetensors **out) {
    hone_safetensors *s = hone_zalloc(sizeof *s);
    if (!s) return hone_blame(path, 0);
    hone_status status;
    if (hone_io_is_dir(path)) {
        status = load_folder(s, path);
    } else {
        status = add_file(s, path);
        if (status == HONE_OK) status = load_file(s, 0);
        if (status == HONE_OK) status = make_table(s);
    }
    if (status != HONE_OK) {
        hone_safetensors_close(s);
        return hone_blame(path, 0);
    }
    *out = s;
    return HONE_OK;
}

hone_status hone_safetensors_open_memory(const void *p, size_t n, const char *name, hone_safetensors **out) {
    hone_safetensors *s = hone_zalloc(sizeof *s);
    if (!s) return hone_blame(name, 0);
    hone_status status = add_file(s, name);
    if (status == HONE_OK) status = hone_safetensors_parse(p, n, s->files[0].path, 0, &s->files[0].header);
    if (status == HONE_OK) status = make_table(s);
    if (status != HONE_OK) {
        hone_safetensors_close(s);
        return hone_blame(name, 0);
    }
    *out = s;
    return HONE_OK;
}

int64_t hone_safetensors_count(const hone_safetensors *s) {
    return s->n;
}

const hone_safetensors_entry *hone_safetensors_at(const hone_safetensors *s, int64_t i) {
    if (i < 0 || i >= s->n) return NULL;
    int low = 0, high = s->n_files; /* the file whose first <= i < the next one's first */
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (s->first[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    return &s->files[low].header.entries[i - s->first[low]];
}

const hone_safetensors_entry *hone_safetensors_find(const hone_safetensors *s, const char *name) {
    int64_t low = 0, high = s->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(s->by_name[middle]->name, name);
        if (!order) return s->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

hone_status hone_safetensors_check(const hone_safetensors *s) {
    for (int i = 0; i < s->n_files; i++) HONE_TRY(hone_io_map_check(&s->files[i].mapping));
    return HONE_OK;
}

int hone_safetensors_files(const hone_safetensors *s) {
    return s->n_files;
}

const char *hone_safetensors_path(const hone_safetensors *s, int file) {
    return file >= 0 && file < s->n_files ? s->files[file].path : NULL;
}

bool hone_safetensors_metadata_at(const hone_safetensors *s, int file, int64_t i, const char **key,
                                  const char **value) {
    if (file < 0 || file >= s->n_files || i < 0 || i >= s->files[file].header.n_pairs) return false;
    *key = s->files[file].header.pairs[i].key, *value = s->files[file].header.pairs[i].value;
    return true;
}

const char *hone_safetensors_metadata(const hone_safetensors *s, int file, const char *wanted) {
    const char *key, *value, *found = NULL; /* of a repeated key the last one counts, as for the reference */
    for (int64_t i = 0; hone_safetensors_metadata_at(s, file, i, &key, &value); i++)
        if (!strcmp(key, wanted)) found = value;
    return found;
}

/* 16-bit types: the kernels want even addresses, files promise none; odd ones go through a small copy. */
static void widen(hone_vector_bf16_widen_fn *kernel, int64_t n, const unsigned char *from, float *dst) {
    if ((uintptr_t)from % 2 == 0) {
        kernel(n, (const uint16_t *)(const void *)from, dst);
        return;
    }
    uint16_t part[1024];
    for (int64_t i = 0; i < n; i += 1024) {
        int64_t k = n - i < 1024 ? n - i : 1024;
        memcpy(part, from + 2 * i, (size_t)k * 2);
        kernel(k, part, dst + i);
    }
}

hone_status hone_safetensors_read_f32(const hone_safetensors *s, const hone_safetensors_entry *e, float *dst) {
    int64_t n = hone_shape_count(&e->shape);
    if (!n) return HONE_OK;
    switch (e->dtype) {
    case HONE_F32: memcpy(dst, e->data, (size_t)n * sizeof *dst); return HONE_OK;
    case HONE_F16: widen(hone_vector_f16_widen, n, e->data, dst); return HONE_OK;
    case HONE_BF16: widen(hone_vector_bf16_widen, n, e->data, dst); return HONE_OK;
    case HONE_F64:
        for (int64_t i = 0; i < n; i++) {
            double x;
            memcpy(&x, (const unsigned char *)e->data + 8 * i, sizeof x);
            dst[i] = (float)x;
        }
        return HONE_OK;
    default:
        return hone_fail_at(HONE_E_DTYPE, s->files[e->file].path, 0, 0,
                            "tensor \"%s\" is %s, expected F32, F16, BF16 or F64", hone_quote(e->name),
                            hone_dtype_name(e->dtype));
    }
}

void hone_safetensors_let_go(const hone_safetensors *s, const hone_safetensors_entry *e) {
    hone_io_map_let_go(&s->files[e->file].mapping, e->data, e->bytes);
}
