#include "base/parallel.h"

#include "base/machine.h"
#include "base/memory.h"
#include "base/pool.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 1024, MAX_CPUS = 4096 };

static int threads; /* 0: not yet asked */

/* The lowest CPU of our mask among the hardware threads that share cpu's core, from a list such as "0-1,64-65"; cpu
 * itself where the system does not tell. */
static int core_of(int cpu, const cpu_set_t *mask, size_t mask_bytes) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    char *text = hone_machine_text(path);
    if (!text) return cpu;
    int lowest = cpu;
    for (char *s = text; *s >= '0' && *s <= '9';) {
        long from = strtol(s, &s, 10), to = from;
        if (*s == '-') to = strtol(s + 1, &s, 10);
        for (long c = from; c <= to && c < MAX_CPUS; c++)
            if (c < lowest && CPU_ISSET_S((size_t)c, mask_bytes, mask)) lowest = (int)c;
        if (*s == ',') s++;
    }
    hone_free(text);
    return lowest;
}

static int default_threads(void) {
    cpu_set_t *mask = CPU_ALLOC(MAX_CPUS);
    size_t mask_bytes = CPU_ALLOC_SIZE(MAX_CPUS);
    int n = 0;
    if (mask && !sched_getaffinity(0, mask_bytes, mask))
        for (int cpu = 0; cpu < MAX_CPUS; cpu++)
            if (CPU_ISSET_S((size_t)cpu, mask_bytes, mask)) n += core_of(cpu, mask, mask_bytes) == cpu;
    CPU_FREE(mask);
    /* More threads than a container may run at a time are all stopped for most of each period. */
    double share = ceil(hone_machine_cpus());
    if ((double)n > share) n = (int)share;
    const char *cap = getenv("OMP_NUM_THREADS");
    int most = cap ? atoi(cap) : 0;
    if (most > 0 && n > most) n = most;
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

void hone_set_threads(int n) {
    __atomic_store_n(&threads, n < 1 ? default_threads() : n > MAX_THREADS ? MAX_THREADS : n, __ATOMIC_RELAXED);
}

int hone_threads(void) {
    int n = __atomic_load_n(&threads, __ATOMIC_RELAXED);
    if (!n) {
        hone_set_threads(0);
        n = __atomic_load_n(&threads, __ATOMIC_RELAXED);
    }
    return n;
}

static _Thread_local bool inside; /* this thread is running a task: nested calls stay in it */

static hone_status run_serially(int count, const hone_stage *stages) {
    for (int s = 0; s < count; s++)
        for (int64_t task = 0; task < stages[s].tasks; task++) HONE_TRY(stages[s].body(stages[s].ctx, task));
    return HONE_OK;
}

/* A call: its stages, and the lowest failure so far. Tasks are counted through all stages. */
typedef struct call {
    hone_stage *stages;
    int count;
    int64_t first; /* of the tasks that the pool is running */
    int64_t failed;
    hone_status status;
    hone_error error;
    pthread_mutex_t lock;
} call;

static hone_stage *stage_of(const call *c, int64_t task) {
    int low = 0, high = c->count; /* the last stage that begins at or before the task, and so has it */
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (c->stages[middle].first <= task)
            low = middle;
        else
            high = middle;
    }
    return &c->stages[low];
}

/* Tasks above a failed one may be left out; those below it must run, for one of them may fail too and it is the lowest
 * that is reported, at any number of threads. */
static bool is_left_out(call *c, int64_t task) {
    return task > __atomic_load_n(&c->failed, __ATOMIC_RELAXED);
}

/* Until the first stages are done. Their tasks have all been taken before this one: whoever has the lowest of the
 * unfinished ones waits for nobody. */
static void wait_for(call *c, int stages, int64_t task) {
    for (int s = 0, i = 0; s < stages && !is_left_out(c, task);) {
        if (__atomic_load_n(&c->stages[s].done, __ATOMIC_ACQUIRE) < c->stages[s].tasks)
            hone_pool_pause(i++);
        else
            s++;
    }
}

static void run_task(void *ctx, int64_t i) {
    call *c = ctx;
    int64_t task = c->first + i;
    hone_stage *stage = stage_of(c, task);
    wait_for(c, stage->after, task);
    if (is_left_out(c, task)) return;
    inside = true;
    hone_status s = stage->body(stage->ctx, task - stage->first);
    inside = false;
    if (s != HONE_OK) {
        pthread_mutex_lock(&c->lock);
        if (task < c->failed) {
            __atomic_store_n(&c->failed, task, __ATOMIC_RELAXED);
            c->status = s;
            c->error = *hone_last_error();
        }
        pthread_mutex_unlock(&c->lock);
    }
    __atomic_add_fetch(&stage->done, 1, __ATOMIC_RELEASE); /* last: who waits for it shall see the failure */
}

hone_status hone_parallel_stages(int count, hone_stage *stages) {
    int64_t n = 0;
    for (int s = 0; s < count; s++) stages[s].first = n, stages[s].done = 0, n += stages[s].tasks;
    int team = hone_threads();
    if (team > n) team = (int)n;
    if (inside || team <= 1) return run_serially(count, stages);
    call c = {.stages = stages, .count = count, .failed = INT64_MAX, .lock = PTHREAD_MUTEX_INITIALIZER};
    enum { AT_ONCE = 1 << 30 };
    for (; c.first < n && c.status == HONE_OK; c.first += AT_ONCE) {
        int64_t left = n - c.first;
        if (!hone_pool_run(team, left < AT_ONCE ? left : AT_ONCE, run_task, &c)) {
            for (int64_t i = 0; c.status == HONE_OK && i < left && i < AT_ONCE; i++) run_task(&c, i);
        }
    }
    if (c.status != HONE_OK) hone_error_restore(&c.error);
    return c.status;
}

hone_status hone_parallel(int64_t n, hone_task body, void *ctx) {
    return hone_parallel_stages(1, &(hone_stage){.body = body, .ctx = ctx, .tasks = n});
}
