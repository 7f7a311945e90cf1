/* hone train stopped, gone on with, refused: what a user sees of checkpoints. The bits of single kills are in
 * tests/reliability/; here is each kind of run, stopped once by a signal and continued with other threads. */
#include "tests/tools/command.h"

#include "base/io.h"
#include "base/json.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAIRS "--task pairs --train tests/golden/train/pairs.jsonl --batch-size 8 "
#define SCORED "--task scored --train tests/golden/train/scored.jsonl --batch-size 8 "
#define LABELLED "--task triplet --train tests/golden/train/labelled.jsonl --batch-size 12 "
#define GROUPED "--train tests/golden/train/grouped.jsonl --batch-size 6 "

static const char *folder(const char *name) {
    static char dirs[8][600];
    static int next;
    char *d = dirs[next++ % 8];
    snprintf(d, sizeof dirs[0], "%s/%s", test_dir(), name);
    CHECK_OK(hone_io_remove_tree(d));
    return d;
}

static const command_result *train(const char *before, const char *more, const char *out) {
    char line[2000];
    snprintf(line, sizeof line, "train --model tests/golden/models/mean --lr 1e-3 --dropout 0.1 %s --out %s", more,
             out);
    return run_command(before, line);
}

static char *text_of(const char *dir, const char *name, size_t *n) {
    char path[HONE_PATH_MAX], *text;
    CHECK_OK(hone_io_join(path, dir, name));
    CHECK_OK(hone_io_read_file(path, 1 << 28, &text, n));
    return text;
}

static void check_same(const char *a, const char *b, const char *name, const char *what) {
    size_t m, n;
    char *x = text_of(a, name, &m), *y = text_of(b, name, &n);
    CHECK_MSG(m == n && !memcmp(x, y, n), "%s: %s is another after a stop", what, name);
    hone_free(x), hone_free(y);
}

static void check_same_log(const char *a, const char *b, const char *what) {
    size_t n;
    char *x = text_of(a, "log.jsonl", &n), *y = text_of(b, "log.jsonl", &n);
    char *p = x, *q = y;
    int lines = 0;
    for (; *p && *q; lines++) {
        size_t m = strcspn(p, "\n"), k = strcspn(q, "\n");
        p[m] = q[k] = 0;
        char *pt = strstr(p, ",\"ms\":"), *qt = strstr(q, ",\"ms\":");
        if (pt && qt) *pt = *qt = 0;
        CHECK_MSG(!strcmp(p, q), "%s: log.jsonl has %s where the undisturbed one has %s", what, q, p);
        p += m + 1, q += k + 1;
    }
    CHECK_MSG(!*p && !*q && lines > 3, "%s: log.jsonl has another number of lines", what);
    hone_free(x), hone_free(y);
}

TEST(resume, every_kind_of_run_goes_on_with_other_threads_to_the_same_bits) {
    static const char *const runs[] = {
        PAIRS "--epochs 2 --accumulate 2",
        PAIRS "--epochs 2 --chunk 3 --save-every 2",
        PAIRS "--steps 8 --eval-split 0.3 --eval-every 2 --save-every 3 --patience 3",
        PAIRS "--epochs 3 --eval-split 0.3 --eval-every epoch --save-every epoch --keep 1",
        PAIRS "--epochs 2 --precision bf16",
        PAIRS "--epochs 2 --matryoshka 16,8 --loss mnr-symmetric --schedule cosine",
        PAIRS "--epochs 2 --loss gte --freeze 'embeddings.*' --lr-scale '*.0.*=0.5' --no-shuffle",
        SCORED "--epochs 2 --eval-split 0.3",
        SCORED "--epochs 2 --loss cosine --accumulate 3",
        SCORED "--epochs 2 --loss angle --save-every 1",
        SCORED "--epochs 2 --loss online-contrastive",
        LABELLED "--epochs 2 --loss batch-hard",
        LABELLED "--epochs 2 --loss batch-all --eval-every 2 --eval tests/golden/train/labelled.jsonl",
        "--task pairs " GROUPED "--epochs 2 --group group",
        "--task triplet --train tests/golden/train/triplets.jsonl --batch-size 8 --epochs 2 --allow-duplicates",
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char more[1000], fault[64];
        const char *whole = folder("whole"), *stopped = folder("stopped");
        snprintf(more, sizeof more, "%s --threads 2", runs[i]);
        const command_result *r = train("", more, whole);
        CHECK_MSG(r->status == 0, "%s: %d %s", runs[i], r->status, r->err);
        /* Stops early, in the middle, and late: at some, a checkpoint is being written or rows are being judged. */
        for (int at = 30; at < 300; at += 90) {
            CHECK_OK(hone_io_remove_tree(stopped));
            snprintf(fault, sizeof fault, "HONE_FAULT=kill:%d:TERM", at);
            snprintf(more, sizeof more, "%s --threads 1", runs[i]);
            r = train(fault, more, stopped);
            CHECK_MSG(r->status == 143 || r->status == 0, "%s, %s: %d %s", runs[i], fault, r->status, r->err);
            snprintf(more, sizeof more, "%s --threads 3 --resume", runs[i]);
            r = train("", more, stopped);
            CHECK_MSG(r->status == 0, "%s, %s: --resume: %d %s", runs[i], fault, r->status, r->err);
            check_same(whole, stopped, "final_model/model.safetensors", runs[i]);
            check_same(whole, stopped, "best_model/model.safetensors", runs[i]);
            check_same_log(whole, stopped, runs[i]);
        }
    }
}

TEST(resume, a_finished_run_says_so_and_stays_as_it_is) {
    const char *out = folder("finished");
    char path[HONE_PATH_MAX];
    struct stat before, after;
    size_t m, n;
    CHECK_INT(train("", PAIRS "--epochs 1 --resume", out)->status, 0); /* an empty folder: it starts */
    char *log = text_of(out, "log.jsonl", &m);
    CHECK_OK(hone_io_join(path, out, "final_model/model.safetensors"));
    CHECK(!stat(path, &before));
    const command_result *r = train("", PAIRS "--epochs 1 --resume --threads 1", out);
    CHECK_INT(r->status, 0);
    CHECK_MSG(strstr(r->err, "has ended"), "%s", r->err);
    CHECK(!stat(path, &after));
    CHECK_INT(before.st_ino, after.st_ino);
    char *now = text_of(out, "log.jsonl", &n);
    CHECK(m == n && !memcmp(log, now, n));
    hone_free(log), hone_free(now);
    r = train("", PAIRS "--epochs 1 --resume --dry-run --json", out);
    CHECK_INT(r->status, 0);
    CHECK_MSG(strstr(r->err, "has ended, there is nothing left to do") && strstr(r->out, "\"finished\":true") &&
                  strstr(r->out, "\"steps_done\":5,\"steps_left\":0,"),
              "%s%s", r->err, r->out);
    r = train("", PAIRS "--epochs 2 --resume", out);
    CHECK_INT(r->status, 2);
    CHECK_MSG(strstr(r->err, "--epochs") && strstr(r->err, " 5, this run has 10"), "%s", r->err);
    out = folder("uncheckpointed");
    CHECK_INT(train("", PAIRS "--steps 7 --save-every 100", out)->status, 0);
    r = train("", PAIRS "--steps 7 --save-every 100 --resume --dry-run --json", out);
    CHECK_MSG(r->status == 0 && strstr(r->out, "\"steps_done\":7,\"steps_left\":0,"), "%s%s", r->err, r->out);
}

TEST(resume, what_would_change_the_result_is_refused_by_the_options_name) {
    static const char *const changed[][2] = {
        {"--dropout 0.2", "--dropout"},
        {"--lr 2e-3", "--lr"},
        {"--steps 5", "--steps"},
        {"--accumulate 2", "--accumulate"},
        {"--seed 7", "--seed"},
        {"--model tests/golden/models/pool_cls", "--model"},
        {"--clip 2", "--clip"},
        {"--chunk 4", "--chunk"},
        {"--train tests/golden/train/grouped.jsonl", "--train"},
        {"--metric mrr@10", "--metric"},
        {"--eval-every 2", "--eval-every"},
        {"--freeze 'embeddings.*'", "--freeze"},
        {"--matryoshka 16,8", "--matryoshka"},
        {"--warmup 0.5", "--warmup"},
        {"--precision bf16", "--precision"},
        {"--schedule cosine", "--schedule \"linear\", this run has \"cosine\""},
        {"--prompt-query q:", "--prompt-query none"},
        {"--prompt-query ''", "--prompt-query none, this run has \"\""},
        {"--max-length 9", "--max-length"},
        {"--columns anchor=positive,positive=anchor", "--columns"},
        {"--chunk 3", "--chunk none"},
        {"--no-shuffle", "--no-shuffle false"},
        {"--dropout 0.2 --dry-run", "--dropout"},
        {"--lr 2e-3 --dry-run", "--lr"},
        {"--steps 5 --dry-run", "--steps"},
    };
    const char *out = folder("changed");
    char more[600];
#define RUN "--task pairs --train tests/golden/train/pairs.jsonl --batch-size 8 --eval tests/golden/train/pairs.jsonl "
    CHECK_INT(train("HONE_FAULT=kill:200:INT", RUN "--epochs 3 --save-every 1", out)->status, 130);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        snprintf(more, sizeof more, RUN "%s --resume %s", strstr(changed[i][0], "--steps") ? "" : "--epochs 3",
                 changed[i][0]);
        const command_result *r = train("", more, out);
        CHECK_MSG(r->status == 2 && strstr(r->err, changed[i][1]), "%s: %d %s", changed[i][0], r->status, r->err);
    }
    /* What only says when to save may change; a default that is given is no change. */
    CHECK_INT(train("", RUN "--epochs 3 --resume --metric ndcg@10 --dry-run", out)->status, 0);
    CHECK_INT(train("", RUN "--epochs 3 --save-every 4 --keep 1 --threads 1 --resume", out)->status, 0);
}

/* Whoever comes second is refused before it changes anything, --resume or not; afterwards the way is free. */
TEST(resume, a_folder_that_another_process_trains_in_is_refused) {
    const char *out = folder("twice");
    int lock;
    CHECK_INT(train("HONE_FAULT=kill:200:INT", PAIRS "--epochs 3 --save-every 1", out)->status, 130);
    CHECK_OK(hone_io_lock_dir(out, &lock));
    const command_result *r = train("", PAIRS "--epochs 3 --save-every 1 --resume", out);
    CHECK_MSG(r->status == 2 && strstr(r->err, "another process is writing there"), "%d %s", r->status, r->err);
    hone_io_unlock(lock);
    CHECK_INT(train("", PAIRS "--epochs 3 --save-every 1 --resume", out)->status, 0);
}

TEST(resume, a_best_model_that_is_gone_is_told_and_replaced) {
    const char *out = folder("bestless");
    char best[HONE_PATH_MAX];
    CHECK_INT(
        train("", PAIRS "--steps 8 --save-every 2 --eval-split 0.3 --eval-every 2 --metric accuracy@1", out)->status,
        0);
    CHECK_OK(hone_io_join(best, out, "best_model"));
    CHECK_OK(hone_io_remove_tree(best));
    const command_result *r = train(
        "", PAIRS "--steps 8 --save-every 2 --eval-split 0.3 --eval-every 2 --metric accuracy@1 --resume --json", out);
    CHECK_MSG(r->status == 0 && strstr(r->err, "is not there any more"), "%d %s", r->status, r->err);
    /* nothing was judged after it: the figure of the model that is gone is not said of the one in its place */
    CHECK_MSG(strstr(r->out, "\"best_step\":-1") && strstr(r->out, "\"best_metric\":null"), "%s", r->out);
    CHECK(hone_io_is_dir(best));
}

static void flip(const char *dir, const char *name) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, dir, name));
    FILE *f = fopen(path, "r+b");
    CHECK(f);
    fseek(f, -5, SEEK_END);
    int byte = fgetc(f);
    fseek(f, -5, SEEK_END);
    fputc(byte ^ 4, f);
    fclose(f);
}

static bool has(const char *out, const char *name) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, out, name));
    return hone_io_exists(path);
}

/* Every N steps means the last one, too, as it does with epochs; a run that was killed behind it only has its models to
 * write. */
TEST(resume, the_last_step_has_its_checkpoint_when_it_is_one_of_every_n) {
    const char *out = folder("ends"), *uneven = folder("uneven");
    char path[HONE_PATH_MAX];
    static const char words[] = PAIRS "--steps 6 --save-every 3 --eval-split 0.3 --eval-every 2 --keep 2";
    CHECK_INT(train("", words, out)->status, 0);
    CHECK(has(out, "checkpoint_step_3") && has(out, "checkpoint_step_6"));
    CHECK_INT(train("", PAIRS "--steps 5 --save-every 3", uneven)->status, 0);
    CHECK(has(uneven, "checkpoint_step_3") && !has(uneven, "checkpoint_step_5"));
    size_t m, n;
    char *before = text_of(out, "final_model/model.safetensors", &m), *log = text_of(out, "log.jsonl", &n);
    CHECK_OK(hone_io_join(path, out, "final_model"));
    CHECK_OK(hone_io_remove_tree(path));
    const command_result *r =
        train("", PAIRS "--steps 6 --save-every 3 --eval-split 0.3 --eval-every 2 --keep 2 --resume", out);
    CHECK_MSG(r->status == 0 && strstr(r->err, "step 6 of 6"), "%d %s", r->status, r->err);
    size_t m2, n2;
    char *after = text_of(out, "final_model/model.safetensors", &m2), *log2 = text_of(out, "log.jsonl", &n2);
    /* not even an evaluation is repeated */
    CHECK(m == m2 && !memcmp(before, after, m) && n == n2 && !memcmp(log, log2, n));
    hone_free(before), hone_free(log), hone_free(after), hone_free(log2);
}

TEST(resume, damaged_checkpoints_are_passed_over_each_with_its_tensor_and_never_push_out_a_good_one) {
    const char *out = folder("damaged"), *whole = folder("undamaged");
#define MORE PAIRS "--steps 8 --save-every 1 "
    CHECK_INT(train("", MORE, whole)->status, 0);
    CHECK_INT(train("HONE_FAULT=kill:700:INT", MORE "--keep 3", out)->status, 130);
    char **names, newest[64] = "";
    size_t n;
    int found = 0;
    CHECK_OK(hone_io_list(out, &names, &n));
    for (size_t i = 0; i < n; i++)
        if (!strncmp(names[i], "checkpoint_step_", 16)) snprintf(newest, sizeof newest, "%s", names[i]), found++;
    CHECK_INT(found, 3); /* --keep 3 */
    int last = atoi(newest + 16);
    char a[96], b[96], file[128];
    snprintf(a, sizeof a, "checkpoint_step_%d", last);
    snprintf(b, sizeof b, "checkpoint_step_%d", last - 1);
    snprintf(file, sizeof file, "%s/model.safetensors", a);
    flip(out, file);
    snprintf(file, sizeof file, "%s/optimizer.safetensors", b);
    flip(out, file);
    hone_free(names);
    /* One kept: the good one must outlive the two damaged ones of later steps. */
    const command_result *r = train("HONE_FAULT=kill:120:INT", MORE "--keep 1 --resume", out);
    CHECK_INT(r->status, 130);
    CHECK_MSG(strstr(r->err, a) && strstr(r->err, b) && strstr(r->err, "tensor \""), "%s", r->err);
    CHECK_MSG(strstr(r->err, "model.safetensors tensor") && strstr(r->err, "optimizer.safetensors tensor"), "%s",
              r->err);
    r = train("", MORE "--keep 1 --resume", out);
    CHECK_MSG(r->status == 0, "%s", r->err);
    check_same(whole, out, "final_model/model.safetensors", "after two damaged checkpoints");
    CHECK(!has(out, b));
}

TEST(resume, a_run_without_one_whole_checkpoint_is_not_begun_anew_without_a_word) {
    const char *out = folder("lost");
    CHECK_INT(train("HONE_FAULT=kill:150:INT", PAIRS "--steps 4 --save-every 1", out)->status, 130);
    char **names, file[128];
    size_t n;
    CHECK_OK(hone_io_list(out, &names, &n));
    for (size_t i = 0; i < n; i++)
        if (!strncmp(names[i], "checkpoint_", 11)) {
            snprintf(file, sizeof file, "%.90s/model.safetensors", names[i]);
            flip(out, file);
        }
    hone_free(names);
    const command_result *r = train("", PAIRS "--steps 4 --resume", out);
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "none of its checkpoints is whole"), "%s", r->err);
}

TEST(resume, folders_that_cannot_be_written_are_4_before_anything_is_trained) {
    const char *file = write_file("in_the_way", "x");
    char out[700];
    const command_result *r = train("", PAIRS "--steps 2", file);
    CHECK_MSG(r->status == 4 && strstr(r->err, "is not a folder"), "%d %s", r->status, r->err);
    snprintf(out, sizeof out, "%s/run", file);
    r = train("", PAIRS "--steps 2", out);
    CHECK_MSG(r->status == 4 && strstr(r->err, "is not a folder"), "%d %s", r->status, r->err);
    r = train("", PAIRS "--steps 2", "/proc/no/such");
    CHECK_MSG(r->status == 4, "%d %s", r->status, r->err);
    r = train("HONE_FAULT=mkdir:1:EROFS", PAIRS "--steps 2", folder("read_only"));
    CHECK_MSG(r->status == 4 && strstr(r->err, "read-only"), "%d %s", r->status, r->err);
    char deep[700];
    snprintf(deep, sizeof deep, "%s/a/b/c", folder("missing"));
    CHECK_INT(train("", PAIRS "--steps 2", deep)->status, 0); /* made, with its parents */
}

/* A limit on file size must be a failed write with a sentence, not death by SIGXFSZ. */
TEST(resume, a_limit_on_file_size_is_4_with_a_hint) {
    const command_result *r =
        train("sh -c 'ulimit -f 40; exec \"$@\"' sh", PAIRS "--steps 2 --save-every 1", folder("limited"));
    CHECK_MSG(r->status == 4 && strstr(r->err, "File too large") && strstr(r->err, "ulimit"), "%d %s", r->status,
              r->err);
}

/* Not hours later, at the first checkpoint. */
TEST(resume, a_path_too_long_for_the_names_behind_it_is_refused_before_anything_is_trained) {
    char line[6000], out[4200];
    int n = snprintf(out, sizeof out, "%s/long", test_dir());
    while (n < 3960) n += snprintf(out + n, sizeof out - (size_t)n, "/%0*d", n < 3750 ? 200 : 3959 - n, 7);
    snprintf(line, sizeof line, "train --model tests/golden/models/mean " PAIRS "--steps 2 --out %s", out);
    const command_result *r = run_command("", line);
    CHECK_MSG(r->status == 2 && strstr(r->err, "a path of 3960 bytes, limit 3936") && !hone_io_exists(folder("long")),
              "%d %s", r->status, r->err);
    snprintf(strrchr(line, '/'), 100, "/run");
    r = run_command("", line);
    CHECK_MSG(r->status == 0, "%d %s", r->status, r->err);
}

/* SIGXCPU comes again with every second: it is one signal, not a second one. */
TEST(resume, a_limit_of_processor_time_is_a_signal_like_others) {
    const char *out = folder("timed");
    const command_result *r;
    int limit = 1;
    do { /* a slow machine, or a sanitizer, is still reading by then */
        char before[64];
        snprintf(before, sizeof before, "sh -c 'ulimit -St %d; exec \"$@\"' sh", limit);
        r = train(before, PAIRS "--steps 1000000 --threads 1", out);
        limit *= 3;
    } while (limit < 100 && r->status == 152 && strstr(r->err, "before the training began; nothing was written"));
    CHECK_MSG(r->status == 152 && strstr(r->err, "stopped by a signal") && strstr(r->err, "--resume continues"),
              "%d %s", r->status, r->err);
    CHECK(has(out, "run.json") && !has(out, "final_model"));
}

/* Somebody edited it: cutting it where the run had been would leave half a line, as a pipe would leave us waiting. */
TEST(resume, a_log_that_is_another_is_refused) {
    const char *out = folder("edited");
    char line[700];
    CHECK_INT(train("", PAIRS "--steps 6 --save-every 2", out)->status, 0);
    snprintf(line, sizeof line,
             "cd %s && rm -r final_model checkpoint_step_6 && sed -i '1i {\"step\":0,\"note\":\"mine\"}' log.jsonl",
             out);
    CHECK_INT(system(line), 0);
    const command_result *r = train("", PAIRS "--steps 6 --save-every 2 --resume", out);
    CHECK_MSG(r->status == 3 && strstr(r->err, "log.jsonl: was changed: no line ends at byte") &&
                  strstr(r->err, "put the log back"),
              "%d %s", r->status, r->err);
    snprintf(line, sizeof line, "cd %s && rm log.jsonl && mkfifo log.jsonl", out);
    CHECK_INT(system(line), 0);
    r = train("timeout 60", PAIRS "--steps 6 --save-every 2 --resume", out);
    CHECK_MSG(r->status == 4 && strstr(r->err, "log.jsonl: cannot write: not a regular file"), "%d %s", r->status,
              r->err);
}

TEST(resume, who_reads_a_dry_run_may_go_and_it_ends) {
    const command_result *r =
        run_command("sh -c '{ \"$@\"; echo $? >&2; } | true' sh",
                    "train --model tests/golden/models/mean " PAIRS "--steps 2 --dry-run --out none");
    CHECK_MSG(strstr(r->err, "141") && !strstr(r->err, "Broken pipe"), "%s", r->err);
}

TEST(resume, who_reads_the_output_may_go_and_the_run_goes_on) {
    const char *out = folder("unread");
    char path[HONE_PATH_MAX];
    train("sh -c '\"$@\" 2>&1 | true' sh", PAIRS "--steps 2", out);
    CHECK_OK(hone_io_join(path, out, "final_model"));
    for (int i = 0; i < 100 && !hone_io_exists(path); i++) usleep(50000);
    CHECK(hone_io_exists(path));
}

/* A disk of 600 kB: two checkpoints and the models do not fit. Needs the right to mount; without it, the fault
 * hooks. */
TEST(resume, a_full_disk_ends_the_run_with_4_both_numbers_and_a_good_checkpoint) {
    const char *disk = folder("disk"), *whole = folder("roomy");
    char out[700];
    CHECK_OK(hone_io_mkdirs(disk));
    snprintf(out, sizeof out, "%s/run", disk);
    bool mounted = !mount("none", disk, "tmpfs", 0, "size=600k");
    const command_result *r =
        train(mounted ? "" : "HONE_FAULT=write:40:ENOSPC", PAIRS "--steps 6 --save-every 1 --keep 5", out);
    int status = r->status;
    char said[1024];
    snprintf(said, sizeof said, "%.1000s", r->err);
    bool saved = has(out, "checkpoint_step_1");
    if (mounted) mount("none", disk, "tmpfs", MS_REMOUNT, "size=4m");
    r = train("", PAIRS "--steps 6 --save-every 1 --keep 5 --resume", out);
    int resumed = r->status;
    CHECK_INT(train("", PAIRS "--steps 6", whole)->status, 0);
    size_t m, n;
    char *x = resumed ? NULL : text_of(out, "final_model/model.safetensors", &m);
    char *y = text_of(whole, "final_model/model.safetensors", &n);
    if (mounted) umount(disk);
    CHECK_MSG(status == 4 && strstr(said, "No space left") && strstr(said, "(need ") && strstr(said, " free)") &&
                  strstr(said, "is intact"),
              "%d %s", status, said);
    CHECK(saved);
    CHECK_MSG(resumed == 0, "--resume: %d", resumed);
    CHECK(m == n && !memcmp(x, y, n));
    hone_free(x), hone_free(y);
}
