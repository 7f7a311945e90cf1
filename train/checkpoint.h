/* Checkpoints: everything a run needs to go on as if nothing had happened.
 *
 *     checkpoint_step_120/            (or checkpoint_epoch_2/)
 *         config.json, tokenizer …    the model folder, loadable by itself
 *         model.safetensors           weights
 *         optimizer.safetensors       "m.<name>", "v.<name>", "rows.<name>" of tables, "decays", and
 *                                     "p.<name>" of layers that model.safetensors does not hold (Dense)
 *         state.json                  written last: counters, best so far, place in the data and in the log; a CRC-32
 *                                     of every tensor, of every other byte of every file ("files") and, at its end, of
 *                                     itself
 *
 * Every single flipped bit is found: a CRC-32 misses none, and no byte is outside of one.
 * The folder is written under a temporary name, synced, and renamed: it is there whole or not at all. */
#ifndef HONE_TRAIN_CHECKPOINT_H
#define HONE_TRAIN_CHECKPOINT_H

#include "base/json.h"
#include "models/model.h"
#include "nn/optim.h"

/* What the warnings have seen (train/watch.h): finite, all 0 at the start. */
enum { HONE_WATCH_NUMBERS = 32 };

/* Where a run stands; what "now" means after a resume. */
typedef struct hone_train_state {
    int64_t step;         /* optimiser steps done */
    int64_t epoch, batch; /* where the data stand: next batch of this epoch */
    int64_t best_step;    /* -1: none */
    double best_metric;
    double first_metric;
    int64_t skipped;    /* updates skipped so far */
    int64_t stale;      /* evaluations since the best one */
    int64_t bad;        /* steps skipped in a row until now */
    int64_t log_offset; /* bytes of log.jsonl that belong to this state */
    int64_t judged;     /* step of the last evaluation that was done; -1: none */
    double last_loss;   /* of step `step`; NaN: it was skipped, or there is none */
    double watch[HONE_WATCH_NUMBERS];
    char version[24]; /* of Hone, that wrote it; saving writes this program's */
} hone_train_state;

/* `identity`: what must not change between stop and resume (options, data fingerprint); stored, and compared by
 * hone_checkpoint_load. HONE_E_ARG when s->step less s->skipped is not hone_optim_steps(o); HONE_E_IO (no folder of
 * that name appears; a disk that is full, or would be with this checkpoint and a tenth more, has errno ENOSPC and both
 * numbers), HONE_E_LIMIT (a path too long), HONE_E_NOMEM. */
hone_status hone_checkpoint_save(const char *dir, hone_model *m, hone_optim *o, const hone_train_state *s,
                                 const json_t *identity);

/* The newest checkpoint folder in `run` whose state and checksums hold, into dir; "" if there is none. Damaged newer
 * ones, and any whose state.json does not tell its step, are named in `passed_over` (may be NULL), one sentence a line.
 * Changes nothing. HONE_E_IO, HONE_E_NOMEM; damage is no error here. */
hone_status hone_checkpoint_newest(const char *run, char dir[4096], char *passed_over, size_t n);
/* The same without touching anything: where a resumed run would go on. *dir is "" if it would start afresh. */
hone_status hone_checkpoint_peek(const char *run, char dir[4096], hone_train_state *s);
/* Load weights, optimiser state and counters. A different identity is HONE_E_ARG with the field named; damage is
 * HONE_E_FORMAT. */
hone_status hone_checkpoint_load(const char *dir, hone_model *m, hone_optim *o, hone_train_state *s,
                                 const json_t *identity);
/* HONE_E_ARG with the first field named that differs between the identity stored in `dir` and `now`. */
hone_status hone_checkpoint_compare(const char *dir, const json_t *stored, const json_t *now);
/* The same for the identity stored in checkpoint `dir`. */
hone_status hone_checkpoint_check(const char *dir, const json_t *identity);
/* Remove what a killed run left half written in `run`: NAME.tmp, NAME.tmp-PID; NAME.old-PID, which gets its name back
 * where NAME is gone. Only for the one who is about to write there: a run that goes on has such folders, too. */
hone_status hone_checkpoint_tidy(const char *run);
/* Whether a folder of this name would be taken for a checkpoint: checkpoint_step_N, checkpoint_epoch_N. */
bool hone_checkpoint_is_name(const char *name);
/* Delete all but the newest `keep` checkpoints of a run that stands at `step`. Those whose state.json is damaged, and
 * those of later steps, which were passed over when the run was taken up, are the first to go. HONE_E_IO, HONE_E_NOMEM;
 * nothing is deleted when the step of one cannot be read for such a reason. */
hone_status hone_checkpoint_prune(const char *run, int64_t keep, int64_t step);

#endif
