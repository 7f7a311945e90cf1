/* Tables: the rows of a .csv, .tsv, .jsonl or .json file, each also .gz, or of standard input ("-"), in memory.
 *
 *   .csv    RFC 4180 with a header line: commas, "quoted fields" with doubled quotes and line breaks, CRLF or LF, a
 *           last line end or none. Lines without a single character are no rows. A quote inside an unquoted field is
 *           itself. A column without a name has the empty one; others without a name are called "Unnamed: 3" by their
 *           place, counted from 0, as pandas calls them.
 *   .tsv    the same with tabs.
 *   .jsonl  (.ndjson) one JSON object a line; blank lines are no rows.
 *   .json   an array of objects; also what mongoexport writes into files of that name: objects one after another.
 *
 * A byte order mark is skipped. No known ending, and standard input: the format is told from the first bytes.
 *
 * A cell is a UTF-8 text, or missing (JSON null, a key the row does not have), or any other JSON value as JSON text. In
 * CSV and TSV every cell is a text, an empty one too. Extended JSON of MongoDB exports becomes plain: {"$oid": "5f…"}
 * and {"$uuid": …} a text, {"$numberInt": "7"}, $numberLong, $numberDouble, $numberDecimal a number, {"$date": …} the
 * text "2024-05-01T12:00:00Z", {"$undefined": true} and a number that is NaN missing.
 *
 * Bad rows (bad UTF-8, NUL bytes, a wrong number of fields, broken JSON, not an object, a key twice, a line or field
 * over 16 MiB) are left out and listed with place and reason, unless options.strict, which makes the first one the
 * failure. A file broken as a whole fails: no header, a column named twice, a quote that is never closed, damaged gzip,
 * broken syntax between the elements of an array, no row left.
 *
 * Sources: RFC 4180; RFC 8259; jsonlines.org; MongoDB Extended JSON v2. */
#ifndef HONE_DATA_TABLE_H
#define HONE_DATA_TABLE_H

#include "base/status.h"

#define HONE_TABLE_MAX_FIELD ((size_t)16 << 20) /* bytes of a line, field or record */
#define HONE_TABLE_MAX_COLUMNS 4096             /* more: HONE_E_LIMIT */
/* bad rows kept with their reason (list_all: all), others are counted */
#define HONE_TABLE_MAX_LISTED 100000

/* What a cell is. */
typedef enum hone_cell_kind {
    HONE_CELL_MISSING = 0,
    HONE_CELL_TEXT, /* p[0..n): UTF-8, may hold NUL (from JSON's \u0000); p[n] is 0 */
    HONE_CELL_JSON, /* p[0..n): number, true, false, array or object as compact JSON text; p[n] is 0 */
} hone_cell_kind;

/* One cell of a row. */
typedef struct hone_cell {
    const char *p; /* owned by the table; "" when missing */
    size_t n;
    hone_cell_kind kind;
} hone_cell;

/* How a file is written; AUTO: by its name's ending, else by its first bytes. */
typedef enum hone_table_format {
    HONE_TABLE_AUTO = 0,
    HONE_TABLE_CSV,
    HONE_TABLE_TSV,
    HONE_TABLE_JSONL,
    HONE_TABLE_JSON,
} hone_table_format;

/* Zeros are the usual call. */
typedef struct hone_table_options {
    hone_table_format format;
    bool strict;        /* the first bad row is the failure */
    bool list_all;      /* keep every bad row with its reason, however many, and take a table without a good row */
    uint64_t max_bytes; /* most bytes of unpacked text to keep; 0 = half of this machine's memory. More: HONE_E_LIMIT */
} hone_table_options;

/* A row that was left out. */
typedef struct hone_bad_row {
    int64_t row;          /* from 0, in the file */
    int64_t line, column; /* from 1; column 0 = not known. Columns count characters */
    const char *reason;   /* one sentence without the place */
} hone_bad_row;

/* A file's rows in memory. Read-only apart from hone_table_drop; any number of threads may read. */
typedef struct hone_table hone_table;

/* Read the whole of `path`; `o` may be NULL. Free with hone_table_free.
 *   errors  HONE_E_IO, HONE_E_FORMAT (also of a file that is written to meanwhile), HONE_E_LIMIT, HONE_E_UNSUPPORTED
 *           (.parquet, .xlsx … by name), HONE_E_NOMEM; *out is untouched. */
hone_status hone_table_read(const char *path, const hone_table_options *o, hone_table **out);
void hone_table_free(hone_table *t); /* accepts NULL */

const char *hone_table_path(const hone_table *t);                        /* for messages: "standard input" for "-" */
hone_table_format hone_table_get_format(const hone_table *t);            /* as read: never HONE_TABLE_AUTO */
int64_t hone_table_rows(const hone_table *t);                            /* good ones */
int64_t hone_table_columns(const hone_table *t);                         /* how many */
const char *hone_table_column_name(const hone_table *t, int64_t column); /* in order of first appearance */
int64_t hone_table_find_column(const hone_table *t, const char *name);   /* -1 = there is none */

/* i = 0 .. rows-1 over the good rows. */
hone_cell hone_table_cell(const hone_table *t, int64_t i, int64_t column);
/* Whether the row names this column at all: tells JSON's null (true) from a key that is not there. Always true in CSV.
 */
bool hone_table_has_field(const hone_table *t, int64_t i, int64_t column);
int64_t hone_table_row_number(const hone_table *t, int64_t i); /* from 0 in the file: has gaps where rows are bad */
int64_t hone_table_row_line(const hone_table *t, int64_t i);   /* line in the file where the row begins, from 1 */
/* Where the row stands in the unpacked file: bytes [*begin, *begin + *length), its line end included except in .json.
 * What comes before the first record of a CSV or TSV file (mark, header) is [0, hone_table_header_bytes). */
void hone_table_row_bytes(const hone_table *t, int64_t i, int64_t *begin, int64_t *length);
int64_t hone_table_header_bytes(const hone_table *t);
/* Checksum (FNV-1a, 64 bits) over names and cells of the good rows: the fingerprint that a resumed run compares. */
uint64_t hone_table_fingerprint(const hone_table *t);

/* For who reads the file once more: HONE_E_FORMAT when it is no longer the one that was read. Of a stream never. */
hone_status hone_table_check(const hone_table *t);

/* Bad rows, in file order after hone_table_finish_drops. count counts all, listed those that have an entry. */
int64_t hone_table_bad_count(const hone_table *t);
int64_t hone_table_bad_listed(const hone_table *t);
const hone_bad_row *hone_table_bad(const hone_table *t, int64_t k);

/* For those who judge a row's contents: mark good row i as bad with the sentence given. With strict (from the options)
 * it is the failure instead: HONE_E_FORMAT at the row's place. Rows keep their indices until hone_table_finish_drops,
 * which takes the marked ones out and sorts the list; HONE_E_FORMAT if no row is left (unless list_all). */
hone_status hone_table_drop(hone_table *t, int64_t i, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
hone_status hone_table_finish_drops(hone_table *t);

/* `"a", "b", "c"` for messages, at most 12 names; of the whole table, or (i >= 0) those that row i has. Returns out. */
char *hone_table_list_columns(const hone_table *t, int64_t i, char *out, size_t n);

#endif
