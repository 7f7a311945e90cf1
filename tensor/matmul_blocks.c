#include "tensor/matmul_blocks.h"

#include "base/parallel.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { TASKS_PER_THREAD = 6, TASK_PANELS = 4 };

void hone_blocks_cut(const hone_matmul_args *m, int64_t least_work, blocks_grid *grid) {
    double work = (double)m->M * (double)m->N * (double)m->K / (double)least_work, least = INFINITY;
    int64_t threads = hone_threads(), want = threads > 1 ? threads * TASKS_PER_THREAD : 1;
    if ((double)want > work) want = blocks_max(1, (int64_t)work);
    int64_t groups = blocks_ceil(grid->panels, grid->group), most = blocks_max(groups, grid->panels / TASK_PANELS);
    if (m->M <= BLOCKS_SMALL_M) groups = most = blocks_min(want, grid->panels);
    for (int64_t n = groups; n <= most; n++) {
        int64_t along_m = blocks_min(grid->tiles, blocks_ceil(want, n));
        double read = (double)n * (double)m->M + (double)along_m * (double)m->N;
        if (read < least) least = read, grid->cut_n = n, grid->cut_m = along_m;
    }
}

void hone_blocks_finish(const hone_matmul_args *m, int64_t r0, int64_t r1, int64_t n0, int64_t n1) {
    const int64_t n = n1 - n0;
    if (!m->bias && !m->pre && !m->act) return;
    for (int64_t r = r0; r < r1; r++) {
        float *sums = blocks_sums(m) + r * m->ldc + n0, *c = m->c + r * m->ldc + n0;
        if (m->through) {
            float *x = m->through + r * m->ldc + n0;
            hone_activation_f32_bwd(n, m->act, x, c, c, false);
            hone_activation_f32_fwd(n, m->act, x, x);
            continue;
        }
        if (m->bias) hone_vector_f32_scale(n, 1, m->bias + n0, sums, true);
        if (m->act)
            hone_activation_f32_fwd(n, m->act, sums, c);
        else if (m->pre)
            memcpy(c, sums, (size_t)n * sizeof *c);
    }
}

void hone_blocks_empty(const hone_matmul_args *m) {
    if (m->sum_a && !m->add_sum_a && m->M > 0) memset(m->sum_a, 0, (size_t)m->M * sizeof *m->sum_a);
    if (m->sum_a && m->M > 0 && m->K > 0) hone_vector_f32_colsum(m->K, m->M, m->lda, m->a, m->sum_a);
    for (int64_t r = 0; r < m->M && m->N > 0; r++) {
        if (!m->accumulate) memset(blocks_sums(m) + r * m->ldc, 0, (size_t)m->N * sizeof *m->c);
        hone_blocks_finish(m, r, r + 1, 0, m->N);
    }
}
