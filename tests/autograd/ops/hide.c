#include "tests/autograd/op_test.h"
#include "tests/test.h"

static const int64_t start[] = {0, 2, 2, 3, 5, 5};
static const int32_t column[] = {0, 5, 1, 2, 3}, target[] = {1, 0, 2, 4, 5};
static const hone_hidden some = {start, column};

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_softmax_xent(g, hone_hide(g, hone_scale(g, x[0], 2, 0), &some), target, 3);
}
/* The hidden tensor is read twice: contributions add. */
static hone_tensor *twice(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    hone_tensor *y = hone_hide(g, hone_scale(g, x[0], 2, 0), &some);
    return hone_add(g, hone_softmax_xent(g, y, target, 1), 1, hone_softmax_xent(g, y, target, 2), -2);
}

static const op_case cases[] = {{"behind it a softmax", 1, {S2(5, 6)}, build, 0, 0, 0},
                                {"read twice", 1, {S2(5, 6)}, twice, 0, 0, 0}};
OP_TEST(hide, cases);

/* In float, at any scale: a hidden column is as good as one that is not there. */
TEST(hide, a_hidden_column_takes_no_part) {
    static const double scales[] = {0.01, 20, 1e6};
    for (int k = 0; k < 3; k++) {
        float wide[] = {0.5f, 99, -0.25f, 0.75f}, narrow[] = {0.5f, -0.25f, 0.75f};
        static const int64_t one[] = {0, 1};
        static const int32_t second[] = {1}, first[] = {0};
        hone_arena *arena = hone_arena_new("step", 0);
        hone_graph *g = hone_graph_new(arena);
        hone_graph_begin(g, &(hone_graph_mode){0});
        hone_tensor *a = hone_graph_input(g, "a", HONE_F32, hone_shape_of(2, 1, 4), wide);
        hone_tensor *b = hone_graph_input(g, "b", HONE_F32, hone_shape_of(2, 1, 3), narrow);
        a = hone_softmax_xent(g, hone_hide(g, a, &(hone_hidden){one, second}), first, scales[k]);
        b = hone_softmax_xent(g, b, first, scales[k]);
        CHECK_OK(hone_graph_status(g));
        CHECK_NEAR((double)hone_f32(a)[0], (double)hone_f32(b)[0], 1e-6 * scales[k] + 1e-6);
        hone_graph_free(g);
        hone_arena_free(arena);
    }
}
