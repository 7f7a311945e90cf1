/* hone data validate, stats, split, negatives: what they print, what they write, what they refuse. */
#include "base/io.h"
#include "base/json.h"
#include "data/duplicates.h"
#include "tests/tools/command.h"

#include <stdlib.h>

#define MODEL "tests/golden/models/mean"
#define PAIRS "tests/golden/train/pairs.jsonl"

static char *slurp(const char *path) {
    char *text;
    size_t n;
    CHECK_OK(hone_io_read_file(path, 1 << 26, &text, &n));
    return text;
}

static void check_file(const char *name, const char *want) {
    char *text = slurp(out_path(name));
    CHECK_MSG(!strcmp(text, want), "%s is \"%s\", want \"%s\"", name, text, want);
    hone_free(text);
}

static json_t *json_of(const command_result *r) {
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_MSG(j, "not JSON: %s %s", r->out, r->err);
    return j;
}

static json_int_t number(const json_t *j, const char *a, const char *b) {
    const json_t *x = json_object_get(j, a);
    if (b) x = json_object_get(x, b);
    CHECK_MSG(json_is_integer(x), "no number %s.%s", a, b ? b : "");
    return json_integer_value(x);
}

/* ---- validate ---- */

TEST(data_tools, validate_names_every_bad_row_in_order_and_leaves_with_3) {
    const char *in =
        write_file("v.jsonl", "{\"question\": \"a\", \"answer\": \"b\"}\n{\"question\": 1, \"answer\": \"b\"}\n"
                              "{\"question\": \"a\"\n{\"answer\": \"c\"}\n{\"question\": \"x\", \"answer\": \" \"}\n"
                              "{\"question\": \"x\", \"answer\": null}\n{\"question\": \"y\", \"answer\": \"z\"}\n");
    const command_result *r = hone("data validate %s --task pairs", in);
    CHECK_INT(r->status, 3);
    CHECK_INT(r->err_lines, 6);
    const char *says[] = {"v.jsonl:2:1: field \"question\" is 1, expected a text",
                          "v.jsonl:3:17: expected",
                          "v.jsonl:4:1: no field \"question\"",
                          "v.jsonl:5:1: field \"answer\" is empty",
                          "v.jsonl:6:1: field \"answer\" is null",
                          "5 of 7 rows are bad"};
    const char *at = r->err;
    for (int k = 0; k < 6; k++) {
        at = strstr(at, says[k]);
        CHECK_MSG(at, "want \"%s\" in its place: %s", says[k], r->err);
    }
    CHECK_MSG(strstr(r->out, "7 rows, 2 good, 5 bad"), "%s", r->out);
}

TEST(data_tools, validate_with_json_gives_a_line_for_each_bad_row_and_one_object) {
    const char *in = write_file("vj.csv", "anchor,positive\na,b\nonly one\n,x\nc,d\n");
    const command_result *r = hone("data validate %s --task pairs --json", in);
    CHECK_INT(r->status, 3);
    CHECK_INT(r->err_lines, 3);
    const char *line = r->err;
    const json_int_t lines[] = {3, 4}, rows[] = {1, 2};
    for (int k = 0; k < 2; k++, line = strchr(line, '\n') + 1) {
        json_t *j = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        CHECK_MSG(j, "%s", line);
        CHECK(number(j, "line", NULL) == lines[k] && number(j, "row", NULL) == rows[k] && number(j, "code", NULL) == 3);
        CHECK(json_string_length(json_object_get(j, "error")) && json_string_length(json_object_get(j, "file")));
        json_decref(j);
    }
    json_t *j = json_of(r);
    CHECK(number(j, "rows", NULL) == 4 && number(j, "good", NULL) == 2 && number(j, "bad", NULL) == 2);
    CHECK(json_integer_value(json_array_get(json_object_get(j, "bad_rows"), 1)) == 2);
    CHECK_INT(number(json_array_get(json_object_get(j, "columns"), 0), "empty", NULL), 1);
    json_decref(j);
}

TEST(data_tools, validate_of_good_rows_is_0_and_counts_duplicates_and_labels) {
    const char *in = write_file("good.jsonl", "{\"sentence1\": \"a b\", \"sentence2\": \"c\", \"label\": "
                                              "1}\n{\"sentence1\": \"A  b\", \"sentence2\": \"c\", \"label\": 0}\n"
                                              "{\"sentence1\": \"a, b\", \"sentence2\": \"c!\", \"label\": "
                                              "1}\n{\"sentence1\": \"d\", \"sentence2\": \"e\", \"label\": 1}\n"
                                              "{\"sentence1\": \"f\", \"sentence2\": \"f\", \"label\": "
                                              "1}\n{\"sentence1\": \"g\", \"sentence2\": \"h\", \"label\": 1}\n"
                                              "{\"sentence1\": \"i\", \"sentence2\": \"\", \"label\": 1}\n");
    json_t *j = json_of(hone("data validate %s --task scored --json", in));
    CHECK_INT(number(j, "bad", NULL), 0);
    CHECK_INT(number(j, "duplicates", "rows"), 1);
    CHECK_INT(number(j, "duplicates", "near_rows"), 1);
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(j, "labels"), "ratio")), 6, 0);
    char *warnings = json_dumps(json_object_get(j, "warnings"), 0);
    CHECK_MSG(strstr(warnings, "unbalanced") && strstr(warnings, "another label"), "%s", warnings);
    hone_free(warnings);
    json_decref(j);
    CHECK_INT(hone("data validate %s --task scored", in)->status, 0);
    CHECK_INT(hone("data validate " PAIRS " --task pairs --quiet")->status, 0);
    const command_result *r = hone("data validate " PAIRS " --task pairs --model " MODEL " --max-length 4");
    CHECK_MSG(strstr(r->out, "tokens") && strstr(r->out, "are longer than the 4 tokens"), "%s", r->out);
}

TEST(data_tools, labels_at_five_to_one_are_balanced_enough_and_beyond_they_are_not) {
    for (int k = 5; k <= 6; k++) {
        char text[1024] = "query,document,label\n";
        for (int i = 0; i < k; i++) sprintf(text + strlen(text), "q%c,d%c,yes\n", 'a' + i, 'a' + i);
        for (char *p = text; (p = strstr(p, "yes"));) memcpy(p, "1.0", 3);
        strcat(text, "x,y,0\n");
        const command_result *r = hone("data validate %s --task rerank", write_file("balance.csv", text));
        CHECK_INT(r->status, 0);
        CHECK_MSG((strstr(r->out, "unbalanced") != NULL) == (k == 6), "%s", r->out);
    }
}

TEST(data_tools, validate_knows_the_lists_of_rerank_and_says_what_it_does_not_look_at) {
    const char *in = write_file(
        "lists.jsonl",
        "{\"query\": \"q\", \"documents\": [\"one two\", \"three\"], \"labels\": [1, 0], \"image\": \"x.png\"}\n"
        "{\"query\": \"r\", \"documents\": [\"one two\"], \"labels\": [1, 0]}\n");
    const command_result *r = hone("data validate %s --task rerank", in);
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "lists.jsonl:2:1: 1 documents, 2 labels"), "%s", r->err);
    CHECK_MSG(strstr(r->out, "documents: 2 texts") && strstr(r->out, "pictures come with the picture models"), "%s",
              r->out);
    CHECK_MSG(strstr(r->out, "labels: 2 different values: 1 1 (50.0 %), 0 1"), "%s", r->out);
}

TEST(data_tools, a_file_of_bad_rows_alone_has_them_all_named) {
    const command_result *r = hone(
        "data validate %s --task pairs",
        write_file("nobody.jsonl", "{\"anchor\": \"\", \"positive\": \"x\"}\n{\"anchor\": \"x\", \"positive\": 7}\n"));
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "nobody.jsonl:1") && strstr(r->err, "nobody.jsonl:2") &&
                  strstr(r->out, "2 rows, 0 good, 2 bad"),
              "%s%s", r->out, r->err);
}

/* ---- stats ---- */

TEST(data_tools, a_file_of_broken_rows_alone_has_them_all_named) {
    const command_result *r = hone("data validate %s --task pairs", write_file("broken.jsonl", "x\n{\"anchor\": \n"));
    CHECK_INT(r->status, 3);
    CHECK(strstr(r->err, "broken.jsonl:1:1: expected a value"));
    CHECK(strstr(r->err, "broken.jsonl:2"));
    CHECK(strstr(r->err, "2 of 2 rows are bad"));
    CHECK(!strstr(r->err, "no field"));
    CHECK(strstr(r->out, "broken.jsonl: 2 rows, 0 good, 2 bad"));
    r = hone("data validate %s --task pairs --json", write_file("broken.jsonl", "x\n{\"anchor\": \n"));
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->out, "\"rows\":2,\"good\":0,\"bad\":2,\"bad_rows\":[0,1]"), "%s", r->out);
}

TEST(data_tools, a_null_is_called_null_and_not_a_missing_field) {
    const command_result *r = hone("data validate %s --task scored",
                                   write_file("null.jsonl", "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"score\": "
                                                            "null}\n{\"sentence1\": \"a\", \"sentence2\": \"b\"}\n"));
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "null.jsonl:1:1: field \"score\" is null, expected a number"), "%s", r->err);
    CHECK_MSG(strstr(r->err, "null.jsonl:2:1: no field \"score\", expected a number"), "%s", r->err);
    r = hone("data validate %s --task rerank",
             write_file("lists.jsonl", "{\"query\": \"a\", \"documents\": null, \"labels\": [1]}\n{\"query\": \"a\", "
                                       "\"documents\": [\"b\"], \"labels\": null}\n"));
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "field \"documents\" is null, expected a list") &&
                  strstr(r->err, "field \"labels\" is null, expected a list"),
              "%s", r->err);
}

TEST(data_tools, stats_tell_each_columns_kind_lengths_and_values) {
    const char *in = write_file(
        "s.csv",
        "id,title,category,price\n1,the city,a,2.5\n2,cold water,b,3\n3,,a,-1\n4,\xC3\xA4\xC3\xB6\xC3\xBC,a,\n");
    json_t *j = json_of(hone("data stats %s --json --model " MODEL, in));
    const json_t *c = json_object_get(j, "columns");
    CHECK_INT(number(j, "rows", NULL), 4);
    const json_t *title = json_array_get(c, 1), *category = json_array_get(c, 2), *price = json_array_get(c, 3);
    CHECK(number(title, "filled", NULL) == 3 && number(title, "missing", NULL) == 1);
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(title, "characters"), "min")), 3, 0);
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(title, "characters"), "p50")), 8, 0);
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(title, "characters"), "p90")), 9.6,
               1e-12); /* NumPy's */
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(title, "tokens"), "min")), 3, 2);
    const json_t *first = json_array_get(json_object_get(category, "values"), 0);
    CHECK_STR(json_string_value(json_object_get(first, "value")), "a");
    CHECK(number(first, "count", NULL) == 3);
    CHECK_NEAR(json_number_value(json_object_get(first, "share")), 0.75, 0);
    CHECK_STR(json_string_value(json_object_get(price, "kind")), "number");
    CHECK_NEAR(json_number_value(json_object_get(price, "mean")), 1.5, 1e-12);
    CHECK(!json_object_get(json_array_get(c, 0), "values")); /* every id once: no table */
    json_decref(j);
    const command_result *r = hone("data stats %s", in);
    CHECK_MSG(r->status == 0 && strstr(r->out, "4 rows") && strstr(r->out, "75.0 %  a"), "%s%s", r->out, r->err);
}

TEST(data_tools, a_blank_cell_is_a_missing_one_and_not_a_text) {
    json_t *j = json_of(hone("data stats %s --json", write_file("blank.csv", "a,b\n1, \n  ,\n2.5, \n")));
    const json_t *a = json_array_get(json_object_get(j, "columns"), 0),
                 *b = json_array_get(json_object_get(j, "columns"), 1);
    CHECK_STR(json_string_value(json_object_get(a, "kind")), "number");
    CHECK(number(a, "filled", NULL) == 2 && number(a, "missing", NULL) == 1);
    CHECK_STR(json_string_value(json_object_get(b, "kind")), "empty");
    json_decref(j);
}

TEST(data_tools, the_mean_of_numbers_near_the_largest_is_a_number) {
    const char *in = write_file("large.jsonl", "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"score\":1.5e308}\n"
                                               "{\"sentence1\":\"c\",\"sentence2\":\"d\",\"score\":1.7e308}\n");
    json_t *j = json_of(hone("data stats %s --json", in)), *c = json_array_get(json_object_get(j, "columns"), 2);
    CHECK_NEAR(json_number_value(json_object_get(c, "mean")) / 1e308, 1.6, 1e-12);
    json_decref(j);
}

/* ---- split ---- */

TEST(data_tools, split_keeps_every_byte_of_header_and_rows_in_every_format) {
    static const struct {
        const char *name, *text, *train, *eval;
    } cases[] = {
        {"a.csv", "\xEF\xBB\xBFid,text\r\n1,\"x, \"\"y\"\"\"\r\n2,\"two\nlines\"\r\n\r\n3,\"z\"\r\n4,w", NULL, NULL},
        {"a.tsv", "id\ttext\n1\tx\n2\ty\n3\tz\n4\tw\n", NULL, NULL},
        {"a.jsonl",
         "{\"id\":1, \"text\":\"\\u0078\"}\n  {\"text\": \"y\" "
         ",\"id\":2}\r\n{\"id\":3,\"text\":\"z\"}\n{\"id\":4,\"text\":\"w\"}",
         NULL, NULL},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const char *in = write_file(cases[k].name, cases[k].text);
        const command_result *r = hone("data split %s --ratio 0.5 --force --out %s", in, out_path("parts"));
        CHECK_MSG(r->status == 0, "%s", r->err);
        char name[64];
        snprintf(name, sizeof name, "parts/train%s", strchr(cases[k].name, '.'));
        char *train = slurp(out_path(name));
        snprintf(name, sizeof name, "parts/eval%s", strchr(cases[k].name, '.'));
        char *eval = slurp(out_path(name));
        /* Each line of the input is in exactly one of the two; the header in both. */
        size_t header = k == 2 ? 0 : strcspn(cases[k].text, "\n") + 1, rows = 0;
        CHECK(!strncmp(train, cases[k].text, header) && !strncmp(eval, cases[k].text, header));
        for (const char *p = cases[k].text + header; *p;) {
            size_t n = strcspn(p, "\n");
            if (k == 0 && p[0] == '2') n = strcspn(p + n + 1, "\n") + n + 1; /* the row of two lines */
            char row[128];
            snprintf(row, sizeof row, "%.*s", (int)n + (p[n] == '\n'), p);
            bool left = strstr(train, row) != NULL, right = strstr(eval, row) != NULL;
            if (n > 1)
                CHECK_MSG(left != right, "%s: row \"%s\" is on %s", cases[k].name, row,
                          left ? "both sides" : "no side");
            rows += n > 1;
            p += n + (p[n] == '\n');
        }
        CHECK_INT(rows, 4);
        CHECK_INT(strlen(train) + strlen(eval),
                  strlen(cases[k].text) + header - (k == 0 ? 2 : 0) + (k == 0 ? 2 : k == 2));
        hone_free(train), hone_free(eval);
    }
}

TEST(data_tools, split_of_an_array_gives_arrays_and_of_packed_files_packed_ones) {
    const char *in = write_file("arr.json", "[{\"text\": \"a\"},\n  {\"text\":\n \"b\"}, {\"text\": \"c\"}]");
    CHECK_INT(hone("data split %s --ratio 0.67 --force --out %s", in, out_path("arr"))->status, 0);
    json_t *train, *eval;
    CHECK_OK(hone_json_load(out_path("arr/train.json"), &train));
    CHECK_OK(hone_json_load(out_path("arr/eval.json"), &eval));
    CHECK(json_array_size(train) == 2 && json_array_size(eval) == 1);
    json_decref(train), json_decref(eval);
    char line[2048];
    snprintf(line, sizeof line, "gzip -kf %s", write_file("packed.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n"));
    if (system(line)) SKIP("no gzip here");
    CHECK_INT(
        hone("data split %s --ratio 0.5 --force --out %s", out_path("packed.jsonl.gz"), out_path("packed"))->status, 0);
    CHECK_INT(hone("data stats %s --json", out_path("packed/train.jsonl.gz"))->status, 0);
    snprintf(line, sizeof line, "gzip -t %s %s", out_path("packed/train.jsonl.gz"), out_path("packed/eval.jsonl.gz"));
    CHECK_INT(system(line), 0);
}

/* 2,000 rows: texts shared between columns, in other spellings, nearly; groups; three labels. */
static void write_families(const char *path, int *family) {
    FILE *f = fopen(path, "wb");
    CHECK(f);
    fprintf(f, "n,question,answer,customer,label\n");
    for (int i = 0; i < 2000; i++) {
        int k = family[i] = i % 700; /* rows of one family: 700 apart */
        char q[200], a[200];
        snprintf(q, sizeof q, "what would the %c%c%c thing of kind %c%c do with its own family", 'a' + k % 26,
                 'a' + k / 26 % 26, 'a' + k / 676, 'a' + i % 7, 'a' + i % 11);
        snprintf(a, sizeof a, "answer%d", i);
        if (i / 700 == 1)
            snprintf(a, sizeof a, "WHAT would the  %c%c%c thing of kind %c%c do with its own family", 'a' + k % 26,
                     'a' + k / 26 % 26, 'a' + k / 676, 'a' + (i - 700) % 7, 'a' + (i - 700) % 11);
        fprintf(f, "%d,%s,%s,%d,%s\n", i, q, a, i % 97, i % 10 < 6 ? "x" : i % 10 < 9 ? "y" : "z");
    }
    CHECK(!fclose(f));
}

static int read_side(const char *path, int side, int *of) {
    char line[1024];
    int n = -1;
    FILE *f = fopen(path, "rb");
    CHECK(f);
    for (; fgets(line, sizeof line, f); n++)
        if (n >= 0) of[atoi(line)] |= side;
    fclose(f);
    return n;
}

TEST(data_tools, split_leaks_no_row_text_spelling_or_group) {
    static int family[2000], of[2000];
    const char *in = out_path("families.csv");
    write_families(in, family);
    for (int seed = 1; seed <= 3; seed++) {
        memset(of, 0, sizeof of);
        const command_result *r =
            hone("data split %s --ratio 0.8 --force --near 0 --seed %d --out %s --json", in, seed, out_path("fam"));
        CHECK_MSG(r->status == 0, "%s", r->err);
        json_t *j = json_of(r);
        int train = read_side(out_path("fam/train.csv"), 1, of), eval = read_side(out_path("fam/eval.csv"), 2, of);
        CHECK_INT(train + eval, 2000);
        CHECK_MSG(eval >= 390 && eval <= 400, "%d rows in eval", eval);
        CHECK_INT(number(json_object_get(j, "sides"), "eval", "rows"), eval);
        for (int i = 0; i < 700; i++)
            CHECK_MSG((of[i] == 1 || of[i] == 2) && of[i] == of[i + 700], "row %d is torn from %d", i, i + 700);
        json_decref(j);
    }
    memset(of, 0, sizeof of);
    const command_result *r =
        hone("data split %s --ratio 0.7 --near 0 --texts n --group customer --force --out %s", in, out_path("grp"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    read_side(out_path("grp/train.csv"), 1, of), read_side(out_path("grp/eval.csv"), 2, of);
    for (int i = 97; i < 2000; i++) CHECK(of[i] == of[i % 97] && (of[i] == 1 || of[i] == 2));
}

/* Lists of texts are texts: in the column documents, in one that --texts names, and where nothing else holds texts. */
TEST(data_tools, split_compares_the_texts_of_lists) {
    char json[4096] = "", csv[4096] = "query,documents\n", other[4096] = "";
    for (int i = 0; i < 20; i++) { /* ten texts, each in the lists of two rows */
        sprintf(json + strlen(json), "{\"query\": \"q%d\", \"documents\": [\"unique %d\", \"shared %d\"]}\n", i,
                100 + i, i % 10);
        sprintf(csv + strlen(csv), "q%d,\"[\"\"unique %d\"\", \"\"shared %d\"\"]\"\n", i, 100 + i, i % 10);
        sprintf(other + strlen(other), "{\"n\": %d, \"answers\": [\"unique %d\", \"shared %d\"]}\n", i, 100 + i,
                i % 10);
    }
    struct {
        const char *file, *options;
    } c[] = {{write_file("d.jsonl", json), ""},  {write_file("d.jsonl", json), "--texts documents"},
             {write_file("d.csv", csv), ""},     {write_file("d.csv", csv), "--texts query,documents"},
             {write_file("o.jsonl", other), ""}, {write_file("o.jsonl", other), "--texts answers"}};
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        json_t *j = json_of(
            hone("data split %s --near 0 --force --json --out %s %s", c[k].file, out_path("lists"), c[k].options));
        CHECK_MSG(number(j, "together", "clusters") == 10 && number(j, "together", "rows_by_equal_texts") == 20,
                  "%s %s: %d clusters", c[k].file, c[k].options, (int)number(j, "together", "clusters"));
        json_decref(j);
    }
}

TEST(data_tools, split_keeps_near_duplicates_together_and_the_same_seed_gives_the_same_bytes) {
    static int family[2000], of[2000];
    const char *in = out_path("families.csv");
    write_families(in, family);
    /* Questions of one family differ in one or two of twelve words; --near 0.7 joins them (and with them the families
     * whose names agree). */
    const command_result *r = hone("data split %s --ratio 0.8 --near 0.9 --force --out %s", in, out_path("near"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    read_side(out_path("near/train.csv"), 1, of), read_side(out_path("near/eval.csv"), 2, of);
    for (int i = 0; i < 700; i++) CHECK(of[i] == of[i + 700]);
    char *first = slurp(out_path("near/eval.csv"));
    CHECK_INT(hone("data split %s --ratio 0.8 --near 0.9 --force --threads 3 --out %s", in, out_path("near2"))->status,
              0);
    char *second = slurp(out_path("near2/eval.csv"));
    CHECK(!strcmp(first, second));
    hone_free(first), hone_free(second);
    const char *two = write_file(
        "neartexts.jsonl",
        "{\"text\":\"one two three four five six seven eight nine\"}\n{\"text\":\"lonely\"}\n{\"text\":\"other\"}\n"
        "{\"text\":\"One two three four five six seven eight ten!\"}\n");
    for (int seed = 0; seed < 8; seed++) {
        CHECK_INT(hone("data split %s --ratio 0.5 --force --seed %d --out %s", two, seed, out_path("nt"))->status, 0);
        char *eval = slurp(out_path("nt/eval.jsonl"));
        CHECK_MSG((strstr(eval, "nine") != NULL) == (strstr(eval, "ten!") != NULL), "%s", eval);
        hone_free(eval);
    }
}

TEST(data_tools, split_gives_each_label_its_share_and_three_shares_three_files) {
    static int family[2000], of[2000];
    const char *in = out_path("families.csv");
    write_families(in, family);
    memset(of, 0, sizeof of);
    const command_result *r =
        hone("data split %s --ratio 0.8,0.1,0.1 --near 0 --stratify --force --out %s", in, out_path("three"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    read_side(out_path("three/train.csv"), 1, of), read_side(out_path("three/eval.csv"), 2, of),
        read_side(out_path("three/test.csv"), 4, of);
    int count[5][3] = {{0}};
    for (int i = 0; i < 2000; i++) {
        CHECK(of[i] == 1 || of[i] == 2 || of[i] == 4);
        count[of[i]][i % 10 < 6 ? 0 : i % 10 < 9 ? 1 : 2]++;
    }
    for (int k = 0; k < 3; k++) {
        const int want[3] = {120, 60, 20};
        CHECK_MSG(abs(count[2][k] - want[k]) <= 2 && abs(count[4][k] - want[k]) <= 2, "label %d: %d and %d", k,
                  count[2][k], count[4][k]);
    }
}

/* Else every row that says True would be kept together with every other one. */
TEST(data_tools, split_takes_no_column_of_true_and_false_for_texts) {
    const char *in = write_file("flags.csv", "left,right,same\na,b,True\nc,d,True\ne,f,False\ng,h,True\ni,j,False\n");
    const command_result *r = hone("data split %s --ratio 0.8 --out %s", in, out_path("flags"));
    CHECK_MSG(r->status == 0 && strstr(r->out, "eval.csv: 1 rows"), "%s%s", r->out, r->err);
}

TEST(data_tools, split_says_which_side_is_short_and_of_how_many) {
    static char text[8192];
    size_t n = (size_t)snprintf(text, sizeof text, "text,g\n");
    for (int i = 0; i < 105; i++) n += (size_t)snprintf(text + n, sizeof text - n, "w%d,%d\n", i * 7919, i / 7);
    const command_result *r = hone("data split %s --ratio 0.5666667,0.3333333,0.1 --group g --out %s",
                                   write_file("sevens.csv", text), out_path("sevens"));
    CHECK_MSG(r->status == 0 && strstr(r->err, "test has 7 rows, 11 were wanted") && !strstr(r->err, "eval has"), "%s",
              r->err);
    CHECK(strstr(r->out, "eval.csv: 35 rows"));
    n = (size_t)snprintf(text, sizeof text, "text,g\n");
    for (int i = 0; i < 200; i++) n += (size_t)snprintf(text + n, sizeof text - n, "w%d,%d\n", i * 7919, i / 30);
    r = hone("data split %s --ratio 0.8 --group g --out %s", write_file("thirties.csv", text), out_path("thirties"));
    /* 1 - 0.8 is a little less than 0.2 */
    CHECK_MSG(r->status == 0 && strstr(r->err, " rows, 40 were wanted"), "%s", r->err);
}

TEST(data_tools, split_refuses_what_it_cannot_do_and_leaves_files_as_they_were) {
    const char *in = write_file("r.csv", "text,g\na,1\nb,1\nc,2\n");
    const char *out = out_path("refuse");
    CHECK_INT(hone("data split %s --out %s", in, out)->status, 0);
    char *before = slurp(out_path("refuse/train.csv"));
    const command_result *r = hone("data split %s --seed 7 --ratio 0.4 --out %s", in, out);
    CHECK_MSG(r->status == 2 && strstr(r->err, "is there already") && strstr(r->err, "--force"), "%s", r->err);
    check_file("refuse/train.csv", before);
    hone_free(before);
    CHECK_INT(hone("data split - --out %s", out)->status, 2);
    CHECK_INT(hone("data split /nonexistent.csv --out %s", out)->status, 3);
    r = hone("data split %s --group custmer --out %s", write_file("g.csv", "text,customer\na,1\nb,2\n"),
             out_path("no"));
    CHECK_MSG(r->status == 2 && strstr(r->err, "did you mean --group customer?"), "%s", r->err);
    CHECK_INT(hone("data split %s --texts nope --out %s", in, out_path("no"))->status, 2);
    CHECK_INT(hone("data split %s --stratify --out %s", in, out_path("no"))->status, 2);
    CHECK_INT(hone("data split %s --ratio 0.5,0.6 --out %s", in, out_path("no"))->status, 2);
    CHECK_INT(hone("data split %s --near 0.3 --out %s", in, out_path("no"))->status, 2);
    r = hone("data split %s --out %s", write_file("same.csv", "text\na\nA\n a\n"), out_path("no"));
    CHECK_MSG(r->status == 3 && strstr(r->err, "3 of 3 rows"), "%s", r->err);
    CHECK(!hone_io_exists(out_path("no")));
    CHECK_INT(hone("data split %s --out %s/x", in, in)->status, 4); /* below a file */
    /* FILE is one of the files to be: a part of it would take its place. */
    before = slurp(out_path("refuse/train.csv"));
    r = hone("data split %s/train.csv --force --out %s/.", out, out);
    CHECK_MSG(r->status == 2 && strstr(r->err, "is the same file as FILE"), "%d: %s", r->status, r->err);
    check_file("refuse/train.csv", before);
    hone_free(before);
}

/* ---- negatives ---- */

TEST(data_tools, negatives_are_rows_that_training_reads_and_never_an_anchors_own_positive) {
    const command_result *r =
        hone("data negatives " PAIRS " --model " MODEL " --num-negatives 2 --out %s", out_path("neg.jsonl"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    char *text = slurp(out_path("neg.jsonl"));
    int rows = 0;
    for (const char *p = text; *p; p = strchr(p, '\n') + 1, rows++) {
        json_t *j = json_loadb(p, strcspn(p, "\n"), 0, NULL);
        CHECK(j && json_object_size(j) == 3);
        CHECK(strcmp(json_string_value(json_object_get(j, "negative")),
                     json_string_value(json_object_get(j, "positive"))));
        json_decref(j);
    }
    CHECK_INT(rows, 2 * 38);
    hone_free(text);
    CHECK_INT(hone("data negatives " PAIRS " --model " MODEL " --output-format n-tuple --output-scores --out %s",
                   out_path("neg.csv.gz"))
                  ->status,
              0);
    CHECK_INT(hone("data validate %s --task pairs", out_path("neg.csv.gz"))->status, 0);
    CHECK_INT(hone("data validate %s --task triplet", out_path("neg.jsonl"))->status, 0);
    r = hone("train --task pairs --model " MODEL " --train %s --steps 2 --out %s --quiet", out_path("neg.csv.gz"),
             out_path("negrun"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    r = hone("data negatives " PAIRS " --model " MODEL " --num-negatives 2 --threads 3");
    char *whole = slurp(out_path("neg.jsonl"));
    CHECK_STR(r->out, whole); /* standard output, other threads: the same bytes */
    hone_free(whole);
}

TEST(data_tools, negatives_of_rows_that_share_spellings_leave_them_out) {
    const char *in = write_file(
        "spell.jsonl",
        "{\"query\":\"cold water\",\"answer\":\"the city\"}\n{\"query\":\"the river\",\"answer\":\"The  City\"}\n"
        "{\"query\":\"the town\",\"answer\":\"cold water\"}\n{\"query\":\"a bird\",\"answer\":\"a tree\"}\n");
    const command_result *r = hone("data negatives %s --model " MODEL " --num-negatives 3 --range-max 10", in);
    CHECK_MSG(r->status == 0, "%s", r->err);
    for (const char *p = r->out; *p; p = strchr(p, '\n') + 1) {
        json_t *j = json_loadb(p, strcspn(p, "\n"), 0, NULL);
        const char *q = json_string_value(json_object_get(j, "query")),
                   *n = json_string_value(json_object_get(j, "negative"));
        if (!strcmp(q, "cold water") || !strcmp(q, "the river"))
            CHECK_MSG(strcasecmp(n, "the city") && strcasecmp(n, "the  city"), "%s", r->out);
        CHECK_MSG(strcmp(q, n), "%s", r->out);
        json_decref(j);
    }
    r = hone("data negatives %s --model " MODEL " --num-negatives 1 --range-max 20 --range-min 3 --corpus %s", in,
             write_file("corpus.csv", "text\nx\ny\nz\na tree\n"));
    CHECK_MSG(r->status == 0 && strstr(r->out, "negative"), "%s%s", r->out, r->err);
    r = hone("data negatives %s --model " MODEL " --max-score -5 --out %s", in, out_path("nothing.jsonl"));
    CHECK_MSG(r->status == 3 && strstr(r->err, "no negative was found"), "%s", r->err);
    CHECK(!hone_io_exists(out_path("nothing.jsonl")));
}

TEST(data_tools, negatives_are_computed_in_the_precision_that_is_asked_for) {
    char first[4096];
    const command_result *r = hone("data negatives " PAIRS " --model " MODEL " --output-scores --quiet");
    CHECK_MSG(r->status == 0 && *r->out, "%s", r->err);
    snprintf(first, sizeof first, "%.4000s", r->out);
    static const char *const words[] = {"bf16", "int8"};
    for (int i = 0; i < 2; i++) {
        r = hone("data negatives " PAIRS " --model " MODEL " --output-scores --quiet --precision %s", words[i]);
        CHECK_MSG(r->status == 0 && strncmp(r->out, first, strlen(first)), "%s gives the scores of f32", words[i]);
    }
}

TEST(data_tools, negatives_refuse_before_they_work) {
    static const struct {
        const char *more, *says;
        int status;
    } cases[] = {
        {"--cross-encoder x", "--cross-encoder: not available yet", 2},
        {"--margin 0.1 --absolute-margin 0.1", "exclude each other", 2},
        {"--range-min 10 --range-max 10", "no rank lies between", 2},
        {"--range-min 10 --range-max 12", "leave room for 2", 2},
        {"--out x.parquet", "unknown kind of file", 2},
        {"--out /nonexistent/x.jsonl", "/nonexistent", 4},
        {"--output-format labeled-pair", "not available yet", 2},
        {"--num-negatives 0", "0 is out of range", 2},
        {"--sampling-strategy tpo", "did you mean top?", 2},
        {"--corpus /nonexistent.csv", "/nonexistent.csv", 3},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const command_result *r = hone("data negatives " PAIRS " --model " MODEL " %s", cases[k].more);
        CHECK_MSG(r->status == cases[k].status && strstr(r->err, cases[k].says) && r->err_lines <= 3, "%s: exit %d: %s",
                  cases[k].more, r->status, r->err);
    }
}

/* ---- sample ---- */

TEST(data_tools, samples_of_every_task_are_valid_differ_by_seed_and_train) {
    static const char *const tasks[] = {"pairs", "triplet", "scored", "rerank"};
    for (int k = 0; k < 4; k++) {
        const char *dir = out_path(tasks[k]);
        const command_result *r = hone("data sample --task %s --rows 200 --out %s", tasks[k], dir);
        CHECK_MSG(r->status == 0 && strstr(r->out, "160 rows") && strstr(r->out, "40 rows"), "%s%s", r->out, r->err);
        r = hone("data validate %s/train.jsonl --task %s --json", dir, tasks[k]);
        CHECK_MSG(r->status == 0, "%s", r->err);
        json_t *j = json_of(r);
        CHECK(number(j, "good", NULL) == 160 && number(j, "duplicates", "rows") == 0);
        json_decref(j);
        CHECK_INT(hone("data sample --task %s --rows 200 --out %s", tasks[k], dir)->status, 2);
    }
    char name[64] = "pairs/train.jsonl";
    char *first = slurp(out_path(name));
    CHECK_INT(hone("data sample --rows 200 --force --out %s", out_path("pairs"))->status, 0);
    check_file(name, first);
    CHECK_INT(hone("data sample --rows 200 --force --seed 1 --out %s", out_path("pairs"))->status, 0);
    char *second = slurp(out_path(name));
    CHECK(strcmp(first, second));
    hone_free(first), hone_free(second);
    const command_result *r =
        hone("train --task pairs --model " MODEL " --train %s --eval %s --steps 3 --quiet --out %s", out_path(name),
             out_path("pairs/eval.jsonl"), out_path("samplerun"));
    CHECK_MSG(r->status == 0, "%s", r->err);
}

/* The second file's name cannot be put in place: the first one is taken back. */
/* No text of one side stands on the other: neither what is asked for nor what is named. */
TEST(data_tools, the_two_sides_of_a_sample_share_no_text) {
    static const char *const tasks[] = {"pairs", "triplet", "scored", "rerank"};
    for (int k = 0; k < 4; k++) {
        const char *dir = out_path("sides");
        CHECK_INT(hone("data sample --task %s --rows 3000 --force --out %s", tasks[k], dir)->status, 0);
        char *train = slurp(out_path("sides/train.jsonl")), *eval = slurp(out_path("sides/eval.jsonl"));
        int64_t texts = 0;
        for (char *p = strtok(eval, "\""); p; p = strtok(NULL, "\"")) {
            if (strlen(p) < 20) continue; /* names and punctuation */
            char quoted[300];
            snprintf(quoted, sizeof quoted, "\"%s\"", p);
            CHECK_MSG(!strstr(train, quoted), "%s: %s", tasks[k], quoted);
            texts++;
        }
        CHECK(texts >= 1000);
        hone_free(train), hone_free(eval);
    }
}

TEST(data_tools, samples_and_splits_are_there_whole_or_not_at_all) {
    const char *in = write_file("halves.csv", "text\na b\nc d\ne f\ng h\ni j\nk l\n");
    char line[1500], **names;
    size_t n;
    for (int k = 0; k < 2; k++) {
        snprintf(line, sizeof line, "%s %s --out %s", k ? "data split" : "data sample --rows 10", k ? in : "",
                 out_path("halves"));
        const command_result *r = run_command("HONE_FAULT=rename:2:EIO", line);
        CHECK_MSG(r->status == 4, "%s: %d %s", line, r->status, r->err);
        CHECK_OK(hone_io_list(out_path("halves"), &names, &n));
        CHECK_MSG(n == 0, "%s left %s", line, names[0]);
        hone_free(names);
    }
}

TEST(data_tools, texts_that_follow_a_pattern_are_divided_by_a_nearer_near_and_a_note_says_so) {
    char text[65536] = "";
    for (int i = 0; i < 200; i++)
        sprintf(text + strlen(text), "{\"text\":\"what is the name of the %c%c%c in the middle of the old city\"}\n",
                'a' + i % 26, 'a' + i / 26, 'a' + i % 7);
    const char *in = write_file("pattern.jsonl", text);
    const command_result *r = hone("data split %s --out %s", in, out_path("pattern"));
    CHECK_MSG(r->status == 0 && strstr(r->err, "follow a pattern") && strstr(r->out, "40 rows"), "%s%s", r->out,
              r->err);
    r = hone("data split %s --near 0.8 --force --out %s", in, out_path("pattern"));
    CHECK_MSG(r->status == 3 && strstr(r->err, "200 of 200 rows"), "%s", r->err);
}

/* Files of other tools have lists of negatives in a column that no role takes by its name: training would go on without
 * them. */
TEST(data_tools, a_column_that_looks_like_negatives_and_is_not_used_is_told) {
    const char *in = write_file("idle.jsonl", "{\"query\":\"a\",\"positive\":\"b\",\"negatives\":[\"x\",\"y\"]}\n{"
                                              "\"query\":\"c\",\"positive\":\"d\",\"negatives\":[\"z\"]}\n");
    const command_result *r = hone("data validate %s --task pairs", in);
    CHECK_MSG(r->status == 0 &&
                  strstr(r->out, "warning: the column \"negatives\" is not used; --columns negative=negatives"),
              "%s%s", r->out, r->err);
    r = hone(
        "train --task pairs --dry-run --model tests/golden/models/mean --train %s --steps 1 --batch-size 2 --out %s",
        in, out_path("idle"));
    CHECK_MSG(r->status == 0 && strstr(r->err, "column \"negatives\" is not used; --columns negative=negatives"), "%s",
              r->err);
    r = hone("data validate %s --task pairs --columns negative=negatives", in);
    CHECK_MSG(r->status == 3 &&
                  strstr(r->err,
                         "is [\"x\",\"y\"], expected a text: a list's items go into columns of their own (negative_1,"),
              "%s", r->err);
    in = write_file("tuple.csv", "query,positive,negative_1,negative_2\na,b,c,d\ne,f,g,h\n");
    const char *spare = "column \"negative_2\" is not used: --task triplet takes one negative a row, \"negative_1\"";
    r = hone("data validate %s --task triplet", in);
    CHECK_MSG(r->status == 0 && strstr(r->out, spare), "%s%s", r->out, r->err);
    r = hone("eval --task triplet --model tests/golden/models/mean --data %s", in);
    CHECK_MSG(r->status == 0 && strstr(r->err, spare), "%s", r->err);
    r = hone("data validate %s --task pairs", in);
    CHECK_MSG(r->status == 0 && !strstr(r->out, "is not used"), "%s", r->out);
    in = write_file("used.csv", "query,positive,negative,neg\na,b,c,d\n");
    r = hone("data validate %s --task pairs", in);
    CHECK_MSG(r->status == 0 && !strstr(r->out, "is not used"), "%s", r->out);
}

TEST(data_tools, negatives_with_a_nul_are_written_as_json_alone) {
    const char *in = write_file(
        "nul.jsonl", "{\"anchor\":\"a\",\"positive\":\"b\"}\n{\"anchor\":\"c\",\"positive\":\"d\\u0000e\"}\n");
    const command_result *r =
        hone("data negatives %s --model " MODEL " --num-negatives 1 --out %s", in, out_path("nul.csv"));
    CHECK_MSG(r->status == 2 && strstr(r->err, "holds a NUL character") && strstr(r->err, "--out NAME.jsonl"), "%s",
              r->err);
    CHECK(!hone_io_exists(out_path("nul.csv")));
    CHECK_INT(
        hone("data negatives %s --model " MODEL " --num-negatives 1 --out %s", in, out_path("nul-out.jsonl"))->status,
        0);
    char *text = slurp(out_path("nul-out.jsonl"));
    CHECK(strstr(text, "d\\u0000e"));
    hone_free(text);
}

/* The losses of one task want different columns; what validate names is what train skips, loss by loss. */
TEST(data_tools, validate_judges_rows_by_the_loss_that_is_to_train_on_them) {
    const char *in = write_file("lab.csv", "text,label\none,a\ntwo,a\nthree,b\nfour,b\nfive,\n,b\nsix,c\nONE,b\n");
    const command_result *r = hone("data validate %s --task triplet --loss batch-all", in);
    CHECK_MSG(r->status == 3 && strstr(r->err, "lab.csv:6:1: field \"label\" is empty, expected a label") &&
                  strstr(r->err, "lab.csv:7:1: field \"text\" is empty") && strstr(r->err, "2 of 8 rows are bad"),
              "%s", r->err);
    CHECK_MSG(strstr(r->out, "label: 3 different values: b 3 (50.0 %), a 2 (33.3 %), c 1") &&
                  strstr(r->out, "1 of 3 labels stand at one row") &&
                  strstr(r->out, "1 rows have the texts of an earlier row and another label"),
              "%s", r->out);
    r = hone("data validate %s --task triplet", in);
    CHECK_MSG(r->status == 3 && strstr(r->err, "no field \"anchor\"") && strstr(r->err, "go with --loss batch-hard"),
              "%s", r->err);
    in = write_file("binary.csv", "sentence1,sentence2,label\na,b,1\nc,d,0.5\ne,f,False\n");
    CHECK_INT(hone("data validate %s --task scored", in)->status, 0);
    r = hone("data validate %s --task scored --loss contrastive", in);
    CHECK_MSG(r->status == 3 && strstr(r->err, "binary.csv:3:1: field \"label\" is \"0.5\", expected 0 or 1") &&
                  strstr(r->err, "1 of 3 rows are bad"),
              "%s", r->err);
    r = hone("data validate %s --task pairs --loss cosent", in);
    CHECK_MSG(r->status == 2 && strstr(r->err, "\"cosent\" does not go with --task pairs") &&
                  strstr(r->err, "it goes with --task scored"),
              "%s", r->err);
    r = hone("data validate %s --task rerank --loss mnr", in);
    CHECK_MSG(r->status == 2 && strstr(r->err, "\"mnr\" does not go with --task rerank"), "%s", r->err);
}
