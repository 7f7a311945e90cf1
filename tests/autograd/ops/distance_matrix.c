#include "tests/autograd/op_test.h"
#include "tests/test.h"

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    return hone_distance_matrix(g, x[0], *(const hone_metric *)arg);
}

static const hone_metric euclidean = HONE_EUCLIDEAN, manhattan = HONE_MANHATTAN;
static const op_case cases[] = {{"euclidean", 1, {S2(6, 11)}, build, &euclidean, 0, 0},
                                {"manhattan", 1, {S2(3, 5)}, build, &manhattan, 0, 0},
                                {"one row", 1, {S2(1, 4)}, build, &euclidean, 0, 0}};
OP_TEST(distance_matrix, cases);

TEST(distance_matrix, equal_rows_are_at_distance_zero_and_get_no_gradient) {
    double x[] = {1, 2, 1, 2, 4, 6}, dx[6], dd[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_tensor leaf = {
        .data = x, .grad = dx, .dtype = HONE_F64, .shape = hone_shape_of(2, 3, 2), .name = "x", .needs_grad = true};
    hone_graph_begin(g, &(hone_graph_mode){.record = true});
    hone_tensor *d = hone_distance_matrix(g, &leaf, HONE_EUCLIDEAN);
    CHECK_OK(hone_graph_status(g));
    static const double want[] = {0, 0, 5, 0, 0, 5, 5, 5, 0}, slope[] = {-1.2, -1.6, -1.2, -1.6, 2.4, 3.2};
    for (int i = 0; i < 9; i++) CHECK_NEAR(hone_f64(d)[i], want[i], 1e-15);
    CHECK_OK(hone_graph_backward_from(g, d, dd));
    for (int i = 0; i < 6; i++) CHECK_NEAR(dx[i], slope[i], 1e-15);
    hone_graph_free(g);
    hone_arena_free(arena);
}
