#include "nn/layers.h"

#include <stdio.h>
#include <string.h>

static void join(char out[512], const char *name, const char *tail) {
    snprintf(out, 512, "%s.%s", name, tail);
}

hone_linear_layer hone_linear_declare_stacked(hone_params *ps, int64_t in, int64_t out, bool bias, int n,
                                              const char *const *names) {
    char text[2][HONE_PARAM_PARTS][512];
    const char *weight[HONE_PARAM_PARTS], *offset[HONE_PARAM_PARTS];
    if (n > HONE_PARAM_PARTS) /* refuses */
        return (hone_linear_layer){hone_params_add_stacked(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, out, in), n, names),
                                   HONE_ABSENT};
    for (int i = 0; i < n; i++) {
        join(text[0][i], names[i], "weight");
        join(text[1][i], names[i], "bias");
        weight[i] = text[0][i], offset[i] = text[1][i];
    }
    hone_linear_layer l = {.b = HONE_ABSENT};
    l.w = hone_params_add_stacked(ps, HONE_PARAM_WEIGHT, hone_shape_of(2, out, in), n, weight);
    if (bias) l.b = hone_params_add_stacked(ps, HONE_PARAM_BIAS, hone_shape_of(1, out), n, offset);
    return l;
}

hone_linear_layer hone_linear_declare(hone_params *ps, int64_t in, int64_t out, bool bias, const char *name) {
    return hone_linear_declare_stacked(ps, in, out, bias, 1, &name);
}

hone_tensor *hone_linear_forward(hone_graph *g, const hone_linear_layer *l, hone_tensor *x, hone_act act) {
    return hone_linear(g, x, l->w, l->b, act);
}

hone_norm_layer hone_norm_declare(hone_params *ps, int64_t width, double eps, const char *name) {
    char text[512];
    hone_norm_layer l = {.eps = (float)eps};
    join(text, name, "weight");
    l.gamma = hone_params_add(ps, HONE_PARAM_NORM, hone_shape_of(1, width), text);
    join(text, name, "bias");
    l.beta = hone_params_add(ps, HONE_PARAM_NORM, hone_shape_of(1, width), text);
    return l;
}

hone_tensor *hone_norm_forward(hone_graph *g, const hone_norm_layer *l, hone_tensor *x, hone_tensor *residual,
                               float p) {
    return hone_layernorm(g, x, residual, l->gamma, l->beta, l->eps, p);
}

static hone_tensor *residual_norm(hone_graph *g, const hone_norm_layer *l, hone_tensor *x, hone_tensor *residual,
                                  float p) {
    return hone_residual_layernorm(g, x, residual, l->gamma, l->beta, l->eps, p);
}

/* From what attention read of x to the block's end; x and context are the same rows. Sums are kept for backward, the
 * norms' results are made of them again: a sixth of a block's memory for less than a hundredth of its time. */
static hone_tensor *post_block_rest(hone_graph *g, const hone_post_block *l, hone_tensor *x, hone_tensor *context) {
    hone_tensor *attended = hone_linear_forward(g, &l->output, context, HONE_ACT_NONE);
    hone_tensor *middle = residual_norm(g, &l->attention_norm, attended, x, l->hidden_dropout);
    hone_tensor *fed = hone_mlp(g, middle, l->up.w, l->up.b, l->down.w, l->down.b, l->act);
    hone_tensor *y = residual_norm(g, &l->norm, fed, middle, l->hidden_dropout);
    hone_graph_forget(g, x);
    hone_graph_forget(g, middle);
    return y;
}

hone_tensor *hone_post_block_forward(hone_graph *g, const hone_post_block *l, hone_tensor *x, const hone_sequences *s) {
    hone_tensor *qkv = hone_linear_forward(g, &l->qkv, x, HONE_ACT_NONE);
    return post_block_rest(g, l, x, hone_attention(g, qkv, s, l->heads, l->attention_dropout));
}

hone_tensor *hone_post_block_first(hone_graph *g, const hone_post_block *l, hone_tensor *x, const hone_sequences *s) {
    hone_tensor *qkv = hone_linear_forward(g, &l->qkv, x, HONE_ACT_NONE);
    hone_tensor *context = hone_attention_first(g, qkv, s, l->heads, l->attention_dropout);
    hone_tensor *rows = hone_pooling(g, x, s, 1, (hone_pool[]){HONE_POOL_CLS}, NULL);
    hone_graph_forget(g, x);
    return post_block_rest(g, l, rows, context);
}

static const struct {
    const char *name;
    hone_act act;
} act_names[] = {{"gelu", HONE_ACT_GELU},
                 {"gelu_new", HONE_ACT_GELU_TANH},
                 {"gelu_pytorch_tanh", HONE_ACT_GELU_TANH},
                 {"gelu_fast", HONE_ACT_GELU_TANH},
                 {"gelu_accurate", HONE_ACT_GELU_TANH},
                 {"gelu_python_tanh", HONE_ACT_GELU_TANH},
                 {"gelu_python", HONE_ACT_GELU},
                 {"quick_gelu", HONE_ACT_QUICK_GELU},
                 {"relu", HONE_ACT_RELU},
                 {"silu", HONE_ACT_SILU},
                 {"swish", HONE_ACT_SILU},
                 {"tanh", HONE_ACT_TANH},
                 {"sigmoid", HONE_ACT_SIGMOID},
                 {"linear", HONE_ACT_NONE}};

int hone_act_from_name(const char *name) {
    for (size_t i = 0; i < sizeof act_names / sizeof *act_names; i++)
        if (!strcmp(act_names[i].name, name)) return (int)act_names[i].act;
    return -1;
}

const char *hone_act_name(hone_act act) {
    for (size_t i = 0; i < sizeof act_names / sizeof *act_names; i++)
        if (act_names[i].act == act) return act_names[i].name;
    return "?";
}
