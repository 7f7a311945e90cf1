#include "base/parallel.h"
#include "base/fault.h"
#include "tests/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 1000 };
typedef struct counted {
    int runs[N];
    int64_t fail_at[3];
    int nested_threads;
} counted;

static hone_status count_task(void *ctx, int64_t task) {
    counted *c = ctx;
    __atomic_add_fetch(&c->runs[task], 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        if (task == c->fail_at[i]) return hone_fail_at(HONE_E_FORMAT, "x.csv", task, 0, "task %d", (int)task);
    return HONE_OK;
}

TEST(parallel, every_task_runs_once_at_any_thread_count) {
    int threads[] = {1, 2, 3, 4, 8, 64};
    for (int k = 0; k < 6; k++) {
        counted c = {.fail_at = {-1, -1, -1}};
        hone_set_threads(threads[k]);
        CHECK_INT(hone_threads(), threads[k]);
        CHECK_OK(hone_parallel(N, count_task, &c));
        for (int i = 0; i < N; i++) CHECK_INT(c.runs[i], 1);
        CHECK_OK(hone_parallel(0, count_task, &c));
    }
    hone_set_threads(0);
}

TEST(parallel, the_lowest_failing_task_is_reported) {
    for (int threads = 1; threads <= 8; threads++)
        for (int round = 0; round < 50; round++) {
            counted c = {.fail_at = {900 - round, 37 + round, 500}};
            hone_set_threads(threads);
            hone_error_clear();
            CHECK_INT(hone_parallel(N, count_task, &c), HONE_E_FORMAT);
            char want[32];
            snprintf(want, sizeof want, "task %d", 37 + round);
            CHECK_STR(hone_last_error()->message, want);
            CHECK_STR(hone_last_error()->file, "x.csv");
            CHECK_INT(hone_last_error()->line, 37 + round);
            for (int i = 0; i <= 37 + round; i++) CHECK_INT(c.runs[i], 1);
        }
    hone_set_threads(0);
}

static hone_status late_low_task(void *ctx, int64_t task) {
    int *high_failed = ctx;
    if (task == 1) {
        __atomic_store_n(high_failed, 1, __ATOMIC_SEQ_CST);
    } else {
        for (int i = 0; i < 1000 && !__atomic_load_n(high_failed, __ATOMIC_SEQ_CST); i++) usleep(1000);
        usleep(20000); /* long enough for the other one to be recorded first */
    }
    return hone_fail(HONE_E_LIMIT, "task %d", (int)task);
}

TEST(parallel, a_lower_task_that_fails_later_is_still_the_one) {
    int high_failed = 0;
    hone_set_threads(2);
    CHECK_FAILS(hone_parallel(2, late_low_task, &high_failed), HONE_E_LIMIT, "task 0");
    hone_set_threads(0);
}

static hone_status inner_task(void *ctx, int64_t task) {
    int *last = ctx;
    usleep(500);
    if (*last != task - 1) return hone_fail(HONE_E_ARG, "out of order");
    *last = (int)task;
    return task == 5 ? hone_fail(HONE_E_LIMIT, "inner %d", (int)task) : HONE_OK;
}

static hone_status outer_task(void *ctx, int64_t task) {
    (void)ctx;
    int last = -1;
    hone_status s = hone_parallel(5 + (task == 3), inner_task, &last);
    if (task != 3 && (s != HONE_OK || last != 4))
        return hone_fail(HONE_E_ARG, "nested call of task %d broke", (int)task);
    return s;
}

TEST(parallel, nested_calls_run_in_order_in_the_calling_thread) {
    hone_set_threads(4);
    CHECK_FAILS(hone_parallel(16, outer_task, NULL), HONE_E_LIMIT, "inner 5");
    hone_set_threads(0);
}

TEST(parallel, the_default_respects_the_environment) {
    char *old = getenv("OMP_NUM_THREADS"), kept[32] = "";
    if (old) snprintf(kept, sizeof kept, "%s", old);
    unsetenv("OMP_NUM_THREADS");
    hone_set_threads(0);
    int all = hone_threads();
    CHECK(all >= 1 && all <= (int)sysconf(_SC_NPROCESSORS_CONF));
    setenv("OMP_NUM_THREADS", "1", 1);
    hone_set_threads(-3);
    CHECK_INT(hone_threads(), 1);
    setenv("OMP_NUM_THREADS", "100000", 1);
    hone_set_threads(0);
    CHECK_INT(hone_threads(), all);
    if (old)
        setenv("OMP_NUM_THREADS", kept, 1);
    else
        unsetenv("OMP_NUM_THREADS");
    hone_error_clear();
    hone_set_threads(0);
    CHECK_INT(hone_last_error()->code, HONE_OK);
    hone_set_threads(1 << 30);
    CHECK_INT(hone_threads(), 1024);
    hone_set_threads(0);
}

/* Jobs of changing size, team and body at once after another: a worker that comes late must not run a task of another
 * job. */
static hone_status add_task(void *ctx, int64_t task) {
    int64_t *cell = ctx;
    __atomic_add_fetch(&cell[task], 1, __ATOMIC_RELAXED);
    return HONE_OK;
}

static hone_status subtract_task(void *ctx, int64_t task) {
    int64_t *cell = ctx;
    __atomic_sub_fetch(&cell[task], 1, __ATOMIC_RELAXED);
    return HONE_OK;
}

TEST(parallel, a_hundred_thousand_small_jobs_run_every_task_once) {
    int64_t cells[2][40] = {{0}};
    int threads[] = {2, 3, 2, 8, 4};
    int64_t sum = 0;
    for (int job = 0; job < 100000; job++) {
        if (job % 1000 == 0) hone_set_threads(threads[job / 1000 % 5]);
        int64_t n = 2 + job % 37;
        CHECK_OK(hone_parallel(n, job % 3 ? add_task : subtract_task, cells[job & 1]));
        sum += job % 3 ? n : -n;
    }
    for (int i = 0; i < 80; i++) sum -= cells[i / 40][i % 40];
    CHECK_INT(sum, 0);
    hone_set_threads(0);
}

/* Stages: each task looks at what must be done before it. */
typedef struct staged {
    int64_t done[12]; /* tasks of each stage */
    const hone_stage *stages;
    int early; /* tasks that began too soon */
} staged;

typedef struct staged_part {
    staged *all;
    int stage;
    int64_t fail_at;
} staged_part;

static hone_status staged_task(void *ctx, int64_t task) {
    staged_part *p = ctx;
    for (int s = 0; s < p->all->stages[p->stage].after; s++)
        if (__atomic_load_n(&p->all->done[s], __ATOMIC_SEQ_CST) != p->all->stages[s].tasks)
            __atomic_add_fetch(&p->all->early, 1, __ATOMIC_RELAXED);
    if (task % 5 == 0) usleep(50);
    __atomic_add_fetch(&p->all->done[p->stage], 1, __ATOMIC_SEQ_CST);
    return task == p->fail_at ? hone_fail(HONE_E_LIMIT, "stage %d task %d", p->stage, (int)task) : HONE_OK;
}

/* Twelve stages, some empty, that wait for nothing, for the one before, or for earlier ones. */
static void lay_out(hone_stage *stages, staged *all, staged_part *parts, int round) {
    *all = (staged){.stages = stages};
    for (int s = 0; s < 12; s++) {
        parts[s] = (staged_part){all, s, -1};
        stages[s] = (hone_stage){.body = staged_task,
                                 .ctx = &parts[s],
                                 .tasks = (s * 7 + round) % 4 ? (s + round) % 9 : 0,
                                 .after = s ? (s * 5 + round) % (s + 1) : 0};
    }
}

TEST(parallel, stages_wait_for_what_they_need) {
    for (int threads = 1; threads <= 8; threads++)
        for (int round = 0; round < 20; round++) {
            hone_stage stages[12];
            staged_part parts[12];
            staged all;
            lay_out(stages, &all, parts, round);
            hone_set_threads(threads);
            CHECK_OK(hone_parallel_stages(12, stages));
            CHECK_INT(all.early, 0);
            for (int s = 0; s < 12; s++) CHECK_INT(all.done[s], stages[s].tasks);
        }
    CHECK_OK(hone_parallel_stages(0, NULL));
    hone_set_threads(0);
}

static hone_status meet_task(void *ctx, int64_t task) {
    int *here = ctx;
    (void)task;
    __atomic_add_fetch(here, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 5000 && __atomic_load_n(here, __ATOMIC_SEQ_CST) < 2; i++) usleep(1000);
    return __atomic_load_n(here, __ATOMIC_SEQ_CST) < 2 ? hone_fail(HONE_E_LIMIT, "alone") : HONE_OK;
}

TEST(parallel, a_stage_that_needs_nothing_begins_beside_the_one_before) {
    int here = 0;
    hone_stage stages[2] = {{.body = meet_task, .ctx = &here, .tasks = 1},
                            {.body = meet_task, .ctx = &here, .tasks = 1}};
    hone_set_threads(2);
    CHECK_OK(hone_parallel_stages(2, stages));
    hone_set_threads(0);
}

TEST(parallel, the_lowest_failure_of_all_stages_is_reported_and_nobody_waits_for_what_was_left_out) {
    for (int threads = 1; threads <= 8; threads++)
        for (int round = 0; round < 40; round++) {
            hone_stage stages[12];
            staged_part parts[12];
            staged all;
            lay_out(stages, &all, parts, round);
            stages[3].tasks = 6, stages[7].tasks = 6, stages[11].after = 11;
            parts[3].fail_at = 2 + round % 3, parts[7].fail_at = 0;
            char want[32];
            snprintf(want, sizeof want, "stage 3 task %d", 2 + round % 3);
            hone_set_threads(threads);
            CHECK_FAILS(hone_parallel_stages(12, stages), HONE_E_LIMIT, want);
            CHECK_INT(all.early, 0);
        }
    hone_set_threads(0);
}

static void *caller(void *ctx) {
    int64_t *cell = ctx;
    for (int i = 0; i < 2000; i++)
        if (hone_parallel(8, add_task, cell) != HONE_OK) return NULL;
    return ctx;
}

TEST(parallel, several_callers_at_once_all_get_their_tasks_done) {
    enum { CALLERS = 4 };
    pthread_t thread[CALLERS];
    int64_t cells[CALLERS][8] = {{0}};
    hone_set_threads(3);
    for (int i = 0; i < CALLERS; i++) CHECK_INT(pthread_create(&thread[i], NULL, caller, cells[i]), 0);
    for (int i = 0; i < CALLERS; i++) {
        void *done;
        CHECK_INT(pthread_join(thread[i], &done), 0);
        CHECK(done == cells[i]);
        for (int k = 0; k < 8; k++) CHECK_INT(cells[i][k], 2000);
    }
    hone_set_threads(0);
}

TEST(parallel, a_forked_child_has_threads_of_its_own) {
    if (HONE_UNDER_TSAN) SKIP("ThreadSanitizer lets no threads begin in the child of a process that had some");
    int64_t cells[16] = {0};
    hone_set_threads(2);
    CHECK_OK(hone_parallel(16, add_task, cells));
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 100; i++)
            if (hone_parallel(16, add_task, cells) != HONE_OK) _exit(1);
        _exit(cells[0] == 101 && cells[15] == 101 ? 0 : 2);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    hone_set_threads(0);
}
