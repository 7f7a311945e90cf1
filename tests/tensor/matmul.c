/* Whole products through tensor/matmul.c, with every kernel row: exact small integers, random values against double,
 * epilogues, packed operands, threads. */
#include "tensor/matmul.h"

#include "base/fault.h"
#include "base/parallel.h"
#include "tests/kernels/matmul_rows.h"
#include "tests/tensor/matmul_checks.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const int64_t sizes[] = {1,  2,  3,  5,  7,  8,  11, 13, 15, 16, 17, 23, 24,
                                25, 31, 32, 33, 47, 48, 49, 64, 65, 95, 96, 97, 131};
enum { SIZES = sizeof sizes / sizeof *sizes };

static uint64_t hash(uint64_t x) {
    return (uint64_t)((case_uniform(x, 9) + 1) * 0x1p40);
}

/* A product in guarded buffers. */
typedef struct product {
    fixture f;
    hone_matmul_args m;
    bool exact;
    int64_t nc; /* floats of c (and pre) */
    float *old; /* c as it was */
} product;

static float *fill(product *p, int64_t n, uint64_t salt) {
    float *x = fixture_raw(&p->f, (size_t)n * sizeof *x, sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        double u = case_uniform(p->f.seed + salt, (uint64_t)i);
        x[i] = p->exact ? (float)(int)(u * 8.99) : (float)u;
    }
    return x;
}

static void product_begin(product *p, uint64_t seed, int64_t M, int64_t N, int64_t K, bool exact) {
    uint64_t h = hash(seed);
    memset(p, 0, sizeof *p);
    fixture_begin(&p->f, seed);
    p->exact = exact;
    hone_matmul_args *m = &p->m;
    *m = (hone_matmul_args){.M = M, .N = N, .K = K, .trans_a = h & 1, .trans_b = h & 2};
    int64_t ra = m->trans_a ? K : M, ca = m->trans_a ? M : K, rb = m->trans_b ? N : K, cb = m->trans_b ? K : N;
    m->lda = ca + (int64_t)(h >> 2 & 3), m->ldb = cb + (int64_t)(h >> 4 & 3), m->ldc = N + (int64_t)(h >> 6 & 3);
    float *a = fill(p, K ? (ra - 1) * m->lda + ca : 0, 1), *b = fill(p, K ? (rb - 1) * m->ldb + cb : 0, 2);
    fixture_keep(&p->f, a), fixture_keep(&p->f, b);
    m->a = a, m->b = b;
    p->nc = (M - 1) * m->ldc + N;
    m->c = fill(p, p->nc, 3);
    p->old = case_floats(p->nc, m->c);
    int kind = (int)(h >> 8 & 7);
    m->accumulate = kind < 2;
    if (kind >= 4) {
        float *bias = fill(p, N, 4);
        fixture_keep(&p->f, bias);
        m->bias = bias;
    }
    if (kind >= 6) m->act = (hone_act)(h >> 12 & 7);
    if (kind == 5 || kind == 7) m->pre = fill(p, p->nc, 5);
}

/* Every element, every gap. Returns through the test framework on failure. */
static void product_check(product *p, score *s, int row) {
    const hone_matmul_args *m = &p->m;
    for (int64_t i = 0; i < m->M; i++)
        for (int64_t j = 0; j < m->ldc && i * m->ldc + j < p->nc; j++) {
            int64_t at = i * m->ldc + j;
            if (j >= m->N) {
                score_near(s, row, &p->f, "gap of c", at, (double)m->c[at], (double)p->old[at], 0);
                continue;
            }
            double sum = m->accumulate ? (double)p->old[at] : 0, size = fabs(sum);
            if (m->bias) sum += (double)m->bias[j], size += fabs((double)m->bias[j]);
            for (int64_t k = 0; k < m->K; k++) {
                double t = (double)m->a[m->trans_a ? k * m->lda + i : i * m->lda + k] *
                           (double)m->b[m->trans_b ? j * m->ldb + k : k * m->ldb + j];
                sum += t, size += fabs(t);
            }
            double tol = p->exact ? 0 : (4 + 2 * sqrt((double)m->K)) * UNIT * size;
            const float *linear = m->pre ? m->pre : m->c;
            if (m->pre || !m->act) score_near(s, row, &p->f, "sum", at, (double)linear[at], sum, tol);
            if (m->act) {
                double x = m->pre ? (double)m->pre[at] : sum, y;
                hone_activation_f64_fwd(1, m->act, &x, &y);
                score_near(s, row, &p->f, "act", at, (double)m->c[at], y,
                           1e-6 + 4e-6 * fabs(y) + (m->pre ? 0 : 2 * tol));
            }
        }
    fixture_end(&p->f);
    s->cases++;
}

static void run_random_products(score *s, int count, bool exact, uint64_t salt) {
    count = (int)test_cases(count, count / 20);
    for (int r = 0; r < MATMUL_ROWS; r++) {
        if (!row_runs(matmul_rows[r].kind)) continue;
        hone_matmul_f32_forced = matmul_rows[r].row;
        for (int i = 0; i < count; i++) {
            uint64_t seed = salt + (uint64_t)(r * count + i), h = hash(seed ^ 0x5555);
            product p;
            product_begin(&p, seed, sizes[h % SIZES], sizes[h / 64 % SIZES], sizes[h / 4096 % SIZES], exact);
            CHECK_OK(hone_matmul_f32(&p.m));
            product_check(&p, s, matmul_rows[r].kind);
        }
    }
    hone_matmul_f32_forced = NULL;
}

TEST(matmul, small_integers_multiply_exactly_in_every_form) {
    score s = {.op = "matmul, exact"};
    run_random_products(&s, 600, true, 1 << 20);
    score_print(&s, 2000);
}

TEST(matmul, random_values_stay_within_the_rounding_of_their_sums) {
    score s = {.op = "matmul, random"};
    run_random_products(&s, 600, false, 1 << 24);
    score_print(&s, 2000);
}

TEST(matmul, long_sums_of_several_chains_are_exact) {
    static const int64_t Ks[] = {383, 384, 385, 391, 767, 768, 769, 1000, 1153, 2500, 4099};
    score s = {.op = "matmul, long sums"};
    const int columns = (int)test_cases(6, 1);
    for (int r = 0; r < MATMUL_ROWS; r++) {
        if (!row_runs(matmul_rows[r].kind)) continue;
        hone_matmul_f32_forced = matmul_rows[r].row;
        for (int i = 0; i < 11; i++)
            for (int n = 0; n < columns; n++) {
                product p;
                product_begin(&p, (uint64_t)(9000 + r * 100 + i * 6 + n), sizes[(i * 5 + n) % 20],
                              sizes[(i + n * 3) % 20], Ks[i], true);
                CHECK_OK(hone_matmul_f32(&p.m));
                product_check(&p, &s, matmul_rows[r].kind);
            }
    }
    hone_matmul_f32_forced = NULL;
    score_print(&s, 250);
}

TEST(matmul, empty_sums_give_the_bias_and_empty_results_nothing) {
    float c[6] = {9, 9, 9, 9, 9, 9}, bias[3] = {1, -2, 3}, pre[6];
    hone_matmul_args m = {.M = 2, .N = 3, .K = 0, .c = c, .ldc = 3, .bias = bias, .act = HONE_ACT_RELU, .pre = pre};
    CHECK_OK(hone_matmul_f32(&m));
    for (int i = 0; i < 6; i++) CHECK(pre[i] == bias[i % 3] && c[i] == (bias[i % 3] > 0 ? bias[i % 3] : 0));
    m = (hone_matmul_args){.M = 2, .N = 3, .K = 0, .c = c, .ldc = 3, .accumulate = true};
    CHECK_OK(hone_matmul_f32(&m));
    CHECK(c[0] == 1 && c[2] == 3);
    m.M = 0;
    CHECK_OK(hone_matmul_f32(&m));
    m.M = 2, m.N = 0;
    CHECK_OK(hone_matmul_f32(&m));
    CHECK(c[0] == 1 && c[2] == 3);
}

/* Shapes that take different roads: tiny, few rows, wide, tall, several chains, several groups of panels. */
static const int64_t shapes[][3] = {{1, 768, 768},   {8, 1536, 384},  {64, 96, 1000},  {65, 1000, 65},
                                    {197, 192, 768}, {300, 3072, 40}, {513, 384, 384}, {130, 130, 1300}};

static void fill_plain(float *x, int64_t n, uint64_t seed) {
    for (int64_t i = 0; i < n; i++) x[i] = (float)case_uniform(seed, (uint64_t)i);
}

TEST(matmul, the_bits_do_not_depend_on_threads_packing_or_neighbours) {
    enum { MOST = 513 * 3072 };
    float *a = malloc(MOST * 4), *b = malloc(MOST * 4), *want = malloc(MOST * 4), *c = malloc(MOST * 4);
    int threads[] = {1, 2, 3, 4, 8}, cases = 0, forms = (int)test_cases(4, 1);
    fill_plain(a, MOST, 1), fill_plain(b, MOST, 2);
    for (int r = 0; r < MATMUL_ROWS; r++) {
        if (!row_runs(matmul_rows[r].kind) || matmul_rows[r].kind == ROW_EMU512) continue;
        hone_matmul_f32_forced = matmul_rows[r].row;
        for (int i = 0; i < 8; i++)
            for (int form = 0; form < forms; form++) {
                int64_t M = shapes[i][0], N = shapes[i][1], K = shapes[i][2];
                hone_matmul_args m = {.M = M,
                                      .N = N,
                                      .K = K,
                                      .trans_a = form & 1,
                                      .trans_b = form & 2,
                                      .a = a,
                                      .b = b,
                                      .c = want,
                                      .ldc = N,
                                      .bias = b + 5,
                                      .act = HONE_ACT_GELU};
                m.lda = m.trans_a ? M : K, m.ldb = m.trans_b ? K : N;
                hone_set_threads(1);
                CHECK_OK(hone_matmul_f32(&m));
                m.c = c;
                for (int t = 0; t < 5; t++, cases++) {
                    hone_set_threads(threads[t]);
                    memset(c, 0xFF, (size_t)(M * N) * 4);
                    CHECK_OK(hone_matmul_f32(&m));
                    CHECK_MSG(!memcmp(c, want, (size_t)(M * N) * 4), "%s [%d] form %d: %d threads differ from 1",
                              matmul_rows[r].row->name, i, form, threads[t]);
                }
                float *packed = malloc((size_t)hone_matmul_packed_count(N, K) * 4);
                CHECK_OK(hone_matmul_pack(N, K, m.trans_b, b, m.ldb, packed));
                m.packed_b = packed, m.b = NULL;
                memset(c, 0xFF, (size_t)(M * N) * 4);
                CHECK_OK(hone_matmul_f32(&m));
                CHECK_MSG(!memcmp(c, want, (size_t)(M * N) * 4), "%s [%d] form %d: packed differs",
                          matmul_rows[r].row->name, i, form);
                if (!m.trans_a) { /* the last row alone */
                    m.M = 1, m.a = a + (M - 1) * K, m.packed_b = NULL, m.b = b;
                    CHECK_OK(hone_matmul_f32(&m));
                    CHECK_MSG(!memcmp(c, want + (M - 1) * N, (size_t)N * 4), "%s [%d] form %d: a row alone differs",
                              matmul_rows[r].row->name, i, form);
                }
                free(packed);
            }
    }
    hone_matmul_f32_forced = NULL;
    hone_set_threads(0);
    CHECK(cases >= test_cases(160, 40));
    free(a), free(b), free(c), free(want);
}

/* Rows 4 KiB apart are copied tile by tile before a row of many rows reads them: in guarded buffers, whatever lies
 * behind a row's K columns, the bits are those of rows that lie elsewhere. */
static int check_distance(const hone_matmul_f32_row *row, int64_t M, int64_t N, int64_t K, int64_t far, int threads) {
    const int64_t lda[2] = {K, far};
    float *b = malloc((size_t)(K * N) * 4), *c[2];
    fill_plain(b, K * N, 8);
    hone_matmul_f32_forced = row;
    hone_set_threads(threads);
    for (int i = 0; i < 2; i++) {
        size_t bytes = (size_t)((M - 1) * lda[i] + K) * 4;
        float *a = test_guard_alloc(bytes, 4, false); /* NaN between the rows, a guard behind the last one */
        for (int64_t r = 0; r < M; r++) fill_plain(a + r * lda[i], K, 70 + (uint64_t)r);
        c[i] = malloc((size_t)(M * N) * 4);
        CHECK_OK(hone_matmul_f32(
            &(hone_matmul_args){.M = M, .N = N, .K = K, .a = a, .lda = lda[i], .b = b, .ldb = N, .c = c[i], .ldc = N}));
        test_guard_free(a);
    }
    CHECK_MSG(!memcmp(c[0], c[1], (size_t)(M * N) * 4), "%s %dx%dx%d: rows %d apart differ", row->name, (int)M, (int)N,
              (int)K, (int)far);
    free(b), free(c[0]), free(c[1]);
    return 1;
}

TEST(matmul, rows_a_page_apart_give_the_same_bits) {
    int cases = 0;
    for (int r = 0; r < MATMUL_ROWS; r++) {
        if (!row_runs(matmul_rows[r].kind)) continue;
        hone_matmul_f32_forced = matmul_rows[r].row;
        for (int t = 1; t < 4; t++) {
            cases += check_distance(matmul_rows[r].row, 29, 200, 700, 1024, t); /* two chains, a tile of five rows */
            cases += check_distance(matmul_rows[r].row, 80, 130, 33, 3072, t);
            cases += check_distance(matmul_rows[r].row, 13, 20, 17, 1024, t); /* one panel: read in place */
        }
    }
    hone_matmul_f32_forced = NULL;
    hone_set_threads(0);
    CHECK(cases >= 4 * 9);
}

TEST(matmul, going_back_through_an_activation_is_the_product_then_its_slope) {
    int cases = 0;
    for (int r = 0; r < MATMUL_ROWS; r++) {
        if (!row_runs(matmul_rows[r].kind)) continue;
        hone_matmul_f32_forced = matmul_rows[r].row;
        for (int t = 1; t < 4; t++) {
            cases += check_through(hone_matmul_f32, matmul_rows[r].row->name, 23, 131, 17, HONE_ACT_GELU, t);
            cases += check_through(hone_matmul_f32, matmul_rows[r].row->name, 97, 40, 800, HONE_ACT_TANH,
                                   t); /* several chains */
            cases += check_through(hone_matmul_f32, matmul_rows[r].row->name, 1, 1, 1, HONE_ACT_RELU, t);
        }
    }
    hone_matmul_f32_forced = NULL;
    hone_set_threads(0);
    CHECK(cases >= 4 * 9);
}

TEST(matmul, the_sums_of_an_operand_come_with_its_product) {
    int cases = 0;
    for (int r = 0; r < MATMUL_ROWS; r++) {
        if (!row_runs(matmul_rows[r].kind)) continue;
        hone_matmul_f32_forced = matmul_rows[r].row;
        for (int t = 1; t < 4; t++) {
            cases += check_sum_a(hone_matmul_f32, 1, 5, 3, t);
            cases += check_sum_a(hone_matmul_f32, 131, 17, 33, t);
            cases += check_sum_a(hone_matmul_f32, 300, 16, 1000, t);
            cases += check_sum_a(hone_matmul_f32, 7, 3, 0, t);
            cases += check_sum_a(hone_matmul_f32, 7, 0, 50, t);
            cases += check_sum_a(hone_matmul_f32, 0, 3, 50, t);
        }
        /* several passes */
        if (matmul_rows[r].kind != ROW_EMU512) cases += check_sum_a(hone_matmul_f32, 2400, 16, 6000, 2);
    }
    hone_matmul_f32_forced = NULL;
    hone_set_threads(0);
    CHECK(cases >= 4 * 18);
}

TEST(matmul, operands_larger_than_a_pass_are_added_in_several) {
    enum { M = 1200, N = 1400, K = 2700 };
    float *a = malloc(sizeof(float) * K * M), *b = malloc(sizeof(float) * K * N), *c = malloc(sizeof(float) * M * N);
    for (int64_t i = 0; i < (int64_t)K * M; i++) a[i] = (float)(i * 7 % 11 - 5);
    for (int64_t i = 0; i < (int64_t)K * N; i++) b[i] = (float)(i * 5 % 13 - 6);
    hone_matmul_args m = {
        .M = M, .N = N, .K = K, .trans_a = true, .a = a, .lda = M, .b = b, .ldb = N, .c = c, .ldc = N};
    for (int packed = 0; packed < 2; packed++) {
        float *p = packed ? malloc((size_t)hone_matmul_packed_count(N, K) * 4) : NULL;
        if (packed) CHECK_OK(hone_matmul_pack(N, K, false, b, N, p));
        m.packed_b = p;
        memset(c, 0xFF, sizeof(float) * M * N);
        CHECK_OK(hone_matmul_f32(&m));
        for (int64_t i = 0; i < M; i += 37)
            for (int64_t j = 0; j < N; j += 29) {
                double sum = 0;
                for (int64_t k = 0; k < K; k++) sum += (double)a[k * M + i] * (double)b[k * N + j];
                CHECK_NEAR(c[i * N + j], sum, 0);
            }
        free(p);
    }
    free(a), free(b), free(c);
}

TEST(matmul, nothing_is_allocated_once_warm) {
    enum { S = 200 };
    float *x = malloc(sizeof(float) * S * S * 3);
    fill_plain(x, S * S * 3, 1);
    hone_matmul_args m = {
        .M = S, .N = S, .K = S, .a = x, .lda = S, .b = x + S * S, .ldb = S, .c = x + 2 * S * S, .ldc = S};
    hone_set_threads(1);
    CHECK_OK(hone_matmul_f32(&m));
    hone_arena_reset(hone_scratch());
    CHECK_OK(hone_matmul_f32(&m));
    CHECK(hone_fault_set(""));
    CHECK_OK(hone_matmul_f32(&m));
    CHECK_INT(hone_fault_count(HONE_FAULT_ALLOC), 0);
    hone_set_threads(0);
    free(x);
}

static hone_status product_without_memory(int threads) {
    enum { S = 1100 }; /* packs more than scratch can hold so far */
    float *x = calloc(S * S * 3, sizeof *x);
    hone_matmul_args m = {
        .M = S, .N = S, .K = S, .a = x, .lda = S, .b = x + S * S, .ldb = S, .c = x + 2 * S * S, .ldc = S};
    hone_set_threads(threads);
    hone_arena *a = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(a);
    void *hog = hone_arena_alloc(a, (size_t)64 << 20); /* fills the warm blocks, so that packing must ask for more */
    (void)hog;
    hone_fault_set("alloc:1+");
    hone_status status = hone_matmul_f32(&m);
    hone_fault_set("");
    hone_arena_release(a, mark);
    hone_set_threads(0);
    free(x);
    return status;
}

TEST(matmul, short_memory_is_reported_and_the_next_call_works) {
    CHECK_FAILS(product_without_memory(1), HONE_E_NOMEM, "out of memory");
    float a = 2, b = 3, c = 0;
    CHECK_OK(hone_matmul_f32(
        &(hone_matmul_args){.M = 1, .N = 1, .K = 1, .a = &a, .lda = 1, .b = &b, .ldb = 1, .c = &c, .ldc = 1}));
    CHECK_NEAR(c, 6, 0);
}

TEST(matmul, the_double_form_is_exact_on_integers) {
    int cases = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        product p;
        uint64_t h = hash(seed ^ 0x777);
        product_begin(&p, seed + 5, sizes[h % 18], sizes[h / 64 % 18], sizes[h / 4096 % 18], true);
        const hone_matmul_args *f = &p.m;
        double *a = case_doubles(f->M * f->lda + f->K * f->lda, NULL), *b = case_doubles((f->N + f->K) * f->ldb, NULL);
        int64_t ra = f->trans_a ? f->K : f->M, ca = f->trans_a ? f->M : f->K, rb = f->trans_b ? f->N : f->K,
                cb = f->trans_b ? f->K : f->N;
        for (int64_t i = 0; i < (ra - 1) * f->lda + ca; i++) a[i] = (double)f->a[i];
        for (int64_t i = 0; i < (rb - 1) * f->ldb + cb; i++) b[i] = (double)f->b[i];
        double *c = case_doubles(p.nc, p.old), *bias = f->bias ? case_doubles(f->N, f->bias) : NULL,
               *pre = case_doubles(p.nc, NULL);
        hone_matmul_f64_args m = {.M = f->M,
                                  .N = f->N,
                                  .K = f->K,
                                  .trans_a = f->trans_a,
                                  .trans_b = f->trans_b,
                                  .a = a,
                                  .lda = f->lda,
                                  .b = b,
                                  .ldb = f->ldb,
                                  .c = c,
                                  .ldc = f->ldc,
                                  .bias = bias,
                                  .act = f->act,
                                  .pre = f->accumulate ? NULL : pre,
                                  .accumulate = f->accumulate};
        CHECK_OK(hone_matmul_f64(&m));
        for (int64_t i = 0; i < f->M; i++)
            for (int64_t j = 0; j < f->N; j++) {
                double sum = (f->accumulate ? (double)p.old[i * f->ldc + j] : 0) + (bias ? bias[j] : 0), y = 0;
                for (int64_t k = 0; k < f->K; k++)
                    sum += a[f->trans_a ? k * f->lda + i : i * f->lda + k] *
                           b[f->trans_b ? j * f->ldb + k : k * f->ldb + j];
                if (!f->accumulate) CHECK_NEAR(pre[i * f->ldc + j], sum, 0);
                hone_activation_f64_fwd(1, f->act, &sum, &y);
                CHECK_NEAR(c[i * f->ldc + j], y, 1e-15 * (1 + fabs(y)));
            }
        fixture_end(&p.f);
        cases++;
    }
    CHECK_INT(cases, 200);
}
