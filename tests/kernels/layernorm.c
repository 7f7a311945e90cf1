#include "kernels/dropout/dropout_bits.h"
#include "tests/kernels/rows.h"

#include <math.h>

static hone_dropout some_drop(uint64_t seed, double p) {
    uint32_t threshold = (uint32_t)(p * 65536 + 0.5);
    return (hone_dropout){seed, seed * 3 + 1, threshold, 65536.0f / (float)(65536 - threshold)};
}

/* Tolerances. z carries one rounding of residual + drop(x); what it does to y is that rounding times rstd gamma. Beyond
 * that, a few roundings of the terms of y, and the sums, whose lanes hold at most a few hundred terms. */
static void check_fwd(score *s, int row, const fixture *f, int64_t rows, int64_t C, bool formed, const float *gamma,
                      const float *beta, const double *zd, const double *yd, const double *md, const double *kd,
                      const float *z, const float *y, const float *mean, const float *rstd) {
    for (int64_t r = 0; r < rows; r++) {
        double largest = 0, average = 0;
        for (int64_t c = 0; c < C; c++)
            largest = fmax(largest, fabs(zd[r * C + c])), average += fabs(zd[r * C + c]) / (double)C;
        double noise = formed ? 1.25 * UNIT * (largest + 3.4) : 0; /* 3.4 > |x| * scale */
        for (int64_t c = 0; c < C; c++) {
            int64_t i = r * C + c;
            double xhat = (zd[i] - md[r]) * kd[r], g = (double)gamma[c];
            if (z) score_near(s, row, f, "z", i, (double)z[i], zd[i], 1.25 * UNIT * (fabs(zd[i]) + 3.4));
            double tol = 8 * UNIT * (fabs(xhat * g) + fabs(g) + fabs((double)beta[c])) +
                         fabs(g) * kd[r] * noise * (1 + fabs(xhat));
            score_near(s, row, f, "y", i, (double)y[i], yd[i], tol);
        }
        score_near(s, row, f, "mean", r, (double)mean[r], md[r], 2 * UNIT * (fabs(md[r]) + average));
        score_near(s, row, f, "rstd", r, (double)rstd[r], kd[r], kd[r] * (8 * UNIT + kd[r] * noise));
    }
}

static void case_fwd(score *s, int row, uint64_t seed, int64_t C, int variant) {
    fixture f;
    fixture_begin(&f, seed);
    /* Variants: plain, in place, residual, residual into z, dropout, dropout and residual with z in the residual's
     * buffer, dropout and residual without z. */
    const bool residual = variant == 2 || variant == 3 || variant >= 5, keeps_z = variant >= 3 && variant <= 5;
    const bool in_place = variant == 1, over = variant == 5;
    const int64_t rows = C > 300 ? 2 : 1 + (int64_t)(seed % 4), first_row = seed % 2 ? 0 : 1234567 + (int64_t)seed,
                  n = rows * C;
    const float eps = seed % 3 ? 1e-12f : 1e-5f;
    hone_dropout d = some_drop(seed, 0.1), *drop = variant >= 4 ? &d : NULL;
    float *x = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, 3);
    float *res = !residual ? NULL : over ? fixture_out(&f, n, true) : fixture_in(&f, n, 3);
    float *gamma = fixture_in(&f, C, 2), *beta = fixture_in(&f, C, 1);
    float *y = in_place ? x : fixture_out(&f, n, false), *z = over ? res : keeps_z ? fixture_out(&f, n, false) : NULL;
    float *mean = fixture_out(&f, rows, false), *rstd = fixture_out(&f, rows, false);
    double *xd = case_doubles(n, x), *rd = res ? case_doubles(n, res) : NULL, *zd = case_doubles(n, NULL),
           *yd = case_doubles(n, NULL);
    double *md = case_doubles(rows, NULL), *kd = case_doubles(rows, NULL);
    hone_layernorm_f64_fwd(rows, C, first_row, xd, rd, drop, case_doubles(C, gamma), case_doubles(C, beta), (double)eps,
                           zd, yd, md, kd);
    rows_layernorm_f32_fwd[row](rows, C, first_row, x, res, drop, gamma, beta, eps, z, y, mean, rstd);
    if (C) check_fwd(s, row, &f, rows, C, res || drop, gamma, beta, zd, yd, md, kd, z, y, mean, rstd);
    fixture_end(&f);
    s->cases++;
}

TEST(layernorm, forward_follows_the_double_reference_in_every_form) {
    score s = {.op = "layernorm_f32_fwd"};
    uint64_t seed = 1;
    for (int variant = 0; variant < 7; variant++)
        for (int z = 0; z < row_size_count; z++)
            for (int repeat = 0; repeat < 3; repeat++, seed++)
                FOR_ROWS(row, layernorm_f32_fwd) case_fwd(&s, row, seed, row_sizes[z], variant);
    score_print(&s, 2200);
}

static void case_bwd(score *s, int row, uint64_t seed, int64_t C, int variant) {
    fixture f;
    fixture_begin(&f, seed);
    /* Bits: dx wanted, dresidual wanted, weights wanted, dropout; in place where dx overwrites and nothing else
     * hinders. */
    const bool want_dx = variant & 1, want_res = variant & 2, want_weights = variant & 4;
    const bool add_dx = seed % 2, add_res = seed / 2 % 2, in_place = want_dx && !add_dx && seed % 3 == 0;
    const int64_t rows = C > 300 ? 2 : 1 + (int64_t)(seed % 5), first_row = (int64_t)(seed % 7), n = rows * C;
    hone_dropout d = some_drop(seed, 0.25), *drop = variant & 8 ? &d : NULL;
    float *dy = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, 1), *z = fixture_in(&f, n, 2),
          *gamma = fixture_in(&f, C, 2);
    float *mean = fixture_out(&f, rows, true), *rstd = fixture_out(&f, rows, true);
    for (int64_t r = 0; r < rows; r++) mean[r] *= 0.2f, rstd[r] = 1.5f + rstd[r];
    fixture_keep(&f, mean), fixture_keep(&f, rstd);
    float *dx = !want_dx   ? NULL
                : in_place ? dy
                           : fixture_out(&f, n, add_dx),
          *dres = want_res ? fixture_out(&f, n, add_res) : NULL;
    float *dgamma = want_weights ? fixture_out(&f, C, true) : NULL,
          *dbeta = want_weights ? fixture_out(&f, C, true) : NULL;
    const double *dyd = case_doubles(n, dy), *zd = case_doubles(n, z), *md = case_doubles(rows, mean),
                 *kd = case_doubles(rows, rstd);
    const double *gd = case_doubles(C, gamma), *dx0 = case_doubles(n, dx && add_dx ? dx : NULL),
                 *dres0 = case_doubles(n, dres && add_res ? dres : NULL);
    double *dxd = case_doubles(n, dx && add_dx ? dx : NULL), *drd = case_doubles(n, dres && add_res ? dres : NULL);
    double *dgd = case_doubles(C, dgamma), *dbd = case_doubles(C, dbeta), *terms = case_doubles(2 * C, NULL);
    hone_layernorm_f64_bwd(rows, C, first_row, dyd, zd, md, kd, gd, drop, dxd, add_dx, drd, add_res, dgd, dbd);
    for (int64_t c = 0; c < C; c++) {
        terms[c] = dgamma ? fabs((double)dgamma[c]) : 0, terms[C + c] = dbeta ? fabs((double)dbeta[c]) : 0;
        for (int64_t r = 0; r < rows; r++)
            terms[c] += fabs(dyd[r * C + c] * (zd[r * C + c] - md[r]) * kd[r]), terms[C + c] += fabs(dyd[r * C + c]);
    }
    rows_layernorm_f32_bwd[row](rows, C, first_row, dy, z, mean, rstd, gamma, drop, dx, add_dx, dres, add_res, dgamma,
                                dbeta);
    for (int64_t r = 0; r < rows; r++) {
        double g1 = 0, gx1 = 0;
        for (int64_t c = 0; c < C; c++) {
            double g = fabs(dyd[r * C + c] * gd[c]);
            g1 += g / (double)C, gx1 += g * fabs((zd[r * C + c] - md[r]) * kd[r]) / (double)C;
        }
        for (int64_t c = 0; c < C; c++) {
            int64_t i = r * C + c;
            double xhat = fabs((zd[i] - md[r]) * kd[r]), sums = 4 + sqrt((double)C);
            double tol = kd[r] * UNIT * (8 * fabs(dyd[i] * gd[c]) + sums * (g1 + (xhat + 1) * gx1));
            if (dx)
                score_near(s, row, &f, "dx", i, (double)dx[i], dxd[i],
                           tol * (drop ? (double)d.scale : 1) + 2 * UNIT * (fabs(dxd[i]) + fabs(dx0[i])));
            if (dres)
                score_near(s, row, &f, "dresidual", i, (double)dres[i], drd[i],
                           tol + 2 * UNIT * (fabs(drd[i]) + fabs(dres0[i])));
        }
    }
    double sums = UNIT * (4 + 2 * sqrt((double)rows));
    for (int64_t c = 0; want_weights && c < C; c++) {
        score_near(s, row, &f, "dgamma", c, (double)dgamma[c], dgd[c], sums * terms[c]);
        score_near(s, row, &f, "dbeta", c, (double)dbeta[c], dbd[c], sums * terms[C + c]);
    }
    fixture_end(&f);
    s->cases++;
}

TEST(layernorm, backward_follows_the_double_reference_in_every_form) {
    score s = {.op = "layernorm_f32_bwd"};
    uint64_t seed = 5000;
    for (int variant = 1; variant < 16; variant++)
        for (int z = 0; z < row_size_count; z++)
            for (int repeat = 0; repeat < 2; repeat++, seed++)
                FOR_ROWS(row, layernorm_f32_bwd) case_bwd(&s, row, seed, row_sizes[z], variant);
    score_print(&s, 3000);
}

TEST(layernorm, a_large_common_offset_does_not_eat_the_variance) {
    enum { C = 384 };
    float x[C], y[C], gamma[C], beta[C], mean, rstd;
    double xd[C], yd[C], zd[C], gd[C], bd[C], md, kd;
    for (double offset = 1; offset <= 1e6; offset *= 10) {
        for (int c = 0; c < C; c++)
            x[c] = (float)(offset + case_uniform(9, (uint64_t)c)), xd[c] = (double)x[c], gamma[c] = 1, gd[c] = 1,
            beta[c] = 0, bd[c] = 0;
        hone_layernorm_f64_fwd(1, C, 0, xd, NULL, NULL, gd, bd, 1e-12, zd, yd, &md, &kd);
        FOR_ROWS(row, layernorm_f32_fwd) {
            rows_layernorm_f32_fwd[row](1, C, 0, x, NULL, NULL, gamma, beta, 1e-12f, NULL, y, &mean, &rstd);
            for (int c = 0; c < C; c++)
                CHECK_MSG(fabs((double)y[c] - yd[c]) <= 5e-7 * (1 + fabs(yd[c])),
                          "%s: offset %g: y[%d] is %.9g, want %.9g", row_name(row), offset, c, (double)y[c], yd[c]);
        }
    }
}

TEST(layernorm, a_constant_row_gives_beta) {
    enum { C = 100 };
    float x[C], y[C], gamma[C], beta[C], mean, rstd;
    for (int c = 0; c < C; c++) x[c] = 0.1f, gamma[c] = 2, beta[c] = (float)c;
    FOR_ROWS(row, layernorm_f32_fwd) {
        rows_layernorm_f32_fwd[row](1, C, 0, x, NULL, NULL, gamma, beta, 1e-12f, NULL, y, &mean, &rstd);
        for (int c = 0; c < C; c++)
            CHECK_MSG(fabsf(y[c] - beta[c]) <= 1e-2f, "%s: y[%d] is %g", row_name(row), c, (double)y[c]);
        CHECK_NEAR(mean, 0.1f, 1e-8);
    }
}

/* As in PyTorch: 1 / sqrt(infinity) = 0 would make beta of it, and a broken model's vectors sound. The scalar rows sum
 * in double, where the square of 1e25 has room. */
TEST(layernorm, a_row_whose_squares_overflow_is_nan_or_right_but_never_beta) {
    enum { C = 37, R = 3 };
    float x[R * C], y[R * C], gamma[C], beta[C], mean[R], rstd[R];
    for (int i = 0; i < R * C; i++) x[i] = (float)case_uniform(3, (uint64_t)i) * (i / C == 1 ? 1e25f : 1.0f);
    for (int c = 0; c < C; c++) gamma[c] = 1, beta[c] = 0.5f;
    FOR_ROWS(row, layernorm_f32_fwd) {
        rows_layernorm_f32_fwd[row](R, C, 0, x, NULL, NULL, gamma, beta, 1e-5f, NULL, y, mean, rstd);
        double sum = 0;
        for (int i = 0; i < R * C; i++) {
            if (i / C == 1 && !isnan(y[i])) sum += (double)(y[i] - 0.5f) * (double)(y[i] - 0.5f);
            CHECK_MSG(i / C == 1 || isfinite(y[i]), "%s: y[%d] is %g", row_name(row), i, (double)y[i]);
        }
        CHECK_MSG(isnan(y[C]) || (sum > 0.99 * C && sum < 1.01 * C), "%s: %g", row_name(row), sum);
    }
}

TEST(layernorm, a_nan_or_infinity_spoils_its_own_row_only) {
    enum { C = 37, R = 3 };
    for (int which = 0; which < 2; which++) {
        float x[R * C], y[R * C], gamma[C], beta[C], mean[R], rstd[R], dx[R * C];
        for (int i = 0; i < R * C; i++) x[i] = (float)case_uniform(3, (uint64_t)i);
        for (int c = 0; c < C; c++) gamma[c] = 1, beta[c] = 0;
        x[C + 36] = which ? INFINITY : NAN;
        FOR_ROWS(row, layernorm_f32_fwd) {
            rows_layernorm_f32_fwd[row](R, C, 0, x, NULL, NULL, gamma, beta, 1e-5f, NULL, y, mean, rstd);
            rows_layernorm_f32_bwd[row](R, C, 0, x, x, mean, rstd, gamma, NULL, dx, false, NULL, false, NULL, NULL);
            for (int i = 0; i < R * C; i++) {
                CHECK_MSG(isnan(y[i]) == (i / C == 1), "%s: y[%d] is %g", row_name(row), i, (double)y[i]);
                CHECK_MSG(isnan(dx[i]) == (i / C == 1), "%s: dx[%d] is %g", row_name(row), i, (double)dx[i]);
            }
        }
    }
}
