/* The scanner reads the text, its messages have a place and both sides of the disagreement; the tree is jansson's,
 * built here value by value. jansson's own parser is not used: it aborts (an assertion in its lexer, 2.14) or drops a
 * byte when an allocation fails in the middle of a string. */
#include "base/json.h"

#include "base/io.h"
#include "base/json_scan.h"
#include "base/memory.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((uint64_t)256 << 20)

static _Thread_local bool starved;

static void *alloc_for_jansson(size_t bytes) {
    void *p = hone_alloc_small(bytes);
    starved |= !p;
    return p;
}

__attribute__((constructor)) static void use_our_memory(void) {
    json_set_alloc_funcs(alloc_for_jansson, hone_free);
}

hone_status hone_json_whole(void) {
    bool was = starved;
    starved = false;
    return was ? hone_fail(HONE_E_NOMEM, "out of memory for JSON: a value was left out") : HONE_OK;
}

static bool int64_fits(const hone_json_token *t) {
    char text[24];
    if (t->n >= sizeof text) return false;
    memcpy(text, t->p, t->n);
    text[t->n] = 0;
    errno = 0;
    strtoll(text, NULL, 10);
    return errno == 0;
}

static hone_status check_token(const hone_json_scanner *s, const hone_json_token *t, bool big_integers) {
    if (t->kind == HONE_JSON_INTEGER && !big_integers && !int64_fits(t))
        return hone_json_scan_fail(s, t->p, HONE_E_LIMIT, "integer %s does not fit 64 bits", hone_quote_n(t->p, t->n));
    if (t->kind == HONE_JSON_KEY && t->escaped)
        for (size_t i = 0; i + 5 < t->n; i++) {
            if (!memcmp(t->p + i, "\\u0000", 6))
                return hone_json_scan_fail(s, t->p, HONE_E_UNSUPPORTED, "key with a NUL character");
            i += t->p[i] == '\\';
        }
    return HONE_OK;
}

/* The tree under construction: the containers that are open, and the key that waits for its value. */
typedef struct builder {
    json_t *root, *open[HONE_JSON_DEPTH + 1];
    int depth;
    bool unique_keys, big_integers;
    char *key, *value; /* decoded texts */
    size_t key_room, value_room;
} builder;

static hone_status no_room(void) {
    return hone_last_error()->code == HONE_E_NOMEM ? HONE_E_NOMEM : hone_fail(HONE_E_NOMEM, "no memory for JSON");
}

/* The text of a key or string without its escapes, NUL-terminated. */
static hone_status decode(const hone_json_token *t, char **buffer, size_t *room, size_t *n) {
    if (*room <= t->n) {
        char *larger = hone_realloc(*buffer, 2 * t->n + 64);
        if (!larger) return no_room();
        *buffer = larger, *room = 2 * t->n + 64;
    }
    *n = hone_json_scan_decode(t, *buffer);
    (*buffer)[*n] = 0;
    return HONE_OK;
}

/* strtod takes the decimal sign of the host program's locale: p[0..n) with that sign for its point, NUL-terminated,
 * into out, which has room for n and the sign. */
static void localize(const char *p, size_t n, const char *sign, char *out) {
    const size_t width = strlen(sign);
    const char *point = memchr(p, '.', n);
    const size_t head = point ? (size_t)(point - p) : n;
    memcpy(out, p, head);
    out[n + (point ? width - 1 : 0)] = 0;
    if (!point) return;
    memcpy(out + head, sign, width);
    memcpy(out + head + width, point + 1, n - head - 1);
}

bool hone_parse_decimal(const char *p, size_t n, double *out) {
    enum { MOST = 63, SIGN = 16 };
    const char *sign = localeconv()->decimal_point;
    char text[MOST + SIGN + 1], *end;
    if (!n || n > MOST || strlen(sign) > SIGN) return false;
    for (size_t i = 0; i < n; i++) /* no hexadecimal, no "nan", no blanks */
        if (!p[i] || !strchr("0123456789+-.eE", p[i])) return false;
    localize(p, n, sign, text);
    double x = strtod(text, &end);
    if (*end || !isfinite(x)) return false;
    *out = x;
    return true;
}

static hone_status real_of(const hone_json_scanner *s, const hone_json_token *t, builder *b, json_t **v) {
    const char *sign = localeconv()->decimal_point;
    const size_t need = t->n + strlen(sign) + 1;
    if (b->value_room < need) {
        char *larger = hone_realloc(b->value, need + 64);
        if (!larger) return no_room();
        b->value = larger, b->value_room = need + 64;
    }
    localize(t->p, t->n, sign, b->value);
    double x = strtod(b->value, NULL);
    if (!isfinite(x))
        return hone_json_scan_fail(s, t->p, HONE_E_FORMAT, "real number overflow near '%s'", hone_quote_n(t->p, t->n));
    *v = json_real(x);
    return *v ? HONE_OK : no_room();
}

/* A scalar, or a container that is still empty. */
static hone_status value_of(const hone_json_scanner *s, const hone_json_token *t, builder *b, json_t **v) {
    char number[24] = "";
    size_t n = 0;
    switch (t->kind) {
    case HONE_JSON_OBJECT: *v = json_object(); break;
    case HONE_JSON_ARRAY: *v = json_array(); break;
    case HONE_JSON_STRING:
        if (t->escaped) HONE_TRY(decode(t, &b->value, &b->value_room, &n));
        *v = t->escaped ? json_stringn_nocheck(b->value, n) : json_stringn_nocheck(t->p, t->n);
        break;
    case HONE_JSON_INTEGER:
        if (!int64_fits(t)) return real_of(s, t, b, v);
        memcpy(number, t->p, t->n); /* check_token has looked at its length */
        *v = json_integer(strtoll(number, NULL, 10));
        break;
    case HONE_JSON_REAL: return real_of(s, t, b, v);
    case HONE_JSON_TRUE: *v = json_true(); break;
    case HONE_JSON_FALSE: *v = json_false(); break;
    default: *v = json_null(); break;
    }
    return *v ? HONE_OK : no_room();
}

static hone_status add_token(const hone_json_scanner *s, const hone_json_token *t, builder *b) {
    size_t n = 0;
    json_t *v = NULL;
    if (t->kind == HONE_JSON_END) return HONE_OK;
    if (t->kind == HONE_JSON_OBJECT_END || t->kind == HONE_JSON_ARRAY_END) return b->depth--, HONE_OK;
    if (t->kind == HONE_JSON_KEY) {
        HONE_TRY(decode(t, &b->key, &b->key_room, &n));
        if (b->unique_keys && json_object_get(b->open[b->depth - 1], b->key))
            return hone_json_scan_fail(s, t->p, HONE_E_FORMAT, "duplicate key \"%s\"", hone_quote_n(b->key, n));
        return HONE_OK;
    }
    HONE_TRY(value_of(s, t, b, &v));
    json_t *in = b->depth ? b->open[b->depth - 1] : NULL;
    if (!in)
        b->root = v;
    else if (json_is_object(in) ? json_object_set_new_nocheck(in, b->key, v) : json_array_append_new(in, v))
        return no_room();
    if (json_is_object(v) || json_is_array(v)) b->open[b->depth++] = v;
    return HONE_OK;
}

static hone_status parse(const char *text, size_t n, const char *file, int64_t line, builder b, json_t **out) {
    hone_json_scanner s;
    hone_json_token t;
    hone_status status;
    hone_error kept = *hone_last_error();
    hone_error_clear();
    hone_json_scan_start(&s, text, n, file, line > 0 ? line : 1);
    do {
        status = hone_json_scan_next(&s, &t);
        if (status == HONE_OK) status = check_token(&s, &t, b.big_integers);
        if (status == HONE_OK) status = add_token(&s, &t, &b);
    } while (status == HONE_OK && t.kind != HONE_JSON_END);
    hone_free(b.key);
    hone_free(b.value);
    if (status != HONE_OK) {
        json_decref(b.root);
        starved &= status != HONE_E_NOMEM; /* this failure says it */
        return status == HONE_E_NOMEM ? hone_blame(file, 0) : status;
    }
    hone_error_restore(&kept);
    *out = b.root;
    return HONE_OK;
}

hone_status hone_json_parse(const char *text, size_t n, const char *file, int64_t line, json_t **out) {
    return parse(text, n, file, line, (builder){0}, out);
}

hone_status hone_json_parse_unique(const char *text, size_t n, const char *file, int64_t line, json_t **out) {
    return parse(text, n, file, line, (builder){.unique_keys = true}, out);
}

hone_status hone_json_parse_big(const char *text, size_t n, const char *file, json_t **out) {
    return parse(text, n, file, 1, (builder){.unique_keys = true, .big_integers = true}, out);
}

hone_status hone_json_load(const char *path, json_t **out) {
    char *text;
    size_t n;
    HONE_TRY(hone_io_read_file(path, FILE_LIMIT, &text, &n));
    hone_status s = parse(text, n, path, 1, (builder){.unique_keys = true}, out);
    hone_free(text);
    return s;
}

hone_status hone_json_load_object(const char *path, json_t **out) {
    json_t *o;
    HONE_TRY(hone_json_load(path, &o));
    if (!json_is_object(o)) {
        json_decref(o);
        return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "is not a JSON object");
    }
    *out = o;
    return HONE_OK;
}

/* A value as a message shows it. */
static void show(const json_t *v, char out[128]) {
    char number[32];
    switch (json_typeof(v)) {
    case JSON_STRING: snprintf(out, 128, "\"%s\"", hone_quote_n(json_string_value(v), json_string_length(v))); break;
    case JSON_INTEGER: snprintf(out, 128, "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
    case JSON_REAL:
        hone_format_f64(number, json_real_value(v));
        snprintf(out, 128, "%s%s", number, strpbrk(number, ".en") ? "" : ".0"); /* not to be taken for an integer */
        break;
    case JSON_TRUE: snprintf(out, 128, "true"); break;
    case JSON_FALSE: snprintf(out, 128, "false"); break;
    case JSON_NULL: snprintf(out, 128, "null"); break;
    case JSON_ARRAY: snprintf(out, 128, "an array"); break;
    case JSON_OBJECT: snprintf(out, 128, "an object"); break;
    }
}

static const json_t *member(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return v && !json_is_null(v) ? v : NULL;
}

static hone_status wrong(const json_t *v, const char *file, const char *key, const char *expected) {
    char is[128];
    show(v, is);
    return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" is %s, expected %s", hone_quote(key), is, expected);
}

hone_status hone_json_int(const json_t *o, const char *file, const char *key, int64_t fallback, int64_t min,
                          int64_t max, int64_t *out) {
    const json_t *v = member(o, key);
    if (!v) return *out = fallback, HONE_OK;
    char expected[96];
    snprintf(expected, sizeof expected, "an integer of %" PRId64 " to %" PRId64, min, max);
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        return wrong(v, file, key, expected);
    *out = json_integer_value(v);
    return HONE_OK;
}

hone_status hone_json_real(const json_t *o, const char *file, const char *key, double fallback, double *out) {
    const json_t *v = member(o, key);
    if (!v) return *out = fallback, HONE_OK;
    if (!json_is_number(v)) return wrong(v, file, key, "a number");
    *out = json_number_value(v);
    return HONE_OK;
}

hone_status hone_json_bool(const json_t *o, const char *file, const char *key, bool fallback, bool *out) {
    const json_t *v = member(o, key);
    if (!v) return *out = fallback, HONE_OK;
    if (!json_is_boolean(v)) return wrong(v, file, key, "true or false");
    *out = json_is_true(v);
    return HONE_OK;
}

hone_status hone_json_string(const json_t *o, const char *file, const char *key, const char *fallback,
                             const char **out) {
    const json_t *v = member(o, key);
    if (!v) return *out = fallback, HONE_OK;
    if (!json_is_string(v)) return wrong(v, file, key, "a string");
    if (strlen(json_string_value(v)) != json_string_length(v))
        return wrong(v, file, key, "a string without NUL characters");
    *out = json_string_value(v);
    return HONE_OK;
}

static hone_status dump_string(hone_writer *w, const char *s, size_t n) {
    HONE_TRY(hone_writer_write(w, "\"", 1));
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        HONE_TRY(hone_writer_write(w, s + from, i - from));
        from = i + 1;
        const char *names = "\bb\tt\nn\ff\rr\"\"\\\\", *k = names;
        while (*k && (unsigned char)*k != c) k += 2;
        if (c && *k)
            HONE_TRY(hone_writer_printf(w, "\\%c", k[1]));
        else
            HONE_TRY(hone_writer_printf(w, "\\u%04x", c));
    }
    HONE_TRY(hone_writer_write(w, s + from, n - from));
    return hone_writer_write(w, "\"", 1);
}

static hone_status dump(hone_writer *w, const json_t *v, int depth);

static hone_status dump_children(hone_writer *w, const json_t *v, int depth) {
    bool object = json_is_object(v);
    size_t n = object ? json_object_size(v) : json_array_size(v), i = 0;
    HONE_TRY(hone_writer_write(w, object ? "{" : "[", 1));
    void *at = object ? json_object_iter((json_t *)(uintptr_t)v) : NULL;
    for (; i < n; i++) {
        HONE_TRY(hone_writer_printf(w, "%s\n%*s", i ? "," : "", 2 * (depth + 1), ""));
        const json_t *child = object ? json_object_iter_value(at) : json_array_get(v, i);
        if (object) {
            const char *key = json_object_iter_key(at);
            HONE_TRY(dump_string(w, key, strlen(key)));
            HONE_TRY(hone_writer_write(w, ": ", 2));
            at = json_object_iter_next((json_t *)(uintptr_t)v, at);
        }
        HONE_TRY(dump(w, child, depth + 1));
    }
    if (n) HONE_TRY(hone_writer_printf(w, "\n%*s", 2 * depth, ""));
    return hone_writer_write(w, object ? "}" : "]", 1);
}

static hone_status dump(hone_writer *w, const json_t *v, int depth) {
    char number[40];
    if (depth > HONE_JSON_DEPTH) return hone_fail(HONE_E_LIMIT, "JSON nested deeper than %d levels", HONE_JSON_DEPTH);
    switch (json_typeof(v)) {
    case JSON_OBJECT:
    case JSON_ARRAY: return dump_children(w, v, depth);
    case JSON_STRING: return dump_string(w, json_string_value(v), json_string_length(v));
    case JSON_INTEGER: return hone_writer_printf(w, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    case JSON_REAL:
        /* A real stays one: 0 would be read back as an integer. */
        hone_format_f64(number, json_real_value(v));
        if (!strpbrk(number, ".en")) strcat(number, ".0");
        return hone_writer_write(w, number, strlen(number));
    case JSON_TRUE: return hone_writer_write(w, "true", 4);
    case JSON_FALSE: return hone_writer_write(w, "false", 5);
    case JSON_NULL: break;
    }
    return hone_writer_write(w, "null", 4);
}

hone_status hone_json_save(const json_t *o, const char *path) {
    hone_writer *w;
    if (hone_json_whole() != HONE_OK) return hone_blame(path, 0);
    HONE_TRY(hone_writer_open(path, &w));
    hone_status s = dump(w, o, 0);
    if (s == HONE_OK) s = hone_writer_write(w, "\n", 1);
    if (s == HONE_OK) return hone_writer_commit(w);
    hone_blame(path, 0);
    hone_writer_abort(w);
    return s;
}

/* The host program may have set a locale whose decimal sign is a comma: it reads back here, but must not leave. */
static int finish_number(char out[32]) {
    const char *sign = localeconv()->decimal_point;
    size_t k = strlen(sign);
    char *at = k && strcmp(sign, ".") ? strstr(out, sign) : NULL;
    if (at) {
        *at = '.';
        memmove(at + 1, at + k, strlen(at + k) + 1);
    }
    return (int)strlen(out);
}

enum { NUMBER = 32 }; /* room of a number's text; the longest of 17 digits takes 24 */

static void print(char out[NUMBER], int digits, double x) {
    char text[400]; /* %g never needs it, but the compiler cannot know */
    snprintf(text, sizeof text, "%.*g", digits, x);
    size_t n = strlen(text);
    if (n >= NUMBER) n = NUMBER - 1;
    memcpy(out, text, n);
    out[n] = 0;
}

static int format(char out[NUMBER], double x, int most, bool (*reads_back)(const char *, double)) {
    if (!isfinite(x)) return strcpy(out, "null"), 4;
    if (x == 0) return strcpy(out, signbit(x) ? "-0.0" : "0"), (int)strlen(out);
    /* Downwards, for most numbers of a model need all digits. Two misses end it, not one: beside a power of two, where
     * the spacing changes, n digits may miss what n - 1 digits hit. */
    int best = most, misses = 0;
    for (int digits = most - 1; digits >= 1 && misses < 2; digits--) {
        print(out, digits, x);
        if (reads_back(out, x))
            best = digits, misses = 0;
        else
            misses++;
    }
    /* 100 and not 1e+02: as many digits as stand before the point, where they are all significant. */
    double size = fabs(x);
    int whole = 1;
    for (double ten = 10; whole < most && size >= ten; ten *= 10) whole++;
    print(out, size >= 1 && whole < most && whole > best ? whole : best, x);
    return finish_number(out);
}

static bool reads_back_f32(const char *s, double x) {
    return strtof(s, NULL) == (float)x;
}
static bool reads_back_f64(const char *s, double x) {
    return strtod(s, NULL) == x;
}

int hone_format_f32(char out[32], float x) {
    return format(out, (double)x, 9, reads_back_f32);
}
int hone_format_f64(char out[32], double x) {
    return format(out, x, 17, reads_back_f64);
}
