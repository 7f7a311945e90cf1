/* Token batches: every distinct text tokenised once, kept packed, and copied into packed batches.
 *
 * A batch of B rows and G groups (anchors, positives, negatives …) is one run of S = G * B sequences, all anchors
 * first:
 *
 *     sequence s = g * B + b  is text g of row rows[b];   its tokens are ids[cu[s] .. cu[s+1])
 *
 * There is no padding: T = cu[S] is the sum of the lengths. Positions count from 0 in each sequence. */
#ifndef HONE_DATA_BATCH_H
#define HONE_DATA_BATCH_H

#include "data/texts.h"
#include "data/tokenizer/tokenizer.h"

/* Turns one text into ids. Called from several threads at a time. *ids stays valid until this thread's next call with
 * the same work; *cut = the text was shortened. `work` is the calling task's own memory, made by work_new (may be
 * NULL). */
typedef struct hone_encoder {
    void *ctx;
    hone_status (*encode)(void *ctx, void *work, const char *text, size_t n, const int32_t **ids, int64_t *count,
                          bool *cut);
    void *(*work_new)(void *ctx); /* NULL result: HONE_E_NOMEM */
    void (*work_free)(void *ctx, void *work);
} hone_encoder;

/* The encoder of a tokenizer; special tokens are added, texts are cut at max_length (0: at the tokenizer's own). Both
 * structs must outlive their use. */
typedef struct hone_tokenizer_encoder {
    const hone_tokenizer *tokenizer;
    int64_t max_length;
} hone_tokenizer_encoder;
hone_encoder hone_encoder_of_tokenizer(hone_tokenizer_encoder *e);

/* Tokens of a set of texts. Group g of a row is tokenised with prompt[g] put before the text, byte for byte. */
typedef struct hone_token_store {
    int64_t groups; /* = texts.width */
    int64_t rows;
    int64_t n_units;    /* distinct (prompt, text) pairs */
    int32_t *unit;      /* [rows * groups] */
    int64_t *offset;    /* [n_units + 1] into ids */
    int32_t *ids;       /* [offset[n_units]] */
    uint8_t *cut;       /* [n_units] 1: it was shortened */
    int64_t n_cut;      /* distinct texts that were shortened */
    int64_t n_cut_rows; /* rows that hold one of them */
    int64_t max_len;    /* of any unit */
} hone_token_store;

/* Tokenise. prompts[groups]: NULL, or NULL/"" entries, = no prompt. Runs in parallel (hone_parallel); the result does
 * not depend on the number of threads. The texts may be freed afterwards. Failure of a text names nothing but the
 * tokenizer's sentence: rows were checked before. An encoder that gives no ids at all for a text is HONE_E_FORMAT. */
hone_status hone_token_store_build(const hone_texts *texts, const char *const *prompts, const hone_encoder *encoder,
                                   hone_token_store *out);
void hone_token_store_free(hone_token_store *s); /* frees and zeroes; accepts {0} */
/* Tokens of text g of row r. */
int64_t hone_token_store_len(const hone_token_store *s, int64_t r, int64_t g);

/* A packed batch. Zeros are an empty one. */
typedef struct hone_token_batch {
    int64_t B, G, S, T;                /* rows, groups, sequences = B * G, tokens */
    int64_t max_len;                   /* longest sequence */
    int32_t *ids;                      /* [T] */
    int32_t *type_ids;                 /* [T] zeros */
    int32_t *positions;                /* [T] 0, 1, 2 … in each sequence */
    int32_t *cu;                       /* [S + 1], cu[0] = 0 */
    int64_t *rows;                     /* [B] */
    int64_t epoch, number;             /* where it stands, filled by hone_batches */
    int64_t cap_tokens, cap_sequences; /* memory there is */
} hone_token_batch;

/* Memory for any batch of up to max_rows rows of the store, so that filling allocates nothing. T over 2^31-1:
 * HONE_E_LIMIT. */
hone_status hone_token_batch_reserve(hone_token_batch *b, const hone_token_store *s, int64_t max_rows);
/* Build the batch of rows[0..n). Grows the memory if it must. HONE_E_LIMIT as above, HONE_E_NOMEM. */
hone_status hone_token_batch_fill(hone_token_batch *b, const hone_token_store *s, const int64_t *rows, int64_t n);
void hone_token_batch_free(hone_token_batch *b); /* frees and zeroes; accepts {0} */

#endif
