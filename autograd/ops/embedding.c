/* y[t] = sum over k of table_k[ids_k[t]];   dtable_k[ids_k[t]] += dy[t], in order of t, except for the padding row.
 *
 * Columns are split over threads, not tokens: rows met twice are then summed in index order at any thread count. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <string.h>

enum { MAX_TABLES = 3, COLUMNS_PER_TASK = 64 };

typedef struct embedding_params {
    int64_t T;
    const int32_t *ids[MAX_TABLES];
    int32_t padding; /* of table 0 */
} embedding_params;

typedef struct embedding_job {
    hone_dtype dtype;
    int64_t T, C, per;
    int n;
    const hone_node *node;
    const int32_t *ids;
    void *y;
    const void *dy;
} embedding_job;

static hone_status embedding_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const embedding_params *p = n->params;
    for (int k = 0; k < n->n_in; k++) {
        const hone_tensor *table = n->in[k];
        if (!table) return hone_fail(HONE_E_ARG, "embedding: table %d is absent, and not optional", k);
        if (table->shape.rank != 2 || hone_dim(table, 1) != hone_cols(n->in[0]))
            return hone_fail(HONE_E_SHAPE, "embedding: table \"%s\" is %s, table \"%s\" is %s", table->name,
                             hone_shape_str(&table->shape), n->in[0]->name, hone_shape_str(&n->in[0]->shape));
        for (int64_t t = 0; t < p->T; t++)
            if (p->ids[k][t] < 0 || p->ids[k][t] >= hone_dim(table, 0))
                return hone_fail(HONE_E_SHAPE,
                                 "embedding: id %d at token %" PRId64 " is outside table \"%s\" of %" PRId64 " rows",
                                 p->ids[k][t], t, table->name, hone_dim(table, 0));
    }
    *shape = hone_shape_of(2, p->T, hone_cols(n->in[0]));
    *dtype = n->in[0]->dtype;
    return HONE_OK;
}

static hone_status gather_task(void *ctx, int64_t task) {
    embedding_job *j = ctx;
    const embedding_params *p = j->node->params;
    int64_t t = op_first(task, j->per), count = op_count(task, j->per, j->T);
    for (int k = 0; k < j->n; k++)
        HONE_BY_DTYPE(j->dtype, hone_embedding_f32_gather, hone_embedding_f64_gather, count, j->C, p->ids[k] + t,
                      j->node->in[k]->data, op_at(j->dtype, j->y, t * j->C), k > 0);
    return HONE_OK;
}

static hone_status scatter_task(void *ctx, int64_t task) {
    embedding_job *j = ctx;
    int64_t c0 = op_first(task, COLUMNS_PER_TASK), c1 = c0 + op_count(task, COLUMNS_PER_TASK, j->C);
    HONE_BY_DTYPE(j->dtype, hone_embedding_f32_scatter, hone_embedding_f64_scatter, j->T, j->C, c0, c1, j->ids, j->dy,
                  j->y);
    return HONE_OK;
}

static hone_status embedding_forward(hone_graph *g, hone_node *n) {
    (void)g;
    int64_t T = hone_dim(n->out, 0), C = hone_dim(n->out, 1);
    embedding_job j = {.dtype = n->out->dtype,
                       .T = T,
                       .C = C,
                       .per = hone_task_rows(T, C),
                       .n = n->n_in,
                       .node = n,
                       .y = n->out->data};
    return hone_parallel(op_tasks(T, j.per), gather_task, &j);
}

/* Zero the rows that this step meets for the first time. */
static void open_rows(hone_tensor *table, void *grad, const int32_t *ids, int64_t T, int32_t padding) {
    hone_row_set *set = table->rows;
    size_t row_bytes = (size_t)hone_dim(table, 1) * hone_dtype_size(table->dtype);
    for (int64_t t = 0; t < T; t++) {
        if (set->mark[ids[t]] || ids[t] == padding) continue;
        set->mark[ids[t]] = 1;
        set->list[set->n++] = ids[t];
        memset((char *)grad + (size_t)ids[t] * row_bytes, 0, row_bytes);
    }
}

static hone_status embedding_backward(hone_graph *g, hone_node *n) {
    const embedding_params *p = n->params;
    for (int k = 0; k < n->n_in; k++) {
        hone_tensor *table = n->in[k];
        bool add;
        int32_t padding = k == 0 ? p->padding : -1;
        size_t row_bytes = (size_t)hone_dim(table, 1) * hone_dtype_size(table->dtype);
        void *grad = hone_graph_grad(g, table, &add);
        if (!grad) continue;
        if (table->rows)
            open_rows(table, grad, p->ids[k], p->T, padding);
        else if (!add)
            memset(grad, 0, (size_t)hone_count(table) * hone_dtype_size(table->dtype));
        embedding_job j = {
            .dtype = table->dtype, .T = p->T, .C = hone_dim(table, 1), .ids = p->ids[k], .y = grad, .dy = n->out->grad};
        HONE_TRY(hone_parallel(op_tasks(j.C, COLUMNS_PER_TASK), scatter_task, &j));
        /* With a row set the padding row stays outside it, and what was summed there is never read. */
        if (padding >= 0 && padding < hone_dim(table, 0) && !table->rows)
            memset((char *)grad + (size_t)padding * row_bytes, 0, row_bytes);
    }
    return hone_graph_status(g);
}

const hone_op hone_op_embedding = {.name = "embedding",
                                   .min_in = 1,
                                   .max_in = MAX_TABLES,
                                   .shape = embedding_shape,
                                   .forward = embedding_forward,
                                   .backward = embedding_backward};

hone_tensor *hone_embedding(hone_graph *g, int n, hone_tensor *const *tables, const int32_t *const *ids, int64_t T,
                            int32_t padding) {
    embedding_params p = {.T = T, .padding = padding};
    if (n < 1 || n > MAX_TABLES)
        return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "embedding: %d tables, wants 1 to %d", n, MAX_TABLES));
    if (T < 0) return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "embedding: %" PRId64 " tokens, wants 0 or more", T));
    if (op_lacks(g, "embedding", "tables", tables)) return NULL;
    for (int k = 0; k < n; k++) {
        if (op_lacks(g, "embedding", "ids", ids ? ids[k] : NULL)) return NULL;
        p.ids[k] = ids[k];
    }
    return hone_graph_apply(g, &hone_op_embedding, n, tables, &p, sizeof p);
}
