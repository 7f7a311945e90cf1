#include "tests/autograd/op_test.h"
#include "tests/test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_angle(g, x[0], x[1]);
}
static hone_tensor *of_unit_rows(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_angle(g, hone_normalize(g, x[0]), hone_normalize(g, x[1]));
}

static const op_case cases[] = {{"even", 2, {S2(5, 8), S2(5, 8)}, build, 0, 0, 0},
                                {"odd", 2, {S2(4, 7), S2(4, 7)}, build, 0, 0, 0},
                                {"one column", 2, {S2(3, 1), S2(3, 1)}, build, 0, 0, 0},
                                {"unit rows", 2, {S2(6, 9), S2(6, 9)}, of_unit_rows, 0, 0, 0}};
OP_TEST(angle, cases);
