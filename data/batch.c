#include "data/batch.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <string.h>

#define TEXTS_PER_TASK 256

/* ---- the encoder of a tokenizer ---- */

static hone_status encode_text(void *ctx, void *work, const char *text, size_t n, const int32_t **ids, int64_t *count,
                               bool *cut) {
    const hone_tokenizer_encoder *e = ctx;
    hone_encoding *enc = work;
    int64_t limit = e->max_length > 0 ? e->max_length : hone_tokenizer_max_length(e->tokenizer);
    hone_encode_options o = {.max_length = limit == INT64_MAX ? 0 : limit};
    HONE_TRY(hone_tokenizer_encode(e->tokenizer, text, n, NULL, 0, &o, enc));
    *cut = false;
    if (o.max_length > 0 && enc->n == o.max_length) { /* just as long, or cut? Only the whole text tells */
        hone_encode_options whole = {0};
        HONE_TRY(hone_tokenizer_encode(e->tokenizer, text, n, NULL, 0, &whole, enc));
        *cut = enc->n > o.max_length;
        if (*cut) HONE_TRY(hone_tokenizer_encode(e->tokenizer, text, n, NULL, 0, &o, enc));
    }
    *ids = enc->ids;
    *count = enc->n;
    return HONE_OK;
}

static void *encoding_new(void *ctx) {
    (void)ctx;
    return hone_zalloc(sizeof(hone_encoding));
}

static void encoding_free(void *ctx, void *work) {
    (void)ctx;
    hone_encoding_free(work);
    hone_free(work);
}

hone_encoder hone_encoder_of_tokenizer(hone_tokenizer_encoder *e) {
    return (hone_encoder){.ctx = e, .encode = encode_text, .work_new = encoding_new, .work_free = encoding_free};
}

/* ---- the store ---- */

typedef struct unit_source {
    int32_t text;
    int32_t prompt; /* number among the distinct prompts */
} unit_source;

typedef struct piece { /* what one task made */
    int32_t *ids;
    int64_t n, cap;
} piece;

typedef struct build {
    const hone_texts *texts;
    const hone_encoder *encoder;
    const char **prompt; /* distinct ones */
    unit_source *units;
    int64_t n_units;
    int64_t *offset; /* length of unit u at [u + 1] until they are summed */
    uint8_t *cut;
    piece *pieces;
} build;

static hone_status add_unit(build *b, piece *out, void *work, int64_t u, char **joined, size_t *cap) {
    const unit_source *src = &b->units[u];
    const char *p = b->texts->p[src->text], *prompt = b->prompt[src->prompt];
    size_t n = b->texts->n[src->text], m = strlen(prompt);
    if (m) {
        if (m + n + 1 > *cap) {
            char *q = hone_realloc(*joined, 2 * (m + n + 1));
            if (!q) return HONE_E_NOMEM;
            *joined = q;
            *cap = 2 * (m + n + 1);
        }
        memcpy(*joined, prompt, m);
        memcpy(*joined + m, p, n);
        (*joined)[m + n] = 0;
        p = *joined;
        n += m;
    }
    const int32_t *ids;
    int64_t count;
    bool cut = false;
    HONE_TRY(b->encoder->encode(b->encoder->ctx, work, p, n, &ids, &count, &cut));
    if (count < 1) {
        hone_fail(HONE_E_FORMAT, "text \"%s\" gives no tokens", hone_quote_n(p, n));
        return hone_hint("the tokenizer adds no special tokens: an empty text, to it, is none; leave the row out");
    }
    if (out->n + count > out->cap) {
        int64_t want = 2 * (out->n + count);
        int32_t *q = hone_realloc(out->ids, (size_t)want * sizeof *q);
        if (!q) return HONE_E_NOMEM;
        out->ids = q;
        out->cap = want;
    }
    memcpy(out->ids + out->n, ids, (size_t)count * sizeof *ids);
    out->n += count;
    b->offset[u + 1] = count;
    b->cut[u] = cut;
    return HONE_OK;
}

static hone_status encode_task(void *ctx, int64_t task) {
    build *b = ctx;
    const hone_encoder *e = b->encoder;
    void *work = e->work_new ? e->work_new(e->ctx) : NULL;
    if (e->work_new && !work) return HONE_E_NOMEM;
    char *joined = NULL;
    size_t cap = 0;
    int64_t end = (task + 1) * TEXTS_PER_TASK < b->n_units ? (task + 1) * TEXTS_PER_TASK : b->n_units;
    hone_status st = HONE_OK;
    for (int64_t u = task * TEXTS_PER_TASK; u < end && st == HONE_OK; u++)
        st = add_unit(b, &b->pieces[task], work, u, &joined, &cap);
    hone_free(joined);
    if (e->work_free) e->work_free(e->ctx, work);
    return st;
}

/* Which texts are wanted with which prompt: number them in order of first appearance. */
static hone_status number_units(build *b, const char *const *prompts, int32_t *unit) {
    const hone_texts *x = b->texts;
    int32_t *prompt_of = hone_alloc((size_t)x->width * sizeof *prompt_of);
    if (!prompt_of) return HONE_E_NOMEM;
    int64_t n_prompts = 0;
    for (int64_t g = 0; g < x->width; g++) {
        const char *p = prompts && prompts[g] ? prompts[g] : "";
        int64_t k = 0;
        while (k < n_prompts && strcmp(b->prompt[k], p)) k++;
        if (k == n_prompts) b->prompt[n_prompts++] = p;
        prompt_of[g] = (int32_t)k;
    }
    uint64_t cells, bytes;
    int32_t *number = NULL;
    if (hone_mul_size((uint64_t)n_prompts, (uint64_t)x->count, &cells) && hone_mul_size(cells, sizeof *number, &bytes))
        number = hone_alloc(bytes);
    if (!number) {
        hone_free(prompt_of);
        return HONE_E_NOMEM;
    }
    memset(number, 0xFF, bytes);
    for (int64_t i = 0; i < x->rows * x->width; i++) {
        int32_t prompt = prompt_of[i % x->width], *slot = &number[prompt * x->count + x->of[i]];
        if (*slot < 0) {
            *slot = (int32_t)b->n_units;
            b->units[b->n_units++] = (unit_source){x->of[i], prompt};
        }
        unit[i] = *slot;
    }
    hone_free(number);
    hone_free(prompt_of);
    return HONE_OK;
}

static hone_status stitch(build *b, hone_token_store *s) {
    s->max_len = 0;
    b->offset[0] = 0;
    for (int64_t u = 0; u < b->n_units; u++) {
        if (b->offset[u + 1] > s->max_len) s->max_len = b->offset[u + 1];
        b->offset[u + 1] += b->offset[u];
        s->n_cut += b->cut[u];
    }
    s->ids = hone_alloc((size_t)(b->offset[b->n_units] ? b->offset[b->n_units] : 1) * sizeof *s->ids);
    if (!s->ids) return HONE_E_NOMEM;
    int32_t *to = s->ids;
    for (int64_t k = 0; k * TEXTS_PER_TASK < b->n_units; k++) {
        memcpy(to, b->pieces[k].ids, (size_t)b->pieces[k].n * sizeof *to);
        to += b->pieces[k].n;
        hone_free(b->pieces[k].ids); /* one at a time: the peak stays near one copy */
        b->pieces[k] = (piece){0};
    }
    for (int64_t r = 0; r < s->rows; r++) {
        bool any = false;
        for (int64_t g = 0; g < s->groups; g++) any = any || b->cut[s->unit[r * s->groups + g]];
        s->n_cut_rows += any;
    }
    return HONE_OK;
}

hone_status hone_token_store_build(const hone_texts *texts, const char *const *prompts, const hone_encoder *encoder,
                                   hone_token_store *out) {
    const int64_t cells = texts->rows * texts->width;
    if (cells >= INT32_MAX) return hone_fail(HONE_E_LIMIT, "%" PRId64 " texts, the limit is %d", cells, INT32_MAX - 1);
    build b = {.texts = texts, .encoder = encoder};
    hone_token_store s = {.groups = texts->width, .rows = texts->rows};
    const size_t room = (size_t)(cells ? cells : 1);
    hone_status st = HONE_E_NOMEM;
    s.unit = hone_alloc(room * sizeof *s.unit);
    b.units = hone_alloc(room * sizeof *b.units);
    b.prompt = hone_alloc((size_t)(texts->width ? texts->width : 1) * sizeof *b.prompt);
    if (s.unit && b.units && b.prompt) st = number_units(&b, prompts, s.unit);
    const int64_t tasks = (b.n_units + TEXTS_PER_TASK - 1) / TEXTS_PER_TASK;
    if (st == HONE_OK) {
        b.offset = s.offset = hone_zalloc((size_t)(b.n_units + 1) * sizeof *b.offset);
        b.cut = s.cut = hone_zalloc((size_t)b.n_units + 1);
        b.pieces = hone_zalloc((size_t)(tasks + 1) * sizeof *b.pieces);
        if (!b.offset || !b.cut || !b.pieces) st = HONE_E_NOMEM;
    }
    if (st == HONE_OK) st = hone_parallel(tasks, encode_task, &b);
    if (st == HONE_OK) st = stitch(&b, &s);
    for (int64_t k = 0; b.pieces && k < tasks; k++) hone_free(b.pieces[k].ids);
    hone_free(b.pieces);
    hone_free(b.units);
    hone_free(b.prompt);
    s.n_units = b.n_units;
    if (st != HONE_OK)
        hone_token_store_free(&s);
    else
        *out = s;
    return st;
}

void hone_token_store_free(hone_token_store *s) {
    hone_free(s->unit);
    hone_free(s->offset);
    hone_free(s->ids);
    hone_free(s->cut);
    *s = (hone_token_store){0};
}

int64_t hone_token_store_len(const hone_token_store *s, int64_t r, int64_t g) {
    int32_t u = s->unit[r * s->groups + g];
    return s->offset[u + 1] - s->offset[u];
}

/* ---- batches ---- */

static hone_status make_room(hone_token_batch *b, int64_t rows, int64_t sequences, int64_t tokens) {
    if (tokens > INT32_MAX - 1 || sequences > INT32_MAX - 1) {
        hone_fail(HONE_E_LIMIT, "a batch of %" PRId64 " rows has %" PRId64 " tokens, the limit is %d", rows, tokens,
                  INT32_MAX - 1);
        return hone_hint("--batch-size");
    }
    if (tokens <= b->cap_tokens && sequences <= b->cap_sequences) return HONE_OK;
    if (tokens < b->cap_tokens) tokens = b->cap_tokens;
    if (sequences < b->cap_sequences) sequences = b->cap_sequences;
    const size_t bytes = (size_t)(tokens ? tokens : 1) * sizeof(int32_t);
    int32_t *ids = hone_alloc(bytes), *type_ids = hone_zalloc(bytes), *positions = hone_alloc(bytes);
    int32_t *cu = hone_alloc((size_t)(sequences + 1) * sizeof *cu);
    int64_t *list = hone_alloc((size_t)(sequences + 1) * sizeof *list); /* never fewer sequences than rows */
    if (!ids || !type_ids || !positions || !cu || !list) {
        hone_free(ids), hone_free(type_ids), hone_free(positions), hone_free(cu), hone_free(list);
        return HONE_E_NOMEM;
    }
    hone_token_batch_free(b);
    *b = (hone_token_batch){.ids = ids, .type_ids = type_ids, .positions = positions, .cu = cu, .rows = list};
    b->cap_tokens = tokens;
    b->cap_sequences = sequences;
    return HONE_OK;
}

hone_status hone_token_batch_reserve(hone_token_batch *b, const hone_token_store *s, int64_t max_rows) {
    int64_t widest = 0;
    for (int64_t r = 0; r < s->rows; r++) {
        int64_t sum = 0;
        for (int64_t g = 0; g < s->groups; g++) sum += hone_token_store_len(s, r, g);
        if (sum > widest) widest = sum;
    }
    int64_t tokens, sequences;
    if (__builtin_mul_overflow(widest, max_rows, &tokens)) tokens = INT64_MAX;
    if (__builtin_mul_overflow(s->groups, max_rows, &sequences)) sequences = INT64_MAX;
    return make_room(b, max_rows, sequences, tokens);
}

hone_status hone_token_batch_fill(hone_token_batch *b, const hone_token_store *s, const int64_t *rows, int64_t n) {
    int64_t tokens = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < s->groups; g++) tokens += hone_token_store_len(s, rows[i], g);
    HONE_TRY(make_room(b, n, n * s->groups, tokens));
    b->B = n;
    b->G = s->groups;
    b->S = n * s->groups;
    b->T = tokens;
    b->max_len = 0;
    if (n) memmove(b->rows, rows, (size_t)n * sizeof *rows);
    int64_t at = 0;
    b->cu[0] = 0;
    for (int64_t g = 0; g < s->groups; g++)
        for (int64_t i = 0; i < n; i++) {
            const int32_t u = s->unit[b->rows[i] * s->groups + g];
            const int64_t len = s->offset[u + 1] - s->offset[u];
            memcpy(b->ids + at, s->ids + s->offset[u], (size_t)len * sizeof *b->ids);
            for (int64_t k = 0; k < len; k++) b->positions[at + k] = (int32_t)k;
            at += len;
            if (len > b->max_len) b->max_len = len;
            b->cu[g * n + i + 1] = (int32_t)at;
        }
    return HONE_OK;
}

void hone_token_batch_free(hone_token_batch *b) {
    hone_free(b->ids);
    hone_free(b->type_ids);
    hone_free(b->positions);
    hone_free(b->cu);
    hone_free(b->rows);
    *b = (hone_token_batch){0};
}
