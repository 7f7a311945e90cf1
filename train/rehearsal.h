/* How long a training run will take: a few of its own steps, really computed, and the sum over all the others.
 *
 *     pass:    seconds = p + q * work            work of hone_forecast_work, fitted on batches of several sizes
 *     update:  seconds = u * elements            weights, and the rows of tables that hold moments by then
 *     run:     sum over the passes and updates that hone_forecast_walk has counted
 *
 * 10 passes, or as many as a second holds, within about BUDGET seconds: batches that are too long for that are cut.
 * Nothing is written; the model is changed a little and must not be used for anything else afterwards. */
#ifndef HONE_TRAIN_REHEARSAL_H
#define HONE_TRAIN_REHEARSAL_H

#include "train/forecast.h"

typedef struct hone_rehearsal_evaluation {
    const hone_evaluation *sample; /* an evaluation of some of the rows; NULL: there are none */
    double scale;                  /* tokens of all by tokens of these */
    double flops, compared;        /* of the search among all: 2 q d D, and q d */
} hone_rehearsal_evaluation;

/* Every time twice: of the wall's clock, and processor time of all threads, which a busy neighbour does not change. */
typedef enum hone_clock { HONE_CLOCK_WALL = 0, HONE_CLOCK_CPU, HONE_CLOCKS } hone_clock;
double hone_clock_seconds(hone_clock c); /* since some moment */

typedef struct hone_rehearsal {
    int64_t passes;                              /* computed */
    double pass[HONE_CLOCKS], work[HONE_CLOCKS]; /* p, q */
    double element[HONE_CLOCKS];                 /* u */
    double training[HONE_CLOCKS];                /* seconds of all steps to come */
    double evaluation[HONE_CLOCKS];              /* seconds of one */
    double seconds;                              /* that the rehearsal took */
    uint64_t arena;                              /* step arena after the largest pass of the run; 0: it was cut */
} hone_rehearsal;

/* largest: the run's largest batch may be computed (it fits). Gradients need not be allocated before: the model was
 * opened with .train. */
hone_status hone_rehearse(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                          const hone_run_shape *s, bool largest, const hone_rehearsal_evaluation *evaluation,
                          hone_rehearsal *out);

#endif
