/* The report's parts: what is read (report_log.c), what is computed (report_judge.c), what is written (report_page.c).
 */
#ifndef HONE_TOOLS_REPORT_PARTS_H
#define HONE_TOOLS_REPORT_PARTS_H

#include "base/json.h"
#include "eval/bootstrap.h"
#include "tools/judge.h"
#include "tools/report.h"
#include "tools/text_buffer.h"

/* ---- log.jsonl ---- */

typedef struct report_log {
    int64_t n, capacity;                                   /* training steps */
    double *step, *epoch, *loss, *lr, *norm, *tokens, *ms; /* [n] NaN where the line has none */
    json_t *evaluations;                                   /* array of {"step":…, "epoch":…, "eval":{…}} */
    int64_t bad_lines;                                     /* torn or foreign, left out */
} report_log;

hone_status report_log_read(const char *path, report_log *out);
void report_log_free(report_log *l); /* frees and zeroes; accepts {0} */
/* A metric of evaluation i; NaN when it has none of that name or it is null. */
double report_log_metric(const report_log *l, size_t i, const char *name);
double report_log_step(const report_log *l, size_t i);

/* ---- figures from models and rows ---- */

enum { REPORT_METRICS = 7 }; /* those that get an interval */

typedef struct report_side {
    char name[HONE_PATH_MAX]; /* the model's folder; "" = not there */
    hone_judge *judge;        /* NULL: not judged */
    int n_metrics;
    const char *metric_name[REPORT_METRICS];
    int metric[REPORT_METRICS]; /* the judge's numbers of them */
    hone_interval value[REPORT_METRICS];
    int64_t n_positive, n_negative, n_wrong;
    double *positive, *negative; /* similarity of each row's anchor to its positive, its negatives */
    double *wrong;               /* of each query to the best of its wrong documents */
} report_side;

typedef struct report_mistake {
    hone_text query, right, wrong;
    double right_score, wrong_score;           /* under the run's model */
    double base_right_score, base_wrong_score; /* NaN: no base */
    int64_t rank;                              /* of the best right document, from 1; 0: beyond the list */
} report_mistake;

typedef struct report_data {
    const hone_report_options *o;
    char dir[HONE_PATH_MAX];
    json_t *run; /* run.json; NULL: none */
    report_log log;
    json_t *notes; /* array of sentences: what is missing and why */

    bool triplet, negatives_given;
    hone_table *table;
    hone_texts texts;
    int64_t eval_rows; /* all there are */
    int64_t n_rows;    /* sampled */
    int64_t *rows;     /* [n_rows] ascending */
    report_side model, base;
    hone_paired difference[REPORT_METRICS]; /* model less base */

    int64_t n_mistakes, mistakes_found, asked; /* shown; all; out of so many */
    report_mistake *mistake;

    int64_t n_lengths, max_length; /* of a sample of the training texts; max_length 0: not known */
    double *length;
    bool in_tokens;     /* else in characters */
    bool lengths_tried; /* with success or without */

    int64_t n_labels; /* scored pairs: training rows; labelled texts: labels; else 0 */
    double *label;    /* scores, or with of_classes how many rows each label has */
    bool of_classes;
} report_data;

/* options of run.json; NULL when there is none of that kind. */
const json_t *report_option(const report_data *r, const char *name);
const char *report_option_string(const report_data *r, const char *name);
void report_note(report_data *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The note for a step that failed: `what`, and the last error's sentence. */
void report_note_error(report_data *r, const char *what);

/* Fill everything from table to in_tokens; what cannot be had becomes a note. HONE_E_NOMEM alone is a failure. */
hone_status report_judge(report_data *r);
void report_data_free(report_data *r); /* its contents */

/* ---- the page ---- */

void report_page(const report_data *r, hone_text_buffer *b);

#endif
