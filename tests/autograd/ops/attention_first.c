#include "tests/autograd/op_test.h"
#include "tests/test.h"

#include <stdlib.h>

typedef struct setting {
    int heads;
    float p;
    hone_sequences s;
} setting;

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *a = arg;
    return hone_attention_first(g, x[0], &a->s, a->heads, a->p);
}

/* The first rows of the whole attention: the difference must be zero, gradient and all. */
static hone_tensor *less_the_whole(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *a = arg;
    hone_tensor *whole = hone_attention(g, x[0], &a->s, a->heads, a->p);
    hone_tensor *rows = hone_pooling(g, whole, &a->s, 1, (hone_pool[]){HONE_POOL_CLS}, NULL);
    return hone_add(g, build(g, x, arg), 1, rows, -1);
}

static const int32_t cu[] = {0, 1, 6, 9}, cu_long[] = {0, 70, 71, 130};
static const setting plain = {2, 0, {3, 9, cu}}, dropped = {2, 0.3f, {3, 9, cu}}, longer = {2, 0.1f, {3, 130, cu_long}};
static const op_case cases[] = {{"three sequences, two heads", 1, {S2(9, 24)}, build, &plain, 0, 0},
                                {"dropout of the probabilities", 1, {S2(9, 24)}, build, &dropped, 1, 0},
                                {"longer than a tile", 1, {S2(130, 48)}, build, &longer, 1, 0}};
OP_TEST(attention_first, cases);

TEST(attention_first, it_is_the_first_row_of_the_whole) {
    enum { T = 130, C = 32 };
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float *x = malloc(sizeof(float) * T * 3 * C), *grad = calloc(T * 3 * C, sizeof *grad);
    for (int i = 0; i < T * 3 * C; i++) x[i] = (float)((i * 2654435761u >> 8) % 2001) / 1000 - 1;
    hone_graph_begin(g, &(hone_graph_mode){.record = true});
    hone_tensor *leaf = hone_graph_input(g, "qkv", HONE_F32, hone_shape_of(2, T, 3 * C), x);
    leaf->needs_grad = true, leaf->grad = grad;
    setting s = {2, 0, {3, T, cu_long}};
    hone_tensor *y = less_the_whole(g, &leaf, &s);
    CHECK_OK(hone_graph_status(g));
    for (int i = 0; i < 3 * C; i++) CHECK_NEAR(hone_f32(y)[i], 0, 2e-6);
    float dy[3 * C];
    for (int i = 0; i < 3 * C; i++) dy[i] = (float)(i % 7) - 3;
    CHECK_OK(hone_graph_backward_from(g, y, dy));
    for (int i = 0; i < T * 3 * C; i++) CHECK_NEAR(grad[i], 0, 2e-6);
    hone_graph_free(g);
    hone_arena_free(arena);
    free(x), free(grad);
}
