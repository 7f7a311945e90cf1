#include "losses/loss.h"

#include <string.h>

const hone_loss *const hone_losses[] = {&hone_loss_mnr,
                                        &hone_loss_mnr_symmetric,
                                        &hone_loss_gte,
                                        &hone_loss_triplet,
                                        &hone_loss_batch_hard,
                                        &hone_loss_batch_hard_soft_margin,
                                        &hone_loss_semi_hard,
                                        &hone_loss_batch_all,
                                        &hone_loss_cosent,
                                        &hone_loss_cosine,
                                        &hone_loss_angle,
                                        &hone_loss_contrastive,
                                        &hone_loss_online_contrastive,
                                        NULL};

const hone_loss *hone_loss_find(const char *name) {
    for (int i = 0; hone_losses[i]; i++)
        if (!strcmp(hone_losses[i]->name, name)) return hone_losses[i];
    return NULL;
}

/* The longest of the lengths not yet taken; lengths are few. */
static int64_t longest_below(const hone_loss_options *o, int64_t limit) {
    int64_t best = 0;
    for (int i = 0; i < o->n_dims; i++)
        if (o->dims[i] < limit && o->dims[i] > best) best = o->dims[i];
    return best;
}

static hone_tensor *matryoshka(hone_graph *g, const hone_loss *loss, const hone_loss_batch *b,
                               const hone_loss_options *o) {
    hone_tensor *sum = NULL;
    int64_t D = b->embeddings ? hone_dim(b->embeddings, 1) : 0, longest = longest_below(o, INT64_MAX);
    if (b->embeddings && longest > D)
        return hone_graph_refuse(g, hone_fail(HONE_E_ARG,
                                              "Matryoshka: length %" PRId64 ", embeddings have %" PRId64 " dimensions",
                                              longest, D));
    for (int64_t k = longest; k > 0; k = longest_below(o, k)) {
        hone_loss_batch prefix = *b;
        prefix.embeddings = hone_normalize(g, k < D ? hone_columns(g, b->embeddings, k) : b->embeddings);
        hone_tensor *l = loss->build(g, &prefix, o);
        if (!l) return NULL;
        sum = sum ? hone_add(g, sum, 1, l, 1) : l;
    }
    return sum;
}

hone_tensor *hone_loss_build(hone_graph *g, const hone_loss *loss, const hone_loss_batch *b,
                             const hone_loss_options *o) {
    if (!loss->build) return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "loss %s has no build", loss->name));
    hone_tensor *l = o->n_dims > 0 ? matryoshka(g, loss, b, o) : loss->build(g, b, o);
    if (!l && hone_graph_status(g) == HONE_OK)
        hone_graph_refuse(
            g, hone_fail(HONE_E_ARG, "loss %s gave nothing for %" PRId64 " rows of %d texts", loss->name, b->B, b->G));
    return l;
}
