#include "tests/autograd/op_test.h"

typedef struct setting {
    int heads;
    float p;
    hone_sequences s;
} setting;

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *a = arg;
    return hone_attention(g, x[0], &a->s, a->heads, a->p);
}

static const int32_t cu[] = {0, 1, 6, 9}, cu_long[] = {0, 70, 71, 130};
static const setting plain = {2, 0, {3, 9, cu}}, dropped = {2, 0.3f, {3, 9, cu}}, one_head = {1, 0, {3, 9, cu}},
                     longer = {2, 0.1f, {3, 130, cu_long}};
static const op_case cases[] = {{"three sequences, two heads", 1, {S2(9, 24)}, build, &plain, 0, 0},
                                {"dropout of the probabilities", 1, {S2(9, 24)}, build, &dropped, 1, 0},
                                {"one head of three columns", 1, {S2(9, 9)}, build, &one_head, 0, 0},
                                {"longer than a tile", 1, {S2(130, 48)}, build, &longer, 1, 0}};
OP_TEST(attention, cases);
