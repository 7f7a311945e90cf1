/* `hone bench step`: a whole training step on made-up tokens of a given shape. */
#ifndef HONE_TOOLS_BENCH_STEP_H
#define HONE_TOOLS_BENCH_STEP_H

#include "base/status.h"
#include "tensor/prepared.h"

#include <stdio.h>

typedef struct hone_bench_step_options {
    const char *arch;    /* minilm-l6, bert-base, a model's folder, or a config.json (random weights) */
    int64_t batch;       /* texts; half are anchors, half positives */
    int64_t tokens;      /* length of every text */
    const char *lengths; /* NULL, or "lognormal:MEAN,SIGMA": lengths with that mean, cut to 4..256 */
    double dropout;
    int64_t steps; /* measured, after two that warm up */
    uint64_t seed;
    hone_precision precision;
    bool profile; /* time per phase and per operation too */
    bool serve;   /* steps and the roof on demand (tools/bench_serve.h) */
    bool json;
} hone_bench_step_options;

hone_status hone_bench_step(FILE *out, const hone_bench_step_options *o);

#endif
