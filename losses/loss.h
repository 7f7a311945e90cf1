/* Losses: embeddings of a batch in, one number out. A loss knows no model, no data and no files.
 *
 * A batch has B rows of G texts each: anchor, positive, then the negatives. Their embeddings come as one matrix [G B,
 * D], group after group: rows 0..B-1 anchors, B..2B-1 positives, 2B.. first negatives, and so on; so the documents that
 * an anchor is compared with (positives, then all negatives) are one contiguous range. Scored pairs have G = 2,
 * labelled texts G = 1.
 *
 * All formulas are those of sentence-transformers 6.2, checked in value, gradient and training steps
 * (tests/golden/train). */
#ifndef HONE_LOSSES_LOSS_H
#define HONE_LOSSES_LOSS_H

#include "autograd/ops.h"

/* Most lengths of a Matryoshka loss. */
#define HONE_MAX_DIMS 32

/* What the user may set; a loss reads what its formula has. Its own defaults stand in its hone_loss. */
typedef struct hone_loss_options {
    double scale;       /* in-batch losses, cosent, angle: 1 / temperature; 20 */
    double margin;      /* triplets: 5 for euclidean and manhattan, 0.5 is usual for cosine; contrastive: 0.5 */
    hone_metric metric; /* triplets: euclidean; contrastive: cosine */
    int n_dims;         /* Matryoshka: how many lengths there are; 0: none */
    int64_t dims[HONE_MAX_DIMS];
} hone_loss_options;

/* What a loss is given. */
typedef struct hone_loss_batch {
    hone_tensor *embeddings; /* [G B, D] */
    int64_t B;
    int G;
    /* What else the rows bring, for the losses that ask for it (hone_loss.needs); borrowed until the next begin. */
    const double *score; /* [B] */
    /* [B] classes of labelled texts. In-batch losses: rows of one group are not negatives of each other, -1 = a group
     * of its own; NULL: every row is. */
    const int32_t *group;
} hone_loss_batch;

/* What a row must bring beside its texts. */
typedef enum hone_loss_needs {
    HONE_LOSS_TEXTS = 0, /* texts alone */
    HONE_LOSS_SCORES,    /* a number for each row */
    HONE_LOSS_BINARY,    /* 0 or 1 for each row */
    HONE_LOSS_CLASSES,   /* a class for each row */
} hone_loss_needs;

/* A loss: this table is all there is to one. Hone's are below; one of your own goes straight into hone_train_options
 * (experiments/new_loss.c, docs/add-a-loss.md). */
typedef struct hone_loss {
    const char *name;           /* as --loss spells it */
    const char *summary;        /* for help pages */
    int min_groups, max_groups; /* how many texts a row must have; max 0 = no upper limit */
    bool in_batch;              /* other rows serve as negatives: duplicates in a batch would be false ones */
    /* a mean over rows that do not see each other: a smaller batch with more accumulation is the same */
    bool by_row;
    hone_loss_needs needs;
    double default_scale, default_margin;
    hone_metric default_metric;
    /* The mean over the batch's rows (where the formula below says so: a sum), a scalar; NULL with the graph failed. */
    hone_tensor *(*build)(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o);
} hone_loss;

/* The loss of a batch; with o->n_dims > 0 the Matryoshka loss around it,
 *     L = sum over lengths k of  loss(normalize(e[0 : k]))          every length with weight 1, the longest first
 * HONE_E_ARG for a length beyond D, and for a loss that gives NULL without saying why. Source: Kusupati et al. 2022, arXiv:2205.13147; sentence-transformers
 * MatryoshkaLoss. */
hone_tensor *hone_loss_build(hone_graph *g, const hone_loss *loss, const hone_loss_batch *b,
                             const hone_loss_options *o);

/* ---- in-batch ranking; groups: rows of one group do not see each other's texts, whatever the direction ---- */

/* Multiple negatives ranking (in-batch softmax). With s_ij = scale cos(a_i, d_j), d = positives then all negatives:
 *     L = mean_i [ log sum_j exp(s_ij) - s_ii ]
 * Source: Henderson et al. 2017, arXiv:1705.00652, section 4.4; sentence-transformers MultipleNegativesRankingLoss. */
extern const hone_loss hone_loss_mnr;

/* The same with the partition averaged over both directions; documents look for their anchors among the anchors,
 * positives only:
 *     L = mean_i [ (log sum_j exp(s_ij) + log sum_j exp(scale cos(a_j, p_i))) / 2 - s_ii ]
 * Source: sentence-transformers MultipleNegativesRankingLoss, directions query_to_doc and doc_to_query, partition
 * per_direction. */
extern const hone_loss hone_loss_mnr_symmetric;

/* All four directions in one softmax (GTE's improved contrastive loss):
 *     L = mean_i [ log( sum_j e^(scale cos(a_i, d_j)) + sum_{j != i} e^(scale cos(a_i, a_j))
 *                       + sum_j e^(scale cos(p_i, a_j)) + sum_{j not of row i} e^(scale cos(p_i, d_j)) ) - s_ii ]
 * Source: Li et al. 2023, arXiv:2308.03281; MultipleNegativesRankingLoss with all directions, partition joint. */
extern const hone_loss hone_loss_gte;

/* ---- triplets ---- */

/* Triplet with margin:  L = mean relu(d(a, p) - d(a, n) + margin), over all rows and negatives; d: hone_distance's
 * metrics. Source: sentence-transformers TripletLoss (one negative). */
extern const hone_loss hone_loss_triplet;

/* Triplets mined among labelled texts: hone_triplet_rule (autograd/ops.h) has the formulas. Distances: hone_distance's
 * metrics, euclidean from the rows' differences. Source: Hermans et al. 2017, arXiv:1703.07737; Schroff et al. 2015,
 * arXiv:1503.03832 (semi-hard). */
extern const hone_loss hone_loss_batch_hard;
extern const hone_loss hone_loss_batch_hard_soft_margin;
extern const hone_loss hone_loss_semi_hard;
extern const hone_loss hone_loss_batch_all;

/* ---- scored pairs; x, y the pair's embeddings, t its score ---- */

/* L = log(1 + sum over t_i < t_j of exp(scale (cos_i - cos_j)));  angle: AnglE similarity (hone_angle) in place of the
 * cosine. A sum, not a mean. Source: sentence-transformers CoSENTLoss, AnglELoss. */
extern const hone_loss hone_loss_cosent;
extern const hone_loss hone_loss_angle;
/* L = mean (cos(x, y) - t)^2.  Source: sentence-transformers CosineSimilarityLoss. */
extern const hone_loss hone_loss_cosine;
/* L = mean [ t d^2 + (1 - t) relu(margin - d)^2 ] / 2;  d: 1 - cos, |x - y + 1e-6|_2 or |x - y + 1e-6|_1.
 * Source: Hadsell, Chopra, LeCun 2006; sentence-transformers ContrastiveLoss. */
extern const hone_loss hone_loss_contrastive;
/* The same over the hard pairs of a batch alone, without the half, summed: positives (t = 1) farther than the nearest
 * negative, negatives (t = 0) nearer than the farthest positive; beyond the mean where the batch has one kind only.
 * Source: OnlineContrastiveLoss. */
extern const hone_loss hone_loss_online_contrastive;

/* All of the above, NULL-terminated. */
extern const hone_loss *const hone_losses[];
/* By name, NULL if there is none. */
const hone_loss *hone_loss_find(const char *name);

#endif
