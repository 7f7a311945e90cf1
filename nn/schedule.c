#include "nn/schedule.h"

#include <math.h>

double hone_schedule_factor(hone_schedule s, int64_t t, int64_t warmup, int64_t total) {
    if (t < warmup) return (double)t / (double)(warmup > 1 ? warmup : 1);
    double rest = (double)(total - warmup > 1 ? total - warmup : 1);
    if (s == HONE_SCHEDULE_LINEAR) return fmax(0, (double)(total - t) / rest);
    if (s == HONE_SCHEDULE_COSINE)
        return fmax(0, 0.5 * (1 + cos(3.14159265358979323846 * (double)(t - warmup) / rest)));
    return 1;
}
