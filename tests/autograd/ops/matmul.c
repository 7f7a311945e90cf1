#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const bool *t = arg;
    return hone_matmul(g, x[0], t[0], x[1], t[1]);
}

static const bool nn[] = {0, 0}, nt[] = {0, 1}, tn[] = {1, 0}, tt[] = {1, 1};
static const op_case cases[] = {{"a b", 2, {S2(4, 6), S2(6, 5)}, build, nn, 0, 0},
                                {"a b^T", 2, {S2(4, 6), S2(5, 6)}, build, nt, 0, 0},
                                {"a^T b", 2, {S2(6, 4), S2(6, 5)}, build, tn, 0, 0},
                                {"a^T b^T", 2, {S2(6, 4), S2(5, 6)}, build, tt, 0, 0}};
OP_TEST(matmul, cases);
