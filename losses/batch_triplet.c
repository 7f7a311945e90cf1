/* Triplets mined among the labelled texts of a batch. */
#include "losses/loss.h"

static hone_tensor *build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o,
                          hone_triplet_rule mining) {
    hone_tensor *d;
    if (o->metric == HONE_COSINE) {
        hone_tensor *u = hone_normalize(g, b->embeddings);
        d = hone_scale(g, hone_matmul(g, u, false, u, true), -1, 1);
    } else {
        d = hone_distance_matrix(g, b->embeddings, o->metric);
    }
    return hone_batch_triplet(g, d, b->group, o->margin, mining);
}

static hone_tensor *hard_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    return build(g, b, o, HONE_MINE_HARD);
}
static hone_tensor *soft_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    return build(g, b, o, HONE_MINE_HARD_SOFT);
}
static hone_tensor *semi_hard_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    return build(g, b, o, HONE_MINE_SEMI_HARD);
}
static hone_tensor *all_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    return build(g, b, o, HONE_MINE_ALL);
}

#define CLASSES .min_groups = 1, .max_groups = 1, .needs = HONE_LOSS_CLASSES, .default_metric = HONE_EUCLIDEAN

const hone_loss hone_loss_batch_hard = {.name = "batch-hard",
                                        .summary = "each text's farthest of its class against its nearest of another",
                                        CLASSES,
                                        .default_margin = 5,
                                        .build = hard_build};

const hone_loss hone_loss_batch_hard_soft_margin = {.name = "batch-hard-soft-margin",
                                                    .summary = "batch-hard with log(1 + exp) in place of the margin",
                                                    CLASSES,
                                                    .build = soft_build};

const hone_loss hone_loss_semi_hard = {.name = "semi-hard",
                                       .summary = "each positive pair against the nearest negative that is farther",
                                       CLASSES,
                                       .default_margin = 5,
                                       .build = semi_hard_build};

const hone_loss hone_loss_batch_all = {.name = "batch-all",
                                       .summary = "every triplet of the batch that violates the margin",
                                       CLASSES,
                                       .default_margin = 5,
                                       .build = all_build};
