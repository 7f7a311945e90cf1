/* Pre-tokenizers: cut normalized text into words. Each step goes over all stretches and cuts the ordinary ones. */
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

/* Runs of ASCII are classified through a table of the flags that matter, filled by the compiler. */
enum { W = UNICODE_WHITE, P = UNICODE_PUNCTUATION };
static const uint8_t ascii[128] = {
    [9] = W,   [10] = W,  [11] = W,   [12] = W,  [13] = W,  [' '] = W, ['!'] = P, ['"'] = P, ['#'] = P, ['$'] = P,
    ['%'] = P, ['&'] = P, ['\''] = P, ['('] = P, [')'] = P, ['*'] = P, ['+'] = P, [','] = P, ['-'] = P, ['.'] = P,
    ['/'] = P, [':'] = P, [';'] = P,  ['<'] = P, ['='] = P, ['>'] = P, ['?'] = P, ['@'] = P, ['['] = P, ['\\'] = P,
    [']'] = P, ['^'] = P, ['_'] = P,  ['`'] = P, ['{'] = P, ['|'] = P, ['}'] = P, ['~'] = P,
};

static inline uint8_t flags_at(const uint8_t *p, int *length) {
    if (p[0] < 0x80) {
        *length = 1;
        return ascii[p[0]];
    }
    *length = hone_utf8_length(p[0]);
    return hone_unicode_flags(hone_utf8_decode(p));
}

/* White space separates, each punctuation character stands alone. */
static hone_status cut_bert(const uint8_t *p, size_t a, size_t b, hone_tok_splits *out) {
    size_t word = a;
    for (size_t i = a; i < b;) {
        int k;
        uint8_t f = flags_at(p + i, &k) & (W | P);
        if (f) {
            HONE_TRY(hone_tok_splits_push(out, word, i, -1));
            /* A character that is both does not exist; white space would win, as it is cut first. */
            if (!(f & W)) HONE_TRY(hone_tok_splits_push(out, i, i + (size_t)k, -1));
            word = i + (size_t)k;
        }
        i += (size_t)k;
    }
    return hone_tok_splits_push(out, word, b, -1);
}

/* \w+|[^\w\s]+ */
static hone_status cut_whitespace(const uint8_t *p, size_t a, size_t b, hone_tok_splits *out) {
    size_t start = a;
    int kind = 0; /* 0 white, 1 word, 2 other */
    for (size_t i = a; i < b;) {
        uint8_t f = hone_unicode_flags(hone_utf8_decode(p + i));
        int now = f & UNICODE_WORD ? 1 : f & UNICODE_WHITE ? 0 : 2;
        if (now != kind) {
            if (kind) HONE_TRY(hone_tok_splits_push(out, start, i, -1));
            start = i;
            kind = now;
        }
        i += (size_t)hone_utf8_length(p[i]);
    }
    return kind ? hone_tok_splits_push(out, start, b, -1) : HONE_OK;
}

static bool is_delimiter(const hone_tok_pre_step *s, const uint8_t *p) {
    uint32_t c = hone_utf8_decode(p);
    switch (s->kind) {
    case TOK_PRE_WHITESPACE_SPLIT: return hone_unicode_flags(c) & UNICODE_WHITE;
    case TOK_PRE_PUNCTUATION: return hone_unicode_flags(c) & UNICODE_PUNCTUATION;
    default: return c == s->delimiter;
    }
}

/* Split at single characters, which are removed, isolated, or joined to a neighbour. A delimiter joins the text before
 * (after) it unless that neighbour is a delimiter that was joined already. */
static hone_status cut_delimiters(const hone_tok_pre_step *s, const uint8_t *p, size_t a, size_t b,
                                  hone_tok_splits *out) {
    size_t start = a;      /* of the stretch being built */
    bool previous = false; /* the character before was a delimiter */
    for (size_t i = a; i < b;) {
        size_t next = i + (size_t)hone_utf8_length(p[i]);
        bool hit = is_delimiter(s, p + i);
        switch (s->behavior) {
        case TOK_REMOVED:
        case TOK_ISOLATED:
            if (hit) {
                HONE_TRY(hone_tok_splits_push(out, start, i, -1));
                if (s->behavior == TOK_ISOLATED) HONE_TRY(hone_tok_splits_push(out, i, next, -1));
                start = next;
            }
            break;
        case TOK_CONTIGUOUS:
            if (hit != previous) {
                HONE_TRY(hone_tok_splits_push(out, start, i, -1));
                start = i;
            }
            break;
        case TOK_MERGED_WITH_PREVIOUS:
            if (previous) {
                HONE_TRY(hone_tok_splits_push(out, start, i, -1));
                start = i;
            }
            break;
        case TOK_MERGED_WITH_NEXT:
            if (hit) {
                HONE_TRY(hone_tok_splits_push(out, start, i, -1));
                start = i;
            }
            break;
        }
        previous = hit;
        i = next;
    }
    return hone_tok_splits_push(out, start, b, -1);
}

hone_status hone_tok_pretokenize(const hone_tok_pre_step *step, size_t n_steps, struct hone_tokenizer_work *w,
                                 const hone_tok_text *text) {
    for (size_t s = 0; s < n_steps; s++) {
        w->other.n = 0;
        for (size_t i = 0; i < w->splits.n; i++) {
            hone_tok_split x = w->splits.p[i];
            if (x.id >= 0)
                HONE_TRY(hone_tok_splits_push(&w->other, x.a, x.b, x.id));
            else if (step[s].kind == TOK_PRE_BERT)
                HONE_TRY(cut_bert(text->p, x.a, x.b, &w->other));
            else if (step[s].kind == TOK_PRE_WHITESPACE)
                HONE_TRY(cut_whitespace(text->p, x.a, x.b, &w->other));
            else
                HONE_TRY(cut_delimiters(&step[s], text->p, x.a, x.b, &w->other));
        }
        hone_tok_splits swap = w->splits;
        w->splits = w->other;
        w->other = swap;
    }
    return HONE_OK;
}
