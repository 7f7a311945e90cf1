/* Stops and resumes, and thread counts: the same bits as a run that nothing disturbed. With dropout, shuffling and
 * accumulation. */
#include "base/fault.h"
#include "base/io.h"
#include "base/parallel.h"
#include "tests/test.h"
#include "tests/train/fixture.h"
#include "train/checkpoint.h"

#include <stdlib.h>

static const char CASE[] =
    "{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":6,\"epochs\":4,\"lr\":1e-3,"
    "\"warmup\":0.1,\"weight_decay\":0.01,\"clip\":1.0,\"accumulate\":2}";

static fixture open_with_dropout(const char *out) {
    json_t *c = json_loads(CASE, 0, NULL);
    fixture f = fixture_open(c);
    char dir[HONE_PATH_MAX];
    json_decref(c);
    hone_model_close(f.model);
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), "mean"));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = 0.2}, &f.model));
    f.options.out = out;
    f.options.no_shuffle = false;
    f.options.no_duplicates = true;
    return f;
}

/* Sets the flag when the step is done. */
typedef struct stopper {
    volatile sig_atomic_t flag;
    int64_t at;
} stopper;

static void watch(void *ctx, const hone_train_report *r) {
    stopper *s = ctx;
    if (!r->metrics && !r->note && r->step == s->at) s->flag = 1;
}

static void read_whole(const char *out, const char *name, char **text, size_t *n) {
    char file[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(file, out, name));
    CHECK_OK(hone_io_read_file(file, 1 << 28, text, n));
}

static void check_same_file(const char *a, const char *b, const char *name) {
    char *x, *y;
    size_t m, n;
    read_whole(a, name, &x, &m);
    read_whole(b, name, &y, &n);
    CHECK_MSG(m == n && !memcmp(x, y, n), "%s differs between %s and %s", name, a, b);
    hone_free(x);
    hone_free(y);
}

/* The logs, without the milliseconds. */
static void check_same_log(const char *a, const char *b) {
    char *x, *y;
    size_t m, n;
    int lines = 0;
    read_whole(a, "log.jsonl", &x, &m);
    read_whole(b, "log.jsonl", &y, &n);
    for (char *p = x, *q = y; *p || *q; lines++) {
        char *pe = strchr(p, '\n'), *qe = strchr(q, '\n');
        CHECK_MSG(pe && qe, "log.jsonl: other numbers of lines");
        *pe = *qe = 0;
        char *pm = strstr(p, ",\"ms\":"), *qm = strstr(q, ",\"ms\":");
        if (pm && qm) *pm = *qm = 0;
        CHECK_STR(p, q);
        p = pe + 1, q = qe + 1;
    }
    CHECK(lines > 3);
    hone_free(x);
    hone_free(y);
}

static const char *fresh_dir(const char *name) {
    static char dirs[8][HONE_PATH_MAX];
    static int next;
    char *d = dirs[next++ % 8];
    CHECK_OK(hone_io_join(d, test_dir(), name));
    CHECK_OK(hone_io_remove_tree(d));
    return d;
}

TEST(resume, a_run_stopped_after_any_step_goes_on_as_if_nothing_had_happened) {
    const char *whole = fresh_dir("whole");
    fixture f = open_with_dropout(whole);
    hone_train_result result;
    CHECK_OK(fixture_train(&f, &result));
    fixture_close(&f);
    CHECK(result.steps > 8);
    for (int64_t at = 1; at < result.steps; at++) {
        const char *out = fresh_dir("stopped");
        stopper s = {.at = at};
        f = open_with_dropout(out);
        f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
        CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
        fixture_close(&f);
        f = open_with_dropout(out);
        f.options.resume = true;
        hone_set_threads(at % 3 + 1);
        CHECK_OK(fixture_train(&f, NULL));
        fixture_close(&f);
        check_same_file(whole, out, "final_model/model.safetensors");
        check_same_log(whole, out);
    }
    hone_set_threads(2);
}

typedef struct heard {
    stopper s;
    char notes[4096];
} heard;

static void hear(void *ctx, const hone_train_report *r) {
    heard *h = ctx;
    if (r->note) snprintf(h->notes + strlen(h->notes), sizeof h->notes - strlen(h->notes), "%s\n", r->note);
    watch(&h->s, r);
}

TEST(resume, a_checkpoint_of_another_version_is_told) {
    static const char *const versions[] = {"\"hone\": \"" HONE_VERSION "\"", "\"hone\": \"0.0.1\"",
                                           "\"home\": \"" HONE_VERSION "\""};
    for (int i = 0; i < 3; i++) {
        char dir[HONE_PATH_MAX];
        const char *out = fresh_dir("version");
        heard h = {.s.at = 3};
        fixture f = open_with_dropout(out);
        f.options.stop = &h.s.flag, f.options.report = hear, f.options.ctx = &h;
        CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
        fixture_close(&f);
        CHECK_OK(hone_io_join(dir, out, "checkpoint_step_3"));
        fixture_edit_state(dir, versions[0], versions[i], true);
        h = (heard){0};
        f = open_with_dropout(out);
        f.options.resume = true, f.options.report = hear, f.options.ctx = &h;
        CHECK_OK(fixture_train(&f, NULL));
        fixture_close(&f);
        bool told = strstr(h.notes, i == 1 ? "was written by Hone 0.0.1, this is " HONE_VERSION
                                           : "was written by Hone (unknown version)");
        CHECK_MSG(told == (i > 0) && strstr(h.notes, "continuing from"), "%s", h.notes);
    }
}

TEST(resume, the_last_loss_is_known_where_no_step_is_left) {
    const char *out = fresh_dir("no_step_left");
    char file[HONE_PATH_MAX];
    hone_train_result whole, rest;
    fixture f = open_with_dropout(out);
    f.options.save_every = 0;
    CHECK_OK(fixture_train(&f, &whole));
    fixture_close(&f);
    CHECK_OK(hone_io_join(file, out, "final_model")); /* as if it had been killed before this was written */
    CHECK_OK(hone_io_remove_tree(file));
    f = open_with_dropout(out);
    f.options.resume = true, f.options.save_every = 0;
    CHECK_OK(fixture_train(&f, &rest));
    fixture_close(&f);
    CHECK(!rest.was_finished && rest.last_loss > 0 && rest.last_loss == whole.last_loss);
}

TEST(resume, fifty_steps_give_the_same_bits_with_1_2_3_4_and_8_threads) {
    static const int counts[] = {1, 2, 3, 4, 8};
    const char *first = NULL;
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "threads%d", counts[i]);
        const char *out = fresh_dir(name);
        fixture f = open_with_dropout(out);
        f.options.steps = 50;
        hone_set_threads(counts[i]);
        CHECK_OK(fixture_train(&f, NULL));
        fixture_close(&f);
        if (first) {
            check_same_file(first, out, "final_model/model.safetensors");
            check_same_log(first, out);
        }
        if (!first) first = out;
    }
    hone_set_threads(2);
}

TEST(resume, a_changed_option_is_refused_by_name) {
    const char *out = fresh_dir("changed");
    stopper s = {.at = 2};
    fixture f = open_with_dropout(out);
    f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
    fixture_close(&f);
    f = open_with_dropout(out);
    f.options.resume = true;
    f.options.lr = 2e-3;
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_ARG, "lr");
    fixture_close(&f);
    f = open_with_dropout(out);
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_ARG, "already holds a run");
    fixture_close(&f);
}

TEST(resume, a_damaged_checkpoint_is_passed_over) {
    const char *out = fresh_dir("damaged");
    stopper s = {.at = 6};
    fixture f = open_with_dropout(out);
    f.options.save_every = 3, f.options.keep = 0;
    f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
    fixture_close(&f);
    char dir[HONE_PATH_MAX], file[HONE_PATH_MAX], said[512] = "";
    CHECK_OK(hone_checkpoint_newest(out, dir, said, sizeof said));
    CHECK(strstr(dir, "checkpoint_step_6"));
    CHECK_OK(hone_io_join(file, dir, "model.safetensors"));
    FILE *w = fopen(file, "r+b"); /* flip one bit near the end */
    CHECK(w);
    fseek(w, -5, SEEK_END);
    int byte = fgetc(w);
    fseek(w, -5, SEEK_END);
    fputc(byte ^ 4, w);
    fclose(w);
    CHECK_OK(hone_checkpoint_newest(out, dir, said, sizeof said));
    CHECK_MSG(strstr(dir, "checkpoint_step_3"), "took %s", dir);
    CHECK(strstr(said, "checkpoint_step_6"));
}

/* What a killed run left half written is removed when it goes on; names that only look so stay; the newest checkpoints
 * stay. */
TEST(resume, leftovers_of_a_killed_run_are_removed_and_old_checkpoints_pruned) {
    static const char *const litter[] = {"checkpoint_step_9.tmp", "checkpoint_step_9.tmp-812",
                                         "checkpoint_step_6.old-9", "best_model.tmp-1", "run.json.tmp-5"};
    static const char *const other[] = {"checkpoint_step_", "checkpoint_step_7x",   "checkpoint_epoch_",
                                        "notes.tmp",        "best_model.tmp-",      "best_model.tmp-7a",
                                        "best_model.tmp7",  "checkpoint_step_8.txt"};
    const char *out = fresh_dir("litter");
    char path[HONE_PATH_MAX];
    for (int round = 0; round < 2; round++) {
        stopper s = {.at = 6 + round};
        fixture f = open_with_dropout(out);
        f.options.save_every = 1, f.options.keep = 2, f.options.resume = round > 0;
        f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
        CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
        fixture_close(&f);
        for (int step = 1; step <= 7; step++) {
            snprintf(path, sizeof path, "%s/checkpoint_step_%d", out, step);
            CHECK_MSG(hone_io_is_dir(path) == (step > 4 + round && step <= 6 + round), "after %d steps: checkpoint %d",
                      6 + round, step);
        }
        for (size_t i = 0; i < sizeof litter / sizeof *litter; i++) {
            CHECK_OK(hone_io_join(path, out, litter[i]));
            if (round) CHECK_MSG(!hone_io_exists(path), "%s is still there", litter[i]);
            if (!round) CHECK_OK(hone_io_write_file(path, "x", 1));
        }
        for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
            CHECK_OK(hone_io_join(path, out, other[i]));
            if (round) CHECK_MSG(hone_io_exists(path), "%s is gone", other[i]);
            if (!round) CHECK_OK(hone_io_write_file(path, "x", 1));
        }
    }
}

#ifdef HONE_TEST_HOOKS
/* A start that meets a fault says so, or goes on from a checkpoint that is whole. */
TEST(resume, no_failing_allocation_or_read_loses_a_run) {
    static const char *const rules[] = {"alloc:%d", "open:%d:EMFILE", "unlink:%d:EACCES", "rename:%d:EACCES"};
    for (int r = 0; r < 4; r++) {
        const char *out = fresh_dir("faulty");
        stopper s = {.at = 3};
        fixture f = open_with_dropout(out);
        f.options.save_every = 1, f.options.keep = 2;
        f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
        CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
        fixture_close(&f);
        for (int k = 1; k < 400; k += 1 + k / 8) {
            char rule[32], dir[HONE_PATH_MAX];
            s = (stopper){.at = -1};
            f = open_with_dropout(out);
            f.options.resume = true, f.options.save_every = 1, f.options.keep = 2;
            s.flag = 1; /* stop after the next step, whichever it is */
            f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
            snprintf(rule, sizeof rule, rules[r], k);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status status = fixture_train(&f, NULL);
            bool fired = hone_fault_fired() > 0;
            hone_fault_set(NULL);
            fixture_close(&f);
            CHECK_MSG(status != HONE_OK || !fired || r, "%s: status %d", rule, status);
            CHECK(status == HONE_OK || hone_last_error()->message[0]);
            CHECK_OK(hone_checkpoint_newest(out, dir, NULL, 0));
            CHECK_MSG(*dir, "%s: no checkpoint is left", rule);
            if (status == HONE_OK || !fired) break;
        }
    }
}
#endif
