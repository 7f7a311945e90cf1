/* 10,000 rows, one in a hundred of them bad, in twenty ways: all are named by `hone data validate`, and training takes
 * exactly the others, at any number of threads and when resumed. `make baddata` runs this room alone. */
#include "base/io.h"
#include "base/json.h"
#include "base/random.h"
#include "data/roles.h"
#include "tests/tools/command.h"

#include <stdlib.h>

enum { ROWS = 10000, WAYS = 20, BAD = 100 };
#define MODEL "tests/golden/models/mean"

/* What stands in the place of a row's text and what validate says of it. */
static const struct {
    const char *text, *says;
} json_ways[WAYS] = {
    {"{\"anchor\": \"a\", \"positive\": \"b\"", "expected ',' or '}'"},
    {"{\"anchor\": \"a\", \"positive\": \"b\"]", "found ']'"},
    {"{\"anchor\": \"a\" \"positive\": \"b\"}", "found '\"'"},
    {"{\"anchor\": \"a\", \"positive\": b}", "found 'b'"},
    {"{\"anchor\": \"a\", \"positive\": \"b\"} x", "found 'x'"},
    {"{\"anchor\": \"a\", \"positive\": \"b\xFF\"}", "UTF-8"},
    {"{\"anchor\": \"a\", \"positive\": \"\\ud800\"}", "no valid escape"},
    {"{\"anchor\": \"a\tb\", \"positive\": \"b\"}", "control"},
    {"{\"anchor\": \"a\", \"positive\": \"\\x\"}", "escape"},
    {"{\"anchor\": \"a\", \"anchor\": \"c\", \"positive\": \"b\"}", "given twice"},
    {"[\"a\", \"b\"]", "row is an array"},
    {"\"a\"", "row is a string"},
    {"null", "row is null"},
    {"{\"positive\": \"b\"}", "no field \"anchor\""},
    {"{\"anchor\": \"a\"}", "no field \"positive\""},
    {"{\"anchor\": null, \"positive\": \"b\"}", "is null"},
    {"{\"anchor\": 7, \"positive\": \"b\"}", "expected a text"},
    {"{\"anchor\": \"a\", \"positive\": [\"b\"]}", "expected a text"},
    {"{\"anchor\": \"\", \"positive\": \"b\"}", "is empty"},
    {"{\"anchor\": \"a\", \"positive\": \" \\u00a0\\n\"}", "is empty"},
};

static const struct {
    const char *text, *says;
} csv_ways[WAYS] = {
    {"a", "1 field, the header has 3"},
    {"a,b", "2 fields, the header has 3"},
    {"a,b,1,2", "4 fields, the header has 3"},
    {"a,\"b\"x,1", "text after the closing quote"},
    {"\"a\"\"\" b,c,1", "text after the closing quote"},
    {"\"a\" ,c,1", "text after the closing quote"},
    {"a,b\xFF,1", "byte 0xFF"},
    {"a,\xC3,1", "byte 0xC3"},
    {"a,\xED\xA0\x80,1", "byte 0xED"},
    {"a,\xC0\x80,1", "byte 0xC0"},
    {"a,\xF5\x80\x80\x80,1", "byte 0xF5"},
    {",b,1", "\"anchor\" is empty"},
    {"a,,1", "\"positive\" is empty"},
    {",,", "is empty"},
    {"\"\",b,1", "\"anchor\" is empty"},
    {"a,\" \",1", "\"positive\" is empty"},
    {"a,\t,1", "\"positive\" is empty"},
    {"a,\xC2\xA0,1", "\"positive\" is empty"},
    {"a,\"b\",\"c\",\"d\",\"e\"", "5 fields, the header has 3"},
    {"a;b;1", "1 field, the header has 3"},
};

/* The way in which row i is bad, -1: it is good. Seeded; every way five times. */
static void choose(int *way) {
    static int64_t order[ROWS];
    hone_random_permutation(11, hone_stream_id(HONE_STREAM_TEST, 9), ROWS, order);
    for (int i = 0; i < ROWS; i++) way[i] = -1;
    for (int k = 0; k < BAD; k++) way[order[k]] = k % WAYS;
}

static const char *write_rows(bool json, const int *way) {
    static char path[512];
    snprintf(path, sizeof path, "%s/bad.%s", test_dir(), json ? "jsonl" : "csv");
    FILE *f = fopen(path, "wb");
    CHECK(f);
    if (!json) fprintf(f, "anchor,positive,id\n");
    for (int i = 0; i < ROWS; i++) {
        if (way[i] >= 0)
            fprintf(f, "%s\n", json ? json_ways[way[i]].text : csv_ways[way[i]].text);
        else if (json)
            fprintf(f, "{\"anchor\": \"the city %d\", \"positive\": \"cold water %d\", \"id\": %d}\n", i, i, i);
        else
            fprintf(f, "\"the city, %d\",cold water %d,%d\n", i, i, i);
    }
    CHECK(!fclose(f));
    return path;
}

/* How many of the bad rows `hone data validate` names rightly: in order, by line and reason, and no other. */
static int count_named(const char *path, bool json, const int *way, int threads) {
    char arguments[1024];
    int named = 0, row = 0;
    snprintf(arguments, sizeof arguments, "data validate %s --task pairs --json --threads %d", path, threads);
    const command_result *r = run_command("", arguments);
    CHECK_INT(r->status, 3);
    CHECK_INT(r->err_lines, BAD + 1);
    for (const char *p = r->err; *p && named < BAD; p = strchr(p, '\n') + 1, row++) {
        json_t *j = json_loadb(p, strcspn(p, "\n"), 0, NULL);
        CHECK_MSG(j, "%s", p);
        while (row < ROWS && way[row] < 0) row++;
        const char *error = json_string_value(json_object_get(j, "error")),
                   *says = json ? json_ways[way[row]].says : csv_ways[way[row]].says;
        CHECK_MSG(json_integer_value(json_object_get(j, "row")) == row &&
                      json_integer_value(json_object_get(j, "line")) == row + (json ? 1 : 2) && strstr(error, says),
                  "row %d, way %d, \"%s\": %s", row, way[row], says, p);
        json_decref(j);
        named++;
    }
    return named;
}

/* Training takes the rows that the library calls good, and no other: the checksum in run.json is theirs. */
static void check_training(const char *path, const char *name, int threads, const char *more) {
    char arguments[2048], file[512], want[32];
    hone_table *t;
    hone_roles roles;
    CHECK_OK(hone_table_read(path, NULL, &t));
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_PAIRS, NULL, 0, &roles));
    CHECK_INT(hone_table_bad_count(t), BAD);
    snprintf(want, sizeof want, "%016" PRIx64, hone_table_fingerprint(t));
    hone_table_free(t);
    snprintf(arguments, sizeof arguments,
             "train --task pairs --model " MODEL " --train %s --batch-size 2 --max-length 8 --save-every 1 --out %s/%s "
             "--threads %d --quiet %s",
             path, test_dir(), name, threads, more);
    const command_result *r = run_command("", arguments);
    CHECK_MSG(r->status == 0, "%s", r->err);
    snprintf(file, sizeof file, "%s/%s/run.json", test_dir(), name);
    json_t *j;
    CHECK_OK(hone_json_load(file, &j));
    const json_t *train = json_object_get(json_object_get(j, "data"), "train");
    CHECK_INT(json_integer_value(json_object_get(train, "rows")), ROWS - BAD);
    CHECK_INT(json_integer_value(json_object_get(train, "bad_rows")), BAD);
    CHECK_STR(json_string_value(json_object_get(train, "fnv1a64")), want);
    json_decref(j);
}

static void remove_newest(const char *name) {
    char dir[512], path[1024] = "";
    char **names;
    size_t n;
    snprintf(dir, sizeof dir, "%s/%s", test_dir(), name);
    CHECK_OK(hone_io_list(dir, &names, &n));
    for (size_t k = 0; k < n; k++) /* sorted: the last one stays */
        if (!strncmp(names[k], "checkpoint_", 11)) snprintf(path, sizeof path, "%s/%s", dir, names[k]);
    hone_free(names);
    CHECK(*path);
    CHECK_OK(hone_io_remove_tree(path));
}

static void check_format(bool json) {
    static int way[ROWS];
    choose(way);
    const char *path = write_rows(json, way);
    for (int threads = 1; threads <= 3; threads += 2) {
        char name[32];
        int named = count_named(path, json, way, threads);
        CHECK_INT(named, BAD);
        snprintf(name, sizeof name, "bad-%s-%d", json ? "json" : "csv", threads);
        check_training(path, name, threads, "--steps 1");
    }
    /* Two steps with a checkpoint after each. Without the second one the run goes on from the first, with the same
     * rows: the log's last loss is the same to the last digit. */
    char name[32], log[512];
    double loss[2];
    snprintf(name, sizeof name, "bad-%s-resumed", json ? "json" : "csv");
    snprintf(log, sizeof log, "%s/%s/log.jsonl", test_dir(), name);
    for (int k = 0; k < 2; k++) {
        char *text;
        size_t n;
        check_training(path, name, 2 - k, k ? "--steps 2 --resume" : "--steps 2");
        CHECK_OK(hone_io_read_file(log, 1 << 20, &text, &n));
        const char *last = strstr(text, "{\"step\":2,");
        CHECK_MSG(last, "%s", text);
        json_t *j = json_loadb(last, strcspn(last, "\n"), 0, NULL);
        loss[k] = json_real_value(json_object_get(j, "loss"));
        json_decref(j);
        hone_free(text);
        if (!k) remove_newest(name);
    }
    CHECK(loss[0] > 0 && loss[0] == loss[1]);
}

TEST(baddata, bad_json_lines_are_named_by_validate_and_skipped_by_training) {
    check_format(true);
}

TEST(baddata, bad_csv_rows_are_named_by_validate_and_skipped_by_training) {
    check_format(false);
}

/* Rows of pairs, `bad` of them without a positive, and then train's answer. */
static const command_result *train_with_bad(int rows, int bad, const char *more) {
    char path[512], arguments[2048];
    snprintf(path, sizeof path, "%s/share.jsonl", test_dir());
    FILE *f = fopen(path, "wb");
    CHECK(f);
    for (int i = 0; i < rows; i++)
        fprintf(f,
                i < bad ? "{\"anchor\": \"a %d\"}\n" : "{\"anchor\": \"the city %d\", \"positive\": \"cold water\"}\n",
                i);
    CHECK(!fclose(f));
    snprintf(arguments, sizeof arguments,
             "train --task pairs --model " MODEL
             " --train %s --batch-size 4 --allow-duplicates --steps 1 --out %s/share-%d-%d%s %s",
             path, test_dir(), rows, bad, *more ? "-more" : "", more);
    return run_command("", arguments);
}

TEST(baddata, more_than_one_bad_row_in_a_hundred_and_than_25_stop_training_before_it_begins) {
    CHECK_INT(train_with_bad(2700, 27, "--quiet")->status, 0); /* exactly 1 % */
    CHECK_INT(train_with_bad(37, 25, "--quiet")->status, 0);   /* 25 rows may be bad in any file */
    CHECK_INT(train_with_bad(38, 26, "--quiet")->status, 3);
    const command_result *r = train_with_bad(2000, 30, "");
    CHECK_MSG(
        r->status == 3 &&
            strstr(r->err, "share.jsonl: 30 of 2000 rows are bad (1.5 %), more than the 1 % that --max-bad allows\n"),
        "%s", r->err);
    CHECK_MSG(strstr(r->err, "--max-bad 0.015 trains on the other 1970"), "%s", r->err);
    CHECK_MSG(strstr(r->err, "share.jsonl:2:1: "), "the rows themselves are not named: %s", r->err);
    CHECK_INT(train_with_bad(2000, 30, "--max-bad 0.015")->status, 0);
    CHECK_INT(train_with_bad(12, 1, "--max-bad 0")->status, 3);
    CHECK_INT(train_with_bad(12, 11, "--max-bad 1")->status, 0);
    CHECK_INT(train_with_bad(2000, 30, "--dry-run")->status, 3);
    CHECK_INT(train_with_bad(2000, 30, "--max-bad 1.5")->status, 2);
}
