/* The walk over every batch of a run: which is the largest, how much work they are, which words they touch. */
#include "train/forecast.h"

#include "data/sampler.h"

#include <string.h>

/* Attention's products run at about half the speed of the big ones (docs/performance.md). */
static const double ATTENTION_WEIGHT = 2;
enum { ROWS_LOOKED_AT = 20000000, PAGE = 4096 };

typedef struct walk {
    hone_model *m;
    const hone_train_data *data;
    const hone_train_options *o;
    hone_run_shape *s;
    hone_sampler *sampler;
    int64_t *rows; /* of the current batch */
    uint8_t *seen; /* [vocab]; NULL: the word table is not trained */
    int64_t vocab, n_seen;
    int64_t step, next_sample, looked;
    bool whole_epoch; /* every row has been seen */
} walk;

double hone_forecast_work(const hone_model *m, double tokens, double squares, double twice) {
    const hone_model_info *i = hone_model_get_info(m);
    double h = (double)i->hidden, f = (double)i->intermediate;
    return (3 + twice) * (double)i->layers *
           (2 * tokens * (4 * h * h + 2 * h * f) + ATTENTION_WEIGHT * 4 * squares * h);
}

double hone_forecast_twice(const hone_chunks *c, double tokens) {
    if (c->n == 1) return 0;
    return c->kept < 0 || tokens <= 0 ? 1 : 1 - (double)c->tokens / tokens;
}

void hone_run_shape_free(hone_run_shape *s) {
    hone_free(s->largest.rows);
    for (int i = 0; i < HONE_SHAPE_SAMPLES; i++) hone_free(s->sample[i].rows);
    *s = (hone_run_shape){0};
}

static hone_status keep(hone_shape_batch *to, const int64_t *rows, int64_t n, int64_t tokens) {
    int64_t *copy = hone_alloc((size_t)(n + 1) * sizeof *copy);
    if (!copy) return HONE_E_NOMEM;
    memcpy(copy, rows, (size_t)n * sizeof *copy);
    hone_free(to->rows);
    *to = (hone_shape_batch){copy, n, tokens};
    return HONE_OK;
}

static void see_words(walk *w, int64_t n) {
    const hone_token_store *t = w->data->store;
    for (int64_t k = 0; k < n * t->groups; k++) {
        int64_t unit = t->unit[w->rows[k / t->groups] * t->groups + k % t->groups];
        for (int64_t i = t->offset[unit]; i < t->offset[unit + 1]; i++)
            if (t->ids[i] >= 0 && t->ids[i] < w->vocab && !w->seen[t->ids[i]]) w->seen[t->ids[i]] = 1, w->n_seen++;
    }
}

/* One batch. Those that a resumed run has behind it only touch words. */
static hone_status look_at(walk *w, int64_t n, bool ahead) {
    const hone_token_store *t = w->data->store;
    hone_run_shape *s = w->s;
    double squares = 0;
    int64_t tokens = 0;
    w->looked += n;
    if (w->seen && !w->whole_epoch) see_words(w, n);
    if (!ahead) return HONE_OK;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < t->groups; g++) {
            int64_t x = hone_token_store_len(t, w->rows[i], g);
            tokens += x, squares += (double)x * (double)x;
        }
    hone_chunks c = hone_pass_chunks(t, w->rows, n, w->o->chunk, NULL);
    s->batches++, s->rows += (double)n;
    s->tokens += (double)tokens;
    s->work += hone_forecast_work(w->m, (double)tokens, squares, hone_forecast_twice(&c, (double)tokens));
    if (n > s->most_rows) s->most_rows = n;
    if (tokens > s->most_tokens) s->most_tokens = tokens;
    bool waits = c.n == 1 || c.kept >= 0;
    if (waits && c.tokens > s->kept_tokens) s->kept_tokens = c.tokens;
    if (c.tokens > s->pass_tokens || (c.tokens == s->pass_tokens && waits && !s->pass_kept)) {
        s->pass_tokens = c.tokens, s->pass_kept = waits;
        HONE_TRY(keep(&s->largest, w->rows, n, tokens));
    }
    if (s->n_samples < HONE_SHAPE_SAMPLES && w->step >= w->next_sample) {
        HONE_TRY(keep(&s->sample[s->n_samples++], w->rows, n, tokens));
        w->next_sample = s->done + s->n_samples * ((s->plan.total_steps - s->done) / HONE_SHAPE_SAMPLES);
    }
    return HONE_OK;
}

/* The steps of an epoch, from batch `batch` on. *ended: the epoch has no more batches. */
static hone_status walk_epoch(walk *w, int64_t epoch, int64_t batch, bool *any) {
    hone_run_shape *s = w->s;
    hone_sampler_seek(w->sampler, epoch, 0);
    for (int64_t k = 0; k < batch; k++) { /* of a resumed run: these touched words, too */
        int64_t n = hone_sampler_next(w->sampler, w->rows);
        if (!n) break;
        HONE_TRY(look_at(w, n, false));
    }
    *any = false;
    for (int64_t done = batch; w->step < s->plan.total_steps;) {
        int64_t left = s->plan.batches_per_epoch - done,
                group = w->o->accumulate < left || left <= 0 ? w->o->accumulate : left, count = 0;
        for (; count < group; count++) {
            int64_t n = hone_sampler_next(w->sampler, w->rows);
            if (!n) break;
            HONE_TRY(look_at(w, n, w->step >= s->done));
        }
        if (!count) break;
        done += count, *any = true;
        s->table_rows += w->step >= s->done ? (double)w->n_seen : 0;
        s->steps += w->step >= s->done;
        w->step++;
    }
    w->whole_epoch |= batch == 0 && w->step < s->plan.total_steps;
    return HONE_OK;
}

/* What was not looked at is like what was. */
static void extrapolate(hone_run_shape *s, int64_t epochs_left) {
    int64_t missing = s->plan.total_steps - s->done - s->steps;
    s->whole = missing <= 0;
    if (s->whole || s->steps <= 0) return;
    double factor = (double)(missing + s->steps) / (double)s->steps;
    s->batches = (int64_t)((double)s->batches * factor + 0.5);
    s->rows *= factor, s->tokens *= factor, s->work *= factor, s->table_rows *= factor;
    s->steps += missing;
    s->epochs += epochs_left;
}

static hone_status walk_run(walk *w, const hone_train_state *start) {
    hone_run_shape *s = w->s;
    bool any = true;
    for (int64_t e = 0; e < start->epoch && !w->whole_epoch && w->seen;
         e++) { /* words of the epochs behind: one will do, it has all rows */
        hone_sampler_seek(w->sampler, e, 0);
        for (int64_t n; (n = hone_sampler_next(w->sampler, w->rows)) > 0;) HONE_TRY(look_at(w, n, false));
        w->whole_epoch = true;
    }
    w->step = s->done;
    w->next_sample = s->done;
    for (int64_t epoch = start->epoch; w->step < s->plan.total_steps && any; epoch++) {
        if (s->steps > 0 && w->looked + w->data->n > ROWS_LOOKED_AT) {
            extrapolate(s, (s->plan.total_steps - w->step + s->plan.steps_per_epoch - 1) / s->plan.steps_per_epoch);
            return HONE_OK;
        }
        const int64_t behind = epoch == start->epoch ? start->batch : 0;
        HONE_TRY(walk_epoch(w, epoch, behind, &any));
        any |= behind > 0; /* a run may have stopped behind the last batch of an epoch, before its end */
        s->epochs++;
    }
    s->whole = true;
    return HONE_OK;
}

/* Pages that rows of the table lie on: zeros that nobody touched take no memory (base/memory.h, hone_zalloc_sparse). */
static void count_pages(walk *w, const hone_tensor *table) {
    uint64_t row = (uint64_t)hone_dim(table, 1) * hone_dtype_size(table->dtype), pages = 0, next = 0;
    for (int64_t i = 0; i < w->vocab; i++) {
        if (!w->seen[i]) continue;
        uint64_t first = (uint64_t)i * row / PAGE, last = ((uint64_t)(i + 1) * row - 1) / PAGE;
        if (first < next) first = next;
        if (last + 1 > first) pages += last + 1 - first;
        if (last + 1 > next) next = last + 1;
    }
    w->s->table_bytes = pages * PAGE;
    w->s->words = w->n_seen;
}

hone_status hone_forecast_walk(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                               const hone_train_state *start, hone_run_shape *out) {
    walk w = {.m = m, .data = data, .o = o, .s = out};
    const hone_tensor *table = hone_model_word_table(m);
    hone_sampler_options sampler = hone_train_sampler(o, data);
    hone_run_shape_free(out);
    HONE_TRY(hone_train_blame(data, hone_sampler_new(&sampler, &w.sampler)));
    out->plan = hone_train_plan_of(o, hone_sampler_announced(w.sampler));
    out->done = start->step;
    out->pending = start->step > 0 && start->judged != start->step &&
                   (o->eval_every == 0 ? start->batch == 0 || start->step == out->plan.total_steps
                                       : o->eval_every > 0 && (start->step % o->eval_every == 0 ||
                                                               start->step == out->plan.total_steps));
    if (table && table->needs_grad) w.vocab = hone_dim(table, 0);
    w.rows = hone_alloc((size_t)(o->batch_size < data->n ? o->batch_size : data->n) * sizeof *w.rows);
    w.seen = w.vocab ? hone_zalloc((size_t)w.vocab) : NULL;
    hone_status s = w.rows && (w.seen || !w.vocab) ? walk_run(&w, start) : HONE_E_NOMEM;
    if (s == HONE_OK && w.seen) count_pages(&w, table);
    hone_sampler_free(w.sampler);
    hone_free(w.rows);
    hone_free(w.seen);
    if (s != HONE_OK) hone_run_shape_free(out);
    return s;
}
