/* Families of encoders: each is one file that fills this table. */
#ifndef HONE_MODELS_FAMILY_H
#define HONE_MODELS_FAMILY_H

#include "base/json.h"
#include "models/model.h"

/* What a family's encoder has to say about itself; filled by configure. */
typedef struct hone_family_facts {
    int64_t hidden, layers, heads, intermediate, vocab, positions;
    int64_t usable_positions; /* tokens that a text may have (positions, less what the family reserves) */
} hone_family_facts;

/* What forward is asked for beside a layer's number: all rows of the last layer, or each sequence's first row of it. */
#define HONE_ALL_ROWS (-1)
#define HONE_FIRST_ROWS (-2)

/* A family. `self` is its own struct: made by configure, handed to the others, gone with the model's arena. */
typedef struct hone_family {
    const char *model_type;   /* config.json */
    const char *architecture; /* written to config.json: the class whose names we write */
    const char *prefix;       /* of task classes, may stand before every name in a file: "bert." */
    /* Read config.json (checked, with ranges) into the family's own struct, allocated in `arena`, and say what it is.
     * file: its path, for messages. dropout: hone_model_options.dropout, above 0 in place of the file's probabilities,
     * 0 as they are, below 0 none. HONE_E_FORMAT, HONE_E_UNSUPPORTED, HONE_E_NOMEM. */
    hone_status (*configure)(const json_t *config, const char *file, double dropout, hone_arena *arena, void **self,
                             hone_family_facts *facts);
    /* Register parameters under their classic names without prefix. has(ctx, name) tells whether the weights hold a
     * tensor of that name: for optional parts. What hone_params_add refuses needs no look here. */
    void (*declare)(void *self, hone_params *ps, bool (*has)(void *ctx, const char *name), void *ctx);
    /* Hidden states [T, hidden] of a batch whose cu has been checked; layer 0 .. layers: the embeddings or that block's
     * output, HONE_ALL_ROWS: the last one's, HONE_FIRST_ROWS: of that only each sequence's first row, [B, hidden]. NULL
     * with the graph failed. */
    hone_tensor *(*forward)(void *self, hone_graph *g, const hone_model_batch *b, int layer);
    /* The table that token ids look up, as declared. */
    hone_tensor *(*word_table)(void *self);
} hone_family;

/* BERT and what has its layout (bert.c). */
extern const hone_family hone_family_bert;

#endif
