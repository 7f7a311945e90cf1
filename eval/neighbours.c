#include "eval/neighbours.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>

const char *const hone_neighbour_metric_names[HONE_NEIGHBOUR_METRICS] = {
    "accuracy@1", "accuracy@3", "accuracy@5", "accuracy@10", "mrr@10", "map", "triplet_accuracy"};

typedef struct job {
    int64_t n, D;
    const float *e;
    const int32_t *class_of;
    hone_similarity similarity;
    int64_t *query; /* [queries] text of each */
    double *const *value;
    const volatile int *stop;
} job;

typedef struct neighbour {
    double score;
    int64_t text;
} neighbour;

static int best_first(const void *a, const void *b) {
    const neighbour *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->text < y->text ? -1 : x->text > y->text;
}

static void measure(const job *j, int64_t q, const neighbour *list, int64_t n) {
    int32_t own = j->class_of[j->query[q]];
    double hits = 0, others = 0, precision = 0, wins = 0,
           before = 0; /* before: own texts above the present group of ties */
    int64_t first = 0;
    for (int64_t k = 0; k < n; k++) {
        if (k && list[k].score != list[k - 1].score) before = hits;
        if (j->class_of[list[k].text] != own) {
            others++, wins += before;
            continue;
        }
        if (!first) first = k + 1;
        precision += ++hits / (double)(k + 1);
    }
    static const int cuts[] = {1, 3, 5, 10};
    for (int c = 0; c < 4; c++) j->value[HONE_NEIGHBOUR_ACCURACY_1 + c][q] = first <= cuts[c];
    j->value[HONE_NEIGHBOUR_MRR_10][q] = first <= 10 ? 1 / (double)first : 0;
    j->value[HONE_NEIGHBOUR_MAP][q] = precision / hits;
    j->value[HONE_NEIGHBOUR_TRIPLETS][q] = wins / (hits * others);
}

static hone_status search(void *ctx, int64_t q) {
    const job *j = ctx;
    if (j->stop && *j->stop) return hone_fail(HONE_E_STOPPED, "stopped by a signal");
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    neighbour *list = hone_arena_alloc(scratch, (size_t)j->n * sizeof *list);
    int64_t n = 0;
    bool finite = true;
    for (int64_t i = 0; list && i < j->n; i++) {
        if (i == j->query[q]) continue;
        double score = hone_similarity_of(j->similarity, j->e + j->query[q] * j->D, j->e + i * j->D, j->D);
        finite &= isfinite(score);
        list[n++] = (neighbour){score, i};
    }
    if (list && finite) {
        qsort(list, (size_t)n, sizeof *list, best_first);
        measure(j, q, list, n);
    }
    hone_arena_release(scratch, mark);
    if (!list) return hone_fail(HONE_E_NOMEM, "no memory for a list of %" PRId64 " neighbours", j->n);
    return finite ? HONE_OK : hone_fail(HONE_E_NUMERIC, "an embedding is not finite");
}

hone_status hone_neighbours_measure(int64_t n, int64_t D, const float *e, const int32_t *class_of,
                                    hone_similarity similarity, const volatile int *stop,
                                    double *const value[HONE_NEIGHBOUR_METRICS], int64_t *queries) {
    int32_t classes = 0;
    for (int64_t i = 0; i < n; i++)
        if (class_of[i] >= classes) classes = class_of[i] + 1;
    int64_t *count = hone_zalloc((size_t)(classes + 1) * sizeof *count);
    job j = {n, D, e, class_of, similarity, hone_alloc((size_t)(n + 1) * sizeof *j.query), value, stop};
    hone_status s = count && j.query ? HONE_OK : HONE_E_NOMEM;
    int64_t m = 0;
    for (int64_t i = 0; s == HONE_OK && i < n; i++) count[class_of[i]]++;
    for (int64_t i = 0; s == HONE_OK && i < n; i++)
        if (count[class_of[i]] >= 2 && count[class_of[i]] < n) j.query[m++] = i;
    if (s == HONE_OK && !m)
        s = hone_fail(HONE_E_FORMAT,
                      "no label stands at two texts while another label exists: nothing can be searched for");
    if (s == HONE_OK) s = hone_parallel(m, search, &j);
    hone_free(count);
    hone_free(j.query);
    *queries = m;
    return s;
}
