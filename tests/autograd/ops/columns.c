#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_columns(g, x[0], *(const int64_t *)arg);
}
/* Two lengths of one tensor: contributions add. */
static hone_tensor *both(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    hone_tensor *y = hone_scale(g, x[0], 2, 1);
    return hone_add(g, hone_columns(g, hone_columns(g, y, 4), 3), 1, hone_columns(g, y, 3), -3);
}

static const int64_t three = 3, all = 7;
static const op_case cases[] = {{"some", 1, {S2(5, 7)}, build, &three, 0, 0},
                                {"all", 1, {S2(5, 7)}, build, &all, 0, 0},
                                {"twice", 1, {S2(4, 6)}, both, 0, 0, 0}};
OP_TEST(columns, cases);
