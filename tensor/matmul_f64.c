/* Matrix multiplication in double: plain loops for gradient checks and references. */
#include "tensor/matmul.h"

#include "base/parallel.h"
#include "kernels/kernels.h"

enum { MATMUL_F64_ROWS = 8 }; /* rows of a task */

/* One row of C. Columns run innermost where B's rows allow it; every element is a sum over k in order either way. */
static void matmul_f64_row(const hone_matmul_f64_args *m, int64_t i) {
    double *c = m->c + i * m->ldc;
    const double *a = m->trans_a ? m->a + i : m->a + i * m->lda;
    int64_t step = m->trans_a ? m->lda : 1;
    if (!m->accumulate)
        for (int64_t n = 0; n < m->N; n++) c[n] = 0;
    if (m->trans_b) {
        for (int64_t n = 0; n < m->N; n++) {
            double sum = 0;
            for (int64_t k = 0; k < m->K; k++) sum += a[k * step] * m->b[n * m->ldb + k];
            c[n] += sum;
        }
    } else {
        for (int64_t k = 0; k < m->K; k++)
            for (int64_t n = 0; n < m->N; n++) c[n] += a[k * step] * m->b[k * m->ldb + n];
    }
    if (m->bias)
        for (int64_t n = 0; n < m->N; n++) c[n] += m->bias[n];
    if (m->pre)
        for (int64_t n = 0; n < m->N; n++) m->pre[i * m->ldc + n] = c[n];
    if (m->act) hone_activation_f64_fwd(m->N, m->act, c, c);
}

static hone_status matmul_f64_task(void *ctx, int64_t task) {
    const hone_matmul_f64_args *m = ctx;
    for (int64_t i = task * MATMUL_F64_ROWS; i < m->M && i < (task + 1) * MATMUL_F64_ROWS; i++) matmul_f64_row(m, i);
    return HONE_OK;
}

hone_status hone_matmul_f64(const hone_matmul_f64_args *m) {
    hone_matmul_f64_args copy = *m;
    int64_t tasks = (m->M + MATMUL_F64_ROWS - 1) / MATMUL_F64_ROWS;
    if (m->M * m->N * m->K < 1 << 15) { /* a fork costs more */
        for (int64_t t = 0; t < tasks; t++) matmul_f64_task(&copy, t);
        return HONE_OK;
    }
    return hone_parallel(tasks, matmul_f64_task, &copy);
}
