#include "tests/autograd/op_test.h"

static hone_tensor *with_bias(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_linear(g, x[0], x[1], x[2], *(const hone_act *)arg);
}
static hone_tensor *without_bias(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_linear(g, x[0], x[1], HONE_ABSENT, *(const hone_act *)arg);
}
/* The same input twice: the second contribution must add. */
static hone_tensor *shared(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_add(g, with_bias(g, x, arg), 1, without_bias(g, x, arg), 0.5);
}

static const hone_act none = HONE_ACT_NONE, gelu = HONE_ACT_GELU, relu = HONE_ACT_RELU;
static const op_case cases[] = {{"bias", 3, {S2(5, 7), S2(6, 7), S1(6)}, with_bias, &none, 0, 0},
                                {"no bias", 2, {S2(5, 7), S2(6, 7)}, without_bias, &none, 0, 0},
                                {"gelu", 3, {S2(5, 7), S2(6, 7), S1(6)}, with_bias, &gelu, 0, 0},
                                {"relu without bias", 2, {S2(5, 7), S2(6, 7)}, without_bias, &relu, 0, 0},
                                {"weights used twice", 3, {S2(4, 3), S2(2, 3), S1(2)}, shared, &gelu, 0, 0},
                                {"one row", 3, {S2(1, 33), S2(17, 33), S1(17)}, with_bias, &gelu, 0, 0},
                                {"input without gradient", 3, {S2(5, 7), S2(6, 7), S1(6)}, with_bias, &none, 0, 1}};
OP_TEST(linear, cases);
