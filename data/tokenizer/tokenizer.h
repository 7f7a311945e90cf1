/* Tokenizers: text to token ids, the same numbers that the Hugging Face tokenizers library gives.
 *
 *   text --added tokens--> pieces --normalizer--> --pre-tokenizer--> words --WordPiece--> ids
 *        --truncation--> --post-processor ([CLS] A [SEP] B [SEP])--> encoding
 *
 * This page covers the BERT family: WordPiece, cased and uncased. BPE and Unigram models are refused by name
 * (HONE_E_UNSUPPORTED). A tokenizer is read-only once opened and may be used by any number of threads; each thread
 * keeps its own hone_encoding, whose memory is reused, so that a warm loop does not allocate.
 *
 *     hone_tokenizer *t;
 *     HONE_TRY(hone_tokenizer_open(folder, &t));
 *     hone_encoding e = {0};
 *     hone_encode_options o = {.max_length = 256};
 *     HONE_TRY(hone_tokenizer_encode(t, text, strlen(text), NULL, 0, &o, &e));
 *     … e.ids[0 .. e.n-1] …
 *     hone_encoding_free(&e);
 *     hone_tokenizer_free(t);
 *
 * Source: tokenizers 0.23, transformers 5.23; checked on every code point and on millions of made-up texts by
 * tests/golden/tokenizer/check_parity.py. */
#ifndef HONE_DATA_TOKENIZER_TOKENIZER_H
#define HONE_DATA_TOKENIZER_TOKENIZER_H

#include "base/status.h"

/* More ids than this in one vocabulary: HONE_E_LIMIT. */
#define HONE_TOKENIZER_MAX_IDS 10000000
/* The longest text hone_tokenizer_encode takes, in bytes (offsets are int32): HONE_E_LIMIT beyond. */
#define HONE_TOKENIZER_MAX_TEXT ((size_t)256 << 20)

/* An opened tokenizer: read-only, for any number of threads. */
typedef struct hone_tokenizer hone_tokenizer;

/* Open a model folder. tokenizer.json if it exists, else vocab.txt (one token a line, id = line number from 0).
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json are read where present: they give the special
 * tokens' roles and model_max_length. When tokenizer_class is BertTokenizer or a relative of it (or is not said, and
 * config.json's model_type is bert or a relative), the class decides as in transformers 5: of tokenizer.json
 * vocabulary and added tokens count, while normalizer (do_lower_case, strip_accents, tokenize_chinese_chars), pre-
 * tokenizer, unknown token and the tokens around a text are the class's, with the names that tokenizer_config.json
 * gives; a name that the vocabulary lacks is refused. Other classes take tokenizer.json as it is. Special tokens also
 * come from additional_special_tokens or extra_special_tokens (a list, or an object of names and tokens) and from
 * every other key that ends in _token; special_tokens_map.json counts only where tokenizer_config.json has no
 * added_tokens_decoder. Where that decoder is there it is the list of added tokens, with their flags; else
 * added_tokens.json counts beside tokenizer.json. New ones are numbered on in transformers' order, the class's own
 * names that the vocabulary lacks ([PAD], [MASK]) among them. split_special_tokens makes text that spells one ordinary
 * text. The truncation and padding blocks of tokenizer.json are ignored, but for the side that truncation takes tokens
 * from, which truncation_side of tokenizer_config.json overrules, and for the pad_token of a class that has none.
 * fast_tokenizer_files, which leads transformers to another file than tokenizer.json, is HONE_E_UNSUPPORTED.
 *   errors  HONE_E_IO (no such folder, neither file), HONE_E_FORMAT (file and place named), HONE_E_LIMIT,
 *           HONE_E_UNSUPPORTED (a component Hone does not have, by name), HONE_E_NOMEM; *out is untouched. */
hone_status hone_tokenizer_open(const char *folder, hone_tokenizer **out);
void hone_tokenizer_free(hone_tokenizer *t); /* accepts NULL */
/* Lower-case texts before everything else, unless a Lowercase step is there already: what sentence-transformers does
 * for a folder whose sentence_bert_config.json says do_lower_case. Call it right after opening. HONE_E_NOMEM. */
hone_status hone_tokenizer_lower_case(hone_tokenizer *t);

/* ---- encoding ---- */

/* What is cut when ids (special tokens included) exceed max_length. Tokens fall off the end, or off
 * the beginning where the folder says so (truncation_side left). */
typedef enum hone_truncation {
    HONE_TRUNCATE_LONGEST_FIRST =
        0, /* the longer text gives way first; an odd token goes to the longer, on ties the second */
    HONE_TRUNCATE_ONLY_FIRST,
    HONE_TRUNCATE_ONLY_SECOND,
} hone_truncation;

/* Zeros are the usual call: no truncation, special tokens added, no offsets. */
typedef struct hone_encode_options {
    int64_t max_length;         /* most ids in the result, special tokens included; 0 = no limit */
    hone_truncation truncation; /* used when max_length > 0 */
    bool no_special_tokens;     /* leave out [CLS], [SEP] (type ids are still given) */
    bool split_special_tokens;  /* text that spells a special token is ordinary text (default: it is that token) */
    bool want_offsets;          /* fill offsets, and keep what hone_encoding_token needs */
} hone_encode_options;

/* The result. Start from {0}; every call overwrites it, keeping its memory; hone_encoding_free gives that back. All
 * arrays have n entries and stay valid until the next call with this encoding. */
typedef struct hone_encoding {
    int64_t n;
    int32_t *ids;
    int32_t *type_ids; /* 0 for the first text and its special tokens, 1 for the second (as the post-processor says) */
    uint8_t *special;  /* 1 = added by the post-processor */
    int8_t *sequence;  /* 0 = first text, 1 = second text, -1 = added by the post-processor */
    int32_t (
        *offsets)[2]; /* want_offsets only: [begin, end) in characters (code points) of that text; [0, 0] for special */
    int64_t capacity;
    struct hone_tokenizer_work *work; /* private */
} hone_encoding;

/* Encode one text, or a pair when `second` is not NULL (an empty second text is still a pair: pass "" and 0).
 *   text, second  UTF-8, n and n2 bytes, may contain NUL; borrowed
 *   errors  HONE_E_FORMAT  not UTF-8 (byte named)
 *           HONE_E_ARG     max_length below the number of special tokens, or only_first / only_second and that text is
 *                          shorter than the cut; only_second without a second text
 *           HONE_E_LIMIT, HONE_E_NOMEM.  On failure e->n is 0. */
hone_status hone_tokenizer_encode(const hone_tokenizer *t, const char *text, size_t n, const char *second, size_t n2,
                                  const hone_encode_options *o, hone_encoding *e);
void hone_encoding_free(hone_encoding *e); /* frees and zeroes; accepts {0} */

/* Spelling of token i of the last encoding, as the tokenizers library's Encoding.tokens has it: the vocabulary's
 * string, but an added token as the text spelled it (with the white space that lstrip and rstrip took). Without
 * want_offsets always the vocabulary's. Bytes in *n if n is not NULL; not NUL-terminated; valid until the next call
 * with e. NULL for an id that the vocabulary lacks. */
const char *hone_encoding_token(const hone_tokenizer *t, const hone_encoding *e, int64_t i, size_t *n);

/* ---- the vocabulary ---- */

/* Tokens, added ones included: len(tokenizer) in transformers. Ids may have gaps; the largest is below vocab_limit,
 * which is what an embedding table must hold. */
int64_t hone_tokenizer_vocab_size(const hone_tokenizer *t);
int64_t hone_tokenizer_vocab_limit(const hone_tokenizer *t); /* largest id + 1 */
/* The tokens come from a vocab.txt whose last line has no end: it may have been cut, which only the model can tell. */
bool hone_tokenizer_is_cut(const hone_tokenizer *t);
/* Spelling of an id (an added token with normalized = true shows its normalized self, as in the reference), its bytes
 * in *n if n is not NULL; NULL for an id that does not exist. NUL-terminated, owned by t.
 */
const char *hone_tokenizer_token(const hone_tokenizer *t, int64_t id, size_t *n);
/* Id of a spelling, -1 if there is none. */
int64_t hone_tokenizer_id(const hone_tokenizer *t, const char *token, size_t n);

/* The special tokens that have a role. */
typedef enum hone_special_token {
    HONE_TOKEN_PAD,
    HONE_TOKEN_UNK,
    HONE_TOKEN_CLS, /* where there is none: bos */
    HONE_TOKEN_SEP, /* where there is none: eos */
    HONE_TOKEN_MASK,
} hone_special_token;
int64_t hone_tokenizer_special_id(const hone_tokenizer *t, hone_special_token which); /* -1 = the tokenizer has none */

/* ---- facts ---- */

/* model_max_length of tokenizer_config.json, else its older name max_len; INT64_MAX when absent or "very large" (1e30
 * and the like). */
int64_t hone_tokenizer_max_length(const hone_tokenizer *t);
/* Tokens that the post-processor adds to one text, or to a pair. */
int64_t hone_tokenizer_special_count(const hone_tokenizer *t, bool pair);
/* Whether the model is given token_type_ids: model_input_names of tokenizer_config.json, else what the class does (BERT
 * yes; RoBERTa's and MPNet's arrangement of special tokens, DistilBERT, DPR's reader and classes that take
 * tokenizer.json as it is, no). */
bool hone_tokenizer_uses_type_ids(const hone_tokenizer *t);
/* The type ids that the model is given with one text of n ids, special tokens included, into out [n]. False where all
 * of them are 0 (out is untouched): with every BERT class. A TemplateProcessing may say others. */
bool hone_tokenizer_type_ids(const hone_tokenizer *t, int64_t n, int32_t *out);

/* ---- files ---- */

/* Copy the tokenizer's files (tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json,
 * vocab.txt, vocab.json, merges.txt, *.model …), those that exist, byte for byte into dst, an existing folder. Each
 * file is replaced atomically. HONE_E_IO when src has neither tokenizer.json nor a vocabulary. */
hone_status hone_tokenizer_copy_files(const char *src, const char *dst);
/* The same in two parts: the bytes as they are now, to be written later and more than once, whatever becomes of the
 * folder. Free with hone_tokenizer_files_free, which accepts NULL. HONE_E_LIMIT for a file beyond 256 MiB. */
typedef struct hone_tokenizer_files hone_tokenizer_files;
hone_status hone_tokenizer_files_read(const char *src, hone_tokenizer_files **out);
hone_status hone_tokenizer_files_write(const hone_tokenizer_files *f, const char *dst);
void hone_tokenizer_files_free(hone_tokenizer_files *f);

#endif
