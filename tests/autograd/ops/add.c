#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_add(g, x[0], 2.5, x[1], -0.75);
}
static hone_tensor *twice(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_add(g, x[0], 1, x[0], 3);
}

static const op_case cases[] = {{"two matrices", 2, {S2(5, 7), S2(5, 7)}, build, 0, 0, 0},
                                {"a tensor with itself", 1, {S2(3, 4)}, twice, 0, 0, 0},
                                {"large", 2, {S2(300, 130), S2(300, 130)}, build, 0, 0, 0}};
OP_TEST(add, cases);
