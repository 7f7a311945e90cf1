/* Clusters: rows that belong together, kept as a union-find forest.
 *
 *     hone_clusters c;
 *     HONE_TRY(hone_clusters_new(n, &c));                  // every row a cluster of its own
 *     hone_clusters_join_keys(&c, key_of, width, n_keys);  // rows that share a key are one cluster
 *     … hone_clusters_root(&c, i) …
 *
 * The smallest row of a cluster is its root, so the result does not depend on the order of joining. Joining and finding
 * cost nearly nothing (path halving). */
#ifndef HONE_DATA_CLUSTERS_H
#define HONE_DATA_CLUSTERS_H

#include "base/status.h"

/* The forest: a row's parent, itself at a root. Zeros are an empty one. */
typedef struct hone_clusters {
    int64_t n;
    int64_t *parent; /* [n] */
} hone_clusters;

/* n rows, each a cluster of its own. HONE_E_NOMEM. */
hone_status hone_clusters_new(int64_t n, hone_clusters *out);
void hone_clusters_free(hone_clusters *c); /* frees and zeroes; accepts {0} */

/* The smallest row of the cluster that row i belongs to. */
int64_t hone_clusters_root(const hone_clusters *c, int64_t i);
/* True when they were two clusters until now. */
bool hone_clusters_join(hone_clusters *c, int64_t i, int64_t k);

/* key[n * width], row-major, values 0 .. n_keys-1, or -1 which joins nothing. HONE_E_NOMEM. */
hone_status hone_clusters_join_keys(hone_clusters *c, const int32_t *key, int64_t width, int64_t n_keys);

/* How many clusters, how many of them have more than one row, rows in those, rows in the largest. HONE_E_NOMEM. */
typedef struct hone_cluster_counts {
    int64_t clusters, shared, shared_rows, largest;
} hone_cluster_counts;
hone_status hone_clusters_count(const hone_clusters *c, hone_cluster_counts *out);

#endif
