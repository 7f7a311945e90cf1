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
