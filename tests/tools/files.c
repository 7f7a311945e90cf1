/* The commands on small published folders (tests/golden/models): what they print, what they write, what they say of
 * broken input. */
#include "base/fault.h"
#include "base/io.h"
#include "base/json.h"
#include "base/memory.h"
#include "models/model.h"
#include "tests/kernels/rows.h"
#include "tests/tools/command.h"
#include "tools/lost_bytes.h"
#include "tools/progress.h"
#include "tools/text_buffer.h"
#include "tools/vectors.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODEL "tests/golden/models/mean"
#define TRIPLETS "tests/golden/train/triplets.jsonl"

/* Runs hone; formatted arguments. */
static json_t *line_json(const char *text, int line) {
    while (line-- && text) text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
    CHECK(text);
    json_t *j = json_loadb(text, strcspn(text, "\n"), 0, NULL);
    CHECK_MSG(j, "not JSON: %s", text);
    return j;
}

/* ---- pieces ---- */

TEST(tools, an_npy_file_has_the_header_that_numpy_writes) {
    const float x[6] = {1, 2, 3, 4, 5, -0.0f};
    const int64_t shape[] = {2, 3};
    char *text;
    size_t n;
    const char *path = out_path("x.npy");
    CHECK_OK(hone_npy_write(path, x, shape, 2));
    CHECK_OK(hone_io_read_file(path, 1 << 20, &text, &n));
    CHECK_INT(n, 128 + sizeof x);
    CHECK(!memcmp(text, "\x93NUMPY\x01\x00\x76\x00", 10));
    CHECK(!strncmp(text + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ", 60));
    CHECK(text[127] == '\n' && !memcmp(text + 128, x, sizeof x));
    hone_free(text);
    CHECK_OK(hone_npy_write(path, x, shape + 1, 1));
    CHECK_OK(hone_io_read_file(path, 1 << 20, &text, &n));
    CHECK(strstr(text + 10, "'shape': (3,), }"));
    hone_free(text);
}

TEST(tools, a_json_string_escapes_quotes_backslashes_and_control_bytes) {
    hone_text_buffer b = {0};
    hone_text_json(&b, "a\"b\\c\n\x01\xc3\xa4", 9);
    hone_text_add(&b, "", 1);
    CHECK_STR(b.p, "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa4\"");
    hone_text_buffer_free(&b);
}

TEST(tools, progress_that_is_quiet_or_young_prints_nothing) {
    hone_progress p;
    fflush(stderr);
    hone_progress_start(&p, "x", "steps", 10, 0, true);
    hone_progress_update(&p, 5, 0.5);
    hone_progress_note(&p, "must not be seen");
    hone_progress_end(&p);
    CHECK(!p.drawn);
}

/* ---- tokenize ---- */

TEST(tools, tokenize_prints_one_object_a_row_in_order) {
    const char *in =
        write_file("texts.jsonl", "{\"text\": \"the city\"}\n{\"text\": \"\"}\nnot json\n{\"text\": \"cold water\"}\n");
    const command_result *r = hone("tokenize --model " MODEL " --input %s", in);
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK_MSG(strstr(r->err, "texts.jsonl:3"), "the bad row is named: %s", r->err);
    json_t *first = line_json(r->out, 0), *empty = line_json(r->out, 1), *last = line_json(r->out, 2);
    CHECK_INT(json_integer_value(json_object_get(first, "row")), 0);
    CHECK_INT(json_integer_value(json_object_get(last, "row")), 3); /* the gap of the bad row */
    size_t n = json_array_size(json_object_get(first, "ids"));
    CHECK(n >= 4 && n == json_array_size(json_object_get(first, "tokens")) &&
          n == json_array_size(json_object_get(first, "offsets")) &&
          n == json_array_size(json_object_get(first, "type_ids")));
    CHECK_STR(json_string_value(json_array_get(json_object_get(first, "tokens"), 0)), "[CLS]");
    CHECK_STR(json_string_value(json_array_get(json_object_get(first, "tokens"), 1)), "the");
    CHECK_INT(json_integer_value(json_array_get(json_array_get(json_object_get(first, "offsets"), 1), 1)), 3);
    CHECK_INT(json_array_size(json_object_get(empty, "ids")), 2);
    CHECK(!strchr(strchr(strchr(strchr(r->out, '\n') + 1, '\n') + 1, '\n') + 1, '{'));
    json_decref(first), json_decref(empty), json_decref(last);
}

/* As Encoding.tokens of the tokenizers library: an added token with the white space that its flags took. */
TEST(tools, tokenize_spells_an_added_token_as_the_text_did) {
    const char *in = write_file("spelled.jsonl", "{\"text\": \"the  <x> a<xy>  b\"}\n");
    const command_result *r = hone("tokenize --model tests/golden/tokenizer/added --input %s", in);
    CHECK_INT(r->status, 0);
    CHECK_MSG(strstr(r->out, "\"ids\":[2,9,48,5,49,6,3]"), "%s", r->out);
    CHECK_MSG(strstr(r->out, "\"tokens\":[\"[CLS]\",\"the\",\"  <x>\",\"a\",\"<xy>  \",\"b\",\"[SEP]\"]"), "%s",
              r->out);
}

/* What a spreadsheet of many countries writes: one column, if the format is taken at its word. */
TEST(tools, a_csv_with_another_separator_is_not_taken_for_one_column) {
    const char *in = write_file("semicolon.csv", "id;text\n1;hello\n");
    const command_result *r = hone("tokenize --model " MODEL " --input %s", in);
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "no field \"text\"; fields are \"id;text\"") &&
                  strstr(r->err, ".csv separates fields by commas, this header has \";\""),
              "%s", r->err);
    CHECK_INT(hone("tokenize --model " MODEL " --input %s --columns 'text=id;text'", in)->status, 0);
    r = hone("data validate --task pairs %s", write_file("comma.tsv", "anchor,positive\na,b\n"));
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, ".tsv separates fields by tabs, this header by commas: call it .csv"), "%s", r->err);
    r = hone("data validate --task pairs %s", write_file("tabs.csv", "anchor\tpositive\na\tb\n"));
    CHECK_MSG(r->status == 3 && strstr(r->err, ".csv separates fields by commas, this header by tabs: call it .tsv"),
              "%s", r->err);
    /* Commands that take any column say so, too, unless the column is asked for. */
    in = write_file("semicolon.csv", "id;text\n1;hello\n2;good bye\n");
    r = hone("data stats %s", in);
    CHECK_MSG(r->status == 3 && strstr(r->err, "has one column, \"id;text\"") &&
                  strstr(r->err, "this header has \";\""),
              "%s", r->err);
    CHECK_INT(hone("data stats %s --columns 'text=id;text'", in)->status, 0);
    /* All fields quoted: the first quote ends in front of the sign. */
    static const char *const quoted[][3] = {{"q.csv", "\"a\";\"b\"\n\"1\";\"2\"\n", "this header has \";\""},
                                            {"p.csv", "\"a\"|\"b\"\n", "this header has \"|\""},
                                            {"t.csv", "\"a\"\t\"b\"\n", "by tabs: call it .tsv"},
                                            {"c.tsv", "\"a\",\"b\"\n", "by commas: call it .csv"}};
    for (int k = 0; k < 4; k++) {
        r = hone("data stats %s", write_file(quoted[k][0], quoted[k][1]));
        CHECK_MSG(r->status == 3 && strstr(r->err, ":1:4: text after the closing quote") &&
                      strstr(r->err, quoted[k][2]),
                  "%s", r->err);
    }
    r = hone("data stats %s", write_file("x.csv", "\"a\"x\n"));
    CHECK_MSG(r->status == 3 && !strstr(r->err, "hint"), "%s", r->err);
}

/* What many exports look like; --columns text=data would be the wrong way out. */
TEST(tools, rows_inside_an_object_are_said_to_be_there) {
    static const char *const files[] = {"{\"version\": 1, \"data\": [{\"text\": \"a\"}, {\"text\": \"b\"}]}",
                                        "{\"columns\":[\"id\",\"text\"],\n \"data\":[[1,\"a\"],[2,\"b\"]]}"};
    for (int k = 0; k < 2; k++) {
        const command_result *r = hone("tokenize --model " MODEL " --input %s", write_file("inner.json", files[k]));
        CHECK_MSG(r->status == 3 && strstr(r->err, "no field \"text\"") &&
                      strstr(r->err, "the file is one object, and \"data\" a list in it"),
                  "%s", r->err);
    }
    const command_result *r =
        hone("tokenize --model " MODEL " --input %s", write_file("inner.json", "{\"data\": [\"x\"], \"n\": 1}"));
    CHECK_MSG(r->status == 3 && strstr(r->err, "--columns text="), "%s", r->err);
}

TEST(tools, tokenize_pairs_have_two_types_and_are_cut_together) {
    const char *in = write_file("two.csv", "question,answer\nthe the the the the the,the the\nthe,\n");
    const command_result *r = hone("tokenize --pairs --max-length 7 --model " MODEL " --input %s", in);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *a = line_json(r->out, 0), *b = line_json(r->out, 1);
    char *types = json_dumps(json_object_get(a, "type_ids"), JSON_COMPACT);
    CHECK_STR(types, "[0,0,0,0,1,1,1]"); /* [CLS] the the [SEP] the the [SEP] */
    json_free_t release;
    json_get_alloc_funcs(NULL, &release);
    release(types);
    CHECK_INT(json_array_size(json_object_get(b, "ids")), 4); /* an empty second text is still a pair */
    json_decref(a), json_decref(b);
}

TEST(tools, tokenize_takes_the_same_rows_from_every_kind_of_file_and_from_standard_input) {
    char want[65536];
    const char *files[] = {
        write_file("k.csv", "title,id\r\n\"the, city\",1\r\nwater,2\r\n"),
        write_file("k.tsv", "title\tid\nthe, city\t1\nwater\t2\n"),
        write_file("k.jsonl", "{\"title\": \"the, city\", \"id\": 1}\n{\"title\": \"water\", \"id\": 2}\n"),
        write_file("k.json", "[{\"title\": \"the, city\", \"id\": 1}, {\"title\": \"water\", \"id\": 2}]")};
    snprintf(want, sizeof want, "%s", hone("tokenize --model " MODEL " --input %s", files[0])->out);
    CHECK(strstr(want, "\"city\""));
    for (int i = 1; i < 4; i++) CHECK_STR(hone("tokenize --model " MODEL " --input %s", files[i])->out, want);
    CHECK_STR(hone("tokenize --model " MODEL " --input - < %s", files[2])->out, want);
    CHECK_STR(hone("tokenize --model " MODEL " --input %s --threads 1 --columns text=title", files[2])->out, want);
}

/* A vector database gets what the row has: a null is a value there, a key that the row does not have is none. */
TEST(tools, the_payload_has_the_nulls_of_the_row_and_no_others) {
    const char *in = write_file(
        "n.jsonl", "{\"text\": \"the city\", \"brand\": null, \"id\": null}\n{\"text\": \"water\", \"price\": 2}\n");
    const command_result *r = hone("embed --quiet --model " MODEL " --input %s --out - --truncate 1", in);
    CHECK_MSG(r->status == 0 && strstr(r->out, "\"payload\":{\"brand\":null}}\n{\"row\":1,") &&
                  strstr(r->out, "\"payload\":{\"price\":2}}\n"),
              "%s", r->out);
    CHECK(!strstr(r->out, "\"id\""));
}

/* Broken rows are found before contents are judged; a row without its text may stand before them all the same. */
TEST(tools, strict_names_the_first_bad_row_of_the_file_whatever_is_wrong_with_it) {
    static const char *const commands[] = {
        "train --task pairs --model " MODEL " --steps 1 --out nowhere --train",
        "eval --task pairs --model " MODEL " --data",
        "data negatives --model " MODEL,
        "embed --columns text=anchor --model " MODEL " --out - --input",
        "tokenize --columns text=anchor --model " MODEL " --input",
        "data negatives tests/golden/train/pairs.jsonl --columns anchor=anchor,positive=positive --model " MODEL
        " --corpus"};
    const char *missing = write_file(
        "missing.jsonl",
        "{\"anchor\": \"a\", \"positive\": \"b\", \"text\": \"c\"}\n{\"positive\": \"b\"}\n{\"anchor\" 1}\n");
    const char *broken = write_file(
        "first.jsonl",
        "{\"anchor\": \"a\", \"positive\": \"b\", \"text\": \"c\"}\n{\"anchor\" 1}\n{\"positive\": \"b\"}\n");
    const char *none = write_file("no-good.jsonl", "{\"anchor\" 1}\n{\"anchor\" 2}\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const command_result *r = hone("%s %s --strict", commands[i], missing);
        CHECK_MSG(r->status == 3 && strstr(r->err, "missing.jsonl:2:1: no field"), "%s: %d %s", commands[i], r->status,
                  r->err);
        r = hone("%s %s --strict", commands[i], broken);
        CHECK_MSG(r->status == 3 && strstr(r->err, "first.jsonl:2:11: expected"), "%s: %d %s", commands[i], r->status,
                  r->err);
        r = hone("%s %s --strict", commands[i], none);
        CHECK_MSG(r->status == 3 && strstr(r->err, "no-good.jsonl:1:11: expected"), "%s: %d %s", commands[i], r->status,
                  r->err);
    }
}

TEST(tools, tokenize_into_a_full_disk_is_exit_4) {
    if (system("test -w /dev/full")) SKIP("no /dev/full here");
    CHECK_INT(hone("tokenize --model " MODEL " --input %s >/dev/full", write_file("one.jsonl", "{\"text\": \"a\"}\n"))
                  ->status,
              4);
}

/* ---- embed ---- */

TEST(tools, embed_writes_the_librarys_numbers_as_npy_and_as_json_lines) {
    if (test_emulates()) SKIP("the command is another process, with rows of its own");
    hone_model *m;
    float want[2 * 4096];
    char *text;
    size_t n;
    const char *in = write_file("e.csv", "_id,title,price\na1,the city,2.5\nb2,cold water,3\n"),
               *npy = out_path("e.npy"), *jsonl = out_path("e.jsonl");
    CHECK_OK(hone_model_open(MODEL, NULL, &m));
    int64_t D = hone_model_get_info(m)->embedding;
    CHECK(D <= 4096);
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_text texts[] = {{"the city", 8}, {"cold water", 10}};
    CHECK_OK(hone_model_embed(m, g, texts, 2, &(hone_embed_options){0}, want, NULL));
    hone_graph_free(g), hone_arena_free(arena), hone_model_close(m);

    CHECK_INT(hone("embed --quiet --model " MODEL " --input %s --out %s", in, npy)->status, 0);
    CHECK_OK(hone_io_read_file(npy, 1 << 20, &text, &n));
    CHECK_INT(n, 128 + 2 * D * 4);
    CHECK(!memcmp(text + 128, want, (size_t)(2 * D) * sizeof *want));
    hone_free(text);

    CHECK_INT(hone("embed --quiet --model " MODEL " --input %s --out %s", in, jsonl)->status, 0);
    CHECK_OK(hone_io_read_file(jsonl, 1 << 20, &text, &n));
    json_t *j = line_json(text, 1);
    hone_free(text);
    CHECK_STR(json_string_value(json_object_get(j, "id")), "b2");
    CHECK_STR(json_string_value(json_object_get(json_object_get(j, "payload"), "price")), "3");
    CHECK(!json_object_get(json_object_get(j, "payload"), "title")); /* what was embedded is no payload */
    for (int64_t k = 0; k < D; k++) {
        float x = (float)json_number_value(json_array_get(json_object_get(j, "vector"), (size_t)k));
        CHECK_MSG(!memcmp(&x, &want[D + k], sizeof x), "dimension %d reads back as %.9g, was %.9g", (int)k, (double)x,
                  (double)want[D + k]);
    }
    json_decref(j);
}

TEST(tools, embed_refuses_before_it_works_and_leaves_nothing_behind) {
    const char *in = write_file("f.jsonl", "{\"text\": \"a\"}\n");
    CHECK_INT(hone("embed --model " MODEL " --input %s --out %s", in, out_path("f.xyz"))->status, 2);
    CHECK_INT(hone("embed --model " MODEL " --input %s --out /nonexistent/f.npy", in)->status, 4);
    CHECK_INT(hone("embed --model " MODEL " --input /nonexistent.csv --out %s", out_path("f.npy"))->status, 3);
    CHECK_INT(hone("embed --model /nonexistent --input %s --out %s", in, out_path("f.npy"))->status, 3);
    CHECK_INT(hone("embed --model " MODEL " --input %s --out %s --truncate 100000", in, out_path("f.npy"))->status, 2);
    CHECK_INT(hone("embed --model " MODEL " --input %s --out %s --prompt-name nope", in, out_path("f.npy"))->status, 2);
    CHECK(!hone_io_exists(out_path("f.npy")) && !hone_io_exists(out_path("f.xyz")));
    const command_result *r =
        hone("train --task pairs --model " MODEL " --train %s --out $(printf 'abc/%%.0s' $(seq 1500))", in);
    CHECK_MSG(r->status == 2 && strstr(r->err, "--out: the name has 6000 bytes, limit 4095"), "%d: %s", r->status,
              r->err);
}

/* The corpus is a pipe that nobody writes to: the output has been begun, and there it waits. */
TEST(tools, a_signal_leaves_no_temporary_file_behind) {
    if (HONE_UNDER_TSAN) SKIP("ThreadSanitizer holds a signal back until open() returns, which here it never does");
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"INT", 2}, {"TERM", 15}, {"HUP", 1}, {"XCPU", 24}};
    const char *in =
        write_file("sig.jsonl", "{\"anchor\": \"a\", \"positive\": \"b\"}\n{\"anchor\": \"c\", \"positive\": \"d\"}\n");
    char make[600], **names;
    snprintf(make, sizeof make, "mkfifo %s", out_path("never"));
    CHECK_INT(system(make), 0);
    for (int i = 0; i < 4; i++) {
        struct sigaction old;
        /* by who started the tests */
        if (!sigaction(signals[i].number, NULL, &old) && old.sa_handler == SIG_IGN) continue;
        char before[64], line[1500];
        size_t n;
        snprintf(before, sizeof before, "timeout -s %s -k 9 0.5", signals[i].name);
        snprintf(line, sizeof line, "data negatives %s --corpus %s --model " MODEL " --out %s", in, out_path("never"),
                 out_path("sig-out.jsonl"));
        const command_result *r = run_command(before, line);
        CHECK_INT(r->status, 124); /* of timeout; 137: it did not end */
        CHECK_OK(hone_io_list(test_dir(), &names, &n));
        for (size_t k = 0; k < n; k++)
            CHECK_MSG(!strstr(names[k], "sig-out"), "SIG%s left %s", signals[i].name, names[k]);
        hone_free(names);
    }
}

/* SIGBUS; in a process of its own. What it writes comes back. */
static int read_what_is_cut(const char *path, int64_t bytes, bool json, char *said, size_t n) {
    int ends[2], status;
    CHECK(!pipe(ends));
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        hone_mapping m;
        hone_writer *w;
        dup2(ends[1], STDERR_FILENO);
        hone_catch_lost_bytes(json);
        if (hone_io_map(path, &m) != HONE_OK || hone_writer_open(out_path("lost.npy"), &w) != HONE_OK ||
            truncate(path, bytes))
            _exit(99);
        volatile unsigned char first = m.p[0];
        _exit(first ? 98 : 97);
    }
    close(ends[1]);
    size_t k = 0;
    for (ssize_t got; k + 1 < n && (got = read(ends[0], said + k, n - 1 - k)) > 0;) k += (size_t)got;
    said[k] = 0;
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(tools, a_mapped_file_that_is_cut_short_ends_with_a_sentence) {
    char said[4096], want[1200], **names;
    size_t n;
    const char *path = write_file("cut \"\n\xFF.safetensors", "0123456789");
    CHECK_INT(read_what_is_cut(path, 0, false, said, sizeof said), 3);
    snprintf(want, sizeof want,
             "hone: %s/cut \"\\x0A\\xFF.safetensors: was cut short while it was in use: it had 10 bytes, now 0\n  "
             "hint: wait ",
             test_dir());
    CHECK_MSG(!strncmp(said, want, strlen(want)), "%s", said);
    path = write_file("cut \"\n\xFF.safetensors", "0123456789");
    CHECK_INT(read_what_is_cut(path, 0, true, said, sizeof said), 3);
    json_t *j = json_loads(said, 0, NULL);
    CHECK_MSG(j && json_integer_value(json_object_get(j, "code")) == 3, "%s", said);
    snprintf(want, sizeof want, "%s/cut \"\\x0A\\xFF.safetensors", test_dir());
    CHECK_STR(json_string_value(json_object_get(j, "file")), want);
    json_decref(j);
    CHECK_OK(hone_io_list(test_dir(), &names, &n));
    for (size_t k = 0; k < n; k++) CHECK_MSG(!strstr(names[k], "lost.npy"), "left %s", names[k]);
    hone_free(names);
}

TEST(tools, embed_into_a_pipe_reaches_its_reader_whole) {
    const char *in = write_file("f.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
    char pipe[512];
    snprintf(pipe, sizeof pipe, "%s", out_path("pipe.npy"));
    const command_result *r = hone("embed --model " MODEL " --input %s --out %s", in, out_path("file.npy"));
    CHECK_INT(r->status, 0);
    char before[1500];
    snprintf(before, sizeof before, "mkfifo %s; timeout 20 cat %s >%s & timeout 20", pipe, pipe, out_path("read.npy"));
    char line[2048];
    snprintf(line, sizeof line,
             "embed --model " MODEL " --input %s --out %s; status=$?; wait; cmp %s %s && exit $status", in, pipe,
             out_path("file.npy"), out_path("read.npy"));
    r = run_command(before, line);
    CHECK_MSG(r->status == 0, "%d: %s%s", r->status, r->out, r->err);
}

/* ---- inspect ---- */

TEST(tools, inspect_lists_every_tensor_with_shape_dtype_and_checksum) {
    const command_result *r = hone("inspect " MODEL " --json");
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_MSG(j, "%s", r->out);
    CHECK_STR(json_string_value(json_object_get(j, "architecture")), "BertModel");
    CHECK(json_is_true(json_object_get(j, "supported")) && !json_array_size(json_object_get(j, "problems")));
    json_t *tensors = json_object_get(j, "tensors"), *t;
    size_t i;
    int64_t elements = 0;
    json_array_foreach(tensors, i, t) {
        int64_t count = 1;
        size_t k;
        json_t *d;
        json_array_foreach(json_object_get(t, "shape"), k, d) count *= json_integer_value(d);
        elements += count;
        CHECK_INT(json_integer_value(json_object_get(t, "bytes")), 4 * count);
        CHECK_STR(json_string_value(json_object_get(t, "dtype")), "F32");
        CHECK_INT(json_string_length(json_object_get(t, "crc32")), 8);
    }
    CHECK(json_array_size(tensors) > 10);
    CHECK_INT(json_integer_value(json_object_get(j, "parameters")), elements);
    json_decref(j);
    CHECK(strstr(hone("inspect " MODEL)->out, "embeddings.word_embeddings.weight"));
}

TEST(tools, inspect_names_what_is_wrong_in_a_broken_folder) {
    char dir[512], from[600], to[600], *text;
    size_t n;
    snprintf(dir, sizeof dir, "%s/broken", test_dir());
    CHECK_OK(hone_io_mkdirs(dir));
    const char *files[] = {"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(from, sizeof from, MODEL "/%s", files[i]), snprintf(to, sizeof to, "%s/%s", dir, files[i]);
        CHECK_OK(hone_io_copy(from, to));
    }
    const command_result *r = hone("inspect %s", dir);
    CHECK_INT(r->status, 3); /* no weights */
    CHECK_MSG(strstr(r->err, "model.safetensors") && strstr(r->out, "BertModel"), "%s", r->err);
    CHECK_OK(hone_io_read_file(MODEL "/model.safetensors", 1 << 26, &text, &n));
    snprintf(to, sizeof to, "%s/model.safetensors", dir);
    CHECK_OK(hone_io_write_file(to, text, n - 1));
    r = hone("inspect %s", dir);
    CHECK_INT(r->status, 3); /* cut short */
    CHECK_MSG(strstr(r->err, "model.safetensors"), "%s", r->err);
    text[n - 1] = (char)0xFF, text[n - 2] = (char)0xFF; /* the last number becomes NaN */
    CHECK_OK(hone_io_write_file(to, text, n));
    r = hone("inspect %s", dir);
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "NaN"), "%s", r->err);
    hone_free(text);
    snprintf(to, sizeof to, "%s/config.json", dir);
    CHECK_OK(hone_io_write_file(to, "{\"model_type\": ", 15));
    r = hone("inspect %s --json", dir);
    CHECK_INT(r->status, 3); /* two problems, two objects */
    CHECK_MSG(strstr(r->err, "config.json") && strstr(r->err, "NaN"), "%s", r->err);
    CHECK_INT(hone("inspect /nonexistent")->status, 3);
}

/* ---- train ---- */

TEST(tools, a_training_run_leaves_its_models_log_and_settings) {
    char dir[512], path[600];
    snprintf(dir, sizeof dir, "%s/run", test_dir());
    const command_result *r = hone("train --quiet --json --task triplet --model " MODEL " --train " TRIPLETS
                                   " --batch-size 8 --epochs 1 --out %s",
                                   dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_INT(json_integer_value(json_object_get(j, "steps")), 5);
    json_decref(j);
    snprintf(path, sizeof path, "%s/run.json", dir);
    CHECK_OK(hone_json_load(path, &j));
    json_t *options = json_object_get(j, "options");
    CHECK_STR(json_string_value(json_object_get(options, "loss")), "triplet"); /* resolved, not null */
    CHECK_INT(json_integer_value(json_object_get(options, "batch-size")), 8);
    CHECK_INT(json_integer_value(json_object_get(options, "seed")), 42);
    CHECK(json_string_length(json_object_get(json_object_get(json_object_get(j, "data"), "train"), "fnv1a64")) == 16);
    json_decref(j);
    const char *kept[] = {"best_model/model.safetensors", "final_model/modules.json", "log.jsonl"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, kept[i]);
        CHECK_MSG(hone_io_exists(path), "%s", path);
    }
    /* run.json trains the same model again. */
    char *first, *second;
    size_t n1, n2;
    CHECK_MSG((r = hone("train --quiet --config %s/run.json --out %s-again", dir, dir))->status == 0, "%s", r->err);
    snprintf(path, sizeof path, "%s/final_model/model.safetensors", dir);
    CHECK_OK(hone_io_read_file(path, 1 << 26, &first, &n1));
    snprintf(path, sizeof path, "%s-again/final_model/model.safetensors", dir);
    CHECK_OK(hone_io_read_file(path, 1 << 26, &second, &n2));
    CHECK(n1 == n2 && !memcmp(first, second, n1));
    hone_free(first), hone_free(second);
}

/* What depends on the task, the data or the machine stands in run.json as it came out; what a loss does not have is
 * null, or a --config of it would set it for another loss. The metric that decides is told at every evaluation, the one
 * before training too. */
TEST(tools, run_json_has_the_deciding_metric_the_device_and_no_margin_that_there_is_none_of) {
    static const struct {
        const char *words, *metric;
        double margin;
        const char *distance;
    } runs[] = {{"--task pairs --train " TRIPLETS, "ndcg@10", -1, NULL},
                {"--task pairs --train " TRIPLETS " --metric map@100 --margin 0.25", "map@100", 0.25, NULL},
                {"--task pairs --loss triplet --train " TRIPLETS " --distance cosine", "ndcg@10", 5, "cosine"},
                {"--task triplet --train " TRIPLETS, "triplet_accuracy", 5, "euclidean"},
                {"--task scored --train tests/golden/train/scored.jsonl", "spearman", -1, NULL}};
    char path[600], first[64];
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        const char *out = out_path("resolved");
        json_t *j;
        CHECK_OK(hone_io_remove_tree(out));
        const command_result *r =
            hone("train --model " MODEL " %s --eval-split 0.3 --steps 1 --out %s", runs[i].words, out);
        CHECK_MSG(r->status == 0, "%s", r->err);
        snprintf(first, sizeof first, " %s ", runs[i].metric);
        const char *before = strstr(r->err, "step 0  epoch 0 "), *shown = before ? strstr(before, first) : NULL;
        CHECK_MSG(shown && !memchr(before, '\n', (size_t)(shown - before)), "%s", r->err);
        snprintf(path, sizeof path, "%s/run.json", out);
        CHECK_OK(hone_json_load(path, &j));
        json_t *o = json_object_get(j, "options");
        CHECK_STR(json_string_value(json_object_get(o, "metric")), runs[i].metric);
        CHECK_STR(json_string_value(json_object_get(o, "device")), "cpu");
        const json_t *margin = json_object_get(o, "margin"), *distance = json_object_get(o, "distance");
        CHECK(runs[i].margin < 0 ? json_is_null(margin) : json_number_value(margin) == runs[i].margin);
        if (!runs[i].distance)
            CHECK(json_is_null(distance));
        else
            CHECK_STR(json_string_value(distance), runs[i].distance);
        json_decref(j);
    }
}

/* run.json holds what was resolved, epochs 1 and keep 2; the command line wins over what cannot stand beside it,
 * too. */
TEST(tools, an_option_of_the_command_line_displaces_the_one_of_the_file_that_it_excludes) {
    char dir[512], path[600];
    json_t *j;
    snprintf(dir, sizeof dir, "%s/displaced", test_dir());
    const char *first = "train --quiet --task pairs --model " MODEL " --train " TRIPLETS;
    const command_result *r = hone("%s --eval-split 0.2 --batch-size 8 --epochs 1 --out %s", first, dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    r = hone("train --quiet --config %s/run.json --steps 2 --eval " TRIPLETS
             " --save-all-checkpoints --allow-duplicates --out %s-again",
             dir, dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    snprintf(path, sizeof path, "%s-again/run.json", dir);
    CHECK_OK(hone_json_load(path, &j));
    json_t *o = json_object_get(j, "options");
    CHECK_INT(json_integer_value(json_object_get(o, "steps")), 2);
    CHECK(json_is_null(json_object_get(o, "epochs")) && json_is_null(json_object_get(o, "eval-split")));
    CHECK(json_is_string(json_object_get(o, "eval")) && json_is_null(json_object_get(o, "keep")));
    CHECK(json_is_false(json_object_get(o, "no-duplicates")) && json_is_true(json_object_get(o, "allow-duplicates")));
    json_decref(j);
    /* and the other way round: this run.json has steps */
    r = hone(
        "train --quiet --config %s-again/run.json --epochs 0.2 --eval-split 0.5 --keep 1 --no-duplicates --out %s-back",
        dir, dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *both = write_file("both.json", "{\"steps\": 2, \"epochs\": 1}");
    r = hone("%s --config %s --out %s-both", first, both, dir);
    CHECK_MSG(r->status == 2 && strstr(r->err, "--steps and --epochs exclude each other"), "%s", r->err);
    r = hone("%s --config %s --steps 1 --out %s-both", first, both, dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
}

/* Started by something that closed them: the log must not become the file that progress is written to. */
TEST(tools, a_run_without_standard_files_writes_nothing_into_others) {
    static const char *const closed[] = {"<&- 2>&-", "<&- >&- 2>&-", "2>&-", "<&- 2>&-"};
    for (int i = 0; i < 4; i++) {
        const char *dir = out_path("closed");
        CHECK_OK(hone_io_remove_tree(dir));
        const command_result *r = hone("train --task triplet --model " MODEL " --train " TRIPLETS
                                       " --out %s --steps 2 --eval-every 1 --eval-split 0.2 %s",
                                       dir, closed[i]);
        CHECK_INT(r->status, 0);
        char path[600], *text;
        size_t n;
        snprintf(path, sizeof path, "%s/log.jsonl", dir);
        CHECK_OK(hone_io_read_file(path, 1 << 20, &text, &n));
        int lines = 0;
        for (const char *p = text; *p; p += strcspn(p, "\n") + 1, lines++) CHECK_MSG(*p == '{', "%s: %s", closed[i], p);
        CHECK_INT(lines, 5);
        hone_free(text);
    }
    CHECK_INT(hone("tokenize --model " MODEL " --input %s >&-", write_file("one.jsonl", "{\"text\": \"a\"}\n"))->status,
              4);
    CHECK_INT(hone("tokenize --model " MODEL " --input - <&-")->status, 4);
}

TEST(tools, a_run_whose_last_step_was_skipped_has_no_loss_and_ends_well) {
    const char *in = write_file("skip.csv", "sentence1,sentence2,score\na,b,1e39\nc,d,0.5\ne,f,1e39\ng,h,0.25\n");
    char train[600];
    snprintf(train, sizeof train,
             "train --task scored --loss cosine --model " MODEL " --train %s --steps 1 --json --out %s", in,
             out_path("skipped"));
    for (int i = 0; i < 2; i++) {
        const command_result *r = hone("%s%s", train, i ? " --resume" : "");
        CHECK_MSG(r->status == 0, "%d: %s", r->status, r->err);
        json_t *j = line_json(r->out, 0);
        CHECK_MSG(json_is_null(json_object_get(j, "loss")), "%s", r->out);
        json_decref(j);
    }
}

TEST(tools, names_that_are_not_utf8_come_escaped_in_json) {
    char dir[512], line[1500];
    snprintf(dir, sizeof dir, "%s\xff", out_path("odd"));
    CHECK_OK(hone_io_remove_tree(dir));
    snprintf(line, sizeof line,
             "train --task triplet --model " MODEL " --train " TRIPLETS " --out '%s' --steps 1 --json", dir);
    const command_result *r = run_command("", line);
    CHECK_MSG(r->status == 0, "%d: %s", r->status, r->err);
    json_t *j = line_json(r->out, 0);
    CHECK_MSG(strstr(json_string_value(json_object_get(j, "out")), "odd\\xFF"), "%s", r->out);
    json_decref(j);
    snprintf(line, sizeof line, "inspect '%s/final_model' --json", dir);
    r = run_command("", line);
    CHECK_MSG(r->status == 0 && strstr(r->out, "odd\\\\xFF/final_model/model.safetensors"), "%d: %s", r->status,
              r->err);
}

TEST(tools, a_run_whose_log_is_lost_says_what_can_be_done) {
    const char *dir = out_path("lost");
    char train[1000], remove[600];
    snprintf(train, sizeof train,
             "train --task triplet --model " MODEL " --train " TRIPLETS " --out %s --steps 5 --save-every 2", dir);
    CHECK_INT(hone("%s", train)->status, 0);
    snprintf(remove, sizeof remove, "rm -r %s/final_model %s/log.jsonl", dir, dir);
    CHECK_INT(system(remove), 0);
    char line[1100];
    snprintf(line, sizeof line, "%s --resume", train);
    for (int i = 0; i < 2; i++) { /* as often as it is asked */
        const command_result *r = run_command("", line);
        CHECK_MSG(r->status == 3 && strstr(r->err, "log.jsonl: is not there, to continue it needs at least") &&
                      strstr(r->err, "put the log back"),
                  "%d: %s", r->status, r->err);
        CHECK(strstr(r->err, "checkpoint_step_4 and another --out"));
    }
    snprintf(remove, sizeof remove, "rm -r %s/checkpoint_step_*; touch %s/log.jsonl", dir, dir);
    CHECK_INT(system(remove), 0);
    const command_result *r = run_command("", line);
    CHECK_MSG(r->status == 0 && strstr(r->err, "there is a log and no checkpoint: the run begins again"), "%d: %s",
              r->status, r->err);
}

TEST(tools, train_refuses_what_does_not_fit_together) {
    const char *rest = "--model " MODEL " --train " TRIPLETS;
    char out[512];
    snprintf(out, sizeof out, "%s/refused", test_dir());
    CHECK_INT(hone("train --task triplet %s --out %s --eval x.csv --eval-split 0.2", rest, out)->status, 2);
    CHECK_INT(hone("train --task triplet %s --out %s --steps 3 --epochs 2", rest, out)->status, 2);
    CHECK_INT(hone("train --task triplet %s --out %s --loss mnr", rest, out)->status, 2);
    CHECK_INT(hone("train --task triplet %s --out %s --eval-every 5", rest, out)->status, 2);
    CHECK_INT(hone("train --task triplet %s --out %s --columns anchor=nope", rest, out)->status, 2);
    CHECK_INT(hone("train --task triplet --model " MODEL " --train /nonexistent.csv --out %s", out)->status, 3);
    CHECK_INT(hone("train --task triplet --model /nonexistent --train " TRIPLETS " --out %s", out)->status, 3);
    CHECK_INT(
        hone("train --task triplet --model " MODEL " --train tests/golden/train/pairs.jsonl --out %s", out)->status, 3);
    CHECK(!hone_io_exists(out));
}

/* ---- eval ---- */

TEST(tools, eval_gives_every_metric_with_its_interval_and_the_difference_of_two_models) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/judged", test_dir());
    const command_result *r = hone("train --quiet --task triplet --model " MODEL " --train " TRIPLETS
                                   " --eval-split 0.3 --batch-size 8 --epochs 1 "
                                   "--lr 1e-3 --out %s",
                                   dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    r = hone("eval --quiet --json --task triplet --model " MODEL " --data " TRIPLETS
             " --compare %s/final_model --changed 5",
             dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_MSG(j, "%s", r->out);
    CHECK_STR(json_string_value(json_object_get(j, "task")), "triplet");
    CHECK_INT(json_integer_value(json_object_get(j, "rows")), 38);
    const char *names[] = {"accuracy@1", "accuracy@10", "precision@5", "recall@3",
                           "mrr@10",     "ndcg@10",     "map@100",     "triplet_accuracy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *a = json_object_get(json_object_get(j, "metrics"), names[i]),
               *b = json_object_get(json_object_get(j, "compare"), names[i]),
               *d = json_object_get(json_object_get(j, "difference"), names[i]);
        double x = json_number_value(json_object_get(a, "value")), y = json_number_value(json_object_get(b, "value"));
        CHECK_MSG(json_number_value(json_object_get(a, "low")) <= x &&
                      x <= json_number_value(json_object_get(a, "high")),
                  "%s", names[i]);
        CHECK_NEAR(json_number_value(json_object_get(d, "value")), y - x,
                   1e-12); /* positive: the second model is better */
        double p = json_number_value(json_object_get(d, "p"));
        CHECK_MSG(p > 0 && p <= 1, "%s: p %g", names[i], p);
    }
    CHECK(json_array_size(json_object_get(j, "changed")) <= 5);
    json_decref(j);
}

/* sentence-transformers 6.2: a model has the prompts query and document, empty ones if its folder is silent, so its
 * evaluators of retrieval never put the default prompt (pool_max has one of another name) before a text; that of scored
 * pairs does. */
TEST(tools, eval_leaves_the_default_prompt_to_scored_pairs) {
    char plain[sizeof((command_result *)0)->out];
    const char *tasks[] = {"pairs --data " TRIPLETS, "triplet --data " TRIPLETS,
                           "scored --data tests/golden/train/scored.jsonl"};
    for (int i = 0; i < 3; i++) {
        const command_result *r =
            hone("eval --json --bootstrap 100 --model tests/golden/models/pool_max --task %s", tasks[i]);
        CHECK_MSG(r->status == 0, "%s", r->err);
        snprintf(plain, sizeof plain, "%s", r->out);
        const char *prompt = i < 2 ? "" : "a cold city: ";
        r = hone("eval --json --bootstrap 100 --model tests/golden/models/pool_max --task %s --prompt-query '%s' "
                 "--prompt-document '%s'",
                 tasks[i], prompt, prompt);
        CHECK_STR(r->out, plain);
        prompt = i < 2 ? "a cold city: " : "";
        r = hone("eval --json --bootstrap 100 --model tests/golden/models/pool_max --task %s --prompt-query '%s' "
                 "--prompt-document '%s'",
                 tasks[i], prompt, prompt);
        CHECK_MSG(r->status == 0 && strcmp(r->out, plain) != 0, "%s", tasks[i]);
    }
    /* those two names are known, others are not */
    const char *in = write_file("empty_query.jsonl", "{\"text\": \"the cold city\"}\n");
    CHECK_INT(hone("embed --model tests/golden/models/pool_max --input %s --out %s --prompt-name query", in,
                   out_path("q.npy"))
                  ->status,
              0);
    CHECK_INT(hone("embed --model tests/golden/models/pool_max --input %s --out %s --prompt-name passage", in,
                   out_path("q.npy"))
                  ->status,
              2);
}

/* pool_cls has prompts query and passage; sentence-transformers 6.2: accuracy@10 of such a file is another with them
 * than without. */
TEST(tools, eval_puts_the_folders_prompts_before_queries_and_documents) {
    char lines[4096] = "", plain[sizeof((command_result *)0)->out];
    for (int i = 0; i < 40; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines),
                 "{\"anchor\": \"how %d %d\", \"positive\": \"both %d buttons %d\"}\n", i, i * 7 % 40, i * 3, i);
    const char *in = write_file("prompts.jsonl", lines);
    const command_result *r =
        hone("eval --json --bootstrap 100 --task pairs --model tests/golden/models/pool_cls --data %s", in);
    CHECK_MSG(r->status == 0, "%s", r->err);
    snprintf(plain, sizeof plain, "%s", r->out);
    r = hone("eval --json --bootstrap 100 --task pairs --model tests/golden/models/pool_cls --data %s --prompt-query "
             "'city of '",
             in);
    CHECK_STR(r->out, plain);
    r = hone(
        "eval --json --bootstrap 100 --task pairs --model tests/golden/models/pool_cls --data %s --prompt-query ''",
        in);
    CHECK(r->status == 0 && strcmp(r->out, plain) != 0);
}

TEST(tools, eval_does_not_depend_on_the_number_of_threads) {
    static char one[65536];
    snprintf(one, sizeof one, "%s",
             hone("eval --quiet --json --threads 1 --task pairs --model " MODEL " --data " TRIPLETS)->out);
    CHECK(*one);
    CHECK_STR(hone("eval --quiet --json --threads 3 --task pairs --model " MODEL " --data " TRIPLETS)->out, one);
}

TEST(tools, eval_refuses_what_it_cannot_do) {
    CHECK_INT(hone("eval --task pairs --model " MODEL " --data /nonexistent.csv")->status, 3);
    CHECK_INT(hone("eval --task pairs --model " MODEL " --data " TRIPLETS " --changed 3")->status, 2);
    CHECK_INT(hone("eval --task triplet --model " MODEL " --data tests/golden/train/pairs.jsonl")->status, 3);
    CHECK_INT(hone("eval --task pairs --model " MODEL " --data " TRIPLETS " --compare /nonexistent")->status, 3);
}
