/* The command line: what is refused and in which words, config files, help pages. */
#include "tools/options.h"

#include "base/json.h"
#include "tests/tools/command.h"
#include "tools/commands.h"

#include <stdlib.h>

/* ---- words and numbers ---- */

static void check_near(const char *word, const char *words, const char *want) {
    size_t n;
    const char *near = hone_nearest_word(word, words, &n);
    char got[64] = "(none)";
    if (near) snprintf(got, sizeof got, "%.*s", (int)n, near);
    CHECK_MSG(!strcmp(got, want), "nearest to \"%s\" in %s is %s, want %s", word, words, got, want);
}

TEST(tools, the_nearest_word_is_the_one_with_the_fewest_edits) {
    check_near("liner", "linear|cosine|constant", "linear");
    check_near("cosinus", "linear|cosine|constant", "cosine");
    check_near("lienar", "linear|cosine|constant", "linear");
    check_near("batch_size", "batch-size|lr", "batch-size");
    check_near("BATCH-SIZE", "batch-size|lr", "batch-size");
    check_near("batch", "epochs|batch-size", "batch-size");
    check_near("rl", "lr|steps", "lr");
}

TEST(tools, a_word_that_resembles_nothing_has_no_nearest_word) {
    check_near("xylophone", "linear|cosine|constant", "(none)");
    check_near("", "linear|cosine", "(none)");
    check_near("a", "", "(none)");
}

TEST(tools, a_word_longer_than_any_buffer_is_compared_without_harm) {
    char word[500];
    memset(word, 'a', sizeof word - 1), word[sizeof word - 1] = 0;
    check_near(word, "linear|cosine", "(none)");
}

TEST(tools, numbers_are_read_whole_or_not_at_all) {
    int64_t i = 7;
    double r = 7;
    const char *bad_int[] = {"",    " 1",   "1 ", "12abc", "1.0", "1e3", "0x10", "-", "+", "--1", "9223372036854775808",
                             "nan", "1,000"};
    const char *bad_real[] = {"",      " 1",    "1 ", "1x", "nan", "inf", "-inf",
                              "1e999", "0x1p3", ".",  "-",  "1e",  "1,5", "infinity"};
    for (size_t k = 0; k < sizeof bad_int / sizeof *bad_int; k++)
        CHECK_MSG(!hone_parse_int(bad_int[k], &i), "\"%s\" read as %" PRId64, bad_int[k], i);
    for (size_t k = 0; k < sizeof bad_real / sizeof *bad_real; k++)
        CHECK_MSG(!hone_parse_real(bad_real[k], &r), "\"%s\" read as %g", bad_real[k], r);
    CHECK(i == 7 && r == 7); /* untouched */
    CHECK(hone_parse_int("-9223372036854775808", &i) && i == INT64_MIN);
    CHECK(hone_parse_int("+12", &i) && i == 12);
    CHECK(hone_parse_real("2e-5", &r) && r == 2e-5);
    CHECK(hone_parse_real("-.5", &r) && r == -0.5);
}

/* ---- tables ---- */

static const hone_command *const all[] = {
    &hone_command_train,         &hone_command_embed,         &hone_command_eval,       &hone_command_tokenize,
    &hone_command_inspect,       &hone_command_bench_kernels, &hone_command_bench_step, &hone_command_bench_embed,
    &hone_command_data_validate, &hone_command_data_split,    &hone_command_data_stats, &hone_command_data_negatives,
    &hone_command_data_sample,   &hone_command_report,
};
#define N_ALL (sizeof all / sizeof *all)

static void page(const hone_command *c, void (*print)(const hone_command *, FILE *), char *out, size_t n) {
    FILE *f = fmemopen(out, n, "w");
    CHECK(f);
    print(c, f);
    fclose(f);
}

static void check_page(const hone_command *c, const hone_option *o, const char *text) {
    char words[160], range[128];
    snprintf(words, sizeof words, "  --%s", o->name);
    const char *at = strstr(text, words);
    while (at && at[strlen(words)] != ' ' && at[strlen(words)] != '\n') at = strstr(at + 1, words);
    CHECK_MSG(at, "%s: the page does not mention --%s", c->name, o->name);
    const char *end = strstr(at + 1, "\n  --");
    char entry[4096], flat[4096];
    snprintf(entry, sizeof entry, "%.*s", end ? (int)(end - at) : 1000, at);
    size_t k = 0; /* undo the wrapping */
    for (const char *p = entry; *p; p++)
        if (!((*p == ' ' || *p == '\n') && k && flat[k - 1] == ' ')) flat[k++] = *p == '\n' ? ' ' : *p;
    flat[k] = 0;
    const char *fallback = o->shown ? o->shown : o->fallback;
    CHECK_MSG(o->required ? strstr(flat, "required") : strstr(flat, "default: "), "%s: --%s tells no default", c->name,
              o->name);
    if (fallback && *fallback)
        CHECK_MSG(strstr(flat, fallback), "%s: --%s: default %s is not told", c->name, o->name, fallback);
    if (o->unit) CHECK_MSG(strstr(flat, o->unit), "%s: --%s: unit %s is not told: %s", c->name, o->name, o->unit, flat);
    hone_range_text(o, range, sizeof range);
    CHECK_MSG(strstr(flat, range), "%s: --%s: range %s is not told: %s", c->name, o->name, range, flat);
}

TEST(tools, every_help_page_tells_every_option_with_default_unit_and_range) {
    static char text[65536];
    for (size_t i = 0; i < N_ALL; i++) {
        page(all[i], hone_options_help, text, sizeof text);
        const hone_option *o;
        for (int k = 0; (o = hone_command_option(all[i], k)); k++) check_page(all[i], o, text);
        for (const hone_option *every = hone_global_options; every->name; every++) {
            char words[160];
            snprintf(words, sizeof words, "\n  --%s", every->name);
            const char *at = strstr(text, words);
            CHECK_MSG(at && !strstr(at + 1, words), "%s: --%s", all[i]->name, every->name); /* be it its own */
        }
        CHECK_MSG(strstr(text, "\nExit codes\n  0  done"), "%s", all[i]->name);
        const char *device = strstr(text, "\n  7  "),
                   *signal = strstr(text, "\n  128+n  "); /* once, wherever it runs */
        CHECK_MSG(device && !strstr(device + 1, "\n  7  "), "%s", all[i]->name);
        CHECK_MSG(signal && !strstr(signal + 1, "\n  128+n  "), "%s", all[i]->name);
        CHECK_MSG(all[i]->example[0] && all[i]->example[1], "%s: two examples", all[i]->name);
        for (int k = 0; k < 2; k++) CHECK_MSG(strstr(text, all[i]->example[k]), "%s: example %d", all[i]->name, k);
    }
}

TEST(tools, every_man_page_has_the_same_options) {
    static char text[65536];
    for (size_t i = 0; i < N_ALL; i++) {
        page(all[i], hone_options_man, text, sizeof text);
        CHECK(strstr(text, ".SH NAME") && strstr(text, ".SH OPTIONS") && strstr(text, ".SH EXIT STATUS"));
        for (const hone_option *o = all[i]->options; o && o->name; o++) {
            char words[160] = "\\fB\\-\\-";
            size_t n = strlen(words);
            for (const char *p = o->name; *p; p++)
                n += (size_t)snprintf(words + n, sizeof words - n, *p == '-' ? "\\-" : "%c", *p);
            CHECK_MSG(strstr(text, words), "%s: the man page lacks %s", all[i]->name, words);
        }
    }
}

TEST(tools, the_examples_on_the_help_pages_parse) {
    for (size_t i = 0; i < N_ALL; i++)
        for (int k = 0; k < 2; k++) {
            char line[512], *argv[64];
            int argc = 0;
            snprintf(line, sizeof line, "%s", all[i]->example[k] + strlen("hone ") + strlen(all[i]->name));
            for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
            hone_options *o = NULL;
            CHECK_MSG(hone_options_parse(all[i], argc, argv, &o) == HONE_OK, "%s: %s", all[i]->example[k],
                      hone_last_error()->message);
            hone_options_free(o);
        }
}

TEST(tools, no_command_names_an_option_twice) {
    for (size_t i = 0; i < N_ALL; i++) {
        const hone_option *a, *b;
        for (int k = 0; (a = hone_command_option(all[i], k)); k++)
            for (int m = k + 1; (b = hone_command_option(all[i], m)); m++)
                CHECK_MSG(strcmp(a->name, b->name), "%s: --%s", all[i]->name, a->name);
    }
}

/* ---- values ---- */

static const hone_option sample_options[] = {
    {.name = "count", .kind = HONE_OPTION_INT, .fallback = "3", .help = "c", .range = {1, 10}},
    {.name = "rate", .kind = HONE_OPTION_REAL, .fallback = "0.5", .help = "r", .range = {0, 1}},
    {.name = "text", .kind = HONE_OPTION_STRING, .help = "t"},
    {.name = "word",
     .kind = HONE_OPTION_CHOICE,
     .fallback = "red",
     .allowed = "red|green",
     .later = "blue",
     .help = "w"},
    {.name = "when",
     .kind = HONE_OPTION_WORD_OR_INT,
     .fallback = "epoch",
     .allowed = "epoch",
     .help = "e",
     .range = {1, 100}},
    {.name = "share", .kind = HONE_OPTION_SHARE, .fallback = "0.1", .help = "s", .range = {0, 1000}},
    {.name = "names", .kind = HONE_OPTION_STRINGS, .help = "n", .repeat = true},
    {.name = "sizes", .kind = HONE_OPTION_INTS, .help = "z", .range = {1, 1000}},
    {.name = "two",
     .kind = HONE_OPTION_REALS,
     .fallback = "0.9,0.999",
     .help = "b",
     .count = 2,
     .range = {0, 1},
     .below = true},
    {.name = "map", .kind = HONE_OPTION_PAIRS, .help = "m", .repeat = true},
    {.name = "on", .kind = HONE_OPTION_FLAG, .help = "o"},
    {.name = "someday", .kind = HONE_OPTION_INT, .help = "f", .not_yet = true},
    {.name = NULL}};
static const hone_command sample = {.name = "sample",
                                    .summary = "s",
                                    .synopsis = "[options] [A] [B]",
                                    .options = sample_options,
                                    .operand = "words",
                                    .max_operands = 2};

/* Parse "--a 1 --b"; words by spaces. */
static hone_status parse(const char *words, hone_options **o) {
    static char line[1024], *argv[64];
    int argc = 0;
    snprintf(line, sizeof line, "%s", words);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    *o = NULL;
    return hone_options_parse(&sample, argc, argv, o);
}

TEST(tools, defaults_are_read_from_the_table) {
    hone_options *o;
    CHECK_OK(parse("", &o));
    CHECK_INT(hone_options_int(o, "count"), 3);
    CHECK_NEAR(hone_options_real(o, "rate"), 0.5, 0);
    CHECK(!hone_options_has(o, "text") && !hone_options_string(o, "text"));
    CHECK(hone_options_has(o, "word") && !hone_options_given(o, "word"));
    CHECK_STR(hone_options_word(o, "when"), "epoch");
    CHECK_INT(hone_options_count(o, "two"), 2);
    CHECK_NEAR(hone_options_item_real(o, "two", 1), 0.999, 0);
    CHECK_INT(hone_options_int(o, "seed"), 42);
    CHECK(!hone_options_flag(o, "on"));
    hone_options_free(o);
}

TEST(tools, both_spellings_of_a_value_are_the_same) {
    hone_options *o;
    CHECK_OK(parse("--count 5 --rate=0.25 --word=green --when 7 --share 100 --on --text=", &o));
    CHECK_INT(hone_options_int(o, "count"), 5);
    CHECK_NEAR(hone_options_real(o, "rate"), 0.25, 0);
    CHECK(hone_options_is(o, "word", "green"));
    CHECK(!hone_options_word(o, "when"));
    CHECK_INT(hone_options_int(o, "when"), 7);
    CHECK_NEAR(hone_options_real(o, "share"), 100, 0);
    CHECK(hone_options_flag(o, "on"));
    CHECK_STR(hone_options_string(o, "text"), "");
    hone_options_free(o);
}

TEST(tools, the_last_value_wins_and_lists_add_up) {
    hone_options *o;
    CHECK_OK(parse("--count 5 --count 6 --names a,b --names c --map x=1 --map y=2=3 --sizes 1,2 --sizes 3", &o));
    CHECK_INT(hone_options_int(o, "count"), 6);
    CHECK_INT(hone_options_count(o, "names"), 3);
    CHECK_STR(hone_options_item(o, "names", 2), "c");
    CHECK_STR(hone_options_item(o, "map", 1), "y");
    CHECK_STR(hone_options_right(o, "map", 1), "2=3"); /* split at the first '=' */
    CHECK_INT(hone_options_count(o, "sizes"), 1);      /* not a repeatable one */
    hone_options_free(o);
}

TEST(tools, words_behind_two_dashes_are_operands) {
    hone_options *o;
    CHECK_OK(parse("a --count 4 -- --on", &o));
    CHECK_INT(hone_options_operands(o), 2);
    CHECK_STR(hone_options_operand(o, 0), "a");
    CHECK_STR(hone_options_operand(o, 1), "--on");
    CHECK(!hone_options_flag(o, "on"));
    hone_options_free(o);
    CHECK_FAILS(parse("a b c", &o), HONE_E_ARG, "unexpected \"c\"");
}

TEST(tools, wrong_values_are_refused_with_both_numbers_or_the_words_allowed) {
    hone_options *o;
    CHECK_FAILS(parse("--count 11", &o), HONE_E_ARG, "11 is out of range, allowed: 1 to 10");
    CHECK_FAILS(parse("--count 99999999999999999999", &o), HONE_E_ARG, "out of range, allowed: 1 to 10");
    CHECK_FAILS(parse("--count 3x", &o), HONE_E_ARG, "\"3x\" is not a whole number");
    CHECK_FAILS(parse("--rate 1.5", &o), HONE_E_ARG, "1.5 is out of range, allowed: 0 to 1");
    CHECK_FAILS(parse("--word grene", &o), HONE_E_ARG, "unknown value \"grene\", allowed: red, green");
    CHECK_FAILS(parse("--word grene", &o), HONE_E_ARG, "did you mean green?");
    CHECK_FAILS(parse("--word blue", &o), HONE_E_ARG, "\"blue\" is not available yet");
    CHECK_FAILS(parse("--someday 3", &o), HONE_E_ARG, "--someday: not available yet");
    CHECK_FAILS(parse("--two 0.9", &o), HONE_E_ARG, "2 numbers wanted, 1 given");
    CHECK_FAILS(parse("--two 0.9,1", &o), HONE_E_ARG, "1 is out of range");
    CHECK_FAILS(parse("--sizes 1,,2", &o), HONE_E_ARG, "\"\" is not a whole number");
    CHECK_FAILS(parse("--names a,,b", &o), HONE_E_ARG, "empty");
    CHECK_FAILS(parse("--map a", &o), HONE_E_ARG, "not of the form");
    CHECK_FAILS(parse("--map a=b,a=c", &o), HONE_E_ARG, "given twice");
    CHECK_FAILS(parse("--share 2.5", &o), HONE_E_ARG, "neither a share");
    CHECK_FAILS(parse("--coun 3", &o), HONE_E_ARG, "did you mean --count?"); /* getopt_long alone would take it */
    CHECK_FAILS(parse("--coun", &o), HONE_E_ARG, "unknown option");
    CHECK_FAILS(parse("--on=1", &o), HONE_E_ARG, "takes no value");
    CHECK(!o);
}

TEST(tools, a_config_file_stands_between_the_defaults_and_the_command_line) {
    hone_options *o;
    char words[600];
    const char *path = write_file(
        "precedence.json", "{\"count\": 7, \"rate\": 0.75, \"on\": true, \"names\": [\"x\"], \"when\": 9,\n"
                           " \"two\": [0.1, 0.2], \"map\": {\"k\": \"v\"}, \"word\": \"green\", \"text\": null}");
    snprintf(words, sizeof words, "--count 2 --config %s --names y", path);
    CHECK_OK(parse(words, &o));
    CHECK_INT(hone_options_int(o, "count"), 2);        /* command line */
    CHECK_NEAR(hone_options_real(o, "rate"), 0.75, 0); /* file */
    CHECK_NEAR(hone_options_real(o, "share"), 0.1, 0); /* default */
    CHECK_INT(hone_options_count(o, "names"), 1);      /* a list of the command line replaces the file's */
    CHECK_STR(hone_options_item(o, "names", 0), "y");
    CHECK(hone_options_flag(o, "on") && hone_options_given(o, "on"));
    CHECK_INT(hone_options_int(o, "when"), 9);
    CHECK_NEAR(hone_options_item_real(o, "two", 1), 0.2, 0);
    CHECK_STR(hone_options_right(o, "map", 0), "v");
    CHECK(!hone_options_has(o, "text"));
    hone_options_free(o);
}

static void check_config(const char *json, const char *want) {
    hone_options *o = NULL;
    char words[600];
    snprintf(words, sizeof words, "--config %s", write_file("bad.json", json));
    CHECK_FAILS(parse(words, &o), HONE_E_ARG, want);
    CHECK(!o);
}

TEST(tools, a_bad_config_file_is_wrong_use_and_says_where) {
    check_config("{\"cuont\": 3}", "unknown option \"cuont\"");
    check_config("{\"cuont\": 3}", "did you mean \"count\"?");
    check_config("{\"count\": \"3\"}", "\"count\": found a string, expected a whole number");
    check_config("{\"count\": 3.5}", "3.5");
    check_config("{\"count\": 300}", "300 is out of range, allowed: 1 to 10");
    check_config("{\"on\": 1}", "expected true or false");
    check_config("{\"word\": \"pink\"}", "unknown value \"pink\"");
    check_config("{\"two\": [0.1]}", "2 numbers wanted, 1 given");
    check_config("{\"two\": 0.1}", "expected an array of numbers");
    check_config("{\"names\": []}", "empty");
    check_config("{\"map\": [\"a\"]}", "expected an object of strings");
    check_config("{\"someday\": 4}", "not available yet");
    check_config("{\"config\": \"x.json\"}", "belongs on the command line");
    check_config("[1, 2]", "expected an object");
    check_config("{\"count\": 3, \"on\": true, \"count\": 4}", "duplicate key \"count\"");
    check_config("{\"map\": {\"a\": \"b\", \"a\": \"c\"}}", "duplicate key \"a\"");
    check_config("{\"word\": \"re\\u0000d\"}", "holds a NUL character");
    check_config("{\"names\": \"a,b\\u0000c\"}", "holds a NUL character");
    check_config("{\"map\": \"a=b\\u0000c\"}", "holds a NUL character");
    check_config("{\"count\": 3", "bad.json");
    check_config("", "bad.json");
    hone_options *o = NULL;
    CHECK_FAILS(parse("--config /nonexistent/x.json", &o), HONE_E_ARG, "/nonexistent/x.json");
    check_config("{\n  \"rate\": 0.5,\n  \"count\": 0\n}", "out of range");
    CHECK_INT(hone_last_error()->line, 3);
}

TEST(tools, the_resolved_options_read_back_as_a_config_file) {
    hone_options *o, *again;
    CHECK_OK(parse("--count 5 --rate 0.1 --names a,b --map x=1 --on --when 12 --share 0.3", &o));
    json_t *j = hone_options_json(o);
    CHECK(j && json_is_null(json_object_get(j, "text")) && !json_object_get(j, "config"));
    char *text = json_dumps(j, JSON_INDENT(1)), words[600];
    snprintf(words, sizeof words, "--config %s", write_file("resolved.json", text));
    CHECK_OK(parse(words, &again));
    json_t *back = hone_options_json(again);
    CHECK(json_equal(j, back));
    json_decref(j), json_decref(back);
    json_free_t release;
    json_get_alloc_funcs(NULL, &release);
    release(text);
    hone_options_free(o), hone_options_free(again);
}

/* The last match counts (--lr-scale), so a key that is given again stands behind what came before it. */
TEST(tools, a_key_given_again_keeps_its_later_place_in_the_resolved_options) {
    hone_options *o;
    CHECK_OK(parse("--map a=1 --map b=2 --map a=3", &o));
    json_t *j = hone_options_json(o);
    char *text = json_dumps(json_object_get(j, "map"), JSON_COMPACT);
    CHECK_STR(text, "{\"b\":\"2\",\"a\":\"3\"}");
    json_free_t release;
    json_get_alloc_funcs(NULL, &release);
    release(text);
    json_decref(j);
    hone_options_free(o);
}

TEST(tools, a_run_json_serves_as_a_config_file) {
    hone_options *o;
    char words[600];
    const char *path = write_file(
        "run.json", "{\"command\": \"sample\", \"options\": {\"count\": 9, \"text\": null}, \"versions\": {}}");
    snprintf(words, sizeof words, "--config %s", path);
    CHECK_OK(parse(words, &o));
    CHECK_INT(hone_options_int(o, "count"), 9);
    hone_options_free(o);
}
