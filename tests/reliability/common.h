/* What the programs of this folder share: the command in a process of its own, folders, comparisons, a verdict.
 *
 * Each program is run by the make target of its name from the root of the source tree and holds the whole command,
 * built with the fault hooks (base/fault.h): a run of it is a fork that calls the command's main. It prints what
 * failed, then one line `name: figure/target PASS|FAIL`. A mistake of the program itself ends it with exit 2. */
#ifndef HONE_TESTS_RELIABILITY_COMMON_H
#define HONE_TESTS_RELIABILITY_COMMON_H

#include "base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The tiny model and pairs of the other tests. */
#define MODEL "tests/golden/models/mean"
#define PAIRS "tests/golden/train/pairs.jsonl"
#define TRIPLETS "tests/golden/train/triplets.jsonl"

typedef struct outcome {
    int status; /* exit status, or 128 + the signal that ended it */
    double seconds;
    int64_t live;                  /* blocks not given back (hone_fault_live); -1: it was killed */
    int64_t count[HONE_FAULT_OPS]; /* operations of each kind */
    int64_t fired;                 /* faults that it met */
    double lingered;               /* seconds between the signal of kill_after and the end; -1: it had ended before */
    char err[4096];                /* standard error, cut */
} outcome;

/* hone with these words (separated by single blanks, no quoting); standard output goes to DIR/stdout. fault: the value
 * of HONE_FAULT, or NULL. kill_after >= 0: SIGKILL after so many seconds. A run of more than 60 seconds is killed too.
 */
int hone_main(int argc, char **argv); /* main of tools/hone.c under another name (Makefile) */
extern const char *run_log; /* not NULL: the next runs append what they do to files to this file (base/io_log.h) */
extern int run_signal;      /* what kill_after sends, once (SIGKILL) */
outcome run_hone(const char *fault, double kill_after, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A folder of this process, removed by verdict: in memory (/dev/shm) where the system has that, for thousands of runs
 * that sync every file; else below build/. PROOF_DIR says otherwise. */
const char *work_dir(void);
/* This process is one of several that share the work: work_dir is from now on a folder of its own. */
void work_as(int64_t job);
const char *in_dir(const char *name); /* a path in it; eight rotating buffers */
double clock_seconds(void);
int64_t setting(const char *name, int64_t fallback); /* a number from the environment */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

char *slurp(const char *path, size_t *n); /* free with free; NULL: no such file */
void spill(const char *path, const void *p, size_t n);
void copy_tree(const char *from, const char *to);
void remove_tree(const char *path);

/* Two run folders hold the same: best_model, final_model and log.jsonl (without "ms"), and every checkpoint (state.json
 * without the log's offset, which counts the digits of "ms", and without its own sum). run.json, which names the
 * folder, and report.html, which has times in it, are not compared. `a` may hold more checkpoints: a run killed before
 * it removed the oldest, with no checkpoint left to write, keeps it. *why says what differs. */
extern bool compare_checkpoints; /* false: models and log only */
bool same_run(const char *a, const char *b, char why[600]);

/* Standard error has at most four whole lines, one of which begins with "hone" or, with --json, is an error's object.
 */
bool clean_message(const char *err);

/* Prints the line, removes the folder; the exit status. */
int verdict(const char *name, int64_t figure, int64_t target, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
