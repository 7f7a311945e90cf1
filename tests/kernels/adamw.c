#include "tests/kernels/rows.h"

#include <math.h>

static hone_adamw_step some_step(uint64_t seed) {
    int t = 1 + (int)(seed % 50);
    hone_adamw_step s = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = seed % 2 ? 0.01 : 0};
    if (seed % 3 == 0) s.beta1 = 0.8, s.beta2 = 0.98, s.eps = 1e-6, s.lr = 3e-5;
    s.bias1 = 1 - pow(s.beta1, t), s.bias2 = 1 - pow(s.beta2, t);
    s.grad_scale = seed % 5 ? 1 : 0.37;
    s.zero_grad = seed % 4 == 1;
    return s;
}

TEST(adamw, every_row_follows_the_double_reference) {
    score s = {.op = "adamw_f32_step"};
    uint64_t seed = 1;
    for (int z = 0; z < row_size_count; z++)
        for (int repeat = 0; repeat < 20; repeat++, seed++) {
            const int64_t n = row_sizes[z];
            const hone_adamw_step step = some_step(seed);
            FOR_ROWS(row, adamw_f32_step) {
                fixture f;
                fixture_begin(&f, seed);
                float *p = fixture_out(&f, n, true), *g = fixture_out(&f, n, true), *m = fixture_out(&f, n, true),
                      *v = fixture_out(&f, n, true);
                for (int64_t i = 0; i < n; i++)
                    m[i] *= 0.1f, v[i] = seed % 7 ? fabsf(v[i]) * 1e-3f : 0, g[i] = seed % 11 ? g[i] : 0;
                double *pd = case_doubles(n, p), *gd = case_doubles(n, g), *md = case_doubles(n, m),
                       *vd = case_doubles(n, v);
                double *g0 = case_doubles(n, g), *m0 = case_doubles(n, m);
                hone_adamw_f64_step(n, &step, pd, gd, md, vd);
                rows_adamw_f32_step[row](n, &step, p, g, m, v);
                for (int64_t i = 0; i < n; i++) {
                    double parts = fabs(step.beta1 * m0[i]) + fabs((1 - step.beta1) * g0[i] * step.grad_scale);
                    double divisor = sqrt(vd[i] / step.bias2) + step.eps, rate = step.lr / step.bias1 / divisor;
                    score_near(&s, row, &f, "m", i, (double)m[i], md[i], 3 * UNIT * parts);
                    score_near(&s, row, &f, "v", i, (double)v[i], vd[i], 7 * UNIT * vd[i]);
                    score_near(&s, row, &f, "p", i, (double)p[i], pd[i],
                               3 * UNIT * fabs(pd[i]) + 10 * UNIT * rate * parts);
                    CHECK_MSG((double)g[i] == (step.zero_grad ? 0 : g0[i]), "%s: g[%d] is %g", row_name(row), (int)i,
                              (double)g[i]);
                }
                fixture_end(&f);
                s.cases++;
            }
        }
    score_print(&s, 2000);
}

/* torch.optim.AdamW on one parameter: p = 1, gradients 0.5, -0.25, 0.125, lr 0.1, weight decay 0.01, by hand. */
TEST(adamw, three_steps_by_hand) {
    double p = 1, m = 0, v = 0, hand_p = 1, hand_m = 0, hand_v = 0;
    const double grads[3] = {0.5, -0.25, 0.125};
    for (int t = 1; t <= 3; t++) {
        double g = grads[t - 1];
        hone_adamw_step s = {0.1, 0.9, 0.999, 1e-8, 0.01, 1 - pow(0.9, t), 1 - pow(0.999, t), 1, true};
        hand_p *= 1 - 0.1 * 0.01;
        hand_m += 0.1 * (g - hand_m);
        hand_v = 0.999 * hand_v + 0.001 * g * g;
        hand_p -= 0.1 * (hand_m / (1 - pow(0.9, t))) / (sqrt(hand_v / (1 - pow(0.999, t))) + 1e-8);
        hone_adamw_f64_step(1, &s, &p, &g, &m, &v);
        CHECK_NEAR(p, hand_p, 1e-15);
        CHECK_NEAR(g, 0, 0);
    }
    CHECK(p < 1 && p > 0.8);
}

TEST(adamw, a_nan_gradient_reaches_its_own_parameter_only) {
    enum { N = 21 };
    FOR_ROWS(row, adamw_f32_step) {
        float p[N], g[N], m[N], v[N];
        for (int i = 0; i < N; i++) p[i] = 1, g[i] = i == 19 ? NAN : 1, m[i] = v[i] = 0;
        hone_adamw_step s = some_step(2);
        rows_adamw_f32_step[row](N, &s, p, g, m, v);
        for (int i = 0; i < N; i++)
            CHECK_MSG(isnan(p[i]) == (i == 19), "%s: p[%d] is %g", row_name(row), i, (double)p[i]);
    }
}
