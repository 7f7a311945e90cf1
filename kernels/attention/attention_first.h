/* Attention of one (sequence, head) for the sequence's first row alone, when nobody reads the others (CLS pooling): the
 * formulas of attention.h with one query.
 *
 *   q [d]; k, v [T, d], rows ld apart; o [d]; p [T]: softmax(scale K q), before dropout, kept for backward
 *   drop: the draws that row 0 has in attention.h with task 0; threshold 0 = off
 *   scratch [T]. T >= 1.
 * One vector times a matrix, twice: too little work to need rows of their own; plain loops for both types. */
#ifndef HONE_KERNELS_ATTENTION_FIRST_H
#define HONE_KERNELS_ATTENTION_FIRST_H
#include "kernels/kernel.h"

void hone_attention_first_f32_fwd(int64_t T, int64_t d, float scale, const float *q, const float *k, const float *v,
                                  int64_t ld, const hone_dropout *drop, float *o, float *p, float *scratch);
void hone_attention_first_f64_fwd(int64_t T, int64_t d, double scale, const double *q, const double *k, const double *v,
                                  int64_t ld, const hone_dropout *drop, double *o, double *p, double *scratch);
/* dq [d], dk, dv [T, d] (rows ld apart): overwritten. */
void hone_attention_first_f32_bwd(int64_t T, int64_t d, float scale, const float *q, const float *k, const float *v,
                                  int64_t ld, const hone_dropout *drop, const float *p, const float *dout, float *dq,
                                  float *dk, float *dv, float *scratch);
void hone_attention_first_f64_bwd(int64_t T, int64_t d, double scale, const double *q, const double *k, const double *v,
                                  int64_t ld, const hone_dropout *drop, const double *p, const double *dout, double *dq,
                                  double *dk, double *dv, double *scratch);
#endif
