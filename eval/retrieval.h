/* Retrieval metrics, as sentence-transformers' InformationRetrievalEvaluator computes them.
 *
 *     hone_retrieval *r;
 *     HONE_TRY(hone_retrieval_new(&texts, rows, n, &r));      // who is to find what
 *     … embed r's queries and documents …
 *     HONE_TRY(hone_retrieval_run(r, q, d, D, HONE_SIMILARITY_COSINE));
 *     hone_retrieval_mean(r, HONE_NDCG_10) …
 *
 * From rows of (anchor, positive, negatives): queries are the distinct anchors, documents the distinct positives and
 * negatives, both in order of first appearance; a document is relevant to a query if some row pairs them. For a query
 * whose ranked list (by falling similarity, ties by document order) has relevant documents at ranks r1 < r2 < …, with R
 * relevant documents in all:
 *     accuracy@k   1 if r1 <= k             precision@k   |{r <= k}| / k         recall@k   |{r <= k}| / R
 *     mrr@k        1 / r1 if r1 <= k        ndcg@k        sum_{r <= k} 1/log2(r+1) / sum_{i <= min(R,k)} 1/log2(i+1)
 *     map@k        sum_{r <= k} precision@r / min(k, R)
 * Source: sentence_transformers/sentence_transformer/evaluation/information_retrieval.py, version 6.2. (It orders ties
 * by the document's id as text; ids are the caller's, here they are row numbers.) */
#ifndef HONE_EVAL_RETRIEVAL_H
#define HONE_EVAL_RETRIEVAL_H

#include "data/texts.h"
#include "eval/similarity.h"

/* The figures, in the order of hone_retrieval_metric_names. */
typedef enum hone_retrieval_metric {
    HONE_ACCURACY_1 = 0,
    HONE_ACCURACY_3,
    HONE_ACCURACY_5,
    HONE_ACCURACY_10,
    HONE_PRECISION_1,
    HONE_PRECISION_3,
    HONE_PRECISION_5,
    HONE_PRECISION_10,
    HONE_RECALL_1,
    HONE_RECALL_3,
    HONE_RECALL_5,
    HONE_RECALL_10,
    HONE_MRR_10,
    HONE_NDCG_10,
    HONE_MAP_100,
    HONE_RETRIEVAL_METRICS
} hone_retrieval_metric;
/* "accuracy@1", …, "mrr@10", "ndcg@10", "map@100" */
extern const char *const hone_retrieval_metric_names[HONE_RETRIEVAL_METRICS];

enum { HONE_RETRIEVAL_DEPTH = 100 }; /* length of the ranked lists */

/* Who is to find what, and what was found. Everything is owned by this. */
typedef struct hone_retrieval {
    int64_t n_queries, n_documents;
    const int32_t *query;         /* [n_queries] text numbers (hone_texts) */
    const int32_t *document;      /* [n_documents] text numbers */
    const int64_t *relevant;      /* [n_queries + 1] offsets into relevant_list */
    const int32_t *relevant_list; /* document indices, ascending per query */
    /* a sig_atomic_t; not NULL and not 0: hone_retrieval_run gives up before its next queries. NULL at first */
    const volatile int *stop;
    /* Results of hone_retrieval_run: */
    int64_t depth;       /* min(100, n_documents) */
    int32_t *top;        /* [n_queries, depth] document indices, best first */
    float *score;        /* [n_queries, depth] */
    int32_t *first_rank; /* [n_queries] rank of the first relevant document, from 1; 0 = beyond depth */
    double *value[HONE_RETRIEVAL_METRICS]; /* [n_queries] each */
} hone_retrieval;

/* texts' rows are anchor, positive, negatives; rows[0..n) or, NULL, all. Copies what it needs. HONE_E_NOMEM. */
hone_status hone_retrieval_new(const hone_texts *texts, const int64_t *rows, int64_t n, hone_retrieval **out);
void hone_retrieval_free(hone_retrieval *r); /* accepts NULL */
/* Whether some row pairs them. q < n_queries, document < n_documents: indices, not text numbers. */
bool hone_retrieval_is_relevant(const hone_retrieval *r, int64_t q, int32_t document);

/* Rank and measure. q [n_queries, D], d [n_documents, D], row-major. Blocks of queries run in parallel; the result does
 * not depend on the number of threads. HONE_E_NUMERIC when an embedding is not finite; HONE_E_STOPPED; HONE_E_NOMEM. */
hone_status hone_retrieval_run(hone_retrieval *r, const float *q, const float *d, int64_t D,
                               hone_similarity similarity);
double hone_retrieval_mean(const hone_retrieval *r, hone_retrieval_metric m);

/* 1 where sim(a, p) > sim(a, n), else 0: a, p, n [B, D] row-major, out [B]. Source: TripletEvaluator, margin 0. */
void hone_triplet_wins(int64_t B, int64_t D, const float *a, const float *p, const float *n, hone_similarity similarity,
                       double *out);

#endif
