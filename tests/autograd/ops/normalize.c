#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_normalize(g, x[0]);
}

static const op_case cases[] = {{"rows", 1, {S2(5, 7)}, build, 0, 0, 0}, {"many", 1, {S2(200, 96)}, build, 0, 0, 0}};
OP_TEST(normalize, cases);
