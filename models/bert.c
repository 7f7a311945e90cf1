/* BERT: word + type + position embeddings, layer norm, post-norm blocks. Devlin et al. 2018, arXiv:1810.04805; tensor
 * names and order of sums as transformers models/bert/modeling_bert.py. */
#include "models/family.h"
#include "nn/layers.h"

#include <stdio.h>
#include <string.h>

typedef struct bert {
    int64_t vocab, hidden, layers, heads, intermediate, positions, types, padding;
    double eps;
    hone_act act;
    float hidden_dropout, attention_dropout;
    hone_tensor *word, *position, *type;
    hone_norm_layer norm;
    hone_post_block *block;
} bert;

static float probability(double configured, double asked) {
    if (asked > 0) return (float)asked;
    return asked < 0 ? 0 : (float)configured;
}

static hone_status read_probability(const json_t *config, const char *file, const char *key, double asked, float *out) {
    double p;
    HONE_TRY(hone_json_real(config, file, key, 0.1, &p));
    if (!(p >= 0 && (float)p < 1)) /* 1 - p is divided by, in single precision */
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" is %.12g, expected 0 <= p < 1", key, p);
    *out = probability(p, asked);
    return HONE_OK;
}

/* Elsewhere null is as good as absent; here a default in its place would be another model. */
static hone_status refuse_nulls(const json_t *config, const char *file) {
    static const char *const keys[] = {"vocab_size",          "hidden_size",       "num_hidden_layers",
                                       "num_attention_heads", "intermediate_size", "max_position_embeddings",
                                       "type_vocab_size",     "layer_norm_eps",    "hidden_act"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_is_null(json_object_get(config, keys[i])))
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" is null, expected %s", keys[i],
                                i == sizeof keys / sizeof *keys - 1 ? "a string" : "a number");
    return HONE_OK;
}

/* The row of the word table that is never trained: null is none of them, and below 0 they are counted from the end, as
 * torch's padding_idx is. */
static hone_status read_padding(const json_t *config, const char *file, int64_t vocab, int64_t *out) {
    const json_t *v = json_object_get(config, "pad_token_id");
    if (json_is_null(v)) return *out = -1, HONE_OK;
    HONE_TRY(hone_json_int(config, file, "pad_token_id", 0, -vocab, vocab - 1, out));
    if (*out < 0) *out += vocab;
    return HONE_OK;
}

/* transformers 5 can give each layer numbers of its own; passed over, the model would be another one. */
static hone_status refuse_layers(const json_t *config, const char *file) {
    const json_t *v = json_object_get(config, "per_layer_config");
    if (!v || json_is_null(v) || (json_is_object(v) && json_object_size(v) == 0)) return HONE_OK;
    return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                        "\"per_layer_config\" gives layers settings of their own, which Hone does not read");
}

/* What makes another network of the same weights. transformers 5 hands is_causal to every attention, a decoder's or
 * not. */
static hone_status refuse_decoders(const json_t *config, const char *file) {
    static const char *const keys[][2] = {{"is_decoder", "encoders"},
                                          {"add_cross_attention", "encoders by themselves"},
                                          {"is_causal", "encoders that look both ways"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        bool on;
        HONE_TRY(hone_json_bool(config, file, keys[i][0], false, &on));
        if (on)
            return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"%s\" is true, only %s are supported", keys[i][0],
                                keys[i][1]);
    }
    return HONE_OK;
}

static hone_status configure(const json_t *config, const char *file, double dropout, hone_arena *arena, void **self,
                             hone_family_facts *facts) {
    bert *m = hone_arena_zalloc(arena, sizeof *m);
    const char *act, *kind;
    if (!m) return hone_fail(HONE_E_NOMEM, "no memory for the model");
    HONE_TRY(refuse_nulls(config, file));
    HONE_TRY(refuse_layers(config, file));
    HONE_TRY(refuse_decoders(config, file));
    HONE_TRY(hone_json_int(config, file, "vocab_size", 30522, 1, 10000000, &m->vocab));
    HONE_TRY(hone_json_int(config, file, "hidden_size", 768, 1, 65536, &m->hidden));
    HONE_TRY(hone_json_int(config, file, "num_hidden_layers", 12, 0, 1000, &m->layers));
    HONE_TRY(hone_json_int(config, file, "num_attention_heads", 12, 1, 4096, &m->heads));
    HONE_TRY(hone_json_int(config, file, "intermediate_size", 3072, 1, 262144, &m->intermediate));
    HONE_TRY(hone_json_int(config, file, "max_position_embeddings", 512, 1, 1048576, &m->positions));
    HONE_TRY(hone_json_int(config, file, "type_vocab_size", 2, 1, 65536, &m->types));
    HONE_TRY(read_padding(config, file, m->vocab, &m->padding));
    HONE_TRY(hone_json_real(config, file, "layer_norm_eps", 1e-12, &m->eps));
    HONE_TRY(hone_json_string(config, file, "hidden_act", "gelu", &act));
    HONE_TRY(hone_json_string(config, file, "position_embedding_type", "absolute", &kind));
    HONE_TRY(read_probability(config, file, "hidden_dropout_prob", dropout, &m->hidden_dropout));
    HONE_TRY(read_probability(config, file, "attention_probs_dropout_prob", dropout, &m->attention_dropout));
    if (m->hidden % m->heads)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                            "hidden_size %" PRId64 " is not a multiple of num_attention_heads %" PRId64, m->hidden,
                            m->heads);
    if (!(m->eps > 0 && m->eps <= 1))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"layer_norm_eps\" is %g, expected a number above 0, at most 1",
                            m->eps);
    if (hone_act_from_name(act) < 0)
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"hidden_act\" is \"%s\", which Hone does not know",
                            hone_quote(act));
    if (strcmp(kind, "absolute"))
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                            "\"position_embedding_type\" is \"%s\", only \"absolute\" is supported", hone_quote(kind));
    m->act = (hone_act)hone_act_from_name(act);
    m->block = hone_arena_zalloc(arena, (size_t)(m->layers + 1) * sizeof *m->block);
    if (!m->block) return hone_fail(HONE_E_NOMEM, "no memory for %" PRId64 " layers", m->layers);
    *facts = (hone_family_facts){m->hidden, m->layers, m->heads, m->intermediate, m->vocab, m->positions, m->positions};
    *self = m;
    return HONE_OK;
}

static void declare_block(bert *m, hone_params *ps, int64_t i) {
    hone_post_block *l = &m->block[i];
    char text[6][160];
    static const char *const tails[6] = {"attention.self.query", "attention.self.key", "attention.self.value",
                                         "attention.output",     "intermediate.dense", "output"};
    for (int k = 0; k < 6; k++) snprintf(text[k], sizeof text[k], "encoder.layer.%" PRId64 ".%s", i, tails[k]);
    const char *qkv[3] = {text[0], text[1], text[2]};
    char name[200];
    l->qkv = hone_linear_declare_stacked(ps, m->hidden, m->hidden, true, 3, qkv);
    snprintf(name, sizeof name, "%s.dense", text[3]);
    l->output = hone_linear_declare(ps, m->hidden, m->hidden, true, name);
    snprintf(name, sizeof name, "%s.LayerNorm", text[3]);
    l->attention_norm = hone_norm_declare(ps, m->hidden, m->eps, name);
    l->up = hone_linear_declare(ps, m->hidden, m->intermediate, true, text[4]);
    snprintf(name, sizeof name, "%s.dense", text[5]);
    l->down = hone_linear_declare(ps, m->intermediate, m->hidden, true, name);
    snprintf(name, sizeof name, "%s.LayerNorm", text[5]);
    l->norm = hone_norm_declare(ps, m->hidden, m->eps, name);
    l->act = m->act, l->heads = (int)m->heads;
    l->hidden_dropout = m->hidden_dropout, l->attention_dropout = m->attention_dropout;
}

static void declare(void *self, hone_params *ps, bool (*has)(void *ctx, const char *name), void *ctx) {
    bert *m = self;
    m->word = hone_params_add(ps, HONE_PARAM_EMBEDDING, hone_shape_of(2, m->vocab, m->hidden),
                              "embeddings.word_embeddings.weight");
    m->position = hone_params_add(ps, HONE_PARAM_EMBEDDING, hone_shape_of(2, m->positions, m->hidden),
                                  "embeddings.position_embeddings.weight");
    m->type = hone_params_add(ps, HONE_PARAM_EMBEDDING, hone_shape_of(2, m->types, m->hidden),
                              "embeddings.token_type_embeddings.weight");
    m->norm = hone_norm_declare(ps, m->hidden, m->eps, "embeddings.LayerNorm");
    /* Layers beyond the first that the weights lack need no memory: the first is refused. Without weights there are
     * none to miss. */
    bool weights = has(ctx, "embeddings.word_embeddings.weight"), there = true;
    for (int64_t i = 0; i < m->layers && there; i++) {
        char name[80];
        declare_block(m, ps, i);
        snprintf(name, sizeof name, "encoder.layer.%" PRId64 ".attention.self.query.weight", i);
        there = !weights || has(ctx, name);
    }
    /* The pooler is part of the published model; sentence embedders do not read it, and it is written back as it
     * came. */
    if (has(ctx, "pooler.dense.weight")) hone_linear_declare(ps, m->hidden, m->hidden, true, "pooler.dense");
}

/* 0, 1, 2 … in each sequence. */
static const int32_t *positions_of(hone_graph *g, const hone_model_batch *b) {
    int32_t *p = hone_graph_save(g, (size_t)(b->T + 1) * sizeof *p);
    for (int64_t s = 0; p && s < b->B; s++)
        for (int32_t t = b->cu[s]; t < b->cu[s + 1]; t++) p[t] = t - b->cu[s];
    return p;
}

static const int32_t *zeros(hone_graph *g, int64_t n) {
    int32_t *p = hone_graph_save(g, (size_t)(n + 1) * sizeof *p);
    if (p) memset(p, 0, (size_t)n * sizeof *p);
    return p;
}

static hone_tensor *forward(void *self, hone_graph *g, const hone_model_batch *b, int layer) {
    const bert *m = self;
    const int32_t *ids[3] = {b->ids, b->types ? b->types : zeros(g, b->T), positions_of(g, b)};
    if (!ids[1] || !ids[2]) return NULL; /* the arena is failed, and with it the graph */
    hone_sequences s = {.B = b->B, .T = b->T, .cu = b->cu};
    hone_tensor *x =
        hone_embedding(g, 3, (hone_tensor *[]){m->word, m->type, m->position}, ids, b->T, (int32_t)m->padding);
    x = hone_dropout_op(g, hone_norm_forward(g, &m->norm, x, HONE_ABSENT, 0), m->hidden_dropout);
    int64_t layers = layer >= 0 && layer < m->layers ? layer : m->layers;
    hone_tensor *hold = hone_graph_hold(g, x); /* inference: one layer's memory serves all */
    bool first = layer == HONE_FIRST_ROWS && layers > 0;
    for (int64_t i = 0; i < layers - first; i++) {
        hone_arena_mark mark = hone_arena_get_mark(hone_graph_arena(g));
        x = hone_graph_settle(g, mark, hone_post_block_forward(g, &m->block[i], x, &s), hold);
    }
    return first ? hone_post_block_first(g, &m->block[layers - 1], x, &s) : x;
}

static hone_tensor *word_table(void *self) {
    return ((bert *)self)->word;
}

const hone_family hone_family_bert = {.model_type = "bert",
                                      .architecture = "BertModel",
                                      .prefix = "bert.",
                                      .configure = configure,
                                      .declare = declare,
                                      .forward = forward,
                                      .word_table = word_table};
