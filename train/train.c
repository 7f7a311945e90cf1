#include "train/train.h"

#include "base/io.h"
#include "train/checkpoint.h"
#include "train/diagnose.h"
#include "train/identity.h"
#include "train/log.h"
#include "train/pass.h"
#include "train/watch.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_BAD_STEPS = 5 };

/* The largest gradient norm whose square an f32 moment holds: 1e38. */
static const double MAX_NORM = 1e19;

typedef struct run {
    hone_model *m;
    const hone_train_data *data;
    const hone_train_options *o;
    hone_arena *arena;
    hone_graph *g;
    hone_pass *pass;
    hone_optim *optim;
    hone_batches *batches;
    hone_train_log *log;
    json_t *identity;
    hone_train_state state;
    int64_t total, warmup;     /* optimiser steps */
    int64_t batches_per_epoch; /* as announced */
    int64_t batches_here;      /* that this epoch really has */
    double top_rate;           /* the largest factor of any trained parameter's rate */
    hone_watch *watch;
    const hone_token_batch *batch; /* the last one */
    char from[HONE_PATH_MAX];      /* the checkpoint that it goes on from, or empty */
    char good[HONE_PATH_MAX];      /* the last checkpoint that was not written amid skipped steps */
    bool was_finished;
    int lock; /* on the folder `out`; -1: none */
    char best[HONE_PATH_MAX], final[HONE_PATH_MAX], log_path[HONE_PATH_MAX];
} run;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t batches_per_epoch(const hone_train_options *o, int64_t rows) {
    int64_t n = o->drop_last ? rows / o->batch_size : ceil_div(rows, o->batch_size);
    return n > 0 ? n : 1;
}

static int64_t total_steps(const hone_train_options *o, int64_t per_epoch) {
    if (o->steps > 0) return o->steps;
    int64_t n = (int64_t)ceil(o->epochs * (double)per_epoch - 1e-9);
    return n > 0 ? n : 1;
}

int64_t hone_train_total_steps(const hone_train_options *o, int64_t rows) {
    return total_steps(o, ceil_div(batches_per_epoch(o, rows), o->accumulate > 0 ? o->accumulate : 1));
}

hone_train_plan hone_train_plan_of(const hone_train_options *o, int64_t announced) {
    hone_train_plan p = {.batches_per_epoch = announced,
                         .steps_per_epoch = ceil_div(announced > 0 ? announced : 1, o->accumulate)};
    p.total_steps = total_steps(o, p.steps_per_epoch);
    p.warmup_steps = o->warmup < 1 ? (int64_t)ceil(o->warmup * (double)p.total_steps) : (int64_t)o->warmup;
    return p;
}

hone_sampler_options hone_train_sampler(const hone_train_options *o, const hone_train_data *data) {
    hone_sampler_options s = {.seed = o->seed,
                              .batch_size = o->batch_size,
                              .no_shuffle = o->no_shuffle,
                              .no_duplicates = o->no_duplicates,
                              .drop_last = o->drop_last,
                              .rows = data->rows,
                              .n = data->n,
                              .text_of = data->texts->of,
                              .width = data->texts->width,
                              .n_texts = data->texts->count};
    if (o->loss->needs == HONE_LOSS_CLASSES) s.class_of = data->group, s.n_classes = data->n_groups;
    return s;
}

hone_status hone_train_blame(const hone_train_data *data, hone_status s) {
    return s == HONE_E_FORMAT && data->table && !*hone_last_error()->file ? hone_blame(hone_table_path(data->table), 0)
                                                                          : s;
}

static void tell(run *r, hone_train_report *report) {
    report->step = r->state.step, report->total_steps = r->total;
    if (r->o->report) r->o->report(r->o->ctx, report);
}

static void note(void *ctx, const char *text) {
    tell(ctx, &(hone_train_report){.note = text});
}

/* Whole epochs, and the batches of this one: more than were announced (no_duplicates) are still this epoch. */
static double epochs_done(const run *r) {
    return (double)r->state.epoch + fmin((double)r->state.batch / (double)r->batches_per_epoch, 1);
}

/* ---- one optimiser step ---- */

/* The embedding rows that this batch reads must hold their values as of now. Small tables (positions, types) are read
 * everywhere. */
static hone_status catch_up(run *r, const hone_token_batch *b) {
    hone_params *ps = hone_model_params(r->m);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        if (!t->rows) continue;
        bool words = t == hone_model_word_table(r->m);
        HONE_TRY(hone_optim_catch_up(r->optim, t, words ? b->ids : NULL, words ? b->T : 0));
    }
    return HONE_OK;
}

/* The batches of one optimiser step; *count of them, 0 at the end of the epoch. Each weighs 1/group, where the group is
 * smaller than `accumulate` at the end of the epoch that was announced, as in transformers' trainer, and at the end of
 * the one that there is (data/sampler.h). */
static hone_status accumulate(run *r, double *loss, int64_t *tokens, int64_t *count) {
    int64_t left = hone_batches_announced(r->batches) - r->state.batch, there = r->batches_here - r->state.batch;
    int64_t group = r->o->accumulate < left || left <= 0 ? r->o->accumulate : left;
    if (there > 0 && there < group) group = there;
    *loss = 0, *tokens = 0;
    for (*count = 0; *count < group; (*count)++) {
        const hone_token_batch *b;
        HONE_TRY(hone_batches_next(r->batches, &b));
        if (!b) break;
        r->batch = b;
        HONE_TRY(catch_up(r, b));
        HONE_TRY(hone_pass_run(r->pass, b, r->o->seed, r->state.step, *count, 1.0 / (double)group, loss));
        *tokens += b->T;
    }
    return HONE_OK;
}

/* "; last good: out/checkpoint_step_5" */
static hone_status last_good(const run *r, char *out, size_t n) {
    char dir[HONE_PATH_MAX];
    snprintf(dir, sizeof dir, "%s", r->good);
    if (!*dir) HONE_TRY(hone_checkpoint_newest(r->o->out, dir, NULL, 0));
    snprintf(out, n, *dir ? "; last good: %s" : "; no checkpoint has been written yet", dir);
    return HONE_OK;
}

/* The same step once more (same batches, same dropout) with a look behind every operation; the data stand afterwards
 * where they stood. */
static hone_status find_cause(run *r, int64_t count, char *out, size_t n) {
    double loss;
    int64_t tokens, again;
    hone_finite finite = {0};
    hone_params_clear_grads(hone_model_params(r->m));
    HONE_TRY(hone_batches_begin(r->batches, r->state.epoch, r->state.batch));
    hone_pass_set_look(r->pass, NULL, NULL);
    hone_graph_set_finite(r->g, &finite);
    hone_status s = accumulate(r, &loss, &tokens, &again);
    hone_graph_set_finite(r->g, NULL);
    hone_pass_set_look(r->pass, hone_watch_batch, r->watch);
    hone_params_clear_grads(hone_model_params(r->m));
    if (finite.found)
        hone_diagnose(&finite, r->m, r->pass, r->batch, r->data, r->o->loss->name, out, n);
    else if (s == HONE_OK)
        snprintf(out, n,
                 "the loss or a gradient was not finite, but was when the step was run again: is this machine's memory "
                 "sound?");
    else
        return s;
    return hone_batches_begin(r->batches, r->state.epoch, r->state.batch + count);
}

/* Weights and moments stay as they are, bit for bit; the schedule goes on. */
static hone_status skip(run *r, int64_t count, double loss, double norm) {
    char cause[700], text[900], good[HONE_PATH_MAX + 64];
    if (isfinite(loss) && isfinite(norm)) {
        snprintf(cause, sizeof cause, "the gradient's norm is %.3g, its square is too large for the optimiser", norm);
        hone_params_clear_grads(hone_model_params(r->m));
    } else {
        HONE_TRY(find_cause(r, count, cause, sizeof cause));
    }
    r->state.skipped++;
    if (++r->state.bad < MAX_BAD_STEPS) {
        snprintf(text, sizeof text, "step %" PRId64 ": %s; this update was skipped, the weights are as before",
                 r->state.step + 1, cause);
        note(r, text);
        return HONE_OK;
    }
    HONE_TRY(last_good(r, good, sizeof good));
    hone_fail(HONE_E_NUMERIC, "step %" PRId64 ": %s; %d updates in a row were skipped%s", r->state.step + 1, cause,
              MAX_BAD_STEPS, good);
    /* not one update was made: neither rate nor progress */
    if (r->state.step < MAX_BAD_STEPS && r->state.skipped > r->state.step)
        return hone_hint("no step could be computed: the model's weights or the data are out of range; \"hone "
                         "inspect\" shows the weights");
    return hone_hint("lower --lr, or look at the data near this step%s",
                     strstr(good, "last good") ? "; --resume goes on from the last checkpoint" : "");
}

static hone_status update(run *r, int64_t count, double loss, double lr, double *norm, bool *skipped) {
    double clip = r->o->optim.clip;
    *skipped = false;
    HONE_TRY(hone_optim_grad_norm(r->optim, norm));
    *skipped = !(isfinite(loss) && isfinite(*norm) && (clip > 0 ? fmin(*norm, clip) : *norm) <= MAX_NORM);
    if (!isfinite(loss)) *norm = (double)NAN; /* of whatever had a gradient: no norm of the step's */
    if (*skipped) return skip(r, count, loss, *norm);
    r->state.bad = 0;
    return hone_optim_step(r->optim, lr, *norm);
}

/* Nothing that is not finite is ever saved. */
static hone_status check_weights(run *r, bool moments) {
    char good[HONE_PATH_MAX + 64], what[sizeof hone_last_error()->message];
    if (hone_diagnose_weights(hone_model_params(r->m), moments ? r->optim : NULL, HONE_E_NUMERIC) == HONE_OK)
        return HONE_OK;
    snprintf(what, sizeof what, "%s", hone_last_error()->message);
    HONE_TRY(last_good(r, good, sizeof good));
    hone_fail(HONE_E_NUMERIC, "after step %" PRId64 " %s: an update was too large, and nothing is saved%s",
              r->state.step, what, good);
    return hone_hint("lower --lr or --weight-decay");
}

/* One step, or *ended at the end of the epoch. */
static hone_status one_step(run *r, bool *ended) {
    double loss, norm = 0, start = now();
    int64_t tokens, count;
    bool skipped;
    HONE_TRY(accumulate(r, &loss, &tokens, &count));
    *ended = count == 0;
    if (*ended) return HONE_OK;
    double lr = r->o->lr * hone_schedule_factor(r->o->schedule, r->state.step, r->warmup, r->total);
    hone_status updated = update(r, count, loss, lr, &norm, &skipped);
    if (updated != HONE_OK && !skipped) return updated;
    r->state.step++;
    r->state.batch += count;
    r->state.last_loss = loss;
    hone_train_report report = {.epoch = epochs_done(r),
                                .loss = loss,
                                .lr = lr,
                                .grad_norm = norm,
                                .tokens = tokens,
                                .ms = 1e3 * (now() - start),
                                .step = r->state.step,
                                .skipped = skipped};
    HONE_TRY(hone_train_log_step(r->log, &report)); /* also the step that ends the run */
    HONE_TRY(updated);
    tell(r, &report);
    hone_watch_step(r->watch, r->state.step, skipped ? (double)NAN : loss, lr * r->top_rate, norm);
    return HONE_OK;
}

/* ---- evaluation and saving ---- */

static hone_status save_best(run *r, double primary) {
    bool better = r->state.best_step < 0 || primary > r->state.best_metric;
    r->state.stale = better ? 0 : r->state.stale + 1;
    if (!better) return HONE_OK;
    r->state.best_metric = primary, r->state.best_step = r->state.step;
    return r->state.step > 0 ? hone_model_save(r->m, r->best) : HONE_OK;
}

/* The weights are finite, but what the model makes of the rows to judge by is not. */
static hone_status no_verdict(const run *r) {
    char good[HONE_PATH_MAX + 64], what[sizeof hone_last_error()->message];
    snprintf(what, sizeof what, "%s", hone_last_error()->message);
    HONE_TRY(last_good(r, good, sizeof good));
    hone_fail(HONE_E_NUMERIC, "judging after step %" PRId64 ": %s%s", r->state.step, what, good);
    return hone_hint(r->state.step ? "lower --lr"
                                   : "the model was broken before training: its weights are finite, but too large");
}

static hone_status evaluate(run *r) {
    json_t *metrics = NULL;
    double primary = 0;
    if (!r->o->evaluation) return HONE_OK;
    HONE_TRY(hone_optim_catch_up_all(r->optim));
    HONE_TRY(check_weights(r, false));
    hone_status judged = r->o->evaluation->run(r->o->evaluation->ctx, r->m, r->g, &metrics, &primary);
    if (judged != HONE_OK) return judged == HONE_E_NUMERIC ? no_verdict(r) : judged;
    /* a correlation with a constant: any number is better, and this one has a JSON form */
    if (isnan(primary)) primary = -DBL_MAX;
    hone_train_report report = {.epoch = epochs_done(r), .metrics = metrics, .step = r->state.step};
    hone_status s = hone_train_log_evaluation(r->log, &report);
    r->state.judged = r->state.step;
    if (r->state.step == 0) r->state.first_metric = primary;
    if (s == HONE_OK && r->state.step > 0) s = save_best(r, primary);
    tell(r, &report);
    json_decref(metrics);
    return s;
}

/* A failed write's sentence ends in what is still good. */
static void say_what_is_left(const run *r) {
    hone_error e = *hone_last_error();
    size_t n = strlen(e.message);
    const char *slash = strrchr(r->good, '/');
    if (*r->good)
        snprintf(e.message + n, sizeof e.message - n, "; %.100s is intact", slash ? slash + 1 : r->good);
    else
        snprintf(e.message + n, sizeof e.message - n, "; there is no earlier checkpoint");
    hone_error_restore(&e);
}

/* Amid skipped steps only a stop is worth one: the weights are finite, but may be what the steps fail on, and a
 * checkpoint from before would be pruned for it. */
static hone_status checkpoint(run *r, bool at_epoch, bool stop) {
    char name[64], dir[HONE_PATH_MAX];
    if (r->state.bad > 0 && !stop) return HONE_OK;
    if (at_epoch)
        snprintf(name, sizeof name, "checkpoint_epoch_%" PRId64, r->state.epoch);
    else
        snprintf(name, sizeof name, "checkpoint_step_%" PRId64, r->state.step);
    HONE_TRY(hone_io_join(dir, r->o->out, name));
    HONE_TRY(hone_optim_catch_up_all(r->optim));
    HONE_TRY(check_weights(r, true));
    HONE_TRY(hone_train_log_sync(r->log, &r->state.log_offset));
    HONE_TRY(hone_checkpoint_save(dir, r->m, r->optim, &r->state, r->identity));
    if (r->state.bad > 0) return HONE_OK;
    snprintf(r->good, sizeof r->good, "%s", dir);
    return r->o->keep > 0 ? hone_checkpoint_prune(r->o->out, r->o->keep, r->state.step) : HONE_OK;
}

static bool due(int64_t every, int64_t step) {
    return every > 0 && step % every == 0;
}

/* An evaluation belongs to the run as it stands now and was not done: it is its moment, or a signal had broken it
 * off. */
static bool evaluation_due(const run *r) {
    if (!r->o->evaluation || r->state.judged == r->state.step) return false;
    if (r->state.step == 0) return r->o->eval_every >= 0;
    if (r->o->eval_every == 0) return r->state.batch == 0 || r->state.step == r->total; /* the end of an epoch */
    return due(r->o->eval_every, r->state.step) || (r->o->eval_every > 0 && r->state.step == r->total);
}

static bool stopping(const run *r) {
    return r->o->stop && *r->o->stop;
}

/* A signal came: what there is is saved. */
static hone_status stop_here(run *r) {
    if (r->state.step == 0)
        return hone_fail(HONE_E_STOPPED, "stopped by a signal before the first step: there is nothing to save yet");
    HONE_TRY(checkpoint(r, false, true));
    return hone_fail(HONE_E_STOPPED,
                     "stopped by a signal after step %" PRId64 " of %" PRId64 "; the checkpoint is saved",
                     r->state.step, r->total);
}

static hone_status evaluate_if_due(run *r) {
    hone_status s = evaluation_due(r) ? evaluate(r) : HONE_OK;
    return s == HONE_E_STOPPED ? stop_here(r) : s;
}

static bool out_of_patience(const run *r) {
    return r->o->patience > 0 && r->o->evaluation && r->state.stale >= r->o->patience;
}

/* What is due after a step inside an epoch. At the last step of the run the epoch's end does it. */
static hone_status after_step(run *r) {
    if (r->state.step == r->total) return HONE_OK;
    HONE_TRY(evaluate_if_due(r));
    if (!stopping(r) && due(r->o->save_every, r->state.step)) HONE_TRY(checkpoint(r, false, false));
    return stopping(r) ? stop_here(r) : HONE_OK;
}

/* ---- the run ---- */

/* Also of the one that the run's last step ends in: that one is not done, and its checkpoint is named by the step. */
static hone_status end_epoch(run *r) {
    HONE_TRY(evaluate_if_due(r));
    if (r->o->save_every == 0) return checkpoint(r, r->state.batch == 0, false);
    /* after_step leaves the run's last step to us */
    return r->state.step == r->total && due(r->o->save_every, r->state.step) ? checkpoint(r, false, false) : HONE_OK;
}

static hone_status run_epochs(run *r) {
    /* Before the first step; and what a signal broke off. */
    if (r->state.step == 0 || (r->state.batch && r->state.step < r->total))
        HONE_TRY(evaluate_if_due(r));
    else if (evaluation_due(r))
        HONE_TRY(end_epoch(r));
    while (r->state.step < r->total && !out_of_patience(r)) {
        int64_t before = r->state.step;
        HONE_TRY(hone_batches_begin(r->batches, r->state.epoch, r->state.batch));
        if (r->o->accumulate > 1) r->batches_here = hone_batches_count(r->batches, r->state.epoch);
        bool ended = false, fresh = r->state.batch == 0;
        while (!ended && r->state.step < r->total) {
            HONE_TRY(one_step(r, &ended));
            if (!ended) HONE_TRY(after_step(r));
            if (out_of_patience(r)) return checkpoint(r, false, false);
        }
        if (fresh && r->state.step == before)
            return hone_fail(HONE_E_FORMAT, "an epoch of %" PRId64 " rows gives no batch of %" PRId64, r->data->n,
                             r->o->batch_size);
        /* --steps, and parts of --epochs, end inside an epoch: then the log says 2.4, not 3 */
        if (ended || r->state.batch >= r->batches_per_epoch) r->state.epoch++, r->state.batch = 0;
        HONE_TRY(end_epoch(r));
    }
    return HONE_OK;
}

/* run.json: what the caller says of the run; at its very end also "finished", which tells a later --resume that nothing
 * is left to do, and by its identity that it is this run that is meant. */
static hone_status write_run(const run *r, bool finished) {
    char path[HONE_PATH_MAX];
    if (!r->o->options && !finished) return HONE_OK;
    HONE_TRY(hone_io_join(path, r->o->out, "run.json"));
    if (!finished) return hone_json_save(r->o->options, path);
    json_t *all = r->o->options ? json_copy((json_t *)(uintptr_t)r->o->options) : json_object();
    json_t *end =
        json_pack("{s:I, s:I, s:I, s:f, s:f, s:o, s:O}", "steps", (json_int_t)r->state.step, "best_step",
                  (json_int_t)r->state.best_step, "skipped", (json_int_t)r->state.skipped, "first_metric",
                  r->state.first_metric, "best_metric", r->state.best_metric, "last_loss",
                  isfinite(r->state.last_loss) ? json_real(r->state.last_loss) : json_null(), "identity", r->identity);
    int failed = all && end ? json_object_set(all, "finished", end) : -1;
    hone_status s = failed ? hone_fail(HONE_E_NOMEM, "no memory for run.json") : hone_json_save(all, path);
    json_decref(all), json_decref(end);
    return s;
}

/* Has the run in this folder ended? Then it is this run that must be meant. */
static hone_status look_for_end(run *r) {
    char path[HONE_PATH_MAX];
    json_t *all = NULL;
    HONE_TRY(hone_io_join(path, r->o->out, "run.json"));
    if (!hone_io_exists(path) || !hone_io_is_dir(r->final) || !hone_io_is_dir(r->best)) return HONE_OK;
    HONE_TRY(hone_json_load(path, &all));
    const json_t *end = json_object_get(all, "finished");
    hone_status s = end ? hone_checkpoint_compare(r->o->out, json_object_get(end, "identity"), r->identity) : HONE_OK;
    if (end && s == HONE_OK) {
        r->was_finished = true;
        r->state.step = json_integer_value(json_object_get(end, "steps"));
        r->state.best_step = json_integer_value(json_object_get(end, "best_step"));
        r->state.skipped = json_integer_value(json_object_get(end, "skipped"));
        r->state.first_metric = json_number_value(json_object_get(end, "first_metric"));
        r->state.best_metric = json_number_value(json_object_get(end, "best_metric"));
        const json_t *loss = json_object_get(end, "last_loss");
        r->state.last_loss =
            json_is_number(loss) ? json_number_value(loss) : (double)NAN; /* null: that step was skipped */
    }
    json_decref(all);
    return s;
}

/* Somebody may have removed or renamed the folder, or a part of it, hours ago: what could be written was, and is not
 * the whole. */
static hone_status check_results(const run *r) {
    static const char why[] = "removed or renamed while the run went on";
    if (!hone_io_is_dir(r->best)) {
        hone_fail_at(HONE_E_IO, r->best, 0, 0, "the best of all, of step %" PRId64 ", is not there any more: %s",
                     r->state.best_step, why);
        return hone_hint("final_model, of the last step, is complete");
    }
    if (hone_train_log_is_there(r->log)) return HONE_OK;
    hone_fail_at(HONE_E_IO, r->log_path, 0, 0, "is not there any more: %s", why);
    return hone_hint("best_model and final_model are complete");
}

static hone_status finish(run *r) {
    int64_t offset;
    HONE_TRY(hone_optim_catch_up_all(r->optim));
    HONE_TRY(check_weights(r, false));
    HONE_TRY(hone_train_log_sync(r->log, &offset));
    if (r->state.best_step < 0) HONE_TRY(hone_model_save(r->m, r->best));
    HONE_TRY(hone_model_save(r->m, r->final));
    HONE_TRY(write_run(r, true));
    return check_results(r);
}

static hone_status take_up(run *r) {
    char dir[HONE_PATH_MAX], passed_over[4096] = "";
    if (!r->o->resume) return HONE_OK;
    HONE_TRY(look_for_end(r));
    if (r->was_finished) {
        note(r, "this run has ended, there is nothing to continue: all stays as it is");
        return HONE_OK;
    }
    HONE_TRY(hone_checkpoint_tidy(r->o->out));
    HONE_TRY(hone_checkpoint_newest(r->o->out, dir, passed_over, sizeof passed_over));
    for (char *line = passed_over, *rest; *line; line = rest) {
        rest = line + strcspn(line, "\n");
        if (*rest) *rest++ = 0;
        note(r, line);
    }
    if (!*dir && *passed_over) { /* hours of work are not begun anew without a word from their owner */
        hone_fail_at(HONE_E_FORMAT, r->o->out, 0, 0, "none of its checkpoints is whole; %s", passed_over);
        return hone_hint("give another --out to begin again");
    }
    if (!*dir) {
        if (hone_io_exists(r->log_path)) note(r, "there is a log and no checkpoint: the run begins again");
        return HONE_OK;
    }
    HONE_TRY(hone_checkpoint_load(dir, r->m, r->optim, &r->state, r->identity));
    snprintf(r->from, sizeof r->from, "%s", dir);
    if (r->state.bad == 0) snprintf(r->good, sizeof r->good, "%s", dir);
    char text[HONE_PATH_MAX + 200];
    snprintf(text, sizeof text, "continuing from %s (step %" PRId64 " of %" PRId64 ")", dir, r->state.step, r->total);
    note(r, text);
    /* kernels may add in another order; everything else is the same, or refused */
    if (strcmp(r->state.version, HONE_VERSION)) {
        snprintf(text, sizeof text,
                 "warning: that was written by Hone %s, this is " HONE_VERSION
                 "; what follows may differ in rounding from a run of one version",
                 *r->state.version ? hone_quote(r->state.version) : "(unknown version)");
        note(r, text);
    }
    if (r->state.best_step > 0 && !hone_io_is_dir(r->best)) {
        snprintf(text, sizeof text,
                 "warning: %s, the best of all at step %" PRId64
                 ", is not there any more; the best from here on takes its place",
                 r->best, r->state.best_step);
        note(r, text);
        r->state.best_step = -1, r->state.best_metric = -DBL_MAX; /* not that of the model that will stand there */
    }
    return HONE_OK;
}

/* Numbers that no run can have; the command's own options are checked where they are read. */
static hone_status check_numbers(const hone_train_options *o) {
    if (o->batch_size < 1 || o->accumulate < 1)
        return hone_fail(HONE_E_ARG, "batch size %" PRId64 ", accumulate %" PRId64 ": both must be 1 or more",
                         o->batch_size, o->accumulate);
    const struct {
        const char *name;
        double value, least, most;
    } given[] = {{"steps", (double)o->steps, 0, DBL_MAX},
                 {"epochs", o->steps ? 1 : o->epochs, DBL_MIN, 1e9}, /* of less than 2^31 rows: steps are below 2^63 */
                 {"lr", o->lr, 0, DBL_MAX},
                 {"warmup", o->warmup, 0, 1e15},
                 {"chunk", (double)o->chunk, 0, DBL_MAX},
                 {"keep", (double)o->keep, 0, DBL_MAX},
                 {"eval_every", (double)o->eval_every, -1, DBL_MAX},
                 {"save_every", (double)o->save_every, -1, DBL_MAX},
                 {"patience", (double)o->patience, 0, DBL_MAX},
                 {"clip", o->optim.clip, 0, DBL_MAX},
                 {"scale", o->loss_options.scale, -DBL_MAX, DBL_MAX},
                 {"margin", o->loss_options.margin, -DBL_MAX, DBL_MAX}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        double x = given[i].value, least = given[i].least, most = given[i].most;
        if (x > most && most < DBL_MAX)
            return hone_fail(HONE_E_ARG, "%s is %g, wants %g or less", given[i].name, x, most);
        if (!(x >= least && x <= most))
            return hone_fail(HONE_E_ARG, "%s is %g, wants %s", given[i].name, x,
                             least > 0           ? "more than 0"
                             : least == -DBL_MAX ? "a finite number"
                             : least < 0         ? "-1 (never), 0 (every epoch) or steps"
                                                 : "0 or more");
    }
    if ((int)o->schedule < 0 || o->schedule > HONE_SCHEDULE_CONSTANT)
        return hone_fail(HONE_E_ARG, "schedule %d, wants 0 to %d", (int)o->schedule, HONE_SCHEDULE_CONSTANT);
    return HONE_OK;
}

/* Scores sort, classes are places in arrays: what the command has judged when it read the file, others may not have. */
static hone_status check_labels(const run *r) {
    const hone_train_data *d = r->data;
    hone_loss_needs needs = r->o->loss->needs;
    bool scores = needs == HONE_LOSS_SCORES || needs == HONE_LOSS_BINARY;
    for (int64_t i = 0; i < d->n && needs != HONE_LOSS_TEXTS; i++) {
        int64_t row = d->rows ? d->rows[i] : i, number = d->table ? hone_table_row_number(d->table, row) : row;
        double x = scores ? d->score[row] : d->group[row];
        if (scores && (!isfinite(x) || (needs == HONE_LOSS_BINARY && x != 0 && x != 1)))
            return hone_fail(HONE_E_ARG, "row %" PRId64 " has the %s %g, loss %s wants %s", number,
                             needs == HONE_LOSS_BINARY ? "label" : "score", x, r->o->loss->name,
                             needs == HONE_LOSS_BINARY ? "0 or 1" : "a number");
        if (!scores && (x < 0 || x >= (double)d->n_groups))
            return hone_fail(HONE_E_ARG, "row %" PRId64 " has the class %g, loss %s wants 0 to %" PRId64, number, x,
                             r->o->loss->name, d->n_groups - 1);
    }
    return HONE_OK;
}

static hone_status check_data(const run *r) {
    const hone_loss *l = r->o->loss;
    bool scores = l->needs == HONE_LOSS_SCORES || l->needs == HONE_LOSS_BINARY;
    if (scores && !r->data->score) return hone_fail(HONE_E_ARG, "loss %s needs a score for every row", l->name);
    if (l->needs == HONE_LOSS_CLASSES && (!r->data->group || r->data->n_groups < 1))
        return hone_fail(HONE_E_ARG, "loss %s needs a class for every row", l->name);
    int64_t groups = r->data->store->groups;
    bool few = groups<l->min_groups, many = l->max_groups> 0 && groups > l->max_groups;
    if (few || many)
        return hone_fail(HONE_E_ARG, "rows have %" PRId64 " texts each, loss %s wants %s%d", groups, l->name,
                         l->max_groups == l->min_groups ? ""
                         : few                          ? "at least "
                                                        : "at most ",
                         few ? l->min_groups : l->max_groups);
    return check_labels(r);
}

/* Where no run has left its log there may be models and checkpoints all the same: of a run that lost it, or somebody's.
 * They would be replaced and pruned. */
static hone_status check_without_log(const hone_train_options *o) {
    char **names;
    size_t n;
    if (!hone_io_is_dir(o->out)) return HONE_OK;
    HONE_TRY(hone_io_list(o->out, &names, &n));
    char what[64] = "";
    bool checkpoints = false;
    for (size_t i = 0; i < n; i++) {
        bool checkpoint = hone_checkpoint_is_name(names[i]);
        checkpoints |= checkpoint;
        if (checkpoint || !strcmp(names[i], "best_model") || !strcmp(names[i], "final_model"))
            snprintf(what, sizeof what, "%s", hone_quote(names[i]));
    }
    hone_free(names);
    if (!*what || (checkpoints && o->resume)) return HONE_OK; /* a run to go on with asks for its log itself */
    hone_fail_at(HONE_E_ARG, o->out, 0, 0, "already holds %s, and no log.jsonl of a run", what);
    return hone_hint("a run would replace it: give another --out");
}

hone_status hone_train_check_out(const hone_train_options *o) {
    enum { LONGEST = 160 }; /* of the names in there: checkpoint_epoch_N.tmp.tmp-PID/1_Pooling/config.json.tmp-PID */
    char log[HONE_PATH_MAX];
    if (strlen(o->out) + LONGEST > HONE_PATH_MAX)
        return hone_fail_at(HONE_E_ARG, o->out, 0, 0,
                            "a path of %zu bytes, limit %d: the names of checkpoints stand behind it", strlen(o->out),
                            HONE_PATH_MAX - LONGEST);
    HONE_TRY(hone_io_join(log, o->out, "log.jsonl"));
    if (!hone_io_is_taken(log)) return check_without_log(o);
    if (o->resume) return HONE_OK;
    hone_fail_at(HONE_E_ARG, o->out, 0, 0, "already holds a run");
    return hone_hint("--resume continues it; for a new run give another --out");
}

hone_status hone_train_check_model(hone_model *m, const hone_train_options *o) {
    const char *dir = hone_model_get_info(m)->dir;
    if (hone_diagnose_weights(hone_model_params(m), NULL, HONE_E_FORMAT) == HONE_OK) return HONE_OK;
    hone_blame(*dir ? dir : o->out, 0);
    return hone_hint("the model was broken before training; \"hone inspect\" lists every tensor with such values");
}

hone_status hone_train_check_resume(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                                    const hone_train_plan *plan, int64_t *finished) {
    run r = {.m = m, .data = data, .o = o, .lock = -1, .total = plan->total_steps, .warmup = plan->warmup_steps};
    char dir[HONE_PATH_MAX];
    *finished = -1;
    if (!o->resume) return HONE_OK;
    HONE_TRY(hone_io_join(r.best, o->out, "best_model"));
    HONE_TRY(hone_io_join(r.final, o->out, "final_model"));
    hone_status s = hone_train_identity(m, data, o, r.total, r.warmup, &r.identity);
    if (s == HONE_OK) s = look_for_end(&r);
    if (s == HONE_OK) s = hone_checkpoint_newest(o->out, dir, NULL, 0);
    if (s == HONE_OK && *dir) s = hone_checkpoint_check(dir, r.identity);
    if (s == HONE_OK && r.was_finished) *finished = r.state.step;
    json_decref(r.identity);
    return s;
}

static hone_status begin_watch(run *r) {
    r->top_rate = hone_params_top_rate(hone_model_params(r->m));
    hone_watch_run known = {.step = r->state.step, .total = r->total, .warmup = r->warmup};
    HONE_TRY(hone_watch_new(r->data, r->o, &known, r->state.watch, note, r, &r->watch));
    hone_pass_set_look(r->pass, hone_watch_batch, r->watch);
    if (r->state.step > 0) return HONE_OK;
    for (const char *const *text = r->o->notes; text && *text; text++) note(r, *text);
    hone_watch_data(r->watch);
    return HONE_OK;
}

static hone_status prepare(run *r) {
    const hone_train_options *o = r->o;
    r->state.best_step = r->state.judged = -1, r->state.last_loss = (double)NAN;
    HONE_TRY(check_data(r));
    HONE_TRY(hone_io_join(r->best, o->out, "best_model"));
    HONE_TRY(hone_io_join(r->final, o->out, "final_model"));
    HONE_TRY(hone_io_join(r->log_path, o->out, "log.jsonl"));
    HONE_TRY(hone_train_check_out(o));
    HONE_TRY(hone_train_check_model(r->m, r->o));
    HONE_TRY(hone_io_mkdirs(o->out));
    hone_status locked = hone_io_lock_dir(o->out, &r->lock);
    if (locked != HONE_OK)
        return locked == HONE_E_ARG
                   ? hone_hint("two runs in one folder would destroy each other: wait for it, or give another --out")
                   : locked;
    HONE_TRY(hone_train_check_out(o)); /* once more: nobody can begin one now */
    r->arena = hone_arena_new("step", o->step_bytes ? o->step_bytes : HONE_STEP_BYTES);
    r->g = r->arena ? hone_graph_new(r->arena) : NULL;
    if (!r->g) return hone_fail(HONE_E_NOMEM, "no memory for the step arena");
    HONE_TRY(hone_pass_place_grads(r->m, o));
    HONE_TRY(hone_pass_new(r->m, r->g, r->data, o->loss, &o->loss_options, o->chunk, &r->pass));
    HONE_TRY(hone_optim_new(hone_model_params(r->m), &o->optim, &r->optim));
    hone_sampler_options sampler = hone_train_sampler(o, r->data);
    HONE_TRY(hone_train_blame(r->data, hone_batches_new(r->data->store, &sampler, &r->batches)));
    hone_train_plan plan = hone_train_plan_of(o, hone_batches_announced(r->batches));
    r->batches_per_epoch = plan.batches_per_epoch > 0 ? plan.batches_per_epoch : 1, r->total = plan.total_steps,
    r->warmup = plan.warmup_steps;
    HONE_TRY(hone_train_identity(r->m, r->data, r->o, r->total, r->warmup, &r->identity));
    HONE_TRY(take_up(r));
    if (r->was_finished) return HONE_OK;
    HONE_TRY(begin_watch(r));
    hone_status s = hone_train_log_open(r->log_path, r->state.log_offset, &r->log);
    if (s == HONE_E_FORMAT && r->from[0])
        return hone_hint("put the log back as it was; without it, --model %s and another --out begin a new run with "
                         "the weights as they are",
                         r->from);
    return s;
}

static hone_status run_all(run *r) {
    HONE_TRY(prepare(r));
    if (r->was_finished) return HONE_OK;
    HONE_TRY(write_run(r, false));
    HONE_TRY(run_epochs(r));
    if (out_of_patience(r)) {
        char text[160];
        snprintf(text, sizeof text,
                 "stopped early: no new best in %" PRId64 " evaluations, the best was at step %" PRId64, r->state.stale,
                 r->state.best_step);
        note(r, text);
    }
    return finish(r);
}

hone_status hone_train_run(hone_model *m, const hone_train_data *data, const hone_train_options *o,
                           hone_train_result *result) {
    run *r = hone_zalloc(sizeof *r);
    if (!r) return hone_last_error()->code;
    double start = now();
    r->m = m, r->data = data, r->o = o, r->lock = -1;
    hone_status s = check_numbers(o);
    if (s == HONE_OK) s = run_all(r);
    if (result)
        *result = (hone_train_result){.was_finished = r->was_finished,
                                      .steps = r->state.step,
                                      .best_step = r->state.best_step,
                                      .skipped = r->state.skipped,
                                      .first_metric = r->state.first_metric,
                                      .best_metric = r->state.best_metric,
                                      .last_loss = r->state.last_loss,
                                      .seconds = now() - start};
    if (s == HONE_E_IO && r->state.step > 0) say_what_is_left(r);
    hone_train_log_close(r->log);
    hone_batches_free(r->batches);
    hone_optim_free(r->optim);
    hone_pass_free(r->pass);
    hone_watch_free(r->watch);
    if (r->g) hone_params_clear_grads(hone_model_params(m)); /* those of a step that failed lie in the arena */
    hone_graph_free(r->g);
    hone_arena_free(r->arena);
    json_decref(r->identity);
    hone_io_unlock(r->lock);
    hone_free(r);
    return s;
}
