/* Files: every open, read, write, fsync, close, rename, unlink and mkdir of Hone passes through here, so that a test
 * build can make the N-th one fail (HONE_FAULT=write:N:ENOSPC, fsync:N:EIO, read:N:EINTR, open:N:EACCES, kill:N …).
 *
 * All functions retry EINTR and loop over short reads and writes. On failure nothing is left open and outputs are
 * untouched; the error record names the file. Errors: HONE_E_IO with the system's reason (hone_error.os_error),
 * HONE_E_NOMEM, and what a function says. */
#ifndef HONE_BASE_IO_H
#define HONE_BASE_IO_H

#include "base/status.h"

/* Whole file in memory, NUL-terminated after its n bytes; free with hone_free. More than max_bytes: HONE_E_LIMIT. A
 * pipe or device is refused, not waited for. */
hone_status hone_io_read_file(const char *path, uint64_t max_bytes, char **text, size_t *n);
/* The same of whatever can be read: a pipe, too, such as the shell's <(command), and "-", standard input. */
hone_status hone_io_read_stream(const char *path, uint64_t max_bytes, char **text, size_t *n);

/* Read-only private mapping of a regular file; an empty file maps to p = NULL, n = 0. The mapping survives the file's
 * removal, not its truncation: only map what nobody rewrites in place (Hone itself always renames). Where somebody does
 * all the same, hone_io_map_check tells, and reading behind the new end is SIGBUS, whose handler asks
 * hone_io_map_lost. */
typedef struct hone_mapping {
    const unsigned char *p;
    size_t n;
} hone_mapping;
/* A missing or unreadable file is HONE_E_IO. Unmap with hone_io_unmap. */
hone_status hone_io_map(const char *path, hone_mapping *out);
/* Bytes of a mapping that will hardly be read again: the process gives their memory back. They stay readable. */
void hone_io_map_let_go(const hone_mapping *m, const void *p, size_t n);
/* HONE_E_FORMAT when the file behind the mapping was written to or cut since: what was read may be of both. */
hone_status hone_io_map_check(const hone_mapping *m);
/* For a handler of SIGBUS: the path of the mapped file that holds the address, its bytes when it was mapped and now (as
 * many: the disk failed); NULL if none does. Safe in a handler. */
const char *hone_io_map_lost(const void *address, int64_t *had, int64_t *has);
void hone_io_unmap(hone_mapping *m); /* accepts an empty mapping; clears it */

/* Streaming read, for tables and gzip. */
typedef struct hone_reader hone_reader;
hone_status hone_reader_open(const char *path, hone_reader **out); /* "-" is stdin; gzip is recognised by its magic */
/* Up to n bytes; *got = 0 at the end. A damaged or truncated gzip stream is HONE_E_FORMAT. */
hone_status hone_reader_read(hone_reader *r, void *p, size_t n, size_t *got);
void hone_reader_close(hone_reader *r);

/* Replace-or-nothing writing: bytes go to `path`.tmp-PID beside the target; commit = fsync, close, rename, fsync of the
 * directory. Abort (or a failed commit) removes the temporary and leaves the old file as it was. Directories must
 * exist. A link stays, and the file that it leads to is replaced; permissions of a file that is replaced stay, and one
 * that we may not write to is not replaced. A pipe, a
 * device, and an open file (/dev/stdout, /proc/PID/fd) are written to as they stand, at their end. */
typedef struct hone_writer hone_writer;
hone_status hone_writer_open(const char *path, hone_writer **out);
/* May we write there at all? Asked before long work; leaves nothing behind. A pipe or device is not opened: who reads a
 * pipe would take the closing for its end. */
hone_status hone_writer_check(const char *path);
/* What is there is written to as it stands, under no temporary name: a pipe, a device, an open file such as /dev/stdout.
 * Such a name has no ending that says what is wanted. */
bool hone_writer_is_direct(const char *path);
hone_status hone_writer_write(hone_writer *w, const void *p, size_t n); /* buffered, 1 MiB */
/* The file will have n bytes: room for them now, or HONE_E_IO with both numbers before anything is written. */
hone_status hone_writer_reserve(hone_writer *w, uint64_t n);
hone_status hone_writer_printf(hone_writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
hone_status hone_writer_commit(hone_writer *w); /* frees w, also on failure */
void hone_writer_abort(hone_writer *w);         /* frees w; accepts NULL */
/* For the handler of a signal that ends the process: the temporaries of all open writers are removed. Nothing else may
 * be done with them afterwards. Safe in a handler. */
void hone_writer_remove_temporaries(void);
hone_status hone_io_write_file(const char *path, const void *p, size_t n); /* open, write, commit */

/* An append-only log of lines. Each call is one write(2). `truncate_at` >= 0 cuts the file there on opening (resume);
 * HONE_E_FORMAT when it is shorter than that, or no line ends there. A pipe or device is refused. */
typedef struct hone_append hone_append;
hone_status hone_append_open(const char *path, int64_t truncate_at, hone_append **out);
hone_status hone_append_write(hone_append *a, const void *p, size_t n);
int64_t hone_append_offset(const hone_append *a);
bool hone_append_is_there(const hone_append *a); /* its path still leads to the file that was opened */
hone_status hone_append_sync(hone_append *a);
void hone_append_close(hone_append *a);

/* Whether something of that name is there, a link that leads nowhere and a name that the system does not let us look at
 * included: opening those says what is wrong, where taking them for absent would pass over a file that was meant to
 * count. Whether it is a folder (links are followed). Never an error. */
bool hone_io_exists(const char *path);
bool hone_io_is_dir(const char *path);
/* for outputs: surely there, if only as a link; where we may not look, writing says why */
bool hone_io_is_taken(const char *path);
bool hone_io_is_stream(const char *path); /* a pipe, a socket or a device: what was read is gone */
/* Which file it is and when it was last written to: two that are equal are the same bytes. False of what is no regular
 * file. */
typedef struct hone_stamp {
    uint64_t device, number; /* of the file, by whatever names */
    int64_t bytes, seconds, nanoseconds;
} hone_stamp;
bool hone_io_stamp(const char *path, hone_stamp *out);
bool hone_stamp_same_file(const hone_stamp *a, const hone_stamp *b); /* written to since, maybe */
/* HONE_OK when they are equal; else HONE_E_FORMAT, in a sentence about `path`, which was changed while it was in `use`
 * ("in use", "read"). */
hone_status hone_stamp_compare(const char *path, const hone_stamp *was, const hone_stamp *now, const char *use);
bool hone_io_same_file(const char *a, const char *b);         /* both are there and are one file, by whatever names */
hone_status hone_io_mkdirs(const char *path);                 /* like mkdir -p */
hone_status hone_io_rename(const char *from, const char *to); /* with fsync of the parent directory */
/* Put folder `fresh` in the place of folder `dir`, so that at every moment `dir` is the old one or the new one, whole;
 * the old one is then removed. Where the file system cannot exchange two names, the old one is moved to `old` first
 * (and back, should the next step fail): a crash in between leaves it there. */
hone_status hone_io_replace_dir(const char *fresh, const char *dir, const char *old);
hone_status hone_io_remove_tree(const char *path);          /* a missing path is fine; never follows links */
hone_status hone_io_copy(const char *from, const char *to); /* through hone_writer */
/* The folder is this process's until it unlocks it or ends, however it ends; HONE_E_ARG when another process has it.
 * Nothing is written. Where the file system knows no locks, *lock is -1 and nobody is kept out. */
hone_status hone_io_lock_dir(const char *path, int *lock);
void hone_io_unlock(int lock); /* accepts -1 */
/* Names created, renamed or removed in this folder reach the disk. One that we may write to but not read cannot be
 * synced, and is no failure. */
hone_status hone_io_sync_dir(const char *path);
/* Names in a directory, sorted by byte order, without . and ..; NULL-terminated array, one hone_free for all. */
hone_status hone_io_list(const char *dir, char ***names, size_t *n);
/* Bytes free for us on the file system that holds path. */
hone_status hone_io_free_bytes(const char *path, uint64_t *bytes);
/* Is there room for `need` bytes and a tenth more? HONE_E_IO in the name of `path`, with both numbers, if not. `dir`: a
 * folder that exists on that file system. A file system that does not say is taken to have room. */
hone_status hone_io_check_room(const char *dir, const char *path, uint64_t need);
/* "No space left on device (need 1.3 GB, 0.2 GB free)" as HONE_E_IO with errno ENOSPC; always fails. */
hone_status hone_io_fail_full(const char *dir, const char *path, uint64_t need);

/* Bytes that a path may have, its NUL included. */
#define HONE_PATH_MAX 4096
/* "dir/name" into a fixed buffer; HONE_E_LIMIT when it does not fit. */
hone_status hone_io_join(char out[HONE_PATH_MAX], const char *dir, const char *name);

#endif
