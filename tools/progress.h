/* Progress on standard error: a bar on a terminal, a line a minute elsewhere.
 *
 * On a terminal one line is redrawn at most ten times a second and fits the terminal's width:
 *     train  epoch 1/3 [=========>          ] 412/900 steps  loss 0.8123  6.2 steps/s  1:19 left
 * Elsewhere (a file, a pipe, TERM=dumb) the same figures come as one line each minute. Notes (evaluations, warnings)
 * are lines of their own in both cases. `quiet` silences everything. Not thread-safe: one thread reports. */
#ifndef HONE_TOOLS_PROGRESS_H
#define HONE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct hone_progress {
    char label[64]; /* "train"; may be changed at any time: "epoch 2/3" */
    char unit[24];  /* "steps" */
    int64_t total;  /* 0: not known */
    int64_t done, first;
    double start, shown, rate_time, rate; /* seconds; units per second, smoothed */
    int64_t rate_done;
    double loss; /* NaN: none */
    bool quiet, terminal, drawn;
} hone_progress;

/* Starts the clock. `first` units were done before (a resumed run): they count in the bar, not in the rate. */
void hone_progress_start(hone_progress *p, const char *label, const char *unit, int64_t total, int64_t first,
                         bool quiet);
/* So far `done` units (first included); loss NaN where there is none. Cheap: looks at the clock, seldom writes. */
void hone_progress_update(hone_progress *p, int64_t done, double loss);
/* One whole line, e.g. an evaluation. No newline in the text. */
void hone_progress_note(hone_progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Last state of the bar and a newline on a terminal; nothing elsewhere. */
void hone_progress_end(hone_progress *p);

#endif
