/* The table: storage, bad rows, and which reader a file gets.
 *
 * Cells lie row after row, each with its column, so that a file of a million rows with a thousand rarely used keys
 * takes memory for the cells it has and not for a million times a thousand. A row's cells stand in the order of their
 * columns. In most files cell k of a row is column k, which is tried first. Texts are packed into 1 MiB pieces of one
 * arena. */
#include "data/table.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "data/table_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define POOL_BYTES ((size_t)1 << 20) /* the first pieces are smaller: a small table takes little */
#define REASON_MAX 400

typedef struct entry {
    const char *p;
    uint32_t n; /* <= HONE_TABLE_MAX_FIELD; JSON text may be a little longer than its source */
    uint16_t column;
    uint8_t kind;
} entry;

typedef struct row {
    int64_t first, count; /* cells */
    int64_t number, line;
    int64_t begin, length; /* bytes of the unpacked file */
} row;

struct hone_table {
    char *path;
    bool strict, absent_is_text, list_all;
    hone_table_format format;
    uint64_t kept, max_bytes;
    int64_t header;

    hone_arena *arena;
    char *pool;
    size_t pool_left, pool_bytes;

    entry *cells;
    int64_t n_cells, cap_cells;
    row *rows;
    int64_t n_rows, cap_rows;
    bool open; /* rows[n_rows] is being built */

    char **names;
    int64_t n_names, cap_names;
    uint16_t slot[2 * HONE_TABLE_MAX_COLUMNS]; /* open addressing by name; 0 = free, else column + 1 */

    hone_bad_row *bad;
    int64_t n_bad, cap_bad, all_bad;
    hone_stamp stamp; /* of the file as it was when its reading began */
    bool stamped;     /* it is a file, and no stream */
    uint8_t *dropped; /* [n_rows] while drops are pending */
    int64_t n_dropped;
};

/* ---- small helpers shared with the readers ---- */

hone_status hone_grow(void **p, int64_t *cap, int64_t need, size_t item_bytes) {
    if (need <= *cap) return HONE_OK;
    int64_t grown = *cap < 16 ? 16 : *cap + *cap / 2;
    if (grown < need) grown = need;
    uint64_t bytes;
    if (!hone_mul_size((uint64_t)grown, item_bytes, &bytes)) return hone_fail(HONE_E_LIMIT, "table is too large");
    void *q = hone_realloc(*p, bytes);
    if (!q) return HONE_E_NOMEM;
    *p = q;
    *cap = grown;
    return HONE_OK;
}

hone_status hone_buffer_add(hone_buffer *b, const char *p, size_t n) {
    if (n >= b->cap - b->n) { /* one byte more than needed: room for a final NUL */
        size_t cap = b->cap < 256 ? 256 : b->cap * 2;
        while (cap - b->n <= n) cap *= 2;
        char *q = hone_realloc(b->p, cap);
        if (!q) return HONE_E_NOMEM;
        b->p = q;
        b->cap = cap;
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
    return HONE_OK;
}

void hone_text_place(const char *p, size_t at, bool lone_cr, int64_t *line, int64_t *column) {
    for (size_t i = 0; i < at; i++) {
        if (p[i] == '\n' || (lone_cr && p[i] == '\r' && p[i + 1] != '\n')) {
            ++*line;
            *column = 1;
        } else if (((unsigned char)p[i] & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

size_t hone_text_bad_byte(const char *text, size_t n) {
    size_t good = hone_utf8_check(text, n);
    const char *nul = memchr(text, 0, good);
    return nul ? (size_t)(nul - text) : good;
}

/* ---- the window onto the file ---- */

hone_status hone_source_open(const char *path, const char *file, hone_source *s) {
    *s = (hone_source){.file = file, .line = 1, .column = 1};
    return hone_reader_open(path, &s->reader);
}

void hone_source_close(hone_source *s) {
    hone_reader_close(s->reader);
    hone_free(s->p);
    *s = (hone_source){0};
}

hone_status hone_source_more(hone_source *s) {
    if (s->eof) return HONE_OK;
    /* The window of a small file is small, and grows up to 1 MiB as the file proves to be longer. */
    const size_t small = (size_t)128 << 10, usual = (size_t)1 << 20;
    const size_t step = s->cap < usual ? small / 2 : usual / 4;
    const bool longer = s->cap && s->cap < usual && s->offset + (int64_t)(s->end - s->begin) >= (int64_t)s->cap;
    if (s->begin && (s->begin >= (s->end - s->begin) || s->cap - s->end < step)) {
        memmove(s->p, s->p + s->begin, s->end - s->begin);
        s->end -= s->begin;
        s->begin = 0;
    }
    if (s->cap - s->end < step + 1 || longer) {
        size_t cap = s->cap ? s->cap * 2 : small;
        char *q = hone_realloc(s->p, cap);
        if (!q) return HONE_E_NOMEM;
        s->p = q;
        s->cap = cap;
    }
    size_t got = 0;
    hone_status st = hone_reader_read(s->reader, s->p + s->end, step, &got);
    if (st != HONE_OK) {
        hone_blame(s->file, 0);
        return st;
    }
    if (!got) s->eof = true;
    s->end += got;
    s->p[s->end] = 0; /* so that p[i + 1] may be looked at */
    return HONE_OK;
}

void hone_source_skip(hone_source *s, size_t n) {
    if (!n) return;
    const char *p = s->p + s->begin;
    if (s->after_cr && *p == '\n') s->line--; /* CRLF, of which the CR was counted */
    hone_text_place(p, n, s->lone_cr, &s->line, &s->column);
    s->after_cr = s->lone_cr && p[n - 1] == '\r' && p[n] != '\n';
    s->begin += n;
    s->offset += (int64_t)n;
}

/* ---- building ---- */

static hone_status charge(hone_table *t, uint64_t bytes) {
    t->kept += bytes;
    if (t->kept <= t->max_bytes) return HONE_OK;
    hone_fail_at(HONE_E_LIMIT, t->path, 0, 0, "holds more than %" PRIu64 " MiB of rows, the limit on this machine",
                 t->max_bytes >> 20);
    return hone_hint("split the file, or leave out columns that are not needed");
}

static hone_status keep_text(hone_table *t, const char *p, size_t n, const char **out) {
    if (n >= POOL_BYTES / 4) {
        char *q = hone_arena_alloc(t->arena, n + 1);
        if (!q) return hone_fail(HONE_E_NOMEM, "no memory for a text of %zu bytes", n);
        memcpy(q, p, n);
        q[n] = 0;
        *out = q;
        return HONE_OK;
    }
    if (n + 1 > t->pool_left) {
        size_t bytes = t->pool_bytes ? t->pool_bytes * 2 : POOL_BYTES / 16;
        t->pool_bytes = bytes < POOL_BYTES ? bytes : POOL_BYTES;
        if (t->pool_bytes < 4 * n) t->pool_bytes = POOL_BYTES;
        t->pool = hone_arena_alloc(t->arena, t->pool_bytes);
        t->pool_left = t->pool ? t->pool_bytes : 0;
        if (!t->pool) return hone_fail(HONE_E_NOMEM, "no memory for the table's texts");
    }
    if (n) memcpy(t->pool, p, n);
    t->pool[n] = 0;
    *out = t->pool;
    t->pool += n + 1;
    t->pool_left -= n + 1;
    return HONE_OK;
}

hone_status hone_table_row_begin(hone_table *t, int64_t number, int64_t line, int64_t begin, int64_t length) {
    HONE_TRY(hone_grow((void **)&t->rows, &t->cap_rows, t->n_rows + 1, sizeof *t->rows));
    HONE_TRY(charge(t, sizeof(row)));
    t->rows[t->n_rows] = (row){t->n_cells, 0, number, line, begin, length};
    t->open = true;
    return HONE_OK;
}

hone_status hone_table_row_cell(hone_table *t, int64_t column, hone_cell_kind kind, const char *p, size_t n) {
    if (t->absent_is_text && n == 0) return HONE_OK;
    if (kind == HONE_CELL_MISSING) p = "", n = 0; /* null: kept, to tell it from an absent key */
    HONE_TRY(hone_grow((void **)&t->cells, &t->cap_cells, t->n_cells + 1, sizeof *t->cells));
    HONE_TRY(charge(t, sizeof(entry) + n + 1));
    const char *q;
    HONE_TRY(keep_text(t, p, n, &q));
    t->cells[t->n_cells++] = (entry){q, (uint32_t)n, (uint16_t)column, (uint8_t)kind};
    return HONE_OK;
}

static int by_column(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return (x->column > y->column) - (x->column < y->column);
}

void hone_table_row_end(hone_table *t) {
    row *r = &t->rows[t->n_rows];
    bool sorted = true;
    r->count = t->n_cells - r->first;
    for (int64_t k = r->first + 1; k < t->n_cells && sorted; k++) sorted = t->cells[k - 1].column < t->cells[k].column;
    if (!sorted) qsort(t->cells + r->first, (size_t)r->count, sizeof *t->cells, by_column);
    t->n_rows++;
    t->open = false;
}

void hone_table_row_cancel(hone_table *t) {
    if (t->open) t->n_cells = t->rows[t->n_rows].first;
    t->open = false;
}

static int64_t find_slot(const hone_table *t, const char *name) {
    const uint64_t mask = 2 * HONE_TABLE_MAX_COLUMNS - 1;
    uint64_t h = hone_hash(HONE_HASH_SEED, name, strlen(name));
    for (h = (h ^ h >> 32) & mask; t->slot[h]; h = (h + 1) & mask)
        if (!strcmp(t->names[t->slot[h] - 1], name)) break;
    return (int64_t)h;
}

hone_status hone_table_column(hone_table *t, const char *name, int64_t guess, int64_t *column) {
    if (guess >= 0 && guess < t->n_names && !strcmp(t->names[guess], name)) {
        *column = guess;
        return HONE_OK;
    }
    int64_t s = find_slot(t, name);
    if (!t->slot[s]) {
        if (t->n_names == HONE_TABLE_MAX_COLUMNS)
            return hone_fail_at(HONE_E_LIMIT, t->path, 0, 0, "has more than %d different columns",
                                HONE_TABLE_MAX_COLUMNS);
        HONE_TRY(hone_grow((void **)&t->names, &t->cap_names, t->n_names + 1, sizeof *t->names));
        const char *copy;
        HONE_TRY(keep_text(t, name, strlen(name), &copy));
        t->names[t->n_names] = (char *)(uintptr_t)copy;
        t->slot[s] = (uint16_t)++t->n_names;
    }
    *column = t->slot[s] - 1;
    return HONE_OK;
}

static hone_status add_bad(hone_table *t, int64_t number, int64_t line, int64_t column, const char *reason) {
    if (t->strict) return hone_fail_at(HONE_E_FORMAT, t->path, line, column, "%s", reason);
    t->all_bad++;
    if (t->n_bad == HONE_TABLE_MAX_LISTED && !t->list_all) return HONE_OK;
    HONE_TRY(hone_grow((void **)&t->bad, &t->cap_bad, t->n_bad + 1, sizeof *t->bad));
    const char *copy;
    HONE_TRY(keep_text(t, reason, strlen(reason), &copy));
    t->bad[t->n_bad++] = (hone_bad_row){number, line, column, copy};
    return HONE_OK;
}

hone_status hone_table_add_bad(hone_table *t, int64_t number, int64_t line, int64_t column, const char *fmt, ...) {
    char reason[REASON_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    return add_bad(t, number, line, column, reason);
}

void hone_table_csv_semantics(hone_table *t) {
    t->absent_is_text = true;
}
void hone_table_set_header(hone_table *t, int64_t bytes) {
    t->header = bytes;
}

/* ---- formats ---- */

static bool ends_with(const char *name, size_t n, const char *tail) {
    size_t m = strlen(tail);
    return n > m && !strncasecmp(name + n - m, tail, m);
}

/* From the name alone. AUTO = look at the bytes; *unsupported = a kind of file we know and do not read. */
static hone_table_format format_of_name(const char *path, const char **unsupported) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    *unsupported = NULL;
    if (ends_with(name, n, ".gz")) n -= 3;
    if (ends_with(name, n, ".csv")) return HONE_TABLE_CSV;
    if (ends_with(name, n, ".tsv") || ends_with(name, n, ".tab")) return HONE_TABLE_TSV;
    if (ends_with(name, n, ".jsonl") || ends_with(name, n, ".ndjson")) return HONE_TABLE_JSONL;
    if (ends_with(name, n, ".json")) return HONE_TABLE_JSON;
    static const char *const others[] = {
        ".parquet", ".arrow", ".feather", ".xlsx",   ".xls", ".ods", ".zip",  ".bz2", ".xz",  ".zst", ".tar",
        ".tgz",     ".bson",  ".db",      ".sqlite", ".pkl", ".xml", ".yaml", ".yml", ".txt", ".npy", ".safetensors"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (ends_with(name, n, others[i])) *unsupported = others[i];
    return HONE_TABLE_AUTO;
}

/* From the first bytes: '[' array, '{' objects, else the header line decides between tab and comma. */
static hone_table_format format_of_bytes(const hone_source *s) {
    const char *p = s->p + s->begin;
    size_t n = s->end - s->begin, i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r')) i++;
    if (i < n && p[i] == '[') return HONE_TABLE_JSON;
    if (i < n && p[i] == '{') return HONE_TABLE_JSON;
    for (size_t k = 0; k < n && p[k] != '\n' && p[k] != '\r'; k++)
        if (p[k] == '\t') return HONE_TABLE_TSV;
    return HONE_TABLE_CSV;
}

static bool json_is_whole(const char *p, size_t n) {
    hone_json_scanner js;
    hone_json_token first, end;
    hone_json_scan_start(&js, p, n, "", 1);
    bool whole = hone_json_scan_next(&js, &first) == HONE_OK && hone_json_scan_skip(&js, &first) == HONE_OK &&
                 hone_json_scan_next(&js, &end) == HONE_OK && end.kind == HONE_JSON_END;
    hone_error_clear();
    return whole;
}

/* A .json file of objects one after another: line by line if its first line is a whole object (then one bad line is one
 * bad row), else object by object. */
static bool first_line_is_object(hone_source *s, hone_status *st) {
    size_t i = 0;
    for (;;) {
        while (i < s->end - s->begin && strchr(" \t\r\n", s->p[s->begin + i]) && s->p[s->begin + i]) i++;
        if (i < s->end - s->begin) break;
        if (s->eof || i > HONE_TABLE_MAX_FIELD) return false;
        if ((*st = hone_source_more(s)) != HONE_OK) return false;
    }
    if (s->p[s->begin + i] != '{') return false;
    size_t from = i;
    for (;;) {
        const char *nl = memchr(s->p + s->begin + i, '\n', s->end - s->begin - i);
        if (nl) {
            i = (size_t)(nl - s->p) - s->begin;
            break;
        }
        i = s->end - s->begin;
        if (s->eof || i > HONE_TABLE_MAX_FIELD) break;
        if ((*st = hone_source_more(s)) != HONE_OK) return false;
    }
    if (json_is_whole(s->p + s->begin + from, i - from)) return true;
    /* A first line that is broken, in a file whose second line starts an object, is one bad line and not a pretty
     * print. */
    while (i < s->end - s->begin && strchr(" \t\r\n", s->p[s->begin + i]) && s->p[s->begin + i]) i++;
    return i < s->end - s->begin && s->p[s->begin + i] == '{' && i - from > 2;
}

static hone_status skip_mark(hone_source *s) {
    while (!s->eof && s->end - s->begin < 4) HONE_TRY(hone_source_more(s));
    const unsigned char *p = (const unsigned char *)s->p + s->begin;
    size_t n = s->end - s->begin;
    if (n >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) {
        s->begin += 3;
        s->offset += 3;
    } else if (n >= 4 && (!memcmp(p, "\xFF\xFE\0\0", 4) || !memcmp(p, "\0\0\xFE\xFF", 4))) {
        hone_fail_at(HONE_E_FORMAT, s->file, 1, 1, "is UTF-32, expected UTF-8");
        return hone_hint("iconv -f UTF-32 -t UTF-8");
    } else if (n >= 2 && (!memcmp(p, "\xFF\xFE", 2) || !memcmp(p, "\xFE\xFF", 2))) {
        hone_fail_at(HONE_E_FORMAT, s->file, 1, 1, "is UTF-16, expected UTF-8");
        return hone_hint("iconv -f UTF-16 -t UTF-8");
    }
    return HONE_OK;
}

static hone_status no_rows(const hone_table *t) {
    if (!t->n_bad) return hone_fail_at(HONE_E_FORMAT, t->path, 0, 0, "has no rows");
    const hone_bad_row *b = t->bad;
    return hone_fail_at(HONE_E_FORMAT, t->path, b->line, b->column, "%s (none of its %" PRId64 " rows can be used)",
                        b->reason, t->all_bad);
}

static hone_status read_all(hone_table *t, hone_source *s, bool from_bytes) {
    HONE_TRY(skip_mark(s));
    if (s->begin == s->end) return hone_fail_at(HONE_E_FORMAT, t->path, 0, 0, "is empty");
    if (from_bytes) t->format = format_of_bytes(s);
    hone_status st = HONE_OK;
    if (t->format == HONE_TABLE_JSON && first_line_is_object(s, &st)) t->format = HONE_TABLE_JSONL;
    HONE_TRY(st);
    switch (t->format) {
    case HONE_TABLE_CSV:
    case HONE_TABLE_TSV: HONE_TRY(hone_csv_read(t, s, t->format == HONE_TABLE_CSV ? ',' : '\t')); break;
    case HONE_TABLE_JSONL: HONE_TRY(hone_jsonl_read(t, s)); break;
    default: HONE_TRY(hone_json_array_read(t, s)); break;
    }
    return t->n_rows || (t->list_all && t->n_bad) ? HONE_OK : no_rows(t);
}

/* hone_reader knows gzip by its first bytes; a file that is called .gz and is not would be read as text. */
static hone_status check_gz_name(const char *path) {
    if (!ends_with(path, strlen(path), ".gz")) return HONE_OK;
    hone_mapping m;
    if (hone_io_map(path, &m) != HONE_OK) { /* a pipe, or not there: the reader says so */
        hone_error_clear();
        return HONE_OK;
    }
    bool bad = m.n > 0 && (m.n < 2 || m.p[0] != 0x1F || m.p[1] != 0x8B);
    bool empty = m.n == 0;
    hone_io_unmap(&m);
    if (empty) return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "is empty");
    if (bad) return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "is called .gz but does not begin like gzip");
    return HONE_OK;
}

static uint64_t half_of_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 2 : (uint64_t)4 << 30;
}

static hone_status compare(const hone_table *t, const hone_stamp *now) {
    if (hone_stamp_compare(t->path, &t->stamp, now, "read") == HONE_OK) return HONE_OK;
    return hone_hint("is another program writing it? wait until it is written");
}

hone_status hone_table_check(const hone_table *t) {
    hone_stamp now;
    if (!t->stamped) return HONE_OK;
    if (!hone_io_stamp(t->path, &now))
        return hone_fail_at(HONE_E_FORMAT, t->path, 0, 0, "was removed while it was read");
    return compare(t, &now);
}

/* Rows of before and of after in one table are nobody's data. Another file of that name, or none, by now: ours was read
 * whole. */
static hone_status check_reading(const hone_table *t) {
    hone_stamp now;
    if (!t->stamped || !hone_io_stamp(t->path, &now) || !hone_stamp_same_file(&now, &t->stamp)) return HONE_OK;
    return compare(t, &now);
}

hone_status hone_table_read(const char *path, const hone_table_options *o, hone_table **out) {
    const bool is_stdin = !strcmp(path, "-");
    const char *unsupported = NULL;
    hone_table_format format = o ? o->format : HONE_TABLE_AUTO;
    if (format == HONE_TABLE_AUTO && !is_stdin) format = format_of_name(path, &unsupported);
    if (unsupported) {
        hone_fail_at(HONE_E_UNSUPPORTED, path, 0, 0,
                     "%s files are not read; known are .csv, .tsv, .jsonl and .json, each also .gz", unsupported);
        return hone_hint("convert it to .jsonl");
    }
    hone_table *t = hone_zalloc(sizeof *t);
    if (!t) return HONE_E_NOMEM;
    t->path = hone_strdup(is_stdin ? "standard input" : path);
    t->arena = hone_arena_new("table", 0);
    t->strict = o && o->strict;
    t->list_all = o && o->list_all;
    t->max_bytes = o && o->max_bytes ? o->max_bytes : half_of_memory();
    t->format = format;
    t->stamped = !is_stdin && hone_io_stamp(path, &t->stamp);
    hone_source s = {0};
    hone_status st = t->path && t->arena ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory for a table");
    if (st == HONE_OK && !is_stdin) st = check_gz_name(path);
    if (st == HONE_OK) st = hone_source_open(path, t->path, &s);
    if (st == HONE_OK) st = read_all(t, &s, format == HONE_TABLE_AUTO);
    hone_source_close(&s);
    if (st == HONE_OK) st = check_reading(t);
    if (st != HONE_OK) {
        hone_table_free(t);
        return st;
    }
    hone_error_clear(); /* what bad rows left in the record */
    *out = t;
    return HONE_OK;
}

void hone_table_free(hone_table *t) {
    if (!t) return;
    hone_arena_free(t->arena);
    hone_free(t->path);
    hone_free(t->cells);
    hone_free(t->rows);
    hone_free(t->names);
    hone_free(t->bad);
    hone_free(t->dropped);
    hone_free(t);
}

/* ---- reading ---- */

const char *hone_table_path(const hone_table *t) {
    return t->path;
}
hone_table_format hone_table_get_format(const hone_table *t) {
    return t->format;
}
int64_t hone_table_rows(const hone_table *t) {
    return t->n_rows;
}
int64_t hone_table_columns(const hone_table *t) {
    return t->n_names;
}
const char *hone_table_column_name(const hone_table *t, int64_t column) {
    return t->names[column];
}
int64_t hone_table_row_number(const hone_table *t, int64_t i) {
    return t->rows[i].number;
}
int64_t hone_table_row_line(const hone_table *t, int64_t i) {
    return t->rows[i].line;
}
void hone_table_row_bytes(const hone_table *t, int64_t i, int64_t *begin, int64_t *length) {
    *begin = t->rows[i].begin;
    *length = t->rows[i].length;
}
int64_t hone_table_header_bytes(const hone_table *t) {
    return t->header;
}
int64_t hone_table_bad_count(const hone_table *t) {
    return t->all_bad;
}
int64_t hone_table_bad_listed(const hone_table *t) {
    return t->n_bad;
}
const hone_bad_row *hone_table_bad(const hone_table *t, int64_t k) {
    return &t->bad[k];
}

int64_t hone_table_find_column(const hone_table *t, const char *name) {
    return (int64_t)t->slot[find_slot(t, name)] - 1;
}

static const entry *find_entry(const hone_table *t, int64_t i, int64_t column) {
    const row *r = &t->rows[i];
    if (!r->count) return NULL; /* there may be no cells at all */
    const entry *e = t->cells + r->first;
    if (column < r->count && e[column].column == column) return &e[column];
    int64_t low = 0, high = r->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (e[middle].column < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->count && e[low].column == column ? &e[low] : NULL;
}

hone_cell hone_table_cell(const hone_table *t, int64_t i, int64_t column) {
    const entry *e = find_entry(t, i, column);
    if (!e) return (hone_cell){"", 0, t->absent_is_text ? HONE_CELL_TEXT : HONE_CELL_MISSING};
    return (hone_cell){e->p, e->n, (hone_cell_kind)e->kind};
}

bool hone_table_has_field(const hone_table *t, int64_t i, int64_t column) {
    return t->absent_is_text || find_entry(t, i, column);
}

uint64_t hone_table_fingerprint(const hone_table *t) {
    uint64_t h = HONE_HASH_SEED;
    for (int64_t c = 0; c < t->n_names; c++) h = hone_hash(h, t->names[c], strlen(t->names[c]) + 1);
    for (int64_t i = 0; i < t->n_rows; i++) {
        const row *r = &t->rows[i];
        h = hone_hash(h, &r->count, sizeof r->count);
        for (int64_t k = r->first; k < r->first + r->count; k++) {
            const entry *e = &t->cells[k];
            h = hone_hash(h, &e->column, sizeof e->column);
            h = hone_hash(h, &e->kind, sizeof e->kind);
            h = hone_hash(h, &e->n, sizeof e->n);
            h = hone_hash(h, e->p, e->n);
        }
    }
    return h;
}

char *hone_table_list_columns(const hone_table *t, int64_t i, char *out, size_t n) {
    size_t at = 0;
    int64_t shown = 0, all = 0;
    if (n) out[0] = 0;
    for (int64_t c = 0; c < t->n_names; c++) {
        if (i >= 0 && !hone_table_has_field(t, i, c)) continue;
        if (all++ >= 12) continue;
        int w = snprintf(out + at, n - at, "%s\"%s\"", shown ? ", " : "", hone_quote(t->names[c]));
        if (w < 0 || (size_t)w >= n - at) {
            out[at] = 0; /* a name that does not fit is left out whole */
            continue;
        }
        at += (size_t)w;
        shown++;
    }
    if (all > shown && n - at > 32) snprintf(out + at, n - at, " and %" PRId64 " more", all - shown);
    if (!all) snprintf(out, n, "(none)");
    return out;
}

/* ---- judging rows ---- */

hone_status hone_table_drop(hone_table *t, int64_t i, const char *fmt, ...) {
    char reason[REASON_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    if (!t->strict && !t->dropped && !(t->dropped = hone_zalloc((size_t)t->n_rows))) return HONE_E_NOMEM;
    if (!t->strict && t->dropped[i]) return HONE_OK; /* the first reason stands */
    HONE_TRY(add_bad(t, t->rows[i].number, t->rows[i].line, 1, reason));
    t->dropped[i] = 1;
    t->n_dropped++;
    return HONE_OK;
}

static int by_number(const void *a, const void *b) {
    const hone_bad_row *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

hone_status hone_table_finish_drops(hone_table *t) {
    if (!t->n_dropped) return HONE_OK;
    int64_t kept = 0;
    for (int64_t i = 0; i < t->n_rows; i++)
        if (!t->dropped[i]) t->rows[kept++] = t->rows[i];
    t->n_rows = kept;
    t->n_dropped = 0;
    hone_free(t->dropped);
    t->dropped = NULL;
    qsort(t->bad, (size_t)t->n_bad, sizeof *t->bad, by_number);
    return kept || t->list_all ? HONE_OK : no_rows(t);
}
