#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_mlp(g, x[0], x[1], x[3], x[2], HONE_ABSENT, *(const hone_act *)arg);
}
static hone_tensor *second_bias(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_mlp(g, x[0], x[1], HONE_ABSENT, x[2], x[3], *(const hone_act *)arg);
}

static const hone_act gelu = HONE_ACT_GELU, silu = HONE_ACT_SILU;
static const op_case cases[] = {
    {"gelu, first bias", 4, {S2(5, 7), S2(9, 7), S2(6, 9), S1(9)}, build, &gelu, 0, 0},
    {"silu, second bias", 4, {S2(5, 7), S2(9, 7), S2(6, 9), S1(6)}, second_bias, &silu, 0, 0},
    {"many rows", 4, {S2(70, 16), S2(64, 16), S2(16, 64), S1(64)}, build, &gelu, 0, 0},
    {"input without gradient", 4, {S2(5, 7), S2(9, 7), S2(6, 9), S1(9)}, build, &gelu, 0, 1}};
OP_TEST(mlp, cases);
