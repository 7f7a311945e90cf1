#include "tests/autograd/op_test.h"
#include "tests/test.h"

static const int32_t words[] = {3, 0, 3, 6, 1, 3, 2, 0, 5, 5}, types[] = {0, 1, 1, 0, 0, 1, 0, 1, 0, 0},
                     places[] = {0, 1, 2, 3, 0, 1, 2, 3, 4, 5};

static hone_tensor *three(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_embedding(g, 3, (hone_tensor *[]){x[0], x[1], x[2]}, (const int32_t *[]){words, types, places}, 10, -1);
}
static hone_tensor *one(hone_graph *g, hone_tensor *const *x, const void *arg) {
    (void)arg;
    return hone_embedding(g, 1, (hone_tensor *[]){x[0]}, (const int32_t *[]){words}, 10, -1);
}

TEST(embedding, the_padding_row_gets_no_gradient) {
    hone_arena *arena = hone_arena_new("test", 0);
    hone_graph *g = hone_graph_new(arena);
    double values[35] = {0}, grad[35], dy[50];
    hone_tensor table = {.data = values,
                         .dtype = HONE_F64,
                         .shape = hone_shape_of(2, 7, 5),
                         .name = "table",
                         .needs_grad = true,
                         .grad = grad};
    for (int i = 0; i < 50; i++) dy[i] = 1;
    hone_graph_begin(g, &(hone_graph_mode){.record = true});
    hone_tensor *y = hone_embedding(g, 1, (hone_tensor *[]){&table}, (const int32_t *[]){words}, 10, 3);
    CHECK_OK(hone_graph_backward_from(g, y, dy));
    for (int c = 0; c < 5; c++) {
        CHECK_NEAR(grad[3 * 5 + c], 0, 0); /* three times in the text, and padding */
        CHECK_NEAR(grad[0 * 5 + c], 2, 0);
        CHECK_NEAR(grad[4 * 5 + c], 0, 0); /* not in the text */
    }
    hone_graph_free(g);
    hone_arena_free(arena);
}

static const op_case cases[] = {{"words, types, positions", 3, {S2(7, 5), S2(2, 5), S2(6, 5)}, three, 0, 0, 0},
                                {"one table, rows met twice", 1, {S2(7, 130)}, one, 0, 0, 0}};
OP_TEST(embedding, cases);
