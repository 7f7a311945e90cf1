/* hone train --dry-run, then the run itself, then the run once more with 1.25 times its real memory as the limit.
 *
 *     memory   peak_rss_mb of the dry run against the most that the run had in memory (its ru_maxrss)
 *     time     seconds against the wall's clock, cpu_seconds against the processor time of the process; on a machine
 *              where others work the first changes between two runs and the second hardly, so a run is good when one
 *              of them is within 20 %, both are printed
 *     limit    the run must not be refused
 *
 *     FORECAST_MODEL   a real model's folder: more configurations, some minutes each       ONLY   number of one of them
 *     ROUNDS           a dry run and a run in turns, so often (3); the ratios' medians count: a guest beside us that
 *                      takes the machine for a second takes a dry run whole and of a run a part
 *
 * HONE_BIN is a release build here: a build with fault hooks touches memory that nobody uses. */
#include "tests/reliability/command.h"
#include "tests/reliability/common.h"

#include "base/io.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* steps of the tiny model are so short that many are needed for a second. */
static const struct {
    bool real;
    const char *data, *words;
} runs[] = {
    {false, "pairs", "--task pairs --batch-size 16 --steps 4000 --eval-split 0.2 --eval-every 1000 --threads 1"},
    {false, "pairs", "--task pairs --batch-size 128 --chunk 16 --steps 500 --threads 2"},
    {false, "triplets", "--task triplet --batch-size 32 --accumulate 4 --steps 600 --save-every 100 --threads 1"},
    {false, "scored", "--task scored --batch-size 64 --steps 800 --eval-split 0.3 --eval-every 200 --threads 2"},
    {false, "labelled", "--task triplet --loss batch-all --batch-size 32 --steps 1500 --threads 1"},
    {false, "long", "--task pairs --batch-size 128 --steps 150 --precision bf16 --threads 2"},
    {true, "pairs", "--task pairs --batch-size 8 --steps 16 --eval-split 0.1 --threads 1"},
    {true, "pairs", "--task pairs --batch-size 32 --steps 6 --threads 2"},
    {true, "pairs", "--task pairs --batch-size 128 --chunk 16 --steps 2 --threads 2"},
    {true, "long", "--task pairs --batch-size 16 --steps 3 --threads 2"},
    {true, "triplets", "--task triplet --batch-size 16 --accumulate 2 --steps 6 --freeze embeddings.* --threads 2"},
    {true, "scored", "--task scored --batch-size 32 --steps 8 --eval-split 0.2 --matryoshka 384,64 --threads 2"},
    {true, "pairs", "--task pairs --batch-size 16 --steps 4 --precision bf16 --threads 1"},
    {true, "labelled", "--task triplet --loss batch-hard --batch-size 64 --steps 5 --dropout 0 --threads 2"},
};

/* ---- rows ---- */

static char *words[20000];
static int n_words;

static void read_words(void) {
    size_t n;
    char *text = slurp("tests/parity/texts.jsonl", &n);
    if (!text) die("cannot read tests/parity/texts.jsonl");
    for (char *w = strtok(text, " \n"); w && n_words < 20000; w = strtok(NULL, " \n")) {
        bool plain = strlen(w) < 16;
        for (const char *p = w; *p; p++) plain &= *p >= 'a' && *p <= 'z';
        if (plain) words[n_words++] = w;
    }
    if (n_words < 1000) die("too few words");
}

static uint64_t drawn;

static int64_t draw(int64_t below) {
    return (int64_t)hone_random_below(1, hone_stream_id(HONE_STREAM_TEST, 9), drawn++, (uint64_t)below);
}

static void put_text(FILE *f, const char *field, int64_t least, int64_t most, int row) {
    fprintf(f, "\"%s\":\"%d", field, row);
    for (int64_t k = least + draw(most - least + 1), at = draw(n_words); k > 0; k--)
        fprintf(f, " %s", words[at++ % n_words]);
    fprintf(f, "\"");
}

static void write_rows(const char *name, int rows, int64_t most) {
    char path[600];
    snprintf(path, sizeof path, "%s.jsonl", in_dir(name));
    FILE *f = fopen(path, "w");
    if (!f) die("cannot write %s", path);
    for (int i = 0; i < rows; i++) {
        bool labelled = !strcmp(name, "labelled"), scored = !strcmp(name, "scored");
        fputc('{', f);
        put_text(f, labelled ? "text" : scored ? "sentence1" : "anchor", most / 20 + 2, most / 3, i);
        if (!labelled) fputc(',', f), put_text(f, scored ? "sentence2" : "positive", most / 20 + 2, most, i);
        if (!strcmp(name, "triplets")) fputc(',', f), put_text(f, "negative", 5, most, i);
        if (scored) fprintf(f, ",\"score\":%.3f", (double)draw(1000) / 1000);
        if (labelled) fprintf(f, ",\"label\":\"l%d\"", (int)draw(12));
        fputs("}\n", f);
    }
    if (fclose(f)) die("cannot write %s", path);
}

/* ---- turns ---- */

static bool within(double ratio) {
    return ratio >= 0.8 && ratio <= 1.2;
}

/* One dry run and one run. Of a dry run that failed the ratios are 0. */
typedef struct turn {
    double memory, wall, cpu;                   /* forecast */
    double real_memory, real_wall, real_cpu;    /* what happened */
    double memory_ratio, wall_ratio, cpu_ratio; /* the first three by the second */
    double dry;                                 /* seconds of the dry run */
    bool ran;
} turn;

static turn take_turn(const char *line) {
    char dry[1600];
    turn t = {0};
    snprintf(dry, sizeof dry, "%s --dry-run", line);
    finished f = run_command(dry, NULL, NULL);
    json_t *j = f.out ? json_loads(f.out, 0, NULL) : NULL;
    free(f.out);
    if (f.status || !j) {
        printf("%s: exit %d: %s\n", dry, f.status, f.err);
        json_decref(j);
        return t;
    }
    t.memory = json_number_value(json_object_get(j, "peak_rss_mb"));
    t.wall = json_number_value(json_object_get(j, "seconds"));
    t.cpu = json_number_value(json_object_get(json_object_get(j, "time"), "cpu_seconds"));
    json_decref(j);
    finished r = run_command(line, NULL, NULL);
    free(r.out);
    t.dry = f.wall, t.real_memory = r.peak, t.real_wall = r.wall, t.real_cpu = r.cpu;
    t.memory_ratio = t.memory / r.peak, t.wall_ratio = t.wall / r.wall, t.cpu_ratio = t.cpu / r.cpu;
    t.ran = r.status == 0;
    if (!t.ran) printf("exit %d: %s\n", r.status, r.err);
    return t;
}

enum { MOST_ROUNDS = 31 };

/* The median over the turns of the number that lies `at` bytes behind a turn's beginning. */
static double median(const turn *t, int n, size_t at) {
    double x[MOST_ROUNDS];
    for (int i = 0; i < n; i++) memcpy(&x[i], (const char *)&t[i] + at, sizeof *x);
    return median_of(x, (size_t)n);
}
#define MEDIAN(field) median(t, rounds, offsetof(turn, field))

static bool compare(int i, const char *model, int rounds) {
    char line[1500], limit[32], out[600], log[700];
    turn t[MOST_ROUNDS];
    bool good = true;
    snprintf(out, sizeof out, "%s", in_dir("run"));
    snprintf(log, sizeof log, "%s/log.jsonl", out);
    snprintf(line, sizeof line, "train --quiet --json --model %s --train %s.jsonl --out %s %s", model,
             in_dir(runs[i].data), out, runs[i].words);
    for (int k = 0; k < rounds; k++) {
        remove_tree(out);
        t[k] = take_turn(line);
        good &= t[k].ran;
    }
    snprintf(limit, sizeof limit, "%.0f", 1.25 * MEDIAN(real_memory) * 1024 * 1024);
    remove_tree(out);
    finished l = run_command(line, limit, log);
    free(l.out);
    bool refused = l.status == 5;
    good &= within(MEDIAN(memory_ratio)) && (within(MEDIAN(wall_ratio)) || within(MEDIAN(cpu_ratio))) && !refused;
    printf("%2d %-4s %6.0f %6.0f %5.2f  %7.1f %7.1f %5.2f  %7.1f %7.1f %5.2f  %5.1f  %s%s  %s\n", i,
           runs[i].real ? "real" : "tiny", MEDIAN(memory), MEDIAN(real_memory), MEDIAN(memory_ratio), MEDIAN(wall),
           MEDIAN(real_wall), MEDIAN(wall_ratio), MEDIAN(cpu), MEDIAN(real_cpu), MEDIAN(cpu_ratio), MEDIAN(dry),
           good ? "ok" : "NO", refused ? " refused" : "", runs[i].words);
    fflush(stdout);
    remove_tree(out);
    return good;
}

int main(void) {
    const char *model = getenv("FORECAST_MODEL");
    int64_t tried = 0, good = 0, only = setting("ONLY", -1), rounds = setting("ROUNDS", 3);
    double start = clock_seconds();
    if (rounds < 1 || rounds > MOST_ROUNDS) die("ROUNDS: 1 to 31");
    work_dir();
    read_words();
    write_rows("pairs", 1200, 60), write_rows("long", 240, 220), write_rows("triplets", 800, 50);
    write_rows("scored", 1000, 40), write_rows("labelled", 1500, 60);
    printf("         MiB forecast, real   wall seconds            processor seconds      dry run\n");
    for (int i = 0; i < (int)(sizeof runs / sizeof *runs); i++) {
        if ((only >= 0 && i != only) || (runs[i].real && (!model || !*model))) continue;
        tried++;
        good += compare(i, runs[i].real ? model : MODEL, (int)rounds);
    }
    return verdict("forecast", good, tried, "within 20 %%, medians of %" PRId64 "; %.0f s", rounds,
                   clock_seconds() - start);
}
