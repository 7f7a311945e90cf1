#include "tests/kernels/rows.h"

#include <math.h>

TEST(softmax_xent, every_row_follows_the_double_reference) {
    score s = {.op = "softmax_xent_f32"};
    uint64_t seed = 1;
    static const float scales[] = {1, 20, 0.05f, -3, 100};
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 15; repeat++, seed++) {
            const int64_t N = row_sizes[z], rows = N == 0 || repeat == 0 ? 0 : 1 + (int64_t)(seed % 3),
                          ld = N + (int64_t)(seed % 4) * 3;
            const float scale = scales[repeat % 5];
            const int64_t n = rows ? (rows - 1) * ld + N : 0;
            const bool add = repeat % 3 == 1, in_place = repeat % 3 == 2;
            FOR_ROWS(row, softmax_xent_f32_fwd) {
                fixture f;
                fixture_begin(&f, seed);
                float *x = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, repeat % 2 ? 1 : 30);
                int32_t *target = fixture_raw(&f, (size_t)rows * sizeof *target, sizeof *target);
                for (int64_t r = 0; r < rows; r++) target[r] = (int32_t)((seed * 31 + (uint64_t)r * 17) % (uint64_t)N);
                fixture_keep(&f, target);
                float *loss = fixture_out(&f, rows, false), *lse = fixture_out(&f, rows, false),
                      *dloss = fixture_in(&f, rows, 1);
                double *xd = case_doubles(n, x), *lossd = case_doubles(rows, NULL), *lsed = case_doubles(rows, NULL),
                       *dlossd = case_doubles(rows, dloss);
                hone_softmax_xent_f64_fwd(rows, N, ld, (double)scale, xd, target, lossd, lsed);
                rows_softmax_xent_f32_fwd[row](rows, N, ld, scale, x, target, loss, lse);
                for (int64_t r = 0; r < rows; r++) {
                    double largest = 0;
                    for (int64_t j = 0; j < N; j++) largest = fmax(largest, fabs((double)scale * xd[r * ld + j]));
                    score_near(&s, row, &f, "lse", r, (double)lse[r], lsed[r],
                               2 * UNIT * (fabs(lsed[r]) + largest + 1));
                    score_near(&s, row, &f, "loss", r, (double)loss[r], lossd[r],
                               2 * UNIT * (fabs(lossd[r]) + largest + 1));
                }
                float *dz = in_place ? x : fixture_out(&f, n, add);
                double *before = case_doubles(n, add ? dz : NULL), *dzd = case_doubles(n, in_place ? NULL : dz);
                float *between = case_floats(n, dz); /* the columns between rows are not ours */
                lsed = case_doubles(rows, lse);
                hone_softmax_xent_f64_bwd(rows, N, ld, (double)scale, xd, target, lsed, dlossd, dzd, add);
                rows_softmax_xent_f32_bwd[row](rows, N, ld, scale, x, target, lse, dloss, dz, add);
                for (int64_t i = 0; i < n; i++) {
                    int64_t r = i / ld, j = i % ld;
                    if (j >= N) {
                        CHECK_MSG(!memcmp(dz + i, between + i, sizeof *dz), "%s wrote between rows (seed %d)",
                                  row_name(row), (int)seed);
                        continue;
                    }
                    /* the target's share is the sum of the others' */
                    double k = fabs((double)scale * dlossd[r]), e = 0;
                    for (int64_t q = 0; q < N; q++) {
                        double t = (double)scale * xd[r * ld + q] - lsed[r];
                        if (j == target[r] ? q != j : q == j) e += exp(t) * UNIT * (4 + fabs(t)) + 2e-38;
                    }
                    double tol = k * e + 3 * UNIT * (fabs(dzd[i]) + fabs(before[i]));
                    score_near(&s, row, &f, "dz", i, (double)dz[i], dzd[i], tol);
                }
                fixture_end(&f);
                s.cases += 2;
            }
        }
    score_print(&s, 3000);
}

TEST(softmax_xent, adding_a_constant_to_every_logit_changes_nothing) {
    enum { N = 45 };
    int32_t target = 7;
    FOR_ROWS(row, softmax_xent_f32_fwd) {
        float a[N], b[N], loss[2], lse[2];
        for (int i = 0; i < N; i++) a[i] = (float)((i * 7) % 11), b[i] = a[i] + 4096;
        rows_softmax_xent_f32_fwd[row](1, N, N, 1, a, &target, loss, lse);
        rows_softmax_xent_f32_fwd[row](1, N, N, 1, b, &target, loss + 1, lse + 1);
        CHECK_NEAR(loss[0], loss[1], 1e-6);
        CHECK_NEAR(lse[1], lse[0] + 4096, 4096 * UNIT);
    }
}

TEST(softmax_xent, logits_of_minus_infinity_take_no_part) {
    enum { N = 19 };
    FOR_ROWS(row, softmax_xent_f32_fwd) {
        float z[N], few[2] = {1, 3}, dz[N], loss, lse, want, want_lse, one = 1;
        int32_t target = 18, at = 1;
        for (int i = 0; i < N; i++) z[i] = -INFINITY;
        z[5] = 1, z[18] = 3;
        rows_softmax_xent_f32_fwd[row](1, N, N, 1, z, &target, &loss, &lse);
        rows_softmax_xent_f32_fwd[row](1, 2, 2, 1, few, &at, &want, &want_lse);
        CHECK_NEAR(loss, want, 1e-7);
        rows_softmax_xent_f32_bwd[row](1, N, N, 1, z, &target, &lse, &one, dz, false);
        for (int i = 0; i < N; i++)
            if (i != 5 && i != 18) CHECK_MSG(dz[i] == 0, "%s: dz[%d] is %g", row_name(row), i, (double)dz[i]);
        CHECK_NEAR(dz[5] + dz[18], 0, 1e-7);
        CHECK(dz[5] > 0.1f && dz[18] < -0.1f);
        target = 2; /* an impossible class */
        rows_softmax_xent_f32_fwd[row](1, N, N, 1, z, &target, &loss, &lse);
        CHECK(loss == INFINITY && isfinite(lse));
        rows_softmax_xent_f32_bwd[row](1, N, N, 1, z, &target, &lse, &one, dz, false);
        CHECK_NEAR(dz[2], -1, 0);
        z[5] = z[18] = -INFINITY; /* no class at all */
        rows_softmax_xent_f32_fwd[row](1, N, N, 1, z, &target, &loss, &lse);
        CHECK(loss == INFINITY && lse == -INFINITY);
        rows_softmax_xent_f32_bwd[row](1, N, N, 1, z, &target, &lse, &one, dz, false);
        for (int i = 0; i < N; i++)
            CHECK_MSG(dz[i] == (i == 2 ? -1 : 0), "%s: dz[%d] is %g", row_name(row), i, (double)dz[i]);
    }
}

/* The last batch of an epoch may be a single row: the reference then has a loss and gradients of exactly 0, and so must
 * we, or the optimiser would make steps out of rounding. */
TEST(softmax_xent, a_target_alone_has_a_loss_and_a_gradient_of_exactly_0) {
    enum { N = 40 };
    FOR_ROWS(row, softmax_xent_f32_fwd)
    for (int i = 0; i < 2000; i++) {
        float z[N], dz[N], loss, lse, one = 1, scale = (float)(1 + i % 37) * 1.37f;
        int32_t n = 1 + i % N, target = (i * 7) % n;
        for (int j = 0; j < n; j++) z[j] = -INFINITY;
        z[target] = (float)(i - 1000) / 997;
        rows_softmax_xent_f32_fwd[row](1, n, n, scale, z, &target, &loss, &lse);
        CHECK_MSG(loss == 0, "%s: loss %g of one class, logit %g", row_name(row), (double)loss, (double)z[target]);
        rows_softmax_xent_f32_bwd[row](1, n, n, scale, z, &target, &lse, &one, dz, false);
        for (int j = 0; j < n; j++) CHECK_MSG(dz[j] == 0, "%s: dz[%d] is %g", row_name(row), j, (double)dz[j]);
    }
}

TEST(softmax_xent, a_nan_or_plus_infinity_anywhere_gives_nan) {
    FOR_ROWS(row, softmax_xent_f32_fwd)
    for (int N = 1; N < 40; N++)
        for (int at = 0; at < N; at++)
            for (int kind = 0; kind < 3; kind++) { /* among numbers, among -inf, +inf among numbers */
                float z[40], loss, lse;
                int32_t target = 0;
                for (int i = 0; i < N; i++) z[i] = kind == 1 ? -INFINITY : 1;
                z[at] = kind == 2 ? INFINITY : NAN;
                rows_softmax_xent_f32_fwd[row](1, N, N, 2, z, &target, &loss, &lse);
                CHECK_MSG(isnan(loss) && isnan(lse), "%s: N %d, at %d, kind %d: loss %g, lse %g", row_name(row), N, at,
                          kind, (double)loss, (double)lse);
            }
}
