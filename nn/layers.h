/* Layers: plain structs of parameters, registered under their published names, and their forward. */
#ifndef HONE_NN_LAYERS_H
#define HONE_NN_LAYERS_H

#include "autograd/ops.h"
#include "nn/param.h"

/* y = act(x W^T + b).   w [out, in], b [out] or HONE_ABSENT */
typedef struct hone_linear_layer {
    hone_tensor *w, *b;
} hone_linear_layer;
/* Registers "<name>.weight" and, with bias, "<name>.bias". What hone_params_add refuses, hone_params_allocate reports.
 */
hone_linear_layer hone_linear_declare(hone_params *ps, int64_t in, int64_t out, bool bias, const char *name);
/* n layers over the same input as one: rows of the weight are the layers' one after another (query | key | value). */
hone_linear_layer hone_linear_declare_stacked(hone_params *ps, int64_t in, int64_t out, bool bias, int n,
                                              const char *const *names);
hone_tensor *hone_linear_forward(hone_graph *g, const hone_linear_layer *l, hone_tensor *x, hone_act act);

/* Layer normalisation. */
typedef struct hone_norm_layer {
    hone_tensor *gamma, *beta;
    float eps;
} hone_norm_layer;
hone_norm_layer hone_norm_declare(hone_params *ps, int64_t width, double eps, const char *name);
/* LN(residual + dropout_p(x)); residual may be HONE_ABSENT. */
hone_tensor *hone_norm_forward(hone_graph *g, const hone_norm_layer *l, hone_tensor *x, hone_tensor *residual, float p);

/* A transformer block with the norms after the sums (BERT):
 *     x = LN(x + drop(Wo attention(Wqkv x)));   x = LN(x + drop(W2 act(W1 x))) */
typedef struct hone_post_block {
    hone_linear_layer qkv, output, up, down;
    hone_norm_layer attention_norm, norm;
    hone_act act;
    int heads;
    float hidden_dropout, attention_dropout;
} hone_post_block;
/* x is forgotten (hone_graph_forget): when recording, nobody reads it afterwards. */
hone_tensor *hone_post_block_forward(hone_graph *g, const hone_post_block *l, hone_tensor *x, const hone_sequences *s);
/* Only each sequence's first row of the result, [B, C]: keys and values are made of all rows, everything else of the
 * first ones. For the last block under CLS pooling: three quarters of its work fall away. */
hone_tensor *hone_post_block_first(hone_graph *g, const hone_post_block *l, hone_tensor *x, const hone_sequences *s);

/* config.json's hidden_act; -1 if the name is not known. */
int hone_act_from_name(const char *name);
const char *hone_act_name(hone_act act);

#endif
