/* Splitting rows in two, without leaks.
 *
 * Rows that must stay together form a cluster, and a cluster is never cut. hone_split_rows makes the clusters itself:
 * rows that share a text (whitespace at both ends aside, any column against any column), and rows linked through a
 * chain of such texts. hone_split_clusters takes clusters made elsewhere (data/clusters.h, data/duplicates.h).
 *
 * Clusters are visited in a seeded order and go to the evaluation side while they fit into round(share * n) rows (at
 * least one); everything else is for training. So the evaluation side may be smaller than asked where a large cluster
 * did not fit; the caller prints both counts.
 *
 * Stratified, every label has its own room: round(share * rows of the label), the rounding made so that the rooms add
 * up to round(share * n) (largest remainders first). A cluster goes to the evaluation side if all its rows find room.
 * Where rows are still missing then, clusters that overfill a label go there too if they bring the labels nearer to
 * their rooms in all (sum of differences), those that overfill least first.
 *
 * Each side lists its rows in ascending order. */
#ifndef HONE_DATA_SPLIT_H
#define HONE_DATA_SPLIT_H

#include "data/clusters.h"
#include "data/texts.h"

/* Both sides, and what they were made of. */
typedef struct hone_split {
    int64_t n_train, n_eval;
    int64_t *train, *eval; /* row numbers of the texts */
    int64_t clusters;      /* how many there were */
    int64_t largest;       /* rows in the largest */
} hone_split;

/* 0 < share < 1, else HONE_E_ARG. HONE_E_FORMAT when no cluster fits or no training row is left, with the numbers. */
hone_status hone_split_rows(const hone_texts *texts, double share, uint64_t seed, hone_split *out);
/* The same, errors too, with clusters of the caller's. label [c->n] is 0 .. n_labels-1 and stratifies; NULL (n_labels
 * 0): not. */
hone_status hone_split_clusters(const hone_clusters *c, const int32_t *label, int64_t n_labels, double share,
                                uint64_t seed, hone_split *out);
void hone_split_free(hone_split *s); /* frees and zeroes; accepts {0} */

#endif
