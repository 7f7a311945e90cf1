/* How the vector rows of attention divide their scratch; the scalar row takes the first T floats. */
#ifndef HONE_KERNELS_ATTENTION_SCRATCH_H
#define HONE_KERNELS_ATTENTION_SCRATCH_H
#include <stdint.h>

/* Query rows whose scores are in work at a time: whole tiles of 6 and 12 rows. Backward takes more, because the
 * gradients of keys and values are read and written once per block; what it does with each row alone it does with few,
 * whose scores are in L1. */
enum {
    ATTENTION_ROWS_FWD = 24,
    ATTENTION_ROWS_BWD = 48,
    ATTENTION_ROWS_NEAR = 12,
    ATTENTION_PANEL = 32 /* widest panel */
};

static inline int64_t attention_round(int64_t n) {
    return (n + ATTENTION_PANEL - 1) / ATTENTION_PANEL * ATTENTION_PANEL;
}

/* Distance of score rows: an odd number of cache lines, so that a column of them spreads over all sets of L1. */
static inline int64_t attention_score_stride(int64_t T) {
    return attention_round(T) + 16;
}

/* Keys and values in both layouts, two blocks of scores, of queries and of output gradients, two numbers a row. */
static inline int64_t attention_scratch_count(int64_t T, int64_t d) {
    int64_t across = d * attention_round(T), along = T * attention_round(d);
    int64_t rows = ATTENTION_ROWS_BWD;
    return 2 * across + (along > across ? along : across) +
           rows * (2 * attention_score_stride(T) + 4 * attention_round(d) + 16);
}
#endif
