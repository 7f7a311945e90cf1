/* Wrong command lines, as people type them: exit 2 (or the code beside), at most three lines on standard error, nothing
 * on standard output, and the word that helps. */
#include "tests/tools/command.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

typedef struct mistake {
    const char *line, *says;
    int status;
} mistake;

#define TRAIN "train --task pairs --model m --train t.csv --out o "

static const mistake mistakes[] = {
    {"trian", "did you mean hone train?", 2},
    {"Train", "did you mean hone train?", 2},
    {"xyzzy", "unknown command \"xyzzy\"", 2},
    {"''", "unknown command", 2},
    {"--model m", "a command comes first", 2},
    {"-q", "unknown option", 2},
    {"bench", "kernels, step, embed", 2},
    {"bench stpe", "did you mean hone bench step?", 2},
    {"bench --arch x", "unknown word", 2},
    {"data", "needs one of validate, split, stats, negatives, sample", 2},
    {"data splt", "did you mean hone data split?", 2},
    {"data mismatch x.csv", "data mismatch: not available yet", 2},
    {"data validate", "--task is missing", 2},
    {"data validate --task pairs", "FILE is missing", 2},
    {"data validate x.csv --task match", "\"match\" is not available yet", 2},
    {"data validate x.csv --task pears", "did you mean pairs?", 2},
    {"data validate x.csv y.csv --task pairs", "unexpected \"y.csv\"", 2},
    {"data split x.csv", "--out is missing", 2},
    {"data split x.csv --out o --ratio 1", "1 is out of range", 2},
    {"data split x.csv --out o --ratio 0.5,0.3,0.1,0.1", "4 shares given", 2},
    {"data split x.csv --out o --train-size 0.8", "did you mean --ratio?", 2},
    {"data split /dev/null --out o", "twice, which a pipe or device does not allow", 2},
    {"data split - --out o", "twice, which standard input does not allow", 2},
    {"data negatives - --model m --corpus -", "FILE and --corpus are both standard input", 2},
    {TRAIN "--train - --eval -", "--train and --eval are both standard input", 2},
    {"data stats x.csv --top 0", "0 is out of range", 2},
    {"data negatives x.csv", "--model is missing", 2},
    {"data sample --rows 3 --out o", "3 is out of range", 2},
    {"data negatives x.csv --model m --num-negative 3", "did you mean --num-negatives?", 2},
    {"rerank --model m", "not available yet", 2},
    {"search", "not available yet", 2},
    {"help nonsense", "unknown command", 2},
    {"help train extra", "extra", 2},
    {"help --what", "--what", 2},
    {"train", "--task, --model, --train, --out are missing", 2},
    {"train --task pairs", "--model, --train, --out are missing", 2},
    {"train --task pairs --model m --train t.csv", "--out is missing", 2},
    {"embed --model m", "--input", 2},
    {"embed", "--model", 2},
    {"eval --task pairs --model m", "--data is missing", 2},
    {"tokenize --input x.csv", "--model is missing", 2},
    {"inspect", "is missing", 2},
    {TRAIN "--bacth-size 3", "did you mean --batch-size?", 2},
    {TRAIN "--batch_size 3", "did you mean --batch-size?", 2},
    {TRAIN "--batch 3", "did you mean --batch-size?", 2},
    {TRAIN "--learning-rate 3", "did you mean --lr?", 2},
    {TRAIN "--num_train_epochs 3", "did you mean --epochs?", 2},
    {TRAIN "--per-device-train-batch-size 8", "did you mean --batch-size?", 2},
    {TRAIN "--max-seq-length 8", "did you mean --max-length?", 2},
    {TRAIN "--output_dir o", "did you mean --out?", 2},
    {TRAIN "--epoch 3", "did you mean --epochs?", 2},
    {TRAIN "--wramup 3", "did you mean --warmup?", 2},
    {TRAIN "--xyzzy", "unknown option \"--xyzzy\"", 2},
    {TRAIN "--xyzzy=5", "unknown option \"--xyzzy\"", 2},
    {TRAIN "-e 3", "unknown option \"-e\"", 2},
    {TRAIN "-lr 3", "did you mean --lr?", 2},
    {TRAIN "stray", "unexpected \"stray\"", 2},
    {TRAIN "-- stray", "unexpected \"stray\"", 2},
    {TRAIN "--epochs", "needs a value", 2},
    {TRAIN "--epochs three", "\"three\" is not a number", 2},
    {TRAIN "--epochs 3x", "\"3x\" is not a number", 2},
    {TRAIN "--epochs ''", "\"\" is not a number", 2},
    {TRAIN "--epochs -1", "-1 is out of range", 2},
    {TRAIN "--epochs nan", "\"nan\" is not a number", 2},
    {TRAIN "--epochs inf", "\"inf\" is not a number", 2},
    {TRAIN "--epochs 1e999", "not a number", 2},
    {TRAIN "--batch-size 0", "0 is out of range, allowed: 1 to 65536", 2},
    {TRAIN "--batch-size 12abc", "\"12abc\" is not a whole number", 2},
    {TRAIN "--batch-size 1.5", "\"1.5\" is not a whole number", 2},
    {TRAIN "--batch-size 99999999999999999999", "out of range, allowed: 1 to 65536", 2},
    {TRAIN "--seed 99999999999999999999", "allowed: 0 or more, at most 9223372036854775807", 2},
    {TRAIN "--steps 2000000000000", "2000000000000 is out of range, allowed: 1 or more, at most 1000000000000", 2},
    {TRAIN "--warmup 1e13", "1e13 is out of range, allowed: 0 or more, at most 1000000000000", 2},
    {TRAIN "--batch-size=", "is not a whole number", 2},
    {TRAIN "--lr -2e-5", "-2e-5 is out of range", 2},
    {TRAIN "--lr 0x10", "is not a number", 2},
    {TRAIN "--lr 1,5", "is not a number", 2},
    {TRAIN "--warmup 1.5", "neither a share below 1 nor a whole number", 2},
    {TRAIN "--warmup -0.1", "out of range", 2},
    {TRAIN "--schedule liner", "did you mean linear?", 2},
    {TRAIN "--schedule ''", "linear, cosine, constant", 2},
    {TRAIN "--loss mrn", "did you mean mnr?", 2},
    {TRAIN "--loss lambda", "\"lambda\" is not available yet", 2},
    {TRAIN "--loss cosent", "\"cosent\" does not go with --task pairs, allowed: mnr, mnr-symmetric, gte, triplet", 2},
    {TRAIN "--loss batch-hard", "it goes with --task triplet", 2},
    {TRAIN "--loss triplet --group id", "--group: in --loss triplet other rows are no negatives", 2},
    {TRAIN "--patience 3", "--patience needs rows to judge by", 2},
    {TRAIN "--patience 0", "0 is out of range", 2},
    {TRAIN "--freeze", "needs a value", 2},
    {TRAIN "--lr-scale embeddings", "not of the form", 2},
    {TRAIN "--distance cosin", "did you mean cosine?", 2},
    {TRAIN "--betas 0.9", "2 numbers wanted, 1 given", 2},
    {TRAIN "--betas 0.9,0.99,0.999", "2 numbers wanted, 3 given", 2},
    {TRAIN "--betas 0.9,1", "1 is out of range", 2},
    {TRAIN "--columns anchor", "not of the form", 2},
    {TRAIN "--columns anchor=", "nothing behind it", 2},
    {TRAIN "--columns =x", "not of the form", 2},
    {TRAIN "--eval-every epohc", "did you mean epoch?", 2},
    {TRAIN "--eval-every 0", "0 is out of range", 2},
    {TRAIN "--eval-every 5x", "\"5x\" is not a whole number", 2},
    {TRAIN "--eval-split 1", "1 is out of range", 2},
    {TRAIN "--eval-split 0", "0 is out of range", 2},
    {TRAIN "--dropout 1", "1 is out of range", 2},
    {TRAIN "--lora 8", "--lora: not available yet", 2},
    {TRAIN "--ema 0.99", "--ema: not available yet", 2},
    {TRAIN "--matryoshka 384,x", "\"x\" is not a whole number", 2},
    {TRAIN "--matryoshka 0", "0 is out of range", 2},
    {TRAIN "--chunk 0", "0 is out of range", 2},
    {TRAIN "--group-by-length", "--group-by-length: not available yet", 2},
    {TRAIN "--no-shuffle=yes", "takes no value, found \"yes\"", 2},
    {TRAIN "--model --out x", "needs a value, found the option --out", 2},
    {TRAIN "--model ''", "empty", 2},
    {TRAIN "--threads 0", "0 is out of range", 2},
    {TRAIN "--threads many", "is not a whole number", 2},
    {TRAIN "--seed -1", "-1 is out of range", 2},
    {TRAIN "--seed 1.5", "is not a whole number", 2},
    {TRAIN "--device gpu", "allowed: auto, cpu, cuda, cuda:N", 2},
    {TRAIN "--device cuda", "no CUDA", 7},
    {TRAIN "--device cuda:1", "no CUDA", 7},
    {TRAIN "--device cuda:x", "unknown value", 2},
    {TRAIN "--precision int8", "does not train", 2},
    {TRAIN "--precision f16", "allowed: f32, bf16", 2},
    {TRAIN "--config /nonexistent/c.json", "/nonexistent/c.json", 2},
    {TRAIN "--config", "needs a value", 2},
    {"train --task rerank", "\"rerank\" is not available yet", 2},
    {"train --task pears", "did you mean pairs?", 2},
    {"train --task", "needs a value", 2},
    {"eval --task triplets", "did you mean triplet?", 2},
    {"embed --quantize int8", "not available yet", 2},
    {"embed --model m --input i --out o.npy --truncate 0", "0 is out of range", 2},
    {"bench step --batch 1x", "is not a whole number", 2},
    {"bench step extra", "unexpected \"extra\"", 2},
    {"bench embed --model", "needs a value", 2},
    {"inspect a b", "unexpected \"b\"", 2},
    {"tokenize --model m --input i --max-length 0", "0 is out of range", 2},
    {TRAIN "--save-every x", "unknown value \"x\"", 2},
    {TRAIN "--save-every 0", "0 is out of range", 2},
    {TRAIN "--keep -1", "-1 is out of range", 2},
    {TRAIN "--keep two", "is not a whole number", 2},
    {TRAIN "--steps 0", "0 is out of range", 2},
    {TRAIN "--steps 1e3", "is not a whole number", 2},
    {TRAIN "--clip -1", "-1 is out of range", 2},
    {TRAIN "--weight-decay -0.1", "-0.1 is out of range", 2},
    {TRAIN "--eps 0", "0 is out of range", 2},
    {TRAIN "--accumulate 0", "0 is out of range", 2},
    {TRAIN "--scale 0", "0 is out of range", 2},
    {TRAIN "--margin x", "is not a number", 2},
    {TRAIN "--max-length 0", "0 is out of range", 2},
    {TRAIN "--max-length 1.5", "is not a whole number", 2},
    {TRAIN "--resume=now", "takes no value, found \"now\"", 2},
    {TRAIN "--steps 3 --epochs 2", "exclude each other", 2},
    {TRAIN "--eval e.csv --eval-split 0.1", "exclude each other", 2},
    {TRAIN "--gpu", "unknown option \"--gpu\"", 2},
    {TRAIN "--fp16", "unknown option \"--fp16\"", 2},
    {TRAIN "--help=yes", "takes no value", 2},
    {"train --task '' --model m --train t.csv --out o", "unknown value \"\"", 2},
    {"embed --model m --input i --out o.npy --batch-size 0", "0 is out of range", 2},
    {"embed --model m --input i --out o.xyz", "unknown kind of file", 2},
    {"embed --model m --input i --out o.npy --threads -1", "-1 is out of range", 2},
    {"embed --model m --imput i --out o.npy", "did you mean --input?", 2},
    {"embed --model m --input i --output o.npy", "did you mean --out?", 2},
    {"embed --model m --input i --out o.npy extra", "unexpected \"extra\"", 2},
    {"embed --model m --input i --out o.npy --precision int7", "did you mean int8?", 2},
    {"embed --model m --input i --out o.npy --truncate -3", "-3 is out of range", 2},
    {"eval --task pairs --model m --data d --compare", "needs a value", 2},
    {"eval --task pairs --model m --data d --changed x", "is not a whole number", 2},
    {"eval --task pairs --model m --data d --changed 3", "needs a second model", 2},
    {"eval --task pairs --modle m --data d", "did you mean --model?", 2},
    {"eval --task pairs --model m --test d", "did you mean --data?", 2},
    {"tokenize --model m", "--input is missing", 2},
    {"tokenize --model m --input i --pair", "did you mean --pairs?", 2},
    {"tokenize --model m --input i extra", "unexpected \"extra\"", 2},
    {"inspect m --jsn", "did you mean --json?", 2},
    {"bench kernels --threads 0", "0 is out of range", 2},
    {"bench kernels xyzzy", "unexpected \"xyzzy\"", 2},
    {"bench step --tokens 0", "0 is out of range", 2},
    {"bench embed", "--model, --input are missing", 2},
    {"data stats", "FILE is missing", 2},
    {"data stats x.csv --topp 3", "did you mean --top?", 2},
    {"data sample x.csv --out o", "unexpected \"x.csv\"", 2},
    {"data split x.csv --out o --ratio a", "is not a number", 2},
    {"data split x.csv --out o --seed x", "is not a whole number", 2},
    {"data negatives x.csv --model m --out o --margin x", "is not a number", 2},
    {"hepl", "did you mean hone help?", 2},
    {"help data splt", "did you mean hone data split?", 2},
    {"version", "unknown command \"version\"", 2},
    {"--vesion", "a command comes first", 2},
    {"--version --jsno", "--version: unexpected \"--jsno\"", 2},
    {"-V train", "unexpected \"train\"", 2},
};

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* `make mistakes` runs this room alone and shows the line that it prints. */
TEST(mistakes, wrong_command_lines_are_refused_in_at_most_three_lines_and_a_second) {
    const size_t n = sizeof mistakes / sizeof *mistakes;
    double slowest = 0;
    for (size_t i = 0; i < n; i++) {
        const mistake *m = &mistakes[i];
        double start = seconds();
        const command_result *r = run_command("", m->line);
        double took = seconds() - start;
        if (took > slowest) slowest = took;
        CHECK_MSG(took < 1, "hone %s: %.2f s", m->line, took);
        CHECK_MSG(r->status == m->status, "hone %s: exit %d, want %d: %s", m->line, r->status, m->status, r->err);
        CHECK_MSG(r->err_lines >= 1 && r->err_lines <= 3, "hone %s: %d lines: %s", m->line, r->err_lines, r->err);
        CHECK_MSG(!strncmp(r->err, "hone: ", 6), "hone %s: %s", m->line, r->err);
        CHECK_MSG(strstr(r->err, m->says), "hone %s: want \"%s\" in: %s", m->line, m->says, r->err);
        CHECK_MSG(!*r->out, "hone %s: standard output: %s", m->line, r->out);
    }
    CHECK(n >= 150);
    printf("mistakes: %zu/%zu PASS (slowest %.0f ms)\n", n, n, 1e3 * slowest);
}

TEST(tools, an_error_with_json_is_one_object_on_standard_error) {
    const char *lines[] = {"train --json --epochs 3x", "train --epochs 3x --json", "xyzzy --json",
                           "train --json --config /nonexistent"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const command_result *r = run_command("", lines[i]);
        json_t *j = json_loads(r->err, 0, NULL);
        CHECK_MSG(json_is_object(j) && r->err_lines == 1, "hone %s: %s", lines[i], r->err);
        CHECK_INT(json_integer_value(json_object_get(j, "code")), r->status);
        CHECK(json_string_length(json_object_get(j, "error")) > 0);
        CHECK_INT(r->status, 2);
        CHECK(!*r->out);
        json_decref(j);
    }
}

TEST(tools, hostile_bytes_in_an_argument_come_out_escaped) {
    const command_result *r = run_command("", "train \"$(printf -- '--a\\033[2J\\nb\\377')\"");
    CHECK_INT(r->status, 2);
    CHECK_MSG(r->err_lines <= 3 && !strchr(r->err, 27) && !strchr(r->err, '\377'), "%s", r->err);
    CHECK_MSG(strstr(r->err, "\\x1"), "%s", r->err);
}

TEST(tools, texts_that_are_not_utf8_are_refused_by_their_options_name) {
    static const struct {
        const char *arguments, *says;
    } cases[] = {
        {"train --task pairs --model m --train t.csv --out o --prompt-query \"$(printf 'a\\377')\"",
         "--prompt-query: \"a\\xff\" is not UTF-8: byte 0xFF at offset 1 of 2"},
        {"train --task pairs --model m --train t.csv --out o --prompt-document \"$(printf '\\303')\"",
         "--prompt-document: "},
        {"eval --task pairs --model m --data t.csv --prompt-query \"$(printf '\\355\\240\\200')\"", "--prompt-query: "},
        {"embed --model m --input t.csv --out x.npy --prompt \"$(printf '\\377')\"", "--prompt: "},
        {"train --task pairs --model m --train t.csv --out o --columns anchor=\"$(printf '\\377')\"", "--columns: "},
        {"train --task pairs --model m --train t.csv --out o --freeze \"$(printf '\\377')\"", "--freeze: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const command_result *r = run_command("", cases[i].arguments);
        CHECK_MSG(r->status == 2 && r->err_lines <= 3 && strstr(r->err, cases[i].says), "%s", r->err);
    }
}

TEST(tools, help_goes_to_standard_output_and_is_the_same_page_either_way) {
    static char first[65536];
    const char *commands[] = {"train",         "embed",          "eval",        "tokenize",      "inspect",
                              "bench kernels", "bench step",     "bench embed", "data validate", "data split",
                              "data stats",    "data negatives", "data sample"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[128];
        snprintf(line, sizeof line, "help %s", commands[i]);
        const command_result *r = run_command("", line);
        CHECK_INT(r->status, 0);
        CHECK_MSG(!*r->err && strstr(r->out, "usage: hone "), "%s%s", r->out, r->err);
        snprintf(first, sizeof first, "%s", r->out);
        snprintf(line, sizeof line, "%s --help", commands[i]);
        r = run_command("", line);
        CHECK_INT(r->status, 0);
        CHECK_STR(r->out, first);
    }
}

TEST(tools, hone_alone_and_hone_help_list_every_command) {
    const char *lines[] = {"", "help", "--help", "-h"};
    for (size_t i = 0; i < 4; i++) {
        const command_result *r = run_command("", lines[i]);
        CHECK_INT(r->status, 0);
        CHECK(strstr(r->out, "train") && strstr(r->out, "tokenize") && strstr(r->out, "bench step") && !*r->err);
    }
}

TEST(tools, the_version_says_the_cpu_row_and_whether_there_is_cuda) {
    const command_result *r = run_command("HONE_ISA=scalar", "--version");
    CHECK_INT(r->status, 0);
    CHECK_MSG(strstr(r->out, HONE_VERSION) && strstr(r->out, "CPU row in use: scalar") && strstr(r->out, "CUDA: no"),
              "%s", r->out);
}

TEST(tools, an_instruction_set_that_does_not_exist_is_wrong_use) {
    const command_result *r = run_command("HONE_ISA=mmx", "--version");
    CHECK_INT(r->status, 2);
    CHECK_MSG(strstr(r->err, "mmx") && r->err_lines <= 3 && !*r->out, "%s", r->err);
}

TEST(tools, a_full_disk_behind_standard_output_is_exit_4) {
    if (system("test -w /dev/full")) SKIP("no /dev/full here");
    CHECK_INT(run_command("", "help train >/dev/full")->status, 4);
    CHECK_INT(run_command("", "--version >/dev/full")->status, 4);
    const command_result *r = run_command("", "help train >&-");
    CHECK_INT(r->status, 4);
    CHECK_MSG(strstr(r->err, "standard output"), "%s", r->err);
}
