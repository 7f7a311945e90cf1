/* What the programs of this folder share: the command in a process of its own, folders, comparisons, a verdict.
 *
 * Each program is run by the make target of its name from the root of the source tree, with HONE_BIN naming a hone
 * built with the fault hooks (base/fault.h). It prints what failed, then one line `name: figure/target PASS|FAIL`. A
 * mistake of the program itself ends it with exit 2. */
#ifndef HONE_TESTS_RELIABILITY_COMMON_H
#define HONE_TESTS_RELIABILITY_COMMON_H

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
    char err[4096]; /* standard error, cut */
} outcome;

/* hone with these words (separated by single blanks, no quoting); standard output goes to DIR/stdout. fault: the value
 * of HONE_FAULT, or NULL. kill_after >= 0: SIGKILL after so many seconds. A run of more than 60 seconds is killed too.
 */
outcome run_hone(const char *fault, double kill_after, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

const char *work_dir(void);           /* build/reliability-PID, removed by verdict */
const char *in_dir(const char *name); /* a path in it; eight rotating buffers */
double clock_seconds(void);
int64_t setting(const char *name, int64_t fallback); /* a number from the environment */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

char *slurp(const char *path, size_t *n); /* free with free; NULL: no such file */
void spill(const char *path, const void *p, size_t n);
void copy_tree(const char *from, const char *to);
void remove_tree(const char *path);

/* Two run folders hold the same: best_model, final_model and log.jsonl (without "ms"), and every checkpoint
 * (state.json without the log's offset, which counts the digits of "ms", and without its own sum). `a` may hold
 * more checkpoints: a run killed before it removed the oldest, with no checkpoint left to write, keeps it. *why says
 * what differs. */
bool same_run(const char *a, const char *b, char why[600]);

/* Standard error has at most four whole lines, one of which begins with "hone" or, with --json, is an error's object.
 */
bool clean_message(const char *err);

/* Prints the line, removes the folder; the exit status. */
int verdict(const char *name, int64_t figure, int64_t target, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
