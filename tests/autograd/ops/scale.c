#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_scale(g, x[0], -1.5, 0.25);
}

static const op_case cases[] = {{"matrix", 1, {S2(5, 7)}, build, 0, 0, 0}};
OP_TEST(scale, cases);
