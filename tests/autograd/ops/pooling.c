#include "tests/autograd/op_test.h"

typedef struct setting {
    int n;
    hone_pool mode[6];
    const int32_t *skip;
} setting;

static const int32_t cu[] = {0, 1, 6, 9}, some[] = {0, 2, 1};
static const hone_sequences sequences = {3, 9, cu};

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *s = arg;
    return hone_pooling(g, x[0], &sequences, s->n, s->mode, s->skip);
}

static const setting one[] = {{1, {HONE_POOL_CLS}, 0},           {1, {HONE_POOL_MAX}, 0},
                              {1, {HONE_POOL_MEAN}, 0},          {1, {HONE_POOL_MEAN_SQRT_LEN}, 0},
                              {1, {HONE_POOL_WEIGHTED_MEAN}, 0}, {1, {HONE_POOL_LAST}, 0}},
                     all = {6,
                            {HONE_POOL_CLS, HONE_POOL_MAX, HONE_POOL_MEAN, HONE_POOL_MEAN_SQRT_LEN,
                             HONE_POOL_WEIGHTED_MEAN, HONE_POOL_LAST},
                            0},
                     skipped = {3, {HONE_POOL_MEAN, HONE_POOL_WEIGHTED_MEAN, HONE_POOL_MAX}, some};
#define CASE(name, s)                                                                                                  \
    { name, 1, {S2(9, 5)}, build, s, 0, 0 }
static const op_case cases[] = {
    CASE("cls", &one[0]),           CASE("max", &one[1]),  CASE("mean", &one[2]),   CASE("mean sqrt", &one[3]),
    CASE("weighted mean", &one[4]), CASE("last", &one[5]), CASE("all modes", &all), CASE("prompt left out", &skipped)};
OP_TEST(pooling, cases);
