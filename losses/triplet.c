/* Triplet loss with margin. */
#include "losses/loss.h"

static hone_tensor *triplet_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *anchor = hone_row_range(g, b->embeddings, 0, b->B);
    hone_tensor *near = hone_distance(g, anchor, hone_row_range(g, b->embeddings, b->B, b->B), o->metric);
    hone_tensor *sum = NULL;
    int negatives = b->G - 2;
    for (int k = 0; k < negatives; k++) {
        hone_tensor *far = hone_distance(g, anchor, hone_row_range(g, b->embeddings, (k + 2) * b->B, b->B), o->metric);
        hone_tensor *gap = hone_scale(g, hone_add(g, near, 1, far, -1), 1, o->margin);
        hone_tensor *hinge = hone_activation(g, gap, HONE_ACT_RELU);
        sum = sum ? hone_add(g, sum, 1, hinge, 1) : hinge;
    }
    return hone_mean(g, negatives > 1 ? hone_scale(g, sum, 1.0 / negatives, 0) : sum);
}

const hone_loss hone_loss_triplet = {.name = "triplet",
                                     .summary = "positives nearer than negatives by a margin",
                                     .min_groups = 3,
                                     .by_row = true,
                                     .default_margin = 5,
                                     .default_metric = HONE_EUCLIDEAN,
                                     .build = triplet_build};
