/* How alike two embeddings are, for all that ranks, mines and judges. */
#ifndef HONE_EVAL_SIMILARITY_H
#define HONE_EVAL_SIMILARITY_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Larger is more alike. Names: config_sentence_transformers.json's similarity_fn_name. */
typedef enum hone_similarity {
    HONE_SIMILARITY_COSINE = 0,
    HONE_SIMILARITY_DOT,
    HONE_SIMILARITY_EUCLIDEAN, /* minus the distance */
    HONE_SIMILARITY_MANHATTAN,
} hone_similarity;
/* By the name that config_sentence_transformers.json uses; -1 if there is none. */
int hone_similarity_from_name(const char *name);
/* Whether it is minus a distance, which no product of matrices gives. */
bool hone_similarity_is_distance(hone_similarity similarity);

/* Similarity of two vectors, in double; cosine with lengths of at least 1e-12. Equal vectors have a cosine of exactly
 * 1: rows of two equal texts are a tie for a rank correlation. */
double hone_similarity_of(hone_similarity similarity, const float *a, const float *b, int64_t D);

/* The same cosine from dot products that are there already. */
double hone_cosine_of(double ab, double aa, double bb);

/* The rows of x [n, D], divided by their lengths (at least 1e-12): the caller's, hone_free; NULL without memory. */
float *hone_unit_rows(const float *x, int64_t n, int64_t D);

/* out [M, N] = q [M, D] d^T [D, N], all row-major: the dot products, or with unit rows the cosines, in f32. */
hone_status hone_similarity_block(int64_t M, int64_t N, int64_t D, const float *q, const float *d, float *out);

#endif
