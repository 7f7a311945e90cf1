/* The optimiser: schedules, decay exclusions, and the table whose untouched rows are decayed late. */
#include "nn/optim.h"
#include "nn/layers.h"
#include "nn/schedule.h"
#include "tests/test.h"

#include <math.h>

TEST(schedule, linear_cosine_and_constant_are_those_of_transformers) {
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_LINEAR, 0, 2, 20), 0, 0);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_LINEAR, 1, 2, 20), 0.5, 0);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_LINEAR, 2, 2, 20), 1, 0);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_LINEAR, 11, 2, 20), 0.5, 1e-15);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_LINEAR, 20, 2, 20), 0, 0);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_COSINE, 11, 2, 20), 0.5, 1e-15);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_COSINE, 20, 2, 20), 0, 1e-15);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_CONSTANT, 19, 2, 20), 1, 0);
    CHECK_NEAR(hone_schedule_factor(HONE_SCHEDULE_LINEAR, 0, 0, 20), 1, 0);
}

enum { V = 9, C = 5, STEPS = 12 };

static hone_params *make(hone_tensor **table, hone_tensor **weight, hone_tensor **bias) {
    hone_params *ps = hone_params_new(HONE_F32);
    *table = hone_params_add(ps, HONE_PARAM_EMBEDDING, hone_shape_of(2, V, C), "table");
    *weight = hone_params_add(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, 3, C), "dense.weight");
    *bias = hone_params_add(ps, HONE_PARAM_BIAS, hone_shape_of(1, 3), "dense.bias");
    CHECK_OK(hone_params_allocate(ps, HONE_PARAMS_TRAIN));
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        hone_tensor *t = hone_params_at(ps, i)->tensor;
        for (int64_t k = 0; k < hone_count(t); k++) hone_f32(t)[k] = (float)test_uniform((uint64_t)i + 5, (uint64_t)k);
    }
    return ps;
}

/* Touches row r of the table with gradient (step, r), as the embedding op does. */
static void touch(hone_tensor *t, int step, int32_t r) {
    if (!t->rows->mark[r]) {
        t->rows->mark[r] = 1;
        t->rows->list[t->rows->n++] = r;
    }
    for (int c = 0; c < C; c++)
        ((float *)t->grad)[r * C + c] = (float)test_uniform((uint64_t)(100 + step), (uint64_t)(r * C + c));
    t->grad_set = true;
}

/* AdamW on one element, as torch writes it, in float. */
typedef struct moments {
    float m, v;
} moments;
static void reference(float *p, moments *s, float g, double lr, double wd, int t) {
    *p *= (float)(1 - lr * wd);
    s->m = (float)(0.9 * (double)s->m + 0.1 * (double)g);
    s->v = (float)(0.999 * (double)s->v + 0.001 * (double)g * (double)g);
    double denominator = sqrt((double)s->v) / sqrt(1 - pow(0.999, t)) + 1e-8;
    *p = (float)((double)*p - lr / (1 - pow(0.9, t)) * (double)s->m / denominator);
}

TEST(optim, a_table_updated_late_equals_a_table_updated_at_every_step) {
    hone_tensor *table, *weight, *bias;
    hone_params *ps = make(&table, &weight, &bias);
    hone_optim *o;
    CHECK_OK(
        hone_optim_new(ps, &(hone_optim_config){.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1}, &o));
    float want[V * C];
    moments s[V * C] = {{0, 0}};
    memcpy(want, table->data, sizeof want);
    for (int step = 0; step < STEPS; step++) {
        double lr = 0.01 / (step + 1);
        int32_t rows[2] = {step % 4, (step * step) % 7}; /* rows 7 and 8 are never touched */
        CHECK_OK(hone_optim_catch_up(o, table, rows, 2));
        for (int k = 0; k < 2; k++) /* what a forward would read now */
            for (int c = 0; c < C; c++) CHECK_NEAR(hone_f32(table)[rows[k] * C + c], want[rows[k] * C + c], 2e-6);
        touch(table, step, rows[0]);
        touch(table, step, rows[1]);
        for (int r = 0; r < V; r++)
            for (int c = 0; c < C; c++) {
                float g = table->rows->mark[r] ? ((float *)table->grad)[r * C + c] : 0;
                reference(&want[r * C + c], &s[r * C + c], g, lr, 0.1, step + 1);
            }
        CHECK_OK(hone_optim_step(o, lr, 0));
    }
    CHECK_OK(hone_optim_catch_up_all(o));
    for (int i = 0; i < V * C; i++) CHECK_NEAR(hone_f32(table)[i], want[i], 2e-6);
    for (int i = 7 * C; i < V * C; i++) /* untouched rows: only decay, and exactly that */
        CHECK_NEAR(hone_f32(table)[i], want[i], 0);
    hone_optim_free(o);
    hone_params_free(ps);
}

TEST(optim, in_double_a_table_updated_late_is_exact_too) {
    hone_params *ps = hone_params_new(HONE_F64);
    hone_tensor *table = hone_params_add(ps, HONE_PARAM_EMBEDDING, hone_shape_of(2, V, C), "table");
    CHECK_OK(hone_params_allocate(ps, HONE_PARAMS_TRAIN));
    double want[V * C];
    for (int i = 0; i < V * C; i++) want[i] = hone_f64(table)[i] = test_uniform(5, (uint64_t)i);
    hone_optim *o;
    CHECK_OK(
        hone_optim_new(ps, &(hone_optim_config){.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1}, &o));
    for (int step = 0; step < STEPS; step++) {
        double lr = 0.01 / (step + 1);
        int32_t row = 0;
        CHECK_OK(hone_optim_catch_up(o, table, &row, 1));
        if (!table->rows->mark[0]) table->rows->mark[0] = 1, table->rows->list[table->rows->n++] = 0;
        for (int c = 0; c < C; c++) ((double *)table->grad)[c] = test_uniform(9, (uint64_t)(step * C + c));
        table->grad_set = step != 3; /* a step that does not reach the table decays nothing */
        CHECK_OK(hone_optim_step(o, lr, 0));
        for (int i = C; i < V * C && step != 3; i++) want[i] *= 1 - lr * 0.1;
    }
    CHECK_OK(hone_optim_catch_up_all(o));
    for (int i = C; i < V * C; i++) CHECK_NEAR(hone_f64(table)[i], want[i], 0);
    hone_optim_free(o);
    hone_params_free(ps);
}

TEST(optim, biases_do_not_decay_and_parameters_without_gradient_stay) {
    hone_tensor *table, *weight, *bias;
    hone_params *ps = make(&table, &weight, &bias);
    hone_optim *o;
    CHECK_OK(
        hone_optim_new(ps, &(hone_optim_config){.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.5}, &o));
    float before[3], table_before[V * C];
    memcpy(before, bias->data, sizeof before);
    memcpy(table_before, table->data, sizeof table_before);
    memset(weight->grad, 0, 3 * C * sizeof(float));
    memset(bias->grad, 0, sizeof before);
    float w = hone_f32(weight)[0];
    weight->grad_set = bias->grad_set = true;
    CHECK_OK(hone_optim_step(o, 0.1, 0));
    CHECK_OK(hone_optim_catch_up_all(o));
    CHECK_NEAR(hone_f32(weight)[0], w * 0.95f, 1e-7);
    CHECK(!memcmp(before, bias->data, sizeof before));
    CHECK(!memcmp(table_before, table->data, sizeof table_before));
    hone_optim_free(o);
    hone_params_free(ps);
}

TEST(optim, clipping_scales_by_the_global_norm) {
    hone_tensor *table, *weight, *bias;
    hone_params *ps = make(&table, &weight, &bias);
    hone_optim *o;
    double norm;
    CHECK_OK(hone_optim_new(ps, &(hone_optim_config){.beta1 = 0, .beta2 = 0, .eps = 1e9, .clip = 1}, &o));
    for (int i = 0; i < 3 * C; i++) ((float *)weight->grad)[i] = 0;
    ((float *)weight->grad)[0] = 3;
    for (int i = 0; i < 3; i++) ((float *)bias->grad)[i] = i == 1 ? 4 : 0;
    weight->grad_set = bias->grad_set = true;
    CHECK_OK(hone_optim_grad_norm(o, &norm));
    CHECK_NEAR(norm, 5, 1e-12);
    float w = hone_f32(weight)[0];
    /* With eps = 1e9 the update is lr m / eps: linear in the clipped gradient 3 / (5 + 1e-6). */
    CHECK_OK(hone_optim_step(o, 1e9, norm));
    CHECK_NEAR(w - hone_f32(weight)[0], 3 / (5 + 1e-6), 1e-6);
    hone_optim_free(o);
    hone_params_free(ps);
}

TEST(optim, parameters_without_gradients_are_refused) {
    hone_params *ps = hone_params_new(HONE_F32);
    hone_optim *o = NULL;
    hone_params_add(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, 3, C), "dense.weight");
    CHECK_OK(hone_params_allocate(ps, HONE_PARAMS_PLAIN));
    CHECK_FAILS(hone_optim_new(ps, &(hone_optim_config){0}, &o), HONE_E_ARG, "\"dense.weight\" has no gradient");
    CHECK(!o && strstr(hone_last_error()->hint, ".train = true"));
    hone_params_free(ps);
}

TEST(optim, numbers_that_adamw_cannot_have_are_refused) {
    const hone_optim_config good = {0.9, 0.999, 1e-8, 0.01, 1};
    hone_params *ps = hone_params_new(HONE_F32);
    hone_optim *o = NULL;
    hone_params_add(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, 3, C), "dense.weight");
    CHECK_OK(hone_params_allocate(ps, HONE_PARAMS_TRAIN));
    for (int i = 0; i < 6; i++) {
        hone_optim_config c = good;
        *(i == 0   ? &c.beta1
          : i == 1 ? &c.beta2
          : i == 2 ? &c.eps
          : i == 3 ? &c.weight_decay
          : i == 4 ? &c.clip
                   : &c.beta1) = i == 0   ? 1
                                 : i == 5 ? (double)NAN
                                          : -0.5;
        CHECK_MSG(hone_optim_new(ps, &c, &o) == HONE_E_ARG && !o, "case %d", i);
    }
    CHECK(hone_params_scale_rate(ps, "*", (double)NAN) == 1);
    CHECK_FAILS(hone_optim_new(ps, &good, &o), HONE_E_ARG, "the rate of \"dense.weight\" is multiplied by nan");
    hone_params_scale_rate(ps, "*", 0);
    CHECK_OK(hone_optim_new(ps, &good, &o));
    CHECK_FAILS(hone_optim_step(o, -1e-3, 1), HONE_E_ARG, "the learning rate is -0.001");
    CHECK_FAILS(hone_optim_step(o, (double)NAN, 1), HONE_E_ARG, "the learning rate is nan");
    CHECK(hone_optim_steps(o) == 0);
    hone_optim_free(o);
    hone_params_free(ps);
}

TEST(params, a_declaration_that_cannot_be_is_what_allocate_reports) {
    static const char *const names[] = {"a", "b", "c", "d"};
    static const char *const want[] = {"a parameter of 4 parts, wants 1 to 3", "a parameter of 0 parts, wants 1 to 3",
                                       "embedding table \"a\" is [5], wants [rows, columns]",
                                       "\"a\" and others are scalars"};
    for (int i = 0; i < 4; i++) {
        hone_params *ps = hone_params_new(HONE_F32);
        const hone_shape shape = i == 3 ? hone_shape_of(0) : hone_shape_of(1, 5);
        CHECK(!hone_params_add_stacked(ps, i == 2 ? HONE_PARAM_EMBEDDING : HONE_PARAM_WEIGHT, shape,
                                       (const int[]){4, 0, 1, 2}[i], names));
        CHECK(hone_params_add(ps, HONE_PARAM_WEIGHT, hone_shape_of(0), "temperature")); /* a scalar may be one */
        CHECK_FAILS(hone_params_allocate(ps, HONE_PARAMS_TRAIN), i < 2 ? HONE_E_ARG : HONE_E_SHAPE, want[i]);
        hone_params_free(ps);
    }
    hone_params *ps = hone_params_new(HONE_F32);
    const hone_linear_layer l = hone_linear_declare_stacked(ps, 2, 3, true, 4, names);
    CHECK(!l.w);
    CHECK_FAILS(hone_params_allocate(ps, HONE_PARAMS_TRAIN), HONE_E_ARG, "a parameter of 4 parts");
    hone_params_free(ps);
}

TEST(params, memory_is_given_once_and_to_all) {
    hone_params *ps = hone_params_new(HONE_F32);
    hone_params_add(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, 3, C), "dense.weight");
    CHECK_OK(hone_params_allocate(ps, HONE_PARAMS_TRAIN));
    CHECK_FAILS(hone_params_allocate(ps, HONE_PARAMS_TRAIN), HONE_E_ARG, "have their memory already");
    CHECK(!hone_params_add(ps, HONE_PARAM_BIAS, hone_shape_of(1, 3), "dense.bias"));
    CHECK(strstr(hone_last_error()->message, "\"dense.bias\" is declared after hone_params_allocate"));
    hone_params_free(ps);
}

TEST(params, gradients_lie_in_memory_of_their_own_or_are_lent) {
    hone_tensor *table, *weight, *bias;
    hone_params *ps = make(&table, &weight, &bias);
    void *rows = table->grad;
    CHECK(!hone_params_are_grads_lent(ps) && weight->grad && bias->grad);
    touch(table, 1, 3);
    weight->grad_set = true;
    hone_params_lend_grads(ps);
    CHECK(hone_params_are_grads_lent(ps) && !weight->grad && !bias->grad && !weight->grad_set);
    CHECK(table->grad == rows && !table->rows->n && !table->rows->mark[3]);
    float somewhere[3 * C];
    weight->grad = somewhere, weight->grad_set = true; /* a graph's */
    hone_params_clear_grads(ps);
    CHECK(!weight->grad && !weight->grad_set && table->grad == rows);
    for (int again = 0; again < 2; again++) {
        CHECK_OK(hone_params_own_grads(ps));
        CHECK(!hone_params_are_grads_lent(ps) && table->grad == rows);
        ((float *)weight->grad)[3 * C - 1] = 1, ((float *)bias->grad)[2] = 2;
        CHECK((float *)bias->grad != (float *)weight->grad);
        hone_params_clear_grads(ps);
        CHECK(weight->grad && bias->grad);
    }
    hone_params_free(ps);

    ps = hone_params_new(HONE_F32);
    weight = hone_params_add(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, 3, C), "dense.weight");
    CHECK_OK(hone_params_allocate(ps, HONE_PARAMS_PLAIN));
    hone_params_lend_grads(ps);
    CHECK_OK(hone_params_own_grads(ps));
    CHECK(!hone_params_are_grads_lent(ps) && !weight->grad && !weight->needs_grad);
    hone_params_free(ps);
}
