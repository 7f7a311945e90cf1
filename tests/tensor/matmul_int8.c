/* Linears in 8-bit integers through tensor/matmul_int8.c: against the definition, step by step, with every kernel row.
 */
#include "tensor/matmul_int8.h"

#include "base/fault.h"
#include "base/parallel.h"
#include "tests/kernels/dot_rows.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static uint64_t hash(uint64_t x) {
    return (uint64_t)((case_uniform(x, 9) + 1) * 0x1p40);
}
static void fill(float *x, int64_t n, uint64_t seed, double size) {
    for (int64_t i = 0; i < n; i++) {
        double u = case_uniform(seed, (uint64_t)i);
        x[i] = (float)(u * u * u * size); /* a few large ones, as activations have */
    }
}

/* y as the headers define it, from the definition of each step; gain and scales are the packed ones. */
static void reference(int64_t M, const float *x, int64_t lda, const float *w, int64_t ldw,
                      const hone_matmul_int8_weight *p, const float *bias, float *y) {
    const hone_dot_int8_row *row = &hone_dot_int8__scalar;
    int64_t K = p->K;
    uint32_t *words = malloc((size_t)K + 8);
    int8_t *q = malloc((size_t)(p->N * K) + 1);
    float *inverse = malloc((size_t)K * 4 + 4);
    for (int64_t k = 0; k < K; k++) inverse[k] = 1 / p->gain[k];
    for (int64_t n = 0; n < p->N; n++) {
        float scale;
        CHECK_INT(row->weights(K, w + n * ldw, inverse, q + n * K, &scale), p->sum[n]);
        CHECK(scale == p->scale[n]);
    }
    for (int64_t i = 0; i < M; i++) {
        float scale;
        int32_t zero;
        row->quantize(K, x + i * lda, p->gain, words, &scale, &zero);
        for (int64_t n = 0; n < p->N; n++) {
            int64_t sum = 0;
            for (int64_t k = 0; k < K; k++) sum += (((const uint8_t *)words)[k] - zero) * (int64_t)q[n * K + k];
            volatile float t = (float)(int32_t)sum;
            t = t * scale;
            t = t * p->scale[n];
            y[i * p->N + n] = bias ? t + bias[n] : t;
        }
    }
    free(words), free(q), free(inverse);
}

TEST(matmul_int8, every_row_gives_the_bits_of_the_definition) {
    static const int64_t sizes[] = {1, 2, 3, 5, 7, 8, 11, 12, 13, 16, 17, 24, 31, 32, 33, 47, 64, 65, 97, 131};
    score s = {.op = "matmul_int8"};
    hone_arena *arena = hone_arena_new("test", 0);
    const uint64_t each = (uint64_t)test_cases(150, 20);
    for (int r = 0; r < DOT_INT8_ROWS; r++) {
        const dot_int8_entry *e = dot_int8_entries + r;
        if (!dot_runs(e->row->isa, e->row->needs)) continue;
        hone_dot_int8_forced = e->row;
        for (uint64_t i = 0; i < each; i++) {
            uint64_t h = hash(i ^ 0x777);
            int64_t M = sizes[h % 20], N = sizes[h / 32 % 20],
                    K = sizes[h / 1024 % 20] * (i % 7 == 3 ? 9 : 1) - (i % 50 == 9);
            int64_t lda = K + (int64_t)(h >> 20 & 3), ldw = K + (int64_t)(h >> 22 & 3),
                    ldc = N + (int64_t)(h >> 24 & 3);
            fixture f;
            fixture_begin(&f, i * 8 + (uint64_t)r);
            float *x = fixture_raw(&f, (size_t)((M - 1) * lda + K) * 4, 4),
                  *w = fixture_raw(&f, (size_t)((N - 1) * ldw + K) * 4, 4);
            fill(x, (M - 1) * lda + K, h, 3), fill(w, (N - 1) * ldw + K, h + 1, 0.2);
            fixture_keep(&f, x), fixture_keep(&f, w);
            float *bias = h & 1 ? fixture_in(&f, N, 1) : NULL, *y = fixture_out(&f, (M - 1) * ldc + N, true),
                  *want = case_floats((M - 1) * ldc + N, y), *dense = malloc((size_t)(M * N) * 4);
            hone_matmul_int8_weight packed;
            hone_arena_reset(arena);
            CHECK_OK(hone_matmul_int8_pack(arena, N, K, w, ldw, &packed));
            reference(M, x, lda, w, ldw, &packed, bias, dense);
            for (int64_t m = 0; m < M; m++) memcpy(want + m * ldc, dense + m * N, (size_t)N * 4);
            CHECK_OK(hone_matmul_int8(
                &(hone_matmul_int8_args){.M = M, .a = x, .lda = lda, .w = &packed, .c = y, .ldc = ldc, .bias = bias}));
            score_same(&s, e->kind, &f, e->row->name, (M - 1) * ldc + N, y, want);
            fixture_end(&f);
            free(dense);
            s.cases++;
        }
    }
    hone_dot_int8_forced = NULL;
    hone_arena_free(arena);
    score_print(&s, test_cases(550, 40));
}

TEST(matmul_int8, the_result_is_close_to_the_product_in_float) {
    enum { M = 40, N = 96, K = 384 };
    static float x[M * K], w[N * K], y[M * N];
    fill(x, M * K, 1, 2), fill(w, N * K, 2, 0.3);
    hone_arena *arena = hone_arena_new("test", 0);
    hone_matmul_int8_weight packed;
    CHECK_OK(hone_matmul_int8_pack(arena, N, K, w, K, &packed));
    CHECK_OK(hone_matmul_int8(&(hone_matmul_int8_args){.M = M, .a = x, .lda = K, .w = &packed, .c = y, .ldc = N}));
    double worst = 1;
    for (int i = 0; i < M; i++) {
        double dot = 0, a = 0, b = 0;
        for (int n = 0; n < N; n++) {
            double sum = 0;
            for (int k = 0; k < K; k++) sum += (double)x[i * K + k] * (double)w[n * K + k];
            dot += sum * (double)y[i * N + n], a += sum * sum, b += (double)y[i * N + n] * (double)y[i * N + n];
        }
        double cosine = dot / sqrt(a * b);
        if (!(cosine >= worst)) worst = cosine;
    }
    printf("  matmul_int8: worst cosine of a row to the exact product %.6f\n", worst);
    CHECK(worst > 0.9995); /* two roundings of a 255th and a 254th of the range: about 1 - 1e-4 */
    hone_arena_free(arena);
}

TEST(matmul_int8, threads_neighbours_and_blocks_change_no_bit) {
    static const int64_t shapes[][3] = {{1, 384, 384}, {1, 1536, 384}, {3, 70, 1536},
                                        {64, 384, 96}, {200, 130, 64}, {700, 40, 2048}};
    static const int threads[] = {1, 2, 3, 4, 8};
    hone_arena *arena = hone_arena_new("test", 0);
    for (int i = 0; i < 6; i++) {
        int64_t M = shapes[i][0], N = shapes[i][1], K = shapes[i][2];
        float *x = malloc((size_t)(M * K) * 4), *w = malloc((size_t)(N * K) * 4), *want = malloc((size_t)(M * N) * 4),
              *y = malloc((size_t)(M * N) * 4), *bias = malloc((size_t)N * 4);
        fill(x, M * K, 5, 2), fill(w, N * K, 6, 0.3), fill(bias, N, 7, 1);
        for (int t = 0; t < 5; t++) {
            hone_set_threads(threads[t]);
            hone_matmul_int8_weight packed;
            hone_arena_reset(arena);
            CHECK_OK(hone_matmul_int8_pack(arena, N, K, w, K, &packed));
            hone_matmul_int8_args m = {.M = M,
                                       .a = x,
                                       .lda = K,
                                       .w = &packed,
                                       .c = t ? y : want,
                                       .ldc = N,
                                       .bias = bias,
                                       .act = HONE_ACT_GELU};
            CHECK_OK(hone_matmul_int8(&m));
            CHECK(!t || !memcmp(y, want, (size_t)(M * N) * 4));
            m.M = 1, m.c = y; /* a row alone */
            for (int64_t r = 0; r < M; r += 1 + M / 5) {
                m.a = x + r * K;
                CHECK_OK(hone_matmul_int8(&m));
                CHECK(!memcmp(y, want + r * N, (size_t)N * 4));
            }
        }
        free(x), free(w), free(want), free(y), free(bias);
    }
    hone_set_threads(0);
    hone_arena_free(arena);
}

TEST(matmul_int8, the_activation_comes_last) {
    enum { M = 13, N = 37, K = 50 };
    static float x[M * K], w[N * K], bias[N], plain[M * N], y[M * N];
    fill(x, M * K, 1, 2), fill(w, N * K, 2, 0.3), fill(bias, N, 3, 1);
    hone_arena *arena = hone_arena_new("test", 0);
    hone_matmul_int8_weight packed;
    CHECK_OK(hone_matmul_int8_pack(arena, N, K, w, K, &packed));
    hone_matmul_int8_args m = {.M = M, .a = x, .lda = K, .w = &packed, .c = plain, .ldc = N, .bias = bias};
    CHECK_OK(hone_matmul_int8(&m));
    for (int act = 1; act < HONE_ACT_COUNT; act++) {
        m.act = (hone_act)act, m.c = y;
        CHECK_OK(hone_matmul_int8(&m));
        for (int i = 0; i < M * N; i++) {
            double want, in = (double)plain[i];
            hone_activation_f64_fwd(1, m.act, &in, &want);
            CHECK_NEAR(y[i], want, 1e-6 + 4e-6 * fabs(want));
        }
    }
    hone_arena_free(arena);
}

TEST(matmul_int8, the_longest_sum_of_the_largest_products_is_exact) {
    const int64_t K = HONE_DOT_INT8_MAX_K;
    float *x = malloc((size_t)K * 4), *w = malloc((size_t)K * 4);
    hone_arena *arena = hone_arena_new("test", 0);
    for (int r = 0; r < DOT_INT8_ROWS; r++)
        for (int sign = -1; sign < 2; sign += 2)
            for (int side = -1; side < 2; side += 2) {
                const hone_dot_int8_row *row = dot_int8_entries[r].row;
                if (!dot_runs(row->isa, row->needs)) continue;
                hone_dot_int8_forced = row;
                hone_arena_reset(arena);
                for (int64_t k = 0; k < K; k++) x[k] = (float)side, w[k] = (float)sign;
                hone_matmul_int8_weight packed;
                float y = 0;
                CHECK_OK(hone_matmul_int8_pack(arena, 1, K, w, K, &packed));
                CHECK_OK(hone_matmul_int8(
                    &(hone_matmul_int8_args){.M = 1, .a = x, .lda = K, .w = &packed, .c = &y, .ldc = 1}));
                CHECK_NEAR(y, (double)(sign * side) * (double)K, 0.02);
            }
    hone_dot_int8_forced = NULL;
    hone_matmul_int8_weight packed;
    CHECK_FAILS(hone_matmul_int8_pack(arena, 1, K + 1, w, K, &packed), HONE_E_LIMIT, "65537");
    hone_arena_free(arena);
    free(x), free(w);
}

TEST(matmul_int8, what_is_not_finite_stays_in_its_row_and_is_refused_in_weights) {
    enum { M = 20, N = 40, K = 33 };
    static float x[M * K], w[N * K], y[M * N];
    fill(x, M * K, 1, 2), fill(w, N * K, 2, 0.3);
    hone_arena *arena = hone_arena_new("test", 0);
    hone_matmul_int8_weight packed;
    x[3 * K + 5] = NAN, x[17 * K] = -INFINITY;
    CHECK_OK(hone_matmul_int8_pack(arena, N, K, w, K, &packed));
    CHECK_OK(hone_matmul_int8(&(hone_matmul_int8_args){.M = M, .a = x, .lda = K, .w = &packed, .c = y, .ldc = N}));
    for (int i = 0; i < M * N; i++) CHECK(isnan(y[i]) == (i / N == 3 || i / N == 17));
    w[7 * K + 1] = NAN;
    CHECK_FAILS(hone_matmul_int8_pack(arena, N, K, w, K, &packed), HONE_E_NUMERIC, "row 7 of 40");
    w[7 * K + 1] = INFINITY;
    CHECK_FAILS(hone_matmul_int8_pack(arena, N, K, w, K, &packed), HONE_E_NUMERIC, "row 7 of 40");
    hone_arena_free(arena);
}

TEST(matmul_int8, zeros_and_empty_shapes_give_the_bias) {
    enum { N = 5, K = 9 };
    float x[2 * K] = {0}, w[N * K] = {0}, bias[N] = {1, -2, 3, -0.0f, 5}, y[2 * N];
    hone_arena *arena = hone_arena_new("test", 0);
    for (int k = 0; k <= K; k += K)
        for (int ones = 0; ones < 2; ones++) {
            for (int i = 0; i < N * K; i++) w[i] = (float)(ones * i);
            hone_matmul_int8_weight packed;
            CHECK_OK(hone_matmul_int8_pack(arena, N, k, w, K, &packed));
            CHECK_OK(hone_matmul_int8(
                &(hone_matmul_int8_args){.M = 2, .a = x, .lda = K, .w = &packed, .c = y, .ldc = N, .bias = bias}));
            for (int i = 0; i < 2 * N; i++) CHECK_NEAR(y[i], bias[i % N], 0);
            CHECK_OK(hone_matmul_int8(
                &(hone_matmul_int8_args){.M = 0, .a = x, .lda = K, .w = &packed, .c = NULL, .ldc = N}));
        }
    hone_arena_free(arena);
}

/* On a thread of its own, whose scratch arena is still empty. */
static void *int8_without_memory(void *said) {
    enum { M = 40, N = 64, K = 512 };
    static float x[M * K], w[N * K], y[M * N];
    hone_arena *arena = hone_arena_new("test", 1 << 20);
    hone_matmul_int8_weight packed = {.N = 0};
    char *to = said;
    for (int step = 0; step < 3; step++) { /* packing; multiplying; the memory back, all is well */
        hone_fault_set(step < 2 ? "alloc:1+" : "");
        packed.row = hone_dot_int8_choose();
        hone_status status = hone_matmul_int8_pack(arena, N, K, w, K, &packed);
        if (step)
            status =
                hone_matmul_int8(&(hone_matmul_int8_args){.M = M, .a = x, .lda = K, .w = &packed, .c = y, .ldc = N});
        hone_fault_set("");
        to += snprintf(to, 40, "%d %.13s, ", status, status ? hone_last_error()->message : "");
    }
    hone_arena_free(arena);
    return NULL;
}

TEST(matmul_int8, short_memory_is_reported) {
    pthread_t thread;
    char said[140], want[140];
    CHECK_INT(pthread_create(&thread, NULL, int8_without_memory, said), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    snprintf(want, sizeof want, "%d out of memory, %d out of memory, 0 , ", HONE_E_NOMEM, HONE_E_NOMEM);
    CHECK_STR(said, want);
}
