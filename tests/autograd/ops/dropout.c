#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_dropout_op(g, x[0], *(const float *)arg);
}

static const float p[] = {0.1f, 0.7f};
static const op_case cases[] = {{"p 0.1", 1, {S2(13, 29)}, build, &p[0], 1, 0},
                                {"p 0.7", 1, {S2(4, 300)}, build, &p[1], 1, 0}};
OP_TEST(dropout, cases);
