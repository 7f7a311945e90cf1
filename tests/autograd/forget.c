/* Results that give their memory back between forward and backward. */
#include "autograd/ops.h"
#include "tests/test.h"

#include <stdlib.h>

enum { T = 64, C = 48 };

/* Gradients of x, gamma and w through LN and a Linear that reads its result; forget: the result is forgotten in
 * between. */
static void run(bool forget, bool *was_gone, float dx[T * C], float dgamma[C], float dw[C * C]) {
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float *data = malloc(sizeof(float) * (2 * T * C + 2 * C + C * C));
    float *x = data, *residual = x + T * C, *gamma = residual + T * C, *beta = gamma + C, *w = beta + C;
    for (int i = 0; i < 2 * T * C + 2 * C + C * C; i++)
        data[i] = (float)((unsigned)i * 2654435761u >> 12 & 1023) / 512 - 1;
    hone_graph_begin(g, &(hone_graph_mode){.record = true, .train = true, .seed = 5, .step = 3});
    hone_tensor *leaf[5] = {hone_graph_input(g, "x", HONE_F32, hone_shape_of(2, T, C), x),
                            hone_graph_input(g, "r", HONE_F32, hone_shape_of(2, T, C), residual),
                            hone_graph_input(g, "gamma", HONE_F32, hone_shape_of(1, C), gamma),
                            hone_graph_input(g, "beta", HONE_F32, hone_shape_of(1, C), beta),
                            hone_graph_input(g, "w", HONE_F32, hone_shape_of(2, C, C), w)};
    leaf[0]->needs_grad = leaf[2]->needs_grad = leaf[4]->needs_grad = true;
    leaf[0]->grad = dx, leaf[2]->grad = dgamma, leaf[4]->grad = dw;
    hone_tensor *y = hone_layernorm(g, leaf[0], leaf[1], leaf[2], leaf[3], 1e-5f, 0.25f);
    hone_tensor *z = hone_linear(g, y, leaf[4], HONE_ABSENT, HONE_ACT_GELU);
    CHECK_OK(hone_graph_status(g));
    if (forget) hone_graph_forget(g, y);
    *was_gone = !y->data;
    hone_graph_forget(g, leaf[0]); /* a leaf stays */
    CHECK(leaf[0]->data == x);
    float *dz = malloc(sizeof(float) * T * C);
    for (int i = 0; i < T * C; i++) dz[i] = (float)(i % 11) - 5;
    CHECK_OK(hone_graph_backward_from(g, z, dz));
    hone_graph_free(g);
    hone_arena_free(arena);
    free(data), free(dz);
}

TEST(forget, a_forgotten_result_comes_back_with_the_same_bits) {
    float dx[2][T * C], dgamma[2][C], dw[2][C * C];
    bool gone[2];
    for (int k = 0; k < 2; k++) run(k, &gone[k], dx[k], dgamma[k], dw[k]);
    CHECK(!gone[0] && gone[1]);
    CHECK(!memcmp(dx[0], dx[1], sizeof dx[0]) && !memcmp(dgamma[0], dgamma[1], sizeof dgamma[0]) &&
          !memcmp(dw[0], dw[1], sizeof dw[0]));
    CHECK(dw[0][0] != 0 && dx[0][1] != 0);
}

TEST(forget, a_result_that_is_kept_or_cannot_be_rebuilt_stays) {
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float x[6] = {1, 2, 3, 4, 5, 6}, gamma[3] = {1, 1, 1}, beta[3] = {0}, grad[6];
    for (int record = 0; record < 2; record++) {
        hone_graph_begin(g, &(hone_graph_mode){.record = record});
        hone_tensor *leaf = hone_graph_input(g, "x", HONE_F32, hone_shape_of(2, 2, 3), x);
        leaf->needs_grad = true, leaf->grad = grad;
        hone_tensor *gm = hone_graph_input(g, "g", HONE_F32, hone_shape_of(1, 3), gamma),
                    *bt = hone_graph_input(g, "b", HONE_F32, hone_shape_of(1, 3), beta);
        hone_tensor *y = hone_layernorm(g, leaf, HONE_ABSENT, gm, bt, 1e-5f, 0), *s = hone_scale(g, y, 2, 0);
        CHECK_OK(hone_graph_status(g));
        hone_graph_keep(g, y);
        hone_graph_forget(g, y);
        hone_graph_forget(g, s);
        hone_graph_forget(g, NULL);
        CHECK(y->data && s->data);
    }
    hone_graph_free(g);
    hone_arena_free(arena);
}
