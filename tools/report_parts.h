/* The report's parts: what is read (report_log.c, report_rows.c), what is computed (report_judge.c, report_scores.c,
 * report_mistakes.c), what is written (report_page.c). */
#ifndef HONE_TOOLS_REPORT_PARTS_H
#define HONE_TOOLS_REPORT_PARTS_H

#include "base/json.h"
#include "eval/bootstrap.h"
#include "tools/judge.h"
#include "tools/labels.h"
#include "tools/report.h"
#include "tools/text_buffer.h"

/* ---- log.jsonl ---- */

typedef struct report_log {
    int64_t n, capacity;                                   /* training steps */
    double *step, *epoch, *loss, *lr, *norm, *tokens, *ms; /* [n] NaN where the line has none */
    json_t *evaluations;                                   /* array of {"step":…, "epoch":…, "eval":{…}} */
    int64_t bad_lines;                                     /* torn or foreign, left out */
    int64_t skipped;                                       /* steps whose update was left out */
} report_log;

hone_status report_log_read(const char *path, report_log *out);
void report_log_free(report_log *l); /* frees and zeroes; accepts {0} */
/* A metric of evaluation i; NaN when it has none of that name or it is null. */
double report_log_metric(const report_log *l, size_t i, const char *name);
double report_log_step(const report_log *l, size_t i);

/* ---- figures from models and rows ---- */

enum { REPORT_METRICS = 7 }; /* of one kind of rows that get an interval, at most */

typedef struct report_side {
    char name[HONE_PATH_MAX]; /* the model's folder; "" = not there */
    hone_judge *judge;        /* NULL: not judged */
    int n_metrics;
    const char *metric_name[REPORT_METRICS];
    int metric[REPORT_METRICS]; /* the judge's numbers of them */
    hone_interval value[REPORT_METRICS];
    /* Similarities of texts that belong together, of such that do not, and of each query to the nearest that does not:
     *   pairs, triplets  a row's anchor and its positive; its negatives (without negatives: the positive of another
     *                    row)
     *   labelled texts   a text and the next one of its label; the next one of another
     *   scored pairs     rows of score 1; of score 0. Of other scores: none, hone_judge_similarities has them */
    int64_t n_positive, n_negative, n_wrong;
    double *positive, *negative, *wrong;
} report_side;

/* One text of a mistake. */
typedef struct report_line {
    const char *what;        /* "query"; NULL: no more lines */
    hone_text text, label;   /* label.p NULL: it has none */
    double similarity, base; /* to the first line's text, under the run's model and the base; NaN: not shown */
} report_line;

typedef struct report_mistake {
    report_line line[3];
    char remark[160]; /* "": none */
} report_mistake;

typedef struct report_data {
    const hone_report_options *o;
    char dir[HONE_PATH_MAX];
    json_t *run; /* run.json; NULL: none */
    report_log log;
    json_t *notes; /* array of sentences: what is missing and why */

    hone_row_kind kind; /* of the evaluation rows: PAIRS, TRIPLET, SCORED, LABELLED */
    bool two_classes;   /* SCORED: every score is 0 or 1 */
    hone_table *table;
    hone_texts texts;
    hone_labels labels;
    int64_t eval_rows; /* all there are */
    int64_t n_rows;    /* sampled */
    int64_t *rows;     /* [n_rows] ascending */
    report_side model, base;
    hone_paired difference[REPORT_METRICS]; /* model less base */

    int64_t n_mistakes, mistakes_found, asked; /* shown; all; out of so many */
    char mistakes_are[320];                    /* "queries find a wrong answer first"; "": nothing can be one */
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

/* Each fills its part; what cannot be had becomes a note. HONE_E_NOMEM alone is a failure.
 *   find_rows     the rows that the run was judged by: --eval's file, or the part of --train that was set aside; sampled
 *   measure       lengths of the training texts, by the tokenizer of m (NULL: in characters), and their labels
 *   score         similarities of a side whose judge has scored
 *   find_mistakes from both sides
 *   judge         all of these */
hone_status report_find_rows(report_data *r);
hone_status report_measure(report_data *r, const hone_model *m);
hone_status report_score(report_data *r, report_side *s);
hone_status report_find_mistakes(report_data *r);
hone_status report_judge(report_data *r);
void report_data_free(report_data *r); /* its contents */

/* ---- the page ---- */

void report_page(const report_data *r, hone_text_buffer *b);

#endif
