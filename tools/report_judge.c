/* The evaluation rows under the run's model and under the one it started from: metrics with intervals, and all that
 * the other parts make of them. */
#include "tools/report_parts.h"

#include "base/memory.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const json_t *report_option(const report_data *r, const char *name) {
    const json_t *x = json_object_get(json_object_get(r->run, "options"), name);
    return json_is_null(x) ? NULL : x;
}

const char *report_option_string(const report_data *r, const char *name) {
    return json_string_value(report_option(r, name)); /* NULL for other kinds */
}

void report_note(report_data *r, const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *s = json_string(text);
    if (!s) s = json_string("a note that is not UTF-8");
    if (s) json_array_append_new(r->notes, s);
}

void report_note_error(report_data *r, const char *what) {
    const hone_error *e = hone_last_error();
    report_note(r, "%s: %s%s%s", what, *e->file ? hone_quote(e->file) : "", *e->file ? ": " : "", e->message);
}

/* ---- one model ---- */

static const char *const shown[] = {"accuracy@1", "accuracy@10",      "recall@10", "mrr@10",   "ndcg@10",
                                    "map@100",    "triplet_accuracy", "map",       "spearman", "pearson"};

static hone_status intervals(report_data *r, report_side *s) {
    for (size_t k = 0; k < sizeof shown / sizeof *shown; k++)
        for (int i = 0; i < hone_judge_metrics(s->judge) && s->n_metrics < REPORT_METRICS; i++) {
            if (strcmp(hone_judge_name(s->judge, i), shown[k])) continue;
            s->metric_name[s->n_metrics] = shown[k], s->metric[s->n_metrics] = i;
            HONE_TRY(hone_judge_interval(s->judge, i, r->o->resamples, r->o->seed, &s->value[s->n_metrics++]));
        }
    return HONE_OK;
}

static hone_status judge_open(report_data *r, hone_model *m, report_side *s) {
    hone_judge_options how = {.triplet = r->kind == HONE_ROWS_TRIPLET || r->kind == HONE_ROWS_LABELLED,
                              .score = r->labels.score,
                              .label = r->labels.group,
                              .file = hone_table_path(r->table),
                              .prompt_query = report_option_string(r, "prompt-query"),
                              .prompt_document = report_option_string(r, "prompt-document"),
                              .keep_embeddings = true};
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = arena ? hone_graph_new(arena) : NULL;
    hone_judge *j = NULL;
    hone_status st = g ? hone_judge_new(&r->texts, r->rows, r->n_rows, &how, &j) : HONE_E_NOMEM;
    if (st == HONE_OK) st = hone_judge_score(j, m, g);
    hone_graph_free(g);
    hone_arena_free(arena);
    if (st != HONE_OK) {
        hone_judge_free(j);
        return st;
    }
    s->judge = j;
    HONE_TRY(intervals(r, s));
    return report_score(r, s);
}

/* What was asked for, else what the run computed in; f32 where run.json does not tell. */
static hone_precision judging_precision(const report_data *r) {
    const char *name = report_option_string(r, "precision");
    if (r->o->precision >= 0) return (hone_precision)r->o->precision;
    for (int p = 0; name && p < HONE_PRECISION_COUNT; p++)
        if (!strcmp(name, hone_precision_name((hone_precision)p))) return (hone_precision)p;
    return HONE_PRECISION_F32;
}

/* Two models are never in memory together. The lengths are measured with the first one that opens. A model that the
 * user named (asked) is judged as hone eval judges it, at its own length, and must open. */
static hone_status judge_model(report_data *r, const char *name, const char *what, bool asked, report_side *s) {
    char sentence[128];
    hone_model *m = NULL;
    int64_t length = json_integer_value(report_option(r, "max-length"));
    hone_model_options how = {.precision = judging_precision(r), .max_length = length > 0 && !asked ? length : 0};
    hone_status st = hone_model_open(name, &how, &m);
    if (st == HONE_OK) snprintf(s->name, sizeof s->name, "%s", name);
    if (st == HONE_OK && !r->n_lengths) st = report_measure(r, m);
    if (st == HONE_OK && r->n_rows) st = judge_open(r, m, s);
    hone_model_close(m);
    if (st == HONE_OK || st == HONE_E_NOMEM || asked) return st;
    snprintf(sentence, sizeof sentence, "%s cannot be judged", what);
    report_note_error(r, sentence);
    hone_judge_free(s->judge);
    s->judge = NULL;
    return HONE_OK;
}

/* final_model, else best_model, else the newest checkpoint that is whole; "" if the run has none. */
static hone_status find_model(report_data *r, char path[HONE_PATH_MAX]) {
    static const char *const names[] = {"final_model", "best_model"};
    for (int i = 0; i < 2; i++) {
        HONE_TRY(hone_io_join(path, r->dir, names[i]));
        if (!hone_io_is_dir(path)) continue;
        if (i) report_note(r, "the run has not ended: %s is judged in place of final_model", names[i]);
        return HONE_OK;
    }
    if (hone_checkpoint_newest(r->dir, path, NULL, 0) != HONE_OK) *path = 0;
    if (*path)
        report_note(r, "the run has not ended: its newest checkpoint is judged in place of final_model");
    else
        report_note(r, "the run has no model yet, so there are no scores and no mistakes to show");
    return HONE_OK;
}

/* ---- all of it ---- */

hone_status report_judge(report_data *r) {
    char path[HONE_PATH_MAX];
    const char *base = r->o->base ? r->o->base : report_option_string(r, "model");
    if (!r->run) return HONE_OK;
    if (r->o->rows > 0) HONE_TRY(report_find_rows(r));
    HONE_TRY(find_model(r, path));
    if (*path) HONE_TRY(judge_model(r, path, "the run's model", false, &r->model));
    if (base && (r->n_rows || !*path)) HONE_TRY(judge_model(r, base, "the base model", r->o->base != NULL, &r->base));
    if (!r->n_lengths) HONE_TRY(report_measure(r, NULL));
    if (r->model.judge) HONE_TRY(report_find_mistakes(r));
    for (int i = 0; i < r->model.n_metrics && r->model.judge && r->base.judge; i++)
        HONE_TRY(hone_judge_compare(r->base.judge, r->model.judge, r->model.metric[i], r->o->resamples, r->o->seed,
                                    &r->difference[i]));
    return HONE_OK;
}

static void side_free(report_side *s) {
    hone_judge_free(s->judge);
    hone_free(s->positive);
    hone_free(s->negative);
    hone_free(s->wrong);
}

void report_data_free(report_data *r) {
    side_free(&r->model);
    side_free(&r->base);
    hone_free(r->mistake);
    hone_free(r->length);
    hone_free(r->label);
    hone_free(r->rows);
    hone_labels_free(&r->labels);
    hone_texts_free(&r->texts);
    hone_table_free(r->table);
    report_log_free(&r->log);
    json_decref(r->notes);
    json_decref(r->run);
}
