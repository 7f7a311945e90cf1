#include "data/clusters.h"

#include "base/memory.h"

#include <string.h>

hone_status hone_clusters_new(int64_t n, hone_clusters *out) {
    hone_clusters c = {.n = n, .parent = hone_alloc((size_t)(n + 1) * sizeof(int64_t))};
    if (!c.parent) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) c.parent[i] = i;
    *out = c;
    return HONE_OK;
}

void hone_clusters_free(hone_clusters *c) {
    hone_free(c->parent);
    *c = (hone_clusters){0};
}

int64_t hone_clusters_root(const hone_clusters *c, int64_t i) {
    int64_t *parent = c->parent;
    for (; parent[i] != i; i = parent[i]) parent[i] = parent[parent[i]];
    return i;
}

bool hone_clusters_join(hone_clusters *c, int64_t i, int64_t k) {
    i = hone_clusters_root(c, i);
    k = hone_clusters_root(c, k);
    if (i < k)
        c->parent[k] = i;
    else
        c->parent[i] = k;
    return i != k;
}

hone_status hone_clusters_join_keys(hone_clusters *c, const int32_t *key, int64_t width, int64_t n_keys) {
    int64_t *first = hone_alloc((size_t)(n_keys + 1) * sizeof *first);
    if (!first) return HONE_E_NOMEM;
    memset(first, 0xFF, (size_t)n_keys * sizeof *first);
    for (int64_t i = 0; i < c->n; i++)
        for (int64_t k = i * width; k < (i + 1) * width; k++) {
            if (key[k] < 0) continue;
            if (first[key[k]] < 0)
                first[key[k]] = i;
            else
                hone_clusters_join(c, first[key[k]], i);
        }
    hone_free(first);
    return HONE_OK;
}

hone_status hone_clusters_count(const hone_clusters *c, hone_cluster_counts *out) {
    int64_t *size = hone_zalloc((size_t)(c->n + 1) * sizeof *size);
    if (!size) return HONE_E_NOMEM;
    *out = (hone_cluster_counts){0};
    for (int64_t i = 0; i < c->n; i++) size[hone_clusters_root(c, i)]++;
    for (int64_t i = 0; i < c->n; i++) {
        if (!size[i]) continue;
        out->clusters++;
        if (size[i] > 1) out->shared++, out->shared_rows += size[i];
        if (size[i] > out->largest) out->largest = size[i];
    }
    hone_free(size);
    return HONE_OK;
}
