/* Attention: every row against the double reference. Tolerances follow the errors through the formulas: delta is what a
 * score may be off by, a weight is then off by 2 delta (itself and the sum) plus exp's and the sums' rounding,
 * relatively. */
#include "tests/kernels/rows.h"

#include <math.h>
#include <stdlib.h>

typedef struct attention_case {
    int64_t T, d, ldq, ldo;
    double scale, spread; /* spread of the inputs: how pointed the softmax is */
    hone_dropout drop;
    uint64_t task, seed;
    const float *q, *k, *v, *dout;
    double *qkv, *g, *o, *lse, *dqkv; /* widened inputs and the reference's results */
    double *tol_o, *tol_lse, *tol_dqkv;
} attention_case;

static double *doubles(int64_t n) {
    return case_doubles(n, NULL);
}

/* Which elements of P survive, as factors, asked of the reference row of dropout. */
static double *case_keep(const attention_case *c) {
    int64_t T = c->T, stride = (T + 127) / 128 * 128;
    double *keep = doubles(T * T), *one = doubles(T);
    for (int64_t j = 0; j < T; j++) one[j] = 1;
    for (int64_t i = 0; i < T; i++)
        hone_dropout_f64_apply(T, (c->task * (uint64_t)T + (uint64_t)i) * (uint64_t)stride, &c->drop, one, keep + i * T,
                               false);
    return keep;
}

/* Allowed errors, from the double values. o and lse: what backward is given (rounded). */
static void case_tolerances(attention_case *c) {
    const int64_t T = c->T, d = c->d, ld = c->ldq;
    const double dot = (4 + 2 * sqrt((double)d)) * UNIT, sums = (8 + 2 * sqrt((double)T)) * UNIT;
    const double *q = c->qkv, *k = q + d, *v = q + 2 * d, *keep = case_keep(c);
    c->tol_o = doubles(T * d), c->tol_lse = doubles(T), c->tol_dqkv = doubles(T * ld);
    double *tq = c->tol_dqkv, *tk = tq + d, *tv = tq + 2 * d;
    for (int64_t i = 0; i < T; i++) {
        double delta = 0, D = 0;
        for (int64_t j = 0; j < T; j++) {
            double a = 0, s = 0;
            for (int64_t x = 0; x < d; x++)
                a += fabs(q[i * ld + x] * k[j * ld + x]), s += q[i * ld + x] * k[j * ld + x];
            double off = c->scale * (a * dot + 4 * UNIT * fabs(s)) + 2 * UNIT * fabs(c->lse[i]);
            if (off > delta) delta = off;
        }
        for (int64_t x = 0; x < d; x++) D += fabs(c->g[i * c->ldo + x] * c->o[i * c->ldo + x]);
        c->tol_lse[i] = delta + sums + 2 * UNIT * fabs(c->lse[i]);
        for (int64_t j = 0; j < T; j++) {
            double s = 0, abs_dp = 0;
            for (int64_t x = 0; x < d; x++) {
                s += q[i * ld + x] * k[j * ld + x];
                abs_dp += fabs(c->g[i * c->ldo + x] * v[j * ld + x]);
            }
            double p = exp(s * c->scale - c->lse[i]), kept = keep[i * T + j];
            double off_p = p * (2 * delta + sums), wide = abs_dp * kept + D;
            double off_ds = c->scale * (off_p + p * (dot + 8 * UNIT)) * wide, ds = fabs(c->scale * p * wide);
            for (int64_t x = 0; x < d; x++) {
                c->tol_o[i * d + x] += (off_p + p * sums) * kept * fabs(v[j * ld + x]);
                tq[i * ld + x] += (off_ds + ds * sums) * fabs(k[j * ld + x]);
                tk[j * ld + x] += (off_ds + ds * sums) * fabs(q[i * ld + x]);
                tv[j * ld + x] += (off_p + p * sums) * kept * fabs(c->g[i * c->ldo + x]);
            }
        }
    }
}

static void case_reference(attention_case *c, const float *qkv, const float *dout) {
    const int64_t T = c->T, d = c->d;
    c->qkv = case_doubles((T - 1) * c->ldq + 3 * d, qkv);
    c->g = case_doubles((T - 1) * c->ldo + d, dout);
    c->o = doubles(T * c->ldo), c->lse = doubles(T), c->dqkv = doubles(T * c->ldq);
    double *scratch = doubles(hone_attention_scratch(T, d));
    hone_attention_f64_fwd(T, d, c->scale, c->qkv, c->qkv + d, c->qkv + 2 * d, c->ldq, &c->drop, c->task, c->o, c->ldo,
                           c->lse, 0, scratch);
    /* backward's inputs are what forward would have stored */
    for (int64_t i = 0; i < T * c->ldo; i++) c->o[i] = (double)(float)c->o[i];
    for (int64_t i = 0; i < T; i++) c->lse[i] = (double)(float)c->lse[i];
    hone_attention_f64_bwd(T, d, c->scale, c->qkv, c->qkv + d, c->qkv + 2 * d, c->ldq, &c->drop, c->task, c->o, c->g,
                           c->ldo, c->lse, c->dqkv, c->dqkv + d, c->dqkv + 2 * d, 0, scratch);
    case_tolerances(c);
}

static void check_gaps(score *s, int row, const fixture *f, const char *what, int64_t T, int64_t used, int64_t ld,
                       const float *x) {
    for (int64_t i = 0; i + 1 < T; i++)
        for (int64_t j = used; j < ld; j++) score_near(s, row, f, what, i * ld + j, (double)x[i * ld + j], NAN, 0);
}

static void run_case(score *s, attention_case *c, bool forward, bool backward) {
    fixture f;
    fixture_begin(&f, c->seed);
    const int64_t T = c->T, d = c->d, nq = (T - 1) * c->ldq + 3 * d, no = (T - 1) * c->ldo + d;
    const int64_t next = c->seed % 2 ? d : 0; /* what is asked for may not be there */
    float *x = fixture_in(&f, nq, c->spread), *g = fixture_in(&f, no, 1);
    case_reference(c, x, g);
    float *o = fixture_out(&f, no, false), *dx = fixture_out(&f, nq, false), *lse = fixture_out(&f, T, false);
    size_t scratch_bytes = (size_t)hone_attention_scratch(T, d) * sizeof(float);
    float *scratch = test_guard_alloc(scratch_bytes, 64, false);
    float *o_in = fixture_out(&f, no, false), *lse_in = fixture_out(&f, T, false);
    for (int64_t i = 0; i < no; i++) o_in[i] = (float)c->o[i];
    for (int64_t i = 0; i < T; i++) lse_in[i] = (float)c->lse[i];
    fixture_keep(&f, o_in), fixture_keep(&f, lse_in);
    float scale = (float)c->scale;
    FOR_ROWS(row, attention_f32_fwd) {
        if (row == ROW_EMU512 && T * T * d > 3000000) continue; /* slow in emulation */
        memset(o, 0xFF, (size_t)no * 4), memset(dx, 0xFF, (size_t)nq * 4), memset(lse, 0xFF, (size_t)T * 4);
        memset(scratch, 0xFF, scratch_bytes);
        if (forward) {
            rows_attention_f32_fwd[row](T, d, scale, x, x + d, x + 2 * d, c->ldq, &c->drop, c->task, o, c->ldo, lse,
                                        next, scratch);
            for (int64_t i = 0; i < T; i++) {
                score_near(s, row, &f, "lse", i, (double)lse[i], c->lse[i], c->tol_lse[i]);
                for (int64_t j = 0; j < d; j++)
                    score_near(s, row, &f, "o", i * c->ldo + j, (double)o[i * c->ldo + j], c->o[i * c->ldo + j],
                               c->tol_o[i * d + j] + UNIT * fabs(c->o[i * c->ldo + j]));
            }
            check_gaps(s, row, &f, "gap of o", T, d, c->ldo, o);
            s->cases++;
        }
        if (!backward) continue;
        memset(scratch, 0xFF, scratch_bytes);
        rows_attention_f32_bwd[row](T, d, scale, x, x + d, x + 2 * d, c->ldq, &c->drop, c->task, o_in, g, c->ldo,
                                    lse_in, dx, dx + d, dx + 2 * d, next, scratch);
        for (int64_t i = 0; i < T; i++)
            for (int64_t j = 0; j < 3 * d; j++)
                score_near(s, row, &f,
                           j < d       ? "dq"
                           : j < 2 * d ? "dk"
                                       : "dv",
                           i * c->ldq + j, (double)dx[i * c->ldq + j], c->dqkv[i * c->ldq + j],
                           c->tol_dqkv[i * c->ldq + j]);
        check_gaps(s, row, &f, "gap of dq|dk|dv", T, 3 * d, c->ldq, dx);
        s->cases++;
    }
    test_guard_free(scratch);
    fixture_end(&f);
}

static attention_case make_case(int64_t T, int64_t d, bool drop, uint64_t seed) {
    attention_case c = {.T = T, .d = d, .seed = seed, .task = seed % 97, .spread = seed % 5 == 0 ? 4 : 1};
    c.scale = (double)(float)(1 / sqrt((double)d));
    c.ldq = 3 * d + (int64_t)(seed % 4) * 7, c.ldo = d + (int64_t)(seed / 4 % 3) * 5;
    uint32_t threshold = seed % 7 ? 6554 : 39000;
    if (drop) c.drop = (hone_dropout){seed * 31, seed + 5, threshold, (float)(65536.0 / (65536.0 - threshold))};
    return c;
}

static const int64_t lengths[] = {1,  2,  3,  5,  6,  7,  8,  11, 12, 13,  15,  16,  17,  23,  24,  25, 31,
                                  32, 33, 47, 48, 49, 63, 64, 65, 97, 127, 128, 129, 197, 256, 257, 300};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

TEST(attention, forward_and_backward_agree_with_the_double_reference_at_any_length_and_head_size) {
    static const int64_t heads[] = {1, 7, 8, 16, 32, 33, 64, 80, 128, 256, 257, 384};
    score s = {.op = "attention"};
    uint64_t seed = 1000, every = (uint64_t)test_cases(1, 31);
    for (int t = 0; t < LENGTHS; t++)
        for (size_t h = 0; h < sizeof heads / sizeof *heads; h++)
            for (int drop = 0; drop < 2; drop++, seed += 17) {
                if (seed / 17 % every) continue;
                if (lengths[t] > 130 && heads[h] != 32 && heads[h] != 64 && (seed / 17) % 5) continue;
                attention_case c = make_case(lengths[t], heads[h], drop, seed);
                run_case(&s, &c, true, true);
            }
    score_print(&s, 2500);
}

TEST(attention, long_texts_are_right_too) {
    score s = {.op = "attention, long"};
    attention_case c = make_case(test_cases(1000, 200), 32, true, 4242);
    run_case(&s, &c, true, true);
    c = make_case(test_cases(1537, 257), 16, false, 4243);
    run_case(&s, &c, true, true);
    score_print(&s, 8);
}

TEST(attention, large_scores_neither_overflow_nor_vanish) {
    /* All scores near +-1000, far beyond exp's range: only their differences count. */
    FOR_ROWS(row, attention_f32_fwd) {
        for (int sign = -1; sign <= 1; sign += 2) {
            float x[3 * 3] = {10, (float)(100 * sign), 1, 10, (float)(100 * sign), 2, 10, (float)(99 * sign), 4}, o[3],
                        lse[3];
            float *scratch = test_guard_alloc((size_t)hone_attention_scratch(3, 1) * 4, 64, false);
            rows_attention_f32_fwd[row](3, 1, 1, x, x + 1, x + 2, 3, NULL, 0, o, 1, lse, 0, scratch);
            double want = sign > 0 ? (1 + 2 + 4 * exp(-10)) / (2 + exp(-10)) : (3 * exp(-10) + 4) / (2 * exp(-10) + 1);
            for (int i = 0; i < 3; i++) CHECK_NEAR(o[i], want, 2e-6);
            CHECK_NEAR(lse[0], sign > 0 ? 1000 + log(2 + exp(-10)) : -990 + log(1 + 2 * exp(-10)), 1e-4);
            test_guard_free(scratch);
        }
    }
}

TEST(attention, a_nan_in_one_query_spoils_that_row_alone) {
    FOR_ROWS(row, attention_f32_fwd) {
        float x[20 * 24], o[20 * 8], lse[20];
        for (int i = 0; i < 20 * 24; i++) x[i] = (float)case_uniform(3, (uint64_t)i);
        x[5 * 24 + 2] = NAN;
        float *scratch = test_guard_alloc((size_t)hone_attention_scratch(20, 8) * 4, 64, false);
        rows_attention_f32_fwd[row](20, 8, 0.3f, x, x + 8, x + 16, 24, NULL, 0, o, 8, lse, 0, scratch);
        for (int i = 0; i < 20; i++)
            for (int j = 0; j < 8; j++) CHECK(isnan(o[i * 8 + j]) == (i == 5));
        CHECK(isnan(lse[5]) && !isnan(lse[4]));
        test_guard_free(scratch);
    }
}
