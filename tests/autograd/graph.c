/* The tape: whose memory stays, and what may still be asked after a backward pass. */
#include "autograd/ops.h"
#include "tests/test.h"

enum { T = 64, C = 48 };

/* A leaf x [T, C] with a gradient, in a graph of its own. */
typedef struct small {
    hone_arena *arena;
    hone_graph *g;
    float x[T * C], dx[T * C], gamma[C], beta[C];
} small;

static hone_tensor *begin(small *s) {
    s->arena = hone_arena_new("step", 0);
    s->g = hone_graph_new(s->arena);
    for (int i = 0; i < T * C; i++) s->x[i] = (float)((unsigned)i * 2654435761u >> 12 & 1023) / 512 - 1;
    for (int i = 0; i < C; i++) s->gamma[i] = 1 + (float)i / C, s->beta[i] = 0.25f;
    hone_graph_begin(s->g, &(hone_graph_mode){.record = true, .train = true, .seed = 5});
    hone_tensor *leaf = hone_graph_input(s->g, "x", HONE_F32, hone_shape_of(2, T, C), s->x);
    leaf->needs_grad = true, leaf->grad = s->dx;
    return leaf;
}
static hone_tensor *norm(small *s, hone_tensor *x) {
    hone_tensor *gamma = hone_graph_input(s->g, "gamma", HONE_F32, hone_shape_of(1, C), s->gamma);
    return hone_layernorm(s->g, x, HONE_ABSENT, gamma,
                          hone_graph_input(s->g, "beta", HONE_F32, hone_shape_of(1, C), s->beta), 1e-5f, 0);
}
static void end(small *s) {
    hone_graph_free(s->g);
    hone_arena_free(s->arena);
}

TEST(graph, what_a_kept_view_of_a_view_looks_into_stays_after_backward) {
    small s;
    hone_tensor *x = begin(&s), *base = hone_scale(s.g, x, 2, 1);
    hone_tensor *view = hone_row_range(s.g, hone_row_range(s.g, base, 1, T - 1), 1, T - 2), *y = view;
    hone_graph_keep(s.g, view);
    for (int k = 0; k < 3; k++) y = hone_activation(s.g, y, HONE_ACT_TANH);
    CHECK_OK(hone_graph_backward(s.g, hone_mean(s.g, y), 1));
    /* Memory that is free now is filled. */
    hone_tensor *other = hone_graph_input(s.g, "", HONE_F32, hone_shape_of(2, T, C), s.x);
    for (int k = 0; k < 40; k++) hone_scale(s.g, other, 0, 7);
    for (int i = 0; i < (T - 2) * C; i++) CHECK(hone_f32(view)[i] == 2 * s.x[i + 2 * C] + 1);
    end(&s);
}

TEST(graph, what_a_view_looks_into_is_not_forgotten) {
    float want[T * C];
    for (int forget = 0; forget < 2; forget++) {
        small s;
        hone_tensor *y = norm(&s, begin(&s)), *part = hone_row_range(s.g, hone_row_range(s.g, y, 3, T - 3), 0, T - 4);
        hone_tensor *z = hone_matmul(s.g, part, false, part, true);
        if (forget) hone_graph_forget(s.g, y);
        CHECK(y->data);
        for (int k = 0; k < 4; k++)
            z = hone_activation(s.g, hone_matmul(s.g, z, false, part, false), HONE_ACT_TANH),
            z = hone_matmul(s.g, z, false, part, true);
        CHECK_OK(hone_graph_backward(s.g, hone_mean(s.g, z), 1));
        if (forget)
            CHECK(!memcmp(want, s.dx, sizeof want));
        else
            memcpy(want, s.dx, sizeof want);
        end(&s);
    }
}

TEST(graph, an_operation_on_a_value_that_is_gone_is_refused) {
    small s;
    hone_tensor *y = norm(&s, begin(&s));
    hone_graph_forget(s.g, y);
    CHECK(!y->data && !hone_scale(s.g, y, 2, 0) && hone_graph_status(s.g) == HONE_E_ARG);
    CHECK_STR(hone_last_error()->message, "scale: the value of input 0, which layernorm made, was forgotten");
    CHECK(hone_graph_backward(s.g, y, 1) == HONE_E_ARG);
    end(&s);

    hone_tensor *x = begin(&s), *gone = hone_scale(s.g, x, 2, 0), *kept = hone_scale(s.g, gone, 2, 0);
    hone_graph_keep(s.g, kept);
    CHECK_OK(hone_graph_backward(s.g, hone_mean(s.g, kept), 1));
    CHECK(hone_scale(s.g, kept, 2, 0) && hone_scale(s.g, x, 2, 0));
    CHECK(!hone_scale(s.g, gone, 2, 0) && hone_graph_status(s.g) == HONE_E_ARG);
    CHECK_STR(hone_last_error()->message,
              "scale: the value of input 0, which scale made, was given back by a backward pass");
    CHECK(strstr(hone_last_error()->hint, "hone_graph_keep"));
    end(&s);
}

TEST(graph, a_second_backward_over_the_same_operations_is_refused) {
    small s;
    hone_tensor *x = begin(&s), *shared = hone_activation(s.g, x, HONE_ACT_TANH);
    hone_tensor *one = hone_mean(s.g, shared), *two = hone_mean(s.g, hone_scale(s.g, shared, 2, 0)),
                *apart = hone_mean(s.g, hone_scale(s.g, x, 3, 0));
    CHECK_OK(hone_graph_backward(s.g, one, 1));
    float before = s.dx[0];
    CHECK_OK(hone_graph_backward(s.g, apart, 1)); /* its operations are its own: gradients add up */
    CHECK_NEAR((double)s.dx[0], (double)before + 3.0 / (T * C), 1e-9);
    before = s.dx[0];
    CHECK(hone_graph_backward(s.g, two, 1) == HONE_E_ARG && s.dx[0] == before);
    CHECK_STR(hone_last_error()->message, "backward: activation has had its backward pass, and what it kept is gone");
    end(&s);
}

/* Elements of n ones that dropout keeps at the given place, as bits. */
static uint64_t dropped(hone_graph_mode mode, int64_t site) {
    small s;
    hone_tensor *x = begin(&s);
    mode.record = mode.train = true, mode.seed = 42;
    hone_graph_begin(s.g, &mode);
    for (int i = 0; i < T * C; i++) s.x[i] = 1;
    x = hone_graph_input(s.g, "x", HONE_F32, hone_shape_of(2, 1, 64), s.x);
    for (int64_t k = 0; k < site; k++) hone_mean(s.g, x);
    hone_tensor *y = hone_dropout_op(s.g, x, 0.5f);
    CHECK_OK(hone_graph_status(s.g));
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++) bits |= (uint64_t)(hone_f32(y)[i] != 0) << i;
    end(&s);
    return bits;
}

TEST(graph, dropout_is_another_one_at_every_step_part_and_operation) {
    const hone_graph_mode mode[] = {{.step = 1},
                                    {.step = 2},
                                    {.step = 1 + (1 << 20)},
                                    {.step = 1 + (1ull << 41)},
                                    {.step = 1, .part = 1},
                                    {.step = 1, .part = 1 << 16}};
    const int64_t site[] = {0, 1, 4096, 8192};
    enum { N = sizeof mode / sizeof *mode + sizeof site / sizeof *site };
    uint64_t seen[N];
    int n = 0;
    for (size_t k = 0; k < sizeof mode / sizeof *mode; k++) seen[n++] = dropped(mode[k], 0);
    for (size_t k = 0; k < sizeof site / sizeof *site; k++) seen[n++] = dropped((hone_graph_mode){.step = 3}, site[k]);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) CHECK_MSG(seen[i] != seen[j], "places %d and %d drop the same elements", i, j);
    CHECK(dropped(mode[3], 4096) == dropped(mode[3], 4096));
}

static hone_status same_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    *shape = n->in[0]->shape, *dtype = n->in[0]->dtype;
    return HONE_OK;
}
static hone_status refuse_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    (void)n, (void)shape, (void)dtype;
    return HONE_E_SHAPE;
}
static hone_status ones(hone_graph *g, hone_node *n) {
    (void)g;
    for (int64_t i = 0; i < hone_count(n->out); i++) hone_f32(n->out)[i] = 1;
    return HONE_OK;
}

TEST(graph, an_operation_whose_table_lacks_a_function_is_refused) {
    const hone_op op[] = {{.shape = same_shape, .forward = ones},
                          {.shape = same_shape, .backward = hone_no_gradient},
                          {.forward = ones, .backward = hone_no_gradient},
                          {.shape = refuse_shape, .forward = ones, .backward = hone_no_gradient}};
    static const char *const want[] = {"own: the table has no backward", "own: the table has no forward",
                                       "own: the table has no shape rule",
                                       "refused without a word by whoever found it"};
    for (int i = 0; i < 4; i++) {
        small s;
        hone_op own = op[i];
        hone_tensor *x = begin(&s);
        own.name = "own", own.min_in = own.max_in = 1;
        hone_error_clear();
        CHECK(!hone_graph_apply(s.g, &own, 1, &x, NULL, 0));
        CHECK(hone_graph_status(s.g) == (i == 3 ? HONE_E_SHAPE : HONE_E_ARG));
        CHECK_STR(hone_last_error()->message, want[i]);
        end(&s);
    }
}

TEST(graph, an_absent_first_input_leaves_the_types_of_the_others_to_compare) {
    const hone_op op = {"own", 0, 3, refuse_shape, ones, hone_no_gradient, NULL, false, 0};
    small s;
    double d = 1;
    hone_tensor *x = begin(&s), *y = hone_graph_input(s.g, "d", HONE_F64, hone_shape_of(1, 1), &d);
    CHECK(!hone_graph_apply(s.g, &op, 3, (hone_tensor *[]){HONE_ABSENT, x, y}, NULL, 0));
    CHECK(hone_graph_status(s.g) == HONE_E_DTYPE);
    CHECK_STR(hone_last_error()->message, "own: input 2 \"d\" is F64, \"x\" before it is F32");
    end(&s);
}

TEST(graph, a_leaf_without_values_or_without_memory_for_its_gradient_is_refused) {
    small s;
    hone_tensor *x = begin(&s);
    float *data = x->data;
    x->data = NULL;
    CHECK(!hone_scale(s.g, x, 2, 0) && hone_graph_status(s.g) == HONE_E_ARG);
    CHECK_STR(hone_last_error()->message, "scale: input 0 \"x\" has no values");
    end(&s);

    /* Lent from the graph it would be somebody else's at the next step. */
    x = begin(&s), data = x->data;
    hone_tensor *y = hone_graph_input(s.g, "y", HONE_F32, x->shape, data);
    y->needs_grad = true;
    s.dx[0] = 7, x->grad_set = false;
    CHECK(hone_graph_backward(s.g, hone_mean(s.g, hone_add(s.g, x, 1, y, 1)), 1) == HONE_E_ARG);
    CHECK_STR(hone_last_error()->message, "backward: \"y\" [64, 48] wants a gradient and has no memory for one");
    CHECK(s.dx[0] == 7 && !x->grad_set && !y->grad);
    end(&s);
}

TEST(graph, a_backward_without_a_record_says_so) {
    small s;
    hone_tensor *x = begin(&s);
    hone_graph_begin(s.g, &(hone_graph_mode){0});
    x = hone_graph_input(s.g, "x", HONE_F32, hone_shape_of(2, T, C), s.x);
    x->needs_grad = true, x->grad = s.dx;
    CHECK(hone_graph_backward(s.g, hone_mean(s.g, x), 1) == HONE_E_ARG);
    CHECK(strstr(hone_last_error()->hint, ".record = true"));
    end(&s);
    CHECK(!hone_graph_new(NULL)); /* an arena that was short of memory */
}
