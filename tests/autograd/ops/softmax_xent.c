#include "autograd/gradcheck.h"
#include "tests/autograd/op_test.h"
#include "tests/test.h"

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

/* A scale of 20 bends the loss so much that the four-point formula itself errs by 3e-9 at its usual step; a smaller one
 * shows the gradient. */
static hone_tensor *build_at_20(hone_graph *g, hone_tensor *const *x, void *ctx) {
    (void)ctx;
    return hone_softmax_xent(g, x[0], target, 20);
}

TEST(softmax_xent, the_gradient_holds_at_the_scale_that_ranking_uses) {
    double values[45];
    hone_tensor z = {
        .data = values, .dtype = HONE_F64, .shape = hone_shape_of(2, 5, 9), .name = "z", .needs_grad = true};
    hone_tensor *leaf = &z;
    hone_gradcheck_result r;
    for (int i = 0; i < 45; i++) values[i] = test_uniform(1, (uint64_t)i);
    CHECK_OK(
        hone_gradcheck_run(&(hone_gradcheck){.build = build_at_20, .n_leaves = 1, .leaves = &leaf, .h = 2e-4}, &r));
    CHECK_INT(r.checked, 45);
    CHECK_NEAR(r.worst, 0, 1e-9);
}
