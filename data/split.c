#include "data/split.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>

/* Union-find with path halving; the smaller row is always the root, so clusters are known by their first row. */
static int64_t root_of(int64_t *parent, int64_t i) {
    for (; parent[i] != i; i = parent[i]) parent[i] = parent[parent[i]];
    return i;
}

static void unite(int64_t *parent, int64_t i, int64_t k) {
    i = root_of(parent, i);
    k = root_of(parent, k);
    if (i < k)
        parent[k] = i;
    else
        parent[i] = k;
}

/* Rows that share a trimmed text get one root. Empty texts link nothing. */
static hone_status find_clusters(const hone_texts *x, int64_t *parent) {
    hone_intern trimmed = {0};
    int32_t *of = hone_alloc((size_t)(x->count + 1) * sizeof *of);
    int64_t *first = hone_alloc((size_t)(x->count + 1) * sizeof *first);
    hone_status st = of && first ? HONE_OK : HONE_E_NOMEM;
    for (int64_t t = 0; t < x->count && st == HONE_OK; t++) {
        const char *p = x->p[t];
        size_t n = x->n[t];
        hone_text_trim(&p, &n);
        of[t] = -1;
        if (n) st = hone_intern_add(&trimmed, p, n, &of[t]);
        first[t] = -1;
    }
    for (int64_t i = 0; i < x->rows; i++) parent[i] = i;
    for (int64_t c = 0; c < x->rows * x->width && st == HONE_OK; c++) {
        int32_t t = of[x->of[c]];
        if (t < 0) continue;
        if (first[t] < 0)
            first[t] = c / x->width;
        else
            unite(parent, first[t], c / x->width);
    }
    hone_intern_free(&trimmed);
    hone_free(of);
    hone_free(first);
    return st;
}

hone_status hone_split_rows(const hone_texts *x, double share, uint64_t seed, hone_split *out) {
    if (!(share > 0 && share < 1))
        return hone_fail(HONE_E_ARG, "share of the evaluation rows is %g, expected above 0 and below 1", share);
    const int64_t n = x->rows;
    if (n < 2) return hone_fail(HONE_E_FORMAT, "%" PRId64 " row%s cannot be split in two", n, n == 1 ? "" : "s");
    hone_split s = {0};
    const size_t bytes = (size_t)n * sizeof(int64_t);
    int64_t *parent = hone_alloc(bytes), *size = hone_zalloc(bytes), *order = hone_alloc(bytes),
            *roots = hone_alloc(bytes);
    s.train = hone_alloc(bytes);
    s.eval = hone_alloc(bytes);
    hone_status st = parent && size && order && roots && s.train && s.eval ? HONE_OK : HONE_E_NOMEM;
    if (st == HONE_OK) st = find_clusters(x, parent);
    if (st == HONE_OK) {
        for (int64_t i = 0; i < n; i++) {
            int64_t r = root_of(parent, i);
            if (r == i) roots[s.clusters++] = i;
            if (++size[r] > s.largest) s.largest = size[r];
        }
        int64_t target = llround(share * (double)n), taken = 0;
        if (target < 1) target = 1;
        if (target > n - 1) target = n - 1;
        hone_random_permutation(seed, hone_stream_id(HONE_STREAM_SAMPLE, 0), s.clusters, order);
        for (int64_t k = 0; k < s.clusters; k++) {
            int64_t r = roots[order[k]];
            if (taken + size[r] > target) continue;
            taken += size[r];
            size[r] = -1; /* chosen */
        }
        for (int64_t i = 0; i < n; i++) {
            if (size[root_of(parent, i)] < 0)
                s.eval[s.n_eval++] = i;
            else
                s.train[s.n_train++] = i;
        }
        if (!s.n_eval)
            st = hone_fail(HONE_E_FORMAT,
                           "no part of %" PRId64
                           " rows can be set aside for evaluation: the smallest group of rows that share texts "
                           "is larger than the %" PRId64 " wanted",
                           n, target);
        if (st != HONE_OK) hone_hint("--eval FILE, or a larger --eval-split");
    }
    hone_free(parent), hone_free(size), hone_free(order), hone_free(roots);
    if (st != HONE_OK)
        hone_split_free(&s);
    else
        *out = s;
    return st;
}

void hone_split_free(hone_split *s) {
    hone_free(s->train);
    hone_free(s->eval);
    *s = (hone_split){0};
}
