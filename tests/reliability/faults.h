/* The loop that make iofault and make oom share: every operation of every command fails, one later each time. */
#ifndef HONE_TESTS_RELIABILITY_FAULTS_H
#define HONE_TESTS_RELIABILITY_FAULTS_H

#include <stdint.h>

typedef struct fault_kind {
    const char *op;  /* as HONE_FAULT spells it */
    const char *how; /* ":ENOSPC", or "" */
    int may_exit[4]; /* exit statuses of a clean failure; 0 ends the list */
} fault_kind;

/* Each command meets each kind at its 1st, 2nd … operation, once (N) and for ever (N+), until a run meets none. Good
 * is: exit 0, or one of may_exit with a message of at most four lines that begins with "hone"; no signal; no whole
 * output file other than the undisturbed run's; of `train`, the folder then resumes and ends as the undisturbed run's.
 * STRIDE=1: every STRIDE-th operation. */
int run_faults(const char *name, const fault_kind *kinds, int n);

#endif
