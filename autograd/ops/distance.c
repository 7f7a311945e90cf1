/* Row-wise distances d[r] of a[r] and b[r]. With na = max(|a|, eps), nb likewise, c = a.b / (na nb):
 *     cosine     d = 1 - c       da = -(b / nb - c a / na) / na   (the second term only where |a| > eps)
 *     euclidean  d = |a - b|     da = (a - b) / d, 0 where d = 0
 *     manhattan  d = sum |a - b| da = sign(a - b)
 * db is the mirror image. A batch has at most a few thousand rows: arithmetic in double whatever the type. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "base/parallel.h"

#include <math.h>

typedef struct distance_params {
    hone_metric metric;
} distance_params;

typedef struct distance_job {
    const hone_node *n;
    int64_t per;
    void *d[2];
    bool add[2];
} distance_job;

static const double EPS = 1e-12; /* torch.nn.functional.normalize, which sentence-transformers' cosine goes through */

static double get(const hone_tensor *t, int64_t i) {
    return t->dtype == HONE_F64 ? hone_f64(t)[i] : (double)hone_f32(t)[i];
}
static void put(hone_dtype dtype, void *p, int64_t i, double x, bool add) {
    if (dtype == HONE_F64)
        ((double *)p)[i] = add ? ((double *)p)[i] + x : x;
    else
        ((float *)p)[i] = add ? ((float *)p)[i] + (float)x : (float)x;
}

/* What a row's distance and its gradient are made of. */
typedef struct row_sums {
    double ab, aa, bb, squared, absolute;
} row_sums;

static row_sums sum_row(const hone_tensor *a, const hone_tensor *b, int64_t r, int64_t D) {
    row_sums s = {0};
    for (int64_t i = r * D; i < (r + 1) * D; i++) {
        double x = get(a, i), y = get(b, i);
        s.ab += x * y, s.aa += x * x, s.bb += y * y;
        s.squared += (x - y) * (x - y), s.absolute += fabs(x - y);
    }
    return s;
}

static hone_status distance_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *a = n->in[0], *b = n->in[1];
    if (a->shape.rank != 2 || !hone_shape_equal(&a->shape, &b->shape))
        return hone_fail(HONE_E_SHAPE, "distance: a \"%s\" is %s, b \"%s\" is %s, both want [rows, D]", a->name,
                         hone_shape_str(&a->shape), b->name, hone_shape_str(&b->shape));
    int metric = (int)((const distance_params *)n->params)->metric;
    if (metric < 0 || metric >= HONE_METRIC_COUNT)
        return hone_fail(HONE_E_ARG, "distance: metric %d, wants 0 to %d", metric, HONE_METRIC_COUNT - 1);
    *shape = hone_shape_of(1, hone_dim(a, 0));
    *dtype = a->dtype;
    return HONE_OK;
}

static hone_status forward_task(void *ctx, int64_t t) {
    const distance_job *j = ctx;
    const hone_node *n = j->n;
    hone_metric metric = ((const distance_params *)n->params)->metric;
    int64_t D = hone_dim(n->in[0], 1), first = op_first(t, j->per),
            last = first + op_count(t, j->per, hone_dim(n->in[0], 0));
    for (int64_t r = first; r < last; r++) {
        row_sums s = sum_row(n->in[0], n->in[1], r, D);
        double d = metric == HONE_EUCLIDEAN   ? sqrt(s.squared)
                   : metric == HONE_MANHATTAN ? s.absolute
                                              : 1 - s.ab / (fmax(sqrt(s.aa), EPS) * fmax(sqrt(s.bb), EPS));
        put(n->out->dtype, n->out->data, r, d, false);
    }
    return HONE_OK;
}

/* d(distance)/d(x_i) for x = a or b; xx = |x|^2, yy = |y|^2. */
static double slope(hone_metric metric, const row_sums *s, double x, double y, double xx, double yy) {
    if (metric == HONE_MANHATTAN) return x > y ? 1 : x < y ? -1 : 0;
    if (metric == HONE_EUCLIDEAN) return s->squared > 0 ? (x - y) / sqrt(s->squared) : 0;
    double nx = fmax(sqrt(xx), EPS), ny = fmax(sqrt(yy), EPS), c = s->ab / (nx * ny);
    return -(y / ny - (sqrt(xx) > EPS ? c * x / nx : 0)) / nx;
}

static hone_status backward_task(void *ctx, int64_t t) {
    const distance_job *j = ctx;
    const hone_node *n = j->n;
    hone_metric metric = ((const distance_params *)n->params)->metric;
    const hone_tensor *a = n->in[0], *b = n->in[1];
    int64_t D = hone_dim(a, 1), first = op_first(t, j->per), last = first + op_count(t, j->per, hone_dim(a, 0));
    hone_tensor dout = {.dtype = n->out->dtype, .data = n->out->grad};
    for (int64_t r = first; r < last; r++) {
        row_sums s = sum_row(a, b, r, D);
        double d = get(&dout, r);
        for (int64_t i = r * D; i < (r + 1) * D; i++) {
            double x = get(a, i), y = get(b, i);
            if (j->d[0]) put(a->dtype, j->d[0], i, d * slope(metric, &s, x, y, s.aa, s.bb), j->add[0]);
            if (j->d[1]) put(a->dtype, j->d[1], i, d * slope(metric, &s, y, x, s.bb, s.aa), j->add[1]);
        }
    }
    return HONE_OK;
}

static hone_status distance_forward(hone_graph *g, hone_node *n) {
    (void)g;
    int64_t rows = hone_dim(n->in[0], 0);
    distance_job j = {.n = n, .per = hone_task_rows(rows, hone_dim(n->in[0], 1))};
    return hone_parallel(op_tasks(rows, j.per), forward_task, &j);
}

static hone_status distance_backward(hone_graph *g, hone_node *n) {
    int64_t rows = hone_dim(n->in[0], 0);
    distance_job j = {.n = n, .per = hone_task_rows(rows, hone_dim(n->in[0], 1))};
    for (int i = 0; i < 2; i++) j.d[i] = hone_graph_grad(g, n->in[i], &j.add[i]);
    HONE_TRY(hone_graph_status(g));
    return hone_parallel(op_tasks(rows, j.per), backward_task, &j);
}

const hone_op hone_op_distance = {.name = "distance",
                                  .min_in = 2,
                                  .max_in = 2,
                                  .shape = distance_shape,
                                  .forward = distance_forward,
                                  .backward = distance_backward};

hone_tensor *hone_distance(hone_graph *g, hone_tensor *a, hone_tensor *b, hone_metric metric) {
    return hone_graph_apply(g, &hone_op_distance, 2, (hone_tensor *[]){a, b}, &(distance_params){metric},
                            sizeof(distance_params));
}
