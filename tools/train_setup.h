/* What `hone train` settles before the loop starts: which loss goes with which task, its numbers, and which parameters
 * are trained at what rate. */
#ifndef HONE_TOOLS_TRAIN_SETUP_H
#define HONE_TOOLS_TRAIN_SETUP_H

#include "data/roles.h"
#include "losses/loss.h"
#include "models/model.h"
#include "tools/options.h"

/* The words of --loss, those available and those to come. */
#define HONE_TRAIN_LOSSES                                                                                              \
    "mnr|mnr-symmetric|gte|triplet|batch-hard|batch-hard-soft-margin|semi-hard|batch-all|cosent|cosine|angle|"         \
    "contrastive|online-contrastive"
#define HONE_TRAIN_LOSSES_LATER "bce|ce-mnr|lambda|listnet|listmle|plistmle|ranknet|mse|margin-mse|sigmoid|clip|ce|kl"

/* The loss of this name, NULL: the task's first; HONE_E_ARG where it does not go with the task. */
hone_status hone_train_loss_of(const char *task, const char *name, const hone_loss **out);
/* --loss, or the task's first; HONE_E_ARG where it does not go with --task, --group, --no-duplicates. */
hone_status hone_train_choose_loss(const hone_options *o, const hone_loss **out);
/* What its rows look like; of those to judge by, which may bring graded scores to a loss that learns from labels. */
hone_row_kind hone_train_row_kind(const hone_options *o, const hone_loss *loss, bool eval);
/* --scale, --margin, --distance, --matryoshka, or the loss's defaults. D: the embeddings' dimension. HONE_E_ARG. */
hone_status hone_train_loss_options(const hone_options *o, const hone_loss *loss, int64_t D, hone_loss_options *out);
/* --freeze and --lr-scale. HONE_E_ARG for a pattern that matches nothing, and when nothing is left to train. */
hone_status hone_train_set_parameters(const hone_options *o, hone_model *m);

#endif
