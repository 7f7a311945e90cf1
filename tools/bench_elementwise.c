/* hone bench kernels: the kernels that memory feeds. Each is checked against its double row on a few rows, then timed
 * on arrays larger than the caches, one thread. */
#include "tools/bench_kernels.h"

#include "base/memory.h"
#include "tools/roof.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { COLUMNS = 768, CHECKED = 32, TIMED = 4096, STREAMS = 4 };

typedef struct element_bench {
    int64_t rows;
    hone_isa isa;
    float *x[STREAMS];  /* rows x COLUMNS each */
    double *w[STREAMS]; /* the same for CHECKED rows */
    float *row[3];      /* rows each: mean, rstd, … */
    double *wrow[3];
    float *col[3]; /* COLUMNS each: gamma, beta, … */
    double *wcol[3];
    int32_t *ids; /* rows */
    uint16_t *half;
    hone_adamw_step adamw;
    hone_dropout drop;
    double value, want; /* of kernels that return a number */
} element_bench;

#define HONE_KERNEL(name)                                                                                              \
    static hone_##name##_fn *const row_##name[] = {hone_##name##__scalar, hone_##name##__avx2, hone_##name##__avx512};
#include "kernels/kernels.def"
#undef HONE_KERNEL

#define N (b->rows * COLUMNS)
#define ROW(name) row_##name[b->isa]
/* run_<op> runs the row on floats, ref_<op> the double row on w. */
#define OP(op) static void run_##op(element_bench *b)
#define REF(op) static void ref_##op(element_bench *b)

OP(layernorm_fwd) {
    ROW(layernorm_f32_fwd)
    (b->rows, COLUMNS, 0, b->x[0], b->x[1], &b->drop, b->col[0], b->col[1], 1e-12f, b->x[2], b->x[3], b->row[0],
     b->row[1]);
}
REF(layernorm_fwd) {
    hone_layernorm_f64_fwd(b->rows, COLUMNS, 0, b->w[0], b->w[1], &b->drop, b->wcol[0], b->wcol[1], (double)1e-12f,
                           b->w[2], b->w[3], b->wrow[0], b->wrow[1]);
}
OP(layernorm_bwd) {
    ROW(layernorm_f32_bwd)
    (b->rows, COLUMNS, 0, b->x[0], b->x[1], b->row[0], b->row[1], b->col[0], NULL, b->x[3], false, NULL, false,
     b->col[1], b->col[2]);
}
REF(layernorm_bwd) {
    hone_layernorm_f64_bwd(b->rows, COLUMNS, 0, b->w[0], b->w[1], b->wrow[0], b->wrow[1], b->wcol[0], NULL, b->w[3],
                           false, NULL, false, b->wcol[1], b->wcol[2]);
}
OP(gelu_fwd) {
    ROW(activation_f32_fwd)(N, HONE_ACT_GELU, b->x[0], b->x[3]);
}
REF(gelu_fwd) {
    hone_activation_f64_fwd(N, HONE_ACT_GELU, b->w[0], b->w[3]);
}
OP(gelu_bwd) {
    ROW(activation_f32_bwd)(N, HONE_ACT_GELU, b->x[0], b->x[1], b->x[3], false);
}
REF(gelu_bwd) {
    hone_activation_f64_bwd(N, HONE_ACT_GELU, b->w[0], b->w[1], b->w[3], false);
}
OP(gather) {
    ROW(embedding_f32_gather)(b->rows, COLUMNS, b->ids, b->x[0], b->x[3], false);
}
REF(gather) {
    hone_embedding_f64_gather(b->rows, COLUMNS, b->ids, b->w[0], b->w[3], false);
}
OP(scatter) {
    ROW(embedding_f32_scatter)(b->rows, COLUMNS, 0, COLUMNS, b->ids, b->x[0], b->x[3]);
}
REF(scatter) {
    hone_embedding_f64_scatter(b->rows, COLUMNS, 0, COLUMNS, b->ids, b->w[0], b->w[3]);
}
OP(dropout) {
    ROW(dropout_f32_apply)(N, 0, &b->drop, b->x[0], b->x[3], false);
}
REF(dropout) {
    hone_dropout_f64_apply(N, 0, &b->drop, b->w[0], b->w[3], false);
}
OP(pool_fwd) {
    ROW(pooling_f32_fwd)(HONE_POOL_MEAN, b->rows, COLUMNS, 0, b->x[0], b->col[2]);
}
REF(pool_fwd) {
    hone_pooling_f64_fwd(HONE_POOL_MEAN, b->rows, COLUMNS, 0, b->w[0], b->wcol[2]);
}
OP(pool_bwd) {
    ROW(pooling_f32_bwd)(HONE_POOL_MEAN, b->rows, COLUMNS, 0, b->x[0], b->col[0], b->x[3]);
}
REF(pool_bwd) {
    hone_pooling_f64_bwd(HONE_POOL_MEAN, b->rows, COLUMNS, 0, b->w[0], b->wcol[0], b->w[3]);
}
OP(norm_fwd) {
    ROW(normalize_f32_fwd)(b->rows, COLUMNS, 1e-12f, b->x[0], b->x[3], b->row[2]);
}
REF(norm_fwd) {
    hone_normalize_f64_fwd(b->rows, COLUMNS, (double)1e-12f, b->w[0], b->w[3], b->wrow[2]);
}
OP(norm_bwd) {
    ROW(normalize_f32_bwd)(b->rows, COLUMNS, 1e-12f, b->x[0], b->row[1], b->x[1], b->x[3], false);
}
REF(norm_bwd) {
    hone_normalize_f64_bwd(b->rows, COLUMNS, (double)1e-12f, b->w[0], b->wrow[1], b->w[1], b->w[3], false);
}
OP(xent_fwd) {
    ROW(softmax_xent_f32_fwd)(b->rows, COLUMNS, COLUMNS, 20, b->x[0], b->ids, b->row[2], b->row[0]);
}
REF(xent_fwd) {
    hone_softmax_xent_f64_fwd(b->rows, COLUMNS, COLUMNS, 20, b->w[0], b->ids, b->wrow[2], b->wrow[0]);
}
OP(xent_bwd) {
    ROW(softmax_xent_f32_bwd)(b->rows, COLUMNS, COLUMNS, 1, b->x[0], b->ids, b->row[1], b->row[1], b->x[3], false);
}
REF(xent_bwd) {
    hone_softmax_xent_f64_bwd(b->rows, COLUMNS, COLUMNS, 1, b->w[0], b->ids, b->wrow[1], b->wrow[1], b->w[3], false);
}
OP(adamw) {
    ROW(adamw_f32_step)(N, &b->adamw, b->x[3], b->x[0], b->x[1], b->x[2]);
}
REF(adamw) {
    hone_adamw_f64_step(N, &b->adamw, b->w[3], b->w[0], b->w[1], b->w[2]);
}
OP(scale) {
    ROW(vector_f32_scale)(N, 0.3f, b->x[0], b->x[3], true);
}
REF(scale) {
    hone_vector_f64_scale(N, (double)0.3f, b->w[0], b->w[3], true);
}
OP(mul) {
    ROW(vector_f32_mul)(N, b->x[0], b->x[1], b->x[3], false);
}
REF(mul) {
    hone_vector_f64_mul(N, b->w[0], b->w[1], b->w[3], false);
}
OP(sum) {
    b->value = ROW(vector_f32_sum)(N, b->x[0]);
}
REF(sum) {
    b->want = hone_vector_f64_sum(N, b->w[0]);
}
OP(dot) {
    b->value = ROW(vector_f32_dot)(N, b->x[0], b->x[1]);
}
REF(dot) {
    b->want = hone_vector_f64_dot(N, b->w[0], b->w[1]);
}
OP(sumsq) {
    b->value = ROW(vector_f32_sumsq)(N, b->x[0]);
}
REF(sumsq) {
    b->want = hone_vector_f64_sumsq(N, b->w[0]);
}
OP(colsum) {
    ROW(vector_f32_colsum)(b->rows, COLUMNS, COLUMNS, b->x[0], b->col[2]);
}
REF(colsum) {
    hone_vector_f64_colsum(b->rows, COLUMNS, COLUMNS, b->w[0], b->wcol[2]);
}
OP(finite) {
    b->value = ROW(vector_f32_finite)(N, b->x[0]);
}
REF(finite) {
    b->want = hone_vector_f64_finite(N, b->w[0]);
}
/* Half formats: exact, so the scalar row is the reference. */
#define HALF(type)                                                                                                     \
    OP(type##_narrow) {                                                                                                \
        ROW(vector_##type##_narrow)(N, b->x[0], b->half);                                                              \
    }                                                                                                                  \
    REF(type##_narrow) {                                                                                               \
        uint16_t *got = b->half, *want = got + CHECKED * COLUMNS;                                                      \
        hone_vector_##type##_narrow__scalar(N, b->x[0], want);                                                         \
        b->value = memcmp(got, want, (size_t)N * sizeof *got) != 0, b->want = 0;                                       \
    }                                                                                                                  \
    OP(type##_widen) {                                                                                                 \
        ROW(vector_##type##_widen)(N, b->half, b->x[3]);                                                               \
    }                                                                                                                  \
    REF(type##_widen) {                                                                                                \
        hone_vector_##type##_widen__scalar(N, b->half, b->x[1]);                                                       \
        b->value = memcmp(b->x[3], b->x[1], (size_t)N * sizeof(float)) != 0, b->want = 0;                              \
    }
HALF(bf16)
HALF(f16)

/* What a check compares. */
typedef enum element_result { OUT_X3, OUT_ROW2, OUT_COL2, OUT_VALUE } element_result;

typedef struct element_op {
    const char *kernel;
    void (*run)(element_bench *), (*ref)(element_bench *);
    double bytes; /* moved per element */
    element_result out;
} element_op;

static const element_op element_ops[] = {
    {"layernorm_f32_fwd", run_layernorm_fwd, ref_layernorm_fwd, 16, OUT_X3},
    {"layernorm_f32_bwd", run_layernorm_bwd, ref_layernorm_bwd, 12, OUT_X3},
    {"activation_f32_fwd", run_gelu_fwd, ref_gelu_fwd, 8, OUT_X3},
    {"activation_f32_bwd", run_gelu_bwd, ref_gelu_bwd, 12, OUT_X3},
    {"embedding_f32_gather", run_gather, ref_gather, 8, OUT_X3},
    {"embedding_f32_scatter", run_scatter, ref_scatter, 12, OUT_X3},
    {"dropout_f32_apply", run_dropout, ref_dropout, 8, OUT_X3},
    {"pooling_f32_fwd", run_pool_fwd, ref_pool_fwd, 4, OUT_COL2},
    {"pooling_f32_bwd", run_pool_bwd, ref_pool_bwd, 8, OUT_X3},
    {"normalize_f32_fwd", run_norm_fwd, ref_norm_fwd, 8, OUT_X3},
    {"normalize_f32_bwd", run_norm_bwd, ref_norm_bwd, 12, OUT_X3},
    {"softmax_xent_f32_fwd", run_xent_fwd, ref_xent_fwd, 4, OUT_ROW2},
    {"softmax_xent_f32_bwd", run_xent_bwd, ref_xent_bwd, 8, OUT_X3},
    {"adamw_f32_step", run_adamw, ref_adamw, 28, OUT_X3},
    {"vector_f32_scale", run_scale, ref_scale, 12, OUT_X3},
    {"vector_f32_mul", run_mul, ref_mul, 12, OUT_X3},
    {"vector_f32_sum", run_sum, ref_sum, 4, OUT_VALUE},
    {"vector_f32_dot", run_dot, ref_dot, 8, OUT_VALUE},
    {"vector_f32_sumsq", run_sumsq, ref_sumsq, 4, OUT_VALUE},
    {"vector_f32_colsum", run_colsum, ref_colsum, 4, OUT_COL2},
    {"vector_f32_finite", run_finite, ref_finite, 4, OUT_VALUE},
    {"vector_bf16_narrow", run_bf16_narrow, ref_bf16_narrow, 6, OUT_VALUE},
    {"vector_bf16_widen", run_bf16_widen, ref_bf16_widen, 6, OUT_VALUE},
    {"vector_f16_narrow", run_f16_narrow, ref_f16_narrow, 6, OUT_VALUE},
    {"vector_f16_widen", run_f16_widen, ref_f16_widen, 6, OUT_VALUE},
};
enum { ELEMENT_OPS = sizeof element_ops / sizeof *element_ops };

static void fill_pair(float *x, double *w, int64_t n, uint32_t seed, float low) {
    bench_fill(x, n, seed);
    for (int64_t i = 0; i < n; i++) x[i] = low < 0 ? x[i] : low + 0.4f * fabsf(x[i]), w[i] = (double)x[i];
}

/* Fresh inputs for a check. Row 1 (rstd, norms, lse) and stream 2 (AdamW's v) are positive. */
static void element_inputs(element_bench *b) {
    b->rows = CHECKED;
    for (int i = 0; i < STREAMS; i++) fill_pair(b->x[i], b->w[i], N, (uint32_t)i + 1, i == 2 ? 0.1f : -1);
    for (int i = 0; i < 3; i++) {
        fill_pair(b->row[i], b->wrow[i], b->rows, (uint32_t)i + 11, i == 1 ? 7.0f : -1);
        fill_pair(b->col[i], b->wcol[i], COLUMNS, (uint32_t)i + 21, -1);
    }
    for (int64_t i = 0; i < TIMED; i++) b->ids[i] = (int32_t)(i * 7 % CHECKED);
    hone_vector_bf16_narrow__scalar(N, b->x[2], b->half); /* positive halves are fine for both formats */
}

/* Largest difference relative to max(1, |reference|). */
static double element_error(const element_bench *b, element_result out) {
    if (out == OUT_VALUE) return fabs(b->value - b->want) / fmax(1, fabs(b->want));
    const float *x = out == OUT_X3 ? b->x[3] : out == OUT_ROW2 ? b->row[2] : b->col[2];
    const double *w = out == OUT_X3 ? b->w[3] : out == OUT_ROW2 ? b->wrow[2] : b->wcol[2];
    int64_t n = out == OUT_X3 ? N : out == OUT_ROW2 ? b->rows : COLUMNS;
    double worst = 0;
    for (int64_t i = 0; i < n; i++) worst = bench_worse(worst, fabs((double)x[i] - w[i]) / fmax(1, fabs(w[i])));
    return worst;
}

typedef struct element_call {
    const element_op *op;
    element_bench *b;
} element_call;
static hone_status call_element(void *ctx) {
    element_call *c = ctx;
    c->op->run(c->b);
    return HONE_OK;
}

static hone_status element_line(bench_report *r, element_bench *b, const element_op *op) {
    element_inputs(b);
    op->run(b);
    op->ref(b);
    double error = element_error(b, op->out);
    b->rows = TIMED;
    for (int i = 0; i < STREAMS; i++) bench_fill(b->x[i], N, (uint32_t)i + 1);
    for (int64_t i = 0; i < N; i++) b->x[2][i] = fabsf(b->x[2][i]);
    for (int64_t i = 0; i < TIMED; i++)
        b->row[1][i] = 7, b->ids[i] = (int32_t)(i * 389 % (op->out == OUT_ROW2 ? COLUMNS : TIMED) % COLUMNS);
    char shape[32];
    snprintf(shape, sizeof shape, "%" PRId64 "x%d", b->rows, COLUMNS);
    bench_line line = {.kernel = op->kernel,
                       .row = hone_isa_name(b->isa),
                       .shape = shape,
                       .bytes = op->bytes * (double)N,
                       .by_bytes = true,
                       .error = error,
                       .error_of = "of max(1, |y|)",
                       .threads = 1};
    return bench_time(r, &line, call_element, &(element_call){op, b});
}

static hone_status element_room(element_bench *b, hone_arena *a) {
    for (int i = 0; i < STREAMS; i++) {
        b->x[i] = hone_arena_alloc(a, sizeof(float) * TIMED * COLUMNS);
        b->w[i] = hone_arena_alloc(a, sizeof(double) * CHECKED * COLUMNS);
    }
    for (int i = 0; i < 3; i++) {
        b->row[i] = hone_arena_zalloc(a, sizeof(float) * TIMED),
        b->wrow[i] = hone_arena_alloc(a, sizeof(double) * CHECKED);
        b->col[i] = hone_arena_alloc(a, sizeof(float) * COLUMNS),
        b->wcol[i] = hone_arena_alloc(a, sizeof(double) * COLUMNS);
    }
    b->ids = hone_arena_alloc(a, sizeof(int32_t) * TIMED);
    b->half = hone_arena_zalloc(a, sizeof(uint16_t) * TIMED * COLUMNS);
    return hone_arena_failed(a) ? HONE_E_NOMEM : HONE_OK;
}

hone_status bench_elementwise(bench_report *r) {
    element_bench b = {.adamw = {.lr = 1e-3,
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .eps = 1e-8,
                                 .weight_decay = 0.01,
                                 .bias1 = 0.1,
                                 .bias2 = 1e-3,
                                 .grad_scale = 1},
                       .drop = {1, 2, 6554, 65536.0f / (65536 - 6554)}};
    hone_arena *arena = hone_arena_new("bench", 0);
    if (!arena) return HONE_E_NOMEM;
    hone_status s = element_room(&b, arena);
    for (int i = 0; i < ELEMENT_OPS && !s; i++) {
        if (bench_wanted(r, element_ops[i].kernel)) r->stream = fmax(r->stream, hone_roof_bandwidth(1));
        for (int isa = (int)hone_kernels_isa(); isa >= 0 && !s && bench_wanted(r, element_ops[i].kernel); isa--) {
            b.isa = (hone_isa)isa;
            s = element_line(r, &b, &element_ops[i]);
        }
    }
    hone_arena_free(arena);
    return s;
}
