/* Whole files, mappings and folders. Streams are in io_reader.c, writers in io_writer.c. */
#include "base/io.h"

#include "base/io_sys.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static hone_status too_large(const char *path, uint64_t size, uint64_t limit) {
    return hone_fail_at(HONE_E_LIMIT, path, 0, 0, "holds %s%" PRIu64 " bytes, limit %" PRIu64,
                        size == limit + 1 ? "at least " : "", size, limit);
}

/* Reads fd to its end. `expect` is a first guess of the size: the file may have grown, shrunk, or be a pipe. */
static hone_status read_all(int fd, const char *path, uint64_t expect, uint64_t max_bytes, char **text, size_t *n) {
    size_t capacity = (size_t)expect + 1, used = 0;
    if (capacity < 4096) capacity = 4096;
    char *p = hone_alloc(capacity);
    if (!p) return hone_blame(path, 0);
    for (;;) {
        if (used + 1 >= capacity) {
            char probe;
            ssize_t more = hone_sys_read(fd, &probe, 1); /* at the end nothing needs to grow */
            if (more == 0) break;
            if (more < 0) goto fail_os;
            if (used + 1 > max_bytes) {
                hone_free(p);
                return too_large(path, max_bytes + 1, max_bytes);
            }
            char *q = hone_realloc(p, capacity * 2);
            if (!q) {
                hone_free(p);
                return hone_blame(path, 0);
            }
            p = q, capacity *= 2;
            p[used++] = probe;
        }
        ssize_t got = hone_sys_read(fd, p + used, capacity - 1 - used);
        if (got < 0) goto fail_os;
        if (got == 0) break;
        used += (size_t)got;
        if (used > max_bytes) {
            hone_free(p);
            return too_large(path, max_bytes + 1, max_bytes);
        }
    }
    p[used] = 0;
    *text = p, *n = used;
    return HONE_OK;
fail_os:;
    hone_status s = hone_sys_fail(path, "cannot read");
    hone_free(p);
    return s;
}

static hone_status not_regular(const char *path, const struct stat *st) {
    errno = EISDIR;
    if (S_ISDIR(st->st_mode)) return hone_fail_os(path, "not a regular file");
    return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "not a regular file: Is a %s",
                        S_ISFIFO(st->st_mode) ? "pipe" : "device or a socket");
}

static hone_status read_path(const char *path, bool stream, uint64_t max_bytes, char **text, size_t *n) {
    if (max_bytes > INT64_MAX) max_bytes = INT64_MAX;
    int fd = hone_sys_open(path, stream ? O_RDONLY : O_RDONLY | O_NONBLOCK);
    if (fd < 0) return hone_sys_fail(path, "cannot open");
    struct stat st;
    hone_status s;
    if (fstat(fd, &st))
        s = hone_sys_fail(path, "cannot read");
    else if (!S_ISREG(st.st_mode) && !stream)
        s = not_regular(path, &st);
    else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
        s = too_large(path, (uint64_t)st.st_size, max_bytes);
    else
        s = read_all(fd, path, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, max_bytes, text, n);
    hone_sys_close(fd); /* nothing was written: its result means nothing */
    return s;
}

hone_status hone_io_read_file(const char *path, uint64_t max_bytes, char **text, size_t *n) {
    return read_path(path, false, max_bytes, text, n);
}

hone_status hone_io_read_stream(const char *path, uint64_t max_bytes, char **text, size_t *n) {
    if (!strcmp(path, "-")) return read_all(STDIN_FILENO, "standard input", 0, max_bytes, text, n);
    return read_path(path, true, max_bytes, text, n);
}

/* ---- whether a file is still what it was ---- */

static hone_stamp stamp_of(const struct stat *st) {
    return (hone_stamp){st->st_dev, st->st_ino, st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec};
}

bool hone_io_stamp(const char *path, hone_stamp *out) {
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode)) return false;
    *out = stamp_of(&st);
    return true;
}

bool hone_stamp_same_file(const hone_stamp *a, const hone_stamp *b) {
    return a->device == b->device && a->number == b->number;
}

hone_status hone_stamp_compare(const char *path, const hone_stamp *was, const hone_stamp *now, const char *use) {
    if (now->bytes != was->bytes)
        return hone_fail_at(HONE_E_FORMAT, path, 0, 0,
                            "was changed while it was %s: it had %" PRId64 " bytes, now %" PRId64, use, was->bytes,
                            now->bytes);
    if (hone_stamp_same_file(was, now) && now->seconds == was->seconds && now->nanoseconds == was->nanoseconds)
        return HONE_OK;
    return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "was changed while it was %s", use);
}

/* What is mapped, and how its file looked then: for whoever asks whether it is still so, and for the handler of a
 * SIGBUS, who can take no lock and no memory. A mapping that finds no place here is not watched. */
enum { MAPPED_MAX = 256 };
static struct mapped {
    atomic_int state; /* 0 free, 1 being filled, 2 there */
    const unsigned char *p;
    hone_stamp was;
    char path[sizeof hone_last_error()->file];
} mapped[MAPPED_MAX];

static void note_mapped(const unsigned char *p, const struct stat *st, const char *path) {
    for (int i = 0; i < MAPPED_MAX; i++) {
        int is_free = 0;
        if (!atomic_compare_exchange_strong(&mapped[i].state, &is_free, 1)) continue;
        mapped[i].p = p, mapped[i].was = stamp_of(st);
        snprintf(mapped[i].path, sizeof mapped[i].path, "%s", path);
        atomic_store(&mapped[i].state, 2);
        return;
    }
}

/* The mapping that begins at p; with `within`, the one that p lies in. */
static struct mapped *find_mapped(const unsigned char *p, bool within) {
    for (int i = 0; p && i < MAPPED_MAX; i++) {
        struct mapped *m = &mapped[i];
        if (atomic_load(&m->state) == 2 && (m->p == p || (within && p > m->p && p - m->p < m->was.bytes))) return m;
    }
    return NULL;
}

hone_status hone_io_map_check(const hone_mapping *m) {
    const struct mapped *was = find_mapped(m->p, false);
    hone_stamp now;
    /* Another file of that name: ours is the old one, which nobody can write to by this name. */
    if (!was || !hone_io_stamp(was->path, &now) || !hone_stamp_same_file(&was->was, &now)) return HONE_OK;
    if (hone_stamp_compare(was->path, &was->was, &now, "in use") == HONE_OK) return HONE_OK;
    return hone_hint("what was read may be of both; wait until it is written, and replace files by renaming");
}

const char *hone_io_map_lost(const void *address, int64_t *had, int64_t *has) {
    const struct mapped *was = find_mapped(address, true);
    hone_stamp now;
    if (!was) return NULL;
    *had = *has = was->was.bytes;
    if (hone_io_stamp(was->path, &now) && hone_stamp_same_file(&was->was, &now)) *has = now.bytes;
    return was->path;
}

hone_status hone_io_map(const char *path, hone_mapping *out) {
    int fd = hone_sys_open(path, O_RDONLY | O_NONBLOCK); /* a pipe of that name is refused below, not waited for */
    if (fd < 0) return hone_sys_fail(path, "cannot open");
    struct stat st;
    hone_status s = HONE_OK;
    void *p = NULL;
    if (fstat(fd, &st)) {
        s = hone_sys_fail(path, "cannot read");
    } else if (!S_ISREG(st.st_mode)) {
        s = not_regular(path, &st);
    } else if (st.st_size) {
        p = hone_sys_map(fd, (size_t)st.st_size);
        if (!p)
            s = hone_sys_fail(path, "cannot map");
        else
            note_mapped(p, &st, path);
    }
    hone_sys_close(fd);
    if (s == HONE_OK) *out = (hone_mapping){p, (size_t)st.st_size};
    return s;
}

void hone_io_map_let_go(const hone_mapping *m, const void *p, size_t n) {
    uintptr_t first = (uintptr_t)p & ~(uintptr_t)4095, base = (uintptr_t)m->p;
    if (!m->p || (uintptr_t)p < base || (uintptr_t)p + n > base + m->n) return; /* the bytes are somebody else's */
    madvise((void *)first, (uintptr_t)p + n - first, MADV_DONTNEED);
}

void hone_io_unmap(hone_mapping *m) {
    struct mapped *was = find_mapped(m->p, false);
    if (was) atomic_store(&was->state, 0);
    if (m->p) munmap((void *)(uintptr_t)m->p, m->n);
    *m = (hone_mapping){NULL, 0};
}

bool hone_io_exists(const char *path) {
    struct stat st;
    return !lstat(path, &st) || (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG);
}

bool hone_io_is_taken(const char *path) {
    struct stat st;
    return !lstat(path, &st);
}

bool hone_io_is_dir(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool hone_io_is_stream(const char *path) {
    struct stat st;
    return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool hone_io_same_file(const char *a, const char *b) {
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

hone_status hone_io_mkdirs(const char *path) {
    char part[HONE_PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part)
        return hone_fail_at(HONE_E_LIMIT, path, 0, 0, "path of %zu bytes, limit %zu", n, sizeof part - 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i]) continue;
        if (path[i - 1] == '/') continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (hone_io_is_dir(part)) continue;
        if (!hone_sys_mkdir(part)) { /* the new name itself must last, or all that is put into it is lost with it */
            char parent[HONE_PATH_MAX];
            HONE_TRY(hone_sys_parent(parent, sizeof parent, part));
            HONE_TRY(hone_io_sync_dir(parent));
            continue;
        }
        struct stat st;
        bool taken = errno == EEXIST;
        if (taken && !stat(part, &st) && S_ISDIR(st.st_mode)) continue;
        /* An output folder: its missing parent or a file in its place is no missing input (see hone_exit_status). */
        if (taken && errno == ENOENT)
            return hone_fail_at(HONE_E_IO, path, 0, 0, "cannot make the folder: \"%s\" is a link to nothing",
                                hone_quote(part));
        if (errno == ENOTDIR || errno == EEXIST)
            return hone_fail_at(HONE_E_IO, path, 0, 0, "cannot make the folder: \"%s\" is not a folder",
                                hone_quote(part));
        if (errno == ENOENT) /* a file system that makes no folders, such as /proc */
            return hone_fail_at(HONE_E_IO, path, 0, 0, "cannot make the folder: the system refuses \"%s\"",
                                hone_quote(part));
        return hone_sys_fail(part, "cannot make the folder");
    }
    return HONE_OK;
}

hone_status hone_io_lock_dir(const char *path, int *lock) {
    *lock = -1;
    int fd = hone_sys_open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return hone_sys_fail(path, "cannot open the folder");
    if (!flock(fd, LOCK_EX | LOCK_NB)) {
        *lock = fd;
        return HONE_OK;
    }
    bool taken = errno == EWOULDBLOCK;
    hone_sys_close(fd);
    return taken ? hone_fail_at(HONE_E_ARG, path, 0, 0, "another process is writing there") : HONE_OK;
}

void hone_io_unlock(int lock) {
    if (lock >= 0) hone_sys_close(lock);
}

hone_status hone_io_sync_dir(const char *path) {
    int fd = hone_sys_open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        const int why = errno;
        /* A folder to write to and not to read: what was done there is done, and nobody could do more. */
        if (why == EACCES && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS)) return HONE_OK;
        errno = why;
        return hone_sys_fail_output(path, "cannot open the folder");
    }
    hone_status s = hone_sys_fsync(fd) ? hone_sys_fail_output(path, "cannot sync the folder") : HONE_OK;
    hone_sys_close(fd);
    return s;
}

hone_status hone_io_rename(const char *from, const char *to) {
    char parent[HONE_PATH_MAX];
    HONE_TRY(hone_sys_parent(parent, sizeof parent, to));
    if (hone_sys_rename(from, to)) {
        int e = errno;
        char what[256];
        snprintf(what, sizeof what, "cannot rename to \"%s\"", hone_quote(to));
        errno = e;
        return hone_sys_fail_output(from, what);
    }
    return hone_io_sync_dir(parent);
}

hone_status hone_io_replace_dir(const char *fresh, const char *dir, const char *old) {
    char parent[HONE_PATH_MAX];
    if (!hone_io_exists(dir)) return hone_io_rename(fresh, dir);
    HONE_TRY(hone_sys_parent(parent, sizeof parent, dir));
    if (!hone_sys_swap(fresh, dir)) {
        HONE_TRY(hone_io_sync_dir(parent));
        return hone_io_remove_tree(fresh);
    }
    if (errno != EINVAL && errno != ENOSYS) return hone_sys_fail_output(dir, "cannot be replaced");
    HONE_TRY(hone_io_rename(dir, old));
    hone_status s = hone_io_rename(fresh, dir);
    if (s != HONE_OK) {
        hone_error e = *hone_last_error(); /* the failure that matters */
        if (!hone_io_exists(dir)) hone_io_rename(old, dir);
        hone_error_restore(&e);
        return s;
    }
    return hone_io_remove_tree(old);
}

/* Removes what `name` in folder `at` is. Links are removed, never followed. `depth` bounds descriptors and stack. */
static hone_status remove_at(int at, const char *name, const char *shown, int depth) {
    if (!hone_sys_unlinkat(at, name, 0) || errno == ENOENT) return HONE_OK;
    if (errno != EISDIR && errno != EPERM) return hone_sys_fail(shown, "cannot remove");
    int fd = hone_sys_openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return hone_sys_fail(shown, "cannot remove");
    if (depth == 64) {
        hone_sys_close(fd);
        return hone_fail_at(HONE_E_LIMIT, shown, 0, 0, "cannot remove: folders nested deeper than 64");
    }
    DIR *d = fdopendir(fd);
    if (!d) {
        hone_status s = hone_sys_fail(shown, "cannot remove");
        hone_sys_close(fd);
        return s;
    }
    hone_status s = HONE_OK;
    for (struct dirent *e; s == HONE_OK && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char path[HONE_PATH_MAX];
        snprintf(path, sizeof path, "%.3000s/%s", shown, e->d_name);
        s = remove_at(dirfd(d), e->d_name, path, depth + 1);
    }
    closedir(d);
    if (s == HONE_OK && hone_sys_unlinkat(at, name, AT_REMOVEDIR)) s = hone_sys_fail(shown, "cannot remove");
    return s;
}

hone_status hone_io_remove_tree(const char *path) {
    return remove_at(AT_FDCWD, path, path, 0);
}

hone_status hone_io_copy(const char *from, const char *to) {
    int fd = hone_sys_open(from, O_RDONLY);
    if (fd < 0) return hone_sys_fail(from, "cannot open");
    hone_writer *w = NULL;
    size_t size = 256 << 10;
    char *buffer = hone_alloc(size);
    hone_status s = buffer ? hone_writer_open(to, &w) : hone_blame(from, 0);
    while (s == HONE_OK) {
        ssize_t got = hone_sys_read(fd, buffer, size);
        if (got == 0) break;
        s = got < 0 ? hone_sys_fail(from, "cannot read") : hone_writer_write(w, buffer, (size_t)got);
    }
    hone_sys_close(fd);
    hone_free(buffer);
    if (s == HONE_OK) return hone_writer_commit(w);
    hone_writer_abort(w);
    return s;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names are gathered back to back in one growing text, then the final block is laid out: [pointers][NULL][text]. */
static hone_status gather_names(DIR *d, const char *dir, char **text, size_t *used, size_t *count) {
    size_t capacity = 0;
    *text = NULL, *used = 0, *count = 0;
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e) return errno ? hone_sys_fail(dir, "cannot list") : HONE_OK;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        size_t len = strlen(e->d_name) + 1;
        if (len > capacity - *used) {
            capacity = capacity * 2 + 4096;
            char *q = hone_realloc(*text, capacity);
            if (!q) return hone_blame(dir, 0);
            *text = q;
        }
        memcpy(*text + *used, e->d_name, len);
        *used += len;
        (*count)++;
    }
}

hone_status hone_io_list(const char *dir, char ***names, size_t *n) {
    int fd = hone_sys_open(dir, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return hone_sys_fail(dir, "cannot open the folder");
    DIR *d = fdopendir(fd);
    if (!d) {
        hone_status s = hone_sys_fail(dir, "cannot open the folder");
        hone_sys_close(fd);
        return s;
    }
    char *text = NULL, **list = NULL;
    size_t used, count;
    hone_status s = gather_names(d, dir, &text, &used, &count);
    closedir(d);
    if (s == HONE_OK) {
        list = hone_alloc((count + 1) * sizeof *list + used);
        if (!list) s = hone_blame(dir, 0);
    }
    if (s == HONE_OK) {
        char *at = (char *)(list + count + 1);
        if (used) memcpy(at, text, used);
        for (size_t i = 0; i < count; i++, at += strlen(at) + 1) list[i] = at;
        list[count] = NULL;
        qsort(list, count, sizeof *list, by_bytes);
        *names = list, *n = count;
    }
    hone_free(text);
    return s;
}

hone_status hone_io_free_bytes(const char *path, uint64_t *bytes) {
    struct statvfs v;
    if (statvfs(path, &v)) return hone_sys_fail(path, "cannot ask for free space");
    if (!hone_mul_size(v.f_bavail, v.f_frsize, bytes)) *bytes = UINT64_MAX;
    return HONE_OK;
}

static const char *size_text(char out[24], uint64_t n) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double x = (double)n;
    int u = 0;
    while (x >= 999.5 && u < 4) x /= 1000, u++;
    snprintf(out, 24, u ? "%.3g %s" : "%.0f %s", x, units[u]);
    return out;
}

hone_status hone_io_fail_full(const char *dir, const char *path, uint64_t need) {
    char a[24], b[24];
    uint64_t have = 0;
    need += need / 10; /* what hone_io_check_room asks for: the two numbers must not contradict the refusal */
    bool known = hone_io_free_bytes(dir, &have) == HONE_OK;
    char what[96];
    snprintf(what, sizeof what, "(need %s, %s free)", size_text(a, need), known ? size_text(b, have) : "unknown");
    errno = ENOSPC;
    hone_fail_os(path, "%s", "");
    hone_error e = *hone_last_error();
    size_t n = strlen(e.message);
    snprintf(e.message + n, sizeof e.message - n, " %s", what);
    hone_error_restore(&e);
    return hone_hint("free some space, or write to another disk");
}

hone_status hone_io_check_room(const char *dir, const char *path, uint64_t need) {
    uint64_t have;
    hone_error kept = *hone_last_error();
    if (hone_io_free_bytes(dir, &have) != HONE_OK) {
        hone_error_restore(&kept);
        return HONE_OK;
    }
    return have >= need && have - need >= need / 10 ? HONE_OK : hone_io_fail_full(dir, path, need);
}

hone_status hone_io_join(char out[HONE_PATH_MAX], const char *dir, const char *name) {
    size_t n = strlen(dir);
    const char *slash = n && dir[n - 1] != '/' ? "/" : "";
    int len = snprintf(out, HONE_PATH_MAX, "%s%s%s", dir, slash, name);
    if (len >= 0 && len < HONE_PATH_MAX) return HONE_OK;
    return hone_fail_at(HONE_E_LIMIT, dir, 0, 0, "path of %zu bytes, limit %d", n + strlen(name) + 1,
                        HONE_PATH_MAX - 1);
}
