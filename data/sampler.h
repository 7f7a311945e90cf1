/* Samplers: the order of rows in an epoch, cut into batches. Three kinds: plain, without duplicates, by class.
 *
 * Epoch e visits the rows in the order of hone_random_permutation(seed, (HONE_STREAM_SHUFFLE, e), n), or in their own
 * order without shuffling. A batch takes the next batch_size of them; the last may be smaller, and is kept unless
 * drop_last.
 *
 * With no_duplicates, for losses that take the other rows of a batch as negatives, no text stands in two rows of a
 * batch, whatever its column (inside one row it may stand twice). As in sentence-transformers'
 * NoDuplicatesBatchSampler, each batch walks the rows still waiting, in the epoch's order, takes every row that shares
 * no text with those taken, and ends when full or when the walk ends; rows passed over wait for the next batch. So
 * every row is visited exactly once, and batches in the middle may be smaller where duplicates abound: drop_last drops
 * every one that is not full (no row is drawn twice to make up for them). The walk costs about n log n altogether: a
 * row passed over waits in the queue of the text that blocked it and is not looked at again while that text is in the
 * batch.
 *
 * With class_of, for losses that mine triplets among labelled rows, rows come in pairs of one class and a batch holds
 * at least two classes, as in sentence-transformers' GroupByLabelBatchSampler: the rows of every class in the epoch's
 * order, an odd last one left out; in each round every class that has rows left gives its next two, the classes in a
 * random order (in the order of their numbers without shuffling), the first two swapped where a batch would otherwise
 * get the class that ended the last round; rounds end when fewer than two classes are left. The stream is cut into
 * batches; a remainder below 4 rows is dropped. Batch sizes are even and 4 or more. It differs from the source in the
 * generator alone: without shuffling the batches are the same.
 *
 * Everything follows from (seed, epoch, batch number): hone_sampler_seek restores any position exactly.
 *
 * Source: sentence_transformers/base/sampler.py (version 6), NoDuplicatesBatchSampler._iter_one_pass,
 * GroupByLabelBatchSampler. */
#ifndef HONE_DATA_SAMPLER_H
#define HONE_DATA_SAMPLER_H

#include "base/status.h"

/* What to draw, and how. Zeros are the usual values of what is not named. */
typedef struct hone_sampler_options {
    uint64_t seed;
    int64_t batch_size; /* >= 1 */
    bool no_shuffle;
    bool no_duplicates; /* needs text_of */
    bool drop_last;
    const int64_t *rows;    /* [n] the rows to draw from (one side of a split); NULL = 0..n-1. Borrowed */
    int64_t n;              /* >= 1 */
    const int32_t *text_of; /* hone_texts.of, indexed by row; borrowed. NULL when not needed */
    int64_t width;          /* texts a row */
    int64_t n_texts;        /* numbers are below this */
    const int32_t
        *class_of; /* batches by class: indexed by row, 0 .. n_classes-1; borrowed. NULL: not. Not with no_duplicates */
    int64_t n_classes;
} hone_sampler_options;

/* A place in an epoch's order. */
typedef struct hone_sampler hone_sampler;

/* Everything is allocated here. Stands at (epoch 0, batch 0). HONE_E_ARG; HONE_E_FORMAT: fewer than two classes have
 * two rows; HONE_E_NOMEM. */
hone_status hone_sampler_new(const hone_sampler_options *o, hone_sampler **out);
void hone_sampler_free(hone_sampler *s); /* accepts NULL */

/* The next batch of the current epoch: up to batch_size row numbers into rows; their count, 0 at the end of the epoch
 * (and again 0 until hone_sampler_seek opens another). */
int64_t hone_sampler_next(hone_sampler *s, int64_t *rows);

/* Stand before batch `batch` of `epoch` (from 0): costs the walk up to there. A batch number past the epoch's end
 * stands at the end. */
void hone_sampler_seek(hone_sampler *s, int64_t epoch, int64_t batch);
int64_t hone_sampler_epoch(const hone_sampler *s);
int64_t hone_sampler_batch(const hone_sampler *s); /* number of the batch that _next gives next */

/* ceil(n / batch_size), or floor with drop_last (by class: the true number): what sentence-transformers announces as
 * the length of an epoch (its schedule counts on it) and, without no_duplicates, the true number. */
int64_t hone_sampler_announced(const hone_sampler *s);
/* The true number of batches in `epoch`: walks it once, then returns to where it stood. */
int64_t hone_sampler_count(hone_sampler *s, int64_t epoch);

#endif
