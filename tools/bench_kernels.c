/* hone bench kernels: timing, the table, matmul and attention. The elementwise kernels are in bench_elementwise.c. */
#include "tools/bench_kernels.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/matmul/matmul.h"
#include "tensor/matmul.h"
#include "tools/commands.h"
#include "tools/roof.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void bench_fill(float *x, int64_t n, uint32_t seed) {
    uint32_t state = seed * 2654435761u + 1;
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)((int32_t)state >> 8) * 0x1p-23f;
    }
}

bool bench_wanted(const bench_report *r, const char *kernel) {
    return !r->only || strstr(kernel, r->only);
}

static void print_line(bench_report *r, const bench_line *l, double seconds, double roof) {
    double gflops = l->work / seconds * 1e-9, rate = l->bytes / seconds * 1e-9;
    double share = l->by_bytes ? rate / r->stream : gflops / roof;
    r->lines++;
    if (r->json) {
        char error[32] = "null"; /* JSON has no NaN */
        if (isfinite(l->error)) snprintf(error, sizeof error, "%.3g", l->error);
        fprintf(r->out,
                "{\"kernel\":\"%s\",\"row\":\"%s\",\"shape\":\"%s\",\"threads\":%d,\"us\":%.3f,\"gflops\":%.3f,"
                "\"gbytes\":%.3f,\"bound\":\"%s\",\"roof\":%.2f,\"share\":%.4f,\"error\":%s,\"error_of\":\"%s\"}\n",
                l->kernel, l->row, l->shape, l->threads, 1e6 * seconds, gflops, rate, l->by_bytes ? "memory" : "fma",
                l->by_bytes ? r->stream : roof, share, error, l->error_of);
        return;
    }
    fprintf(r->out, "%-22s %-13s %-26s %2d %9.1f us %7.1f %s %6.1f %%   %.1e %s\n", l->kernel, l->row, l->shape,
            l->threads, 1e6 * seconds, l->by_bytes ? rate : gflops, l->by_bytes ? "GB/s" : "GF/s", 100 * share,
            l->error, l->error_of);
    fflush(r->out);
}

hone_status bench_time(bench_report *r, const bench_line *line, bench_call call, void *ctx) {
    enum { SAMPLES = 3 };
    const double sample = 0.012; /* seconds, at least */
    HONE_TRY(call(ctx));
    double start = now();
    HONE_TRY(call(ctx));
    double once = now() - start, best = INFINITY;
    int64_t calls = once < sample ? (int64_t)(sample / (once + 1e-9)) + 1 : 1;
    double roof = line->by_bytes ? 0 : hone_roof_gflops(line->threads);
    for (int s = 0; s < SAMPLES; s++) {
        start = now();
        for (int64_t i = 0; i < calls; i++) HONE_TRY(call(ctx));
        best = fmin(best, (now() - start) / (double)calls);
    }
    if (!line->by_bytes) roof = fmax(roof, hone_roof_gflops(line->threads));
    print_line(r, line, best, roof);
    return HONE_OK;
}

static hone_status call_matmul(void *ctx) {
    return hone_matmul_f32(ctx);
}

/* Largest error of some elements, as a share of the sum of absolute products. */
static double matmul_error(const hone_matmul_args *m) {
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

/* One product. form 0: X W^T (forward), 1: dY W (dX), 2: dY^T X (dW), for a layer of `in` to `out` on `tokens` rows. */
static hone_status matmul_line(bench_report *r, int64_t tokens, int64_t out, int64_t in, int form, bool packed,
                               const float *a, const float *b, float *c, float *room) {
    hone_matmul_args m = {
        .M = tokens, .N = out, .K = in, .trans_b = true, .a = a, .lda = in, .b = b, .ldb = in, .c = c, .ldc = out};
    if (form == 1)
        m = (hone_matmul_args){
            .M = tokens, .N = in, .K = out, .a = a, .lda = out, .b = b, .ldb = in, .c = c, .ldc = in};
    if (form == 2)
        m = (hone_matmul_args){
            .M = out, .N = in, .K = tokens, .trans_a = true, .a = a, .lda = out, .b = b, .ldb = in, .c = c, .ldc = in};
    if (packed) {
        HONE_TRY(hone_matmul_pack(m.N, m.K, m.trans_b, m.b, m.ldb, room));
        m.packed_b = room;
    }
    HONE_TRY(hone_matmul_f32(&m));
    char shape[64];
    snprintf(shape, sizeof shape, "%" PRId64 "x%" PRId64 "x%" PRId64 " %s%s", m.M, m.N, m.K,
             form == 0   ? "NT"
             : form == 1 ? "NN"
                         : "TN",
             packed ? " packed" : "");
    bench_line line = {.kernel = "matmul_f32",
                       .row = hone_matmul_f32_choose(m.N)->name,
                       .shape = shape,
                       .work = 2.0 * (double)m.M * (double)m.N * (double)m.K,
                       .bytes = 4.0 * (double)m.N * (double)m.K,
                       .by_bytes = tokens < 8,
                       .error = matmul_error(&m),
                       .error_of = "of sum |a||b|",
                       .threads = r->threads};
    return bench_time(r, &line, call_matmul, &m);
}

hone_status bench_matmul(bench_report *r) {
    enum { TOKENS = 2048, WIDEST = 4096 };
    static const int64_t widths[] = {384, 768, 1536, 3072}, few[] = {1, 8, 16, 64};
    static const int64_t more[][3] = {{1576, 768, 768}, {1576, 3072, 768}, {2048, 1024, 1024}, {2048, 4096, 1024}};
    if (!bench_wanted(r, "matmul_f32")) return HONE_OK;
    hone_arena *arena = hone_arena_new("bench", 0);
    if (!arena) return HONE_E_NOMEM;
    const int64_t most = (int64_t)WIDEST * WIDEST;
    float *x[4];
    hone_status s = HONE_OK;
    for (int i = 0; i < 4; i++)
        if (!(x[i] = hone_arena_alloc(arena, (size_t)most * sizeof(float)))) s = HONE_E_NOMEM;
    if (!s) bench_fill(x[0], most, 1), bench_fill(x[1], most, 2);
    for (int n = 0; n < 4; n++)
        for (int k = 0; k < 4; k++)
            for (int form = 0; form < 4 && !s; form++) /* the last: forward once more, of weights packed beforehand */
                s = matmul_line(r, TOKENS, widths[n], widths[k], form % 3, form == 3, x[0], x[1], x[2], x[3]);
    for (int i = 0; i < 4; i++)
        for (int form = 0; form < 3 && !s; form++)
            s = matmul_line(r, more[i][0], more[i][1], more[i][2], form, false, x[0], x[1], x[2], x[3]);
    for (int i = 0; i < 4; i++)
        for (int packed = 0; packed < 2 && !s; packed++)
            s = matmul_line(r, few[i], 1536, 384, 0, packed, x[0], x[1], x[2], x[3]);
    hone_arena_free(arena);
    return s;
}

/* Attention of some heads, each a task. */
typedef struct attention_bench {
    int64_t T, d, heads;
    hone_dropout drop;
    bool backward;
    hone_attention_f32_fwd_fn *fwd;
    hone_attention_f32_bwd_fn *bwd;
    float *qkv, *o, *lse, *dout, *dqkv;
} attention_bench;

static hone_status attention_task(void *ctx, int64_t h) {
    const attention_bench *b = ctx;
    int64_t d = b->d, C = d * b->heads, ld = 3 * C;
    hone_arena *arena = hone_scratch();
    if (!arena) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(arena);
    float *scratch = hone_arena_alloc(arena, (size_t)hone_attention_scratch(b->T, d) * sizeof *scratch);
    if (!scratch) return HONE_E_NOMEM;
    const float *q = b->qkv + h * d;
    float *dq = b->dqkv + h * d, *o = b->o + h * d, *lse = b->lse + h * b->T, scale = 1 / sqrtf((float)d);
    if (b->backward)
        b->bwd(b->T, d, scale, q, q + C, q + 2 * C, ld, &b->drop, (uint64_t)h, o, b->dout + h * d, C, lse, dq, dq + C,
               dq + 2 * C, 0, scratch);
    else
        b->fwd(b->T, d, scale, q, q + C, q + 2 * C, ld, &b->drop, (uint64_t)h, o, C, lse, 0, scratch);
    hone_arena_release(arena, mark);
    return HONE_OK;
}

static hone_status call_attention(void *ctx) {
    attention_bench *b = ctx;
    return hone_parallel(b->heads, attention_task, b);
}

static double *widen(hone_arena *a, const float *x, int64_t n) {
    double *d = hone_arena_alloc(a, (size_t)n * sizeof *d);
    for (int64_t i = 0; d && i < n; i++) d[i] = x ? (double)x[i] : 0;
    return d;
}

/* Head 0 against the double row: largest difference of o, or of dq, dk and dv. */
static hone_status attention_error(const attention_bench *b, hone_arena *a, double *worst) {
    int64_t d = b->d, C = d * b->heads, ld = 3 * C, T = b->T;
    double *x = widen(a, b->qkv, T * ld), *g = widen(a, b->dout, T * C), *o = widen(a, b->o, T * C),
           *lse = widen(a, b->lse, T);
    double *dx = widen(a, NULL, T * ld), *scratch = widen(a, NULL, hone_attention_scratch(T, d));
    if (hone_arena_failed(a)) return HONE_E_NOMEM;
    double scale = (double)(1 / sqrtf((float)d));
    *worst = 0;
    if (b->backward)
        hone_attention_f64_bwd(T, d, scale, x, x + C, x + 2 * C, ld, &b->drop, 0, o, g, C, lse, dx, dx + C, dx + 2 * C,
                               0, scratch);
    else
        hone_attention_f64_fwd(T, d, scale, x, x + C, x + 2 * C, ld, &b->drop, 0, o, C, lse, 0, scratch);
    for (int64_t i = 0; i < T; i++)
        for (int64_t c = 0; c < d; c++) {
            if (!b->backward) *worst = bench_worse(*worst, fabs(o[i * C + c] - (double)b->o[i * C + c]));
            for (int64_t part = 0; part < 3 && b->backward; part++)
                *worst = bench_worse(*worst, fabs(dx[i * ld + part * C + c] - (double)b->dqkv[i * ld + part * C + c]));
        }
    return HONE_OK;
}

/* Useful work: two products forward, four backward (the scores made again do not count). */
static hone_status attention_line(bench_report *r, hone_isa isa, int64_t T, int64_t d, double p, bool backward) {
    static hone_attention_f32_fwd_fn *const fwd[] = {hone_attention_f32_fwd__scalar, hone_attention_f32_fwd__avx2,
                                                     hone_attention_f32_fwd__avx512};
    static hone_attention_f32_bwd_fn *const bwd[] = {hone_attention_f32_bwd__scalar, hone_attention_f32_bwd__avx2,
                                                     hone_attention_f32_bwd__avx512};
    const char *kernel = backward ? "attention_f32_bwd" : "attention_f32_fwd";
    if (!bench_wanted(r, kernel)) return HONE_OK;
    attention_bench b = {.T = T, .d = d, .heads = 24, .fwd = fwd[isa], .bwd = bwd[isa]};
    uint32_t threshold = (uint32_t)lround(p * 65536);
    b.drop = (hone_dropout){1, 2, threshold, 65536.0f / (float)(65536 - threshold)};
    int64_t C = d * b.heads;
    hone_arena *arena = hone_arena_new("bench", 0);
    if (!arena) return HONE_E_NOMEM;
    float **wide[] = {&b.qkv, &b.dqkv, &b.o, &b.dout, &b.lse};
    const int64_t sizes[] = {T * 3 * C, T * 3 * C, T * C, T * C, T * b.heads};
    for (int i = 0; i < 5; i++)
        if ((*wide[i] = hone_arena_alloc(arena, (size_t)sizes[i] * sizeof(float))))
            bench_fill(*wide[i], sizes[i], (uint32_t)i + 1);
    hone_status s = hone_arena_failed(arena) ? HONE_E_NOMEM : HONE_OK;
    if (!s) s = call_attention(&b); /* backward needs o and lse */
    if (!s && backward) b.backward = true, s = call_attention(&b);
    double error = 0;
    if (!s) s = attention_error(&b, arena, &error);
    char shape[64];
    snprintf(shape, sizeof shape, "T %" PRId64 " d %" PRId64 " x%" PRId64 "%s", T, d, b.heads, p > 0 ? " dropout" : "");
    bench_line line = {.kernel = kernel,
                       .row = hone_isa_name(isa),
                       .shape = shape,
                       .error = error,
                       .error_of = "absolute",
                       .work = (backward ? 8.0 : 4.0) * (double)(T * T * d * b.heads),
                       .threads = r->threads};
    if (!s) s = bench_time(r, &line, call_attention, &b);
    hone_arena_free(arena);
    return s;
}

hone_status bench_attention(bench_report *r) {
    static const int64_t lengths[] = {16, 64, 128, 197, 256, 512};
    hone_isa best = hone_kernels_isa();
    for (int backward = 0; backward < 2; backward++) {
        for (int d = 32; d <= 64; d *= 2)
            for (int t = 0; t < 6; t++)
                for (int drop = 0; drop < 2; drop++)
                    HONE_TRY(attention_line(r, best, lengths[t], d, 0.1 * drop, backward));
        for (int isa = 0; isa < (int)best; isa++) HONE_TRY(attention_line(r, (hone_isa)isa, 64, 32, 0, backward));
    }
    return HONE_OK;
}

/* Prints a table, or with json one object a line; `only`: kernels whose name contains this text, NULL for all. */
static hone_status bench_kernels(FILE *out, bool json, const char *only) {
    bench_report r = {.out = out, .json = json, .only = only, .threads = hone_threads()};
    r.stream = hone_roof_bandwidth(1);
    if (!(r.stream > 0)) return hone_fail(HONE_E_NOMEM, "out of memory: the bandwidth probe wants 64 MiB");
    if (!json)
        fprintf(out,
                "%s, %d threads: %.1f GF/s of FMA on registers, %.1f GB/s from memory on one thread\n%-22s %-13s %-26s "
                "thr\n",
                hone_isa_name(hone_kernels_isa()), r.threads, hone_roof_gflops(r.threads), r.stream, "kernel", "row",
                "shape");
    hone_status s = bench_matmul(&r);
    if (!s) s = bench_matmul_int8(&r);
    if (!s) s = bench_matmul_bf16(&r);
    if (!s) s = bench_attention(&r);
    if (!s) s = bench_elementwise(&r);
    if (!s && !r.lines) return hone_fail(HONE_E_ARG, "bench kernels: no kernel's name contains \"%s\"", only);
    return s;
}

static hone_status run_kernels(const hone_options *o) {
    return bench_kernels(stdout, hone_options_flag(o, "json"), hone_options_string(o, "only"));
}

static const hone_option kernel_options[] = {{.group = "What is measured",
                                              .name = "only",
                                              .kind = HONE_OPTION_STRING,
                                              .value = "TEXT",
                                              .help = "kernels whose name contains this text",
                                              .shown = "all"},
                                             {.name = NULL}};

const hone_command hone_command_bench_kernels = {
    .name = "bench kernels",
    .summary = "time every kernel row",
    .synopsis = "[--only TEXT] [options]",
    .about = "Every kernel row with its shape, GF/s or GB/s, the share of the roof measured in the same run (fused "
             "multiply-adds on registers, or bytes read from memory; data in cache can exceed the latter, products "
             "of small numbers the former), and its error against double precision. Matmul and attention run on all "
             "threads, the others on one.",
    .options = kernel_options,
    .example = {"hone bench kernels", "hone bench kernels --only matmul --json"},
    .example_note = {"all kernels, about a minute", "matrix products as JSON, one object a line"},
    .run = run_kernels,
};
