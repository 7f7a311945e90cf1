/* The error record: one fixed buffer per thread. Nothing here allocates. */
#include "base/status.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local hone_error last;

/* Copies at most cap - 1 bytes and never leaves half a UTF-8 character at the cut. */
static void put(char *dst, size_t cap, const char *src) {
    size_t n = strlen(src);
    if (n >= cap) {
        n = cap - 1;
        while (n && ((unsigned char)src[n] & 0xC0) == 0x80) n--;
    }
    memmove(dst, src, n);
    dst[n] = 0;
}

/* Everything is formatted before the record changes: an argument may point into the record itself. */
static hone_status store(hone_status code, int os_error, const char *file, int64_t line, int64_t column,
                         const char *message) {
    char name[sizeof last.file];
    put(name, sizeof name, file ? file : "");
    put(last.message, sizeof last.message, message);
    memcpy(last.file, name, sizeof name);
    last.code = code, last.os_error = os_error, last.line = line, last.column = column;
    last.hint[0] = 0;
    return code;
}

hone_status hone_fail(hone_status code, const char *fmt, ...) {
    char text[2 * sizeof last.message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return store(code, 0, NULL, 0, 0, text);
}

hone_status hone_fail_at(hone_status code, const char *file, int64_t line, int64_t column, const char *fmt, ...) {
    char text[2 * sizeof last.message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return store(code, 0, file, line, column, text);
}

hone_status hone_fail_os(const char *file, const char *fmt, ...) {
    int os_error = errno;
    char text[2 * sizeof last.message], reason[128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text - sizeof reason, fmt, ap);
    va_end(ap);
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "%s%s", n ? ": " : "", strerror_r(os_error, reason, sizeof reason));
    return store(HONE_E_IO, os_error, file, 0, 0, text);
}

hone_status hone_hint(const char *fmt, ...) {
    char text[2 * sizeof last.hint];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put(last.hint, sizeof last.hint, text);
    return last.code;
}

hone_status hone_blame(const char *file, int64_t line) {
    if (!file) return last.code;
    if (!last.file[0]) put(last.file, sizeof last.file, file);
    /* A line belongs to a file: it is of no use beside another file's name. */
    if (!last.line && !strncmp(last.file, file, sizeof last.file - 1)) last.line = line;
    return last.code;
}

const hone_error *hone_last_error(void) {
    return &last;
}

void hone_error_clear(void) {
    memset(&last, 0, sizeof last);
}

void hone_error_restore(const hone_error *e) {
    if (e != &last) last = *e;
}

const char *hone_error_text(const hone_error *e) {
    static _Thread_local char text[sizeof e->file + sizeof e->message + sizeof e->hint + 64];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", e->file);
    if (n && e->line > 0) n += (size_t)snprintf(text + n, sizeof text - n, ":%" PRId64, e->line);
    if (n && e->line > 0 && e->column > 0) n += (size_t)snprintf(text + n, sizeof text - n, ":%" PRId64, e->column);
    n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ": " : "", e->message);
    if (e->hint[0]) snprintf(text + n, sizeof text - n, "\n  hint: %s", e->hint);
    return text;
}

int hone_exit_status(const hone_error *e) {
    switch (e->code) {
    case HONE_OK: return 0;
    case HONE_E_ARG: return 2;
    case HONE_E_SHAPE:
    case HONE_E_DTYPE:
    case HONE_E_FORMAT:
    case HONE_E_LIMIT:
    case HONE_E_UNSUPPORTED: return 3;
    /* Reads report a missing file with its errno; writers report a missing folder without one (io_sys.h), so that
     * ENOENT, ENOTDIR and EISDIR here always speak of an input that is not there. */
    case HONE_E_IO: return e->os_error == ENOENT || e->os_error == ENOTDIR || e->os_error == EISDIR ? 3 : 4;
    case HONE_E_NOMEM: return 5;
    case HONE_E_NUMERIC: return 6;
    case HONE_E_DEVICE: return 7;
    case HONE_E_STOPPED: return 128 + (e->os_error > 0 && e->os_error < 128 ? e->os_error : 2);
    }
    return 1;
}

/* Characters that a terminal obeys, that hide others or that look like a space and are none: C0, DEL, C1, the no-break
 * space and its kin, the soft hyphen, line separators, bidirectional overrides, zero width ones, the byte order
 * mark. */
static bool is_harmless(const unsigned char *p, size_t k) {
    if (k == 1) return p[0] >= 0x20 && p[0] != 0x7F;
    if (k == 2) return !(p[0] == 0xC2 && (p[1] <= 0xA0 || p[1] == 0xAD));
    if (k == 3 && p[0] == 0xE2 && p[1] == 0x80) return p[2] > 0x8F && (p[2] < 0xA8 || p[2] > 0xAF);
    if (k == 3 && p[0] == 0xE2 && p[1] == 0x81) return p[2] < 0x9F || p[2] > 0xAF;
    if (k == 3 && p[1] == 0x80 && p[2] == 0x80 && p[0] == 0xE3) return false; /* ideographic space */
    if (k == 3 && p[0] == 0xEF && p[1] == 0xBB) return p[2] != 0xBF;
    return true;
}

const char *hone_quote_n(const char *s, size_t n) {
    enum { CUT = 80 };
    static _Thread_local char buffers[8][CUT + 4];
    static _Thread_local unsigned turn;
    if (!s) return "(null)";
    char *out = buffers[turn++ % 8];
    const unsigned char *p = (const unsigned char *)s;
    size_t at = 0;
    for (size_t i = 0; i < n;) {
        size_t k = hone_utf8_take(p + i, n - i);
        bool plain = k && is_harmless(p + i, k);
        if (!k) k = 1;
        size_t wants = plain ? k : 4 * k;
        if (at + wants > CUT) {
            memcpy(out + at, "...", 3);
            at += 3;
            break;
        }
        if (plain) memcpy(out + at, p + i, k);
        for (size_t b = 0; !plain && b < k; b++) snprintf(out + at + 4 * b, 5, "\\x%02x", p[i + b]);
        at += wants;
        i += k;
    }
    out[at] = 0;
    return out;
}

const char *hone_quote(const char *s) {
    return hone_quote_n(s, s ? strlen(s) : 0);
}
