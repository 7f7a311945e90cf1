/* Free pieces of a step: merged, split, and never lent twice. */
#include "autograd/lending.h"

#include "autograd/ops.h"
#include "tests/test.h"

#include <stdint.h>

static hone_lending open_list(void) {
    return (hone_lending){.structs = hone_arena_new("structs", 0)};
}

static int64_t pieces(const hone_lending *l, size_t *bytes) {
    int64_t n = 0;
    *bytes = 0;
    for (const hone_loan *x = l->first; x; x = x->next) n++, *bytes += x->bytes;
    return n;
}

TEST(lending, neighbours_become_one_piece_in_whatever_order_they_come_back) {
    static char room[4 * 128];
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}, {3, 0, 2, 1}, {1, 3, 0, 2}, {2, 0, 3, 1}};
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        hone_lending l = open_list();
        size_t bytes;
        for (int k = 0; k < 4; k++) hone_lending_give(&l, room + 128 * orders[o][k], 128 - (size_t)k); /* rounded up */
        CHECK_INT(pieces(&l, &bytes), 1);
        CHECK(bytes == sizeof room && l.first->p == room);
        CHECK(hone_lending_take(&l, sizeof room, false) == room && !l.first);
        hone_arena_free(l.structs);
    }
}

TEST(lending, what_stays_comes_from_the_high_end_of_the_smallest_piece_that_holds_it) {
    static char room[1024];
    hone_lending l = open_list();
    size_t bytes;
    hone_lending_give(&l, room, 512);
    hone_lending_give(&l, room + 640, 256);
    CHECK(!hone_lending_take(&l, 513, false) && !hone_lending_take(&l, 0, false));
    CHECK(hone_lending_take(&l, 65, false) == room + 640);
    CHECK(hone_lending_take(&l, 64, true) == room + 832);
    CHECK(hone_lending_take(&l, 200, true) == room + 256);
    CHECK_INT(pieces(&l, &bytes), 2);
    CHECK_INT((int64_t)bytes, 256 + 64);
    hone_lending_give(&l, NULL, 64), hone_lending_give(&l, room, 0);
    CHECK_INT(pieces(&l, &bytes), 2);
    hone_arena_free(l.structs);
}

/* A thousand takes and returns of all sizes against a map of who has what. */
TEST(lending, nothing_is_lent_twice_and_nothing_is_lost) {
    enum { UNITS = 256, MOST = 24 };
    static char room[UNITS * 64];
    static bool lent[UNITS];
    struct {
        char *p;
        int64_t n;
    } held[MOST] = {{0}};
    hone_lending l = open_list();
    hone_lending_give(&l, room, sizeof room);
    for (uint64_t i = 0; i < 20000; i++) {
        int k = (int)((test_uniform(1, i) + 1) / 2 * MOST);
        if (held[k].p) {
            for (int64_t u = 0; u < held[k].n; u++) lent[(held[k].p - room) / 64 + u] = false;
            hone_lending_give(&l, held[k].p, (size_t)held[k].n * 64 - 7);
            held[k].p = NULL;
            continue;
        }
        held[k].n = 1 + (int64_t)((test_uniform(2, i) + 1) * 20);
        held[k].p = hone_lending_take(&l, (size_t)held[k].n * 64 - 7, i % 3 == 0);
        int64_t run = 0, longest = 0;
        for (int u = 0; u < UNITS; u++) {
            run = lent[u] ? 0 : run + 1;
            if (run > longest) longest = run;
        }
        CHECK((held[k].p != NULL) ==
              (longest >= held[k].n)); /* whatever fits anywhere is found: all neighbours merged */
        for (int64_t u = 0; held[k].p && u < held[k].n; u++) {
            bool *unit = &lent[(held[k].p - room) / 64 + u];
            CHECK(!*unit && held[k].p >= room && held[k].p + held[k].n * 64 <= room + sizeof room);
            *unit = true;
        }
    }
    for (int k = 0; k < MOST; k++)
        if (held[k].p) hone_lending_give(&l, held[k].p, (size_t)held[k].n * 64);
    size_t bytes;
    CHECK(pieces(&l, &bytes) == 1 && bytes == sizeof room);
    hone_arena_free(l.structs);
}

/* A stack of layers; their weights' gradients in `own`, or lent and copied there. Bytes that the step took. */
enum { LAYERS = 6, ROWS = 96, WIDTH = 64 };

static size_t run_stack(bool lend, float own[LAYERS][WIDTH * WIDTH]) {
    static float x[ROWS * WIDTH], w[LAYERS][WIDTH * WIDTH], dy[ROWS * WIDTH];
    for (int i = 0; i < ROWS * WIDTH; i++)
        x[i] = (float)test_uniform(3, (uint64_t)i), dy[i] = (float)test_uniform(4, (uint64_t)i);
    for (int l = 0; l < LAYERS; l++)
        for (int i = 0; i < WIDTH * WIDTH; i++) w[l][i] = (float)test_uniform((uint64_t)l + 5, (uint64_t)i) / 4;
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_graph_begin(g, &(hone_graph_mode){.record = true, .train = true, .seed = 5, .lend_grads = lend});
    hone_tensor *h = hone_graph_input(g, "x", HONE_F32, hone_shape_of(2, ROWS, WIDTH), x), *leaf[LAYERS];
    for (int l = 0; l < LAYERS; l++) {
        leaf[l] = hone_graph_input(g, "w", HONE_F32, hone_shape_of(2, WIDTH, WIDTH), w[l]);
        leaf[l]->needs_grad = true, leaf[l]->grad = lend ? NULL : own[l];
        h = hone_dropout_op(g, hone_linear(g, h, leaf[l], HONE_ABSENT, HONE_ACT_GELU), 0.2f);
    }
    CHECK_OK(hone_graph_backward_from(g, h, dy));
    for (int l = 0; lend && l < LAYERS; l++) {
        for (int k = 0; k < l; k++) /* no two share a byte */
            CHECK((char *)leaf[l]->grad >= (char *)leaf[k]->grad + sizeof own[0] ||
                  (char *)leaf[k]->grad >= (char *)leaf[l]->grad + sizeof own[0]);
        memcpy(own[l], leaf[l]->grad, sizeof own[l]);
    }
    size_t used = hone_arena_used(arena);
    hone_graph_free(g);
    hone_arena_free(arena);
    return used;
}

TEST(lending, gradients_of_leaves_are_the_same_bits_where_activations_were) {
    static float own[2][LAYERS][WIDTH * WIDTH];
    size_t used[2];
    for (int lend = 0; lend < 2; lend++) used[lend] = run_stack(lend, own[lend]);
    CHECK(!memcmp(own[0], own[1], sizeof own[0]) && own[0][0][0] != 0);
    printf("  step memory %zu bytes, %zu with the gradients of %d layers, %zu, in it\n", used[0], used[1], LAYERS,
           sizeof own[0]);
    CHECK(used[1] <= used[0] + sizeof own[0][0]);
}
