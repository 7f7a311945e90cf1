#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_mean(g, x[0]);
}

static const op_case cases[] = {{"matrix", 1, {S2(5, 7)}, build, 0, 0, 0}, {"one element", 1, {S1(1)}, build, 0, 0, 0}};
OP_TEST(mean, cases);
