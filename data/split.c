#include "data/split.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows that share a trimmed text get one root. Empty texts link nothing. */
static hone_status find_clusters(const hone_texts *x, hone_clusters *c) {
    hone_intern trimmed = {0};
    int32_t *of = hone_alloc((size_t)(x->count + 1) * sizeof *of);
    int32_t *key = hone_alloc((size_t)(x->rows * x->width + 1) * sizeof *key);
    hone_status st = of && key ? HONE_OK : HONE_E_NOMEM;
    for (int64_t t = 0; t < x->count && st == HONE_OK; t++) {
        const char *p = x->p[t];
        size_t n = x->n[t];
        hone_text_trim(&p, &n);
        of[t] = -1;
        if (n) st = hone_intern_add(&trimmed, p, n, &of[t]);
    }
    for (int64_t k = 0; k < x->rows * x->width && st == HONE_OK; k++) key[k] = of[x->of[k]];
    if (st == HONE_OK) st = hone_clusters_join_keys(c, key, x->width, trimmed.count);
    hone_intern_free(&trimmed);
    hone_free(of);
    hone_free(key);
    return st;
}

/* ---- room on the evaluation side, by label ---- */

typedef struct fraction {
    double rest;
    int32_t label;
} fraction;

static int by_rest(const void *a, const void *b) {
    const fraction *x = a, *y = b;
    if (x->rest != y->rest) return x->rest < y->rest ? 1 : -1;
    return x->label < y->label ? -1 : x->label > y->label;
}

/* room[label] so that they add up to `target` and each is within one of share * count. */
static hone_status share_out(const int32_t *label, int64_t n, int64_t n_labels, double share, int64_t target,
                             int64_t *room) {
    int64_t *count = hone_zalloc((size_t)n_labels * sizeof *count), given = 0;
    fraction *rest = hone_alloc((size_t)n_labels * sizeof *rest);
    if (!count || !rest) {
        hone_free(count), hone_free(rest);
        return HONE_E_NOMEM;
    }
    for (int64_t i = 0; i < n; i++) count[label[i]]++;
    for (int64_t k = 0; k < n_labels; k++) {
        double want = share * (double)count[k];
        room[k] = (int64_t)floor(want);
        given += room[k];
        rest[k] = (fraction){want - floor(want), (int32_t)k};
    }
    qsort(rest, (size_t)n_labels, sizeof *rest, by_rest);
    for (int64_t k = 0; k < n_labels && given < target; k++)
        if (rest[k].rest > 0) room[rest[k].label]++, given++;
    hone_free(count), hone_free(rest);
    return HONE_OK;
}

/* ---- choosing ---- */

typedef struct chooser {
    const hone_clusters *c;
    int64_t *first; /* [n + 1] by cluster: offsets into member */
    int64_t *member, *root, *order;
    uint8_t *chosen; /* [clusters] */
    int64_t *room;   /* [labels], one without labels */
    int64_t clusters, largest;
} chooser;

/* Members of each cluster, clusters by their first row. */
static void list_members(chooser *h) {
    const int64_t n = h->c->n;
    int64_t *place = h->order; /* borrowed until the order is drawn: cluster number of a root */
    for (int64_t i = 0; i < n; i++) {
        int64_t r = hone_clusters_root(h->c, i);
        if (r == i) place[i] = h->clusters, h->first[h->clusters++] = 0;
        h->root[i] = place[r];
    }
    h->first[h->clusters] = 0;
    for (int64_t i = 0; i < n; i++) h->first[h->root[i]]++;
    for (int64_t k = 0, at = 0; k <= h->clusters; k++) {
        int64_t size = h->first[k];
        if (size > h->largest && k < h->clusters) h->largest = size;
        h->first[k] = at;
        at += size;
    }
    for (int64_t i = 0; i < n; i++) h->member[h->first[h->root[i]]++] = i;
    for (int64_t k = h->clusters; k > 0; k--) h->first[k] = h->first[k - 1];
    h->first[0] = 0;
}

static int64_t smallest(const chooser *h) {
    int64_t least = h->c->n;
    for (int64_t k = 0; k < h->clusters; k++)
        if (h->first[k + 1] - h->first[k] < least) least = h->first[k + 1] - h->first[k];
    return least;
}

/* Take the room of every row, or give it all back. */
static bool fits(chooser *h, int64_t k, const int32_t *label) {
    for (int64_t m = h->first[k]; m < h->first[k + 1]; m++) {
        int64_t l = label ? label[h->member[m]] : 0;
        if (h->room[l]-- > 0) continue;
        for (; m >= h->first[k]; m--) h->room[label ? label[h->member[m]] : 0]++;
        return false;
    }
    return true;
}

/* Whether taking the cluster brings the labels nearer to their rooms (fewer rows too few and too many, in all), and no
 * label more than `slack` beyond. If so it is taken. */
static bool brings_nearer(chooser *h, int64_t k, const int32_t *label, int64_t slack) {
    int64_t m, gain = 0;
    bool within = true;
    for (m = h->first[k]; m < h->first[k + 1] && within; m++) {
        int64_t *room = &h->room[label[h->member[m]]];
        gain += *room > 0 ? 1 : -1;
        within = --*room >= -slack;
    }
    if (within && gain > 0) return true;
    while (m-- > h->first[k]) h->room[label[h->member[m]]]++;
    return false;
}

/* The labels of a large cluster seldom fit all rooms at once. While rows are missing such clusters are taken too, those
 * that leave a label one row beyond its room first, then two, four ... */
static void fill_up(chooser *h, const int32_t *label, int64_t missing) {
    for (int64_t slack = 1; missing > 0 && slack < 2 * h->c->n; slack *= 2)
        for (int64_t k = 0; k < h->clusters && missing > 0; k++) {
            int64_t which = h->order[k], size = h->first[which + 1] - h->first[which];
            if (h->chosen[which] || size > missing || !brings_nearer(h, which, label, slack)) continue;
            h->chosen[which] = 1, missing -= size;
        }
}

static hone_status choose(chooser *h, const int32_t *label, int64_t n_labels, double share, uint64_t seed,
                          hone_split *s) {
    const int64_t n = h->c->n;
    int64_t target = llround(share * (double)n);
    if (target < 1) target = 1;
    if (target > n - 1) target = n - 1;
    list_members(h);
    s->clusters = h->clusters, s->largest = h->largest;
    if (label)
        HONE_TRY(share_out(label, n, n_labels, share, target, h->room));
    else
        h->room[0] = target;
    hone_random_permutation(seed, hone_stream_id(HONE_STREAM_SAMPLE, 0), h->clusters, h->order);
    int64_t missing = target;
    for (int64_t k = 0; k < h->clusters; k++) {
        int64_t which = h->order[k], size = h->first[which + 1] - h->first[which];
        if (size <= target && fits(h, which, label)) h->chosen[which] = 1, missing -= size;
    }
    if (label) fill_up(h, label, missing);
    for (int64_t i = 0; i < n; i++) {
        if (h->chosen[h->root[i]])
            s->eval[s->n_eval++] = i;
        else
            s->train[s->n_train++] = i;
    }
    if (s->n_eval) return HONE_OK;
    if (label && smallest(h) <= target)
        return hone_fail(HONE_E_FORMAT,
                         "no part of %" PRId64
                         " rows can be set aside for evaluation with each label's share of the %" PRId64
                         " wanted: whatever stays together has too many rows of one label",
                         n, target);
    hone_fail(HONE_E_FORMAT,
              "no part of %" PRId64
              " rows can be set aside for evaluation: the smallest group of rows that share texts "
              "is larger than the %" PRId64 " wanted",
              n, target);
    return hone_hint("--eval FILE, or a larger --eval-split");
}

hone_status hone_split_clusters(const hone_clusters *c, const int32_t *label, int64_t n_labels, double share,
                                uint64_t seed, hone_split *out) {
    if (!(share > 0 && share < 1))
        return hone_fail(HONE_E_ARG, "share of the evaluation rows is %g, expected above 0 and below 1", share);
    const int64_t n = c->n;
    if (n < 2) return hone_fail(HONE_E_FORMAT, "%" PRId64 " row%s cannot be split in two", n, n == 1 ? "" : "s");
    hone_split s = {0};
    const size_t bytes = (size_t)(n + 1) * sizeof(int64_t);
    chooser h = {.c = c,
                 .first = hone_alloc(bytes + sizeof(int64_t)),
                 .member = hone_alloc(bytes),
                 .root = hone_alloc(bytes),
                 .order = hone_alloc(bytes),
                 .chosen = hone_zalloc((size_t)n),
                 .room = hone_zalloc((size_t)(n_labels + 1) * sizeof(int64_t))};
    s.train = hone_alloc(bytes);
    s.eval = hone_alloc(bytes);
    hone_status st =
        h.first && h.member && h.root && h.order && h.chosen && h.room && s.train && s.eval ? HONE_OK : HONE_E_NOMEM;
    if (st == HONE_OK) st = choose(&h, label, n_labels, share, seed, &s);
    hone_free(h.first), hone_free(h.member), hone_free(h.root);
    hone_free(h.order), hone_free(h.chosen), hone_free(h.room);
    if (st != HONE_OK)
        hone_split_free(&s);
    else
        *out = s;
    return st;
}

hone_status hone_split_rows(const hone_texts *x, double share, uint64_t seed, hone_split *out) {
    hone_clusters c;
    HONE_TRY(hone_clusters_new(x->rows, &c));
    hone_status st = find_clusters(x, &c);
    if (st == HONE_OK) st = hone_split_clusters(&c, NULL, 0, share, seed, out);
    hone_clusters_free(&c);
    return st;
}

void hone_split_free(hone_split *s) {
    hone_free(s->train);
    hone_free(s->eval);
    *s = (hone_split){0};
}
