#include "tests/autograd/op_test.h"

static const double target[] = {0, 1, -0.5, 0.25, 3, 0.1};

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_squared_error(g, x[0], target);
}

static const op_case cases[] = {{"six", 1, {S1(6)}, build, 0, 0, 0}};
OP_TEST(squared_error, cases);
