#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const int64_t *range = arg;
    return hone_scale(g, hone_row_range(g, x[0], range[0], range[1]), 3, 0);
}
/* Overlapping ranges of one tensor: contributions add. */
static hone_tensor *overlap(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    hone_tensor *y = hone_scale(g, x[0], 2, 1);
    return hone_add(g, hone_row_range(g, y, 0, 4), 1, hone_row_range(g, y, 2, 4), -2);
}

static const int64_t middle[] = {2, 3}, whole[] = {0, 6};
static const op_case cases[] = {{"middle", 1, {S2(6, 5)}, build, middle, 0, 0},
                                {"whole", 1, {S2(6, 5)}, build, whole, 0, 0},
                                {"overlapping ranges", 1, {S2(6, 5)}, overlap, 0, 0, 0}};
OP_TEST(rows, cases);
