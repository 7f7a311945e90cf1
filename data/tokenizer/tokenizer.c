#include "data/tokenizer/tokenizer.h"

#include "base/utf8.h"
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

#include <string.h>

struct hone_tokenizer_work *hone_tok_work_new(void) {
    return hone_zalloc(sizeof(struct hone_tokenizer_work));
}

void hone_tok_work_free(struct hone_tokenizer_work *w) {
    if (!w) return;
    for (int i = 0; i < 2; i++) {
        hone_tok_text_free(&w->norm[i]);
        hone_tok_text_free(&w->stage[i]);
        hone_free(w->tokens[i].p);
    }
    hone_free(w->raw.p);
    hone_free(w->splits.p);
    hone_free(w->other.p);
    hone_free(w->items);
    hone_free(w->items2);
    hone_free(w->origins);
    hone_free(w->hashes);
    hone_free(w->spelling);
    hone_free(w);
}

hone_status hone_tokenizer_open(const char *folder, hone_tokenizer **out) {
    hone_tokenizer *t = hone_zalloc(sizeof *t);
    if (!t) return HONE_E_NOMEM;
    t->raw.empty = t->normalized.empty = t->raw.only_byte = t->normalized.only_byte = -1;
    hone_status status = hone_tok_load(folder, t);
    if (status == HONE_OK)
        *out = t;
    else
        hone_tokenizer_free(t);
    return status;
}

void hone_tok_parts_free(hone_tokenizer *t) {
    for (size_t i = 0; i < t->n_norm; i++) {
        hone_free(t->norm[i].pattern);
        hone_free(t->norm[i].content);
    }
    hone_free(t->norm);
    hone_free(t->pre);
    t->norm = NULL, t->pre = NULL;
    t->n_norm = t->n_pre = 0;
}

void hone_tokenizer_free(hone_tokenizer *t) {
    if (!t) return;
    hone_tok_map_free(&t->vocab);
    hone_free(t->name);
    hone_tok_parts_free(t);
    hone_free(t->wordpiece.unk);
    hone_free(t->wordpiece.prefix);
    for (size_t i = 0; i < t->n_added; i++) {
        hone_free(t->added[i].content);
        hone_free(t->added[i].shown);
    }
    hone_free(t->added);
    hone_tok_map_free(&t->added_map);
    hone_tok_matcher_free(&t->raw);
    hone_tok_matcher_free(&t->normalized);
    hone_tok_template_free(&t->post);
    hone_free(t);
}

/* ---- encoding ---- */

static int32_t count_characters(const uint8_t *p, size_t n) {
    int32_t k = 0;
    for (size_t i = 0; i < n; i++) k += (p[i] & 0xC0) != 0x80;
    return k;
}

/* One text through added tokens, normalizer and pre-tokenizer: w->splits over w->norm[s]. */
static hone_status split_text(const hone_tokenizer *t, struct hone_tokenizer_work *w, int s, const uint8_t *p, size_t n,
                              const hone_encode_options *o) {
    hone_tok_text *norm = &w->norm[s];
    norm->n = 0;
    norm->aligned = o->want_offsets;
    bool split_special = o->split_special_tokens || t->split_special;
    w->raw.n = w->splits.n = 0;
    HONE_TRY(hone_tok_match(&t->raw, t->added, split_special, p, n, 0, &w->raw));
    bool rematch = t->normalized.map.entries > 0 || t->normalized.empty >= 0;
    int32_t base = 0; /* characters before `at` */
    size_t at = 0;
    for (size_t i = 0; i < w->raw.n; i++) {
        hone_tok_split x = w->raw.p[i];
        /* A token that begins with white space may start inside what the one before took with rstrip. */
        if (norm->aligned)
            base += x.a >= at ? count_characters(p + at, x.a - at) : -count_characters(p + x.a, at - x.a);
        at = x.a;
        size_t a = norm->n;
        bool plain = x.id < 0;
        HONE_TRY(hone_tok_normalize(t->norm, plain ? t->n_norm : 0, w, p + x.a, x.b - x.a, base, norm));
        if (plain && rematch)
            HONE_TRY(hone_tok_match(&t->normalized, t->added, split_special, norm->p + a, norm->n - a, a, &w->splits));
        else
            HONE_TRY(hone_tok_splits_push(&w->splits, a, norm->n, x.id));
    }
    return hone_tok_pretokenize(t->pre, t->n_pre, w, norm);
}

static hone_status encode_text(const hone_tokenizer *t, struct hone_tokenizer_work *w, int s, const char *text,
                               size_t n, const hone_encode_options *o) {
    hone_tok_tokens *out = &w->tokens[s];
    out->n = 0;
    if (n > HONE_TOKENIZER_MAX_TEXT)
        return hone_fail(HONE_E_LIMIT, "a text of %zu bytes, the tokenizer takes %zu", n, HONE_TOKENIZER_MAX_TEXT);
    size_t bad = hone_utf8_check(text, n);
    if (bad < n)
        return hone_fail(HONE_E_FORMAT, "the text is not UTF-8: byte 0x%02X at offset %zu of %zu", (uint8_t)text[bad],
                         bad, n);
    HONE_TRY(split_text(t, w, s, (const uint8_t *)text, n, o));
    const hone_tok_text *norm = &w->norm[s];
    for (size_t i = 0; i < w->splits.n; i++) {
        hone_tok_split x = w->splits.p[i];
        if (x.id < 0) {
            HONE_TRY(hone_tok_wordpiece_word(t, w, norm, x.a, x.b, out));
            continue;
        }
        HONE_TRY(TOK_GROW(out->p, out->cap, out->n + 1));
        hone_tok_token *k = &out->p[out->n++];
        *k = (hone_tok_token){.id = x.id, .n_text = (int32_t)(x.b - x.a), .text = x.a};
        if (norm->aligned) {
            k->begin = norm->align[x.a][0];
            k->end = norm->align[x.b - 1][1];
        }
    }
    return HONE_OK;
}

/* The reference's rule for longest_first, n1 and n2 tokens into a budget: with s = the shorter and l = the longer, cut
 * only the longer one, down to s or to what s leaves over, whichever is more; if that is still too much, halve the
 * budget. The longer one (the second on ties) gets l. */
static void share_budget(size_t budget, size_t *n1, size_t *n2) {
    bool first_is_longer = *n1 > *n2;
    size_t s = first_is_longer ? *n2 : *n1, l = s;
    if (s <= budget && budget - s > s) l = budget - s;
    if (s + l > budget) {
        s = budget / 2;
        l = s + budget % 2;
    }
    *n1 = first_is_longer ? l : s;
    *n2 = first_is_longer ? s : l;
}

static void shorten(hone_tok_tokens *x, size_t n, bool from_the_left) {
    if (from_the_left && n < x->n) memmove(x->p, x->p + (x->n - n), n * sizeof *x->p);
    x->n = n;
}

static hone_status truncate(const hone_tokenizer *t, struct hone_tokenizer_work *w, bool pair,
                            const hone_encode_options *o) {
    int64_t added = o->no_special_tokens ? 0 : hone_tok_template_count(&t->post, pair);
    if (o->max_length < added)
        return hone_fail(HONE_E_ARG, "max length %" PRId64 " is less than the %" PRId64 " special tokens of a %s",
                         o->max_length, added, pair ? "pair" : "text");
    size_t budget = (size_t)(o->max_length - added);
    size_t n1 = w->tokens[0].n, n2 = pair ? w->tokens[1].n : 0;
    if (budget == 0) {
        w->tokens[0].n = w->tokens[1].n = 0;
        return HONE_OK;
    }
    if (n1 + n2 <= budget) return HONE_OK;
    size_t cut = n1 + n2 - budget;
    if (o->truncation == HONE_TRUNCATE_LONGEST_FIRST) {
        if (pair)
            share_budget(budget, &n1, &n2);
        else
            n1 = budget;
    } else {
        bool first = o->truncation == HONE_TRUNCATE_ONLY_FIRST;
        if (!first && !pair)
            return hone_fail(HONE_E_ARG,
                             "truncation \"only_second\" needs a second text, there is one text of %zu tokens", n1);
        size_t *n = first ? &n1 : &n2;
        if (*n <= cut)
            return hone_fail(HONE_E_ARG,
                             "the %s text has %zu tokens, %zu would have to go to reach max length %" PRId64,
                             first ? "first" : "second", *n, cut, o->max_length);
        *n -= cut;
    }
    shorten(&w->tokens[0], n1, t->cut_left);
    if (pair) shorten(&w->tokens[1], n2, t->cut_left);
    return HONE_OK;
}

static hone_status encode(const hone_tokenizer *t, const char *text, size_t n, const char *second, size_t n2,
                          const hone_encode_options *o, hone_encoding *e) {
    if (!e->work && !(e->work = hone_tok_work_new())) return HONE_E_NOMEM;
    HONE_TRY(encode_text(t, e->work, 0, text, n, o));
    e->work->tokens[1].n = 0;
    if (second) HONE_TRY(encode_text(t, e->work, 1, second, n2, o));
    if (o->max_length > 0) HONE_TRY(truncate(t, e->work, second != NULL, o));
    return hone_tok_post_process(t, second != NULL, o, e);
}

hone_status hone_tokenizer_encode(const hone_tokenizer *t, const char *text, size_t n, const char *second, size_t n2,
                                  const hone_encode_options *o, hone_encoding *e) {
    static const hone_encode_options defaults = {0};
    e->n = 0;
    hone_status status = encode(t, text, n, second, n2, o ? o : &defaults, e);
    if (status != HONE_OK)
        e->n = 0;
    else if (!o || !o->want_offsets) /* the spellings of an earlier call are no longer true */
        for (int64_t i = 0; i < e->n && (size_t)i < e->work->spelling_cap; i++) e->work->spelling[i].p = NULL;
    return status;
}

void hone_encoding_free(hone_encoding *e) {
    hone_free(e->ids);
    hone_free(e->type_ids);
    hone_free(e->special);
    hone_free(e->sequence);
    hone_free(e->offsets);
    hone_tok_work_free(e->work);
    *e = (hone_encoding){0};
}

const char *hone_encoding_token(const hone_tokenizer *t, const hone_encoding *e, int64_t i, size_t *n) {
    if ((size_t)i < e->work->spelling_cap && e->work->spelling[i].p) {
        if (n) *n = e->work->spelling[i].n;
        return e->work->spelling[i].p;
    }
    return hone_tokenizer_token(t, e->ids[i], n);
}

/* ---- facts ---- */

int64_t hone_tokenizer_vocab_size(const hone_tokenizer *t) {
    return t->size;
}
bool hone_tokenizer_is_cut(const hone_tokenizer *t) {
    return t->cut;
}
int64_t hone_tokenizer_vocab_limit(const hone_tokenizer *t) {
    return t->name_limit;
}

const char *hone_tokenizer_token(const hone_tokenizer *t, int64_t id, size_t *n) {
    if (id < 0 || id >= t->name_limit || !t->name[id].p) return NULL;
    if (n) *n = t->name[id].n;
    return t->name[id].p;
}

int64_t hone_tokenizer_id(const hone_tokenizer *t, const char *token, size_t n) {
    int64_t added = hone_tok_map_get(&t->added_map, token, n);
    if (added >= 0) return t->added[t->added_map.entry[added].value].id;
    int64_t e = hone_tok_map_get(&t->vocab, token, n);
    return e < 0 ? -1 : t->vocab.entry[e].value;
}

int64_t hone_tokenizer_special_id(const hone_tokenizer *t, hone_special_token which) {
    return t->special_id[which];
}
int64_t hone_tokenizer_max_length(const hone_tokenizer *t) {
    return t->max_length;
}
int64_t hone_tokenizer_special_count(const hone_tokenizer *t, bool pair) {
    return hone_tok_template_count(&t->post, pair);
}
bool hone_tokenizer_uses_type_ids(const hone_tokenizer *t) {
    return t->type_ids;
}

bool hone_tokenizer_type_ids(const hone_tokenizer *t, int64_t n, int32_t *out) {
    if (!t->typed) return false;
    const hone_tok_template *post = &t->post;
    int64_t times = 0, at = 0, rest = n - hone_tok_template_count(post, false);
    for (size_t i = 0; i < post->n_single; i++) times += post->single[i].kind == 0;
    for (size_t i = 0; i < post->n_single; i++) {
        const hone_tok_template_piece *p = &post->single[i];
        int64_t length = p->kind == 2 ? (int64_t)post->special[p->special].n : rest / times;
        for (; length > 0 && at < n; length--) out[at++] = p->type_id;
    }
    return true;
}
