#include "eval/neighbours.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const hone_neighbour_metric_names[HONE_NEIGHBOUR_METRICS] = {
    "accuracy@1", "accuracy@3", "accuracy@5", "accuracy@10", "mrr@10", "map", "triplet_accuracy"};

enum { QUERIES_PER_BLOCK = 64 };

typedef struct job {
    int64_t n, D;
    const float *e;
    const int32_t *class_of;
    hone_similarity similarity;
    int64_t *query;              /* [queries] text of each */
    int64_t *member, *member_at; /* texts class by class, in order; [classes + 1] where each class begins */
    float *unit, *rows, *about;  /* rows of length 1, the block's, their products in f32 [block, n]; NULL: not used */
    double *square;              /* [n] of the rows' lengths; NULL for distances */
    int64_t first;               /* query of the block's first row */
    double *const *value;
    const volatile int *stop;
} job;

typedef struct neighbour {
    double score;
    int64_t text;
} neighbour;

static bool better(neighbour x, neighbour y) {
    return x.score != y.score ? x.score > y.score : x.text < y.text;
}

static int best_first(const void *a, const void *b) {
    return better(*(const neighbour *)b, *(const neighbour *)a) - better(*(const neighbour *)a, *(const neighbour *)b);
}

/* How many of own[R], best first, come before x; `from` of them are known to. The answer is looked for near by first. */
static int64_t before(const neighbour *own, int64_t from, int64_t R, neighbour x) {
    int64_t low = from, high = from;
    for (int64_t step = 1; high < R && better(own[high], x); step *= 2) low = high + 1, high += step;
    if (high > R) high = R;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (better(own[middle], x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A product in f32 of rows of length 1 is at most this far from their cosine: D sums of products round, and as many in
 * the squares of the two lengths, of which the roots have half the error; 2^-24 each. */
static double slack_of(int64_t D) {
    return (double)(2 * D + 32) * 0x1p-24;
}

static double score_of(const job *j, int64_t query, int64_t i) {
    const float *a = j->e + query * j->D, *b = j->e + i * j->D;
    if (j->similarity != HONE_SIMILARITY_COSINE) return hone_similarity_of(j->similarity, a, b, j->D);
    return hone_cosine_of(hone_similarity_of(HONE_SIMILARITY_DOT, a, b, j->D), j->square[query], j->square[i]);
}

/* Where the text i stands among the query's own class: how many of own[R] come before it, and how many are more alike.
 * Most texts are told by f32; those near one of the class are computed. False: not finite. */
static bool place(const job *j, const float *about, int64_t query, int64_t i, const neighbour *own, int64_t R,
                  int64_t *rank, int64_t *beaten_by) {
    int64_t k = 0;
    if (about) {
        double unit = j->similarity == HONE_SIMILARITY_DOT ? sqrt(j->square[query] * j->square[i]) : 1;
        double score = (double)about[i] * unit, slack = slack_of(j->D) * unit;
        k = before(own, 0, R, (neighbour){score + slack, -1});
        if (k == R || own[k].score < score - slack) {
            *rank = *beaten_by = k;
            return true;
        }
    }
    double score = score_of(j, query, i);
    *beaten_by = before(own, k, R, (neighbour){score, -1}), *rank = before(own, *beaten_by, R, (neighbour){score, i});
    return isfinite(score);
}

/* found[k]: how many of the other classes come after exactly k of own[R]. */
static void measure(const job *j, int64_t q, int64_t R, const int64_t *found, double wins) {
    static const int cuts[] = {1, 3, 5, 10};
    double precision = 0, others = (double)(j->n - 1 - R);
    int64_t first = found[0] + 1, above = 0;
    for (int64_t k = 0; k < R; k++) {
        above += found[k];
        precision += (double)(k + 1) / (double)(k + 1 + above);
    }
    for (int c = 0; c < 4; c++) j->value[HONE_NEIGHBOUR_ACCURACY_1 + c][q] = first <= cuts[c];
    j->value[HONE_NEIGHBOUR_MRR_10][q] = first <= 10 ? 1 / (double)first : 0;
    j->value[HONE_NEIGHBOUR_MAP][q] = precision / (double)R;
    j->value[HONE_NEIGHBOUR_TRIPLETS][q] = wins / ((double)R * others);
}

/* own [R] and found [R + 1] are scratch. False: not finite. */
static bool look(const job *j, int64_t q, neighbour *own, int64_t *found) {
    const int64_t query = j->query[q];
    const int32_t class = j->class_of[query];
    const float *about = j->about ? j->about + (q - j->first) * j->n : NULL;
    int64_t R = 0, rank, beaten_by;
    double wins = 0;
    for (int64_t k = j->member_at[class]; k < j->member_at[class + 1]; k++) {
        int64_t i = j->member[k];
        if (i == query) continue;
        double score = score_of(j, query, i);
        if (!isfinite(score)) return false;
        own[R++] = (neighbour){score, i};
    }
    qsort(own, (size_t)R, sizeof *own, best_first);
    for (int64_t k = 0; k <= R; k++) found[k] = 0;
    for (int64_t i = 0; i < j->n; i++) {
        if (j->class_of[i] == class) continue;
        if (!place(j, about, query, i, own, R, &rank, &beaten_by)) return false;
        found[rank]++, wins += (double)beaten_by;
    }
    measure(j, q, R, found, wins);
    return true;
}

static hone_status search(void *ctx, int64_t task) {
    const job *j = ctx;
    if (j->stop && *j->stop) return hone_fail(HONE_E_STOPPED, "stopped by a signal");
    const int64_t q = j->first + task;
    const int32_t class = j->class_of[j->query[q]];
    const size_t members = (size_t)(j->member_at[class + 1] - j->member_at[class]);
    hone_arena *scratch = hone_scratch();
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    neighbour *own = hone_arena_alloc(scratch, members * sizeof *own);
    int64_t *found = hone_arena_alloc(scratch, members * sizeof *found);
    bool finite = own && found && look(j, q, own, found);
    hone_arena_release(scratch, mark);
    if (!own || !found) return hone_fail(HONE_E_NOMEM, "no memory for a class of %zu texts", members);
    return finite ? HONE_OK : hone_fail(HONE_E_NUMERIC, "an embedding is not finite");
}

/* The classes' members, and the texts that search. */
static hone_status list_texts(job *j, int64_t *queries) {
    int32_t classes = 0;
    for (int64_t i = 0; i < j->n; i++)
        if (j->class_of[i] >= classes) classes = j->class_of[i] + 1;
    j->query = hone_alloc((size_t)(j->n + 1) * sizeof *j->query);
    j->member = hone_alloc((size_t)(j->n + 1) * sizeof *j->member);
    j->member_at = hone_zalloc((size_t)(classes + 2) * sizeof *j->member_at);
    if (!j->query || !j->member || !j->member_at) return HONE_E_NOMEM;
    int64_t *end = j->member_at + 1; /* of each class, while it is filled; begins as the class before ends */
    for (int64_t i = 0; i < j->n; i++)
        if (j->class_of[i] + 1 < classes) end[j->class_of[i] + 1]++;
    for (int32_t c = 1; c < classes; c++) end[c] += end[c - 1];
    for (int64_t i = 0; i < j->n; i++) j->member[end[j->class_of[i]]++] = i;
    for (int64_t i = 0; i < j->n; i++) {
        int64_t members = j->member_at[j->class_of[i] + 1] - j->member_at[j->class_of[i]];
        if (members >= 2 && members < j->n) j->query[(*queries)++] = i;
    }
    return *queries ? HONE_OK
                    : hone_fail(HONE_E_FORMAT,
                                "no label stands at two texts while another label exists: nothing can be searched for");
}

/* Rows of length 1, for scores in f32; none where a length leaves what f32 can square. */
static hone_status prepare_blocks(job *j) {
    if (hone_similarity_is_distance(j->similarity)) return HONE_OK;
    bool ordinary = true;
    if (!(j->square = hone_alloc((size_t)(j->n + 1) * sizeof *j->square))) return HONE_E_NOMEM;
    for (int64_t i = 0; i < j->n; i++) {
        const float *x = j->e + i * j->D;
        j->square[i] = hone_similarity_of(HONE_SIMILARITY_DOT, x, x, j->D);
        ordinary &= j->square[i] > 1e-20 && j->square[i] < 1e30;
    }
    if (!ordinary) return HONE_OK;
    j->unit = hone_unit_rows(j->e, j->n, j->D);
    j->rows = hone_alloc((size_t)(QUERIES_PER_BLOCK * j->D) * sizeof *j->rows);
    j->about = hone_alloc((size_t)(QUERIES_PER_BLOCK * j->n) * sizeof *j->about);
    return j->unit && j->rows && j->about ? HONE_OK : HONE_E_NOMEM;
}

static hone_status search_block(job *j, int64_t queries) {
    int64_t rest = queries - j->first, block = rest < QUERIES_PER_BLOCK ? rest : QUERIES_PER_BLOCK;
    hone_status s = HONE_OK;
    for (int64_t k = 0; j->about && k < block; k++)
        memcpy(j->rows + k * j->D, j->unit + j->query[j->first + k] * j->D, (size_t)j->D * sizeof *j->rows);
    if (j->about) s = hone_similarity_block(block, j->n, j->D, j->rows, j->unit, j->about);
    return s == HONE_OK ? hone_parallel(block, search, j) : s;
}

hone_status hone_neighbours_measure(int64_t n, int64_t D, const float *e, const int32_t *class_of,
                                    hone_similarity similarity, const volatile int *stop,
                                    double *const value[HONE_NEIGHBOUR_METRICS], int64_t *queries) {
    job j = {.n = n, .D = D, .e = e, .class_of = class_of, .similarity = similarity, .value = value, .stop = stop};
    *queries = 0;
    hone_status s = list_texts(&j, queries);
    if (s == HONE_OK) s = prepare_blocks(&j);
    for (; s == HONE_OK && j.first < *queries; j.first += QUERIES_PER_BLOCK) s = search_block(&j, *queries);
    hone_free(j.query), hone_free(j.member), hone_free(j.member_at);
    hone_free(j.unit), hone_free(j.rows), hone_free(j.about), hone_free(j.square);
    return s;
}
