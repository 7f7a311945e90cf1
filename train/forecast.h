/* What a training run will take, said before it starts: steps, memory, disk. Time is measured (train/rehearsal.h).
 *
 *     hone_run_shape shape = {0};
 *     HONE_TRY(hone_forecast_walk(m, data, o, &start, &shape));       every batch of the run, without computing any
 *     HONE_TRY(hone_forecast_measure(m, data, o, &shape, &fit));      a few hundred tokens forward and backward
 *     hone_forecast_memory(m, data, o, &shape, &fit, evaluation, &memory);
 *
 * Memory of one pass grows by its tokens, every sequence having what a layer keeps for each of its tokens, and by rows
 * and squared rows where the loss compares rows with each other:
 *
 *     encoder(T) = a + b T, of which the walk back reads forward(T)        loss(B) = c B + d B^2
 *
 *     plain: the larger of encoder(T) and forward(T) + loss(B), for the walk back through the loss frees what that took;
 *     chunked: and the cache, and where no tape waits for the loss, the larger of encoder(T) and loss(B)
 *
 * with T of the largest batch (or chunk) that the sampler will really give, and a, b, c, d from two small passes each
 * in an empty arena. Gradients of parameters that are lent (train/pass.h) lie in that arena, too, most of them where
 * activations were: encoder(T) is then at least the line through two small passes with lent gradients. */
#ifndef HONE_TRAIN_FORECAST_H
#define HONE_TRAIN_FORECAST_H

#include "base/machine.h"
#include "train/checkpoint.h"
#include "train/pass.h"
#include "train/train.h"

enum { HONE_SHAPE_SAMPLES = 4 };

/* A batch of the run: its rows. */
typedef struct hone_shape_batch {
    int64_t *rows; /* owned by the shape */
    int64_t n, tokens;
} hone_shape_batch;

typedef struct hone_run_shape {
    hone_train_plan plan;
    int64_t done;                   /* optimiser steps that a resumed run has behind it */
    int64_t steps, batches, epochs; /* still to come; epochs: how many ends of one */
    double rows, tokens;            /* of all batches to come */
    double work;                    /* floating-point operations of their passes, attention weighed by its speed */
    double table_rows;              /* rows of the word table that hold moments, summed over the steps to come */
    int64_t words;                  /* rows of it that the run touches at all */
    uint64_t table_bytes;           /* pages that these are, of one copy of the table */
    int64_t most_rows, most_tokens; /* of any batch */
    int64_t pass_tokens;            /* the largest pass: a whole batch, or the largest chunk of any */
    bool pass_kept;                 /* its tape is still there when the loss is computed */
    int64_t kept_tokens;            /* the largest pass of which that is true; 0: none */
    hone_shape_batch largest;       /* the batch that it is in */
    hone_shape_batch sample[HONE_SHAPE_SAMPLES]; /* batches from the beginning, the middle and so on of the run */
    int n_samples;
    bool pending; /* a signal broke off the evaluation of where the run stands: it comes once more */
    bool whole;   /* every batch was looked at; false: a very long run, the rest is like the part that was */
} hone_run_shape;

/* From the state where the run starts ({0}: the beginning; of a checkpoint: step, epoch, batch). Costs about 20 ns a
 * token of the first epoch and 20 ns a row of the others. *out is {0} or of an earlier call. HONE_E_NOMEM, and the
 * sampler's refusals. */
hone_status hone_forecast_walk(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                               const hone_train_state *start, hone_run_shape *out);
void hone_run_shape_free(hone_run_shape *s); /* frees and zeroes; accepts {0} */

/* Floating-point operations of a forward and backward pass over these sequences: 3 forwards, and another of the share
 * that the gradient cache embeds twice. squares: of their lengths, summed. */
double hone_forecast_work(const hone_model *m, double tokens, double squares, double twice);
/* That share of a batch of so many tokens. */
double hone_forecast_twice(const hone_chunks *c, double tokens);

/* The numbers from above, in bytes, and the same of the scratch memory that a pass needs beside. */
typedef struct hone_forecast_fit {
    double fixed, token, forward_fixed, forward_token, row, row2;
    double scratch_fixed, scratch_token;
    double lent_fixed, lent_token; /* the step arena of a pass whose gradients lie in it */
    uint64_t largest;              /* not 0: the step arena after the largest pass itself, measured by a rehearsal */
} hone_forecast_fit;

/* Never too small: from the model's sizes alone. */
void hone_forecast_bound(const hone_model *m, hone_forecast_fit *out);
/* By small passes over rows of the largest batch. Gradients are where the run will have them, and forgotten afterwards;
 * weights stay as they are. */
hone_status hone_forecast_measure(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                  const hone_run_shape *s, hone_forecast_fit *out);

/* Bytes. now + gradients + optimizer + activations + batches + the larger of evaluation and saving = the peak. */
typedef struct hone_memory_forecast {
    hone_machine_memory machine;
    uint64_t now;                  /* in memory already: the program, rows, tokens, weights */
    uint64_t weights;              /* of these */
    uint64_t tokens;               /* of these */
    uint64_t gradients, optimizer; /* gradients: those with memory of their own */
    uint64_t activations;          /* step arena, scratch, and with chunks the cache and the matrices laid out */
    uint64_t batches;              /* sampler and two batches */
    uint64_t evaluation, saving;
    uint64_t peak;    /* resident */
    uint64_t address; /* address space: what RLIMIT_AS counts; memory that is asked for and not touched is in it */
    uint64_t arena;   /* of the activations, the step arena: hone_train_options.step_bytes */
} hone_memory_forecast;

/* evaluation: what an evaluation takes beside the step arena. Call it before anything of the run is allocated. */
void hone_forecast_memory(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                          const hone_run_shape *s, const hone_forecast_fit *fit, uint64_t evaluation,
                          const hone_machine_memory *machine, hone_memory_forecast *out);
bool hone_forecast_fits(const hone_memory_forecast *f);

/* HONE_E_NOMEM for a run that cannot fit, with both numbers and, as hint, a --batch-size (with --accumulate, where rows
 * do not see each other) or a --chunk that fits by the same sum. Measures only when the bound does not fit into half of
 * the memory; then *step_bytes is the step arena's size, else 0. */
hone_status hone_forecast_check(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                const hone_run_shape *s, uint64_t evaluation, size_t *step_bytes);
/* The same for a forecast that is made: HONE_OK when it fits. */
hone_status hone_forecast_refuse(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                 const hone_run_shape *s, const hone_forecast_fit *fit, uint64_t evaluation,
                                 const hone_memory_forecast *f);

/* ---- disk ---- */

typedef struct hone_disk_forecast {
    uint64_t model;      /* bytes of one model folder: best_model, final_model */
    uint64_t checkpoint; /* of one checkpoint */
    int64_t checkpoints; /* there at a time, the one being written among them */
    int64_t saves;       /* checkpoints written in all */
    uint64_t log;
    uint64_t total, least; /* least: final_model and best_model alone */
    uint64_t free;         /* at out, or the nearest folder above it that exists; UINT64_MAX: not known */
} hone_disk_forecast;
void hone_forecast_disk(hone_model *m, const hone_train_options *o, const hone_run_shape *s, hone_disk_forecast *out);

/* How many evaluations are to come. */
int64_t hone_forecast_evaluations(const hone_train_options *o, const hone_run_shape *s);

#endif
