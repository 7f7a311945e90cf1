/* Matrix multiplication on all threads: C (+)= act(op(A) op(B) + bias), and what backward passes want done on the way.
 *
 *   op(A) [M, K]: trans_a false: a[m * lda + k], true: a[k * lda + m]
 *   op(B) [K, N]: trans_b false: b[k * ldb + n], true: b[n * ldb + k]     (a Linear's weight [out, in] is trans_b)
 *   c     [M, N], row stride ldc; accumulate: added to what is there (then bias, act and pre must be absent)
 *   bias  [N] or NULL;   act: applied last;   pre: [M, N], stride ldc, receives the value before act, or NULL
 *   through [M, N], stride ldc, or NULL: backward through an activation, x = through being its input: c is multiplied
 *         by act'(x), and x is replaced by act(x), which the caller needs next (the activation's output is not kept).
 *         Then act stands for that activation, and bias, pre and accumulate must be absent
 *   sum_a [M] or NULL, only with trans_a: (+)= the sums over k of op(A)[m, k], added chain by chain while A is being
 *         packed (a bias gradient beside a weight gradient); add_sum_a: added to what is there
 * No aliasing of c, pre or through with inputs or each other. K = 0 gives bias (or 0). A leading dimension is >= the
 * row's length. Every element's sum over k runs in a fixed order that depends on K and the kernel row alone: a row of C
 * has the same bits whatever the other rows, the columns, the leading dimensions and the threads are. Packing buffers
 * come from the threads' scratch arenas. Errors: HONE_E_NOMEM. */
#ifndef HONE_TENSOR_MATMUL_H
#define HONE_TENSOR_MATMUL_H

#include "base/status.h"
#include "kernels/kernel.h"

/* The fields are those of the head of the page. */
typedef struct hone_matmul_args {
    int64_t M, N, K;
    bool trans_a, trans_b;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    const void *packed_b; /* op(B) from hone_matmul_pack or hone_matmul_bf16_pack, then b is not read; or NULL */
    float *c;
    int64_t ldc;
    const float *bias;
    hone_act act;
    float *pre;
    float *through;
    float *sum_a;
    bool accumulate, add_sum_a;
} hone_matmul_args;

/* The same in double. */
typedef struct hone_matmul_f64_args {
    int64_t M, N, K;
    bool trans_a, trans_b;
    const double *a;
    int64_t lda;
    const double *b;
    int64_t ldb;
    double *c;
    int64_t ldc;
    const double *bias;
    hone_act act;
    double *pre;
    bool accumulate;
} hone_matmul_f64_args;

/* C (+)= act(op(A) op(B) + bias). */
hone_status hone_matmul_f32(const hone_matmul_args *m);
/* Products m[0..count-1], each as though the ones before it were done: one may read what an earlier one writes. In one
 * parallel call: what does not touch the same memory overlaps (tensor/matmul_passes.h). The same bits. */
hone_status hone_matmul_f32_all(int count, const hone_matmul_args *m);
/* op(B) [K, N] laid out as the kernels read it, for an operand that is used many times between changes (a weight). The
 * layout depends on N, K and the kernel row in use: same process only. Results have the same bits as without packing.
 *   out  hone_matmul_packed_count(N, K) floats, 64-byte aligned for speed */
int64_t hone_matmul_packed_count(int64_t N, int64_t K);
hone_status hone_matmul_pack(int64_t N, int64_t K, bool trans_b, const float *b, int64_t ldb, float *out);

hone_status hone_matmul_f64(const hone_matmul_f64_args *m); /* plain loops: gradient checks */

#endif
