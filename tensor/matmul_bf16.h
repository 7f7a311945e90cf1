/* Matrix multiplication with operands rounded to bfloat16, sums in f32:  C (+)= act(bf16(op(A)) bf16(op(B)) + bias).
 * The arguments are those of hone_matmul_f32 (tensor/matmul.h), all of them f32 in memory; rounding happens while
 * packing. The three products of training: X W^T is trans_b, dY W neither, dY^T X trans_a. sum_a adds what was not
 * rounded.
 *
 * Rounding to bf16 keeps 8 bits of a product's factors: each term is off by at most 2^-8 of its size. The sums run as
 * vdpbf16ps runs them (kernels/dot/dot_bf16.h), in chains of at most 768 terms: before the activation the bits are the
 * same for every instruction set, and a row of C has the same bits whatever the other rows, the columns, the leading
 * dimensions and the threads are. NaN and infinities propagate; denormal operands count as zeros; values of more
 * than 3.39e38 become infinity. No aliasing of c or pre with inputs. K = 0 gives bias (or 0). Errors: HONE_E_NOMEM. */
#ifndef HONE_TENSOR_MATMUL_BF16_H
#define HONE_TENSOR_MATMUL_BF16_H

#include "tensor/matmul.h"

/* C (+)= act(bf16(op(A)) bf16(op(B)) + bias). */
hone_status hone_matmul_bf16(const hone_matmul_args *m);
/* Several in one call, as hone_matmul_f32_all. */
hone_status hone_matmul_bf16_all(int count, const hone_matmul_args *m);
/* op(B) [K, N] rounded and laid out as the kernels read it, for an operand that is used many times between changes. The
 * layout depends on N, K and the kernel row in use: same process only. Results have the same bits as without packing.
 *   out  hone_matmul_bf16_packed_count(N, K) words, 64-byte aligned for speed */
int64_t hone_matmul_bf16_packed_count(int64_t N, int64_t K);
hone_status hone_matmul_bf16_pack(int64_t N, int64_t K, bool trans_b, const float *b, int64_t ldb, uint32_t *out);
/* Whether this machine multiplies bf16 faster than f32; elsewhere the results are the same and nothing is won. */
bool hone_matmul_bf16_is_native(void);

#endif
