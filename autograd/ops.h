/* The operations, as a model sees them. Each is one file in autograd/ops/ with its shape rule, forward and backward.
 *
 * All of them: inputs are borrowed until the next hone_graph_begin; the result lives in the graph's step arena; NULL
 * inputs (an earlier failure) give NULL; HONE_E_SHAPE and HONE_E_DTYPE are kept by the graph. Element type f32 or f64,
 * the same for all inputs; index arrays are int32 and are checked. NULL for an array that is not said to be optional,
 * and a choice that no enumerator has, are HONE_E_ARG. */
#ifndef HONE_AUTOGRAD_OPS_H
#define HONE_AUTOGRAD_OPS_H

#include "autograd/graph.h"
#include "kernels/pooling/pooling.h"

/* Sequences of a packed batch: sequence b is rows cu[b] .. cu[b+1]-1 of [T, C]. cu[0] = 0, cu[B] = T; anything else is
 * HONE_E_SHAPE, and so is an empty one, but for hone_attention, which has nothing to do there. */
typedef struct hone_sequences {
    int64_t B, T;
    const int32_t *cu; /* [B+1], borrowed until the next begin */
} hone_sequences;

/* y = act(x W^T + b).   x [..., K], w [N, K], b [N] or HONE_ABSENT -> [..., N]. A Linear's weight is
 * [out, in]. */
hone_tensor *hone_linear(hone_graph *g, hone_tensor *x, hone_tensor *w, hone_tensor *b, hone_act act);

/* The feed-forward part of a block, y = act(x W1^T + b1) W2^T + b2, as one op: backward computes the wide activation
 * again, so only the value before act is kept. x [..., C], w1 [F, C], b1 [F], w2 [D, F], b2 [D]; biases may be
 * HONE_ABSENT -> [..., D]. */
hone_tensor *hone_mlp(hone_graph *g, hone_tensor *x, hone_tensor *w1, hone_tensor *b1, hone_tensor *w2, hone_tensor *b2,
                      hone_act act);

/* C = op(a) op(b).   a [M, K] (trans_a: [K, M]), b [K, N] (trans_b: [N, K]) -> [M, N]. */
hone_tensor *hone_matmul(hone_graph *g, hone_tensor *a, bool trans_a, hone_tensor *b, bool trans_b);

/* y[t] = sum over k of table_k[ids_k[t]].   n = 1..3 tables [V_k, C], ids_k [T] int32 (borrowed) -> [T, C]. An id
 * outside its table is HONE_E_SHAPE, named with position and limit. The sum runs k = 0, 1, 2 (BERT: words, types,
 * positions). padding: the row of table 0 that gets no gradient (torch's padding_idx), -1: none. */
hone_tensor *hone_embedding(hone_graph *g, int n, hone_tensor *const *tables, const int32_t *const *ids, int64_t T,
                            int32_t padding);

/* y = LN(residual + dropout_p(x)) gamma + beta over the last axis (kernels/layernorm/layernorm.h). residual may be the
 * word HONE_ABSENT. x, residual [..., C]; gamma, beta [C]. */
hone_tensor *hone_layernorm(hone_graph *g, hone_tensor *x, hone_tensor *residual, hone_tensor *gamma, hone_tensor *beta,
                            float eps, float p);

/* The same with a residual, x being consumed: its memory holds residual + dropout_p(x) afterwards. Only for an x that
 * nothing else reads, forward or backward (a linear without activation, an mlp). */
hone_tensor *hone_residual_layernorm(hone_graph *g, hone_tensor *x, hone_tensor *residual, hone_tensor *gamma,
                                     hone_tensor *beta, float eps, float p);

/* Multi-head self-attention over a packed batch (kernels/attention/attention.h): qkv [T, 3C], columns q | k | v, each
 * heads x C/heads -> [T, C]. scale = 1/sqrt(C/heads); p: dropout of the probabilities. */
hone_tensor *hone_attention(hone_graph *g, hone_tensor *qkv, const hone_sequences *s, int heads, float p);
/* Its first row of each sequence, [B, C], without computing the others: row cu[b] of what hone_attention gives. Every
 * sequence has a row. */
hone_tensor *hone_attention_first(hone_graph *g, hone_tensor *qkv, const hone_sequences *s, int heads, float p);

/* One vector per sequence: x [T, C] -> [B, n C], the n modes side by side (kernels/pooling/pooling.h). skip [B]: tokens
 * at the start of each sequence that take no part, or NULL. */
hone_tensor *hone_pooling(hone_graph *g, hone_tensor *x, const hone_sequences *s, int n, const hone_pool *modes,
                          const int32_t *skip);

/* y = act(x), element by element: kernels/activation/activation.h. */
hone_tensor *hone_activation(hone_graph *g, hone_tensor *x, hone_act act);
hone_tensor *hone_dropout_op(hone_graph *g, hone_tensor *x, float p); /* identity when not training */
hone_tensor *hone_normalize(hone_graph *g, hone_tensor *x);           /* rows to unit length: x / max(|x|, 1e-12) */
hone_tensor *hone_add(hone_graph *g, hone_tensor *a, double alpha, hone_tensor *b, double beta); /* alpha a + beta b */
hone_tensor *hone_scale(hone_graph *g, hone_tensor *x, double a, double c);                      /* a x + c */
hone_tensor *hone_mean(hone_graph *g, hone_tensor *x);                                           /* scalar */
/* Rows first .. first+count-1 of [R, C], as a view. */
hone_tensor *hone_row_range(hone_graph *g, hone_tensor *x, int64_t first, int64_t count);

/* Row-wise distances of a, b [B, D] -> [B]. Conventions are sentence-transformers':
 *   cosine     1 - a.b / (max(|a|, 1e-12) max(|b|, 1e-12))     euclidean   |a - b|, gradient 0 where a = b
 *   manhattan  sum |a - b|, gradient 0 where a_i = b_i */
typedef enum hone_metric { HONE_COSINE = 0, HONE_EUCLIDEAN, HONE_MANHATTAN, HONE_METRIC_COUNT } hone_metric;
hone_tensor *hone_distance(hone_graph *g, hone_tensor *a, hone_tensor *b, hone_metric metric);

/* loss[r] = log sum_j exp(scale z[r][j]) - scale z[r][target[r]].   z [R, N], target [R] (borrowed) -> [R]. */
hone_tensor *hone_softmax_xent(hone_graph *g, hone_tensor *z, const int32_t *target, double scale);

/* The first n columns of [R, C], as a copy. */
hone_tensor *hone_columns(hone_graph *g, hone_tensor *x, int64_t n);

/* Entries of scores z [R, N] that the softmax behind shall not see: columns column[start[r] .. start[r+1]-1] of row r.
 * Arrays are borrowed until the next begin. z is consumed: the result lies in its memory, so only for a z whose maker
 * does not read it again (a matmul). Hidden entries get no gradient. */
typedef struct hone_hidden {
    const int64_t *start;  /* [R+1] */
    const int32_t *column; /* [start[R]] */
} hone_hidden;
hone_tensor *hone_hide(hone_graph *g, hone_tensor *z, const hone_hidden *hidden);

hone_tensor *hone_logaddexp(hone_graph *g, hone_tensor *a, hone_tensor *b); /* log(e^a + e^b), element by element */
/* (x - target)^2, element by element; target borrowed */
hone_tensor *hone_squared_error(hone_graph *g, hone_tensor *x, const double *target);

/* pull d^2 + push relu(margin - d)^2, element by element; weights pull, push as many as d has elements (borrowed). */
hone_tensor *hone_contrastive(hone_graph *g, hone_tensor *d, const double *pull, const double *push, double margin);

/* AnglE similarity of unit rows x, y [R, D] -> [R]: |x . y + sum_i (b_i c_i - a_i d_i)|, x = (a, b), y = (c, d) in
 * halves (an odd D gets a zero behind). Source: Li, Li 2024, "AoE", as sentence-transformers' pairwise_angle_sim. */
hone_tensor *hone_angle(hone_graph *g, hone_tensor *x, hone_tensor *y);

/* log(1 + sum over pairs label_i < label_j of exp(scale (s_i - s_j))).   s [R], label [R] (borrowed) -> scalar. Costs R
 * log R. Source: Su 2022 (CoSENT), as sentence-transformers' CoSENTLoss 6.2. */
hone_tensor *hone_cosent(hone_graph *g, hone_tensor *s, const double *label, double scale);

/* All distances within one set of rows: x [B, D] -> [B, B]; euclidean (gradient 0 where rows are equal) or manhattan.
 * Cosine is the matmul of unit rows. */
hone_tensor *hone_distance_matrix(hone_graph *g, hone_tensor *x, hone_metric metric);

/* Triplets mined inside a batch: distances d [B, B], classes c = label [B] (borrowed) -> scalar. With m the margin:
 *     hard        mean_i relu(hp_i - hn_i + m),   hp_i = max d_ij over j != i of the class of i (0 if there is none),
 *                                                 hn_i = min_j (d_ij + [c_j = c_i] max_k d_ik)
 *     hard_soft   mean_i log(1 + exp(hp_i - hn_i))
 *     semi_hard   sum over ordered pairs i != j of one class of relu(d_ij - n_ij + m), divided by the number of pairs;
 *                 n_ij = the smallest d_ik > d_ij of another class, else the largest d_ik of another class,
 *                 else min_k d_ik
 *     all         sum of relu(d_ap - d_an + m) over all triplets, divided by the number of those above 1e-16
 * Source: sentence-transformers BatchHardTripletLoss, BatchHardSoftMarginTripletLoss, BatchSemiHardTripletLoss,
 * BatchAllTripletLoss. */
typedef enum hone_triplet_rule {
    HONE_MINE_HARD = 0,
    HONE_MINE_HARD_SOFT,
    HONE_MINE_SEMI_HARD,
    HONE_MINE_ALL
} hone_triplet_rule;
hone_tensor *hone_batch_triplet(hone_graph *g, hone_tensor *d, const int32_t *label, double margin,
                                hone_triplet_rule mining);

/* Passed for an optional input that is not there (NULL means an earlier failure). */
extern hone_tensor *const HONE_ABSENT;

/* All ops by name, for listings and checks: NULL-terminated. */
extern const hone_op *const hone_ops[];

#endif
