/* Several products in one call, against the same products one by one: the same bits, whatever they read of each other,
 * however many passes and threads there are. */
#include "tensor/matmul_passes.h"

#include "base/fault.h"
#include "base/memory.h"
#include "tensor/matmul_bf16.h"
#include "tests/test.h"

#include <stdlib.h>

typedef struct form {
    const char *name;
    hone_status (*one)(const hone_matmul_args *m);
    hone_status (*all)(int count, const hone_matmul_args *m);
} form;

static const form forms[] = {{"f32", hone_matmul_f32, hone_matmul_f32_all},
                             {"bf16", hone_matmul_bf16, hone_matmul_bf16_all}};
enum { FORMS = sizeof forms / sizeof *forms, MOST = 8, ROOM = 700 << 10, BUFFERS = 8 };

/* Memory that products share: for one by one, for all at once, and as it was before. */
typedef struct memory {
    float *p[3][BUFFERS];
} memory;

static void memory_begin(memory *x) {
    for (int i = 0; i < BUFFERS; i++) {
        for (int k = 0; k < 3; k++) x->p[k][i] = malloc(ROOM * sizeof(float));
        for (int64_t n = 0; n < ROOM; n++)
            x->p[2][i][n] = (float)((int)(((uint64_t)n * 2654435761u + (uint64_t)i * 40503u) >> 7 & 1023) - 512) / 4096;
    }
}

static void memory_restart(memory *x) {
    for (int i = 0; i < BUFFERS; i++)
        for (int k = 0; k < 2; k++) memcpy(x->p[k][i], x->p[2][i], ROOM * sizeof(float));
}

static void memory_end(memory *x) {
    for (int i = 0; i < BUFFERS; i++)
        for (int k = 0; k < 3; k++) free(x->p[k][i]);
}

/* Products whose pointers are into p[0], moved into p[k]. */
static void moved(const memory *x, int k, int count, const hone_matmul_args *m, hone_matmul_args *out) {
    for (int i = 0; i < count; i++) {
        out[i] = m[i];
        const float **reads[3] = {&out[i].a, &out[i].b, &out[i].bias};
        float **writes[4] = {&out[i].c, &out[i].pre, &out[i].through, &out[i].sum_a};
        for (int f = 0; f < 7; f++) {
            float *old = f < 3 ? (float *)(uintptr_t)*reads[f] : *writes[f - 3];
            for (int b = 0; old && b < BUFFERS; b++)
                if (old >= x->p[0][b] && old < x->p[0][b] + ROOM) old = x->p[k][b] + (old - x->p[0][b]), b = BUFFERS;
            if (f < 3)
                *reads[f] = old;
            else
                *writes[f - 3] = old;
        }
    }
}

/* All buffers, not only results: nothing else may have changed. */
static int check_all(memory *x, const char *what, int count, const hone_matmul_args *m) {
    static const int threads[] = {1, 2, 3, 8};
    int cases = 0;
    for (int f = 0; f < FORMS; f++)
        for (int t = 0; t < 4; t++, cases++) {
            hone_matmul_args one[MOST], all[MOST];
            memory_restart(x);
            moved(x, 0, count, m, one), moved(x, 1, count, m, all);
            hone_set_threads(threads[t]);
            for (int i = 0; i < count; i++) CHECK_OK(forms[f].one(&one[i]));
            CHECK_OK(forms[f].all(count, all));
            for (int b = 0; b < BUFFERS; b++)
                CHECK_MSG(!memcmp(x->p[0][b], x->p[1][b], ROOM * sizeof(float)),
                          "%s, %s, %d threads: buffer %d differs", what, forms[f].name, threads[t], b);
        }
    hone_set_threads(0);
    return cases;
}

/* clang-format off */
TEST(matmul_passes, a_perceptron_forward_and_back_in_one_call) {
    enum { T = 900, C = 96, F = 700 }; /* several passes each */
    memory x;
    memory_begin(&x);
    float *const *p = x.p[0], *in = p[0], *w1 = p[1], *w2 = p[1] + F * C, *h = p[2], *a = p[3], *y = p[4], *dh = p[5],
          *dw = p[6], *dx = p[7];
    const hone_matmul_args m[] = {
        {.M = T, .N = F, .K = C, .trans_b = true, .a = in, .lda = C, .b = w1, .ldb = C, .c = a, .ldc = F, .bias = w2 + F * C, .act = HONE_ACT_GELU, .pre = h},
        {.M = T, .N = C, .K = F, .trans_b = true, .a = a, .lda = F, .b = w2, .ldb = F, .c = y, .ldc = C},
        {.M = T, .N = F, .K = C, .a = y, .lda = C, .b = w2, .ldb = F, .c = dh, .ldc = F, .act = HONE_ACT_GELU, .through = h},
        {.M = C, .N = F, .K = T, .trans_a = true, .a = y, .lda = C, .b = h, .ldb = F, .c = dw, .ldc = F, .sum_a = dx + T * C},
        {.M = F, .N = C, .K = T, .trans_a = true, .a = dh, .lda = F, .b = in, .ldb = C, .c = dw + C * F, .ldc = C, .accumulate = true, .sum_a = dx + T * C + C, .add_sum_a = true},
        {.M = T, .N = C, .K = F, .a = dh, .lda = F, .b = w1, .ldb = C, .c = dx, .ldc = C, .accumulate = true},
        {.M = T, .N = C, .K = 0, .a = dh, .lda = F, .b = w1, .ldb = C, .c = y, .ldc = C, .bias = w2},
        {.M = T, .N = C, .K = C, .a = y, .lda = C, .b = w2, .ldb = C, .c = in, .ldc = C}};
    CHECK_INT(check_all(&x, "perceptron", 8, m), 8);
    memory_end(&x);
}

TEST(matmul_passes, one_that_overwrites_what_another_reads_waits_for_it) {
    enum { M = 700, N = 300, K = 500 };
    memory x;
    memory_begin(&x);
    float *const *p = x.p[0];
    const hone_matmul_args m[] = {
        {.M = M, .N = N, .K = K, .a = p[0], .lda = K, .b = p[1], .ldb = N, .c = p[2], .ldc = N, .bias = p[3]},
        {.M = K, .N = N, .K = 64, .a = p[4], .lda = 64, .b = p[5], .ldb = N, .c = p[1], .ldc = N},      /* its B */
        {.M = M, .N = K, .K = 64, .a = p[4], .lda = 64, .b = p[5], .ldb = K, .c = p[0], .ldc = K},      /* its A */
        {.M = 1, .N = N, .K = 64, .a = p[4], .lda = 64, .b = p[5], .ldb = N, .c = p[3], .ldc = N},      /* its bias */
        {.M = M, .N = N, .K = 32, .a = p[4], .lda = 32, .b = p[5], .ldb = N, .c = p[2], .ldc = N, .accumulate = true},
        {.M = 64, .N = K, .K = M, .trans_a = true, .a = p[2], .lda = N, .b = p[0], .ldb = K, .c = p[4], .ldc = K, .sum_a = p[3]},
        {.M = M, .N = N, .K = N, .trans_b = true, .a = p[2], .lda = N, .b = p[3], .ldb = N, .c = p[6], .ldc = N}};
    CHECK_INT(check_all(&x, "overwriting", 7, m), 8);
    memory_end(&x);
}

/* One task each, so that without waiting every thread would take another product at once. */
TEST(matmul_passes, small_ones_that_need_each_other_keep_their_order) {
    enum { S = 40 };
    memory x;
    memory_begin(&x);
    float *const *p = x.p[0];
    const hone_matmul_args plain = {.M = S, .N = S, .K = S, .lda = S, .ldb = S, .ldc = S};
    hone_matmul_args m[MOST];
    for (int i = 0; i < MOST; i++) m[i] = plain;
    m[0].a = p[0], m[0].b = p[1], m[0].c = p[2];                                                /* a chain by A, */
    m[1].a = p[2], m[1].b = p[1], m[1].c = p[3], m[1].bias = p[6];
    m[2].a = p[0], m[2].b = p[3], m[2].c = p[4], m[2].trans_a = true, m[2].sum_a = p[5];        /* by B, */
    m[3].a = p[0], m[3].b = p[3], m[3].c = p[6], m[3].bias = p[5];                              /* by a bias; */
    m[4].a = p[4], m[4].b = p[6], m[4].c = p[0];                                                /* A overwritten, */
    m[5].a = p[4], m[5].b = p[2], m[5].c = p[3];                                                /* B, */
    m[6].a = p[3], m[6].b = p[1], m[6].c = p[5], m[6].pre = p[7], m[6].act = HONE_ACT_RELU;     /* a bias, */
    m[7].a = p[2], m[7].b = p[1], m[7].c = p[4], m[7].through = p[7], m[7].act = HONE_ACT_TANH; /* and both ways */
    int cases = 0;
    for (int round = 0; round < (int)test_cases(20, 5); round++) cases += check_all(&x, "small", 8, m);
    CHECK(cases >= 40);
    memory_end(&x);
}

/* A long product, and one that is done at once if it does not wait. */
TEST(matmul_passes, nothing_is_overwritten_while_it_is_read) {
    enum { S = 40, K = 3000 };
    memory x;
    memory_begin(&x);
    float *const *p = x.p[0];
    const hone_matmul_args slow = {.M = S, .N = S, .K = K, .a = p[0], .lda = K, .b = p[1], .ldb = S, .c = p[2], .ldc = S, .bias = p[3]};
    hone_matmul_args m[2] = {slow, {.M = 1, .N = S, .K = 1, .a = p[4], .lda = 1, .b = p[5], .ldb = S, .ldc = S}};
    int cases = 0;
    for (int round = 0; round < (int)test_cases(10, 3); round++) {
        m[0] = slow;
        m[1].c = p[0] + (S - 1) * K + K - S, cases += check_all(&x, "the end of A", 2, m);
        m[1].c = p[1] + (K - 1) * S, cases += check_all(&x, "the end of B", 2, m);
        m[1].c = p[3], cases += check_all(&x, "bias", 2, m);
        m[0].trans_a = true, m[0].lda = S, m[0].sum_a = p[6], m[0].M = S, m[0].N = 8;
        m[1].c = p[7], cases += check_all(&x, "sums", 2, m);
    }
    CHECK(cases >= 96);
    memory_end(&x);
}

TEST(matmul_passes, a_call_of_nothing_and_one_without_memory) {
    enum { S = 1100 };
    CHECK_OK(hone_matmul_f32_all(0, NULL));
    CHECK_OK(hone_matmul_bf16_all(0, NULL));
    float *x = calloc((size_t)S * S * 3, sizeof *x), sums[S];
    const hone_matmul_args m[2] = {
        {.M = S, .N = S, .K = S, .a = x, .lda = S, .b = x + S * S, .ldb = S, .c = x + 2 * S * S, .ldc = S},
        {.M = S, .N = S, .K = S, .trans_a = true, .a = x, .lda = S, .b = x + S * S, .ldb = S, .c = x + 2 * S * S, .ldc = S, .sum_a = sums}};
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    void *hog = hone_arena_alloc(scratch, (size_t)64 << 20); /* fills the warm blocks */
    CHECK(hog != NULL);
    for (int f = 0; f < FORMS; f++) {
        hone_fault_set("alloc:1+");
        hone_status status = forms[f].all(2, m);
        hone_fault_set("");
        CHECK_INT(status, HONE_E_NOMEM);
    }
    hone_arena_release(scratch, mark);
    CHECK_OK(hone_matmul_f32_all(2, m));
    free(x);
}
/* clang-format on */
