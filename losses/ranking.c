/* In-batch ranking losses: every other row's document is a negative, unless the rows are of one group. */
#include "losses/loss.h"

static const int32_t *targets(hone_graph *g, int64_t B, int64_t first) {
    int32_t *target = hone_graph_save(g, (size_t)B * sizeof *target);
    for (int64_t i = 0; target && i < B; i++) target[i] = (int32_t)(first + i);
    return target;
}

/* What the texts of row i itself are to the text that looks around. */
typedef enum own_texts {
    OWN_SEEN,        /* its positive and its negatives */
    OWN_NO_ANCHOR,   /* an anchor does not see itself */
    OWN_NO_DOCUMENT, /* a positive sees its anchor, but no document of its row */
} own_texts;

/* The texts from `first` (a block of B begins there) to first+n-1 that row i does not see, as columns from 0; into
 * column if it is not NULL. How many. */
static int64_t list_hidden(const hone_loss_batch *b, int64_t i, int64_t first, int64_t n, own_texts own,
                           int32_t *column) {
    int64_t count = 0;
    for (int64_t base = 0; base < n; base += b->B) {
        bool anchors = first + base == 0;
        if (own == OWN_NO_ANCHOR ? anchors : own == OWN_NO_DOCUMENT && !anchors) {
            if (column) column[count] = (int32_t)(base + i);
            count++;
        }
        for (int64_t row = 0; b->group && b->group[i] >= 0 && row < b->B; row++) {
            if (b->group[row] != b->group[i] || row == i) continue;
            if (column) column[count] = (int32_t)(base + row);
            count++;
        }
    }
    return count;
}

/* Scores z [B, n] of one text of each row with the texts first .. first+n-1 of the batch: hide what is no negative. */
static hone_tensor *hide(hone_graph *g, hone_tensor *z, const hone_loss_batch *b, int64_t first, int64_t n,
                         own_texts own) {
    if (!z || (!b->group && own == OWN_SEEN)) return z;
    int64_t *start = hone_graph_save(g, (size_t)(b->B + 1) * sizeof *start);
    if (!start) return NULL;
    start[0] = 0;
    for (int64_t i = 0; i < b->B; i++) start[i + 1] = start[i] + list_hidden(b, i, first, n, own, NULL);
    if (!start[b->B]) return z;
    int32_t *column = hone_graph_save(g, (size_t)start[b->B] * sizeof *column);
    if (!column) return NULL;
    for (int64_t i = 0; i < b->B; i++) list_hidden(b, i, first, n, own, column + start[i]);
    return hone_hide(g, z, &(hone_hidden){start, column});
}

/* log sum exp - score of the target, for the texts from `from` of each row looking at the n texts from `first`. u: unit
 * rows. */
static hone_tensor *look(hone_graph *g, hone_tensor *u, const hone_loss_batch *b, int64_t from, int64_t first,
                         int64_t n, int64_t target, own_texts own, double scale) {
    const int32_t *at = targets(g, b->B, target - first);
    if (!u || !at) return NULL;
    hone_tensor *z = hone_matmul(g, hone_row_range(g, u, from, b->B), false, hone_row_range(g, u, first, n), true);
    return hone_softmax_xent(g, hide(g, z, b, first, n, own), at, scale);
}

static hone_tensor *mnr_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings);
    return hone_mean(g, look(g, u, b, 0, b->B, (b->G - 1) * b->B, b->B, OWN_SEEN, o->scale));
}

static hone_tensor *symmetric_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings);
    hone_tensor *forth = look(g, u, b, 0, b->B, (b->G - 1) * b->B, b->B, OWN_SEEN, o->scale);
    hone_tensor *back = look(g, u, b, b->B, 0, b->B, 0, OWN_SEEN, o->scale);
    return hone_mean(g, hone_add(g, forth, 0.5, back, 0.5));
}

/* Anchors and positives each look at every text of the batch. Both partitions are relative to the same score, s(a_i,
 * p_i), so the joint one is their log-add. */
static hone_tensor *gte_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings);
    hone_tensor *forth = look(g, u, b, 0, 0, b->G * b->B, b->B, OWN_NO_ANCHOR, o->scale);
    hone_tensor *back = look(g, u, b, b->B, 0, b->G * b->B, 0, OWN_NO_DOCUMENT, o->scale);
    return hone_mean(g, hone_logaddexp(g, forth, back));
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

const hone_loss hone_loss_gte = {.name = "gte",
                                 .summary = "one softmax over all four directions between anchors and documents",
                                 .min_groups = 2,
                                 .in_batch = true,
                                 .default_scale = 20,
                                 .build = gte_build};
