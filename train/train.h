/* The training loop.
 *
 *     each optimiser step:  `accumulate` batches:  encode -> loss -> backward
 *                           clip, AdamW, schedule                     (nn/optim.h, nn/schedule.h)
 *                           one line in log.jsonl
 *     every epoch or N steps: evaluation (best_model/ if it is the best so far), checkpoint
 *     at the end: final_model/
 *
 * The loop knows a model as parameters and an encoder (models/model.h), a loss as a function of embeddings
 * (losses/loss.h), data as packed batches (data/batches.h) and an evaluation as a callback: a new model, loss or task
 * needs no change here.
 *
 * The order of rows, dropout and every sum depend on the seed and the options alone: the same run gives the same bits
 * at any number of threads, and after any number of stops and resumes. */
#ifndef HONE_TRAIN_TRAIN_H
#define HONE_TRAIN_TRAIN_H

#include "base/json.h"
#include "data/batches.h"
#include "losses/loss.h"
#include "models/model.h"
#include "nn/optim.h"
#include "nn/schedule.h"

#include <signal.h>

/* Judge the model as it stands (HONE_E_STOPPED: a signal came, and the run saves and ends): a new JSON object
 * {"accuracy@1": 0.61, …} into *metrics and the number that decides which model is best (higher is better; NaN: not
 * defined, kept as -DBL_MAX) into *primary. */
typedef struct hone_evaluation {
    hone_status (*run)(void *ctx, hone_model *m, hone_graph *g, json_t **metrics, double *primary);
    void *ctx;
} hone_evaluation;

/* What the loop tells whoever shows progress. */
typedef struct hone_train_report {
    int64_t step, total_steps;
    /* epochs done, the step's mean loss, rate, norm before clipping, milliseconds */
    double epoch, loss, lr, grad_norm, ms;
    int64_t tokens;        /* of the step */
    const json_t *metrics; /* set: this is an evaluation */
    const char *note;      /* set: a sentence for the user (a skipped update, a warning, a checkpoint taken up) */
    bool skipped;          /* a step whose loss or gradient was not finite: nothing was updated */
} hone_train_report;

/* A run. Fields without a default in their comment must be filled in. */
typedef struct hone_train_options {
    const char *out;                /* folder; created */
    const hone_loss *loss;          /* one of losses/loss.h, or your own */
    hone_loss_options loss_options; /* taken as they are: fill in the loss's defaults */
    double epochs;                  /* passes over the data; used when steps is 0 */
    int64_t steps;                  /* optimiser steps; 0 = from epochs */
    int64_t batch_size, accumulate; /* rows of a batch, batches of an optimiser step; both 1 or more */
    /* gradient cache: larger batches are computed in the memory of this many rows (train/pass.h); 0: never */
    int64_t chunk;
    double lr;              /* the highest rate */
    double warmup;          /* below 1: share of all steps (rounded up); else steps */
    hone_schedule schedule; /* 0: linear */
    hone_optim_config optim;
    uint64_t seed;                             /* of order, dropout and sampling */
    bool no_shuffle, no_duplicates, drop_last; /* data/sampler.h */
    int64_t eval_every, save_every;            /* optimiser steps; 0 = every epoch; -1 = never */
    int64_t keep;                              /* checkpoints kept; 0 = all */
    bool resume;                               /* go on from the newest checkpoint in `out`, if there is one */
    /* the step arena's first block, when a forecast knows (train/forecast.h); 0: 16 MiB, and it grows */
    size_t step_bytes;
    const hone_evaluation *evaluation; /* NULL: none; then the last model is the best */
    int64_t patience;                  /* stop after so many evaluations in a row without a new best; 0: never */
    const json_t *options;             /* resolved command line for run.json (borrowed); NULL: none */
    uint64_t fingerprint;              /* of the data: a resumed run must have the same */
    /* sentences to be told when the run begins, not when it is taken up; NULL-terminated; NULL: none */
    const char *const *notes;
    /* more that a resumed run must have the same, by name (borrowed); NULL: nothing */
    const json_t *also;
    const volatile sig_atomic_t *stop; /* not NULL and not 0: save and return HONE_E_STOPPED after this step */
    void (*report)(void *ctx, const hone_train_report *r); /* NULL: silent */
    void *ctx;
} hone_train_options;

/* What to train on. */
typedef struct hone_train_data {
    const hone_token_store *store; /* tokenised rows: group 0 anchors, 1 positives, … */
    const hone_texts *texts;       /* their text numbers, for duplicate-free batches */
    const int64_t *rows;           /* [n] rows to train on; NULL: all */
    int64_t n;
    /* By row number, borrowed; what the loss needs (losses/loss.h), else NULL. */
    const double *score;  /* the loss sees them in f32 */
    const int32_t *group; /* classes 0 .. n_groups-1; of in-batch losses also -1 */
    int64_t n_groups;
    /* For messages and warnings alone; NULL: not known. Rows with the same number >= 0 (an id, say) mean the same
     * thing. */
    const hone_table *table; /* the rows' numbers in their file */
    const int32_t *twin;
    int64_t n_twins;
    const char *twin_name; /* of the column */
    const int32_t *skip;   /* [groups] tokens of each group's prompt that pooling leaves out; NULL: none */
} hone_train_data;

/* How it went: steps made, of the best model and skipped; the deciding metric before training and at its best. */
typedef struct hone_train_result {
    bool was_finished;                 /* --resume of a run that had ended: nothing was done */
    int64_t steps, best_step, skipped; /* best_step -1: nothing was judged */
    double first_metric, best_metric, last_loss, seconds;
} hone_train_result;

/* Train m (opened with .train, in F32: else HONE_E_ARG, HONE_E_DTYPE). `result` may be NULL. Afterwards no gradients
 * are left, and m may have no memory of its own for them (hone_pass_place_grads; hone_params_own_grads gives it
 * back). Errors: HONE_E_IO (the last checkpoint is intact), HONE_E_FORMAT for weights that are NaN or infinite before
 * training, HONE_E_NUMERIC after five steps in a row without a finite loss and gradient (the first bad operation, its
 * parameter and the last good checkpoint are named), or when an update made weights infinite (nothing of them is
 * saved), HONE_E_STOPPED after a stop (checkpoint written), HONE_E_ARG for numbers that no run can have, rows of
 * other texts than the loss takes, when a loss lacks its scores or classes or does not take one of them (NaN, a label
 * that is not 0 or 1, a class outside of n_groups; the row is named), and when resuming with options that would
 * change the result (named). */
hone_status hone_train_run(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                           hone_train_result *result);

/* How rows become batches, batches epochs, and epochs a run. */
typedef struct hone_train_plan {
    int64_t batches_per_epoch;                          /* as announced (data/sampler.h) */
    int64_t steps_per_epoch, total_steps, warmup_steps; /* optimiser steps */
} hone_train_plan;
hone_train_plan hone_train_plan_of(const hone_train_options *o, int64_t announced_batches);
/* The sampler of this run over these rows; everything in it is borrowed from data. */
hone_sampler_options hone_train_sampler(const hone_train_options *o, const hone_train_data *data);

/* What rows cannot be trained on names their file: s, and for HONE_E_FORMAT without a file also the table's path. */
hone_status hone_train_blame(const hone_train_data *data, hone_status s);

/* HONE_E_ARG when o->out already holds a run and this one does not resume it; or when it has no log.jsonl, yet a
 * best_model, final_model or (unless to be resumed, which asks for the log itself) checkpoints, which a run would
 * replace and prune. HONE_E_IO when it cannot be listed. */
hone_status hone_train_check_out(const hone_train_options *o);

/* A model that holds NaN or infinity cannot be trained: HONE_E_FORMAT, with the tensor named. Refused before the run's
 * first file is written. */
hone_status hone_train_check_model(hone_model *m, const hone_train_options *o);

/* Whether the run in o->out is this run, so that --resume would go on with it: HONE_E_ARG with the option named that
 * differs. plan: of this run. Reads, and changes nothing. HONE_OK where nothing is to be resumed. *finished: the
 * steps of a run that has ended, where nothing is left to do; -1 of another. */
hone_status hone_train_check_resume(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                    const hone_train_plan *plan, int64_t *finished);

/* Optimiser steps of the whole run; batches by class (data/sampler.h) may make fewer. */
int64_t hone_train_total_steps(const hone_train_options *o, int64_t rows);

#endif
