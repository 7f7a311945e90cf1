#include "tools/text_buffer.h"

#include "base/json.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hone_text_add(hone_text_buffer *b, const char *s, size_t n) {
    if (b->failed) return;
    if (n > b->capacity - b->n) {
        size_t want = 2 * b->capacity + n + 256;
        char *p = hone_realloc(b->p, want);
        if (!p) {
            b->failed = true;
            return;
        }
        b->p = p, b->capacity = want;
    }
    memcpy(b->p + b->n, s, n);
    b->n += n;
}

void hone_text_puts(hone_text_buffer *b, const char *s) {
    hone_text_add(b, s, strlen(s));
}

void hone_text_printf(hone_text_buffer *b, const char *fmt, ...) {
    char s[512], *p = s;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(s, sizeof s, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof s) {
        if (!(p = hone_alloc((size_t)n + 1))) {
            b->failed = true;
            return;
        }
        va_start(ap, fmt);
        vsnprintf(p, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    if (n > 0) hone_text_add(b, p, (size_t)n);
    if (p != s) hone_free(p);
}

void hone_text_html(hone_text_buffer *b, const char *s, size_t n) {
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        const char *r = c == '&'                                            ? "&amp;"
                        : c == '<'                                          ? "&lt;"
                        : c == '>'                                          ? "&gt;"
                        : c == '"'                                          ? "&quot;"
                        : c == '\''                                         ? "&#39;"
                        : (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? "\xEF\xBF\xBD"
                                                                            : NULL;
        if (!r) continue;
        hone_text_add(b, s + from, i - from);
        hone_text_puts(b, r);
        from = i + 1;
    }
    hone_text_add(b, s + from, n - from);
}

void hone_text_int(hone_text_buffer *b, int64_t x) {
    char s[24];
    hone_text_add(b, s, (size_t)snprintf(s, sizeof s, "%" PRId64, x));
}

void hone_text_f32(hone_text_buffer *b, float x) {
    char s[32];
    hone_text_add(b, s, (size_t)hone_format_f32(s, x));
}

void hone_text_json(hone_text_buffer *b, const char *s, size_t n) {
    size_t from = 0;
    hone_text_add(b, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        char escape[8];
        hone_text_add(b, s + from, i - from);
        hone_text_add(b, escape,
                      (size_t)(c < 0x20 ? snprintf(escape, sizeof escape, "\\u%04x", c)
                                        : snprintf(escape, sizeof escape, "\\%c", c)));
        from = i + 1;
    }
    hone_text_add(b, s + from, n - from);
    hone_text_add(b, "\"", 1);
}

void hone_text_buffer_free(hone_text_buffer *b) {
    hone_free(b->p);
    *b = (hone_text_buffer){0};
}
