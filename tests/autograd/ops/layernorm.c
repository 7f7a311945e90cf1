#include "tests/autograd/op_test.h"

static hone_tensor *plain(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_layernorm(g, x[0], HONE_ABSENT, x[1], x[2], 1e-5f, 0);
}
static hone_tensor *summed(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_layernorm(g, x[0], x[3], x[1], x[2], 1e-3f, *(const float *)arg);
}

/* The sum takes the place of a linear's result. */
static hone_tensor *consumed(hone_graph *g, hone_tensor *const *x, const void *arg) {
    hone_tensor *fed = hone_linear(g, x[0], x[3], HONE_ABSENT, HONE_ACT_NONE);
    return hone_residual_layernorm(g, fed, x[0], x[1], x[2], 1e-3f, *(const float *)arg);
}

static const float none = 0, some = 0.3f;
static const op_case cases[] = {
    {"one input", 3, {S2(5, 9), S1(9), S1(9)}, plain, 0, 0, 0},
    {"residual", 4, {S2(5, 9), S1(9), S1(9), S2(5, 9)}, summed, &none, 0, 0},
    {"residual and dropout", 4, {S2(6, 16), S1(16), S1(16), S2(6, 16)}, summed, &some, 1, 0},
    {"residual in place", 4, {S2(6, 16), S1(16), S1(16), S2(16, 16)}, consumed, &some, 1, 0},
    {"many rows", 3, {S2(600, 48), S1(48), S1(48)}, plain, 0, 0, 1},
    {"input without gradient", 3, {S2(5, 9), S1(9), S1(9)}, plain, 0, 0, 1}};
OP_TEST(layernorm, cases);
