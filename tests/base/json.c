#include "base/json.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/json_scan.h"
#include "base/random.h"
#include "tests/test.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static hone_status parse(const char *text, json_t **out) {
    return hone_json_parse(text, strlen(text), "config.json", 1, out);
}

TEST(json, an_error_has_its_line_and_column_and_both_sides) {
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } cases[] = {
        {"{\"a\": 1 h}", 1, 9, "expected ',' or '}', found 'h'"},
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", 3, 7, "expected ':', found '2'"},
        {"{\"\xC3\xA9\": [1 2]}", 1, 10, "expected ',' or ']', found '2'"},
        {"", 1, 1, "expected a value, found the end of the text"},
        {"  \n ", 2, 2, "found the end of the text"},
        {"{", 1, 2, "expected a key in double quotes or '}', found the end of the text"},
        {"{\"a\":1,}", 1, 8, "expected a key in double quotes, found '}'"},
        {"{'a':1}", 1, 2, "found '''"},
        {"[1,]", 1, 4, "expected a value, found ']'"},
        {"[", 1, 2, "expected a value or ']', found the end of the text"},
        {"[1", 1, 3, "expected ',' or ']', found the end of the text"},
        {"[1}", 1, 3, "found '}'"},
        {"1 2", 1, 3, "expected the end of the text, found '2'"},
        {"{} {}", 1, 4, "expected the end of the text"},
        {"tru", 1, 1, "expected a value, found 't'"},
        {"nan", 1, 1, "found 'n'"},
        {"NaN", 1, 1, "found 'N'"},
        {"+1", 1, 1, "found '+'"},
        {"-", 1, 2, "expected a digit, found the end of the text"},
        {"[01]", 1, 2, "leading zero"},
        {"[-01]", 1, 3, "leading zero"},
        {"[1.]", 1, 4, "expected a digit, found ']'"},
        {"[1e]", 1, 4, "expected a digit"},
        {"[.5]", 1, 2, "found '.'"},
        {"[\"abc", 1, 2, "string without its closing quote"},
        {"[\"a\nb\"]", 1, 4, "control character '\\x0a'"},
        {"[\"\\x\"]", 1, 3, "begins no valid escape"},
        {"[\"\\u12G4\"]", 1, 3, "begins no valid escape"},
        {"[\"\\ud800\"]", 1, 3, "begins no valid escape"},
        {"[\"\\udc00\"]", 1, 3, "begins no valid escape"},
        {"[\"\\udc00\\udc00\"]", 1, 3, "begins no valid escape"},
        {"[\"\\ud800\\ud800\"]", 1, 3, "begins no valid escape"},
        {"[\"\\ud800\\u0041\"]", 1, 3, "begins no valid escape"},
        {"[\"\xFF\"]", 1, 3, "byte '\\xff' is not UTF-8"},
        {"[\"\xC0\xAF\"]", 1, 3, "not UTF-8"},
        {"[\"\xED\xA0\x80\"]", 1, 3, "not UTF-8"},
        {"[\"\xF4\x90\x80\x80\"]", 1, 3, "not UTF-8"},
        {"[\"\xE4\xB8", 1, 3, "not UTF-8"},
        {"\xEF\xBB\xBF{}", 1, 1, "found '\\xef\\xbb\\xbf'"},
        {"[1]\x01", 1, 4, "found '\\x01'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *out = NULL;
        hone_error_clear();
        hone_status s = parse(cases[i].text, &out);
        const hone_error *e = hone_last_error();
        CHECK_MSG(s == HONE_E_FORMAT && !out, "case %zu was not refused (%d)", i, s);
        CHECK_MSG(strstr(e->message, cases[i].message), "case %zu says \"%s\", want \"%s\"", i, e->message,
                  cases[i].message);
        CHECK_MSG(e->line == cases[i].line && e->column == cases[i].column, "case %zu is at %d:%d, want %d:%d", i,
                  (int)e->line, (int)e->column, cases[i].line, cases[i].column);
        CHECK_STR(e->file, "config.json");
    }
    json_t *out;
    CHECK_FAILS(hone_json_parse("[1\n2]", 5, "x.jsonl", 90321, &out), HONE_E_FORMAT, "found '2'");
    CHECK_INT(hone_last_error()->line, 90322);
}

TEST(json, what_is_legal_is_read) {
    const char *legal[] = {"0",
                           "-0",
                           "\"\"",
                           "null",
                           " [ ] ",
                           "{}",
                           "[1,2.5,-3e+2,1E-2]",
                           "{\"a\":{\"b\":[true,false,null]}}",
                           "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\u0000\"",
                           "\"\x7f\"",
                           "9223372036854775807",
                           "-9223372036854775808",
                           "\t\r\n1"};
    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++) {
        json_t *out = NULL;
        CHECK_OK(parse(legal[i], &out));
        CHECK(out);
        json_decref(out);
    }
    json_t *out;
    CHECK_OK(parse("[9007199254740993, \"\\ud83d\\ude00\"]", &out));
    CHECK_INT(json_integer_value(json_array_get(out, 0)), 9007199254740993);
    CHECK_STR(json_string_value(json_array_get(out, 1)), "\xF0\x9F\x98\x80");
    json_decref(out);
}

TEST(json, limits_hold) {
    char text[300];
    json_t *out;
    for (int depth = 63; depth <= 66; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = 0;
        if (depth <= 64) {
            CHECK_OK(parse(text, &out));
            json_decref(out);
        } else {
            CHECK_FAILS(parse(text, &out), HONE_E_LIMIT, "nested deeper than 64");
            CHECK_INT(hone_last_error()->column, 65);
        }
    }
    CHECK_FAILS(parse("[9223372036854775808]", &out), HONE_E_LIMIT, "9223372036854775808 does not fit");
    CHECK_FAILS(parse("[-9223372036854775809]", &out), HONE_E_LIMIT, "does not fit");
    CHECK_FAILS(parse("[123456789012345678901234567890]", &out), HONE_E_LIMIT, "does not fit");
    CHECK_FAILS(parse("[1e400]", &out), HONE_E_FORMAT, "overflow");
    CHECK_FAILS(parse("{\"a\\u0000b\": 1}", &out), HONE_E_UNSUPPORTED, "NUL");
}

static const char *file_with(const char *text) {
    static char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, test_dir(), "config.json"));
    CHECK_OK(hone_io_write_file(path, text, strlen(text)));
    return path;
}

TEST(json, a_file_refuses_double_keys_and_a_line_does_not) {
    json_t *out;
    CHECK_FAILS(hone_json_load(file_with("{\"a\": 1,\n \"b\": 2, \"a\": 3}"), &out), HONE_E_FORMAT,
                "duplicate key \"a\"");
    CHECK_INT(hone_last_error()->line, 2);
    CHECK_OK(parse("{\"a\": 1, \"a\": 3}", &out));
    CHECK_INT(json_integer_value(json_object_get(out, "a")), 3);
    json_decref(out);
    CHECK_FAILS(hone_json_load("no/such/config.json", &out), HONE_E_IO, "No such file");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
}

TEST(json, typed_reads_explain_themselves) {
    json_t *o;
    CHECK_OK(parse("{\"i\": 12, \"s\": \"abc\", \"r\": 0.5, \"b\": true, \"n\": null, \"a\": [], \"z\": \"x\\u0000y\"}",
                   &o));
    int64_t i;
    double r;
    bool b;
    const char *s;
    CHECK_OK(hone_json_int(o, "f", "i", 5, 1, 100, &i));
    CHECK_INT(i, 12);
    CHECK_OK(hone_json_int(o, "f", "absent", 5, 1, 100, &i));
    CHECK_INT(i, 5);
    CHECK_OK(hone_json_int(o, "f", "n", 6, 1, 100, &i));
    CHECK_INT(i, 6);
    CHECK_FAILS(hone_json_int(o, "f", "s", 5, 1, 1000000, &i), HONE_E_FORMAT,
                "\"s\" is \"abc\", expected an integer of 1 to 1000000");
    CHECK_STR(hone_last_error()->file, "f");
    CHECK_FAILS(hone_json_int(o, "f", "i", 5, 1, 11, &i), HONE_E_FORMAT, "\"i\" is 12, expected an integer of 1 to 11");
    CHECK_FAILS(hone_json_int(o, "f", "r", 5, 0, 11, &i), HONE_E_FORMAT, "\"r\" is 0.5");
    CHECK_FAILS(hone_json_int(o, "f", "b", 5, 0, 11, &i), HONE_E_FORMAT, "\"b\" is true");
    CHECK_INT(i, 6);
    CHECK_OK(hone_json_real(o, "f", "r", 1, &r));
    CHECK_NEAR(r, 0.5, 0);
    CHECK_OK(hone_json_real(o, "f", "i", 1, &r));
    CHECK_NEAR(r, 12, 0);
    CHECK_FAILS(hone_json_real(o, "f", "a", 1, &r), HONE_E_FORMAT, "\"a\" is an array, expected a number");
    CHECK_OK(hone_json_bool(o, "f", "b", false, &b));
    CHECK(b);
    CHECK_FAILS(hone_json_bool(o, "f", "i", false, &b), HONE_E_FORMAT, "expected true or false");
    CHECK_OK(hone_json_string(o, "f", "s", "", &s));
    CHECK_STR(s, "abc");
    CHECK_OK(hone_json_string(o, "f", "absent", "dflt", &s));
    CHECK_STR(s, "dflt");
    CHECK_FAILS(hone_json_string(o, "f", "z", "", &s), HONE_E_FORMAT, "NUL");
    CHECK_FAILS(hone_json_string(o, "f", "r", "", &s), HONE_E_FORMAT, "expected a string");
    json_decref(o);
}

TEST(json, what_is_saved_is_what_was_loaded) {
    const char *text =
        "{\n  \"z\": 1,\n  \"a\": [\n    1.0,\n    1e-12,\n    0.1,\n    -2,\n    1e+22\n  ],\n  \"text\": "
        "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\xC3\xA9\xF0\x9F\x98\x80\\u0000\",\n  \"empty\": {},\n  \"none\": [],\n"
        "  \"t\": true,\n  \"f\": false,\n  \"n\": null\n}\n";
    json_t *o;
    CHECK_OK(hone_json_load(file_with(text), &o));
    char path[HONE_PATH_MAX], *back;
    size_t n;
    CHECK_OK(hone_io_join(path, test_dir(), "saved.json"));
    CHECK_OK(hone_json_save(o, path));
    json_decref(o);
    CHECK_OK(hone_io_read_file(path, 1 << 20, &back, &n));
    CHECK_INT(n, strlen(text));
    CHECK_STR(back, text);
    hone_free(back);
}

static bool reads_back(const char *text, double x, bool f32) {
    return f32 ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x;
}

static void check_number(double x, bool f32) {
    char got[32], naive[64];
    int n = f32 ? hone_format_f32(got, (float)x) : hone_format_f64(got, x);
    CHECK_MSG(n == (int)strlen(got) && reads_back(got, x, f32), "%.17g became %s", x, got);
    json_t *o;
    CHECK_OK(parse(got, &o));
    json_decref(o);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(naive, sizeof naive, "%.*g", digits, x);
        if (!reads_back(naive, x, f32)) continue;
        bool whole = strchr(naive, 'e') && !strpbrk(got, ".e"); /* 100, not 1e+02 */
        CHECK_MSG(!strcmp(naive, got) || whole, "%s, and shorter is %s", got, naive);
        return;
    }
}

TEST(json, numbers_are_the_shortest_that_read_back) {
    char out[32];
    CHECK_INT(hone_format_f32(out, NAN), 4);
    CHECK_STR(out, "null");
    hone_format_f64(out, -INFINITY);
    CHECK_STR(out, "null");
    hone_format_f64(out, 0.0);
    CHECK_STR(out, "0");
    hone_format_f64(out, -0.0);
    CHECK_STR(out, "-0.0");
    hone_format_f32(out, 0.1f);
    CHECK_STR(out, "0.1");
    hone_format_f32(out, 1e-6f);
    CHECK_STR(out, "1e-06");
    hone_format_f64(out, 100);
    CHECK_STR(out, "100");
    hone_format_f64(out, 1e15);
    CHECK_STR(out, "1000000000000000");
    hone_format_f64(out, 1e16);
    CHECK_STR(out, "1e+16");
    hone_format_f32(out, -65504);
    CHECK_STR(out, "-65504");
    hone_format_f32(out, 12345678);
    CHECK_STR(out, "12345678");
    hone_format_f32(out, 1e8f); /* nine digits are more than are significant in each such number */
    CHECK_STR(out, "1e+08");
    hone_format_f32(out, 30522);
    CHECK_STR(out, "30522");
    hone_format_f32(out, 3.40282347e38f);
    CHECK_STR(out, "3.4028235e+38");
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = hone_random_u64(5, 5, i);
        uint32_t low = (uint32_t)bits;
        double d;
        float f;
        memcpy(&d, &bits, 8);
        memcpy(&f, &low, 4);
        if (isfinite(d) && d != 0) check_number(d, false);
        if (isfinite(f) && f != 0) check_number((double)f, true);
        check_number(hone_random_uniform(5, 6, i), false);
        check_number((double)(bits >> (i % 64)) + 1, false);
        check_number((double)(float)((low >> (i % 32)) | 1), true);
    }
    for (int e = -149; e < 128; e++) check_number(ldexp(1, e), true);
    for (int e = -1074; e < 1024; e++) check_number(ldexp(1, e), false);
}

TEST(json, a_locale_with_commas_changes_nothing) {
    const char *names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR", "nl_NL.UTF-8"};
    int k = 0;
    while (k < 5 && !setlocale(LC_NUMERIC, names[k])) k++;
    if (k == 5) SKIP("no locale with a decimal comma is installed");
    char out[32];
    hone_format_f64(out, 0.5);
    setlocale(LC_NUMERIC, "C");
    CHECK_STR(out, "0.5");
}

TEST(json, the_scanner_decodes_and_counts) {
    hone_json_scanner s;
    hone_json_token t;
    const char *text =
        "{\"k\\u00e9\\ud83d\\ude00\\n\": 18446744073709551615, \"b\": [[1,{}],2], \"c\": -1, \"d\": 1.0}";
    hone_json_scan_start(&s, text, strlen(text), "x", 1);
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK_INT(t.kind, HONE_JSON_OBJECT);
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK_INT(t.kind, HONE_JSON_KEY);
    char key[64];
    size_t n = hone_json_scan_decode(&t, key);
    CHECK_INT(n, 8);
    CHECK(!memcmp(key, "k\xC3\xA9\xF0\x9F\x98\x80\n", 8));
    uint64_t v = 0;
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK(hone_json_scan_u64(&t, &v) && v == UINT64_MAX);
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK_OK(hone_json_scan_skip(&s, &t));
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK(t.kind == HONE_JSON_KEY && *t.p == 'c');
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK(!hone_json_scan_u64(&t, &v));
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK(t.kind == HONE_JSON_REAL && !hone_json_scan_u64(&t, &v));
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK_INT(t.kind, HONE_JSON_OBJECT_END);
    CHECK_OK(hone_json_scan_next(&s, &t));
    CHECK_INT(t.kind, HONE_JSON_END);
}

#ifdef HONE_TEST_HOOKS
/* Two-, three- and four-byte characters at the borders of what is legal, and escapes at theirs. */
TEST(json, characters_at_the_borders_of_utf8_and_escapes_are_told_apart) {
    static const struct {
        const char *text;
        bool good;
    } c[] = {
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xC1\xBF", false},
        {"\xC2", false},
        {"\xC2x", false},
        {"\xE0\xA0\x80", true},
        {"\xE0\x9F\x80", false},
        {"\xED\x9F\xBF", true},
        {"\xED\xA0\x80", false},
        {"\xEF\xBF\xBF", true},
        {"\xE1\xC0\x80", false},
        {"\xE1\x80\xC0", false},
        {"\xE1\x80", false},
        {"\xF0\x90\x80\x80", true},
        {"\xF0\x8F\x80\x80", false},
        {"\xF4\x8F\xBF\xBF", true},
        {"\xF4\x90\x80\x80", false},
        {"\xF5\x80\x80\x80", false},
        {"\xF1\xC0\x80\x80", false},
        {"\xF1\x80\x7F\x80", false},
        {"\xF1\x80\x80\x7F", false},
        {"\xF1\x80\x80", false},
        {"\x80", false},
        {"\\u00e9", true},
        {"\\u00Fg", false},
        {"\\u0G00", false},
        {"\\u00/0", false},
        {"\\u00:0", false},
        {"\\u00@0", false},
        {"\\u00`0", false},
        {"\\uABCD\\uef01", true},
        {"\\uD800\\uDC00", true},
        {"\\uDBFF\\uDFFF", true},
        {"\\uD800\\uDBFF", false},
        {"\\uD800\\uE000", false},
        {"\\uD800x\\uDC00", false},
        {"\\uD800\\nDC000", false},
        {"\\uD800", false},
        {"\\uDC00", false},
        {"\\u00", false},
        {"\\x41", false},
        {"\\/", true},
        {"\\", false},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char text[64];
        json_t *v = NULL;
        snprintf(text, sizeof text, "\"%s\"", c[i].text);
        CHECK_MSG((parse(text, &v) == HONE_OK) == c[i].good, "string %zu", i);
        json_decref(v);
    }
    json_t *v = NULL;
    CHECK_INT(hone_json_parse("\"\\\0\"", 4, "f", 1, &v), HONE_E_FORMAT);
    CHECK_FAILS(parse("\xF0\x9F\x98\x80", &v), HONE_E_FORMAT, "found '\xF0\x9F\x98\x80'");
    CHECK_FAILS(parse("\xF0\x9F\x98\x80\x80", &v), HONE_E_FORMAT, "found");
    CHECK_FAILS(parse("1e-", &v), HONE_E_FORMAT, "expected a digit, found the end");
    CHECK_FAILS(parse("1e", &v), HONE_E_FORMAT, "expected a digit, found the end");
    CHECK_OK(parse("1E-2", &v));
    json_decref(v);
}

TEST(json, what_cannot_be_written_is_not) {
    char path[512];
    json_t *deep = json_array();
    snprintf(path, sizeof path, "%s/deep.json", test_dir());
    for (int i = 0; i < HONE_JSON_DEPTH + 1; i++) {
        json_t *more = json_array();
        json_array_append_new(more, deep);
        deep = more;
    }
    CHECK_FAILS(hone_json_save(deep, path), HONE_E_LIMIT, "nested deeper than 64 levels");
    CHECK_STR(hone_last_error()->file, path);
    CHECK(!hone_io_exists(path));
    json_decref(deep);
#ifdef HONE_TEST_HOOKS
    /* A disk that fills up at each of the small writes: the first mebibyte, which is buffered, ends a byte earlier each
     * time. */
    char *pad = malloc(1 << 20);
    memset(pad, 'x', 1 << 20);
    for (int cut = 1; cut < 100; cut++) {
        json_t *o = json_object(), *list = json_array();
        json_object_set_new(o, "p", json_stringn(pad, (1 << 20) - (size_t)cut));
        json_array_append_new(list, json_string("a\n\001\"b"));
        json_array_append_new(list, json_true());
        json_array_append_new(list, json_object());
        json_object_set_new(o, "list", list);
        json_object_set_new(o, "n", json_null());
        CHECK(hone_fault_set("write:1:ENOSPC"));
        hone_error_clear();
        hone_status s = hone_json_save(o, path);
        hone_fault_set(NULL);
        CHECK_MSG(s == HONE_E_IO && strstr(hone_last_error()->file, "deep.json") && !hone_io_exists(path),
                  "cut %d: status %d", cut, s);
        json_decref(o);
    }
    free(pad);
#endif
}

TEST(json, every_failing_allocation_and_file_operation_is_reported) {
    const char *path =
        file_with("{\"a\": [1, 2.5, \"text\", {\"b\": null}], \"c\": \"a longer string of text to hold\"}");
    char saved[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(saved, test_dir(), "saved.json"));
    CHECK_OK(hone_io_write_file(saved, "old", 3));
    const char *rules[] = {"alloc:%d",        "open:%d:EMFILE", "read:%d:EIO",
                           "write:%d:ENOSPC", "fsync:%d:EIO",   "rename:%d:EACCES"};
    for (int k = 0; k < 6; k++)
        for (int n = 1;; n++) {
            char rule[64], *text;
            size_t size;
            json_t *o = NULL;
            snprintf(rule, sizeof rule, rules[k], n);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status s = hone_json_load(path, &o);
            if (s == HONE_OK) s = hone_json_save(o, saved);
            bool fired = hone_fault_fired() > 0;
            CHECK(hone_fault_set(NULL));
            json_decref(o);
            CHECK_MSG((s != HONE_OK) == fired, "%s: status %d, fired %d", rule, s, fired);
            if (fired)
                CHECK_MSG(s == (k ? HONE_E_IO : HONE_E_NOMEM) && hone_last_error()->file[0], "%s: %s", rule,
                          hone_last_error()->message);
            CHECK_OK(hone_io_read_file(saved, 1000, &text, &size));
            CHECK_MSG(!strcmp(text, "old") || text[size - 1] == '\n', "%s left \"%s\"", rule, text);
            hone_free(text);
            CHECK_OK(hone_io_write_file(saved, "old", 3));
            if (!fired) break;
        }
}
#endif

/* Room for one text with escapes is not room for the next. */
TEST(json, long_texts_with_escapes_come_back_whole) {
    const size_t n[] = {1000000, 1900000};
    char *text = malloc(4000000), *p = text;
    *p++ = '[';
    for (int k = 0; k < 2; k++) {
        p += sprintf(p, "%s\"\\n", k ? "," : "");
        memset(p, 'a' + k, n[k]), p += n[k];
        *p++ = '"';
    }
    *p++ = ']';
    json_t *v;
    CHECK_OK(hone_json_parse(text, (size_t)(p - text), "long.json", 1, &v));
    for (size_t k = 0; k < 2; k++) {
        const char *is = json_string_value(json_array_get(v, k));
        CHECK(is && strlen(is) == n[k] + 1 && is[0] == '\n' && strspn(is + 1, k ? "b" : "a") == n[k]);
    }
    json_decref(v);
    free(text);
}
