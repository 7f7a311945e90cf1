#include "tests/kernels/rows.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

TEST(vector, scale_and_mul_follow_the_double_reference) {
    score s = {.op = "vector_f32_scale, mul"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 12; repeat++, seed++) {
            const int64_t n = row_sizes[z];
            const bool add = repeat % 2, in_place = repeat % 3 == 0 && !add;
            const float a = (float)(3 * case_uniform(seed, 1));
            FOR_ROWS(row, vector_f32_scale) {
                fixture f;
                fixture_begin(&f, seed);
                float *x = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, 1),
                      *y = in_place ? x : fixture_out(&f, n, add);
                double *xd = case_doubles(n, x), *yd = case_doubles(n, add ? y : NULL),
                       *y0 = case_doubles(n, add ? y : NULL);
                hone_vector_f64_scale(n, (double)a, xd, yd, add);
                rows_vector_f32_scale[row](n, a, x, y, add);
                for (int64_t i = 0; i < n; i++)
                    score_near(&s, row, &f, "scale", i, (double)y[i], yd[i],
                               1.25 * UNIT * (fabs(yd[i]) + (add ? fabs(yd[i] - y0[i]) : 0)));
                fixture_end(&f);
                fixture_begin(&f, seed);
                float *u = fixture_in(&f, n, 1), *v = fixture_in(&f, n, 1), *w = fixture_out(&f, n, add);
                double *wd = case_doubles(n, add ? w : NULL), *w0 = case_doubles(n, add ? w : NULL);
                hone_vector_f64_mul(n, case_doubles(n, u), case_doubles(n, v), wd, add);
                rows_vector_f32_mul[row](n, u, v, w, add);
                for (int64_t i = 0; i < n; i++)
                    score_near(&s, row, &f, "mul", i, (double)w[i], wd[i],
                               1.25 * UNIT * (fabs(wd[i]) + (add ? fabs(wd[i] - w0[i]) : 0)));
                fixture_end(&f);
                s.cases += 2;
            }
        }
    score_print(&s, 2400);
}

/* Float products are exact in double, so only double roundings remain. */
TEST(vector, sums_are_as_good_as_double) {
    score s = {.op = "vector_f32_sum, dot, sumsq"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 10; repeat++, seed++) {
            const int64_t n = row_sizes[z];
            FOR_ROWS(row, vector_f32_sum) {
                fixture f;
                fixture_begin(&f, seed);
                float *a = fixture_in(&f, n, 1), *b = fixture_in(&f, n, repeat % 2 ? 1 : 1e20);
                double *ad = case_doubles(n, a), *bd = case_doubles(n, b), sum = 0, dot = 0, sumsq = 0;
                for (int64_t i = 0; i < n; i++) sum += fabs(ad[i]), dot += fabs(ad[i] * bd[i]), sumsq += bd[i] * bd[i];
                double u = (double)(n + 1) * 0x1p-52;
                score_near(&s, row, &f, "sum", n, rows_vector_f32_sum[row](n, a), hone_vector_f64_sum(n, ad), u * sum);
                score_near(&s, row, &f, "dot", n, rows_vector_f32_dot[row](n, a, b), hone_vector_f64_dot(n, ad, bd),
                           u * dot);
                score_near(&s, row, &f, "sumsq", n, rows_vector_f32_sumsq[row](n, b), hone_vector_f64_sumsq(n, bd),
                           u * sumsq);
                fixture_end(&f);
                s.cases += 3;
            }
        }
    score_print(&s, 3000);
}

TEST(vector, sums_of_small_integers_are_exact) {
    enum { N = 3000 };
    float *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    for (int i = 0; i < N; i++) a[i] = (float)(i % 17 - 8), b[i] = (float)(i % 23 - 11);
    FOR_ROWS(row, vector_f32_sum)
    for (int n = 0; n <= N; n += n < 100 ? 1 : 97) {
        int64_t sum = 0, dot = 0, sumsq = 0;
        for (int i = 0; i < n; i++)
            sum += i % 17 - 8, dot += (i % 17 - 8) * (i % 23 - 11), sumsq += (i % 23 - 11) * (i % 23 - 11);
        CHECK(rows_vector_f32_sum[row](n, a) == (double)sum);
        CHECK(rows_vector_f32_dot[row](n, a, b) == (double)dot);
        CHECK(rows_vector_f32_sumsq[row](n, b) == (double)sumsq);
    }
    free(a), free(b);
}

TEST(vector, colsum_adds_rows_in_order) {
    score s = {.op = "vector_f32_colsum"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 14; repeat++, seed++) {
            const int64_t C = row_sizes[z], rows = repeat, ld = C + (int64_t)(seed % 3) * 5,
                          n = rows ? (rows - 1) * ld + C : 0;
            FOR_ROWS(row, vector_f32_colsum) {
                fixture f;
                fixture_begin(&f, seed);
                float *x = fixture_in(&f, n, 1), *y = fixture_out(&f, C, true), *want = case_floats(C, y);
                double *xd = case_doubles(n, x), *yd = case_doubles(C, y), *size = case_doubles(C, NULL);
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t c = 0; c < C; c++) want[c] += x[r * ld + c], size[c] += fabs(xd[r * ld + c]);
                for (int64_t c = 0; c < C; c++) size[c] += fabs(yd[c]);
                hone_vector_f64_colsum(rows, C, ld, xd, yd);
                rows_vector_f32_colsum[row](rows, C, ld, x, y);
                score_same(&s, row, &f, "y", C, y, want);
                for (int64_t c = 0; c < C; c++)
                    score_near(&s, row, &f, "y", c, (double)y[c], yd[c], (4 + 2 * sqrt((double)rows)) * UNIT * size[c]);
                fixture_end(&f);
                s.cases++;
            }
        }
    score_print(&s, 1500);
}

TEST(vector, finite_finds_a_single_nan_or_infinity_anywhere) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY},
                       fine[] = {0, -0.0f, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, 1};
    FOR_ROWS(row, vector_f32_finite)
    for (int n = 0; n < 70; n++) {
        float x[70];
        for (int i = 0; i < n; i++) x[i] = fine[i % 7];
        CHECK_MSG(rows_vector_f32_finite[row](n, x), "%s: %d finite numbers", row_name(row), n);
        for (int at = 0; at < n; at++)
            for (int b = 0; b < 4; b++) {
                float kept = x[at];
                x[at] = bad[b];
                CHECK_MSG(!rows_vector_f32_finite[row](n, x), "%s: %g at %d of %d", row_name(row), (double)bad[b], at,
                          n);
                x[at] = kept;
            }
    }
}

/* ---- 16-bit types ---- */
static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}
static uint32_t bits_of(float f) {
    uint32_t b;
    memcpy(&b, &f, sizeof b);
    return b;
}

TEST(vector, widening_all_65536_patterns_gives_the_value_they_stand_for) {
    static uint16_t x[65536 + 5];
    static float want_bf[65536 + 5], want_f[65536 + 5], y[65536 + 5];
    for (int i = 0; i < 65536 + 5; i++) x[i] = (uint16_t)i;
    hone_vector_bf16_widen__scalar(65536 + 5, x, want_bf);
    hone_vector_f16_widen__scalar(65536 + 5, x, want_f);
    for (int i = 0; i < 65536; i++) {
        CHECK(bits_of(want_bf[i]) == (uint32_t)i << 16);
        int e = i >> 10 & 31, m = i & 1023;
        double v = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
        if (e == 31)
            CHECK(m ? isnan(want_f[i]) : isinf(want_f[i]));
        else
            CHECK_NEAR(want_f[i], i & 0x8000 ? -v : v, 0);
        CHECK(signbit(want_f[i]) == signbit(want_bf[i]));
    }
    FOR_ROWS(row, vector_bf16_widen) {
        rows_vector_bf16_widen[row](65536 + 5, x, y);
        for (int i = 0; i < 65536 + 5; i++)
            CHECK_MSG(bits_of(y[i]) == bits_of(want_bf[i]), "%s: bf16 %04x", row_name(row), i);
        rows_vector_f16_widen[row](65536 + 5, x, y);
        for (int i = 0; i < 65536 + 5; i++)
            CHECK_MSG(bits_of(y[i]) == bits_of(want_f[i]), "%s: f16 %04x is %08x, want %08x", row_name(row), i,
                      bits_of(y[i]), bits_of(want_f[i]));
    }
}

TEST(vector, narrowing_takes_the_nearest_and_the_even_one_at_a_tie) {
    for (int i = 0; i < 65536; i++) {
        uint16_t h = (uint16_t)i, back;
        float f, next;
        hone_vector_f16_widen__scalar(1, &h, &f);
        hone_vector_f16_narrow__scalar(1, &f, &back);
        if (isnan(f))
            CHECK_INT(back, h | 0x200); /* quiet, payload kept */
        else
            CHECK_INT(back, h);
        uint16_t after = (uint16_t)(h + 1);
        if ((h & 0x7FFF) < 0x7C00) {
            hone_vector_f16_widen__scalar(1, &after, &next);
            if (isinf(next)) next = signbit(f) ? -65536.0f : 65536.0f; /* overflow begins where 65536 would round */
            float middle = (f + next) / 2, inside = nextafterf(middle, f), outside = nextafterf(middle, next);
            hone_vector_f16_narrow__scalar(1, &middle, &back);
            CHECK_INT(back, h & 1 ? after : h);
            hone_vector_f16_narrow__scalar(1, &inside, &back);
            CHECK_INT(back, h);
            hone_vector_f16_narrow__scalar(1, &outside, &back);
            CHECK_INT(back, after);
        }
        hone_vector_bf16_widen__scalar(1, &h, &f);
        hone_vector_bf16_narrow__scalar(1, &f, &back);
        if (isnan(f))
            CHECK_INT(back, h | 0x40);
        else
            CHECK_INT(back, h);
        if ((h & 0x7FFF) < 0x7F80) {
            float middle = float_of((uint32_t)h << 16 | 0x8000), inside = float_of((uint32_t)h << 16 | 0x7FFF),
                  outside = float_of((uint32_t)h << 16 | 0x8001);
            hone_vector_bf16_narrow__scalar(1, &middle, &back);
            CHECK_INT(back, h & 1 ? after : h);
            hone_vector_bf16_narrow__scalar(1, &inside, &back);
            CHECK_INT(back, h);
            hone_vector_bf16_narrow__scalar(1, &outside, &back);
            CHECK_INT(back, after);
        }
    }
}

TEST(vector, narrowing_gives_the_same_bits_in_every_row) {
    enum { N = 1 << 22 };
    float *x = malloc((N + 3) * sizeof *x);
    uint16_t *want = malloc((N + 3) * sizeof *want), *y = malloc((N + 3) * sizeof *y);
    /* Every 1021st pattern, and every pattern's neighbourhood of an f16 and a bf16 tie. */
    for (int64_t i = 0; i < N + 3; i++) {
        uint32_t b = (uint32_t)(i * 1021);
        if (i % 4 == 1) b = (b & 0xFFFFE000u) | (0xFFF + (uint32_t)(i / 4 % 3));
        if (i % 4 == 3) b = (b & 0xFFFF0000u) | (0x7FFF + (uint32_t)(i / 4 % 3));
        memcpy(x + i, &b, sizeof b);
    }
    hone_vector_bf16_narrow__scalar(N + 3, x, want);
    FOR_ROWS(row, vector_bf16_narrow) {
        rows_vector_bf16_narrow[row](N + 3, x, y);
        for (int64_t i = 0; i < N + 3; i++)
            CHECK_MSG(y[i] == want[i], "%s: bf16 of %08x is %04x, want %04x", row_name(row), bits_of(x[i]), y[i],
                      want[i]);
    }
    hone_vector_f16_narrow__scalar(N + 3, x, want);
    FOR_ROWS(row, vector_f16_narrow) {
        rows_vector_f16_narrow[row](N + 3, x, y);
        for (int64_t i = 0; i < N + 3; i++)
            CHECK_MSG(y[i] == want[i], "%s: f16 of %08x is %04x, want %04x", row_name(row), bits_of(x[i]), y[i],
                      want[i]);
    }
    free(x), free(want), free(y);
}

TEST(vector, conversions_stay_within_their_buffers_at_every_size) {
    score s = {.op = "vector_bf16/f16_widen/narrow"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 9; repeat++, seed++) {
            const int64_t n = row_sizes[z];
            FOR_ROWS(row, vector_bf16_widen)
            for (int kind = 0; kind < 4; kind++) {
                fixture f;
                fixture_begin(&f, seed * 4 + (uint64_t)kind);
                float *x = fixture_in(&f, n, 1), *wide = fixture_out(&f, n, false), *want = case_floats(n, wide);
                uint16_t *half = fixture_raw(&f, (size_t)n * 2, 2), *other = (uint16_t *)(void *)case_floats(n, x);
                if (kind % 2 == 0) {
                    (kind ? rows_vector_f16_narrow : rows_vector_bf16_narrow)[row](n, x, half);
                    (kind ? hone_vector_f16_narrow__scalar : hone_vector_bf16_narrow__scalar)(n, x, other);
                    CHECK_MSG(!n || !memcmp(half, other, (size_t)n * 2), "%s: %d elements", row_name(row), (int)n);
                } else {
                    hone_vector_bf16_narrow__scalar(n, x, half);
                    fixture_keep(&f, half);
                    (kind == 1 ? rows_vector_f16_widen : rows_vector_bf16_widen)[row](n, half, wide);
                    (kind == 1 ? hone_vector_f16_widen__scalar : hone_vector_bf16_widen__scalar)(n, half, want);
                    CHECK_MSG(!n || !memcmp(wide, want, (size_t)n * 4), "%s: %d elements", row_name(row), (int)n);
                }
                fixture_end(&f);
                s.cases++;
            }
        }
    score_print(&s, 3500);
}
