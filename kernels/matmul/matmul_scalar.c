/* The scalar matmul row, and the choice among the rows. */
#include "kernels/matmul/matmul.h"

enum { MR = 4, NR = 8 };

static void tile(int64_t rows, int64_t cols, int64_t K, const float *a, int64_t row, int64_t step, const float *b,
                 float *c, int64_t ldc, bool add) {
    for (int64_t i = 0; i < rows; i++) {
        float sum[NR] = {0};
        for (int64_t k = 0; k < K; k++)
            for (int j = 0; j < NR; j++) sum[j] += a[i * row + k * step] * b[k * NR + j];
        for (int64_t j = 0; j < cols; j++) c[i * ldc + j] = add ? c[i * ldc + j] + sum[j] : sum[j];
    }
}

static void pack_copy(int64_t K, int64_t n, const float *b, int64_t ldb, float *panel) {
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < NR; j++) panel[k * NR + j] = j < n ? b[k * ldb + j] : 0;
}
static void pack_transpose(int64_t K, int64_t n, const float *b, int64_t ldb, float *panel) {
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < NR; j++) panel[k * NR + j] = j < n ? b[j * ldb + k] : 0;
}
static void pack_a(int64_t K, int64_t n, const float *a, int64_t lda, float *panel) {
    for (int64_t k = 0; k < K; k++)
        for (int64_t i = 0; i < MR; i++) panel[k * MR + i] = i < n ? a[k * lda + i] : 0;
}

const hone_matmul_f32_row hone_matmul_f32__scalar = {.name = "scalar_4x8",
                                                     .mr = MR,
                                                     .nr = NR,
                                                     .kc = 384,
                                                     .tile = tile,
                                                     .pack_copy = pack_copy,
                                                     .pack_transpose = pack_transpose,
                                                     .pack_a = pack_a};

#ifdef HONE_TEST_HOOKS
const hone_matmul_f32_row *hone_matmul_f32_forced, *hone_matmul_f32_stand_in[2];
#endif

const hone_matmul_f32_row *hone_matmul_f32_choose(int64_t N) {
#ifdef HONE_TEST_HOOKS
    if (hone_matmul_f32_forced) return hone_matmul_f32_forced;
    if (hone_matmul_f32_stand_in[0]) return hone_matmul_f32_stand_in[hone_matmul_f32_is_wide(N)];
#endif
    switch (hone_kernels_isa()) {
    case HONE_ISA_AVX512:
        return hone_matmul_f32_is_wide(N) ? &hone_matmul_f32__avx512_8x48 : &hone_matmul_f32__avx512_12x32;
    case HONE_ISA_AVX2: return &hone_matmul_f32__avx2;
    default: return &hone_matmul_f32__scalar;
    }
}
