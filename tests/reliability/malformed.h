/* Named kinds of bad files: each is a good file and one edit, or a text of its own, with the sentence it must give.
 * The files of kinds are malformed_*.c; malformed.c runs them. */
#ifndef HONE_TESTS_RELIABILITY_MALFORMED_H
#define HONE_TESTS_RELIABILITY_MALFORMED_H

#include "tests/fuzz/targets.h"

/* Rows of the tables end where the rest is zeros. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* Instead of a sentence: it is accepted with the meaning of the good file, or with another one. */
#define SAME "="
#define TAKEN "+"

typedef struct kind {
    const char *name; /* what is wrong, in words; no two of a group alike */
    /* The edit: `put` in place of the first `find`; "^" stands for the beginning, "$" for the end, NULL for everything.
     * In `put` the character U+2400 becomes a NUL byte and U+2026 becomes `unit`, `times` times. */
    const char *find, *put;
    const char *says; /* part of "FILE:LINE:COLUMN: MESSAGE; HINT" */
    hone_status code; /* 0 stands for HONE_E_FORMAT */
    const char *unit;
    int64_t times;
    bool elsewhere; /* `says` begins with the name of another file than the group's, which is blamed */
} kind;

/* Kinds of one file, given to a target. text NULL: the good file is at `path`. how: see tests/fuzz/targets.h. */
typedef struct kind_group {
    const char *name, *target, *file, *path, *text;
    char how;
    const kind *kind;
    int n;
} kind_group;

#define KINDS(table) table, (int)(sizeof table / sizeof *table)

/* `put` with its marks resolved, `before` zeros in front and `after` bytes of 0xFF behind; *n without the latter. Free
 * with free. */
void *bytes_of(const kind *k, size_t before, size_t after, size_t *n);

void run_group(const kind_group *g);
/* One kind whose bytes are at hand; good: bytes for SAME. */
void run_kind(const char *group, const char *target, const char *file, const kind *k, const void *p, size_t n,
              const void *good, size_t n_good);
/* Every prefix: refused, or the meaning of the whole file, unless `other` says that this length may mean something
 * else. The bytes are a file of the target, which for folders is named. */
void run_cuts(const char *target, const char *file, const void *p, size_t n,
              bool (*other)(const unsigned char *p, size_t cut, size_t n));
void run_cuts_of(const char *target, const char *file, const char *path,
                 bool (*other)(const unsigned char *p, size_t cut, size_t n));

void malformed_json(void);
void malformed_safetensors(void);
void malformed_shards(void);
void malformed_model(void);
void malformed_tokenizer(void);
void malformed_tokenizer_config(void);
void malformed_tables(void);
void malformed_gzip(void);
void malformed_checkpoint(void);

#endif
