#include "eval/mining.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { QUERIES_PER_BLOCK = 64 };

typedef struct candidate {
    float score;
    int32_t document;
} candidate;

typedef struct miner {
    const hone_mining_input *in;
    const hone_mining_options *o;
    hone_mining *m;
    const float *q, *d;                     /* unit vectors for the cosine */
    float *scores;                          /* [block, n_documents] */
    candidate *heap;                        /* [block, depth] */
    int64_t *draw;                          /* [block, range_max] */
    int64_t (*excluded)[HONE_MINED_LIMITS]; /* [block] */
    int64_t first, depth;
} miner;

/* ---- similarity ---- */

static float similar(const miner *h, int64_t query, int64_t document) {
    const int64_t D = h->in->D;
    hone_similarity s = h->o->similarity == HONE_SIMILARITY_COSINE ? HONE_SIMILARITY_DOT : h->o->similarity;
    return (float)hone_similarity_of(s, h->q + query * D, h->d + document * D, D); /* of unit vectors for the cosine */
}

/* ---- the candidates of a query ---- */

/* a comes after b in the ranking. */
static bool after(candidate a, candidate b) {
    return a.score < b.score || (a.score == b.score && a.document > b.document);
}

/* heap[0] is the last of the ranking. */
static void sink(candidate *heap, int64_t n, int64_t i) {
    for (;;) {
        int64_t last = i, left = 2 * i + 1;
        if (left < n && after(heap[left], heap[last])) last = left;
        if (left + 1 < n && after(heap[left + 1], heap[last])) last = left + 1;
        if (last == i) return;
        candidate t = heap[i];
        heap[i] = heap[last], heap[last] = t;
        i = last;
    }
}

/* The `depth` best of a row, best first. */
static int64_t best_of(const float *row, int64_t n, int64_t depth, candidate *heap) {
    int64_t have = n < depth ? n : depth;
    for (int64_t k = 0; k < have; k++) heap[k] = (candidate){row[k], (int32_t)k};
    for (int64_t k = have / 2 - 1; k >= 0; k--) sink(heap, have, k);
    for (int64_t k = have; k < n; k++) {
        if (!(row[k] > heap[0].score)) continue; /* of equal ones the earlier document stays */
        heap[0] = (candidate){row[k], (int32_t)k};
        sink(heap, have, 0);
    }
    for (int64_t k = have - 1; k > 0; k--) { /* the last goes to the end, again and again */
        candidate t = heap[0];
        heap[0] = heap[k], heap[k] = t;
        sink(heap, k, 0);
    }
    return have;
}

static bool is_right(const miner *h, int64_t query, int32_t document) {
    const hone_mining_input *in = h->in;
    if (in->same_d && in->same_q && in->same_q[query] >= 0 && in->same_d[document] == in->same_q[query]) return true;
    for (int64_t k = in->right[query]; k < in->right[query + 1]; k++) {
        int32_t r = in->right_list[k];
        if (r == document || (in->same_d && in->same_d[document] >= 0 && in->same_d[document] == in->same_d[r]))
            return true;
    }
    return false;
}

/* The limit that excludes a candidate, HONE_MINED_LIMITS for none. A comparison with NaN is false. */
static int excluded_by(const hone_mining_options *o, float s, float least) {
    if (s + o->absolute_margin > least) return HONE_MINED_ABSOLUTE;
    if (s > least - fabsf(least) * o->relative_margin) return HONE_MINED_RELATIVE;
    if (s > o->max_score) return HONE_MINED_MAX;
    if (s < o->min_score) return HONE_MINED_MIN;
    return HONE_MINED_LIMITS;
}

/* Which of `n` candidates (by rank) are taken, ascending; returns how many. A seeded choice is Floyd-like: the first
 * draws of a Fisher-Yates shuffle. */
static int64_t take(const miner *h, int64_t query, int64_t n, int64_t *draw) {
    const hone_mining_options *o = h->o;
    int64_t want = o->num_negatives < n ? o->num_negatives : n;
    for (int64_t k = 0; k < n; k++) draw[k] = k;
    if (!o->random || want == n) return want;
    const uint64_t stream = hone_stream_id(HONE_STREAM_SAMPLE, (uint64_t)query);
    for (int64_t k = 0; k < want; k++) {
        int64_t j = k + (int64_t)hone_random_below(o->seed, stream, (uint64_t)k, (uint64_t)(n - k));
        int64_t t = draw[k];
        draw[k] = draw[j], draw[j] = t;
    }
    for (int64_t i = 1; i < want; i++) /* in the order of the ranking */
        for (int64_t k = i; k > 0 && draw[k] < draw[k - 1]; k--) {
            int64_t t = draw[k];
            draw[k] = draw[k - 1], draw[k - 1] = t;
        }
    return want;
}

static hone_status mine_query(void *ctx, int64_t i) {
    miner *h = ctx;
    const hone_mining_input *in = h->in;
    hone_mining *m = h->m;
    const int64_t query = h->first + i, want = m->num_negatives;
    float *row = h->scores + i * in->n_documents, least = INFINITY;
    candidate *heap = h->heap + i * h->depth;
    int64_t *draw = h->draw + i * m->range_max;
    if (hone_similarity_is_distance(h->o->similarity))
        for (int64_t k = 0; k < in->n_documents; k++) row[k] = similar(h, query, k);
    for (int64_t k = in->right[query]; k < in->right[query + 1]; k++) {
        m->right_score[k] = similar(h, query, in->right_list[k]);
        if (m->right_score[k] < least) least = m->right_score[k];
    }
    int64_t n = best_of(row, in->n_documents, h->depth, heap), kept = 0;
    memset(h->excluded[i], 0, sizeof h->excluded[i]);
    for (int64_t k = 0; k < n; k++) {
        if (is_right(h, query, heap[k].document)) continue;
        int by = excluded_by(h->o, heap[k].score, least);
        if (by == HONE_MINED_LIMITS)
            heap[kept++] = heap[k];
        else
            h->excluded[i][by]++;
    }
    if (kept > m->range_max) kept = m->range_max;
    kept = kept > h->o->range_min ? kept - h->o->range_min : 0;
    int64_t taken = take(h, query, kept, draw);
    for (int64_t k = 0; k < want; k++) {
        const candidate *c = k < taken ? &heap[h->o->range_min + draw[k]] : NULL;
        m->negative[query * want + k] = c ? c->document : -1;
        m->score[query * want + k] = c ? c->score : NAN;
    }
    return HONE_OK;
}

/* ---- the whole ---- */

static hone_status mine_all(miner *h) {
    const hone_mining_input *in = h->in;
    const int64_t N = in->n_documents;
    h->scores = hone_alloc((size_t)(QUERIES_PER_BLOCK * N + 1) * sizeof *h->scores);
    h->heap = hone_alloc((size_t)(QUERIES_PER_BLOCK * h->depth + 1) * sizeof *h->heap);
    h->draw = hone_alloc((size_t)(QUERIES_PER_BLOCK * h->m->range_max + 1) * sizeof *h->draw);
    h->excluded = hone_alloc(QUERIES_PER_BLOCK * sizeof *h->excluded);
    hone_status st = h->scores && h->heap && h->draw && h->excluded ? HONE_OK : HONE_E_NOMEM;
    for (h->first = 0; h->first < in->n_queries && st == HONE_OK; h->first += QUERIES_PER_BLOCK) {
        int64_t rest = in->n_queries - h->first, block = rest < QUERIES_PER_BLOCK ? rest : QUERIES_PER_BLOCK;
        if (!hone_similarity_is_distance(h->o->similarity))
            st = hone_similarity_block(block, N, in->D, h->q + h->first * in->D, h->d, h->scores);
        if (st == HONE_OK) st = hone_parallel(block, mine_query, h);
        for (int64_t i = 0; i < block && st == HONE_OK; i++)
            for (int k = 0; k < HONE_MINED_LIMITS; k++) h->m->excluded[k] += h->excluded[i][k];
        if (st == HONE_OK && h->o->progress) h->o->progress(h->o->ctx, h->first + block, in->n_queries);
    }
    hone_free(h->scores), hone_free(h->heap), hone_free(h->draw), hone_free(h->excluded);
    return st;
}

static int64_t most_right(const hone_mining_input *in) {
    int64_t most = in->most_rows;
    for (int64_t i = 0; i < in->n_queries; i++)
        if (in->right[i + 1] - in->right[i] > most) most = in->right[i + 1] - in->right[i];
    return most;
}

static hone_status check_ranges(const hone_mining_options *o, int64_t most, int64_t *range_max) {
    const bool limited = !isnan(o->absolute_margin) || !isnan(o->relative_margin) || !isnan(o->max_score);
    if (o->num_negatives < 1)
        return hone_fail(HONE_E_ARG, "num-negatives is %" PRId64 ", expected 1 or more", o->num_negatives);
    *range_max = o->range_max ? o->range_max : o->range_min + (limited ? 10 : 1) * o->num_negatives + most;
    if (o->range_min < 0 || o->range_min >= *range_max)
        return hone_fail(HONE_E_ARG, "range-min is %" PRId64 ", range-max %" PRId64 ": no rank lies between them",
                         o->range_min, *range_max);
    if (o->num_negatives <= *range_max - o->range_min) return HONE_OK;
    hone_fail(HONE_E_ARG, "%" PRId64 " negatives wanted, the ranks %" PRId64 " to %" PRId64 " hold %" PRId64,
              o->num_negatives, o->range_min, *range_max, *range_max - o->range_min);
    return hone_hint("a larger --range-max, a smaller --range-min, or fewer --num-negatives");
}

hone_status hone_mining_run(const hone_mining_input *in, const hone_mining_options *o, hone_mining **out) {
    int64_t most = most_right(in), range_max = 0;
    HONE_TRY(check_ranges(o, most, &range_max));
    if (range_max > in->n_documents) range_max = in->n_documents; /* there are no more; the choice is the same */
    if (range_max < 1) range_max = 1;
    if (!hone_vector_f32_finite(in->n_queries * in->D, in->q) ||
        !hone_vector_f32_finite(in->n_documents * in->D, in->d))
        return hone_fail(HONE_E_NUMERIC, "an embedding is NaN or infinite: nothing can be ranked");
    hone_mining *m = hone_zalloc(sizeof *m);
    if (!m) return HONE_E_NOMEM;
    const size_t cells = (size_t)(in->n_queries * o->num_negatives + 1);
    const bool cosine = o->similarity == HONE_SIMILARITY_COSINE;
    m->n_queries = in->n_queries, m->num_negatives = o->num_negatives, m->range_max = range_max;
    m->negative = hone_alloc(cells * sizeof *m->negative);
    m->score = hone_alloc(cells * sizeof *m->score);
    m->right_score = hone_alloc((size_t)(in->right[in->n_queries] + 1) * sizeof *m->right_score);
    miner h = {.in = in, .o = o, .m = m, .q = in->q, .d = in->d};
    h.depth = range_max + most < in->n_documents ? range_max + most : in->n_documents;
    m->candidates = in->n_queries * h.depth;
    float *uq = cosine ? hone_unit_rows(in->q, in->n_queries, in->D) : NULL;
    float *ud = cosine ? hone_unit_rows(in->d, in->n_documents, in->D) : NULL;
    if (cosine) h.q = uq, h.d = ud;
    hone_status st = m->negative && m->score && m->right_score && h.q && h.d ? mine_all(&h) : HONE_E_NOMEM;
    hone_free(uq), hone_free(ud);
    if (st != HONE_OK) {
        hone_mining_free(m);
        return st;
    }
    *out = m;
    return HONE_OK;
}

void hone_mining_free(hone_mining *m) {
    if (!m) return;
    hone_free(m->negative);
    hone_free(m->score);
    hone_free(m->right_score);
    hone_free(m);
}
