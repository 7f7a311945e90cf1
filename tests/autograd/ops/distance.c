#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_distance(g, x[0], x[1], *(const hone_metric *)arg);
}

static const hone_metric metrics[] = {HONE_COSINE, HONE_EUCLIDEAN, HONE_MANHATTAN};
static const op_case cases[] = {{"cosine", 2, {S2(6, 11), S2(6, 11)}, build, &metrics[0], 0, 0},
                                {"euclidean", 2, {S2(6, 11), S2(6, 11)}, build, &metrics[1], 0, 0},
                                {"manhattan", 2, {S2(2, 5), S2(2, 5)}, build, &metrics[2], 0, 0}};
OP_TEST(distance, cases);
