/* The rarer corners of tables: limits, places in odd lines, values of database exports that cannot be, roles asked for
 * in every kind of row; and a file that stops being readable after each of its bytes. */
#include "base/fault.h"
#include "data/roles.h"
#include "data/table.h"
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *write_bytes(const char *name, const char *text, size_t n) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    remove(path);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(text, 1, n, f) == n && !fclose(f));
    return path;
}

static hone_table *read_text(const char *name, const char *text) {
    hone_table *t = NULL;
    CHECK_OK(hone_table_read(write_bytes(name, text, strlen(text)), NULL, &t));
    return t;
}

/* Keys in another order in every row, some of them missing: each cell is found, and a row costs no square of its
 * keys. */
TEST(data, keys_in_any_order_are_found) {
    enum { KEYS = 2000, ROWS = 60 };
    const int step[] = {1, 7, 1999, 1003}; /* without a common divisor with 2000 */
    size_t room = (size_t)KEYS * ROWS * 20, n = 0;
    char *text = malloc(room);
    for (int i = 0; i < ROWS; i++) {
        n += (size_t)snprintf(text + n, room - n, "{");
        for (int k = 0, first = 1; k < KEYS; k++) {
            int key = (int)((int64_t)k * step[i % 4] % KEYS);
            if (i && key % 5 == i % 5) continue;
            n += (size_t)snprintf(text + n, room - n, "%s\"k%d\":%d", first ? "" : ",", key, key * 3 + i);
            first = 0;
        }
        n += (size_t)snprintf(text + n, room - n, "}\n");
    }
    hone_table *t = read_text("keys.jsonl", text);
    free(text);
    CHECK(hone_table_columns(t) == KEYS && hone_table_rows(t) == ROWS);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < KEYS; k++) {
            hone_cell c = hone_table_cell(t, i, k);
            if (i && k % 5 == i % 5)
                CHECK(c.kind == HONE_CELL_MISSING && !hone_table_has_field(t, i, k));
            else
                CHECK(c.kind == HONE_CELL_JSON && atoi(c.p) == k * 3 + i);
        }
    hone_table_free(t);
}

/* Who reads the file a second time (hone data split) must meet the rows that were read the first time. */
TEST(data, a_table_knows_whether_its_file_is_still_the_one_that_was_read) {
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const char *text = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
    for (int i = 0; i < 5; i++) {
        hone_table *t = read_text("again.jsonl", text);
        const char *path = hone_table_path(t);
        char other[600];
        snprintf(other, sizeof other, "%s.new", path);
        CHECK_OK(hone_table_check(t));
        switch (i) {
        case 0: CHECK(!utimensat(AT_FDCWD, path, long_ago, 0)); break; /* as many bytes, written again */
        case 1: CHECK(!truncate(path, 18)); break;
        case 2: CHECK(!truncate(path, 1000)); break;
        case 3: CHECK(!rename(write_bytes("again.jsonl.new", text, strlen(text)), path)); break;
        default: CHECK(!remove(path)); break;
        }
        CHECK_FAILS(hone_table_check(t), HONE_E_FORMAT,
                    i == 4 ? "was removed while it was read" : "was changed while it was read");
        CHECK_STR(hone_last_error()->file, path);
        hone_table_free(t);
    }
}

/* Another process makes the file longer, a row at a time: its rows are all of one moment, or it is refused. */
TEST(data, a_file_that_grows_while_it_is_read_is_refused) {
    enum { ROWS = 100000 };
    static const char row[] = "{\"text\": \"a row of some length, to give the reader something to do\"}\n";
    size_t n = sizeof row - 1;
    char *text = malloc(ROWS * n);
    for (size_t i = 0; i < ROWS; i++) memcpy(text + i * n, row, n);
    const char *path = write_bytes("grows.jsonl", text, ROWS * n);
    free(text);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        int fd = open(path, O_WRONLY | O_APPEND);
        for (int i = 0; i < 100000; i++)
            if (write(fd, row, n) < 0 || usleep(1000)) break;
        _exit(0);
    }
    hone_status s = HONE_OK;
    /* on a busy machine the other may not have its turn for some time */
    for (int i = 0; s == HONE_OK && i < 200; i++) {
        hone_table *t = NULL;
        s = hone_table_read(path, NULL, &t);
        if (s == HONE_OK) hone_table_free(t);
    }
    hone_error e = *hone_last_error();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_MSG(s == HONE_E_FORMAT && strstr(e.message, "was changed while it was read: it had "), "%d: %s", s,
              e.message);
}

/* Fields beyond the header's are counted, not kept. */
TEST(data, a_row_of_millions_of_fields_is_one_bad_row) {
    const int64_t n = 14000000;
    char *text = malloc((size_t)n + 64);
    int at = sprintf(text, "a,b\n1,2\n");
    memset(text + at, ',', (size_t)n);
    sprintf(text + at + n, "\"x\"\"y\",z\n3,4\n");
    hone_table *t = read_text("wide.csv", text);
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(hone_table_bad_count(t), 1);
    CHECK_MSG(strstr(hone_table_bad(t, 0)->reason, "14000002 fields"), "%s", hone_table_bad(t, 0)->reason);
    CHECK_STR(hone_table_cell(t, 1, 1).p, "4");
    hone_table_free(t);
    free(text);
}

TEST(data, values_between_the_objects_of_an_array_are_bad_rows) {
    static const char *const texts[] = {"[{\"a\":1}, 5]", "[5, {\"a\":1}]", "[{\"a\":1}, \"x\"]", "[{\"a\":1}, [2]]",
                                        "[{\"a\":1}, null ]"};
    for (int i = 0; i < 5; i++) {
        hone_table *t = read_text("values.json", texts[i]);
        CHECK_MSG(hone_table_rows(t) == 1 && hone_table_bad_count(t) == 1, "%s: %d rows, %d bad", texts[i],
                  (int)hone_table_rows(t), (int)hone_table_bad_count(t));
        hone_table_free(t);
    }
}

#ifdef HONE_TEST_HOOKS
TEST(data, a_line_that_is_no_object_says_what_it_is) {
    hone_table *t = read_text("kinds.jsonl", "{\"a\":1}\ntrue\nfalse\n");
    CHECK_INT(hone_table_bad_count(t), 2);
    for (int i = 0; i < 2; i++)
        CHECK_MSG(strstr(hone_table_bad(t, i)->reason, "true or false"), "%s", hone_table_bad(t, i)->reason);
    hone_table_free(t);
}

TEST(data, a_table_gives_back_all_its_memory) {
    int64_t before = hone_fault_live();
    hone_table_free(read_text("memory.csv", "a,b\n1,2\n3\n"));
    CHECK_INT(hone_fault_live(), before);
}
#endif

/* Its quotes still say where it ends. */
TEST(data, a_quoted_row_beyond_the_limit_ends_at_its_closing_quote) {
    const size_t n = HONE_TABLE_MAX_FIELD + (3 << 20); /* well behind where the limit is noticed */
    char *text = malloc(n + 64);
    size_t at = (size_t)sprintf(text, "a,b\n\"");
    memset(text + at, 'x', n);
    sprintf(text + at + n, "\"\"\n1,2\n\",3\n4,5\n");
    hone_table *t = read_text("quoted.csv", text);
    CHECK_INT(hone_table_rows(t), 1);
    CHECK_INT(hone_table_bad_count(t), 1);
    CHECK_STR(hone_table_cell(t, 0, 0).p, "4");
    hone_table_free(t);
    free(text);
}

TEST(data, a_gzip_file_that_is_not_there_is_named_as_any_other) {
    static const char *const names[] = {"none.csv.gz", "none.csv"};
    for (int i = 0; i < 2; i++) {
        char path[512];
        hone_table *t = NULL;
        snprintf(path, sizeof path, "%s/%s", test_dir(), names[i]);
        CHECK_FAILS(hone_table_read(path, NULL, &t), HONE_E_IO, "No such file");
        CHECK_STR(hone_last_error()->file, path);
        CHECK(!t);
    }
}

TEST(data, names_say_the_format_whatever_their_case_and_folder) {
    static const struct {
        const char *name, *text;
        hone_table_format format;
    } c[] = {
        {"a.CSV", "a\n1\n", HONE_TABLE_CSV},
        {"a.tab", "a\tb\n1\t2\n", HONE_TABLE_TSV},
        {"a.ndjson", "{\"a\":1}\n", HONE_TABLE_JSONL},
        {"a.data", " \t\r\n{\"a\":1}", HONE_TABLE_JSONL},
        {"a.data", "\n\n[{\"a\":1}]", HONE_TABLE_JSON},
        {"a.data", "a b\rc\td\r", HONE_TABLE_CSV},
        {"a.data", "a\tb\n1\t2\n", HONE_TABLE_TSV},
        {".csv", "a\tb\n1\t2\n", HONE_TABLE_TSV},
        {"a.json", "{\"a\":\n1}{\"a\":2}", HONE_TABLE_JSON},
        {"a.json", "\n\n{\"a\":1}\n{\"a\":", HONE_TABLE_JSONL},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        hone_table *t = read_text(c[i].name, c[i].text);
        CHECK_MSG(hone_table_get_format(t) == c[i].format, "%s, \"%s\": format %d", c[i].name, c[i].text,
                  (int)hone_table_get_format(t));
        hone_table_free(t);
    }
    char was[4096];
    CHECK(getcwd(was, sizeof was) && !chdir(test_dir()));
    FILE *f = fopen("plain.csv", "wb");
    CHECK(f && fputs("a\n1\n", f) >= 0 && !fclose(f));
    hone_table *t = NULL;
    hone_status s = hone_table_read("plain.csv", NULL, &t);
    CHECK(!chdir(was));
    CHECK_INT(s, HONE_OK);
    hone_table_free(t);
}

TEST(data, tables_that_cannot_be_are_refused_with_their_numbers) {
    static const struct {
        const char *name, *text, *says;
        hone_status code;
    } c[] = {
        {"u.csv", "\xFE\xFF\0a", "is UTF-16", HONE_E_FORMAT},
        {"u.json", "[{\"a\":1}", "file ends inside the array", HONE_E_FORMAT},
        {"u.json", "[", "file ends inside the array", HONE_E_FORMAT},
        {"u.json", "[{\"a\":1},", "file ends inside the array", HONE_E_FORMAT},
        {"u.json", "[,]", "expected an object, found ','", HONE_E_FORMAT},
        {"u.json", "[}]", "expected an object, found '}'", HONE_E_FORMAT},
        {"u.json", "[{\"a\":1},]", "expected an object, found ']'", HONE_E_FORMAT},
        {"u.json", "[{\"a\":1}{\"a\":2}]", "expected ',' or ']'", HONE_E_FORMAT},
        {"u.json", "[{\"a\":1}] x", "expected the end of the file", HONE_E_FORMAT},
        {"u.json", "[]", "has no rows", HONE_E_FORMAT},
        {"u.json", "17", "expected an array of objects", HONE_E_FORMAT},
        {"u.json", "{\"a\":1} 7", "expected an object, found '7'", HONE_E_FORMAT},
        {"u.json", "{\"a\":\n\"x", "string without its closing quote", HONE_E_FORMAT},
        {"u.json", "{\"a\":\n[1", "found the end of the text", HONE_E_FORMAT},
        {"u.jsonl", "\n \t\n", "has no rows", HONE_E_FORMAT},
        {"u.csv", "\n\r\n", "has no header line", HONE_E_FORMAT},
        {"u.csv", "\"a\"b\n", "text after the closing quote of a field in the header", HONE_E_FORMAT},
        {"u.csv", "a,\"b\n", "never closed", HONE_E_FORMAT},
        {"u.csv", "a,b,a\n", "names the column \"a\" twice, as number 1 and 3", HONE_E_FORMAT},
        {"u.csv", "a\xF0\x90\x80\n", "byte 0xF0 in the header", HONE_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        hone_table *t = NULL;
        CHECK_FAILS(hone_table_read(write_bytes(c[i].name, c[i].text, strlen(c[i].text) + 2 * (i == 0)), NULL, &t),
                    c[i].code, c[i].says);
        CHECK(!t);
    }
    char *text = malloc((size_t)20 << 20), *p = text;
    for (int i = 0; i < 4097; i++) p += sprintf(p, "%sc%d", i ? "," : "", i);
    p += sprintf(p, "\n");
    CHECK_FAILS(hone_table_read(write_bytes("wide.csv", text, (size_t)(p - text)), NULL, &(hone_table *){NULL}),
                HONE_E_LIMIT, "header has 4097 columns, the limit is 4096");
    memset(text, 'x', (size_t)17 << 20);
    CHECK_FAILS(hone_table_read(write_bytes("long.csv", text, (size_t)17 << 20), NULL, &(hone_table *){NULL}),
                HONE_E_LIMIT, "header is longer than 16 MiB");
    memcpy(text, "[{\"a\":\"", 7);
    CHECK_FAILS(hone_table_read(write_bytes("long.json", text, (size_t)17 << 20), NULL, &(hone_table *){NULL}),
                HONE_E_FORMAT, "file ends inside");
    memcpy(text, "{\"a\":\"xxxx", 10);
    CHECK_FAILS(hone_table_read(write_bytes("long.jsonl", text, (size_t)17 << 20), NULL, &(hone_table *){NULL}),
                HONE_E_FORMAT, "limit of 16 MiB");
    /* A long text is kept whole; a broken line of two mebibytes is passed over in pieces. */
    memset(text, 'x', (size_t)17 << 20);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + 500000, "\"}\n", 3);
    hone_table *t = NULL;
    CHECK_OK(hone_table_read(write_bytes("text.jsonl", text, 500003), NULL, &t));
    CHECK_INT(hone_table_cell(t, 0, 0).n, 500000 - 6);
    hone_table_free(t);
    memset(text, 'x', 3000000);
    memcpy(text, "a\n\"q\"w", 6);
    memcpy(text + 3000000, "\nok\n", 4);
    CHECK_OK(hone_table_read(write_bytes("broken.csv", text, 3000004), NULL, &t));
    CHECK_INT(hone_table_rows(t), 1);
    CHECK_INT(hone_table_row_line(t, 0), 3);
    hone_table_free(t);
    /* Blanks for longer than a window, then for longer than a row may be. */
    memset(text, '\n', (size_t)17 << 20);
    memcpy(text + 400000, "{\"a\":1}\n{\"a\":2}", 15);
    CHECK_OK(hone_table_read(write_bytes("blank.json", text, 400015), NULL, &t));
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(hone_table_row_line(t, 1), 400002);
    hone_table_free(t);
    memset(text + 400000, ' ', 15);
    memcpy(text + ((size_t)17 << 20) - 8, "{\"a\":1}\n", 8);
    t = NULL;
    CHECK_OK(hone_table_read(write_bytes("blank.json", text, (size_t)17 << 20), NULL, &t));
    CHECK_INT(hone_table_rows(t), 1);
    hone_table_free(t);
    free(text);
}

static void check_bad(const char *name, const char *text, int64_t line, int64_t column, const char *reason) {
    hone_table *t = NULL;
    CHECK_OK(hone_table_read(write_bytes(name, text, strlen(text)), &(hone_table_options){.list_all = true}, &t));
    CHECK_MSG(hone_table_bad_count(t) >= 1, "%s: no bad row", text);
    const hone_bad_row *b = hone_table_bad(t, 0);
    CHECK_MSG(b->line == line && b->column == column && strstr(b->reason, reason),
              "%s: %" PRId64 ":%" PRId64 " %s, want %" PRId64 ":%" PRId64 " %s", text, b->line, b->column, b->reason,
              line, column, reason);
    hone_table_free(t);
}

TEST(data, values_of_database_exports_that_cannot_be_are_named) {
    static const struct {
        const char *value, *reason;
    } c[] = {
        {"{\"$numberInt\":\"1.5\"}", "\"$numberInt\" is \"1.5\", expected an integer"},
        {"{\"$numberInt\":1.5}", "expected a number in quotes"},
        {"{\"$numberInt\":\"1 2\"}", "expected an integer"},
        {"{\"$numberInt\":[]}", "expected a number in quotes"},
        {"{\"$numberDouble\":\"Infinit\"}", "expected a number"},
        {"{\"$numberDouble\":\"nan\"}", "expected a number"},
        {"{\"$numberDouble\":\"infinity\"}", "expected a number"},
        {"{\"$numberDouble\":\"+Infinity\"}", "expected a number"},
        {"{\"$numberDouble\":\"1 2\"}", "expected a number"},
        {"{\"$numberDouble\":\"1 \"}", "expected a number"},
        {"{\"$numberDouble\":\"-Infinite\"}", "expected a number"},
        {"{\"$numberDouble\":\"-Infinities\"}", "expected a number"},
        {"{\"$numberDecimal\":true}", "expected a number in quotes"},
        {"{\"$oid\":7}", "\"$oid\" is 7, expected a text"},
        {"{\"$date\":true}", "\"$date\" is true, expected a date or milliseconds"},
        {"{\"$date\":1.5}", "expected a date or milliseconds"},
        {"[{\"$uuid\":null}]", "\"$uuid\" is null, expected a text"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"a\":%s}\n", c[i].value);
        hone_table *t = NULL;
        CHECK_OK(
            hone_table_read(write_bytes("m.jsonl", text, strlen(text)), &(hone_table_options){.list_all = true}, &t));
        CHECK_INT(hone_table_rows(t), 0);
        CHECK_MSG(strstr(hone_table_bad(t, 0)->reason, c[i].reason), "%s: %s", c[i].value,
                  hone_table_bad(t, 0)->reason);
        hone_table_free(t);
    }
    static const struct {
        const char *value, *text;
    } good[] = {
        {"{\"$numberDouble\":\"Infinity\"}", "Infinity"},
        {"{\"$numberDouble\":\"-Infinity\"}", "-Infinity"},
        {"{\"$date\":-62135596800000}", "0001-01-01T00:00:00Z"},
        {"{\"$date\":253402300799999}", "9999-12-31T23:59:59.999Z"},
        {"{\"$date\":253402300800000}", "253402300800000"},
        {"{\"$date\":-62135596800001}", "-62135596800001"},
        {"{\"$date\":9999999999999999999}", "9999999999999999999"},
        {"{\"$date\":{\"$numberLong\":\"99999999999999999999\"}}", "99999999999999999999"},
        {"{\"$date\":68256000000}", "1972-03-01T00:00:00Z"},
        {"{\"$date\":68255999999}", "1972-02-29T23:59:59.999Z"},
        {"{\"$date\":4107542399000}", "2100-02-28T23:59:59Z"},
        {"{\"$date\":4107542400000}", "2100-03-01T00:00:00Z"},
        {"{\"$date\":1735689599000}", "2024-12-31T23:59:59Z"},
        {"{\"$undefined\":true}", ""},
        {"{\"$numberDouble\":\"NaN\"}", ""}, /* nothing, as a data frame stores it */
        {"[{\"$numberDecimal\":\"NaN\"},2]", "[null,2]"},
        {"{\"$oid\":\"a\",\"b\":1}", "{\"$oid\":\"a\",\"b\":1}"},
        {"{\"b\":1,\"$oid\":\"a\"}", "{\"b\":1,\"$oid\":\"a\"}"},
        {"{\"$oid\":\"q\\u00e9\"}", "q\xC3\xA9"},
        {"[{\"$numberInt\":\"1\"},{}]", "[1,{}]"},
        {"{}", "{}"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"a\":%s}\n", good[i].value);
        hone_table *t = read_text("g.jsonl", text);
        hone_cell cell = hone_table_cell(t, 0, 0);
        CHECK_MSG(cell.n == strlen(good[i].text) && !memcmp(cell.p, good[i].text, cell.n), "%s: %.*s", good[i].value,
                  (int)cell.n, cell.p);
        hone_table_free(t);
    }
}

TEST(data, places_are_right_in_odd_lines) {
    check_bad("p.jsonl", "{\"a\":1}\n {\"\xC3\xA9\":1,\"x\\u0000\":2}\n", 2, 9, "NUL character in a key");
    check_bad("p.jsonl", "{\"\xC3\xA9\":1, \"b\":2, \"b\":3}\n", 1, 16, "key \"b\" is given twice");
    check_bad("p.json", "[ {\"a\":1}, {\"a\":\n 01}]", 2, 2, "leading zero");
    check_bad("p.json", "[ {\"a\":1}, {\"a\": 01}]", 1, 18, "leading zero");
    check_bad("p.csv", "a,b\n\xC3\xA9\xE2\x82\xAC,\xF0\x9F\x98\x80,z\n1,2\n", 2, 6, "row has 3 fields");
    check_bad("p.csv", "a,b\r1\r1,2\r", 2, 2, "row has 1 field, the header has 2");
    check_bad("p.csv", "a,b\n\"x\r\ny\",1,2\n1,2\n", 3, 6, "row has 3 fields");
    check_bad("p.csv", "a\n1\xED\xA0\x80\n2\n", 2, 2, "byte 0xED is not UTF-8");
    check_bad("p.csv", "a\n1\xF4\x90\x80\x80\n2\n", 2, 2, "byte 0xF4 is not UTF-8");
    check_bad("p.csv", "a\n1\xE0\x9F\x80\n2\n", 2, 2, "byte 0xE0 is not UTF-8");
    check_bad("p.csv", "a\n1\xF0\x8F\x80\x80\n2\n", 2, 2, "byte 0xF0 is not UTF-8");
    check_bad("p.csv", "a\n1\xF1\x80\x80x\n2\n", 2, 2, "byte 0xF1 is not UTF-8");
    check_bad("p.csv", "a\n1\xE1\x80x\n2\n", 2, 2, "byte 0xE1 is not UTF-8");
    check_bad("p.csv", "a\n1\xC1\x80\n2\n", 2, 2, "byte 0xC1 is not UTF-8");
    check_bad("p.csv", "a\n1\xF5\x80\x80\x80\n2\n", 2, 2, "byte 0xF5 is not UTF-8");
}

TEST(data, strict_stops_at_a_bad_row_of_every_kind) {
    static const struct {
        const char *name, *text;
    } c[] = {
        {"s.csv", "a,b\n1\n"},
        {"s.csv", "a\n\xFF\n"},
        {"s.csv", "a,b\n\"q\"w,1\n"},
        {"s.csv", "a,b\n\"q\nx\"w,1\n"},
        {"s.jsonl", "7\n"},
        {"s.jsonl", "{\"a\":1,\"a\":2}\n"},
        {"s.jsonl", "{\"\\u0000\":2}\n"},
        {"s.jsonl", "{\"a\":{\"$oid\":7}}\n"},
        {"s.jsonl", "{\"a\"\n{}\n"},
        {"s.json", "[7]"},
        {"s.json", "[{\"a\":01}]"},
        {"s.json", "{\"a\":1}{\"b\":01}"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        hone_table *t = NULL;
        CHECK_INT(hone_table_read(write_bytes(c[i].name, c[i].text, strlen(c[i].text)),
                                  &(hone_table_options){.strict = true}, &t),
                  HONE_E_FORMAT);
        CHECK(!t && hone_last_error()->message[0]);
    }
    hone_table *t = NULL;
    CHECK_INT(hone_table_read(write_bytes("s.csv", "a\n\0\n", 4), &(hone_table_options){.strict = true}, &t),
              HONE_E_FORMAT);
    CHECK_INT(
        hone_table_read(write_bytes("s.jsonl", "{\"a\":\"\0\"}\n", 10), &(hone_table_options){.strict = true}, &t),
        HONE_E_FORMAT);
    char *text = malloc((size_t)17 << 20);
    for (int i = 0; i < 3; i++) {
        static const char *const heads[] = {"a\nx", "{\"a\":\"", "[{\"a\":\""}, *const names[] = {"s.csv", "s.jsonl",
                                                                                                  "s.json"};
        memset(text, 'x', (size_t)17 << 20);
        memcpy(text, heads[i], strlen(heads[i]));
        memcpy(text + ((size_t)17 << 20) - 3, "\"}\n", 3);
        if (i == 2) memcpy(text + ((size_t)17 << 20) - 3, "\"}]", 3);
        CHECK_INT(
            hone_table_read(write_bytes(names[i], text, (size_t)17 << 20), &(hone_table_options){.strict = true}, &t),
            HONE_E_FORMAT);
        CHECK(!t && strstr(hone_last_error()->message, "limit of 16 MiB"));
    }
    free(text);
    /* A torn text whose last line is a bare quote: counted, not taken for a row. */
    CHECK_OK(hone_table_read(write_bytes("s.csv", "a,b\n1,2\n\"x\ny\"z,1\n", 17),
                             &(hone_table_options){.list_all = true}, &t));
    CHECK_INT(hone_table_rows(t), 1);
    CHECK_INT(hone_table_bad_count(t), 2);
    hone_table_free(t);
    t = NULL;
    CHECK_FAILS(
        hone_table_read(write_bytes("s.csv", "a,b\n1,2\n\"x\ny\"z,1\n", 17), &(hone_table_options){.strict = true}, &t),
        HONE_E_FORMAT, "is closed on line 4, where text follows it");
}

TEST(data, a_long_list_of_columns_or_bad_rows_is_cut) {
    char *text = malloc(1 << 20), *p = text, out[512], tiny[8];
    for (int i = 0; i < 20; i++) p += sprintf(p, "%scolumn%d", i ? "," : "", i);
    p += sprintf(p, "\n1");
    for (int i = 1; i < 20; i++) p += sprintf(p, i < 14 ? ",x" : ",");
    sprintf(p, "\n");
    hone_table *t = read_text("many.csv", text);
    CHECK(strstr(hone_table_list_columns(t, -1, out, sizeof out), "\"column11\" and 8 more"));
    CHECK(strstr(hone_table_list_columns(t, 0, out, sizeof out), "\"column11\""));
    CHECK_STR(hone_table_list_columns(t, -1, tiny, sizeof tiny), "");
    CHECK(strstr(hone_table_list_columns(t, -1, out, 30), "\"column0\", \"column1\""));
    hone_table_free(t);
    t = read_text("none.jsonl", "{}\n{\"a\":1}\n");
    CHECK_STR(hone_table_list_columns(t, 0, out, sizeof out), "(none)");
    hone_table_free(t);
    p = text + sprintf(text, "a\n1\n");
    for (int i = 0; i < HONE_TABLE_MAX_LISTED + 10; i++) p += sprintf(p, "1,2\n");
    t = read_text("bad.csv", text);
    CHECK_INT(hone_table_bad_count(t), HONE_TABLE_MAX_LISTED + 10);
    CHECK_INT(hone_table_bad_listed(t), HONE_TABLE_MAX_LISTED);
    hone_table_free(t);
    free(text);
}

TEST(data, every_kind_of_row_says_which_roles_it_has) {
    static const struct {
        hone_row_kind kind;
        const char *says;
    } c[] = {{HONE_ROWS_PAIRS, "anchor, positive, negative, negative_1"},
             {HONE_ROWS_TRIPLET, "anchor, positive, negative, id"},
             {HONE_ROWS_TEXT, "text, id"},
             {HONE_ROWS_TEXT_PAIR, "anchor, positive, id"},
             {HONE_ROWS_RERANK, "query, documents, labels"},
             {HONE_ROWS_ANY, "documents, labels, id"},
             {HONE_ROWS_LABELLED, "text, label, id"},
             {HONE_ROWS_SCORED, "sentence1, sentence2, score"},
             {HONE_ROWS_BINARY, "sentence1, sentence2, score"}};
    hone_table *t = read_text("r.csv", "question,answer,n\n1,2,3\n");
    hone_roles r;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const hone_column_map map = {"nosuchrole", "question"};
        hone_error_clear();
        CHECK_INT(hone_roles_find(t, c[i].kind, &map, 1, &r), HONE_E_ARG);
        const hone_error *e = hone_last_error();
        CHECK_MSG(strstr(e->message, c[i].says) || strstr(e->hint, c[i].says), "%s (%s), want %s", e->message, e->hint,
                  c[i].says);
    }
    hone_table_free(t);
    /* Words near to a role's, and far from all; columns that are called so in capitals. */
    static const struct {
        hone_row_kind kind;
        const char *header, *role, *column, *says;
        hone_status code;
    } near[] = {
        {HONE_ROWS_PAIRS, "Anchor,Positive", NULL, NULL, "--columns anchor=Anchor", HONE_E_FORMAT},
        {HONE_ROWS_PAIRS, "anchor,POSITIVE-TEXT", NULL, NULL, "--columns positive=POSITIVE-TEXT", HONE_E_FORMAT},
        {HONE_ROWS_PAIRS, "anchor,psotive", NULL, NULL, "--columns positive=psotive", HONE_E_FORMAT},
        {HONE_ROWS_PAIRS, "anchor,q", NULL, NULL, "--columns positive=q", HONE_E_FORMAT},
        {HONE_ROWS_SCORED, "sentence1,sentence2,x,y", NULL, NULL, "--columns score=NAME", HONE_E_FORMAT},
        {HONE_ROWS_BINARY, "sentence1,sentence2,lable", NULL, NULL, "--columns label=lable", HONE_E_FORMAT},
        {HONE_ROWS_LABELLED, "text,x", NULL, NULL, "no field \"label\"", HONE_E_FORMAT},
        {HONE_ROWS_RERANK, "x,y", NULL, NULL, "no field \"query\"", HONE_E_FORMAT},
        {HONE_ROWS_RERANK, "query,documents", NULL, NULL, "no field \"labels\"", HONE_E_FORMAT},
        {HONE_ROWS_RERANK, "query,x", NULL, NULL, "no field \"document\"", HONE_E_FORMAT},
        {HONE_ROWS_RERANK, "query,document", NULL, NULL, "no field \"label\"", HONE_E_FORMAT},
        {HONE_ROWS_PAIRS, "a,b", "documents", "a", "\"documents\" is not used here", HONE_E_ARG},
        {HONE_ROWS_PAIRS, "a,b", "labels", "a", "\"labels\" is not used here", HONE_E_ARG},
        {HONE_ROWS_TEXT, "a,b", "negative", "a", "\"negative\" is not used here", HONE_E_ARG},
        {HONE_ROWS_LABELLED, "a,b", "negative", "a", "\"negative\" is not used here", HONE_E_ARG},
        {HONE_ROWS_SCORED, "a,b", "negative_1", "a", "is not used here", HONE_E_ARG},
        {HONE_ROWS_TRIPLET, "a,b", "text", "a", "\"text\" is not used here", HONE_E_ARG},
        {HONE_ROWS_TRIPLET, "a,b", "negative", "z", "no field \"z\"; fields are \"a\", \"b\"", HONE_E_ARG},
        {HONE_ROWS_RERANK, "a,b", "negative_3", "b", "no field \"query\"", HONE_E_FORMAT},
        {HONE_ROWS_RERANK, "a,b", "documents", "b", "no field \"query\"", HONE_E_FORMAT},
        {HONE_ROWS_ANY, "a,b", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "b", "no role",
         HONE_E_ARG},
    };
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        char text[512];
        const hone_column_map map = {near[i].role, near[i].column};
        snprintf(text, sizeof text, "%s\n1,2\n", near[i].header);
        t = NULL;
        CHECK_OK(
            hone_table_read(write_bytes("near.csv", text, strlen(text)), &(hone_table_options){.list_all = true}, &t));
        hone_error_clear();
        CHECK_INT(hone_roles_find(t, near[i].kind, &map, near[i].role ? 1 : 0, &r), near[i].code);
        const hone_error *e = hone_last_error();
        CHECK_MSG(strstr(e->message, near[i].says) || strstr(e->hint, near[i].says), "%s: %s (%s), want %s",
                  near[i].header, e->message, e->hint, near[i].says);
        hone_table_free(t);
    }
    t = NULL;
    /* More negatives than there is room for; numbers that are none. */
    char text[8192], *p = text;
    p += sprintf(p, "anchor,positive,negative_,negative_x,negative_1234567,negative-1");
    for (int i = 0; i < HONE_MAX_NEGATIVES + 1; i++) p += sprintf(p, ",negative_%d", i);
    sprintf(p, "\n1,2\n");
    t = NULL;
    CHECK_OK(hone_table_read(write_bytes("n.csv", text, strlen(text)), &(hone_table_options){.list_all = true}, &t));
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r), HONE_E_LIMIT, "columns of negatives");
    hone_table_free(t);
}

#ifdef HONE_TEST_HOOKS
/* Cells of a length at which a buffer grows in the middle of each of their parts. */
TEST(data, no_failing_allocation_passes_for_a_value_or_a_bad_row) {
    for (int length = 226; length < 256; length++) {
        char text[1024], value[300];
        snprintf(value, sizeof value, "%0*d", length, 7);
        int n = snprintf(text, sizeof text, "{\"a\":{\"k\":\"%s\",\"l\":[{},{\"m\":true}]},\"%s\":\"\\n\"}\n{\"a\":\n",
                         value, value);
        const char *path = write_bytes("grow.jsonl", text, (size_t)n);
        int k = 0;
        for (bool fired = true; fired;) {
            hone_table *t = NULL;
            char rule[32];
            snprintf(rule, sizeof rule, "alloc:%d", ++k);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status s = hone_table_read(path, NULL, &t);
            fired = hone_fault_fired() > 0;
            hone_fault_set(NULL);
            CHECK_MSG(s == (fired ? HONE_E_NOMEM : HONE_OK), "%s of %d bytes: status %d", rule, length, s);
            CHECK((t != NULL) == (s == HONE_OK));
            hone_table_free(t);
        }
        CHECK(k > 8);
    }
}

/* One byte a read: so that every place of the readers meets the failure once. */
TEST(data, a_file_that_cannot_be_read_on_fails_at_every_byte) {
    static const struct {
        const char *text;
        hone_table_format format;
    } c[] = {
        {"\xEF\xBB\xBF\n\"a\",b\r\n1,\"x \"\"y\"\" \n z\"\r\n\"q\"w,1\n\"tor\nn\"x,2\nx\"y,3\r4,5\n\"o\",\"\"",
         HONE_TABLE_CSV},
        {" \n{\"a\": \"x\\\"\"}\r\n\n7\n{\"a\": [1, {\"b\": 2}]}", HONE_TABLE_JSONL},
        {" [ {\"a\": \"x\\\"]\"} , 7,{\"a\": [1]}, \"s\" ] ", HONE_TABLE_JSON},
        {"{\"a\":\n 1}\n{\"a\": \"\\\\\"} ", HONE_TABLE_JSON},
        {"\n {\"a\": 1}\n{\"a\": 2}", HONE_TABLE_AUTO},
    };
    int keep = dup(0);
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        size_t n = strlen(c[i].text);
        for (int k = 1; k <= (int)n + 1; k++) {
            int ends[2];
            char rule[32];
            hone_table *t = NULL;
            if (pipe2(ends, O_DIRECT)) SKIP("no pipes that keep their packets apart here");
            CHECK(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
            for (size_t b = 0; b < n; b++) CHECK_INT(write(ends[1], c[i].text + b, 1), 1);
            CHECK(!close(ends[1]) && dup2(ends[0], 0) == 0 && !close(ends[0]));
            snprintf(rule, sizeof rule, "read:%d:EIO", k);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status s = hone_table_read("-", &(hone_table_options){.format = c[i].format}, &t);
            bool fired = hone_fault_fired() > 0;
            hone_fault_set(NULL);
            CHECK_MSG(fired && s == HONE_E_IO && !t && strstr(hone_last_error()->file, "standard input"),
                      "text %zu, %s: status %d (%s)", i, rule, s, hone_last_error()->message);
        }
    }
    CHECK(dup2(keep, 0) == 0 && !close(keep));
}
#endif
