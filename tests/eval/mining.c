/* Hard negatives against sentence-transformers' mine_hard_negatives (tests/golden/eval/make_mining.py; scores stand
 * there with six digits). */
#include "eval/mining.h"

#include "base/json.h"
#include "base/parallel.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 256 };

typedef struct problem {
    hone_mining_input in;
    hone_mining_options how;
    float *vectors, q[MOST * 8], d[MOST * 8];
    int32_t document[MOST]; /* text number of each document */
    int64_t right[MOST + 1];
    int32_t right_list[MOST];
    json_int_t right_of[MOST]; /* documents that rows pair, in the rows' order */
} problem;

static json_int_t at(const json_t *list, size_t i) {
    return json_integer_value(json_array_get(list, i));
}

static int32_t number(problem *p, json_int_t text) {
    for (int64_t k = 0; k < p->in.n_documents; k++)
        if (p->document[k] == text) return (int32_t)k;
    p->document[p->in.n_documents] = (int32_t)text;
    return (int32_t)p->in.n_documents++;
}

static float limit(const json_t *setting, const char *name) {
    const json_t *x = json_object_get(setting, name);
    return x ? (float)json_number_value(x) : NAN;
}

static void load(problem *p, const json_t *c) {
    const json_t *rows = json_object_get(c, "rows"), *corpus = json_object_get(c, "corpus"),
                 *s = json_object_get(c, "setting");
    const json_t *vectors = json_object_get(c, "vectors");
    int64_t D = p->in.D = json_integer_value(json_object_get(c, "dim"));
    p->in.n_queries = json_integer_value(json_object_get(c, "n_queries"));
    for (size_t k = 0; k < json_array_size(corpus); k++) number(p, at(corpus, k));
    int64_t n = 0;
    for (int64_t q = 0; q < p->in.n_queries; q++) {
        int64_t in_query = 0;
        p->right[q] = n;
        for (size_t k = 0; k < json_array_size(rows); k++) {
            if (at(json_array_get(rows, k), 0) != q) continue;
            int32_t d = number(p, at(json_array_get(rows, k), 1));
            bool seen = false;
            for (int64_t i = p->right[q]; i < n; i++) seen |= p->right_list[i] == d;
            if (!seen) p->right_list[n++] = d;
            if (++in_query > p->in.most_rows) p->in.most_rows = in_query;
        }
    }
    p->right[p->in.n_queries] = n;
    CHECK(p->in.n_queries <= MOST && p->in.n_documents <= MOST && D <= 8);
    for (int64_t k = 0; k < p->in.n_queries * D; k++)
        p->q[k] = (float)json_number_value(json_array_get(json_array_get(vectors, (size_t)(k / D)), (size_t)(k % D)));
    for (int64_t k = 0; k < p->in.n_documents * D; k++)
        p->d[k] = (float)json_number_value(
            json_array_get(json_array_get(vectors, (size_t)p->document[k / D]), (size_t)(k % D)));
    p->in.q = p->q, p->in.d = p->d, p->in.right = p->right, p->in.right_list = p->right_list;
    const json_t *most = json_object_get(s, "num_negatives");
    p->how = (hone_mining_options){
        .num_negatives = most ? json_integer_value(most) : 3,
        .range_min = json_integer_value(json_object_get(s, "range_min")),
        .range_max = json_integer_value(json_object_get(s, "range_max")),
        .absolute_margin = limit(s, "absolute_margin"),
        .relative_margin = limit(s, "relative_margin"),
        .max_score = limit(s, "max_score"),
        .min_score = limit(s, "min_score"),
        .similarity = (hone_similarity)hone_similarity_from_name(json_string_value(json_object_get(c, "similarity")))};
}

TEST(eval, mined_negatives_are_those_of_sentence_transformers) {
    json_t *golden;
    CHECK_OK(hone_json_load(test_path("tests/golden/eval/mining.json"), &golden));
    const json_t *cases = json_object_get(golden, "cases");
    CHECK(json_array_size(cases) >= 10);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *want = json_object_get(c, "triplets");
        for (int threads = 1; threads <= 3; threads += 2) {
            static problem p;
            memset(&p, 0, sizeof p);
            load(&p, c);
            hone_set_threads(threads);
            hone_mining *m;
            CHECK_OK(hone_mining_run(&p.in, &p.how, &m));
            size_t n = 0;
            for (int64_t q = 0; q < p.in.n_queries; q++)
                for (int64_t k = p.right[q]; k < p.right[q + 1]; k++)
                    for (int64_t g = 0; g < m->num_negatives; g++) {
                        const int32_t d = m->negative[q * m->num_negatives + g];
                        if (d < 0) continue;
                        const json_t *w = json_array_get(want, n++);
                        CHECK_MSG(w && at(w, 0) == q && at(w, 1) == p.document[p.right_list[k]] &&
                                      at(w, 2) == p.document[d],
                                  "case %zu, triplet %zu: query %d, positive %d, negative %d", i, n, (int)q,
                                  p.document[p.right_list[k]], p.document[d]);
                        CHECK_NEAR(m->right_score[k], json_number_value(json_array_get(w, 3)), 1e-5);
                        CHECK_NEAR(m->score[q * m->num_negatives + g], json_number_value(json_array_get(w, 4)), 1e-5);
                    }
            CHECK_INT(n, json_array_size(want));
            hone_mining_free(m);
        }
    }
    hone_set_threads(1);
    json_decref(golden);
}

/* Ten documents on a line: document k has similarity 1 - k / 10 with the one query; document 3 is right. */
static hone_mining *mine_line(hone_mining_options how, const int32_t *same_q, const int32_t *same_d) {
    static const float q[2] = {1, 0};
    static float d[20];
    static const int64_t right[2] = {0, 1};
    static const int32_t list[1] = {3};
    for (int k = 0; k < 10; k++) d[2 * k] = 1 - (float)k / 10, d[2 * k + 1] = 0;
    how.similarity = HONE_SIMILARITY_DOT;
    if (!how.num_negatives) how.num_negatives = 3;
    hone_mining *m = NULL;
    CHECK_OK(hone_mining_run(&(hone_mining_input){1, 10, 2, q, d, right, list, same_q, same_d, 0}, &how, &m));
    return m;
}

static const hone_mining_options none = {
    .absolute_margin = NAN, .relative_margin = NAN, .max_score = NAN, .min_score = NAN};

TEST(eval, other_spellings_of_the_right_document_and_the_query_itself_are_no_negatives) {
    const int32_t same_q[1] = {7},
                  same_d[10] = {7, 1, 2, 3, 3, 5, 6, 8, 9, 10}; /* 0 is the query, 4 the right document again */
    hone_mining *m = mine_line(none, same_q, same_d);
    CHECK(m->negative[0] == 1 && m->negative[1] == 2 &&
          m->negative[2] == -1); /* depth is range_max + 1 = 5: 0 1 2 3 4 */
    hone_mining_free(m);
    hone_mining_options how = none;
    how.range_max = 8;
    m = mine_line(how, same_q, same_d);
    CHECK(m->negative[0] == 1 && m->negative[1] == 2 && m->negative[2] == 5);
    hone_mining_free(m);
}

TEST(eval, a_random_choice_is_seeded_stays_in_the_window_and_reaches_all_of_it) {
    bool seen[10] = {false}, differ = false;
    hone_mining_options how = none;
    how.range_min = 2, how.range_max = 7, how.random = true;
    for (uint64_t seed = 0; seed < 60; seed++) {
        how.seed = seed;
        hone_mining *a = mine_line(how, NULL, NULL), *b = mine_line(how, NULL, NULL);
        CHECK(!memcmp(a->negative, b->negative, 3 * sizeof *a->negative));
        for (int k = 0; k < 3; k++) {
            int32_t d = a->negative[k];
            CHECK_MSG(d >= 2 && d <= 7 && d != 3, "document %d", d); /* survivors are 0 1 2 4 5 6 7: ranks 2 to 6 */
            CHECK(!k || d > a->negative[k - 1]);                     /* by falling similarity, none twice */
            seen[d] = true;
        }
        differ |= a->negative[0] != 2;
        hone_mining_free(a), hone_mining_free(b);
    }
    CHECK(differ && seen[2] && seen[4] && seen[5] && seen[6] && seen[7]);
}

TEST(eval, ranges_that_hold_nothing_and_vectors_that_are_no_numbers_are_refused) {
    static const float q[1] = {1}, d[2] = {1, NAN};
    static const int64_t right[2] = {0, 1};
    static const int32_t list[1] = {0};
    const hone_mining_input in = {1, 2, 1, q, d, right, list, NULL, NULL, 0};
    hone_mining *m = NULL;
    hone_mining_options how = none;
    CHECK_FAILS(hone_mining_run(&in, &how, &m), HONE_E_ARG, "is 0");
    how.num_negatives = 3, how.range_min = 5, how.range_max = 5;
    CHECK_FAILS(hone_mining_run(&in, &how, &m), HONE_E_ARG, "no rank");
    how.range_max = 7;
    CHECK_FAILS(hone_mining_run(&in, &how, &m), HONE_E_ARG, "hold 2");
    how.range_min = 0;
    CHECK_FAILS(hone_mining_run(&in, &how, &m), HONE_E_NUMERIC, "NaN");
    CHECK(!m);
}
