/* The power fails while hone works: 2,000 states that a disk may be found in, made from a log of what the process did
 * to files by dropping, reordering and tearing what was not synced (disk.h). In each:
 *
 *     a training run   the newest checkpoint that had been saved, or a newer one, is found and is bit for bit as it was
 *                      written; best_model and final_model are absent, or whole as they were written, and are not lost
 *                      once they had been saved; run.json is absent or whole; --resume ends with the bits of the
 *                      undisturbed run
 *     a file           (embed, data split, data negatives, over one that is there): the old one or the new one, whole;
 *                      the new one when the command had ended
 *
 *     STATES   (2000)      RESUME   every so-manieth state of a training run is resumed (1)
 *     SEED     of the choices (1)
 *     JOBS     processes that share the states (as many as processors) */
#include "tests/reliability/common.h"
#include "tests/reliability/disk.h"

#include "base/io.h"
#include "base/json.h"
#include "base/random.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct scenario {
    const char *name;
    const char *line[2]; /* run one after the other; %s: the folder */
    const char *fault;   /* of the first one when there are two: it dies there */
    const char *before;  /* NULL, or the command that wrote what is there already; else nothing is */
    int share;           /* of 20 states */
    bool run;            /* a training run */
} scenario;

#define TRAIN                                                                                                          \
    "train --quiet --threads 1 --task pairs --model " MODEL " --train " PAIRS " --eval " PAIRS                         \
    " --batch-size 16 --lr 1e-3 --dropout 0.1 --resume --out %s/run "
#define STEPS TRAIN "--steps 5 --save-every 1 --eval-every 2 --keep 2"
#define EPOCHS TRAIN "--epochs 3 --keep 1"
#define EMBED "embed --quiet --threads 1 --model " MODEL " --input " PAIRS " --columns text=anchor --out %s/run/e."

static const scenario scenarios[] = {
    {"a run that saves every step", {STEPS, NULL}, NULL, NULL, 6, true},
    {"a run that is killed and goes on", {STEPS, STEPS}, "kill:520", NULL, 6, true},
    {"a run that saves every epoch", {EPOCHS, NULL}, NULL, NULL, 3, true},
    {"embed, .npy", {EMBED "npy", NULL}, NULL, EMBED "npy --truncate 8", 1, false},
    {"embed, .jsonl", {EMBED "jsonl", NULL}, NULL, EMBED "jsonl --truncate 8", 1, false},
    {"embed, .safetensors", {EMBED "safetensors", NULL}, NULL, EMBED "safetensors --truncate 8", 1, false},
    {"data split",
     {"data split " PAIRS " --quiet --force --out %s/run", NULL},
     NULL,
     "data split " PAIRS " --quiet --seed 7 --out %s/run",
     1,
     false},
    {"data negatives",
     {"data negatives " PAIRS " --quiet --threads 1 --model " MODEL " --out %s/run/n.jsonl", NULL},
     NULL,
     "data sample --quiet --rows 10 --out %s/run",
     1,
     false},
};
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios, VERSIONS = 64 };

/* What a name has been, whole. */
typedef struct version {
    char name[128];
    uint64_t sum;
} version;

typedef struct world {
    const scenario *s;
    disk *d;
    char reference[512]; /* a run that nothing disturbed */
    version was[VERSIONS];
    int n_was;
    int64_t saved; /* number of the newest checkpoint that lasts for certain */
    bool kept[2];  /* best_model, final_model last for certain */
} world;

static const char *const models[2] = {"best_model", "final_model"};

static bool known(const world *w, const char *name, uint64_t sum) {
    for (int i = 0; i < w->n_was; i++)
        if (w->was[i].sum == sum && !strcmp(w->was[i].name, name)) return true;
    return false;
}

static void remember(world *w, const char *name, uint64_t sum) {
    if (!sum || known(w, name, sum)) return;
    if (w->n_was == VERSIONS) die("more versions than expected");
    snprintf(w->was[w->n_was].name, sizeof w->was[0].name, "%s", name);
    w->was[w->n_was++].sum = sum;
}

static int64_t checkpoint_number(const char *name) {
    const char *p = strrchr(name, '_');
    bool whole = !strncmp(name, "checkpoint_", 11) && p[1] && strspn(p + 1, "0123456789") == strlen(p + 1);
    return whole ? strtoll(p + 1, NULL, 10) : -1;
}

/* Forwards to a record, noting which versions of which names there are. */
static void go_to(world *w, int64_t record, int64_t *done) {
    const char *names[VERSIONS];
    while (*done < record) {
        disk_run_to(w->d, ++*done);
        const char *name = disk_appeared(w->d);
        if (name) remember(w, name, disk_sum_now(w->d, name));
        size_t n = disk_durable_names(w->d, names, VERSIONS);
        for (size_t i = 0; i < n; i++) {
            int64_t number = checkpoint_number(names[i]);
            if (number > w->saved) w->saved = number;
            for (int k = 0; k < 2; k++) w->kept[k] |= !strcmp(names[i], models[k]);
        }
    }
}

/* ---- what is found ---- */

static bool models_are_whole(const world *w, const char *dir, char why[600]) {
    char path[HONE_PATH_MAX];
    for (int k = 0; k < 2; k++) {
        hone_io_join(path, dir, models[k]);
        uint64_t sum = tree_sum(path);
        if (!sum && w->kept[k]) return snprintf(why, 600, "%s had been saved and is gone", models[k]), false;
        if (sum && !known(w, models[k], sum)) return snprintf(why, 600, "%s is torn", models[k]), false;
    }
    return true;
}

static bool run_is_sound(const world *w, const char *dir, bool resume, char why[600]) {
    char found[HONE_PATH_MAX], said[4096] = "", path[HONE_PATH_MAX];
    if (!models_are_whole(w, dir, why)) return false;
    hone_io_join(path, dir, "run.json");
    json_t *j = NULL;
    if (hone_io_exists(path) && hone_json_load(path, &j) != HONE_OK)
        return snprintf(why, 600, "run.json is torn"), false;
    json_decref(j);
    if (hone_checkpoint_newest(dir, found, said, sizeof said) != HONE_OK)
        return snprintf(why, 600, "no checkpoint: %.400s", hone_last_error()->message), false;
    const char *name = *found ? strrchr(found, '/') + 1 : "";
    if (*said) return snprintf(why, 600, "%.500s", said), false; /* none is ever half there under its own name */
    if ((*found ? checkpoint_number(name) : -1) < w->saved)
        return snprintf(why, 600, "found \"%s\", number %d had been saved", name, (int)w->saved), false;
    if (*found && !known(w, name, tree_sum(found)))
        return snprintf(why, 600, "%s is not as it was written", name), false;
    if (!resume) return true;
    char parent[512];
    snprintf(parent, sizeof parent, "%.*s", (int)(strlen(dir) - strlen("/run")), dir);
    outcome o = run_hone(NULL, -1, w->s->line[0], parent);
    if (o.status) return snprintf(why, 600, "--resume ends with %d: %.300s", o.status, o.err), false;
    return same_run(dir, w->reference, why);
}

static bool files_are_sound(const world *w, const char *dir, char why[600]) {
    const char *names[VERSIONS];
    char path[HONE_PATH_MAX];
    size_t n = disk_durable_names(w->d, names, VERSIONS);
    for (size_t i = 0; i < n; i++) {
        if (strstr(names[i], ".tmp-")) continue;
        hone_io_join(path, dir, names[i]);
        uint64_t sum = tree_sum(path);
        if (!sum) return snprintf(why, 600, "%s is gone", names[i]), false;
        if (!known(w, names[i], sum))
            return snprintf(why, 600, "%s is neither the old one nor the new one", names[i]), false;
    }
    return true;
}

/* When the command has ended, what it wrote must last: nothing of it hangs on what is not synced. */
static bool end_lasts(const world *w, char why[600]) {
    for (int i = w->n_was - 1; i >= 0; i--) {
        const char *name = w->was[i].name;
        uint64_t now = disk_sum_now(w->d, name);
        if (!now || now == disk_sum_durable(w->d, name)) continue;
        return snprintf(why, 600, "%s is not safe though the command has ended", name), false;
    }
    return true;
}

/* ---- scenarios ---- */

typedef struct tally {
    int64_t states, good, resumed;
} tally;

static void must_run(const char *fault, int expect, const char *line, const char *dir) {
    outcome o = run_hone(fault, -1, line, dir);
    if (o.status != expect) die("%s: exit %d, %d expected: %s", line, o.status, expect, o.err);
}

static void prepare(world *w, const scenario *s) {
    char dir[512], root[600], log[512], reference[512];
    *w = (world){.s = s, .saved = -1};
    snprintf(dir, sizeof dir, "%s", in_dir("world"));
    snprintf(root, sizeof root, "%s/run", dir);
    snprintf(log, sizeof log, "%s", in_dir("log"));
    remove_tree(dir), remove_tree(log);
    if (hone_io_mkdirs(root) != HONE_OK) die("cannot make %s", root);
    if (s->before) must_run(NULL, 0, s->before, dir);
    char *real = realpath(root, NULL);
    /* The disk is read before the runs that the log is about. */
    spill(log, "", 0);
    run_log = log;
    w->d = disk_new(real);
    if (s->line[1]) must_run(s->fault, 128 + 9, s->line[1], dir);
    must_run(NULL, 0, s->line[0], dir);
    run_log = NULL;
    disk_take_log(w->d, log);
    free(real);
    const char *names[VERSIONS];
    size_t n = disk_durable_names(w->d, names, VERSIONS);
    for (size_t i = 0; i < n; i++) remember(w, names[i], disk_sum_now(w->d, names[i]));
    snprintf(reference, sizeof reference, "%s", in_dir("reference"));
    remove_tree(reference);
    if (!s->run) return;
    if (hone_io_mkdirs(reference) != HONE_OK) die("cannot make %s", reference);
    must_run(NULL, 0, s->line[0], reference);
    snprintf(w->reference, sizeof w->reference, "%.500s/run", reference);
}

static tally try_states(world *w, int64_t states, uint64_t seed, int64_t job, int64_t jobs) {
    tally t = {0};
    int64_t records = disk_records(w->d), done = 0, resume = setting("RESUME", 1);
    char dir[512], run[600], why[600];
    static int shown;
    snprintf(dir, sizeof dir, "%s", in_dir("after"));
    snprintf(run, sizeof run, "%s/run", dir);
    for (int64_t i = 0; i < states; i++) {
        bool last = i == states - 1;
        go_to(w, last ? records : 1 + i * (records - 1) / states, &done);
        if (i % jobs != job) continue;
        disk_loss loss =
            last ? DISK_ALL_LOST
                 : (disk_loss)(hone_random_below(seed, hone_stream_id(HONE_STREAM_TEST, 2), (uint64_t)i, DISK_LOSSES));
        remove_tree(dir);
        disk_fail(w->d, loss, seed + (uint64_t)i, run);
        *why = 0;
        bool again = w->s->run && i % resume == 0;
        bool ok = w->s->run ? run_is_sound(w, run, again, why) : files_are_sound(w, run, why);
        if (ok && last) ok = end_lasts(w, why);
        if (!ok && shown++ < 10)
            printf("%s, record %lld of %lld, loss %d: %s\n", w->s->name, (long long)done, (long long)records, (int)loss,
                   why);
        t.states++, t.good += ok, t.resumed += again;
    }
    return t;
}

static tally share(int64_t states, uint64_t seed, int64_t job, int64_t jobs) {
    tally all = {0};
    int64_t begun = 0, parts = 0;
    for (int s = 0; s < SCENARIOS; s++) {
        world w;
        parts += scenarios[s].share;
        int64_t n = states * parts / 20 - begun;
        begun += n;
        prepare(&w, &scenarios[s]);
        double start = clock_seconds();
        tally t = try_states(&w, n, seed + 1000000 * (uint64_t)s, job, jobs);
        if (getenv("VERBOSE"))
            printf("%s: %d of %d good, %d resumed, %d records, %.1f s\n", scenarios[s].name, (int)t.good, (int)t.states,
                   (int)t.resumed, (int)disk_records(w.d), clock_seconds() - start);
        all.states += t.states, all.good += t.good, all.resumed += t.resumed;
        disk_free(w.d);
    }
    return all;
}

int main(void) {
    int64_t states = setting("STATES", 2000), jobs = setting("JOBS", sysconf(_SC_NPROCESSORS_ONLN));
    uint64_t seed = (uint64_t)setting("SEED", 1);
    tally all = {0}, t;
    int pipes[2], status, ended = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    double start = clock_seconds();
    work_dir();
    if (pipe(pipes)) die("no pipe");
    fflush(NULL);
    for (int64_t job = 0; job < jobs; job++)
        if (!fork()) {
            work_as(job);
            t = share(states, seed, job, jobs);
            fflush(NULL);
            _exit(write(pipes[1], &t, sizeof t) == (ssize_t)sizeof t ? 0 : 2);
        }
    close(pipes[1]);
    for (; read(pipes[0], &t, sizeof t) == (ssize_t)sizeof t; ended++)
        all.states += t.states, all.good += t.good, all.resumed += t.resumed;
    while (wait(&status) > 0) ended -= status != 0;
    if (ended != jobs || all.states != states) die("a process ended before its share was done");
    return verdict("powerloss", all.good, all.states, "%lld of them resumed to the end; SEED=%d; %.0f s",
                   (long long)all.resumed, (int)seed, clock_seconds() - start);
}
