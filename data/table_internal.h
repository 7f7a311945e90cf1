/* What the readers of data/csv.c and data/jsonl.c share with data/table.c. Not for anyone else. */
#ifndef HONE_DATA_TABLE_INTERNAL_H
#define HONE_DATA_TABLE_INTERNAL_H

#include "base/io.h"
#include "base/json_scan.h"
#include "base/memory.h"
#include "data/table.h"

/* A text that grows. */
typedef struct hone_buffer {
    char *p;
    size_t n, cap;
} hone_buffer;
hone_status hone_buffer_add(hone_buffer *b, const char *p, size_t n);
/* The capacity of a growing array: at least `need` items, doubling. */
hone_status hone_grow(void **p, int64_t *cap, int64_t need, size_t item_bytes);

/* A window onto the unpacked bytes of a file: p[begin .. end) is there, `line` and `column` (from 1, characters) are
 * the place of p[begin]. Positions inside a parser are offsets from begin, because hone_source_more moves the bytes. */
typedef struct hone_source {
    hone_reader *reader;
    const char *file; /* for messages */
    char *p;
    size_t begin, end, cap;
    bool eof;
    int64_t line, column;
    int64_t offset; /* of p[begin] in the file */
    bool lone_cr;   /* a CR that no LF follows ends a line too (CSV); else only LF does */
    bool after_cr;  /* the byte before p[begin] was such a CR, as far as was known then */
} hone_source;

hone_status hone_source_open(const char *path, const char *file, hone_source *s);
void hone_source_close(hone_source *s);
/* Get more bytes behind the window; sets eof when there are none. */
hone_status hone_source_more(hone_source *s);
/* Pass over n bytes of the window, keeping line and column. */
void hone_source_skip(hone_source *s, size_t n);

/* Line and column of p[at], when p[0] stands at *line:*column. With lone_cr, p[at] is looked at too. */
void hone_text_place(const char *p, size_t at, bool lone_cr, int64_t *line, int64_t *column);
/* Offset of the first byte that is NUL or breaks UTF-8 (surrogates, overlong forms and > U+10FFFF included); n = none.
 */
size_t hone_text_bad_byte(const char *p, size_t n);

/* Start a row; then add its cells (any order of columns); then end it. A failure leaves a half row that hone_table_free
 * takes with it; hone_table_row_cancel takes it back. */
hone_status hone_table_row_begin(hone_table *t, int64_t number, int64_t line, int64_t begin, int64_t length);
hone_status hone_table_row_cell(hone_table *t, int64_t column, hone_cell_kind kind, const char *p, size_t n);
void hone_table_row_end(hone_table *t);
void hone_table_row_cancel(hone_table *t);
/* The number of a column, added if it is new and `add`. HONE_E_LIMIT beyond HONE_TABLE_MAX_COLUMNS. `guess` is looked
 * at first. */
hone_status hone_table_column(hone_table *t, const char *name, int64_t guess, int64_t *column);
/* List a bad row; with strict it is the failure. */
hone_status hone_table_add_bad(hone_table *t, int64_t number, int64_t line, int64_t column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void hone_table_csv_semantics(hone_table *t); /* absent cells are empty texts */
void hone_table_set_header(hone_table *t, int64_t bytes);

/* The hint for a header whose fields are separated by another sign than the file's name says. */
hone_status hone_csv_hint_separator(bool commas, char sign);
hone_status hone_csv_read(hone_table *t, hone_source *s, char delimiter);
hone_status hone_jsonl_read(hone_table *t, hone_source *s);
hone_status hone_json_array_read(hone_table *t, hone_source *s); /* also objects one after another */

/* The next JSON value of the scanner as a cell, Extended JSON made plain. `raw` is overwritten; *text, *n point into it
 * or into the scanner's text. HONE_E_FORMAT: broken JSON, or an Extended JSON value that is none. */
hone_status hone_plain_cell(hone_json_scanner *s, hone_buffer *raw, hone_cell_kind *kind, const char **text, size_t *n);

#endif
