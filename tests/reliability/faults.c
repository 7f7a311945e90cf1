#include "tests/reliability/faults.h"

#include "base/io.h"
#include "tests/reliability/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct command {
    const char *name, *line; /* %1$s: the output, %2$s: the rows, %3$s: a finished run */
    const char *out;         /* a file, a folder of files, a run; NULL: only standard output */
    bool run;
    bool may_say_less; /* what cannot be read is named on the page, and the page is written all the same */
} command;

#define QUIET " --quiet --threads 1 "
static const command commands[] = {
    {"train",
     "train" QUIET "--task pairs --model " MODEL " --train %2$s --eval %2$s --batch-size 4 --steps 2 --save-every 1"
     " --eval-every 1 --keep 1 --resume --out %1$s",
     "run", true, false},
    {"embed", "embed" QUIET "--model " MODEL " --input %2$s --columns text=anchor --out %1$s", "e.npy", false, false},
    {"eval", "eval" QUIET "--json --task pairs --model " MODEL " --data %2$s", NULL, false, false},
    {"validate", "data validate %2$s --quiet --task pairs", NULL, false, false},
    {"split", "data split %2$s --quiet --out %1$s", "parts", false, false},
    {"negatives", "data negatives %2$s" QUIET "--model " MODEL " --num-negatives 1 --out %1$s", "n.jsonl", false,
     false},
    {"stats", "data stats %2$s --quiet --model " MODEL, NULL, false, false},
    {"sample", "data sample --quiet --rows 10 --out %1$s", "sample", false, false},
    {"report", "report" QUIET "--run %3$s --bootstrap 100 --out %1$s", "r.html", false, true},
    {"tokenize", "tokenize" QUIET "--model " MODEL " --input %2$s --columns text=anchor", NULL, false, false},
    {"inspect", "inspect " MODEL " --quiet", NULL, false, false},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static char rows[512], base_run[512], wants[512]; /* made once, shared by all processes */

static outcome run_command(const command *c, const char *fault, const char *out) {
    return run_hone(fault, -1, c->line, out, rows, base_run);
}

static bool same_file(const char *a, const char *b) {
    size_t m = 0, n = 0;
    char *x = slurp(a, &m), *y = slurp(b, &n);
    bool same = x && y && m == n && !memcmp(x, y, n);
    free(x), free(y);
    return same;
}

static bool is_page(const char *path) {
    size_t n;
    char *text = slurp(path, &n);
    bool whole = text && n > 1000 && strstr(text, "cannot be ") && !memcmp(text + n - 8, "</html>\n", 8);
    free(text);
    return whole;
}

static bool same_output(const command *c, const char *out, const char *want, char why[600]) {
    if (c->run || hone_io_is_dir(want)) return same_run(out, want, why);
    bool same = same_file(out, want) || (c->may_say_less && is_page(out));
    if (!same) snprintf(why, 600, "%.200s is not what the undisturbed run writes", out);
    return same;
}

static bool allowed(const fault_kind *k, bool second, int status) {
    if (second && (status == 4 || status == 5)) return true;
    for (int i = 0; i < 4 && k->may_exit[i]; i++)
        if (status == k->may_exit[i]) return true;
    return false;
}

/* What the folder or file is after the failure. */
static bool sound(const command *c, const char *out, const char *want, int status, char why[600]) {
    if (!c->out) return true;
    if (c->run && status) {
        outcome o = run_command(c, NULL, out);
        if (o.status) return snprintf(why, 600, "--resume ends with %d: %.300s", o.status, o.err), false;
        return same_output(c, out, want, why);
    }
    if (status && !hone_io_exists(out)) return true;
    if (status && hone_io_is_dir(out)) return true; /* a split: its files are written whole, one after the other */
    return same_output(c, out, want, why);
}

typedef struct tally {
    int64_t runs, good, failed, met;
} tally;

enum { ONCE, FOR_EVER, TWICE, WAYS };

static void try_one(const command *c, const fault_kind *k, int way, int64_t n, tally *t) {
    char out[512], want[600], said[600], fault[160], why[600] = "";
    static int shown;
    snprintf(out, sizeof out, "%s", in_dir(c->out ? c->out : "none"));
    snprintf(want, sizeof want, "%s/%s-%s", wants, c->name, c->out ? c->out : "none");
    snprintf(said, sizeof said, "%s/%s-stdout", wants, c->name);
    remove_tree(out);
    snprintf(fault, sizeof fault, "%s:%lld%s%s%s", k->op, (long long)n, way == FOR_EVER ? "+" : "", k->how,
             way == TWICE ? k->second : "");
    outcome o = run_command(c, fault, out);
    if (o.status && !allowed(k, way == TWICE, o.status))
        snprintf(why, sizeof why, "exit %d", o.status);
    else if (o.status && !clean_message(o.err))
        snprintf(why, sizeof why, "no clean message");
    else if (o.live)
        snprintf(why, sizeof why, "%d blocks of memory are not given back", (int)o.live);
    else if (!o.status && !c->out && !same_file(in_dir("stdout"), said))
        snprintf(why, sizeof why, "exit 0, but the standard output is another");
    else
        sound(c, out, want, o.status, why);
    if (*why && shown++ < 12) printf("%s with HONE_FAULT=%s: exit %d, %s: %s\n", c->name, fault, o.status, why, o.err);
    t->runs++, t->good += !*why, t->failed += o.status != 0, t->met += o.fired > 0;
}

/* The undisturbed run: its output is what others are held against, its operations are the places to fail at. */
static void run_undisturbed(const command *c, int64_t count[HONE_FAULT_OPS]) {
    char want[600], said[600], why[600];
    snprintf(want, sizeof want, "%s/%s-%s", wants, c->name, c->out ? c->out : "none");
    snprintf(said, sizeof said, "%s/%s-stdout", wants, c->name);
    outcome o = run_command(c, NULL, want);
    if (o.status) die("%s fails by itself: %d %s", c->name, o.status, o.err);
    if (o.live) die("%s keeps %d blocks of memory", c->name, (int)o.live);
    memcpy(count, o.count, sizeof o.count);
    size_t n;
    char *text = slurp(in_dir("stdout"), &n);
    spill(said, text, n);
    free(text);
    if (!c->out) return;
    /* Written twice, it is the same: else no comparison below means anything. */
    char again[600];
    snprintf(again, sizeof again, "%s/again-%s", wants, c->out);
    o = run_command(c, NULL, again);
    if (o.status || !same_output(c, again, want, why)) die("%s writes another output each time: %s", c->name, why);
    remove_tree(again);
}

static void make_inputs(void) {
    snprintf(rows, sizeof rows, "%s", in_dir("rows.jsonl"));
    snprintf(base_run, sizeof base_run, "%s", in_dir("finished"));
    snprintf(wants, sizeof wants, "%s", in_dir("want"));
    if (hone_io_mkdirs(wants) != HONE_OK) die("no folder");
    size_t n;
    char *text = slurp(PAIRS, &n), *end = text;
    for (int i = 0; end && *end && i < 8; i++) end = strchr(end, '\n') + 1;
    if (!text) die("no " PAIRS);
    spill(rows, text, (size_t)(end - text));
    free(text);
}

static int64_t count[COMMANDS][HONE_FAULT_OPS];

/* One process's share of all places. */
static tally share(const fault_kind *kinds, int n, int64_t job, int64_t jobs) {
    const char *only = getenv("COMMAND");
    int64_t stride = setting("STRIDE", 1), place = 0;
    tally t = {0};
    for (int c = 0; c < COMMANDS; c++) {
        tally before = t;
        double start = clock_seconds();
        if (only && strcmp(only, commands[c].name)) continue;
        for (int k = 0; k < n; k++)
            for (int way = 0; way < WAYS; way++)
                for (int64_t at = 1; at <= count[c][kinds[k].which]; at += stride)
                    if (place++ % jobs == job) try_one(&commands[c], &kinds[k], way, at, &t);
        if (getenv("VERBOSE"))
            printf("%s: %d runs, %d good, %.1f s\n", commands[c].name, (int)(t.runs - before.runs),
                   (int)(t.good - before.good), clock_seconds() - start);
    }
    return t;
}

int run_faults(const char *name, const fault_kind *kinds, int n) {
    tally all = {0}, t;
    const char *only = getenv("COMMAND");
    int64_t jobs = setting("JOBS", sysconf(_SC_NPROCESSORS_ONLN));
    int pipes[2], status, ended = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    double start = clock_seconds();
    make_inputs();
    outcome o = run_command(&commands[0], NULL, base_run);
    if (o.status) die("train fails by itself: %d %s", o.status, o.err);
    for (int c = 0; c < COMMANDS; c++)
        if (!only || !strcmp(only, commands[c].name)) run_undisturbed(&commands[c], count[c]);
    if (pipe(pipes)) die("no pipe");
    fflush(NULL);
    for (int64_t job = 0; job < jobs; job++)
        if (!fork()) {
            work_as(job);
            t = share(kinds, n, job, jobs);
            fflush(NULL);
            _exit(write(pipes[1], &t, sizeof t) == (ssize_t)sizeof t ? 0 : 2);
        }
    close(pipes[1]);
    for (; read(pipes[0], &t, sizeof t) == (ssize_t)sizeof t; ended++)
        all.runs += t.runs, all.good += t.good, all.failed += t.failed, all.met += t.met;
    while (wait(&status) > 0) ended -= status != 0;
    if (ended != jobs) die("a process ended before its share was done");
    return verdict(name, all.good, all.runs,
                   "%lld met their fault, %lld of them failed, cleanly; %s; STRIDE=%d; %.0f s", (long long)all.met,
                   (long long)all.failed, only ? only : "eleven commands", (int)setting("STRIDE", 1),
                   clock_seconds() - start);
}
