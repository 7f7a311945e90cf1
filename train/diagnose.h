/* What a number that is NaN or infinite is told as: the operation, its parameter by its published name, how many
 * values, which row.
 *
 *     NaN first appears in the forward pass, in linear of encoder.layer.3.attention.self.query.weight:
 *     12 of 6144 values of its result, the first at [40, 2] (row 14 of the data)
 *
 *     encoder.layer.0.output.dense.bias itself holds NaN: 1 of 384 values, the first at [7] */
#ifndef HONE_TRAIN_DIAGNOSE_H
#define HONE_TRAIN_DIAGNOSE_H

#include "data/batch.h"
#include "train/pass.h"

/* The sentence (without a full stop) for what f has found while p worked on batch b; b and data for the row's number.
 */
void hone_diagnose(const hone_finite *f, hone_model *m, const hone_pass *p, const hone_token_batch *b,
                   const hone_train_data *data, const char *loss, char *out, size_t n);

/* Every value of every parameter is finite, and (o not NULL) every moment of the optimiser; else `code` with the first
 * one named. A pass over the memory: 10 ms for 23 million weights. */
hone_status hone_diagnose_weights(hone_params *ps, hone_optim *o, hone_status code);

#endif
