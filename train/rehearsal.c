#include "train/rehearsal.h"

#include "base/parallel.h"
#include "train/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FEW_PASSES = 10, MOST_PASSES = 400 };
static const double BUDGET = 6, FIRST_WORK = 1e11, LONGEST_PASS = 2.5; /* seconds, operations, seconds */
/* Passes of a small model take a few milliseconds, and ten of them no longer than a processor needs to find its
 * speed. */
static const double SETTLED = 1;
/* How far a pass may be from the middle one and still count. */
static const double USUAL = 0.25;
/* Beside the passes: a line of log.jsonl, the progress bar, a batch handed over. */
static const double STEP_OVERHEAD = 150e-6;
/* A put-off multiplication of a table's element (nn/optim.h): rows stay in the first cache while all of theirs are
 * made. */
static const double DECAY = 1e-10;

typedef struct rehearsal {
    hone_model *m;
    const hone_train_data *data;
    const hone_train_options *o;
    const hone_run_shape *s;
    hone_arena *arena;
    hone_graph *g;
    hone_pass *pass;
    hone_optim *optim;
    hone_token_batch batch;
    /* Of each pass; seconds of its update are those of one element. */
    double work[MOST_PASSES], seconds[HONE_CLOCKS][MOST_PASSES], update[HONE_CLOCKS][MOST_PASSES];
    int n; /* of these */
    int64_t step;
} rehearsal;

double hone_clock_seconds(hone_clock c) {
    struct timespec t;
    clock_gettime(c == HONE_CLOCK_CPU ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct moment {
    double t[HONE_CLOCKS];
} moment;

static moment now(void) {
    return (moment){{hone_clock_seconds(HONE_CLOCK_WALL), hone_clock_seconds(HONE_CLOCK_CPU)}};
}

static double since(moment m) {
    return hone_clock_seconds(HONE_CLOCK_WALL) - m.t[HONE_CLOCK_WALL];
}

static double work_of(const rehearsal *r, const int64_t *rows, int64_t n) {
    const hone_token_store *t = r->data->store;
    double tokens = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < t->groups; g++) {
            double x = (double)hone_token_store_len(t, rows[i], g);
            tokens += x, squares += x * x;
        }
    hone_chunks c = hone_pass_chunks(t, rows, n, r->o->chunk, NULL);
    return hone_forecast_work(r->m, tokens, squares, hone_forecast_twice(&c, tokens));
}

/* As many of the batch's rows as this much work allows; rows by class stay in pairs. */
static int64_t rows_within(const rehearsal *r, const hone_shape_batch *b, double most) {
    double all = work_of(r, b->rows, b->n);
    if (all <= most) return b->n;
    int64_t n = (int64_t)((double)b->n * most / all) / 2 * 2, least = b->n < 4 ? b->n : 4;
    return n > least ? n : least;
}

/* Elements that an update writes: dense parameters, and rows of tables that have moments. */
static double elements(rehearsal *r) {
    hone_params *ps = hone_model_params(r->m);
    double sum = 0;
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        const int32_t *rows = hone_optim_row_step(r->optim, i);
        if (!hone_optim_m(r->optim, i)) continue;
        if (!rows) sum += (double)hone_count(t);
        for (int64_t k = 0; rows && k < hone_dim(t, 0); k++) sum += rows[k] < 0 ? (double)hone_dim(t, 1) : 0;
    }
    return sum;
}

static hone_status catch_up(rehearsal *r) {
    hone_params *ps = hone_model_params(r->m);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        bool words = t == hone_model_word_table(r->m);
        if (t->rows) HONE_TRY(hone_optim_catch_up(r->optim, t, words ? r->batch.ids : NULL, words ? r->batch.T : 0));
    }
    return HONE_OK;
}

/* One pass and one update over the first n rows of b; timed unless it is the first, which meets memory that nobody has
 * touched. */
static hone_status one_step(rehearsal *r, const hone_shape_batch *b, int64_t n) {
    double loss = 0, norm;
    moment start = now();
    HONE_TRY(hone_token_batch_fill(&r->batch, r->data->store, b->rows, n));
    HONE_TRY(catch_up(r));
    HONE_TRY(hone_pass_run(r->pass, &r->batch, r->o->seed, r->step, 0, 1, &loss));
    moment middle = now();
    HONE_TRY(hone_optim_grad_norm(r->optim, &norm));
    HONE_TRY(hone_optim_step(r->optim, fmin(r->o->lr, 1e-5), isfinite(norm) ? norm : 1));
    moment end = now();
    if (r->step++) {
        double updated = fmax(1, elements(r));
        r->work[r->n] = work_of(r, b->rows, n);
        for (int c = 0; c < HONE_CLOCKS; c++) {
            r->update[c][r->n] = (end.t[c] - middle.t[c]) / updated;
            r->seconds[c][r->n] = middle.t[c] - start.t[c];
        }
        r->n++;
    }
    return HONE_OK;
}

/* seconds / work = q + p / work over the passes that count: relative errors matter, the long passes do not drown the
 * short ones. */
static void least_squares(const rehearsal *r, int c, const bool *counts, double *p, double *q) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, seconds = 0, work = 0;
    for (int i = 0; i < r->n; i++) {
        if (!counts[i]) continue;
        double a = 1 / r->work[i], b = r->seconds[c][i] / r->work[i];
        n++, x += a, y += b, xx += a * a, xy += a * b;
        seconds += r->seconds[c][i], work += r->work[i];
    }
    x /= n, y /= n, xx /= n, xy /= n;
    double spread = xx - x * x;
    *p = spread > 0.01 * x * x ? fmax(0, (xy - x * y) / spread) : 0;
    *q = y - *p * x;
    if (*q <= 0 || *p <= 0) *p = 0, *q = seconds / work;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double middle_one(const double *x, int n) {
    double sorted[MOST_PASSES];
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

/* A moment in which others held the processor must not speak for the whole run: a pass that took much longer for its
 * work than the middle one, or much shorter, is left out of a second fit, and of the updates the middle one counts. */
static void fit(const rehearsal *r, int c, hone_rehearsal *out) {
    double off[MOST_PASSES], *p = &out->pass[c], *q = &out->work[c];
    bool counts[MOST_PASSES];
    for (int i = 0; i < r->n; i++) counts[i] = true;
    least_squares(r, c, counts, p, q);
    for (int i = 0; i < r->n; i++) off[i] = r->seconds[c][i] / (*p + *q * r->work[i]);
    double middle = middle_one(off, r->n);
    for (int i = 0; i < r->n; i++) counts[i] = !(fabs(off[i] / middle - 1) > USUAL);
    least_squares(r, c, counts, p, q);
    out->element[c] = middle_one(r->update[c], r->n);
}

static double decays(const rehearsal *r) {
    const hone_tensor *t = hone_model_word_table(r->m);
    if (!t || !t->needs_grad) return 0;
    return (double)(hone_dim(t, 0) - r->s->words) * (double)hone_dim(t, 1) * (double)r->s->steps * DECAY /
           hone_threads();
}

static double dense(const rehearsal *r) {
    hone_params *ps = hone_model_params(r->m);
    double sum = 0;
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        if (hone_optim_m(r->optim, i) && !hone_optim_row_step(r->optim, i))
            sum += (double)hone_count(hone_params_at(ps, i)->tensor);
    return sum;
}

static hone_status run(rehearsal *r, bool largest, const hone_rehearsal_evaluation *e, hone_rehearsal *out) {
    const hone_run_shape *s = r->s;
    const moment start = now();
    r->arena = hone_arena_new("step", HONE_STEP_BYTES);
    r->g = r->arena ? hone_graph_new(r->arena) : NULL;
    if (!r->g) return HONE_E_NOMEM;
    HONE_TRY(hone_pass_place_grads(r->m, r->o));
    HONE_TRY(hone_pass_new(r->m, r->g, r->data, r->o->loss, &r->o->loss_options, r->o->chunk, &r->pass));
    HONE_TRY(hone_optim_new(hone_model_params(r->m), &r->o->optim, &r->optim));
    if (!s->n_samples) return HONE_OK;
    HONE_TRY(one_step(r, &s->sample[0], rows_within(r, &s->sample[0], FIRST_WORK)));
    /* Operations a second, of the cold pass: refined by the next. */
    double rate = work_of(r, s->sample[0].rows, rows_within(r, &s->sample[0], FIRST_WORK)) / fmax(1e-6, since(start));
    /* The longest second: what follows runs in the memory that it made warm. */
    for (int k = 0; k < MOST_PASSES - 1; k++) {
        const hone_shape_batch *b = k == 0 ? &s->largest : &s->sample[k % s->n_samples];
        if (k >= (since(start) > BUDGET ? 3 : FEW_PASSES - 1) && since(start) > SETTLED) break;
        int64_t n = rows_within(r, b, (largest || k ? LONGEST_PASS : 0.5) * rate);
        HONE_TRY(one_step(r, b, n));
        if (k == 0 && n == b->n) out->arena = hone_arena_peak(r->arena);
        if (k == 0 && r->n == 1)
            rate = r->work[0] / r->seconds[HONE_CLOCK_WALL][0], r->n = 0; /* it met new memory, too */
    }
    out->passes = r->step;
    const hone_tensor *t = hone_model_word_table(r->m);
    double updated = (double)s->steps * dense(r) + s->table_rows * (t ? (double)hone_dim(t, 1) : 0);
    for (int c = 0; c < HONE_CLOCKS; c++) {
        fit(r, c, out);
        out->training[c] = (double)s->batches * out->pass[c] + s->work * out->work[c] +
                           (double)s->steps * STEP_OVERHEAD + decays(r) + out->element[c] * updated;
    }
    if (e && e->sample) {
        json_t *metrics = NULL;
        double primary;
        moment began = now();
        HONE_TRY(e->sample->run(e->sample->ctx, r->m, r->g, &metrics, &primary));
        json_decref(metrics);
        moment ended = now();
        for (int c = 0; c < HONE_CLOCKS; c++)
            out->evaluation[c] =
                (ended.t[c] - began.t[c]) * e->scale + e->flops * out->work[c] + e->compared * 1.5e-9 / hone_threads();
    }
    out->seconds = since(start);
    return HONE_OK;
}

hone_status hone_rehearse(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                          const hone_run_shape *s, bool largest, const hone_rehearsal_evaluation *evaluation,
                          hone_rehearsal *out) {
    rehearsal r = {.m = m, .data = data, .o = o, .s = s};
    *out = (hone_rehearsal){0};
    hone_status st = run(&r, largest, evaluation, out);
    hone_params_clear_grads(hone_model_params(m));
    hone_token_batch_free(&r.batch);
    hone_optim_free(r.optim);
    hone_pass_free(r.pass);
    hone_graph_free(r.g);
    hone_arena_free(r.arena);
    return st;
}
