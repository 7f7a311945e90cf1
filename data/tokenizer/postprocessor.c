/* Post-processors: put the texts' tokens and the special tokens in order. BertProcessing, RobertaProcessing and "none"
 * are templates too (load.c writes them so); RoBERTa's also trims white space off offsets. */
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

#include <string.h>

int64_t hone_tok_template_count(const hone_tok_template *t, bool pair) {
    int64_t count = 0;
    for (size_t i = 0; i < (pair ? t->n_pair : t->n_single); i++) {
        const hone_tok_template_piece *p = pair ? &t->pair[i] : &t->single[i];
        if (p->kind == 2) count += (int64_t)t->special[p->special].n;
    }
    return count;
}

void hone_tok_template_free(hone_tok_template *t) {
    for (size_t i = 0; i < t->n_special; i++) {
        hone_free(t->special[i].name);
        hone_free(t->special[i].ids);
        for (size_t j = 0; t->special[i].spelling && j < t->special[i].n; j++) hone_free(t->special[i].spelling[j]);
        hone_free(t->special[i].spelling);
    }
    hone_free(t->special);
    hone_free(t->single);
    hone_free(t->pair);
    *t = (hone_tok_template){0};
}

static hone_status make_room(hone_encoding *e, int64_t n) {
    if (n <= e->capacity && e->capacity > 0) return HONE_OK;
    int64_t cap = e->capacity + e->capacity / 2;
    if (cap < n) cap = n;
    if (cap < 64) cap = 64;
    size_t items = (size_t)cap;
    void *p;
    /* capacity is raised last: after a failure the smaller arrays still hold what it promises */
    if (!(p = hone_realloc(e->ids, items * sizeof *e->ids))) return HONE_E_NOMEM;
    e->ids = p;
    if (!(p = hone_realloc(e->type_ids, items * sizeof *e->type_ids))) return HONE_E_NOMEM;
    e->type_ids = p;
    if (!(p = hone_realloc(e->special, items))) return HONE_E_NOMEM;
    e->special = p;
    if (!(p = hone_realloc(e->sequence, items))) return HONE_E_NOMEM;
    e->sequence = p;
    if (!(p = hone_realloc(e->offsets, items * sizeof *e->offsets))) return HONE_E_NOMEM;
    e->offsets = p;
    e->capacity = cap;
    return HONE_OK;
}

/* U+0120 stands for a space in byte-level vocabularies. */
static bool is_space(uint32_t c) {
    return c == 0x120 || hone_unicode_flags(c) & UNICODE_WHITE;
}

/* RoBERTa with trim_offsets: a token's offsets leave out the white space at its ends. With add_prefix_space a
 * single leading space of a text's first token is the one that was added, so it never was in the text. */
static void trim(const hone_tok_template *t, const char *p, size_t n, bool first, int32_t offsets[2]) {
    int32_t leading = 0, trailing = 0;
    const uint8_t *s = (const uint8_t *)p;
    for (size_t i = 0; i < n && is_space(hone_utf8_decode(s + i)); i += (size_t)hone_utf8_length(s[i])) leading++;
    for (size_t i = n; i > 0; trailing++) {
        size_t j = i - 1;
        while (j > 0 && (s[j] & 0xC0) == 0x80) j--;
        if (!is_space(hone_utf8_decode(s + j))) break;
        i = j;
    }
    if (leading > 0) {
        if (leading == 1 && (first || offsets[0] == 0) && t->add_prefix_space) leading = 0;
        int32_t b = offsets[0] + leading;
        offsets[0] = b < offsets[1] ? b : offsets[1];
    }
    if (trailing > 0 && offsets[1] >= trailing) {
        int32_t b = offsets[1] - trailing;
        offsets[1] = b > offsets[0] ? b : offsets[0];
    }
}

static void put_sequence(const hone_tokenizer *t, const hone_encode_options *o, int s, int32_t type_id,
                         hone_encoding *e) {
    const hone_tok_tokens *k = &e->work->tokens[s];
    for (size_t j = 0; j < k->n; j++) {
        int64_t i = e->n++;
        e->ids[i] = k->p[j].id;
        e->type_ids[i] = type_id;
        e->special[i] = 0;
        e->sequence[i] = (int8_t)s;
        if (!o->want_offsets) continue;
        struct hone_tok_spelling *sp = &e->work->spelling[i];
        if (k->p[j].n_text >= 0)
            *sp = (struct hone_tok_spelling){(const char *)e->work->norm[s].p + k->p[j].text, (size_t)k->p[j].n_text};
        else {
            const struct hone_tok_entry *entry = &t->vocab.entry[k->p[j].text];
            *sp = (struct hone_tok_spelling){t->vocab.pool + entry->at, entry->n};
        }
        e->offsets[i][0] = k->p[j].begin;
        e->offsets[i][1] = k->p[j].end;
        if (t->post.trim_offsets) trim(&t->post, sp->p, sp->n, j == 0, e->offsets[i]);
    }
}

static void put_special(const hone_tokenizer *t, const hone_encode_options *o, const hone_tok_template_piece *piece,
                        hone_encoding *e) {
    const struct hone_tok_special *s = &t->post.special[piece->special];
    for (size_t j = 0; j < s->n; j++) {
        int64_t i = e->n++;
        e->ids[i] = s->ids[j];
        e->type_ids[i] = piece->type_id;
        e->special[i] = 1;
        e->sequence[i] = -1;
        if (!o->want_offsets) continue;
        e->offsets[i][0] = e->offsets[i][1] = 0;
        e->work->spelling[i] = (struct hone_tok_spelling){s->spelling[j], strlen(s->spelling[j])};
    }
}

hone_status hone_tok_post_process(const hone_tokenizer *t, bool pair, const hone_encode_options *o, hone_encoding *e) {
    const hone_tok_template_piece *piece = pair ? t->post.pair : t->post.single;
    size_t n_pieces = pair ? t->post.n_pair : t->post.n_single;
    uint64_t n = 0;
    for (size_t i = 0; i < n_pieces; i++) {
        if (piece[i].kind < 2)
            n += e->work->tokens[piece[i].kind].n;
        else if (!o->no_special_tokens)
            n += t->post.special[piece[i].special].n;
    }
    if (n > INT32_MAX) return hone_fail(HONE_E_LIMIT, "the text has %" PRIu64 " tokens, the limit is %d", n, INT32_MAX);
    HONE_TRY(make_room(e, (int64_t)n));
    if (o->want_offsets) HONE_TRY(TOK_GROW(e->work->spelling, e->work->spelling_cap, (size_t)n));
    for (size_t i = 0; i < n_pieces; i++) {
        if (piece[i].kind < 2)
            put_sequence(t, o, piece[i].kind, piece[i].type_id, e);
        else if (!o->no_special_tokens)
            put_special(t, o, &piece[i], e);
    }
    return HONE_OK;
}
