/* Losses: embeddings of a batch in, one number out. A loss knows no model, no data and no files.
 *
 * A batch has B rows of G texts each: anchor, positive, then the negatives. Their embeddings come as one matrix [G B, D], group
 * after group: rows 0..B-1 anchors, B..2B-1 positives, 2B.. first negatives, and so on; so the documents that an anchor is
 * compared with (positives, then all negatives) are one contiguous range. */
#ifndef HONE_LOSSES_LOSS_H
#define HONE_LOSSES_LOSS_H

#include "autograd/ops.h"

typedef struct hone_loss_options {
    double scale;       /* in-batch losses: 1 / temperature; 20 */
    double margin;      /* triplet: 5 for euclidean and manhattan, 0.5 is usual for cosine */
    hone_metric metric; /* triplet: euclidean */
} hone_loss_options;

typedef struct hone_loss_batch {
    hone_tensor *embeddings; /* [G B, D] */
    int64_t B;
    int G;
} hone_loss_batch;

typedef struct hone_loss {
    const char *name;    /* as --loss spells it */
    const char *summary; /* for help pages */
    int min_groups, max_groups; /* how many texts a row must have; 0 = no upper limit */
    bool in_batch;              /* other rows serve as negatives: duplicates in a batch would be false ones */
    double default_scale, default_margin;
    hone_metric default_metric;
    /* The mean over the batch's rows, a scalar; NULL with the graph failed. */
    hone_tensor *(*build)(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o);
} hone_loss;

/* Multiple negatives ranking (in-batch softmax). With s_ij = scale cos(a_i, d_j), d = positives then all negatives:
 *     L = mean_i [ log sum_j exp(s_ij) - s_ii ]
 * Source: Henderson et al. 2017, arXiv:1705.00652, section 4.4; sentence-transformers MultipleNegativesRankingLoss. */
extern const hone_loss hone_loss_mnr;

/* The same with the partition averaged over both directions; documents look for their anchors among the anchors, positives only:
 *     L = mean_i [ (log sum_j exp(s_ij) + log sum_j exp(scale cos(a_j, p_i))) / 2 - s_ii ]
 * Source: sentence-transformers MultipleNegativesRankingLoss, directions query_to_doc and doc_to_query, partition per_direction. */
extern const hone_loss hone_loss_mnr_symmetric;

/* Triplet with margin:  L = mean relu(d(a, p) - d(a, n) + margin), over all rows and negatives; d: hone_distance's metrics.
 * Source: sentence-transformers TripletLoss (one negative). */
extern const hone_loss hone_loss_triplet;

/* NULL-terminated. */
extern const hone_loss *const hone_losses[];
/* By name, NULL if there is none. */
const hone_loss *hone_loss_find(const char *name);

#endif
