#include "base/fault.h"
#include "tests/test.h"

#include <pthread.h>
#if HONE_UNDER_ASAN
#include <sanitizer/asan_interface.h>
#endif

static bool aligned(const void *p) {
    return (uintptr_t)p % 64 == 0;
}

TEST(memory, blocks_are_aligned_and_hold_what_was_put_there) {
    for (size_t n = 0; n < 6000000; n = n * 3 + 1) {
        unsigned char *p = hone_alloc(n);
        CHECK(p && aligned(p));
        memset(p, 0x5A, n);
        hone_free(p);
        p = hone_zalloc(n);
        CHECK(p && aligned(p));
        for (size_t i = 0; i < n; i++) CHECK(!p[i]);
        hone_free(p);
    }
    hone_free(NULL);
}

TEST(memory, realloc_keeps_the_content_up_and_down) {
    size_t sizes[] = {1, 100, 64, 5000, 3000000, 9000000, 4000000, 10, 70};
    size_t old = 0;
    unsigned char *p = NULL;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        p = hone_realloc(p, sizes[k]);
        CHECK(p && aligned(p));
        for (size_t i = 0; i < sizes[k] && i < old; i++) CHECK(p[i] == (unsigned char)(i * 7));
        for (size_t i = 0; i < sizes[k]; i++) p[i] = (unsigned char)(i * 7);
        old = sizes[k];
    }
    hone_free(p);
}

TEST(memory, impossible_sizes_are_refused_with_the_number) {
    hone_error_clear();
    CHECK(!hone_alloc(SIZE_MAX));
    CHECK_INT(hone_last_error()->code, HONE_E_NOMEM);
    CHECK(strstr(hone_last_error()->message, "18446744073709551615"));
    CHECK(!hone_zalloc(SIZE_MAX - 63));
    CHECK(!hone_alloc_small(SIZE_MAX));
    char *p = hone_strdup("kept");
    CHECK(!hone_realloc(p, SIZE_MAX / 2));
    CHECK_STR(p, "kept");
    hone_free(p);
    p = hone_strndup("abcdef", 3);
    CHECK_STR(p, "abc");
    hone_free(p);
    hone_arena *a = hone_arena_new("big", 0);
    CHECK(!hone_arena_alloc(a, SIZE_MAX));
    CHECK(!hone_arena_alloc(a, SIZE_MAX / 2));
    CHECK(hone_arena_failed(a));
    CHECK(strstr(hone_last_error()->message, "\"big\""));
    hone_arena_free(a);
    CHECK(!hone_arena_new("big", SIZE_MAX));
}

TEST(memory, an_arena_hands_out_disjoint_aligned_pieces) {
    hone_arena *a = hone_arena_new("test", 0);
    enum { N = 500 };
    unsigned char *p[N];
    size_t n[N], total = 0;
    for (int i = 0; i < N; i++) {
        n[i] = (size_t)(i * i * 3 % 70000);
        p[i] = hone_arena_alloc(a, n[i]);
        CHECK(p[i] && aligned(p[i]));
        memset(p[i], i, n[i]);
        total += n[i];
    }
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < n[i]; k++) CHECK(p[i][k] == (unsigned char)i);
    CHECK(hone_arena_used(a) >= total);
    CHECK_INT(hone_arena_peak(a), hone_arena_used(a));
    CHECK(!hone_arena_failed(a));
    char *s = hone_arena_strdup(a, "text");
    CHECK_STR(s, "text");
    unsigned char *z = hone_arena_zalloc(a, 1000);
    for (int i = 0; i < 1000; i++) CHECK(!z[i]);
    hone_arena_free(a);
    hone_arena_free(NULL);
}

TEST(memory, a_mark_forgets_what_came_after_it) {
    hone_arena *a = hone_arena_new("test", 256);
    unsigned char *kept = hone_arena_alloc(a, 100);
    memset(kept, 1, 100);
    hone_arena_mark m = hone_arena_get_mark(a);
    size_t used = hone_arena_used(a);
    char *first = hone_arena_alloc(a, 64);
    for (int i = 0; i < 100; i++) memset(hone_arena_alloc(a, 5000), 2, 5000); /* over several blocks */
    hone_arena_mark inner = hone_arena_get_mark(a);
    hone_arena_alloc(a, 300000);
    hone_arena_release(a, inner);
    hone_arena_release(a, m);
    CHECK_INT(hone_arena_used(a), used);
    CHECK(hone_arena_peak(a) >= 800000);
    CHECK(hone_arena_alloc(a, 64) == (void *)first);
    for (int i = 0; i < 100; i++) CHECK(kept[i] == 1);
    hone_arena_free(a);
}

#ifdef HONE_TEST_HOOKS
TEST(memory, a_warm_arena_never_allocates) {
    hone_arena *a = hone_arena_new("step", 0);
    for (int step = 0; step < 6; step++) {
        CHECK(hone_fault_set(NULL));
        for (int i = 0; i < 300; i++) memset(hone_arena_alloc(a, (size_t)(i * 97 + 1)), 1, (size_t)(i * 97 + 1));
        hone_arena_reset(a);
        CHECK_INT(hone_arena_used(a), 0);
        if (step >= 1) CHECK_INT(hone_fault_count(HONE_FAULT_ALLOC), 0);
    }
    hone_arena_free(a);
    /* A scratch arena knows no reset: releasing everything does it. */
    hone_arena *s = hone_scratch();
    for (int step = 0; step < 3; step++) {
        CHECK(hone_fault_set(NULL));
        hone_arena_mark m = hone_arena_get_mark(s);
        for (int i = 0; i < 100; i++) hone_arena_alloc(s, 50000);
        hone_arena_release(s, m);
        if (step >= 1) CHECK_INT(hone_fault_count(HONE_FAULT_ALLOC), 0);
    }
}

/* Under AddressSanitizer what no allocation holds may not be read at all. */
static bool forgotten(const float *p) {
#if HONE_UNDER_ASAN
    return __asan_address_is_poisoned(p);
#else
    return *p != *p;
#endif
}

TEST(memory, fresh_and_forgotten_memory_reads_as_nan_or_not_at_all) {
    hone_arena *a = hone_arena_new("test", 0);
    float *x = hone_arena_alloc(a, 400);
    for (int i = 0; i < 100; i++) CHECK(x[i] != x[i]);
    for (int i = 0; i < 100; i++) x[i] = 1;
    CHECK(forgotten(x + 100));
    hone_arena_mark m = hone_arena_get_mark(a);
    float *y = hone_arena_alloc(a, 400);
    for (int i = 0; i < 100; i++) y[i] = 1;
    hone_arena_release(a, m);
    for (int i = 0; i < 100; i++) CHECK(forgotten(y + i) && x[i] == 1);
    hone_arena_reset(a);
    for (int i = 0; i < 100; i++) CHECK(forgotten(x + i));
    hone_arena_free(a);
}

TEST(memory, a_failed_arena_says_so_until_it_is_reset) {
    hone_arena *a = hone_arena_new("test", 0);
    CHECK(hone_arena_alloc(a, 10));
    CHECK(hone_fault_set("alloc:1+"));
    CHECK(!hone_arena_alloc(a, 1000000));
    CHECK(hone_arena_failed(a));
    CHECK_INT(hone_last_error()->code, HONE_E_NOMEM);
    CHECK(hone_fault_set(NULL));
    CHECK(hone_arena_alloc(a, 1000000));
    CHECK(hone_arena_failed(a));
    hone_arena_reset(a);
    CHECK(!hone_arena_failed(a));
    /* The merge at a reset may be refused too: nothing is lost but the warmth. */
    CHECK(hone_arena_alloc(a, 10) && hone_arena_alloc(a, 2000000));
    CHECK(hone_fault_set("alloc:1"));
    hone_arena_reset(a);
    CHECK(hone_fault_set(NULL));
    CHECK(hone_arena_alloc(a, 2000000));
    hone_arena_free(a);
}

TEST(memory, the_nth_allocation_fails_and_only_that_one) {
    CHECK(hone_fault_set("alloc:3"));
    for (int i = 1; i <= 5; i++) {
        void *p = hone_alloc(10);
        CHECK((p == NULL) == (i == 3));
        hone_free(p);
    }
    CHECK_INT(hone_fault_fired(), 1);
    CHECK_INT(hone_fault_bytes(), 50);
    CHECK(hone_fault_set("alloc:3+"));
    for (int i = 1; i <= 5; i++) {
        void *p = hone_alloc_small(10);
        CHECK((p == NULL) == (i >= 3));
        hone_free(p);
    }
    CHECK(hone_fault_set(NULL));
}

TEST(memory, fault_rules_that_make_no_sense_are_refused) {
    const char *bad[] = {"alloc",         "alloc:0",     "alloc:x", "alloc:-1",      "write:1:EWHAT", "wrote:1",
                         "fsync:1:short", "alloc:1:EIO", "read:1:", "write:1ENOSPC", "kill:2:EIO"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!hone_fault_set(bad[i]), "\"%s\" was taken", bad[i]);
    CHECK(hone_fault_set("write:2+:EDQUOT,read:1:short,kill:1000000,nan:op=softmax:step=7:dir=bwd,cuda:3"));
    CHECK(hone_fault_set(NULL));
}
#endif

static void *scratch_of_thread(void *out) {
    hone_arena *s = hone_scratch();
    *(void **)out = s;
    memset(hone_arena_alloc(s, 100000), 1, 100000); /* freed with the thread: the leak check watches */
    return hone_scratch() == s ? s : NULL;
}

TEST(memory, scratch_belongs_to_its_thread) {
    void *other, *result;
    pthread_t t;
    CHECK(!pthread_create(&t, NULL, scratch_of_thread, &other));
    pthread_join(t, &result);
    CHECK(result && result == other);
    CHECK(hone_scratch() == hone_scratch());
}
