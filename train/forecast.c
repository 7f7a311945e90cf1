#include "train/forecast.h"

#include "base/io.h"
#include "base/parallel.h"
#include "base/random.h"
#include "data/batch.h"
#include "kernels/attention/attention.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
enum { SMALL_TOKENS = 256, MEDIUM_TOKENS = 768, LOSS_ROWS = 192 };

/* ---- parameters ---- */

typedef struct parameter_bytes {
    uint64_t values, gradients; /* gradients of what is no table */
    uint64_t moments;           /* of what is no table; tables have theirs by pages */
    uint64_t small_tables;      /* positions, types: one copy */
    uint64_t table_moments_all; /* address space of every table's moments */
    uint64_t aligned;           /* address space that moments of matrices take to begin at a huge page */
    uint64_t rows;              /* lists of rows of tables */
    uint64_t largest;           /* one tensor */
    uint64_t widest;            /* one gradient of what is no table */
    uint64_t matrices;          /* what is laid out for chunks */
    uint64_t trained;           /* values of trained parameters */
} parameter_bytes;

static parameter_bytes bytes_of_parameters(const hone_model *m) {
    parameter_bytes b = {0};
    hone_params *ps = hone_model_params((hone_model *)(uintptr_t)m);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *p = hone_params_at(ps, i);
        const hone_tensor *t = p->tensor;
        uint64_t n = (uint64_t)hone_count(t) * hone_dtype_size(t->dtype);
        b.values += n;
        if (n > b.largest) b.largest = n;
        if (p->kind == HONE_PARAM_WEIGHT && t->shape.rank == 2) b.matrices += n;
        if (!p->trainable) continue;
        b.trained += n;
        if (!t->rows) {
            b.gradients += n, b.moments += 2 * n;
            if (n > b.widest) b.widest = n;
            if (n >= 2 * MIB) b.aligned += 2 * 2 * MIB;
            continue;
        }
        b.table_moments_all += 2 * n;
        b.rows += 8 * (uint64_t)hone_dim(t, 0);
        if (t != hone_model_word_table(m)) b.small_tables += n;
    }
    return b;
}

/* ---- activations ---- */

/* A layer of an encoder keeps x, q, k, v, context, attention's result and the inner layer before its activation, 6 h +
 * f at least; the walk back borrows about two inner layers. Half as much again is beyond anything measured. */
void hone_forecast_bound(const hone_model *m, hone_forecast_fit *out) {
    const hone_model_info *i = hone_model_get_info(m);
    double h = (double)i->hidden, f = (double)i->intermediate, layers = (double)i->layers;
    *out = (hone_forecast_fit){.fixed = 64.0 * (double)MIB,
                               .token = 1.5 * 4 * (layers * (7 * h + 2 * f) + 8 * h + 4 * f),
                               .row = 4096,
                               .row2 = 4 * 256,
                               .scratch_token = 4 * (h + f)};
    out->forward_fixed = out->fixed, out->forward_token = out->token;
    out->lent_fixed = out->fixed + (double)bytes_of_parameters(m).gradients, out->lent_token = out->token;
}

typedef struct probe {
    hone_model *m;
    const hone_train_data *data;
    const hone_train_options *o;
    const hone_run_shape *s;
    hone_token_batch batch;
    /* The gradients of all parameters, in passes whose own arena is in question; NULL: where the run has them. */
    void *shared;
    size_t widest; /* bytes of the largest one */
} probe;

/* Rows of the largest batch until they have so many tokens; two at least if they are there: classes come in pairs. */
static hone_status take_rows(probe *p, int64_t tokens) {
    const hone_shape_batch *b = &p->s->largest;
    int64_t n = 0, sum = 0;
    while (n < b->n && (sum < tokens || n < 1)) {
        for (int64_t g = 0; g < p->data->store->groups; g++) sum += hone_token_store_len(p->data->store, b->rows[n], g);
        n++;
    }
    return hone_token_batch_fill(&p->batch, p->data->store, b->rows, n);
}

static hone_graph_mode mode_of(const probe *p) {
    return (hone_graph_mode){.record = true,
                             .train = true,
                             .seed = p->o->seed,
                             .precision = hone_model_get_info(p->m)->precision,
                             .lend_grads = true};
}

/* Memory that all matrices' gradients share where the run lends them some, and all vectors' behind it (those of one
 * Linear are written side by side): nobody reads their sums. */
static void share_grads(const probe *p) {
    hone_params *ps = hone_model_params(p->m);
    for (int64_t i = 0; p->shared && i < hone_params_count(ps); i++) {
        hone_tensor *t = hone_params_at(ps, i)->tensor;
        if (!t->rows) t->grad = (char *)p->shared + (t->shape.rank > 1 ? 0 : p->widest);
    }
}

/* What the encoder alone takes, forward and backward, in an empty arena. */
typedef struct taken {
    double tokens, forward, all, scratch;
} taken;

static hone_status probe_encoder(probe *p, taken *out) {
    hone_arena *arena = hone_arena_new("probe", HONE_STEP_BYTES);
    hone_graph *g = arena ? hone_graph_new(arena) : NULL;
    hone_status s = g ? HONE_OK : HONE_E_NOMEM;
    float *d = NULL;
    if (s == HONE_OK) {
        hone_graph_mode mode = mode_of(p);
        hone_graph_begin(g, &mode);
        share_grads(p);
        hone_tensor *e = hone_model_encode(
            p->m, g,
            &(hone_model_batch){
                .B = p->batch.S, .T = p->batch.T, .ids = p->batch.ids, .types = p->batch.type_ids, .cu = p->batch.cu});
        s = hone_graph_status(g);
        out->forward = (double)(hone_arena_used(arena) - hone_graph_idle(g));
        if (s == HONE_OK && !(d = hone_zalloc((size_t)hone_count(e) * sizeof *d))) s = HONE_E_NOMEM;
        if (s == HONE_OK && e->node) s = hone_graph_backward_from(g, e, d);
    }
    out->tokens = (double)p->batch.T;
    out->all = arena ? (double)hone_arena_peak(arena) : 0;
    out->scratch = (double)hone_arena_peak(hone_scratch());
    hone_params_clear_grads(hone_model_params(p->m));
    hone_free(d);
    hone_graph_free(g);
    hone_arena_free(arena);
    return s;
}

/* The loss alone, on embeddings that are made up, of the first n rows of the largest batch. */
static hone_status probe_loss(probe *p, int64_t n, double *bytes) {
    const hone_train_data *d = p->data;
    const int64_t *rows = p->s->largest.rows;
    int64_t D = hone_model_get_info(p->m)->embedding, G = d->store->groups;
    hone_arena *arena = hone_arena_new("probe", HONE_STEP_BYTES);
    hone_graph *g = arena ? hone_graph_new(arena) : NULL;
    float *x = hone_alloc((size_t)(n * G * D) * sizeof *x), *dx = hone_alloc((size_t)(n * G * D) * sizeof *dx);
    double *score = d->score ? hone_alloc((size_t)n * sizeof *score) : NULL;
    int32_t *group = d->group ? hone_alloc((size_t)n * sizeof *group) : NULL;
    hone_status s = g && x && dx && (score || !d->score) && (group || !d->group) ? HONE_OK : HONE_E_NOMEM;
    if (s == HONE_OK) {
        for (int64_t i = 0; i < n; i++) {
            if (score) score[i] = d->score[rows[i]];
            if (group) group[i] = d->group[rows[i]];
        }
        for (int64_t i = 0; i < n * G * D; i++)
            x[i] = (float)(hone_random_uniform(1, hone_stream_id(HONE_STREAM_SAMPLE, 3), (uint64_t)i) - 0.5);
        hone_graph_mode mode = mode_of(p);
        hone_graph_begin(g, &mode);
        hone_tensor *e = hone_graph_input(g, "embeddings", HONE_F32, hone_shape_of(2, n * G, D), x);
        if (e) e->needs_grad = true, e->grad = dx;
        hone_loss_batch in = {.embeddings = e, .B = n, .G = (int)G, .score = score, .group = group};
        hone_tensor *l = e ? hone_loss_build(g, p->o->loss, &in, &p->o->loss_options) : NULL;
        s = hone_graph_status(g);
        if (s == HONE_OK && l->node) s = hone_graph_backward(g, l, 1);
    }
    *bytes = arena ? (double)hone_arena_peak(arena) : 0;
    hone_free(x), hone_free(dx), hone_free(score), hone_free(group);
    hone_graph_free(g);
    hone_arena_free(arena);
    return s;
}

static hone_status fit_loss(probe *p, hone_forecast_fit *out) {
    int64_t most = p->s->largest.n, large = most < LOSS_ROWS ? most : LOSS_ROWS / 2 * 2, small = large / 4 * 2;
    double b2, b1;
    HONE_TRY(probe_loss(p, large, &b2));
    if (large == most || small < 4) { /* nothing to go beyond */
        out->row = b2 / (double)large;
        return HONE_OK;
    }
    HONE_TRY(probe_loss(p, small, &b1));
    double x = (double)large, y = (double)small;
    out->row2 = fmax(0, (b2 / x - b1 / y) / (x - y));
    out->row = fmax(0, b2 / x - out->row2 * x);
    return HONE_OK;
}

static void line_through(double x1, double y1, double x2, double y2, double *fixed, double *slope) {
    *slope = x2 > x1 ? fmax(0, (y2 - y1) / (x2 - x1)) : y2 / x2;
    *fixed = fmax(0, y2 - *slope * x2);
}

/* Two small passes. */
static hone_status probe_twice(probe *p, taken t[2]) {
    const int64_t all = p->s->largest.tokens, want[2] = {all < MEDIUM_TOKENS ? all / 3 : SMALL_TOKENS, MEDIUM_TOKENS};
    for (int k = 0; k < 2; k++) {
        HONE_TRY(take_rows(p, want[k]));
        HONE_TRY(probe_encoder(p, &t[k]));
    }
    return HONE_OK;
}

static hone_status fit_encoder(probe *p, hone_forecast_fit *out) {
    taken t[2];
    HONE_TRY(probe_twice(p, t));
    line_through(t[0].tokens, t[0].all, t[1].tokens, t[1].all, &out->fixed, &out->token);
    line_through(t[0].tokens, t[0].forward, t[1].tokens, t[1].forward, &out->forward_fixed, &out->forward_token);
    line_through(t[0].tokens, t[0].scratch, t[1].tokens, t[1].scratch, &out->scratch_fixed, &out->scratch_token);
    return HONE_OK;
}

static hone_status fit_lent(probe *p, hone_forecast_fit *out) {
    taken t[2];
    HONE_TRY(probe_twice(p, t));
    line_through(t[0].tokens, t[0].all, t[1].tokens, t[1].all, &out->lent_fixed, &out->lent_token);
    return HONE_OK;
}

hone_status hone_forecast_measure(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                  const hone_run_shape *s, hone_forecast_fit *out) {
    probe p = {.m = m, .data = data, .o = o, .s = s};
    *out = (hone_forecast_fit){0};
    HONE_TRY(hone_pass_place_grads(m, o));
    const bool lends = hone_pass_lends_grads(o);
    p.widest = (size_t)bytes_of_parameters(m).widest;
    if (lends && !(p.shared = hone_alloc(2 * p.widest))) return HONE_E_NOMEM;
    hone_status st = fit_encoder(&p, out);
    hone_free(p.shared);
    p.shared = NULL;
    if (lends && st == HONE_OK) st = fit_lent(&p, out);
    if (st == HONE_OK) st = fit_loss(&p, out);
    hone_token_batch_free(&p.batch);
    return st;
}

/* ---- memory ---- */

static uint64_t whole(double bytes) {
    return bytes > 0 ? (uint64_t)bytes : 0;
}

static void activations(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                        const hone_run_shape *s, const hone_forecast_fit *fit, const parameter_bytes *b,
                        hone_memory_forecast *out) {
    const hone_model_info *info = hone_model_get_info(m);
    bool chunked = o->chunk > 0 && s->most_rows > o->chunk, lends = hone_pass_lends_grads(o);
    double T = (double)s->pass_tokens, B = (double)s->most_rows, waits = (double)s->kept_tokens,
           encoder = fit->fixed + fit->token * T, loss = fit->row * B + fit->row2 * B * B;
    if (lends) encoder = fmax(encoder, fit->lent_fixed + fit->lent_token * T);
    /* The largest pass may lie in a batch of so many chunks that none waits, and a smaller one wait in another. */
    double under = loss + (waits > 0 ? fit->forward_fixed + fit->forward_token * waits : 0);
    out->arena = fit->largest ? fit->largest : whole(fmax(encoder, under));
    if (!s->pass_kept && whole(under) > out->arena) out->arena = whole(under);
    double heads = (double)(info->heads > 0 ? info->heads : 1);
    uint64_t attention =
        4 * (uint64_t)hone_attention_scratch(data->store->max_len, (int64_t)((double)info->hidden / heads));
    /* Each thread has a task's panels of a matrix and a head's tiles. */
    uint64_t panels = b->matrices / 4 < MIB ? b->matrices / 4 : MIB;
    out->activations = out->arena + whole(fit->scratch_fixed + fit->scratch_token * T) +
                       (uint64_t)hone_threads() * (attention + panels);
    if (!chunked) return;
    out->activations += 2 * (uint64_t)s->most_rows * (uint64_t)data->store->groups * (uint64_t)info->embedding *
                        sizeof(float); /* E, dE */
    out->activations += info->precision == HONE_PRECISION_BF16 ? b->matrices / 2 : b->matrices;
}

static void batch_memory(const hone_train_data *data, const hone_train_options *o, const hone_run_shape *s,
                         hone_memory_forecast *out) {
    uint64_t n = (uint64_t)data->n, texts = (uint64_t)data->texts->count, widest = 0;
    for (int64_t r = 0; r < data->store->rows; r++) {
        uint64_t sum = 0;
        for (int64_t g = 0; g < data->store->groups; g++) sum += (uint64_t)hone_token_store_len(data->store, r, g);
        if (sum > widest) widest = sum;
    }
    uint64_t samplers =
        o->no_duplicates ? 2 * (16 * n + 29 * texts) : 8 * n + 8 * n * (o->loss->needs == HONE_LOSS_CLASSES);
    uint64_t room = widest * (uint64_t)s->most_rows;
    out->batches = samplers + 2 * (4 * room + 8 * (uint64_t)s->largest.tokens);
    out->address += samplers + 2 * 12 * room + 8 * MIB; /* and the stack of the thread that prepares batches */
}

/* A checkpoint is read back for its checksums: a tensor at a time in memory, a file at a time in address space. */
void hone_forecast_memory(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                          const hone_run_shape *s, const hone_forecast_fit *fit, uint64_t evaluation,
                          const hone_machine_memory *machine, hone_memory_forecast *out) {
    parameter_bytes b = bytes_of_parameters(m);
    const hone_token_store *t = data->store;
    *out = (hone_memory_forecast){
        .machine = *machine, .now = machine->resident, .weights = b.values, .evaluation = evaluation};
    out->tokens = (uint64_t)t->offset[t->n_units] * sizeof(int32_t) + (uint64_t)t->n_units * sizeof(int64_t) +
                  (uint64_t)(t->rows * t->groups) * sizeof(int32_t);
    out->gradients = (hone_pass_lends_grads(o) ? 0 : b.gradients) + b.small_tables + s->table_bytes;
    out->optimizer = b.moments + 2 * (b.small_tables + s->table_bytes) + b.rows;
    activations(m, data, o, s, fit, &b, out);
    batch_memory(data, o, s, out);
    /* A tensor read back, a writer's buffer; pages of the program that are not touched before, and pieces that the C
     * library keeps between the blocks of a checkpoint: with models of a few hundred kilobytes, measured, a fifth of
     * all. */
    out->saving = b.largest + (b.values < MIB ? b.values : MIB) + 7 * MIB / 4;
    uint64_t after = evaluation > out->saving ? evaluation : out->saving;
    uint64_t both = out->gradients + out->optimizer + out->activations + out->batches + after;
    out->peak = out->now + both;
    if (machine->peak > out->peak) out->peak = machine->peak;
    uint64_t file = b.moments + b.table_moments_all + b.rows, most = file > evaluation ? file : evaluation;
    /* Threads and their stacks; blocks of scratch arenas, of which the last is rarely full; the step arena is asked for
     * with something to spare (hone_forecast_check); buffers of writers, mappings of small files, what the C library
     * asks for ahead. */
    uint64_t spare =
        (uint64_t)hone_threads() * 8 * MIB + (out->activations - out->arena) / 2 + out->arena / 32 + 3 * MIB;
    out->address += machine->mapped + b.moments + b.aligned + b.table_moments_all + b.rows + out->activations + most +
                    spare + 16 * MIB;
}

bool hone_forecast_fits(const hone_memory_forecast *f) {
    return f->peak <= f->machine.available && f->address <= f->machine.address;
}

/* ---- refusal ---- */

typedef struct question {
    hone_model *m;
    const hone_train_data *data;
    const hone_train_options *o;
    const hone_forecast_fit *fit;
    uint64_t evaluation;
    const hone_machine_memory *machine;
} question;

/* Would the run fit with this batch and chunk, and still fit in the process that takes the hint, whose libraries and
 * rows may take a little more? The walk of one epoch is enough to compare sizes. */
static hone_status would_fit(const question *q, int64_t batch, int64_t accumulate, int64_t chunk, bool *fits) {
    hone_train_options o = *q->o;
    hone_run_shape s = {0};
    hone_memory_forecast f;
    hone_forecast_fit fit = *q->fit;
    fit.largest = 0;
    o.batch_size = batch, o.accumulate = accumulate, o.chunk = chunk;
    HONE_TRY(hone_forecast_walk(q->m, q->data, &o, &(hone_train_state){0}, &s));
    hone_forecast_memory(q->m, q->data, &o, &s, &fit, q->evaluation, q->machine, &f);
    hone_run_shape_free(&s);
    f.peak += f.peak / 32, f.address += f.address / 32;
    *fits = hone_forecast_fits(&f);
    return HONE_OK;
}

/* Largest halving of the batch that fits; 0: none. */
static hone_status find_batch(const question *q, int64_t *batch, int64_t *accumulate) {
    bool fits = false;
    *batch = q->o->batch_size, *accumulate = q->o->accumulate;
    while (!fits && *batch > 1) {
        int64_t parts = *batch % 2 ? *batch : 2; /* the effective batch stays the same: only whole parts */
        for (int64_t p = 3; *batch % 2 && p * p <= *batch; p += 2)
            if (*batch % p == 0) {
                parts = p;
                break;
            }
        *batch /= parts, *accumulate *= parts;
        HONE_TRY(would_fit(q, *batch, *accumulate, 0, &fits));
    }
    if (!fits) *batch = 0;
    return HONE_OK;
}

static hone_status find_chunk(const question *q, int64_t *chunk) {
    bool fits = false;
    int64_t most = q->o->batch_size < q->data->n ? q->o->batch_size : q->data->n;
    if (q->o->chunk > 0 && q->o->chunk < most) most = q->o->chunk;
    *chunk = 1;
    while (*chunk * 2 < most) *chunk *= 2;
    for (; *chunk > 0 && !fits; *chunk /= fits ? 1 : 2) {
        HONE_TRY(would_fit(q, q->o->batch_size, q->o->accumulate, *chunk, &fits));
        if (fits) return HONE_OK;
    }
    *chunk = 0;
    return HONE_OK;
}

/* Fewer rows whose effective size changes, where nothing else helps: an in-batch loss over a batch that is too large
 * even in chunks. */
static hone_status find_small_batch(const question *q, int64_t *batch) {
    bool fits = false;
    for (*batch = q->o->batch_size / 2; *batch > 0; *batch /= 2) {
        if (q->o->loss->needs == HONE_LOSS_CLASSES) *batch = *batch / 2 * 2;
        if (q->o->loss->needs == HONE_LOSS_CLASSES && *batch < 4) break;
        HONE_TRY(would_fit(q, *batch, q->o->accumulate, q->o->chunk, &fits));
        if (fits) return HONE_OK;
    }
    *batch = 0;
    return HONE_OK;
}

static const char *size_text(char out[32], uint64_t bytes) {
    double x = (double)bytes / (double)MIB;
    snprintf(out, 32, x < 1024 ? "%.0f MiB" : "%.1f GiB", x < 1024 ? x : x / 1024);
    return out;
}

static hone_status give_hint(const question *q, const hone_memory_forecast *f, bool space) {
    int64_t batch = 0, accumulate = 0, chunk = 0;
    char a[32], b[32];
    hone_error e = *hone_last_error();
    if (q->o->loss->by_row)
        HONE_TRY(find_batch(q, &batch, &accumulate));
    else
        HONE_TRY(find_chunk(q, &chunk));
    if (!batch && !chunk && !q->o->loss->by_row) HONE_TRY(find_small_batch(q, &batch));
    hone_error_restore(&e);
    if (chunk) return hone_hint("--chunk %" PRId64 " fits: the same batch, computed in parts", chunk);
    if (batch && q->o->loss->by_row)
        return hone_hint("--batch-size %" PRId64 " --accumulate %" PRId64 " fits and learns the same", batch,
                         accumulate);
    if (batch) return hone_hint("--batch-size %" PRId64 " fits", batch);
    uint64_t all = space ? f->address : f->peak, without = all > f->activations ? all - f->activations : 0;
    return hone_hint("no batch is small enough: %sweights, gradients, optimiser and data alone need %s%s%s",
                     space ? "program, " : "", size_text(a, without),
                     f->evaluation > f->saving ? ", evaluation of it " : "",
                     f->evaluation > f->saving ? size_text(b, f->evaluation) : "");
}

hone_status hone_forecast_refuse(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                 const hone_run_shape *s, const hone_forecast_fit *fit, uint64_t evaluation,
                                 const hone_memory_forecast *f) {
    char need[32], have[32], chunk[48] = "";
    if (hone_forecast_fits(f)) return HONE_OK;
    bool space = f->peak <= f->machine.available;
    if (o->chunk > 0 && s->most_rows > o->chunk) snprintf(chunk, sizeof chunk, " in chunks of %" PRId64, o->chunk);
    hone_fail(HONE_E_NOMEM, "batch %" PRId64 "%s of up to %" PRId64 " tokens needs %s%s, %s available", s->most_rows,
              chunk, s->largest.tokens, size_text(need, space ? f->address : f->peak), space ? " of address space" : "",
              size_text(have, space ? f->machine.address : f->machine.available));
    question q = {m, data, o, fit, evaluation, &f->machine};
    hone_error e = *hone_last_error();
    hone_status st = give_hint(&q, f, space);
    if (st != HONE_E_NOMEM) hone_error_restore(&e); /* the hint's own failure is not the user's */
    return HONE_E_NOMEM;
}

hone_status hone_forecast_check(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                const hone_run_shape *s, uint64_t evaluation, size_t *step_bytes) {
    hone_machine_memory machine;
    hone_memory_forecast f;
    hone_forecast_fit fit;
    *step_bytes = 0;
    HONE_TRY(hone_pass_place_grads(m, o));
    hone_machine_get_memory(&machine);
    hone_forecast_bound(m, &fit);
    hone_forecast_memory(m, data, o, s, &fit, evaluation, &machine, &f);
    if (f.peak <= machine.available / 2 && f.address <= machine.address / 2) return HONE_OK;
    hone_status st = hone_forecast_measure(m, data, o, s, &fit);
    if (st == HONE_E_NOMEM) hone_forecast_bound(m, &fit); /* not even this fits */
    if (st != HONE_OK && st != HONE_E_NOMEM) return st;
    hone_forecast_memory(m, data, o, s, &fit, evaluation, &machine, &f);
    HONE_TRY(hone_forecast_refuse(m, data, o, s, &fit, evaluation, &f));
    *step_bytes = (size_t)(f.arena + f.arena / 32 + MIB) / MIB * MIB;
    return HONE_OK;
}

/* ---- disk ---- */

static uint64_t file_size(const char *dir, const char *name) {
    char path[HONE_PATH_MAX];
    hone_mapping map;
    if (hone_io_join(path, dir, name) != HONE_OK || !hone_io_exists(path) || hone_io_map(path, &map) != HONE_OK)
        return 0;
    uint64_t n = map.n;
    hone_io_unmap(&map);
    return n;
}

/* Free bytes where out will be: at the nearest folder above it that exists. */
static uint64_t free_at(const char *out) {
    char path[HONE_PATH_MAX];
    uint64_t bytes;
    snprintf(path, sizeof path, "%s", out);
    while (!hone_io_is_dir(path)) {
        char *slash = strrchr(path, '/');
        if (!slash)
            snprintf(path, sizeof path, ".");
        else if (slash == path)
            path[1] = 0;
        else
            *slash = 0;
        if (!strcmp(path, ".") || !strcmp(path, "/")) break;
    }
    return hone_io_free_bytes(path, &bytes) == HONE_OK ? bytes : UINT64_MAX;
}

static int64_t saves(const hone_train_options *o, const hone_run_shape *s) {
    if (o->save_every < 0) return 0;
    if (o->save_every == 0) return s->epochs;
    int64_t last = s->plan.total_steps;
    return last / o->save_every - s->done / o->save_every > 0 ? last / o->save_every - s->done / o->save_every : 0;
}

void hone_forecast_disk(hone_model *m, const hone_train_options *o, const hone_run_shape *s, hone_disk_forecast *out) {
    static const char *const others[] = {"tokenizer.json",          "vocab.txt",  "tokenizer_config.json",
                                         "special_tokens_map.json", "merges.txt", "vocab.json"};
    parameter_bytes b = bytes_of_parameters(m);
    hone_error before = *hone_last_error();
    const char *dir = hone_model_get_info(m)->dir;
    *out = (hone_disk_forecast){.model = b.values + 64 * 1024, .saves = saves(o, s), .free = free_at(o->out)};
    for (size_t i = 0; dir && i < sizeof others / sizeof *others; i++) out->model += file_size(dir, others[i]);
    out->checkpoint =
        out->model + b.moments + b.table_moments_all + b.rows / 2 + 4 * (uint64_t)s->plan.total_steps + 64 * 1024;
    out->checkpoints = o->keep > 0 && out->saves > o->keep ? o->keep + 1 : out->saves;
    out->log = 160 * (uint64_t)s->steps;
    out->least = 2 * out->model + out->log;
    /* best_model stands beside its successor while that is written. */
    out->total = out->least + (uint64_t)out->checkpoints * out->checkpoint + out->model;
    hone_error_restore(&before);
}

int64_t hone_forecast_evaluations(const hone_train_options *o, const hone_run_shape *s) {
    if (!o->evaluation || o->eval_every < 0) return 0;
    if (s->done >= s->plan.total_steps) return s->pending;
    int64_t first = s->done == 0 || s->pending;
    if (o->eval_every == 0) return first + s->epochs;
    int64_t last = s->plan.total_steps - 1;
    return first + 1 + (last / o->eval_every - s->done / o->eval_every);
}
