/* The experiments, as a reader would run them: on tiny models and rows, with wrong words, with files that are not
 * there. */
#include "tests/tools/command.h"

#include <math.h>
#include <stdlib.h>

#define MODEL "tests/golden/models/mean"
#define DATA "tests/golden/train/"

/* An experiment that fails leaves its memory to the system: the leak checker of an asan build is told so where one is
 * to fail. */
static const char *environment = "";
#define MAY_LEAK "ASAN_OPTIONS=detect_leaks=0 "

/* Runs an experiment that stands beside the command under test ($HONE_BIN). */
static __attribute__((format(printf, 2, 3))) const command_result *experiment(const char *name, const char *fmt, ...) {
    char line[4096], before[4096];
    const char *bin = getenv("HONE_BIN");
    if (!bin || !*bin) SKIP("HONE_BIN is not set");
    const char *slash = strrchr(bin, '/');
    int n = slash ? (int)(slash - bin) : 1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    /* run_command puts the command's name between `before` and the arguments: a shell that drops it. */
    snprintf(before, sizeof before, "%ssh -c 'shift; exec \"$@\"' sh", environment);
    char arguments[8192];
    snprintf(arguments, sizeof arguments, "'%.*s/experiments/%s' %s", n, slash ? bin : ".", name, line);
    return run_command(before, arguments);
}

/* The number behind the last `word` of the output. */
static double last_number(const command_result *r, const char *word) {
    const char *at = NULL;
    for (const char *p = r->out; (p = strstr(p, word)); p += strlen(word)) at = p + strlen(word);
    CHECK_MSG(at, "no \"%s\" in \"%s\"", word, r->out);
    return strtod(at, NULL);
}

TEST(experiments, a_wrong_call_says_how_to_call_and_exits_with_2) {
    static const char *const names[] = {"bi_encoder", "new_loss", "new_op", "probe"};
    static const char *const calls[] = {"--help", "a b c d e f", "m p zero out"};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++) {
            const command_result *r = experiment(names[i], "%s", calls[k]);
            CHECK_MSG(r->status == 2 && r->err_lines == 1 && !strncmp(r->err, "usage: ", 7), "%s %s: exit %d, \"%s\"",
                      names[i], calls[k], r->status, r->err);
        }
}

TEST(experiments, what_is_not_there_is_named_in_one_sentence) {
    char out[512];
    environment = MAY_LEAK;
    snprintf(out, sizeof out, "%s/nothing", test_dir());
    const command_result *r = experiment("bi_encoder", "no/model " DATA "pairs.jsonl 1 %s", out);
    CHECK_MSG(r->status == 3 && strstr(r->err, "bi_encoder: no/model") && r->err_lines <= 2, "exit %d, %s", r->status,
              r->err);
    r = experiment("new_loss", MODEL " no.jsonl 1 %s", out);
    CHECK_MSG(r->status == 3 && strstr(r->err, "new_loss: no.jsonl: ") && r->err_lines <= 2, "exit %d, %s", r->status,
              r->err);
    r = experiment("probe", MODEL " " DATA "pairs.jsonl");
    CHECK_MSG(r->status == 3 && strstr(r->err, "no field \"") && r->err_lines <= 2, "exit %d, %s", r->status, r->err);
    r = experiment("new_op", "-1");
    CHECK_MSG(r->status == 2 && strstr(r->err, "softcap: c is -1, wants more than 0"), "exit %d, %s", r->status,
              r->err);
    environment = "";
}

TEST(experiments, bi_encoder_learns_and_writes_a_folder_that_hone_reads) {
    char out[512], line[1200];
    snprintf(out, sizeof out, "%s/bi_encoder", test_dir());
    const command_result *r = experiment("bi_encoder", MODEL " " DATA "pairs.jsonl 40 %s", out);
    CHECK_MSG(r->status == 0 && !*r->err, "exit %d, %s", r->status, r->err);
    double first = strtod(strstr(r->out, "loss ") + 5, NULL), last = last_number(r, "step 40  loss ");
    CHECK_MSG(isfinite(first) && isfinite(last), "%s", r->out);
    snprintf(line, sizeof line, "embed --quiet --model %s --input " DATA "labelled.jsonl --out %s/x.npy", out, out);
    r = run_command("", line);
    CHECK_MSG(r->status == 0, "%s", r->err);
}

TEST(experiments, a_new_loss_has_the_right_gradient_and_trains_in_the_loop) {
    char out[512], line[1200];
    snprintf(out, sizeof out, "%s/new_loss", test_dir());
    const command_result *r = experiment("new_loss", MODEL " " DATA "pairs.jsonl 60 %s", out);
    CHECK_MSG(r->status == 0 && !*r->err, "exit %d, %s", r->status, r->err);
    CHECK(last_number(r, "largest error ") < 1e-9);
    double first = last_number(r, "step 1 of 60  loss "), last = last_number(r, "step 60 of 60  loss ");
    CHECK_MSG(last < first - 0.5, "loss %g at first, %g after 60 steps", first, last);
    snprintf(line, sizeof line, "embed --quiet --model %s/final_model --input " DATA "labelled.jsonl --out %s/x.npy",
             out, out);
    r = run_command("", line);
    CHECK_MSG(r->status == 0, "%s", r->err);
}

TEST(experiments, a_new_op_has_the_right_gradient_and_every_row_the_scalar_values) {
    const command_result *r = experiment("new_op", "%s", "");
    CHECK_MSG(r->status == 0 && !*r->err, "exit %d, %s", r->status, r->err);
    CHECK_MSG(strstr(r->out, "gradient: 64 elements") && strstr(r->out, "row scalar ") &&
                  strstr(r->out, "row avx512, emulated "),
              "%s", r->out);
    CHECK_MSG(!strstr(r->out, "row scalar            skipped"), "%s", r->out);
    r = experiment("new_op", "2.5");
    CHECK_MSG(r->status == 0 && !*r->err, "exit %d, %s", r->status, r->err);
}

TEST(experiments, probe_reads_off_each_layer_what_transformers_hidden_states_say) {
    /* tests/golden/experiments/make_probe.py, transformers 5.23.0 */
    static const char *const want[] = {"layer  0 of 2  accuracy 0.2037\n", "layer  1 of 2  accuracy 0.2407\n",
                                       "layer  2 of 2  accuracy 0.2407\n"};
    const command_result *r = experiment("probe", MODEL " " DATA "labelled.jsonl");
    CHECK_MSG(r->status == 0 && !*r->err, "exit %d, %s", r->status, r->err);
    for (int i = 0; i < 3; i++) CHECK_MSG(strstr(r->out, want[i]), "no \"%s\" in \"%s\"", want[i], r->out);
}

/* Each can be read in one sitting: under 100 lines. */
TEST(experiments, each_is_under_100_lines) {
    static const char *const files[] = {"bi_encoder.c", "new_loss.c", "new_op.c", "probe.c"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        int lines = 0;
        snprintf(path, sizeof path, "experiments/%s", files[i]);
        FILE *f = fopen(path, "r");
        CHECK_MSG(f, "%s", path);
        for (int c; (c = fgetc(f)) != EOF;) lines += c == '\n';
        fclose(f);
        CHECK_MSG(lines > 0 && lines < 100, "%s has %d lines", path, lines);
    }
}
