/* A JSON scanner that allocates nothing: one token at a time from a buffer, strict RFC 8259, with the place of every
 * error. It checks what hone_json_load accepts, and reads headers whose memory must stay below their size (jansson's
 * tree takes up to 24 bytes for each byte of "[1,1,1"). */
#ifndef HONE_BASE_JSON_SCAN_H
#define HONE_BASE_JSON_SCAN_H

#include "base/status.h"

#define HONE_JSON_DEPTH 64

typedef enum hone_json_kind {
    HONE_JSON_END,
    HONE_JSON_OBJECT, /* { */
    HONE_JSON_OBJECT_END,
    HONE_JSON_ARRAY, /* [ */
    HONE_JSON_ARRAY_END,
    HONE_JSON_KEY, /* with its colon: the value follows */
    HONE_JSON_STRING,
    HONE_JSON_INTEGER, /* no fraction, no exponent */
    HONE_JSON_REAL,
    HONE_JSON_TRUE,
    HONE_JSON_FALSE,
    HONE_JSON_NULL,
} hone_json_kind;

typedef struct hone_json_token {
    hone_json_kind kind;
    const char *p; /* raw text; of keys and strings without the quotes, escapes as they stand */
    size_t n;
    bool escaped; /* the string holds escapes */
} hone_json_token;

typedef struct hone_json_scanner {
    const char *text, *file;
    size_t n, at;
    int64_t line;  /* number of the text's first line; 0: errors give bytes, not lines */
    uint64_t base; /* then: the file's byte at which the text begins */
    int depth;
    uint64_t objects; /* bit d: level d is an object */
    int state;
} hone_json_scanner;

void hone_json_scan_start(hone_json_scanner *s, const char *text, size_t n, const char *file, int64_t line);
/* A text inside a binary file, from its byte `base` on: messages end in "(byte 123)". */
void hone_json_scan_start_bytes(hone_json_scanner *s, const char *text, size_t n, const char *file, uint64_t base);
/* HONE_E_FORMAT with file:line:column, in the words `expected ',' or '}', found 'h'`; HONE_E_LIMIT below 64 levels.
 * After HONE_JSON_END, and after a failure, do not call again. */
hone_status hone_json_scan_next(hone_json_scanner *s, hone_json_token *out);
/* Having read an object's or array's opening token, or a key: pass over the whole value. */
hone_status hone_json_scan_skip(hone_json_scanner *s, const hone_json_token *first);

/* Resolve escapes into dst (room for t->n bytes); returns the length, never more than t->n. */
size_t hone_json_scan_decode(const hone_json_token *t, char *dst);
/* A plain non-negative integer that fits; false for "-1", "1.0", "1e3" and for more than 64 bits. */
bool hone_json_scan_u64(const hone_json_token *t, uint64_t *out);

/* Fail at a place in the text. */
hone_status hone_json_scan_fail(const hone_json_scanner *s, const char *where, hone_status code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
