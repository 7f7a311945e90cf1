/* Labelled texts judged by their neighbours, against a whole ranking of doubles. */
#include "eval/neighbours.h"

#include "base/parallel.h"
#include "base/random.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Points on a line at 0, 1, 3, 3, 10; classes 0 0 1 0 2: the last is alone in its class and is no query. */
TEST(eval, labelled_texts_on_a_line_have_the_neighbours_one_sees) {
    static const float x[] = {0, 1, 3, 3, 10};
    static const int32_t class_of[] = {0, 0, 1, 0, 2};
    double room[HONE_NEIGHBOUR_METRICS][5], *value[HONE_NEIGHBOUR_METRICS];
    int64_t n;
    for (int m = 0; m < HONE_NEIGHBOUR_METRICS; m++) value[m] = room[m];
    CHECK_OK(hone_neighbours_measure(5, 1, x, class_of, HONE_SIMILARITY_EUCLIDEAN, NULL, value, &n));
    CHECK_INT(n, 3); /* 0, 1 and the second 3; class 1 has one member */
    /* 0: ranking 1, 3 (class 1), 3', 10: own at places 1 and 3. 1: 0, 3, 3', 10: the same. 3': 3 (other), 1, 0, 10:
     * places 2 and 3. */
    static const double first[] = {1, 1, 0}, map[] = {(1 + 2.0 / 3) / 2, (1 + 2.0 / 3) / 2, (0.5 + 2.0 / 3) / 2},
                        wins[] = {3.0 / 4, 3.0 / 4, 2.0 / 4}; /* a tie is no win */
    for (int q = 0; q < 3; q++) {
        CHECK_NEAR(value[HONE_NEIGHBOUR_ACCURACY_1][q], first[q], 0);
        CHECK_NEAR(value[HONE_NEIGHBOUR_ACCURACY_3][q], 1, 0);
        CHECK_NEAR(value[HONE_NEIGHBOUR_MRR_10][q], first[q] > 0 ? 1 : 0.5, 0);
        CHECK_NEAR(value[HONE_NEIGHBOUR_MAP][q], map[q], 1e-15);
        CHECK_NEAR(value[HONE_NEIGHBOUR_TRIPLETS][q], wins[q], 0);
    }
    static const int32_t apart[] = {0, 1, 2, 3, 4}, alike[] = {0, 0, 0, 0, 0};
    CHECK_FAILS(hone_neighbours_measure(5, 1, x, apart, HONE_SIMILARITY_EUCLIDEAN, NULL, value, &n), HONE_E_FORMAT,
                "no label stands at two texts");
    /* Every text is held against every other one: at many texts a signal cannot wait for the end. */
    volatile int stop = 1;
    CHECK_FAILS(hone_neighbours_measure(5, 1, x, class_of, HONE_SIMILARITY_EUCLIDEAN, &stop, value, &n), HONE_E_STOPPED,
                "stopped by a signal");
    stop = 0;
    CHECK_OK(hone_neighbours_measure(5, 1, x, class_of, HONE_SIMILARITY_EUCLIDEAN, &stop, value, &n));
    CHECK_FAILS(hone_neighbours_measure(5, 1, x, alike, HONE_SIMILARITY_EUCLIDEAN, NULL, value, &n), HONE_E_FORMAT,
                "no label stands at two texts");
}

enum { MOST = 150, WIDE = 40 };

typedef struct scored {
    double score;
    int64_t text;
} scored;

static int ranking(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->text < y->text ? -1 : 1;
}

/* The figures of one query, by their definitions. */
static void by_definition(int64_t n, int64_t D, const float *e, const int32_t *class_of, hone_similarity s, int64_t q,
                          double out[HONE_NEIGHBOUR_METRICS]) {
    scored list[MOST];
    int64_t m = 0, own = 0, pairs = 0;
    double precision = 0, wins = 0;
    for (int64_t i = 0; i < n; i++)
        if (i != q) list[m++] = (scored){hone_similarity_of(s, e + q * D, e + i * D, D), i};
    qsort(list, (size_t)m, sizeof *list, ranking);
    for (int k = 0; k < HONE_NEIGHBOUR_METRICS; k++) out[k] = 0;
    static const int64_t cuts[] = {1, 3, 5, 10};
    for (int64_t k = 0; k < m; k++) {
        if (class_of[list[k].text] != class_of[q]) continue;
        if (!own)
            for (int c = 0; c < 4; c++) out[HONE_NEIGHBOUR_ACCURACY_1 + c] = k < cuts[c];
        if (!own && k < 10) out[HONE_NEIGHBOUR_MRR_10] = 1 / (double)(k + 1);
        precision += (double)++own / (double)(k + 1);
        for (int64_t i = 0; i < m; i++)
            if (class_of[list[i].text] != class_of[q]) pairs++, wins += list[k].score > list[i].score;
    }
    out[HONE_NEIGHBOUR_MAP] = precision / (double)own, out[HONE_NEIGHBOUR_TRIPLETS] = wins / (double)pairs;
}

typedef struct texts {
    int64_t n, D, classes;
    float e[MOST * WIDE];
    int32_t class_of[MOST];
} texts;

/* Rows around one point, so that all cosines are near 1; each fifth equals one before it, each seventh nearly does. */
static void draw(texts *t, uint64_t seed, int64_t n, int64_t D, int64_t classes, double spread) {
    *t = (texts){.n = n, .D = D, .classes = classes};
    const uint64_t stream = hone_stream_id(HONE_STREAM_TEST, 31);
    uint64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        t->class_of[i] = (int32_t)hone_random_below(seed, stream, at++, (uint64_t)classes);
        for (int64_t c = 0; c < D; c++) t->e[i * D + c] = (float)(1 + spread * hone_random_normal(seed, stream, at++));
        int64_t twin = i ? (int64_t)hone_random_below(seed, stream, at++, (uint64_t)i) : 0;
        if (i && (i % 5 == 0 || i % 7 == 0)) memcpy(t->e + i * D, t->e + twin * D, (size_t)D * sizeof *t->e);
        if (i && i % 7 == 0) t->e[i * D] = nextafterf(t->e[i * D], 9);
    }
}

static int64_t compare(const texts *t, hone_similarity s) {
    static double room[HONE_NEIGHBOUR_METRICS][MOST];
    double *value[HONE_NEIGHBOUR_METRICS], want[HONE_NEIGHBOUR_METRICS];
    int64_t queries, at = 0;
    for (int k = 0; k < HONE_NEIGHBOUR_METRICS; k++) value[k] = room[k];
    CHECK_OK(hone_neighbours_measure(t->n, t->D, t->e, t->class_of, s, NULL, value, &queries));
    for (int64_t q = 0; q < t->n; q++) {
        int64_t members = 0;
        for (int64_t i = 0; i < t->n; i++) members += t->class_of[i] == t->class_of[q];
        if (members < 2 || members == t->n) continue;
        by_definition(t->n, t->D, t->e, t->class_of, s, q, want);
        for (int k = 0; k < HONE_NEIGHBOUR_METRICS; k++)
            CHECK_MSG(value[k][at] == want[k], "similarity %d, text %d, %s: %.17g, not %.17g", (int)s, (int)q,
                      hone_neighbour_metric_names[k], value[k][at], want[k]);
        at++;
    }
    CHECK_INT(queries, at);
    return at;
}

TEST(eval, places_among_labelled_texts_are_those_of_doubles_with_ties_and_near_ties) {
    static texts t;
    static const double spreads[] = {1, 1e-2, 1e-4, 1e-7};
    int before = hone_threads();
    int64_t compared = 0;
    for (uint64_t seed = 0; seed < 24; seed++)
        for (int s = 0; s < 4; s++) {
            hone_set_threads(1 + (int)seed % 3);
            draw(&t, seed, 2 + (int64_t)(seed * 37 % (MOST - 2)), 1 + (int64_t)(seed * 11 % WIDE),
                 2 + (int64_t)seed % 9, spreads[seed / 6]);
            t.class_of[0] = t.class_of[1] = 0;
            if (t.n == 2) continue;
            t.class_of[2] = 1;
            compared += compare(&t, (hone_similarity)s);
        }
    hone_set_threads(before);
    CHECK(compared > 5000);
}

TEST(eval, labelled_texts_whose_lengths_f32_cannot_square_are_ranked_too) {
    static texts t;
    static const float factor[] = {1e-30f, 1e30f, 0, 1e-12f};
    for (int k = 0; k < 4; k++)
        for (int s = 0; s < 2; s++) {
            draw(&t, 5, 60, 12, 4, 0.5);
            for (int64_t i = 0; i < t.n * t.D; i += k == 2 ? 1 : t.D * 3)
                for (int64_t c = 0; c < t.D && i + c < t.n * t.D; c++)
                    if (k != 2 || i / t.D % 4 == 1) t.e[i + c] *= factor[k];
            compare(&t, (hone_similarity)s);
        }
    draw(&t, 5, 60, 12, 4, 0.5);
    static double room[HONE_NEIGHBOUR_METRICS][MOST];
    double *value[HONE_NEIGHBOUR_METRICS];
    int64_t queries;
    for (int k = 0; k < HONE_NEIGHBOUR_METRICS; k++) value[k] = room[k];
    t.e[100] = NAN;
    for (int s = 0; s < 4; s++)
        CHECK_FAILS(hone_neighbours_measure(t.n, t.D, t.e, t.class_of, (hone_similarity)s, NULL, value, &queries),
                    HONE_E_NUMERIC, "not finite");
}
