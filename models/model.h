/* Models: open a published folder, embed texts, write the folder back.
 *
 *     hone_model *m;
 *     HONE_TRY(hone_model_open("sentence-transformers/all-MiniLM-L6-v2", &(hone_model_options){.train = true}, &m));
 *     hone_tensor *e = hone_model_encode(m, g, &batch);          // [B, D], on the tape
 *     HONE_TRY(hone_model_save(m, "out/best_model"));
 *
 * A folder is config.json, weights (safetensors, one file or shards), tokenizer files and, for sentence-transformers,
 * modules.json with the folders it names. Without modules.json it is a bare encoder with mean pooling, and as in
 * sentence-transformers sentence_bert_config.json and config_sentence_transformers.json are not read. The family is
 * config.json's model_type; each family is one file (bert.c) behind hone_family. Refused, because the files mean
 * another model than the one that would run: modules of other code than sentence-transformers', a model_type in
 * config_sentence_transformers.json that is not SentenceTransformer, adapter_config.json, is_causal. */
#ifndef HONE_MODELS_MODEL_H
#define HONE_MODELS_MODEL_H

#include "autograd/ops.h"
#include "base/json.h"
#include "data/tokenizer/tokenizer.h"
#include "nn/param.h"
#include "tensor/prepared.h"

/* An opened model. One thread at a time; different models, different threads. */
typedef struct hone_model hone_model;

/* How to open; NULL or zeros: for inference, as the folder says. */
typedef struct hone_model_options {
    hone_dtype dtype; /* 0: F32. F64: gradient checks */
    bool train; /* allocate gradients. false: for inference; weights are laid out for the kernels and cannot be saved */
    hone_precision precision; /* of the Linear products: 0: F32; INT8 for inference alone */
    double dropout;           /* > 0, below 1: replaces config.json's probabilities; 0: as configured; < 0: none */
    int64_t max_length;       /* 0: as the folder says. Never beyond the positions that the model has */
    const char *pooling;      /* NULL: as the folder says; else one of the modes' names */
} hone_model_options;

/* `name`: a folder, or org/name looked up in the local Hugging Face cache (never on the network). Errors: HONE_E_ARG
 * for options that exclude each other, or that no model has; HONE_E_IO / FORMAT / SHAPE / UNSUPPORTED with the file and
 * both numbers; nothing is left open. */
hone_status hone_model_open(const char *name, const hone_model_options *o, hone_model **out);
void hone_model_close(hone_model *m); /* accepts NULL */

/* A model without files: the encoder that `config` (as in config.json, borrowed) describes, mean pooling, unit length;
 * weights N(0, initializer_range), norms 1 and 0. It has no tokenizer and cannot be saved. For benches and experiments.
 * Errors: those of a config.json (HONE_E_FORMAT, HONE_E_UNSUPPORTED), HONE_E_NOMEM. */
hone_status hone_model_make(const json_t *config, const hone_model_options *o, uint64_t seed, hone_model **out);

/* Write the whole folder: weights as F32 safetensors, config.json with every unknown key kept, tokenizer files byte for
 * byte (but for model_max_length in tokenizer_config.json, which becomes the model's max_length: transformers cuts
 * texts there), sentence-transformers' modules in the form that all its versions from 2 on read. The folder appears
 * complete or not at all (a temporary beside it is renamed); one that is there is replaced. HONE_E_IO, HONE_E_NOMEM;
 * HONE_E_ARG for a model that was opened for inference or in F64, or made without files. */
hone_status hone_model_save(hone_model *m, const char *dir);

/* ---- what a model is, to the training loop ---- */

/* Its parameters, owned by the model. */
hone_params *hone_model_params(hone_model *m);

/* B sequences, packed. All borrowed until the next hone_graph_begin. */
typedef struct hone_model_batch {
    int64_t B, T;
    const int32_t *ids;   /* [T] */
    const int32_t *types; /* [T], NULL: those that the tokenizer gives with single texts, zeros nearly always */
    const int32_t *cu;    /* [B+1] */
    const int32_t *skip;  /* [B] tokens that pooling leaves out, NULL: none */
} hone_model_batch;

/* Embeddings [B, D]: encoder, pooling and whatever modules follow. Like all builders: NULL when it fails, the graph
 * keeps why. An id outside the vocabulary, a sequence longer than the positions or without a token, or a cu that does
 * not cut 0 .. T into sequences is HONE_E_SHAPE. */
hone_tensor *hone_model_encode(hone_model *m, hone_graph *g, const hone_model_batch *b);
/* Hidden states [T, C], C = info.hidden, before pooling: the output of layer `layer` (0: the embeddings, 1 ..
 * info.layers: that block), as transformers' output_hidden_states has them. -1: of the last one. Computes up to that
 * layer and no further. Another number is HONE_E_ARG. */
hone_tensor *hone_model_hidden(hone_model *m, hone_graph *g, const hone_model_batch *b, int layer);

/* ---- facts ---- */

/* Facts; everything is owned by the model. hidden, layers … are config.json's numbers. */
typedef struct hone_model_info {
    const char *dir;    /* resolved folder */
    const char *family; /* model_type */
    int64_t hidden, layers, heads, intermediate, vocab, positions;
    int64_t embedding; /* D */
    /* of those, what hone_model_embed gives: truncate_dim of config_sentence_transformers.json, else D */
    int64_t kept;
    int64_t max_length; /* tokens, special ones included */
    int64_t parameters;
    hone_precision precision; /* as opened: for hone_graph_mode */
    const char *similarity;   /* cosine, dot, euclidean, manhattan */
    /* what transformers 5 computes in: dtype of config.json, else that of the weights ("float32", "bfloat16" …) */
    const char *stated;
} hone_model_info;
/* Valid until the model is closed. */
const hone_model_info *hone_model_get_info(const hone_model *m);
/* NULL for a model of hone_model_make. */
const hone_tokenizer *hone_model_tokenizer(const hone_model *m);
/* The table that token ids look up (hone_optim_catch_up). */
hone_tensor *hone_model_word_table(const hone_model *m);
/* Text of a named prompt of config_sentence_transformers.json, NULL if there is none; name NULL: the default prompt (""
 * if none). Every model has the prompts query and document, empty where the folder does not say them, as in
 * sentence-transformers: so its encode_query and encode_document never put the default prompt before a text. */
const char *hone_model_prompt(const hone_model *m, const char *name);

/* HONE_E_FORMAT when the file of weights that this model reads in place was written to or cut since it was opened. */
hone_status hone_model_check(const hone_model *m);

/* Pooling leaves the prompt's tokens out (include_prompt false): hone_model_batch.skip is wanted. */
bool hone_model_skips_prompt(const hone_model *m);
/* How many tokens that is for a prompt: [CLS] and the prompt's own, not the closing special token. 0 when pooling takes
 * everything. Errors: those of hone_tokenizer_encode. */
hone_status hone_model_prompt_tokens(const hone_model *m, const char *prompt, int32_t *n);

/* ---- embedding texts ---- */

/* A text: n bytes of UTF-8, no NUL needed; borrowed. */
typedef struct hone_text {
    const char *p;
    size_t n;
} hone_text;

/* NULL or zeros are the usual call. */
typedef struct hone_embed_options {
    const char *prompt;   /* put before every text; NULL: the model's default prompt */
    int64_t batch_tokens; /* most tokens in one forward, 0: 1024 */
    bool normalize;       /* to unit length, if the modules have not */
    /* keep the first so many dimensions (before normalising); 0: as the folder says (info.kept) */
    int64_t truncate;
    void (*progress)(void *ctx, int64_t done, int64_t total); /* NULL: none */
    const volatile int *stop; /* a sig_atomic_t; not NULL and not 0: HONE_E_STOPPED before the next batch */
    void *ctx;
} hone_embed_options;

/* out [n, truncate or info.kept]. Texts are tokenized on all threads, sorted by length, embedded in packed batches. The
 * step arena of `g` is used and reset. cut: how many texts were longer than max_length (NULL: not wanted). o NULL:
 * defaults. Errors: HONE_E_FORMAT (a text that is not UTF-8; weights whose file was changed since the model was
 * opened), HONE_E_ARG (truncate beyond D, a number below 0, no tokenizer), HONE_E_NUMERIC (a vector that holds NaN or
 * infinity: of a broken model, or of weights too large), HONE_E_NOMEM; `out` is then as it was. */
hone_status hone_model_embed(hone_model *m, hone_graph *g, const hone_text *texts, int64_t n,
                             const hone_embed_options *o, float *out, int64_t *cut);

/* The folder a name stands for: itself if it is one, else the snapshot in the Hugging Face cache (HF_HUB_CACHE,
 * HF_HOME, else ~/.cache/huggingface; ~ and $NAME in them are expanded); a name without organisation that is not there
 * is sentence-transformers/NAME. HONE_E_FORMAT when it is neither, HONE_E_ARG for an empty name, HONE_E_LIMIT for a
 * path too long. */
hone_status hone_model_find(const char *name, char dir[4096]);

#endif
