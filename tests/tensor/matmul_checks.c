#include "tests/tensor/matmul_checks.h"

#include "base/parallel.h"
#include "kernels/kernels.h"
#include "tests/kernels/rows.h"

#include <stdlib.h>

static void fill(float *x, int64_t n, uint64_t seed) {
    for (int64_t i = 0; i < n; i++) x[i] = (float)case_uniform(seed, (uint64_t)i);
}

int check_through(product_fn *product, const char *row, int64_t M, int64_t N, int64_t K, hone_act act, int threads) {
    int64_t ld = N + 3;
    float *a = malloc((size_t)(M * K) * 4), *b = malloc((size_t)(K * N) * 4), *c = malloc((size_t)(M * ld) * 4),
          *x = malloc((size_t)(M * ld) * 4);
    float *plain = malloc((size_t)(M * N) * 4);
    fill(a, M * K, 3), fill(b, K * N, 4), fill(x, M * ld, 5), fill(c, M * ld, 6);
    hone_set_threads(threads);
    CHECK_OK(
        product(&(hone_matmul_args){.M = M, .N = N, .K = K, .a = a, .lda = K, .b = b, .ldb = N, .c = plain, .ldc = N}));
    CHECK_OK(product(&(hone_matmul_args){
        .M = M, .N = N, .K = K, .a = a, .lda = K, .b = b, .ldb = N, .c = c, .ldc = ld, .act = act, .through = x}));
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < ld; j++) {
            float old = (float)case_uniform(5, (uint64_t)(i * ld + j)),
                  want = (float)case_uniform(6, (uint64_t)(i * ld + j)), at = old;
            if (j < N) {
                hone_activation_f32_bwd(1, act, &old, &plain[i * N + j], &want, false);
                hone_activation_f32_fwd(1, act, &old, &at);
            }
            CHECK_MSG(c[i * ld + j] == want && x[i * ld + j] == at,
                      "%s %dx%dx%d act %d at %d, %d: %g and %g, want %g and %g", row, (int)M, (int)N, (int)K, act,
                      (int)i, (int)j, (double)c[i * ld + j], (double)x[i * ld + j], (double)want, (double)at);
        }
    free(a), free(b), free(c), free(x), free(plain);
    return 1;
}

int check_sum_a(product_fn *product, int64_t M, int64_t N, int64_t K, int threads) {
    int64_t lda = M + 5;
    float *a = malloc((size_t)(K * lda) * 4), *b = calloc((size_t)(K * N), 4), *c = malloc((size_t)(M * N) * 4),
          *sum = malloc((size_t)(M + 1) * 4);
    for (int64_t i = 0; i < K * lda; i++) a[i] = (float)(int)(case_uniform(9, (uint64_t)i) * 8.99);
    for (int add = 0; add < 2; add++) {
        for (int64_t i = 0; i <= M; i++) sum[i] = 1000;
        hone_set_threads(threads);
        CHECK_OK(product(&(hone_matmul_args){.M = M,
                                             .N = N,
                                             .K = K,
                                             .trans_a = true,
                                             .a = a,
                                             .lda = lda,
                                             .b = b,
                                             .ldb = N,
                                             .c = c,
                                             .ldc = N,
                                             .sum_a = sum,
                                             .add_sum_a = add}));
        for (int64_t i = 0; i < M; i++) {
            double want = add ? 1000 : 0;
            for (int64_t k = 0; k < K; k++) want += (double)a[k * lda + i];
            CHECK_NEAR(sum[i], want, 0);
        }
        CHECK(sum[M] == 1000);
    }
    free(a), free(b), free(c), free(sum);
    return 1;
}
