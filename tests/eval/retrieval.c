/* Retrieval metrics against sentence-transformers' evaluator (tests/golden/eval/make_eval.py), and the statistics
 * beside them. */
#include "eval/retrieval.h"
#include "base/json.h"
#include "base/parallel.h"
#include "eval/bootstrap.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

typedef struct problem {
    hone_texts texts;
    hone_retrieval *r;
    float *vectors, *q, *d;
    int64_t D;
} problem;

static void load(problem *p, const json_t *c) {
    const json_t *rows = json_object_get(c, "rows"), *vectors = json_object_get(c, "vectors");
    p->D = json_integer_value(json_object_get(c, "dim"));
    p->texts.rows = (int64_t)json_array_size(rows);
    p->texts.width = (int64_t)json_array_size(json_array_get(rows, 0));
    p->texts.count = (int64_t)json_array_size(vectors);
    p->texts.of = calloc((size_t)(p->texts.rows * p->texts.width), sizeof *p->texts.of);
    for (int64_t i = 0; i < p->texts.rows * p->texts.width; i++)
        p->texts.of[i] = (int32_t)json_integer_value(
            json_array_get(json_array_get(rows, (size_t)(i / p->texts.width)), (size_t)(i % p->texts.width)));
    p->vectors = calloc((size_t)(p->texts.count * p->D), sizeof *p->vectors);
    for (int64_t i = 0; i < p->texts.count * p->D; i++)
        p->vectors[i] =
            (float)json_number_value(json_array_get(json_array_get(vectors, (size_t)(i / p->D)), (size_t)(i % p->D)));
    CHECK_OK(hone_retrieval_new(&p->texts, NULL, 0, &p->r));
    p->q = calloc((size_t)(p->r->n_queries * p->D), sizeof *p->q);
    p->d = calloc((size_t)(p->r->n_documents * p->D), sizeof *p->d);
    for (int64_t i = 0; i < p->r->n_queries; i++)
        memcpy(p->q + i * p->D, p->vectors + p->r->query[i] * p->D, (size_t)p->D * sizeof(float));
    for (int64_t i = 0; i < p->r->n_documents; i++)
        memcpy(p->d + i * p->D, p->vectors + p->r->document[i] * p->D, (size_t)p->D * sizeof(float));
}

static void unload(problem *p) {
    hone_retrieval_free(p->r);
    free(p->texts.of);
    free(p->vectors);
    free(p->q);
    free(p->d);
}

TEST(eval, retrieval_metrics_are_those_of_sentence_transformers) {
    json_t *golden;
    CHECK_OK(hone_json_load(test_path("tests/golden/eval/retrieval.json"), &golden));
    const json_t *cases = json_object_get(golden, "cases");
    CHECK(json_array_size(cases) >= 5);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *want = json_object_get(c, "metrics");
        problem p = {0};
        load(&p, c);
        for (int threads = 1; threads <= 3; threads += 2) {
            hone_set_threads(threads);
            CHECK_OK(hone_retrieval_run(
                p.r, p.q, p.d, p.D,
                (hone_similarity)hone_similarity_from_name(json_string_value(json_object_get(c, "similarity")))));
            for (int m = 0; m < HONE_RETRIEVAL_METRICS; m++) {
                const json_t *v = json_object_get(want, hone_retrieval_metric_names[m]);
                CHECK_MSG(v, "the golden file has no %s", hone_retrieval_metric_names[m]);
                double got = hone_retrieval_mean(p.r, (hone_retrieval_metric)m);
                CHECK_MSG(fabs(got - json_number_value(v)) <= 1e-12, "case %zu: %s is %.15g, want %.15g", i,
                          hone_retrieval_metric_names[m], got, json_number_value(v));
            }
        }
        unload(&p);
    }
    hone_set_threads(2);
    json_decref(golden);
}

TEST(eval, ties_go_to_the_document_that_appears_first) {
    int32_t of[] = {0, 1, 0, 2, 0, 3};
    hone_texts texts = {.rows = 3, .width = 2, .count = 4, .of = of};
    hone_retrieval *r;
    float q[] = {1, 0}, d[] = {1, 1, 1, 1, 2, 2};
    CHECK_OK(hone_retrieval_new(&texts, NULL, 0, &r));
    CHECK_INT(r->n_queries, 1);
    CHECK_INT(r->n_documents, 3);
    CHECK_OK(hone_retrieval_run(r, q, d, 2, HONE_SIMILARITY_COSINE));
    for (int i = 0; i < 3; i++) CHECK_INT(r->top[i], i);
    volatile int stop = 1;
    r->stop = &stop;
    CHECK_FAILS(hone_retrieval_run(r, q, d, 2, HONE_SIMILARITY_COSINE), HONE_E_STOPPED, "stopped by a signal");
    stop = 0;
    CHECK_OK(hone_retrieval_run(r, q, d, 2, HONE_SIMILARITY_COSINE));
    d[0] = NAN;
    CHECK_FAILS(hone_retrieval_run(r, q, d, 2, HONE_SIMILARITY_COSINE), HONE_E_NUMERIC, "NaN");
    hone_retrieval_free(r);
}

TEST(eval, triplets_are_won_by_the_nearer_text) {
    float a[] = {1, 0, 1, 0}, p[] = {5, 1, 0.1f, 1}, n[] = {0, 1, 2, 0.1f};
    double out[2];
    hone_triplet_wins(2, 2, a, p, n, HONE_SIMILARITY_COSINE, out);
    CHECK_NEAR(out[0], 1, 0);
    CHECK_NEAR(out[1], 0, 0);
    hone_triplet_wins(2, 2, a, p, n, HONE_SIMILARITY_EUCLIDEAN, out);
    CHECK_NEAR(out[0], 0, 0); /* (5,1) is farther from (1,0) than (0,1) is */
    CHECK_NEAR(out[1], 0, 0);
}

/* A mean of n coin flips with share p has standard error sqrt(p (1-p) / n): the interval must be about +-1.96 of it. */
TEST(eval, bootstrap_intervals_have_the_textbook_width) {
    enum { N = 1000 };
    double x[N];
    hone_interval first, again;
    for (int i = 0; i < N; i++) x[i] = i % 4 == 0;
    CHECK_OK(hone_bootstrap_mean(x, N, 0, 42, &first));
    double width = 2 * 1.96 * sqrt(0.25 * 0.75 / N);
    CHECK_NEAR(first.value, 0.25, 1e-12);
    CHECK_NEAR(first.high - first.low, width, 0.1 * width);
    CHECK(first.low < 0.25 && first.high > 0.25);
    hone_set_threads(3);
    CHECK_OK(hone_bootstrap_mean(x, N, 0, 42, &again));
    hone_set_threads(2);
    CHECK(!memcmp(&first, &again, sizeof first));
    CHECK_OK(hone_bootstrap_mean(x, N, 0, 43, &again));
    CHECK(first.low != again.low || first.high != again.high);
    CHECK_OK(hone_bootstrap_mean(x, 0, 0, 42, &again));
    CHECK_NEAR(again.value, 0, 0);
}

TEST(eval, the_paired_test_sees_a_difference_and_only_a_difference) {
    enum { N = 400 };
    double a[N], b[N], c[N];
    hone_paired r;
    for (int i = 0; i < N; i++) {
        a[i] = test_uniform(1, (uint64_t)i) > 0;
        b[i] = i % 10 == 0 ? 1 : a[i];                    /* never worse, sometimes better */
        c[i] = i % 7 == 0 ? (i % 14 == 0 ? 1 : 0) : a[i]; /* as often worse as better */
    }
    CHECK_OK(hone_paired_test(a, a, N, 0, 42, &r));
    CHECK_NEAR(r.p, 1, 0);
    CHECK_NEAR(r.difference.value, 0, 0);
    CHECK_OK(hone_paired_test(a, b, N, 0, 42, &r));
    CHECK(r.p < 0.001 && r.difference.low > 0);
    CHECK_OK(hone_paired_test(a, c, N, 0, 42, &r));
    CHECK(r.p > 0.05 && r.difference.low < 0 && r.difference.high > 0);
    hone_interval want; /* so many resamples as were asked for */
    for (int i = 0; i < N; i++) c[i] -= a[i];
    CHECK_OK(hone_bootstrap_mean(c, N, 100, 42, &want));
    for (int i = 0; i < N; i++) c[i] += a[i];
    CHECK_OK(hone_paired_test(a, c, N, 100, 42, &r));
    CHECK_NEAR(r.difference.low, want.low, 0);
    CHECK_NEAR(r.difference.high, want.high, 0);
}

/* A rank correlation gives rows whose two texts are equal the mean of their places only if their similarities are equal
 * to the last bit. */
TEST(eval, equal_vectors_have_a_cosine_of_exactly_one) {
    enum { D = 37 };
    float a[D], b[D];
    for (uint64_t k = 0; k < 500; k++) {
        float scale = powf(10, (float)(k % 25) - 9);
        for (int i = 0; i < D; i++) a[i] = (float)test_uniform(7 + k, (uint64_t)i) * scale, b[i] = -a[i];
        CHECK_NEAR(hone_similarity_of(HONE_SIMILARITY_COSINE, a, a, D), 1, 0);
        CHECK_NEAR(hone_similarity_of(HONE_SIMILARITY_COSINE, a, b, D), -1, 0);
    }
    memset(b, 0, sizeof b);
    CHECK_NEAR(hone_similarity_of(HONE_SIMILARITY_COSINE, a, b, D), 0, 0);
    CHECK_NEAR(hone_similarity_of(HONE_SIMILARITY_COSINE, b, b, D), 0, 0);
}
