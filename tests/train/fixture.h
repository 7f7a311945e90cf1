/* A training run as a golden case describes it: model, data, options. */
#ifndef HONE_TESTS_TRAIN_FIXTURE_H
#define HONE_TESTS_TRAIN_FIXTURE_H

#include "train/train.h"

typedef struct fixture {
    hone_model *model;
    hone_table *table;
    hone_texts texts;
    hone_token_store store;
    double *score;              /* of scored rows */
    hone_texts label;           /* of labelled and grouped rows: of[row] is the class */
    hone_train_options options; /* the caller sets out */
} fixture;

/* c: {"model", "data", "loss", "batch_size", "epochs", "lr", "warmup", "schedule", "weight_decay", "clip",
 * "accumulate", "distance", "margin", "task", "scale", "matryoshka", "group", "freeze", "lr_scale"}; rows in the file's
 * order, no dropout, no evaluation, no checkpoints. Fails the test on error. */
fixture fixture_open(const json_t *c);
/* hone_train_run on it. */
hone_status fixture_train(fixture *f, hone_train_result *result);
void fixture_close(fixture *f);
/* In dir/state.json `from`, which is there, becomes `to`; its checksum is made good again when `seal`. */
void fixture_edit_state(const char *dir, const char *from, const char *to, bool seal);

#endif
