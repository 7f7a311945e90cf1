/* Outline: normal forms are numbered; their words become features (word, k-th occurrence), which are ranked by
 * frequency, rare ones first; texts of the same features are one; the others are visited by growing size, each probing
 * the lists of its rarest features for texts that were there before. */
#include "data/duplicates.h"

#include "base/hash.h"
#include "base/memory.h"
#include "data/clusters.h"
#include "data/table_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { LIST_LOOKED_AT = 2048 };

/* ---- normal form ---- */

static bool is_space(int32_t c) {
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static hone_status room(hone_normal_text *out, size_t n) {
    if (n <= out->cap) return HONE_OK;
    char *p = hone_realloc(out->p, n + n / 2);
    if (!p) return HONE_E_NOMEM;
    out->p = p, out->cap = n + n / 2;
    return HONE_OK;
}

/* NFKC and case folding into out->p; *ok is false for text that is not UTF-8. */
static hone_status fold(const char *p, size_t n, hone_normal_text *out, bool *ok) {
    const utf8proc_option_t how =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    *ok = false;
    for (;;) {
        utf8proc_ssize_t need = utf8proc_decompose((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, out->codes,
                                                   (utf8proc_ssize_t)out->cap_codes, how);
        if (need < 0) return HONE_OK;
        if ((size_t)need < out->cap_codes) {
            utf8proc_ssize_t bytes = utf8proc_reencode(out->codes, need, how); /* in place */
            if (bytes < 0) return HONE_OK;
            HONE_TRY(room(out, (size_t)bytes + 1));
            memcpy(out->p, out->codes, (size_t)bytes);
            out->n = (size_t)bytes;
            *ok = true;
            return HONE_OK;
        }
        size_t cap = (size_t)need + (size_t)need / 2 + 64; /* reencode wants one more for the final NUL */
        int32_t *codes = hone_realloc(out->codes, cap * sizeof *codes);
        if (!codes) return HONE_E_NOMEM;
        out->codes = codes, out->cap_codes = cap;
    }
}

/* Length of the character at p and its code point; broken bytes count as themselves. */
static size_t next_code(const char *p, size_t n, int32_t *c) {
    if ((unsigned char)*p < 0x80) {
        *c = *p;
        return 1;
    }
    utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, c);
    if (k > 0) return (size_t)k;
    *c = (unsigned char)*p;
    return 1;
}

static void squeeze_spaces(hone_normal_text *t) {
    size_t to = 0;
    bool gap = false;
    for (size_t i = 0; i < t->n;) {
        int32_t c;
        size_t k = next_code(t->p + i, t->n - i, &c);
        if (is_space(c)) {
            gap = to > 0;
        } else {
            if (gap) t->p[to++] = ' '; /* never passes i: the gap took a byte at least */
            gap = false;
            memmove(t->p + to, t->p + i, k);
            to += k;
        }
        i += k;
    }
    t->n = to;
    t->p[to] = 0;
}

hone_status hone_text_normalize(const char *p, size_t n, hone_normal_text *out) {
    bool ascii = true, folded = false;
    for (size_t i = 0; i < n && ascii; i++) ascii = (unsigned char)p[i] < 0x80;
    if (!ascii) HONE_TRY(fold(p, n, out, &folded));
    if (!folded) {
        HONE_TRY(room(out, n + 1));
        for (size_t i = 0; i < n; i++) out->p[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];
        out->n = n;
    }
    squeeze_spaces(out);
    return HONE_OK;
}

void hone_normal_text_free(hone_normal_text *t) {
    hone_free(t->p);
    hone_free(t->codes);
    *t = (hone_normal_text){0};
}

/* ---- features ---- */

static uint64_t mix(uint64_t h) { /* the finaliser of SplitMix64 */
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9ull;
    h = (h ^ h >> 27) * 0x94D049BB133111EBull;
    return h ^ h >> 31;
}

/* A numbering of 64-bit keys, as hone_intern numbers strings. */
typedef struct numbering {
    uint64_t *key; /* [mask + 1] */
    int32_t *slot; /* [mask + 1] number + 1, 0 = free */
    uint64_t mask;
    int64_t count;
} numbering;

static hone_status numbering_grow(numbering *t) {
    uint64_t size = t->mask ? 2 * (t->mask + 1) : 4096;
    uint64_t *key = hone_alloc(size * sizeof *key);
    int32_t *slot = hone_zalloc(size * sizeof *slot);
    if (!key || !slot) {
        hone_free(key), hone_free(slot);
        return HONE_E_NOMEM;
    }
    for (uint64_t i = 0; t->mask && i <= t->mask; i++) {
        if (!t->slot[i]) continue;
        uint64_t at = t->key[i] & (size - 1);
        while (slot[at]) at = (at + 1) & (size - 1);
        key[at] = t->key[i], slot[at] = t->slot[i];
    }
    hone_free(t->key), hone_free(t->slot);
    *t = (numbering){key, slot, size - 1, t->count};
    return HONE_OK;
}

static hone_status numbering_add(numbering *t, uint64_t key, int32_t *number) {
    if ((uint64_t)t->count * 2 >= t->mask) HONE_TRY(numbering_grow(t));
    uint64_t i = key & t->mask;
    for (; t->slot[i]; i = (i + 1) & t->mask)
        if (t->key[i] == key) {
            *number = t->slot[i] - 1;
            return HONE_OK;
        }
    if (t->count == INT32_MAX - 1) return hone_fail(HONE_E_LIMIT, "more than %d different words", INT32_MAX - 1);
    t->key[i] = key;
    *number = (int32_t)t->count++;
    t->slot[i] = *number + 1;
    return HONE_OK;
}

/* Scripts that put no spaces between words. */
static bool is_unspaced(int32_t c) {
    return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) ||
           (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

typedef enum letter { OTHER, LETTER, DIGIT } letter;

static letter letter_of(int32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9' ? DIGIT : c >= 'a' && c <= 'z' ? LETTER : OTHER;
    utf8proc_category_t k = utf8proc_category(c);
    if (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO) return DIGIT;
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_ME ? LETTER : OTHER;
}

typedef struct finder {
    double threshold;
    hone_intern normal; /* the distinct normal forms; their bytes lie in `arena` */
    hone_arena *arena;
    numbering words;
    int32_t *feature; /* of all texts, one after another */
    int64_t n_features, cap_features;
    int64_t *first;    /* [n_same + 1] */
    uint32_t *numbers; /* [n_same] signature of the words with digits */
    int64_t *count;    /* [words] */
    hone_clusters clusters;
    uint64_t *work; /* hashes of one text's words */
    int64_t n_work, cap_work;
} finder;

static hone_status add_word(finder *f, uint64_t h, bool number, uint32_t *signature) {
    HONE_TRY(hone_grow((void **)&f->work, &f->cap_work, f->n_work + 1, sizeof *f->work));
    f->work[f->n_work++] = h;
    if (number) *signature += (uint32_t)(mix(h ^ 0x9E3779B97F4A7C15ull) >> 32); /* a sum: order does not matter */
    return HONE_OK;
}

/* Hashes of the text's words into f->work. */
static hone_status read_words(finder *f, const char *p, size_t n, uint32_t *signature) {
    uint64_t h = 0;
    int32_t before = 0; /* the unspaced character in front */
    bool in_word = false, number = false, paired = false;
    f->n_work = 0, *signature = 0;
    for (size_t i = 0; i <= n;) {
        int32_t c = 0;
        size_t k = i < n ? next_code(p + i, n - i, &c) : 1;
        letter l = i < n ? letter_of(c) : OTHER;
        bool unspaced = l == LETTER && is_unspaced(c);
        if (in_word && (l == OTHER || unspaced)) {
            HONE_TRY(add_word(f, mix(h), number, signature));
            in_word = false;
        }
        if (before && (unspaced || !paired)) /* with its neighbour, or a single one between words */
            HONE_TRY(add_word(f, mix((uint64_t)before << 32 | (unspaced ? (uint32_t)c : 0)), false, signature));
        paired = before && unspaced;
        before = unspaced ? c : 0;
        if (l != OTHER && !unspaced) {
            if (!in_word) h = HONE_HASH_SEED, number = false;
            in_word = true;
            number |= l == DIGIT;
            h = hone_hash_word(h, (uint32_t)c);
        }
        i += k;
    }
    return HONE_OK;
}

static int by_value(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}
static int by_rank(const void *a, const void *b) {
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static hone_status read_features(finder *f) {
    for (int64_t t = 0; t < f->normal.count; t++) {
        f->first[t] = f->n_features;
        HONE_TRY(read_words(f, f->normal.p[t], f->normal.n[t], &f->numbers[t]));
        if (f->n_work) qsort(f->work, (size_t)f->n_work, sizeof *f->work, by_value);
        HONE_TRY(hone_grow((void **)&f->feature, &f->cap_features, f->n_features + f->n_work + 1, sizeof *f->feature));
        uint64_t occurrence = 0;
        for (int64_t k = 0; k < f->n_work; k++) {
            occurrence = k && f->work[k] == f->work[k - 1] ? occurrence + 1 : 0;
            uint64_t key = occurrence ? mix(f->work[k] + occurrence) : f->work[k];
            HONE_TRY(numbering_add(&f->words, key, &f->feature[f->n_features + k]));
        }
        f->n_features += f->n_work;
    }
    f->first[f->normal.count] = f->n_features;
    return HONE_OK;
}

static int64_t size_of(const finder *f, int64_t t) {
    return f->first[t + 1] - f->first[t];
}

/* Features become ranks, 0 the rarest; each text's are sorted. */
static hone_status rank_features(finder *f) {
    const int64_t n = f->words.count;
    int64_t most = 0;
    int32_t *rank = hone_alloc((size_t)(n + 1) * sizeof *rank);
    f->count = hone_zalloc((size_t)(n + 1) * sizeof *f->count);
    int64_t *at = NULL;
    if (rank && f->count) {
        for (int64_t k = 0; k < f->n_features; k++)
            if (++f->count[f->feature[k]] > most) most = f->count[f->feature[k]];
        at = hone_zalloc((size_t)(most + 2) * sizeof *at);
    }
    if (at) {
        for (int64_t w = 0; w < n; w++) at[f->count[w] + 1]++;
        for (int64_t c = 0; c <= most; c++) at[c + 1] += at[c];
        for (int64_t w = 0; w < n; w++) rank[w] = (int32_t)at[f->count[w]]++;
        for (int64_t k = 0; k < f->n_features; k++) f->feature[k] = rank[f->feature[k]];
        for (int64_t t = 0; t < f->normal.count; t++)
            if (size_of(f, t))
                qsort(f->feature + f->first[t], (size_t)(f->first[t + 1] - f->first[t]), sizeof *f->feature, by_rank);
    }
    bool ok = at != NULL;
    hone_free(rank), hone_free(at);
    return ok ? HONE_OK : HONE_E_NOMEM;
}

/* ---- joining ---- */

typedef struct entry {
    int32_t text, next; /* next: entry + 1, 0 = the list's end */
} entry;

typedef struct joiner {
    finder *f;
    numbering lists;
    int32_t *head; /* [lists] entry + 1 */
    int64_t cap_head;
    entry *entries;
    int64_t n_entries, cap_entries;
    int32_t *stamp; /* [n_same] the last text that looked at this one */
} joiner;

static int64_t ceil_of(double x) {
    return (int64_t)ceil(x - 1e-9); /* 0.8 * 10 is to be 8 */
}

/* Both lists are sorted: walk them together, and give up when the rest cannot reach `want`. */
static bool overlap_reaches(const int32_t *a, int64_t na, const int32_t *b, int64_t nb, int64_t want) {
    int64_t i = 0, k = 0, have = 0;
    while (i < na && k < nb) {
        if (have + (na - i < nb - k ? na - i : nb - k) < want) return false;
        if (a[i] == b[k])
            have++, i++, k++;
        else if (a[i] < b[k])
            i++;
        else
            k++;
    }
    return have >= want;
}

static void look_at(joiner *j, int64_t t, int32_t entry_at) {
    finder *f = j->f;
    const int64_t n = size_of(f, t), least = ceil_of(f->threshold * (double)n);
    for (int looked = 0; entry_at && looked < LIST_LOOKED_AT; looked++, entry_at = j->entries[entry_at - 1].next) {
        const int32_t y = j->entries[entry_at - 1].text;
        const int64_t m = size_of(f, y);
        if (m < least) return; /* the lists shrink towards their ends */
        if (j->stamp[y] == (int32_t)t) continue;
        j->stamp[y] = (int32_t)t;
        if (f->numbers[y] != f->numbers[t] ||
            hone_clusters_root(&f->clusters, y) == hone_clusters_root(&f->clusters, t))
            continue;
        int64_t want = ceil_of(f->threshold / (1 + f->threshold) * (double)(n + m));
        if (overlap_reaches(f->feature + f->first[t], n, f->feature + f->first[y], m, want))
            hone_clusters_join(&f->clusters, t, y);
    }
}

/* Text t against those before it, then into the lists of its rarest features. */
static hone_status probe(joiner *j, int64_t t) {
    finder *f = j->f;
    const int64_t n = size_of(f, t);
    const int64_t probed = n - ceil_of(f->threshold * (double)n) + 1;
    const int64_t kept = n - ceil_of(2 * f->threshold / (1 + f->threshold) * (double)n) + 1;
    for (int64_t k = 0; k < probed; k++) {
        int32_t list;
        HONE_TRY(numbering_add(&j->lists, mix((uint64_t)f->feature[f->first[t] + k] << 32 | f->numbers[t]), &list));
        int64_t old = j->cap_head;
        HONE_TRY(hone_grow((void **)&j->head, &j->cap_head, list + 1, sizeof *j->head));
        if (j->cap_head > old) memset(j->head + old, 0, (size_t)(j->cap_head - old) * sizeof *j->head);
        look_at(j, t, j->head[list]);
        if (k >= kept) continue;
        if (j->n_entries == INT32_MAX - 1) return hone_fail(HONE_E_LIMIT, "too many words to compare");
        HONE_TRY(hone_grow((void **)&j->entries, &j->cap_entries, j->n_entries + 1, sizeof *j->entries));
        j->entries[j->n_entries] = (entry){(int32_t)t, j->head[list]};
        j->head[list] = (int32_t)++j->n_entries;
    }
    return HONE_OK;
}

/* Texts of the same features; `alone` gets one of each. */
static hone_status join_equal(finder *f, int32_t *alone, int64_t *n_alone) {
    hone_intern bags = {0};
    hone_status st = HONE_OK;
    for (int64_t t = 0; t < f->normal.count && st == HONE_OK; t++) {
        int32_t number;
        int64_t before = bags.count;
        if (!size_of(f, t)) continue; /* punctuation alone: equal or different, nothing between */
        st = hone_intern_add(&bags, (const char *)(f->feature + f->first[t]),
                             (size_t)size_of(f, t) * sizeof *f->feature, &number);
        if (st != HONE_OK) break;
        if (bags.count > before)
            alone[(*n_alone)++] = (int32_t)t;
        else
            hone_clusters_join(&f->clusters, alone[number], t);
    }
    hone_intern_free(&bags);
    return st;
}

/* Stable counting sort by size. */
static hone_status sort_by_size(const finder *f, int32_t *text, int64_t n) {
    int64_t most = 0;
    for (int64_t i = 0; i < n; i++)
        if (size_of(f, text[i]) > most) most = size_of(f, text[i]);
    int64_t *at = hone_zalloc((size_t)(most + 2) * sizeof *at);
    int32_t *sorted = hone_alloc((size_t)(n + 1) * sizeof *sorted);
    bool ok = at && sorted;
    if (ok) {
        for (int64_t i = 0; i < n; i++) at[size_of(f, text[i]) + 1]++;
        for (int64_t s = 0; s <= most; s++) at[s + 1] += at[s];
        for (int64_t i = 0; i < n; i++) sorted[at[size_of(f, text[i])]++] = text[i];
        memcpy(text, sorted, (size_t)n * sizeof *text);
    }
    hone_free(at), hone_free(sorted);
    return ok ? HONE_OK : HONE_E_NOMEM;
}

static hone_status join_near(finder *f) {
    joiner j = {.f = f};
    int64_t n = 0;
    int32_t *alone = hone_alloc((size_t)(f->normal.count + 1) * sizeof *alone);
    j.stamp = hone_alloc((size_t)(f->normal.count + 1) * sizeof *j.stamp);
    hone_status st = alone && j.stamp ? HONE_OK : HONE_E_NOMEM;
    if (st == HONE_OK) {
        memset(j.stamp, 0xFF, (size_t)(f->normal.count + 1) * sizeof *j.stamp);
        st = join_equal(f, alone, &n);
    }
    if (st == HONE_OK) st = sort_by_size(f, alone, n);
    for (int64_t i = 0; i < n && st == HONE_OK && f->threshold < 1; i++) st = probe(&j, alone[i]);
    hone_free(alone), hone_free(j.stamp), hone_free(j.head), hone_free(j.entries);
    hone_free(j.lists.key), hone_free(j.lists.slot);
    return st;
}

/* ---- the whole ---- */

/* Bytes of the normal form are kept in the arena, in pieces: an allocation for each would waste 64 of them. */
static hone_status number_normal_forms(finder *f, const hone_texts *x, int32_t *same) {
    hone_normal_text t = {0};
    hone_status st = HONE_OK;
    char *pool = NULL;
    size_t left = 0;
    for (int64_t k = 0; k < x->count && st == HONE_OK; k++) {
        same[k] = -1;
        st = hone_text_normalize(x->p[k], x->n[k], &t);
        if (st != HONE_OK || !t.n) continue;
        if (t.n + 1 > left) {
            left = t.n + 1 > (1u << 18) ? t.n + 1 : 1u << 18;
            if (!(pool = hone_arena_alloc(f->arena, left))) st = HONE_E_NOMEM;
        }
        if (st != HONE_OK) break;
        memcpy(pool, t.p, t.n + 1);
        int64_t before = f->normal.count;
        st = hone_intern_add(&f->normal, pool, t.n, &same[k]);
        if (f->normal.count > before) pool += t.n + 1, left -= t.n + 1;
    }
    hone_normal_text_free(&t);
    return st;
}

static hone_status number_clusters(finder *f, int64_t count, const int32_t *same, int32_t *near, int64_t *n_near) {
    int32_t *number = hone_alloc((size_t)(f->normal.count + 1) * sizeof *number);
    if (!number) return HONE_E_NOMEM;
    memset(number, 0xFF, (size_t)(f->normal.count + 1) * sizeof *number);
    for (int64_t k = 0; k < count; k++) {
        near[k] = -1;
        if (same[k] < 0) continue;
        int64_t r = hone_clusters_root(&f->clusters, same[k]);
        if (number[r] < 0) number[r] = (int32_t)(*n_near)++;
        near[k] = number[r];
    }
    hone_free(number);
    return HONE_OK;
}

static hone_status find(finder *f, const hone_texts *x, hone_duplicates *d) {
    HONE_TRY(number_normal_forms(f, x, d->same));
    d->n_same = f->normal.count;
    HONE_TRY(hone_clusters_new(d->n_same, &f->clusters));
    if (f->threshold <= 1) {
        f->first = hone_alloc((size_t)(d->n_same + 1) * sizeof *f->first);
        f->numbers = hone_alloc((size_t)(d->n_same + 1) * sizeof *f->numbers);
        if (!f->first || !f->numbers) return HONE_E_NOMEM;
        HONE_TRY(read_features(f));
        HONE_TRY(rank_features(f));
        HONE_TRY(join_near(f));
    }
    return number_clusters(f, x->count, d->same, d->near, &d->n_near);
}

hone_status hone_duplicates_find(const hone_texts *x, double threshold, hone_duplicates *out) {
    if (!(threshold >= 0.5))
        return hone_fail(HONE_E_ARG, "threshold of near duplicates is %g, expected 0.5 or more", threshold);
    hone_duplicates d = {.count = x->count};
    finder f = {.threshold = threshold, .arena = hone_arena_new("duplicates", 0)};
    d.same = hone_alloc((size_t)(x->count + 1) * sizeof *d.same);
    d.near = hone_alloc((size_t)(x->count + 1) * sizeof *d.near);
    hone_status st =
        f.arena && d.same && d.near ? find(&f, x, &d) : hone_fail(HONE_E_NOMEM, "no memory for duplicates");
    hone_intern_free(&f.normal);
    hone_arena_free(f.arena);
    hone_clusters_free(&f.clusters);
    hone_free(f.words.key), hone_free(f.words.slot);
    hone_free(f.feature), hone_free(f.first), hone_free(f.numbers), hone_free(f.count), hone_free(f.work);
    if (st != HONE_OK)
        hone_duplicates_free(&d);
    else
        *out = d;
    return st;
}

void hone_duplicates_free(hone_duplicates *d) {
    hone_free(d->same);
    hone_free(d->near);
    *d = (hone_duplicates){0};
}
