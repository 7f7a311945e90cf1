/* What hone train says when a run goes wrong: non-finite numbers, warnings. Injected by HONE_FAULT (autograd/poison.h).
 */
#include "base/io.h"
#include "base/json.h"
#include "tests/tools/command.h"

#include <math.h>
#include <stdlib.h>

#define MODEL "tests/golden/models/mean"
#define DATA "tests/golden/train/"
#define TRAIN "train --threads 1 --task pairs --batch-size 8 --train " DATA "pairs.jsonl --model "

static const char *out_dir(const char *name) {
    static char dir[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(dir, test_dir(), name));
    CHECK_OK(hone_io_remove_tree(dir));
    return dir;
}

/* Line `i` (from 0) of DIR/log.jsonl. */
static json_t *log_line(const char *dir, int i) {
    char path[HONE_PATH_MAX], *text, *p;
    size_t n;
    CHECK_OK(hone_io_join(path, dir, "log.jsonl"));
    CHECK_OK(hone_io_read_file(path, 1 << 20, &text, &n));
    p = text;
    for (int k = 0; k < i; k++) CHECK((p = strchr(p, '\n')) && *++p);
    json_t *j = json_loadb(p, strcspn(p, "\n"), 0, NULL);
    hone_free(text);
    CHECK(j);
    return j;
}

static bool exists(const char *dir, const char *name) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, dir, name));
    return hone_io_exists(path);
}

static int times(const char *text, const char *word) {
    int n = 0;
    for (; (text = strstr(text, word)); text++) n++;
    return n;
}

/* Three questions, each with thirty answers: no two rows of a question meet in a batch. */
TEST(diagnostics, batches_that_stay_small_because_texts_repeat_are_said_once) {
    char rows[8192] = "", path[512], out[512];
    for (int i = 0; i < 90; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows),
                 "{\"anchor\":\"question %d\",\"positive\":\"answer %d\"}\n", i % 3, i);
    snprintf(path, sizeof path, "%s/repeated.jsonl", test_dir());
    snprintf(out, sizeof out, "%s/repeated", test_dir());
    CHECK_OK(hone_io_write_file(path, rows, strlen(rows)));
#define FEW "train --task pairs --model " MODEL " --train %s --out %s --steps 3 --batch-size 16"
    const command_result *r = hone(FEW " --dry-run", path, out);
    CHECK_MSG(r->status == 0 && times(r->err, "batches hold 3.0 rows on average, not 16") == 1, "%s", r->err);
    r = hone(FEW, path, out);
    CHECK_MSG(r->status == 0 && times(r->err, "batches hold 3.0 rows on average, not 16") == 1, "%s", r->err);
    CHECK_OK(hone_io_remove_tree(out));
    r = hone(FEW " --allow-duplicates", path, out);
    CHECK_MSG(r->status == 0 && times(r->err, "rows on average") == 0, "%s", r->err);
}

TEST(diagnostics, one_nan_costs_one_step_which_the_log_marks) {
    const char *dir = out_dir("one");
    const command_result *r = hone_with("HONE_FAULT=nan:op=attention:step=3", TRAIN MODEL " --steps 6 --out %s", dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK_MSG(
        strstr(r->err,
               "step 3: NaN first appears in the forward pass, in attention after encoder.layer.0.attention.self."),
        "%s", r->err);
    CHECK_MSG(strstr(r->err, "(row ") && strstr(r->err, "this update was skipped") &&
                  strstr(r->err, "1 of the steps were skipped"),
              "%s", r->err);
    json_t *j = log_line(dir, 2);
    CHECK_INT(json_integer_value(json_object_get(j, "step")), 3);
    CHECK(json_is_null(json_object_get(j, "loss")) && json_is_null(json_object_get(j, "grad_norm")));
    CHECK(json_is_true(json_object_get(j, "skipped")) && json_object_get(j, "lr") && json_object_get(j, "tokens"));
    json_decref(j);
    j = log_line(dir, 3);
    CHECK(json_is_real(json_object_get(j, "loss")) && !json_object_get(j, "skipped"));
    json_decref(j);
    CHECK(exists(dir, "final_model/model.safetensors"));
    dir = out_dir("backward");
    r = hone_with("HONE_FAULT=inf:op=mlp:dir=bwd:step=2",
                  TRAIN MODEL " --steps 3 --quiet --chunk 3 --accumulate 2 --out %s", dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    j = log_line(dir, 1);
    CHECK(json_is_real(json_object_get(j, "loss")) && json_is_null(json_object_get(j, "grad_norm")) &&
          json_object_get(j, "skipped"));
    json_decref(j);
}

TEST(diagnostics, five_in_a_row_end_the_run_with_exit_6_and_the_last_good_checkpoint) {
    const char *dir = out_dir("five");
    const command_result *r = hone_with("HONE_FAULT=nan:op=softmax_xent:dir=bwd:step=4+",
                                        TRAIN MODEL " --steps 20 --save-every 1 --out %s", dir);
    CHECK_INT(r->status, 6);
    CHECK_MSG(
        strstr(r->err, "step 8: NaN first appears in the backward pass, in the loss mnr, in softmax_xent: 1 of ") &&
            strstr(r->err, "5 updates in a row were skipped; last good: ") && strstr(r->err, "/checkpoint_step_3"),
        "%s", r->err);
    CHECK(!exists(dir, "final_model") && !exists(dir, "best_model") && !exists(dir, "checkpoint_step_8"));
    json_t *j = log_line(dir, 7);
    CHECK(json_is_true(json_object_get(j, "skipped")));
    json_decref(j);
    /* What is resumed is good, and the steps are those of a run that met nothing. */
    CHECK_INT(hone(TRAIN MODEL " --quiet --steps 20 --save-every 1 --resume --out %s", dir)->status, 0);
    CHECK(exists(dir, "final_model"));
    dir = out_dir("none");
    r = hone_with("HONE_FAULT=nan:op=mean", TRAIN MODEL " --steps 20 --json --out %s", dir);
    CHECK_INT(r->status, 6);
    CHECK_MSG(strstr(r->err, "no checkpoint has been written yet") && strstr(r->err, "\"code\":6"), "%s", r->err);
}

/* A copy of the model with one value of a tensor replaced. */
static void spoil(const char *dir, const char *tensor, int64_t at, float value) {
    char path[HONE_PATH_MAX], line[2 * HONE_PATH_MAX + 64], *text;
    size_t n;
    snprintf(line, sizeof line, "cp -r " MODEL " %s && chmod -R u+w %s", dir, dir);
    CHECK(system(line) == 0);
    CHECK_OK(hone_io_join(path, dir, "model.safetensors"));
    CHECK_OK(hone_io_read_file(path, 1 << 26, &text, &n));
    uint64_t header;
    memcpy(&header, text, 8);
    json_t *j = json_loadb(text + 8, header, 0, NULL);
    json_t *offsets = json_object_get(json_object_get(j, tensor), "data_offsets");
    CHECK_MSG(offsets, "no tensor %s", tensor);
    memcpy(text + 8 + header + json_integer_value(json_array_get(offsets, 0)) + 4 * at, &value, 4);
    json_decref(j);
    CHECK_OK(hone_io_write_file(path, text, n));
    hone_free(text);
}

TEST(diagnostics, a_model_that_holds_nan_or_infinity_is_refused_with_the_tensor) {
    static const struct {
        const char *tensor, *says;
        int64_t at;
        float value;
    } cases[] = {{"encoder.layer.1.attention.self.key.weight", "holds NaN: 1 of ", 17, NAN},
                 {"embeddings.word_embeddings.weight", "holds infinity: 1 of ", 5, INFINITY},
                 {"encoder.layer.0.output.LayerNorm.bias", "the first at [3]", 3, -INFINITY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char model[HONE_PATH_MAX];
        snprintf(model, sizeof model, "%s", out_dir("spoiled"));
        spoil(model, cases[i].tensor, cases[i].at, cases[i].value);
        const char *dir = out_dir("from_spoiled");
        const command_result *r = hone(TRAIN "%s --steps 3 --out %s", model, dir);
        CHECK_MSG(r->status == 3 && strstr(r->err, cases[i].tensor) && strstr(r->err, cases[i].says), "exit %d: %s",
                  r->status, r->err);
        CHECK(!exists(dir, "final_model") && !exists(dir, "log.jsonl"));
        r = hone(TRAIN "%s --steps 3 --out %s --dry-run", model, dir);
        CHECK_MSG(r->status == 3 && !*r->out && strstr(r->err, cases[i].tensor), "dry run, exit %d: %s", r->status,
                  r->err);
    }
}

/* Of the tokens of the first text only: others are sound, and none may be written. */
TEST(diagnostics, a_vector_that_is_nan_or_infinite_is_never_written_nor_judged) {
    static const struct {
        float value;
        const char *precision;
    } cases[] = {{NAN, "f32"}, {INFINITY, "bf16"}, {1e30f, "f32"}, {-3e38f, "f32"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char model[HONE_PATH_MAX], out[HONE_PATH_MAX];
        snprintf(model, sizeof model, "%s", out_dir("spoiled_word"));
        spoil(model, "embeddings.LayerNorm.bias", 3, cases[i].value);
        snprintf(out, sizeof out, "%s", out_dir("vectors.npy"));
        const command_result *r =
            hone("embed --columns text=anchor --precision %s --model %s --input " DATA "pairs.jsonl --out %s",
                 cases[i].precision, model, out);
        CHECK_MSG(r->status == 6 && strstr(r->err, model) && strstr(r->err, "texts hold NaN or infinity, first (") &&
                      strstr(r->err, "that of text 0, \"cause of tuberculosis\""),
                  "case %zu, exit %d: %s", i, r->status, r->err);
        CHECK(!hone_io_exists(out));
        r = hone("eval --task pairs --precision %s --model %s --data " DATA "pairs.jsonl", cases[i].precision, model);
        CHECK_MSG(r->status == 6 && strstr(r->err, model) && !*r->out, "case %zu, exit %d: %s", i, r->status, r->err);
    }
    char model[HONE_PATH_MAX];
    snprintf(model, sizeof model, "%s", out_dir("spoiled_matrix"));
    spoil(model, "encoder.layer.1.output.dense.weight", 9, NAN);
    const command_result *r =
        hone("embed --columns text=anchor --precision int8 --model %s --input " DATA "pairs.jsonl --out -", model);
    CHECK_MSG(r->status == 6 && !*r->out && strstr(r->err, model) &&
                  strstr(r->err, "encoder.layer.1.output.dense.weight holds NaN or infinity"),
              "exit %d: %s", r->status, r->err);
    /* finite weights whose squares are not */
    snprintf(model, sizeof model, "%s", out_dir("large"));
    spoil(model, "embeddings.LayerNorm.bias", 3, 1e30f);
    const char *dir = out_dir("from_large");
    r = hone(TRAIN "%s --steps 3 --eval " DATA "pairs.jsonl --out %s", model, dir);
    CHECK_MSG(r->status == 6 && strstr(r->err, "judging after step 0: the vectors of ") &&
                  strstr(r->err, "finite, but too large"),
              "exit %d: %s", r->status, r->err);
    CHECK(!exists(dir, "best_model") && !exists(dir, "final_model"));
    r = hone(TRAIN "%s --steps 9 --out %s", model, out_dir("from_large"));
    CHECK_MSG(r->status == 6 && strstr(r->err, "step 1: NaN first appears in the forward pass, in "), "exit %d: %s",
              r->status, r->err);
}

TEST(diagnostics, a_finite_gradient_whose_square_is_not_is_skipped_too) {
    static const char line[] = "train --threads 1 --task scored --batch-size 8 --train " DATA
                               "scored.jsonl --model " MODEL " --steps 9 --scale 1e24 --clip %d --out %s";
    const command_result *r = hone(line, 0, out_dir("square"));
    CHECK_MSG(r->status == 6 && strstr(r->err, "step 1: the gradient's norm is ") &&
                  strstr(r->err, "too large for the optimiser"),
              "exit %d: %s", r->status, r->err);
    CHECK_INT(hone(line, 1, out_dir("clipped"))->status, 0);
}

TEST(diagnostics, updates_that_overflow_are_never_saved) {
    const char *dir = out_dir("overflow");
    const command_result *r = hone(
        TRAIN MODEL " --steps 40 --save-every 1 --lr 1000 --weight-decay 1000 --warmup 0 --schedule constant --out %s",
        dir);
    CHECK_MSG(r->status == 6 && (strstr(r->err, "holds infinity") || strstr(r->err, "first appears")), "exit %d: %s",
              r->status, r->err);
    CHECK(!exists(dir, "final_model") && !exists(dir, "best_model"));
}

TEST(diagnostics, warnings_come_once_a_run_also_when_it_is_stopped_and_resumed) {
    const char *dir = out_dir("still");
    const command_result *r = hone(TRAIN MODEL " --lr 0 --steps 30 --save-every 12 --out %s", dir);
    CHECK_MSG(r->status == 0 && times(r->err, "the loss does not move") == 1 &&
                  times(r->err, "are cut at 32 tokens") == 1,
              "%s", r->err);
    CHECK_MSG(strstr(r->err, "6.58 % of the texts (5 of 76)") && strstr(r->err, "--max-length"), "%s", r->err);
    CHECK(!*r->out);
    char line[2 * HONE_PATH_MAX];
    snprintf(line, sizeof line, "rm -r %s/final_model %s/best_model", dir, dir);
    CHECK(system(line) == 0);
    r = hone(TRAIN MODEL " --lr 0 --steps 30 --save-every 12 --resume --out %s", dir);
    CHECK_MSG(r->status == 0 && strstr(r->err, "continuing from") && !strstr(r->err, "warning"), "%s", r->err);
    r = hone(TRAIN MODEL " --lr 0 --quiet --steps 30 --out %s", out_dir("still_quiet"));
    CHECK_MSG(r->status == 0 && !*r->err && !*r->out, "%s", r->err);
    r = hone(TRAIN MODEL " --lr 1e-3 --epochs 4 --max-length 40 --out %s", out_dir("healthy"));
    CHECK_MSG(r->status == 0 && times(r->err, "warning") == 1 && strstr(r->err, "the model has no positions beyond"),
              "%s", r->err);
}

/* The warnings in the JSON of a dry run, one a line. */
static const char *foreseen(const char *words, const char *file) {
    static char all[4096];
    const command_result *r = hone("train --model " MODEL " --train %s --lr 1e-3 --out %s --dry-run --quiet --json %s",
                                   file, out_dir("never"), words);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL), *x;
    size_t i, n = 0;
    *all = 0;
    CHECK(json_is_array(json_object_get(j, "warnings")) && json_is_false(json_object_get(j, "finished")));
    json_array_foreach(json_object_get(j, "warnings"), i, x)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s\n", json_string_value(x));
    json_decref(j);
    return all;
}

/* What `said` says up to the words in which a run and its dry run differ: "warning: 45.4 % of the rows". */
static bool same_share(const char *said, const char *foretold) {
    const char *a = strstr(said, "warning: "), *b = strstr(foretold, "warning: ");
    size_t n = a ? (size_t)(strstr(a, "rows") - a) : 0;
    return a && b && n > 15 && !strncmp(a, b, n);
}

TEST(diagnostics, what_is_known_before_a_run_is_told_by_a_dry_run) {
    char file[HONE_PATH_MAX], text[16384];
    size_t n = 0;
    CHECK_OK(hone_io_join(file, test_dir(), "foreseen.jsonl"));
    for (int i = 0; i < 90; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"anchor\":\"question %d\",\"positive\":\"answer %d\"}\n", i,
                              i % 40);
    CHECK_OK(hone_io_write_file(file, text, n));
    const char *words[] = {"--task pairs --allow-duplicates --batch-size 8",
                           "--task pairs --allow-duplicates --batch-size 64 --epochs 1",
                           "--task pairs --allow-duplicates --batch-size 4 --seed 7 --no-shuffle"};
    for (int i = 0; i < 2; i++) { /* the second has fewer than ten steps */
        const char *told = foreseen(words[i], file);
        CHECK_MSG(strstr(told, "in the first steps have a false negative") && strstr(told, "share the document"), "%s",
                  told);
        const command_result *r =
            hone("train --model " MODEL " --train %s --lr 1e-3 --out %s %s", file, out_dir("told"), words[i]);
        CHECK_MSG(same_share(r->err, told), "%s and %s", r->err, told);
    }
    CHECK_STR(foreseen(words[2], file), ""); /* in the file's order they stand 40 rows apart */
    CHECK_STR(foreseen("--task pairs --batch-size 8", file), "");
    n = 0;
    for (int i = 0; i < 16; i++) /* an uncased model */
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"anchor\":\"%s %d %d\",\"positive\":\"answer %d\"}\n",
                              i % 2 ? "QUESTION" : "question", i / 8, i / 2, i);
    CHECK_OK(hone_io_write_file(file, text, n));
    const char *cased = foreseen("--task pairs --batch-size 16", file);
    CHECK_MSG(strstr(cased, "have anchors that are the same to the model, such as \"question ") ||
                  strstr(cased, "such as \"QUESTION "),
              "%s", cased);
    n = 0;
    for (int i = 0; i < 90; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"anchor\":\"question %d\",\"positive\":\"answer %d\"}\n", i,
                              i % 40);
    CHECK_OK(hone_io_write_file(file, text, n));
    CHECK_MSG(strstr(foreseen("--task pairs --batch-size 8 --max-length 3", file),
                     "100 % of the texts (180 of 180) are cut at 3 tokens"),
              "each text counts as often as rows have it: %s",
              foreseen("--task pairs --batch-size 8 --max-length 3", file));
    n = 0;
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"sentence1\":\"a %d\",\"sentence2\":\"b %d\",\"score\":1,\"label\":1}\n", i, i);
    CHECK_OK(hone_io_write_file(file, text, n));
    char constant[HONE_PATH_MAX + 64];
    snprintf(constant, sizeof constant, "--task scored --batch-size 8 --eval %s", file);
    const char *told = foreseen(constant, file);
    CHECK_MSG(strstr(told, "every one of the 20 rows has the score 1") &&
                  strstr(told, "all 20 rows to judge by have the score 1"),
              "%s", told);
    const command_result *judged = hone("eval --task scored --model " MODEL " --data %s", file);
    CHECK_MSG(judged->status == 0 && times(judged->out, " not defined\n") == 2 && !strstr(judged->out, "nan"), "%s",
              judged->out);
    told = foreseen("--task scored --loss contrastive", file);
    CHECK_MSG(strstr(told, "has the label 1: without rows of the other kind"), "%s", told);
}

/* --lr and --lr-scale of 0, and a run that is all warm-up: its one step has the rate 0. */
TEST(diagnostics, rates_of_0_are_foreseen) {
    char file[HONE_PATH_MAX], text[2048];
    size_t n = 0;
    CHECK_OK(hone_io_join(file, test_dir(), "rates.jsonl"));
    for (int i = 0; i < 16; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"anchor\":\"q %d\",\"positive\":\"a %d\"}\n", i, i);
    CHECK_OK(hone_io_write_file(file, text, n));
    static const char *const still[] = {"--task pairs --lr 0", "--task pairs --lr-scale '*=0'",
                                        "--task pairs --steps 1 --warmup 1"};
    for (int i = 0; i < 3; i++) {
        const char *told = foreseen(still[i], file);
        CHECK_MSG(strstr(told, "the rate is 0 in all of "), "%s: %s", still[i], told);
        const command_result *r =
            hone("train --model " MODEL " --train %s --lr 1e-3 --out %s %s", file, out_dir("still"), still[i]);
        CHECK_MSG(r->status == 0 && strstr(r->err, "the rate was 0 in all of "), "%s: %s", still[i], r->err);
    }
    CHECK_STR(foreseen("--task pairs --lr-scale 'embeddings.*=0'", file), "");
    CHECK_STR(foreseen("--task pairs --steps 2 --warmup 1", file), "");
    CHECK_STR(foreseen("--task pairs --steps 1 --warmup 0", file), "");
}

/* The first and the last row with an anchor are of one group, the one between them is not. */
TEST(diagnostics, a_false_negative_between_two_rows_of_one_group_is_counted) {
    char file[HONE_PATH_MAX];
    const char *rows = "{\"anchor\":\"q\",\"positive\":\"a\",\"g\":1}\n{\"anchor\":\"q\",\"positive\":\"b\",\"g\":2}\n"
                       "{\"anchor\":\"q\",\"positive\":\"c\",\"g\":1}\n{\"anchor\":\"r\",\"positive\":\"d\",\"g\":1}\n";
    CHECK_OK(hone_io_join(file, test_dir(), "between.jsonl"));
    CHECK_OK(hone_io_write_file(file, rows, strlen(rows)));
    const char *told = foreseen("--task pairs --allow-duplicates --no-shuffle --batch-size 4 --group g", file);
    CHECK_MSG(strstr(told, "75 % of the rows in the first steps"), "%s", told);
}

TEST(diagnostics, false_negatives_and_constant_scores_are_told) {
    char file[HONE_PATH_MAX], text[8192];
    size_t n = 0;
    const command_result *r = hone("train --task pairs --batch-size 8 --model " MODEL " --train " DATA
                                   "grouped.jsonl --epochs 1 --lr 1e-3 --out %s",
                                   out_dir("grouped"));
    CHECK_MSG(r->status == 0 && strstr(r->err, "have the same \"group\"; --group keeps such rows apart"), "%s", r->err);
    r = hone("train --task pairs --batch-size 8 --model " MODEL " --train " DATA
             "grouped.jsonl --group group --epochs 1 --lr 1e-3 --out %s",
             out_dir("apart"));
    CHECK_MSG(r->status == 0 && !strstr(r->err, "false negative"), "%s", r->err);
    CHECK_OK(hone_io_join(file, test_dir(), "twice.jsonl"));
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"anchor\":\"question %d\",\"positive\":\"answer %d\"}\n", i,
                              i % 8);
    CHECK_OK(hone_io_write_file(file, text, n));
    r = hone("train --task pairs --allow-duplicates --batch-size 8 --model " MODEL
             " --train %s --epochs 1 --lr 1e-3 --out %s",
             file, out_dir("twice"));
    CHECK_MSG(r->status == 0 && strstr(r->err, "share the document \"answer ") && strstr(r->err, "--allow-duplicates"),
              "%s", r->err);
    r = hone("train --task pairs --batch-size 8 --model " MODEL " --train %s --epochs 1 --lr 1e-3 --out %s", file,
             out_dir("once"));
    CHECK_MSG(r->status == 0 && !strstr(r->err, "false negative"), "%s", r->err);
    n = 0;
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"sentence1\":\"a %d\",\"sentence2\":\"b %d\",\"score\":1}\n", i, i);
    CHECK_OK(hone_io_join(file, test_dir(), "constant.jsonl"));
    CHECK_OK(hone_io_write_file(file, text, n));
    r = hone("train --task scored --batch-size 8 --model " MODEL " --train %s --eval %s --epochs 1 --lr 1e-3 --out %s",
             file, file, out_dir("constant"));
    CHECK_MSG(r->status == 0 && strstr(r->err, "every one of the 20 rows has the score 1") &&
                  strstr(r->err, "all 20 rows to judge by have the score 1"),
              "%s", r->err);
    CHECK_MSG(!strstr(r->err, "nan") && !strstr(r->err, "spearman 0"), "%s",
              r->err); /* what is not defined is not shown */
}

/* Scores of 0 to 5 under a loss that compares them with cosines: nothing fails, and nothing good comes of it. */
TEST(diagnostics, scores_that_no_cosine_reaches_are_told) {
    char file[HONE_PATH_MAX], text[4096];
    size_t n = 0;
    CHECK_OK(hone_io_join(file, test_dir(), "stars.jsonl"));
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"sentence1\":\"a %d\",\"sentence2\":\"b %d\",\"score\":%d}\n", i, i, i % 6);
    CHECK_OK(hone_io_write_file(file, text, n));
    static const char *const losses[] = {"cosine", "cosent"};
    for (int i = 0; i < 2; i++) {
        const command_result *r =
            hone("train --task scored --loss %s --batch-size 8 --model " MODEL " --train %s --epochs 1 --out %s",
                 losses[i], file, out_dir(losses[i]));
        CHECK_MSG(r->status == 0 && (strstr(r->err, "scores go from 0 to 5, and loss cosine") != NULL) == (i == 0),
                  "%s: %s", losses[i], r->err);
    }
}
