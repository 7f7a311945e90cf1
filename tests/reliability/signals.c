/* SIGINT, SIGTERM and SIGHUP: at every file operation of a training run (so in every checkpoint's writing, while data
 * are read, before the first step), and at random moments. The run leaves with 128 + the signal's number and a clean
 * message within a second (or, when only its last files were left to write, with 0); nothing is leaked on the way that
 * saves; a second signal ends it at once; --resume ends with the models and the log of the undisturbed run.
 *
 *     RANDOM   random moments (300)   STRIDE   every STRIDE-th file operation (1)   SEED (1)   JOBS (processors) */
#include "tests/reliability/common.h"

#include "base/io.h"
#include "base/random.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Evaluations take most of the time of these runs, so that most random moments fall into one. */
#define TRAIN                                                                                                          \
    "train --threads 1 --task pairs --model " MODEL " --train " PAIRS " --eval " PAIRS                                 \
    " --batch-size 16 --lr 1e-3 --dropout 0.1 --resume --out %s "
static const char *const lines[] = {TRAIN "--steps 4 --save-every 2 --eval-every 1 --keep 2",
                                    TRAIN "--epochs 2 --keep 1"};
enum { LINES = 2 };

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGINT, "INT"}, {SIGTERM, "TERM"}, {SIGHUP, "HUP"}};

typedef struct tally {
    int64_t runs, good, stopped, at_once;
    double longest;
} tally;

static char references[LINES][512];
static int64_t operations[LINES];
static double seconds[LINES];

static void judge(int line, const outcome *o, int number, bool twice, const char *run, const char *what, tally *t) {
    char why[600] = "";
    static int shown;
    bool saved = o->status == 128 + number && strstr(o->err, "--resume continues");
    if (o->status != 0 && o->status != 128 + number)
        snprintf(why, sizeof why, "exit %d", o->status);
    else if (o->status && !strstr(o->err, "hone: ") && hone_io_exists(run)) /* else it died before it could be asked */
        snprintf(why, sizeof why, "no message");
    else if (saved && o->live)
        snprintf(why, sizeof why, "%d blocks of memory are not given back", (int)o->live);
    else if (o->lingered > 1)
        snprintf(why, sizeof why, "the signal is obeyed after %.1f s", o->lingered);
    else if (twice && saved && !strstr(o->err, "before the first step"))
        snprintf(why, sizeof why, "a second signal is not obeyed at once");
    if (!*why) {
        outcome again = run_hone(NULL, -1, lines[line], run);
        if (again.status)
            snprintf(why, sizeof why, "--resume ends with %d: %.400s", again.status, again.err);
        else
            same_run(run, references[line], why);
    }
    if (*why && shown++ < 10) printf("%s: %s: %s\n", what, why, o->err);
    t->runs++, t->good += !*why, t->stopped += saved, t->at_once += o->status && !saved;
    if (o->lingered > t->longest) t->longest = o->lingered;
}

static tally share(int64_t job, int64_t jobs) {
    tally t = {0};
    char run[512], fault[64], what[128];
    int64_t stride = setting("STRIDE", 1), random = setting("RANDOM", 300), place = 0;
    uint64_t seed = (uint64_t)setting("SEED", 1);
    snprintf(run, sizeof run, "%s", in_dir("run"));
    for (int line = 0; line < LINES; line++)
        for (int64_t n = 1; n <= operations[line]; n += stride)
            for (int twice = 0; twice < 2; twice++) {
                int s = (int)(place % 3);
                if (place++ % jobs != job) continue;
                remove_tree(run);
                snprintf(fault, sizeof fault, "kill:%d%s:%s", (int)n, twice ? "+" : "", signals[s].name);
                outcome o = run_hone(fault, -1, lines[line], run);
                snprintf(what, sizeof what, "run %d, HONE_FAULT=%s", line, fault);
                judge(line, &o, signals[s].number, twice && n + 1 < operations[line], run, what, &t);
            }
    for (int64_t i = 0; i < random; i++) {
        int line = (int)(i / jobs % LINES), s = (int)(i / jobs / LINES % 3);
        if (i % jobs != job) continue;
        remove_tree(run);
        run_signal = signals[s].number;
        double u = hone_random_uniform(seed, hone_stream_id(HONE_STREAM_TEST, 0), (uint64_t)i);
        outcome o = run_hone(NULL, u * seconds[line], lines[line], run);
        snprintf(what, sizeof what, "run %d, SIG%s after %.4f s", line, signals[s].name, u * seconds[line]);
        judge(line, &o, signals[s].number, false, run, what, &t);
    }
    return t;
}

int main(void) {
    tally all = {0}, t;
    int64_t jobs = setting("JOBS", sysconf(_SC_NPROCESSORS_ONLN));
    int pipes[2], status, ended = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    double start = clock_seconds();
    compare_checkpoints = false;
    for (int line = 0; line < LINES; line++) {
        snprintf(references[line], sizeof references[line], "%s", in_dir(line ? "reference-1" : "reference-0"));
        outcome o = run_hone(NULL, -1, lines[line], references[line]);
        if (o.status) die("the undisturbed run fails: %d %s", o.status, o.err);
        operations[line] = o.count[HONE_FAULT_KILL], seconds[line] = o.seconds;
    }
    if (pipe(pipes)) die("no pipe");
    fflush(NULL);
    for (int64_t job = 0; job < jobs; job++)
        if (!fork()) {
            work_as(job);
            t = share(job, jobs);
            fflush(NULL);
            _exit(write(pipes[1], &t, sizeof t) == (ssize_t)sizeof t ? 0 : 2);
        }
    close(pipes[1]);
    for (; read(pipes[0], &t, sizeof t) == (ssize_t)sizeof t; ended++) {
        all.runs += t.runs, all.good += t.good, all.stopped += t.stopped, all.at_once += t.at_once;
        if (t.longest > all.longest) all.longest = t.longest;
    }
    while (wait(&status) > 0) ended -= status != 0;
    if (ended != jobs) die("a process ended before its share was done");
    return verdict(
        "signals", all.good, all.runs,
        "%d saved and left, %d left at once; the longest wait %.0f ms; at each of %d file operations of two runs, "
        "once and twice, and at %d random moments; %.0f s",
        (int)all.stopped, (int)all.at_once, 1e3 * all.longest, (int)(operations[0] + operations[1]),
        (int)setting("RANDOM", 300), clock_seconds() - start);
}
