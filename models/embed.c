/* Embedding many texts: tokenized once, sorted by length, run in packed batches without the tape. */
#include "autograd/finite.h"
#include "data/batch.h"
#include "models/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct embed_run {
    hone_model *m;
    hone_graph *g;
    const hone_embed_options *o;
    hone_texts texts;
    hone_token_store store;
    int64_t *order; /* distinct texts, longest first */
    int32_t *ids, *cu, *skip;
    int64_t batch_tokens, width, kept;
    int32_t prompt_tokens;
    float *unit_vectors; /* [n_units, kept] */
} embed_run;

static int by_length(const void *a, const void *b, void *ctx) {
    const int64_t *offset = ctx;
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int64_t m = offset[i + 1] - offset[i], n = offset[j + 1] - offset[j];
    if (m != n) return m < n ? 1 : -1;
    return i < j ? -1 : i > j;
}

hone_status hone_model_prompt_tokens(const hone_model *m, const char *prompt, int32_t *n) {
    hone_encoding e = {0};
    *n = 0;
    if (!prompt || !*prompt || !hone_model_skips_prompt(m)) return HONE_OK;
    hone_encode_options o = {.max_length = hone_model_get_info(m)->max_length};
    hone_status s = hone_tokenizer_encode(hone_model_tokenizer(m), prompt, strlen(prompt), NULL, 0, &o, &e);
    if (s == HONE_OK) *n = (int32_t)(e.n - (e.n > 0 && e.special[e.n - 1]));
    hone_encoding_free(&e);
    return s;
}

static hone_status tokenize(embed_run *r, const hone_text *texts, int64_t n) {
    const char **p = hone_alloc((size_t)(n + 1) * sizeof *p);
    size_t *bytes = hone_alloc((size_t)(n + 1) * sizeof *bytes);
    const char *prompt = r->o->prompt ? r->o->prompt : hone_model_prompt(r->m, NULL);
    hone_tokenizer_encoder encoder = {hone_model_tokenizer(r->m), hone_model_get_info(r->m)->max_length};
    hone_encoder encode = hone_encoder_of_tokenizer(&encoder);
    hone_status s = p && bytes ? HONE_OK : hone_last_error()->code;
    if (!prompt) prompt = "";
    for (int64_t i = 0; s == HONE_OK && i < n; i++) p[i] = texts[i].p, bytes[i] = texts[i].n;
    if (s == HONE_OK) s = hone_texts_from_array(p, bytes, n, 1, &r->texts);
    if (s == HONE_OK) s = hone_token_store_build(&r->texts, &prompt, &encode, &r->store);
    if (s == HONE_OK) s = hone_model_prompt_tokens(r->m, prompt, &r->prompt_tokens);
    hone_free(p);
    hone_free(bytes);
    return s;
}

static hone_status allocate(embed_run *r) {
    int64_t units = r->store.n_units, most = r->batch_tokens + r->store.max_len;
    r->order = hone_alloc((size_t)(units + 1) * sizeof *r->order);
    r->ids = hone_alloc((size_t)(most + 1) * sizeof *r->ids);
    r->cu = hone_alloc((size_t)(most + 2) * sizeof *r->cu);
    r->skip = hone_alloc((size_t)(most + 1) * sizeof *r->skip);
    r->unit_vectors = hone_alloc((size_t)(units * r->kept + 1) * sizeof *r->unit_vectors);
    if (!r->order || !r->ids || !r->cu || !r->skip || !r->unit_vectors) return hone_last_error()->code;
    for (int64_t i = 0; i < units; i++) r->order[i] = i;
    qsort_r(r->order, (size_t)units, sizeof *r->order, by_length, r->store.offset);
    return HONE_OK;
}

/* Units order[first ..] as long as they fit; returns how many. */
static int64_t pack(embed_run *r, int64_t first, hone_model_batch *b) {
    const hone_token_store *s = &r->store;
    int64_t B = 0, T = 0;
    for (int64_t k = first; k < s->n_units; k++) {
        int64_t unit = r->order[k], length = s->offset[unit + 1] - s->offset[unit];
        if (B && T + length > r->batch_tokens) break;
        memcpy(r->ids + T, s->ids + s->offset[unit], (size_t)length * sizeof *r->ids);
        r->cu[B] = (int32_t)T;
        r->skip[B] = r->prompt_tokens < length ? r->prompt_tokens : (int32_t)length - 1;
        T += length;
        B++;
    }
    r->cu[B] = (int32_t)T;
    *b = (hone_model_batch){.B = B, .T = T, .ids = r->ids, .cu = r->cu, .skip = r->prompt_tokens ? r->skip : NULL};
    return B;
}

static void keep_vector(const embed_run *r, const hone_tensor *e, int64_t row, float *to) {
    double sum = 0;
    for (int64_t i = 0, at = row * r->width; i < r->kept; i++)
        to[i] = e->dtype == HONE_F64 ? (float)hone_f64(e)[at + i] : hone_f32(e)[at + i];
    if (!r->o->normalize) return;
    for (int64_t i = 0; i < r->kept; i++) sum += (double)to[i] * (double)to[i];
    double norm = fmax(sqrt(sum), 1e-12);
    for (int64_t i = 0; i < r->kept; i++) to[i] = (float)((double)to[i] / norm);
}

static hone_status run_batches(embed_run *r) {
    for (int64_t first = 0; first < r->store.n_units;) {
        hone_model_batch b;
        if (r->o->stop && *r->o->stop) return hone_fail(HONE_E_STOPPED, "stopped by a signal");
        int64_t B = pack(r, first, &b);
        hone_graph_begin(r->g, &(hone_graph_mode){.precision = hone_model_get_info(r->m)->precision});
        const hone_tensor *e = hone_model_encode(r->m, r->g, &b);
        HONE_TRY(hone_graph_status(r->g));
        for (int64_t i = 0; i < B; i++) {
            float *to = r->unit_vectors + r->order[first + i] * r->kept;
            keep_vector(r, e, i, to);
        }
        first += B;
        if (r->o->progress) r->o->progress(r->o->ctx, first, r->store.n_units);
    }
    return HONE_OK;
}

/* Nobody takes a NaN for a vector. Names the first text, and how many others there are. */
static hone_status check_vectors(const embed_run *r, const hone_text *texts, int64_t n) {
    int64_t bad = 0, first = -1;
    bool nan = false;
    for (int64_t i = 0; i < n; i++) {
        hone_bad_values b = hone_finite_values(HONE_F32, r->kept, r->unit_vectors + r->store.unit[i] * r->kept);
        if (b.bad && !bad++) first = i, nan = b.nan;
    }
    if (!bad) return HONE_OK;
    const char *dir = hone_model_get_info(r->m)->dir;
    hone_fail_at(HONE_E_NUMERIC, *dir ? dir : NULL, 0, 0,
                 "the vectors of %" PRId64 " of %" PRId64
                 " texts hold NaN or infinity, first (%s) that of text %" PRId64 ", \"%s\"",
                 bad, n, nan ? "NaN" : "infinity", first, hone_quote_n(texts[first].p, texts[first].n));
    return hone_hint("\"hone inspect\" lists tensors that hold such values; if none does, the weights are too large");
}

hone_status hone_model_embed(hone_model *m, hone_graph *g, const hone_text *texts, int64_t n,
                             const hone_embed_options *o, float *out, int64_t *cut) {
    static const hone_embed_options defaults;
    embed_run r = {.m = m, .g = g, .o = o ? o : &defaults};
    r.width = hone_model_get_info(m)->embedding;
    r.kept = hone_model_get_info(m)->kept;
    r.batch_tokens = r.o->batch_tokens > 0 ? r.o->batch_tokens : 1024;
    if (n < 0 || r.o->truncate < 0 || r.o->batch_tokens < 0)
        return hone_fail(HONE_E_ARG,
                         "%" PRId64 " texts, batches of %" PRId64 " tokens, the first %" PRId64
                         " dimensions: none may be below 0",
                         n, r.o->batch_tokens, r.o->truncate);
    if (r.o->truncate > r.width)
        return hone_fail(HONE_E_ARG, "%" PRId64 " dimensions asked for, the model gives %" PRId64, r.o->truncate,
                         r.width);
    if (!hone_model_tokenizer(m))
        return hone_fail(HONE_E_ARG, "a model made without files has no tokenizer: it embeds token ids alone");
    if (r.o->truncate > 0) r.kept = r.o->truncate;
    if (cut) *cut = 0;
    if (n == 0) return HONE_OK;
    hone_status s = tokenize(&r, texts, n);
    if (s == HONE_OK) s = allocate(&r);
    if (s == HONE_OK) s = run_batches(&r);
    if (s == HONE_OK) s = hone_model_check(m);
    if (s == HONE_OK) s = check_vectors(&r, texts, n);
    for (int64_t i = 0; s == HONE_OK && i < n; i++)
        memcpy(out + i * r.kept, r.unit_vectors + r.store.unit[i] * r.kept, (size_t)r.kept * sizeof *out);
    if (s == HONE_OK && cut) *cut = r.store.n_cut_rows;
    hone_free(r.order);
    hone_free(r.ids);
    hone_free(r.cu);
    hone_free(r.skip);
    hone_free(r.unit_vectors);
    hone_token_store_free(&r.store);
    hone_texts_free(&r.texts);
    return s;
}
