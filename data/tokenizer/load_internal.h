/* Between load.c, which reads a folder, and load_added.c, which knows its special and added tokens. */
#ifndef HONE_DATA_TOKENIZER_LOAD_INTERNAL_H
#define HONE_DATA_TOKENIZER_LOAD_INTERNAL_H

#include "base/io.h"
#include "base/json.h"
#include "data/tokenizer/internal.h"

/* In transformers' order, which is the order in which new ones get their ids. */
enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, HONE_TOK_ROLES };
extern const char *const hone_tok_role_keys[HONE_TOK_ROLES]; /* "bos_token" … */

typedef enum hone_tok_family { FAMILY_UNSAID, FAMILY_BERT, FAMILY_MPNET, FAMILY_OTHER } hone_tok_family;

typedef struct hone_tok_folder {
    const char *path;
    char config_path[HONE_PATH_MAX], map_path[HONE_PATH_MAX], added_path[HONE_PATH_MAX], main_path[HONE_PATH_MAX];
    char model_path[HONE_PATH_MAX];
    json_t *config, *map, *added; /* NULL = no such file */
    json_t *model;                /* config.json, read where tokenizer_config.json does not say the class */
    bool from_json;
    hone_tok_family family;
    bool no_types; /* a class whose models are not given type ids */
    /* a class of BERT's that has no code of its own: tokenizer.json is taken but for the post_processor */
    bool derived;
    bool lower;                          /* a class that hears nothing of do_lower_case: texts are always lower-cased */
    char *pad;                           /* pad_token of tokenizer.json's padding block; NULL = none */
    hone_tok_added role[HONE_TOK_ROLES]; /* content NULL = none; owned */
    const char *role_said[HONE_TOK_ROLES]; /* the file that says it (null counts), NULL = none does */
    bool role_plain[HONE_TOK_ROLES];       /* a string, not an object with flags */
} hone_tok_folder;

/* The class is rebuilt from its special tokens, as in transformers 5: of tokenizer.json only vocabulary and added
 * tokens count. A vocab.txt whose class nobody says is BERT's. */
bool hone_tok_is_bert(const hone_tok_folder *f);
/* Fill role and role_said from the files; a role that none of them says takes its name from `names` (NULL: none). */
hone_status hone_tok_read_roles(hone_tok_folder *f, const char *const *names);
/* Everything that the files around name, on top of the added tokens that tokenizer.json gave. */
hone_status hone_tok_add_around(const hone_tok_folder *f, hone_tokenizer *t);

#endif
