/* Embedding lookup and its gradient.
 *   gather:   y[t] (+)= table[ids[t]],  t = 0..T-1            table [V, C], y [T, C]
 *   scatter:  dtable[ids[t]] += dy[t], in order of t, for the columns c0 <= c < c1 only (the caller splits columns over
 *             threads, so that rows met twice are summed in index order at any thread count)
 * Ids were checked by the caller: 0 <= id < V. */
#ifndef HONE_KERNELS_EMBEDDING_H
#define HONE_KERNELS_EMBEDDING_H
#include "kernels/kernel.h"

typedef void hone_embedding_f32_gather_fn(int64_t T, int64_t C, const int32_t *ids, const float *table, float *y,
                                          bool add);
typedef void hone_embedding_f64_gather_fn(int64_t T, int64_t C, const int32_t *ids, const double *table, double *y,
                                          bool add);
typedef void hone_embedding_f32_scatter_fn(int64_t T, int64_t C, int64_t c0, int64_t c1, const int32_t *ids,
                                           const float *dy, float *dtable);
typedef void hone_embedding_f64_scatter_fn(int64_t T, int64_t C, int64_t c0, int64_t c1, const int32_t *ids,
                                           const double *dy, double *dtable);
#endif
