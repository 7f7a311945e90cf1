/* Splitting a table in two, without leaks.
 *
 * Rows that share a text (whitespace at both ends aside, any column against any column) form a cluster, and so do rows
 * linked through a chain of such texts; a cluster is never cut. Clusters are visited in a seeded order and go to the
 * evaluation side while they fit into round(share * n) rows (at least one); everything else is for training. So the
 * evaluation side may be smaller than asked where a large cluster did not fit; the caller prints both counts.
 *
 * Each side lists its rows in ascending order. */
#ifndef HONE_DATA_SPLIT_H
#define HONE_DATA_SPLIT_H

#include "data/texts.h"

typedef struct hone_split {
    int64_t n_train, n_eval;
    int64_t *train, *eval; /* row numbers of the texts */
    int64_t clusters;      /* how many there were */
    int64_t largest;       /* rows in the largest */
} hone_split;

/* 0 < share < 1, else HONE_E_ARG. HONE_E_FORMAT when no cluster fits or no training row is left, with the numbers. */
hone_status hone_split_rows(const hone_texts *texts, double share, uint64_t seed, hone_split *out);
void hone_split_free(hone_split *s); /* frees and zeroes; accepts {0} */

#endif
