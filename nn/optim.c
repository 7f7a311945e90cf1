#include "nn/optim.h"

#include "base/parallel.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { ELEMENTS_PER_TASK = 65536, ROWS_PER_TASK = 128 };

/* Elements that are updated with one rate. */
typedef struct span {
    int64_t at, n;
    double rate;
} span;

/* The optimiser's side of one parameter. */
typedef struct slot {
    const hone_param *param;
    span span[HONE_PARAM_PARTS]; /* one, unless the parts differ */
    int n_spans;
    int64_t column; /* tables: of o->decays */
    void *m, *v;
    int32_t *row_step;     /* tables: see optim.h */
    int32_t *seen, n_seen; /* tables: rows with row_step -1, in order of first touch */
} slot;

struct hone_optim {
    hone_params *params;
    hone_optim_config config;
    slot *slots;
    int64_t n, steps;
    float *decays; /* [steps, columns] factor of update k for tables of each rate */
    double *rates; /* [columns] */
    int64_t columns;
    int64_t decay_capacity;
    void *zero_row; /* gradient of a seen row that this batch did not touch */
};

static size_t bytes_of(const hone_tensor *t) {
    return (size_t)hone_count(t) * hone_dtype_size(t->dtype);
}

static void slot_spans(slot *s, const hone_param *p) {
    bool equal = true;
    int64_t n = hone_count(p->tensor), part = n / p->n_names;
    for (int k = 1; k < p->n_names; k++) equal &= p->frozen[k] == p->frozen[0] && p->rate[k] == p->rate[0];
    for (int k = 0; k < p->n_names; k++)
        if (!p->frozen[k]) s->span[s->n_spans++] = (span){k * part, equal ? n : part, p->rate[k]};
    if (equal && s->n_spans) s->n_spans = 1;
}

static hone_status slot_init(slot *s, const hone_param *p) {
    size_t bytes = bytes_of(p->tensor);
    s->param = p;
    if (!p->trainable) return HONE_OK;
    slot_spans(s, p);
    bool table = p->tensor->rows;
    s->m = table ? hone_zalloc_sparse(bytes) : hone_zalloc(bytes);
    s->v = table ? hone_zalloc_sparse(bytes) : hone_zalloc(bytes);
    if (!s->m || !s->v) return hone_last_error()->code;
    if (p->tensor->rows) {
        size_t rows = (size_t)hone_dim(p->tensor, 0);
        s->row_step = hone_zalloc(rows * sizeof *s->row_step);
        s->seen = hone_alloc(rows * sizeof *s->seen);
        if (!s->row_step || !s->seen) return hone_last_error()->code;
    }
    return HONE_OK;
}

/* The column of decays for every table's rate. */
static void slot_columns(hone_optim *o) {
    for (int64_t i = 0; i < o->n; i++) {
        slot *s = &o->slots[i];
        if (!s->row_step) continue;
        for (s->column = 0; s->column < o->columns && o->rates[s->column] != s->span[0].rate;) s->column++;
        if (s->column == o->columns) o->rates[o->columns++] = s->span[0].rate;
    }
}

hone_status hone_optim_new(hone_params *ps, const hone_optim_config *config, hone_optim **out) {
    const hone_optim_config c = *config;
    if (!(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1))
        return hone_fail(HONE_E_ARG, "betas are %g and %g, want 0 <= beta < 1", c.beta1, c.beta2);
    if (!(c.eps >= 0 && c.weight_decay >= 0 && c.clip >= 0) || !isfinite(c.eps + c.weight_decay))
        return hone_fail(HONE_E_ARG, "eps %g, weight decay %g, clip %g: none may be below 0", c.eps, c.weight_decay,
                         c.clip);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *p = hone_params_at(ps, i);
        for (int k = 0; k < p->n_names; k++)
            if (!(p->rate[k] >= 0 && isfinite(p->rate[k])))
                return hone_fail(HONE_E_ARG, "the rate of \"%s\" is multiplied by %g, wants 0 or more", p->name[k],
                                 p->rate[k]);
        if (!p->trainable || p->tensor->needs_grad) continue;
        hone_fail(HONE_E_ARG, "\"%s\" has no gradient, these parameters are not for training", p->name[0]);
        return hone_hint("hone_params_allocate(…, HONE_PARAMS_TRAIN), or hone_model_open with .train = true");
    }
    hone_optim *o = hone_zalloc(sizeof *o);
    int64_t widest = 1;
    if (!o) return hone_last_error()->code;
    o->params = ps, o->config = c, o->n = hone_params_count(ps);
    o->slots = hone_zalloc((size_t)(o->n + 1) * sizeof *o->slots);
    o->rates = hone_zalloc((size_t)(o->n + 1) * sizeof *o->rates);
    hone_status s = o->slots && o->rates ? HONE_OK : hone_last_error()->code;
    for (int64_t i = 0; i < o->n && s == HONE_OK; i++) {
        const hone_param *p = hone_params_at(ps, i);
        s = slot_init(&o->slots[i], p);
        if (p->tensor->rows && hone_dim(p->tensor, 1) > widest) widest = hone_dim(p->tensor, 1);
    }
    if (s == HONE_OK && !(o->zero_row = hone_zalloc((size_t)widest * sizeof(double)))) s = hone_last_error()->code;
    if (s != HONE_OK) {
        hone_optim_free(o);
        return s;
    }
    slot_columns(o);
    *out = o;
    return HONE_OK;
}

void hone_optim_free(hone_optim *o) {
    if (!o) return;
    for (int64_t i = 0; o->slots && i < o->n; i++) {
        hone_free(o->slots[i].m);
        hone_free(o->slots[i].v);
        hone_free(o->slots[i].row_step);
        hone_free(o->slots[i].seen);
    }
    hone_free(o->slots);
    hone_free(o->decays);
    hone_free(o->rates);
    hone_free(o->zero_row);
    hone_free(o);
}

/* ---- put-off decay of untouched rows ---- */

static void decay_row(const hone_optim *o, slot *s, int32_t row) {
    hone_tensor *t = s->param->tensor;
    int64_t C = hone_dim(t, 1);
    for (int64_t k = s->row_step[row]; k < o->steps; k++) {
        float factor = o->decays[k * o->columns + s->column];
        if (factor == 1) continue;
        if (t->dtype == HONE_F64)
            hone_vector_f64_scale(C, (double)factor, hone_f64(t) + row * C, hone_f64(t) + row * C, false);
        else
            hone_vector_f32_scale(C, factor, hone_f32(t) + row * C, hone_f32(t) + row * C, false);
    }
    s->row_step[row] = (int32_t)o->steps;
}

/* This step's factor for every row of a table in double that is not updated. */
static void decay_now(const hone_optim *o, slot *s, double factor) {
    hone_tensor *t = s->param->tensor;
    for (int64_t row = 0, C = hone_dim(t, 1); row < hone_dim(t, 0); row++) {
        if (s->row_step[row] < 0) continue;
        decay_row(o, s, (int32_t)row);
        hone_vector_f64_scale(C, factor, hone_f64(t) + row * C, hone_f64(t) + row * C, false);
        s->row_step[row]++;
    }
}

typedef struct decay_job {
    hone_optim *o;
    slot *s;
} decay_job;

static hone_status decay_task(void *ctx, int64_t task) {
    decay_job *j = ctx;
    int64_t V = hone_dim(j->s->param->tensor, 0),
            last = (task + 1) * ROWS_PER_TASK < V ? (task + 1) * ROWS_PER_TASK : V;
    for (int64_t row = task * ROWS_PER_TASK; row < last; row++)
        if (j->s->row_step[row] >= 0) decay_row(j->o, j->s, (int32_t)row);
    return HONE_OK;
}

static slot *slot_of(hone_optim *o, const hone_tensor *t) {
    for (int64_t i = 0; i < o->n; i++)
        if (o->slots[i].param->tensor == t) return &o->slots[i];
    return NULL;
}

hone_status hone_optim_catch_up(hone_optim *o, const hone_tensor *table, const int32_t *ids, int64_t n) {
    slot *s = slot_of(o, table);
    if (!s || !s->row_step) return HONE_OK;
    int64_t V = hone_dim(table, 0);
    if (!ids) return hone_parallel((V + ROWS_PER_TASK - 1) / ROWS_PER_TASK, decay_task, &(decay_job){o, s});
    for (int64_t i = 0; i < n; i++)
        if (ids[i] >= 0 && ids[i] < V && s->row_step[ids[i]] >= 0) decay_row(o, s, ids[i]);
    return HONE_OK;
}

hone_status hone_optim_catch_up_all(hone_optim *o) {
    for (int64_t i = 0; i < o->n; i++)
        if (o->slots[i].row_step) HONE_TRY(hone_optim_catch_up(o, o->slots[i].param->tensor, NULL, 0));
    return HONE_OK;
}

/* Rows with a gradient become seen: from now on they are updated at every step. */
static void open_seen_rows(hone_optim *o, slot *s) {
    const hone_row_set *rows = s->param->tensor->rows;
    for (int64_t r = 0; r < rows->n; r++) {
        int32_t row = rows->list[r];
        if (s->row_step[row] < 0) continue;
        decay_row(o, s, row);
        s->row_step[row] = -1;
        s->seen[s->n_seen++] = row;
    }
}

/* ---- gradient norm ---- */

static int64_t tasks_of(const slot *s, bool only_touched) {
    const hone_tensor *t = s->param->tensor;
    if (!s->m || !t->grad_set) return 0;
    if (t->rows) return ((only_touched ? t->rows->n : s->n_seen) + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    int64_t tasks = 0;
    for (int k = 0; k < s->n_spans; k++) tasks += (s->span[k].n + ELEMENTS_PER_TASK - 1) / ELEMENTS_PER_TASK;
    return tasks;
}

/* The elements of a task of a parameter that is no table. */
static span span_of(const slot *s, int64_t task) {
    int k = 0;
    for (int64_t tasks; task >= (tasks = (s->span[k].n + ELEMENTS_PER_TASK - 1) / ELEMENTS_PER_TASK); k++)
        task -= tasks;
    int64_t first = task * ELEMENTS_PER_TASK, rest = s->span[k].n - first;
    return (span){s->span[k].at + first, rest < ELEMENTS_PER_TASK ? rest : ELEMENTS_PER_TASK, s->span[k].rate};
}

typedef struct norm_job {
    const slot *s;
    double *part;
} norm_job;

static double sum_squares(const hone_tensor *t, int64_t at, int64_t n) {
    return t->dtype == HONE_F64 ? hone_vector_f64_sumsq(n, (double *)t->grad + at)
                                : hone_vector_f32_sumsq(n, (float *)t->grad + at);
}

static hone_status norm_task(void *ctx, int64_t task) {
    norm_job *j = ctx;
    const hone_tensor *t = j->s->param->tensor;
    double sum = 0;
    if (t->rows) {
        int64_t C = hone_dim(t, 1),
                last = (task + 1) * ROWS_PER_TASK < t->rows->n ? (task + 1) * ROWS_PER_TASK : t->rows->n;
        for (int64_t r = task * ROWS_PER_TASK; r < last; r++) sum += sum_squares(t, t->rows->list[r] * C, C);
    } else {
        span x = span_of(j->s, task);
        sum = sum_squares(t, x.at, x.n);
    }
    j->part[task] = sum;
    return HONE_OK;
}

hone_status hone_optim_grad_norm(hone_optim *o, double *norm) {
    double total = 0;
    for (int64_t i = 0; i < o->n; i++) {
        const slot *s = &o->slots[i];
        int64_t tasks = tasks_of(s, true);
        if (!tasks) continue;
        hone_arena *scratch = hone_scratch();
        hone_arena_mark mark = hone_arena_get_mark(scratch);
        norm_job j = {s, hone_arena_alloc(scratch, (size_t)tasks * sizeof(double))};
        hone_status status =
            j.part ? hone_parallel(tasks, norm_task, &j) : hone_fail(HONE_E_NOMEM, "no memory for partial sums");
        for (int64_t k = 0; k < tasks && status == HONE_OK; k++) total += j.part[k];
        hone_arena_release(scratch, mark);
        HONE_TRY(status);
    }
    *norm = sqrt(total);
    return HONE_OK;
}

/* ---- update ---- */

typedef struct step_job {
    hone_optim *o;
    slot *s;
    hone_adamw_step step;
} step_job;

static void update(const step_job *j, int64_t at, int64_t n, double rate, void *grad) {
    const hone_tensor *t = j->s->param->tensor;
    hone_adamw_step step = j->step;
    step.lr *= rate;
    if (t->dtype == HONE_F64)
        hone_adamw_f64_step(n, &step, hone_f64(t) + at, grad, (double *)j->s->m + at, (double *)j->s->v + at);
    else
        hone_adamw_f32_step(n, &step, hone_f32(t) + at, grad, (float *)j->s->m + at, (float *)j->s->v + at);
}

static void *grad_at(const hone_tensor *t, int64_t at) {
    return (char *)t->grad + (size_t)at * hone_dtype_size(t->dtype);
}

static hone_status step_task(void *ctx, int64_t task) {
    step_job *j = ctx;
    const hone_tensor *t = j->s->param->tensor;
    if (t->rows) {
        int64_t C = hone_dim(t, 1),
                last = (task + 1) * ROWS_PER_TASK < j->s->n_seen ? (task + 1) * ROWS_PER_TASK : j->s->n_seen;
        for (int64_t r = task * ROWS_PER_TASK; r < last; r++) {
            int32_t row = j->s->seen[r];
            update(j, row * C, C, j->s->span[0].rate, t->rows->mark[row] ? grad_at(t, row * C) : j->o->zero_row);
        }
        return HONE_OK;
    }
    span x = span_of(j->s, task);
    update(j, x.at, x.n, x.rate, grad_at(t, x.at));
    return HONE_OK;
}

static hone_status make_room_for_decay(hone_optim *o) {
    if (o->steps == o->decay_capacity) {
        int64_t capacity = o->decay_capacity ? 2 * o->decay_capacity : 1024;
        float *more = hone_realloc(o->decays, (size_t)(capacity * o->columns + 1) * sizeof *more);
        if (!more) return hone_last_error()->code;
        o->decays = more, o->decay_capacity = capacity;
    }
    return HONE_OK;
}

hone_status hone_optim_step(hone_optim *o, double lr, double norm) {
    const hone_optim_config *c = &o->config;
    if (!(lr >= 0 && isfinite(lr))) return hone_fail(HONE_E_ARG, "the learning rate is %g, wants 0 or more", lr);
    double t = (double)(o->steps + 1);
    hone_adamw_step step = {.lr = lr,
                            .beta1 = c->beta1,
                            .beta2 = c->beta2,
                            .eps = c->eps,
                            .weight_decay = c->weight_decay,
                            .bias1 = 1 - pow(c->beta1, t),
                            .bias2 = 1 - pow(c->beta2, t),
                            .grad_scale = 1};
    if (c->clip > 0) step.grad_scale = fmin(1, c->clip / (norm + 1e-6));
    HONE_TRY(make_room_for_decay(o));
    for (int64_t k = 0; k < o->columns; k++)
        o->decays[o->steps * o->columns + k] = (float)(1 - lr * o->rates[k] * c->weight_decay);
    for (int64_t i = 0; i < o->n; i++) {
        slot *s = &o->slots[i];
        if (s->param->tensor->rows && s->m && s->param->tensor->grad_set) open_seen_rows(o, s);
    }
    for (int64_t i = 0; i < o->n; i++) {
        slot *s = &o->slots[i];
        step_job j = {o, s, step};
        if (s->param->kind == HONE_PARAM_BIAS || s->param->kind == HONE_PARAM_NORM) j.step.weight_decay = 0;
        HONE_TRY(hone_parallel(tasks_of(s, false), step_task, &j));
        /* Factors are kept in f32, the type of a table that is trained: in double nothing is put off. */
        if (s->row_step && s->param->tensor->grad_set && s->param->tensor->dtype == HONE_F64)
            decay_now(o, s, 1 - lr * o->rates[s->column] * c->weight_decay);
        /* Decay of a table that got no gradient at all this step is none (torch: grad is None): its rows skip this
         * factor. */
        if (s->row_step && !s->param->tensor->grad_set)
            for (int64_t r = 0; r < hone_dim(s->param->tensor, 0); r++)
                if (s->row_step[r] >= 0) {
                    decay_row(o, s, (int32_t)r);
                    s->row_step[r]++;
                }
    }
    o->steps++;
    hone_params_clear_grads(o->params);
    return HONE_OK;
}

/* ---- state ---- */

int64_t hone_optim_steps(const hone_optim *o) {
    return o->steps;
}
void *hone_optim_m(hone_optim *o, int64_t i) {
    return o->slots[i].m;
}
void *hone_optim_v(hone_optim *o, int64_t i) {
    return o->slots[i].v;
}
int32_t *hone_optim_row_step(hone_optim *o, int64_t i) {
    return o->slots[i].row_step;
}

const float *hone_optim_decays(const hone_optim *o, int64_t *n) {
    *n = o->steps * o->columns;
    return o->decays;
}

int64_t hone_optim_decay_columns(const hone_optim *o) {
    return o->columns;
}

hone_status hone_optim_restore(hone_optim *o, int64_t steps, const float *decays, int64_t n) {
    if (n != steps * o->columns)
        return hone_fail(HONE_E_FORMAT, "optimiser state has %" PRId64 " decay factors for %" PRId64 " steps", n,
                         steps);
    o->steps = o->columns ? 0 : steps;
    for (int64_t k = 0; k < steps && o->columns; k++) {
        HONE_TRY(make_room_for_decay(o));
        memcpy(o->decays + k * o->columns, decays + k * o->columns, (size_t)o->columns * sizeof *decays);
        o->steps++;
    }
    for (int64_t i = 0; i < o->n; i++) {
        slot *s = &o->slots[i];
        s->n_seen = 0;
        for (int64_t r = 0; s->row_step && r < hone_dim(s->param->tensor, 0); r++)
            if (s->row_step[r] < 0) s->seen[s->n_seen++] = (int32_t)r;
    }
    return HONE_OK;
}
