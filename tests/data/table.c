#include "data/table.h"

#include "base/io.h"
#include "base/json.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static const char *file_named(const char *name) {
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, 512, "%s/%s", test_dir(), name);
    return p;
}

static const char *write_bytes(const char *name, const char *text, size_t n) {
    const char *path = file_named(name);
    remove(path);                /* truncating an old file can be slow */
    FILE *f = fopen(path, "wb"); /* not through base/io, whose fsync would take most of the time */
    CHECK(f && fwrite(text, 1, n, f) == n && !fclose(f));
    return path;
}

static const char *write_text(const char *name, const char *text) {
    return write_bytes(name, text, strlen(text));
}

static hone_table *read_text(const char *name, const char *text) {
    hone_table *t = NULL;
    CHECK_OK(hone_table_read(write_text(name, text), NULL, &t));
    return t;
}

static void check_cell(const hone_table *t, int64_t i, const char *column, hone_cell_kind kind, const char *want) {
    int64_t c = hone_table_find_column(t, column);
    CHECK_MSG(c >= 0, "no column %s", column);
    hone_cell cell = hone_table_cell(t, i, c);
    CHECK_MSG(cell.kind == kind, "row %d %s: kind %d, want %d (%s)", (int)i, column, cell.kind, kind, cell.p);
    CHECK_STR(cell.p, want);
    CHECK_INT(cell.n, strlen(want));
}

static void check_bad(const hone_table *t, int64_t k, int64_t row, int64_t line, int64_t column, const char *reason) {
    CHECK(k < hone_table_bad_listed(t));
    const hone_bad_row *b = hone_table_bad(t, k);
    CHECK_MSG(b->row == row && b->line == line && b->column == column && strstr(b->reason, reason),
              "bad row %d is row %d at %d:%d \"%s\", want row %d at %d:%d \"%s\"", (int)k, (int)b->row, (int)b->line,
              (int)b->column, b->reason, (int)row, (int)line, (int)column, reason);
}

static hone_status read_only(const char *name, const char *text) {
    hone_table *t = NULL;
    const char *path = write_text(name, text);
    hone_status st = hone_table_read(path, NULL, &t);
    if (st != HONE_OK && t) FAIL("a failed read left a table");
    hone_table_free(t);
    return st;
}

TEST(data, csv_is_read_as_the_csv_module_of_python_reads_it) {
    json_t *cases, *c;
    size_t k;
    CHECK_OK(hone_json_load(test_path("tests/golden/data/csv_cases.json"), &cases));
    CHECK(json_array_size(cases) > 150);
    json_array_foreach(cases, k, c) {
        const char *name = json_string_value(json_object_get(c, "name"));
        const json_t *text = json_object_get(c, "text"), *rows = json_object_get(c, "rows");
        bool tab = !strcmp(json_string_value(json_object_get(c, "delimiter")), "\t");
        hone_table *t = NULL;
        CHECK_OK(hone_table_read(
            write_bytes(tab ? "case.tsv" : "case.csv", json_string_value(text), json_string_length(text)), NULL, &t));
        CHECK_MSG(hone_table_bad_count(t) == 0, "%s: bad row: %s", name, hone_table_bad(t, 0)->reason);
        CHECK_MSG(hone_table_rows(t) == (int64_t)json_array_size(rows) - 1, "%s: %d rows, want %d", name,
                  (int)hone_table_rows(t), (int)json_array_size(rows) - 1);
        const json_t *header = json_array_get(rows, 0);
        CHECK_INT(hone_table_columns(t), json_array_size(header));
        for (size_t i = 0; i < json_array_size(rows); i++)
            for (size_t j = 0; j < json_array_size(header); j++) {
                const json_t *want = json_array_get(json_array_get(rows, i), j);
                if (i == 0) {
                    CHECK_STR(hone_table_column_name(t, (int64_t)j), json_string_value(want));
                    continue;
                }
                hone_cell got = hone_table_cell(t, (int64_t)i - 1, (int64_t)j);
                CHECK_MSG(got.kind == HONE_CELL_TEXT && got.n == json_string_length(want) && !got.p[got.n] &&
                              !memcmp(got.p, json_string_value(want), got.n),
                          "%s: row %d field %d is \"%s\", want \"%s\"", name, (int)i, (int)j, got.p,
                          json_string_value(want));
            }
        hone_table_free(t);
    }
    json_decref(cases);
}

/* What a spreadsheet leaves behind the last column. */
TEST(data, csv_columns_without_a_name_may_be_several) {
    hone_table *t = read_text("n.csv", "a,,b,,\n1,2,3,4,5\n6,,7,,\n");
    static const char *const names[] = {"a", "", "b", "Unnamed: 3", "Unnamed: 4"};
    CHECK_INT(hone_table_columns(t), 5);
    CHECK_INT(hone_table_rows(t), 2);
    for (int k = 0; k < 5; k++) {
        const char want[2] = {(char)('1' + k), 0};
        CHECK_STR(hone_table_column_name(t, k), names[k]);
        check_cell(t, 0, names[k], HONE_CELL_TEXT, want);
    }
    hone_table_free(t);
    CHECK_FAILS(read_only("n.csv", "Unnamed: 2,,\n1,2,3\n"), HONE_E_FORMAT,
                "column \"Unnamed: 2\" twice, as number 1 and 3");
}

TEST(data, csv_rows_remember_the_line_they_begin_on) {
    hone_table *t = read_text("l.csv", "\xEF\xBB\xBF"
                                       "a,b\r\n1,\"x\r\ny\"\r\n\r\n3,4\n\"5\n\n\",6\n7,8");
    CHECK_STR(hone_table_column_name(t, 0), "a"); /* the byte order mark is no part of the name */
    CHECK_INT(hone_table_rows(t), 4);
    const int64_t lines[] = {2, 5, 6, 9};
    for (int i = 0; i < 4; i++) {
        CHECK_INT(hone_table_row_line(t, i), lines[i]);
        CHECK_INT(hone_table_row_number(t, i), i);
    }
    hone_table_free(t);
}

TEST(data, csv_bad_rows_are_left_out_and_named) {
    static const char text[] = "a,b\n"                    /* 1 */
                               "good,0\n"                 /* 2 row 0 */
                               "one\n"                    /* 3 row 1 */
                               "1,2,3\n"                  /* 4 row 2 */
                               "good,3\n"                 /* 5 row 3 */
                               "\"x\"y,1\n"               /* 6 row 4 */
                               "\xC3\xA9z,\xFFq\n"        /* 7 row 5 */
                               "n\0l,1\n"                 /* 8 row 6 */
                               "\"good\n\",7\n"           /* 9 row 7 */
                               "\xED\xA0\x80,1\n"         /* 11 row 8: a surrogate */
                               "\"m\nn\",\"a\xC0\xAF\"\n" /* 12 row 9: an overlong form on line 13 */
                               "good,10";                 /* 14 row 10 */
    hone_table *t = NULL;
    CHECK_OK(hone_table_read(write_bytes("bad.csv", text, sizeof text - 1), NULL, &t));
    CHECK_INT(hone_table_rows(t), 4);
    const int64_t numbers[] = {0, 3, 7, 10};
    for (int i = 0; i < 4; i++) CHECK_INT(hone_table_row_number(t, i), numbers[i]);
    CHECK_INT(hone_table_row_line(t, 3), 14);
    CHECK_INT(hone_table_bad_count(t), 7);
    check_bad(t, 0, 1, 3, 4, "row has 1 field, the header has 2");
    check_bad(t, 1, 2, 4, 5, "row has 3 fields, the header has 2");
    check_bad(t, 2, 4, 6, 4, "text after the closing quote");
    check_bad(t, 3, 5, 7, 4, "byte 0xFF is not UTF-8");
    check_bad(t, 4, 6, 8, 2, "NUL byte");
    check_bad(t, 5, 8, 11, 1, "byte 0xED is not UTF-8");
    check_bad(t, 6, 9, 13, 6, "byte 0xC0 is not UTF-8");
    hone_table_free(t);
}

TEST(data, a_stray_quote_costs_its_own_line_and_no_other_row) {
    hone_table *t = read_text("stray.csv", "a,b\n0,x\n\"1,x\n2,y\n3,\"quoted, y\"\n4,z\n");
    CHECK_INT(hone_table_bad_count(t), 1);
    check_bad(t, 0, 1, 3, 1, "quote opened here is closed on line 5");
    CHECK_INT(hone_table_rows(t), 4);
    check_cell(t, 2, "b", HONE_CELL_TEXT, "quoted, y");
    CHECK_INT(hone_table_row_number(t, 2), 3);
    CHECK_INT(hone_table_row_line(t, 2), 5);
    hone_table_free(t);
}

TEST(data, pieces_of_a_torn_text_are_not_taken_for_rows) {
    /* The second line alone would be a fine row of two fields, a quote inside the first one. */
    hone_table *t = read_text("torn.csv", "a,b\n0,x\n\"dear all\nthe \"final\" report\",y\n2 \"in\",z\n");
    CHECK_INT(hone_table_rows(t), 2);
    check_cell(t, 1, "a", HONE_CELL_TEXT, "2 \"in\"");
    CHECK_INT(hone_table_bad_count(t), 2);
    check_bad(t, 1, 2, 4, 5, "quote inside a field without quotes");
    hone_table_free(t);
}

TEST(data, tables_broken_as_a_whole_are_refused_with_the_place) {
    CHECK_FAILS(read_only("q.csv", "a,b\n1,2\n3,\"open\n5,6\n"), HONE_E_FORMAT, "quote opened here is never closed");
    CHECK_INT(hone_last_error()->line, 3);
    CHECK_INT(hone_last_error()->column, 3);
    CHECK_FAILS(read_only("q.csv", "a,\"b\n1,2\n"), HONE_E_FORMAT, "never closed");
    CHECK_FAILS(read_only("q.csv", ""), HONE_E_FORMAT, "is empty");
    CHECK_FAILS(read_only("q.csv", "\xEF\xBB\xBF"), HONE_E_FORMAT, "is empty");
    CHECK_FAILS(read_only("q.csv", "\n\r\n\n"), HONE_E_FORMAT, "has no header line");
    CHECK_FAILS(read_only("q.csv", "a,b\n"), HONE_E_FORMAT, "has no rows");
    CHECK_FAILS(read_only("q.csv", "a,b,a\n1,2,3\n"), HONE_E_FORMAT, "column \"a\" twice, as number 1 and 3");
    CHECK_FAILS(read_only("q.csv", "a,\xFF\n1,2\n"), HONE_E_FORMAT, "byte 0xFF in the header");
    CHECK_FAILS(read_only("q.csv", "a,b\n1\n2\n"), HONE_E_FORMAT, "none of its 2 rows can be used");
    CHECK_INT(hone_last_error()->line, 2);
    CHECK_FAILS(read_only("q.csv", "\xFF\xFE"
                                   "a"),
                HONE_E_FORMAT, "UTF-16");
    const char wide[] = "\xFF\xFE\0\0a\0\0", narrow[] = "\0\0\xFE\xFF\1\0\0a";
    for (int k = 0; k < 2; k++) {
        const char *path = write_text("wide.csv", "");
        FILE *f = fopen(path, "wb");
        CHECK(f && fwrite(k ? narrow : wide, 1, 8, f) == 8 && !fclose(f));
        hone_table *w = NULL;
        CHECK_FAILS(hone_table_read(path, NULL, &w), HONE_E_FORMAT, "is UTF-32, expected UTF-8");
        CHECK_STR(hone_last_error()->hint, "iconv -f UTF-32 -t UTF-8");
    }
    CHECK_FAILS(read_only("q.jsonl", "\n \n"), HONE_E_FORMAT, "has no rows");
    CHECK_FAILS(read_only("q.jsonl", "[1]\n"), HONE_E_FORMAT, "row is an array, expected an object");
    CHECK_FAILS(read_only("q.json", "[]"), HONE_E_FORMAT, "has no rows");
    CHECK_FAILS(read_only("q.json", "[{\"a\":1},]"), HONE_E_FORMAT, "expected an object, found ']'");
    CHECK_INT(hone_last_error()->column, 10);
    CHECK_FAILS(read_only("q.json", "[{\"a\":1}\n {\"a\":2}]"), HONE_E_FORMAT, "expected ',' or ']', found '{'");
    CHECK_INT(hone_last_error()->line, 2);
    CHECK_INT(hone_last_error()->column, 2);
    CHECK_FAILS(read_only("q.json", "[{\"a\":1},{\"a\":2}"), HONE_E_FORMAT, "ends inside the array");
    CHECK_FAILS(read_only("q.json", "[{\"a\":1},\n{\"a\":\"2}]"), HONE_E_FORMAT, "string without its closing quote");
    CHECK_INT(hone_last_error()->line, 2);
    CHECK_FAILS(read_only("q.json", "[{\"a\":1}] x"), HONE_E_FORMAT, "after the array, found 'x'");
    CHECK_FAILS(read_only("q.json", "\"text\""), HONE_E_FORMAT, "expected an array of objects");
    CHECK_FAILS(read_only("q.parquet", "PAR1"), HONE_E_UNSUPPORTED, ".parquet files are not read");
    CHECK_FAILS(hone_table_read(file_named("nothere.csv"), NULL, &(hone_table *){NULL}), HONE_E_IO, "nothere.csv");
}

TEST(data, strict_makes_the_first_bad_row_the_failure) {
    hone_table *t = NULL;
    const hone_table_options o = {.strict = true};
    CHECK_FAILS(hone_table_read(write_text("s.csv", "a,b\n1,2\n3\n4\n"), &o, &t), HONE_E_FORMAT, "row has 1 field");
    CHECK_INT(hone_last_error()->line, 3);
    CHECK(strstr(hone_last_error()->file, "s.csv"));
    CHECK_FAILS(hone_table_read(write_text("s.jsonl", "{\"a\":1}\n{]\n"), &o, &t), HONE_E_FORMAT, "found ']'");
    CHECK_INT(hone_last_error()->line, 2);
    CHECK_INT(hone_last_error()->column, 2);
    CHECK(!t);
}

TEST(data, json_lines_keep_texts_numbers_nulls_and_nested_values) {
    hone_table *t = read_text(
        "k.jsonl",
        "\xEF\xBB\xBF{\"t\": \"a\\u00e9\\n\\ud83d\\ude42\", \"n\": 1.50, \"big\": 12345678901234567890123}\r\n"
        "\n   \n"
        "{\"n\": -2e3, \"t\": null, \"l\": [ 1, \"x, y\" ,{\"k\" : true} ], \"b\": false}");
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(hone_table_columns(t), 5);
    check_cell(t, 0, "t", HONE_CELL_TEXT, "a\xC3\xA9\n\xF0\x9F\x99\x82");
    check_cell(t, 0, "n", HONE_CELL_JSON, "1.50");
    check_cell(t, 0, "big", HONE_CELL_JSON, "12345678901234567890123");
    check_cell(t, 0, "l", HONE_CELL_MISSING, "");
    check_cell(t, 1, "n", HONE_CELL_JSON, "-2e3");
    check_cell(t, 1, "t", HONE_CELL_MISSING, "");
    check_cell(t, 1, "l", HONE_CELL_JSON, "[1,\"x, y\",{\"k\":true}]");
    check_cell(t, 1, "b", HONE_CELL_JSON, "false");
    CHECK(hone_table_has_field(t, 1, hone_table_find_column(t, "t")));
    CHECK(!hone_table_has_field(t, 0, hone_table_find_column(t, "l")));
    CHECK_INT(hone_table_row_line(t, 1), 4);
    CHECK_INT(hone_table_row_number(t, 1), 1);
    hone_table_free(t);
}

TEST(data, a_nul_that_json_spells_is_part_of_the_text) {
    hone_table *t = read_text("nul.jsonl", "{\"t\": \"a\\u0000b\"}");
    hone_cell c = hone_table_cell(t, 0, 0);
    CHECK_INT(c.n, 3);
    CHECK(!memcmp(c.p, "a\0b", 4));
    hone_table_free(t);
}

TEST(data, mongodb_exports_become_plain_values) {
    hone_table *t = read_text(
        "m.json", "{\"_id\":{\"$oid\":\"5f0000000000000000000001\"},\"i\":{\"$numberInt\":\"7\"},\"l\":{\"$"
                  "numberLong\":\"-90071992547409931\"},\"d\":{\"$numberDouble\":\"1.5\"},\"x\":{\"$numberDouble\":"
                  "\"NaN\"},\"m\":{\"$numberDecimal\":\"1E+3\"},\"t\":{\"$date\":{\"$numberLong\":\"1714564800000\"}},"
                  "\"u\":{\"$undefined\":true},\"s\":\"text\"}\n"
                  "{\"_id\":{\"$oid\":\"5f0000000000000000000002\"},\"t\":{\"$date\":\"2024-05-01T12:00:00Z\"},\"l\":{"
                  "\"$numberLong\":5},\"n\":{\"a\":[{\"$numberInt\":\"1\"},{\"$oid\":\"q\"}],\"$oid\":\"not "
                  "alone\"}}\n"
                  "{\"t\":{\"$date\":{\"$numberLong\":\"-1\"}},\"i\":{\"$numberInt\":\"seven\"}}\n"
                  "{\"t\":{\"$date\":951782400123}}\n{\"t\":{\"$date\":{\"$numberLong\":\"-1\"}}}\n");
    CHECK_INT(hone_table_get_format(t), HONE_TABLE_JSONL);
    check_cell(t, 0, "_id", HONE_CELL_TEXT, "5f0000000000000000000001");
    check_cell(t, 0, "i", HONE_CELL_JSON, "7");
    check_cell(t, 0, "l", HONE_CELL_JSON, "-90071992547409931");
    check_cell(t, 0, "d", HONE_CELL_JSON, "1.5");
    check_cell(t, 0, "x", HONE_CELL_MISSING, ""); /* NaN: how a data frame stores that there is nothing */
    check_cell(t, 0, "m", HONE_CELL_JSON, "1E+3");
    check_cell(t, 0, "t", HONE_CELL_TEXT, "2024-05-01T12:00:00Z");
    check_cell(t, 0, "u", HONE_CELL_MISSING, "");
    check_cell(t, 1, "t", HONE_CELL_TEXT, "2024-05-01T12:00:00Z");
    check_cell(t, 1, "l", HONE_CELL_JSON, "5");
    check_cell(t, 1, "n", HONE_CELL_JSON, "{\"a\":[1,\"q\"],\"$oid\":\"not alone\"}");
    check_cell(t, 2, "t", HONE_CELL_TEXT, "2000-02-29T00:00:00.123Z");
    check_cell(t, 3, "t", HONE_CELL_TEXT, "1969-12-31T23:59:59.999Z");
    CHECK_INT(hone_table_bad_count(t), 1);
    CHECK_INT(hone_table_bad(t, 0)->row, 2);
    CHECK(strstr(hone_table_bad(t, 0)->reason, "\"$numberInt\" is \"seven\", expected an integer"));
    hone_table_free(t);
}

TEST(data, json_arrays_and_pretty_printed_objects_are_read) {
    hone_table *t =
        read_text("a.json", " [\n {\"a\": \"x]\\\"}\", \"b\": [[1]]},\n\n{\"a\":\"y\"} ,7, {\"a\":1,\"a\":2},\n"
                            "{\"a\" 5}, {\n \"a\": \"z\"\n}\n]\n");
    CHECK_INT(hone_table_get_format(t), HONE_TABLE_JSON);
    CHECK_INT(hone_table_rows(t), 3);
    check_cell(t, 0, "a", HONE_CELL_TEXT, "x]\"}");
    check_cell(t, 0, "b", HONE_CELL_JSON, "[[1]]");
    check_cell(t, 2, "a", HONE_CELL_TEXT, "z");
    CHECK_INT(hone_table_row_line(t, 0), 2);
    CHECK_INT(hone_table_row_line(t, 1), 4);
    CHECK_INT(hone_table_row_line(t, 2), 5);
    CHECK_INT(hone_table_row_number(t, 2), 5);
    CHECK_INT(hone_table_bad_count(t), 3);
    check_bad(t, 0, 2, 4, 12, "row is a number, expected an object");
    check_bad(t, 1, 3, 4, 22, "key \"a\" is given twice");
    check_bad(t, 2, 4, 5, 6, "expected ':'");
    hone_table_free(t);

    t = read_text("b.json", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}");
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(hone_table_row_line(t, 1), 4);
    hone_table_free(t);

    t = read_text("c.json", "{\"a\": 1\n{\"a\": 2}\n{\"a\": 3}\n"); /* lines, the first one broken */
    CHECK_INT(hone_table_rows(t), 2);
    check_bad(t, 0, 0, 1, 8, "expected ',' or '}', found the end of the text");
    hone_table_free(t);
}

static void write_gz(const char *path, const char *text, size_t n) {
    gzFile f = gzopen(path, "wb");
    CHECK(f && gzwrite(f, text, (unsigned)n) == (int)n && gzclose(f) == Z_OK);
}

TEST(data, gzip_of_every_format_is_read_and_damage_is_refused) {
    static const char *const names[] = {"g.csv.gz", "g.tsv.gz", "g.jsonl.gz", "g.json.gz"};
    static const char *const texts[] = {"a,b\n1,2\n", "a\tb\n1\t2\n", "{\"a\":\"1\",\"b\":\"2\"}\n",
                                        "[{\"a\":\"1\",\"b\":\"2\"}]"};
    for (int k = 0; k < 4; k++) {
        const char *path = file_named(names[k]);
        write_gz(path, texts[k], strlen(texts[k]));
        hone_table *t = NULL;
        CHECK_OK(hone_table_read(path, NULL, &t));
        check_cell(t, 0, "b", HONE_CELL_TEXT, "2");
        hone_table_free(t);
    }
    char *text, *big = malloc(200000);
    size_t n;
    for (int i = 0; i < 200000; i++) big[i] = i % 40 == 39 ? '\n' : (char)('a' + (i * 7919 >> 3) % 26);
    write_gz(file_named("h.csv.gz"), big, 200000);
    CHECK_OK(hone_io_read_file(file_named("h.csv.gz"), 1 << 20, &text, &n));
    hone_table *t = NULL;
    CHECK_FAILS(hone_table_read(write_bytes("cut.csv.gz", text, n / 2), NULL, &t), HONE_E_FORMAT, "cut short");
    CHECK(strstr(hone_last_error()->file, "cut.csv.gz"));
    text[n / 2] ^= 1;
    CHECK(hone_table_read(write_bytes("flip.csv.gz", text, n), NULL, &t) == HONE_E_FORMAT);
    CHECK_FAILS(hone_table_read(write_text("plain.csv.gz", "a,b\n1,2\n"), NULL, &t), HONE_E_FORMAT,
                "does not begin like gzip");
    CHECK_FAILS(hone_table_read(write_text("empty.csv.gz", ""), NULL, &t), HONE_E_FORMAT, "is empty");
    hone_free(text);
    free(big);
}

static hone_table *read_stdin(const char *text) {
    const char *path = write_text("stdin", text);
    int kept = dup(0), fd = open(path, O_RDONLY);
    CHECK(kept >= 0 && fd >= 0 && dup2(fd, 0) == 0);
    hone_table *t = NULL;
    hone_status st = hone_table_read("-", NULL, &t);
    dup2(kept, 0);
    close(kept), close(fd);
    CHECK_OK(st);
    CHECK_STR(hone_table_path(t), "standard input");
    return t;
}

TEST(data, standard_input_tells_its_format_by_its_first_bytes) {
    static const char *const texts[] = {"b,a x\n2,1\n", "b,x\ta\n2\t1\n", "\xEF\xBB\xBF {\"a\":\"1\"}\n",
                                        "\n[{\"a\":\"1\"}]"};
    const hone_table_format want[] = {HONE_TABLE_CSV, HONE_TABLE_TSV, HONE_TABLE_JSONL, HONE_TABLE_JSON};
    for (int k = 0; k < 4; k++) {
        hone_table *t = read_stdin(texts[k]);
        CHECK_INT(hone_table_get_format(t), want[k]);
        CHECK_INT(hone_table_rows(t), 1);
        hone_table_free(t);
    }
}

/* Twenty ways for a JSON line to be bad; @ stands for a byte that C strings cannot hold well. */
static const struct {
    const char *line;
    const char *reason;
} json_sins[] = {
    {"{\"a\": \"x\", \"b\": \"y\"", "expected ',' or '}', found the end of the text"},
    {"{\"a\": \"x\" \"b\": \"y\"}", "expected ',' or '}'"},
    {"{\"a\": \"x\", \"b\" \"y\"}", "expected ':'"},
    {"{'a': 'x'}", "a key in double quotes"},
    {"{\"a\": \"x\", }", "a key in double quotes"},
    {"[\"x\", \"y\"]", "row is an array"},
    {"\"x\"", "row is a string"},
    {"17", "row is a number"},
    {"null", "row is null"},
    {"true", "row is true or false"},
    {"{\"a\": \"x\", \"a\": \"y\"}", "key \"a\" is given twice"},
    {"{\"a\": \"x\xFF\"}", "not UTF-8"},
    {"{\"a\": \"x\xC3\"}", "not UTF-8"},
    {"{\"a\": \"\\ud800\"}", "no valid escape"},
    {"{\"a\": \"\\q\"}", "no valid escape"},
    {"{\"a\": NaN}", "expected a value"},
    {"{\"a\": 01}", "leading zero"},
    {"{\"a\": \"x\ty\"}", "control character"},
    {"{\"a\": \"x\"} {\"a\": \"y\"}", "expected the end of the text"},
    {"{\"a\": \"@\"}", "NUL byte"},
};
#define SINS ((int)(sizeof json_sins / sizeof *json_sins))

TEST(data, ten_thousand_rows_with_one_percent_bad_in_twenty_ways_are_all_sorted_out) {
    enum { ROWS = 10000 };
    char *text = malloc(ROWS * 64), *p = text;
    int64_t line = 1, bad_row[ROWS], bad_line[ROWS];
    int n_bad = 0;
    for (int i = 0; i < ROWS; i++) {
        if (i % 7 == 0) *p++ = '\n', line++;
        if (i % 100 == 37) {
            bad_row[n_bad] = i, bad_line[n_bad] = line;
            size_t n = strlen(json_sins[n_bad % SINS].line);
            memcpy(p, json_sins[n_bad++ % SINS].line, n);
            for (size_t k = 0; k < n; k++)
                if (p[k] == '@') p[k] = 0;
            p += n;
        } else {
            p += sprintf(p, "{\"a\": \"row %d\", \"b\": %d}", i, i);
        }
        *p++ = '\n', line++;
    }
    hone_table *t = NULL;
    CHECK_OK(hone_table_read(write_bytes("sins.jsonl", text, (size_t)(p - text)), NULL, &t));
    CHECK_INT(hone_table_rows(t), ROWS - n_bad);
    CHECK_INT(hone_table_bad_count(t), n_bad);
    CHECK_INT(n_bad, 100);
    for (int k = 0; k < n_bad; k++) {
        const hone_bad_row *b = hone_table_bad(t, k);
        CHECK_INT(b->row, bad_row[k]);
        CHECK_INT(b->line, bad_line[k]);
        CHECK_MSG(strstr(b->reason, json_sins[k % SINS].reason), "row %d: \"%s\", want \"%s\"", (int)b->row, b->reason,
                  json_sins[k % SINS].reason);
    }
    for (int64_t i = 0; i < hone_table_rows(t); i++) {
        char want[32];
        snprintf(want, sizeof want, "row %d", (int)hone_table_row_number(t, i));
        check_cell(t, i, "a", HONE_CELL_TEXT, want);
    }
    hone_table_free(t);
    free(text);
}

TEST(data, lines_and_fields_over_sixteen_mebibytes_are_bad_rows_and_the_next_row_is_read) {
    const size_t n = HONE_TABLE_MAX_FIELD + 100;
    char *text = malloc(n + 200);
    for (int kind = 0; kind < 4; kind++) {
        static const char *const heads[] = {"a,b\n0,y\n", "a,b\n0,y\n\"", "{\"a\":\"0\"}\n{\"a\":\"",
                                            "[{\"a\":\"0\"},{\"a\":\""};
        static const char *const tails[] = {",z\n2,y\n", "\n\"\"\n\",z\n2,y\n", "\"}\n{\"a\":\"2\"}\n",
                                            "\"},{\"a\":\"2\"}]"};
        static const char *const names[] = {"big.csv", "big2.csv", "big.jsonl", "big.json"};
        size_t h = strlen(heads[kind]), m = strlen(tails[kind]);
        memcpy(text, heads[kind], h);
        memset(text + h, 'x', n);
        memcpy(text + h + n, tails[kind], m);
        hone_table *t = NULL;
        CHECK_OK(hone_table_read(write_bytes(names[kind], text, h + n + m), NULL, &t));
        CHECK_INT(hone_table_rows(t), 2);
        check_cell(t, 1, "a", HONE_CELL_TEXT, "2");
        CHECK_INT(hone_table_row_number(t, 1), 2);
        CHECK_INT(hone_table_row_line(t, 1), kind == 0 ? 4 : kind == 1 ? 6 : kind == 2 ? 3 : 1);
        CHECK_INT(hone_table_bad_count(t), 1);
        CHECK(strstr(hone_table_bad(t, 0)->reason, "limit of 16 MiB"));
        hone_table_free(t);
    }
    memset(text, 'x', n + 200);
    memcpy(text, "a,b\n1,2\n\"", 9);
    CHECK_FAILS(hone_table_read(write_bytes("big3.csv", text, n), NULL, &(hone_table *){NULL}), HONE_E_FORMAT,
                "never closed");
    CHECK_INT(hone_last_error()->line, 3);
    free(text);
}

TEST(data, lines_are_counted_right_through_a_field_that_is_too_long_to_keep) {
    const size_t n = HONE_TABLE_MAX_FIELD + (1 << 20);
    char *text = malloc(n + 200);
    for (int pad = 0; pad < 3; pad++) { /* one of them puts a border between two reads inside a CRLF */
        const int period = 2 + pad / 2;
        size_t h = (size_t)sprintf(text, "%s,b\r\n\"", pad % 2 ? "aa" : "a");
        int64_t lines = 2;
        for (size_t i = 0; i < n; i++) {
            text[h + i] = (int)(i % (size_t)period) == period - 2   ? '\r'
                          : (int)(i % (size_t)period) == period - 1 ? '\n'
                                                                    : 'x';
            lines += text[h + i] == '\n';
        }
        if (text[h + n - 1] == '\r') text[h + n - 1] = 'x';
        size_t m = (size_t)sprintf(text + h + n, "\",1\r\n2,y\r\n");
        hone_table *t = NULL;
        CHECK_OK(hone_table_read(write_bytes("crlf.csv", text, h + n + m), NULL, &t));
        CHECK_INT(hone_table_rows(t), 1);
        CHECK_INT(hone_table_row_line(t, 0), lines + 1);
        hone_table_free(t);
    }
    free(text);
}

TEST(data, limits_on_columns_and_text_are_kept) {
    char *text = malloc(1 << 20), *p = text;
    for (int i = 0; i < 5000; i++) p += sprintf(p, "{\"k%d\": 1}\n", i);
    CHECK_FAILS(hone_table_read(write_bytes("wide.jsonl", text, (size_t)(p - text)), NULL, &(hone_table *){NULL}),
                HONE_E_LIMIT, "more than 4096 different columns");
    const hone_table_options o = {.max_bytes = 10000};
    p = text + sprintf(text, "a\n");
    for (int i = 0; i < 1000; i++) p += sprintf(p, "row %d\n", i);
    CHECK_FAILS(hone_table_read(write_bytes("much.csv", text, (size_t)(p - text)), &o, &(hone_table *){NULL}),
                HONE_E_LIMIT, "the limit on this machine");
    free(text);
}

TEST(data, dropped_rows_leave_gaps_and_join_the_list_in_file_order) {
    hone_table *t = read_text("d.csv", "a,b\n0,x\n1\n2,x\n3,x\n4\n5,x\n");
    CHECK_OK(hone_table_drop(t, 2, "third of %s", "them"));
    CHECK_OK(hone_table_drop(t, 0, "first"));
    CHECK_OK(hone_table_drop(t, 0, "again"));
    CHECK_INT(hone_table_rows(t), 4);
    CHECK_OK(hone_table_finish_drops(t));
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(hone_table_row_number(t, 0), 2);
    CHECK_INT(hone_table_row_number(t, 1), 5);
    CHECK_INT(hone_table_bad_count(t), 4);
    check_bad(t, 0, 0, 2, 1, "first");
    check_bad(t, 1, 1, 3, 2, "row has 1 field");
    check_bad(t, 2, 3, 5, 1, "third of them");
    check_bad(t, 3, 4, 6, 2, "row has 1 field");
    CHECK_OK(hone_table_drop(t, 0, "x"));
    CHECK_OK(hone_table_drop(t, 1, "y"));
    CHECK_FAILS(hone_table_finish_drops(t), HONE_E_FORMAT, "none of its 6 rows can be used");
    hone_table_free(t);
}

TEST(data, a_fingerprint_tells_tables_apart_and_not_their_files) {
    hone_table *a = read_text("f1.csv", "a,b\n1,2\n3,4\n"), *b = read_text("f2.csv", "\"a\",b\r\n1,2\r\n\r\n3,\"4\"");
    hone_table *c = read_text("f3.csv", "a,b\n1,2\n3,5\n"), *d = read_text("f4.csv", "a,b\n12,\n3,4\n");
    CHECK(hone_table_fingerprint(a) == hone_table_fingerprint(b));
    CHECK(hone_table_fingerprint(a) != hone_table_fingerprint(c));
    CHECK(hone_table_fingerprint(a) != hone_table_fingerprint(d));
    hone_table_free(a), hone_table_free(b), hone_table_free(c), hone_table_free(d);
}

TEST(data, random_bytes_never_crash_a_reader_and_always_give_an_answer) {
    static const char alphabet[] = "\"\"\"{}[],,:\n\n\r\t ab1\\u0$\xC3\xA9\xFF";
    static const char *const names[] = {"r.csv", "r.tsv", "r.jsonl", "r.json"};
    const uint64_t texts = (uint64_t)test_cases(3000, 300);
    for (uint64_t k = 0; k < texts; k++) {
        char text[200];
        size_t n = (size_t)((test_uniform(k, 0) + 1) * 99);
        for (size_t i = 0; i < n; i++)
            text[i] = alphabet[(size_t)((test_uniform(k, i + 1) + 1) / 2 * (sizeof alphabet - 1))];
        hone_table *t = NULL;
        hone_status st = hone_table_read(write_bytes(names[k % 4], text, n), NULL, &t);
        CHECK((st == HONE_OK) == (t != NULL));
        CHECK(st == HONE_OK ? hone_table_rows(t) > 0 : hone_last_error()->code == st);
        hone_table_free(t);
    }
}

/* The rows' bytes, and what stands before the first of them, are the file. */
TEST(data, rows_know_their_bytes_in_the_file) {
    static const struct {
        const char *name, *text;
        const char *rows[4];
        const char *header;
    } cases[] = {
        {"b.csv",
         "\xEF\xBB\xBF\n\"a\",b\r\n1,2\r\n\r\n\"x\ny\",\"\"\"\"\nbad\n3,4",
         {"1,2\r\n", "\"x\ny\",\"\"\"\"\n", "3,4"},
         "\xEF\xBB\xBF\n\"a\",b\r\n"},
        {"b.tsv", "a\tb\r1\t2\r3\t4\r", {"1\t2\r", "3\t4\r"}, "a\tb\r"},
        {"b.jsonl",
         "\xEF\xBB\xBF{\"a\":1}\n\n nonsense\n {\"a\": 2} \r\n{\"a\":3}",
         {"{\"a\":1}\n", " {\"a\": 2} \r\n", "{\"a\":3}"},
         ""},
        {"b.json", " [ {\"a\":1} ,\n7,{\"a\":\n[2]}]\n", {"{\"a\":1}", "{\"a\":\n[2]}"}, ""},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        hone_table *t = read_text(cases[k].name, cases[k].text);
        CHECK_INT(hone_table_header_bytes(t), strlen(cases[k].header));
        CHECK(!strncmp(cases[k].text, cases[k].header, strlen(cases[k].header)));
        for (int64_t i = 0; i < hone_table_rows(t); i++) {
            int64_t begin, n;
            hone_table_row_bytes(t, i, &begin, &n);
            CHECK(cases[k].rows[i]);
            CHECK_MSG(n == (int64_t)strlen(cases[k].rows[i]) &&
                          !strncmp(cases[k].text + begin, cases[k].rows[i], (size_t)n),
                      "%s row %d: \"%.*s\"", cases[k].name, (int)i, (int)n, cases[k].text + begin);
        }
        CHECK(!cases[k].rows[hone_table_rows(t)]);
        hone_table_free(t);
    }
}

TEST(data, rows_far_into_a_large_file_know_their_bytes_too) {
    const size_t long_line = ((size_t)16 << 20) + 10;
    const char *path = file_named("large.jsonl");
    FILE *f = fopen(path, "wb");
    CHECK(f);
    for (int i = 0; i < 20000; i++) fprintf(f, "{\"a\": %d, \"b\": \"%0*d\"}\n", i, 1 + i % 100, 0);
    int64_t before = ftell(f);
    for (size_t i = 0; i < long_line; i++) fputc(' ', f); /* over the limit: a bad row to pass over */
    fprintf(f, "\n{\"a\": \"last\"}\n");
    CHECK(!fclose(f));
    hone_table *t;
    int64_t begin, n;
    CHECK_OK(hone_table_read(path, NULL, &t));
    CHECK_INT(hone_table_rows(t), 20001);
    CHECK_INT(hone_table_bad_count(t), 1);
    hone_table_row_bytes(t, 20000, &begin, &n);
    CHECK_INT(begin, before + (int64_t)long_line + 1);
    CHECK_INT(n, 14);
    hone_table_row_bytes(t, 19999, &begin, &n);
    CHECK_INT(begin + n, before);
    hone_table_free(t);
}

TEST(data, a_table_that_lists_all_may_have_no_good_row) {
    hone_table *t;
    const char *path = write_text("allbad.jsonl", "1\n2\n");
    CHECK_FAILS(hone_table_read(path, NULL, &t), HONE_E_FORMAT, "none of its 2 rows");
    CHECK_OK(hone_table_read(path, &(hone_table_options){.list_all = true}, &t));
    CHECK(hone_table_rows(t) == 0 && hone_table_bad_listed(t) == 2);
    hone_table_free(t);
    CHECK_FAILS(hone_table_read(write_text("blank.jsonl", "\n\n"), &(hone_table_options){.list_all = true}, &t),
                HONE_E_FORMAT, "no rows");
}
