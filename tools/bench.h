/* `hone bench kernels`: every kernel row with its shape, rate, share of the roof measured beside it, and error against
 * double. */
#ifndef HONE_TOOLS_BENCH_H
#define HONE_TOOLS_BENCH_H

#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

/* Prints a table, or with json one object a line. only: kernels whose name contains this text, or NULL for all.
 * threads: for matmul and attention (0 = the current setting); the other kernels are timed on one.
 * Errors: HONE_E_NOMEM; HONE_E_ARG when no kernel's name contains `only`. */
hone_status hone_bench_kernels(FILE *out, bool json, const char *only, int threads);

#endif
