/* The distinct texts of a table, numbered, and the text numbers of every row: what the samplers compare and what is
 * tokenised once. Equal means equal bytes.
 *
 *   row i holds texts  of[i * width + 0 .. width-1]   (anchor, positive, negatives: the order of roles.columns)
 * Numbers count from 0 in order of first appearance (row by row). */
#ifndef HONE_DATA_TEXTS_H
#define HONE_DATA_TEXTS_H

#include "data/roles.h"

/* rows of `width` texts, `count` distinct ones. */
typedef struct hone_texts {
    int64_t rows, width, count;
    int32_t *of;    /* [rows * width] */
    const char **p; /* [count], borrowed from the table: it must outlive this */
    size_t *n;      /* [count] bytes */
} hone_texts;

/* From columns[0..width) of a table. HONE_E_ARG (width below 1), HONE_E_LIMIT (more than 2^31-1 texts), HONE_E_NOMEM.
 * Free with hone_texts_free. */
hone_status hone_texts_from_table(const hone_table *t, const int64_t *columns, int64_t width, hone_texts *out);
/* From plain memory: row-major text[rows * width], lengths n (NULL: NUL-terminated). Borrowed likewise; the same
 * errors. */
hone_status hone_texts_from_array(const char *const *text, const size_t *n, int64_t rows, int64_t width,
                                  hone_texts *out);
void hone_texts_free(hone_texts *x); /* frees and zeroes; accepts {0} */
/* The other way round for a list of text numbers: place[text] = its index in list[0..n), the last one where it stands
 * twice; -1 elsewhere. [count], free with hone_free; NULL: no memory. */
int32_t *hone_texts_places(const hone_texts *x, const int32_t *list, int64_t n);

/* Take white space (as Python's str.strip knows it) off both ends of UTF-8 text. */
void hone_text_trim(const char **p, size_t *n);

/* A numbering of byte strings: 0, 1, 2 … in order of first appearance. Strings are borrowed. HONE_E_LIMIT beyond
 * 2^31-1, HONE_E_NOMEM. */
typedef struct hone_intern {
    const char **p; /* [count] */
    size_t *n;
    int64_t count, cap, cap_n;
    int32_t *slot;  /* [mask + 1] number + 1, 0 = free */
    uint32_t *hash; /* [mask + 1] upper bits of the string there */
    uint64_t mask;
} hone_intern;
hone_status hone_intern_add(hone_intern *t, const char *p, size_t n, int32_t *number); /* start from {0} */
void hone_intern_free(hone_intern *t);                                                 /* frees and zeroes */

#endif
