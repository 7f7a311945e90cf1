/* hone bench kernels: products in low precision. The share is of the roof of f32 multiply-adds, so that it says what is
 * won. */
#include "tools/bench_kernels.h"

#include "base/memory.h"
#include "kernels/dot/dot.h"
#include "kernels/dot/dot_bf16.h"
#include "tensor/matmul_bf16.h"
#include "tensor/matmul_int8.h"

#include <inttypes.h>
#include <math.h>

/* A linear of [out, in] on some tokens: for few tokens the weights' bytes count. */
static const int64_t dot_shapes[][3] = {{2048, 384, 384},  {2048, 1536, 384}, {2048, 384, 1536}, {2048, 768, 768},
                                        {2048, 3072, 768}, {2048, 768, 3072}, {64, 1536, 384},   {16, 1536, 384},
                                        {1, 1536, 384},    {1, 3072, 768}};
enum { DOT_SHAPES = sizeof dot_shapes / sizeof *dot_shapes, MOST = 2048 * 3072 };

static hone_status call_int8(void *ctx) {
    return hone_matmul_int8(ctx);
}

/* Largest error of some elements, as a share of the sum of absolute products. */
static double int8_error(const hone_matmul_int8_args *m, const float *w) {
    double worst = 0;
    for (int64_t s = 0; s < 64; s++) {
        int64_t i = s * 7919 % m->M, j = s * 104729 % m->w->N, K = m->w->K;
        double sum = 0, size = 0;
        for (int64_t k = 0; k < K; k++) {
            double t = (double)m->a[i * m->lda + k] * (double)w[j * K + k];
            sum += t, size += fabs(t);
        }
        worst = bench_worse(worst, fabs((double)m->c[i * m->ldc + j] - sum) / size);
    }
    return worst;
}

static hone_status int8_line(bench_report *r, hone_arena *arena, const int64_t shape[3], const float *a, const float *w,
                             float *c) {
    const int64_t M = shape[0], N = shape[1], K = shape[2];
    hone_arena_mark mark = hone_arena_get_mark(arena);
    hone_matmul_int8_weight packed;
    HONE_TRY(hone_matmul_int8_pack(arena, N, K, w, K, &packed));
    hone_matmul_int8_args m = {.M = M, .a = a, .lda = K, .w = &packed, .c = c, .ldc = N};
    HONE_TRY(hone_matmul_int8(&m));
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 "x%" PRId64 "x%" PRId64 " NT packed", M, N, K);
    bench_line line = {.kernel = "matmul_int8",
                       .row = packed.row->name,
                       .shape = text,
                       .work = 2.0 * (double)M * (double)N * (double)K,
                       .bytes = (double)N * (double)K,
                       .by_bytes = M < 8,
                       .error = int8_error(&m, w),
                       .error_of = "of sum |a||b|",
                       .threads = r->threads};
    hone_status s = bench_time(r, &line, call_int8, &m);
    hone_arena_release(arena, mark);
    return s;
}

hone_status bench_matmul_int8(bench_report *r) {
    if (!bench_wanted(r, "matmul_int8")) return HONE_OK;
    hone_arena *arena = hone_arena_new("bench", 0);
    if (!arena) return HONE_E_NOMEM;
    float *x[3];
    for (int i = 0; i < 3; i++) x[i] = hone_arena_alloc(arena, (size_t)MOST * sizeof *x[i]);
    hone_status s = hone_arena_failed(arena) ? HONE_E_NOMEM : HONE_OK;
    if (!s) bench_fill(x[0], MOST, 1), bench_fill(x[1], MOST, 2);
    for (int i = 0; i < DOT_SHAPES && !s; i++) s = int8_line(r, arena, dot_shapes[i], x[0], x[1], x[2]);
    hone_arena_free(arena);
    return s;
}

static hone_status call_bf16(void *ctx) {
    return hone_matmul_bf16(ctx);
}

static double bf16_error(const hone_matmul_args *m) {
    double worst = 0;
    for (int64_t s = 0; s < 64; s++) {
        int64_t i = s * 7919 % m->M, j = s * 104729 % m->N;
        double sum = 0, size = 0;
        for (int64_t k = 0; k < m->K; k++) {
            double t = (double)m->a[m->trans_a ? k * m->lda + i : i * m->lda + k] *
                       (double)m->b[m->trans_b ? j * m->ldb + k : k * m->ldb + j];
            sum += t, size += fabs(t);
        }
        worst = bench_worse(worst, fabs((double)m->c[i * m->ldc + j] - sum) / size);
    }
    return worst;
}

/* form 0: X W^T, 1: dY W, 2: dY^T X, for a layer of `in` to `out` on `tokens` rows. */
static hone_status bf16_line(bench_report *r, const int64_t shape[3], int form, const float *a, const float *b,
                             float *c) {
    const int64_t tokens = shape[0], out = shape[1], in = shape[2];
    hone_matmul_args m = {
        .M = tokens, .N = out, .K = in, .trans_b = true, .a = a, .lda = in, .b = b, .ldb = in, .c = c, .ldc = out};
    if (form == 1)
        m = (hone_matmul_args){
            .M = tokens, .N = in, .K = out, .a = a, .lda = out, .b = b, .ldb = in, .c = c, .ldc = in};
    if (form == 2)
        m = (hone_matmul_args){
            .M = out, .N = in, .K = tokens, .trans_a = true, .a = a, .lda = out, .b = b, .ldb = in, .c = c, .ldc = in};
    HONE_TRY(hone_matmul_bf16(&m));
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 "x%" PRId64 "x%" PRId64 " %s", m.M, m.N, m.K,
             form == 0   ? "NT"
             : form == 1 ? "NN"
                         : "TN");
    bench_line line = {.kernel = "matmul_bf16",
                       .row = hone_dot_bf16_choose()->name,
                       .shape = text,
                       .work = 2.0 * (double)m.M * (double)m.N * (double)m.K,
                       .bytes = 4.0 * (double)m.N * (double)m.K,
                       .error = bf16_error(&m),
                       .error_of = "of sum |a||b|",
                       .threads = r->threads};
    return bench_time(r, &line, call_bf16, &m);
}

hone_status bench_matmul_bf16(bench_report *r) {
    enum { BF16_SHAPES = 6 }; /* the first ones: training */
    if (!bench_wanted(r, "matmul_bf16")) return HONE_OK;
    hone_arena *arena = hone_arena_new("bench", 0);
    if (!arena) return HONE_E_NOMEM;
    float *x[3];
    for (int i = 0; i < 3; i++) x[i] = hone_arena_alloc(arena, (size_t)MOST * sizeof *x[i]);
    hone_status s = hone_arena_failed(arena) ? HONE_E_NOMEM : HONE_OK;
    if (!s) bench_fill(x[0], MOST, 1), bench_fill(x[1], MOST, 2);
    for (int i = 0; i < BF16_SHAPES; i++)
        for (int form = 0; form < 3 && !s; form++) s = bf16_line(r, dot_shapes[i], form, x[0], x[1], x[2]);
    hone_arena_free(arena);
    return s;
}
