#include "base/io_sys.h"

#include "base/fault.h"
#include "base/io_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* True when the operation must fail now; errno is set. */
static bool faulted(hone_fault_op op) {
    int how = hone_fault_io(op);
    if (how > 0) errno = how;
    return how > 0;
}

int hone_sys_openat(int dir, const char *name, int flags) {
    int fd;
    bool logged = hone_io_log_on() && (flags & (O_WRONLY | O_RDWR | O_DIRECTORY));
    bool created = logged && (flags & O_CREAT) && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW);
    do fd = faulted(HONE_FAULT_OPEN) ? -1 : openat(dir, name, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    if (logged && fd >= 0) hone_io_log_open(fd, created, flags & O_TRUNC, dir, name);
    return fd;
}

int hone_sys_open(const char *path, int flags) {
    return hone_sys_openat(AT_FDCWD, path, flags);
}

ssize_t hone_sys_read(int fd, void *p, size_t n) {
    /* Linux moves at most 2^31 - 4096 bytes a call; asking for less keeps the result in ssize_t everywhere. */
    if (n > (size_t)1 << 30) n = (size_t)1 << 30;
    for (;;) {
        int how = hone_fault_io(HONE_FAULT_READ);
        ssize_t got = -1;
        if (how > 0)
            errno = how;
        else
            got = read(fd, p, how == HONE_FAULT_SHORT && n > 1 ? n / 2 : n);
        if (got >= 0 || errno != EINTR) return got;
    }
}

bool hone_sys_write_all(int fd, const void *p, size_t n) {
    const char *from = p;
    while (n) {
        int how = hone_fault_io(HONE_FAULT_WRITE);
        size_t part = n > (size_t)1 << 30 ? (size_t)1 << 30 : n;
        ssize_t put = -1;
        if (how > 0)
            errno = how;
        else
            put = write(fd, from, how == HONE_FAULT_SHORT && part > 1 ? part / 2 : part);
        if (put < 0 && errno == EINTR) continue;
        if (put == 0) errno = EIO; /* a device that takes nothing would keep us here for ever */
        if (put <= 0) return false;
        hone_io_log_write(fd, from, (size_t)put);
        from += put;
        n -= (size_t)put;
    }
    return true;
}

int hone_sys_fsync(int fd) {
    int rc;
    do rc = faulted(HONE_FAULT_FSYNC) ? -1 : fsync(fd);
    while (rc && errno == EINTR);
    if (!rc) hone_io_log_fd("sync", fd, -1);
    /* Pipes, terminals and some file systems' directories cannot be synced and need not be. */
    return rc && (errno == EINVAL || errno == ENOTSUP) ? 0 : rc;
}

int hone_sys_close(int fd) {
    bool fault = faulted(HONE_FAULT_CLOSE);
    int fault_errno = errno;
    hone_io_log_fd("close", fd, -1);
    int rc = close(fd);
    if (fault) rc = -1, errno = fault_errno;
    return rc && errno == EINTR ? 0 : rc; /* Linux has closed it all the same */
}

int hone_sys_rename(const char *from, const char *to) {
    int rc = faulted(HONE_FAULT_RENAME) ? -1 : rename(from, to);
    if (!rc) hone_io_log_names("rename", AT_FDCWD, from, to);
    return rc;
}

int hone_sys_swap(const char *a, const char *b) {
    int rc = faulted(HONE_FAULT_RENAME) ? -1 : renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
    if (!rc) hone_io_log_names("swap", AT_FDCWD, a, b);
    return rc;
}

int hone_sys_unlinkat(int dir, const char *name, int flags) {
    int rc = faulted(HONE_FAULT_UNLINK) ? -1 : unlinkat(dir, name, flags);
    if (!rc) hone_io_log_names("unlink", dir, name, NULL);
    return rc;
}

int hone_sys_mkdir(const char *path) {
    int rc = faulted(HONE_FAULT_MKDIR) ? -1 : mkdir(path, 0777);
    if (!rc) hone_io_log_names("mkdir", AT_FDCWD, path, NULL);
    return rc;
}

int hone_sys_truncate(int fd, int64_t length) {
    int rc;
    do rc = faulted(HONE_FAULT_TRUNCATE) ? -1 : ftruncate(fd, length);
    while (rc && errno == EINTR);
    if (!rc) hone_io_log_fd("cut", fd, length);
    return rc;
}

bool hone_sys_reserve(int fd, uint64_t n) {
    int rc;
    do {
        rc = faulted(HONE_FAULT_WRITE)       ? -1
             : n && n <= (uint64_t)INT64_MAX ? fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)n)
                                             : 0;
    } while (rc && errno == EINTR);
    return !rc || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == ENODEV || errno == ESPIPE;
}

void *hone_sys_map(int fd, size_t n) {
    if (faulted(HONE_FAULT_MMAP)) return NULL;
    void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

hone_status hone_sys_fail(const char *path, const char *what) {
    int e = errno;
    /* not the disk's fault */
    if (e == ENOMEM) return hone_fail_at(HONE_E_NOMEM, path, 0, 0, "%s: out of memory", what);
    hone_status s = hone_fail_os(path, "%s", what);
    if (e == ENOSPC || e == EDQUOT) return hone_hint("free some space, or write to another disk");
    if (e == EFBIG) return hone_hint("this process may not write files of that size; see ulimit -f");
    if (e == EACCES || e == EPERM) return hone_hint("look at the permissions of the file and of its folder");
    if (e == EROFS) return hone_hint("the file system is mounted read-only");
    struct stat st;
    if (e == ENOENT && !lstat(path, &st))
        return hone_hint("it is a link to a file that is not there; download incomplete?");
    if (e == EMFILE || e == ENFILE) return hone_hint("too many files are open; see ulimit -n");
    return s;
}

hone_status hone_sys_fail_output(const char *path, const char *what) {
    hone_status s = hone_sys_fail(path, what);
    hone_error e = *hone_last_error();
    if (e.os_error == ENOENT || e.os_error == ENOTDIR || e.os_error == EISDIR) e.os_error = 0;
    hone_error_restore(&e);
    return s;
}

hone_status hone_sys_parent(char *out, size_t size, const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    while (n && path[n - 1] != '/') n--;
    while (n > 1 && path[n - 1] == '/') n--;
    if (n >= size)
        return hone_fail_at(HONE_E_LIMIT, path, 0, 0, "path of %zu bytes, limit %zu", strlen(path), size - 1);
    if (!n) return snprintf(out, size, "."), HONE_OK;
    memcpy(out, path, n);
    out[n] = 0;
    return HONE_OK;
}
