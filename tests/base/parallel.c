#include "base/parallel.h"
#include "base/fault.h"
#include "tests/test.h"

#include <omp.h>
#include <stdlib.h>
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
    int levels = omp_get_max_active_levels();
    omp_set_max_active_levels(4); /* even where OpenMP itself would open a team inside a team */
    CHECK_FAILS(hone_parallel(16, outer_task, NULL), HONE_E_LIMIT, "inner 5");
    omp_set_max_active_levels(levels);
    hone_set_threads(0);
}

TEST(parallel, the_default_respects_the_environment) {
    char *old = getenv("OMP_NUM_THREADS"), kept[32] = "";
    if (old) snprintf(kept, sizeof kept, "%s", old);
    unsetenv("OMP_NUM_THREADS");
    hone_set_threads(0);
    int all = hone_threads();
    CHECK(all >= 1 && all <= omp_get_num_procs());
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
