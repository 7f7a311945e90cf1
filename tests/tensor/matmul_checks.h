/* What the f32 and the bf16 products promise alike beside the product itself; each returns how many cases it checked,
 * and leaves the number of threads as asked. The caller has forced a kernel row. */
#ifndef HONE_TESTS_MATMUL_CHECKS_H
#define HONE_TESTS_MATMUL_CHECKS_H
#include "tensor/matmul.h"

typedef hone_status product_fn(const hone_matmul_args *m);

/* c = (a b) act'(x) and x = act(x), against the plain product followed by the kernels: the same bits. */
int check_through(product_fn *product, const char *row, int64_t M, int64_t N, int64_t K, hone_act act, int threads);
/* Sums over k of op(A) beside the product: exact on integers, whatever the tiles, the chains, the passes and the
 * threads. */
int check_sum_a(product_fn *product, int64_t M, int64_t N, int64_t K, int threads);

#endif
