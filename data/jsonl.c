/* JSON lines, and arrays (or sequences) of JSON objects.
 *
 * A row's text is looked at twice without a tree in between: once to see that it is sound, then cell by cell. Numbers
 * keep their spelling, so an id of twenty digits stays what it is. */
#include "data/table_internal.h"

#include <string.h>

typedef struct jsonl {
    hone_table *t;
    hone_source *s;
    int64_t row;
    hone_buffer key, raw;
    int64_t *seen; /* [cap_seen] row + 1 in which a column was last filled */
    int64_t cap_seen;
} jsonl;

static const char *kind_name(hone_json_kind k) {
    switch (k) {
    case HONE_JSON_ARRAY: return "an array";
    case HONE_JSON_STRING: return "a string";
    case HONE_JSON_INTEGER:
    case HONE_JSON_REAL: return "a number";
    case HONE_JSON_NULL: return "null";
    default: return "true or false";
    }
}

/* The row is bad for the reason in the error record. `first_column` is where the text began in its line. */
static hone_status bad_from_error(jsonl *j, int64_t line, int64_t first_column) {
    const hone_error *e = hone_last_error();
    if (e->code != HONE_E_FORMAT && e->code != HONE_E_LIMIT) return e->code;
    int64_t column = e->line <= line && e->column ? e->column + first_column - 1 : e->column;
    char reason[sizeof e->message];
    memcpy(reason, e->message, sizeof reason);
    return hone_table_add_bad(j->t, j->row, e->line ? e->line : line, column, "%s", reason);
}

static hone_status fill_row(jsonl *j, hone_json_scanner *js, int64_t line, int64_t first_column, bool *bad) {
    hone_json_token t;
    HONE_TRY(hone_json_scan_next(js, &t)); /* the brace */
    for (int64_t k = 0;; k++) {
        HONE_TRY(hone_json_scan_next(js, &t));
        if (t.kind != HONE_JSON_KEY) return HONE_OK;
        j->key.n = 0;
        HONE_TRY(hone_buffer_add(&j->key, t.p, t.n)); /* room enough: decoding shortens */
        j->key.n = hone_json_scan_decode(&t, j->key.p);
        j->key.p[j->key.n] = 0;
        int64_t key_line = line, key_column = first_column;
        if (strlen(j->key.p) != j->key.n) {
            hone_text_place(js->text, (size_t)(t.p - js->text) - 1, false, &key_line, &key_column);
            *bad = true;
            return hone_table_add_bad(j->t, j->row, key_line, key_column, "NUL character in a key");
        }
        int64_t column;
        HONE_TRY(hone_table_column(j->t, j->key.p, k, &column));
        int64_t old = j->cap_seen;
        HONE_TRY(hone_grow((void **)&j->seen, &j->cap_seen, column + 1, sizeof *j->seen));
        if (j->cap_seen > old) memset(j->seen + old, 0, (size_t)(j->cap_seen - old) * sizeof *j->seen);
        if (j->seen[column] == j->row + 1) {
            hone_text_place(js->text, (size_t)(t.p - js->text) - 1, false, &key_line, &key_column);
            *bad = true;
            return hone_table_add_bad(j->t, j->row, key_line, key_column, "key \"%s\" is given twice",
                                      hone_quote(j->key.p));
        }
        j->seen[column] = j->row + 1;
        hone_cell_kind kind;
        const char *text;
        size_t n;
        hone_status st = hone_plain_cell(js, &j->raw, &kind, &text, &n);
        if (st == HONE_E_FORMAT) {
            *bad = true;
            return bad_from_error(j, line, first_column);
        }
        HONE_TRY(st);
        HONE_TRY(hone_table_row_cell(j->t, column, kind, text, n));
    }
}

/* text[0..n) should be one object; `line`, `column` is where it begins, `bytes` what a copy of the row takes, from the
 * source's offset on. Counts the row. */
static hone_status take_object(jsonl *j, const char *text, size_t n, size_t bytes, int64_t line, int64_t column) {
    hone_json_scanner js;
    hone_json_token first, end;
    const char *nul = memchr(text, 0, n);
    if (nul) {
        hone_text_place(text, (size_t)(nul - text), false, &line, &column);
        return hone_table_add_bad(j->t, j->row++, line, column, "NUL byte");
    }
    hone_json_scan_start(&js, text, n, j->s->file, line);
    hone_status st = hone_json_scan_next(&js, &first);
    if (st == HONE_OK) st = hone_json_scan_skip(&js, &first);
    if (st == HONE_OK) st = hone_json_scan_next(&js, &end);
    if (st != HONE_OK) {
        st = bad_from_error(j, line, column);
        j->row++;
        return st;
    }
    if (first.kind != HONE_JSON_OBJECT)
        return hone_table_add_bad(j->t, j->row++, line, column, "row is %s, expected an object", kind_name(first.kind));
    hone_json_scan_start(&js, text, n, j->s->file, line);
    bool bad = false;
    HONE_TRY(hone_table_row_begin(j->t, j->row, line, j->s->offset, (int64_t)bytes));
    HONE_TRY(fill_row(j, &js, line, column, &bad));
    if (bad)
        hone_table_row_cancel(j->t);
    else
        hone_table_row_end(j->t);
    j->row++;
    return HONE_OK;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- one object a line ---- */

/* Length of the line at the window's beginning without its end, SIZE_MAX if it is over the limit; *next = what to pass
 * over. */
static hone_status find_line(hone_source *s, size_t *length, size_t *next) {
    size_t i = 0;
    for (;;) {
        const char *nl = memchr(s->p + s->begin + i, '\n', s->end - s->begin - i);
        if (nl) {
            *length = (size_t)(nl - s->p) - s->begin;
            *next = *length + 1;
            if (*length > HONE_TABLE_MAX_FIELD) *length = SIZE_MAX;
            return HONE_OK;
        }
        i = s->end - s->begin;
        if (s->eof || i > HONE_TABLE_MAX_FIELD) break;
        HONE_TRY(hone_source_more(s));
    }
    *length = i > HONE_TABLE_MAX_FIELD ? SIZE_MAX : i;
    *next = i;
    return HONE_OK;
}

static hone_status read_lines(jsonl *j) {
    hone_source *s = j->s;
    for (int64_t line = s->line;; line++) {
        size_t n, next;
        HONE_TRY(find_line(s, &n, &next));
        if (!next) return HONE_OK;
        const char *p = s->p + s->begin;
        if (n == SIZE_MAX) {
            HONE_TRY(hone_table_add_bad(j->t, j->row++, line, 1, "line is longer than the limit of %zu MiB",
                                        HONE_TABLE_MAX_FIELD >> 20));
            while (p[next - 1] != '\n' && !s->eof) { /* the rest of it */
                s->offset += (int64_t)(s->end - s->begin);
                s->begin = s->end;
                HONE_TRY(hone_source_more(s));
                const char *nl = memchr(s->p + s->begin, '\n', s->end - s->begin);
                p = s->p + s->begin;
                next = nl ? (size_t)(nl - p) + 1 : s->end - s->begin;
                if (!next) break;
            }
            s->begin += next;
            s->offset += (int64_t)next;
            continue;
        }
        size_t blank = 0;
        while (blank < n && is_space(p[blank])) blank++;
        if (blank < n) HONE_TRY(take_object(j, p, n, next, line, 1));
        s->begin += next;
        s->offset += (int64_t)next;
    }
}

/* ---- an array of objects, or objects one after another ---- */

/* The character at offset i, -1 at the end of the file. */
static int at(hone_source *s, size_t i, hone_status *status) {
    while (i >= s->end - s->begin) {
        if (s->eof || *status != HONE_OK) return -1;
        *status = hone_source_more(s);
    }
    return (unsigned char)s->p[s->begin + i];
}

static hone_status skip_space(hone_source *s, int *ch) {
    hone_status st = HONE_OK;
    while ((*ch = at(s, 0, &st)) >= 0 && is_space((char)*ch)) hone_source_skip(s, 1);
    return st;
}

/* Find the end of the value at the window's beginning by its brackets and strings alone. Values over the limit are
 * passed over while looking (*too_long, *length = what is left of it); *cut = the file ends inside. */
static hone_status find_value(hone_source *s, size_t *length, bool *too_long, bool *cut) {
    hone_status st = HONE_OK;
    int64_t depth = 0;
    bool in_string = false, escaped = false;
    *too_long = *cut = false;
    for (size_t i = 0;; i++) {
        int ch = at(s, i, &st);
        HONE_TRY(st);
        if (ch < 0) {
            *cut = depth > 0 || in_string;
            *length = i;
            return HONE_OK;
        }
        if (i > HONE_TABLE_MAX_FIELD) {
            *too_long = true;
            hone_source_skip(s, i);
            i = 0;
        }
        if (in_string) {
            if (escaped)
                escaped = false;
            else if (ch == '\\')
                escaped = true;
            else if (ch == '"')
                in_string = false;
            if (in_string || depth) continue;
            *length = i + 1;
            return HONE_OK;
        }
        if (ch == '"') {
            in_string = true;
        } else if (ch == '{' || ch == '[') {
            depth++;
        } else if (ch == '}' || ch == ']') {
            if (!depth) {
                *length = i; /* closes what we stand in, not this value */
                return HONE_OK;
            }
            if (--depth) continue;
            *length = i + 1;
            return HONE_OK;
        } else if (!depth && (ch == ',' || is_space((char)ch))) {
            *length = i;
            return HONE_OK;
        }
    }
}

static hone_status ends_inside(jsonl *j, size_t n, int64_t line, int64_t column) {
    /* The scanner knows better where it went wrong: a string without its quote, a missing brace. */
    hone_json_scanner js;
    hone_json_token first;
    hone_json_scan_start(&js, j->s->p + j->s->begin, n, j->s->file, line);
    hone_status st = hone_json_scan_next(&js, &first);
    if (st == HONE_OK) st = hone_json_scan_skip(&js, &first);
    if (st != HONE_OK) {
        hone_error e = *hone_last_error();
        if (e.line == line && e.column) e.column += column - 1; /* the row begins in the middle of its line */
        hone_error_restore(&e);
        return st;
    }
    return hone_fail_at(HONE_E_FORMAT, j->s->file, line, column, "file ends inside row %" PRId64, j->row);
}

static hone_status read_value(jsonl *j) {
    hone_source *s = j->s;
    size_t n;
    bool too_long, cut;
    int64_t line = s->line, column = s->column;
    HONE_TRY(find_value(s, &n, &too_long, &cut));
    if (cut && too_long)
        return hone_fail_at(HONE_E_FORMAT, s->file, line, column, "file ends inside row %" PRId64 ", which begins here",
                            j->row);
    if (cut) return ends_inside(j, n, line, column);
    if (too_long)
        HONE_TRY(hone_table_add_bad(j->t, j->row++, line, column, "row is longer than the limit of %zu MiB",
                                    HONE_TABLE_MAX_FIELD >> 20));
    else
        HONE_TRY(take_object(j, s->p + s->begin, n, n, line, column));
    hone_source_skip(s, n);
    return HONE_OK;
}

static const char *show_char(int ch) {
    char text[1] = {(char)ch};
    return hone_quote_n(text, 1);
}

static hone_status read_array(jsonl *j) {
    hone_source *s = j->s;
    int ch;
    hone_source_skip(s, 1); /* the bracket */
    HONE_TRY(skip_space(s, &ch));
    if (ch != ']')
        for (;;) {
            HONE_TRY(skip_space(s, &ch));
            if (ch < 0) return hone_fail_at(HONE_E_FORMAT, s->file, s->line, s->column, "file ends inside the array");
            if (ch == ',' || ch == ']' || ch == '}')
                return hone_fail_at(HONE_E_FORMAT, s->file, s->line, s->column, "expected an object, found '%c'", ch);
            HONE_TRY(read_value(j));
            HONE_TRY(skip_space(s, &ch));
            if (ch == ']') break;
            if (ch < 0) return hone_fail_at(HONE_E_FORMAT, s->file, s->line, s->column, "file ends inside the array");
            if (ch != ',')
                return hone_fail_at(HONE_E_FORMAT, s->file, s->line, s->column, "expected ',' or ']', found '%s'",
                                    show_char(ch));
            hone_source_skip(s, 1);
        }
    hone_source_skip(s, 1);
    HONE_TRY(skip_space(s, &ch));
    if (ch < 0) return HONE_OK;
    return hone_fail_at(HONE_E_FORMAT, s->file, s->line, s->column,
                        "expected the end of the file after the array, found '%s'", show_char(ch));
}

static hone_status read_sequence(jsonl *j) {
    for (;;) {
        int ch;
        HONE_TRY(skip_space(j->s, &ch));
        if (ch < 0) return HONE_OK;
        if (ch != '{')
            return hone_fail_at(HONE_E_FORMAT, j->s->file, j->s->line, j->s->column, "expected an object, found '%s'",
                                show_char(ch));
        HONE_TRY(read_value(j));
    }
}

static hone_status read_values(jsonl *j) {
    int ch;
    HONE_TRY(skip_space(j->s, &ch));
    if (ch < 0) return HONE_OK;
    if (ch == '[') return read_array(j);
    if (ch == '{') return read_sequence(j);
    hone_fail_at(HONE_E_FORMAT, j->s->file, j->s->line, j->s->column, "expected an array of objects, found '%s'",
                 show_char(ch));
    return hone_hint("a .json file begins with '[' or '{'");
}

static hone_status run(hone_table *t, hone_source *s, hone_status (*body)(jsonl *)) {
    jsonl j = {.t = t, .s = s};
    hone_status st = body(&j);
    hone_free(j.key.p);
    hone_free(j.raw.p);
    hone_free(j.seen);
    return st;
}

hone_status hone_jsonl_read(hone_table *t, hone_source *s) {
    return run(t, s, read_lines);
}
hone_status hone_json_array_read(hone_table *t, hone_source *s) {
    return run(t, s, read_values);
}
