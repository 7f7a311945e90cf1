/* Forward and backward of one batch: the embeddings, the loss on them, and the gradients added to the parameters'.
 *
 * With `chunk`, by the gradient cache: a batch of any size in the memory of `chunk` rows (tuples of texts).
 *     1. embed chunk by chunk, without a tape;            E [S, D]
 *     2. the loss on E, and its gradient;                 dE = dL/dE
 *     3. chunk by chunk again, with a tape, starting its walk back from the chunk's rows of dE.
 * The gradients are those of the plain pass up to rounding: dropout depends on seed, step, batch and chunk, so both
 * times a chunk is embedded it is embedded alike. Source: Gao et al. 2021, arXiv:2101.06983.
 *
 * Memory goes with tokens, so a chunk ends where another text would bring it above the tokens of the largest `chunk`
 * rows' worth of texts: questions of four words and answers of twenty make half as many chunks of more equal size, and
 * each reads all weights and adds to all their gradients.
 *
 * A forward pass more is a third of the time. One chunk is spared it: the one with the most tokens is embedded last in
 * 1 and first in 3, and its tape waits for the loss in between. That takes no more memory than a chunk and the loss,
 * and where chunks are many it is not done: it would win little, and the loss is what is large there. */
#ifndef HONE_TRAIN_PASS_H
#define HONE_TRAIN_PASS_H

#include "data/batch.h"
#include "train/train.h"

/* The memory that passes of one run share. */
typedef struct hone_pass hone_pass;

/* The first block of a run's step arena, unless its size is known (hone_train_options.step_bytes). */
#define HONE_STEP_BYTES ((size_t)16 << 20)

/* Where a run with these options keeps the gradients of its parameters (nn/param.h). A step of one pass is lent memory
 * for them, from what its own walk back gives up: they are 4 bytes of the 16 that each parameter would take. Sums over
 * the batches of a step (accumulate) or over chunks need their own. */
bool hone_pass_lends_grads(const hone_train_options *o);
/* Put them there; those that there are, are forgotten. HONE_E_NOMEM. */
hone_status hone_pass_place_grads(hone_model *m, const hone_train_options *o);

/* Everything is borrowed and outlives it. Of the data it reads store, skip, and what the loss needs of score and group:
 * the batches of hone_pass_run are of this store. chunk 0: never; a batch of at most `chunk` rows takes the plain way.
 * Errors: HONE_E_DTYPE for a model in F64, HONE_E_NOMEM. */
hone_status hone_pass_new(hone_model *m, hone_graph *g, const hone_train_data *data, const hone_loss *loss,
                          const hone_loss_options *options, int64_t chunk, hone_pass **out);
void hone_pass_free(hone_pass *p); /* accepts NULL */

/* How a batch is cut. */
typedef struct hone_chunks {
    int64_t n;      /* 1: the plain way */
    int64_t tokens; /* of the chunk that has the most */
    int64_t kept;   /* which one that is, where its tape waits for the loss; -1: none's does */
} hone_chunks;

/* Of the batch of rows[n], in chunks of `chunk` rows (0: never). start: the first sequence of each chunk and behind the
 * last one their number, room for n * groups + 1; NULL: unwanted. O(n). */
hone_chunks hone_pass_chunks(const hone_token_store *store, const int64_t *rows, int64_t n, int64_t chunk,
                             int64_t *start);

/* From now on look(ctx, b, E, D) sees each batch's embeddings E [S, D] before the loss does; NULL: no longer. */
typedef void hone_pass_look(void *ctx, const hone_token_batch *b, const float *e, int64_t D);
void hone_pass_set_look(hone_pass *p, hone_pass_look *look, void *ctx);
/* The sequences [*s0, *s1) of its batch that the pass computed last: where an error or hone_finite stopped it. */
void hone_pass_place(const hone_pass *p, int64_t *s0, int64_t *s1);

/* Adds share * L to *loss and share * dL/dp to the parameters' gradients. `part` numbers the batches of one optimiser
 * step, from 0; rows of tables that the batch reads must be up to date (hone_optim_catch_up). Embeddings that are not
 * finite have the loss NaN and no gradient: some losses would look past them. On the tape E is called HONE_EMBEDDINGS
 * (autograd/finite.h). Errors: those of the graph; HONE_E_LIMIT when a step has more than 65,536 batches in chunks;
 * HONE_E_ARG when the gradients are lent and this pass would have to add to them: part above 0, or several chunks. */
hone_status hone_pass_run(hone_pass *p, const hone_token_batch *b, uint64_t seed, int64_t step, int64_t part,
                          double share, double *loss);

#endif
