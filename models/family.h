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

#define HONE_ALL_ROWS (-1)
#define HONE_FIRST_ROWS (-2)

typedef struct hone_family {
    const char *model_type;   /* config.json */
    const char *architecture; /* written to config.json: the class whose names we write */
    const char *prefix;       /* of task classes, may stand before every name in a file: "bert." */
    /* Read config.json (checked, with ranges) into the family's own struct, allocated in `arena`. has(ctx, name) tells
     * whether the weights hold a tensor of that base name: for optional parts. */
    hone_status (*configure)(const json_t *config, const char *file, double dropout, hone_arena *arena, void **self,
                             hone_family_facts *facts);
    /* Register parameters under their classic names without prefix. */
    void (*declare)(void *self, hone_params *ps, bool (*has)(void *ctx, const char *name), void *ctx);
    /* Hidden states [T, hidden]; layer >= 0 stops after that layer; HONE_FIRST_ROWS: of the last layer only each
     * sequence's first row, [B, hidden]. */
    hone_tensor *(*forward)(void *self, hone_graph *g, const hone_model_batch *b, int layer);
    /* The table of token ids. */
    hone_tensor *(*word_table)(void *self);
} hone_family;

extern const hone_family hone_family_bert;

#endif
