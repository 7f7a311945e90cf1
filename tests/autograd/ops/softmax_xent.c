#include "tests/autograd/op_test.h"

typedef struct setting {
    double scale;
    const int32_t *target;
} setting;

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *s = arg;
    return hone_softmax_xent(g, x[0], s->target, s->scale);
}

static const int32_t target[] = {0, 4, 2, 2, 1}, wide[] = {99, 0, 50};
static const setting plain = {1, target}, scaled = {6, target}, many = {5, wide};
static const op_case cases[] = {{"square", 1, {S2(5, 5)}, build, &plain, 0, 0},
                                {"scaled", 1, {S2(5, 9)}, build, &scaled, 0, 0},
                                {"many classes", 1, {S2(3, 100)}, build, &many, 0, 0}};
OP_TEST(softmax_xent, cases);
