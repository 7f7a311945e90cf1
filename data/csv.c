/* CSV and TSV, RFC 4180, record by record from a window onto the file.
 *
 * Where a broken record ends is a guess, and a stray quote can swallow a hundred good rows. What is done:
 *   - text after a closing quote, in a record of one line: the line is the bad row;
 *   - the same after the quote has run over line ends: the record's first line is the bad row and reading goes on with
 * its second line. Up to the line where the trouble showed, a quote inside an unquoted field is refused as well: it is
 * likely the rest of a text that was torn apart, which must not be taken for a row;
 *   - a quote that is never closed fails the file.
 * The lines read twice that way are bounded by RESCAN_MAX bytes for the whole file. */
#include "data/table_internal.h"

#include <stdio.h>
#include <string.h>

#define RESCAN_MAX ((int64_t)256 << 20)

typedef enum record_end {
    RECORD_OK,
    RECORD_NONE, /* end of the file */
    RECORD_AFTER_QUOTE,
    RECORD_BARE_QUOTE,
    RECORD_OPEN_QUOTE, /* the file ended inside quotes */
    RECORD_TOO_LONG,
} record_end;

typedef struct record {
    record_end end;
    size_t length;   /* bytes of the window, line end included (RECORD_OK) */
    size_t trouble;  /* offset of what went wrong */
    size_t quote;    /* offset of the last opening quote */
    bool in_quotes;  /* RECORD_TOO_LONG: where it stopped */
    bool quoted_any; /* some field was quoted: the line is no blank line */
    int64_t fields;  /* all of them */
    size_t extra;    /* offset of the first field beyond `keep` */
} record;

typedef struct csv {
    hone_table *t;
    hone_source *s;
    char delimiter;
    int64_t columns, keep; /* fields kept: all of the header, then as many as it has */
    int64_t row;
    int64_t torn_until; /* file offset before which bare quotes are refused */
    int64_t rescanned;
    hone_buffer text; /* the fields of a record, one after another */
    size_t *start;    /* [keep + 1] where each begins in text */
    int64_t cap_start;
} csv;

/* The character at offset i, or -1 at the end of the file; *status keeps a read failure. */
static int at(csv *c, size_t i, hone_status *status) {
    while (i >= c->s->end - c->s->begin) {
        if (c->s->eof || *status != HONE_OK) return -1;
        *status = hone_source_more(c->s);
    }
    return (unsigned char)c->s->p[c->s->begin + i];
}

/* Bytes from offset i on that are none of the four. */
static size_t plain_run(const char *p, size_t n, char a, char b, char c, char d) {
    size_t i = 0;
    while (i < n && p[i] != a && p[i] != b && p[i] != c && p[i] != d) i++;
    return i;
}

static hone_status begin_field(csv *c, record *r, size_t i) {
    if (r->fields == c->keep) r->extra = i;
    if (++r->fields > c->keep) return HONE_OK;
    HONE_TRY(hone_grow((void **)&c->start, &c->cap_start, r->fields + 1, sizeof *c->start));
    c->start[r->fields - 1] = c->text.n;
    return HONE_OK;
}

/* The inside of quotes, *i behind the opening one; leaves *i behind the closing one. */
static hone_status quoted_field(csv *c, record *r, size_t *i) {
    hone_status st = HONE_OK;
    r->quote = *i - 1;
    r->quoted_any = true;
    for (;;) {
        int ch = at(c, *i, &st);
        HONE_TRY(st);
        if (ch < 0) {
            r->end = RECORD_OPEN_QUOTE;
            return HONE_OK;
        }
        if (*i > HONE_TABLE_MAX_FIELD) {
            r->end = RECORD_TOO_LONG;
            r->in_quotes = true;
            r->trouble = *i;
            return HONE_OK;
        }
        const char *p = c->s->p + c->s->begin + *i;
        size_t have = c->s->end - c->s->begin - *i;
        const char *q = memchr(p, '"', have);
        size_t run = q ? (size_t)(q - p) : have;
        if (r->fields <= c->keep) HONE_TRY(hone_buffer_add(&c->text, p, run));
        *i += run;
        if (!q) continue;
        ch = at(c, *i + 1, &st);
        HONE_TRY(st);
        ++*i;
        if (ch != '"') return HONE_OK;
        if (r->fields <= c->keep) HONE_TRY(hone_buffer_add(&c->text, "\"", 1));
        ++*i;
    }
}

static hone_status bare_field(csv *c, record *r, size_t *i) {
    hone_status st = HONE_OK;
    const bool torn = c->s->offset < c->torn_until;
    while (at(c, *i, &st) >= 0) {
        const char *p = c->s->p + c->s->begin + *i;
        size_t have = c->s->end - c->s->begin - *i;
        size_t run = plain_run(p, have, c->delimiter, '\n', '\r', torn ? '"' : '\n');
        if (r->fields <= c->keep) HONE_TRY(hone_buffer_add(&c->text, p, run));
        *i += run;
        if (*i > HONE_TABLE_MAX_FIELD) {
            r->end = RECORD_TOO_LONG;
            r->trouble = *i;
            return HONE_OK;
        }
        if (run == have) continue;
        if (p[run] == '"') {
            r->end = RECORD_BARE_QUOTE;
            r->trouble = *i;
        }
        return HONE_OK;
    }
    return st;
}

/* Read the record at the window's beginning; nothing is passed over yet. */
static hone_status read_record(csv *c, record *r) {
    hone_status st = HONE_OK;
    *r = (record){.end = RECORD_OK};
    c->text.n = 0;
    size_t i = 0;
    if (at(c, 0, &st) < 0) {
        r->end = RECORD_NONE;
        return st;
    }
    for (;;) {
        HONE_TRY(begin_field(c, r, i));
        int ch = at(c, i, &st);
        HONE_TRY(st);
        if (ch == '"') {
            i++;
            HONE_TRY(quoted_field(c, r, &i));
        } else {
            HONE_TRY(bare_field(c, r, &i));
        }
        if (r->end != RECORD_OK) return HONE_OK;
        ch = at(c, i, &st);
        HONE_TRY(st);
        if (ch == (unsigned char)c->delimiter) {
            i++;
            continue;
        }
        if (ch >= 0 && ch != '\n' && ch != '\r') {
            r->end = RECORD_AFTER_QUOTE;
            r->trouble = i;
            return HONE_OK;
        }
        r->trouble = i;
        if (ch == '\r' && at(c, i + 1, &st) == '\n') i++;
        HONE_TRY(st);
        r->length = ch < 0 ? i : i + 1;
        break;
    }
    if (r->fields <= c->keep)
        c->start[r->fields] = c->text.n;
    else
        c->start[c->keep] = c->text.n;
    return HONE_OK;
}

/* Pass over the rest of the line that offset i lies in. The window need not hold it all. */
static hone_status skip_line(csv *c, size_t i) {
    hone_status st = HONE_OK;
    for (;;) {
        int ch = at(c, i, &st);
        HONE_TRY(st);
        if (ch >= 0 && ch != '\n' && ch != '\r') {
            i++;
            if (i < ((size_t)1 << 20)) continue;
            hone_source_skip(c->s, i); /* keep the window small in endless lines */
            i = 0;
            continue;
        }
        if (ch == '\r' && at(c, i + 1, &st) == '\n') i++;
        HONE_TRY(st);
        hone_source_skip(c->s, ch < 0 ? i : i + 1);
        return HONE_OK;
    }
}

static hone_status never_closed(const csv *c, int64_t line, int64_t column) {
    hone_fail_at(HONE_E_FORMAT, c->s->file, line, column, "quote opened here is never closed");
    return hone_hint("a quote inside a quoted field is written twice");
}

/* A record longer than the limit: pass over it, keeping nothing. */
static hone_status skip_long(csv *c, const record *r) {
    int64_t line = c->s->line, column = c->s->column;
    hone_text_place(c->s->p + c->s->begin, r->quote, true, &line, &column);
    hone_status st = HONE_OK;
    bool in_quotes = r->in_quotes;
    hone_source_skip(c->s, r->trouble);
    while (in_quotes) {
        int ch = at(c, 0, &st);
        HONE_TRY(st);
        if (ch < 0) return never_closed(c, line, column);
        const char *p = c->s->p + c->s->begin, *q = memchr(p, '"', c->s->end - c->s->begin);
        hone_source_skip(c->s, q ? (size_t)(q - p) + 1 : c->s->end - c->s->begin);
        if (!q) continue;
        ch = at(c, 0, &st);
        HONE_TRY(st);
        if (ch == '"')
            hone_source_skip(c->s, 1);
        else
            in_quotes = false;
    }
    return skip_line(c, 0);
}

/* List the broken record and go on behind it. */
static hone_status broken_record(csv *c, const record *r) {
    hone_source *s = c->s;
    const char *p = s->p + s->begin;
    int64_t line = s->line, column = s->column, first = s->line;
    hone_text_place(p, r->trouble, true, &line, &column);
    int64_t quote_line = first, quote_column = s->column;
    hone_text_place(p, r->quote, true, &quote_line, &quote_column);
    switch (r->end) {
    case RECORD_OPEN_QUOTE: return never_closed(c, quote_line, quote_column);
    case RECORD_TOO_LONG:
        HONE_TRY(hone_table_add_bad(c->t, c->row++, first, 1, "row is longer than the limit of %zu MiB",
                                    HONE_TABLE_MAX_FIELD >> 20));
        return skip_long(c, r);
    case RECORD_BARE_QUOTE:
        HONE_TRY(hone_table_add_bad(c->t, c->row++, line, column,
                                    "quote inside a field without quotes, after a broken row above"));
        return skip_line(c, r->trouble);
    default: break;
    }
    if (quote_line == line || c->rescanned > RESCAN_MAX) {
        HONE_TRY(hone_table_add_bad(c->t, c->row++, line, column, "text after the closing quote of a field"));
        return skip_line(c, r->trouble);
    }
    HONE_TRY(hone_table_add_bad(c->t, c->row++, quote_line, quote_column,
                                "quote opened here is closed on line %" PRId64 ", where text follows it", line));
    c->rescanned += (int64_t)r->trouble;
    if (s->offset + (int64_t)r->trouble + 1 > c->torn_until) c->torn_until = s->offset + (int64_t)r->trouble + 1;
    return skip_line(c, 0);
}

hone_status hone_csv_hint_separator(bool commas, char sign) {
    const char *kind = commas ? ".csv" : ".tsv", *wanted = commas ? "commas" : "tabs";
    if (sign == (commas ? '\t' : ','))
        return hone_hint("%s separates fields by %s, this header by %s: call it %s", kind, wanted,
                         commas ? "tabs" : "commas", commas ? ".tsv" : ".csv");
    return hone_hint("%s separates fields by %s, this header has \"%c\"", kind, wanted, sign);
}

static hone_status read_header(csv *c) {
    record r;
    do { /* blank lines before the header are nothing */
        HONE_TRY(read_record(c, &r));
        if (r.end == RECORD_NONE) return hone_fail_at(HONE_E_FORMAT, c->s->file, 1, 1, "has no header line");
        if (r.end != RECORD_OK || r.fields > 1 || r.quoted_any || c->text.n) break;
        hone_source_skip(c->s, r.length);
    } while (true);
    hone_source *s = c->s;
    int64_t line = s->line, column = s->column;
    const char *p = s->p + s->begin;
    if (r.end == RECORD_OPEN_QUOTE || r.end == RECORD_AFTER_QUOTE) {
        hone_text_place(p, r.end == RECORD_OPEN_QUOTE ? r.quote : r.trouble, true, &line, &column);
        if (r.end == RECORD_OPEN_QUOTE) return never_closed(c, line, column);
        hone_fail_at(HONE_E_FORMAT, s->file, line, column, "text after the closing quote of a field in the header");
        const char sign = p[r.trouble]; /* "query";"answer" */
        return memchr(";|,\t", sign, 4) ? hone_csv_hint_separator(c->delimiter == ',', sign) : HONE_E_FORMAT;
    }
    if (r.end == RECORD_TOO_LONG)
        return hone_fail_at(HONE_E_LIMIT, s->file, line, 0, "header is longer than %zu MiB",
                            HONE_TABLE_MAX_FIELD >> 20);
    size_t bad = hone_text_bad_byte(p, r.length);
    if (bad < r.length) {
        hone_text_place(p, bad, true, &line, &column);
        return hone_fail_at(HONE_E_FORMAT, s->file, line, column, "byte 0x%02X in the header is not text in UTF-8",
                            (unsigned char)p[bad]);
    }
    if (r.fields > HONE_TABLE_MAX_COLUMNS)
        return hone_fail_at(HONE_E_LIMIT, s->file, line, 0, "header has %" PRId64 " columns, the limit is %d", r.fields,
                            HONE_TABLE_MAX_COLUMNS);
    for (int64_t k = 0; k < r.fields; k++) {
        hone_buffer name = {0};
        hone_status st = hone_buffer_add(&name, c->text.p + c->start[k], c->start[k + 1] - c->start[k]);
        int64_t number = 0;
        if (st == HONE_OK && !name.n && hone_table_find_column(c->t, "") >= 0) { /* a spreadsheet's empty columns */
            char place[32];
            st = hone_buffer_add(&name, place, (size_t)snprintf(place, sizeof place, "Unnamed: %" PRId64, k));
        }
        if (st == HONE_OK) st = hone_table_column(c->t, name.p, -1, &number);
        if (st == HONE_OK && number != k)
            st = hone_fail_at(HONE_E_FORMAT, s->file, line, 1,
                              "header names the column \"%s\" twice, as number %" PRId64 " and %" PRId64,
                              hone_quote(name.p), number + 1, k + 1);
        hone_free(name.p);
        HONE_TRY(st);
    }
    c->columns = c->keep = r.fields;
    hone_source_skip(s, r.length);
    hone_table_set_header(c->t, s->offset);
    return HONE_OK;
}

/* A record that is whole: its bytes and its width decide whether it is a row. */
static hone_status take_record(csv *c, const record *r) {
    hone_source *s = c->s;
    const char *p = s->p + s->begin;
    int64_t line = s->line, column = 1;
    size_t bad = hone_text_bad_byte(p, r->length);
    if (bad < r->length) {
        hone_text_place(p, bad, true, &line, &column);
        if (!p[bad])
            HONE_TRY(hone_table_add_bad(c->t, c->row, line, column, "NUL byte"));
        else
            HONE_TRY(hone_table_add_bad(c->t, c->row, line, column, "byte 0x%02X is not UTF-8", (unsigned char)p[bad]));
    } else if (r->fields != c->columns) {
        hone_text_place(p, r->fields > c->columns ? r->extra : r->trouble, true, &line, &column);
        HONE_TRY(hone_table_add_bad(c->t, c->row, line, column, "row has %" PRId64 " field%s, the header has %" PRId64,
                                    r->fields, r->fields == 1 ? "" : "s", c->columns));
    } else {
        HONE_TRY(hone_table_row_begin(c->t, c->row, line, s->offset, (int64_t)r->length));
        for (int64_t k = 0; k < c->columns; k++)
            HONE_TRY(
                hone_table_row_cell(c->t, k, HONE_CELL_TEXT, c->text.p + c->start[k], c->start[k + 1] - c->start[k]));
        hone_table_row_end(c->t);
    }
    c->row++;
    hone_source_skip(s, r->length);
    return HONE_OK;
}

static hone_status read_records(csv *c) {
    HONE_TRY(read_header(c));
    for (;;) {
        record r;
        HONE_TRY(read_record(c, &r));
        if (r.end == RECORD_NONE) return HONE_OK;
        if (r.end != RECORD_OK)
            HONE_TRY(broken_record(c, &r));
        else if (r.fields == 1 && !r.quoted_any && !c->text.n)
            hone_source_skip(c->s, r.length);
        else
            HONE_TRY(take_record(c, &r));
    }
}

hone_status hone_csv_read(hone_table *t, hone_source *s, char delimiter) {
    csv c = {.t = t, .s = s, .delimiter = delimiter, .keep = HONE_TABLE_MAX_COLUMNS};
    hone_table_csv_semantics(t);
    s->lone_cr = true;
    hone_status st = hone_buffer_add(&c.text, "", 0); /* so that text.p is there for empty fields */
    if (st == HONE_OK) st = read_records(&c);
    hone_free(c.text.p);
    hone_free(c.start);
    return st;
}
