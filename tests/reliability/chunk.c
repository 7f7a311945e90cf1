/* The gradient cache (hone train --chunk N) of a real model on the pairs of demo/.
 *
 *     time     the steps of a batch in chunks between the steps of the whole batch before and after: the median over
 *              ROUNDS of the ratio is at most 1.35 (four thirds is what one more forward pass costs)
 *     memory   a batch of 4,096 pairs in chunks: the most that the run had in memory (ru_maxrss) is at most 1.2 GB
 *
 *     CHUNK_MODEL   the model's folder (build/demo/model)       BATCH   rows of the timed batch (256)
 *     ROUNDS        3                                           STEPS   of a timed run, the first not counted (4)
 *     PAIRS         rows of the large batch (4096)
 *
 * HONE_BIN is a release build, as for the forecast. That the gradients are the whole batch's is for unit tests to
 * show. */
#include "tests/reliability/command.h"
#include "tests/reliability/common.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 }; /* rounds, steps */
static const int timed[] = {8, 16, 32, 64}, large[] = {32, 64};
enum { TIMED = sizeof timed / sizeof *timed, LARGE = sizeof large / sizeof *large };

/* A run of so many steps; chunk 0: the whole batch at once. */
static finished train(int64_t batch, int chunk, int64_t steps) {
    const char *model = getenv("CHUNK_MODEL");
    char line[1500];
    int n =
        snprintf(line, sizeof line,
                 "train --quiet --json --task pairs --model %s --train demo/train.jsonl.gz --out %s --max-length 64 "
                 "--lr 1e-5 --batch-size %" PRId64 " --steps %" PRId64,
                 model && *model ? model : "build/demo/model", in_dir("run"), batch, steps);
    if (chunk) snprintf(line + n, sizeof line - (size_t)n, " --chunk %d", chunk);
    remove_tree(in_dir("run"));
    finished f = run_command(line, NULL, NULL);
    if (f.status) die("%s: exit %d: %s", line, f.status, f.err);
    free(f.out);
    return f;
}

/* The median over the steps of a run but its first, in ms, from its log. */
static double step_ms(int64_t batch, int chunk, int64_t steps) {
    double ms[MOST];
    size_t n = 0, bytes;
    train(batch, chunk, steps);
    char *log = slurp(in_dir("run/log.jsonl"), &bytes), *rest = NULL;
    for (char *line = strtok_r(log, "\n", &rest); line && n < MOST; line = strtok_r(NULL, "\n", &rest)) {
        json_t *j = json_loads(line, 0, NULL), *of_step = json_object_get(j, "ms");
        if (json_object_get(j, "step") && of_step) ms[n++] = json_number_value(of_step);
        json_decref(j);
    }
    free(log);
    if (n != (size_t)steps) die("%s has %zu steps, not %" PRId64, in_dir("run/log.jsonl"), n, steps);
    return median_of(ms + 1, n - 1);
}

static bool compare_time(int64_t batch, int64_t rounds, int64_t steps) {
    double ratios[TIMED][MOST];
    bool good = true;
    step_ms(batch, 0, 2); /* the files, and the processor's speed */
    printf("chunk   ms, whole batch before and after, in chunks   ratio\n");
    for (int64_t r = 0; r < rounds; r++) {
        double before = step_ms(batch, 0, steps);
        for (int c = 0; c < TIMED; c++) {
            double chunked = step_ms(batch, timed[c], steps), after = step_ms(batch, 0, steps);
            ratios[c][r] = 2 * chunked / (before + after);
            printf("%5d   %6.0f %6.0f %6.0f   %.2f\n", timed[c], before, after, chunked, ratios[c][r]);
            fflush(stdout);
            before = after;
        }
    }
    for (int c = 0; c < TIMED; c++) {
        double middle = median_of(ratios[c], (size_t)rounds);
        bool fits = middle <= 1.35;
        good &= fits;
        printf("batch of %" PRId64 " in chunks of %d: %.2fx, of rounds %.2f to %.2f  %s\n", batch, timed[c], middle,
               ratios[c][0], ratios[c][rounds - 1], fits ? "ok" : "NO");
    }
    return good;
}

int main(void) {
    int64_t good = 0, rounds = setting("ROUNDS", 3), steps = setting("STEPS", 4), pairs = setting("PAIRS", 4096);
    double start = clock_seconds();
    if (rounds < 1 || rounds > MOST || steps < 2 || steps > MOST) die("ROUNDS: 1 to %d, STEPS: 2 to %d", MOST, MOST);
    good += compare_time(setting("BATCH", 256), rounds, steps);
    for (int c = 0; c < LARGE; c++) {
        finished f = train(pairs, large[c], 2);
        double megabytes = f.peak * 1.048576;
        bool fits = megabytes <= 1200;
        good += fits;
        printf("%" PRId64 " pairs in chunks of %d: %.0f MB, two steps in %.0f s  %s\n", pairs, large[c], megabytes,
               f.wall, fits ? "ok" : "NO");
        fflush(stdout);
    }
    return verdict("chunk", good, 1 + LARGE, "at most 1.35 times the time, 1.2 GB; %.0f s", clock_seconds() - start);
}
