/* The inside of the tokenizer room. A tokenizer is a chain of parts, each in its own file: added tokens
 * (added_tokens.c), normalizer (normalizer.c), pre-tokenizer (pretokenizer.c), model (model_wordpiece.c),
 * post-processor (postprocessor.c); tokenizer.c runs the chain, load.c builds it from files, vocabulary.c is the string
 * table. Nothing here changes after hone_tokenizer_open; everything an encoding needs lives in its hone_tokenizer_work.
 */
#ifndef HONE_DATA_TOKENIZER_INTERNAL_H
#define HONE_DATA_TOKENIZER_INTERNAL_H

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/tokenizer/tokenizer.h"

/* ---- growable arrays ---- */

/* Make room for `want` items of `size` bytes in *p; *cap counts items. Old items survive. */
hone_status hone_tok_grow(void **p, size_t *cap, size_t want, size_t size);
#define TOK_GROW(ptr, cap, want)                                                                                       \
    ((want) <= (cap) ? HONE_OK : hone_tok_grow((void **)&(ptr), &(cap), (want), sizeof *(ptr)))

/* ---- strings and their numbers (vocabulary.c) ---- */

/* Open addressing over strings kept in one pool. value = what was stored with the key. */
typedef struct hone_tok_map {
    struct hone_tok_slot {
        uint32_t tag;  /* upper half of the hash */
        int32_t entry; /* index into entries, -1 = free */
    } * slot;
    uint32_t mask;
    struct hone_tok_entry {
        uint64_t at; /* in pool */
        uint32_t n;
        int32_t value;
    } * entry;
    size_t entries, entry_cap;
    char *pool; /* NUL after every string */
    size_t pool_n, pool_cap;
    uint32_t longest; /* bytes of the longest key */
} hone_tok_map;

/* The hash (base/hash.h) is one multiply per byte, so that all prefixes of a word are hashed in one pass. */

/* Room for n strings of `bytes` bytes together. */
hone_status hone_tok_map_reserve(hone_tok_map *m, size_t n, size_t bytes);
/* Add a key that may exist already: then *existing is its entry and nothing changes, else -1. */
hone_status hone_tok_map_add(hone_tok_map *m, const char *key, size_t n, int32_t value, int64_t *existing);
/* Entry of the key head + tail whose hash is h, -1 if there is none. */
int64_t hone_tok_map_find(const hone_tok_map *m, uint64_t h, const char *head, size_t n_head, const char *tail,
                          size_t n_tail);
int64_t hone_tok_map_get(const hone_tok_map *m, const char *key, size_t n); /* entry or -1 */
void hone_tok_map_free(hone_tok_map *m);

/* ---- text with its origin ---- */

/* UTF-8 in the making. Every byte knows which characters of the original text it came from: [begin, end). */
typedef struct hone_tok_text {
    uint8_t *p;
    size_t n, cap;
    int32_t (*align)[2]; /* kept only when `aligned` */
    size_t align_cap;
    bool aligned;
} hone_tok_text;

hone_status hone_tok_text_room(hone_tok_text *t, size_t more); /* bytes still to come */
void hone_tok_text_free(hone_tok_text *t);

/* A stretch of text: ordinary (id -1) or an added token. Bounds are bytes of the normalized text. */
typedef struct hone_tok_split {
    size_t a, b;
    int32_t id;
} hone_tok_split;
typedef struct hone_tok_splits {
    hone_tok_split *p;
    size_t n, cap;
} hone_tok_splits;
static inline hone_status hone_tok_splits_push(hone_tok_splits *s, size_t a, size_t b, int32_t id) {
    if (a >= b) return HONE_OK; /* empty stretches are dropped, as in the reference */
    if (s->n == s->cap) HONE_TRY(TOK_GROW(s->p, s->cap, s->n + 1));
    s->p[s->n++] = (hone_tok_split){a, b, id};
    return HONE_OK;
}

/* Tokens of one text before the post-processor. */
typedef struct hone_tok_token {
    int32_t id;
    int32_t begin, end; /* characters of the original (when offsets are wanted) */
    int32_t n_text;     /* bytes of an added token's text as it was matched; -1 for the model's tokens */
    size_t text;        /* where that is in the normalized text; else the vocabulary's entry */
} hone_tok_token;
typedef struct hone_tok_tokens {
    hone_tok_token *p;
    size_t n, cap;
} hone_tok_tokens;

/* A character of a transformation: change 0 replaces one character, +1 is inserted after the one before, -k replaces
 * one and swallows k more. Origins follow from this alone (normalizer.c). */
typedef struct hone_tok_item {
    uint32_t c;
    int32_t change;
    uint8_t ccc;
} hone_tok_item;

struct hone_tokenizer_work {
    hone_tok_text norm[2]; /* normalized text of first and second */
    hone_tok_text stage[2];
    hone_tok_splits raw, splits, other;
    hone_tok_tokens tokens[2];
    hone_tok_item *items, *items2; /* transformations; a run of combining marks */
    size_t items_cap, items2_cap;
    int32_t (*origins)[2]; /* of that run */
    size_t origins_cap;
    uint64_t *hashes; /* of a word's prefixes */
    size_t hashes_cap;
    struct hone_tok_spelling {
        const char *p;
        size_t n;
    } * spelling; /* per token of the result */
    size_t spelling_cap;
};

/* ---- parts ---- */

typedef enum hone_tok_norm_kind {
    TOK_NORM_BERT,
    TOK_NORM_LOWERCASE,
    TOK_NORM_STRIP_ACCENTS,
    TOK_NORM_NFD,
    TOK_NORM_NFKD,
    TOK_NORM_NFC,
    TOK_NORM_NFKC,
    TOK_NORM_STRIP,
    TOK_NORM_REPLACE,
    TOK_NORM_PREPEND,
} hone_tok_norm_kind;

typedef struct hone_tok_norm_step {
    hone_tok_norm_kind kind;
    bool clean_text, chinese, strip_accents, lowercase; /* BERT */
    bool left, right;                                   /* STRIP */
    char *pattern, *content;                            /* REPLACE; PREPEND uses content */
    size_t n_pattern, n_content;
    uint8_t ascii[128]; /* BERT: what an ASCII byte becomes, 0xFF = nothing */
} hone_tok_norm_step;

typedef enum hone_tok_pre_kind {
    TOK_PRE_BERT,
    TOK_PRE_WHITESPACE,       /* \w+|[^\w\s]+ */
    TOK_PRE_WHITESPACE_SPLIT, /* words between white space */
    TOK_PRE_PUNCTUATION,
    TOK_PRE_CHAR_DELIMITER,
} hone_tok_pre_kind;

typedef enum hone_tok_behavior {
    TOK_REMOVED,
    TOK_ISOLATED,
    TOK_MERGED_WITH_PREVIOUS,
    TOK_MERGED_WITH_NEXT,
    TOK_CONTIGUOUS,
} hone_tok_behavior;

typedef struct hone_tok_pre_step {
    hone_tok_pre_kind kind;
    hone_tok_behavior behavior; /* PUNCTUATION */
    uint32_t delimiter;         /* CHAR_DELIMITER */
} hone_tok_pre_step;

typedef struct hone_tok_wordpiece {
    char *unk, *prefix;
    size_t n_unk, n_prefix;
    int64_t unk_entry; /* of the vocabulary; -1: not there, an error only when it is needed */
    int64_t max_chars;
    uint64_t prefix_hash;
} hone_tok_wordpiece;

typedef struct hone_tok_added {
    char *content;
    size_t n;
    char *shown; /* normalized spelling of a normalized token, which is how the reference shows its id; else NULL */
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
} hone_tok_added;

/* Finds the longest of a set of strings at the leftmost place. */
typedef struct hone_tok_matcher {
    hone_tok_map map;    /* pattern -> index of the added token */
    uint32_t first[257]; /* lengths[first[byte] .. first[byte + 1]) belong to patterns that begin with that byte */
    uint32_t *lengths;   /* descending */
    int only_byte;       /* all patterns begin with it (memchr), else -1 */
    int32_t empty;       /* added token whose normalized spelling is empty, else -1 */
} hone_tok_matcher;

typedef struct hone_tok_template_piece {
    int kind; /* 0 = first text, 1 = second, 2 = special token */
    int32_t type_id;
    int32_t special; /* index into specials */
} hone_tok_template_piece;

typedef struct hone_tok_template {
    hone_tok_template_piece *single, *pair;
    size_t n_single, n_pair;
    struct hone_tok_special {
        char *name; /* as pieces name it */
        int32_t *ids;
        char **spelling;
        size_t n;
    } * special;
    size_t n_special;
    bool trim_offsets, add_prefix_space; /* RoBERTa */
    bool roberta;
} hone_tok_template;

struct hone_tokenizer {
    hone_tok_map vocab; /* the model's, value = id */
    struct hone_tok_name {
        const char *p;
        size_t n;
    } * name; /* by id; p NULL = no such id */
    int64_t name_limit, model_size, size;
    int64_t next_id; /* of the next added token that the vocabulary lacks */
    size_t name_cap;
    hone_tok_norm_step *norm;
    size_t n_norm;
    hone_tok_pre_step *pre;
    size_t n_pre;
    hone_tok_wordpiece wordpiece;
    hone_tok_added *added;
    size_t n_added, added_cap;
    hone_tok_map added_map; /* content -> index in added */
    hone_tok_matcher raw, normalized;
    hone_tok_template post;
    int64_t special_id[HONE_TOKEN_MASK + 1];
    int64_t max_length;
    bool type_ids;      /* the model is given some */
    bool typed;         /* and those of a single text are not all 0 */
    bool cut_left;      /* truncation takes tokens from the front */
    bool split_special; /* text that spells a special token is ordinary text, whoever asks */
    bool cut;           /* vocab.txt does not end in a line end */
};

/* normalizer.c: text [p, p+n), whose first character has number `base` in the original, is normalized and appended to
 * `out`. */
hone_status hone_tok_normalize(const hone_tok_norm_step *step, size_t n_steps, struct hone_tokenizer_work *w,
                               const uint8_t *p, size_t n, int32_t base, hone_tok_text *out);
/* Fill the table of a BERT step from its switches. */
void hone_tok_norm_prepare(hone_tok_norm_step *step);

/* pretokenizer.c: cut the ordinary stretches of w->splits into words. */
hone_status hone_tok_pretokenize(const hone_tok_pre_step *step, size_t n_steps, struct hone_tokenizer_work *w,
                                 const hone_tok_text *text);

/* model_wordpiece.c: tokens of one word, appended. */
hone_status hone_tok_wordpiece_word(const hone_tokenizer *t, struct hone_tokenizer_work *w, const hone_tok_text *text,
                                    size_t a, size_t b, hone_tok_tokens *out);

/* added_tokens.c */
hone_status hone_tok_matcher_build(hone_tok_matcher *m, const hone_tokenizer *t, struct hone_tokenizer_work *w,
                                   bool normalized);
void hone_tok_matcher_free(hone_tok_matcher *m);
/* Stretches of p[0..n): added tokens and what lies between, appended to out with `shift` added to their bounds. */
hone_status hone_tok_match(const hone_tok_matcher *m, const hone_tok_added *added, bool split_special, const uint8_t *p,
                           size_t n, size_t shift, hone_tok_splits *out);

/* postprocessor.c: w->tokens -> e */
int64_t hone_tok_template_count(const hone_tok_template *t, bool pair); /* special tokens */
hone_status hone_tok_post_process(const hone_tokenizer *t, bool pair, const hone_encode_options *o, hone_encoding *e);
void hone_tok_template_free(hone_tok_template *t);

/* tokenizer.c: empties normalizer and pre-tokenizer. */
void hone_tok_parts_free(hone_tokenizer *t);

struct hone_tokenizer_work *hone_tok_work_new(void);
void hone_tok_work_free(struct hone_tokenizer_work *w);

/* ---- loading ---- */

/* load.c: the whole folder. */
hone_status hone_tok_load(const char *folder, hone_tokenizer *t);
/* Everything that follows from added tokens and normalizer together: matchers, and how normalized tokens are shown.
 * Once more after either has changed. */
hone_status hone_tok_index_added(hone_tokenizer *t);
/* Record names by id once the vocabulary is complete. */
hone_status hone_tok_name_ids(hone_tokenizer *t, const char *file);
/* Append an added token (content is copied). Its id: the vocabulary's if it is there, else the next one; file_id
 * >= 0 is what the file says and must agree. A token of the same content keeps its id and takes these flags.
 * file NULL: a name that no file says; its id may be one that a vocabulary with gaps or double lines has given away, as
 * in the reference. */
hone_status hone_tok_add_token(hone_tokenizer *t, const char *file, const hone_tok_added *token, int64_t file_id);

/* A new lot of added tokens begins. The reference numbers those of one lot one after the other, the first by the
 * largest added id before it, or by the size of the vocabulary if that is more: with gaps in the vocabulary ids depend
 * on it. */
void hone_tok_number_on(hone_tokenizer *t);

/* load_json.c: model and added tokens of tokenizer.json; other components through load_parts.c. *pad (pad NULL: not
 * wanted) is a copy of the padding block's pad_token, for hone_free, where there is one. */
hone_status hone_tok_load_json(const char *path, hone_tokenizer *t, char **pad);

/* load_parts.c: one component of tokenizer.json each; null gives an empty one. */
hone_status hone_tok_read_normalizer(const json_t *o, const char *file, hone_tokenizer *t);
hone_status hone_tok_read_pretokenizer(const json_t *o, const char *file, hone_tokenizer *t);
hone_status hone_tok_read_postprocessor(const json_t *o, const char *file, hone_tokenizer *t);
/* [CLS] A [SEP] B [SEP], or <s> A </s></s> B </s> when roberta. */
hone_status hone_tok_template_bert(hone_tok_template *t, bool roberta, const char *cls, int64_t cls_id, const char *sep,
                                   int64_t sep_id);
/* Members that must be there: HONE_E_FORMAT names place, key and what was found. */
hone_status hone_tok_need_bool(const json_t *o, const char *file, const char *place, const char *key, bool *out);
hone_status hone_tok_need_int(const json_t *o, const char *file, const char *place, const char *key, int64_t max,
                              int64_t *out);
hone_status hone_tok_need_string(const json_t *o, const char *file, const char *place, const char *key, char **out,
                                 size_t *n); /* a copy */

#endif
