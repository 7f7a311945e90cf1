/* The int8 dot-product rows: every tile against 64-bit sums, quantisation against its definition in double where that
 * decides the result, and the same bits from every row. */
#include "tests/kernels/dot_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Values that would saturate 16 bits come often: 0, 255 and -127, 127. */
static int32_t extreme(uint64_t seed, uint64_t i, int32_t low, int32_t high) {
    double u = case_uniform(seed, i);
    return u < -0.5 ? low : u < 0 ? high : low + (int32_t)((double)(high - low + 1) * u * 0.9999999);
}

static void int8_tile_case(score *s, const dot_int8_entry *e, int64_t rows, int64_t groups, uint64_t seed) {
    fixture f;
    fixture_begin(&f, seed);
    const int64_t nr = e->row->nr, g = e->row->group, row = groups + (int64_t)(seed % 3);
    uint32_t *a = fixture_raw(&f, (size_t)(groups ? (rows - 1) * row + groups : 0) * 4, 4);
    int8_t *b = fixture_raw(&f, (size_t)(groups * nr * g), 1);
    int32_t *sums = fixture_raw(&f, (size_t)(rows * nr) * 4, 4);
    int32_t low = g == 4 ? 0 : -(int32_t)(seed % 256), high = low + 255;
    for (int64_t i = 0; i < (groups ? (rows - 1) * row + groups : 0); i++)
        for (int64_t k = 0; k < g; k++) {
            int32_t v = extreme(seed + 1, (uint64_t)(i * g + k), low, high);
            if (g == 4)
                ((uint8_t *)(a + i))[k] = (uint8_t)v;
            else
                ((int16_t *)(a + i))[k] = (int16_t)v;
        }
    for (int64_t i = 0; i < groups * nr * g; i++) b[i] = (int8_t)extreme(seed + 2, (uint64_t)i, -127, 127);
    fixture_keep(&f, a), fixture_keep(&f, b);
    e->row->tile(rows, groups, a, row, b, sums);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < nr; j++) {
            int64_t want = 0;
            for (int64_t k = 0; k < groups * g; k++) {
                const void *word = a + i * row + k / g;
                int64_t v = g == 4 ? ((const uint8_t *)word)[k % g] : ((const int16_t *)word)[k % g];
                want += v * b[(k / g * nr + j) * g + k % g];
            }
            if (sums[i * nr + j] != want)
                FAIL("%s: rows %" PRId64 " groups %" PRId64 " element %" PRId64 ",%" PRId64 " is %d, want %" PRId64
                     ", seed %" PRIu64,
                     e->row->name, rows, groups, i, j, sums[i * nr + j], want, seed);
        }
    fixture_end(&f);
    s->cases++;
}

TEST(dot_int8, every_tile_gives_the_exact_integer_sums) {
    static const int64_t groups[] = {0, 1, 2, 3, 7, 8, 9, 10, 33, 96, 97};
    score s = {.op = "int8 tile"};
    uint64_t seed = 1;
    for (int r = 0; r < DOT_INT8_ROWS; r++) {
        const dot_int8_entry *e = dot_int8_entries + r;
        if (!dot_runs(e->row->isa, e->row->needs)) continue;
        CHECK(e->row->mr * e->row->nr <= HONE_DOT_TILE_MOST);
        for (int64_t rows = 1; rows <= e->row->mr; rows++)
            for (int i = 0; i < 11; i++)
                for (int n = 0; n < 4; n++, seed++) int8_tile_case(&s, e, rows, groups[i], seed * 7919);
    }
    score_print(&s, 1400);
}

/* Fills x with one of many kinds of rows. */
static void fill_kind(float *x, int64_t K, uint64_t seed, int kind) {
    static const double sizes[] = {1, 1e-6, 1e30, 3e38, 1e-20, 255, 1e-29, 1e-36};
    for (int64_t k = 0; k < K; k++) {
        double u = case_uniform(seed, (uint64_t)k);
        x[k] = (float)(u * sizes[kind % 8]);
        if (kind / 8 == 1) x[k] = fabsf(x[k]);
        if (kind / 8 == 2) x[k] = -fabsf(x[k]);
        if (kind / 8 == 3) x[k] = (float)(u * sizes[kind % 8] * (fabs(u) > 0.9 ? 1 : 1e-3));
        if (kind / 8 == 4) x[k] = u < 0 ? -0.0f : 0.0f;
        if (kind / 8 == 5) x[k] = (float)(0.5 * floor(u * 100)); /* ties */
    }
}

static int32_t int8_u(const hone_dot_int8_row *row, const uint32_t *words, int64_t k) { /* u - z or u */
    return row->group == 4 ? ((const uint8_t *)words)[k] : ((const int16_t *)(const void *)words)[k];
}

TEST(dot_int8, rows_are_quantised_alike_by_every_row_and_come_back_within_half_a_step) {
    score s = {.op = "int8 quantize"};
    for (int n = 0; n < row_size_count; n++)
        for (int kind = 0; kind < 48; kind++) {
            int64_t K = row_sizes[n];
            uint64_t seed = (uint64_t)(n * 100 + kind);
            float scale0 = NAN;
            int32_t zero0 = 0, u0[1024];
            for (int r = 0; r < DOT_INT8_ROWS; r++) {
                const hone_dot_int8_row *row = dot_int8_entries[r].row;
                if (!dot_runs(row->isa, row->needs)) continue;
                fixture f;
                fixture_begin(&f, seed * 8 + (uint64_t)r);
                float *x = fixture_raw(&f, (size_t)K * 4, 4), *gain = NULL, scale;
                fill_kind(x, K, seed, kind);
                if (kind % 2) {
                    gain = fixture_raw(&f, (size_t)K * 4, 4);
                    for (int64_t k = 0; k < K; k++)
                        gain[k] = (float)(0.6 + 0.4 * case_uniform(seed, (uint64_t)k + 5000));
                    fixture_keep(&f, gain);
                }
                fixture_keep(&f, x);
                int64_t words = (K + row->group - 1) / row->group;
                uint32_t *w = fixture_raw(&f, (size_t)words * 4, 4);
                int32_t zero;
                row->quantize(K, x, gain, w, &scale, &zero);
                for (int64_t k = K; k < words * row->group; k++) CHECK_INT(int8_u(row, w, k), 0);
                if (r == 0) {
                    float lo = 0, hi = 0;
                    for (int64_t k = 0; k < K; k++) {
                        float v = gain ? x[k] * gain[k] : x[k];
                        lo = fminf(lo, v), hi = fmaxf(hi, v);
                    }
                    float want = hi * (1 / 255.0f) - lo * (1 / 255.0f);
                    scale0 = want > 0x1p-100f ? want : 0, zero0 = scale0 > 0 ? zero : 0;
                    CHECK(zero >= 0 && zero <= 255);
                    for (int64_t k = 0; k < K; k++) u0[k] = int8_u(row, w, k);
                }
                CHECK_MSG(!memcmp(&scale, &scale0, sizeof scale), "%s: scale %g, want %g", row->name, (double)scale,
                          (double)scale0);
                CHECK_INT(zero, row->group == 4 ? zero0 : 0);
                for (int64_t k = 0; k < K; k++) {
                    float v = gain ? x[k] * gain[k] : x[k];
                    int32_t u = int8_u(row, w, k) - zero;
                    if (u != u0[k] - zero0)
                        FAIL("%s: value %" PRId64 " is %d, the scalar row has %d", row->name, k, u, u0[k] - zero0);
                    /* half a step; the ends, where the zero point's rounding shifts the range, up to a whole one */
                    bool end = u + zero0 == 0 || u + zero0 == 255;
                    score_near(&s, dot_int8_entries[r].kind, &f, "value", k, (double)scale * u,
                               scale > 0 ? (double)v : 0, (double)scale * (end ? 1.01 : 0.5001));
                }
                fixture_end(&f);
                s.cases++;
            }
        }
    score_print(&s, 3000);
}

TEST(dot_int8, a_row_that_is_not_finite_gets_the_scale_nan) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    float x[70], s_w;
    uint32_t words[40];
    int8_t q[70];
    for (int r = 0; r < DOT_INT8_ROWS; r++) {
        const hone_dot_int8_row *row = dot_int8_entries[r].row;
        if (!dot_runs(row->isa, row->needs)) continue;
        for (int at = 0; at < 70; at++)
            for (int b = 0; b < 4; b++) {
                float scale = 0;
                int32_t zero = 7;
                for (int k = 0; k < 70; k++) x[k] = k == at ? bad[b] : (float)(k - 35);
                row->quantize(70, x, NULL, words, &scale, &zero);
                CHECK(isnan(scale));
                CHECK_INT(zero, 0);
                row->weights(70, x, NULL, q, &s_w);
                CHECK(isnan(s_w));
            }
    }
}

TEST(dot_int8, weights_are_symmetric_and_within_half_a_step_in_every_row) {
    score s = {.op = "int8 weights"};
    for (int n = 0; n < row_size_count; n++)
        for (int kind = 0; kind < 48; kind++) {
            int64_t K = row_sizes[n];
            uint64_t seed = (uint64_t)(n * 100 + kind) + 77;
            static float w[1024], gain[1024];
            int8_t q0[1024], q[1024];
            float scale0 = 0, scale;
            fill_kind(w, K, seed, kind);
            for (int64_t k = 0; k < K; k++) gain[k] = (float)(0.6 + 0.4 * case_uniform(seed, (uint64_t)k + 5000));
            for (int r = 0; r < DOT_INT8_ROWS; r++) {
                const hone_dot_int8_row *row = dot_int8_entries[r].row;
                if (!dot_runs(row->isa, row->needs)) continue;
                int32_t total = row->weights(K, w, kind % 2 ? gain : NULL, q, &scale), want = 0;
                if (r == 0) memcpy(q0, q, (size_t)K), scale0 = scale;
                CHECK(!memcmp(&scale, &scale0, sizeof scale) && !memcmp(q, q0, (size_t)K));
                fixture f = {.seed = seed};
                for (int64_t k = 0; k < K; k++) {
                    want += q[k];
                    CHECK(q[k] >= -127);
                    float v = kind % 2 ? w[k] * gain[k] : w[k];
                    score_near(&s, dot_int8_entries[r].kind, &f, "weight", k, (double)scale * q[k],
                               scale > 0 ? (double)v : 0, (double)scale * 0.5001);
                }
                CHECK_INT(total, want);
                s.cases++;
            }
        }
    score_print(&s, 3000);
}

TEST(dot_int8, the_way_back_has_the_same_bits_in_every_row) {
    score s = {.op = "int8 finish"};
    for (uint64_t seed = 1; seed < 60; seed++)
        for (int r = 0; r < DOT_INT8_ROWS; r++) {
            const dot_int8_entry *e = dot_int8_entries + r;
            if (!dot_runs(e->row->isa, e->row->needs)) continue;
            fixture f;
            fixture_begin(&f, seed * 16 + (uint64_t)r);
            const int64_t nr = e->row->nr, rows = 1 + (int64_t)(seed % (uint64_t)e->row->mr),
                          cols = 1 + (int64_t)(seed * 5 % (uint64_t)nr), ldy = cols + (int64_t)(seed % 4);
            int32_t *sums = fixture_raw(&f, (size_t)(rows * nr) * 4, 4), *zero = fixture_raw(&f, (size_t)rows * 4, 4),
                    *w_sum = fixture_raw(&f, (size_t)cols * 4, 4);
            float *scale = fixture_in(&f, rows, 1), *w_scale = fixture_in(&f, cols, 0.01),
                  *bias = seed % 3 ? fixture_in(&f, cols, 1) : NULL,
                  *y = fixture_out(&f, (rows - 1) * ldy + cols, true);
            for (int64_t i = 0; i < rows * nr; i++)
                sums[i] = (int32_t)(case_uniform(seed, (uint64_t)i) * (seed % 2 ? 1e5 : 2e9));
            for (int64_t i = 0; i < rows; i++) zero[i] = e->row->group == 4 ? (int32_t)(seed * 37 % 256) : 0;
            for (int64_t j = 0; j < cols; j++) w_sum[j] = (int32_t)(case_uniform(seed + 9, (uint64_t)j) * 1e5);
            fixture_keep(&f, sums), fixture_keep(&f, zero), fixture_keep(&f, w_sum);
            float *want = case_floats((rows - 1) * ldy + cols, y);
            for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < cols; j++) {
                    volatile float t =
                        (float)(int32_t)((uint32_t)sums[i * nr + j] - (uint32_t)zero[i] * (uint32_t)w_sum[j]);
                    t = t * scale[i];
                    t = t * w_scale[j];
                    want[i * ldy + j] = bias ? t + bias[j] : t;
                }
            e->row->finish(rows, cols, sums, scale, zero, w_scale, w_sum, bias, y, ldy);
            score_same(&s, e->kind, &f, e->row->name, (rows - 1) * ldy + cols, y, want);
            fixture_end(&f);
            s.cases++;
        }
    score_print(&s, 200);
}

TEST(dot_int8, the_row_in_use_is_the_best_that_the_cap_and_the_machine_allow) {
    if (test_emulates()) SKIP("the emulated rows are in use");
    const hone_dot_int8_row *row = hone_dot_int8_choose();
    CHECK(row->isa <= hone_kernels_isa() && !(row->needs & ~hone_cpu_features(hone_kernels_isa())));
    int listed = 0;
    for (; hone_dot_int8_rows[listed]; listed++)
        if (hone_dot_int8_rows[listed] == row) break;
    CHECK(hone_dot_int8_rows[listed] == row);
    for (int i = 0; i < listed; i++)
        CHECK(hone_dot_int8_rows[i]->isa > hone_kernels_isa() ||
              (hone_dot_int8_rows[i]->needs & ~hone_cpu_features(hone_kernels_isa())));
    CHECK_INT(hone_cpu_features(HONE_ISA_SCALAR), 0);
    CHECK_INT(hone_cpu_features(HONE_ISA_AVX2) & ~(uint32_t)HONE_CPU_AVX_VNNI, 0);
    if (!hone_isa_supported(HONE_ISA_AVX512))
        CHECK_INT(hone_cpu_features(HONE_ISA_AVX512), hone_cpu_features(HONE_ISA_AVX2));
}

TEST(dot_int8, the_vnni_rows_run_here) {
    if (!dot_runs(HONE_ISA_AVX512, HONE_CPU_AVX512_VNNI))
        SKIP("this machine has no AVX512-VNNI: its row is compiled, its tile runs as emu512vnni");
}
