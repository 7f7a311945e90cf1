#include "tools/vectors.h"

#include "base/io.h"
#include "base/memory.h"
#include "tensor/safetensors.h"
#include "tools/terminal.h"
#include "tools/text_buffer.h"

#include <string.h>

typedef enum ending { ENDING_NONE, ENDING_NPY, ENDING_SAFETENSORS, ENDING_JSONL, ENDING_STDOUT } ending;

static bool ends_with(const char *s, const char *tail) {
    size_t n = strlen(s), m = strlen(tail);
    return n > m && !strcmp(s + n - m, tail);
}

static ending ending_of(const char *path) {
    if (!strcmp(path, "-")) return ENDING_STDOUT;
    if (ends_with(path, ".npy")) return ENDING_NPY;
    if (ends_with(path, ".safetensors")) return ENDING_SAFETENSORS;
    if (ends_with(path, ".jsonl") || hone_writer_is_direct(path)) return ENDING_JSONL;
    return ENDING_NONE;
}

hone_status hone_vectors_check(const char *path) {
    if (ending_of(path) == ENDING_STDOUT) return HONE_OK;
    if (ending_of(path) != ENDING_NONE) return hone_writer_check(path);
    return hone_fail(HONE_E_ARG, "--out %s: unknown kind of file, allowed: .npy, .jsonl, .safetensors, -",
                     hone_quote(path));
}

/* ---- .npy ---- */

hone_status hone_npy_write(const char *path, const float *x, const int64_t *shape, int rank) {
    char dict[256], tuple[192] = "";
    unsigned char magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0, 0};
    hone_writer *w = NULL;
    uint64_t n = 1;
    for (int i = 0; i < rank; i++) {
        size_t used = strlen(tuple);
        snprintf(tuple + used, sizeof tuple - used, i ? " %" PRId64 "," : "%" PRId64 ",", shape[i]);
        if (!hone_mul_size(n, (uint64_t)shape[i], &n)) return hone_fail(HONE_E_LIMIT, "the array is too large");
    }
    if (rank > 1) tuple[strlen(tuple) - 1] = 0; /* (3,) but (3, 4) */
    int len = snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", tuple);
    int padded = (len + 1 + 10 + 63) / 64 * 64 - 10;
    memset(dict + len, ' ', (size_t)(padded - len));
    dict[padded - 1] = '\n';
    magic[8] = (unsigned char)(padded & 0xFF), magic[9] = (unsigned char)(padded >> 8);
    HONE_TRY(hone_writer_open(path, &w));
    hone_status st = hone_writer_write(w, magic, sizeof magic);
    if (st == HONE_OK) st = hone_writer_write(w, dict, (size_t)padded);
    if (st == HONE_OK)
        st = hone_writer_write(w, x, (size_t)n * sizeof *x); /* every machine we run on is little-endian */
    if (st == HONE_OK) return hone_writer_commit(w);
    hone_writer_abort(w);
    return st;
}

/* ---- .safetensors ---- */

static hone_status write_safetensors(const char *path, const float *x, int64_t D, const hone_table *t) {
    int64_t n = hone_table_rows(t);
    int64_t *rows = hone_alloc((size_t)(n + 1) * sizeof *rows);
    if (!rows) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) rows[i] = hone_table_row_number(t, i);
    hone_safetensors_item items[] = {{"embeddings", HONE_F32, hone_shape_of(2, n, D), x},
                                     {"row", HONE_I64, hone_shape_of(1, n), rows}};
    hone_status st = hone_safetensors_write(path, items, 2, HONE_F32);
    hone_free(rows);
    return st;
}

/* ---- .jsonl ---- */

static bool in_payload(const hone_roles *r, int64_t column) {
    if (column == r->id) return false;
    for (int64_t k = 0; k < r->n_texts; k++)
        if (r->columns[k] == column) return false;
    return true;
}

/* A cell as JSON: texts quoted, the rest as it came, null too. */
static void add_cell(hone_text_buffer *b, hone_cell c) {
    if (c.kind == HONE_CELL_TEXT)
        hone_text_json(b, c.p, c.n);
    else if (c.kind == HONE_CELL_JSON)
        hone_text_add(b, c.p, c.n);
    else
        hone_text_puts(b, "null");
}

static void add_payload(hone_text_buffer *b, const hone_table *t, const hone_roles *r, int64_t i) {
    bool any = false;
    for (int64_t k = 0; k < hone_table_columns(t); k++) {
        hone_cell c = hone_table_cell(t, i, k);
        if (!in_payload(r, k) || !hone_table_has_field(t, i, k)) continue;
        const char *name = hone_table_column_name(t, k);
        hone_text_puts(b, any ? "," : ",\"payload\":{");
        hone_text_json(b, name, strlen(name));
        hone_text_puts(b, ":");
        add_cell(b, c);
        any = true;
    }
    if (any) hone_text_puts(b, "}");
}

static void add_line(hone_text_buffer *b, const float *x, int64_t D, const hone_table *t, const hone_roles *r,
                     int64_t i) {
    hone_text_puts(b, "{\"row\":");
    hone_text_int(b, hone_table_row_number(t, i));
    if (r->id >= 0 && hone_table_cell(t, i, r->id).kind != HONE_CELL_MISSING) {
        hone_text_puts(b, ",\"id\":");
        add_cell(b, hone_table_cell(t, i, r->id));
    }
    hone_text_puts(b, ",\"vector\":[");
    for (int64_t k = 0; k < D; k++) {
        if (k) hone_text_puts(b, ",");
        hone_text_f32(b, x[i * D + k]);
    }
    hone_text_puts(b, "]");
    add_payload(b, t, r, i);
    hone_text_puts(b, "}\n");
}

static hone_status write_jsonl(const char *path, const float *x, int64_t D, const hone_table *t, const hone_roles *r) {
    hone_writer *w = NULL;
    hone_text_buffer b = {0};
    hone_status st = HONE_OK;
    if (strcmp(path, "-")) HONE_TRY(hone_writer_open(path, &w));
    for (int64_t i = 0; i < hone_table_rows(t) && st == HONE_OK; i++) {
        b.n = 0;
        add_line(&b, x, D, t, r, i);
        if (b.failed)
            st = hone_fail(HONE_E_NOMEM, "no memory for a line of output");
        else
            st = w ? hone_writer_write(w, b.p, b.n) : hone_print_text(b.p, b.n);
    }
    hone_text_buffer_free(&b);
    if (st == HONE_OK && w) return hone_writer_commit(w);
    hone_writer_abort(w);
    return st;
}

hone_status hone_vectors_write(const char *path, const float *x, int64_t D, const hone_table *t,
                               const hone_roles *roles) {
    int64_t shape[2] = {hone_table_rows(t), D};
    switch (ending_of(path)) {
    case ENDING_NPY: return hone_npy_write(path, x, shape, 2);
    case ENDING_SAFETENSORS: return write_safetensors(path, x, D, t);
    case ENDING_JSONL:
    case ENDING_STDOUT: return write_jsonl(path, x, D, t, roles);
    case ENDING_NONE: break;
    }
    return hone_vectors_check(path);
}
