#include "tests/autograd/op_test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_activation(g, x[0], *(const hone_act *)arg);
}

static const hone_act acts[] = {HONE_ACT_GELU, HONE_ACT_GELU_TANH, HONE_ACT_QUICK_GELU, HONE_ACT_RELU,
                                HONE_ACT_SILU, HONE_ACT_TANH,      HONE_ACT_SIGMOID,    HONE_ACT_NONE};
#define CASE(name, i)                                                                                                  \
    { name, 1, {S2(9, 37)}, build, &acts[i], 0, 0 }
static const op_case cases[] = {CASE("gelu", 0), CASE("gelu tanh", 1), CASE("quick gelu", 2), CASE("relu", 3),
                                CASE("silu", 4), CASE("tanh", 5),      CASE("sigmoid", 6),    CASE("none", 7)};
OP_TEST(activation, cases);
