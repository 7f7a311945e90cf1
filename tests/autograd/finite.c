/* The search for the first operation that gives NaN or infinity, and the faults that it is tested with. */
#include "autograd/finite.h"

#include "autograd/ops.h"
#include "autograd/poison.h"
#include "tests/test.h"

#include <math.h>

typedef struct setup {
    hone_arena *weights, *step;
    hone_graph *g;
    hone_tensor *x, *w, *gamma, *beta;
} setup;

static hone_tensor *leaf(setup *s, const char *name, hone_shape shape, double scale) {
    hone_tensor *t = hone_tensor_new(s->weights, HONE_F32, shape), *grad = hone_tensor_new(s->weights, HONE_F32, shape);
    CHECK(t && grad);
    for (int64_t i = 0; i < hone_count(t); i++) hone_f32(t)[i] = (float)(scale * test_uniform(7, (uint64_t)i) + 0.1);
    t->name = name, t->needs_grad = true, t->grad = grad->data;
    return t;
}

static setup open_setup(void) {
    setup s = {.weights = hone_arena_new("weights", 0), .step = hone_arena_new("step", 0)};
    s.g = hone_graph_new(s.step);
    s.x = leaf(&s, "", hone_shape_of(2, 3, 4), 1);
    s.w = leaf(&s, "b.weight", hone_shape_of(2, 5, 4), 1);
    s.gamma = leaf(&s, "c.gamma", hone_shape_of(1, 5), 1);
    s.beta = leaf(&s, "c.beta", hone_shape_of(1, 5), 1);
    return s;
}

static void close_setup(setup *s) {
    hone_poison_set(NULL);
    hone_graph_free(s->g);
    hone_arena_free(s->step);
    hone_arena_free(s->weights);
}

/* sites: 0 linear, 1 activation, 2 layernorm, 3 mean */
static hone_status run(setup *s, hone_finite *f) {
    hone_tensor *all[] = {s->x, s->w, s->gamma, s->beta};
    for (int i = 0; i < 4; i++) all[i]->grad_set = false;
    hone_graph_begin(s->g, &(hone_graph_mode){.record = true, .train = true, .step = 3});
    hone_graph_set_finite(s->g, f);
    hone_tensor *h = hone_activation(s->g, hone_linear(s->g, s->x, s->w, HONE_ABSENT, HONE_ACT_NONE), HONE_ACT_TANH);
    hone_tensor *y = hone_layernorm(s->g, h, HONE_ABSENT, s->gamma, s->beta, 1e-5f, 0);
    hone_status status = hone_graph_backward(s->g, hone_mean(s->g, y), 1);
    hone_graph_set_finite(s->g, NULL);
    return status;
}

TEST(finite, a_healthy_step_passes_and_nothing_is_found) {
    setup s = open_setup();
    hone_finite f = {0};
    CHECK_OK(run(&s, &f));
    CHECK(!f.found);
    close_setup(&s);
}

TEST(finite, the_first_bad_operation_is_found_with_place_and_count) {
    static const struct {
        const char *rule, *op, *near;
        bool backward, own, of_near, nan;
    } cases[] = {{"nan:op=linear", "linear", "b.weight", false, true, false, true},
                 {"inf:op=activation", "activation", "b.weight", false, false, false, false},
                 {"nan:op=layernorm:step=4", "layernorm", "c.gamma", false, true, false, true},
                 {"nan:op=mean:site=3", "mean", "c.gamma", false, false, false, true},
                 {"nan:op=mean:dir=bwd", "mean", "c.gamma", true, false, false, true},
                 {"inf:op=activation:dir=bwd", "activation", "b.weight", true, false, false, false},
                 {"nan:op=linear:dir=bwd:step=2+", "linear", "b.weight", true, true, false, true},
                 {"nan:op=layernorm:dir=bwd:at=all", "layernorm", "c.gamma", true, true, false, true}};
    setup s = open_setup();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hone_finite f = {0};
        CHECK_MSG(hone_poison_set(cases[i].rule), "%s", cases[i].rule);
        CHECK_FAILS(run(&s, &f), HONE_E_NUMERIC, cases[i].op);
        CHECK(hone_poison_fired() > 0 && f.found);
        CHECK_STR(f.op, cases[i].op);
        CHECK_MSG(f.near && !strcmp(f.near->name, cases[i].near), "%s: near %s", cases[i].rule,
                  f.near ? f.near->name : "nothing");
        CHECK_INT(f.backward, cases[i].backward);
        CHECK_INT(f.of_near, cases[i].of_near);
        CHECK_INT(f.bad.nan, cases[i].nan);
        CHECK_INT(f.bad.bad, strstr(cases[i].rule, "all") ? 15 : 1);
        CHECK_INT(f.in_near.bad, 0);
    }
    close_setup(&s);
}

TEST(finite, a_parameter_that_is_bad_itself_is_blamed) {
    setup s = open_setup();
    hone_finite f = {0};
    hone_f32(s.w)[6] = INFINITY;
    CHECK_FAILS(run(&s, &f), HONE_E_NUMERIC, "linear");
    CHECK_STR(f.near->name, "b.weight");
    CHECK_INT(f.in_near.bad, 1);
    CHECK_INT(f.in_near.first, 6);
    CHECK(!f.in_near.nan);
    close_setup(&s);
}

TEST(finite, values_are_counted) {
    double x[] = {1, 2, (double)NAN, 4, HUGE_VAL};
    hone_bad_values b = hone_finite_values(HONE_F64, 5, x);
    CHECK_INT(b.n, 5);
    CHECK_INT(b.bad, 2);
    CHECK_INT(b.first, 2);
    CHECK(b.nan);
    b = hone_finite_values(HONE_F64, 2, x);
    CHECK_INT(b.bad, 0);
    CHECK_INT(b.first, -1);
}

TEST(finite, rules_that_are_not_understood_are_refused) {
    static const char *const wrong[] = {"nan:",
                                        "nan:op=nothing",
                                        "nan:step=3",
                                        "nan:op=linear:step=0",
                                        "nan:op=linear:dir=up",
                                        "nan:op=linear:step=x",
                                        "nan:op=linear:site",
                                        "nan:op=linear:at=some",
                                        "inf:op=linear:where=3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_MSG(!hone_poison_set(wrong[i]), "%s is taken", wrong[i]);
    CHECK(hone_poison_set("write:3:ENOSPC,inf:op=mlp:step=3+:dir=bwd:part=0,cuda:1"));
    CHECK(hone_poison_set(""));
}
