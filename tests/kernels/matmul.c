/* Register tiles and packing of every matmul row. Small integers make every partial sum exact: equal bits are demanded.
 */
#include "tests/kernels/matmul_rows.h"

#include <math.h>
#include <stdlib.h>

static void fill_integers(float *x, int64_t n, uint64_t seed) {
    for (int64_t i = 0; i < n; i++) x[i] = (float)(int)(case_uniform(seed, (uint64_t)i) * 8.99);
}

/* One call: A in place (step 1) or as a packed tile (row 1), C between guards with gaps that must stay. */
static void tile_case(score *s, const matmul_row_entry *e, int64_t rows, int64_t cols, int64_t K, bool packed, bool add,
                      uint64_t seed) {
    fixture f;
    fixture_begin(&f, seed);
    const int64_t nr = e->row->nr, row = packed ? 1 : K + 3, step = packed ? e->row->mr : 1,
                  ldc = cols + (int64_t)(seed % 5);
    int64_t na = K ? (rows - 1) * row + (K - 1) * step + 1 : 0, nc = (rows - 1) * ldc + cols;
    float *a = fixture_raw(&f, (size_t)na * 4, 4), *b = fixture_raw(&f, (size_t)(K * nr) * 4, 4);
    float *c = fixture_raw(&f, (size_t)nc * 4, 4);
    fill_integers(a, na, seed + 1), fill_integers(b, K * nr, seed + 2), fill_integers(c, nc, seed + 3);
    fixture_keep(&f, a), fixture_keep(&f, b);
    float *want = case_floats(nc, c);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            double sum = add ? (double)want[i * ldc + j] : 0;
            for (int64_t k = 0; k < K; k++) sum += (double)a[i * row + k * step] * (double)b[k * nr + j];
            want[i * ldc + j] = (float)sum;
        }
    e->row->tile(rows, cols, K, a, row, step, b, c, ldc, add);
    score_same(s, e->kind, &f, e->row->name, nc, c, want);
    fixture_end(&f);
    s->cases++;
}

TEST(matmul_tile, every_row_count_and_column_count_is_exact_and_stays_in_its_rectangle) {
    score s = {.op = "matmul tile"};
    static const int64_t Ks[] = {0, 1, 2, 3, 7, 8, 9, 33, 100};
    uint64_t seed = 1;
    for (int r = 0; r < MATMUL_ROWS; r++) {
        const matmul_row_entry *e = &matmul_rows[r];
        if (!row_runs(e->kind)) continue;
        for (int64_t rows = 1; rows <= e->row->mr; rows++)
            for (int64_t cols = 1; cols <= e->row->nr; cols += cols % 7 == 3 ? 3 : 1)
                for (int i = 0; i < 9; i++, seed++)
                    tile_case(&s, e, rows, cols, Ks[i], seed % 3 == 0, seed % 2, seed * 7919);
    }
    score_print(&s, 5000);
}

TEST(matmul_tile, panels_hold_the_operand_and_zeros_behind_it) {
    score s = {.op = "matmul pack"};
    static const int64_t Ks[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 40};
    uint64_t seed = 77;
    for (int r = 0; r < MATMUL_ROWS; r++) {
        const matmul_row_entry *e = &matmul_rows[r];
        if (!row_runs(e->kind)) continue;
        for (int64_t n = 1; n <= e->row->nr; n++)
            for (int i = 0; i < 10; i++)
                for (int form = 0; form < 3; form++, seed += 13) { /* copy, transpose, A^T */
                    fixture f;
                    fixture_begin(&f, seed);
                    int64_t K = Ks[i], ld = (form == 1 ? K : n) + (int64_t)(seed % 3),
                            width = form == 2 ? e->row->mr : e->row->nr;
                    float *x = fixture_in(&f, form == 1 ? (n - 1) * ld + K : (K - 1) * ld + n, 1);
                    float *panel = fixture_out(&f, K * width, false), *want = case_floats(K * width, panel);
                    for (int64_t k = 0; k < K; k++)
                        for (int64_t j = 0; j < width; j++)
                            want[k * width + j] = j < n ? x[form == 1 ? j * ld + k : k * ld + j] : 0;
                    (form == 0   ? e->row->pack_copy
                     : form == 1 ? e->row->pack_transpose
                                 : e->row->pack_a)(K, n, x, ld, panel);
                    score_same(&s, e->kind, &f,
                               form == 0   ? "copy"
                               : form == 1 ? "transpose"
                                           : "a",
                               K * width, panel, want);
                    fixture_end(&f);
                    s.cases++;
                }
    }
    score_print(&s, 2000);
}

TEST(matmul_tile, a_nan_in_one_row_stays_in_that_row) {
    for (int r = 0; r < MATMUL_ROWS; r++) {
        const hone_matmul_f32_row *row = matmul_rows[r].row;
        if (!row_runs(matmul_rows[r].kind)) continue;
        float a[12 * 4], b[4 * 48], c[12 * 48];
        for (int i = 0; i < 48; i++) a[i] = i / 4 == 1 && i % 4 == 2 ? NAN : 1;
        for (int i = 0; i < 4 * 48; i++) b[i] = i < 48 ? 0 : 1;
        row->tile(row->mr, row->nr, 4, a, 4, 1, b, c, 48, false);
        for (int i = 0; i < row->mr; i++)
            for (int j = 0; j < row->nr; j++) CHECK(isnan(c[i * 48 + j]) == (i == 1));
    }
}
