/* Streams for reading: plain bytes or gzip, told apart by the first two bytes. */
#include "base/io.h"
#include "base/io_sys.h"
#include "base/memory.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { INPUT = 128 << 10 };

struct hone_reader {
    int fd;
    bool is_stdin, ended; /* ended: the file has no more bytes */
    bool gzip;
    bool between; /* gzip: before the first member, or one has ended: another, padding, or the end may follow */
    bool first;   /* gzip: no member has been read yet */
    bool broken;  /* a failure was reported; nothing more comes */
    z_stream z;
    size_t at, filled; /* unread input */
    unsigned char input[INPUT];
    char path[]; /* for messages */
};

static void *zlib_alloc(void *opaque, unsigned items, unsigned size) {
    (void)opaque;
    return hone_alloc((size_t)items * size);
}
static void zlib_free(void *opaque, void *p) {
    (void)opaque;
    hone_free(p);
}

static hone_status fill(hone_reader *r) {
    if (r->at < r->filled || r->ended) return HONE_OK;
    ssize_t got = hone_sys_read(r->fd, r->input, INPUT);
    if (got < 0) return hone_sys_fail(r->path, "cannot read");
    r->at = 0, r->filled = (size_t)got;
    r->ended = got == 0;
    return HONE_OK;
}

/* Looks at the first two bytes, which a pipe may deliver one by one. */
static hone_status sniff(hone_reader *r) {
    while (r->filled < 2 && !r->ended) {
        ssize_t got = hone_sys_read(r->fd, r->input + r->filled, INPUT - r->filled);
        if (got < 0) return hone_sys_fail(r->path, "cannot read");
        r->filled += (size_t)got;
        r->ended = got == 0;
    }
    if (r->filled < 2 || r->input[0] != 0x1F || r->input[1] != 0x8B) return HONE_OK;
    r->z.zalloc = zlib_alloc, r->z.zfree = zlib_free;
    if (inflateInit2(&r->z, 15 + 16) != Z_OK) return hone_blame(r->path, 0); /* zlib_alloc has said why */
    r->gzip = r->between = r->first = true;
    return HONE_OK;
}

hone_status hone_reader_open(const char *path, hone_reader **out) {
    bool is_stdin = !strcmp(path, "-");
    const char *shown = is_stdin ? "standard input" : path;
    hone_reader *r = hone_alloc(sizeof *r + strlen(shown) + 1);
    if (!r) return hone_blame(shown, 0);
    memset(r, 0, offsetof(hone_reader, input));
    strcpy(r->path, shown);
    r->is_stdin = is_stdin;
    r->fd = is_stdin ? STDIN_FILENO : hone_sys_open(path, O_RDONLY);
    if (r->fd < 0) {
        hone_status s = hone_sys_fail(path, "cannot open");
        hone_free(r);
        return s;
    }
    hone_status s = sniff(r);
    if (s != HONE_OK) {
        hone_reader_close(r);
        return s;
    }
    *out = r;
    return HONE_OK;
}

static hone_status damaged(const hone_reader *r, const char *what) {
    hone_fail_at(HONE_E_FORMAT, r->path, 0, 0, "%s", what);
    return hone_hint("download or copy incomplete? gzip -t tests the file");
}

/* Between members: skip zero padding, as gzip does for tapes; then another member, the end, or rubbish. */
static hone_status next_member(hone_reader *r, bool *end) {
    *end = false;
    for (;;) {
        HONE_TRY(fill(r));
        if (r->at == r->filled) {
            *end = true;
            return HONE_OK;
        }
        if (r->first || r->input[r->at]) break;
        r->at++;
    }
    if (r->input[r->at] != 0x1F) return damaged(r, "the gzip stream is followed by bytes that are not gzip");
    inflateReset(&r->z);
    r->between = r->first = false;
    return HONE_OK;
}

static hone_status read_gzip(hone_reader *r, unsigned char *p, size_t n, size_t *got) {
    *got = 0;
    while (*got < n) {
        if (r->between) {
            bool end;
            HONE_TRY(next_member(r, &end));
            if (end) return HONE_OK;
        }
        HONE_TRY(fill(r));
        if (r->at == r->filled) return damaged(r, "gzip stream is cut short");
        size_t room = n - *got > 1u << 30 ? 1u << 30 : n - *got;
        r->z.next_in = r->input + r->at, r->z.avail_in = (unsigned)(r->filled - r->at);
        r->z.next_out = p + *got, r->z.avail_out = (unsigned)room;
        hone_error kept = *hone_last_error();
        hone_error_clear();
        int rc = inflate(&r->z, Z_NO_FLUSH);
        if (hone_last_error()->code == HONE_E_NOMEM) return hone_blame(r->path, 0);
        hone_error_restore(&kept);
        r->at = r->filled - r->z.avail_in;
        *got += room - r->z.avail_out;
        if (rc == Z_STREAM_END)
            r->between = true;
        else if (rc == Z_DATA_ERROR || rc == Z_NEED_DICT)
            return damaged(r, r->z.msg ? r->z.msg : "damaged gzip stream");
        else if (rc == Z_BUF_ERROR && r->at < r->filled && r->z.avail_out)
            return damaged(r, "damaged gzip stream"); /* no progress with input and room: cannot be, must not hang */
    }
    return HONE_OK;
}

static hone_status read_plain(hone_reader *r, unsigned char *p, size_t n, size_t *got) {
    size_t have = r->filled - r->at;
    if (have) {
        *got = have < n ? have : n;
        memcpy(p, r->input + r->at, *got);
        r->at += *got;
        return HONE_OK;
    }
    *got = 0;
    if (r->ended || !n) return HONE_OK;
    ssize_t read = hone_sys_read(r->fd, p, n);
    if (read < 0) return hone_sys_fail(r->path, "cannot read");
    r->ended = read == 0;
    *got = (size_t)read;
    return HONE_OK;
}

hone_status hone_reader_read(hone_reader *r, void *p, size_t n, size_t *got) {
    if (r->broken) return hone_fail_at(HONE_E_IO, r->path, 0, 0, "cannot read on after an earlier failure");
    size_t count = 0;
    hone_status s = r->gzip ? read_gzip(r, p, n, &count) : read_plain(r, p, n, &count);
    r->broken = s != HONE_OK;
    if (s == HONE_OK) *got = count;
    return s;
}

void hone_reader_close(hone_reader *r) {
    if (!r) return;
    if (r->gzip) inflateEnd(&r->z);
    if (!r->is_stdin) hone_sys_close(r->fd);
    hone_free(r);
}
