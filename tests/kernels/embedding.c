#include "tests/kernels/rows.h"

/* Sums run in index order, so every row gives the same bits as plain float loops. */
TEST(embedding, gather_and_scatter_give_the_bits_of_plain_loops) {
    score s = {.op = "embedding_f32"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 12; repeat++, seed++) {
            const int64_t C = row_sizes[z], T = repeat == 0 ? 0 : 1 + (int64_t)(seed % 9), V = 5;
            const bool add = repeat % 2;
            FOR_ROWS(row, embedding_f32_gather) {
                fixture f;
                fixture_begin(&f, seed);
                int32_t *ids = fixture_raw(&f, (size_t)T * sizeof *ids, sizeof *ids);
                for (int64_t t = 0; t < T; t++)
                    ids[t] = (int32_t)((seed * 7 + (uint64_t)t * (uint64_t)t) % (uint64_t)V);
                fixture_keep(&f, ids);
                float *table = fixture_in(&f, V * C, 1), *y = fixture_out(&f, T * C, add),
                      *want = case_floats(T * C, y);
                for (int64_t i = 0; i < T * C; i++) want[i] = (add ? want[i] : 0) + table[ids[i / C] * C + i % C];
                rows_embedding_f32_gather[row](T, C, ids, table, y, add);
                score_same(&s, row, &f, "y", T * C, y, want);
                fixture_end(&f);
                s.cases++;

                fixture_begin(&f, seed + 100000);
                ids = fixture_raw(&f, (size_t)T * sizeof *ids, sizeof *ids);
                for (int64_t t = 0; t < T; t++) ids[t] = (int32_t)((seed + (uint64_t)t * (uint64_t)t) % (uint64_t)V);
                fixture_keep(&f, ids);
                int64_t c0 = repeat % 3 ? C / 3 : 0, c1 = repeat % 4 ? C : C - C / 4;
                float *dy = fixture_in(&f, T * C, 1), *dtable = fixture_out(&f, V * C, true),
                      *sum = case_floats(V * C, dtable);
                for (int64_t t = 0; t < T; t++)
                    for (int64_t c = c0; c < c1; c++) sum[ids[t] * C + c] += dy[t * C + c];
                rows_embedding_f32_scatter[row](T, C, c0, c1, ids, dy, dtable);
                score_same(&s, row, &f, "dtable", V * C, dtable, sum);
                fixture_end(&f);
                s.cases++;
            }
        }
    score_print(&s, 2500);
}

TEST(embedding, the_double_rows_do_the_same_in_double) {
    int32_t ids[4] = {2, 0, 2, 1};
    double table[6] = {1, 2, 3, 4, 5, 6}, y[8] = {10, 10, 10, 10, 10, 10, 10, 10}, dtable[6] = {0};
    hone_embedding_f64_gather(4, 2, ids, table, y, true);
    const double want[8] = {15, 16, 11, 12, 15, 16, 13, 14};
    for (int i = 0; i < 8; i++) CHECK_NEAR(y[i], want[i], 0);
    hone_embedding_f64_gather(4, 2, ids, table, y, false);
    for (int i = 0; i < 8; i++) CHECK_NEAR(y[i], want[i] - 10, 0);
    hone_embedding_f64_scatter(4, 2, 1, 2, ids, want, dtable);
    const double grads[6] = {0, 12, 0, 14, 0, 32};
    for (int i = 0; i < 6; i++) CHECK_NEAR(dtable[i], grads[i], 0);
}
