/* WordPiece: the longest vocabulary entry from the left, then again from there with the continuation prefix ("##"). If
 * some place has no entry at all, or the word has more than max_chars characters, the whole word is one unknown token.
 * Source: Schuster, Nakajima 2012, "Japanese and Korean voice search"; greedy as in BERT.
 *
 * All prefixes of the rest of a word are hashed in one pass, then tried from the longest down. */
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

static hone_status emit(const hone_tokenizer *t, hone_tok_tokens *out, const hone_tok_text *text, int64_t entry,
                        size_t a, size_t b) {
    if (out->n == out->cap) HONE_TRY(TOK_GROW(out->p, out->cap, out->n + 1));
    hone_tok_token *k = &out->p[out->n++];
    *k = (hone_tok_token){.id = t->vocab.entry[entry].value, .n_text = -1, .text = (size_t)entry};
    if (text->aligned) {
        k->begin = text->align[a][0];
        k->end = text->align[b - 1][1];
    }
    return HONE_OK;
}

static hone_status unknown(const hone_tokenizer *t, const hone_tok_text *text, size_t a, size_t b, hone_tok_tokens *out,
                           size_t keep) {
    out->n = keep;
    if (t->wordpiece.unk_entry < 0)
        return hone_fail(
            HONE_E_FORMAT, "the word \"%s\" is not in the vocabulary, and neither is the unknown token \"%s\"",
            hone_quote_n((const char *)text->p + a, b - a), hone_quote_n(t->wordpiece.unk, t->wordpiece.n_unk));
    return emit(t, out, text, t->wordpiece.unk_entry, a, b);
}

hone_status hone_tok_wordpiece_word(const hone_tokenizer *t, struct hone_tokenizer_work *w, const hone_tok_text *text,
                                    size_t a, size_t b, hone_tok_tokens *out) {
    const hone_tok_wordpiece *m = &t->wordpiece;
    const uint8_t *p = text->p;
    size_t keep = out->n;
    if (b - a > (size_t)m->max_chars) {
        size_t chars = 0;
        for (size_t i = a; i < b; i++) chars += (p[i] & 0xC0) != 0x80;
        if (chars > (size_t)m->max_chars) return unknown(t, text, a, b, out, keep);
    }
    size_t longest = t->vocab.longest;
    if (b - a <= longest) { /* most words are entries */
        int64_t e =
            hone_tok_map_find(&t->vocab, hone_hash(HONE_HASH_SEED, p + a, b - a), NULL, 0, (const char *)p + a, b - a);
        if (e >= 0) return emit(t, out, text, e, a, b);
    }
    for (size_t start = a; start < b;) {
        bool first = start == a;
        size_t n_prefix = first ? 0 : m->n_prefix;
        size_t reach = longest > n_prefix ? longest - n_prefix : 0;
        if (reach > b - start) reach = b - start;
        if (reach > w->hashes_cap) HONE_TRY(TOK_GROW(w->hashes, w->hashes_cap, reach));
        uint64_t h = first ? HONE_HASH_SEED : m->prefix_hash;
        for (size_t i = 0; i < reach; i++) w->hashes[i] = h = hone_hash_byte(h, p[start + i]);
        int64_t e = -1;
        size_t end = start + reach;
        for (; end > start; end--) {
            if (end < b && (p[end] & 0xC0) == 0x80) continue; /* inside a character */
            e = hone_tok_map_find(&t->vocab, w->hashes[end - start - 1], m->prefix, n_prefix, (const char *)p + start,
                                  end - start);
            if (e >= 0) break;
        }
        if (e < 0) return unknown(t, text, a, b, out, keep);
        HONE_TRY(emit(t, out, text, e, start, end));
        start = end;
    }
    return HONE_OK;
}
