/* hone bench embed and the served benches: what they print is what was asked for, done and counted. How fast it was is
 * not a test's business. */
#include "base/json.h"
#include "tests/tools/command.h"
#include "tools/bench_kernels.h"

#include <math.h>
#include <stdlib.h>

#define MODEL "tests/golden/models/mean"
#define TEXTS                                                                                                          \
    "{\"text\": \"the city\"}\n{\"text\": \"cold water\"}\n{\"text\": \"the city\"}\n{\"text\": \"\"}\n{\"text\": "    \
    "\"the cold city of the cold water\"}\n"

static json_t *line_json(const char *text, int line) {
    while (line-- && text) text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
    CHECK(text);
    json_t *j = json_loadb(text, strcspn(text, "\n"), 0, NULL);
    CHECK_MSG(j, "not JSON: %s", text);
    return j;
}

static double number(const json_t *j, const char *key) {
    const json_t *x = json_object_get(j, key);
    CHECK_MSG(json_is_number(x), "no number \"%s\"", key);
    return json_number_value(x);
}

/* Tokens of the distinct texts of TEXTS, by the command that counts them. */
static int64_t tokens_of(const char *path) {
    const command_result *r = hone("tokenize --model " MODEL " --input %s", path);
    CHECK_MSG(r->status == 0, "%s", r->err);
    int64_t sum = 0;
    for (int i = 0; i < 5; i++) {
        json_t *j = line_json(r->out, i);
        if (i != 2) sum += (int64_t)json_array_size(json_object_get(j, "ids")); /* row 2 is row 0 again */
        json_decref(j);
    }
    return sum;
}

TEST(tools, bench_embed_measures_processes_single_texts_and_the_whole_file) {
    const char *path = write_file("texts.jsonl", TEXTS);
    int64_t tokens = tokens_of(path);
    const command_result *r =
        hone("bench embed --json --threads 1 --starts 2 --queries 7 --passes 2 --model " MODEL " --input %s", path);
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK_MSG(!*r->err, "%s", r->err);
    json_t *j = line_json(r->out, 0);
    CHECK_INT(number(j, "rows"), 5);
    CHECK_INT(number(j, "tokens"), tokens);
    CHECK_INT(number(j, "threads"), 1);
    CHECK_STR(json_string_value(json_object_get(j, "precision")), "f32");
    static const char *const positive[] = {
        "first_vector_ms", "first_vector_best_ms", "first_vector_rss_mb", "latency_p50_ms", "latency_p99_ms",
        "latency_best_ms", "texts_per_s",          "tokens_per_s",        "gflops",         "roof_gflops",
        "share",           "peak_rss_mb"};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        CHECK_MSG(number(j, positive[i]) > 0, "%s is %g", positive[i], number(j, positive[i]));
    CHECK(number(j, "first_vector_best_ms") <= number(j, "first_vector_ms"));
    CHECK(number(j, "latency_best_ms") <= number(j, "latency_p50_ms"));
    CHECK(number(j, "latency_p50_ms") <= number(j, "latency_p99_ms"));
    CHECK(number(j, "best_ms") <= number(j, "median_ms"));
    CHECK_NEAR(number(j, "texts_per_s") * number(j, "median_ms") / 1e3, 5, 1e-6);
    CHECK_NEAR(number(j, "tokens_per_s") * number(j, "median_ms") / 1e3, (double)tokens, 1e-6 * (double)tokens);
    CHECK_NEAR(number(j, "share"), number(j, "gflops") / number(j, "roof_gflops"), 1e-9);
    json_decref(j);
}

TEST(tools, a_bench_shows_an_error_that_is_not_a_number) {
    CHECK_NEAR(bench_worse(bench_worse(0, 2), 1), 2, 0);
    CHECK(isnan(bench_worse(0, (double)NAN)));
    CHECK(isnan(bench_worse(bench_worse(0, (double)NAN), 1)));
}

TEST(tools, bench_embed_prints_a_table) {
    const char *path = write_file("texts.jsonl", TEXTS);
    const command_result *r = hone("bench embed --starts 1 --queries 3 --passes 1 --model " MODEL " --input %s", path);
    CHECK_MSG(r->status == 0, "%s", r->err);
    static const char *const lines[] = {"5 texts", "first vector", "one text", "p99",
                                        "texts/s", "of the roof",  "memory"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        CHECK_MSG(strstr(r->out, lines[i]), "no %s in %s", lines[i], r->out);
}

TEST(tools, bench_embed_hands_its_options_to_the_fresh_processes) {
    /* Only --columns says which of the two columns is the text, only --max-length that one token of it is kept. */
    const char *path = write_file("two.csv", "a thing,other\nthe city,x\ncold water,y\n");
    const command_result *r =
        hone("bench embed --json --starts 1 --queries 1 --passes 1 --max-length 3 --batch-size 1 --threads 1 "
             "--columns 'text=a thing' --model " MODEL " --input %s",
             path);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = line_json(r->out, 0);
    CHECK_INT(number(j, "tokens"), 6);
    CHECK(number(j, "peak_rss_mb") > 0);
    json_decref(j);
}

TEST(tools, bench_embed_refuses_what_it_cannot_measure) {
    const char *path = write_file("texts.jsonl", TEXTS);
    const command_result *r = hone("bench embed --model " MODEL " --input -");
    CHECK_MSG(r->status == 2 && strstr(r->err, "only once"), "%d %s", r->status, r->err);
    r = hone("bench embed --model " MODEL " --input %s/none.jsonl", test_dir());
    CHECK_MSG(r->status == 3 && strstr(r->err, "none.jsonl"), "%d %s", r->status, r->err);
    r = hone("bench embed --model %s/none --input %s", test_dir(), path);
    CHECK_MSG(r->status == 3 && strstr(r->err, "none"), "%d %s", r->status, r->err);
    path = write_file("broken.jsonl", "{\"text\": \"a\"}\n{\"text\": }\n");
    r = hone("bench embed --strict --model " MODEL " --input %s", path);
    CHECK_MSG(r->status == 3 && strstr(r->err, "broken.jsonl:2"), "%d %s", r->status, r->err);
}

TEST(tools, embed_and_its_bench_take_every_precision_and_training_two) {
    const char *path = write_file("texts.jsonl", TEXTS);
    const char *words[] = {"f32", "bf16", "int8"};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(
            hone("embed --quiet --precision %s --model " MODEL " --input %s --out %s/p.npy", words[i], path, test_dir())
                ->status,
            0);
        const command_result *r =
            hone("bench embed --json --starts 1 --queries 2 --passes 1 --precision %s --model " MODEL " --input %s",
                 words[i], path);
        CHECK_MSG(r->status == 0, "%s", r->err);
        json_t *j = line_json(r->out, 0);
        CHECK_STR(json_string_value(json_object_get(j, "precision")), words[i]);
        json_decref(j);
        int status =
            hone("bench step --arch " MODEL " --batch 2 --tokens 4 --steps 1 --precision %s", words[i])->status;
        CHECK_INT(status, i < 2 ? 0 : 2);
    }
}

TEST(tools, a_served_bench_answers_each_line_until_its_input_ends) {
    const char *path = write_file("texts.jsonl", TEXTS), *words = write_file("words", "queries\nroof\n\ncorpus\n");
    const command_result *r = hone("bench embed --serve --threads 1 --model " MODEL " --input %s <%s", path, words);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *ready = line_json(r->out, 0), *queries = line_json(r->out, 1), *roof = line_json(r->out, 2),
           *corpus = line_json(r->out, 3);
    CHECK(json_is_true(json_object_get(ready, "ready")) && number(ready, "rows") == 5 && number(ready, "gflop") > 0);
    CHECK_INT(json_array_size(json_object_get(queries, "each_ms")), 25);
    CHECK(number(queries, "ms") > 0 && number(corpus, "ms") > 0 && number(corpus, "peak_rss_mb") > 0);
    CHECK(number(roof, "roof_gflops") > 0 && number(roof, "control_gflops") > 0);
    CHECK(!*(strchr(strchr(strchr(strchr(r->out, '\n') + 1, '\n') + 1, '\n') + 1, '\n') + 1));
    json_decref(ready), json_decref(queries), json_decref(roof), json_decref(corpus);
    r = hone("bench embed --serve --model " MODEL " --input %s <%s", path, write_file("words", "corps\n"));
    CHECK_MSG(r->status == 2 && strstr(r->err, "corps") && strstr(r->err, "roof, queries, corpus"), "%d %s", r->status,
              r->err);
}

#define TINY                                                                                                           \
    "{\"model_type\":\"bert\",\"num_hidden_layers\":2,\"hidden_size\":32,\"num_attention_heads\":2,"                   \
    "\"intermediate_size\":64,\"vocab_size\":100,\"max_position_embeddings\":300}"

TEST(tools, a_served_step_names_the_lengths_it_drew_and_the_work_they_are) {
    const char *config = write_file("tiny.json", TINY), *words = write_file("words", "step\nstep\n");
    const command_result *r =
        hone("bench step --serve --threads 1 --arch %s --batch 12 --lengths lognormal:40,0.5 <%s", config, words);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *ready = line_json(r->out, 0), *step = line_json(r->out, 2);
    const json_t *lengths = json_object_get(ready, "lengths");
    /* exp(ln 40 - 1/8 + z/2) at the normal's quantiles (i + 1/2) / 12, by Python's statistics.NormalDist */
    static const int slices[12] = {15, 20, 24, 27, 30, 34, 37, 41, 46, 53, 63, 84};
    double sum = 0, squares = 0;
    int found = 0;
    bool in_order = true;
    CHECK_INT(json_array_size(lengths), 12);
    for (size_t i = 0; i < 12; i++) {
        int n = (int)json_integer_value(json_array_get(lengths, i));
        for (int k = 0; k < 12; k++) found |= (slices[k] == n) << k;
        sum += n, squares += n * n;
        in_order &= n == slices[i];
    }
    CHECK_INT(found, (1 << 12) - 1);
    CHECK(!in_order);
    CHECK_INT(number(ready, "tokens"), sum);
    /* 3 passes of 2 layers: 2 T (4 h^2 + 2 h f) + 4 sum(T^2) h */
    CHECK_NEAR(number(ready, "gflop") * 1e9, 3 * 2 * (2 * sum * (4 * 32 * 32 + 2 * 32 * 64) + 4 * squares * 32), 1);
    CHECK(number(ready, "hidden") == 32 && number(ready, "layers") == 2 && number(ready, "vocab") == 100);
    CHECK(number(step, "ms") > 0 && number(step, "peak_rss_mb") > 0);
    json_decref(ready), json_decref(step);
}

TEST(tools, bench_step_measures_as_many_texts_as_it_says) {
    const command_result *r = hone("bench step --json --steps 1 --tokens 4 --arch " MODEL " --batch 6");
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = line_json(r->out, 0);
    CHECK_INT(number(j, "batch"), 6);
    CHECK_INT(number(j, "tokens"), 24);
    json_decref(j);
    r = hone("bench step --json --steps 1 --tokens 4 --arch " MODEL " --batch 7"); /* 6 were measured, and called so */
    CHECK_MSG(r->status == 2 && strstr(r->err, "--batch 7: expected an even number"), "%d: %s", r->status, r->err);
}

TEST(tools, bench_step_names_an_encoder_with_quotes_in_its_name_in_json) {
    const char *path = write_file("a \"tiny\" one\\.json", TINY);
    const command_result *r = hone("bench step --json --steps 1 --threads 1 --batch 4 --tokens 9 --arch '%s'", path);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = line_json(r->out, 0);
    CHECK_STR(json_string_value(json_object_get(j, "arch")), path);
    json_decref(j);
}

TEST(tools, bench_step_takes_any_encoder_by_its_config) {
    const command_result *r =
        hone("bench step --json --steps 1 --threads 1 --batch 4 --tokens 9 --arch %s", write_file("tiny.json", TINY));
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = line_json(r->out, 0);
    CHECK_INT(number(j, "tokens"), 36);
    CHECK(number(j, "median_ms") > 0 && number(j, "share") > 0);
    json_decref(j);
    r = hone("bench step --arch %s", write_file("bad.json", "{\"model_type\":\"bert\",\"hidden_size\":\"wide\"}"));
    CHECK_MSG(r->status == 3 && strstr(r->err, "bad.json") && strstr(r->err, "hidden_size"), "%d %s", r->status,
              r->err);
}
