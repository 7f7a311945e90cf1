/* Labelled texts judged by their neighbours: every text whose class has another member searches among all the others.
 * With the places of its own class in the ranking (falling similarity, ties in order of the texts) r1 < r2 < … of R:
 *     accuracy@k         1 if r1 <= k
 *     mrr@10             1 / r1 if r1 <= 10
 *     map                sum_i (i / r_i) / R
 *     triplet_accuracy   share of (own, other) with sim(own) > sim(other)
 * triplet_accuracy is TripletEvaluator's over every triplet there is, a query at a time. Every place is that of the
 * similarities in double; products in f32 only tell which texts need none. */
#ifndef HONE_EVAL_NEIGHBOURS_H
#define HONE_EVAL_NEIGHBOURS_H

#include "eval/retrieval.h"

/* The figures, in the order of hone_neighbour_metric_names. */
typedef enum hone_neighbour_metric {
    HONE_NEIGHBOUR_ACCURACY_1 = 0,
    HONE_NEIGHBOUR_ACCURACY_3,
    HONE_NEIGHBOUR_ACCURACY_5,
    HONE_NEIGHBOUR_ACCURACY_10,
    HONE_NEIGHBOUR_MRR_10,
    HONE_NEIGHBOUR_MAP,
    HONE_NEIGHBOUR_TRIPLETS,
    HONE_NEIGHBOUR_METRICS
} hone_neighbour_metric;
/* Their names, "accuracy@1" and so on. */
extern const char *const hone_neighbour_metric_names[HONE_NEIGHBOUR_METRICS];

/* e [n, D] row-major, class_of [n]. value[m] [n]: filled for the queries, in order; *queries of them: texts whose class
 * has another member while another class exists. Parallel over queries. stop (a sig_atomic_t; NULL: none): when it is
 * not 0, HONE_E_STOPPED before the next query. HONE_E_FORMAT without a query; HONE_E_NUMERIC for an embedding that is
 * not finite. */
hone_status hone_neighbours_measure(int64_t n, int64_t D, const float *e, const int32_t *class_of,
                                    hone_similarity similarity, const volatile int *stop,
                                    double *const value[HONE_NEIGHBOUR_METRICS], int64_t *queries);

#endif
