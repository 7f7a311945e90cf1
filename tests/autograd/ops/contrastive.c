#include "tests/autograd/op_test.h"

static const double pull[] = {0.5, 0, 1, 0, 0.3, 0, 0, 2}, push[] = {0, 0.5, 0, 1, 0.7, 0, 2, 0};

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_contrastive(g, x[0], pull, push, *(const double *)arg);
}

static const double narrow = 0.25, wide = 3;
static const op_case cases[] = {{"some beyond the margin", 1, {S1(8)}, build, &narrow, 0, 0},
                                {"all within", 1, {S1(8)}, build, &wide, 0, 0}};
OP_TEST(contrastive, cases);
