#include "tests/autograd/op_test.h"
#include "tests/test.h"

#include <math.h>

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_logaddexp(g, x[0], x[1]);
}

static const op_case cases[] = {{"two", 2, {S1(9), S1(9)}, build, 0, 0, 0}};
OP_TEST(logaddexp, cases);

TEST(logaddexp, large_arguments_do_not_overflow) {
    double a[] = {1000, -1000}, b[] = {1000, -1002};
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_graph_begin(g, &(hone_graph_mode){0});
    hone_tensor *y = hone_logaddexp(g, hone_graph_input(g, "a", HONE_F64, hone_shape_of(1, 2), a),
                                    hone_graph_input(g, "b", HONE_F64, hone_shape_of(1, 2), b));
    CHECK_NEAR(hone_f64(y)[0], 1000 + log(2), 1e-12);
    CHECK_NEAR(hone_f64(y)[1], -1000 + log1p(exp(-2)), 1e-12);
    hone_graph_free(g);
    hone_arena_free(arena);
}
