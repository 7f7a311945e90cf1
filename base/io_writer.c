/* Writers: replace-or-nothing files and append-only logs. */
#include "base/io.h"
#include "base/io_sys.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };

struct hone_writer {
    int fd;
    bool direct;  /* a pipe, a device, an open file: bytes go straight to it, there is nothing to rename */
    int os_error; /* why an earlier write failed; 0 while all is well */
    size_t used;
    char *buffer, *path, *temporary; /* one block with the struct */
};

/* Names of the temporaries that are open, for whoever ends the process from a signal's handler. Each is there before
 * its file and goes after it: the name holds our process number, so that removing it once too often meets nobody's
 * file. */
enum { OPEN_MAX = 16 };
static _Atomic(const char *) open_names[OPEN_MAX];

static void note_open(const char *name) {
    for (int i = 0; i < OPEN_MAX; i++) {
        const char *none = NULL;
        if (atomic_compare_exchange_strong(&open_names[i], &none, name)) return;
    }
}

static void note_gone(const char *name) {
    for (int i = 0; i < OPEN_MAX; i++) {
        const char *held = name;
        if (atomic_compare_exchange_strong(&open_names[i], &held, NULL)) return;
    }
}

void hone_writer_remove_temporaries(void) {
    for (int i = 0; i < OPEN_MAX; i++) {
        const char *name = atomic_load(&open_names[i]);
        if (name) unlink(name);
    }
}

/* Keeps no errno of a missing folder, as hone_sys_fail_output. */
static hone_status cannot_create(const char *path) {
    if (errno == ENOENT || errno == ENOTDIR) {
        hone_fail_at(HONE_E_IO, path, 0, 0, "cannot write: its folder does not exist");
        return hone_hint("make the folder first");
    }
    if (errno == EISDIR) return hone_fail_at(HONE_E_IO, path, 0, 0, "cannot write: it is a folder");
    return hone_sys_fail(path, "cannot write");
}

/* A link of /proc/PID/fd, as /dev/stdout leads to and the shell's >(command) is: an open file that may have no name, or
 * one that has bytes of others. */
static bool is_open_file(const char *link) {
    char parent[HONE_PATH_MAX];
    struct statfs fs;
    return hone_sys_parent(parent, sizeof parent, link) == HONE_OK && !statfs(parent, &fs) &&
           fs.f_type == PROC_SUPER_MAGIC;
}

/* The name that renaming may replace: a link stays, and what it leads to is replaced, as whoever opens it for writing
 * would. An open file (above) is not replaced: *direct. NULL with errno: the link leads nowhere that could be told. */
static const char *behind_links(const char *path, char real[HONE_PATH_MAX], bool *direct) {
    struct stat st;
    snprintf(real, HONE_PATH_MAX, "%s", path);
    for (int i = 0; !lstat(real, &st) && S_ISLNK(st.st_mode); i++) {
        if ((*direct = is_open_file(real) && !stat(real, &st) && !S_ISDIR(st.st_mode))) return real;
        char to[HONE_PATH_MAX], parent[HONE_PATH_MAX], joined[HONE_PATH_MAX];
        ssize_t n = readlink(real, to, sizeof to - 1);
        if (n <= 0) return NULL;
        if (i == 40) return errno = ELOOP, NULL;
        to[n] = 0;
        if (hone_sys_parent(parent, sizeof parent, real) != HONE_OK) return errno = ENAMETOOLONG, NULL;
        if (*to == '/')
            snprintf(joined, sizeof joined, "%s", to);
        else if (hone_io_join(joined, parent, to) != HONE_OK)
            return errno = ENAMETOOLONG, NULL;
        memcpy(real, joined, sizeof joined);
    }
    return real;
}

bool hone_writer_is_direct(const char *path) {
    char real[HONE_PATH_MAX];
    bool open_file = false;
    struct stat st;
    if (strlen(path) >= sizeof real || !behind_links(path, real, &open_file)) return false;
    return open_file || (!stat(real, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* path.tmp-PID; of a name that leaves no room for that only its beginning. */
static void name_temporary(char *out, const char *path) {
    char suffix[32];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t folder = (size_t)(base - path), n = strlen(base),
           tail = (size_t)snprintf(suffix, sizeof suffix, ".tmp-%d", (int)getpid());
    if (n <= NAME_MAX && n + tail > NAME_MAX) n = NAME_MAX - tail;
    memcpy(out, path, folder + n);
    memcpy(out + folder + n, suffix, tail + 1);
}

/* A file that somebody made read-only is one to be kept, though its folder would let it be replaced. */
static bool is_kept(const char *path) {
    struct stat st;
    return !stat(path, &st) && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
}

hone_status hone_writer_open(const char *given, hone_writer **out) {
    char real[HONE_PATH_MAX];
    bool open_file = false;
    const char *path =
        strlen(given) < sizeof real && strcmp(given, "-") ? behind_links(given, real, &open_file) : given;
    if (!path) return cannot_create(given);
    size_t len = strlen(path);
    hone_writer *w = hone_alloc(sizeof *w + BUFFER + 2 * len + 64);
    if (!w) return hone_blame(path, 0);
    *w = (hone_writer){.fd = -1, .buffer = (char *)(w + 1)};
    w->path = w->buffer + BUFFER;
    w->temporary = w->path + len + 1;
    memcpy(w->path, path, len + 1);
    name_temporary(w->temporary, path);

    struct stat st;
    if (!strcmp(path, "-")) {
        w->direct = true, w->fd = STDOUT_FILENO;
    } else if (open_file) {
        w->direct = true, w->fd = hone_sys_open(path, O_WRONLY | O_APPEND);
    } else if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
        /* Renaming over /dev/null would replace the device. */
        w->direct = true;
        w->fd = S_ISDIR(st.st_mode) ? (errno = EISDIR, -1) : hone_sys_open(path, O_WRONLY);
    } else if (!is_kept(path)) {
        note_open(w->temporary);
        w->fd = hone_sys_open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
        /* who may read it stays as it was */
        if (w->fd >= 0 && !stat(path, &st)) (void)!fchmod(w->fd, st.st_mode & 0777);
    }
    if (w->fd < 0) {
        hone_status s = cannot_create(path);
        note_gone(w->temporary);
        hone_free(w);
        return s;
    }
    *out = w;
    return HONE_OK;
}

hone_status hone_writer_check(const char *path) {
    struct stat st;
    hone_writer *w;
    if (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return access(path, W_OK) ? cannot_create(path) : HONE_OK;
    HONE_TRY(hone_writer_open(path, &w));
    hone_writer_abort(w);
    return HONE_OK;
}

static hone_status failed(hone_writer *w) {
    errno = w->os_error;
    return hone_sys_fail(w->path, "cannot write");
}

static hone_status put(hone_writer *w, const void *p, size_t n) {
    if (hone_sys_write_all(w->fd, p, n)) return HONE_OK;
    w->os_error = errno;
    return failed(w);
}

static hone_status flush(hone_writer *w) {
    size_t n = w->used;
    w->used = 0;
    return n ? put(w, w->buffer, n) : HONE_OK;
}

hone_status hone_writer_write(hone_writer *w, const void *p, size_t n) {
    if (w->os_error) return failed(w);
    if (!n) return HONE_OK;
    if (n > BUFFER - w->used) HONE_TRY(flush(w));
    if (n >= BUFFER) return put(w, p, n);
    memcpy(w->buffer + w->used, p, n);
    w->used += n;
    return HONE_OK;
}

hone_status hone_writer_reserve(hone_writer *w, uint64_t n) {
    char parent[HONE_PATH_MAX];
    if (w->direct || w->os_error) return w->os_error ? failed(w) : HONE_OK;
    HONE_TRY(hone_sys_parent(parent, sizeof parent, w->path));
    hone_status s = hone_io_check_room(parent, w->path, n);
    if (s == HONE_OK && !hone_sys_reserve(w->fd, n)) {
        w->os_error = errno;
        s = errno == ENOSPC || errno == EDQUOT ? hone_io_fail_full(parent, w->path, n) : failed(w);
    }
    if (s != HONE_OK && !w->os_error) w->os_error = ENOSPC;
    return s;
}

hone_status hone_writer_printf(hone_writer *w, const char *fmt, ...) {
    char small[512], *text = small;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0) return hone_fail_at(HONE_E_FORMAT, w->path, 0, 0, "cannot write: text that has no bytes in this locale");
    if ((size_t)n >= sizeof small) {
        text = hone_alloc_small((size_t)n + 1);
        if (!text) return hone_blame(w->path, 0);
        va_start(ap, fmt);
        vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    hone_status s = hone_writer_write(w, text, (size_t)n);
    if (text != small) hone_free(text);
    return s;
}

/* A failed fsync is final: the kernel may have dropped the pages, and asking again would be answered with a lie. */
static hone_status finish(hone_writer *w) {
    if (w->os_error) return failed(w);
    HONE_TRY(flush(w));
    if (hone_sys_fsync(w->fd)) return hone_sys_fail(w->path, "cannot write");
    int fd = w->fd;
    w->fd = -1;
    if (w->direct && fd == STDOUT_FILENO) return HONE_OK;
    if (hone_sys_close(fd)) return hone_sys_fail(w->path, "cannot write");
    if (w->direct) return HONE_OK;
    if (hone_sys_rename(w->temporary, w->path)) return hone_sys_fail_output(w->path, "cannot replace the file");
    note_gone(w->temporary);
    w->temporary = NULL;
    char parent[HONE_PATH_MAX];
    HONE_TRY(hone_sys_parent(parent, sizeof parent, w->path));
    return hone_io_sync_dir(parent);
}

hone_status hone_writer_commit(hone_writer *w) {
    hone_status s = finish(w);
    if (s == HONE_OK)
        hone_free(w);
    else
        hone_writer_abort(w); /* what fails in there is not reported: the first failure is the news */
    return s;
}

void hone_writer_abort(hone_writer *w) {
    if (!w) return;
    if (w->fd >= 0 && w->fd != STDOUT_FILENO) hone_sys_close(w->fd);
    if (!w->direct && w->temporary) hone_sys_unlinkat(AT_FDCWD, w->temporary, 0);
    if (w->temporary) note_gone(w->temporary);
    hone_free(w);
}

hone_status hone_io_write_file(const char *path, const void *p, size_t n) {
    hone_writer *w;
    HONE_TRY(hone_writer_open(path, &w));
    hone_status s = hone_writer_write(w, p, n);
    if (s == HONE_OK) return hone_writer_commit(w);
    hone_writer_abort(w);
    return s;
}

struct hone_append {
    int fd;
    int64_t offset;
    char path[];
};

/* Lines end where they ended when the place was noted, or somebody has changed the log, and cutting would leave half a
 * line. */
static hone_status check_cut(const hone_append *a, int64_t at) {
    char last = '\n';
    if (at > 0 && (lseek(a->fd, at - 1, SEEK_SET) < 0 || hone_sys_read(a->fd, &last, 1) < 0))
        return hone_sys_fail(a->path, "cannot read");
    if (last == '\n') return HONE_OK;
    return hone_fail_at(HONE_E_FORMAT, a->path, 0, 0,
                        "was changed: no line ends at byte %" PRId64 ", where it is to be continued", at);
}

static hone_status append_position(hone_append *a, int64_t truncate_at) {
    struct stat st;
    if (fstat(a->fd, &st)) return hone_sys_fail(a->path, "cannot write");
    if (!S_ISREG(st.st_mode)) return hone_fail_at(HONE_E_IO, a->path, 0, 0, "cannot write: not a regular file");
    a->offset = st.st_size;
    if (truncate_at < 0) return HONE_OK;
    if (truncate_at > a->offset)
        return hone_fail_at(HONE_E_FORMAT, a->path, 0, 0,
                            "holds %" PRId64 " bytes, to continue it needs at least %" PRId64, a->offset, truncate_at);
    HONE_TRY(check_cut(a, truncate_at));
    if (truncate_at == a->offset) return HONE_OK;
    if (hone_sys_truncate(a->fd, truncate_at)) return hone_sys_fail(a->path, "cannot cut");
    a->offset = truncate_at;
    return HONE_OK;
}

hone_status hone_append_open(const char *path, int64_t truncate_at, hone_append **out) {
    if (truncate_at > 0 && !hone_io_exists(path)) /* and is not made: it would hide that one was lost */
        return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "is not there, to continue it needs at least %" PRId64 " bytes",
                            truncate_at);
    hone_append *a = hone_alloc(sizeof *a + strlen(path) + 1);
    if (!a) return hone_blame(path, 0);
    strcpy(a->path, path);
    /* a pipe of that name is refused below, not waited for */
    a->fd = hone_sys_open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK);
    if (a->fd < 0) {
        hone_status s = cannot_create(path);
        hone_free(a);
        return s;
    }
    hone_status s = append_position(a, truncate_at);
    if (s != HONE_OK) {
        hone_append_close(a);
        return s;
    }
    *out = a;
    return HONE_OK;
}

hone_status hone_append_write(hone_append *a, const void *p, size_t n) {
    if (!hone_sys_write_all(a->fd, p, n)) {
        hone_status s = hone_sys_fail(a->path, "cannot write");
        hone_sys_truncate(a->fd, a->offset); /* no half lines; where even this fails, resume cuts at a known offset */
        return s;
    }
    a->offset += (int64_t)n;
    return HONE_OK;
}

int64_t hone_append_offset(const hone_append *a) {
    return a->offset;
}

bool hone_append_is_there(const hone_append *a) {
    struct stat open, named;
    return !fstat(a->fd, &open) && !stat(a->path, &named) && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

hone_status hone_append_sync(hone_append *a) {
    return hone_sys_fsync(a->fd) ? hone_sys_fail(a->path, "cannot sync") : HONE_OK;
}

void hone_append_close(hone_append *a) {
    if (!a) return;
    hone_sys_close(a->fd);
    hone_free(a);
}
