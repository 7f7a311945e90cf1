/* AdamW over a parameter registry, with clipping by the global norm.
 *
 *     hone_optim *o;  hone_optim_new(params, &config, &o);
 *     each step:  hone_optim_catch_up(o, table, ids, n)   before the forward: the rows it will read
 *                 … forward, backward …
 *                 hone_optim_step(o, lr, &norm)   clip, update, forget the gradients
 *
 * Update: kernels/adamw/adamw.h. Weight decay spares biases and norm parameters (transformers' trainer). A parameter
 * that got no gradient is left alone, decay included (torch: grad is None). So are frozen parts (nn/param.h), and the
 * norm does not count them; a part with a rate of its own is updated with lr times that, decay included (a parameter
 * group of torch). Bias correction goes by the updates of the optimiser, where torch counts each parameter's own: the
 * two differ for a parameter that had no gradient in an earlier step.
 *
 * Embedding tables. A row no batch has touched has m = v = 0, so its dense update is only the multiplication by 1 - lr
 * wd. Those multiplications are put off and made when the row is next needed, one by one in the same order and
 * rounding: the table's values are the same bits as if every row had been updated at every step. A row once touched is
 * updated at every step. */
#ifndef HONE_NN_OPTIM_H
#define HONE_NN_OPTIM_H

#include "nn/param.h"

/* Usual values behind the fields; zeros are not filled in. */
typedef struct hone_optim_config {
    double beta1, beta2, eps, weight_decay; /* 0.9, 0.999, 1e-8, 0.01 */
    double clip;                            /* largest global gradient norm; 0 = no clipping */
} hone_optim_config;

/* Moments and counters of one registry. */
typedef struct hone_optim hone_optim;

/* The registry must have gradients and the numbers be within their ranges (0 <= beta < 1, others and rates 0 or more;
 * HONE_E_ARG); it must outlive the optimiser; frozen parts and rates are read here. HONE_E_NOMEM. */
hone_status hone_optim_new(hone_params *ps, const hone_optim_config *config, hone_optim **out);
void hone_optim_free(hone_optim *o); /* accepts NULL */

/* Bring the rows ids[0..n) (or, with ids NULL, every row) of `table` up to date. HONE_E_NOMEM. */
hone_status hone_optim_catch_up(hone_optim *o, const hone_tensor *table, const int32_t *ids, int64_t n);
/* Every table, every row: before saving or evaluating. HONE_E_NOMEM. */
hone_status hone_optim_catch_up_all(hone_optim *o);

/* sqrt(sum g^2) over all gradients, in double, in a fixed order; not finite if any gradient is not. HONE_E_NOMEM. */
hone_status hone_optim_grad_norm(hone_optim *o, double *norm);
/* Scale gradients by min(1, clip / (norm + 1e-6)), update everything with learning rate lr, forget the gradients.
 * norm: what hone_optim_grad_norm gave; the caller has seen that it is finite. HONE_E_ARG (lr below 0 or not finite),
 * HONE_E_NOMEM: nothing was updated. */
hone_status hone_optim_step(hone_optim *o, double lr, double norm);

int64_t hone_optim_steps(const hone_optim *o); /* updates made so far */

/* ---- state, for checkpoints ---- */

/* Moments of parameter i, as many elements as its tensor; NULL when frozen. */
void *hone_optim_m(hone_optim *o, int64_t i);
void *hone_optim_v(hone_optim *o, int64_t i);
/* [V] of a table, else NULL. -1: touched before; else decays applied so far */
int32_t *hone_optim_row_step(hone_optim *o, int64_t i);
/* Decay factors of the updates so far, [steps, columns]: a column for each rate that tables have; *n of them in all. */
const float *hone_optim_decays(const hone_optim *o, int64_t *n);
int64_t hone_optim_decay_columns(const hone_optim *o);
/* Restore the counters (moments and row steps are written through the pointers above); n = steps * columns,
 * else HONE_E_FORMAT; HONE_E_NOMEM. */
hone_status hone_optim_restore(hone_optim *o, int64_t steps, const float *decays, int64_t n);

#endif
