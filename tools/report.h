/* The report of a training run: one HTML page without any outside reference, made from what lies in the run's folder.
 *
 *     log.jsonl    curves of loss, learning rate, gradient norm; metrics before and after
 *     run.json     settings, versions, where the rows are
 *     final_model  (else best_model, else the newest checkpoint) and the model that training started from: intervals,
 *                  distributions of scores, worst mistakes, on a seeded sample of the evaluation rows
 *
 * Only log.jsonl, and what `base` and `data` name, must be there; what else is missing or unreadable is a sentence on
 * the page. A `base` is judged as hone eval judges it, the model that training started from at the run's length. */
#ifndef HONE_TOOLS_REPORT_H
#define HONE_TOOLS_REPORT_H

#include "base/io.h"
#include "models/model.h"

typedef struct hone_report_options {
    const char *run;  /* the folder */
    const char *base; /* model to compare with; NULL: the one that run.json names */
    const char *data; /* evaluation rows; NULL: those of the run */
    const char *out;  /* NULL: RUN/report.html */
    int64_t rows;     /* most evaluation rows to embed; 0: none, the page then comes from the log alone */
    int64_t mistakes; /* most mistakes to show */
    int64_t resamples;
    uint64_t seed;
    int precision; /* a hone_precision, of the models that are judged; -1: the run's, as its own evaluations were */
} hone_report_options;

/* Write the page, whole or not at all. `written` (may be NULL) is its path.
 * Errors: HONE_E_IO (no log.jsonl, a page that cannot be written), HONE_E_NOMEM; HONE_E_FORMAT when log.jsonl has no
 * line that is one of its kind; those of opening `base` and reading `data`. */
hone_status hone_report_write(const hone_report_options *o, char written[HONE_PATH_MAX]);

/* After a training run: the page with the usual options. A failure is a note on standard error (unless quiet) and
 * nothing more: the run itself has succeeded. */
void hone_report_after_training(const char *run, bool quiet);

#endif
