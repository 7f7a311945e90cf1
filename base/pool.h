/* The threads behind hone_parallel: workers that wait for tasks, and a caller that works with them.
 *
 * A call ends when its tasks are done, not when its workers have come by: a worker that the system put aside before it
 * took a task holds nobody up. So a busy neighbour on one of the cores costs its share, where a barrier would cost a
 * time slice per call (measured: 240 ms instead of 3 for the 60 calls of one short text). */
#ifndef HONE_BASE_POOL_H
#define HONE_BASE_POOL_H

#include <stdbool.h>
#include <stdint.h>

/* Run body(ctx, task) once for each task 0..n-1, on at most `team` threads, the calling one among them. n < 2^31.
 * False, and nothing has run, when another thread is in here: the caller then works alone. Fewer threads than asked for
 * serve when the system gives no more. Workers are made when they are first wanted, keep all signals blocked, and last
 * as long as the process; a child made by fork starts without any. */
bool hone_pool_run(int team, int64_t n, void (*body)(void *ctx, int64_t task), void *ctx);
/* A moment of waiting for another thread inside a run, the i-th one in a row: after many, or where threads are more
 * than processors, the processor goes to whoever wants it. */
void hone_pool_pause(int i);

#endif
