#include "tensor/prepared.h"

#include "tensor/matmul.h"
#include "tensor/matmul_bf16.h"

#include <assert.h>

const char *hone_precision_name(hone_precision p) {
    static const char *const names[HONE_PRECISION_COUNT] = {"f32", "bf16", "int8"};
    return names[p];
}

hone_status hone_prepare(hone_arena *arena, hone_precision precision, int64_t N, int64_t K, const float *w,
                         const hone_prepared **out) {
    hone_prepared *p = hone_arena_zalloc(arena, sizeof *p);
    if (!p) return hone_fail(HONE_E_NOMEM, "no memory for a weight of [%" PRId64 ", %" PRId64 "]", N, K);
    p->precision = precision, p->N = N, p->K = K;
    *out = p;
    if (precision == HONE_PRECISION_INT8) return hone_matmul_int8_pack(arena, N, K, w, K, &p->int8);
    bool half = precision == HONE_PRECISION_BF16;
    int64_t words = half ? hone_matmul_bf16_packed_count(N, K) : hone_matmul_packed_count(N, K);
    void *panels = hone_arena_alloc(arena, (size_t)words * sizeof(float));
    if (!panels) return hone_fail(HONE_E_NOMEM, "no memory for a weight of [%" PRId64 ", %" PRId64 "]", N, K);
    if (half) {
        p->bf16 = panels;
        return hone_matmul_bf16_pack(N, K, true, w, K, panels);
    }
    p->f32 = panels;
    return hone_matmul_pack(N, K, true, w, K, panels);
}

hone_status hone_prepared_linear(const hone_prepared *w, int64_t M, const float *a, const float *bias, hone_act act,
                                 float *pre, float *c) {
    if (w->precision == HONE_PRECISION_INT8) {
        assert(!pre);
        return hone_matmul_int8(&(hone_matmul_int8_args){
            .M = M, .a = a, .lda = w->K, .w = &w->int8, .c = c, .ldc = w->N, .bias = bias, .act = act});
    }
    const bool half = w->precision == HONE_PRECISION_BF16;
    const hone_matmul_args m = {.M = M,
                                .N = w->N,
                                .K = w->K,
                                .trans_b = true,
                                .a = a,
                                .lda = w->K,
                                .packed_b = half ? (const void *)w->bf16 : w->f32,
                                .c = c,
                                .ldc = w->N,
                                .bias = bias,
                                .act = act,
                                .pre = pre};
    return half ? hone_matmul_bf16(&m) : hone_matmul_f32(&m);
}
