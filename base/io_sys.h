/* The system calls behind base/io.h, each behind the fault gate. EINTR is retried here, nothing else is decided here:
 * results and errno are the system's. Private to base/io*.c. */
#ifndef HONE_BASE_IO_SYS_H
#define HONE_BASE_IO_SYS_H

#include "base/status.h"

#include <sys/types.h>

int hone_sys_open(const char *path, int flags); /* close-on-exec; new files get 0666 less the umask */
int hone_sys_openat(int dir, const char *name, int flags);
ssize_t hone_sys_read(int fd, void *p, size_t n); /* up to n; 0 at the end */
bool hone_sys_write_all(int fd, const void *p, size_t n);
int hone_sys_fsync(int fd);
int hone_sys_close(int fd); /* the descriptor is gone, whatever the result */
int hone_sys_rename(const char *from, const char *to);
int hone_sys_swap(const char *a, const char *b); /* both names at once; EINVAL, ENOSYS: not on this system */
int hone_sys_unlinkat(int dir, const char *name, int flags);
int hone_sys_mkdir(const char *path);
int hone_sys_truncate(int fd, int64_t length);
/* Room for n bytes of an open file, so that a full disk is found before the first is written; the size stays. Counts as
 * a write for HONE_FAULT. False with errno; a file system that cannot say is no failure. */
bool hone_sys_reserve(int fd, uint64_t n);
void *hone_sys_map(int fd, size_t n); /* read-only, private; NULL on failure */

/* hone_fail_os, with the hint that fits errno. */
hone_status hone_sys_fail(const char *path, const char *what);
/* The same of an output. That it, or its folder, is gone is no missing input: hone_exit_status takes a recorded ENOENT
 * for one, so none is recorded. */
hone_status hone_sys_fail_output(const char *path, const char *what);
/* The folder of path in out: "a/b" -> "a", "b" -> ".", "/b" -> "/". */
hone_status hone_sys_parent(char *out, size_t size, const char *path);

#endif
