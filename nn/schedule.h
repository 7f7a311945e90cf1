/* Learning-rate schedules, as transformers' optimization.py has them. t counts completed optimiser steps, T all, W
 * warm-up:
 *     t < W:     t / max(1, W)
 *     linear     max(0, (T - t) / max(1, T - W))
 *     cosine     max(0, (1 + cos(pi (t - W) / max(1, T - W))) / 2)
 *     constant   1 */
#ifndef HONE_NN_SCHEDULE_H
#define HONE_NN_SCHEDULE_H

#include <stdint.h>

/* The forms above. */
typedef enum hone_schedule { HONE_SCHEDULE_LINEAR = 0, HONE_SCHEDULE_COSINE, HONE_SCHEDULE_CONSTANT } hone_schedule;

/* The factor of the learning rate for the next update. */
double hone_schedule_factor(hone_schedule s, int64_t t, int64_t warmup, int64_t total);

#endif
