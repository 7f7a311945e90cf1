/* What was done to files, in the order in which it was done: for proofs that drop what was not synced. Compiled into
 * test builds only (HONE_TEST_HOOKS), elsewhere every call is nothing.
 *
 * HONE_IO_LOG=FILE, or hone_io_log_to in a test, appends a record for every operation that changes something and has
 * succeeded. Paths are absolute. A record is a line and, after a write, its bytes and a newline:
 *
 *     start PID                  a process begins; descriptors of an earlier one mean nothing any more
 *     open FD CREATED CUT PATH   CREATED 1: the name is new; CUT 1: the file was emptied; folders, too (for fsync)
 *     write FD OFFSET N          and N bytes
 *     cut FD LENGTH              truncate
 *     sync FD                    fsync, of a file or a folder
 *     close FD
 *     rename OLD\tNEW            swap A\tB: exchange of two names
 *     unlink PATH                a file or an empty folder
 *     mkdir PATH */
#ifndef HONE_BASE_IO_LOG_H
#define HONE_BASE_IO_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HONE_TEST_HOOKS
bool hone_io_log_to(const char *path); /* NULL: stop */
bool hone_io_log_on(void);
void hone_io_log_open(int fd, bool created, bool cut, int dir, const char *name);
void hone_io_log_write(int fd, const void *p, size_t n); /* just written: the descriptor stands behind them */
void hone_io_log_fd(const char *what, int fd, int64_t length /* -1: none */);
void hone_io_log_names(const char *what, int dir, const char *a, const char *b /* may be NULL */);
#else
static inline bool hone_io_log_on(void) {
    return false;
}
static inline void hone_io_log_open(int fd, bool created, bool cut, int dir, const char *name) {
    (void)fd, (void)created, (void)cut, (void)dir, (void)name;
}
static inline void hone_io_log_write(int fd, const void *p, size_t n) {
    (void)fd, (void)p, (void)n;
}
static inline void hone_io_log_fd(const char *what, int fd, int64_t length) {
    (void)what, (void)fd, (void)length;
}
static inline void hone_io_log_names(const char *what, int dir, const char *a, const char *b) {
    (void)what, (void)dir, (void)a, (void)b;
}
#endif

#endif
