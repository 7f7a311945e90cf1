/* Whole products in bf16 through tensor/matmul_bf16.c, with every kernel row: exact small integers, random values
 * against double, the same bits from every row, epilogues, packed operands, threads. */
#include "tensor/matmul_bf16.h"

#include "base/fault.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "tests/kernels/dot_rows.h"
#include "tests/tensor/matmul_checks.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static const int64_t sizes[] = {1, 2, 3, 5, 7, 8, 11, 12, 13, 16, 17, 24, 31, 32, 33, 47, 64, 65, 97, 131};
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
    float *a = fill(p, (ra - 1) * m->lda + ca, 1), *b = fill(p, (rb - 1) * m->ldb + cb, 2);
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

static double rounded(float x) {
    uint16_t half;
    float back;
    hone_vector_bf16_narrow__scalar(1, &x, &half);
    hone_vector_bf16_widen__scalar(1, &half, &back);
    return (double)back;
}

/* Every element, every gap. */
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
                double t = rounded(m->a[m->trans_a ? k * m->lda + i : i * m->lda + k]) *
                           rounded(m->b[m->trans_b ? j * m->ldb + k : k * m->ldb + j]);
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

static void run_random_products(score *s, int count, bool exact, uint64_t salt, int64_t K_times) {
    count = (int)test_cases(count, count / 20);
    for (int i = 0; i < count; i++) {
        float *first = NULL;
        for (int r = 0; r < DOT_BF16_ROWS; r++) {
            if (!dot_runs(dot_bf16_entries[r].row->isa, dot_bf16_entries[r].row->needs)) continue;
            hone_dot_bf16_forced = dot_bf16_entries[r].row;
            uint64_t seed = salt + (uint64_t)i, h = hash(seed ^ 0x5555);
            product p;
            product_begin(&p, seed, sizes[h % SIZES], sizes[h / 64 % SIZES],
                          sizes[h / 4096 % SIZES] * K_times - (h >> 30 & 1) * (K_times > 1), exact);
            CHECK_OK(hone_matmul_bf16(&p.m));
            const float *linear = p.m.pre ? p.m.pre : p.m.c; /* the same bits from every row, before the activation */
            if (!p.m.act || p.m.pre) {
                if (!first)
                    first = memcpy(malloc((size_t)p.nc * 4), linear, (size_t)p.nc * 4);
                else
                    for (int64_t m = 0; m < p.m.M; m++)
                        score_same(s, dot_bf16_entries[r].kind, &p.f, "row against row", p.m.N, linear + m * p.m.ldc,
                                   first + m * p.m.ldc);
            }
            product_check(&p, s, dot_bf16_entries[r].kind);
        }
        free(first);
    }
    hone_dot_bf16_forced = NULL;
}

TEST(matmul_bf16, small_integers_multiply_exactly_in_every_form) {
    score s = {.op = "matmul_bf16, exact"};
    run_random_products(&s, 250, true, 1 << 20, 1);
    score_print(&s, 900);
}

TEST(matmul_bf16, random_values_stay_within_the_rounding_of_their_sums_and_all_rows_agree) {
    score s = {.op = "matmul_bf16, random"};
    run_random_products(&s, 250, false, 1 << 24, 1);
    score_print(&s, 900);
}

TEST(matmul_bf16, long_sums_of_several_chains_too) {
    score s = {.op = "matmul_bf16, long sums"};
    run_random_products(&s, 40, false, 1 << 26, 23);
    run_random_products(&s, 20, true, 1 << 27, 41);
    score_print(&s, 200);
}

TEST(matmul_bf16, the_bits_do_not_depend_on_threads_packing_or_neighbours) {
    static const int64_t shapes[][3] = {{1, 384, 384}, {5, 100, 1000}, {64, 70, 96}, {200, 131, 900}, {300, 40, 2048}};
    static const int threads[] = {1, 2, 3, 4, 8};
    for (int i = 0; i < 5; i++)
        for (int form = 0; form < 3; form++) {
            int64_t M = shapes[i][0], N = shapes[i][1], K = shapes[i][2];
            size_t mn = (size_t)(M * N) * 4;
            float *x = malloc((size_t)(M * K) * 4), *w = malloc((size_t)(N * K) * 4), *want = malloc(mn),
                  *c = malloc(mn);
            for (int64_t k = 0; k < M * K; k++) x[k] = (float)case_uniform(1, (uint64_t)k);
            for (int64_t k = 0; k < N * K; k++) w[k] = (float)case_uniform(2, (uint64_t)k);
            hone_matmul_args m = {.M = M,
                                  .N = N,
                                  .K = K,
                                  .trans_a = form == 2,
                                  .trans_b = form == 0,
                                  .a = x,
                                  .b = w,
                                  .c = want,
                                  .ldc = N};
            m.lda = m.trans_a ? M : K, m.ldb = m.trans_b ? K : N;
            hone_set_threads(1);
            CHECK_OK(hone_matmul_bf16(&m));
            uint32_t *packed = malloc((size_t)hone_matmul_bf16_packed_count(N, K) * 4);
            m.c = c;
            for (int t = 0; t < 5; t++) {
                hone_set_threads(threads[t]);
                memset(c, 0xFF, mn);
                CHECK_OK(hone_matmul_bf16(&m));
                CHECK(!memcmp(c, want, mn));
                CHECK_OK(hone_matmul_bf16_pack(N, K, m.trans_b, w, m.ldb, packed));
                hone_matmul_args again = m;
                again.packed_b = packed, again.b = NULL;
                memset(c, 0xFF, mn);
                CHECK_OK(hone_matmul_bf16(&again));
                CHECK(!memcmp(c, want, mn));
                again.M = 1;
                for (int64_t r = 0; r < M; r += 1 + M / 7) { /* a row alone */
                    again.a = m.trans_a ? x + r : x + r * K;
                    CHECK_OK(hone_matmul_bf16(&again));
                    CHECK(!memcmp(c, want + r * N, (size_t)N * 4));
                }
            }
            free(x), free(w), free(want), free(c), free(packed);
        }
    hone_set_threads(0);
}

TEST(matmul_bf16, a_product_of_several_passes_has_the_bits_of_its_rows) {
    if (hone_kernels_isa() == HONE_ISA_SCALAR) SKIP("takes the scalar row minutes");
    if (test_cases(0, 1)) SKIP("takes minutes here; the shapes above share their tasks too");
    enum { M = 1500, N = 1200, K = 4001 };
    float *x = malloc(sizeof(float) * M * K), *w = malloc(sizeof(float) * N * K), *c = malloc(sizeof(float) * M * N),
          row[N];
    for (int64_t k = 0; k < M * K; k++) x[k] = (float)case_uniform(1, (uint64_t)k);
    for (int64_t k = 0; k < N * K; k++) w[k] = (float)case_uniform(2, (uint64_t)k);
    hone_matmul_args m = {
        .M = M, .N = N, .K = K, .trans_a = true, .a = x, .lda = M, .b = w, .ldb = N, .c = c, .ldc = N};
    CHECK_OK(hone_matmul_bf16(&m));
    m.M = 1, m.c = row;
    for (int r = 0; r < M; r += 311) {
        m.a = x + r;
        CHECK_OK(hone_matmul_bf16(&m));
        CHECK(!memcmp(row, c + r * N, sizeof row));
    }
    free(x), free(w), free(c);
}

TEST(matmul_bf16, going_back_through_an_activation_and_sums_of_an_operand_come_with_the_product) {
    int cases = 0;
    for (int r = 0; r < DOT_BF16_ROWS; r++) {
        const dot_bf16_entry *e = dot_bf16_entries + r;
        if (!dot_runs(e->row->isa, e->row->needs)) continue;
        hone_dot_bf16_forced = e->row;
        for (int t = 1; t < 4; t++) {
            cases += check_through(hone_matmul_bf16, e->row->name, 23, 131, 17, HONE_ACT_GELU, t);
            cases += check_through(hone_matmul_bf16, e->row->name, 97, 40, 800, HONE_ACT_TANH, t); /* two chains */
            cases += check_through(hone_matmul_bf16, e->row->name, 1, 1, 1, HONE_ACT_RELU, t);
            cases += check_sum_a(hone_matmul_bf16, 1, 5, 3, t);
            cases += check_sum_a(hone_matmul_bf16, 131, 17, 33, t);
            cases += check_sum_a(hone_matmul_bf16, 300, 16, 1000, t);
            cases += check_sum_a(hone_matmul_bf16, 7, 3, 0, t);
            cases += check_sum_a(hone_matmul_bf16, 7, 0, 50, t);
            cases += check_sum_a(hone_matmul_bf16, 0, 3, 50, t);
        }
        /* several passes: every row but the slow ones, scalar and in plain C */
        if (e->row->isa > HONE_ISA_SCALAR && e->kind != ROW_EMU512)
            cases += check_sum_a(hone_matmul_bf16, 1200, 16, 6000, 2);
    }
    hone_dot_bf16_forced = NULL;
    hone_set_threads(0);
    CHECK(cases >= 2 * 27);
}

TEST(matmul_bf16, empty_sums_give_the_bias_and_empty_results_nothing) {
    float c[6] = {9, 9, 9, 9, 9, 9}, bias[3] = {1, -2, 3}, pre[6];
    hone_matmul_args m = {.M = 2, .N = 3, .K = 0, .c = c, .ldc = 3, .bias = bias, .act = HONE_ACT_RELU, .pre = pre};
    CHECK_OK(hone_matmul_bf16(&m));
    for (int i = 0; i < 6; i++) CHECK(pre[i] == bias[i % 3] && c[i] == (bias[i % 3] > 0 ? bias[i % 3] : 0));
    m = (hone_matmul_args){.M = 2, .N = 3, .K = 0, .c = c, .ldc = 3, .accumulate = true};
    CHECK_OK(hone_matmul_bf16(&m));
    CHECK(c[0] == 1 && c[2] == 3);
    m.M = 0;
    CHECK_OK(hone_matmul_bf16(&m));
    CHECK_INT(hone_matmul_bf16_packed_count(3, 0), 0);
}

TEST(matmul_bf16, what_is_not_finite_shows_and_stays_in_its_row) {
    enum { M = 20, N = 40, K = 33 };
    static float x[M * K], w[N * K], c[M * N];
    for (int i = 0; i < M * K; i++) x[i] = (float)(i % 7 + 1);
    for (int i = 0; i < N * K; i++) w[i] = (float)(i % 5 + 1);
    x[3 * K + 5] = NAN, x[17 * K] = INFINITY, x[18 * K] = 3.4e38f; /* rounds to infinity */
    CHECK_OK(hone_matmul_bf16(&(hone_matmul_args){
        .M = M, .N = N, .K = K, .trans_b = true, .a = x, .lda = K, .b = w, .ldb = K, .c = c, .ldc = N}));
    for (int i = 0; i < M * N; i++) {
        CHECK(isnan(c[i]) == (i / N == 3));
        CHECK(isinf(c[i]) == (i / N == 17 || i / N == 18));
    }
}

/* On a thread of its own, whose scratch arena is still empty. */
static void *bf16_without_memory(void *said) {
    enum { S = 100 };
    static float x[3 * S * S];
    hone_fault_set("alloc:1+");
    hone_status status = hone_matmul_bf16(&(hone_matmul_args){
        .M = S, .N = S, .K = S, .a = x, .lda = S, .b = x + S * S, .ldb = S, .c = x + 2 * S * S, .ldc = S});
    hone_fault_set("");
    snprintf(said, 100, "%d %.80s", status, hone_last_error()->message);
    return NULL;
}

TEST(matmul_bf16, short_memory_is_reported) {
    pthread_t thread;
    char said[100], want[20];
    CHECK_INT(pthread_create(&thread, NULL, bf16_without_memory, said), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    snprintf(want, sizeof want, "%d out of memory", HONE_E_NOMEM);
    CHECK_MSG(!strncmp(said, want, strlen(want)), "said: %s", said);
}

enum { TEAM = 2 };
typedef struct census {
    int come;
    size_t held; /* bytes of their scratch arenas that threads of the team have not given back */
} census;

/* Waits for the other tasks, so that no thread takes two; a thread that never comes is not waited for longer than a
 * test may hang. */
static hone_status count_held(void *ctx, int64_t task) {
    census *c = ctx;
    (void)task;
    __atomic_add_fetch(&c->held, hone_arena_used(hone_scratch()), __ATOMIC_RELAXED);
    __atomic_add_fetch(&c->come, 1, __ATOMIC_RELAXED);
    for (int ms = 0; __atomic_load_n(&c->come, __ATOMIC_RELAXED) < TEAM && ms < 5000; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return HONE_OK;
}

/* A task's tile of A fits into the block that every thread has, its panels do not. Which thread runs a task before the
 * first one has failed is a matter of luck: hence the many tries. */
TEST(matmul_bf16, a_task_that_finds_no_memory_for_its_panels_gives_its_tile_back) {
    enum { N = 4096, K = 384 };
    float *x = calloc(K, sizeof *x), *w = calloc((size_t)N * K, sizeof *w), *c = calloc(N, sizeof *c);
    hone_matmul_args m = {
        .M = 1, .N = N, .K = K, .trans_b = true, .a = x, .lda = K, .b = w, .ldb = K, .c = c, .ldc = N};
    census first = {0}, held = {0};
    hone_set_threads(TEAM);
    CHECK_OK(hone_parallel(TEAM, count_held, &first));
    for (int i = 0; i < 300; i++) {
        hone_fault_set("alloc:1+");
        hone_status status = hone_matmul_bf16(&m);
        hone_fault_set("");
        if (status) CHECK_INT(status, HONE_E_NOMEM);
    }
    CHECK_OK(hone_parallel(TEAM, count_held, &held));
    CHECK_INT(held.come, TEAM);
    CHECK_INT(held.held, first.held);
    hone_set_threads(0);
    free(x), free(w), free(c);
}

TEST(matmul_bf16, nothing_is_allocated_once_warm) {
    enum { S = 200 };
    float *x = calloc(S * S * 3, sizeof *x);
    hone_matmul_args m = {
        .M = S, .N = S, .K = S, .a = x, .lda = S, .b = x + S * S, .ldb = S, .c = x + 2 * S * S, .ldc = S};
    hone_set_threads(1);
    CHECK_OK(hone_matmul_bf16(&m));
    hone_arena_reset(hone_scratch());
    CHECK_OK(hone_matmul_bf16(&m));
    CHECK(hone_fault_set(""));
    CHECK_OK(hone_matmul_bf16(&m));
    CHECK_INT(hone_fault_count(HONE_FAULT_ALLOC), 0);
    hone_set_threads(0);
    free(x);
}
