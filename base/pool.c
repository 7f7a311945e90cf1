/* One job at a time. `state` holds the job's number and the next task in one word, so that taking a task with
 * compare-and-swap also proves that the job is still the one whose body and ctx were just read: a worker that slept
 * through the end of a job and the start of others takes nothing from them by mistake.
 *
 *     state:  | job number, 32 bits | next task, 32 bits |        done: tasks finished of this job
 *
 * A job's fields change only while no job is open: the caller closes the old number (next task: NO_TASK), writes the
 * fields, and publishes a new number. Whoever read a field of the new job therefore fails to swap a state of the old
 * one (stores release, loads acquire). */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define NO_TASK UINT32_MAX
enum { MAX_WORKERS = 1023, SPINS = 4000 }; /* pauses before a wait becomes a sleep: 50 to 200 us */

static struct {
    _Atomic uint64_t state;
    _Atomic(void (*)(void *, int64_t)) body;
    _Atomic(void *) ctx;
    _Atomic int64_t n;
    _Atomic int team; /* workers 0..team-2 take part */
    _Atomic int64_t done;
    _Atomic int sleepers;
    _Atomic int processors; /* that this process may use */
    pthread_mutex_t busy, lock;
    pthread_cond_t wake;
    int workers; /* under busy */
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static inline void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static uint32_t job_of(uint64_t state) {
    return (uint32_t)(state >> 32);
}

/* Work on the job that is current, if it wants this worker (-1: the caller), until no task is left. */
static void take_tasks(int worker) {
    uint64_t state = atomic_load(&pool.state);
    for (;;) {
        void (*body)(void *, int64_t) = atomic_load(&pool.body);
        void *ctx = atomic_load(&pool.ctx);
        int64_t n = atomic_load(&pool.n), task = (int64_t)(uint32_t)state;
        if (worker >= atomic_load(&pool.team) - 1 || task >= n) {
            /* If these were fields of two jobs, the newer one has changed the state. */
            uint64_t now = atomic_load(&pool.state);
            if (job_of(now) == job_of(state)) return;
            state = now;
            continue;
        }
        if (!atomic_compare_exchange_weak(&pool.state, &state, state + 1)) continue;
        body(ctx, task);
        atomic_fetch_add(&pool.done, 1);
        state = atomic_load(&pool.state);
    }
}

/* Wait for a job other than `seen`. */
static void wait_for_job(uint32_t seen, int spins) {
    for (int i = 0; i < spins; i++) {
        if (job_of(atomic_load_explicit(&pool.state, memory_order_acquire)) != seen) return;
        pause_cpu();
    }
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleepers, 1);
    while (job_of(atomic_load(&pool.state)) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void *work(void *arg) {
    int worker = (int)(intptr_t)arg;
    for (;;) {
        uint32_t seen = job_of(atomic_load(&pool.state));
        take_tasks(worker);
        /* More threads than processors: one that spins keeps another from working. */
        bool room = atomic_load(&pool.team) <= atomic_load(&pool.processors);
        wait_for_job(seen, room ? SPINS : 0);
    }
    return NULL;
}

static void forget_workers(void) {
    pool.workers = 0;
    atomic_store(&pool.sleepers, 0);
    pthread_mutex_init(&pool.busy, NULL);
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.wake, NULL);
}

static void count_processors(void) {
    static bool registered;
    cpu_set_t mask;
    int n =
        !sched_getaffinity(0, sizeof mask, &mask) ? CPU_COUNT(&mask) : 1; /* more than 1,024: no spinning, no harm */
    atomic_store(&pool.processors, n);
    if (!registered) pthread_atfork(NULL, NULL, forget_workers);
    registered = true;
}

/* Under busy. */
static void have_workers(int wanted) {
    if (wanted > MAX_WORKERS) wanted = MAX_WORKERS;
    if (pool.workers >= wanted) return;
    count_processors();
    sigset_t all, old;
    pthread_attr_t detached;
    if (pthread_attr_init(&detached)) return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    while (pool.workers < wanted && !pthread_create(&thread, &detached, work, (void *)(intptr_t)pool.workers))
        pool.workers++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&detached);
}

void hone_pool_pause(int i) {
    pause_cpu();
    if (i >= SPINS || atomic_load(&pool.team) > atomic_load(&pool.processors)) sched_yield();
}

bool hone_pool_run(int team, int64_t n, void (*body)(void *ctx, int64_t task), void *ctx) {
    if (pthread_mutex_trylock(&pool.busy)) return false;
    have_workers(team - 1);
    uint32_t job = job_of(atomic_load(&pool.state));
    atomic_store(&pool.state, (uint64_t)(job + 1) << 32 | NO_TASK);
    atomic_store(&pool.n, n);
    atomic_store(&pool.body, body);
    atomic_store(&pool.ctx, ctx);
    atomic_store(&pool.team, team);
    atomic_store(&pool.done, 0);
    atomic_store(&pool.state, (uint64_t)(job + 2) << 32);
    if (atomic_load(&pool.sleepers)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.lock);
    }
    take_tasks(-1);
    for (int i = 0; atomic_load(&pool.done) < n; i++) hone_pool_pause(i);
    pthread_mutex_unlock(&pool.busy);
    return true;
}
