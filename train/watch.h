/* Warnings while training: what a run tells, once, when it goes wrong without a number being NaN. The user's page is
 * docs/diagnostics.md.
 *
 * The watch looks at numbers that the loop has anyway - losses, rates, gradient norms - and at sixteen embeddings of a
 * batch now and then. It reads and never writes: training has the same bits with it and without. What it has seen is a
 * row of numbers in the checkpoint, so a resumed run neither forgets nor repeats; all of it follows from the training's
 * bits, not from threads.
 *
 * The thresholds. W = steps / 5, from 4 to 50, is the length of a window, m the mean of a window's losses, e the
 * standard error of the difference of two windows' means, t = 4 + 8 / W (four samples give a poor estimate of e).
 *
 * - Does not move: the rates so far sum up to less than 2e-5 (under Adam a weight moves by about the rate at each step,
 *   and 2e-5 on weights of about 0.05 changes no result), and a window behind the warm-up differs from the first one by
 *   less than 3 e. Or, at any rate and W >= 10: in the second half three windows in a row are within 1 % of the
 *   first one and within 2 e, with e itself below 1 % (flat beyond the noise; a loss that is merely noisy is not
 *   called flat). Or W steps in a row have a gradient of exactly 0.
 * - Rises: m is above 1.2 times the first window's, beyond t e; or above twice the lowest one's, beyond (t + 2) e;
 *   or above 1.5 times the mean of the first four steps, beyond 3.5 e: a short run's first window may hold the rise.
 *   Not with the rows in the file's order, which may well become harder.
 * - Clipped: every step of two windows in a row has a gradient norm above 100 times --clip. Healthy runs of in-batch
 *   losses at scale 20 have norms of 3 to 20 at a clip of 1.
 * - Collapse: different texts have a mean cosine of 0.95 or more, the spread 1 - cosine is a quarter or less of what
 *   it was in the first steps (some models begin at 0.95 and are healthy), and m is above 0.9 times the first
 *   window's. Means over three looks at up to 16 texts each.
 * - False negatives, of in-batch losses: after ten steps 1 % or more of the rows stand in a batch with another row that
 *   has the same anchor, or one of whose documents is their positive, or that is their twin (hone_train_data.twin).
 *   The same are texts of the same tokens. Rows that --group keeps apart do not count; with --no-duplicates, the
 *   default, there are only twins and texts that differ in what the model does not see: case, accents, what is cut off.
 * - Constant: all scores are equal, or only one of the labels 0 and 1 occurs: there is nothing to learn from. */
#ifndef HONE_TRAIN_WATCH_H
#define HONE_TRAIN_WATCH_H

#include "data/batch.h"
#include "train/checkpoint.h"
#include "train/train.h"

typedef struct hone_watch hone_watch;

typedef struct hone_watch_run {
    int64_t step, total, warmup; /* steps: done so far, of the run, of its warm-up */
} hone_watch_run;

/* Everything but `run` is borrowed; numbers: of the run's state (train/checkpoint.h). say(ctx, sentence): called from
 * the functions below. */
hone_status hone_watch_new(const hone_train_data *data, const hone_train_options *o, const hone_watch_run *run,
                           double numbers[HONE_WATCH_NUMBERS], void (*say)(void *ctx, const char *text), void *ctx,
                           hone_watch **out);
void hone_watch_free(hone_watch *w); /* accepts NULL */

/* What the data alone show. Once a run: not when it is taken up again. */
void hone_watch_data(hone_watch *w);
/* Before a run: that, rates that are 0 in all of its steps (top_rate: the largest factor of any parameter's), and the
 * false negatives in the batches of its first ten steps, which the rows' order decides. Not for a watch that goes on to
 * a run: it counts. HONE_E_NOMEM; what hone_sampler_new refuses. */
hone_status hone_watch_preview(hone_watch *w, double top_rate);
/* A batch and its embeddings E [S, D]: the shape of hone_pass_look. Says nothing yet. */
void hone_watch_batch(void *w, const hone_token_batch *b, const float *e, int64_t D);
/* Step `step` (from 1) is done; lr: the largest rate of any parameter. A loss or norm that is not finite: it was
 * skipped. */
void hone_watch_step(hone_watch *w, int64_t step, double loss, double lr, double norm);

#endif
