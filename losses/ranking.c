/* In-batch ranking losses: every other row's document is a negative. */
#include "losses/loss.h"

static const int32_t *diagonal(hone_graph *g, int64_t B) {
    int32_t *target = hone_graph_save(g, (size_t)B * sizeof *target);
    for (int64_t i = 0; target && i < B; i++) target[i] = (int32_t)i;
    return target;
}

/* Cosines between rows first_a.. (count B) and first_b.. (count n) of the unit vectors u. */
static hone_tensor *cosines(hone_graph *g, hone_tensor *u, int64_t first_a, int64_t a, int64_t first_b, int64_t b) {
    return hone_matmul(g, hone_row_range(g, u, first_a, a), false, hone_row_range(g, u, first_b, b), true);
}

static hone_tensor *mnr_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings);
    const int32_t *target = diagonal(g, b->B);
    if (!u || !target) return NULL;
    hone_tensor *scores = cosines(g, u, 0, b->B, b->B, (b->G - 1) * b->B);
    return hone_mean(g, hone_softmax_xent(g, scores, target, o->scale));
}

static hone_tensor *symmetric_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings);
    const int32_t *target = diagonal(g, b->B);
    if (!u || !target) return NULL;
    hone_tensor *forth = hone_softmax_xent(g, cosines(g, u, 0, b->B, b->B, (b->G - 1) * b->B), target, o->scale);
    hone_tensor *back = hone_softmax_xent(g, cosines(g, u, b->B, b->B, 0, b->B), target, o->scale);
    return hone_mean(g, hone_add(g, forth, 0.5, back, 0.5));
}

const hone_loss hone_loss_mnr = {.name = "mnr",
                                 .summary = "in-batch softmax over cosines, anchors looking for their positives",
                                 .min_groups = 2,
                                 .in_batch = true,
                                 .default_scale = 20,
                                 .build = mnr_build};

const hone_loss hone_loss_mnr_symmetric = {.name = "mnr-symmetric",
                                           .summary = "mnr in both directions",
                                           .min_groups = 2,
                                           .in_batch = true,
                                           .default_scale = 20,
                                           .build = symmetric_build};
