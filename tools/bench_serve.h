/* Measuring by remote control: `hone bench step --serve` and `hone bench embed --serve`.
 *
 * A comparison with another program is fair when both take turns in the same minutes, each in its own warm process. So
 * a served bench prints one line when it is ready, then reads one word a line from standard input, does that once and
 * answers with one line of JSON; the end of the input ends it. The script bench/compare.py is the other side.
 *
 *     {"ready":true,"batch":16,...}                              what was set up
 *     step     -> {"ms":612.4,"peak_rss_mb":566.1}               a verb of the bench, timed
 *     roof     -> {"roof_gflops":205.1,"control_gflops":187.0,"peak_rss_mb":566.1}
 *
 * roof: fused multiply-adds on registers alone (tools/roof.h), and one fixed matrix product [768,768,768], which also
 * sees a neighbour who eats the cache. Samples are comparable when both agree before and after them. */
#ifndef HONE_TOOLS_BENCH_SERVE_H
#define HONE_TOOLS_BENCH_SERVE_H

#include "base/status.h"

#include <jansson.h>

typedef struct hone_bench_verb {
    const char *name;
    /* Does it once; may add to the answer, which gets "ms" around the call. NULL name: end of the list. */
    hone_status (*run)(void *ctx, json_t *answer);
} hone_bench_verb;

/* Prints `ready` (taken, also on failure) with "ready":true, then answers until standard input ends.
 *   errors  HONE_E_ARG an unknown word; HONE_E_IO nobody reads the answers; whatever a verb fails with */
hone_status hone_bench_serve(json_t *ready, const hone_bench_verb *verbs, void *ctx);

/* Most memory that this process has held, MiB. */
double hone_bench_peak_mb(void);

#endif
