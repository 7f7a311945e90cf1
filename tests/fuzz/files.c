/* Parsers of one file: JSON, safetensors, tables, gzip, Extended JSON. */
#include "base/io.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/memory.h"
#include "data/roles.h"
#include "data/table.h"
#include "data/table_internal.h"
#include "tensor/safetensors.h"
#include "tests/fuzz/parsers.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- JSON ---- */

static uint64_t digest_tree(uint64_t h, const json_t *v) {
    unsigned char kind = (unsigned char)json_typeof(v);
    const char *key;
    json_t *child;
    size_t i;
    json_int_t number = json_integer_value(v);
    double real = json_real_value(v);
    h = fuzz_digest(h, &kind, 1);
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)(uintptr_t)v, key, child) {
            h = fuzz_digest(h, key, strlen(key) + 1);
            h = digest_tree(h, child);
        }
        return h;
    case JSON_ARRAY:
        json_array_foreach(v, i, child) h = digest_tree(h, child);
        return h;
    case JSON_STRING: return fuzz_digest(h, json_string_value(v), json_string_length(v));
    case JSON_INTEGER: return fuzz_digest(h, &number, sizeof number);
    case JSON_REAL: return fuzz_digest(h, &real, sizeof real);
    default: return h;
    }
}

/* The scanner alone, every token decoded; then the tree, which may refuse what the scanner took, never the reverse. */
hone_status fuzz_json(const void *p, size_t n, uint64_t *meaning) {
    hone_json_scanner s;
    hone_json_token t = {.kind = HONE_JSON_NULL};
    uint64_t number;
    hone_status scanned = HONE_OK;
    char *text = malloc(n + 1);
    if (!text) abort();
    fuzz_set_size(n);
    hone_json_scan_start(&s, p, n, "fuzz.json", 1);
    while (scanned == HONE_OK && t.kind != HONE_JSON_END) {
        scanned = hone_json_scan_next(&s, &t);
        if (scanned != HONE_OK) break;
        if ((t.kind == HONE_JSON_STRING || t.kind == HONE_JSON_KEY) && hone_json_scan_decode(&t, text) > t.n) abort();
        hone_json_scan_u64(&t, &number);
    }
    free(text);
    json_t *tree = NULL, *big = NULL;
    if (hone_json_parse_big(p, n, "fuzz.json", &big) == HONE_OK) json_decref(big);
    hone_status s2 = hone_json_parse(p, n, "fuzz.json", 1, &tree);
    if (s2 != HONE_OK) return s2;
    if (scanned != HONE_OK) abort();
    *meaning = digest_tree(0, tree);
    json_decref(tree);
    return HONE_OK;
}

/* ---- safetensors ---- */

hone_status fuzz_safetensors(const void *p, size_t n, uint64_t *meaning) {
    hone_safetensors *s;
    fuzz_set_size(n);
    HONE_TRY(hone_safetensors_open_memory(p, n, "fuzz.safetensors", &s));
    *meaning = fuzz_digest_tensors(0, s);
    hone_safetensors_close(s);
    return HONE_OK;
}

uint64_t fuzz_digest_tensors(uint64_t h, const hone_safetensors *s) {
    float few[256];
    for (int64_t i = 0; i < hone_safetensors_count(s); i++) {
        const hone_safetensors_entry *e = hone_safetensors_at(s, i);
        h = fuzz_digest(h, e->name, strlen(e->name) + 1);
        h = fuzz_digest(h, &e->dtype, sizeof e->dtype);
        h = fuzz_digest(h, e->shape.dim, (size_t)e->shape.rank * sizeof *e->shape.dim);
        h = fuzz_digest(h, e->data, e->bytes);
        if (hone_safetensors_find(s, e->name) != e) abort();
        if (hone_shape_count(&e->shape) <= 256 && hone_safetensors_read_f32(s, e, few) != HONE_OK) hone_error_clear();
    }
    for (int f = 0; f < hone_safetensors_files(s); f++) {
        const char *key, *value;
        for (int64_t i = 0; hone_safetensors_metadata_at(s, f, i, &key, &value); i++) {
            h = fuzz_digest(h, key, strlen(key) + 1);
            h = fuzz_digest(h, value, strlen(value) + 1);
        }
        if (hone_safetensors_metadata(s, f, "format") && !hone_safetensors_path(s, f)) abort();
    }
    return h;
}

/* ---- tables ---- */

uint64_t fuzz_digest_table(const hone_table *t) {
    char names[256];
    uint64_t h = hone_table_fingerprint(t);
    for (int64_t i = 0; i < hone_table_rows(t); i++) {
        int64_t at[4] = {hone_table_row_number(t, i), hone_table_row_line(t, i), 0, 0};
        hone_table_row_bytes(t, i, &at[2], &at[3]);
        h = fuzz_digest(h, at, sizeof at);
        for (int64_t c = 0; c < hone_table_columns(t) && c < 8; c++) {
            double number = 0;
            hone_cell cell = hone_table_cell(t, i, c);
            if (cell.p[cell.n]) abort();
            if (hone_parse_decimal(cell.p, cell.n, &number)) h = fuzz_digest(h, &number, sizeof number);
        }
    }
    for (int64_t k = 0; k < hone_table_bad_listed(t); k++) {
        const hone_bad_row *b = hone_table_bad(t, k);
        h = fuzz_digest(h, b->reason, strlen(b->reason));
        h = fuzz_digest(h, &b->line, sizeof b->line);
    }
    hone_table_list_columns(t, -1, names, sizeof names);
    for (int64_t c = 0; c < hone_table_columns(t); c++)
        if (hone_table_find_column(t, hone_table_column_name(t, c)) != c) abort();
    if (hone_table_bad_count(t) < hone_table_bad_listed(t) || !*hone_table_path(t) || hone_table_header_bytes(t) < 0)
        abort();
    if (hone_table_check(t) != HONE_OK) abort(); /* nobody writes to it */
    if (hone_table_get_format(t) == HONE_TABLE_AUTO || hone_table_has_field(t, 0, hone_table_columns(t)))
        hone_error_clear();
    return h;
}

/* A packed row justifies the memory that it takes unpacked, up to the longest row there may be. */
static size_t unpacked(const void *p, size_t n) {
    static unsigned char out[1 << 16];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p, .avail_in = (unsigned)n};
    if (inflateInit2(&z, 15 + 16) != Z_OK) abort();
    do z.next_out = out, z.avail_out = sizeof out;
    while (inflate(&z, Z_NO_FLUSH) == Z_OK && z.total_out < HONE_TABLE_MAX_FIELD);
    size_t all = z.total_out;
    inflateEnd(&z);
    return all > n ? all : n;
}

static hone_status read_table(const char *name, const void *p, size_t n, uint64_t *meaning) {
    hone_table *t;
    HONE_TRY(hone_table_read(fuzz_file(name, p, n), &(hone_table_options){.max_bytes = 64 << 20}, &t));
    *meaning = fuzz_digest_table(t);
    /* Every second row is judged bad afterwards. */
    hone_status s = HONE_OK;
    for (int64_t i = 0; i < hone_table_rows(t) && s == HONE_OK; i += 2)
        s = hone_table_drop(t, i, "row %d is not wanted", (int)i);
    if (s == HONE_OK) s = hone_table_finish_drops(t);
    if (s != HONE_OK && s != HONE_E_FORMAT) abort();
    hone_error_clear();
    hone_table_free(t);
    return HONE_OK;
}

hone_status fuzz_csv(const void *p, size_t n, uint64_t *meaning) {
    return read_table("fuzz.csv", p, n, meaning);
}
hone_status fuzz_tsv(const void *p, size_t n, uint64_t *meaning) {
    return read_table("fuzz.tsv", p, n, meaning);
}
hone_status fuzz_jsonl(const void *p, size_t n, uint64_t *meaning) {
    return read_table("fuzz.jsonl", p, n, meaning);
}
hone_status fuzz_array(const void *p, size_t n, uint64_t *meaning) {
    return read_table("fuzz.json", p, n, meaning);
}
hone_status fuzz_no_name(const void *p, size_t n, uint64_t *meaning) {
    return read_table("fuzz", p, n, meaning); /* the format is told from the bytes */
}
hone_status fuzz_table_gz(const void *p, size_t n, uint64_t *meaning) {
    hone_status s = read_table("fuzz.jsonl.gz", p, n, meaning);
    if (s != HONE_OK) fuzz_set_size(unpacked(p, n));
    return s;
}

/* ---- gzip ---- */

/* In pieces of odd sizes; a text of more than 8 MiB is a bomb, of which enough has been seen. */
hone_status fuzz_gzip(const void *p, size_t n, uint64_t *meaning) {
    static char piece[70001];
    hone_reader *r;
    uint64_t h = 0, all = 0;
    hone_status s = hone_reader_open(fuzz_file("fuzz.gz", p, n), &r);
    if (s != HONE_OK) return s;
    for (size_t step = 1, got = 1; s == HONE_OK && got && all < 8 << 20; step = step * 3 + 1) {
        size_t want = step < sizeof piece ? step : sizeof piece;
        s = hone_reader_read(r, piece, want, &got);
        if (s == HONE_OK) h = fuzz_digest(h, piece, got), all += got;
        if (step > sizeof piece) step = 100;
    }
    hone_reader_close(r);
    if (s == HONE_OK) *meaning = h;
    return s;
}

/* ---- Extended JSON ---- */

hone_status fuzz_ejson(const void *p, size_t n, uint64_t *meaning) {
    hone_json_scanner s;
    hone_json_token end;
    hone_buffer raw = {0};
    hone_cell_kind kind = HONE_CELL_MISSING;
    const char *text = "";
    size_t length = 0;
    fuzz_set_size(n);
    hone_json_scan_start(&s, p, n, "fuzz.json", 1);
    hone_status status = hone_plain_cell(&s, &raw, &kind, &text, &length);
    if (status == HONE_OK) status = hone_json_scan_next(&s, &end);
    if (status == HONE_OK) {
        *meaning = fuzz_digest(fuzz_digest(0, &kind, sizeof kind), text, length);
        if (kind == HONE_CELL_JSON) { /* what was made plain is JSON again */
            json_t *tree = NULL;
            char *copy = malloc(length + 1);
            memcpy(copy, text, length);
            if (hone_json_parse(copy, length, "fuzz.json", 1, &tree) == HONE_E_FORMAT &&
                !strstr(hone_last_error()->message, "overflow"))
                abort();
            json_decref(tree);
            free(copy);
        }
    }
    hone_free(raw.p);
    return status;
}
