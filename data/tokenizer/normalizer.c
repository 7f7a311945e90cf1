/* Normalizers, with the origin of every character.
 *
 * A transformation lists the characters of its result, each with a change: 0 replaces the next old character, +1 is
 * inserted (and takes the origin of the old character before it), -k replaces one old character and swallows the k
 * after it. Origins are handed out by position, not by meaning: when canonical reordering moves a mark, it takes the
 * origin of the place it lands on. This is what the tokenizers library does, so offsets agree.
 *
 * BERT's normalizer (clean, space out CJK, NFD, drop marks, lower case) is one fused pass, because most text goes
 * through it and most of that is ASCII. Every other normalizer is a pass of its own. */
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

#include <string.h>

hone_status hone_tok_text_room(hone_tok_text *t, size_t more) {
    HONE_TRY(TOK_GROW(t->p, t->cap, t->n + more));
    return t->aligned ? TOK_GROW(t->align, t->align_cap, t->cap) : HONE_OK;
}

void hone_tok_text_free(hone_tok_text *t) {
    hone_free(t->p);
    hone_free(t->align);
    *t = (hone_tok_text){0};
}

/* Room must have been made: 4 bytes. */
static inline void put(hone_tok_text *t, uint32_t c, int32_t begin, int32_t end) {
    int k = hone_utf8_encode(c, t->p + t->n);
    if (t->aligned)
        for (int i = 0; i < k; i++) t->align[t->n + (size_t)i][0] = begin, t->align[t->n + (size_t)i][1] = end;
    t->n += (size_t)k;
}

/* What a pass reads: either raw text (align NULL: the k-th character comes from character base + k) or a stage. */
typedef struct source {
    const uint8_t *p;
    size_t n;
    int32_t (*align)[2];
    int32_t base;
} source;

/* ---- BERT ---- */

/* The combining marks of one run wait here until their order is known. */
typedef struct bert_run {
    struct hone_tokenizer_work *w;
    const hone_tok_norm_step *step;
    hone_tok_text *out;
    size_t n;                    /* in w->items */
    size_t n_origins, origin_at; /* in w->origins */
    int32_t last[2];             /* origin of the last replaced character */
} bert_run;

void hone_tok_norm_prepare(hone_tok_norm_step *s) {
    for (int c = 0; c < 128; c++) {
        uint8_t f = hone_unicode_flags((uint32_t)c), to = (uint8_t)c;
        if (s->clean_text && f & UNICODE_DELETED)
            to = 0xFF;
        else if (s->clean_text && f & UNICODE_WHITE)
            to = ' ';
        else if (s->lowercase && c >= 'A' && c <= 'Z')
            to = (uint8_t)(c + 32);
        s->ascii[c] = to;
    }
}

/* Last two steps for one character: drop nonspacing marks, lower case. Room: 8 bytes. */
static inline void bert_put(const hone_tok_norm_step *s, hone_tok_text *out, uint32_t c, int32_t b, int32_t e) {
    uint8_t f = hone_unicode_flags(c);
    if (s->strip_accents && f & UNICODE_NONSPACING) return;
    if (!s->lowercase || !(f & UNICODE_CHANGES)) {
        put(out, c, b, e);
        return;
    }
    uint32_t low[2];
    int k = hone_unicode_lower(c, low);
    for (int i = 0; i < k; i++) put(out, low[i], b, e);
}

/* Stable sort by combining class: counting sort, so that a text of a million marks costs no more than a million steps.
 */
static hone_status sort_marks(struct hone_tokenizer_work *w, hone_tok_item *items, size_t n) {
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++) sorted = items[i - 1].ccc <= items[i].ccc;
    if (sorted) return HONE_OK;
    if (n <= 16) {
        for (size_t i = 1; i < n; i++) {
            hone_tok_item x = items[i];
            size_t j = i;
            for (; j > 0 && items[j - 1].ccc > x.ccc; j--) items[j] = items[j - 1];
            items[j] = x;
        }
        return HONE_OK;
    }
    HONE_TRY(TOK_GROW(w->items2, w->items2_cap, n));
    size_t at[257] = {0};
    for (size_t i = 0; i < n; i++) at[items[i].ccc + 1]++;
    for (int i = 0; i < 256; i++) at[i + 1] += at[i];
    for (size_t i = 0; i < n; i++) w->items2[at[items[i].ccc]++] = items[i];
    memcpy(items, w->items2, n * sizeof *items);
    return HONE_OK;
}

static hone_status bert_flush(bert_run *r) {
    HONE_TRY(sort_marks(r->w, r->w->items, r->n));
    HONE_TRY(hone_tok_text_room(r->out, r->n * 8));
    for (size_t i = 0; i < r->n; i++) {
        if (r->w->items[i].change == 0) {
            r->last[0] = r->w->origins[r->origin_at][0];
            r->last[1] = r->w->origins[r->origin_at][1];
            r->origin_at++;
        }
        bert_put(r->step, r->out, r->w->items[i].c, r->last[0], r->last[1]);
    }
    r->n = r->n_origins = r->origin_at = 0;
    return HONE_OK;
}

/* A character after cleaning: decompose (when accents are stripped), keep marks waiting. */
static hone_status bert_feed(bert_run *r, uint32_t c, int32_t b, int32_t e) {
    HONE_TRY(hone_tok_text_room(r->out, 64));
    if (!r->step->strip_accents) {
        bert_put(r->step, r->out, c, b, e);
        return HONE_OK;
    }
    uint32_t d[HONE_UNICODE_DECOMPOSITION_MAX];
    int k = 1;
    d[0] = c;
    if (hone_unicode_flags(c) & UNICODE_CHANGES) k = hone_unicode_decompose(c, false, d);
    for (int i = 0; i < k; i++) {
        uint8_t ccc = hone_unicode_ccc(d[i]);
        if (ccc == 0) {
            if (r->n) {
                HONE_TRY(bert_flush(r));
                HONE_TRY(hone_tok_text_room(r->out, 64));
            }
            if (i == 0) r->last[0] = b, r->last[1] = e;
            bert_put(r->step, r->out, d[i], r->last[0], r->last[1]);
            continue;
        }
        HONE_TRY(TOK_GROW(r->w->items, r->w->items_cap, r->n + 1));
        r->w->items[r->n++] = (hone_tok_item){d[i], i > 0, ccc};
        if (i == 0) {
            HONE_TRY(TOK_GROW(r->w->origins, r->w->origins_cap, r->n_origins + 1));
            r->w->origins[r->n_origins][0] = b;
            r->w->origins[r->n_origins++][1] = e;
        }
    }
    return HONE_OK;
}

/* The ASCII stretch at p[i..]: the whole pass in a table. Returns where it ends. */
static size_t bert_ascii(const hone_tok_norm_step *s, const source *in, size_t i, int32_t *k, hone_tok_text *out) {
    size_t start = i;
    uint8_t *q = out->p + out->n;
    if (!out->aligned) {
        for (; i < in->n && in->p[i] < 0x80; i++) {
            uint8_t to = s->ascii[in->p[i]];
            *q = to;
            q += to != 0xFF;
        }
    } else {
        for (; i < in->n && in->p[i] < 0x80; i++) {
            uint8_t to = s->ascii[in->p[i]];
            if (to == 0xFF) continue;
            size_t at = (size_t)(q - out->p);
            int32_t b = in->base + *k + (int32_t)(i - start);
            out->align[at][0] = in->align ? in->align[i][0] : b;
            out->align[at][1] = in->align ? in->align[i][1] : b + 1;
            *q++ = to;
        }
    }
    out->n = (size_t)(q - out->p);
    *k += (int32_t)(i - start);
    return i;
}

static hone_status bert(const hone_tok_norm_step *s, struct hone_tokenizer_work *w, source in, hone_tok_text *out) {
    bert_run run = {.w = w, .step = s, .out = out, .last = {in.base, in.base}};
    HONE_TRY(hone_tok_text_room(out, in.n + 64));
    int32_t k = 0; /* characters read */
    for (size_t i = 0; i < in.n;) {
        if (in.p[i] < 0x80) {
            if (run.n && s->ascii[in.p[i]] == 0xFF) { /* a deleted character does not end a run of marks */
                i++;
                k++;
                continue;
            }
            HONE_TRY(bert_flush(&run));
            HONE_TRY(hone_tok_text_room(out, in.n - i));
            i = bert_ascii(s, &in, i, &k, out);
            continue;
        }
        uint32_t c = hone_utf8_decode(in.p + i);
        int32_t b = in.align ? in.align[i][0] : in.base + k, e = in.align ? in.align[i][1] : b + 1;
        i += (size_t)hone_utf8_length(in.p[i]);
        k++;
        uint8_t f = hone_unicode_flags(c);
        if (s->clean_text) {
            if (f & UNICODE_DELETED) continue;
            if (f & UNICODE_WHITE) c = ' ';
        }
        if (s->chinese && f & UNICODE_CJK) {
            HONE_TRY(bert_feed(&run, ' ', b, e));
            HONE_TRY(bert_feed(&run, c, b, e));
            HONE_TRY(bert_feed(&run, ' ', b, e));
        } else
            HONE_TRY(bert_feed(&run, c, b, e));
    }
    return bert_flush(&run);
}

/* ---- the general road: a list of items, then their origins ---- */

static hone_status apply(source in, const hone_tok_item *items, size_t n, size_t skip, hone_tok_text *out) {
    size_t i = 0;
    int32_t k = 0, last[2] = {in.base, in.base};
    for (size_t j = 0; j < n + 1; j++) {
        /* Before the first item: `skip` old characters vanish. */
        int64_t take = j == 0 ? (int64_t)skip : items[j - 1].change > 0 ? 0 : 1 - (int64_t)items[j - 1].change;
        int32_t own[2] = {last[0], last[1]};
        for (int64_t x = 0; x < take && i < in.n; x++) {
            last[0] = in.align ? in.align[i][0] : in.base + k;
            last[1] = in.align ? in.align[i][1] : last[0] + 1;
            if (x == 0) own[0] = last[0], own[1] = last[1];
            i += (size_t)hone_utf8_length(in.p[i]);
            k++;
        }
        if (j == 0) continue;
        HONE_TRY(hone_tok_text_room(out, 4));
        put(out, items[j - 1].c, own[0], own[1]);
    }
    return HONE_OK;
}

static hone_status item(struct hone_tokenizer_work *w, size_t *n, uint32_t c, int32_t change) {
    HONE_TRY(TOK_GROW(w->items, w->items_cap, *n + 1));
    w->items[(*n)++] = (hone_tok_item){c, change, 0};
    return HONE_OK;
}

static hone_status decompose(struct hone_tokenizer_work *w, source in, bool compatible, size_t *n) {
    size_t run = 0; /* start of the marks still to be sorted */
    for (size_t i = 0; i < in.n; i += (size_t)hone_utf8_length(in.p[i])) {
        uint32_t d[HONE_UNICODE_DECOMPOSITION_MAX];
        int k = hone_unicode_decompose(hone_utf8_decode(in.p + i), compatible, d);
        for (int j = 0; j < k; j++) {
            uint8_t ccc = hone_unicode_ccc(d[j]);
            if (ccc == 0 && *n) HONE_TRY(sort_marks(w, w->items + run, *n - run));
            HONE_TRY(item(w, n, d[j], j > 0));
            w->items[*n - 1].ccc = ccc;
            if (ccc == 0) run = *n;
        }
    }
    return *n ? sort_marks(w, w->items + run, *n - run) : HONE_OK;
}

/* Canonical composition in place over the decomposed items. A composed character's change is the sum of its parts'
 * changes less one per swallowed part, as if each part had been removed after the first. */
static void compose(hone_tok_item *x, size_t *n) {
    size_t out = 0, starter = SIZE_MAX; /* starter: index of the character that may still grow */
    uint8_t last = 0;                   /* class of the last mark kept after it, 0 = none */
    for (size_t i = 0; i < *n; i++) {
        hone_tok_item c = x[i];
        if (starter != SIZE_MAX && (last == 0 || last < c.ccc)) {
            uint32_t r = hone_unicode_compose(x[starter].c, c.c);
            if (r) {
                x[starter].c = r;
                x[starter].change += c.change - 1;
                continue;
            }
        }
        if (c.ccc == 0) {
            starter = out;
            last = 0;
        } else if (starter != SIZE_MAX)
            last = c.ccc;
        x[out++] = c;
    }
    *n = out;
}

static hone_status unicode_form(struct hone_tokenizer_work *w, source in, bool compatible, bool composed,
                                hone_tok_text *out) {
    size_t n = 0;
    HONE_TRY(decompose(w, in, compatible, &n));
    if (composed) compose(w->items, &n);
    return apply(in, w->items, n, 0, out);
}

static hone_status lowercase(struct hone_tokenizer_work *w, source in, hone_tok_text *out) {
    size_t n = 0;
    for (size_t i = 0; i < in.n; i += (size_t)hone_utf8_length(in.p[i])) {
        uint32_t low[2];
        int k = hone_unicode_lower(hone_utf8_decode(in.p + i), low);
        for (int j = 0; j < k; j++) HONE_TRY(item(w, &n, low[j], j > 0));
    }
    return apply(in, w->items, n, 0, out);
}

static hone_status strip_accents(struct hone_tokenizer_work *w, source in, hone_tok_text *out) {
    size_t n = 0, skip = 0;
    for (size_t i = 0; i < in.n; i += (size_t)hone_utf8_length(in.p[i])) {
        uint32_t c = hone_utf8_decode(in.p + i);
        if (!(hone_unicode_flags(c) & UNICODE_MARK))
            HONE_TRY(item(w, &n, c, 0));
        else if (n)
            w->items[n - 1].change--;
        else
            skip++;
    }
    return apply(in, w->items, n, skip, out);
}

static hone_status strip(const hone_tok_norm_step *s, struct hone_tokenizer_work *w, source in, hone_tok_text *out) {
    size_t a = 0, b = in.n, skip = 0, n = 0;
    while (s->left && a < b && hone_unicode_flags(hone_utf8_decode(in.p + a)) & UNICODE_WHITE) {
        a += (size_t)hone_utf8_length(in.p[a]);
        skip++;
    }
    while (s->right && b > a) {
        size_t c = b - 1;
        while ((in.p[c] & 0xC0) == 0x80) c--;
        if (!(hone_unicode_flags(hone_utf8_decode(in.p + c)) & UNICODE_WHITE)) break;
        b = c;
    }
    for (size_t i = a; i < b; i += (size_t)hone_utf8_length(in.p[i]))
        HONE_TRY(item(w, &n, hone_utf8_decode(in.p + i), 0));
    return apply(in, w->items, n, skip, out);
}

/* All of `content` takes the origin of the last character it replaces. */
static hone_status replace(const hone_tok_norm_step *s, source in, hone_tok_text *out) {
    int32_t k = 0, b = in.base, e = in.base;
    for (size_t i = 0; i < in.n;) {
        bool hit = in.n - i >= s->n_pattern && memcmp(in.p + i, s->pattern, s->n_pattern) == 0;
        size_t end = i + (hit ? s->n_pattern : (size_t)hone_utf8_length(in.p[i]));
        uint32_t c = hone_utf8_decode(in.p + i);
        while (i < end) {
            b = in.align ? in.align[i][0] : in.base + k;
            e = in.align ? in.align[i][1] : b + 1;
            i += (size_t)hone_utf8_length(in.p[i]);
            k++;
        }
        HONE_TRY(hone_tok_text_room(out, s->n_content + 4));
        if (!hit)
            put(out, c, b, e);
        else
            for (size_t j = 0; j < s->n_content; j += (size_t)hone_utf8_length((uint8_t)s->content[j]))
                put(out, hone_utf8_decode((const uint8_t *)s->content + j), b, e);
    }
    return HONE_OK;
}

static hone_status prepend(const hone_tok_norm_step *s, struct hone_tokenizer_work *w, source in, hone_tok_text *out) {
    size_t n = 0;
    for (size_t j = 0; in.n && j < s->n_content; j += (size_t)hone_utf8_length((uint8_t)s->content[j]))
        HONE_TRY(item(w, &n, hone_utf8_decode((const uint8_t *)s->content + j), j > 0));
    for (size_t i = 0; i < in.n; i += (size_t)hone_utf8_length(in.p[i]))
        HONE_TRY(item(w, &n, hone_utf8_decode(in.p + i), i == 0 && s->n_content > 0));
    return apply(in, w->items, n, 0, out);
}

static hone_status run_step(const hone_tok_norm_step *s, struct hone_tokenizer_work *w, source in, hone_tok_text *out) {
    switch (s->kind) {
    case TOK_NORM_BERT: return bert(s, w, in, out);
    case TOK_NORM_LOWERCASE: return lowercase(w, in, out);
    case TOK_NORM_STRIP_ACCENTS: return strip_accents(w, in, out);
    case TOK_NORM_NFD: return unicode_form(w, in, false, false, out);
    case TOK_NORM_NFKD: return unicode_form(w, in, true, false, out);
    case TOK_NORM_NFC: return unicode_form(w, in, false, true, out);
    case TOK_NORM_NFKC: return unicode_form(w, in, true, true, out);
    case TOK_NORM_STRIP: return strip(s, w, in, out);
    case TOK_NORM_REPLACE: return replace(s, in, out);
    case TOK_NORM_PREPEND: return prepend(s, w, in, out);
    }
    return HONE_OK;
}

/* No normalizer: the text itself. */
static hone_status copy(source in, hone_tok_text *out) {
    HONE_TRY(hone_tok_text_room(out, in.n + 4));
    if (!out->aligned) {
        if (in.n) memcpy(out->p + out->n, in.p, in.n);
        out->n += in.n;
        return HONE_OK;
    }
    int32_t k = 0;
    for (size_t i = 0; i < in.n; i += (size_t)hone_utf8_length(in.p[i]), k++) {
        int32_t b = in.align ? in.align[i][0] : in.base + k, e = in.align ? in.align[i][1] : b + 1;
        put(out, hone_utf8_decode(in.p + i), b, e);
    }
    return HONE_OK;
}

hone_status hone_tok_normalize(const hone_tok_norm_step *step, size_t n_steps, struct hone_tokenizer_work *w,
                               const uint8_t *p, size_t n, int32_t base, hone_tok_text *out) {
    source in = {p, n, NULL, base};
    if (n_steps == 0) return copy(in, out);
    for (size_t i = 0; i < n_steps; i++) {
        bool last = i + 1 == n_steps;
        hone_tok_text *to = last ? out : &w->stage[i & 1];
        if (!last) {
            to->n = 0;
            to->aligned = out->aligned;
        }
        HONE_TRY(run_step(&step[i], w, in, to));
        in = (source){to->p, to->n, out->aligned ? to->align : NULL, base};
    }
    return HONE_OK;
}
