#include "tools/bench_profile.h"

#include <string.h>

static const char *const phase_names[HONE_PHASES] = {"catch_up", "forward", "loss", "backward", "grad_norm", "update"};

/* Multiply-adds, times two, of one forward call whose shapes say them; 0 where they do not (attention depends on
 * lengths). */
static double forward_flops(const hone_profile_row *r) {
    bool mlp = !strcmp(r->op, "mlp");
    if ((!mlp && strcmp(r->op, "linear")) || r->weight.rank != 2) return 0;
    double rows = 1;
    for (int i = 0; i + 1 < r->out.rank; i++) rows *= (double)r->out.dim[i];
    double in = (double)r->weight.dim[1], wide = (double)r->weight.dim[0], out = (double)r->out.dim[r->out.rank - 1];
    return mlp ? 2 * rows * wide * (in + out) : 2 * rows * wide * in;
}

static void describe(const hone_profile_row *r, char text[96]) {
    char in[40], weight[40];
    snprintf(in, sizeof in, "%s", hone_shape_str(&r->in));
    snprintf(weight, sizeof weight, "%s", r->weight.rank ? hone_shape_str(&r->weight) : "");
    snprintf(text, 96, "%s%s%s -> %s", in, *weight ? " x " : "", weight, hone_shape_str(&r->out));
}

void hone_bench_profile_print(FILE *out, hone_profile *p, const double seconds[HONE_PHASES], int64_t steps,
                              double roof) {
    double total = 0, per_ms = 1e3 / (double)steps;
    for (int i = 0; i < HONE_PHASES; i++) total += seconds[i];
    fprintf(out, "\n  phase             ms a step    share\n");
    for (int i = 0; i < HONE_PHASES; i++)
        fprintf(out, "  %-14s %12.2f %7.1f %%\n", phase_names[i], seconds[i] * per_ms, 100 * seconds[i] / total);
    const hone_profile_row *rows;
    int64_t n = hone_profile_rows(p, &rows);
    fprintf(out, "\n  operation     calls   forward ms  of roof  backward ms  of roof    share  shapes\n");
    for (int64_t i = 0; i < n; i++) {
        const hone_profile_row *r = &rows[i];
        char shapes[96], fwd[16] = "", bwd[16] = "";
        double flops = forward_flops(r) * (double)r->calls * 1e-9;
        if (flops > 0) snprintf(fwd, sizeof fwd, "%.1f %%", 100 * flops / r->forward / roof);
        if (flops > 0 && r->backward > 0) snprintf(bwd, sizeof bwd, "%.1f %%", 100 * 2 * flops / r->backward / roof);
        describe(r, shapes);
        fprintf(out, "  %-13s %5.4g %12.2f %8s %12.2f %8s %6.1f %%  %s\n", r->op, (double)r->calls / (double)steps,
                r->forward * per_ms, fwd, r->backward * per_ms, bwd, 100 * (r->forward + r->backward) / total, shapes);
    }
}

void hone_bench_profile_json(FILE *out, hone_profile *p, const double seconds[HONE_PHASES], int64_t steps) {
    double per_ms = 1e3 / (double)steps;
    fprintf(out, ",\"profile\":{\"phases\":{");
    for (int i = 0; i < HONE_PHASES; i++)
        fprintf(out, "%s\"%s\":%.3f", i ? "," : "", phase_names[i], seconds[i] * per_ms);
    fprintf(out, "},\"ops\":[");
    const hone_profile_row *rows;
    int64_t n = hone_profile_rows(p, &rows);
    for (int64_t i = 0; i < n; i++) {
        char shapes[96];
        describe(&rows[i], shapes);
        fprintf(out, "%s{\"op\":\"%s\",\"shapes\":\"%s\",\"calls\":%.4g,\"forward_ms\":%.3f,\"backward_ms\":%.3f}",
                i ? "," : "", rows[i].op, shapes, (double)rows[i].calls / (double)steps, rows[i].forward * per_ms,
                rows[i].backward * per_ms);
    }
    fprintf(out, "]}");
}
