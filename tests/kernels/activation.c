#include "tests/kernels/rows.h"
#include "tests/kernels/simd_math.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char *const act_names[HONE_ACT_COUNT] = {"none", "gelu", "gelu_tanh", "quick_gelu",
                                                      "relu", "silu", "tanh",      "sigmoid"};

/* What a float implementation of act at x may be off by. The sigmoid-based ones lose one rounding per unit of their
 * argument t, because exp turns an absolute error of t into a relative one; results near 2^-126 are coarse. */
static double act_tolerance(hone_act act, double x, double y) {
    double t = 0;
    switch (act) {
    case HONE_ACT_NONE:
    case HONE_ACT_RELU: return 0;
    case HONE_ACT_GELU: return 0.5e-7 * fabs(x) + 4 * UNIT * fabs(y) + 3e-45;
    case HONE_ACT_GELU_TANH: t = 1.6 * (x + 0.044715 * x * x * x); break;
    case HONE_ACT_QUICK_GELU: t = 1.702 * x; break;
    case HONE_ACT_SILU: t = 0; break;
    default: break;
    }
    return 8 * UNIT * fabs(y) * (1 + fmin(fabs(t), 100) / 2) + 4e-38 * (1 + fabs(x));
}

static double slope_tolerance(hone_act act, double y) {
    switch (act) {
    case HONE_ACT_NONE:
    case HONE_ACT_RELU: return 0;
    case HONE_ACT_TANH:
    case HONE_ACT_SIGMOID: return 12 * UNIT * fabs(y) + 4e-38;
    default: return 3e-7 * fmax(1, fabs(y));
    }
}

TEST(activation, every_row_follows_the_double_reference_at_every_size) {
    score s = {.op = "activation_f32"};
    uint64_t seed = 1000;
    for (int act = 0; act < HONE_ACT_COUNT; act++)
        for (int z = 0; z < row_size_count; z++)
            for (int variant = 0; variant < 2; variant++) {
                int64_t n = row_sizes[z];
                seed++;
                FOR_ROWS(row, activation_f32_fwd) {
                    fixture f;
                    fixture_begin(&f, seed);
                    bool in_place = variant == 1;
                    float *x = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, 6),
                          *y = in_place ? x : fixture_out(&f, n, false);
                    if (in_place)
                        for (int64_t i = 0; i < n; i++) x[i] *= 6;
                    double *xd = case_doubles(n, x), *yd = case_doubles(n, NULL);
                    hone_activation_f64_fwd(n, (hone_act)act, xd, yd);
                    rows_activation_f32_fwd[row](n, (hone_act)act, x, y);
                    for (int64_t i = 0; i < n; i++)
                        score_near(&s, row, &f, act_names[act], i, (double)y[i], yd[i],
                                   act_tolerance((hone_act)act, xd[i], yd[i]));
                    fixture_end(&f);
                    s.cases++;
                }
                FOR_ROWS(row, activation_f32_bwd) {
                    fixture f;
                    fixture_begin(&f, seed);
                    bool add = (seed + (uint64_t)z) % 2, in_place = variant == 1 && !add;
                    float *x = fixture_in(&f, n, 6), *dy = in_place ? fixture_out(&f, n, true) : fixture_in(&f, n, 1);
                    float *dx = in_place ? dy : fixture_out(&f, n, add);
                    double *xd = case_doubles(n, x), *gd = case_doubles(n, dy), *one = case_doubles(n, NULL),
                           *sd = case_doubles(n, NULL);
                    double *before = case_doubles(n, add ? dx : NULL);
                    for (int64_t i = 0; i < n; i++) one[i] = 1;
                    hone_activation_f64_bwd(n, (hone_act)act, xd, one, sd, false);
                    rows_activation_f32_bwd[row](n, (hone_act)act, x, dy, dx, add);
                    for (int64_t i = 0; i < n; i++) {
                        double want = before[i] + gd[i] * sd[i];
                        double tol = fabs(gd[i]) * slope_tolerance((hone_act)act, sd[i]) +
                                     2 * UNIT * (fabs(want) + fabs(gd[i] * sd[i]));
                        score_near(&s, row, &f, act_names[act], i, (double)dx[i], want, tol);
                    }
                    fixture_end(&f);
                    s.cases++;
                }
            }
    score_print(&s, 3000);
}

TEST(activation, infinities_give_the_limits_and_nan_gives_nan) {
    const float in[] = {-INFINITY, INFINITY, NAN, -0.0f, 0.0f, -FLT_MAX, FLT_MAX, -1e-40f, 1e-40f, -1e10f, 1e10f};
    enum { N = sizeof in / sizeof *in };
    for (int act = 0; act < HONE_ACT_COUNT; act++)
        for (int shift = 0; shift < 18; shift++) { /* every lane and the tail */
            float x[N + 18], y[N + 18], dy[N + 18], dx[N + 18];
            double xd[N + 18], yd[N + 18], gd[N + 18], dd[N + 18];
            for (int i = 0; i < N + 18; i++)
                x[i] = i >= shift && i < shift + N ? in[i - shift] : 0.5f, xd[i] = (double)x[i], dy[i] = 1, gd[i] = 1;
            hone_activation_f64_fwd(N + 18, (hone_act)act, xd, yd);
            hone_activation_f64_bwd(N + 18, (hone_act)act, xd, gd, dd, false);
            FOR_ROWS(row, activation_f32_fwd) {
                rows_activation_f32_fwd[row](N + 18, (hone_act)act, x, y);
                rows_activation_f32_bwd[row](N + 18, (hone_act)act, x, dy, dx, false);
                for (int i = 0; i < N + 18; i++) {
                    float want = (float)yd[i], slope = (float)dd[i];
                    bool same = isnan(want)   ? isnan(y[i])
                                : isinf(want) ? y[i] == want
                                              : fabsf(y[i] - want) <= 1e-6f * fabsf(want) + 1e-7f;
                    CHECK_MSG(same, "%s %s(%g) is %g, want %g", row_name(row), act_names[act], (double)x[i],
                              (double)y[i], (double)want);
                    same = isnan(slope) ? isnan(dx[i]) : fabsf(dx[i] - slope) <= 1e-6f;
                    CHECK_MSG(same, "%s %s'(%g) is %g, want %g", row_name(row), act_names[act], (double)x[i],
                              (double)dx[i], (double)slope);
                }
            }
        }
}

/* Every 4099th float pattern of both signs: a prime stride meets every exponent and many mantissas. */
enum { SWEEP = 1 << 20 };
static int64_t sweep_fill(float *x, uint32_t stride) {
    int64_t n = 0;
    for (uint64_t bits = 0; bits < (1ull << 32) && n < SWEEP; bits += stride) {
        uint32_t b = (uint32_t)bits;
        memcpy(x + n++, &b, sizeof b);
    }
    while (n % 16) x[n++] = 0;
    return n;
}

TEST(activation, a_sweep_over_all_floats_stays_within_tolerance) {
    float *x = malloc((SWEEP + 16) * sizeof *x), *y = malloc((SWEEP + 16) * sizeof *y);
    double *xd = malloc((SWEEP + 16) * sizeof *xd), *yd = malloc((SWEEP + 16) * sizeof *yd);
    int64_t n = sweep_fill(x, 8191);
    for (int64_t i = 0; i < n; i++) xd[i] = (double)x[i];
    for (int act = HONE_ACT_GELU; act < HONE_ACT_COUNT; act++) {
        hone_activation_f64_fwd(n, (hone_act)act, xd, yd);
        FOR_ROWS(row, activation_f32_fwd) {
            double worst = 0;
            rows_activation_f32_fwd[row](n, (hone_act)act, x, y);
            for (int64_t i = 0; i < n; i++) {
                if ((isnan(x[i]) && isnan(y[i])) || (double)y[i] == yd[i]) continue;
                double err = fabs((double)y[i] - yd[i]), tol = act_tolerance((hone_act)act, xd[i], yd[i]);
                CHECK_MSG(err <= tol, "%s %s(%.9g) is %.9g, want %.9g", row_name(row), act_names[act], xd[i],
                          (double)y[i], yd[i]);
                worst = fmax(worst, err / tol);
            }
            printf("  %s %s: worst err/tol %.3f over %" PRId64 " floats\n", act_names[act], row_name(row), worst, n);
        }
    }
    free(x), free(y), free(xd), free(yd);
}

typedef struct simd_row {
    int row;
    hone_simd_map_fn *exp, *erf, *tanh, *sigmoid;
    float (*reduce_add)(const float *), (*reduce_max)(const float *);
    int (*lanes)(void);
} simd_row;
#define SIMD_ROW(id, isa)                                                                                              \
    {                                                                                                                  \
        id, hone_simd_exp__##isa, hone_simd_erf_sqrt_half__##isa, hone_simd_tanh__##isa, hone_simd_sigmoid__##isa,     \
            hone_simd_reduce_add__##isa, hone_simd_reduce_max__##isa, hone_simd_lanes__##isa                           \
    }
static const simd_row simd_rows[] = {SIMD_ROW(ROW_AVX2, avx2), SIMD_ROW(ROW_EMU512, emu512),
                                     SIMD_ROW(ROW_AVX512, avx512)};

static double float_ulp(double v) {
    int e;
    frexp(v, &e);
    return ldexp(1, e - 24 < -149 ? -149 : e - 24);
}

TEST(activation, exp_is_within_1_05_ulp_and_erf_within_1e_7) {
    float *x = malloc((SWEEP + 16) * sizeof *x), *y = malloc((SWEEP + 16) * sizeof *y);
    int64_t n = sweep_fill(x, 4099);
    for (size_t k = 0; k < sizeof simd_rows / sizeof *simd_rows; k++) {
        const simd_row *r = simd_rows + k;
        if (!row_runs(r->row)) continue;
        double worst_exp = 0, worst_erf = 0, worst_tanh = 0, worst_sigmoid = 0;
        r->exp(n, x, y);
        for (int64_t i = 0; i < n; i++) {
            double v = (double)x[i], got = (double)y[i];
            if (isnan(v))
                CHECK_MSG(isnan(got), "exp(NaN) is %g", got);
            else if (v > 88.376)
                CHECK_MSG(got == (double)INFINITY, "exp(%.9g) is %.9g", v, got);
            else if (v < -87.69)
                CHECK_MSG(got == 0, "exp(%.9g) is %.9g", v, got);
            else if (v < -87.33)
                CHECK_MSG(fabs(got - exp(v)) < 2e-38, "exp(%.9g) is %.9g", v, got);
            else {
                worst_exp = fmax(worst_exp, fabs(got - exp(v)) / float_ulp(exp(v)));
                CHECK_MSG(fabs(got - exp(v)) <= 1.05 * float_ulp(exp(v)), "exp(%.9g) is %.9g", v, got);
            }
        }
        r->erf(n, x, y);
        for (int64_t i = 0; i < n; i++) {
            double v = (double)x[i], got = (double)y[i], err = fabs(got - erf(v * M_SQRT1_2));
            if (isnan(v))
                CHECK(isnan(got));
            else if (fabs(v) >= 5.66)
                CHECK_MSG(fabs(got) == 1 && (got > 0) == (v > 0), "erf at %.9g is %.9g", v, got);
            else
                CHECK_MSG(err < 1e-7, "erf(%.9g / sqrt 2) is %.9g, off by %.3g", v, got, err);
            if (!isnan(v)) worst_erf = fmax(worst_erf, err);
        }
        r->tanh(n, x, y);
        for (int64_t i = 0; i < n; i++) {
            double v = (double)x[i], got = (double)y[i], err = fabs(got - tanh(v)) / float_ulp(tanh(v));
            if (isnan(v))
                CHECK(isnan(got));
            else {
                CHECK_MSG(err <= 4, "tanh(%.9g) is %.9g, off by %.3g ulp", v, got, err);
                worst_tanh = fmax(worst_tanh, err);
            }
        }
        r->sigmoid(n, x, y);
        for (int64_t i = 0; i < n; i++) {
            double v = (double)x[i], got = (double)y[i], want = 1 / (1 + exp(-v));
            if (isnan(v))
                CHECK(isnan(got));
            else if (v < -87)
                CHECK_MSG(fabs(got - want) < 2e-38, "sigmoid(%.9g) is %.9g", v, got);
            else {
                double err = fabs(got - want) / float_ulp(want);
                CHECK_MSG(err <= 4, "sigmoid(%.9g) is %.9g, off by %.3g ulp", v, got, err);
                worst_sigmoid = fmax(worst_sigmoid, err);
            }
        }
        printf("  %s: exp %.3f ulp, erf %.3g absolute, tanh %.3f ulp, sigmoid %.3f ulp over %" PRId64 " floats\n",
               row_name(r->row), worst_exp, worst_erf, worst_tanh, worst_sigmoid, n);
    }
    free(x), free(y);
}

TEST(activation, a_dense_sweep_of_the_working_range_of_exp_and_erf) {
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    for (size_t k = 0; k < sizeof simd_rows / sizeof *simd_rows; k++) {
        const simd_row *r = simd_rows + k;
        if (!row_runs(r->row)) continue;
        for (int64_t i = 0; i < N; i++) x[i] = (float)(-87.3 + 88.0 * (double)i / N);
        r->exp(N, x, y);
        for (int64_t i = 0; i < N; i++) {
            double want = exp((double)x[i]);
            CHECK_MSG(fabs((double)y[i] - want) <= 1.05 * float_ulp(want), "%s exp(%.9g) is %.9g", row_name(r->row),
                      (double)x[i], (double)y[i]);
        }
        for (int64_t i = 0; i < N; i++) x[i] = (float)(-6 + 12.0 * (double)i / N);
        r->erf(N, x, y);
        for (int64_t i = 0; i < N; i++) {
            double want = erf((double)x[i] * M_SQRT1_2);
            CHECK_MSG(fabs((double)y[i] - want) < 1e-7, "%s erf(%.9g / sqrt 2) is %.9g", row_name(r->row), (double)x[i],
                      (double)y[i]);
        }
    }
    free(x), free(y);
}

TEST(activation, reductions_are_trees_by_halves) {
    for (size_t k = 0; k < sizeof simd_rows / sizeof *simd_rows; k++) {
        const simd_row *r = simd_rows + k;
        if (!row_runs(r->row)) continue;
        int lanes = r->lanes();
        for (uint64_t seed = 0; seed < 500; seed++) {
            float x[16], sum[16], largest = -INFINITY;
            for (int i = 0; i < lanes; i++)
                x[i] = sum[i] =
                    (float)(case_uniform(seed, (uint64_t)i) * exp2(10 * case_uniform(seed, 100 + (uint64_t)i)));
            for (int i = 0; i < lanes; i++) largest = fmaxf(largest, x[i]);
            for (int half = lanes / 2; half; half /= 2)
                for (int i = 0; i < half; i++) sum[i] += sum[i + half];
            CHECK_MSG(r->reduce_add(x) == sum[0], "%s: %.9g, want %.9g", row_name(r->row), (double)r->reduce_add(x),
                      (double)sum[0]);
            CHECK_MSG(r->reduce_max(x) == largest, "%s: %.9g, want %.9g", row_name(r->row), (double)r->reduce_max(x),
                      (double)largest);
        }
    }
}
