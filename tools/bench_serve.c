#include "tools/bench_serve.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "tensor/matmul.h"
#include "tools/options.h"
#include "tools/roof.h"
#include "tools/terminal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double hone_bench_peak_mb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* GF/s of one fixed product, best of three; its operands (7 MB) live in the second and third cache. */
static hone_status control(double *gflops) {
    enum { N = 768, TRIES = 3 };
    float *x = hone_alloc((size_t)3 * N * N * sizeof *x);
    if (!x) return HONE_E_NOMEM;
    for (int64_t i = 0; i < 2 * N * N; i++) x[i] = (float)(i % 251) * 0.01f - 1;
    hone_matmul_args m = {.M = N,
                          .N = N,
                          .K = N,
                          .trans_b = true,
                          .a = x,
                          .lda = N,
                          .b = x + N * N,
                          .ldb = N,
                          .c = x + 2 * N * N,
                          .ldc = N};
    hone_status s = hone_matmul_f32(&m);
    double best = INFINITY;
    for (int t = 0; t < TRIES && s == HONE_OK; t++) {
        double start = now();
        s = hone_matmul_f32(&m);
        best = fmin(best, now() - start);
    }
    *gflops = 2.0 * N * N * N / best * 1e-9;
    hone_free(x);
    return s;
}

static hone_status answer_line(json_t *answer) {
    if (answer) json_object_set_new(answer, "peak_rss_mb", json_real(hone_bench_peak_mb()));
    HONE_TRY(hone_print_json(answer));
    return hone_print_flush();
}

static hone_status answer_roof(void) {
    double product = 0, roof = hone_roof_gflops(hone_threads());
    HONE_TRY(control(&product));
    roof = fmax(roof, hone_roof_gflops(hone_threads()));
    return answer_line(json_pack("{s:f, s:f}", "roof_gflops", roof, "control_gflops", product));
}

static hone_status answer_verb(const hone_bench_verb *verb, void *ctx) {
    json_t *answer = json_object();
    if (!answer) return hone_fail(HONE_E_NOMEM, "no memory for an answer");
    double start = now();
    hone_status s = verb->run(ctx, answer);
    json_object_set_new(answer, "ms", json_real(1e3 * (now() - start)));
    if (s == HONE_OK) return answer_line(answer);
    json_decref(answer);
    return s;
}

static hone_status unknown(const char *word, const hone_bench_verb *verbs) {
    char known[128] = "roof", list[160];
    size_t used = strlen(known);
    for (const hone_bench_verb *v = verbs; v->name; v++)
        used += (size_t)snprintf(known + used, sizeof known - used, "|%s", v->name);
    return hone_fail(HONE_E_ARG, "--serve: unknown word \"%s\" on standard input, allowed: %s", hone_quote(word),
                     hone_words_list(known, list, sizeof list));
}

static hone_status answer_word(const char *word, const hone_bench_verb *verbs, void *ctx) {
    if (!strcmp(word, "roof")) return answer_roof();
    for (const hone_bench_verb *v = verbs; v->name; v++)
        if (!strcmp(word, v->name)) return answer_verb(v, ctx);
    return unknown(word, verbs);
}

hone_status hone_bench_serve(json_t *ready, const hone_bench_verb *verbs, void *ctx) {
    /* A line at a time as they come, which hone_reader (it reads ahead) does not promise. */
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (ready) json_object_set_new(ready, "ready", json_true());
    hone_status s = answer_line(ready);
    while (s == HONE_OK && (n = getline(&line, &room, stdin)) >= 0) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' ')) line[--n] = 0;
        if (n) s = answer_word(line, verbs, ctx);
    }
    free(line);
    return s;
}
