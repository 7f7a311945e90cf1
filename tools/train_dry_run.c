#include "tools/train_dry_run.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "tools/terminal.h"
#include "tools/text_buffer.h"
#include "train/checkpoint.h"
#include "train/rehearsal.h"
#include "train/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1024.0 * 1024)
enum { MAX_ROLES = 2 + HONE_MAX_NEGATIVES, REPORT_ROWS = 200 };
/* Written, synced and read back for checksums. Measured with 436 MB: 0.35 to 1.0 s on two machines' disks and in
 * memory, 620 MB/s in the mean on a disk; a dry run cannot know more, it writes nothing. */
static const double BYTES_PER_SECOND = 700e6;
static const double SAMPLE_WORK = 6e10; /* of an evaluation: about half a second */

typedef struct lengths {
    const char *role;
    char name[32];
    int64_t texts, min, p95, max, tokens, cut;
    double median, mean;
} lengths;

/* What an evaluation embeds. */
typedef struct evaluation_size {
    int64_t rows, queries, documents;
    double work;            /* of a forward pass over all of them */
    uint64_t bytes;         /* that it takes beside the step arena */
    double flops, compared; /* of the search */
} evaluation_size;

typedef struct dry_run {
    const hone_options *o;
    hone_train_job *j;
    const hone_train_data *data;
    const hone_train_options *t;
    hone_run_shape shape;
    hone_forecast_fit fit;
    hone_memory_forecast memory;
    hone_disk_forecast disk;
    hone_rehearsal rehearsal;
    evaluation_size evaluation;
    lengths train[MAX_ROLES], eval[MAX_ROLES];
    int n_train, n_eval;
    int64_t trained, frozen, evaluations;
    bool fits, finished; /* finished: the run to be resumed has ended */
    json_t *warnings;
    struct {
        double startup, evaluating, saving, report, total;
    } time[HONE_CLOCKS]; /* seconds */
} dry_run;

/* ---- lengths ---- */

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* As the table calls its columns' roles: anchor, positive, negative, negative_1 …; sentence1, sentence2; text. */
static void role_name(const hone_options *o, int64_t width, int64_t g, char out[32]) {
    const char *two[] = {"anchor", "positive"};
    if (hone_options_is(o, "task", "scored"))
        snprintf(out, 32, "sentence%d", (int)g + 1);
    else if (width == 1)
        snprintf(out, 32, "text");
    else if (g < 2)
        snprintf(out, 32, "%s", two[g]);
    else if (g == 2)
        snprintf(out, 32, "negative");
    else
        snprintf(out, 32, "negative_%d", (int)g - 2);
}

static hone_status measure_lengths(const hone_options *o, const hone_token_store *s, const int64_t *rows, int64_t n,
                                   lengths *out, int *roles) {
    int64_t *list = hone_alloc((size_t)(n + 1) * sizeof *list);
    if (!list) return HONE_E_NOMEM;
    *roles = (int)(s->groups < MAX_ROLES ? s->groups : MAX_ROLES);
    for (int g = 0; g < *roles; g++) {
        lengths *x = &out[g];
        *x = (lengths){.texts = n};
        role_name(o, s->groups, g, x->name);
        for (int64_t i = 0; i < n; i++) {
            int64_t row = rows ? rows[i] : i;
            list[i] = hone_token_store_len(s, row, g);
            x->tokens += list[i];
            x->cut += s->cut && s->cut[s->unit[row * s->groups + g]];
        }
        qsort(list, (size_t)n, sizeof *list, ascending);
        if (!n) continue;
        x->min = list[0], x->max = list[n - 1], x->p95 = list[(n * 95 - 1) / 100];
        x->median = (double)(list[(n - 1) / 2] + list[n / 2]) / 2;
        x->mean = (double)x->tokens / (double)n;
    }
    hone_free(list);
    return HONE_OK;
}

/* ---- evaluation ---- */

static const hone_train_rows *judged(const hone_train_job *j) {
    return j->eval.table ? &j->eval : &j->train;
}

static int64_t judged_rows(const hone_train_job *j) {
    return j->eval.table ? j->eval.texts.rows : j->split.n_eval;
}

/* What it holds at a time, q queries and d documents: embeddings twice while the last are made, twice (as unit vectors)
 * while 64 queries at a time are ranked. Tokens are at most the texts' bytes. */
static void size_evaluation(const hone_train_job *j, evaluation_size *e) {
    *e = (evaluation_size){0};
    if (!j->judge) return;
    const hone_retrieval *r = hone_judge_retrieval(j->judge);
    const hone_texts *t = &judged(j)->texts;
    uint64_t D = (uint64_t)hone_model_get_info(j->model)->embedding * sizeof(float), bytes = 0;
    e->rows = judged_rows(j);
    e->queries = r ? r->n_queries : e->rows, e->documents = r ? r->n_documents : t->width > 1 ? e->rows : 0;
    uint64_t q = (uint64_t)e->queries, d = (uint64_t)e->documents;
    for (int64_t i = 0; i < t->count; i++) bytes += t->n[i];
    if (!j->eval.table && t->rows) bytes = bytes * (uint64_t)e->rows / (uint64_t)t->rows;
    uint64_t embed = (q + 2 * d > 2 * q ? q + 2 * d : 2 * q) * D + 2 * bytes,
             rank = 2 * (q + d) * D + 256 * (r ? d : q);
    e->bytes = embed > rank ? embed : rank;
    e->compared = r ? (double)q * (double)d : hone_judge_texts(j->judge) == e->rows ? (double)q * (double)q : 0;
    e->flops = e->compared * 2 * (double)D / sizeof(float);
}

/* Floating-point operations of embedding what rows hold. */
static double forward_work(const hone_model *m, const hone_token_store *s, const int64_t *rows, int64_t n) {
    double tokens = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < s->groups; g++) {
            double x = (double)hone_token_store_len(s, rows ? rows[i] : i, g);
            tokens += x, squares += x * x;
        }
    return hone_forecast_work(m, tokens, squares, false) / 3;
}

/* The tokens of the rows to judge by: those of a split are in the run's own store. */
static hone_status tokenize_judged(const hone_train_job *j, hone_token_store *own, const hone_token_store **out) {
    *out = &j->store;
    if (!j->eval.table) return HONE_OK;
    const hone_model_info *info = hone_model_get_info(j->model);
    hone_tokenizer_encoder tokenizer = {hone_model_tokenizer(j->model), info->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokenizer);
    const char *prompts[MAX_ROLES];
    for (int64_t g = 0; g < j->eval.texts.width && g < MAX_ROLES; g++)
        prompts[g] = hone_judge_prompt(j->model, &j->judging, g > 0);
    *out = own;
    return hone_token_store_build(&j->eval.texts, prompts, &encoder, own);
}

typedef struct sampled {
    hone_judge *judge;
    int64_t *rows;
    double scale;
} sampled;

/* Rows spread evenly over all of them, as many as half a second embeds. */
static hone_status sample_evaluation(dry_run *d, const hone_token_store *store, sampled *s) {
    const hone_train_job *j = d->j;
    const int64_t *all = j->eval.table ? NULL : j->split.eval;
    int64_t n = judged_rows(j),
            most = d->evaluation.work > SAMPLE_WORK ? (int64_t)((double)n * SAMPLE_WORK / d->evaluation.work) : n;
    if (most < 16) most = n < 16 ? n : 16;
    s->rows = hone_alloc((size_t)(most + 1) * sizeof *s->rows);
    if (!s->rows) return HONE_E_NOMEM;
    for (int64_t i = 0; i < most; i++) {
        int64_t k = (int64_t)((double)i * (double)n / (double)most);
        s->rows[i] = all ? all[k] : k;
    }
    double part = forward_work(j->model, store, s->rows, most);
    s->scale = part > 0 ? d->evaluation.work / part : 1;
    return hone_judge_new(&judged(j)->texts, s->rows, most, &j->judging, &s->judge);
}

/* ---- what a run would say ---- */

static void keep_warning(void *ctx, const char *text) {
    dry_run *d = ctx;
    json_array_append_new(d->warnings, json_string(text));
    hone_print_note(d->j->quiet, "%s", text);
}

/* The notes and warnings that do not need a step: hone_train_run tells them at its beginning or after its first
 * steps. */
static hone_status foresee_warnings(dry_run *d) {
    double numbers[HONE_WATCH_NUMBERS] = {0};
    hone_watch_run known = {.total = d->shape.plan.total_steps, .warmup = d->shape.plan.warmup_steps};
    hone_watch *w;
    for (const char *const *text = d->t->notes; text && *text; text++) keep_warning(d, *text);
    HONE_TRY(hone_watch_new(d->data, d->t, &known, numbers, keep_warning, d, &w));
    hone_status st = hone_watch_preview(w, hone_params_top_rate(hone_model_params(d->j->model)));
    hone_watch_free(w);
    return st;
}

/* ---- the forecast ---- */

static void count_parameters(dry_run *d) {
    hone_params *ps = hone_model_params(d->j->model);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *p = hone_params_at(ps, i);
        int64_t part = hone_count(p->tensor) / p->n_names;
        for (int k = 0; k < p->n_names; k++) *(p->frozen[k] ? &d->frozen : &d->trained) += part;
    }
}

static hone_status start_of(const hone_train_options *t, hone_train_state *start) {
    char dir[HONE_PATH_MAX];
    *start = (hone_train_state){.best_step = -1};
    return t->resume ? hone_checkpoint_peek(t->out, dir, start) : HONE_OK;
}

/* The page that hone train writes at its end embeds up to 200 rows with two models. */
static double report_seconds(const dry_run *d, int clock) {
    if (!d->evaluation.rows) return 0.1;
    double part = d->evaluation.rows > REPORT_ROWS ? (double)REPORT_ROWS / (double)d->evaluation.rows : 1;
    return 0.1 + 2 * part * d->rehearsal.evaluation[clock];
}

static void add_times(dry_run *d) {
    const hone_disk_forecast *k = &d->disk;
    int64_t best = d->evaluations > (d->shape.done == 0) ? d->evaluations - (d->shape.done == 0) : 1;
    double bytes = (double)(best + 1) * (double)k->model + (double)k->saves * (double)k->checkpoint;
    for (int c = 0; c < HONE_CLOCKS; c++) {
        d->time[c].evaluating = (double)d->evaluations * d->rehearsal.evaluation[c];
        d->time[c].saving = bytes / BYTES_PER_SECOND;
        d->time[c].report = report_seconds(d, c);
        d->time[c].total = d->time[c].startup + d->rehearsal.training[c] + d->time[c].evaluating + d->time[c].saving +
                           d->time[c].report;
    }
}

static hone_status rehearse(dry_run *d, const hone_token_store *store) {
    hone_evaluation evaluation = {hone_judge_run, NULL};
    hone_rehearsal_evaluation e = {.flops = d->evaluation.flops, .compared = d->evaluation.compared};
    sampled s = {0};
    hone_status st = d->j->judge ? sample_evaluation(d, store, &s) : HONE_OK;
    evaluation.ctx = s.judge;
    if (s.judge) e.sample = &evaluation, e.scale = s.scale;
    if (st == HONE_OK) st = hone_rehearse(d->j->model, d->data, d->t, &d->shape, true, &e, &d->rehearsal);
    hone_judge_free(s.judge);
    hone_free(s.rows);
    return st;
}

static hone_status forecast(dry_run *d, hone_token_store *own) {
    hone_machine_memory machine;
    hone_train_state start;
    const hone_token_store *store;
    hone_train_job *j = d->j;
    d->time[HONE_CLOCK_WALL].startup = hone_machine_uptime();
    d->time[HONE_CLOCK_CPU].startup = hone_clock_seconds(HONE_CLOCK_CPU);
    HONE_TRY(hone_pass_place_grads(j->model, d->t));
    hone_machine_get_memory(&machine);
    HONE_TRY(start_of(d->t, &start));
    HONE_TRY(hone_forecast_walk(j->model, d->data, d->t, &start, &d->shape));
    int64_t done;
    HONE_TRY(hone_train_check_resume(j->model, d->data, d->t, &d->shape.plan, &done));
    d->finished = done >= 0;
    if (d->finished) { /* perhaps early, by --patience, or without a checkpoint of its last step */
        start.step = d->shape.plan.total_steps;
        HONE_TRY(hone_forecast_walk(j->model, d->data, d->t, &start, &d->shape));
        d->shape.done = done;
        hone_print_note(j->quiet,
                        "%s: this run has ended, there is nothing left to do: --resume would leave all as it is",
                        d->t->out);
    } else {
        hone_train_note_small_batches(&j->notes, &d->shape, d->t, d->data->n);
        HONE_TRY(foresee_warnings(d));
    }
    size_evaluation(j, &d->evaluation);
    HONE_TRY(measure_lengths(d->o, &j->store, d->data->rows, d->data->n, d->train, &d->n_train));
    if (j->judge) {
        HONE_TRY(tokenize_judged(j, own, &store));
        const int64_t *rows = j->eval.table ? NULL : j->split.eval;
        HONE_TRY(measure_lengths(d->o, store, rows, d->evaluation.rows, d->eval, &d->n_eval));
        d->evaluation.work = forward_work(j->model, store, rows, d->evaluation.rows);
    } else {
        store = &j->store;
    }
    count_parameters(d);
    d->evaluations = d->finished ? 0 : hone_forecast_evaluations(d->t, &d->shape);
    hone_forecast_disk(j->model, d->t, &d->shape, &d->disk);
    hone_status st = d->shape.steps ? hone_forecast_measure(j->model, d->data, d->t, &d->shape, &d->fit) : HONE_OK;
    if (st == HONE_E_NOMEM)
        hone_forecast_bound(j->model, &d->fit);
    else
        HONE_TRY(st);
    hone_forecast_memory(j->model, d->data, d->t, &d->shape, &d->fit, d->evaluation.bytes, &machine, &d->memory);
    d->fits = hone_forecast_fits(&d->memory);
    if (!d->fits) return HONE_OK;
    HONE_TRY(rehearse(d, store));
    d->fit.largest = d->rehearsal.arena;
    hone_forecast_memory(j->model, d->data, d->t, &d->shape, &d->fit, d->evaluation.bytes, &machine, &d->memory);
    d->fits = hone_forecast_fits(&d->memory);
    add_times(d);
    return HONE_OK;
}

/* ---- printing ---- */

static json_t *lengths_json(const lengths *list, int n, int64_t max_length) {
    json_t *all = json_object();
    for (int g = 0; g < n; g++) {
        const lengths *x = &list[g];
        json_object_set_new(all, x->name,
                            json_pack("{s:I,s:I,s:f,s:f,s:I,s:I,s:I,s:I,s:f,s:I}", "texts", (json_int_t)x->texts,
                                      "min_tokens", (json_int_t)x->min, "median_tokens", x->median, "mean_tokens",
                                      x->mean, "p95_tokens", (json_int_t)x->p95, "max_tokens", (json_int_t)x->max,
                                      "tokens", (json_int_t)x->tokens, "cut_texts", (json_int_t)x->cut, "cut_share",
                                      x->texts ? (double)x->cut / (double)x->texts : 0.0, "max_length",
                                      (json_int_t)max_length));
    }
    return all;
}

typedef struct label_summary {
    bool scores, classes, binary;
    double min, max, mean, positive;             /* positive: share of rows above 0.5 */
    int64_t classes_n, smallest, largest, alone; /* alone: rows of no class or group */
} label_summary;

static hone_status summarize_labels(const dry_run *d, label_summary *s) {
    const hone_train_data *x = d->data;
    *s = (label_summary){.scores = x->score != NULL,
                         .classes = x->group != NULL,
                         .min = INFINITY,
                         .max = -INFINITY,
                         .smallest = INT64_MAX};
    s->binary = d->t->loss->needs == HONE_LOSS_BINARY;
    for (int64_t i = 0; s->scores && i < x->n; i++) {
        double v = x->score[x->rows ? x->rows[i] : i];
        s->min = fmin(s->min, v), s->max = fmax(s->max, v), s->mean += v / (double)x->n,
        s->positive += (v > 0.5) / (double)x->n;
    }
    if (!s->classes) return HONE_OK;
    int64_t *count = hone_zalloc((size_t)(x->n_groups + 1) * sizeof *count);
    if (!count) return HONE_E_NOMEM;
    for (int64_t i = 0; i < x->n; i++) {
        int32_t c = x->group[x->rows ? x->rows[i] : i];
        if (c < 0)
            s->alone++;
        else
            count[c]++;
    }
    for (int64_t c = 0; c < x->n_groups; c++) {
        if (!count[c]) continue;
        s->classes_n++;
        if (count[c] < s->smallest) s->smallest = count[c];
        if (count[c] > s->largest) s->largest = count[c];
    }
    if (!s->classes_n) s->smallest = 0;
    hone_free(count);
    return HONE_OK;
}

static json_t *labels_json(const label_summary *s) {
    json_t *all = json_object();
    if (s->scores)
        json_object_set_new(all, s->binary ? "label" : "score",
                            json_pack("{s:f,s:f,s:f,s:f}", "min", s->min, "mean", s->mean, "max", s->max,
                                      "positive_share", s->positive));
    if (s->classes)
        json_object_set_new(all, "classes",
                            json_pack("{s:I,s:I,s:I,s:I}", "count", (json_int_t)s->classes_n, "smallest_rows",
                                      (json_int_t)s->smallest, "largest_rows", (json_int_t)s->largest, "rows_without",
                                      (json_int_t)s->alone));
    return all;
}

static double mb(uint64_t bytes) {
    return (double)bytes / MIB;
}

static json_t *limit_json(uint64_t bytes) {
    return bytes == UINT64_MAX ? json_null() : json_real(mb(bytes));
}

static json_t *memory_json(const dry_run *d) {
    const hone_memory_forecast *m = &d->memory;
    uint64_t known = m->weights + m->tokens, other = m->now > known ? m->now - known : 0;
    json_t *all =
        json_pack("{s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "weights_mb", mb(m->weights), "gradients_mb",
                  mb(m->gradients), "optimizer_mb", mb(m->optimizer), "activations_mb", mb(m->activations), "tokens_mb",
                  mb(m->tokens), "batches_mb", mb(m->batches), "evaluation_mb", mb(m->evaluation), "saving_mb",
                  mb(m->saving), "program_and_rows_mb", mb(other), "peak_rss_mb", mb(m->peak));
    json_object_set_new(all, "available_mb", limit_json(m->machine.available));
    json_object_set_new(all, "address_space_mb", json_real(mb(m->address)));
    json_object_set_new(all, "address_space_limit_mb", limit_json(m->machine.address));
    return all;
}

static json_t *time_json(const dry_run *d) {
    if (!d->rehearsal.passes && d->shape.steps) return json_null();
    return json_pack(
        "{s:f,s:f,s:f,s:I,s:f,s:f,s:f,s:f,s:f,s:b,s:I,s:f}", "startup_seconds", d->time[HONE_CLOCK_WALL].startup,
        "training_seconds", d->rehearsal.training[HONE_CLOCK_WALL], "step_seconds",
        d->shape.steps ? d->rehearsal.training[HONE_CLOCK_WALL] / (double)d->shape.steps : 0.0, "evaluations",
        (json_int_t)d->evaluations, "evaluations_seconds", d->time[HONE_CLOCK_WALL].evaluating, "saving_seconds",
        d->time[HONE_CLOCK_WALL].saving, "report_seconds", d->time[HONE_CLOCK_WALL].report, "seconds",
        d->time[HONE_CLOCK_WALL].total, "cpu_seconds", d->time[HONE_CLOCK_CPU].total, "upper_bound", d->t->patience > 0,
        "measured_passes", (json_int_t)d->rehearsal.passes, "rehearsal_seconds", d->rehearsal.seconds);
}

static json_t *disk_json(const dry_run *d) {
    const hone_disk_forecast *k = &d->disk;
    json_t *all =
        json_pack("{s:f,s:f,s:f,s:I,s:I,s:f,s:f}", "best_model_mb", mb(k->model), "final_model_mb", mb(k->model),
                  "checkpoint_mb", mb(k->checkpoint), "checkpoints_at_a_time", (json_int_t)k->checkpoints,
                  "checkpoints_written", (json_int_t)k->saves, "log_mb", mb(k->log), "total_mb", mb(k->total));
    json_object_set_new(all, "free_mb", limit_json(k->free));
    return all;
}

static json_t *page_json(const dry_run *d, const label_summary *labels) {
    const hone_run_shape *s = &d->shape;
    int64_t max_length = hone_model_get_info(d->j->model)->max_length, bad = hone_table_bad_count(d->j->train.table);
    json_t *all = json_pack("{s:b,s:s,s:s,s:I,s:I,s:I,s:I}", "dry_run", 1, "task", hone_options_string(d->o, "task"),
                            "loss", d->t->loss->name, "rows", (json_int_t)d->data->n, "bad_rows", (json_int_t)bad,
                            "eval_rows", (json_int_t)d->evaluation.rows, "eval_bad_rows",
                            (json_int_t)(d->j->eval.table ? hone_table_bad_count(d->j->eval.table) : 0));
    json_object_set_new(all, "lengths", lengths_json(d->train, d->n_train, max_length));
    json_object_set_new(all, "eval_lengths", lengths_json(d->eval, d->n_eval, max_length));
    json_object_set_new(all, "labels", labels_json(labels));
    json_t *steps = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "steps", (json_int_t)s->plan.total_steps,
                              "steps_done", (json_int_t)s->done, "steps_left", (json_int_t)s->steps, "steps_per_epoch",
                              (json_int_t)s->plan.steps_per_epoch, "warmup_steps", (json_int_t)s->plan.warmup_steps,
                              "batches", (json_int_t)s->batches, "batches_per_epoch",
                              (json_int_t)s->plan.batches_per_epoch, "largest_batch_tokens", (json_int_t)s->most_tokens,
                              "parameters_trained", (json_int_t)d->trained, "parameters_frozen", (json_int_t)d->frozen);
    if (steps) json_object_update(all, steps);
    json_decref(steps);
    json_object_set_new(all, "memory", memory_json(d));
    json_object_set_new(all, "time", time_json(d));
    json_object_set_new(all, "disk", disk_json(d));
    json_object_set_new(all, "peak_rss_mb", json_real(mb(d->memory.peak)));
    json_object_set_new(all, "available_mb", limit_json(d->memory.machine.available));
    json_object_set_new(all, "seconds", d->rehearsal.passes ? json_real(d->time[HONE_CLOCK_WALL].total) : json_null());
    json_object_set_new(all, "disk_mb", json_real(mb(d->disk.total)));
    json_object_set_new(all, "disk_free_mb", limit_json(d->disk.free));
    json_object_set_new(all, "fits", json_boolean(d->fits));
    json_object_set_new(all, "finished", json_boolean(d->finished));
    json_object_set(all, "warnings", d->warnings);
    return all;
}

static void print_lengths(hone_text_buffer *b, const char *what, const lengths *list, int n, int64_t max_length) {
    char heading[64];
    if (!n) return;
    snprintf(heading, sizeof heading, "cut at %" PRId64, max_length);
    hone_text_printf(b, "\n%-16s %8s %8s %8s %8s %8s %12s %14s\n", what, "min", "median", "mean", "p95", "max",
                     "tokens", heading);
    for (int g = 0; g < n; g++)
        hone_text_printf(b, "  %-14s %8" PRId64 " %8.1f %8.1f %8" PRId64 " %8" PRId64 " %12" PRId64 " %12.2f %%\n",
                         list[g].name, list[g].min, list[g].median, list[g].mean, list[g].p95, list[g].max,
                         list[g].tokens, list[g].texts ? 100.0 * (double)list[g].cut / (double)list[g].texts : 0.0);
}

static void print_labels(hone_text_buffer *b, const label_summary *s) {
    if (s->scores && s->binary)
        hone_text_printf(b, "labels           %.1f %% positive\n", 100 * s->positive);
    else if (s->scores)
        hone_text_printf(b, "scores           %g to %g, mean %.4g\n", s->min, s->max, s->mean);
    if (s->classes)
        hone_text_printf(b,
                         "labels           %" PRId64 ", the smallest with %" PRId64 " rows, the largest with %" PRId64
                         "; %" PRId64 " rows without\n",
                         s->classes_n, s->smallest, s->largest, s->alone);
}

static void print_memory(hone_text_buffer *b, const dry_run *d) {
    const hone_memory_forecast *m = &d->memory;
    uint64_t known = m->weights + m->tokens, other = m->now > known ? m->now - known : 0;
    uint64_t after = m->evaluation > m->saving ? m->evaluation : m->saving;
    hone_text_printf(b, "\nmemory           MiB\n");
    hone_text_printf(b, "  weights        %8.0f\n  gradients      %8.0f\n  optimizer      %8.0f\n", mb(m->weights),
                     mb(m->gradients), mb(m->optimizer));
    hone_text_printf(b, "  activations    %8.0f   of the largest batch\n", mb(m->activations));
    hone_text_printf(b, "  tokens         %8.0f\n  batches        %8.0f\n", mb(m->tokens), mb(m->batches));
    hone_text_printf(b, "  %-14s %8.0f\n", m->evaluation > m->saving ? "evaluation" : "saving", mb(after));
    hone_text_printf(b, "  program, rows  %8.0f\n", mb(other));
    hone_text_printf(b, "  peak           %8.0f   ", mb(m->peak));
    if (m->machine.available == UINT64_MAX)
        hone_text_printf(b, "available memory is not known\n");
    else
        hone_text_printf(b, "of %.0f available\n", mb(m->machine.available));
}

static void print_duration(hone_text_buffer *b, const char *what, double seconds, const char *more) {
    if (seconds < 120)
        hone_text_printf(b, "  %-14s %8.1f s   %s\n", what, seconds, more);
    else if (seconds < 7200)
        hone_text_printf(b, "  %-14s %8.1f min %s\n", what, seconds / 60, more);
    else
        hone_text_printf(b, "  %-14s %8.1f h   %s\n", what, seconds / 3600, more);
}

static void print_time(hone_text_buffer *b, const dry_run *d) {
    char text[160];
    if (!d->rehearsal.passes) return;
    hone_text_printf(b, "\ntime\n");
    print_duration(b, "start", d->time[HONE_CLOCK_WALL].startup, "");
    snprintf(text, sizeof text, "%.4g s a step, from %" PRId64 " passes just computed",
             d->shape.steps ? d->rehearsal.training[HONE_CLOCK_WALL] / (double)d->shape.steps : 0, d->rehearsal.passes);
    print_duration(b, "training", d->rehearsal.training[HONE_CLOCK_WALL], text);
    snprintf(text, sizeof text, "%" PRId64, d->evaluations);
    print_duration(b, "evaluations", d->time[HONE_CLOCK_WALL].evaluating, text);
    snprintf(text, sizeof text, "at %.0f MB/s", BYTES_PER_SECOND / 1e6);
    print_duration(b, "saving", d->time[HONE_CLOCK_WALL].saving, text);
    print_duration(b, "report", d->time[HONE_CLOCK_WALL].report, "");
    print_duration(b, "all", d->time[HONE_CLOCK_WALL].total,
                   d->t->patience > 0 ? "at most: --patience may end it earlier" : "");
}

static hone_status print_page(const dry_run *d, const label_summary *labels) {
    const hone_run_shape *s = &d->shape;
    const hone_disk_forecast *k = &d->disk;
    hone_text_buffer b = {0};
    int64_t max_length = hone_model_get_info(d->j->model)->max_length;
    hone_text_printf(&b, "rows             %" PRId64 " to train on, %" PRId64 " to judge by; %" PRId64 " bad\n",
                     d->data->n, d->evaluation.rows,
                     hone_table_bad_count(d->j->train.table) +
                         (d->j->eval.table ? hone_table_bad_count(d->j->eval.table) : 0));
    print_labels(&b, labels);
    print_lengths(&b, "lengths", d->train, d->n_train, max_length);
    print_lengths(&b, "to judge by", d->eval, d->n_eval, max_length);
    hone_text_printf(&b, "\nsteps            %" PRId64 " in all, %" PRId64 " an epoch, %" PRId64 " of warm-up",
                     s->plan.total_steps, s->plan.steps_per_epoch, s->plan.warmup_steps);
    if (s->done) hone_text_printf(&b, "; %" PRId64 " are done, %" PRId64 " left", s->done, s->steps);
    hone_text_printf(&b, "\nbatches          %" PRId64 ", the largest %" PRId64 " rows, %" PRId64 " tokens\n",
                     s->batches, s->most_rows, s->most_tokens);
    hone_text_printf(&b, "parameters       %" PRId64 " trained, %" PRId64 " frozen\n", d->trained, d->frozen);
    print_memory(&b, d);
    print_time(&b, d);
    hone_text_printf(&b, "\ndisk             MiB\n  models         %8.0f   best_model and final_model\n",
                     2 * mb(k->model));
    hone_text_printf(&b, "  checkpoints    %8.0f   %" PRId64 " at a time of %.0f\n",
                     (double)k->checkpoints * mb(k->checkpoint), k->checkpoints, mb(k->checkpoint));
    hone_text_printf(&b, "  all            %8.0f   ", mb(k->total));
    if (k->free == UINT64_MAX)
        hone_text_printf(&b, "free space is not known\n");
    else
        hone_text_printf(&b, "of %.0f free\n", mb(k->free));
    hone_status st = b.failed ? hone_fail(HONE_E_NOMEM, "no memory for the page") : hone_print_text(b.p, b.n);
    hone_text_buffer_free(&b);
    return st;
}

hone_status hone_train_dry_run(const hone_options *o, hone_train_job *j, const hone_train_data *data,
                               const hone_train_options *t) {
    dry_run *d = hone_zalloc(sizeof *d);
    hone_token_store own = {0};
    label_summary labels;
    if (!d) return HONE_E_NOMEM;
    d->o = o, d->j = j, d->data = data, d->t = t;
    hone_status st =
        (d->warnings = json_array()) ? hone_train_check_out(t) : hone_fail(HONE_E_NOMEM, "no memory for the warnings");
    if (st == HONE_OK && !t->resume) st = hone_train_check_model(j->model, t);
    if (st == HONE_OK) st = forecast(d, &own);
    if (st == HONE_OK) st = summarize_labels(d, &labels);
    if (st == HONE_OK)
        st = hone_options_flag(o, "json") ? hone_print_json(page_json(d, &labels)) : print_page(d, &labels);
    if (st == HONE_OK && !d->fits)
        st = hone_forecast_refuse(j->model, data, t, &d->shape, &d->fit, d->evaluation.bytes, &d->memory);
    hone_token_store_free(&own);
    hone_run_shape_free(&d->shape);
    json_decref(d->warnings);
    hone_free(d);
    return st;
}

/* ---- before a run ---- */

static hone_status check_disk(const hone_train_job *j, const hone_train_options *t, const hone_run_shape *s) {
    hone_disk_forecast k;
    hone_forecast_disk(j->model, t, s, &k);
    if (k.free == UINT64_MAX || t->resume) return HONE_OK; /* what a resumed run replaces is there already */
    if (k.least > k.free) {
        bool small = k.least < 10 << 20; /* two equal numbers would contradict the refusal */
        hone_fail_at(HONE_E_IO, t->out, 0, 0,
                     "No space left: best_model and final_model need %.1f %s, %.1f %s are free",
                     mb(k.least) * (small ? 1024 : 1), small ? "KiB" : "MiB", mb(k.free) * (small ? 1024 : 1),
                     small ? "KiB" : "MiB");
        return hone_hint("give an --out on another disk");
    }
    if (k.total > k.free)
        hone_print_note(
            j->quiet,
            "%s: models and %" PRId64
            " checkpoints at a time need %.0f MiB, %.0f MiB are free; --keep 1 or a rarer --save-every needs less",
            t->out, k.checkpoints, mb(k.total), mb(k.free));
    return HONE_OK;
}

hone_status hone_train_check_room(hone_train_job *j, const hone_train_data *data, hone_train_options *t) {
    hone_run_shape s = {0};
    evaluation_size e;
    HONE_TRY(hone_train_check_out(t));
    size_evaluation(j, &e);
    HONE_TRY(hone_forecast_walk(j->model, data, t, &(hone_train_state){0}, &s));
    hone_train_note_small_batches(&j->notes, &s, t, data->n);
    hone_status st = s.steps ? hone_forecast_check(j->model, data, t, &s, e.bytes, &t->step_bytes) : HONE_OK;
    if (st == HONE_OK) st = check_disk(j, t, &s);
    hone_run_shape_free(&s);
    return st;
}
