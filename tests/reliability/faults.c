#include "tests/reliability/faults.h"

#include "base/io.h"
#include "tests/reliability/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct command {
    const char *name, *line; /* %s: the output */
    const char *out;         /* a file, a folder of files, a run; NULL: only standard output */
    bool run;
} command;

#define QUIET " --quiet --threads 1 "
static const command commands[] = {
    {"train",
     "train" QUIET "--task pairs --model " MODEL " --train " PAIRS
     " --batch-size 16 --steps 3 --save-every 1 --keep 2 --resume --out %s",
     "run", true},
    {"embed", "embed" QUIET "--model " MODEL " --input " PAIRS " --columns text=anchor --out %s", "e.npy", false},
    {"eval", "eval" QUIET "--json --task pairs --model " MODEL " --data " PAIRS, NULL, false},
    {"validate", "data validate " PAIRS " --quiet --task pairs", NULL, false},
    {"split", "data split " PAIRS " --quiet --out %s", "parts", false},
};

static bool same_output(const command *c, const char *out, const char *want, char why[600]) {
    size_t m = 0, n = 0;
    if (c->run || hone_io_is_dir(want)) return same_run(out, want, why);
    char *x = slurp(out, &m), *y = slurp(want, &n);
    bool same = x && y && m == n && !memcmp(x, y, n);
    if (!same) snprintf(why, 600, "%.200s is not what the undisturbed run writes", out);
    free(x), free(y);
    return same;
}

static bool allowed(const fault_kind *k, int status) {
    for (int i = 0; i < 4 && k->may_exit[i]; i++)
        if (status == k->may_exit[i]) return true;
    return false;
}

/* What the folder or file is after the failure. */
static bool sound(const command *c, const char *out, const char *want, int status, char why[600]) {
    if (!c->out) return true;
    if (c->run && status) {
        outcome o = run_hone(NULL, -1, c->line, out);
        if (o.status) return snprintf(why, 600, "--resume ends with %d: %.300s", o.status, o.err), false;
        return same_output(c, out, want, why);
    }
    if (status && !hone_io_exists(out)) return true;
    if (status && hone_io_is_dir(out)) return true; /* a split: its files are written whole, one after the other */
    return same_output(c, out, want, why);
}

typedef struct tally {
    int64_t runs, good, failed;
} tally;

static void try_kind(const command *c, const fault_kind *k, const char *plus, const char *want, tally *t) {
    char out[512], fault[64], why[600];
    int64_t stride = setting("STRIDE", 1), shown = 0, quiet = 0;
    snprintf(out, sizeof out, "%s", in_dir(c->out ? c->out : "none"));
    for (int64_t n = 1;; n += stride) {
        remove_tree(out);
        snprintf(fault, sizeof fault, "%s:%lld%s%s", k->op, (long long)n, plus, k->how);
        outcome o = run_hone(fault, -1, c->line, out);
        bool ok = true;
        *why = 0;
        if (o.status && !allowed(k, o.status))
            ok = false, snprintf(why, sizeof why, "exit %d", o.status);
        else if (o.status && !clean_message(o.err))
            ok = false, snprintf(why, sizeof why, "no clean message");
        else
            ok = sound(c, out, want, o.status, why);
        if (!ok && shown++ < 8) printf("%s with HONE_FAULT=%s: %s: %s\n", c->name, fault, why, o.err);
        t->runs++, t->good += ok, t->failed += o.status != 0;
        /* A fault that is met may be handled without a failure: only well past the last failure is the loop done. */
        quiet = o.status ? 0 : quiet + 1;
        if (quiet >= 40) break;
    }
    remove_tree(out);
}

int run_faults(const char *name, const fault_kind *kinds, int n) {
    tally t = {0};
    setvbuf(stdout, NULL, _IOLBF, 0);
    double start = clock_seconds();
    const char *only = getenv("COMMAND");
    for (size_t c = 0; c < sizeof commands / sizeof *commands; c++) {
        char want[512];
        if (only && strcmp(only, commands[c].name)) continue;
        snprintf(want, sizeof want, "%s", in_dir("want"));
        remove_tree(want);
        char file[600];
        snprintf(file, sizeof file, "%s/%s", want, commands[c].out ? commands[c].out : "none");
        if (hone_io_mkdirs(want) != HONE_OK) die("no folder");
        outcome o = run_hone(NULL, -1, commands[c].line, file);
        if (o.status) die("%s fails by itself: %d %s", commands[c].name, o.status, o.err);
        for (int k = 0; k < n; k++) {
            try_kind(&commands[c], &kinds[k], "", file, &t);
            try_kind(&commands[c], &kinds[k], "+", file, &t);
        }
    }
    return verdict(name, t.good, t.runs, "%lld of them failed, cleanly; %s, once and for ever; %.0f s",
                   (long long)t.failed, only ? only : "five commands", clock_seconds() - start);
}
