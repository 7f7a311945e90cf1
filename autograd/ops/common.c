#include "autograd/ops/common.h"

#include "base/parallel.h"
#include "kernels/kernels.h"
#include "tensor/matmul_bf16.h"
#include "tensor/prepared.h"

#include <string.h>

/* ---- products ---- */

/* M, N, K and the leading dimensions are read side by side. */
/* clang-format off */
static hone_status product_f64(const hone_matmul_args *m) {
    return hone_matmul_f64(&(hone_matmul_f64_args){
        .M = m->M, .N = m->N, .K = m->K, .trans_a = m->trans_a, .trans_b = m->trans_b, .accumulate = m->accumulate,
        .a = (const void *)m->a, .lda = m->lda, .b = (const void *)m->b, .ldb = m->ldb, .c = (void *)m->c,
        .ldc = m->ldc, .bias = (const void *)m->bias, .act = m->through ? HONE_ACT_NONE : m->act,
        .pre = (void *)m->pre});
}

hone_status hone_ops_product(hone_dtype dtype, hone_precision precision, const hone_matmul_args *m) {
    if (dtype == HONE_F32) return precision == HONE_PRECISION_BF16 ? hone_matmul_bf16(m) : hone_matmul_f32(m);
    HONE_TRY(product_f64(m));
    if (m->sum_a) HONE_TRY(hone_ops_column_sums(dtype, m->K, m->M, m->a, m->sum_a, m->add_sum_a));
    if (!m->through) return HONE_OK;
    HONE_TRY(hone_ops_activation_backward(dtype, m->M * m->N, m->act, m->through, m->c, m->c, false));
    return hone_ops_activation_forward(dtype, m->M * m->N, m->act, m->through, m->through);
}

hone_status hone_ops_run(op_products *ps) {
    const hone_precision precision = hone_graph_get_mode(ps->g)->precision;
    const int count = ps->count;
    ps->count = 0;
    if (ps->dtype == HONE_F32)
        return precision == HONE_PRECISION_BF16 ? hone_matmul_bf16_all(count, ps->m) : hone_matmul_f32_all(count, ps->m);
    for (int i = 0; i < count; i++) HONE_TRY(hone_ops_product(ps->dtype, precision, &ps->m[i]));
    return HONE_OK;
}

static hone_status add_product(op_products *ps, const hone_tensor *w, hone_matmul_args m) {
    if (!w->data)
        return hone_fail(HONE_E_ARG, "a weight laid out for inference has no backward pass: open the model for training");
    if (ps->count == sizeof ps->m / sizeof *ps->m) HONE_TRY(hone_ops_run(ps));
    ps->m[ps->count++] = m;
    return HONE_OK;
}

hone_status hone_ops_add_linear(op_products *ps, int64_t M, const void *x, const hone_tensor *w, const hone_tensor *b,
                                hone_act act, void *pre, void *y) {
    int64_t N = hone_dim(w, 0), K = hone_dim(w, 1);
    const void *bias = b ? b->data : NULL;
    if (w->prepared) {
        HONE_TRY(hone_ops_run(ps));
        return hone_prepared_linear(w->prepared, M, x, bias, act, pre, y);
    }
    return add_product(ps, w, (hone_matmul_args){
        .M = M, .N = N, .K = K, .trans_b = true, .a = x, .lda = K, .b = w->data, .ldb = K, .c = y, .ldc = N,
        .bias = bias, .act = act, .pre = pre});
}

hone_status hone_ops_add_linear_grads(op_products *ps, int64_t M, const void *dy, const void *x, hone_tensor *w,
                                      hone_tensor *b) {
    int64_t N = hone_dim(w, 0), K = hone_dim(w, 1);
    bool add_w, add_b;
    void *dw = hone_graph_grad(ps->g, w, &add_w), *db = hone_graph_grad(ps->g, b, &add_b);
    HONE_TRY(hone_graph_status(ps->g));
    if (!dw && !db) return HONE_OK;
    if (!dw) {
        HONE_TRY(hone_ops_run(ps));
        return hone_ops_column_sums(w->dtype, M, N, dy, db, add_b);
    }
    return add_product(ps, w, (hone_matmul_args){
        .M = N, .N = K, .K = M, .trans_a = true, .a = dy, .lda = N, .b = x, .ldb = K, .c = dw, .ldc = K,
        .accumulate = add_w, .sum_a = db, .add_sum_a = add_b});
}

hone_status hone_ops_add_linear_input_grad(op_products *ps, int64_t M, const void *dy, const hone_tensor *w,
                                           hone_tensor *x) {
    int64_t N = hone_dim(w, 0), K = hone_dim(w, 1);
    bool add;
    void *dx = hone_graph_grad(ps->g, x, &add);
    if (!dx) return hone_graph_status(ps->g);
    return add_product(ps, w, (hone_matmul_args){
        .M = M, .N = K, .K = N, .a = dy, .lda = N, .b = w->data, .ldb = K, .c = dx, .ldc = K, .accumulate = add});
}

hone_status hone_ops_add_linear_through(op_products *ps, int64_t M, const void *dy, const hone_tensor *w, hone_act act,
                                        void *h, void *dh) {
    int64_t N = hone_dim(w, 0), K = hone_dim(w, 1);
    return add_product(ps, w, (hone_matmul_args){
        .M = M, .N = K, .K = N, .a = dy, .lda = N, .b = w->data, .ldb = K, .c = dh, .ldc = K,
        .act = act, .through = h});
}
/* clang-format on */

/* ---- column sums ---- */

typedef struct colsum_job {
    hone_dtype dtype;
    int64_t rows, C, per;
    const void *x;
    void *part; /* [tasks, C] */
} colsum_job;

static hone_status colsum_task(void *ctx, int64_t t) {
    colsum_job *j = ctx;
    void *y = op_at(j->dtype, j->part, t * j->C);
    const void *x = op_at(j->dtype, j->x, op_first(t, j->per) * j->C);
    memset(y, 0, (size_t)j->C * hone_dtype_size(j->dtype));
    HONE_BY_DTYPE(j->dtype, hone_vector_f32_colsum, hone_vector_f64_colsum, op_count(t, j->per, j->rows), j->C, j->C, x,
                  y);
    return HONE_OK;
}

hone_status hone_ops_column_sums(hone_dtype dtype, int64_t rows, int64_t C, const void *x, void *y, bool add) {
    colsum_job j = {dtype, rows, C, 256, x, NULL};
    int64_t tasks = op_tasks(rows, j.per);
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    j.part = hone_arena_alloc(scratch, (size_t)(tasks * C) * hone_dtype_size(dtype));
    if (tasks && !j.part) return hone_fail(HONE_E_NOMEM, "no memory for %" PRId64 " partial column sums", tasks);
    hone_status s = hone_parallel(tasks, colsum_task, &j);
    if (s == HONE_OK) {
        if (!add) memset(y, 0, (size_t)C * hone_dtype_size(dtype));
        HONE_BY_DTYPE(dtype, hone_vector_f32_colsum, hone_vector_f64_colsum, tasks, C, C, j.part, y);
    }
    hone_arena_release(scratch, mark);
    return s;
}

/* ---- elementwise ---- */

typedef struct element_job {
    hone_dtype dtype;
    int64_t n, per;
    hone_act act;
    double a;
    const void *x, *dy;
    void *y;
    bool add;
} element_job;

static hone_status activation_forward_task(void *ctx, int64_t t) {
    element_job *j = ctx;
    int64_t i = op_first(t, j->per), n = op_count(t, j->per, j->n);
    HONE_BY_DTYPE(j->dtype, hone_activation_f32_fwd, hone_activation_f64_fwd, n, j->act, op_at(j->dtype, j->x, i),
                  op_at(j->dtype, j->y, i));
    return HONE_OK;
}

static hone_status activation_backward_task(void *ctx, int64_t t) {
    element_job *j = ctx;
    int64_t i = op_first(t, j->per), n = op_count(t, j->per, j->n);
    HONE_BY_DTYPE(j->dtype, hone_activation_f32_bwd, hone_activation_f64_bwd, n, j->act, op_at(j->dtype, j->x, i),
                  op_at(j->dtype, j->dy, i), op_at(j->dtype, j->y, i), j->add);
    return HONE_OK;
}

static hone_status scale_task(void *ctx, int64_t t) {
    element_job *j = ctx;
    int64_t i = op_first(t, j->per), n = op_count(t, j->per, j->n);
    void *x = op_at(j->dtype, j->x, i), *y = op_at(j->dtype, j->y, i);
    if (j->dtype == HONE_F64)
        hone_vector_f64_scale(n, j->a, x, y, j->add);
    else
        hone_vector_f32_scale(n, (float)j->a, x, y, j->add);
    return HONE_OK;
}

static const int64_t ELEMENTS_PER_TASK = 16384;

hone_status hone_ops_activation_forward(hone_dtype dtype, int64_t n, hone_act act, const void *x, void *y) {
    element_job j = {.dtype = dtype, .n = n, .per = ELEMENTS_PER_TASK, .act = act, .x = x, .y = y};
    return hone_parallel(op_tasks(n, j.per), activation_forward_task, &j);
}

hone_status hone_ops_activation_backward(hone_dtype dtype, int64_t n, hone_act act, const void *x, const void *dy,
                                         void *dx, bool add) {
    element_job j = {
        .dtype = dtype, .n = n, .per = ELEMENTS_PER_TASK, .act = act, .x = x, .dy = dy, .y = dx, .add = add};
    return hone_parallel(op_tasks(n, j.per), activation_backward_task, &j);
}

hone_status hone_ops_scale(hone_dtype dtype, int64_t n, double a, const void *x, void *y, bool add) {
    element_job j = {.dtype = dtype, .n = n, .per = ELEMENTS_PER_TASK, .a = a, .x = x, .y = y, .add = add};
    return hone_parallel(op_tasks(n, j.per), scale_task, &j);
}

hone_status hone_ops_check_sequences(const char *op, const hone_sequences *s, const hone_tensor *x, int least) {
    int64_t rows = x->shape.rank > 0 ? hone_dim(x, 0) : 0;
    if (s->T != rows)
        return hone_fail(HONE_E_SHAPE, "%s: \"%s\" has %" PRId64 " rows, the sequences %" PRId64, op, x->name, rows,
                         s->T);
    if (s->B < 0) return hone_fail(HONE_E_SHAPE, "%s: %" PRId64 " sequences", op, s->B);
    if (s->cu[0] != 0) return hone_fail(HONE_E_SHAPE, "%s: the first sequence begins at row %d, wants 0", op, s->cu[0]);
    for (int64_t b = 0; b < s->B; b++)
        if ((int64_t)s->cu[b + 1] - s->cu[b] < least)
            return hone_fail(HONE_E_SHAPE, "%s: sequence %" PRId64 " is row %d to before %d, wants %d or more", op, b,
                             s->cu[b], s->cu[b + 1], least);
    if (s->cu[s->B] != rows)
        return hone_fail(HONE_E_SHAPE, "%s: the last sequence ends at row %d of %" PRId64, op, s->cu[s->B], rows);
    return HONE_OK;
}

hone_status hone_ops_check_dropout(const char *op, float p) {
    return p >= 0 && p < 1 ? HONE_OK : hone_fail(HONE_E_ARG, "%s: p is %g, wants 0 <= p < 1", op, (double)p);
}

hone_status hone_ops_check_act(const char *op, hone_act act) {
    if ((int)act >= 0 && act < HONE_ACT_COUNT) return HONE_OK;
    return hone_fail(HONE_E_ARG, "%s: activation %d, wants 0 to %d", op, (int)act, HONE_ACT_COUNT - 1);
}
