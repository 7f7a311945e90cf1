#include "base/io_log.h"

#ifdef HONE_TEST_HOOKS

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096 };

static int log_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A log that misses a record would prove nothing: the process ends. */
static void put(const void *p, size_t n) {
    for (const char *from = p; n;) {
        ssize_t k = write(log_fd, from, n);
        if (k <= 0) _exit(99);
        from += k, n -= (size_t)k;
    }
}

static void absolute(char out[2 * PATH], int dir, const char *name) {
    char base[PATH] = "";
    if (*name != '/' && dir == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) _exit(99);
    } else if (*name != '/') {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t n = readlink(link, base, sizeof base - 1);
        if (n < 0) _exit(99);
        base[n] = 0;
    }
    snprintf(out, 2 * PATH, "%s%s%s", base, *base ? "/" : "", name);
}

bool hone_io_log_on(void) {
    return log_fd >= 0;
}

bool hone_io_log_to(const char *path) {
    char line[64];
    if (log_fd >= 0) close(log_fd);
    log_fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (!path) return true;
    if (log_fd < 0) return false;
    put(line, (size_t)snprintf(line, sizeof line, "start %d\n", (int)getpid()));
    return true;
}

void hone_io_log_open(int fd, bool created, bool cut, int dir, const char *name) {
    char path[2 * PATH], line[2 * PATH + 64];
    if (log_fd < 0) return;
    absolute(path, dir, name);
    pthread_mutex_lock(&lock);
    put(line, (size_t)snprintf(line, sizeof line, "open %d %d %d %s\n", fd, created, cut, path));
    pthread_mutex_unlock(&lock);
}

void hone_io_log_write(int fd, const void *p, size_t n) {
    char line[96];
    if (log_fd < 0) return;
    off_t end = lseek(fd, 0, SEEK_CUR);
    if (end < 0) return; /* a pipe */
    pthread_mutex_lock(&lock);
    put(line, (size_t)snprintf(line, sizeof line, "write %d %lld %zu\n", fd, (long long)end - (long long)n, n));
    put(p, n);
    put("\n", 1);
    pthread_mutex_unlock(&lock);
}

void hone_io_log_fd(const char *what, int fd, int64_t length) {
    char line[96];
    if (log_fd < 0) return;
    int n = length < 0 ? snprintf(line, sizeof line, "%s %d\n", what, fd)
                       : snprintf(line, sizeof line, "%s %d %lld\n", what, fd, (long long)length);
    pthread_mutex_lock(&lock);
    put(line, (size_t)n);
    pthread_mutex_unlock(&lock);
}

void hone_io_log_names(const char *what, int dir, const char *a, const char *b) {
    char x[2 * PATH], y[2 * PATH] = "", line[4 * PATH + 64];
    if (log_fd < 0) return;
    absolute(x, dir, a);
    if (b) absolute(y, dir, b);
    int n = snprintf(line, sizeof line, "%s %s%s%s\n", what, x, b ? "\t" : "", y);
    pthread_mutex_lock(&lock);
    put(line, (size_t)n);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void read_environment(void) {
    const char *path = getenv("HONE_IO_LOG");
    if (path && !hone_io_log_to(path)) {
        fprintf(stderr, "HONE_IO_LOG=%s cannot be written\n", path);
        _exit(2);
    }
}

#else
typedef int hone_io_log_is_absent; /* an empty translation unit is not C */
#endif
