/* The report as HTML. Everything that comes from a file goes through hone_text_html. */
#include "tools/report_parts.h"
#include "tools/svg.h"
#include "tools/terminal.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MOST_TEXT 600 /* bytes of a text that a mistake shows */
#define BINS 30

/* No outside reference can be followed: the policy forbids loads, and there is none. */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">\n";

static const char style[] =
    ":root{--ink:#1c2127;--paper:#fff;--soft:#f3f5f8;--good:#0f6b47;--poor:#b02a1c}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--paper:#14181d;--soft:#1e242b;--good:#5fd3a4;--poor:#"
    "ff8f80}}\n"
    "*{box-sizing:border-box}body{margin:0 "
    "auto;max-width:1120px;padding:1rem;color:var(--ink);background:var(--paper);font:16px/1.5 "
    "system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.2rem;margin:2rem 0 .6rem}h3{font-size:1rem}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:1.6rem}\n"
    ".wide{overflow-x:auto;margin:0 0 "
    "1.4rem}table{border-collapse:collapse;font-size:.92rem}caption{text-align:left;color:var(--axis);font-size:.85rem;"
    "padding-bottom:.3rem}\n"
    "th,td{padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "th{overflow-wrap:normal;font-weight:600}td.n small{font-weight:400}\n"
    "@media(max-width:560px){table{font-size:.82rem}th,td{padding-right:.4rem}td.n "
    "small{display:block;white-space:normal;max-width:3.9rem;margin-left:auto}td.n br{display:none}}\n"
    "tr>:last-child{padding-right:0}small,.soft{color:var(--axis)}.up{color:var(--good)}.down{color:var(--poor)}\n"
    ".card{background:var(--soft);border-radius:8px;padding:.7rem .9rem;margin:.7rem 0}.card p{margin:.25rem 0}\n"
    ".card b{font-weight:600}bdi{white-space:pre-wrap}ul{padding-left:1.2rem}summary{cursor:pointer}\n"
    ".facts{display:flex;flex-wrap:wrap;gap:.4rem 1.6rem;padding:0;list-style:none;margin:.6rem 0}.facts "
    "b{display:block;font-size:1.15rem;font-weight:600}\n";

static void escaped(hone_text_buffer *b, const char *s) {
    hone_text_html(b, s, strlen(s));
}

/* A folder's name, which may be any bytes. */
static void escaped_name(hone_text_buffer *b, const char *s) {
    char plain[4200];
    escaped(b, hone_plain_text(s, plain, sizeof plain));
}

/* "0.6123", or a dash for what is not there. */
static void figure(hone_text_buffer *b, double x) {
    if (isnan(x))
        hone_text_puts(b, "&mdash;");
    else
        hone_text_printf(b, "%.4f", x);
}

static void change(hone_text_buffer *b, double x) {
    if (isnan(x))
        hone_text_puts(b, "&mdash;");
    else
        hone_text_printf(b, "<span class=\"%s\">%+.4f</span>", x > 0 ? "up" : x < 0 ? "down" : "soft", x);
}

/* ---- the head of the page ---- */

static void fact(hone_text_buffer *b, const char *name, const char *value) {
    hone_text_puts(b, "<li><small>");
    escaped(b, name);
    hone_text_puts(b, "</small><b>");
    escaped(b, value);
    hone_text_puts(b, "</b></li>\n");
}

static void facts(const report_data *r, hone_text_buffer *b) {
    const report_log *l = &r->log;
    double ms = 0, tokens = 0;
    char s[64], x[32];
    for (int64_t i = 0; i < l->n; i++) {
        if (isfinite(l->ms[i])) ms += l->ms[i];
        if (isfinite(l->tokens[i])) tokens += l->tokens[i];
    }
    hone_text_puts(b, "<ul class=\"facts\">\n");
    if (report_option_string(r, "task")) fact(b, "task", report_option_string(r, "task"));
    if (report_option_string(r, "loss")) fact(b, "loss", report_option_string(r, "loss"));
    if (l->n) {
        fact(b, "optimiser steps", hone_svg_number(l->step[l->n - 1], 1, x));
        if (l->epoch[l->n - 1] >= 999.5) /* not 2.86e+03 */
            hone_svg_number(l->epoch[l->n - 1], 1, s);
        else
            snprintf(s, sizeof s, "%.3g", l->epoch[l->n - 1]);
        fact(b, "passes over the data", isnan(l->epoch[l->n - 1]) ? "not known" : s);
        snprintf(s, sizeof s, "%.4f", l->loss[l->n - 1]);
        fact(b, "loss of the last step", isnan(l->loss[l->n - 1]) ? "not a number" : s);
        if (ms < 120e3)
            snprintf(s, sizeof s, "%.1f s", ms / 1e3);
        else
            snprintf(s, sizeof s, "%.1f min", ms / 60e3);
        fact(b, "time in steps", s);
        if (ms > 0) fact(b, "tokens per second", hone_svg_number(tokens / ms * 1e3, 1, x));
    }
    hone_text_puts(b, "</ul>\n");
}

static void notes(const report_data *r, hone_text_buffer *b) {
    size_t i;
    json_t *x;
    if (!json_array_size(r->notes)) return;
    hone_text_puts(b, "<div class=\"card\"><p><b>To know</b></p><ul>\n");
    json_array_foreach(r->notes, i, x) {
        hone_text_puts(b, "<li>");
        hone_text_html(b, json_string_value(x), json_string_length(x));
        hone_text_puts(b, "</li>\n");
    }
    hone_text_puts(b, "</ul></div>\n");
}

/* ---- metrics of the log ---- */

/* The metric that chose best_model: --metric, else the usual one of those that there are, else the first. */
static const char *deciding(const report_data *r, const json_t *metrics) {
    const char *names[] = {report_option_string(r, "metric"),
                           !strcmp(report_option_string(r, "task") ? report_option_string(r, "task") : "", "triplet")
                               ? "triplet_accuracy"
                               : "ndcg@10",
                           "spearman", "ndcg@10"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] && json_object_get(metrics, names[i])) return names[i];
    return json_object_iter_key(json_object_iter((json_t *)(uintptr_t)metrics));
}

static const json_t *last_metrics(const report_data *r) {
    size_t n = json_array_size(r->log.evaluations);
    return n ? json_object_get(json_array_get(r->log.evaluations, n - 1), "eval") : NULL;
}

/* What best_model is: the first of the highest after the first step; the model before training has a column of its
 * own. */
static size_t best_evaluation(const report_data *r, const char *name) {
    size_t n = json_array_size(r->log.evaluations), first = n > 1 && report_log_step(&r->log, 0) == 0, best = first;
    for (size_t i = first; i < n; i++)
        if (!(report_log_metric(&r->log, i, name) <= report_log_metric(&r->log, best, name)) &&
            !isnan(report_log_metric(&r->log, i, name)))
            best = i;
    return best;
}

/* One row: a metric before, of the best step, of the last, and the change. */
static void logged_metric(const report_data *r, hone_text_buffer *b, const char *name, size_t best, size_t last) {
    const report_log *l = &r->log;
    const bool before = report_log_step(l, 0) == 0, trained = report_log_step(l, last) > 0;
    double x = before ? report_log_metric(l, 0, name) : (double)NAN, y = report_log_metric(l, last, name);
    hone_text_puts(b, "<tr><th>");
    escaped(b, name);
    hone_text_puts(b, "</th><td class=\"n\">");
    figure(b, x);
    if (trained) {
        hone_text_puts(b, "</td><td class=\"n\">");
        figure(b, report_log_metric(l, best, name));
        hone_text_puts(b, "</td><td class=\"n\">");
        figure(b, y);
        hone_text_puts(b, "</td><td class=\"n\">");
        change(b, y - x);
    }
    hone_text_puts(b, "</td></tr>\n");
}

static void logged_metrics(const report_data *r, hone_text_buffer *b) {
    const report_log *l = &r->log;
    const json_t *metrics = last_metrics(r);
    const char *name, *first = metrics ? deciding(r, metrics) : NULL;
    json_t *unused;
    if (!first) {
        hone_text_puts(b, "<p>The run logged no evaluation: it had no evaluation rows.</p>\n");
        return;
    }
    size_t last = json_array_size(l->evaluations) - 1, best = best_evaluation(r, first);
    char s[32], s2[32];
    hone_text_puts(b, "<div class=\"wide\"><table><caption>As the run logged them, on all its evaluation rows. ");
    if (report_log_step(l, last) > 0) {
        hone_text_puts(b, "The best step, of best_model, is the trained one with the highest ");
        escaped(b, first);
        hone_text_printf(b,
                         "; change is last less before.</caption>\n<thead><tr><th>metric</th><th "
                         "class=\"n\">before</th><th class=\"n\">best<br><small>step %s</small></th><th "
                         "class=\"n\">last<br><small>step %s</small></th><th "
                         "class=\"n\">change</th></tr></thead>\n<tbody>\n",
                         hone_svg_number(report_log_step(l, best), 1, s),
                         hone_svg_number(report_log_step(l, last), 1, s2));
    } else
        hone_text_puts(b, "No trained model has been evaluated yet.</caption>\n<thead><tr><th>metric</th><th "
                          "class=\"n\">before</th></tr></thead>\n<tbody>\n");
    json_object_foreach((json_t *)(uintptr_t)metrics, name, unused) logged_metric(r, b, name, best, last);
    hone_text_puts(b, "</tbody></table></div>\n");
}

/* ---- intervals ---- */

static void interval(hone_text_buffer *b, const hone_interval *x) {
    hone_text_puts(b, "<td class=\"n\">");
    figure(b, x->value);
    if (!isnan(x->low)) hone_text_printf(b, "<br><small>%.3f to %.3f</small>", x->low, x->high);
    hone_text_puts(b, "</td>");
}

static void difference(hone_text_buffer *b, const hone_paired *x) {
    hone_text_puts(b, "<td class=\"n\">");
    change(b, x->difference.value);
    if (!isnan(x->difference.low))
        hone_text_printf(b, "<br><small>%+.3f to %+.3f</small>", x->difference.low, x->difference.high);
    if (isnan(x->p))
        hone_text_puts(b, "</td><td class=\"n\">&mdash;</td>");
    else
        hone_text_printf(b, "</td><td class=\"n\">%.2g</td>", x->p);
}

/* " (11 queries, 22 documents)", as far as these rows are searched. */
static void searched(const report_data *r, hone_text_buffer *b) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    if (x)
        hone_text_printf(b, " (%" PRId64 " queries, %" PRId64 " documents)", x->n_queries, x->n_documents);
    else if (r->kind == HONE_ROWS_LABELLED)
        hone_text_printf(b, " (%" PRId64 " of them have another of their label and search for it)",
                         hone_judge_queries(r->model.judge));
}

static void judged_metrics(const report_data *r, hone_text_buffer *b) {
    if (!r->model.judge) return;
    const char *folder = strrchr(r->model.name, '/');
    hone_text_puts(b, "<div class=\"wide\"><table><caption>Judged once more for this report: the run's ");
    escaped_name(b, folder ? folder + 1 : r->model.name);
    hone_text_printf(b, ", on %s%" PRId64 " evaluation rows",
                     r->n_rows == r->eval_rows       ? "all "
                     : r->kind == HONE_ROWS_LABELLED ? "a sample, spread over the labels, of "
                                                     : "a sample of ",
                     r->n_rows);
    searched(r, b);
    hone_text_printf(b, ", with 95 %% bootstrap intervals%s.</caption>\n<thead><tr><th>metric</th>",
                     r->base.judge ? "; p from a paired randomisation test" : "");
    if (r->base.judge) hone_text_puts(b, "<th class=\"n\">base</th>");
    hone_text_puts(b, "<th class=\"n\">this run</th>");
    if (r->base.judge) hone_text_puts(b, "<th class=\"n\">change</th><th class=\"n\">p</th>");
    hone_text_puts(b, "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < r->model.n_metrics; i++) {
        hone_text_puts(b, "<tr><th>");
        escaped(b, r->model.metric_name[i]);
        hone_text_puts(b, "</th>");
        if (r->base.judge) interval(b, &r->base.value[i]);
        interval(b, &r->model.value[i]);
        if (r->base.judge) difference(b, &r->difference[i]);
        hone_text_puts(b, "</tr>\n");
    }
    hone_text_puts(b, "</tbody></table></div>\n");
}

/* ---- curves ---- */

/* The mean of the finite values among the last `window` up to each step. */
static void running_mean(const double *x, int64_t n, int64_t window, double *out) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(x[i])) sum += x[i], count++;
        if (i >= window && isfinite(x[i - window])) sum -= x[i - window], count--;
        out[i] = count ? sum / (double)count : (double)NAN;
    }
}

static void loss_curve(const report_log *l, hone_text_buffer *b) {
    int64_t window = l->n / 40 > 1 ? l->n / 40 : 1;
    double *mean = hone_alloc((size_t)(l->n + 1) * sizeof *mean);
    if (!mean) {
        b->failed = true;
        return;
    }
    running_mean(l->loss, l->n, window, mean);
    char smooth[64];
    snprintf(smooth, sizeof smooth, "mean of the last %" PRId64, window);
    hone_series s[2] = {
        {.name = window > 1 ? "each step" : NULL, .faint = window > 1, .x = l->step, .y = l->loss, .n = l->n},
        {.name = smooth, .colour = 0, .x = l->step, .y = mean, .n = l->n}};
    hone_plot p = {.title = "Training loss",
                   .x_label = "optimiser step",
                   .y_label = "loss",
                   .caption = "Each step's mean over its batch, before the update.",
                   .series = s,
                   .n_series = window > 1 ? 2 : 1,
                   .x_whole = true};
    hone_svg_plot(b, &p);
    hone_free(mean);
}

static void evaluation_curve(const report_data *r, hone_text_buffer *b) {
    enum { MOST = 4 };
    const json_t *metrics = last_metrics(r);
    static const char *const usual[] = {"accuracy@1", "mrr@10", "triplet_accuracy", "ndcg@10", "spearman", "pearson"};
    const char *name[MOST] = {NULL};
    int n_names = 0;
    if (!metrics) return;
    name[n_names++] = deciding(r, metrics);
    for (size_t i = 0; i < sizeof usual / sizeof *usual && n_names < MOST; i++)
        if (json_object_get(metrics, usual[i]) && strcmp(usual[i], name[0])) name[n_names++] = usual[i];
    if (!name[0]) return;
    size_t n = json_array_size(r->log.evaluations);
    double *x = hone_alloc((n + 1) * sizeof *x), *y = hone_alloc((MOST * n + 1) * sizeof *y);
    hone_series s[MOST];
    for (size_t i = 0; i < n && x && y; i++) {
        x[i] = report_log_step(&r->log, i);
        for (int k = 0; k < n_names; k++) y[(size_t)k * n + i] = report_log_metric(&r->log, i, name[k]);
    }
    for (int k = 0; k < n_names && y; k++)
        s[k] = (hone_series){
            .name = name[k], .kind = HONE_SERIES_POINTS, .colour = k, .x = x, .y = y + (size_t)k * n, .n = (int64_t)n};
    hone_plot p = {.title = "Evaluation",
                   .x_label = "optimiser step",
                   .y_label = "metric",
                   .caption = "On the evaluation rows; step 0 is the model before training.",
                   .series = s,
                   .n_series = n_names,
                   .x_whole = true};
    if (x && y)
        hone_svg_plot(b, &p);
    else
        b->failed = true;
    hone_free(x);
    hone_free(y);
}

static void curves(const report_data *r, hone_text_buffer *b) {
    const report_log *l = &r->log;
    hone_text_puts(b, "<h2>The run</h2>\n<div class=\"plots\">\n");
    evaluation_curve(r, b);
    loss_curve(l, b);
    hone_series lr = {.colour = 1, .x = l->step, .y = l->lr, .n = l->n};
    hone_svg_plot(b, &(hone_plot){.title = "Learning rate",
                                  .x_label = "optimiser step",
                                  .y_label = "learning rate",
                                  .series = &lr,
                                  .n_series = 1,
                                  .x_whole = true,
                                  .y_zero = true});
    hone_series norm = {.colour = 2, .x = l->step, .y = l->norm, .n = l->n};
    hone_svg_plot(b, &(hone_plot){.title = "Gradient norm",
                                  .x_label = "optimiser step",
                                  .y_label = "L2 norm",
                                  .caption = "Before clipping.",
                                  .series = &norm,
                                  .n_series = 1,
                                  .x_whole = true,
                                  .y_zero = true});
    hone_text_puts(b, "</div>\n");
}

/* ---- distributions ---- */

static void widen(const double *x, int64_t n, double *low, double *high) {
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i])) *low = fmin(*low, x[i]), *high = fmax(*high, x[i]);
}

static double mean_of(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static void scores(const report_data *r, const report_side *side, const char *title, double low, double high,
                   hone_text_buffer *b) {
    double edge[BINS], share[3][BINS];
    char caption[512];
    const double *x[3] = {side->positive, side->negative, side->wrong};
    int64_t n[3] = {side->n_positive, side->n_negative, side->n_wrong};
    const bool pairs = r->kind == HONE_ROWS_PAIRS || r->kind == HONE_ROWS_TRIPLET,
               labelled = r->kind == HONE_ROWS_LABELLED;
    const char *names[3] = {pairs      ? "right pairs"
                            : labelled ? "texts of one label"
                                       : "rows of score 1",
                            !pairs               ? labelled ? "texts of two labels" : "rows of score 0"
                            : r->texts.width > 2 ? "the rows' negatives"
                                                 : "pairs of different rows",
                            labelled ? "each text's nearest of another label" : "each query's nearest wrong answer"};
    hone_series s[3];
    int n_series = 0;
    for (int k = 0; k < 3; k++) {
        double width = hone_histogram(x[k], n[k], low, high, BINS, edge, share[k]);
        if (n[k])
            s[n_series++] = (hone_series){.name = names[k],
                                          .kind = k < 2 ? HONE_SERIES_BARS : HONE_SERIES_STEPS,
                                          .colour = k == 0   ? 0
                                                    : k == 1 ? 1
                                                             : 3,
                                          .x = edge,
                                          .y = share[k],
                                          .n = BINS,
                                          .width = width};
    }
    if (n[0] && n[1])
        snprintf(caption, sizeof caption, "Means: %s %.3f, %s %.3f. The less %s overlap with the others, the better.",
                 names[0], mean_of(x[0], n[0]), names[1], mean_of(x[1], n[1]), pairs ? "the right pairs" : "they");
    else /* one row, or one label, has nothing to be held against */
        snprintf(caption, sizeof caption, "Mean: %s %.3f. There are no %s.", names[!n[0]], mean_of(x[!n[0]], n[!n[0]]),
                 names[!!n[0]]);
    hone_plot p = {.title = title,
                   .x_label = "similarity",
                   .y_label = "% of its kind",
                   .caption = caption,
                   .series = s,
                   .n_series = n_series};
    hone_svg_plot(b, &p);
}

/* Similarity of each row against its score. */
static void against_scores(const report_data *r, const report_side *side, const char *title, hone_text_buffer *b) {
    const double *similarity = hone_judge_similarities(side->judge);
    double *gold = hone_alloc((size_t)(r->n_rows + 1) * sizeof *gold);
    char caption[160];
    if (!gold) {
        b->failed = true;
        return;
    }
    for (int64_t i = 0; i < r->n_rows; i++) gold[i] = r->labels.score[r->rows[i]];
    snprintf(caption, sizeof caption,
             "A dot for each of %" PRId64 " rows. The better the model, the more the dots rise.", r->n_rows);
    hone_series s = {.kind = HONE_SERIES_DOTS, .x = gold, .y = similarity, .n = r->n_rows};
    hone_svg_plot(b, &(hone_plot){.title = title,
                                  .x_label = "score of the row",
                                  .y_label = "similarity",
                                  .caption = caption,
                                  .series = &s,
                                  .n_series = 1});
    hone_free(gold);
}

static void lengths(const report_data *r, hone_text_buffer *b) {
    double edge[BINS], share[BINS], low = INFINITY, high = -INFINITY;
    char caption[256];
    int64_t cut = 0;
    widen(r->length, r->n_lengths, &low, &high);
    /* Whole numbers: bins of a whole width, or one bin would hold more of them than its neighbour. */
    double width = fmax(1, ceil((high - low + 1) / BINS));
    int n = (int)fmin(BINS, ceil((high - low + 1) / width));
    if (n < 1 || !isfinite(high - low)) return;
    width = hone_histogram(r->length, r->n_lengths, low, low + n * width, n, edge, share);
    for (int64_t i = 0; i < r->n_lengths; i++) cut += r->max_length > 0 && r->length[i] > (double)r->max_length;
    int used = snprintf(caption, sizeof caption, "%" PRId64 " different training texts; the mean is %.1f.",
                        r->n_lengths, mean_of(r->length, r->n_lengths));
    if (r->max_length > 0 && used > 0)
        snprintf(caption + used, sizeof caption - (size_t)used,
                 " The model reads %" PRId64 " tokens: %" PRId64 " of the texts (%.1f %%) are cut.", r->max_length, cut,
                 100.0 * (double)cut / (double)r->n_lengths);
    hone_series s = {.kind = HONE_SERIES_BARS, .colour = 2, .x = edge, .y = share, .n = n, .width = width};
    hone_svg_plot(b, &(hone_plot){.title = "Lengths of the texts",
                                  .x_label = r->in_tokens ? "length in tokens, special tokens and prompts included"
                                                          : "length in characters",
                                  .y_label = "% of the texts",
                                  .caption = caption,
                                  .series = &s,
                                  .n_series = 1,
                                  .x_whole = true});
}

static void labels(const report_data *r, hone_text_buffer *b) {
    double edge[BINS], share[BINS], low = INFINITY, high = -INFINITY, width;
    char caption[256];
    int n = BINS;
    widen(r->label, r->n_labels, &low, &high);
    if (r->of_classes) {
        width = fmax(1, ceil((high - low + 1) / BINS));
        n = (int)fmin(BINS, ceil((high - low + 1) / width));
        width = hone_histogram(r->label, r->n_labels, low, low + n * width, n, edge, share);
        snprintf(caption, sizeof caption,
                 "%" PRId64 " labels, the largest of %.0f rows, the smallest of %.0f; the mean is %.1f.", r->n_labels,
                 high, low, mean_of(r->label, r->n_labels));
    } else {
        if (low == high) low -= 0.5, high += 0.5;
        width = hone_histogram(r->label, r->n_labels, low, high, n, edge, share);
        snprintf(caption, sizeof caption, "%" PRId64 " training rows; the mean is %.3g.", r->n_labels,
                 mean_of(r->label, r->n_labels));
    }
    hone_series s = {.kind = HONE_SERIES_BARS, .colour = 1, .x = edge, .y = share, .n = n, .width = width};
    hone_svg_plot(b, &(hone_plot){.title = r->of_classes ? "Rows of a label" : "Scores of the rows",
                                  .x_label = r->of_classes ? "rows" : "score",
                                  .y_label = r->of_classes ? "% of the labels" : "% of the rows",
                                  .caption = caption,
                                  .series = &s,
                                  .n_series = 1,
                                  .x_whole = r->of_classes});
}

static void distributions(const report_data *r, hone_text_buffer *b) {
    double low = INFINITY, high = -INFINITY;
    const report_side *sides[] = {&r->base, &r->model};
    if (!r->model.judge && !r->base.judge && !r->n_lengths && !r->n_labels) return;
    for (int i = 0; i < 2; i++) {
        widen(sides[i]->positive, sides[i]->n_positive, &low, &high);
        widen(sides[i]->negative, sides[i]->n_negative, &low, &high);
        widen(sides[i]->wrong, sides[i]->n_wrong, &low, &high);
    }
    if (low == high) low -= 0.5, high += 0.5;
    hone_text_puts(b, "<h2>Scores and texts</h2>\n<div class=\"plots\">\n");
    for (int i = 0; i < 2; i++) {
        const char *title = i ? "Similarities after (this run)" : "Similarities before (base)";
        if (!sides[i]->judge) continue;
        if (r->kind == HONE_ROWS_SCORED && !r->two_classes)
            against_scores(r, sides[i], title, b);
        else
            scores(r, sides[i], title, low, high, b);
    }
    if (r->n_labels) labels(r, b);
    if (r->n_lengths) lengths(r, b);
    hone_text_puts(b, "</div>\n");
}

/* ---- mistakes ---- */

/* Cut at a character's border. */
static void cut_text(hone_text_buffer *b, hone_text t) {
    size_t n = t.n < MOST_TEXT ? t.n : MOST_TEXT;
    while (n && n < t.n && ((unsigned char)t.p[n] & 0xC0) == 0x80) n--;
    hone_text_puts(b, "<bdi dir=\"auto\">");
    hone_text_html(b, t.p, n);
    hone_text_printf(b, "</bdi>%s", n < t.n ? "&hellip;" : "");
}

static void line(hone_text_buffer *b, const report_line *l) {
    hone_text_printf(b, "<p><b>%s</b> ", l->what);
    if (!isnan(l->similarity)) hone_text_printf(b, "<small>%.3f</small> ", l->similarity);
    if (!isnan(l->base)) hone_text_printf(b, "<small>(base %.3f)</small> ", l->base);
    cut_text(b, l->text);
    if (l->label.p) {
        hone_text_puts(b, " <small>label ");
        cut_text(b, l->label);
        hone_text_puts(b, "</small>");
    }
    hone_text_puts(b, "</p>\n");
}

static void mistakes(const report_data *r, hone_text_buffer *b) {
    if (!r->model.judge || !*r->mistakes_are) return;
    hone_text_puts(b, "<h2>Worst mistakes</h2>\n");
    hone_text_printf(b, "<p>%" PRId64 " of %" PRId64 " %s%s. ", r->mistakes_found, r->asked, r->mistakes_are,
                     r->n_rows < r->eval_rows ? " in the sample" : "");
    if (r->n_mistakes && r->kind == HONE_ROWS_SCORED)
        hone_text_puts(b, "Those farthest off; the number at sentence2 is the similarity of the two.");
    else if (r->n_mistakes)
        hone_text_puts(b, "Those where the wrong text is nearest beyond the right one; numbers are similarities.");
    if (r->n_mistakes && r->kind == HONE_ROWS_PAIRS)
        hone_text_puts(b, " A wrong answer here is one that no row calls right: some may be right after all.");
    hone_text_puts(b, "</p>\n");
    for (int64_t i = 0; i < r->n_mistakes; i++) {
        const report_mistake *m = &r->mistake[i];
        hone_text_puts(b, "<div class=\"card\">");
        for (size_t k = 0; k < sizeof m->line / sizeof *m->line && m->line[k].what; k++) line(b, &m->line[k]);
        if (*m->remark) {
            hone_text_puts(b, "<p class=\"soft\">");
            escaped(b, m->remark);
            hone_text_puts(b, "</p>\n");
        }
        hone_text_puts(b, "</div>\n");
    }
}

/* ---- settings ---- */

static void value(hone_text_buffer *b, const json_t *x) {
    if (json_is_string(x)) {
        hone_text_html(b, json_string_value(x), json_string_length(x));
        return;
    }
    char number[32];
    if (json_is_real(x)) { /* the shortest that reads back */
        hone_format_f64(number, json_real_value(x));
        escaped(b, number);
        return;
    }
    char *s = json_dumps(x, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (s)
        escaped(b, s);
    else
        b->failed = true;
    hone_free(s);
}

static void settings_table(hone_text_buffer *b, const char *title, const json_t *o) {
    const char *key;
    json_t *x;
    if (!json_object_size(o)) return;
    hone_text_puts(b, "<div class=\"wide\"><table><caption>");
    escaped(b, title);
    hone_text_puts(b, "</caption><tbody>\n");
    json_object_foreach((json_t *)(uintptr_t)o, key, x) {
        if (json_is_null(x)) continue;
        hone_text_puts(b, "<tr><th>");
        escaped(b, key);
        hone_text_puts(b, "</th><td>");
        value(b, x);
        hone_text_puts(b, "</td></tr>\n");
    }
    hone_text_puts(b, "</tbody></table></div>\n");
}

static void settings(const report_data *r, hone_text_buffer *b) {
    if (!r->run) return;
    const json_t *data = json_object_get(r->run, "data");
    hone_text_puts(b, "<h2>Settings</h2>\n<details open><summary>Model, data, versions</summary>\n");
    settings_table(b, "model", json_object_get(r->run, "model"));
    settings_table(b, "training data", json_object_get(data, "train"));
    settings_table(b, "evaluation data", json_object_get(data, "eval"));
    settings_table(b, "versions", json_object_get(r->run, "versions"));
    hone_text_puts(b, "</details>\n<details><summary>Every option</summary>\n");
    settings_table(b, "options as they were resolved; those without a value are left out",
                   json_object_get(r->run, "options"));
    hone_text_puts(b, "</details>\n");
}

void report_page(const report_data *r, hone_text_buffer *b) {
    const char *base = json_string_value(json_object_get(json_object_get(r->run, "model"), "folder"));
    hone_text_puts(b, head);
    hone_text_puts(b, "<title>Training run ");
    escaped_name(b, r->dir);
    hone_text_puts(b, "</title>\n<style>\n");
    hone_text_puts(b, hone_svg_style);
    hone_text_puts(b, style);
    hone_text_puts(b, "</style></head>\n<body>\n<h1>Training run ");
    escaped_name(b, r->dir);
    hone_text_puts(b, "</h1>\n");
    if (base) {
        hone_text_puts(b, "<p class=\"soft\">started from ");
        escaped(b, base);
        hone_text_puts(b, "</p>\n");
    }
    facts(r, b);
    notes(r, b);
    hone_text_puts(b, "<h2>Before and after</h2>\n");
    judged_metrics(r, b);
    logged_metrics(r, b);
    curves(r, b);
    distributions(r, b);
    mistakes(r, b);
    settings(r, b);
    hone_text_puts(b, "<p class=\"soft\">Written by hone " HONE_VERSION ".</p>\n</body></html>\n");
}
