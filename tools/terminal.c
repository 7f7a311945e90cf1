#include "tools/terminal.h"

#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *hone_plain_text(const char *text, char *out, size_t n) {
    const unsigned char *s = (const unsigned char *)text, *end = s + strlen(text);
    size_t k = 0;
    while (s < end && k + 5 < n) {
        size_t len = hone_utf8_take(s, (size_t)(end - s));
        bool c1 = len == 2 && s[0] == 0xC2 && s[1] < 0xA0; /* U+0080..U+009F drive terminals too */
        if (!len || *s < 0x20 || *s == 0x7F || c1) {
            k += (size_t)snprintf(out + k, n - k, "\\x%02X", *s++);
        } else {
            memcpy(out + k, s, len);
            k += len, s += len;
        }
    }
    out[k] = 0;
    return out;
}

static int print_error_json(const hone_error *e, int code) {
    char text[4200];
    json_t *j = json_object();
    json_object_set_new(j, "error", json_string(hone_plain_text(e->message, text, sizeof text)));
    json_object_set_new(j, "code", json_integer(code));
    if (e->file[0]) json_object_set_new(j, "file", json_string(hone_plain_text(e->file, text, sizeof text)));
    if (e->line > 0) json_object_set_new(j, "line", json_integer(e->line));
    if (e->column > 0) json_object_set_new(j, "column", json_integer(e->column));
    if (e->hint[0]) json_object_set_new(j, "hint", json_string(hone_plain_text(e->hint, text, sizeof text)));
    if (json_dumpf(j, stderr, JSON_COMPACT))
        fprintf(stderr, "{\"error\":\"no memory for the message\",\"code\":%d}", code);
    fputc('\n', stderr);
    json_decref(j);
    return code;
}

int hone_print_error(const hone_error *e, bool json) {
    int code = hone_exit_status(e);
    char text[4200];
    fflush(stdout);
    if (json) return print_error_json(e, code);
    fputs("hone: ", stderr);
    if (e->file[0]) {
        fputs(hone_plain_text(e->file, text, sizeof text), stderr);
        if (e->line > 0) fprintf(stderr, ":%" PRId64, e->line);
        if (e->line > 0 && e->column > 0) fprintf(stderr, ":%" PRId64, e->column);
        fputs(": ", stderr);
    }
    fprintf(stderr, "%s\n", hone_plain_text(e->message, text, sizeof text));
    if (e->hint[0]) fprintf(stderr, "  hint: %s\n", hone_plain_text(e->hint, text, sizeof text));
    return code;
}

void hone_print_note(bool quiet, const char *fmt, ...) {
    char raw[2048], text[4200];
    if (quiet) return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    fprintf(stderr, "hone: %s\n", hone_plain_text(raw, text, sizeof text));
}

static hone_status stdout_failed(void) {
    if (!errno) errno = EIO;
    return hone_fail_os("standard output", "cannot write");
}

static void free_dump(char *text) {
    json_free_t release; /* whatever allocator jansson was told to use */
    json_get_alloc_funcs(NULL, &release);
    release(text);
}

/* jansson prints 0.1 as 0.10000000000000001; users read these lines, so numbers are the shortest that read back. Values
 * are ours or were parsed with a depth limit: the recursion is bounded. */
static hone_status dump(const json_t *j, hone_json_sink sink, void *ctx) {
    if (json_is_object(j)) {
        const char *key;
        json_t *x;
        bool first = true;
        HONE_TRY(sink(ctx, "{", 1));
        json_object_foreach((json_t *)j, key, x) {
            json_t *name = json_string(key);
            char *text = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
            json_decref(name);
            if (!text) return hone_fail(HONE_E_NOMEM, "no memory for a line of JSON");
            hone_status st = first ? HONE_OK : sink(ctx, ",", 1);
            if (st == HONE_OK) st = sink(ctx, text, strlen(text));
            free_dump(text);
            HONE_TRY(st);
            HONE_TRY(sink(ctx, ":", 1));
            HONE_TRY(dump(x, sink, ctx));
            first = false;
        }
        return sink(ctx, "}", 1);
    }
    if (json_is_array(j)) {
        HONE_TRY(sink(ctx, "[", 1));
        for (size_t i = 0; i < json_array_size(j); i++) {
            if (i) HONE_TRY(sink(ctx, ",", 1));
            HONE_TRY(dump(json_array_get(j, i), sink, ctx));
        }
        return sink(ctx, "]", 1);
    }
    if (json_is_real(j)) {
        char number[32];
        return sink(ctx, number, (size_t)hone_format_f64(number, json_real_value(j)));
    }
    char *text = json_dumps(j, JSON_ENCODE_ANY);
    if (!text) return hone_fail(HONE_E_NOMEM, "no memory for a line of JSON");
    hone_status st = sink(ctx, text, strlen(text));
    free_dump(text);
    return st;
}

hone_status hone_json_line(const json_t *j, hone_json_sink sink, void *ctx) {
    HONE_TRY(hone_json_whole());
    return dump(j, sink, ctx);
}

static hone_status to_stdout(void *unused, const char *p, size_t n) {
    (void)unused;
    return hone_print_text(p, n);
}

hone_status hone_print_json(json_t *j) {
    if (!j) return hone_fail(HONE_E_NOMEM, "no memory for a line of JSON");
    hone_status st = hone_json_whole();
    if (st == HONE_OK) st = dump(j, to_stdout, NULL);
    json_decref(j);
    HONE_TRY(st);
    return hone_print_text("\n", 1);
}

hone_status hone_print_text(const char *s, size_t n) {
    errno = 0;
    return fwrite(s, 1, n, stdout) == n ? HONE_OK : stdout_failed();
}

hone_status hone_print_flush(void) {
    errno = 0;
    if (fflush(stdout) || ferror(stdout)) return stdout_failed();
    return HONE_OK;
}
