#include "tests/kernels/rows.h"

#include <math.h>

static const char *const pool_names[HONE_POOL_COUNT] = {"cls", "max", "mean", "mean_sqrt", "weighted", "last"};

TEST(pooling, every_row_follows_the_double_reference_in_every_mode) {
    score s = {.op = "pooling_f32"};
    uint64_t seed = 1;
    static const int64_t lengths[] = {1, 2, 3, 8, 37, 130};
    for (int mode = 0; mode < HONE_POOL_COUNT; mode++)
        for (int z = 0; z < row_size_count; z++)
            for (int t = 0; t < 6; t++, seed++) {
                const int64_t C = row_sizes[z], T = C > 300 ? (lengths[t] + 3) / 4 : lengths[t];
                const int64_t skip = seed % 3 ? 0 : (int64_t)(seed % (uint64_t)T);
                FOR_ROWS(row, pooling_f32_fwd) {
                    fixture f;
                    fixture_begin(&f, seed);
                    float *x = fixture_in(&f, T * C, 1), *y = fixture_out(&f, C, false);
                    double *xd = case_doubles(T * C, x), *yd = case_doubles(C, NULL), *size = case_doubles(C, NULL);
                    for (int64_t i = 0; i < T * C; i++) size[i % C] = fmax(size[i % C], fabs(xd[i]));
                    hone_pooling_f64_fwd((hone_pool)mode, T, C, skip, xd, yd);
                    rows_pooling_f32_fwd[row]((hone_pool)mode, T, C, skip, x, y);
                    bool exact = mode == HONE_POOL_CLS || mode == HONE_POOL_LAST || mode == HONE_POOL_MAX;
                    for (int64_t c = 0; c < C; c++)
                        score_near(&s, row, &f, pool_names[mode], c, (double)y[c], yd[c],
                                   exact ? 0 : 4 * UNIT * (fabs(yd[c]) + 1e-6 * size[c]));
                    fixture_end(&f);
                    s.cases++;

                    fixture_begin(&f, seed);
                    x = fixture_in(&f, T * C, 1);
                    float *dy = fixture_in(&f, C, 1), *dx = fixture_out(&f, T * C, true);
                    xd = case_doubles(T * C, x);
                    double *dyd = case_doubles(C, dy), *dxd = case_doubles(T * C, dx),
                           *before = case_doubles(T * C, dx);
                    hone_pooling_f64_bwd((hone_pool)mode, T, C, skip, xd, dyd, dxd);
                    rows_pooling_f32_bwd[row]((hone_pool)mode, T, C, skip, x, dy, dx);
                    for (int64_t i = 0; i < T * C; i++)
                        score_near(&s, row, &f, pool_names[mode], i, (double)dx[i], dxd[i],
                                   1.25 * UNIT * fabs(dxd[i]) + 4 * UNIT * fabs(dxd[i] - before[i]));
                    fixture_end(&f);
                    s.cases++;
                }
            }
    score_print(&s, 5000);
}

TEST(pooling, the_modes_are_what_the_formulas_say) {
    const double x[6] = {1, 10, 2, 20, 6, -60}; /* [3, 2] */
    const double want[HONE_POOL_COUNT][2] = {
        {1, 10}, {6, 20}, {3, -10}, {9 / sqrt(3), -30 / sqrt(3)}, {23.0 / 6, -130.0 / 6}, {6, -60}};
    const double skipped[HONE_POOL_COUNT][2] = {
        {2, 20}, {6, 20}, {4, -20}, {8 / sqrt(2), -40 / sqrt(2)}, {22.0 / 5, -140.0 / 5}, {6, -60}};
    for (int mode = 0; mode < HONE_POOL_COUNT; mode++) {
        double y[2];
        for (int skip = 0; skip < 2; skip++) {
            hone_pooling_f64_fwd((hone_pool)mode, 3, 2, skip, x, y);
            for (int c = 0; c < 2; c++) CHECK_NEAR(y[c], skip ? skipped[mode][c] : want[mode][c], 1e-14);
        }
    }
}

TEST(pooling, max_takes_the_first_of_equals_and_passes_nan_on) {
    enum { C = 21, T = 5 };
    FOR_ROWS(row, pooling_f32_fwd) {
        float x[T * C], y[C], dy[C], dx[T * C];
        for (int i = 0; i < T * C; i++) x[i] = i / C == 1 || i / C == 3 ? 2 : 1, dx[i] = 0;
        for (int c = 0; c < C; c++) dy[c] = (float)(c + 1);
        x[2 * C + 20] = NAN, x[4 * C + 20] = NAN; /* in the tail */
        x[2 * C + 3] = NAN;                       /* in the body */
        rows_pooling_f32_fwd[row](HONE_POOL_MAX, T, C, 0, x, y);
        rows_pooling_f32_bwd[row](HONE_POOL_MAX, T, C, 0, x, dy, dx);
        for (int c = 0; c < C; c++) {
            bool nan = c == 20 || c == 3;
            CHECK_MSG(nan ? isnan(y[c]) : y[c] == 2, "%s: y[%d] is %g", row_name(row), c, (double)y[c]);
            for (int t = 0; t < T; t++) {
                float want = t == (nan ? 2 : 1) ? dy[c] : 0;
                CHECK_MSG(dx[t * C + c] == want, "%s: dx[%d][%d] is %g, want %g", row_name(row), t, c,
                          (double)dx[t * C + c], (double)want);
            }
        }
        float lowest[2 * C];
        for (int i = 0; i < 2 * C; i++) lowest[i] = -INFINITY;
        rows_pooling_f32_fwd[row](HONE_POOL_MAX, 2, C, 0, lowest, y);
        for (int c = 0; c < C; c++) CHECK_MSG(y[c] == -INFINITY, "%s: %g", row_name(row), (double)y[c]);
    }
}
