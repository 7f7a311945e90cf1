/* `hone bench step --profile`: where the measured steps' time went, by phase and by operation. */
#ifndef HONE_TOOLS_BENCH_PROFILE_H
#define HONE_TOOLS_BENCH_PROFILE_H

#include "autograd/profile.h"

#include <stdio.h>

typedef enum hone_bench_phase {
    HONE_PHASE_CATCH_UP, /* put-off decay of the embedding rows that this batch reads */
    HONE_PHASE_FORWARD,
    HONE_PHASE_LOSS,
    HONE_PHASE_BACKWARD,
    HONE_PHASE_GRAD_NORM,
    HONE_PHASE_UPDATE, /* clipping, AdamW */
    HONE_PHASES
} hone_bench_phase;

/* seconds: of all `steps` together; roof in GF/s. */
void hone_bench_profile_print(FILE *out, hone_profile *p, const double seconds[HONE_PHASES], int64_t steps,
                              double roof);
/* The same as ,"profile":{"phases":{…ms…},"ops":[{…}]} to be put inside a JSON object. */
void hone_bench_profile_json(FILE *out, hone_profile *p, const double seconds[HONE_PHASES], int64_t steps);

#endif
