/* Every op, every case: the gradient in double against four-point differences; a planted sign error caught; float
 * against double; the same bits at any number of threads. */
#include "tests/autograd/op_test.h"

#include "autograd/gradcheck.h"
#include "base/parallel.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const op_test *test;
    const hone_op *op;
} list[] = {
#define HONE_OP(name) {#name, &op_test_##name, NULL},
#include "autograd/ops.def"
#undef HONE_OP
};
enum { N_OPS = sizeof list / sizeof *list };

typedef struct leaves {
    hone_arena *arena;
    hone_tensor *t[4];
} leaves;

/* Values in [-1, 1), the same for F32 and F64 (those of F32). */
static leaves make_leaves(const op_case *c, hone_dtype dtype) {
    leaves l = {hone_arena_new("leaves", 0), {0}};
    for (int k = 0; k < c->n; k++) {
        l.t[k] = hone_tensor_new(l.arena, dtype, c->shape[k]);
        CHECK(l.t[k]);
        l.t[k]->name = "leaf";
        l.t[k]->needs_grad = !(c->constant >> k & 1);
        for (int64_t i = 0; i < hone_count(l.t[k]); i++) {
            float x = (float)test_uniform((uint64_t)k + 1, (uint64_t)i);
            if (fabsf(x) < 0.01f) x = x < 0 ? -0.01f : 0.01f; /* away from the kink of ReLU */
            if (dtype == HONE_F64)
                hone_f64(l.t[k])[i] = (double)x;
            else
                hone_f32(l.t[k])[i] = x;
        }
    }
    return l;
}

typedef struct build_ctx {
    const op_case *c;
    const char *plant; /* op whose backward is spoilt */
    int input;
    bool planted;
} build_ctx;

static hone_tensor *build(hone_graph *g, hone_tensor *const *l, void *ctx) {
    const op_case *c = ((build_ctx *)ctx)->c;
    return c->build(g, l, c->arg);
}

static hone_gradcheck check_of(build_ctx *b, const leaves *l) {
    return (hone_gradcheck){.build = build,
                            .ctx = b,
                            .n_leaves = b->c->n,
                            .leaves = l->t,
                            .max_elements = 80,
                            .mode = {.train = b->c->train, .seed = 7, .step = 3}};
}

TEST(gradcheck, every_op_agrees_with_four_point_differences_in_double) {
    double worst = 0;
    int64_t checked = 0;
    for (int i = 0; i < N_OPS; i++)
        for (int k = 0; k < list[i].test->n; k++) {
            const op_case *c = &list[i].test->cases[k];
            leaves l = make_leaves(c, HONE_F64);
            build_ctx b = {.c = c};
            hone_gradcheck check = check_of(&b, &l);
            hone_gradcheck_result r;
            CHECK_OK(hone_gradcheck_run(&check, &r));
            CHECK_MSG(r.checked > 0, "%s, %s: nothing was checked", list[i].name, c->what);
            CHECK_MSG(r.worst <= 1e-9, "%s, %s: leaf %d element %" PRId64 ": gradient %.12g, differences %.12g",
                      list[i].name, c->what, r.leaf, r.element, r.got, r.want);
            if (r.worst > worst) worst = r.worst;
            checked += r.checked;
            hone_arena_free(l.arena);
        }
    printf("  %d ops, %" PRId64 " elements, worst error %.2g of 1e-9\n", N_OPS, checked, worst);
}

/* ---- planted errors ---- */

static const hone_op *original;
static hone_op spoilt;
static int spoilt_input;

static hone_status spoilt_backward(hone_graph *g, hone_node *n) {
    hone_status s = original->backward(g, n);
    hone_tensor *t = n->in[spoilt_input];
    for (int64_t i = 0; t && t->grad && i < hone_count(t); i++) ((double *)t->grad)[i] *= -1;
    return s;
}

static void plant(hone_graph *g, void *ctx) {
    build_ctx *b = ctx;
    for (hone_node *n = hone_graph_last(g); n; n = n->previous) {
        if (strcmp(n->op->name, b->plant) || b->planted || b->input >= n->n_in || !hone_wants_grad(n->in[b->input]))
            continue;
        original = n->op, spoilt = *n->op, spoilt.backward = spoilt_backward, spoilt_input = b->input;
        n->op = &spoilt;
        b->planted = true;
    }
}

TEST(gradcheck, a_planted_sign_error_is_caught_for_every_op_and_input) {
    int planted = 0;
    for (int i = 0; i < N_OPS; i++) {
        int before = planted;
        const op_case *c = &list[i].test->cases[0];
        for (int input = 0; input < HONE_MAX_INPUTS; input++) {
            leaves l = make_leaves(c, HONE_F64);
            build_ctx b = {.c = c, .plant = list[i].name, .input = input};
            hone_gradcheck check = check_of(&b, &l);
            check.before_backward = plant;
            hone_gradcheck_result r;
            CHECK_OK(hone_gradcheck_run(&check, &r));
            if (b.planted)
                CHECK_MSG(r.worst > 1e-3, "%s: a wrong sign at input %d went unnoticed (error %g)", list[i].name, input,
                          r.worst);
            planted += b.planted;
            hone_arena_free(l.arena);
        }
        CHECK_MSG(planted > before, "%s: no error was planted", list[i].name);
    }
    printf("  %d errors planted, all caught\n", planted);
}

/* ---- float ---- */

typedef struct float_run {
    float *y, *grad[4];
    int64_t n;
} float_run;

static float_run run_float(const op_case *c, const leaves *l) {
    float_run r = {0};
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_graph_begin(g, &(hone_graph_mode){.record = true, .train = c->train, .seed = 7, .step = 3});
    for (int k = 0; k < c->n; k++) {
        if (l->t[k]->needs_grad) r.grad[k] = calloc((size_t)hone_count(l->t[k]) + 1, sizeof(float));
        l->t[k]->grad = r.grad[k];
        l->t[k]->grad_set = false;
    }
    hone_tensor *y = c->build(g, l->t, c->arg);
    CHECK_OK(hone_graph_status(g));
    r.n = hone_count(y);
    r.y = malloc((size_t)(r.n + 1) * sizeof(float));
    memcpy(r.y, y->data, (size_t)r.n * sizeof(float));
    float *dy = malloc((size_t)(r.n + 1) * sizeof(float));
    for (int64_t i = 0; i < r.n; i++) dy[i] = (float)test_uniform(99, (uint64_t)i);
    CHECK_OK(hone_graph_backward_from(g, y, dy));
    free(dy);
    hone_graph_free(g);
    hone_arena_free(arena);
    return r;
}

static void free_run(float_run *r) {
    free(r->y);
    for (int k = 0; k < 4; k++) free(r->grad[k]);
}

TEST(ops, the_same_bits_with_1_2_3_4_and_8_threads) {
    static const int counts[] = {1, 2, 3, 4, 8};
    int before = hone_threads();
    for (int i = 0; i < N_OPS; i++)
        for (int k = 0; k < list[i].test->n; k++) {
            const op_case *c = &list[i].test->cases[k];
            leaves l = make_leaves(c, HONE_F32);
            float_run first = {0};
            for (int t = 0; t < 5; t++) {
                hone_set_threads(counts[t]);
                float_run r = run_float(c, &l);
                if (t == 0) {
                    first = r;
                    continue;
                }
                CHECK_MSG(!memcmp(first.y, r.y, (size_t)r.n * sizeof(float)), "%s, %s: other bits with %d threads",
                          list[i].name, c->what, counts[t]);
                for (int leaf = 0; leaf < c->n; leaf++)
                    if (r.grad[leaf])
                        CHECK_MSG(
                            !memcmp(first.grad[leaf], r.grad[leaf], (size_t)hone_count(l.t[leaf]) * sizeof(float)),
                            "%s, %s: gradient %d has other bits with %d threads", list[i].name, c->what, leaf,
                            counts[t]);
                free_run(&r);
            }
            free_run(&first);
            hone_arena_free(l.arena);
        }
    hone_set_threads(before);
}

TEST(ops, an_array_that_is_null_and_a_choice_that_is_none_are_refused) {
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float data[24] = {0};
    hone_tensor x = {.data = data, .dtype = HONE_F32, .shape = hone_shape_of(2, (int64_t)4, (int64_t)6), .name = "x"};
    hone_tensor q = x, v = x;
    q.shape = hone_shape_of(2, (int64_t)4, (int64_t)4), v.shape = hone_shape_of(1, (int64_t)4);
    hone_tensor *table = &x;
    const int32_t *no_ids = NULL;
    const hone_sequences none = {.B = 1, .T = 4};
    const int32_t cu[2] = {0, 4};
    const hone_sequences one = {.B = 1, .T = 4, .cu = cu};
    const hone_pool mean = HONE_POOL_MEAN, odd = (hone_pool)99;
    const double w[4] = {0};
    for (int i = 0; i < 21; i++) {
        hone_graph_begin(g, &(hone_graph_mode){0});
        hone_tensor *t = i == 0    ? hone_softmax_xent(g, &x, NULL, 1)
                         : i == 1  ? hone_squared_error(g, &v, NULL)
                         : i == 2  ? hone_contrastive(g, &v, w, NULL, 1)
                         : i == 3  ? hone_cosent(g, &v, NULL, 1)
                         : i == 4  ? hone_batch_triplet(g, &q, NULL, 1, HONE_MINE_ALL)
                         : i == 5  ? hone_attention(g, &x, NULL, 2, 0)
                         : i == 6  ? hone_attention_first(g, &x, &none, 2, 0)
                         : i == 7  ? hone_pooling(g, &x, &none, 1, &mean, NULL)
                         : i == 8  ? hone_pooling(g, &x, &one, 1, NULL, NULL)
                         : i == 9  ? hone_pooling(g, &x, &one, 1, &odd, NULL)
                         : i == 10 ? hone_embedding(g, 1, &table, &no_ids, 4, -1)
                         : i == 11 ? hone_distance(g, &x, &x, (hone_metric)99)
                         : i == 12 ? hone_distance_matrix(g, &x, (hone_metric)7)
                         : i == 13 ? hone_batch_triplet(g, &q, cu, 1, (hone_triplet_rule)9)
                         : i == 14 ? hone_embedding(g, 1, &table, NULL, 4, -1)
                         : i == 15 ? hone_embedding(g, 1, NULL, &(const int32_t *){cu}, 4, -1)
                         : i == 16 ? hone_activation(g, &x, (hone_act)99)
                         : i == 17 ? hone_linear(g, &x, &x, HONE_ABSENT, (hone_act)-1)
                         : i == 18 ? hone_mlp(g, &x, &x, HONE_ABSENT, &q, HONE_ABSENT, HONE_ACT_COUNT)
                         : i == 19 ? hone_hide(g, &x, NULL)
                                   : hone_embedding(g, 1, &table, &(const int32_t *){cu}, -4, -1);
        CHECK_MSG(!t && hone_graph_status(g) == HONE_E_ARG, "case %d: %s", i, hone_last_error()->message);
    }
    /* What failed first is kept: an array is often NULL because of it. */
    hone_graph_begin(g, &(hone_graph_mode){0});
    CHECK(!hone_columns(g, &x, 9) && !hone_softmax_xent(g, &x, NULL, 1) && hone_graph_status(g) == HONE_E_SHAPE);
    CHECK(strstr(hone_last_error()->message, "columns"));
    hone_graph_free(g);
    hone_arena_free(arena);
}

TEST(ops, what_is_absent_and_not_optional_is_refused) {
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float data[24] = {0};
    hone_tensor x = {.data = data, .dtype = HONE_F32, .shape = hone_shape_of(2, (int64_t)4, (int64_t)6), .name = "x"};
    hone_tensor c = x, *no = HONE_ABSENT, *in[HONE_MAX_INPUTS + 1] = {&x, &x, &x, &x, &x, &x};
    c.shape = hone_shape_of(1, (int64_t)6);
    const int32_t ids[4] = {0};
    hone_tensor *const tables[2] = {&x, no};
    for (int i = 0; i < 12; i++) {
        hone_graph_begin(g, &(hone_graph_mode){0});
        hone_tensor *t = i == 0    ? hone_linear(g, no, &x, no, HONE_ACT_NONE)
                         : i == 1  ? hone_linear(g, &x, no, no, HONE_ACT_NONE)
                         : i == 2  ? hone_normalize(g, no)
                         : i == 3  ? hone_add(g, &x, 1, no, 1)
                         : i == 4  ? hone_layernorm(g, &x, no, no, &c, 1e-5f, 0)
                         : i == 5  ? hone_layernorm(g, &x, no, &c, no, 1e-5f, 0)
                         : i == 6  ? hone_residual_layernorm(g, &x, no, &c, &c, 1e-5f, 0)
                         : i == 7  ? hone_mlp(g, &x, &x, no, no, no, HONE_ACT_GELU)
                         : i == 8  ? hone_embedding(g, 2, tables, (const int32_t *const[]){ids, ids}, 4, -1)
                         : i == 9  ? hone_graph_apply(g, hone_ops[0], 0, in, NULL, 0)
                         : i == 10 ? hone_graph_apply(g, hone_ops[0], HONE_MAX_INPUTS + 1, in, NULL, 0)
                                   : hone_matmul(g, no, false, &x, true);
        CHECK_MSG(!t && hone_graph_status(g) == HONE_E_ARG, "case %d: %s", i, hone_last_error()->message);
    }
    hone_graph_free(g);
    hone_arena_free(arena);
}

TEST(ops, sequences_that_do_not_cut_their_rows_are_refused) {
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float data[24] = {0};
    hone_tensor x = {.data = data, .dtype = HONE_F32, .shape = hone_shape_of(2, (int64_t)4, (int64_t)6), .name = "x"};
    const struct {
        int64_t B, T;
        int32_t cu[4];
        const char *says;
    } bad[] = {{2, 4, {0, 2, 9}, "ends at row 9 of 4"},
               {2, 4, {0, 2, 3}, "ends at row 3 of 4"},
               {1, 4, {-3, 4}, "begins at row -3"},
               {1, 4, {1, 4}, "begins at row 1"},
               {3, 4, {0, 9, 2, 4}, "sequence 1 is row 9 to before 2"},
               {2, 4, {0, 4, 4}, "sequence 1 is row 4 to before 4"},
               {1, 3, {0, 3}, "has 4 rows, the sequences 3"},
               {-1, 4, {0}, "-1 sequences"},
               {0, 4, {0}, "ends at row 0 of 4"}};
    const hone_pool mean = HONE_POOL_MEAN;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int op = 0; op < 3; op++) {
            const hone_sequences s = {.B = bad[i].B, .T = bad[i].T, .cu = bad[i].cu};
            hone_graph_begin(g, &(hone_graph_mode){0});
            hone_tensor *t = op == 0   ? hone_attention(g, &x, &s, 1, 0)
                             : op == 1 ? hone_attention_first(g, &x, &s, 2, 0)
                                       : hone_pooling(g, &x, &s, 1, &mean, NULL);
            if (op == 0 && i == 5) { /* nothing to do there */
                CHECK(t && hone_graph_status(g) == HONE_OK);
                continue;
            }
            CHECK_MSG(!t && hone_graph_status(g) == HONE_E_SHAPE && strstr(hone_last_error()->message, bad[i].says),
                      "case %zu, op %d: %s", i, op, hone_last_error()->message);
        }
    /* So are probabilities that are none, and lists of what is hidden that go backwards. */
    const hone_sequences s = {.B = 1, .T = 4, .cu = (const int32_t[]){0, 4}};
    const float p[] = {-0.1f, 1, INFINITY, NAN};
    hone_tensor c = x;
    c.shape = hone_shape_of(1, (int64_t)6);
    for (int i = 0; i < 12; i++) {
        hone_graph_begin(g, &(hone_graph_mode){.train = true});
        hone_tensor *t = i % 3 == 0   ? hone_attention(g, &x, &s, 1, p[i / 3])
                         : i % 3 == 1 ? hone_layernorm(g, &x, HONE_ABSENT, &c, &c, 1e-5f, p[i / 3])
                                      : hone_dropout_op(g, &x, p[i / 3]);
        CHECK_MSG(!t && hone_graph_status(g) == HONE_E_ARG, "p %g, case %d", (double)p[i / 3], i);
    }
    const int64_t start[3][5] = {{-1, 0, 0, 0, 0}, {0, 2, 1, 1, 1}, {0, 0, 0, 0, -1}};
    for (int i = 0; i < 3; i++) {
        hone_graph_begin(g, &(hone_graph_mode){0});
        CHECK(!hone_hide(g, &x, &(hone_hidden){start[i], (const int32_t[]){0, 1}}) &&
              hone_graph_status(g) == HONE_E_SHAPE);
    }
    hone_graph_free(g);
    hone_arena_free(arena);
}

TEST(ops, float_agrees_with_double) {
    for (int i = 0; i < N_OPS; i++)
        for (int k = 0; k < list[i].test->n; k++) {
            const op_case *c = &list[i].test->cases[k];
            leaves single = make_leaves(c, HONE_F32), dbl = make_leaves(c, HONE_F64);
            float_run r = run_float(c, &single);
            hone_arena *arena = hone_arena_new("step", 0);
            hone_graph *g = hone_graph_new(arena);
            hone_graph_begin(g, &(hone_graph_mode){.train = c->train, .seed = 7, .step = 3});
            hone_tensor *y = c->build(g, dbl.t, c->arg);
            CHECK_OK(hone_graph_status(g));
            for (int64_t j = 0; j < r.n; j++) {
                double want = hone_f64(y)[j], err = fabs((double)r.y[j] - want);
                CHECK_MSG(err <= 2e-5 * fmax(1, fabs(want)), "%s, %s: element %" PRId64 " is %.9g, in double %.9g",
                          list[i].name, c->what, j, (double)r.y[j], want);
            }
            free_run(&r);
            hone_graph_free(g);
            hone_arena_free(arena);
            hone_arena_free(single.arena);
            hone_arena_free(dbl.arena);
        }
}

static hone_tensor *twice(hone_graph *g, hone_tensor *const *leaf, void *ctx) {
    (void)ctx;
    return hone_scale(g, leaf[0], 2, 0);
}

TEST(gradcheck, what_it_cannot_check_is_refused_and_the_owners_gradient_is_put_back) {
    double x[6] = {1, 2, 3, 4, 5, 6}, dx[6] = {0};
    hone_tensor leaf = {.data = x, .grad = dx, .dtype = HONE_F64, .shape = hone_shape_of(2, 2, 3), .name = "x"};
    hone_gradcheck check = {.build = twice, .n_leaves = 1, .leaves = (hone_tensor *[]){&leaf}};
    hone_gradcheck_result r;
    CHECK_FAILS(hone_gradcheck_run(&check, &r), HONE_E_ARG, "made by no operation on a parameter");
    leaf.needs_grad = true;
    CHECK_OK(hone_gradcheck_run(&check, &r));
    CHECK(r.checked == 6 && r.worst < 1e-9 && leaf.grad == dx && !leaf.grad_set);
    check.max_elements = -2;
    CHECK_FAILS(hone_gradcheck_run(&check, &r), HONE_E_ARG, "-2 elements of each");
    check.max_elements = 0, leaf.data = NULL;
    CHECK_FAILS(hone_gradcheck_run(&check, &r), HONE_E_ARG, "leaf 0 \"x\" has no values");
    leaf.data = x, leaf.dtype = HONE_F32;
    CHECK_FAILS(hone_gradcheck_run(&check, &r), HONE_E_DTYPE, "leaf 0 \"x\" is F32, wants F64");
}
