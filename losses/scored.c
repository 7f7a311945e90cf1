/* Losses of scored pairs. */
#include "losses/loss.h"

#include <math.h>

static hone_tensor *side(hone_graph *g, hone_tensor *e, const hone_loss_batch *b, int k) {
    return hone_row_range(g, e, k * b->B, b->B);
}

static hone_tensor *cosines(hone_graph *g, const hone_loss_batch *b) {
    hone_tensor *d = hone_distance(g, side(g, b->embeddings, b, 0), side(g, b->embeddings, b, 1), HONE_COSINE);
    return hone_scale(g, d, -1, 1);
}

static hone_tensor *cosent_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    return hone_cosent(g, cosines(g, b), b->score, o->scale);
}

static hone_tensor *angle_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings);
    return hone_cosent(g, hone_angle(g, side(g, u, b, 0), side(g, u, b, 1)), b->score, o->scale);
}

static hone_tensor *cosine_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    (void)o;
    return hone_mean(g, hone_squared_error(g, cosines(g, b), b->score));
}

/* torch's pairwise_distance adds 1e-6 to every difference: equal texts are not at distance 0, and have a gradient. */
static hone_tensor *pair_distance(hone_graph *g, const hone_loss_batch *b, hone_metric metric) {
    hone_tensor *x = side(g, b->embeddings, b, 0), *y = side(g, b->embeddings, b, 1);
    if (metric == HONE_COSINE) return hone_distance(g, x, y, metric);
    hone_tensor *gap = hone_scale(g, hone_add(g, x, 1, y, -1), 1, 1e-6);
    if (!gap) return NULL;
    size_t bytes = (size_t)hone_count(gap) * hone_dtype_size(gap->dtype);
    char *zeros = hone_graph_save(g, bytes);
    for (size_t i = 0; zeros && i < bytes; i++) zeros[i] = 0;
    return zeros ? hone_distance(g, gap, hone_graph_input(g, "", gap->dtype, gap->shape, zeros), metric) : NULL;
}

static hone_tensor *contrastive_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    double *pull = hone_graph_save(g, (size_t)b->B * sizeof *pull),
           *push = hone_graph_save(g, (size_t)b->B * sizeof *push);
    for (int64_t i = 0; pull && push && i < b->B; i++) pull[i] = b->score[i] / 2, push[i] = (1 - b->score[i]) / 2;
    if (!pull || !push) return NULL;
    return hone_mean(g, hone_contrastive(g, pair_distance(g, b, o->metric), pull, push, o->margin));
}

static double value_at(const hone_tensor *d, int64_t i) {
    return d->dtype == HONE_F64 ? hone_f64(d)[i] : (double)hone_f32(d)[i];
}

/* The extreme distance of the other kind, or the mean of one's own where there is no other: what makes a pair hard. */
static double border(const hone_tensor *d, const hone_loss_batch *b, bool of_positives) {
    double other = of_positives ? HUGE_VAL : -HUGE_VAL, sum = 0, n = 0;
    bool any = false;
    for (int64_t i = 0; i < b->B; i++) {
        double x = value_at(d, i);
        if (b->score[i] == (of_positives ? 1 : 0)) sum += x, n++;
        if (b->score[i] != (of_positives ? 0 : 1)) continue;
        other = of_positives ? fmin(other, x) : fmax(other, x);
        any = true;
    }
    return any ? other : sum / n;
}

static hone_tensor *online_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *d = pair_distance(g, b, o->metric);
    double *pull = hone_graph_save(g, (size_t)b->B * sizeof *pull),
           *push = hone_graph_save(g, (size_t)b->B * sizeof *push);
    if (!d || !pull || !push) return NULL;
    double near = border(d, b, true), far = border(d, b, false);
    for (int64_t i = 0; i < b->B; i++) {
        pull[i] = b->score[i] == 1 && value_at(d, i) > near;
        push[i] = b->score[i] == 0 && value_at(d, i) < far;
    }
    return hone_scale(g, hone_mean(g, hone_contrastive(g, d, pull, push, o->margin)), (double)b->B, 0);
}

const hone_loss hone_loss_cosent = {.name = "cosent",
                                    .summary = "pairs with a higher score get a higher cosine",
                                    .min_groups = 2,
                                    .max_groups = 2,
                                    .needs = HONE_LOSS_SCORES,
                                    .default_scale = 20,
                                    .build = cosent_build};

const hone_loss hone_loss_angle = {.name = "angle",
                                   .summary = "cosent over AnglE similarities",
                                   .min_groups = 2,
                                   .max_groups = 2,
                                   .needs = HONE_LOSS_SCORES,
                                   .default_scale = 20,
                                   .build = angle_build};

const hone_loss hone_loss_cosine = {.name = "cosine",
                                    .summary = "squared error between cosine and score",
                                    .min_groups = 2,
                                    .max_groups = 2,
                                    .by_row = true,
                                    .needs = HONE_LOSS_SCORES,
                                    .build = cosine_build};

const hone_loss hone_loss_contrastive = {.name = "contrastive",
                                         .summary = "positives near, negatives beyond a margin",
                                         .min_groups = 2,
                                         .max_groups = 2,
                                         .by_row = true,
                                         .needs = HONE_LOSS_BINARY,
                                         .default_margin = 0.5,
                                         .default_metric = HONE_COSINE,
                                         .build = contrastive_build};

const hone_loss hone_loss_online_contrastive = {.name = "online-contrastive",
                                                .summary = "contrastive over the hard pairs of a batch",
                                                .min_groups = 2,
                                                .max_groups = 2,
                                                .needs = HONE_LOSS_BINARY,
                                                .default_margin = 0.5,
                                                .default_metric = HONE_COSINE,
                                                .build = online_build};
