#include "eval/retrieval.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const hone_retrieval_metric_names[HONE_RETRIEVAL_METRICS] = {
    "accuracy@1",  "accuracy@3",  "accuracy@5",   "accuracy@10", "precision@1",
    "precision@3", "precision@5", "precision@10", "recall@1",    "recall@3",
    "recall@5",    "recall@10",   "mrr@10",       "ndcg@10",     "map@100"};

static const int CUTS[4] = {1, 3, 5, 10};
enum { QUERIES_PER_TASK = 64 };

/* ---- who is to find what ---- */

typedef struct pair {
    int32_t query, document;
} pair;

static int by_query(const void *a, const void *b) {
    const pair *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    return x->document < y->document ? -1 : x->document > y->document;
}

/* Number of text t in a list under construction: its place, appended if new. `place` [n_texts] starts at -1. */
static int32_t number(int32_t t, int32_t *place, int32_t *list, int64_t *n) {
    if (place[t] < 0) {
        place[t] = (int32_t)*n;
        list[(*n)++] = t;
    }
    return place[t];
}

typedef struct builder {
    int32_t *query_place, *document_place, *query, *document, *list;
    int64_t *offset;
    pair *pairs;
    int64_t n_pairs;
} builder;

static void collect(builder *b, const hone_texts *x, const int64_t *rows, int64_t n, hone_retrieval *r) {
    for (int64_t i = 0; i < n; i++) {
        const int32_t *of = x->of + (rows ? rows[i] : i) * x->width;
        int32_t q = number(of[0], b->query_place, b->query, &r->n_queries);
        for (int64_t g = 1; g < x->width; g++) {
            int32_t d = number(of[g], b->document_place, b->document, &r->n_documents);
            if (g == 1) b->pairs[b->n_pairs++] = (pair){q, d};
        }
    }
    qsort(b->pairs, (size_t)b->n_pairs, sizeof *b->pairs, by_query);
    int64_t kept = 0;
    memset(b->offset, 0, (size_t)(r->n_queries + 1) * sizeof *b->offset);
    for (int64_t k = 0; k < b->n_pairs; k++) {
        if (k && !by_query(&b->pairs[k], &b->pairs[k - 1])) continue; /* the same pair in two rows */
        b->list[kept++] = b->pairs[k].document;
        b->offset[b->pairs[k].query + 1] = kept;
    }
}

static hone_status allocate_results(hone_retrieval *r) {
    r->depth = r->n_documents < HONE_RETRIEVAL_DEPTH ? r->n_documents : HONE_RETRIEVAL_DEPTH;
    size_t cells = (size_t)(r->n_queries * r->depth + 1);
    r->top = hone_alloc(cells * sizeof *r->top);
    r->score = hone_alloc(cells * sizeof *r->score);
    r->first_rank = hone_alloc((size_t)(r->n_queries + 1) * sizeof *r->first_rank);
    bool ok = r->top && r->score && r->first_rank;
    for (int m = 0; m < HONE_RETRIEVAL_METRICS; m++) {
        r->value[m] = hone_zalloc((size_t)(r->n_queries + 1) * sizeof(double));
        ok = ok && r->value[m];
    }
    return ok ? HONE_OK : hone_last_error()->code;
}

hone_status hone_retrieval_new(const hone_texts *x, const int64_t *rows, int64_t n, hone_retrieval **out) {
    hone_retrieval *r = hone_zalloc(sizeof *r);
    if (!r) return hone_last_error()->code;
    builder b = {0};
    size_t texts = (size_t)x->count + 1, room = (size_t)n + 1;
    if (!rows) n = x->rows, room = (size_t)n + 1;
    b.query_place = hone_alloc(texts * sizeof(int32_t));
    b.document_place = hone_alloc(texts * sizeof(int32_t));
    b.query = hone_alloc(room * sizeof(int32_t));
    b.document = hone_alloc((size_t)(n * (x->width - 1) + 1) * sizeof(int32_t));
    b.offset = hone_alloc((room + 1) * sizeof(int64_t));
    b.list = hone_alloc(room * sizeof(int32_t));
    b.pairs = hone_alloc(room * sizeof(pair));
    hone_status s = b.query_place && b.document_place && b.query && b.document && b.offset && b.list && b.pairs
                        ? HONE_OK
                        : hone_last_error()->code;
    if (s == HONE_OK) {
        memset(b.query_place, 0xFF, texts * sizeof(int32_t));
        memset(b.document_place, 0xFF, texts * sizeof(int32_t));
        collect(&b, x, rows, n, r);
    }
    r->query = b.query, r->document = b.document, r->relevant = b.offset, r->relevant_list = b.list;
    if (s == HONE_OK) s = allocate_results(r);
    hone_free(b.query_place);
    hone_free(b.document_place);
    hone_free(b.pairs);
    if (s != HONE_OK) {
        hone_retrieval_free(r);
        return s;
    }
    *out = r;
    return HONE_OK;
}

void hone_retrieval_free(hone_retrieval *r) {
    if (!r) return;
    hone_free((void *)(uintptr_t)r->query);
    hone_free((void *)(uintptr_t)r->document);
    hone_free((void *)(uintptr_t)r->relevant);
    hone_free((void *)(uintptr_t)r->relevant_list);
    hone_free(r->top);
    hone_free(r->score);
    hone_free(r->first_rank);
    for (int m = 0; m < HONE_RETRIEVAL_METRICS; m++) hone_free(r->value[m]);
    hone_free(r);
}

/* ---- ranking ---- */

/* Keep the `depth` best of a row of scores, best first; of equal scores the earlier document. An insertion into a
 * sorted list: cheap, since after the first documents hardly any beats the list's last. */
static void best_of(const float *row, int64_t n, int64_t depth, int32_t *top, float *score) {
    int64_t have = 0;
    for (int64_t j = 0; j < n; j++) {
        if (have == depth && !(row[j] > score[depth - 1])) continue;
        int64_t at = have < depth ? have++ : depth - 1;
        for (; at > 0 && row[j] > score[at - 1]; at--) score[at] = score[at - 1], top[at] = top[at - 1];
        score[at] = row[j], top[at] = (int32_t)j;
    }
}

bool hone_retrieval_is_relevant(const hone_retrieval *r, int64_t q, int32_t document) {
    int64_t low = r->relevant[q], high = r->relevant[q + 1];
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (r->relevant_list[middle] == document) return true;
        if (r->relevant_list[middle] < document)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void measure(hone_retrieval *r, int64_t q) {
    const int32_t *top = r->top + q * r->depth;
    double R = (double)(r->relevant[q + 1] - r->relevant[q]), hits = 0, dcg = 0, ideal = 0, precision_sum = 0,
           at[4] = {0};
    int32_t first = 0;
    for (int64_t k = 0; k < r->depth; k++) {
        bool hit = hone_retrieval_is_relevant(r, q, top[k]);
        hits += hit;
        if (hit && !first) first = (int32_t)k + 1;
        if (hit && k < 10) dcg += 1 / log2((double)k + 2);
        if (hit) precision_sum += hits / (double)(k + 1);
        for (int c = 0; c < 4; c++)
            if (k < CUTS[c]) at[c] = hits;
    }
    for (int k = 0; k < 10 && k < (int)R; k++) ideal += 1 / log2((double)k + 2);
    for (int c = 0; c < 4; c++) {
        r->value[HONE_ACCURACY_1 + c][q] = at[c] > 0;
        r->value[HONE_PRECISION_1 + c][q] = at[c] / CUTS[c];
        r->value[HONE_RECALL_1 + c][q] = at[c] / R;
    }
    r->value[HONE_MRR_10][q] = first && first <= 10 ? 1.0 / first : 0;
    r->value[HONE_NDCG_10][q] = dcg / ideal;
    r->value[HONE_MAP_100][q] = precision_sum / fmin(HONE_RETRIEVAL_DEPTH, R);
    r->first_rank[q] = first;
}

typedef struct rank_job {
    hone_retrieval *r;
    const float *q, *d;
    float *scores; /* [block, n_documents] */
    int64_t first, D;
    hone_similarity similarity;
} rank_job;

static hone_status rank_query(void *ctx, int64_t i) {
    rank_job *j = ctx;
    hone_retrieval *r = j->r;
    int64_t q = j->first + i;
    float *row = j->scores + i * r->n_documents;
    if (hone_similarity_is_distance(j->similarity))
        for (int64_t k = 0; k < r->n_documents; k++)
            row[k] = (float)hone_similarity_of(j->similarity, j->q + q * j->D, j->d + k * j->D, j->D);
    best_of(row, r->n_documents, r->depth, r->top + q * r->depth, r->score + q * r->depth);
    measure(r, q);
    return HONE_OK;
}

static hone_status rank_all(hone_retrieval *r, const float *q, const float *d, int64_t D, hone_similarity similarity) {
    rank_job j = {.r = r, .q = q, .d = d, .D = D, .similarity = similarity};
    j.scores = hone_alloc((size_t)(QUERIES_PER_TASK * r->n_documents + 1) * sizeof *j.scores);
    if (!j.scores) return hone_last_error()->code;
    hone_status s = HONE_OK;
    for (j.first = 0; j.first < r->n_queries && s == HONE_OK; j.first += QUERIES_PER_TASK) {
        if (r->stop && *r->stop) s = hone_fail(HONE_E_STOPPED, "stopped by a signal");
        int64_t rest = r->n_queries - j.first, block = rest < QUERIES_PER_TASK ? rest : QUERIES_PER_TASK;
        if (s == HONE_OK && !hone_similarity_is_distance(similarity))
            s = hone_similarity_block(block, r->n_documents, D, q + j.first * D, d, j.scores);
        if (s == HONE_OK) s = hone_parallel(block, rank_query, &j);
    }
    hone_free(j.scores);
    return s;
}

hone_status hone_retrieval_run(hone_retrieval *r, const float *q, const float *d, int64_t D,
                               hone_similarity similarity) {
    if (!hone_vector_f32_finite(r->n_queries * D, q) || !hone_vector_f32_finite(r->n_documents * D, d))
        return hone_fail(HONE_E_NUMERIC, "an embedding is NaN or infinite: nothing can be ranked");
    if (similarity != HONE_SIMILARITY_COSINE) return rank_all(r, q, d, D, similarity);
    float *uq = hone_unit_rows(q, r->n_queries, D), *ud = hone_unit_rows(d, r->n_documents, D);
    hone_status s = uq && ud ? rank_all(r, uq, ud, D, similarity) : hone_last_error()->code;
    hone_free(uq);
    hone_free(ud);
    return s;
}

double hone_retrieval_mean(const hone_retrieval *r, hone_retrieval_metric m) {
    double sum = 0;
    for (int64_t q = 0; q < r->n_queries; q++) sum += r->value[m][q];
    return r->n_queries ? sum / (double)r->n_queries : 0;
}

/* ---- triplets ---- */

void hone_triplet_wins(int64_t B, int64_t D, const float *a, const float *p, const float *n, hone_similarity similarity,
                       double *out) {
    for (int64_t i = 0; i < B; i++)
        out[i] = hone_similarity_of(similarity, a + i * D, p + i * D, D) >
                 hone_similarity_of(similarity, a + i * D, n + i * D, D);
}
