/* Triplets mined inside a batch from its distances d [B, B] and classes c [B]; a scalar. The four rules:
 * hone_triplet_rule, autograd/ops.h. All are piecewise linear in d (hard_soft aside): forward writes down which
 * elements count and how much, backward scales that. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

#include <math.h>
#include <string.h>

typedef struct triplet_params {
    const int32_t *label;
    double margin;
    hone_triplet_rule mining;
} triplet_params;

/* Distances of one batch, and the slope of the sum at each of them. */
typedef struct miner {
    const hone_tensor *d;
    const int32_t *label;
    int64_t B;
    double margin, *slope; /* [B, B] */
} miner;

static double at(const miner *m, int64_t i, int64_t j) {
    return op_get(m->d->dtype, m->d->data, i * m->B + j);
}
static bool same(const miner *m, int64_t i, int64_t j) {
    return m->label[i] == m->label[j];
}

static hone_status triplet_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *d = n->in[0];
    if (d->shape.rank != 2 || hone_dim(d, 0) != hone_dim(d, 1) || hone_dim(d, 0) < 1)
        return hone_fail(HONE_E_SHAPE, "batch_triplet: d \"%s\" is %s, wants [rows, rows]", d->name,
                         hone_shape_str(&d->shape));
    int rule = (int)((const triplet_params *)n->params)->mining;
    if (rule < 0 || rule > HONE_MINE_ALL)
        return hone_fail(HONE_E_ARG, "batch_triplet: rule %d, wants 0 to %d", rule, HONE_MINE_ALL);
    *shape = (hone_shape){.rank = 0};
    *dtype = d->dtype;
    return HONE_OK;
}

static int64_t farthest(const miner *m, int64_t i) {
    int64_t best = 0;
    for (int64_t j = 1; j < m->B; j++)
        if (at(m, i, j) > at(m, i, best)) best = j;
    return best;
}

static int64_t nearest(const miner *m, int64_t i) {
    int64_t best = 0;
    for (int64_t j = 1; j < m->B; j++)
        if (at(m, i, j) < at(m, i, best)) best = j;
    return best;
}

static double mine_hard(const miner *m, bool soft) {
    double sum = 0;
    for (int64_t i = 0; i < m->B; i++) {
        int64_t far = farthest(m, i), positive = -1, negative = -1;
        double hp = 0, hn = 0;
        for (int64_t j = 0; j < m->B; j++) {
            if (j != i && same(m, i, j) && at(m, i, j) > hp) positive = j, hp = at(m, i, j);
            double x = at(m, i, j) + (same(m, i, j) ? at(m, i, far) : 0);
            if (negative < 0 || x < hn) negative = j, hn = x;
        }
        double gap = hp - hn, slope = soft ? 1 / (1 + exp(-gap)) : gap + m->margin >= 0;
        sum += soft ? fmax(gap, 0) + log1p(exp(-fabs(gap))) : fmax(gap + m->margin, 0);
        if (positive >= 0) m->slope[i * m->B + positive] += slope;
        m->slope[i * m->B + negative] -= slope;
        if (same(m, i, negative)) m->slope[i * m->B + far] -= slope;
    }
    return sum;
}

/* The row that serves as the negative of the pair (i, j). */
static int64_t semi_hard_negative(const miner *m, int64_t i, int64_t j) {
    int64_t outside = -1, inside = -1;
    for (int64_t k = 0; k < m->B; k++) {
        if (same(m, i, k)) continue;
        if (at(m, i, k) > at(m, i, j) && (outside < 0 || at(m, i, k) < at(m, i, outside))) outside = k;
        if (inside < 0 || at(m, i, k) > at(m, i, inside)) inside = k;
    }
    return outside >= 0 ? outside : inside >= 0 ? inside : nearest(m, i);
}

static double mine_semi_hard(const miner *m, double *count) {
    double sum = 0, pairs = 0;
    for (int64_t i = 0; i < m->B; i++)
        for (int64_t j = 0; j < m->B; j++) {
            if (i == j || !same(m, i, j)) continue;
            int64_t k = semi_hard_negative(m, i, j);
            double gap = at(m, i, j) - at(m, i, k) + m->margin;
            pairs++;
            if (gap <= 0) continue;
            sum += gap;
            m->slope[i * m->B + j] += 1;
            m->slope[i * m->B + k] -= 1;
        }
    *count = fmax(pairs, 1e-16);
    return sum;
}

static double mine_all(const miner *m, double *count) {
    double sum = 0, active = 0;
    for (int64_t a = 0; a < m->B; a++)
        for (int64_t p = 0; p < m->B; p++) {
            if (a == p || !same(m, a, p)) continue;
            for (int64_t n = 0; n < m->B; n++) {
                double gap = at(m, a, p) - at(m, a, n) + m->margin;
                if (same(m, a, n) || gap < 0) continue;
                sum += gap;
                active += gap > 1e-16;
                m->slope[a * m->B + p] += 1;
                m->slope[a * m->B + n] -= 1;
            }
        }
    *count = active + 1e-16;
    return sum;
}

static hone_status triplet_forward(hone_graph *g, hone_node *n) {
    const triplet_params *p = n->params;
    int64_t B = hone_dim(n->in[0], 0);
    size_t bytes = (size_t)B * (size_t)B * sizeof(double);
    double *slope = hone_graph_save(g, bytes), sum, count = (double)B;
    if (!slope) return HONE_E_NOMEM;
    memset(slope, 0, bytes);
    n->saved = slope;
    miner m = {n->in[0], p->label, B, p->margin, slope};
    if (p->mining == HONE_MINE_SEMI_HARD)
        sum = mine_semi_hard(&m, &count);
    else if (p->mining == HONE_MINE_ALL)
        sum = mine_all(&m, &count);
    else
        sum = mine_hard(&m, p->mining == HONE_MINE_HARD_SOFT);
    /* Comparisons pass over a NaN; the loss of such distances is none. */
    for (int64_t i = 0; i < B * B; i++) slope[i] /= count, sum += 0 * op_get(m.d->dtype, m.d->data, i);
    op_put(n->out->dtype, n->out->data, 0, sum / count, false);
    return HONE_OK;
}

static hone_status triplet_backward(hone_graph *g, hone_node *n) {
    const double *slope = n->saved;
    bool add;
    void *dd = hone_graph_grad(g, n->in[0], &add);
    double dout = op_get(n->out->dtype, n->out->grad, 0);
    for (int64_t i = 0; dd && i < hone_count(n->in[0]); i++) op_put(n->out->dtype, dd, i, dout * slope[i], add);
    return hone_graph_status(g);
}

const hone_op hone_op_batch_triplet = {.name = "batch_triplet",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .shape = triplet_shape,
                                       .forward = triplet_forward,
                                       .backward = triplet_backward};

hone_tensor *hone_batch_triplet(hone_graph *g, hone_tensor *d, const int32_t *label, double margin,
                                hone_triplet_rule mining) {
    if (op_lacks(g, "batch_triplet", "label", label)) return NULL;
    return hone_graph_apply(g, &hone_op_batch_triplet, 1, (hone_tensor *[]){d},
                            &(triplet_params){label, margin, mining}, sizeof(triplet_params));
}
