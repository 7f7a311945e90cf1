/* What `hone train` holds between reading its options and the first step; shared by its files alone. */
#ifndef HONE_TOOLS_TRAIN_JOB_H
#define HONE_TOOLS_TRAIN_JOB_H

#include "data/batch.h"
#include "data/split.h"
#include "tools/judge.h"
#include "tools/labels.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/train_notes.h"
#include "train/train.h"

typedef struct hone_train_rows {
    hone_table *table;
    hone_roles roles;
    hone_texts texts;
    hone_labels labels;
} hone_train_rows;

typedef struct hone_train_job {
    hone_train_rows train, eval; /* eval.table NULL: none, or split off train */
    hone_split split;            /* --eval-split */
    hone_model *model;
    hone_token_store store;
    hone_judge *judge; /* NULL: nothing to judge by */
    hone_judge_options judging;
    json_t *resolved, *also; /* for run.json; what a resumed run must have the same */
    hone_loss_options loss_options;
    int32_t skip[2 + HONE_MAX_NEGATIVES]; /* prompt tokens that pooling leaves out, by group */
    hone_train_notes notes;
    hone_train_twins twins;
    hone_progress progress;
    bool quiet, was_finished;
} hone_train_job;

/* run.json: what somebody needs to run this again, and to know that it was this. NULL: no memory. */
json_t *hone_train_describe(const hone_options *o, const hone_loss *loss, const hone_train_job *j);

#endif
