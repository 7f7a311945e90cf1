/* JSON through jansson: loading with the place of an error, and typed reads that explain themselves.
 *
 * Parsing is strict RFC 8259 (UTF-8, no duplicate keys where asked, integers exact or refused, depth <= 64). */
#ifndef HONE_BASE_JSON_H
#define HONE_BASE_JSON_H

#include "base/status.h"

#include <jansson.h>

/* Load a whole file (at most 256 MiB). Failure: HONE_E_FORMAT with file, line, column. Free with json_decref. A
 * duplicate key is refused. */
hone_status hone_json_load(const char *path, json_t **out);
/* The same; a file whose top is no object is HONE_E_FORMAT. */
hone_status hone_json_load_object(const char *path, json_t **out);
/* Parse n bytes; `file` and `line` (of the text's first line) go into the message. Errors of both: HONE_E_FORMAT,
 * HONE_E_LIMIT (depth), HONE_E_NOMEM. */
hone_status hone_json_parse(const char *text, size_t n, const char *file, int64_t line, json_t **out);
/* The same; a duplicate key is refused: for a part of a file. */
hone_status hone_json_parse_unique(const char *text, size_t n, const char *file, int64_t line, json_t **out);
/* Integers beyond 64 bits are read as reals: for the one file that holds such (tokenizer_config.json). A duplicate key
 * is refused. */
hone_status hone_json_parse_big(const char *text, size_t n, const char *file, json_t **out);

/* Typed reads of an object's key. Absent or null: *out = fallback. Wrong type or outside [min, max]: HONE_E_FORMAT, in
 * the words `"hidden_size" is "abc", expected an integer of 1 to 1000000`. `file` is for the message. Strings are
 * borrowed. */
hone_status hone_json_int(const json_t *o, const char *file, const char *key, int64_t fallback, int64_t min,
                          int64_t max, int64_t *out);
hone_status hone_json_real(const json_t *o, const char *file, const char *key, double fallback, double *out);
hone_status hone_json_bool(const json_t *o, const char *file, const char *key, bool fallback, bool *out);
hone_status hone_json_string(const json_t *o, const char *file, const char *key, const char *fallback,
                             const char **out);

/* HONE_E_NOMEM when a tree of this thread lacks a value because memory was short since this was last asked: a failed
 * json_object_set_new is seldom looked at. To be asked before a tree that was built leaves the process. */
hone_status hone_json_whole(void);
/* Asks hone_json_whole first. Write atomically (indent 2, key order kept, newline at the end). HONE_E_IO,
 * HONE_E_NOMEM. */
hone_status hone_json_save(const json_t *o, const char *path);

/* The whole of p[0..n) as a decimal number ("-1.5e3", ".5", "+7"; at most 63 bytes), the point being '.' whatever the
 * host program's locale says. False when it is none, or not finite. */
bool hone_parse_decimal(const char *p, size_t n, double *out);
/* Shortest text that reads back to the same f32 / f64; "NaN", "Infinity" become null. Returns its length. */
int hone_format_f32(char out[32], float x);
int hone_format_f64(char out[32], double x);

#endif
