/* hone train --dry-run, and the refusal of runs that cannot fit, through the command. */
#include "base/fault.h"
#include "base/io.h"
#include "base/json.h"
#include "tests/tools/command.h"

#include <stdlib.h>

#define MODEL "tests/golden/models/mean"
#define DATA "tests/golden/train/"

static double number(const json_t *j, const char *a, const char *b) {
    const json_t *x = json_object_get(j, a);
    if (b) x = json_object_get(x, b);
    CHECK_MSG(json_is_number(x), "no number %s %s", a, b ? b : "");
    return json_number_value(x);
}

TEST(tools, a_dry_run_counts_what_the_run_then_does_and_writes_nothing) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/dry", test_dir());
    const char *words =
        "train --task pairs --model " MODEL " --train " DATA "pairs.jsonl --eval-split 0.3 --batch-size 8 --epochs 2 "
        "--freeze 'embeddings.*' --max-length 12";
    const command_result *r = hone("%s --dry-run --json --quiet --out %s", words, dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    CHECK(!hone_io_exists(dir));
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK(j);
    int64_t rows = (int64_t)number(j, "rows", NULL), judged = (int64_t)number(j, "eval_rows", NULL);
    CHECK_INT(rows + judged, 38);
    CHECK_INT(number(j, "bad_rows", NULL), 0);
    int64_t steps = (int64_t)number(j, "steps", NULL);
    CHECK_INT(steps, 2 * ((rows + 7) / 8));
    CHECK_INT(number(j, "warmup_steps", NULL), 1);
    const json_t *anchor = json_object_get(json_object_get(j, "lengths"), "anchor");
    CHECK(number(anchor, "min_tokens", NULL) >= 3 && number(anchor, "max_tokens", NULL) <= 12);
    CHECK(number(anchor, "mean_tokens", NULL) <= number(anchor, "p95_tokens", NULL));
    CHECK(number(anchor, "cut_share", NULL) > 0 && number(anchor, "cut_share", NULL) <= 1);
    CHECK(json_object_get(json_object_get(j, "eval_lengths"), "positive"));
    CHECK(number(j, "parameters_frozen", NULL) > 2000 && number(j, "parameters_trained", NULL) > 2000);
    CHECK(number(j, "peak_rss_mb", NULL) > 1 && number(j, "peak_rss_mb", NULL) < number(j, "available_mb", NULL));
    CHECK(number(j, "seconds", NULL) > 0 && number(j, "time", "evaluations") == 3);
    CHECK(number(j, "disk_mb", NULL) < number(j, "disk_free_mb", NULL));
    CHECK(json_is_true(json_object_get(j, "fits")));
    json_decref(j);
    r = hone("%s --dry-run --out %s", words, dir);
    CHECK(r->status == 0 && strstr(r->out, "\nmemory ") && strstr(r->out, "\ntime\n") && strstr(r->out, "anchor"));
    r = hone("%s --json --quiet --out %s", words, dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    j = json_loads(r->out, 0, NULL);
    CHECK_INT(number(j, "steps", NULL), steps);
    json_decref(j);
    /* The real run's folder is in use, and stays as it is. */
    r = hone("%s --dry-run --out %s", words, dir);
    CHECK(r->status == 2 && strstr(r->err, "already holds a run"));
}

TEST(tools, the_median_of_an_even_number_of_lengths_lies_between_two) {
    const char *rows = write_file("two.jsonl", "{\"anchor\":\"a\",\"positive\":\"b\"}\n"
                                               "{\"anchor\":\"a a\",\"positive\":\"b b b\"}\n");
    const command_result *r =
        hone("train --task pairs --model " MODEL " --train %s --dry-run --json --out %s/never", rows, test_dir());
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    const json_t *lengths = json_object_get(j, "lengths");
    CHECK_NEAR(number(json_object_get(lengths, "anchor"), "median_tokens", NULL), 3.5, 0);
    CHECK_NEAR(number(json_object_get(lengths, "positive"), "median_tokens", NULL), 4, 0);
    json_decref(j);
}

TEST(tools, a_dry_run_knows_every_task) {
    static const struct {
        const char *words, *role, *label;
    } cases[] = {{"--task scored --train " DATA "scored.jsonl --chunk 4", "sentence2", "score"},
                 {"--task scored --loss contrastive --train " DATA "scored.jsonl --eval " DATA "scored.jsonl",
                  "sentence1", "label"},
                 {"--task triplet --train " DATA "triplets.jsonl --accumulate 2 --matryoshka 16,8", "negative", NULL},
                 {"--task triplet --loss batch-hard --train " DATA "labelled.jsonl --eval-split 0.4 --batch-size 8",
                  "text", "classes"},
                 {"--task pairs --train " DATA
                  "grouped.jsonl --group group --precision bf16 --steps 7 --eval-split 0.2 --eval-every 3 --patience 2",
                  "positive", "classes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const command_result *r =
            hone("train --quiet --json --dry-run --model " MODEL " --out %s/never %s", test_dir(), cases[i].words);
        CHECK_MSG(r->status == 0 && !*r->err, "%s: %s", cases[i].words, r->err);
        json_t *j = json_loads(r->out, 0, NULL);
        CHECK_MSG(json_object_get(json_object_get(j, "lengths"), cases[i].role), "%s", cases[i].words);
        if (cases[i].label)
            CHECK_MSG(json_object_get(json_object_get(j, "labels"), cases[i].label), "%s", cases[i].words);
        CHECK(number(j, "seconds", NULL) > 0 && number(j, "peak_rss_mb", NULL) > 0);
        CHECK_INT(json_is_true(json_object_get(json_object_get(j, "time"), "upper_bound")), i == 4);
        json_decref(j);
    }
}

TEST(tools, a_dry_run_of_a_resumed_run_counts_the_steps_that_are_left) {
    const char *words =
        "train --quiet --json --task pairs --model " MODEL " --train " DATA "pairs.jsonl --batch-size 8 --save-every 4 "
        "--allow-duplicates";
    char dir[512], left[600], final[600];
    snprintf(dir, sizeof dir, "%s/resumed", test_dir());
    snprintf(final, sizeof final, "%s/final_model", dir);
    snprintf(left, sizeof left, "%s/checkpoint_step_9.tmp", dir);
    CHECK_INT(hone("%s --steps 30 --out %s", words, dir)->status, 0);
    CHECK_OK(hone_io_remove_tree(final)); /* as if it had been killed before its end */
    CHECK_OK(hone_io_mkdirs(left));       /* what a killed run leaves is none of a dry run's business */
    const command_result *r = hone("%s --steps 40 --out %s --resume --dry-run", words, dir);
    CHECK_MSG(r->status == 2 && strstr(r->err, "total_steps (--steps, --epochs) 30, this run has 40"), "%s", r->err);
    r = hone("%s --steps 30 --out %s --resume --dry-run", words, dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_INT(number(j, "steps_done", NULL), 28);
    CHECK_INT(number(j, "steps_left", NULL), 2);
    CHECK_INT(number(j, "batches", NULL), 2);
    json_decref(j);
    CHECK(hone_io_exists(left));
}

TEST(tools, a_dry_run_of_a_run_that_stopped_behind_an_epochs_last_batch_counts_the_epochs_to_come) {
    const char *words =
        "train --quiet --json --task pairs --model " MODEL " --train " DATA
        "pairs.jsonl --batch-size 8 --save-every 5 --steps 15 --allow-duplicates --eval " DATA "pairs.jsonl";
    char dir[512], path[600];
    snprintf(dir, sizeof dir, "%s/epochs", test_dir());
    CHECK_INT(hone("%s --out %s", words, dir)->status, 0);
    static const char *const lost[] = {"final_model", "checkpoint_step_15"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, lost[i]);
        CHECK(hone_io_is_dir(path));
        CHECK_OK(hone_io_remove_tree(path));
    }
    const command_result *r = hone("%s --out %s --resume --dry-run", words, dir); /* 38 rows are 5 batches */
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_INT(number(j, "steps_done", NULL), 10);
    CHECK_INT(number(j, "steps_left", NULL), 5);
    CHECK_INT(number(j, "batches", NULL), 5);
    CHECK_INT(number(j, "time", "evaluations"), 2); /* of the epoch behind, and of the last one */
    json_decref(j);
}

TEST(tools, a_dry_run_names_the_largest_batch_also_where_it_is_cut_into_chunks) {
    const char *words = "train --quiet --json --model " MODEL " --task triplet --loss batch-hard --train " DATA
                        "labelled.jsonl --eval-split 0.25 --batch-size 16 --max-length 7 --epochs 2 --dry-run";
    double whole = 0;
    for (int chunk = 0; chunk <= 6; chunk++) {
        char more[32] = "";
        if (chunk) snprintf(more, sizeof more, "--chunk %d", chunk);
        const command_result *r = hone("%s %s --out %s/never", words, more, test_dir());
        CHECK_MSG(r->status == 0, "%s", r->err);
        json_t *j = json_loads(r->out, 0, NULL);
        double tokens = number(j, "largest_batch_tokens", NULL);
        if (!chunk) whole = tokens;
        CHECK_MSG(tokens == whole, "%s: %g tokens, without %g", more, tokens, whole);
        json_decref(j);
    }
}

/* 256 pairs of 40 and 60 words: some 35 MiB of activations. */
static const char *long_pairs(void) {
    static char text[256 * 1024];
    size_t n = 0;
    for (int i = 0; i < 256; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"anchor\":\"%d", i);
        for (int k = 0; k < 40; k++) n += (size_t)snprintf(text + n, sizeof text - n, " fish%d", (i * 7 + k) % 10);
        n += (size_t)snprintf(text + n, sizeof text - n, "\",\"positive\":\"p %d", i);
        for (int k = 0; k < 60; k++) n += (size_t)snprintf(text + n, sizeof text - n, " tree%d", (i + k) % 10);
        n += (size_t)snprintf(text + n, sizeof text - n, "\"}\n");
    }
    return write_file("long.jsonl", text);
}

/* The first hint of what the command printed, without "  hint: " and what follows " fits". */
static void take_hint(const command_result *r, char out[200]) {
    const char *p = strstr(r->err, "  hint: --");
    CHECK_MSG(p, "%s", r->err);
    snprintf(out, 200, "%s", p + 8);
    char *end = strstr(out, " fits");
    CHECK_MSG(end, "%s", out);
    *end = 0;
}

TEST(tools, a_run_that_cannot_fit_is_refused_and_the_chunk_it_is_told_runs_under_the_same_limit) {
    char hint[200], dir[512], line[1024];
    const char *data = long_pairs(), *limit = "HONE_MEMORY_LIMIT=30M";
    snprintf(dir, sizeof dir, "%s/unfit", test_dir());
    snprintf(line, sizeof line,
             "train --quiet --threads 1 --task pairs --model " MODEL " --train %s --batch-size 256 --steps 2 --out %s",
             data, dir);
    const command_result *r = hone_with(limit, "%s", line);
    CHECK_INT(r->status, 5);
    CHECK_MSG(strstr(r->err, "batch 256 of up to ") && strstr(r->err, " MiB, 30 MiB available"), "%s", r->err);
    CHECK(!hone_io_exists(dir));
    take_hint(r, hint);
    CHECK(!strncmp(hint, "--chunk ", 8));
    r = hone_with(limit, "%s --dry-run", line);
    CHECK(r->status == 5 && strstr(r->out, "peak") && strstr(r->err, "hint: --chunk"));
    r = hone_with(limit, "%s %s", line, hint);
    CHECK_MSG(r->status == 0, "%s: %s", hint, r->err);
    r = hone_with("HONE_MEMORY_LIMIT=2M", "%s-more", line);
    CHECK_MSG(r->status == 5 && strstr(r->err, "no batch is small enough"), "%s", r->err);
}

TEST(tools, a_limit_of_the_address_space_is_met_by_the_chunk_that_is_told) {
    if (HONE_UNDER_ASAN || HONE_UNDER_TSAN)
        SKIP("the sanitizer's own allocator ends the process, or hangs, at such a limit");
    char hint[200], dir[512], line[1024];
    const char *data = long_pairs();
    snprintf(dir, sizeof dir, "%s/limited_space", test_dir());
    snprintf(line, sizeof line,
             "train --quiet --threads 1 --task pairs --model " MODEL " --train %s --batch-size 256 --steps 2 --out %s",
             data, dir);
    const command_result *r = hone("%s --dry-run --json", line);
    CHECK_INT(r->status, 0);
    json_t *j = json_loads(r->out, 0, NULL);
    char limit[64];
    snprintf(limit, sizeof limit, "prlimit --as=%.0f", (number(j, "memory", "address_space_mb") - 12) * 1024 * 1024);
    json_decref(j);
    if (system("prlimit --as=1000000000 true >/dev/null 2>&1")) SKIP("no prlimit(1)");
    r = hone_with(limit, "%s", line);
    CHECK_MSG(r->status == 5 && strstr(r->err, "of address space"), "%s", r->err);
    take_hint(r, hint);
    r = hone_with(limit, "%s %s", line, hint);
    CHECK_MSG(r->status == 0, "%s: %s", hint, r->err);
}

/* Whatever the limit, a run that is begun comes to its end: no checkpoint that cannot be read back for want of address
 * space. */
TEST(tools, at_any_limit_of_address_space_a_run_is_refused_or_ends_well) {
    if (HONE_UNDER_ASAN || HONE_UNDER_TSAN)
        SKIP("the sanitizer's own allocator ends the process, or hangs, at such a limit");
    char dir[512];
    const char *data = long_pairs();
    snprintf(dir, sizeof dir, "%s/any_space", test_dir());
    if (system("prlimit --as=1000000000 true >/dev/null 2>&1")) SKIP("no prlimit(1)");
    int refused = 0, ended = 0;
    for (int mib = 24; mib <= 240; mib += 12) {
        char limit[64];
        snprintf(limit, sizeof limit, "prlimit --as=%d", mib << 20);
        const command_result *r = hone_with(limit,
                                            "train --quiet --threads 2 --task pairs --model " MODEL
                                            " --train %s --batch-size 64 --steps 1 --out %s",
                                            data, dir);
        CHECK_MSG(r->status == 5 || r->status == 0, "%d MiB: %s", mib, r->err);
        CHECK_MSG(r->status == 0 || strstr(r->err, "  hint: "), "%d MiB: %s", mib, r->err);
        CHECK_MSG(r->status == 0 || !ended, "%d MiB: %s", mib, r->err); /* more is never too little */
        refused += r->status == 5, ended += r->status == 0;
        if (r->status == 0) CHECK_OK(hone_io_remove_tree(dir));
    }
    CHECK(refused && ended);
}
