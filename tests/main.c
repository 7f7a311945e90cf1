/* The test runner: every TEST of every linked file, grouped by room, through cmocka.
 *     hone-tests [ROOM …] [--list]                                                                        */
#include "tests/test.h"

#include "base/fault.h"
#include "base/io.h"
#include "base/random.h"
#include "kernels/kernel.h"
#include "tests/kernels/rows.h"

#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_TESTS 4096
static struct {
    const char *room, *name;
    void (*body)(void **);
} tests[MAX_TESTS];
static int n_tests;
static int running;                 /* the test that runs */
static char test_root[64], dir[80]; /* of this process, of the test that runs; empty until asked for */
static int n_skipped;

void test_register(const char *room, const char *name, void (*body)(void **)) {
    if (n_tests == MAX_TESTS) abort();
    tests[n_tests].room = room, tests[n_tests].name = name, tests[n_tests++].body = body;
}

void test_fail(const char *file, int line, const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    print_error("%s\n", text);
    _fail(file, line);
    abort(); /* _fail jumps away */
}

void test_skip(const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    print_message("skipped: %s\n", text);
    n_skipped++;
    _skip(__FILE__, __LINE__);
    abort();
}

const char *test_dir(void) {
    if (!dir[0]) { /* the system's mkdir: a test may have told ours to fail */
        snprintf(test_root, sizeof test_root, "build/test-%d", (int)getpid());
        snprintf(dir, sizeof dir, "%s/%d", test_root, running); /* short: messages that tests look for hold it */
        const char *steps[] = {"build", test_root, dir};
        for (int i = 0; i < 3; i++)
            if (mkdir(steps[i], 0777) && errno != EEXIST) abort();
    }
    return dir;
}

const char *test_path(const char *relative) {
    static char buffers[8][HONE_PATH_MAX];
    static int next;
    char *b = buffers[next++ % 8];
    const char *root = getenv("HONE_SOURCE");
    snprintf(b, HONE_PATH_MAX, "%s/%s", root ? root : ".", relative);
    return b;
}

/* Layout: [guard page][data pages][guard page]; the data touch one of the guards. What belongs to which pointer is kept
 * in a list; tests hold few at a time. */
static struct guarded {
    void *data, *pages;
    size_t bytes;
} * guarded;
static int n_guarded, room_guarded;
static pthread_mutex_t guarded_lock = PTHREAD_MUTEX_INITIALIZER;

void *test_guard_alloc(size_t n, size_t align, bool at_start) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (n + align + page - 1) / page * page;
    if (!body) body = page;
    size_t bytes = body + 2 * page;
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) abort();
    if (mprotect(p, page, PROT_NONE) || mprotect(p + page + body, page, PROT_NONE)) abort();
    char *data = p + page;
    memset(data, 0xFF, body);
    if (!at_start) data += (body - n) / align * align;
    pthread_mutex_lock(&guarded_lock);
    if (n_guarded == room_guarded) {
        room_guarded = 2 * room_guarded + 64;
        guarded = realloc(guarded, (size_t)room_guarded * sizeof *guarded);
        if (!guarded) abort();
    }
    guarded[n_guarded++] = (struct guarded){data, p, bytes};
    pthread_mutex_unlock(&guarded_lock);
    return data;
}

void test_guard_free(void *data) {
    if (!data) return;
    pthread_mutex_lock(&guarded_lock);
    int i = n_guarded - 1;
    while (i >= 0 && guarded[i].data != data) i--;
    if (i < 0) abort(); /* not ours, or freed twice */
    munmap(guarded[i].pages, guarded[i].bytes);
    guarded[i] = guarded[--n_guarded];
    pthread_mutex_unlock(&guarded_lock);
}

static bool fewer; /* in the test that is running */
static int n_fewer;

int64_t test_cases(int64_t all, int64_t few) {
    static int want = -1;
    if (want < 0) want = HONE_UNDER_TSAN || getenv("HONE_TEST_FEW");
    if (want && !fewer) n_fewer++;
    fewer = want;
    return want ? few : all;
}

static int new_test(void **state) {
    running = (int)(intptr_t)*state;
    dir[0] = 0;
    fewer = false;
    return 0;
}

double test_uniform(uint64_t seed, uint64_t index) {
    return 2 * hone_random_uniform(seed, hone_stream_id(HONE_STREAM_TEST, 0), index) - 1;
}

static int by_room(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    return strcmp(x, y);
}

static bool is_room(const char *word) {
    for (int i = 0; i < n_tests; i++)
        if (!strcmp(word, tests[i].room)) return true;
    return false;
}

/* The rooms to run, sorted; every one when none is named. */
static int pick_rooms(int argc, char **argv, const char **rooms) {
    int n = 0;
    for (int i = 0; i < n_tests; i++) {
        bool seen = false, wanted = argc < 2;
        for (int k = 0; k < n; k++) seen |= !strcmp(rooms[k], tests[i].room);
        for (int k = 1; k < argc; k++) wanted |= !strcmp(argv[k], tests[i].room);
        if (!seen && wanted) rooms[n++] = tests[i].room;
    }
    qsort(rooms, (size_t)n, sizeof *rooms, by_room);
    return n;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run_rooms(const char **rooms, int n_rooms, int *ran) {
    int failed = 0;
    struct CMUnitTest *group = calloc((size_t)n_tests + 1, sizeof *group);
    for (int r = 0; r < n_rooms; r++) {
        size_t n = 0;
        for (int i = 0; i < n_tests; i++)
            if (!strcmp(tests[i].room, rooms[r]))
                group[n++] = (struct CMUnitTest){tests[i].name, tests[i].body, new_test, 0, (void *)(intptr_t)i};
        double start = now();
        failed += _cmocka_run_group_tests(rooms[r], group, n, NULL, NULL);
        fflush(stderr);
        printf("room %s: %zu tests in %.1f s\n", rooms[r], n, now() - start);
        *ran += (int)n;
    }
    free(group);
    return failed;
}

int main(int argc, char **argv) {
    /* a shell's `make test &` has it ignored, and so would the commands that tests interrupt */
    signal(SIGINT, SIG_DFL);
    mallopt(M_PERTURB, 0xA5); /* memory that nobody wrote is 0x5A…, freed memory 0xA5…: neither passes for a zero */
    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not swallow which test it was */
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (int i = 0; i < n_tests; i++) printf("%s: %s\n", tests[i].room, tests[i].name);
        return 0;
    }
    const char *why;
    if (!hone_kernels_init(&why)) {
        fprintf(stderr, "hone-tests: %s\n", why);
        return 2;
    }
    if (test_emulates()) test_emulate();
    for (int k = 1; k < argc; k++)
        if (!is_room(argv[k])) {
            fprintf(stderr, "hone-tests: no room \"%s\"; --list shows them\n", argv[k]);
            return 2;
        }
    const char **rooms = calloc((size_t)n_tests + 1, sizeof *rooms);
    int n_rooms = pick_rooms(argc, argv, rooms), ran = 0;
    int failed = run_rooms(rooms, n_rooms, &ran);
    free(rooms);
    free(guarded);
    if (test_root[0]) hone_io_remove_tree(test_root);
    fflush(stderr);
    if (n_fewer) printf("\n%d tests ran fewer cases: each is dear here\n", n_fewer);
    printf("\n%d passed, %d failed, %d skipped\n", ran - failed - n_skipped, failed, n_skipped);
    fflush(stdout);
    return failed || !ran ? 1 : 0;
}
