/* Matrix multiplication with operands rounded to bfloat16, sums in f32:  C (+)= act(bf16(op(A)) bf16(op(B)) + bias).
 * Arguments as for hone_matmul_f32 (tensor/matmul.h), all of them f32 in memory; rounding happens while packing.
 *
 *   op(A) [M, K]: trans_a false: a[m * lda + k], true: a[k * lda + m]
 *   op(B) [K, N]: trans_b false: b[k * ldb + n], true: b[n * ldb + k]     (a Linear's weight [out, in] is trans_b)
 *   c     [M, N], row stride ldc; accumulate: added to what is there (then bias, act and pre must be absent)
 *   bias  [N] or NULL;   act: applied last;   pre: [M, N], stride ldc, receives the value before act, or NULL
 * The three products of training: X W^T is trans_b, dY W neither, dY^T X trans_a.
 *
 * Rounding to bf16 keeps 8 bits of a product's factors: each term is off by at most 2^-8 of its size. The sums run as
 * vdpbf16ps runs them (kernels/dot/dot_bf16.h), in chains of at most 768 terms: before the activation the bits are the
 * same for every instruction set, and a row of C has the same bits whatever the other rows, the columns, the leading
 * dimensions and the threads are. NaN and infinities propagate; denormal operands count as zeros; values of more
 * than 3.39e38 become infinity. No aliasing of c or pre with inputs. K = 0 gives bias (or 0). Errors: HONE_E_NOMEM. */
#ifndef HONE_TENSOR_MATMUL_BF16_H
#define HONE_TENSOR_MATMUL_BF16_H

#include "base/status.h"
#include "kernels/kernel.h"

/* The fields are those of the head of the page. */
typedef struct hone_matmul_bf16_args {
    int64_t M, N, K;
    bool trans_a, trans_b;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    const uint32_t *packed_b; /* op(B) from hone_matmul_bf16_pack, then b is not read; or NULL */
    float *c;
    int64_t ldc;
    const float *bias;
    hone_act act;
    float *pre;
    bool accumulate;
} hone_matmul_bf16_args;

/* C (+)= act(bf16(op(A)) bf16(op(B)) + bias). */
hone_status hone_matmul_bf16(const hone_matmul_bf16_args *m);
/* op(B) [K, N] rounded and laid out as the kernels read it, for an operand that is used many times between changes. The
 * layout depends on N, K and the kernel row in use: same process only. Results have the same bits as without packing.
 *   out  hone_matmul_bf16_packed_count(N, K) words, 64-byte aligned for speed */
int64_t hone_matmul_bf16_packed_count(int64_t N, int64_t K);
hone_status hone_matmul_bf16_pack(int64_t N, int64_t K, bool trans_b, const float *b, int64_t ldb, uint32_t *out);
/* Whether this machine multiplies bf16 faster than f32; elsewhere the results are the same and nothing is won. */
bool hone_matmul_bf16_is_native(void);

#endif
