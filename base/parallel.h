/* Fixed work split over threads (base/pool.h). The caller cuts its work into tasks whose number and borders do not
 * depend on the number of threads, each task writes its own output, and sums over tasks are combined by the caller in
 * task order: so results are the same bits at any thread count. */
#ifndef HONE_BASE_PARALLEL_H
#define HONE_BASE_PARALLEL_H

#include "base/status.h"

/* Threads used by hone_parallel; default: physical cores of the affinity mask, but no more than the processors whose
 * time a container may use (hone_machine_cpus), capped by OMP_NUM_THREADS if set. */
void hone_set_threads(int n);
int hone_threads(void);

/* Run body(ctx, task) for task = 0..n-1. Tasks are handed out dynamically; the body must not care where it runs. The
 * body reports failure by returning a status; the lowest failing task's error record is passed on. Nested calls, and
 * calls while another thread's is under way, run in the calling thread. */
typedef hone_status (*hone_task)(void *ctx, int64_t task);
hone_status hone_parallel(int64_t n, hone_task body, void *ctx);

/* A part of a larger call. Its tasks begin when the first `after` stages of the call are done (at most those before
 * it), and not when every earlier one is: a thread that finds nothing left to take in a stage goes on with the next. */
typedef struct hone_stage {
    hone_task body;
    void *ctx;
    int64_t tasks; /* 0: done from the beginning */
    int after;
    int64_t first, done; /* the call's own: tasks of the stages before it, and how many of its own are done */
} hone_stage;

/* Run the tasks of all stages, handed out in the order of the stages. Fails as hone_parallel does: with the first
 * failing task of the first stage that has one. */
hone_status hone_parallel_stages(int count, hone_stage *stages);

#endif
