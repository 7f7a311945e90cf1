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

/* Batches on their way; used by one thread (the preparing one is its own). */
typedef struct hone_batches hone_batches;

/* The store and the arrays in `o` are borrowed. Memory for two batches is taken here. Errors: those of
 * hone_sampler_new, HONE_E_LIMIT (a batch of more than 2^31-1 tokens), HONE_E_NOMEM. */
hone_status hone_batches_new(const hone_token_store *store, const hone_sampler_options *o, hone_batches **out);
void hone_batches_free(hone_batches *b); /* at any time; accepts NULL */

/* Stand before batch `number` of `epoch`, and start preparing it. At any time. HONE_E_NOMEM. */
hone_status hone_batches_begin(hone_batches *b, int64_t epoch, int64_t number);
/* The next batch, valid until the next call; NULL at the end of the epoch. Errors: those of filling it
 * (data/batch.h). */
hone_status hone_batches_next(hone_batches *b, const hone_token_batch **out);

int64_t hone_batches_announced(const hone_batches *b);            /* batches an epoch is said to have: sampler.h */
int64_t hone_batches_count(const hone_batches *b, int64_t epoch); /* the true number; walks a copy of the order */

#endif
