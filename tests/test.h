/* Tests read like specifications and register themselves:
 *
 *     TEST(softmax, a_fully_masked_row_is_zeros_and_not_nan) { … CHECK_NEAR(y[0], 0, 0); }
 *
 * The first word is the room: `make test ONLY=softmax` runs one room. The runner (tests/main.c) is built on cmocka; a
 * failing check ends the test. SKIP is printed and counted, never passed. Checks on errors are written so that NaN
 * fails: !(err <= tol). */
#ifndef HONE_TESTS_TEST_H
#define HONE_TESTS_TEST_H

#include "base/memory.h"
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void test_register(const char *room, const char *name, void (*body)(void **));
void test_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4), noreturn));
void test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define TEST(room, name)                                                                                               \
    static void room##__##name(void **test_state_);                                                                    \
    __attribute__((constructor)) static void room##__##name##_register(void) {                                         \
        test_register(#room, #name, room##__##name);                                                                   \
    }                                                                                                                  \
    static void room##__##name(void **test_state_ __attribute__((unused)))

#define SKIP(...) test_skip(__VA_ARGS__)
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) FAIL("%s", #cond);                                                                                \
    } while (0)
#define CHECK_MSG(cond, ...)                                                                                           \
    do {                                                                                                               \
        if (!(cond)) FAIL(__VA_ARGS__);                                                                                \
    } while (0)
#define CHECK_OK(call)                                                                                                 \
    do {                                                                                                               \
        hone_status check_status_ = (call);                                                                            \
        if (check_status_ != HONE_OK)                                                                                  \
            FAIL("%s: %s %s (%s)", #call, hone_last_error()->file, hone_last_error()->message,                         \
                 hone_last_error()->hint);                                                                             \
    } while (0)
#define CHECK_INT(got, want)                                                                                           \
    do {                                                                                                               \
        int64_t got_ = (int64_t)(got), want_ = (int64_t)(want);                                                        \
        if (got_ != want_) FAIL("%s is %" PRId64 ", want %" PRId64, #got, got_, want_);                                \
    } while (0)
/* The larger of two errors, for a check of the largest: fmax would lose a NaN, which is the largest here and stays. */
static inline double test_worse(double worst, double error) {
    return worst >= error || worst != worst ? worst : error;
}
#define CHECK_NEAR(got, want, tol)                                                                                     \
    do {                                                                                                               \
        double got_ = (double)(got), want_ = (double)(want), tol_ = (double)(tol);                                     \
        double err_ = got_ > want_ ? got_ - want_ : want_ - got_;                                                      \
        if (!(err_ <= tol_))                                                                                           \
            FAIL("%s is %.17g, want %.17g (off by %.3g, allowed %.3g)", #got, got_, want_, err_, tol_);                \
    } while (0)
#define CHECK_STR(got, want)                                                                                           \
    do {                                                                                                               \
        const char *got_ = (got), *want_ = (want);                                                                     \
        if (!got_ || strcmp(got_, want_)) FAIL("%s is \"%s\", want \"%s\"", #got, got_ ? got_ : "(null)", want_);      \
    } while (0)
/* The call fails with this code and its message (file: message; hint) contains the text. */
#define CHECK_FAILS(call, want_code, text)                                                                             \
    do {                                                                                                               \
        hone_error_clear();                                                                                            \
        hone_status check_status_ = (call);                                                                            \
        const hone_error *e_ = hone_last_error();                                                                      \
        if (check_status_ != (want_code))                                                                              \
            FAIL("%s gave %d (%s), want %d", #call, check_status_, e_->message, want_code);                            \
        if (e_->line < 0 || e_->column < 0 || (e_->column && !e_->line))                                               \
            FAIL("%s blames line %d, column %d", #call, (int)e_->line, (int)e_->column);                               \
        if (!strstr(e_->message, (text)) && !strstr(e_->hint, (text)) && !strstr(e_->file, (text)))                    \
            FAIL("%s says \"%s: %s (%s)\", want \"%s\" in it", #call, e_->file, e_->message, e_->hint, text);          \
    } while (0)

/* A directory of this test's own under build/: empty at its first call in the test, removed when the runner ends. */
const char *test_dir(void);
/* Root of the source tree, for golden files. */
const char *test_path(const char *relative); /* eight rotating buffers */

/* A buffer of n bytes that ends exactly at an unreadable page (or, at_start, begins right after one): any access past
 * it crashes. `offset` bytes of misalignment are kept at the guarded side. Free with test_guard_free. */
void *test_guard_alloc(size_t n, size_t align, bool at_start);
void test_guard_free(void *p);

/* How many cases to run: `all`, or `few` in a build under ThreadSanitizer, where arithmetic takes ten times as long,
 * and where HONE_TEST_FEW is set (an emulated processor, make avx512). The runner says at its end in how many tests
 * that was so. */
int64_t test_cases(int64_t all, int64_t few);

/* Deterministic values for fills. */
double test_uniform(uint64_t seed, uint64_t index); /* [-1, 1) */

#endif
