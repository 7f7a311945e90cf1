/* Added tokens are cut out of the text before anything else looks at it: those with normalized = false from the raw
 * text, the others from the normalized text, by their own normalized spelling. Leftmost-longest, never overlapping; a
 * match that single_word rejects still uses up its text. */
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

static hone_status add_pattern(hone_tok_matcher *m, const hone_tokenizer *t, struct hone_tokenizer_work *w, size_t i) {
    const hone_tok_added *a = &t->added[i];
    const char *key = a->content;
    size_t n = a->n;
    if (a->normalized) {
        hone_tok_text *text = &w->norm[0];
        text->n = 0;
        text->aligned = false;
        HONE_TRY(hone_tok_normalize(t->norm, t->n_norm, w, (const uint8_t *)key, n, 0, text));
        key = (const char *)text->p;
        n = text->n;
    }
    if (n == 0) {
        if (m->empty < 0) m->empty = (int32_t)i;
        return HONE_OK;
    }
    int64_t existing; /* of two equal spellings the first one wins */
    return hone_tok_map_add(&m->map, key, n, (int32_t)i, &existing);
}

static int longer_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b; /* first byte above, complement of the length below */
    return (x > y) - (x < y);
}

hone_status hone_tok_matcher_build(hone_tok_matcher *m, const hone_tokenizer *t, struct hone_tokenizer_work *w,
                                   bool normalized) {
    m->empty = -1;
    m->only_byte = -1;
    for (int special = 1; special >= 0; special--)
        for (size_t i = 0; i < t->n_added; i++)
            if (t->added[i].special == special && t->added[i].normalized == normalized)
                HONE_TRY(add_pattern(m, t, w, i));
    size_t n = m->map.entries;
    if (n == 0) return HONE_OK;
    uint64_t *key = hone_alloc(n * sizeof *key);
    m->lengths = hone_alloc(n * sizeof *m->lengths);
    if (!key || !m->lengths) {
        hone_free(key);
        return HONE_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        key[i] = (uint64_t)(uint8_t)m->map.pool[m->map.entry[i].at] << 32 | (UINT32_MAX - m->map.entry[i].n);
    qsort(key, n, sizeof *key, longer_first);
    uint32_t at = 0;
    size_t i = 0;
    for (int byte = 0; byte < 256; byte++) {
        m->first[byte] = at;
        for (; i < n && (int)(key[i] >> 32) == byte; i++)
            if (i == 0 || key[i] != key[i - 1]) m->lengths[at++] = UINT32_MAX - (uint32_t)key[i];
    }
    m->first[256] = at;
    if (key[0] >> 32 == key[n - 1] >> 32) m->only_byte = (int)(key[0] >> 32);
    hone_free(key);
    return HONE_OK;
}

void hone_tok_matcher_free(hone_tok_matcher *m) {
    hone_tok_map_free(&m->map);
    hone_free(m->lengths);
    *m = (hone_tok_matcher){.empty = -1, .only_byte = -1};
}

/* The leftmost-longest match at or after *at: its token and [*at, *end); -1 when there is none. */
static int32_t next_match(const hone_tok_matcher *m, const uint8_t *p, size_t n, size_t *at, size_t *end) {
    for (size_t i = *at; i <= n; i++) {
        if (m->empty < 0) {
            if (i == n || m->map.entries == 0) return -1;
            if (m->only_byte >= 0) {
                const uint8_t *hit = memchr(p + i, m->only_byte, n - i);
                if (!hit) return -1;
                i = (size_t)(hit - p);
            } else {
                while (i < n && m->first[p[i]] == m->first[p[i] + 1]) i++;
                if (i == n) return -1;
            }
        }
        if (i < n)
            for (uint32_t k = m->first[p[i]]; k < m->first[p[i] + 1]; k++) {
                size_t length = m->lengths[k];
                if (length > n - i) continue;
                int64_t e = hone_tok_map_get(&m->map, (const char *)p + i, length);
                if (e < 0) continue;
                *at = i;
                *end = i + length;
                return m->map.entry[e].value;
            }
        if (m->empty >= 0 && (i == n || (p[i] & 0xC0) != 0x80)) { /* an empty spelling matches everywhere */
            *at = *end = i;
            return m->empty;
        }
    }
    return -1;
}

static bool is_word(const uint8_t *p) {
    return hone_unicode_flags(hone_utf8_decode(p)) & UNICODE_WORD;
}
static bool is_white(const uint8_t *p) {
    return hone_unicode_flags(hone_utf8_decode(p)) & UNICODE_WHITE;
}
static size_t before(const uint8_t *p, size_t i) { /* start of the character that ends at i > 0 */
    do i--;
    while (i > 0 && (p[i] & 0xC0) == 0x80);
    return i;
}

hone_status hone_tok_match(const hone_tok_matcher *m, const hone_tok_added *added, bool split_special, const uint8_t *p,
                           size_t n, size_t shift, hone_tok_splits *out) {
    size_t done = 0;            /* text before it has been given out */
    size_t at = 0, end = 0;     /* search position */
    size_t last_end = SIZE_MAX; /* an empty match may not touch the match before */
    for (int32_t k; n > 0 && (k = next_match(m, p, n, &at, &end)) >= 0;) {
        size_t start = at, stop = end;
        if (start == stop && stop == last_end) {
            at++;
            continue;
        }
        at = last_end = end;
        const hone_tok_added *a = &added[k];
        if (split_special && a->special) continue;
        if (a->single_word && ((start > 0 && is_word(p + before(p, start))) || (stop < n && is_word(p + stop))))
            continue;
        if (a->lstrip) {
            size_t i = start;
            while (i > 0 && is_white(p + before(p, i))) i = before(p, i);
            start = i > done ? i : done;
        }
        if (a->rstrip)
            while (stop < n && is_white(p + stop)) stop += (size_t)hone_utf8_length(p[stop]);
        if (done < start) HONE_TRY(hone_tok_splits_push(out, shift + done, shift + start, -1));
        HONE_TRY(hone_tok_splits_push(out, shift + start, shift + stop, a->id));
        done = stop;
    }
    return done < n ? hone_tok_splits_push(out, shift + done, shift + n, -1) : HONE_OK;
}
