#include "autograd/gradcheck.h"
#include "tests/autograd/op_test.h"
#include "tests/test.h"

#include <math.h>

typedef struct setting {
    const double *label;
    double scale;
} setting;

static hone_tensor *build(hone_graph *g, hone_tensor *const *x, const void *arg) {
    const setting *s = arg;
    return hone_cosent(g, x[0], s->label, s->scale);
}

static const double label[] = {0.2, 1, 0.2, 0.5, 0, 1, 0.7, 0.5, 0.2}, equal[9] = {0};
static const setting plain = {label, 1}, scaled = {label, 4}, none = {equal, 3};
static const op_case cases[] = {{"ties", 1, {S1(9)}, build, &plain, 0, 0},
                                {"scaled", 1, {S1(9)}, build, &scaled, 0, 0},
                                {"one row", 1, {S1(1)}, build, &plain, 0, 0},
                                {"equal labels", 1, {S1(9)}, build, &none, 0, 0}};
OP_TEST(cosent, cases);

/* Against the sum over all pairs, at the scale in use and far beyond it. */
TEST(cosent, the_sorted_sum_is_the_sum_over_all_pairs) {
    static const double scales[] = {1, 20, 500};
    double s[9];
    for (int i = 0; i < 9; i++) s[i] = test_uniform(5, (uint64_t)i);
    for (int k = 0; k < 3; k++) {
        double top = 0, sum;
        for (int i = 0; i < 9; i++)
            for (int j = 0; j < 9; j++)
                if (label[i] < label[j]) top = fmax(top, scales[k] * (s[i] - s[j]));
        sum = exp(-top);
        for (int i = 0; i < 9; i++)
            for (int j = 0; j < 9; j++)
                if (label[i] < label[j]) sum += exp(scales[k] * (s[i] - s[j]) - top);
        hone_arena *arena = hone_arena_new("step", 0);
        hone_graph *g = hone_graph_new(arena);
        hone_graph_begin(g, &(hone_graph_mode){0});
        hone_tensor *loss =
            hone_cosent(g, hone_graph_input(g, "s", HONE_F64, hone_shape_of(1, 9), s), label, scales[k]);
        CHECK_OK(hone_graph_status(g));
        CHECK_NEAR(hone_f64(loss)[0] / (top + log(sum)), 1, 1e-13);
        hone_graph_free(g);
        hone_arena_free(arena);
    }
}
