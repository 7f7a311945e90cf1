/* sentence-transformers' modules around an encoder: pooling, dense, normalise, prompts. Both spellings of their files
 * are read (the class paths and keys of versions 2 to 5.3, and those of 5.4 and later); the older one is written, which
 * all versions read. */
#ifndef HONE_MODELS_SENTENCE_H
#define HONE_MODELS_SENTENCE_H

#include "base/io.h"
#include "base/json.h"
#include "models/model.h"
#include "nn/layers.h"

#define HONE_SENTENCE_MAX_DENSE 8

typedef enum hone_step_kind { HONE_STEP_DENSE, HONE_STEP_NORMALIZE } hone_step_kind;

/* What happens to the pooled vector, in order. */
typedef struct hone_sentence_step {
    hone_step_kind kind;
    hone_linear_layer dense;
    hone_act act;
    char activation[96]; /* the class path, written back as it came */
    int64_t in, out;
    bool bias;
    char dir[HONE_PATH_MAX]; /* a dense module's folder */
    char name[64];           /* prefix of its parameters: "2_Dense.linear" */
} hone_sentence_step;

typedef struct hone_sentence {
    bool has_modules;            /* modules.json was there */
    char encoder[HONE_PATH_MAX]; /* folder of the Transformer module */
    int n_modes;
    hone_pool modes[HONE_POOL_COUNT];
    bool include_prompt;
    int n_steps;
    hone_sentence_step step[2 * HONE_SENTENCE_MAX_DENSE];
    int64_t max_seq_length; /* sentence_bert_config.json; 0 = not given */
    bool lower_case;        /* do_lower_case there: texts are lower-cased before tokenizing */
    json_t *config;         /* config_sentence_transformers.json; NULL = none. Owned */
    char similarity[16];
    int64_t truncate_dim; /* encode() keeps so many dimensions; 0 = all */
} hone_sentence;

/* Read modules.json and what it names from `dir`. pooling: NULL, or the name of a mode that replaces the folder's. */
hone_status hone_sentence_read(const char *dir, const char *pooling, hone_sentence *s);
/* The prompts that every model has, empty where its folder does not say them: query and document. */
bool hone_sentence_has_prompt(const char *name);
void hone_sentence_free(hone_sentence *s);
/* Register the dense layers; width: the encoder's hidden size, checked along the chain. *embedding: the final width. */
hone_status hone_sentence_declare(hone_sentence *s, hone_params *ps, const char *dir, int64_t width,
                                  int64_t *embedding);
/* Everything after the encoder: x [T, C] -> [B, D]. */
hone_tensor *hone_sentence_forward(const hone_sentence *s, hone_graph *g, hone_tensor *x, const hone_model_batch *b);
/* Write modules.json, the modules' folders (weights of dense layers included) and the two configs into `dir`. */
hone_status hone_sentence_write(const hone_sentence *s, const char *dir, int64_t width, int64_t max_length);

/* Name of a pooling mode as modules spell it ("mean"); -1 if it is none. Both spellings are understood. */
int hone_pool_from_name(const char *name);
const char *hone_pool_name(hone_pool mode);

#endif
