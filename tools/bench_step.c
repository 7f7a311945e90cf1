#include "tools/bench_step.h"

#include "base/io.h"
#include "base/parallel.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "losses/loss.h"
#include "models/model.h"
#include "nn/optim.h"
#include "tools/bench_profile.h"
#include "tools/bench_serve.h"
#include "tools/roof.h"
#include "tools/text_buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { WARM_UP = 2 };

typedef struct bench {
    const hone_bench_step_options *o;
    hone_model *m;
    hone_arena *arena;
    hone_graph *g;
    hone_optim *optim;
    int64_t B, T;
    int32_t *ids, *cu;
    double *ms;
    hone_profile *profile; /* NULL unless asked for */
    double phase[HONE_PHASES], lap;
    int64_t served; /* steps done so far with --serve */
    double flops;   /* useful floating-point operations of a step */
} bench;

static const struct {
    const char *name;
    int layers, hidden, heads, intermediate;
} archs[] = {{"minilm-l6", 6, 384, 12, 1536}, {"minilm-l12", 12, 384, 12, 1536}, {"bert-base", 12, 768, 12, 3072}};

static hone_status open_model(bench *b) {
    hone_model_options options = {
        .train = true, .precision = b->o->precision, .dropout = b->o->dropout > 0 ? b->o->dropout : -1};
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
        if (strcmp(archs[i].name, b->o->arch)) continue;
        json_t *config = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "model_type", "bert", "num_hidden_layers",
                                   archs[i].layers, "hidden_size", archs[i].hidden, "num_attention_heads",
                                   archs[i].heads, "intermediate_size", archs[i].intermediate, "vocab_size", 30522);
        hone_status s = config ? hone_model_make(config, &options, b->o->seed, &b->m)
                               : hone_fail(HONE_E_NOMEM, "no memory for the config");
        json_decref(config);
        return s;
    }
    size_t n = strlen(b->o->arch);
    if (n > 5 && !strcmp(b->o->arch + n - 5, ".json")) {
        json_t *config;
        HONE_TRY(hone_json_load(b->o->arch, &config));
        hone_status s = hone_model_make(config, &options, b->o->seed, &b->m);
        json_decref(config);
        if (s != HONE_OK) hone_blame(b->o->arch, 0);
        return s;
    }
    if (!hone_io_exists(b->o->arch) && !strchr(b->o->arch, '/')) {
        hone_fail(HONE_E_ARG,
                  "--arch \"%s\": expected minilm-l6, minilm-l12, bert-base, a model's folder or a config.json",
                  hone_quote(b->o->arch));
        return hone_hint("pictures and rerankers are not available yet");
    }
    return hone_model_open(b->o->arch, &options, &b->m);
}

/* Where the standard normal distribution has this share of itself below: its own function, halved until no double lies
 * between. */
static double normal_quantile(double share) {
    double low = -40, high = 40;
    for (int i = 0; i < 64; i++) {
        double z = (low + high) / 2;
        *(erfc(-z / sqrt(2)) / 2 < share ? &low : &high) = z;
    }
    return high;
}

/* Lengths of a log-normal of mean M and sigma S, whose underlying normal has mean ln M - S^2 / 2: the middles of B
 * equal slices of it, in random order. So the batch has the distribution's mean and its longest text; of B free draws the
 * longest, and with it what others pad, is a matter of luck (64 texts of mean 40 and sigma 0.5: 76 to 200 tokens). */
static hone_status draw_lengths(const bench *b, double mean, double sigma, int64_t *length) {
    int64_t *slice = hone_alloc((size_t)b->B * sizeof *slice);
    if (!slice) return HONE_E_NOMEM;
    hone_random_permutation(b->o->seed, hone_stream_id(HONE_STREAM_SAMPLE, 1), b->B, slice);
    for (int64_t i = 0; i < b->B; i++) {
        double z = normal_quantile(((double)slice[i] + 0.5) / (double)b->B);
        length[i] = (int64_t)fmin(256, fmax(4, round(exp(log(mean) - sigma * sigma / 2 + sigma * z))));
    }
    hone_free(slice);
    return HONE_OK;
}

/* The length of each text. Free with hone_free. NULL: no memory, or --lengths that means none. */
static int64_t *lengths_of(const bench *b) {
    double mean = 0, sigma = 0;
    char tail;
    if (b->o->lengths && (sscanf(b->o->lengths, "lognormal:%lf,%lf%c", &mean, &sigma, &tail) != 2 || !(mean > 0) ||
                          !(sigma >= 0) || !isfinite(mean) || !isfinite(sigma))) {
        hone_fail(HONE_E_ARG, "--lengths \"%s\": expected lognormal:MEAN,SIGMA", hone_quote(b->o->lengths));
        return NULL;
    }
    int64_t *length = hone_alloc((size_t)b->B * sizeof *length);
    for (int64_t i = 0; length && i < b->B; i++) length[i] = b->o->tokens;
    if (length && b->o->lengths && draw_lengths(b, mean, sigma, length) != HONE_OK) {
        hone_free(length);
        return NULL;
    }
    return length;
}

/* Where each text begins among the tokens, how many there are, and what a step on them multiplies. */
static hone_status lay_out(bench *b, const int64_t *length) {
    const hone_model_info *info = hone_model_get_info(b->m);
    b->cu = hone_alloc((size_t)(b->B + 1) * sizeof *b->cu);
    if (!b->cu) return HONE_E_NOMEM;
    double attention = 0, h = (double)info->hidden, f = (double)info->intermediate;
    for (int64_t i = 0; i < b->B; i++) {
        if (length[i] > info->positions)
            return hone_fail(HONE_E_ARG, "texts of %" PRId64 " tokens, the model has %" PRId64 " positions", length[i],
                             info->positions);
        b->cu[i] = (int32_t)b->T;
        b->T += length[i];
        attention += (double)length[i] * (double)length[i];
    }
    b->cu[b->B] = (int32_t)b->T;
    b->flops = 3 * (double)info->layers * (2 * (double)b->T * (4 * h * h + 2 * h * f) + 4 * attention * h);
    return HONE_OK;
}

static hone_status make_batch(bench *b) {
    if (b->o->batch % 2)
        return hone_fail(HONE_E_ARG,
                         "--batch %" PRId64
                         ": expected an even number, half of the texts are anchors and half positives",
                         b->o->batch);
    b->B = b->o->batch;
    int64_t *length = lengths_of(b);
    hone_status s = length ? lay_out(b, length) : hone_last_error()->code;
    hone_free(length);
    HONE_TRY(s);
    b->ids = hone_alloc((size_t)b->T * sizeof *b->ids);
    if (!b->ids) return hone_last_error()->code;
    for (int64_t t = 0; t < b->T; t++)
        b->ids[t] = (int32_t)hone_random_below(b->o->seed, hone_stream_id(HONE_STREAM_SAMPLE, 2), (uint64_t)t,
                                               (uint64_t)hone_model_get_info(b->m)->vocab);
    return HONE_OK;
}

/* The time since the last call belongs to this phase. */
static void phase_ends(bench *b, hone_bench_phase phase) {
    double t = hone_profile_now();
    b->phase[phase] += t - b->lap;
    b->lap = t;
}

static hone_status one_step(bench *b, int64_t step) {
    b->lap = hone_profile_now();
    double norm;
    hone_params *ps = hone_model_params(b->m);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        bool words = t == hone_model_word_table(b->m);
        if (t->rows) HONE_TRY(hone_optim_catch_up(b->optim, t, words ? b->ids : NULL, words ? b->T : 0));
    }
    phase_ends(b, HONE_PHASE_CATCH_UP);
    hone_graph_begin(b->g, &(hone_graph_mode){.record = true,
                                              .train = true,
                                              .seed = b->o->seed,
                                              .step = (uint64_t)step,
                                              .precision = b->o->precision,
                                              .lend_grads = true});
    hone_model_batch batch = {.B = b->B, .T = b->T, .ids = b->ids, .cu = b->cu};
    hone_loss_batch in = {.embeddings = hone_model_encode(b->m, b->g, &batch), .B = b->B / 2, .G = 2};
    phase_ends(b, HONE_PHASE_FORWARD);
    hone_tensor *loss = in.embeddings ? hone_loss_mnr.build(b->g, &in, &(hone_loss_options){.scale = 20}) : NULL;
    HONE_TRY(hone_graph_status(b->g));
    phase_ends(b, HONE_PHASE_LOSS);
    HONE_TRY(hone_graph_backward(b->g, loss, 1));
    phase_ends(b, HONE_PHASE_BACKWARD);
    HONE_TRY(hone_optim_grad_norm(b->optim, &norm));
    phase_ends(b, HONE_PHASE_GRAD_NORM);
    HONE_TRY(hone_optim_step(b->optim, 2e-5, norm));
    phase_ends(b, HONE_PHASE_UPDATE);
    return HONE_OK;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static hone_status print(FILE *out, bench *b, double roof) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t n = b->o->steps;
    qsort(b->ms, (size_t)n, sizeof *b->ms, ascending);
    double best = b->ms[0], median = n % 2 ? b->ms[n / 2] : (b->ms[n / 2 - 1] + b->ms[n / 2]) / 2;
    double gflops = b->flops / median * 1e-6, rate = (double)b->T / median * 1e3, rss = (double)usage.ru_maxrss / 1024;
    if (b->o->json) {
        hone_text_buffer arch = {0}; /* a folder may be called anything */
        hone_text_json(&arch, b->o->arch, strlen(b->o->arch));
        if (arch.failed) return hone_fail(HONE_E_NOMEM, "no memory for a line of JSON");
        fprintf(out,
                "{\"arch\":%.*s,\"batch\":%" PRId64 ",\"tokens\":%" PRId64
                ",\"dropout\":%g,\"threads\":%d,\"isa\":\"%s\",\"best_ms\":%.3f,"
                "\"median_ms\":%.3f,\"tokens_per_s\":%.1f,\"gflops\":%.2f,\"roof_gflops\":%.2f,\"share\":%.4f,\"peak_"
                "rss_mb\":%.1f",
                (int)arch.n, arch.p, b->B, b->T, b->o->dropout, hone_threads(), hone_isa_name(hone_kernels_isa()), best,
                median, rate, gflops, roof, gflops / roof, rss);
        if (b->profile) hone_bench_profile_json(out, b->profile, b->phase, n);
        fprintf(out, "}\n");
        hone_text_buffer_free(&arch);
        return HONE_OK;
    }
    fprintf(out, "%s, %" PRId64 " texts, %" PRId64 " tokens, dropout %g, %d threads, %s\n", hone_quote(b->o->arch),
            b->B, b->T, b->o->dropout, hone_threads(), hone_isa_name(hone_kernels_isa()));
    fprintf(out, "  step      %10.1f ms median, %.1f ms best of %" PRId64 "\n", median, best, n);
    fprintf(out, "  rate      %10.0f tokens/s\n", rate);
    fprintf(out, "  work      %10.1f GF/s useful, %.1f %% of the roof of %.1f GF/s\n", gflops, 100 * gflops / roof,
            roof);
    fprintf(out, "  memory    %10.0f MB peak\n", rss);
    if (b->profile) hone_bench_profile_print(out, b->profile, b->phase, n, roof);
    return HONE_OK;
}

static hone_status serve_step(void *ctx, json_t *answer) {
    (void)answer;
    bench *b = ctx;
    return one_step(b, b->served++);
}

/* What the other side needs to do the same work: the shapes, and the very lengths that were drawn. */
static hone_status serve(bench *b) {
    static const hone_bench_verb verbs[] = {{"step", serve_step}, {NULL, NULL}};
    const hone_model_info *info = hone_model_get_info(b->m);
    for (int i = 0; i < WARM_UP; i++) HONE_TRY(one_step(b, b->served++));
    json_t *lengths = json_array();
    for (int64_t i = 0; i < b->B; i++) json_array_append_new(lengths, json_integer(b->cu[i + 1] - b->cu[i]));
    json_t *ready =
        json_pack("{s:s, s:I, s:I, s:f, s:i, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:o}", "arch", b->o->arch, "batch",
                  (json_int_t)b->B, "tokens", (json_int_t)b->T, "dropout", b->o->dropout, "threads", hone_threads(),
                  "isa", hone_isa_name(hone_kernels_isa()), "gflop", b->flops * 1e-9, "hidden",
                  (json_int_t)info->hidden, "layers", (json_int_t)info->layers, "heads", (json_int_t)info->heads,
                  "intermediate", (json_int_t)info->intermediate, "vocab", (json_int_t)info->vocab, "lengths", lengths);
    return hone_bench_serve(ready, verbs, b);
}

static hone_status run(bench *b, FILE *out) {
    HONE_TRY(open_model(b));
    HONE_TRY(make_batch(b));
    b->arena = hone_arena_new("step", 0);
    b->g = b->arena ? hone_graph_new(b->arena) : NULL;
    b->ms = hone_alloc((size_t)b->o->steps * sizeof *b->ms);
    if (!b->g || !b->ms) return hone_last_error()->code;
    hone_params_lend_grads(hone_model_params(b->m));
    HONE_TRY(hone_optim_new(
        hone_model_params(b->m),
        &(hone_optim_config){.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .clip = 1}, &b->optim));
    if (b->o->serve) return serve(b);
    double roof = hone_roof_gflops(hone_threads());
    if (b->o->profile && !(b->profile = hone_profile_new())) return hone_last_error()->code;
    hone_graph_set_profile(b->g, b->profile);
    for (int64_t i = 0; i < WARM_UP + b->o->steps; i++) {
        if (i == WARM_UP) {
            memset(b->phase, 0, sizeof b->phase);
            if (b->profile) hone_profile_clear(b->profile);
        }
        double start = hone_profile_now();
        HONE_TRY(one_step(b, i));
        if (i >= WARM_UP) b->ms[i - WARM_UP] = 1e3 * (hone_profile_now() - start);
    }
    roof = fmax(roof, hone_roof_gflops(hone_threads()));
    return print(out, b, roof);
}

hone_status hone_bench_step(FILE *out, const hone_bench_step_options *o) {
    bench b = {.o = o};
    hone_status s = run(&b, out);
    hone_profile_free(b.profile);
    hone_optim_free(b.optim);
    hone_graph_free(b.g);
    hone_arena_free(b.arena);
    hone_model_close(b.m);
    hone_free(b.ids);
    hone_free(b.cu);
    hone_free(b.ms);
    return s;
}
