/* Injected faults, compiled into test builds only (HONE_TEST_HOOKS).
 *
 * HONE_FAULT, or hone_fault_set in a test, holds one or more rules separated by commas:
 *
 *     alloc:N        the N-th allocation fails (N counts from 1)      alloc:N+       every one from the N-th on
 *     OP:N[:HOW]     the N-th call of OP fails with errno HOW         OP:N+[:HOW]    likewise from the N-th on
 *     OP:after[:HOW] every one after another rule's fault: a second fault while the first is handled; also alloc:after
 *     kill:N[:SIG]   SIGKILL, or SIG (INT, TERM, HUP), to ourselves at the N-th file operation of any kind
 *
 * OP is open, read, write, fsync, close, rename, unlink, mkdir, mmap or truncate. HOW is an errno's name (default EIO,
 * ENOSPC for write) or, for read and write, `short`: half of the bytes are moved. Rules that begin with nan:, inf:
 * (autograd/poison.h) or cuda: belong to other floors and are passed over. */
#ifndef HONE_BASE_FAULT_H
#define HONE_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 when this is compiled under AddressSanitizer or ThreadSanitizer. gcc defines a macro for each, clang has
 * __has_feature. */
#define HONE_UNDER_ASAN 0
#define HONE_UNDER_TSAN 0
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef HONE_UNDER_ASAN
#define HONE_UNDER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#undef HONE_UNDER_TSAN
#define HONE_UNDER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#undef HONE_UNDER_ASAN
#define HONE_UNDER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#undef HONE_UNDER_TSAN
#define HONE_UNDER_TSAN 1
#endif

typedef enum hone_fault_op {
    HONE_FAULT_OPEN,
    HONE_FAULT_READ,
    HONE_FAULT_WRITE,
    HONE_FAULT_FSYNC,
    HONE_FAULT_CLOSE,
    HONE_FAULT_RENAME,
    HONE_FAULT_UNLINK,
    HONE_FAULT_MKDIR,
    HONE_FAULT_MMAP,
    HONE_FAULT_TRUNCATE,
    HONE_FAULT_ALLOC,
    HONE_FAULT_KILL, /* counts all file operations */
    HONE_FAULT_OPS
} hone_fault_op;

#define HONE_FAULT_SHORT (-1)

#ifdef HONE_TEST_HOOKS
/* Replace all rules and set every count to 0; NULL or "" means no faults. False: not understood, no rules are set. */
bool hone_fault_set(const char *rules);
/* How many rules' faults have fired, and how many operations were seen, since the last hone_fault_set. */
int64_t hone_fault_fired(void);
int64_t hone_fault_count(hone_fault_op op);
/* Bytes asked of the allocation gate since then, frees not deducted: a bound on what was held. */
int64_t hone_fault_bytes(void);
/* Blocks of the allocation gate and of arenas that were not given back since the process began; the threads' scratch
 * arenas do not count. 0 when a command has ended, or it leaks. */
int64_t hone_fault_live(void);

/* Asked before each operation: 0 go on, an errno to fail with, or HONE_FAULT_SHORT. */
int hone_fault_io(hone_fault_op op);
bool hone_fault_alloc(size_t bytes);
/* n blocks more (or fewer) are held. */
void hone_fault_hold(int64_t n);
#else
static inline int hone_fault_io(hone_fault_op op) {
    (void)op;
    return 0;
}
static inline bool hone_fault_alloc(size_t bytes) {
    (void)bytes;
    return false;
}
static inline void hone_fault_hold(int64_t n) {
    (void)n;
}
#endif

#endif
