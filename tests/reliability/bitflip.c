/* Every single bit of a checkpoint, one at a time: it must be refused by name. Every single bit of the header of a
 * model folder's model.safetensors: refused, or the embeddings are the same bits; never others.
 *
 *     STRIDE   every STRIDE-th bit only (1)        JOBS   processes that share the bits (as many as processors)
 *
 * A bit is flipped in the file, in place; the file is read as `hone train --resume` and `hone embed` read it. */
#include "tests/reliability/common.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/status.h"
#include "kernels/kernel.h"
#include "models/model.h"
#include "train/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct tally {
    int64_t bits, good, refused, shown;
} tally;

/* This process takes the places that are its own, by number. */
static int64_t jobs, job;

/* True when what is in the file now is as it should be: refused, or harmless where that is allowed. */
typedef bool judge(void *ctx, bool *refused);

static void flip_bits(const char *path, int64_t first, int64_t n, int64_t stride, judge *good, void *ctx, tally *t) {
    int fd = open(path, O_RDWR);
    if (fd < 0) die("cannot open %s", path);
    for (int64_t bit = 8 * first; bit < 8 * (first + n); bit += stride) {
        if (bit / stride % jobs != job) continue;
        unsigned char was, is;
        bool refused = false;
        if (pread(fd, &was, 1, bit / 8) != 1) die("cannot read %s", path);
        is = (unsigned char)(was ^ 1 << bit % 8);
        if (pwrite(fd, &is, 1, bit / 8) != 1) die("cannot write %s", path);
        bool ok = good(ctx, &refused);
        if (!ok && t->shown++ < 20)
            printf("%s: bit %d of byte %lld (0x%02x, was 0x%02x) is taken\n", path, (int)(bit % 8),
                   (long long)(bit / 8), is, was);
        t->bits++, t->good += ok, t->refused += refused;
        if (pwrite(fd, &was, 1, bit / 8) != 1) die("cannot write %s", path);
    }
    close(fd);
}

/* ---- a checkpoint ---- */

static bool checkpoint_refused(void *ctx, bool *refused) {
    char dir[4096], said[512] = "";
    if (hone_checkpoint_newest(ctx, dir, said, sizeof said) != HONE_OK) die("%s", hone_last_error()->message);
    *refused = !*dir && *said;
    return *refused;
}

static void flip_folder(const char *dir, const char *run, int64_t stride, tally *t) {
    char **names, path[HONE_PATH_MAX];
    size_t count, n;
    if (hone_io_list(dir, &names, &count) != HONE_OK) die("cannot list %s", dir);
    for (size_t i = 0; i < count; i++) {
        hone_io_join(path, dir, names[i]);
        if (hone_io_is_dir(path)) {
            flip_folder(path, run, stride, t);
            continue;
        }
        free(slurp(path, &n));
        flip_bits(path, 0, (int64_t)n, stride, checkpoint_refused, (void *)(uintptr_t)run, t);
    }
    hone_free(names);
}

static void make_run(const char *run) {
    outcome o = run_hone(NULL, -1,
                         "train --quiet --threads 1 --task pairs --model tests/golden/models/bf16 --train " PAIRS
                         " --batch-size 8 --steps 2 --save-every 1 --keep 1 --out %s",
                         run);
    if (o.status) die("train fails: %s", o.err);
}

static tally checkpoints(const char *run, int64_t stride) {
    tally t = {0};
    char dir[4096], said[512] = "";
    if (hone_checkpoint_newest(run, dir, said, sizeof said) != HONE_OK || !*dir) die("no checkpoint: %s", said);
    flip_folder(dir, run, stride, &t);
    if (hone_checkpoint_newest(run, dir, said, sizeof said) != HONE_OK || !*dir)
        die("the bits are not as they were: %s", said);
    return t;
}

/* ---- a model's header ---- */

typedef struct embedding {
    const char *dir;
    float want[4096];
    size_t n;
} embedding;

static bool embed(const char *dir, float *out, size_t *n) {
    static const hone_text texts[] = {{"the city", 8}, {"cold water", 10}};
    hone_model *m;
    if (hone_model_open(dir, NULL, &m) != HONE_OK) return false;
    *n = 2 * (size_t)hone_model_get_info(m)->embedding;
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    bool ok = *n <= 4096 && hone_model_embed(m, g, texts, 2, &(hone_embed_options){0}, out, NULL) == HONE_OK;
    hone_graph_free(g), hone_arena_free(arena), hone_model_close(m);
    return ok;
}

static bool same_or_refused(void *ctx, bool *refused) {
    static float got[4096];
    const embedding *e = ctx;
    size_t n;
    *refused = !embed(e->dir, got, &n);
    return *refused || (n == e->n && !memcmp(got, e->want, n * sizeof *got));
}

static tally headers(const char *dir, int64_t stride) {
    static embedding e;
    tally t = {0};
    char file[HONE_PATH_MAX];
    e.dir = dir;
    if (!embed(dir, e.want, &e.n)) die("%s", hone_last_error()->message);
    hone_io_join(file, dir, "model.safetensors");
    size_t bytes;
    char *text = slurp(file, &bytes);
    uint64_t n = 0;
    for (int i = 0; text && i < 8; i++) n |= (uint64_t)(unsigned char)text[i] << (8 * i);
    free(text);
    flip_bits(file, 0, 8 + (int64_t)n, stride, same_or_refused, &e, &t);
    return t;
}

/* One process's share, on copies of its own; the sums go to its parent through a pipe. */
static void child(int to, const char *run, int64_t stride) {
    char name[64], mine[512], model[512];
    snprintf(name, sizeof name, "run-%d", (int)job);
    snprintf(mine, sizeof mine, "%s", in_dir(name));
    snprintf(name, sizeof name, "model-%d", (int)job);
    snprintf(model, sizeof model, "%s", in_dir(name));
    copy_tree(run, mine);
    copy_tree(MODEL, model);
    tally t[2] = {checkpoints(mine, stride), headers(model, stride)};
    fflush(NULL);
    _exit(write(to, t, sizeof t) == (ssize_t)sizeof t ? 0 : 2);
}

int main(void) {
    const char *why;
    char run[512];
    tally c = {0}, h = {0};
    int64_t stride = setting("STRIDE", 1);
    int pipes[2];
    jobs = setting("JOBS", sysconf(_SC_NPROCESSORS_ONLN));
    double start = clock_seconds();
    if (!hone_kernels_init(&why)) die("%s", why);
    snprintf(run, sizeof run, "%s", in_dir("run"));
    make_run(run);
    if (pipe(pipes)) die("no pipe");
    fflush(NULL);
    for (job = 0; job < jobs; job++)
        if (!fork()) child(pipes[1], run, stride);
    close(pipes[1]);
    int ended = 0, status;
    for (tally t[2]; read(pipes[0], t, sizeof t) == (ssize_t)sizeof t; ended++) {
        c.bits += t[0].bits, c.good += t[0].good, c.refused += t[0].refused;
        h.bits += t[1].bits, h.good += t[1].good, h.refused += t[1].refused;
    }
    while (wait(&status) > 0) ended -= status != 0;
    if (ended != jobs) die("a process ended before its share was done: a crash?");
    return verdict(
        "bitflip", c.good + h.good, c.bits + h.bits,
        "checkpoint of %.0f KiB: %lld of %lld bits found; header of %.1f KiB: %lld refused, %lld harmless; %.0f s",
        (double)(c.bits * stride) / 8192, (long long)c.refused, (long long)c.bits, (double)(h.bits * stride) / 8192,
        (long long)h.refused, (long long)(h.good - h.refused), clock_seconds() - start);
}
