/* Judging a model on rows: what `hone eval` prints and what `hone train` watches.
 *
 * Queries are the distinct anchors, documents the distinct positives and negatives of the rows; a document is right for
 * a query if some row pairs them (eval/retrieval.h): accuracy, precision and recall @1,3,5,10, mrr@10, ndcg@10,
 * map@100. Rows with negatives also give triplet_accuracy: the share of (row, negative) with sim(anchor, positive) >
 * sim(anchor, negative).
 *
 * Scored pairs give pearson and spearman between similarity and score. Labelled texts are judged by their neighbours
 * (eval/neighbours.h). Similarity is the model's own: cosine unless its folder says otherwise. */
#ifndef HONE_TOOLS_JUDGE_H
#define HONE_TOOLS_JUDGE_H

#include "base/json.h"
#include "data/texts.h"
#include "eval/bootstrap.h"
#include "eval/retrieval.h"
#include "models/model.h"

typedef struct hone_judge hone_judge;

typedef struct hone_judge_options {
    bool triplet;                               /* the task: it chooses the deciding metric */
    const char *prompt_query, *prompt_document; /* NULL: see hone_judge_prompt */
    const char *file;                           /* of the rows, for messages; NULL: not known */
    const char *metric;                         /* decides; NULL: ndcg@10, triplet_accuracy, spearman */
    const double *score;                        /* by row: these are scored pairs; borrowed. NULL: not */
    const int32_t *label;                       /* by row: these are labelled texts; borrowed. NULL: not */
    int64_t batch_tokens;                       /* 0: the library's choice */
    void (*progress)(void *ctx, int64_t done, int64_t total); /* texts embedded; NULL: none */
    /* a sig_atomic_t; not NULL and not 0: HONE_E_STOPPED before the next texts are embedded or ranked */
    const volatile int *stop;
    void *ctx;
    bool keep_embeddings; /* for hone_judge_embeddings */
} hone_judge_options;

/* Rows rows[0..n) of the texts (NULL: the first n); texts and options' strings are borrowed. HONE_E_ARG for a metric
 * that these rows do not have. */
hone_status hone_judge_new(const hone_texts *texts, const int64_t *rows, int64_t n, const hone_judge_options *o,
                           hone_judge **out);
void hone_judge_free(hone_judge *j); /* accepts NULL */

/* What stands before the queries (document: the documents) of pairs and triplets, before the first (second) texts of
 * other rows: what o asks for, else, as sentence-transformers' evaluators do, the folder's prompt query (document) of
 * pairs and triplets, empty if it has none, and its default prompt of the others. */
const char *hone_judge_prompt(const hone_model *m, const hone_judge_options *o, bool document);

/* Embed and rank: fills the values below. */
hone_status hone_judge_score(hone_judge *j, hone_model *m, hone_graph *g);

/* Metrics of these rows, i = 0 .. count-1. */
int hone_judge_metrics(const hone_judge *j);
const char *hone_judge_name(const hone_judge *j, int i);
double hone_judge_value(const hone_judge *j, int i); /* NaN where a correlation is not defined */
hone_status hone_judge_interval(const hone_judge *j, int i, int64_t resamples, uint64_t seed, hone_interval *out);
/* The same rows under two models: b less a. */
hone_status hone_judge_compare(const hone_judge *a, const hone_judge *b, int i, int64_t resamples, uint64_t seed,
                               hone_paired *out);
int64_t hone_judge_texts(const hone_judge *j); /* texts to be embedded */
const hone_retrieval *
hone_judge_retrieval(const hone_judge *j);       /* the ranked lists of the last score; NULL: no search */
int64_t hone_judge_queries(const hone_judge *j); /* labelled texts: those that were searched for */

/* Of the last score, with keep_embeddings: q [n_queries, D] and d [n_documents, D] of the retrieval, or q [rows, D] of
 * labelled texts and no d; returns D, 0 when there are none. And the similarity of two rows x, y [D] as the model has
 * it. */
int64_t hone_judge_embeddings(const hone_judge *j, const float **q, const float **d);
double hone_judge_similarity(const hone_judge *j, const float *x, const float *y);

/* Scored pairs: similarity [rows] of the last score; NULL: other rows. */
const double *hone_judge_similarities(const hone_judge *j);

/* Name of the metric that decides which model is the best. */
const char *hone_judge_deciding(const hone_judge *j);
/* Score and report {"accuracy@1": 0.61, …} and the deciding one: the shape of hone_evaluation.run (train/train.h). */
hone_status hone_judge_run(void *judge, hone_model *m, hone_graph *g, json_t **metrics, double *primary);

#endif
