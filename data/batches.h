/* Batches of an epoch: sampler, token store and prefetch put together.
 *
 *     hone_batches_new(&store, &sampler_options, &b);
 *     for (int64_t epoch = 0; epoch < epochs; epoch++) {
 *         HONE_TRY(hone_batches_begin(b, epoch, 0));
 *         for (;;) {
 *             const hone_token_batch *x;
 *             HONE_TRY(hone_batches_next(b, &x));    // the next one is being prepared meanwhile
 *             if (!x) break;
 *             …
 *         }
 *     }
 * The position to store in a checkpoint is (x->epoch, x->number + 1) after a step on x; begin(epoch, number) continues
 * there. */
#ifndef HONE_DATA_BATCHES_H
#define HONE_DATA_BATCHES_H

#include "data/batch.h"
#include "data/sampler.h"

typedef struct hone_batches hone_batches;

/* The store and the arrays in `o` are borrowed. Memory for two batches is taken here. */
hone_status hone_batches_new(const hone_token_store *store, const hone_sampler_options *o, hone_batches **out);
void hone_batches_free(hone_batches *b); /* at any time; accepts NULL */

/* Stand before batch `number` of `epoch`, and start preparing it. At any time. */
hone_status hone_batches_begin(hone_batches *b, int64_t epoch, int64_t number);
/* The next batch, valid until the next call; NULL at the end of the epoch. */
hone_status hone_batches_next(hone_batches *b, const hone_token_batch **out);

int64_t hone_batches_announced(const hone_batches *b);            /* see sampler.h */
int64_t hone_batches_count(const hone_batches *b, int64_t epoch); /* the true number; walks a copy of the order */

#endif
