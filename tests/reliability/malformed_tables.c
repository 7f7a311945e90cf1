/* Tables: CSV, TSV, JSON lines, JSON arrays, Extended JSON. A bad row is left out and listed; here every row but the
 * bad one is gone, or the file as a whole is broken, so that the sentence is the failure's. */
#include "tests/reliability/malformed.h"

#define NONE " (none of its 1 rows can be used)"

static const kind csv_kinds[] = {
    {"an empty file", NULL, "", "fuzz.csv: is empty"},
    {"a byte order mark alone", NULL, "\xEF\xBB\xBF", "fuzz.csv: is empty"},
    {"line ends alone", NULL, "\n\r\n\n", "fuzz.csv:1:1: has no header line"},
    {"a header alone", NULL, "a,b\n", "fuzz.csv: has no rows"},
    {"a header without a line end", NULL, "a,b", "fuzz.csv: has no rows"},
    {"a header and blank lines", NULL, "a,b\n\n\n\n", "fuzz.csv: has no rows"},
    {"a byte order mark", "^", "\xEF\xBB\xBF", TAKEN},
    {"UTF-16 with a mark", NULL,
     "\xFF\xFE"
     "a\u2400,\u2400"
     "b\u2400\n\u2400",
     "fuzz.csv:1:1: is UTF-16, expected UTF-8; iconv -f UTF-16 -t UTF-8"},
    {"UTF-16 the other way round", NULL,
     "\xFE\xFF\u2400"
     "a\u2400,",
     "fuzz.csv:1:1: is UTF-16, expected UTF-8"},
    {"UTF-16 without a mark", NULL,
     "a\u2400,\u2400"
     "b\u2400\n\u2400",
     "fuzz.csv:1:2: byte 0x00 in the header is not text in UTF-8"},
    {"zeros, as a lost block leaves them", NULL, "\u2026", "fuzz.csv:1:1: byte 0x00 in the header is not text in UTF-8",
     0, "\u2400", 512},
    {"Latin-1 in the header", NULL, "a,caf\xE9\n1,2\n", "fuzz.csv:1:6: byte 0xE9 in the header is not text in UTF-8"},
    {"a column named twice", NULL, "a,b,a\n1,2,3\n",
     "fuzz.csv:1:1: header names the column \"a\" twice, as number 1 and 3"},
    {"two columns without a name, and one called as the second is", NULL, "a,Unnamed: 3,,\n1,2,3,4\n",
     "fuzz.csv:1:1: header names the column \"Unnamed: 3\" twice, as number 2 and 4"},
    {"a quote in the header that is never closed", NULL, "a,\"b\n1,2\n",
     "fuzz.csv:1:3: quote opened here is never closed; a quote inside a quoted field is written twice"},
    {"text behind a quote in the header", NULL, "\"a\"x,b\n1,2\n",
     "fuzz.csv:1:4: text after the closing quote of a field in the header"},
    {"five thousand columns", NULL, "\u2026z\n1\n", "fuzz.csv:1: header has 5001 columns, the limit is 4096",
     HONE_E_LIMIT, "c,", 5000},
    {"a header of 17 MiB", NULL, "\u2026\n1\n", "fuzz.csv:1: header is longer than 16 MiB", HONE_E_LIMIT,
     "0123456789abcdef", 17 << 16},
    {"a header of 17 MiB inside quotes", NULL, "\"\u2026\"\n1\n", "fuzz.csv:1: header is longer than 16 MiB",
     HONE_E_LIMIT, "0123456789abcdef", 17 << 16},
    {"too few fields", NULL, "a,b\n1\n", "fuzz.csv:2:2: row has 1 field, the header has 2" NONE},
    {"too many fields", NULL, "a,b\n1,2,3\n", "fuzz.csv:2:5: row has 3 fields, the header has 2" NONE},
    {"a hundred thousand fields", NULL, "a,b\n\u2026\n", "fuzz.csv:2:5: row has 100001 fields, the header has 2" NONE,
     0, "1,", 100000},
    {"semicolons for commas", NULL, "a;b\n1,5;2\n", "fuzz.csv:2:3: row has 2 fields, the header has 1" NONE},
    {"a comma at each line's end", NULL, "a,b\n1,2,\n", "fuzz.csv:2:5: row has 3 fields, the header has 2" NONE},
    {"a NUL in a field", NULL, "a,b\n1,\u2400\n", "fuzz.csv:2:3: NUL byte" NONE},
    {"a NUL inside quotes", NULL, "a,b\n1,\"x\ny\u2400\"\n", "fuzz.csv:3:2: NUL byte" NONE},
    {"Latin-1 in a field", NULL, "a,b\n1,caf\xE9\n", "fuzz.csv:2:6: byte 0xE9 is not UTF-8" NONE},
    {"Windows-1252 quotes", NULL, "a,b\n1,\x93x\x94\n", "fuzz.csv:2:3: byte 0x93 is not UTF-8" NONE},
    {"an overlong slash", NULL, "a,b\n1,\xC0\xAF\n", "fuzz.csv:2:3: byte 0xC0 is not UTF-8" NONE},
    {"a surrogate", NULL, "a,b\n1,\xED\xA0\x80\n", "fuzz.csv:2:3: byte 0xED is not UTF-8" NONE},
    {"beyond the last code point", NULL, "a,b\n1,\xF5\x80\x80\x80\n", "fuzz.csv:2:3: byte 0xF5 is not UTF-8" NONE},
    {"a character cut by the end of the file", NULL, "a,b\n1,\xE4\xB8", "fuzz.csv:2:3: byte 0xE4 is not UTF-8" NONE},
    {"a quote that is never closed", NULL, "a,b\n1,\"x\n2,y\n", "fuzz.csv:2:3: quote opened here is never closed"},
    {"a quote at the end of the file", NULL, "a,b\n1,\"", "fuzz.csv:2:3: quote opened here is never closed"},
    {"text behind a quote", NULL, "a,b\n1,\"x\"y\n", "fuzz.csv:2:6: text after the closing quote of a field" NONE},
    {"a space behind a quote", NULL, "a,b\n1,\"x\" \n", "fuzz.csv:2:6: text after the closing quote of a field" NONE},
    {"a quote escaped with a backslash", NULL, "a,b\n1,\"x\\\"y\"\n",
     "fuzz.csv:2:7: text after the closing quote of a field" NONE},
    {"a quote that swallows the next row", NULL, "a,b\n\"1,2\n3\"x,4\n",
     "quote opened here is closed on line 3, where text follows it"},
    {"a row of 17 MiB", NULL, "a,b\n1,\u2026\n", "fuzz.csv:2:1: row is longer than the limit of 16 MiB" NONE, 0,
     "0123456789abcdef", 17 << 16},
    {"a row of 17 MiB inside quotes", NULL, "a,b\n1,\"\u2026\"\n",
     "fuzz.csv:2:1: row is longer than the limit of 16 MiB" NONE, 0, "0123456789abcdef", 17 << 16},
    {"17 MiB behind a quote that is never closed", NULL, "a,b\n1,\"\u2026",
     "fuzz.csv:2:3: quote opened here is never closed", 0, "0123456789abcdef", 17 << 16},
    {"17 MiB of doubled quotes", NULL, "a,b\n1,\"\u2026\"\n", "row is longer than the limit of 16 MiB", 0,
     "\"\"\"\"\"\"\"\"", 17 << 17},
    {"cells that are all empty", NULL, "a,b\n,\n\"\",\n", TAKEN},
    {"carriage returns as line ends", "\n", "\r", TAKEN},
    {"a line end in quotes", NULL, "a,b\n1,\"x\ny\"\n", TAKEN},
    {"a web page", NULL, "<!DOCTYPE html>\n<html lang=\"en\"><body>a, b</body>\n",
     "fuzz.csv:2:25: row has 2 fields, the header has 1"},
    {"a spreadsheet", NULL, "PK\x03\x04\x14\u2400\u2400\u2400\x08\u2400[Content_Types].xml",
     "fuzz.csv:1:6: byte 0x00 in the header is not text in UTF-8"},
    {"parquet", NULL, "PAR1\x15\x04\x15\u2400\n1", "byte 0x00 in the header is not text in UTF-8"},
};

static const kind tsv_kinds[] = {
    {"commas for tabs", NULL, "a\tb\n1,2\n", "fuzz.tsv:2:4: row has 1 field, the header has 2" NONE},
    {"a tab too many", NULL, "a\tb\n1\t2\t\n", "fuzz.tsv:2:5: row has 3 fields, the header has 2" NONE},
    {"a quote that is never closed", NULL, "a\tb\n1\t\"2\n", "fuzz.tsv:2:3: quote opened here is never closed"},
    {"an empty file", NULL, "", "fuzz.tsv: is empty"},
};

static const kind jsonl_kinds[] = {
    {"an empty file", NULL, "", "fuzz.jsonl: is empty"},
    {"blank lines", NULL, "\n \n\t\n", "fuzz.jsonl: has no rows"},
    {"a byte order mark", "^", "\xEF\xBB\xBF", TAKEN},
    {"UTF-16", NULL, "\xFF\xFE{\u2400}\u2400", "fuzz.jsonl:1:1: is UTF-16, expected UTF-8"},
    {"Windows line ends", "\n", "\r\n", TAKEN},
    {"an array", NULL, "[1]\n", "fuzz.jsonl:1:1: row is an array, expected an object" NONE},
    {"a string", NULL, "\"a\"\n", "fuzz.jsonl:1:1: row is a string, expected an object" NONE},
    {"a number", NULL, "7\n", "fuzz.jsonl:1:1: row is a number, expected an object" NONE},
    {"null", NULL, "null\n", "fuzz.jsonl:1:1: row is null, expected an object" NONE},
    {"true", NULL, "true\n", "fuzz.jsonl:1:1: row is true or false, expected an object" NONE},
    {"CSV", NULL, "a,b\n", "fuzz.jsonl:1:1: expected a value, found 'a'" NONE},
    {"a row cut short", NULL,
     "{\"a\": \"x\", \"b\": ", "fuzz.jsonl:1:17: expected a value, found the end of the text" NONE},
    {"a row without its brace", NULL, "{\"a\": \"x\"\n",
     "fuzz.jsonl:1:10: expected ',' or '}', found the end of the text" NONE},
    {"two objects on a line", NULL, "{\"a\": 1} {\"a\": 2}\n",
     "fuzz.jsonl:1:10: expected the end of the text, found '{'" NONE},
    {"a comma behind the object", NULL, "{\"a\": 1},\n",
     "fuzz.jsonl:1:9: expected the end of the text, found ','" NONE},
    {"a key twice", NULL, "{\"a\": 1, \"a\": 2}\n", "fuzz.jsonl:1:10: key \"a\" is given twice" NONE},
    {"a key twice, once with an escape", NULL, "{\"a\": 1, \"\\u0061\": 2}\n",
     "fuzz.jsonl:1:10: key \"a\" is given twice" NONE},
    {"a NUL in a key", NULL, "{\"a\\u0000b\": 1}\n", "fuzz.jsonl:1:2: NUL character in a key" NONE},
    {"a raw NUL", NULL, "{\"a\": \"\u2400\"}\n", "fuzz.jsonl:1:8: NUL byte" NONE},
    {"zeros, as a lost block leaves them", NULL, "\u2026\n", "fuzz.jsonl:1:1: NUL byte" NONE, 0, "\u2400", 512},
    {"an escaped NUL in a text", NULL, "{\"a\": \"x\\u0000y\"}\n", TAKEN},
    {"Latin-1", NULL, "{\"a\": \"caf\xE9\"}\n", "fuzz.jsonl:1:11: byte '\\xe9' is not UTF-8" NONE},
    {"a lone surrogate", NULL, "{\"a\": \"\\ud83d\"}\n", "fuzz.jsonl:1:8: \"\\ud83d\" begins no valid escape" NONE},
    {"NaN", NULL, "{\"a\": NaN}\n", "fuzz.jsonl:1:7: expected a value, found 'N'" NONE},
    {"single quotes, as Python prints", NULL, "{'a': 'x'}\n",
     "fuzz.jsonl:1:2: expected a key in double quotes or '}', found '''" NONE},
    {"nested 65 deep", NULL, "{\"a\": \u20261\n", "fuzz.jsonl:1:70: nested deeper than 64 levels" NONE, 0, "[", 64},
    {"nested 100,000 deep", NULL, "{\"a\": \u2026\n", "nested deeper than 64 levels" NONE, 0, "[", 100000},
    {"five thousand keys in a row", NULL, "{\u2026\"z\": 1}\n", "fuzz.jsonl:1:", 0, "\"k\": 1, ", 5000},
    {"a line of 17 MiB", NULL, "{\"a\": \"\u2026\"}\n", "fuzz.jsonl:1:1: line is longer than the limit of 16 MiB" NONE,
     0, "0123456789abcdef", 17 << 16},
    {"a line of 17 MiB without its end", NULL, "{\"a\": \"\u2026",
     "fuzz.jsonl:1:1: line is longer than the limit of 16 MiB" NONE, 0, "0123456789abcdef", 17 << 16},
    {"17 MiB of spaces", NULL, "\u2026", "fuzz.jsonl:1:1: line is longer than the limit of 16 MiB" NONE, 0,
     "                ", 17 << 16},
    {"an integer of thousand digits, which stays a text", NULL, "{\"a\": 1\u2026}\n", TAKEN, 0, "0", 1000},
    {"an object over several lines", NULL, "{\n\"a\": 1\n}\n",
     "fuzz.jsonl:1:2: expected a key in double quotes or '}', found the end of the text (none of its 3 rows can be "
     "used)"},
    {"carriage returns as line ends", NULL, "{\"a\": 1}\r{\"a\": 2}\r",
     "fuzz.jsonl:1:10: expected the end of the text, found '{'" NONE},
};

static const kind array_kinds[] = {
    {"an empty file", NULL, "", "fuzz.json: is empty"},
    {"white space", NULL, " \n ", "fuzz.json: has no rows"},
    {"a number", NULL, "7",
     "fuzz.json:1:1: expected an array of objects, found '7'; a .json file begins with '[' or '{'"},
    {"an empty array", NULL, "[]", "fuzz.json: has no rows"},
    {"an array of numbers", NULL, "[1]", "fuzz.json:1:2: row is a number, expected an object" NONE},
    {"an array of arrays", NULL, "[[1, 2]]", "fuzz.json:1:2: row is an array, expected an object" NONE},
    {"an array of null", NULL, "[null]", "fuzz.json:1:2: row is null, expected an object" NONE},
    {"an array cut after a row", NULL, "[{\"a\": 1}", "fuzz.json:1:10: file ends inside the array"},
    {"an array cut after a comma", NULL, "[{\"a\": 1},", "fuzz.json:1:11: file ends inside the array"},
    {"an array cut inside a row", NULL,
     "[{\"a\": 1}, {\"a\": ", "fuzz.json:1:18: expected a value, found the end of the text"},
    {"an array cut inside a string", NULL, "[{\"a\": \"x", "string without its closing quote"},
    {"two commas", NULL, "[{\"a\": 1},,{\"a\": 2}]", "fuzz.json:1:11: expected an object, found ','"},
    {"a comma before the bracket", NULL, "[{\"a\": 1},]", "fuzz.json:1:11: expected an object, found ']'"},
    {"no comma", NULL, "[{\"a\": 1} {\"a\": 2}]", "fuzz.json:1:11: expected ',' or ']', found '{'"},
    {"a brace for the bracket", NULL, "[{\"a\": 1}}", "fuzz.json:1:10: expected ',' or ']', found '}'"},
    {"something behind the array", NULL, "[{\"a\": 1}] x",
     "fuzz.json:1:12: expected the end of the file after the array, found 'x'"},
    {"two arrays", NULL, "[{\"a\": 1}][{\"a\": 2}]",
     "fuzz.json:1:11: expected the end of the file after the array, found '['"},
    {"a broken row in an array", NULL, "[{\"a\": }]", "fuzz.json:1:8: expected a value, found '}'" NONE},
    {"a row of 17 MiB", NULL, "[{\"a\": \"\u2026\"}]", "fuzz.json:1:2: row is longer than the limit of 16 MiB" NONE, 0,
     "0123456789abcdef", 17 << 16},
    {"a row of 17 MiB without its end", NULL, "[{\"a\": \"\u2026",
     "fuzz.json:1:2: file ends inside row 0, which begins here", 0, "0123456789abcdef", 17 << 16},
    {"nested 100,000 deep", NULL, "[{\"a\": \u2026", "nested deeper than 64 levels", HONE_E_LIMIT, "[", 100000},
    {"a hundred thousand brackets", NULL, "\u2026", "nested deeper than 64 levels", HONE_E_LIMIT, "[", 100000},
    {"an object of columns", NULL, "{\"a\": [1, 2], \"b\": [3, 4]}", TAKEN},
    {"objects and then something else", NULL, "{\n\"a\": 1\n}\n7", "fuzz.json:4:1: expected an object, found '7'"},
    {"an object that never ends", NULL, "{\n\"a\": 1\n",
     "fuzz.json:3:1: expected ',' or '}', found the end of the text"},
    {"a raw NUL between rows", NULL, "[{\"a\": 1}\u2400]", "fuzz.json:1:10: expected ',' or ']', found '\\x00'"},
    {"a NUL in a row", NULL, "[{\"a\": \"\u2400\"}]", "fuzz.json:1:9: NUL byte" NONE},
    {"a colon for the comma", NULL, "[{\"a\": 1}:{\"a\": 2}]", "fuzz.json:1:10: expected ',' or ']', found ':'"},
};

static const kind ejson_kinds[] = {
    {"$oid that is a number", NULL, "{\"a\": {\"$oid\": 7}}", "\"$oid\" is 7, expected a text" NONE},
    {"$uuid that is null", NULL, "{\"a\": {\"$uuid\": null}}", "\"$uuid\" is null, expected a text" NONE},
    {"$numberInt with a fraction", NULL, "{\"a\": {\"$numberInt\": \"1.5\"}}", "expected an integer" NONE},
    {"$numberInt that is a word", NULL, "{\"a\": {\"$numberInt\": \"seven\"}}", "expected an integer" NONE},
    {"$numberInt without a digit", NULL, "{\"a\": {\"$numberInt\": \"\"}}", "expected an integer" NONE},
    {"$numberLong that is a list", NULL, "{\"a\": {\"$numberLong\": [1]}}",
     "\"$numberLong\" is [1], expected a number in quotes" NONE},
    {"$numberDouble that is a word", NULL, "{\"a\": {\"$numberDouble\": \"much\"}}", "expected a number" NONE},
    {"$numberDouble of NaN", NULL, "{\"a\": {\"$numberDouble\": \"NaN\"}}", TAKEN},
    {"$numberDecimal with a space", NULL, "{\"a\": {\"$numberDecimal\": \"1 \"}}", "expected a number" NONE},
    {"$date that is a list", NULL, "{\"a\": {\"$date\": []}}", "\"$date\" is [], expected a date or milliseconds" NONE},
    {"$date that is true", NULL, "{\"a\": {\"$date\": true}}",
     "\"$date\" is true, expected a date or milliseconds" NONE},
    {"$date in the year 300,000", NULL, "{\"a\": {\"$date\": 9223372036854775807}}", TAKEN},
    {"$date with a number inside that is none", NULL, "{\"a\": {\"$date\": {\"$numberLong\": \"x\"}}}",
     "expected an integer" NONE},
    {"$oid inside $oid", NULL, "{\"a\": {\"$oid\": {\"$oid\": \"x\"}}}", TAKEN},
    {"$oid and another key", NULL, "{\"a\": {\"$oid\": 7, \"b\": 1}}", TAKEN},
    {"$undefined that is a word", NULL, "{\"a\": {\"$undefined\": \"x\"}}", TAKEN},
    {"$numberInt cut short", NULL, "{\"a\": {\"$numberInt\": \"1", "string without its closing quote" NONE},
    {"wrappers sixty deep", NULL, "{\"a\": \u20261}", "fuzz.jsonl:1:", 0, "{\"$date\": ", 62},
};

static const kind no_name_kinds[] = {
    {"an empty file", NULL, "", "fuzz: is empty"},
    {"a bracket", NULL, "[", "fuzz:1:2: file ends inside the array"},
    {"a brace", NULL, "{", "fuzz:1:2: expected a key in double quotes or '}', found the end of the text"},
    {"a brace that is broken, and a good line", NULL, "{\"a\": x}\n{\"a\": 1}\n", TAKEN},
    {"a word", NULL, "hello", "fuzz: has no rows"},
    {"tabs", NULL, "a\tb\n1\n", "fuzz:2:2: row has 1 field, the header has 2" NONE},
    {"binary", NULL,
     "\x7F"
     "ELF\x02\x01\x01\u2400\u2400",
     "fuzz:1:8: byte 0x00 in the header is not text in UTF-8"},
};

/* What is left of a cut table are rows of the whole one, the last of which may be shorter: nothing in the file tells. A
 * row of JSON lines that is cut is a bad row. */
static bool fewer_rows(const unsigned char *p, size_t cut, size_t n) {
    return p[0] != '[' && cut < n;
}

void malformed_tables(void) {
    static const char csv[] = "a,b\n1,x\n\"2\",\"y \"\"z\"\"\"\r\n3,\xC3\xA9\n";
    static const char lines[] = "{\"a\": \"x\", \"b\": {\"$oid\": \"5f\"}}\n{\"a\": 1e3, \"b\": null}\n\n{\"a\": "
                                "\"\\u00e9\", \"c\": [1, {}]}\n";
    static const char array[] = "[\n {\"a\": \"x\", \"b\": 1},\n {\"a\": \"]}\", \"b\": {\"$date\": 0}}\n]\n";
    static const kind_group groups[] = {
        {"CSV", "csv", "fuzz.csv", NULL, csv, 0, KINDS(csv_kinds)},
        {"TSV", "tsv", "fuzz.tsv", NULL, "a\tb\n1\t2\n", 0, KINDS(tsv_kinds)},
        {"JSON lines", "jsonl", "fuzz.jsonl", NULL, lines, 0, KINDS(jsonl_kinds)},
        {"JSON array", "array", "fuzz.json", NULL, array, 0, KINDS(array_kinds)},
        {"Extended JSON", "jsonl", "fuzz.jsonl", NULL, lines, 0, KINDS(ejson_kinds)},
        {"a table of no known ending", "no_name", "fuzz", NULL, csv, 0, KINDS(no_name_kinds)},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) run_group(&groups[i]);
    run_cuts("csv", "fuzz.csv", csv, sizeof csv - 1, fewer_rows);
    run_cuts("jsonl", "fuzz.jsonl", lines, sizeof lines - 1, fewer_rows);
    run_cuts("array", "fuzz.json", array, sizeof array - 1, NULL);
}
