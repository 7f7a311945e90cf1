/* MongoDB Extended JSON (version 2, canonical and relaxed, and the older {"$date": 1714564800000}) made plain. */
#include "data/table_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum wrapper { W_TEXT, W_INTEGER, W_REAL, W_DATE, W_UNDEFINED, W_NONE } wrapper;

static const struct {
    const char *key;
    wrapper kind;
} wrappers[] = {{"$oid", W_TEXT},           {"$uuid", W_TEXT},          {"$symbol", W_TEXT},
                {"$numberInt", W_INTEGER},  {"$numberLong", W_INTEGER}, {"$numberDouble", W_REAL},
                {"$numberDecimal", W_REAL}, {"$date", W_DATE},          {"$undefined", W_UNDEFINED}};
#define N_WRAPPERS ((int)(sizeof wrappers / sizeof *wrappers))

static int find_wrapper(const hone_json_token *key) {
    for (int i = 0; i < N_WRAPPERS; i++)
        if (strlen(wrappers[i].key) == key->n && !memcmp(wrappers[i].key, key->p, key->n)) return i;
    return -1;
}

static bool is_number(const char *p, size_t n, bool whole) {
    hone_json_scanner js;
    hone_json_token t, end;
    hone_json_scan_start(&js, p, n, "", 1);
    return hone_json_scan_next(&js, &t) == HONE_OK &&
           (t.kind == HONE_JSON_INTEGER || (!whole && t.kind == HONE_JSON_REAL)) && t.n == n &&
           hone_json_scan_next(&js, &end) == HONE_OK;
}

/* Milliseconds since 1970 as "YYYY-MM-DDTHH:MM:SS[.mmm]Z" with quotes; false outside the years 1 to 9999. The days of
 * the proleptic Gregorian calendar: years begin in March, so that the leap day is the last; 400 years are 146097 days.
 */
static bool date_text(int64_t ms, char out[64]) {
    if (ms < -62135596800000 || ms > 253402300799999) return false;
    int64_t day = ms / 86400000, rest = ms % 86400000;
    if (rest < 0) day--, rest += 86400000;
    day += 719468; /* from 0000-03-01 */
    int64_t era = day / 146097, d = day % 146097;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t in_year = d - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9), dom = (int)(in_year - (153 * m + 2) / 5 + 1);
    int year = (int)(y + era * 400 + (month <= 2));
    int n = snprintf(out, 64, "\"%04d-%02d-%02dT%02d:%02d:%02d", year, month, dom, (int)(rest / 3600000),
                     (int)(rest / 60000 % 60), (int)(rest / 1000 % 60));
    if (rest % 1000) n += snprintf(out + n, 64 - (size_t)n, ".%03d", (int)(rest % 1000));
    snprintf(out + n, 64 - (size_t)n, "Z\"");
    return true;
}

/* b holds {"$key":VALUE at `from`, VALUE beginning at `value`: put the plain value in its place. */
static hone_status unwrap(const hone_json_scanner *js, hone_buffer *b, size_t from, size_t value, int which) {
    char *v = b->p + value;
    size_t n = b->n - value;
    const bool text = n >= 2 && v[0] == '"';
    const char *expected = NULL;
    char date[64];
    if (text && (wrappers[which].kind == W_INTEGER || wrappers[which].kind == W_REAL)) {
        bool real = wrappers[which].kind == W_REAL;
        bool odd =
            real && ((n == 10 && !memcmp(v, "\"Infinity\"", 10)) || (n == 11 && !memcmp(v, "\"-Infinity\"", 11)));
        if (is_number(v + 1, n - 2, wrappers[which].kind == W_INTEGER))
            v++, n -= 2;
        else if (real && n == 5 && !memcmp(v, "\"NaN\"", 5)) /* how a data frame stores that there is nothing */
            v = strcpy(date, "null"), n = 4;
        else if (!odd)
            expected = wrappers[which].kind == W_INTEGER ? "an integer" : "a number";
    } else {
        switch (wrappers[which].kind) {
        case W_TEXT:
            if (!text) expected = "a text";
            break;
        case W_INTEGER:
        case W_REAL:
            if (!is_number(v, n, wrappers[which].kind == W_INTEGER)) expected = "a number in quotes";
            break;
        case W_DATE:
            if (!text && !is_number(v, n, true)) {
                expected = "a date or milliseconds";
            } else if (!text) {
                b->p[b->n] = 0;
                if (n < 19 && date_text(strtoll(v, NULL, 10), date)) v = date, n = strlen(date);
            }
            break;
        default:
            v = date, n = 4;
            memcpy(date, "null", 5);
            break;
        }
    }
    if (expected)
        return hone_json_scan_fail(js, js->text + js->at, HONE_E_FORMAT, "\"%s\" is %s, expected %s",
                                   wrappers[which].key, hone_quote_n(v, n), expected);
    if (v == date) {
        b->n = from;
        return hone_buffer_add(b, date, n);
    }
    memmove(b->p + from, v, n);
    b->n = from + n;
    b->p[b->n] = 0;
    return HONE_OK;
}

/* Append the value that begins with token t, compact. The scanner bounds the depth. */
static hone_status add_value(hone_json_scanner *js, hone_json_token t, hone_buffer *b) {
    if (t.kind == HONE_JSON_STRING) {
        HONE_TRY(hone_buffer_add(b, "\"", 1));
        HONE_TRY(hone_buffer_add(b, t.p, t.n));
        return hone_buffer_add(b, "\"", 1);
    }
    if (t.kind != HONE_JSON_OBJECT && t.kind != HONE_JSON_ARRAY) return hone_buffer_add(b, t.p, t.n);
    const bool object = t.kind == HONE_JSON_OBJECT;
    const size_t from = b->n;
    size_t value = 0;
    int which = -1;
    HONE_TRY(hone_buffer_add(b, object ? "{" : "[", 1));
    for (int64_t k = 0;; k++) {
        HONE_TRY(hone_json_scan_next(js, &t));
        if (t.kind == HONE_JSON_OBJECT_END || t.kind == HONE_JSON_ARRAY_END) {
            if (k == 1 && which >= 0) return unwrap(js, b, from, value, which);
            return hone_buffer_add(b, object ? "}" : "]", 1);
        }
        if (k) HONE_TRY(hone_buffer_add(b, ",", 1));
        if (object) {
            which = k ? -1 : find_wrapper(&t);
            HONE_TRY(hone_buffer_add(b, "\"", 1));
            HONE_TRY(hone_buffer_add(b, t.p, t.n));
            HONE_TRY(hone_buffer_add(b, "\":", 2));
            HONE_TRY(hone_json_scan_next(js, &t));
        }
        value = b->n;
        HONE_TRY(add_value(js, t, b));
    }
}

hone_status hone_plain_cell(hone_json_scanner *js, hone_buffer *raw, hone_cell_kind *kind, const char **text,
                            size_t *n) {
    hone_json_token t;
    HONE_TRY(hone_json_scan_next(js, &t));
    raw->n = 0;
    *text = t.p;
    *n = t.n;
    *kind = t.kind == HONE_JSON_NULL ? HONE_CELL_MISSING : t.kind == HONE_JSON_STRING ? HONE_CELL_TEXT : HONE_CELL_JSON;
    if (t.kind == HONE_JSON_STRING && t.escaped) {
        HONE_TRY(hone_buffer_add(raw, t.p, t.n)); /* for the room */
        *n = hone_json_scan_decode(&t, raw->p);
        *text = raw->p;
    } else if (t.kind == HONE_JSON_OBJECT || t.kind == HONE_JSON_ARRAY) {
        HONE_TRY(add_value(js, t, raw));
        *text = raw->p;
        *n = raw->n;
        if (raw->p[0] == 'n') *kind = HONE_CELL_MISSING;
        if (raw->p[0] == '"') {
            /* Decoding never outruns its source, so it may happen in place. */
            hone_json_token inner = {.kind = HONE_JSON_STRING, .p = raw->p + 1, .n = raw->n - 2, .escaped = true};
            *n = hone_json_scan_decode(&inner, raw->p);
            *kind = HONE_CELL_TEXT;
        }
    }
    return HONE_OK;
}
