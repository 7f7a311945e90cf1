#include "data/roles.h"

#include "base/io.h"
#include "tests/test.h"

#include <locale.h>

static hone_table *table(const char *name, const char *text) {
    char path[512];
    hone_table *t = NULL;
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fputs(text, f) >= 0 && !fclose(f));
    CHECK_OK(hone_table_read(path, NULL, &t));
    return t;
}

static const char *name_of(const hone_table *t, int64_t c) {
    return c < 0 ? "(none)" : hone_table_column_name(t, c);
}

TEST(data, known_names_find_their_roles_and_the_leftmost_of_the_list_wins) {
    static const struct {
        const char *header, *anchor, *positive, *id, *score;
    } cases[] = {
        {"anchor,positive", "anchor", "positive", "(none)", "(none)"},
        {"_id,answer,question", "question", "answer", "_id", "(none)"},
        {"query,question,document,passage,id,_id", "query", "passage", "id", "(none)"},
        {"sentence2,sentence1,similarity", "sentence1", "sentence2", "(none)", "similarity"},
        {"text1,text2,score,similarity", "text1", "text2", "(none)", "score"},
        {"response,query,anchor", "anchor", "response", "(none)", "(none)"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[256];
        int commas = 0;
        for (const char *p = cases[k].header; *p; p++) commas += *p == ',';
        int n = snprintf(text, sizeof text, "%s\nx", cases[k].header);
        while (commas--) n += snprintf(text + n, sizeof text - (size_t)n, ",x");
        hone_table *t = table("known.csv", text);
        hone_roles r;
        CHECK_OK(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r));
        CHECK_STR(name_of(t, r.anchor), cases[k].anchor);
        CHECK_STR(name_of(t, r.positive), cases[k].positive);
        CHECK_STR(name_of(t, r.id), cases[k].id);
        CHECK_STR(name_of(t, r.score), cases[k].score);
        CHECK_INT(r.n_texts, 2);
        CHECK_INT(r.columns[0], r.anchor);
        CHECK_INT(r.columns[1], r.positive);
        hone_table_free(t);
    }
}

TEST(data, negatives_are_ordered_by_number) {
    hone_table *t =
        table("neg.csv",
              "negative_10,negative_2,anchor,negative,positive,negative_1,negatives,negative_x\na,b,c,d,e,f,g,h\n");
    hone_roles r;
    CHECK_OK(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r));
    static const char *const want[] = {"anchor", "positive", "negative", "negative_1", "negative_2", "negative_10"};
    CHECK_INT(r.n_negatives, 4);
    CHECK_INT(r.n_texts, 6);
    for (int k = 0; k < 6; k++) CHECK_STR(name_of(t, r.columns[k]), want[k]);
    CHECK_OK(hone_roles_find(t, HONE_ROWS_TRIPLET, NULL, 0, &r));
    CHECK_INT(r.n_texts, 3);
    CHECK_STR(name_of(t, r.columns[2]), "negative");
    const hone_column_map map[] = {{"negative_2", "negatives"}, {"query", "negative_x"}};
    CHECK_OK(hone_roles_find(t, HONE_ROWS_PAIRS, map, 2, &r));
    CHECK_STR(name_of(t, r.anchor), "negative_x");
    CHECK_INT(r.n_negatives, 4);
    CHECK_STR(name_of(t, r.negative[2]), "negatives");
    hone_table_free(t);
}

TEST(data, a_mapping_wins_over_known_names) {
    hone_table *t = table("map.csv", "anchor,positive,q,a\n1,2,3,4\n");
    hone_roles r;
    const hone_column_map map[] = {{"anchor", "q"}, {"answer", "a"}};
    CHECK_OK(hone_roles_find(t, HONE_ROWS_PAIRS, map, 2, &r));
    CHECK_STR(name_of(t, r.anchor), "q");
    CHECK_STR(name_of(t, r.positive), "a");
    /* A known name that the mapping used up is not found a second time. */
    const hone_column_map swap[] = {{"positive", "anchor"}};
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, swap, 1, &r), HONE_E_FORMAT,
                "no field \"anchor\": the one called \"anchor\" has another role; fields are");
    hone_table_free(t);
}

TEST(data, a_missing_role_names_the_fields_and_proposes_a_mapping) {
    hone_table *t = table("pairs.jsonl", "{\"query\": \"a\", \"pos\": \"b\"}\n");
    hone_roles r;
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r), HONE_E_FORMAT,
                "no field \"positive\"; fields are \"query\", \"pos\"");
    CHECK_STR(hone_last_error()->hint, "--columns positive=pos");
    CHECK(strstr(hone_last_error()->file, "pairs.jsonl"));
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_SCORED, NULL, 0, &r), HONE_E_FORMAT, "no field \"sentence2\"");
    hone_table_free(t);
    t = table("two.csv", "anchor,zzz,answre\n1,2,3\n");
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r), HONE_E_FORMAT, "--columns positive=answre");
    hone_table_free(t);
    t = table("two.csv", "anchor,xx,yy\n1,2,3\n");
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r), HONE_E_FORMAT, "--columns positive=NAME");
    hone_table_free(t);
    t = table("two.csv", "anchor,positive\n1,2\n");
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_TRIPLET, NULL, 0, &r), HONE_E_FORMAT, "no field \"negative\"");
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_SCORED, NULL, 0, &r), HONE_E_FORMAT, "no field \"score\"");
    hone_table_free(t);
}

TEST(data, a_wrong_mapping_is_wrong_use) {
    hone_table *t = table("w.csv", "question,answer,id\n1,2,3\n");
    hone_roles r;
    const hone_column_map cases[][2] = {{{"ancor", "question"}, {0}},
                                        {{"anchor", "qestion"}, {0}},
                                        {{"anchor", "question"}, {"query", "answer"}},
                                        {{"anchor", "question"}, {"positive", "question"}},
                                        {{"text", "question"}, {0}},
                                        {{"negative", "id"}, {"negative", "answer"}}};
    static const char *const says[] = {"no role \"ancor\"",         "no field \"qestion\"",
                                       "role \"anchor\" twice",     "column \"question\" to two roles",
                                       "\"text\" is not used here", "\"negative\" twice"};
    static const char *const hints[] = {
        "did you mean --columns anchor=question?", "--columns anchor=question", "", "", "", ""};
    for (int k = 0; k < 6; k++) {
        CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, cases[k], cases[k][1].role ? 2 : 1, &r), HONE_E_ARG, says[k]);
        CHECK_STR(hone_last_error()->hint, hints[k]);
    }
    hone_table *semicolons = table("s.csv", "question;answer\n1;2\n");
    CHECK_FAILS(hone_roles_find(semicolons, HONE_ROWS_PAIRS, cases[0] + 0, 1, &r), HONE_E_ARG, "no role");
    const hone_column_map there[] = {{"anchor", "question"}};
    CHECK_FAILS(hone_roles_find(semicolons, HONE_ROWS_PAIRS, there, 1, &r), HONE_E_ARG, "no field \"question\"");
    CHECK_STR(hone_last_error()->hint, ".csv separates fields by commas, this header has \";\"");
    hone_table_free(semicolons);
    const hone_column_map extra[] = {{"id", "id"}};
    CHECK_OK(hone_roles_find(t, HONE_ROWS_PAIRS, extra, 1, &r));
    hone_table_free(t);
}

TEST(data, the_one_text_of_a_row_is_found_by_name_or_by_being_alone) {
    static const char *const headers[] = {"id,title,text", "id,query,document", "id,passage,x", "id,body",
                                          "label,description,image"};
    static const char *const want[] = {"text", "query", "passage", "body", "description"};
    for (int k = 0; k < 5; k++) {
        char text[128];
        snprintf(text, sizeof text, "%s\n%s", headers[k], k == 3 ? "1,2\n" : "1,2,3\n");
        hone_table *t = table("one.csv", text);
        hone_roles r;
        CHECK_OK(hone_roles_find(t, HONE_ROWS_TEXT, NULL, 0, &r));
        CHECK_STR(name_of(t, r.text), want[k]);
        CHECK_INT(r.n_texts, 1);
        hone_table_free(t);
    }
    hone_table *t = table("one.csv", "id,body,head\n1,2,3\n");
    hone_roles r;
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_TEXT, NULL, 0, &r), HONE_E_FORMAT,
                "no field \"text\"; fields are \"id\", \"body\", \"head\"");
    const hone_column_map map[] = {{"text", "head"}};
    CHECK_OK(hone_roles_find(t, HONE_ROWS_TEXT, map, 1, &r));
    CHECK_STR(name_of(t, r.text), "head");
    const hone_column_map other[] = {{"query", "body"}};
    CHECK_OK(hone_roles_find(t, HONE_ROWS_TEXT, other, 1, &r));
    CHECK_STR(name_of(t, r.text), "body");
    hone_table_free(t);
}

static const char rows_text[] =
    "{\"anchor\": \"a\", \"positive\": \"b\", \"score\": 0.5}\n"
    "{\"anchor\": \"a\", \"pos\": \"b\", \"score\": 1}\n"                         /* 1: no field */
    "{\"anchor\": null, \"positive\": \"b\", \"score\": true}\n"                  /* 2: null */
    "{\"anchor\": \"a\", \"positive\": 42, \"score\": \"x\"}\n"                   /* 3: a number */
    "{\"anchor\": \" \\u3000\\n\", \"positive\": \"b\", \"score\": \" 1e-2 \"}\n" /* 4: blank */
    "{\"anchor\": \"a\", \"positive\": \"\", \"score\": \"nan\"}\n"               /* 5: empty */
    "{\"anchor\": \"a\", \"positive\": [\"b\"], \"score\": 1}\n"                  /* 6: an array */
    "{\"anchor\": \"a\", \"positive\": \"c\"}\n";                                 /* 7 */

TEST(data, rows_without_their_texts_are_bad_and_say_why) {
    hone_table *t = table("rows.jsonl", rows_text);
    hone_roles r;
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_PAIRS, NULL, 0, &r));
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(hone_table_row_number(t, 1), 7);
    static const char *const why[] = {"no field \"positive\"; fields are \"anchor\", \"score\", \"pos\"",
                                      "field \"anchor\" is null, expected a text",
                                      "field \"positive\" is 42, expected a text",
                                      "field \"anchor\" is empty",
                                      "field \"positive\" is empty",
                                      "field \"positive\" is [\"b\"], expected a text"};
    CHECK_INT(hone_table_bad_count(t), 6);
    for (int k = 0; k < 6; k++) {
        CHECK_STR(hone_table_bad(t, k)->reason, why[k]);
        CHECK_INT(hone_table_bad(t, k)->row, k + 1);
        CHECK_INT(hone_table_bad(t, k)->line, k + 2);
    }
    hone_table_free(t);
}

TEST(data, an_empty_text_is_a_row_to_embed_and_a_half_of_a_pair_to_score) {
    hone_roles r;
    hone_table *t = table("rows.jsonl", rows_text);
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_TEXT_PAIR, NULL, 0, &r));
    CHECK_INT(hone_table_rows(t), 4); /* 0, 4, 5, 7 */
    CHECK_INT(hone_table_row_number(t, 2), 5);
    hone_table_free(t);
    t = table("e.csv", "id,text\n1,\n2,x\n3,\"\"\n");
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_TEXT, NULL, 0, &r));
    CHECK_INT(hone_table_rows(t), 3);
    hone_table_free(t);
    t = table("p.csv", "anchor,positive\n1,\n2,x\n  ,x\n");
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_PAIRS, NULL, 0, &r));
    CHECK_INT(hone_table_rows(t), 1);
    hone_table_free(t);
}

TEST(data, scores_are_finite_numbers) {
    hone_table *t = table("rows.jsonl", rows_text);
    hone_roles r;
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_SCORED, NULL, 0, &r));
    CHECK_INT(hone_table_rows(t), 2); /* 0 and 4 */
    double x;
    CHECK(hone_cell_number(hone_table_cell(t, 1, r.score), &x));
    CHECK_NEAR(x, 0.01, 0);
    static const char *const good[] = {"1", " -2.5 ", "1e3", "+4", ".5"}, *const bad[] = {"",      "x",   "0x10",
                                                                                          "inf",   "nan", "1 2",
                                                                                          "1e999", "--1", "1,5"};
    const double want[] = {1, -2.5, 1000, 4, 0.5};
    for (int k = 0; k < 5; k++) {
        CHECK(hone_cell_number((hone_cell){good[k], strlen(good[k]), HONE_CELL_TEXT}, &x));
        CHECK_NEAR(x, want[k], 0);
    }
    for (int k = 0; k < 9; k++)
        CHECK_MSG(!hone_cell_number((hone_cell){bad[k], strlen(bad[k]), HONE_CELL_TEXT}, &x), "%s", bad[k]);
    hone_table_free(t);
}

/* A host program of the library may have set its user's locale, whose decimal sign is a comma. */
TEST(data, scores_have_a_point_whatever_the_locale) {
    const char *names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR", "nl_NL.UTF-8"};
    int k = 0;
    double x = 0, y;
    while (k < 5 && !setlocale(LC_NUMERIC, names[k])) k++;
    if (k == 5) SKIP("no locale with a decimal comma is installed");
    bool point = hone_cell_number((hone_cell){"-0.25", 5, HONE_CELL_TEXT}, &x);
    bool comma = hone_cell_number((hone_cell){"0,25", 4, HONE_CELL_TEXT}, &y);
    setlocale(LC_NUMERIC, "C");
    CHECK(point && x == -0.25 && !comma);
}

/* pandas writes True into a CSV file, R writes TRUE, JavaScript true. */
TEST(data, true_and_false_are_1_and_0_in_csv_too) {
    hone_table *t =
        table("b.csv", "sentence1,sentence2,label\na,b,True\nc,d,FALSE\ne,f, true \ng,h,yes\ni,j,truest\nk,l,\n");
    static const hone_row_kind kinds[] = {HONE_ROWS_BINARY, HONE_ROWS_SCORED};
    hone_roles r;
    double x;
    for (int k = 0; k < 2; k++) {
        CHECK_OK(hone_roles_apply(t, kinds[k], NULL, 0, &r));
        CHECK_INT(hone_table_rows(t), 3);
        for (int i = 0; i < 3; i++) {
            CHECK(hone_cell_number(hone_table_cell(t, i, r.label), &x));
            CHECK_NEAR(x, i != 1, 0);
        }
    }
    hone_table_free(t);
}

TEST(data, strict_stops_at_the_first_row_without_its_texts) {
    char path[512];
    snprintf(path, sizeof path, "%s/rows.jsonl", test_dir());
    hone_table_free(table("rows.jsonl", rows_text));
    hone_table *t = NULL;
    hone_roles r;
    CHECK_OK(hone_table_read(path, &(hone_table_options){.strict = true}, &t));
    CHECK_FAILS(hone_roles_apply(t, HONE_ROWS_PAIRS, NULL, 0, &r), HONE_E_FORMAT, "no field \"positive\"");
    CHECK_INT(hone_last_error()->line, 2);
    hone_table_free(t);
}

TEST(data, rerank_rows_have_three_forms) {
    static const struct {
        const char *line, *texts, *number;
    } cases[] = {
        {"{\"query\": \"q\", \"document\": \"d\", \"label\": 1}", "query document", "label"},
        {"{\"query\": \"q\", \"passage\": \"\", \"score\": 0.5}", "query passage", "score"},
        {"{\"query\": \"q\", \"positive\": \"d\", \"negative\": \"n\", \"negative_1\": \"m\"}",
         "query positive negative negative_1", "(none)"},
        {"{\"question\": \"q\", \"documents\": [\"a\", \"\"], \"labels\": [1, 0]}", "question", "(none)"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        hone_table *t = table("rerank.jsonl", cases[k].line);
        hone_roles r;
        char texts[256] = "";
        CHECK_OK(hone_roles_apply(t, HONE_ROWS_RERANK, NULL, 0, &r));
        CHECK_INT(hone_table_bad_count(t), 0);
        for (int64_t c = 0; c < r.n_texts; c++) {
            strcat(texts, c ? " " : "");
            strcat(texts, name_of(t, r.columns[c]));
        }
        CHECK_STR(texts, cases[k].texts);
        CHECK_STR(name_of(t, hone_roles_number(&r, HONE_ROWS_RERANK)), cases[k].number);
        hone_table_free(t);
    }
    static const char *const lacking[][2] = {{"{\"document\": \"d\", \"label\": 1}", "no field \"query\""},
                                             {"{\"query\": \"d\", \"label\": 1}", "no field \"document\""},
                                             {"{\"query\": \"d\", \"positive\": \"p\"}", "no field \"label\""},
                                             {"{\"query\": \"d\", \"documents\": []}", "no field \"labels\""}};
    for (size_t k = 0; k < sizeof lacking / sizeof *lacking; k++) {
        hone_table *t = table("lacking.jsonl", lacking[k][0]);
        hone_roles r;
        CHECK_FAILS(hone_roles_find(t, HONE_ROWS_RERANK, NULL, 0, &r), HONE_E_FORMAT, lacking[k][1]);
        hone_table_free(t);
    }
}

TEST(data, lists_of_documents_and_labels_that_do_not_fit_make_a_row_bad) {
    static const struct {
        const char *documents, *labels, *says;
    } cases[] = {
        {"[\"a\"]", "[1]", NULL},
        {"[\"a\", \"b\"]", "[1]", "2 documents, 1 labels"},
        {"[]", "[]", "is an empty list"},
        {"\"a\"", "[1]", "expected a list"},
        {"[\"a\"]", "1", "expected a list"},
        {"[\"a\"]", "null", "expected a list"},
        {"[1]", "[1]", "document 1 is 1, expected a text"},
        {"[\"a\", null]", "[1, 0]", "document 2 is null, expected a text"},
        {"[[\"x\", {\"y\": 1}]]", "[1]", "document 1 is [\"x\",{\"y\":1}], expected a text"},
        {"[\"a\"]", "[\"x\"]", "label 1 is x, expected a number"},
        {"[\"a\"]", "[\"0.5\"]", NULL},
        {"[\"a\\u00e9\\n\"]", "[true]", NULL},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[512];
        hone_roles r;
        snprintf(text, sizeof text,
                 "{\"query\":\"q\",\"documents\":%s,\"labels\":%s}\n{\"query\":\"q\",\"documents\":[\"a\"],\"labels\":["
                 "0]}\n",
                 cases[k].documents, cases[k].labels);
        hone_table *t = table("lists.jsonl", text);
        CHECK_OK(hone_roles_apply(t, HONE_ROWS_RERANK, NULL, 0, &r));
        CHECK_INT(hone_table_bad_count(t), cases[k].says ? 1 : 0);
        if (cases[k].says)
            CHECK_MSG(strstr(hone_table_bad(t, 0)->reason, cases[k].says), "%s", hone_table_bad(t, 0)->reason);
        hone_table_free(t);
    }
}

TEST(data, a_cell_that_is_a_list_gives_its_items) {
    hone_arena *a = hone_arena_new("test", 0);
    hone_cell *item;
    int64_t n;
    static const char list[] = "[\"a\\n\\u00e9\",1.50,null,[1,{\"x\":[]}],\"\"]";
    CHECK_OK(hone_cell_list((hone_cell){list, sizeof list - 1, HONE_CELL_JSON}, a, &item, &n));
    CHECK_INT(n, 5);
    CHECK(item[0].kind == HONE_CELL_TEXT && !strcmp(item[0].p, "a\n\xC3\xA9"));
    CHECK(item[1].kind == HONE_CELL_JSON && !strcmp(item[1].p, "1.50"));
    CHECK(item[2].kind == HONE_CELL_MISSING && item[4].kind == HONE_CELL_TEXT && !item[4].n);
    CHECK_STR(item[3].p, "[1,{\"x\":[]}]");
    static const char *const none[] = {"", "a", "{\"a\":1}", "[1", "[1] 2", "[1,]"};
    for (size_t k = 0; k < sizeof none / sizeof *none; k++) {
        CHECK_OK(hone_cell_list((hone_cell){none[k], strlen(none[k]), HONE_CELL_TEXT}, a, &item, &n));
        CHECK_INT(n, -1);
    }
    hone_arena_free(a);
}

TEST(data, any_rows_take_whatever_is_called_like_a_text_and_judge_nothing) {
    hone_roles r;
    hone_table *t = table("any.csv", "id,title,description,category,question,label\n1,,d,c,q,\n");
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_ANY, NULL, 0, &r));
    CHECK(r.n_texts == 3 && r.id >= 0 && r.label >= 0 && hone_table_bad_count(t) == 0);
    CHECK_STR(name_of(t, r.columns[0]), "question");
    CHECK_STR(name_of(t, r.columns[1]), "description");
    CHECK_STR(name_of(t, r.columns[2]), "title");
    hone_table_free(t);
    t = table("none.csv", "foo,bar\n1,x\n");
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_ANY, NULL, 0, &r));
    CHECK_INT(r.n_texts, 0);
    const hone_column_map map[] = {{"anchor", "bar"}, {"label", "foo"}};
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_ANY, map, 2, &r));
    CHECK(r.n_texts == 1 && r.label == 0);
    hone_table_free(t);
}

TEST(data, labelled_rows_have_a_text_and_a_label_and_the_bad_ones_are_named) {
    hone_table *t =
        table("labelled.jsonl",
              "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":3}\n{\"text\":\"c\",\"label\":\" \"}\n"
              "{\"text\":\"d\",\"label\":null}\n{\"text\":\"\",\"label\":\"x\"}\n{\"text\":\"e\"}\n");
    hone_roles r;
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_LABELLED, NULL, 0, &r));
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_INT(r.n_texts, 1);
    CHECK_STR(name_of(t, r.label), "label");
    CHECK_STR(hone_table_bad(t, 0)->reason, "field \"label\" is empty, expected a label");
    CHECK_STR(hone_table_bad(t, 1)->reason, "field \"label\" is null, expected a label");
    CHECK_STR(hone_table_bad(t, 2)->reason, "field \"text\" is empty");
    CHECK_STR(hone_table_bad(t, 3)->reason, "no field \"label\", expected a label");
    hone_table_free(t);
    t = table("labelled.csv", "text,kind\na,1\n");
    CHECK_FAILS(hone_roles_find(t, HONE_ROWS_LABELLED, NULL, 0, &r), HONE_E_FORMAT, "no field \"label\"");
    hone_table_free(t);
}

TEST(data, binary_rows_read_the_label_before_the_score_and_take_0_and_1_alone) {
    hone_table *t = table("binary.jsonl", "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"score\":0.7,\"label\":1}\n"
                                          "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"score\":1,\"label\":0.5}\n"
                                          "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"score\":1,\"label\":false}\n");
    hone_roles r;
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_SCORED, NULL, 0, &r));
    CHECK_STR(name_of(t, hone_roles_number(&r, HONE_ROWS_SCORED)), "score");
    CHECK_OK(hone_roles_apply(t, HONE_ROWS_BINARY, NULL, 0, &r));
    CHECK_STR(name_of(t, hone_roles_number(&r, HONE_ROWS_BINARY)), "label");
    CHECK_INT(hone_table_rows(t), 2);
    CHECK_STR(hone_table_bad(t, 0)->reason, "field \"label\" is \"0.5\", expected 0 or 1");
    hone_table_free(t);
}

/* One bad row of each sort among lists, each with its reason. */
TEST(data, lists_that_are_none_are_bad_rows_with_their_reason) {
    static const struct {
        const char *documents, *labels, *says;
    } cases[] = {
        {"[\"a\", null]", "[1, 0]", "document 2 is null, expected a text"},
        {"[\"a\", {\"x\": [1]}]", "[1, 0]", "document 2 is {\"x\":[1]}, expected a text"},
        {"[\"a\", \"b\"]", "[1, null]", "label 2 is null, expected a number"},
        {"[\"a\", \"b\"]", "[1, [0]]", "label 2 is [0], expected a number"},
        {"[\"a\", \"b\"]", "[1]", "2 documents, 1 labels"},
        {"[]", "[]", "is an empty list"},
        {"[\"a\"]", "[]", "is an empty list"},
        {"\"a\"", "[1]", "field \"documents\" is a, expected a list"},
        {"\"[1\"", "[1]", "field \"documents\" is [1, expected a list"},
        {"\"[[1}]\"", "[1]", "field \"documents\" is [[1}], expected a list"},
        {"\"[1] 2\"", "[1]", "field \"documents\" is [1] 2, expected a list"},
        {"\"[1] ]\"", "[1]", "field \"documents\" is [1] ], expected a list"},
        {"\"[\"", "[1]", "field \"documents\" is [, expected a list"},
        {"[\"a\"]", "7", "field \"labels\" is 7, expected a list"},
        {"null", "[1]", "field \"documents\" is null, expected a list"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"query\": \"q\", \"documents\": [\"d\", \"e\"], \"labels\": [1, 0.5]}\n"
                 "{\"query\": \"q\", \"documents\": %s, \"labels\": %s}\n",
                 cases[k].documents, cases[k].labels);
        hone_table *t = table("lists.jsonl", text);
        hone_roles r;
        CHECK_OK(hone_roles_apply(t, HONE_ROWS_RERANK, NULL, 0, &r));
        CHECK_INT(hone_table_bad_count(t), 1);
        CHECK_MSG(strstr(hone_table_bad(t, 0)->reason, cases[k].says), "\"%s\", want \"%s\"",
                  hone_table_bad(t, 0)->reason, cases[k].says);
        hone_table_free(t);
    }
}

TEST(data, a_table_without_what_is_asked_for_says_what_to_write) {
    static const struct {
        const char *header;
        hone_row_kind kind;
        const char *says, *hint;
    } cases[] = {
        {"sentence2,score", HONE_ROWS_SCORED, "no field \"sentence1\"", "--columns sentence1=NAME"},
        {"sentence1,score", HONE_ROWS_SCORED, "no field \"sentence2\"", "--columns sentence2=NAME"},
        {"sentence1,label", HONE_ROWS_BINARY, "no field \"sentence2\"", "--columns sentence2=NAME"},
        {"document,label", HONE_ROWS_RERANK, "no field \"query\"", "--columns query=document"},
        {"query,label", HONE_ROWS_RERANK, "no field \"document\"", "--columns document=NAME"},
        {"query,document", HONE_ROWS_RERANK, "no field \"label\"", "--columns label=NAME"},
        {"query,documents", HONE_ROWS_RERANK, "no field \"labels\"", "--columns labels=NAME"},
        {"anchor,other", HONE_ROWS_PAIRS, "no field \"positive\"", "--columns positive=other"},
        /* a column without a name cannot be given */
        {"anchor,", HONE_ROWS_PAIRS, "no field \"positive\"", "--columns positive=NAME"},
        {"anchor,pozitive,other", HONE_ROWS_PAIRS, "no field \"positive\"", "--columns positive=pozitive"},
        /* Names longer than a typing error is looked for in. */
        {"anchor,positive_or_something_longer_than_all_that_is_known_to_us,other", HONE_ROWS_PAIRS,
         "no field \"positive\"", "--columns positive=positive_or_something_longer_than_all_that_is_known_to_us"},
        {"anchor,what_this_column_holds_is_told_by_its_long_long_long_name,other", HONE_ROWS_PAIRS,
         "no field \"positive\"", "--columns positive=NAME"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[512];
        int n = snprintf(text, sizeof text, "%s\nx", cases[k].header);
        for (const char *p = cases[k].header; *p; p++)
            if (*p == ',') n += snprintf(text + n, sizeof text - (size_t)n, ",1");
        hone_table *t = table("lacks.csv", text);
        hone_roles r;
        CHECK_FAILS(hone_roles_find(t, cases[k].kind, NULL, 0, &r), HONE_E_FORMAT, cases[k].says);
        CHECK_STR(hone_last_error()->hint, cases[k].hint);
        hone_table_free(t);
    }
}

TEST(data, more_columns_of_negatives_than_a_table_may_have_are_refused_for_every_kind) {
    static const hone_row_kind kinds[] = {HONE_ROWS_PAIRS, HONE_ROWS_RERANK, HONE_ROWS_ANY, HONE_ROWS_TRIPLET};
    for (int with = HONE_MAX_NEGATIVES; with <= HONE_MAX_NEGATIVES + 1; with++) {
        char text[4096];
        int n = snprintf(text, sizeof text, "query,positive");
        for (int i = 0; i < with; i++) n += snprintf(text + n, sizeof text - (size_t)n, ",negative_%d", i);
        n += snprintf(text + n, sizeof text - (size_t)n, "\nx,y");
        for (int i = 0; i < with; i++) n += snprintf(text + n, sizeof text - (size_t)n, ",z");
        hone_table *t = table("many.csv", text);
        for (int k = 0; k < 4; k++) {
            hone_roles r;
            if (with <= HONE_MAX_NEGATIVES) {
                CHECK_OK(hone_roles_find(t, kinds[k], NULL, 0, &r));
                CHECK_INT(r.n_texts, 2 + (kinds[k] == HONE_ROWS_TRIPLET ? 1 : HONE_MAX_NEGATIVES));
            } else {
                CHECK_FAILS(hone_roles_find(t, kinds[k], NULL, 0, &r), HONE_E_LIMIT, "64");
            }
        }
        hone_table_free(t);
    }
}

/* A word is near when it begins with the other one (of three letters at least), or when few enough insertions,
 * deletions, substitutions and swaps make it the other: one in words of up to five letters, else one in three. */
TEST(data, a_role_is_proposed_when_its_name_is_near_and_no_further) {
    static const struct {
        const char *word, *meant; /* NULL = nothing is near */
    } cases[] = {
        {"x", NULL},
        {"i", "id"},
        {"idd", "id"},
        {"ixx", NULL},
        {"dxi", NULL},
        {"di", "id"},
        {"_di", "_id"},
        {"tex", "text1"},
        {"te", NULL},
        {"txet", "text"},
        {"tetx1", "text1"},
        {"anc", "anchor"},
        {"an", NULL},
        {"anchor_text", "anchor"},
        {"ANCHORS", "anchor"},
        {"nachor", "anchor"},
        {"nacohr", "anchor"},
        {"nacoh", NULL},
        {"achr", "anchor"},
        {"ahr", NULL},
        {"axncxhor", "anchor"},
        {"axnxcxhxor", NULL},
        {"xxnchor", "anchor"},
        {"xxxhor", NULL},
        {"xnchorx", "anchor"},
        {"Sentence-2", "sentence2"},
        {"sentense1", "sentence1"},
        {"xxxtence1", "sentence1"},
        {"xxxxence1", NULL},
        {"bquery", "query"},
        {"qvery", "query"},
        {"qvary", NULL},
        {"uqeyr", NULL},
        {"ueryq", NULL},
        {"image-path", "image"},
        {"imagf-path", "image_path"},
        {"mage_pat", "image_path"},
        {"ge_path", "image_path"},
        {"e_path", NULL},
        {"deskription", "description"},
        {"dskrptn", NULL},
        {"dscrptin", "description"},
        {"tilte", "title"},
        {"tlite", NULL},
        {"negativ", "negative"},
    };
    hone_table *t = table("near.csv", "q,a\n1,2\n");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        hone_roles r;
        char hint[128] = "";
        const hone_column_map map = {cases[k].word, "q"};
        if (cases[k].meant) snprintf(hint, sizeof hint, "did you mean --columns %s=q?", cases[k].meant);
        hone_error_clear();
        CHECK_INT(hone_roles_find(t, HONE_ROWS_ANY, &map, 1, &r), HONE_E_ARG);
        CHECK_MSG(!strcmp(hone_last_error()->hint, hint), "\"%s\": \"%s\", want \"%s\"", cases[k].word,
                  hone_last_error()->hint, hint);
    }
    for (int n = 46; n < 51; n++) { /* up to the longest that is compared, and beyond */
        char word[64];
        hone_roles r;
        memset(word, 'z', sizeof word);
        word[n] = 0;
        const hone_column_map map = {word, "q"};
        CHECK_FAILS(hone_roles_find(t, HONE_ROWS_ANY, &map, 1, &r), HONE_E_ARG, "no role \"zzzz");
        CHECK_STR(hone_last_error()->hint, "");
    }
    hone_table_free(t);
}

/* Of two columns that are free, the one whose name is near. */
TEST(data, the_column_that_looks_like_the_missing_role_is_proposed) {
    static const struct {
        const char *header, *hint;
    } cases[] = {
        {"anchor,pos,other", "--columns positive=pos"},
        {"anchor,positive_text,other", "--columns positive=positive_text"},
        {"anchor,other,Passages", "--columns positive=Passages"},
        {"anchor,po,other", "--columns positive=NAME"},
        {"anchor,pozitivf,positivf", "--columns positive=positivf"}, /* the nearer of the two */
        {"anchor,positivf,pozitivf", "--columns positive=positivf"},
        {"anchor,pozitive,positivf", "--columns positive=pozitive"}, /* as near: the first */
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[256];
        hone_roles r;
        snprintf(text, sizeof text, "%s\n1,2,3\n", cases[k].header);
        hone_table *t = table("free.csv", text);
        CHECK_FAILS(hone_roles_find(t, HONE_ROWS_PAIRS, NULL, 0, &r), HONE_E_FORMAT, "no field \"positive\"");
        CHECK_MSG(!strcmp(hone_last_error()->hint, cases[k].hint), "%s: \"%s\", want \"%s\"", cases[k].header,
                  hone_last_error()->hint, cases[k].hint);
        CHECK(!hone_last_error()->line && !hone_last_error()->column); /* of the table, not of a place in it */
        hone_table_free(t);
    }
}

/* What --columns says comes before every known name, and text before anchor before positive. */
TEST(data, of_several_columns_given_as_the_one_text_the_text_wins) {
    static const struct {
        hone_column_map map[3];
        int n;
        const char *want;
    } cases[] = {
        {{{0}}, 0, "text"},
        {{{"query", "a"}}, 1, "a"},
        {{{"answer", "b"}}, 1, "b"},
        {{{"answer", "b"}, {"query", "a"}}, 2, "a"},
        {{{"query", "a"}, {"caption", "c"}}, 2, "c"},
        {{{"answer", "a"}, {"text", "b"}, {"anchor", "c"}}, 3, "b"},
    };
    hone_table *t = table("one.csv", "a,b,c,text,image\n1,2,3,4,5\n");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        hone_roles r;
        CHECK_OK(hone_roles_find(t, HONE_ROWS_TEXT, cases[k].map, cases[k].n, &r));
        CHECK_STR(name_of(t, r.text), cases[k].want);
        CHECK_STR(name_of(t, r.image), "image");
        CHECK_INT(r.n_texts, 1);
        CHECK_INT(r.columns[0], r.text);
    }
    hone_table_free(t);
}
