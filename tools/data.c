#include "tools/data.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "data/tokenizer/tokenizer.h"
#include "models/model.h"
#include "tools/folder.h"
#include "tools/terminal.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

hone_status data_near(const hone_options *o, double *out) {
    *out = hone_options_real(o, "near");
    if (*out >= 0.5 && *out <= 1) return HONE_OK;
    if (*out != 0) return hone_fail(HONE_E_ARG, "--near: %g is out of range, allowed: 0.5 to 1, or 0", *out);
    *out = 2; /* nothing is as near as that */
    return HONE_OK;
}

hone_status data_read(const hone_options *o, bool list_all, hone_table **out) {
    return hone_table_read(hone_options_operand(o, 0), &(hone_table_options){.list_all = list_all}, out);
}

hone_status data_map(const hone_options *o, hone_column_map **map, int64_t *n) {
    *n = hone_options_count(o, "columns");
    hone_column_map *m = hone_alloc((size_t)(*n + 1) * sizeof *m);
    if (!m) return HONE_E_NOMEM;
    for (int64_t i = 0; i < *n; i++)
        m[i] = (hone_column_map){hone_options_item(o, "columns", i), hone_options_right(o, "columns", i)};
    *map = m;
    return HONE_OK;
}

hone_status data_grow(void **p, int64_t *cap, int64_t need, size_t item_bytes) {
    if (need <= *cap) return HONE_OK;
    uint64_t bytes;
    int64_t grown = *cap + *cap / 2 + 64;
    if (grown < need) grown = need;
    if (!hone_mul_size((uint64_t)grown, item_bytes, &bytes)) return hone_fail(HONE_E_LIMIT, "too many texts");
    void *q = hone_realloc(*p, bytes);
    if (!q) return HONE_E_NOMEM;
    *p = q, *cap = grown;
    return HONE_OK;
}

/* ---- texts ---- */

static hone_status add_text(data_texts *x, hone_cell c, int64_t row, int64_t column) {
    const char *p = c.p;
    size_t n = c.n;
    hone_text_trim(&p, &n);
    if (c.kind != HONE_CELL_TEXT || !n) return HONE_OK;
    HONE_TRY(data_grow((void **)&x->p, &x->cap[0], x->n + 1, sizeof *x->p));
    HONE_TRY(data_grow((void **)&x->bytes, &x->cap[1], x->n + 1, sizeof *x->bytes));
    HONE_TRY(data_grow((void **)&x->row, &x->cap[2], x->n + 1, sizeof *x->row));
    HONE_TRY(data_grow((void **)&x->column, &x->cap[3], x->n + 1, sizeof *x->column));
    x->p[x->n] = c.p, x->bytes[x->n] = c.n, x->row[x->n] = row, x->column[x->n] = (int16_t)column;
    x->n++;
    return HONE_OK;
}

static bool is_list(hone_cell c) {
    return c.kind == HONE_CELL_JSON && c.n && *c.p == '[';
}

static hone_status add_items(data_texts *x, hone_cell list, int64_t row, int64_t column) {
    hone_cell *item;
    int64_t n;
    HONE_TRY(hone_cell_list(list, x->arena, &item, &n));
    for (int64_t k = 0; k < n; k++) HONE_TRY(add_text(x, item[k], row, column));
    return HONE_OK;
}

static hone_status read_texts(const hone_table *t, const hone_roles *r, data_texts *x) {
    for (int64_t i = 0; i < hone_table_rows(t); i++) {
        for (int64_t k = 0; k < r->n_texts; k++) {
            hone_cell c = hone_table_cell(t, i, r->columns[k]);
            HONE_TRY(is_list(c) ? add_items(x, c, i, k) : add_text(x, c, i, k));
        }
        if (r->documents >= 0) HONE_TRY(add_items(x, hone_table_cell(t, i, r->documents), i, r->n_texts));
    }
    return hone_texts_from_array(x->p, x->bytes, x->n, 1, &x->texts);
}

hone_status data_texts_read(const hone_table *t, const hone_roles *r, data_texts *out) {
    *out = (data_texts){.arena = hone_arena_new("texts", 0)};
    if (!out->arena) return hone_fail(HONE_E_NOMEM, "no memory for texts");
    hone_status st = read_texts(t, r, out);
    if (st != HONE_OK) data_texts_free(out);
    return st;
}

void data_texts_free(data_texts *x) {
    hone_texts_free(&x->texts);
    hone_free(x->p), hone_free(x->bytes), hone_free(x->row), hone_free(x->column);
    hone_arena_free(x->arena);
    *x = (data_texts){0};
}

void data_guess_texts(const hone_table *t, hone_roles *r) {
    for (int64_t c = 0; c < hone_table_columns(t) && r->n_texts < 2 + HONE_MAX_NEGATIVES; c++) {
        bool text = false;
        if (c == r->id || c == r->score || c == r->label || c == r->image) continue;
        for (int64_t i = 0; i < hone_table_rows(t) && !text; i++) {
            hone_cell x = hone_table_cell(t, i, c);
            double number;
            text = is_list(x) ? memchr(x.p, '"', x.n) != NULL
                              : x.kind == HONE_CELL_TEXT && x.n && !hone_cell_number(x, &number);
        }
        if (text) r->columns[r->n_texts++] = c;
    }
}

int64_t data_characters(const char *p, size_t n) {
    int64_t k = 0;
    for (size_t i = 0; i < n; i++) k += ((unsigned char)p[i] & 0xC0) != 0x80;
    return k;
}

/* ---- tokens ---- */

enum { TEXTS_PER_TASK = 64 };

typedef struct counter {
    const hone_tokenizer *tokenizer;
    const hone_texts *texts;
    int64_t *tokens;
} counter;

static hone_status count_task(void *ctx, int64_t task) {
    counter *c = ctx;
    hone_encoding e = {0};
    hone_status st = HONE_OK;
    int64_t end = (task + 1) * TEXTS_PER_TASK < c->texts->count ? (task + 1) * TEXTS_PER_TASK : c->texts->count;
    for (int64_t k = task * TEXTS_PER_TASK; k < end && st == HONE_OK; k++) {
        st =
            hone_tokenizer_encode(c->tokenizer, c->texts->p[k], c->texts->n[k], NULL, 0, &(hone_encode_options){0}, &e);
        c->tokens[k] = e.n;
    }
    hone_encoding_free(&e);
    return st;
}

hone_status data_count_tokens(const hone_options *o, const hone_texts *texts, int64_t *tokens, int64_t *limit) {
    char dir[HONE_PATH_MAX], folder[HONE_PATH_MAX];
    hone_tokenizer *t = NULL;
    HONE_TRY(hone_model_find(hone_options_string(o, "model"), dir));
    HONE_TRY(hone_folder_encoder(dir, folder));
    HONE_TRY(hone_tokenizer_open(folder, &t));
    hone_status st = hone_folder_max_length(folder, t, hone_options_int(o, "max-length"), limit);
    counter c = {t, texts, tokens};
    if (st == HONE_OK) st = hone_parallel((texts->count + TEXTS_PER_TASK - 1) / TEXTS_PER_TASK, count_task, &c);
    hone_tokenizer_free(t);
    return st;
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double percentile(const int64_t *x, int64_t n, double share) {
    double at = share * (double)(n - 1);
    int64_t low = (int64_t)at;
    if (low >= n - 1) return (double)x[n - 1];
    return (double)x[low] + (at - (double)low) * (double)(x[low + 1] - x[low]);
}

data_spread data_spread_of(int64_t *x, int64_t n) {
    data_spread s = {.n = n};
    if (!n) return s;
    qsort(x, (size_t)n, sizeof *x, by_value);
    for (int64_t i = 0; i < n; i++) s.mean += (double)x[i];
    s.mean /= (double)n;
    s.min = (double)x[0], s.max = (double)x[n - 1];
    s.p25 = percentile(x, n, 0.25), s.p50 = percentile(x, n, 0.5), s.p75 = percentile(x, n, 0.75);
    s.p90 = percentile(x, n, 0.9), s.p95 = percentile(x, n, 0.95), s.p99 = percentile(x, n, 0.99);
    return s;
}

json_t *data_spread_json(const data_spread *s) {
    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "min", s->min, "mean", s->mean, "p25", s->p25, "p50",
                     s->p50, "p75", s->p75, "p90", s->p90, "p95", s->p95, "p99", s->p99, "max", s->max);
}

static int by_count(const void *a, const void *b) {
    const data_value *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

hone_status data_values_of(const hone_table *t, int64_t column, int32_t *of, data_values *out) {
    hone_intern names = {0};
    const int64_t rows = hone_table_rows(t);
    int64_t *count = hone_zalloc((size_t)(rows + 1) * sizeof *count);
    hone_status st = count ? HONE_OK : HONE_E_NOMEM;
    *out = (data_values){0};
    for (int64_t i = 0; i < rows && st == HONE_OK; i++) {
        hone_cell c = hone_table_cell(t, i, column);
        int32_t number = -1;
        hone_text_trim(&c.p, &c.n);
        if (c.kind == HONE_CELL_MISSING || !c.n)
            out->missing++;
        else if ((st = hone_intern_add(&names, c.p, c.n, &number)) == HONE_OK)
            count[number]++, out->all++;
        if (of) of[i] = number;
    }
    out->n = names.count;
    out->value = hone_alloc((size_t)(names.count + 1) * sizeof *out->value);
    if (st == HONE_OK && !out->value) st = HONE_E_NOMEM;
    for (int64_t k = 0; k < names.count && st == HONE_OK; k++)
        out->value[k] = (data_value){names.p[k], names.n[k], count[k]};
    /* Numbers of rows keep the order of first appearance: sort only where nobody asked for them. */
    if (st == HONE_OK && !of) qsort(out->value, (size_t)out->n, sizeof *out->value, by_count);
    hone_intern_free(&names);
    hone_free(count);
    if (st != HONE_OK) data_values_free(out);
    return st;
}

void data_values_free(data_values *v) {
    hone_free(v->value);
    *v = (data_values){0};
}

/* ---- the page ---- */

char *data_show(const char *p, size_t n, char *out, size_t size) {
    size_t cut = n > 48 ? 48 : n;
    while (cut < n && cut > 0 && ((unsigned char)p[cut] & 0xC0) == 0x80) cut--;
    snprintf(out, size, "%s%s", hone_quote_n(p, cut), cut < n ? "..." : "");
    return out;
}

hone_status data_say(const char *fmt, ...) {
    char line[4096];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return hone_print_text(line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}
