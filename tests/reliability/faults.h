/* The loop that make iofault and make oom share: every operation of every command fails, one later each time. */
#ifndef HONE_TESTS_RELIABILITY_FAULTS_H
#define HONE_TESTS_RELIABILITY_FAULTS_H

#include "base/fault.h"

#include <stdint.h>

typedef struct fault_kind {
    hone_fault_op which;
    const char *op, *how; /* as HONE_FAULT spells them: "write", ":ENOSPC" or "" */
    int may_exit[4];      /* exit statuses of a clean failure; 0 ends the list */
    const char *second;   /* rules of a second fault while the first is handled: ",unlink:after" */
} fault_kind;

/* Each command meets each kind at its 1st, 2nd … last operation (as the undisturbed run counts them): once (N), for
 * ever (N+), and once with a second fault behind it. Good is:
 *
 *     exit 0 with the standard output of the undisturbed run, or one of may_exit with a message of at most four lines
 *     that begins with "hone"; no signal;
 *     every block of memory given back (hone_fault_live);
 *     no whole output file other than the undisturbed run's;
 *     of `train`: the folder then resumes and ends as the undisturbed run's.
 *
 * STRIDE=n: every n-th operation; JOBS: processes (as many as processors); COMMAND: one command alone. */
int run_faults(const char *name, const fault_kind *kinds, int n);

#endif
