#include "tests/autograd/op_test.h"
#include "tests/test.h"

typedef struct setting {
    hone_triplet_rule mining;
    double margin;
    const int32_t *label;
} setting;

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *s = arg;
    return hone_batch_triplet(g, x[0], s->label, s->margin, s->mining);
}
static hone_tensor *of_points(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *s = arg;
    return hone_batch_triplet(g, hone_distance_matrix(g, x[0], HONE_EUCLIDEAN), s->label, s->margin, s->mining);
}

/* Class 5 stands alone: no positive. */
static const int32_t label[] = {3, 1, 3, 1, 5, 3, 1}, alike[] = {2, 2, 2, 2};
static const setting hard = {HONE_MINE_HARD, 5, label}, hard_small = {HONE_MINE_HARD, 0.3, label},
                     soft = {HONE_MINE_HARD_SOFT, 0, label}, semi = {HONE_MINE_SEMI_HARD, 0.4, label},
                     all = {HONE_MINE_ALL, 5, label}, all_small = {HONE_MINE_ALL, 0.2, label},
                     lonely = {HONE_MINE_SEMI_HARD, 0.5, alike}, lonely_hard = {HONE_MINE_HARD, 0.5, alike};
static const op_case cases[] = {{"hard", 1, {S2(7, 7)}, build, &hard, 0, 0},
                                {"hard, few active", 1, {S2(7, 3)}, of_points, &hard_small, 0, 0},
                                {"soft margin", 1, {S2(7, 7)}, build, &soft, 0, 0},
                                {"semi-hard", 1, {S2(7, 7)}, build, &semi, 0, 0},
                                {"semi-hard, points", 1, {S2(7, 4)}, of_points, &semi, 0, 0},
                                {"all", 1, {S2(7, 7)}, build, &all, 0, 0},
                                {"all, few active", 1, {S2(6, 5)}, of_points, &all_small, 0, 0},
                                {"one class, semi-hard", 1, {S2(4, 4)}, build, &lonely, 0, 0},
                                {"one class, hard", 1, {S2(4, 4)}, build, &lonely_hard, 0, 0}};
OP_TEST(batch_triplet, cases);

static double value(const double *x, int64_t B, int64_t D, const int32_t *c, double margin, hone_triplet_rule mining) {
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_graph_begin(g, &(hone_graph_mode){0});
    hone_tensor *points = hone_graph_input(g, "x", HONE_F64, hone_shape_of(2, B, D), x);
    hone_tensor *loss = hone_batch_triplet(g, hone_distance_matrix(g, points, HONE_EUCLIDEAN), c, margin, mining);
    CHECK_OK(hone_graph_status(g));
    double v = hone_f64(loss)[0];
    hone_graph_free(g);
    hone_arena_free(arena);
    return v;
}

/* Points on a line: 0 and 1 of one class, 3 and 7 of another. Worked out by hand. */
TEST(batch_triplet, four_points_on_a_line_give_what_the_formulas_say) {
    static const double x[] = {0, 1, 3, 7};
    static const int32_t c[] = {0, 0, 1, 1};
    /* hp 1 1 4 4, hn 3 2 2 6; relu(hp - hn + 2) = 0 1 4 0 */
    CHECK_NEAR(value(x, 4, 1, c, 2, HONE_MINE_HARD), 1.25, 1e-15);
    /* pairs (0,1): d 1, negative 3; (1,0): 1, 2; (2,3): 4, none farther, so 3; (3,2): 4, 6: with margin 2 they give 0 1
     * 3 0 */
    CHECK_NEAR(value(x, 4, 1, c, 2, HONE_MINE_SEMI_HARD), 1, 1e-15);
    /* (0,1): 3, 7 -> 0 0; (1,0): 2, 6 -> 1 0; (2,3): 3, 2 -> 3 4; (3,2): 7, 6 -> 0 0 */
    CHECK_NEAR(value(x, 4, 1, c, 2, HONE_MINE_ALL), 8.0 / 3, 1e-15);
}
