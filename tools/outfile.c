#include "tools/outfile.h"

#include "base/memory.h"
#include "tools/terminal.h"

#include <signal.h>
#include <string.h>
#include <zlib.h>

struct hone_outfile {
    hone_writer *w; /* NULL: standard output */
    bool packed;
    z_stream z;
    unsigned char out[64 << 10];
};

static void *zlib_alloc(void *opaque, unsigned items, unsigned size) {
    (void)opaque;
    return hone_alloc((size_t)items * size);
}
static void zlib_free(void *opaque, void *p) {
    (void)opaque;
    hone_free(p);
}

hone_status hone_outfile_check(const char *out, const char *what, const char *input) {
    if (!out || !input || !strcmp(out, "-") || !strcmp(input, "-") || !hone_io_same_file(out, input)) return HONE_OK;
    hone_fail(HONE_E_ARG, "--out %s is the same file as %s, which would be lost", hone_quote(out), what);
    return hone_hint("give --out another name");
}

static hone_status check_tree(const char *out, const char *what, const char *dir, int deep) {
    char **names, path[HONE_PATH_MAX];
    size_t n;
    if (!hone_io_is_dir(dir)) return hone_outfile_check(out, what, dir);
    hone_status st = deep ? hone_io_list(dir, &names, &n) : HONE_E_IO;
    if (st != HONE_OK) return st == HONE_E_NOMEM ? st : HONE_OK;
    for (size_t i = 0; i < n && st == HONE_OK; i++)
        if (hone_io_join(path, dir, names[i]) == HONE_OK) st = check_tree(out, what, path, deep - 1);
    hone_free(names);
    return st;
}

hone_status hone_outfile_check_folder(const char *out, const char *what, const char *input) {
    /* model/1_Pooling/config.json; a folder that somebody keeps a model among is not searched through */
    const int deep = 2;
    if (!out || !input || !hone_io_exists(out) || hone_io_is_stream(out)) return HONE_OK;
    return check_tree(out, what, input, deep);
}

hone_status hone_outfile_open(const char *path, hone_outfile **out) {
    size_t n = strlen(path);
    hone_outfile *s = hone_alloc(sizeof *s);
    if (!s) return HONE_E_NOMEM;
    memset(s, 0, offsetof(hone_outfile, out));
    hone_status st = strcmp(path, "-") ? hone_writer_open(path, &s->w) : HONE_OK;
    if (st == HONE_OK && n > 3 && !strcmp(path + n - 3, ".gz")) {
        s->z.zalloc = zlib_alloc, s->z.zfree = zlib_free;
        s->packed = deflateInit2(&s->z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
        if (!s->packed) st = hone_fail(HONE_E_NOMEM, "no memory to pack %s", hone_quote(path));
    }
    if (st != HONE_OK) {
        hone_outfile_abort(s);
        return st;
    }
    *out = s;
    return HONE_OK;
}

static hone_status put(hone_outfile *s, const void *p, size_t n) {
    return s->w ? hone_writer_write(s->w, p, n) : hone_print_text(p, n);
}

static hone_status pack(hone_outfile *s, int flush) {
    do {
        s->z.next_out = s->out, s->z.avail_out = sizeof s->out;
        deflate(&s->z, flush); /* can only fail by a misuse */
        if (s->z.avail_out < sizeof s->out) HONE_TRY(put(s, s->out, sizeof s->out - s->z.avail_out));
    } while (!s->z.avail_out);
    return HONE_OK;
}

hone_status hone_outfile_write(hone_outfile *s, const char *p, size_t n) {
    if (!s->packed) return put(s, p, n);
    while (n) {
        size_t part = n < (1u << 30) ? n : 1u << 30;
        s->z.next_in = (unsigned char *)(uintptr_t)p, s->z.avail_in = (unsigned)part;
        HONE_TRY(pack(s, Z_NO_FLUSH));
        p += part, n -= part;
    }
    return HONE_OK;
}

hone_status hone_outfile_commit(hone_outfile *s) {
    hone_status st = s->packed ? pack(s, Z_FINISH) : HONE_OK;
    if (st == HONE_OK && s->w) {
        st = hone_writer_commit(s->w);
        s->w = NULL;
    }
    hone_outfile_abort(s);
    return st;
}

hone_status hone_outfile_commit_all(hone_outfile **s, char (*path)[HONE_PATH_MAX], int64_t n, bool fresh) {
    const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
    sigset_t held, before;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) sigaddset(&held, ending[i]);
    pthread_sigmask(SIG_BLOCK, &held, &before);
    hone_status st = HONE_OK;
    int64_t done = 0;
    for (; done < n && st == HONE_OK; done++) {
        st = hone_outfile_commit(s[done]);
        s[done] = NULL;
    }
    if (st != HONE_OK && fresh) {
        hone_error e = *hone_last_error();
        /* The last one, too: its name may be in place though its folder could not be synced. */
        for (int64_t i = 0; i < done; i++) hone_io_remove_tree(path[i]);
        hone_error_restore(&e);
    }
    for (int64_t i = done; i < n; i++) {
        hone_outfile_abort(s[i]);
        s[i] = NULL;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return st;
}

void hone_outfile_abort(hone_outfile *s) {
    if (!s) return;
    if (s->packed) deflateEnd(&s->z);
    hone_writer_abort(s->w);
    hone_free(s);
}
