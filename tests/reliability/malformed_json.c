/* JSONTestSuite as a table of verdicts, and JSON that no suite has. */
#include "tests/reliability/malformed.h"

#include "base/json.h"
#include "base/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct json_case {
    char verdict; /* a: accepted, r: refused, s: accepted by the scanner, refused where a tree is made */
    const char *name, *head;
    size_t n_head;
    const char *unit;
    size_t n_unit;
    int times;
    const char *tail;
    size_t n_tail;
} json_case;

#define CASE(verdict, name, head, unit, times, tail)                                                                   \
    {verdict, name, head, sizeof head - 1, unit, sizeof unit - 1, times, tail, sizeof tail - 1},
static const json_case cases[] = {
#include "tests/reliability/json_suite.inc"
};
enum { CASES = sizeof cases / sizeof *cases };

static bool scans(const char *p, size_t n) {
    hone_json_scanner s;
    hone_json_token t = {.kind = HONE_JSON_NULL};
    hone_json_scan_start(&s, p, n, "case.json", 1);
    while (t.kind != HONE_JSON_END)
        if (hone_json_scan_next(&s, &t) != HONE_OK) return false;
    return true;
}

static char *case_bytes(const json_case *c, size_t *n) {
    *n = c->n_head + c->n_unit * (size_t)c->times + c->n_tail;
    char *p = malloc(*n + 1), *at = p;
    if (!p) abort();
    memcpy(at, c->head, c->n_head), at += c->n_head;
    for (int i = 0; i < c->times; i++) memcpy(at, c->unit, c->n_unit), at += c->n_unit;
    memcpy(at, c->tail, c->n_tail);
    return p;
}

static void run_suite(void) {
    int good = 0, decided = 0, free_cases = 0, shown = 0;
    for (int i = 0; i < CASES; i++) {
        const json_case *c = &cases[i];
        size_t n;
        char *p = case_bytes(c, &n);
        json_t *tree = NULL;
        bool scanned = scans(p, n), made = hone_json_parse(p, n, "case.json", 1, &tree) == HONE_OK;
        json_decref(tree);
        free(p);
        bool as_said = scanned == (c->verdict != 'r') && made == (c->verdict == 'a');
        bool mandatory = c->name[0] != 'i';
        good += mandatory && as_said && scanned == (c->name[0] == 'y');
        free_cases += !mandatory, decided += !mandatory && as_said;
        if (!as_said && shown++ < 20)
            printf("%s: scanner %d, tree %d, verdict %c\n", c->name, scanned, made, c->verdict);
    }
    printf("json: %d/283 %s (and %d of the %d that are free as decided)\n", good,
           good == 283 && decided == free_cases ? "PASS" : "FAIL", decided, free_cases);
    if (good != 283 || decided != free_cases) exit(1);
}

static const kind json_kinds[] = {
    {"an empty file", NULL, "", "fuzz.json:1:1: expected a value, found the end of the text"},
    {"white space only", NULL, " \r\n\t ", "fuzz.json:2:3: expected a value, found the end of the text"},
    {"a byte order mark", "^", "\xEF\xBB\xBF", "fuzz.json:1:1: expected a value, found '\\xef\\xbb\\xbf'"},
    {"a mark in the middle", "[1",
     "[\xEF\xBB\xBF"
     "1",
     "found '\\xef\\xbb\\xbf'"},
    {"a no-break space", "[1",
     "[\xC2\xA0"
     "1",
     "fuzz.json:1:7: expected a value or ']', found '\\xc2\\xa0'"},
    {"a form feed", "[1", "[\f1", "found '\\x0c'"},
    {"a vertical tab after the end", "$", "\v", "expected the end of the text, found '\\x0b'"},
    {"a NUL after the end", "$", "\u2400", "expected the end of the text, found '\\x00'"},
    {"a NUL in a key", "\"a\"", "\"a\u2400\"", "control character '\\x00' in a string"},
    {"a NUL between tokens", "[1", "[\u24001", "expected a value or ']', found '\\x00'"},
    {"UTF-16", NULL, "\xFF\xFE{\u2400}\u2400", "fuzz.json:1:1: expected a value, found '\\xff'"},
    {"UTF-32", NULL, "\u2400\u2400\xFE\xFF\u2400\u2400\u2400{", "found '\\x00'"},
    {"Latin-1 in a key", "\"a\"", "\"\xE9\"", "fuzz.json:1:3: byte '\\xe9' is not UTF-8"},
    {"an overlong slash", "\"a\"", "\"\xC0\xAF\"", "byte '\\xc0' is not UTF-8"},
    {"an overlong NUL", "\"a\"", "\"\xC0\x80\"", "byte '\\xc0' is not UTF-8"},
    {"a surrogate as three bytes", "\"a\"", "\"\xED\xA0\x80\"", "byte '\\xed' is not UTF-8"},
    {"beyond the last code point", "\"a\"", "\"\xF4\x90\x80\x80\"", "byte '\\xf4' is not UTF-8"},
    {"the last code point", "\"a\"", "\"\xF4\x8F\xBF\xBF\"", TAKEN},
    {"a character cut at the closing quote", "\"a\"", "\"\xE4\xB8\"", "byte '\\xe4' is not UTF-8"},
    {"a DEL character", "\"a\"", "\"\x7F\"", TAKEN},
    {"a lone high surrogate", "\"a\"", "\"\\uD83D\"", "\"\\uD83D\" begins no valid escape"},
    {"a lone low surrogate", "\"a\"", "\"\\uDE00\"", "\"\\uDE00\" begins no valid escape"},
    {"a pair the wrong way round", "\"a\"", "\"\\uDE00\\uD83D\"", "\"\\uDE00\" begins no valid escape"},
    {"a pair with a space between", "\"a\"", "\"\\uD83D \\uDE00\"", "begins no valid escape"},
    {"an escaped NUL in a key", "\"a\"", "\"a\\u0000b\"", "fuzz.json:1:3: key with a NUL character",
     HONE_E_UNSUPPORTED},
    {"an escaped backslash before u0000", "\"a\"", "\"a\\\\u0000b\"", TAKEN},
    {"an escape of JavaScript", "\"a\"", "\"\\x41\"", "begins no valid escape"},
    {"an escape of Python", "\"a\"", "\"\\N{DASH}\"", "begins no valid escape"},
    {"an escape at the end of the text", NULL, "\"\\", "fuzz.json:1:2: \"\\\" begins no valid escape"},
    {"an escape with three digits", NULL, "\"\\u12\"", "begins no valid escape"},
    {"a line end in a string", "\"a\"", "\"a\n\"", "fuzz.json:1:4: control character '\\x0a' in a string"},
    {"a tab in a string", "\"a\"", "\"\t\"", "control character '\\x09' in a string"},
    {"single quotes", "\"a\"", "'a'", "fuzz.json:1:2: expected a key in double quotes or '}', found '''"},
    {"typographic quotes", "\"a\"",
     "\xE2\x80\x9C"
     "a\xE2\x80\x9D",
     "expected a key in double quotes or '}', found '\xE2\x80\x9C'"},
    {"no quotes", "\"a\"", "a", "expected a key in double quotes or '}', found 'a'"},
    {"an equals sign", "\"a\":", "\"a\"=", "fuzz.json:1:5: expected ':', found '='"},
    {"a comment with slashes", "[1", "// one\n[1", "expected a value, found '/'"},
    {"a comment with a star", "[1", "/* one */[1", "expected a value, found '/'"},
    {"a comment with a hash", "$", "# end", "expected the end of the text, found '#'"},
    {"a comma before the brace", "null}", "null,}", "expected a key in double quotes, found '}'"},
    {"a comma before the bracket", "-2.5e-3]", "-2.5e-3,]", "expected a value, found ']'"},
    {"two commas", "[1,", "[1,,", "expected a value, found ','"},
    {"no comma", "[1,", "[1 ", "fuzz.json:1:9: expected ',' or ']', found '-'"},
    {"a bracket closed by a brace", "-2.5e-3]", "-2.5e-3}", "expected ',' or ']', found '}'"},
    {"one brace too many", "$", "}", "expected the end of the text, found '}'"},
    {"one brace too few", "null}", "null", "expected ',' or '}', found the end of the text"},
    {"two values", "$", " {}", "expected the end of the text, found '{'"},
    {"True", "null", "True", "expected a value, found 'T'"},
    {"None", "null", "None", "expected a value, found 'N'"},
    {"NaN", "null", "NaN", "expected a value, found 'N'"},
    {"Infinity", "null", "Infinity", "expected a value, found 'I'"},
    {"minus Infinity", "null", "-Infinity", "expected a digit, found 'I'"},
    {"undefined", "null", "undefined", "expected a value, found 'u'"},
    {"a word with a tail", "null", "nulll", "expected ',' or '}', found 'l'"},
    {"a plus sign", "[1", "[+1", "expected a value or ']', found '+'"},
    {"hexadecimal", "[1", "[0x1", "expected ',' or ']', found 'x'"},
    {"octal", "[1", "[01", "a number with a leading zero"},
    {"minus octal", "[1", "[-01", "a number with a leading zero"},
    {"a point first", "[1", "[.1", "expected a value or ']', found '.'"},
    {"a point last", "[1", "[1.", "expected a digit, found ','"},
    {"an exponent without digits", "[1", "[1e+", "expected a digit, found ','"},
    {"digits in groups", "[1", "[1_000", "expected ',' or ']', found '_'"},
    {"Arabic digits", "[1", "[\xD9\xA1", "found '\xD9\xA1'"},
    {"a full-width minus", "[1",
     "[\xEF\xBC\x8D"
     "1",
     "found '\xEF\xBC\x8D'"},
    {"one more than 64 bits hold", "[1", "[9223372036854775808", "integer 9223372036854775808 does not fit 64 bits",
     HONE_E_LIMIT},
    {"the most that 64 bits hold", "[1", "[9223372036854775807", TAKEN},
    {"the least that 64 bits hold", "[1", "[-9223372036854775808", TAKEN},
    {"one less than 64 bits hold", "[1", "[-9223372036854775809", "does not fit 64 bits", HONE_E_LIMIT},
    {"an integer of a thousand digits", "[1", "[\u2026", "does not fit 64 bits", HONE_E_LIMIT, "7", 1000},
    {"1e999", "[1", "[1e999", "fuzz.json:1:7: real number overflow near '1e999'"},
    {"an exponent of twenty digits", "[1", "[1e99999999999999999999", "real number overflow"},
    {"a fraction of ten thousand digits", "[1", "[0.\u2026", TAKEN, 0, "3", 10000},
    {"a number below the smallest", "[1", "[1e-999", TAKEN},
    {"64 levels", "[1", "[\u20261]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],1", TAKEN, 0, "[", 62},
    {"65 levels", "[1", "[\u2026", "nested deeper than 64 levels", HONE_E_LIMIT, "[", 63},
    {"100,000 levels", "[1", "[\u2026", "nested deeper than 64 levels", HONE_E_LIMIT, "[{\"a\":", 50000},
    {"twenty thousand empty lists", NULL, "[\u2026[]]", TAKEN, 0, "[],", 20000},
    {"a long string without its end", NULL, "\"\u2026", "fuzz.json:1:1: string without its closing quote", 0, "x",
     100000},
    {"carriage returns as line ends", NULL, "{\r\"a\":\rx}", "fuzz.json:1:8: expected a value, found 'x'"},
    {"a place on a later line", NULL, "{\n\n \"\xC3\xA9\": x}", "fuzz.json:3:7: expected a value, found 'x'"},
    {"white space around", NULL, " \r\n {\"a\":[1,-2.5e-3],\"b\":null}\n\n", SAME},
};

void malformed_json(void) {
    static const char good[] = "{\"a\":[1,-2.5e-3],\"b\":null}";
    kind_group g = {"JSON", "json", "fuzz.json", NULL, good, 0, KINDS(json_kinds)};
    run_suite();
    run_group(&g);
    static const char cut[] = "{\"k\": [1, 2.5e3, \"\\u00e9\\n\xC3\xA9\", true, null, {}], \"\": \"x\"}  \n";
    run_cuts("json", "fuzz.json", cut, strlen(cut), NULL);
}
