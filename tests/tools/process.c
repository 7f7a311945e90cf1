/* The command as a process: small stacks, readers that go, outputs that are open files, folders that are not there. */
#include "base/fault.h"
#include "base/io.h"
#include "base/memory.h"
#include "tests/tools/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL "tests/golden/models/mean"
#define PAIRS "tests/golden/train/pairs.jsonl"
#define NARROW "sh -c 'ulimit -s 64; exec \"$0\" \"$@\"'"
#define EMBED "embed --quiet --model " MODEL " --input " PAIRS " --columns text=anchor --out "

static const char *at(const char *name) {
    static char paths[4][600];
    static int next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s", test_dir(), name);
    return p;
}

/* Saving a checkpoint takes more than 96 KiB of it. */
TEST(process, a_small_stack_is_no_reason_to_crash) {
    if (HONE_UNDER_ASAN || HONE_UNDER_TSAN) SKIP("a sanitizer's own main needs more stack than this");
    const command_result *r =
        hone_with(NARROW,
                  "train --quiet --task pairs --model " MODEL " --train " PAIRS
                  " --eval-split 0.3 --steps 4 --save-every 2 --eval-every 2 --threads 3 --out %s",
                  at("narrow"));
    CHECK_MSG(r->status == 0, "%d: %s", r->status, r->err);
    CHECK_INT(hone("train --quiet --task pairs --model " MODEL " --train " PAIRS
                   " --eval-split 0.3 --steps 4 --save-every 2 --eval-every 2 --out %s",
                   at("wide"))
                  ->status,
              0);
    char compare[1400];
    snprintf(compare, sizeof compare, "cmp %s/final_model/model.safetensors %s/final_model/model.safetensors",
             at("narrow"), at("wide"));
    CHECK_INT(system(compare), 0);
    r = hone_with(NARROW, "train --no-such");
    CHECK_INT(r->status, 2);
}

/* The note about the bad row finds nobody; by then the output has been begun. */
TEST(process, a_reader_that_is_gone_leaves_no_temporary_file_behind) {
    const char *in = write_file("gone.jsonl", "{\"anchor\": \"a\", \"positive\": \"b\"}\n{\"anchor\": 1}\n"
                                              "{\"anchor\": \"c\", \"positive\": \"d\"}\n");
    char **names;
    size_t n;
    char before[800];
    snprintf(before, sizeof before, "sh -c '{ sleep 0.3; \"$0\" \"$@\"; echo $? >%s; } 2>&1 | true'",
             at("gone-status"));
    const command_result *r =
        hone_with(before, "data negatives %s --model " MODEL " --out %s", in, at("gone-out.jsonl"));
    CHECK_INT(r->status, 0);
    CHECK_OK(hone_io_list(test_dir(), &names, &n));
    for (size_t k = 0; k < n; k++) CHECK_MSG(!strstr(names[k], "gone-out"), "left %s", names[k]);
    hone_free(names);
    char *text;
    CHECK_OK(hone_io_read_file(at("gone-status"), 100, &text, &n));
    CHECK_STR(text, "141\n"); /* as if it had no handler: 128 + SIGPIPE */
    hone_free(text);
}

/* /dev/stdout leads to an open file that may have no name (a pipe, the shell's >(command)), or bytes of others. */
TEST(process, an_output_that_is_an_open_file_is_written_to_as_it_stands) {
    char *want, *text;
    size_t n, m;
    CHECK(!symlink("/dev/stdout", at("stdout.jsonl")));
    CHECK_INT(hone(EMBED "%s", at("named.jsonl"))->status, 0);
    CHECK_OK(hone_io_read_file(at("named.jsonl"), 1 << 20, &want, &n));
    char before[800];
    snprintf(before, sizeof before, "sh -c '\"$0\" \"$@\" | cat >%s'", at("piped.jsonl"));
    const command_result *r = hone_with(before, EMBED "%s", at("stdout.jsonl"));
    CHECK_MSG(r->status == 0 && !*r->err, "%d: %s", r->status, r->err);
    CHECK_OK(hone_io_read_file(at("piped.jsonl"), 1 << 20, &text, &m));
    CHECK(m == n && !memcmp(text, want, n));
    hone_free(text);
    write_file("grown.jsonl", "before\n");
    r = hone(EMBED "%s >>%s", at("stdout.jsonl"), at("grown.jsonl"));
    CHECK_MSG(r->status == 0, "%d: %s", r->status, r->err);
    CHECK_OK(hone_io_read_file(at("grown.jsonl"), 1 << 20, &text, &m));
    CHECK_MSG(m == n + 7 && !memcmp(text, "before\n", 7) && !memcmp(text + 7, want, n), "%zu and %zu bytes: %.20s", m,
              n, text);
    hone_free(text), hone_free(want);
}

/* An --out that is a folder is made, and what lies above it; the folder of an --out that is a file must be there. */
TEST(process, an_output_folder_is_made_and_the_folder_of_an_output_file_must_be_there) {
    static const char *const folders[] = {
        "train --task pairs --model " MODEL " --train " PAIRS " --steps 1 --out",
        "data split " PAIRS " --out",
        "data sample --rows 10 --out",
    };
    static const char *const files[][2] = {
        {EMBED, "x.npy"},
        {EMBED, "x.jsonl"},
        {EMBED, "x.safetensors"},
        {"data negatives " PAIRS " --model " MODEL " --out", "x.jsonl"},
        {"report --run tests --out", "x.html"},
    };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const command_result *r = hone("%s %s/made%zu/of/it --quiet", folders[i], test_dir(), i);
        CHECK_MSG(r->status == 0, "%s: %d %s", folders[i], r->status, r->err);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const command_result *r = hone("%s %s/none/%s --quiet", files[i][0], test_dir(), files[i][1]);
        CHECK_MSG(r->status == 4 && strstr(r->err, "cannot write: its folder does not exist") && r->err_lines == 2,
                  "%s: %d %s", files[i][0], r->status, r->err);
        CHECK(!hone_io_exists(at("none")));
    }
}

/* Where a model's name is looked up, and what is said where nothing is found. */
TEST(process, a_name_is_looked_up_in_the_hugging_face_cache_alone) {
#define WITHOUT "env -u HOME -u HF_HOME -u HF_HUB_CACHE -u HUGGINGFACE_HUB_CACHE -u XDG_CACHE_HOME"
    char before[1600];
    const command_result *r = hone_with(WITHOUT, "inspect org/name");
    CHECK_MSG(r->status == 3 && strstr(r->err, "no Hugging Face cache is known") && strstr(r->err, "HF_HUB_CACHE"),
              "%d: %s", r->status, r->err);
    snprintf(before, sizeof before, WITHOUT " HF_HOME=%s SENTENCE_TRANSFORMERS_HOME=%s", test_dir(), test_dir());
    r = hone_with(before, "inspect org/name");
    CHECK_MSG(r->status == 3 && strstr(r->err, "SENTENCE_TRANSFORMERS_HOME is not looked at; HF_HUB_CACHE="), "%d: %s",
              r->status, r->err);
    snprintf(before, sizeof before, WITHOUT " HF_HOME=%s", test_dir());
    r = hone_with(before, "inspect org/name");
    CHECK_MSG(r->status == 3 && !strstr(r->err, "SENTENCE_TRANSFORMERS_HOME"), "%s", r->err);
}
