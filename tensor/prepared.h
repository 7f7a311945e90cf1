/* A Linear's weight laid out once for the kernels that will read it: for inference, where weights do not change.
 *
 * Panels as hone_matmul_f32 reads them (the same bits as from the plain weight, and twice as fast for a single query),
 * or 8-bit integers (tensor/matmul_int8.h), or bf16. A tensor with `prepared` set may have no data any more. In
 * training the plain weight is packed where it is used: once per step and form, the work that packing after the update
 * would be, without holding two more copies of the weights. */
#ifndef HONE_TENSOR_PREPARED_H
#define HONE_TENSOR_PREPARED_H

#include "tensor/matmul_int8.h"

/* The number format of Linear products. */
typedef enum hone_precision {
    HONE_PRECISION_F32 = 0,
    HONE_PRECISION_BF16, /* operands rounded to bf16, sums in f32 */
    HONE_PRECISION_INT8, /* inference only */
    HONE_PRECISION_COUNT
} hone_precision;

const char *hone_precision_name(hone_precision p); /* "f32", … */

/* W [N, K] laid out for one precision; the pointer of the others is NULL. */
typedef struct hone_prepared {
    hone_precision precision;
    int64_t N, K;
    const float *f32;     /* panels of W^T, or NULL */
    const uint32_t *bf16; /* panels of W^T in pairs, or NULL */
    hone_matmul_int8_weight int8;
} hone_prepared;

/* w [N, K], rows of K; everything that is made lives in `arena`, w is not needed afterwards. On all threads.
 * Errors: HONE_E_NOMEM; those of hone_matmul_int8_pack. */
hone_status hone_prepare(hone_arena *arena, hone_precision precision, int64_t N, int64_t K, const float *w,
                         const hone_prepared **out);

/* c [M, N] = act(a W^T + bias), rows of a and c without gaps; pre [M, N] receives the value before act, or NULL (not
 * for int8: it has no backward that would ask). On all threads. HONE_E_NOMEM. */
hone_status hone_prepared_linear(const hone_prepared *w, int64_t M, const float *a, const float *bias, hone_act act,
                                 float *pre, float *c);

#endif
