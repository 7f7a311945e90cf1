#include "base/json_scan.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What may come next. */
enum { VALUE, VALUE_OR_CLOSE, KEY, KEY_OR_CLOSE, COMMA_OR_CLOSE, NOTHING };

void hone_json_scan_start(hone_json_scanner *s, const char *text, size_t n, const char *file, int64_t line) {
    *s = (hone_json_scanner){.text = text, .file = file, .n = n, .line = line, .state = VALUE};
}

void hone_json_scan_start_bytes(hone_json_scanner *s, const char *text, size_t n, const char *file, uint64_t base) {
    *s = (hone_json_scanner){.text = text, .file = file, .n = n, .base = base, .state = VALUE};
}

hone_status hone_json_scan_fail(const hone_json_scanner *s, const char *where, hone_status code, const char *fmt, ...) {
    char message[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (!s->line)
        return hone_fail_at(code, s->file, 0, 0, "%s (byte %" PRIu64 ")", message,
                            s->base + (uint64_t)(where - s->text));
    /* Columns count characters, from 1; lines end with \n. */
    int64_t line = s->line, column = 1;
    for (const char *p = s->text; p < where; p++) {
        if (*p == '\n')
            line++, column = 1;
        else
            column += ((unsigned char)*p & 0xC0) != 0x80;
    }
    return hone_fail_at(code, s->file, line, column, "%s", message);
}

static hone_status unexpected(const hone_json_scanner *s, const char *expected) {
    const char *p = s->text + s->at;
    if (s->at >= s->n)
        return hone_json_scan_fail(s, p, HONE_E_FORMAT, "expected %s, found the end of the text", expected);
    size_t k = 1;
    while (k < 4 && s->at + k < s->n && ((unsigned char)p[k] & 0xC0) == 0x80) k++;
    return hone_json_scan_fail(s, p, HONE_E_FORMAT, "expected %s, found '%s'", expected, hone_quote_n(p, k));
}

static void skip_space(hone_json_scanner *s) {
    while (s->at < s->n) {
        char c = s->text[s->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') break;
        s->at++;
    }
}

static int hex4(const char *p) {
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* One escape at p (a backslash), n bytes left: its length, and the code point; 0 when it is wrong. */
static size_t take_escape(const char *p, size_t n, uint32_t *code) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (n < 2) return 0;
    const char *simple = p[1] ? strchr(from, p[1]) : NULL;
    if (simple) return *code = (unsigned char)to[simple - from], 2;
    if (p[1] != 'u' || n < 6) return 0;
    int high = hex4(p + 2);
    if (high < 0 || (high >= 0xDC00 && high < 0xE000)) return 0;
    if (high < 0xD800 || high >= 0xE000) return *code = (uint32_t)high, 6;
    int low = n >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
    if (low < 0xDC00 || low >= 0xE000) return 0;
    return *code = 0x10000u + (((uint32_t)high - 0xD800) << 10) + ((uint32_t)low - 0xDC00), 12;
}

/* s->at stands on the opening quote. */
static hone_status scan_string(hone_json_scanner *s, hone_json_token *t) {
    const char *p = s->text;
    size_t start = s->at++;
    t->p = p + s->at, t->escaped = false;
    for (;;) {
        if (s->at >= s->n) return hone_json_scan_fail(s, p + start, HONE_E_FORMAT, "string without its closing quote");
        unsigned char c = (unsigned char)p[s->at];
        if (c == '"') break;
        if (c == '\\') {
            uint32_t code;
            size_t k = take_escape(p + s->at, s->n - s->at, &code);
            if (!k) {
                size_t shown = s->n - s->at < 6 ? s->n - s->at : 6;
                return hone_json_scan_fail(s, p + s->at, HONE_E_FORMAT, "\"%s\" begins no valid escape",
                                           hone_quote_n(p + s->at, shown));
            }
            t->escaped = true;
            s->at += k;
        } else if (c < 0x20) {
            return hone_json_scan_fail(s, p + s->at, HONE_E_FORMAT, "control character '\\x%02x' in a string", c);
        } else if (c < 0x80) {
            s->at++;
        } else {
            size_t k = hone_utf8_take(p + s->at, s->n - s->at);
            if (!k) return hone_json_scan_fail(s, p + s->at, HONE_E_FORMAT, "byte '\\x%02x' is not UTF-8", c);
            s->at += k;
        }
    }
    t->n = (size_t)(p + s->at - t->p);
    s->at++;
    return HONE_OK;
}

static bool digits(hone_json_scanner *s) {
    size_t from = s->at;
    while (s->at < s->n && s->text[s->at] >= '0' && s->text[s->at] <= '9') s->at++;
    return s->at > from;
}

static hone_status scan_number(hone_json_scanner *s, hone_json_token *t) {
    t->p = s->text + s->at, t->kind = HONE_JSON_INTEGER;
    if (s->text[s->at] == '-') s->at++;
    bool zero = s->at < s->n && s->text[s->at] == '0';
    size_t from = s->at;
    if (!digits(s)) return unexpected(s, "a digit");
    if (zero && s->at > from + 1) {
        s->at = from;
        return hone_json_scan_fail(s, s->text + from, HONE_E_FORMAT, "a number with a leading zero");
    }
    if (s->at < s->n && s->text[s->at] == '.') {
        s->at++, t->kind = HONE_JSON_REAL;
        if (!digits(s)) return unexpected(s, "a digit");
    }
    if (s->at < s->n && (s->text[s->at] == 'e' || s->text[s->at] == 'E')) {
        s->at++, t->kind = HONE_JSON_REAL;
        if (s->at < s->n && (s->text[s->at] == '+' || s->text[s->at] == '-')) s->at++;
        if (!digits(s)) return unexpected(s, "a digit");
    }
    t->n = (size_t)(s->text + s->at - t->p);
    return HONE_OK;
}

static void after_value(hone_json_scanner *s) {
    s->state = s->depth ? COMMA_OR_CLOSE : NOTHING;
}

static bool in_object(const hone_json_scanner *s) {
    return s->depth && (s->objects >> (s->depth - 1) & 1);
}

static hone_status scan_word(hone_json_scanner *s, hone_json_token *t) {
    static const struct {
        const char *word;
        hone_json_kind kind;
    } words[] = {{"true", HONE_JSON_TRUE}, {"false", HONE_JSON_FALSE}, {"null", HONE_JSON_NULL}};
    for (int i = 0; i < 3; i++) {
        size_t k = strlen(words[i].word);
        if (s->n - s->at < k || memcmp(s->text + s->at, words[i].word, k)) continue;
        t->kind = words[i].kind, t->p = s->text + s->at, t->n = k;
        s->at += k;
        return HONE_OK;
    }
    return unexpected(s, s->state == VALUE_OR_CLOSE ? "a value or ']'" : "a value");
}

static hone_status scan_value(hone_json_scanner *s, hone_json_token *t) {
    char c = s->at < s->n ? s->text[s->at] : 0;
    if (c == '{' || c == '[') {
        if (s->depth == HONE_JSON_DEPTH)
            return hone_json_scan_fail(s, s->text + s->at, HONE_E_LIMIT, "nested deeper than %d levels",
                                       HONE_JSON_DEPTH);
        uint64_t bit = (uint64_t)1 << s->depth++;
        s->objects = c == '{' ? s->objects | bit : s->objects & ~bit;
        s->state = c == '{' ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
        t->kind = c == '{' ? HONE_JSON_OBJECT : HONE_JSON_ARRAY, t->p = s->text + s->at++, t->n = 1;
        return HONE_OK;
    }
    if (c == '"') {
        HONE_TRY(scan_string(s, t));
        t->kind = HONE_JSON_STRING;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        HONE_TRY(scan_number(s, t));
    } else {
        HONE_TRY(scan_word(s, t));
    }
    after_value(s);
    return HONE_OK;
}

static hone_status scan_key(hone_json_scanner *s, hone_json_token *t) {
    if (s->at >= s->n || s->text[s->at] != '"')
        return unexpected(s, s->state == KEY_OR_CLOSE ? "a key in double quotes or '}'" : "a key in double quotes");
    HONE_TRY(scan_string(s, t));
    skip_space(s);
    if (s->at >= s->n || s->text[s->at] != ':') return unexpected(s, "':'");
    s->at++;
    t->kind = HONE_JSON_KEY;
    s->state = VALUE;
    return HONE_OK;
}

hone_status hone_json_scan_next(hone_json_scanner *s, hone_json_token *t) {
    *t = (hone_json_token){.kind = HONE_JSON_END};
    skip_space(s);
    char c = s->at < s->n ? s->text[s->at] : 0;
    if (s->state == NOTHING) return s->at < s->n ? unexpected(s, "the end of the text") : HONE_OK;
    char close = in_object(s) ? '}' : ']';
    bool may_close = s->state == COMMA_OR_CLOSE || s->state == KEY_OR_CLOSE || s->state == VALUE_OR_CLOSE;
    if (may_close && c == close) {
        t->kind = in_object(s) ? HONE_JSON_OBJECT_END : HONE_JSON_ARRAY_END, t->p = s->text + s->at++, t->n = 1;
        s->depth--;
        after_value(s);
        return HONE_OK;
    }
    if (s->state == COMMA_OR_CLOSE) {
        if (c != ',') return unexpected(s, in_object(s) ? "',' or '}'" : "',' or ']'");
        s->at++;
        skip_space(s);
        s->state = in_object(s) ? KEY : VALUE;
    }
    return s->state == KEY || s->state == KEY_OR_CLOSE ? scan_key(s, t) : scan_value(s, t);
}

hone_status hone_json_scan_skip(hone_json_scanner *s, const hone_json_token *first) {
    hone_json_token t = *first;
    if (t.kind == HONE_JSON_KEY) HONE_TRY(hone_json_scan_next(s, &t));
    if (t.kind != HONE_JSON_OBJECT && t.kind != HONE_JSON_ARRAY) return HONE_OK;
    for (int outside = s->depth - 1; s->depth > outside;) HONE_TRY(hone_json_scan_next(s, &t));
    return HONE_OK;
}

static size_t put_utf8(uint32_t c, char *dst) {
    if (c < 0x80) return dst[0] = (char)c, 1;
    if (c < 0x800) return dst[0] = (char)(0xC0 | c >> 6), dst[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        dst[0] = (char)(0xE0 | c >> 12), dst[1] = (char)(0x80 | (c >> 6 & 63)), dst[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    dst[0] = (char)(0xF0 | c >> 18), dst[1] = (char)(0x80 | (c >> 12 & 63));
    dst[2] = (char)(0x80 | (c >> 6 & 63)), dst[3] = (char)(0x80 | (c & 63));
    return 4;
}

size_t hone_json_scan_decode(const hone_json_token *t, char *dst) {
    if (!t->escaped) {
        memcpy(dst, t->p, t->n);
        return t->n;
    }
    size_t out = 0;
    for (size_t i = 0; i < t->n;) {
        uint32_t code;
        size_t k = t->p[i] == '\\' ? take_escape(t->p + i, t->n - i, &code) : 0;
        if (k)
            out += put_utf8(code, dst + out), i += k;
        else
            dst[out++] = t->p[i++];
    }
    return out;
}

bool hone_json_scan_u64(const hone_json_token *t, uint64_t *out) {
    if (t->kind != HONE_JSON_INTEGER || t->p[0] == '-') return false;
    uint64_t v = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!hone_mul_size(v, 10, &v) || !hone_add_size(v, (uint64_t)(t->p[i] - '0'), &v)) return false;
    *out = v;
    return true;
}
