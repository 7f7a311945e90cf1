/* The command as a program of its own, for what a fork of the proof's process cannot show: memory and time. */
#ifndef HONE_TESTS_RELIABILITY_COMMAND_H
#define HONE_TESTS_RELIABILITY_COMMAND_H

#include <stddef.h>

typedef struct finished {
    int status;             /* exit status, or 128 + the signal that ended it */
    double wall, cpu, peak; /* seconds, seconds, MiB (ru_maxrss) */
    char *out;              /* standard output; free with free */
    char err[2048];         /* standard error, cut */
} finished;

/* HONE_BIN with these words, separated by single blanks, no quoting. limit: HONE_MEMORY_LIMIT, or NULL. until: the run
 * is killed when this file has something in it; NULL: it runs to its end. */
finished run_command(const char *words, const char *limit, const char *until);

/* The median of n numbers, which are sorted. */
double median_of(double *x, size_t n);

#endif
