/* Hard negatives: for each query the documents that a model finds similar and that no row calls right.
 *
 * Per query: the range_max + P documents of highest similarity (P: most rows that any query has) are the candidates;
 * those that are right for it, or the same text as one of them or as the query itself (`same`), are struck out, then
 * those that a margin or a score limit excludes; of what is left, by falling similarity and at most range_max, the
 * first range_min are passed over, and of the rest num_negatives are taken: the first ones, or a seeded random choice.
 *
 * With s a candidate's similarity and p the least similarity of the query to one of its right documents, it is excluded
 * when, computed in f32,
 *
 *     s + absolute_margin > p      s > p - |p| relative_margin      s > max_score      s < min_score
 *
 * range_max 0 means range_min + num_negatives + P, with 10 num_negatives in place of num_negatives where a margin or
 * max_score is given.
 *
 * Ties in similarity go to the earlier document. A query may end with fewer than num_negatives; -1 stands in the empty
 * places.
 *
 * Source: sentence_transformers/util/hard_negatives.py, version 6.2 (mine_hard_negatives); striking out other spellings
 * of the right documents and the query itself is Hone's. */
#ifndef HONE_EVAL_MINING_H
#define HONE_EVAL_MINING_H

#include "eval/retrieval.h"

/* Limits that are NaN are not there. */
typedef struct hone_mining_options {
    int64_t range_min, range_max; /* ranks, from 0; range_max 0: see above */
    int64_t num_negatives;        /* >= 1 */
    bool random;                  /* else the most similar ones */
    uint64_t seed;
    float absolute_margin, relative_margin, max_score, min_score;
    hone_similarity similarity;
    void (*progress)(void *ctx, int64_t done, int64_t total); /* queries; NULL: none */
    void *ctx;
} hone_mining_options;

/* Who looks for what. All arrays are borrowed. */
typedef struct hone_mining_input {
    int64_t n_queries, n_documents, D;
    const float *q, *d;             /* [n_queries, D], [n_documents, D], row-major */
    const int64_t *right;           /* [n_queries + 1] offsets into right_list */
    const int32_t *right_list;      /* documents that are right for a query, each once; at least one a query */
    const int32_t *same_q, *same_d; /* equal numbers: the same text; NULL: all differ */
    int64_t most_rows;              /* P; 0: the longest list of right documents */
} hone_mining_input;

/* What excluded a candidate, for hone_mining.excluded. */
enum { HONE_MINED_ABSOLUTE, HONE_MINED_RELATIVE, HONE_MINED_MAX, HONE_MINED_MIN, HONE_MINED_LIMITS };

/* What was found; owned by this, free with hone_mining_free. */
typedef struct hone_mining {
    int64_t n_queries, num_negatives, range_max; /* range_max as it came out */
    int32_t *negative;                   /* [n_queries, num_negatives] documents by falling similarity, -1: none */
    float *score;                        /* [n_queries, num_negatives] */
    float *right_score;                  /* by right_list */
    int64_t candidates;                  /* looked at, in all queries */
    int64_t excluded[HONE_MINED_LIMITS]; /* by the first limit that did it, in the order above */
} hone_mining;

/* HONE_E_ARG for options that leave no room (both numbers); HONE_E_NUMERIC when an embedding is not finite;
 * HONE_E_NOMEM. Blocks of queries run in parallel; the result does not depend on the number of threads. Free with
 * hone_mining_free. */
hone_status hone_mining_run(const hone_mining_input *in, const hone_mining_options *o, hone_mining **out);
void hone_mining_free(hone_mining *m); /* accepts NULL */

#endif
