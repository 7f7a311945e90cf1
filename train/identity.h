/* What must stay the same for a resumed run to give the same bits, as a JSON object that a checkpoint keeps. Threads,
 * logging and saving may change. The first entry that differs is the one named: so what the caller adds (o->also),
 * which is nearer to the command line, comes before the sums that follow from it. */
#ifndef HONE_TRAIN_IDENTITY_H
#define HONE_TRAIN_IDENTITY_H

#include "train/train.h"

#include <jansson.h>

/* total, warmup: optimiser steps. The weights are read: before the first step. *out is the caller's. HONE_E_NOMEM. */
hone_status hone_train_identity(hone_model *m, const hone_train_data *data, const hone_train_options *o, int64_t total,
                                int64_t warmup, json_t **out);

#endif
