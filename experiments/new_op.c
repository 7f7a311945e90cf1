/* An operation that Hone does not have, outside its tree: softcap/ holds the op and its kernel rows for AVX2 and
 * AVX-512; here is its test: every row against double, backward against differences.
 *
 *     build/release/experiments/new_op [C]            C = 30: Gemma 2's (arXiv:2408.00118, section 2) */
#include "softcap/softcap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static hone_status check_row(const softcap_row *row, double c) {
    enum { N = 131 }; /* odd: every row has a tail */
    float x[N] = {0, -0.0f, INFINITY, -INFINITY, 1e-30f}, dy[N], y[N + 1], dx[N + 1];
    double worst = 0;
    for (int i = 0; i < N; i++) {
        if (i > 4) x[i] = (float)(3 * c * hone_random_normal(1, HONE_STREAM_TEST, (uint64_t)i));
        dy[i] = (float)hone_random_normal(2, HONE_STREAM_TEST, (uint64_t)i);
    }
    for (int64_t n = 1; n <= N; n++) {
        for (int64_t i = 0; i <= n; i++) y[i] = dx[i] = 7;
        row->fwd(n, (float)c, x, y), row->bwd(n, (float)c, y, dy, dx, true);
        for (int64_t i = 0; i < n; i++) {
            double t = tanh((double)x[i] / (double)(float)c), slope = 7 + (double)dy[i] * (1 - t * t);
            double err = fabs((double)y[i] / c - t) + fabs((double)dx[i] - slope) / 16; /* a NaN in either shows */
            if (err > worst || isnan(err)) worst = err;                                 /* and stays */
        }
        if (y[n] != 7 || dx[n] != 7)
            return hone_fail(HONE_E_NUMERIC, "row %s writes behind its %lld elements", row->name, (long long)n);
    }
    float not_a_number = NAN;
    row->fwd(1, (float)c, &not_a_number, y);
    if (!isnan(y[0])) return hone_fail(HONE_E_NUMERIC, "row %s turns NaN into %g", row->name, (double)y[0]);
    printf("row %-16s  largest error %.1e of 5e-7\n", row->name, worst);
    return worst <= 5e-7 ? HONE_OK : hone_fail(HONE_E_NUMERIC, "row %s is off by %g", row->name, worst);
}

static hone_tensor *check_build(hone_graph *g, hone_tensor *const *leaf, void *c) {
    return softcap(g, leaf[0], *(double *)c);
}

static hone_status run(double c) {
    hone_gradcheck_result r;
    double values[64];
    for (int i = 0; i < 64; i++) values[i] = c * hone_random_normal(3, HONE_STREAM_TEST, (uint64_t)i);
    hone_tensor x = {
        .data = values, .dtype = HONE_F64, .shape = hone_shape_of(2, 8, 8), .name = "x", .needs_grad = true};
    HONE_TRY(hone_gradcheck_run(
        &(hone_gradcheck){.build = check_build, .ctx = &c, .n_leaves = 1, .leaves = (hone_tensor *[]){&x}}, &r));
    printf("gradient: %lld elements, largest error %.1e of 1e-9\n", (long long)r.checked, r.worst);
    if (!(r.worst <= 1e-9)) return hone_fail(HONE_E_NUMERIC, "the gradient is %g, differences say %g", r.got, r.want);
    for (int i = 0; i < 4; i++)
        if (hone_isa_supported(i == 3 ? HONE_ISA_AVX2 : (hone_isa)i))
            HONE_TRY(check_row(&softcap_rows[i], c));
        else
            printf("row %-16s  skipped: this machine has no such instructions\n", softcap_rows[i].name);
    return HONE_OK;
}

int main(int argc, char **argv) {
    const char *why;
    char *end = "";
    double c = argc > 1 ? strtod(argv[1], &end) : 30;
    if (argc > 2 || *end || (argc == 2 && end == argv[1])) return fprintf(stderr, "usage: new_op [C]\n"), 2;
    if (!hone_kernels_init(&why)) return fprintf(stderr, "new_op: %s\n", why), 2;
    if (run(c) == HONE_OK) return 0;
    fprintf(stderr, "new_op: %s\n", hone_error_text(hone_last_error()));
    return hone_exit_status(hone_last_error());
}
