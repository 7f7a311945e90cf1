#include "tests/kernels/rows.h"

#include <math.h>

TEST(normalize, every_row_follows_the_double_reference) {
    score s = {.op = "normalize_f32"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 14; repeat++, seed++) {
            const int64_t C = row_sizes[z], rows = repeat == 0 ? 0 : 1 + (int64_t)(seed % 3), n = rows * C;
            const bool in_place = repeat % 3 == 1, add = repeat % 2, tiny = repeat % 5 == 4;
            const float eps = tiny ? 1e3f : 1e-12f; /* a clamp that bites */
            FOR_ROWS(row, normalize_f32_fwd) {
                fixture f;
                fixture_begin(&f, seed);
                float *x = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, repeat % 4 == 3 ? 1e25 : 2);
                float *y = in_place ? x : fixture_out(&f, n, false), *norm = fixture_out(&f, rows, false);
                double *xd = case_doubles(n, x), *yd = case_doubles(n, NULL), *nd = case_doubles(rows, NULL);
                hone_normalize_f64_fwd(rows, C, (double)eps, xd, yd, nd);
                rows_normalize_f32_fwd[row](rows, C, eps, x, y, norm);
                for (int64_t i = 0; i < n; i++)
                    score_near(&s, row, &f, "y", i, (double)y[i], yd[i], 3 * UNIT * fabs(yd[i]));
                for (int64_t r = 0; r < rows; r++)
                    score_near(&s, row, &f, "norm", r, (double)norm[r], nd[r], 1.25 * UNIT * nd[r]);
                fixture_end(&f);
                s.cases++;

                fixture_begin(&f, seed + 7777);
                float *v = fixture_in(&f, n, 0.3), *dy = fixture_in(&f, n, 1), *dx = fixture_out(&f, n, add);
                float *len = fixture_out(&f, rows, true);
                for (int64_t r = 0; r < rows; r++) len[r] = 2 + len[r];
                fixture_keep(&f, len);
                double *vd = case_doubles(n, v), *gd = case_doubles(n, dy), *dxd = case_doubles(n, add ? dx : NULL),
                       *ld = case_doubles(rows, len);
                double *before = case_doubles(n, add ? dx : NULL);
                hone_normalize_f64_bwd(rows, C, (double)eps, vd, ld, gd, dxd, add);
                rows_normalize_f32_bwd[row](rows, C, eps, v, len, dy, dx, add);
                for (int64_t i = 0; i < n; i++) {
                    double dot = 0;
                    for (int64_t c = 0; c < C; c++) dot += vd[i / C * C + c] * gd[i / C * C + c];
                    double part = tiny ? 0 : fabs(vd[i] * dot),
                           tol = 3 * UNIT * (fabs(gd[i]) + 2 * part) / (tiny ? (double)eps : ld[i / C]);
                    score_near(&s, row, &f, "dx", i, (double)dx[i], dxd[i],
                               tol + 2 * UNIT * (fabs(before[i]) + fabs(dxd[i])));
                }
                fixture_end(&f);
                s.cases++;
            }
        }
    score_print(&s, 3000);
}

TEST(normalize, a_zero_row_stays_zero_and_a_nan_row_becomes_nan) {
    enum { C = 19 };
    FOR_ROWS(row, normalize_f32_fwd) {
        float x[2 * C] = {0}, y[2 * C], norm[2], dy[2 * C], dx[2 * C];
        for (int i = 0; i < 2 * C; i++) dy[i] = 1;
        x[C + 18] = NAN;
        rows_normalize_f32_fwd[row](2, C, 1e-12f, x, y, norm);
        rows_normalize_f32_bwd[row](2, C, 1e-12f, y, norm, dy, dx, false);
        CHECK(norm[0] == 0 && isnan(norm[1]));
        for (int c = 0; c < C; c++) {
            CHECK_MSG(y[c] == 0 && isnan(y[C + c]), "%s: %g %g", row_name(row), (double)y[c], (double)y[C + c]);
            CHECK_MSG(dx[c] == 1 / 1e-12f && isnan(dx[C + c]), "%s: %g %g", row_name(row), (double)dx[c],
                      (double)dx[C + c]);
        }
    }
}
