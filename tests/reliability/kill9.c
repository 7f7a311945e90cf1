/* SIGKILL at random moments, and at every file operation of a run; then --resume. The folder must end up bit for bit as
 * that of a run which nothing disturbed: best_model, final_model, the kept checkpoints with the optimiser's state,
 * log.jsonl (without "ms", see common.h).
 *
 *     KILLS   random kills in all (200)      RUNS   runs they are spread over (20)      SEED   of the moments (1)
 *     STRIDE  every STRIDE-th file operation is a place to die (1: all of them) */
#include "tests/reliability/common.h"

#include "base/io.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

/* Dropout and shuffling are on: both must be drawn again as they were. */
#define TRAIN                                                                                                          \
    "train --quiet --threads 1 --task pairs --model " MODEL " --train " PAIRS                                          \
    " --batch-size 8 --steps %d --save-every %d --keep %d --lr 1e-3 --dropout 0.1 --resume --out %s"

/* Long: what random kills meet. Short: few operations, but two checkpoints, one of them removed again. */
static bool is_short;

static outcome train(const char *fault, double kill_after, const char *out) {
    return run_hone(fault, kill_after, TRAIN, is_short ? 3 : 12, is_short ? 1 : 2, is_short ? 1 : 2, out);
}

static bool good(const char *run, const char *reference, const char *what) {
    char why[600] = "";
    outcome o = train(NULL, -1, run);
    if (o.status)
        printf("%s: --resume ends with %d: %s\n", what, o.status, o.err);
    else if (!same_run(run, reference, why))
        printf("%s: %s\n", what, why);
    else
        return true;
    return false;
}

int main(void) {
    int64_t kills = setting("KILLS", 200), runs = setting("RUNS", 20), stride = setting("STRIDE", 1);
    uint64_t seed = (uint64_t)setting("SEED", 1);
    int64_t tried = 0, ended = 0, ended_well = 0, passed = 0, points = 0, points_passed = 0;
    const char *reference = "reference";
    char what[128], fault[32], ref[512], run[512];
    snprintf(ref, sizeof ref, "%s", in_dir(reference));
    snprintf(run, sizeof run, "%s", in_dir("run"));
    double start = clock_seconds();
    outcome o = train(NULL, -1, ref);
    if (o.status) die("the undisturbed run fails: %d %s", o.status, o.err);
    double whole = o.seconds;
    /* the shortest of five: a moment drawn from a slow one falls behind the end of most */
    for (int i = 0; i < 4; i++) {
        remove_tree(run);
        o = train(NULL, -1, run);
        if (o.seconds < whole) whole = o.seconds;
    }

    for (int64_t r = 0; r < runs; r++) {
        remove_tree(run);
        /* A moment after the run's end kills nothing: the run is then looked at and begun anew. */
        for (int64_t k = r * kills / runs; k < (r + 1) * kills / runs; tried++) {
            double u = hone_random_uniform(seed, hone_stream_id(HONE_STREAM_TEST, 0), (uint64_t)tried);
            o = train(NULL, u * whole, run);
            k += o.status == 128 + 9;
            if (o.status == 128 + 9) continue;
            snprintf(what, sizeof what, "run %d, SEED=%d", (int)r, (int)seed);
            ended++;
            ended_well += good(run, ref, what);
            remove_tree(run);
        }
        snprintf(what, sizeof what, "run %d, SEED=%d", (int)r, (int)seed);
        passed += good(run, ref, what);
    }
    is_short = true;
    remove_tree(ref);
    o = train(NULL, -1, ref);
    if (o.status) die("the undisturbed run fails: %d %s", o.status, o.err);
    for (int64_t n = 1;; n += stride) {
        remove_tree(run);
        snprintf(fault, sizeof fault, "kill:%d", (int)n);
        o = train(fault, -1, run);
        if (o.status == 0) break;
        points++;
        if (o.status != 128 + 9) printf("HONE_FAULT=%s: exit %d, not a kill: %s\n", fault, o.status, o.err);
        points_passed += good(run, ref, fault) && o.status == 128 + 9;
    }
    return verdict("kill9", passed + ended_well + points_passed, runs + ended + points,
                   "%d random kills in %d runs and %d that ended in between; a kill at each of %d file operations; "
                   "one run %.0f ms; %.0f s",
                   (int)kills, (int)runs, (int)ended, (int)points, 1e3 * whole, clock_seconds() - start);
}
