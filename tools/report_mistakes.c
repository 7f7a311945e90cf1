/* The worst mistakes of the run's model, with their texts. */
#include "tools/report_parts.h"

#include "base/memory.h"
#include "eval/pair_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How bad, and which texts: numbers that each kind of rows understands in its own way. */
typedef struct candidate {
    double gap;
    int64_t at; /* query, or triplet: row * (width - 2) + k, or sampled row */
    int64_t right, wrong;
} candidate;

static int by_gap(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->gap != y->gap) return x->gap > y->gap ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static hone_text text_of(const report_data *r, int32_t text) {
    return (hone_text){r->texts.p[text], r->texts.n[text]};
}

static hone_text text_of_row(const report_data *r, int64_t i, int64_t column) {
    return text_of(r, r->texts.of[r->rows[i] * r->texts.width + column]);
}

/* ---- pairs and triplets ---- */

static double similarity(const report_side *s, int64_t query, int64_t document) {
    const float *q, *d;
    if (!s->judge) return (double)NAN;
    int64_t D = hone_judge_embeddings(s->judge, &q, &d);
    return hone_judge_similarity(s->judge, q + query * D,
                                 (d ? d : q) + document * D); /* labelled texts are on one side */
}

/* Queries whose first document is wrong. */
static void wrong_queries(report_data *r, candidate *list) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    for (int64_t i = 0; i < x->n_queries; i++) {
        int32_t first = x->top[i * x->depth], best = x->relevant_list[x->relevant[i]];
        if (hone_retrieval_is_relevant(x, i, first)) continue;
        for (int64_t k = x->relevant[i]; k < x->relevant[i + 1]; k++)
            if (similarity(&r->model, i, x->relevant_list[k]) > similarity(&r->model, i, best))
                best = x->relevant_list[k];
        double gap = similarity(&r->model, i, first) - similarity(&r->model, i, best);
        list[r->mistakes_found++] = (candidate){gap, i, best, first};
    }
}

static void wrong_triplets(report_data *r, const int32_t *document, candidate *list) {
    int64_t wide = r->texts.width - 2;
    for (int64_t i = 0; i < r->n_rows; i++)
        for (int64_t k = 0; k < wide; k++) {
            const int32_t *of = r->texts.of + r->rows[i] * r->texts.width;
            double gap = r->model.negative[i * wide + k] - r->model.positive[i];
            if (gap >= 0)
                list[r->mistakes_found++] = (candidate){gap, i * wide + k, document[of[1]], document[of[2 + k]]};
        }
}

static void tell_search(const report_data *r, const candidate *c, const int32_t *query, report_mistake *m) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    const bool triplet = r->kind == HONE_ROWS_TRIPLET;
    int64_t q = triplet ? query[r->texts.of[r->rows[c->at / (r->texts.width - 2)] * r->texts.width]] : c->at;
    m->line[0] =
        (report_line){.what = "query", .text = text_of(r, x->query[q]), .similarity = (double)NAN, .base = (double)NAN};
    m->line[1] = (report_line){.what = triplet ? "negative" : "found",
                               .text = text_of(r, x->document[c->wrong]),
                               .similarity = similarity(&r->model, q, c->wrong),
                               .base = similarity(&r->base, q, c->wrong)};
    m->line[2] = (report_line){.what = triplet ? "positive" : "right",
                               .text = text_of(r, x->document[c->right]),
                               .similarity = similarity(&r->model, q, c->right),
                               .base = similarity(&r->base, q, c->right)};
    if (triplet) return;
    if (x->first_rank[q] > 0)
        snprintf(m->remark, sizeof m->remark, "the first right answer is number %" PRId64, (int64_t)x->first_rank[q]);
    else
        snprintf(m->remark, sizeof m->remark, "no right answer among the first %d", HONE_RETRIEVAL_DEPTH);
}

/* ---- labelled texts ---- */

/* Texts whose nearest neighbour has another label, where one of their own exists. asked: how many of those. */
static void wrong_neighbours(report_data *r, candidate *list) {
    for (int64_t i = 0; i < r->n_rows; i++) {
        double best[2] = {(double)-INFINITY, (double)-INFINITY}; /* of its label; of another */
        int64_t who[2] = {-1, -1};
        for (int64_t k = 0; k < r->n_rows; k++) {
            int other = r->labels.group[r->rows[k]] != r->labels.group[r->rows[i]];
            double x = k == i ? (double)-INFINITY : similarity(&r->model, i, k);
            if (x > best[other]) best[other] = x, who[other] = k;
        }
        if (who[0] < 0 || who[1] < 0) continue;
        r->asked++;
        if (best[1] > best[0] || (best[1] == best[0] && who[1] < who[0]))
            list[r->mistakes_found++] = (candidate){best[1] - best[0], i, who[0], who[1]};
    }
}

static void tell_labelled(const report_data *r, const candidate *c, report_mistake *m) {
    const int64_t rows[3] = {c->at, c->wrong, c->right};
    static const char *const what[3] = {"text", "nearest", "nearest of its label"};
    for (int k = 0; k < 3; k++)
        m->line[k] = (report_line){.what = what[k],
                                   .text = text_of_row(r, rows[k], 0),
                                   .label = {r->labels.names.p[r->labels.group[r->rows[rows[k]]]],
                                             r->labels.names.n[r->labels.group[r->rows[rows[k]]]]},
                                   .similarity = k ? similarity(&r->model, c->at, rows[k]) : (double)NAN,
                                   .base = k ? similarity(&r->base, c->at, rows[k]) : (double)NAN};
}

/* ---- scored pairs ---- */

typedef struct places {
    double *gold, *similarity; /* [n_rows] rank of a row by its score, and by similarity, from 1 */
    float border;              /* two classes: what parts them best */
} places;

/* Of two classes: rows on the wrong side of the similarity that parts them best. */
static hone_status wrong_sides(report_data *r, places *p, candidate *list) {
    const double *x = hone_judge_similarities(r->model.judge);
    float *score = hone_alloc((size_t)(r->n_rows + 1) * sizeof *score);
    bool *positive = hone_alloc((size_t)(r->n_rows + 1) * sizeof *positive);
    hone_best_threshold best = {0};
    hone_status st = score && positive ? HONE_OK : HONE_E_NOMEM;
    for (int64_t i = 0; i < r->n_rows && st == HONE_OK; i++)
        score[i] = (float)x[i], positive[i] = r->labels.score[r->rows[i]] == 1;
    if (st == HONE_OK) st = hone_best_accuracy(r->n_rows, score, positive, false, &best);
    p->border = best.threshold;
    for (int64_t i = 0; i < r->n_rows && st == HONE_OK; i++)
        if (positive[i] != (score[i] >= best.threshold))
            list[r->mistakes_found++] = (candidate){fabs((double)score[i] - (double)best.threshold), i, -1, -1};
    snprintf(
        r->mistakes_are, sizeof r->mistakes_are,
        "rows stand on the wrong side of %.3f, the similarity that parts rows of score 1 from rows of score 0 best",
        (double)best.threshold);
    hone_free(score);
    hone_free(positive);
    return st;
}

/* Of other scores: rows whose similarity has another place among all than their score. */
static hone_status wrong_places(report_data *r, places *p, candidate *list) {
    const double *x = hone_judge_similarities(r->model.judge);
    const size_t room = (size_t)(r->n_rows + 1) * sizeof(double);
    double *gold = hone_alloc(room), low = INFINITY, high = -INFINITY;
    hone_status st =
        gold && (p->gold = hone_alloc(room)) && (p->similarity = hone_alloc(room)) ? HONE_OK : HONE_E_NOMEM;
    for (int64_t i = 0; i < r->n_rows && st == HONE_OK; i++) {
        gold[i] = r->labels.score[r->rows[i]];
        low = fmin(low, gold[i]), high = fmax(high, gold[i]);
    }
    if (st == HONE_OK) st = hone_average_ranks(r->n_rows, gold, p->gold);
    if (st == HONE_OK) st = hone_average_ranks(r->n_rows, x, p->similarity);
    for (int64_t i = 0; i < r->n_rows && st == HONE_OK; i++) {
        double gap = fabs(p->gold[i] - p->similarity[i]) / (double)r->n_rows;
        if (low < high && gap > 0.25) list[r->mistakes_found++] = (candidate){gap, i, -1, -1};
    }
    if (low < high)
        snprintf(r->mistakes_are, sizeof r->mistakes_are,
                 "rows stand at a place among the similarities that is more than a quarter of all rows away from the "
                 "place of their score");
    hone_free(gold);
    return st;
}

/* "above 25 % of the rows": rows of a lower rank. */
static double percent_below(const report_data *r, double rank) {
    return 100 * (rank - 1) / fmax(1, (double)(r->n_rows - 1));
}

static void tell_scored(const report_data *r, const candidate *c, const places *p, report_mistake *m) {
    const report_side *sides[2] = {&r->model, &r->base};
    const double none = (double)NAN, gold = r->labels.score[r->rows[c->at]];
    double x[2];
    char number[32];
    for (int k = 0; k < 2; k++) x[k] = sides[k]->judge ? hone_judge_similarities(sides[k]->judge)[c->at] : none;
    hone_format_f64(number, gold);
    m->line[0] = (report_line){.what = "sentence1", .text = text_of_row(r, c->at, 0), .similarity = none, .base = none};
    m->line[1] = (report_line){.what = "sentence2", .text = text_of_row(r, c->at, 1), .similarity = x[0], .base = x[1]};
    if (r->two_classes)
        snprintf(m->remark, sizeof m->remark, "score %s; the similarity is %.3f %s the border", number, c->gap,
                 gold == 1 ? "below" : "above");
    else
        snprintf(m->remark, sizeof m->remark, "score %s, above %.0f %% of the rows; the similarity is above %.0f %%",
                 number, percent_below(r, p->gold[c->at]), percent_below(r, p->similarity[c->at]));
}

/* ---- all of them ---- */

hone_status report_find_mistakes(report_data *r) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    int64_t wide = r->texts.width > 2 ? r->texts.width - 2 : 0;
    int64_t room = r->kind == HONE_ROWS_TRIPLET ? r->n_rows * wide : x ? x->n_queries : r->n_rows;
    int32_t *query = x ? hone_texts_places(&r->texts, x->query, x->n_queries) : NULL;
    int32_t *document = x ? hone_texts_places(&r->texts, x->document, x->n_documents) : NULL;
    candidate *list = hone_alloc((size_t)(room + 1) * sizeof *list);
    places p = {0};
    const char *are = r->kind == HONE_ROWS_TRIPLET    ? "negatives are at least as near as the positive"
                      : r->kind == HONE_ROWS_LABELLED ? "texts have a nearest neighbour of another label"
                                                      : "queries find a wrong answer first";
    hone_status st = list && (!x || (query && document)) ? HONE_OK : HONE_E_NOMEM;
    r->asked = r->kind == HONE_ROWS_LABELLED ? 0 : room;
    if (st == HONE_OK && r->kind == HONE_ROWS_SCORED) {
        st = r->two_classes ? wrong_sides(r, &p, list) : wrong_places(r, &p, list);
    } else if (st == HONE_OK) {
        snprintf(r->mistakes_are, sizeof r->mistakes_are, "%s", are);
        if (r->kind == HONE_ROWS_TRIPLET)
            wrong_triplets(r, document, list);
        else if (r->kind == HONE_ROWS_LABELLED)
            wrong_neighbours(r, list);
        else
            wrong_queries(r, list);
    }
    int64_t most = r->mistakes_found < r->o->mistakes ? r->mistakes_found : r->o->mistakes;
    if (st == HONE_OK && !(r->mistake = hone_zalloc((size_t)(most + 1) * sizeof *r->mistake))) st = HONE_E_NOMEM;
    if (st == HONE_OK) qsort(list, (size_t)r->mistakes_found, sizeof *list, by_gap);
    for (int64_t i = 0; i < most && st == HONE_OK; i++) {
        report_mistake *m = &r->mistake[r->n_mistakes++];
        if (r->kind == HONE_ROWS_SCORED)
            tell_scored(r, &list[i], &p, m);
        else if (r->kind == HONE_ROWS_LABELLED)
            tell_labelled(r, &list[i], m);
        else
            tell_search(r, &list[i], query, m);
    }
    hone_free(p.gold), hone_free(p.similarity);
    hone_free(list), hone_free(query), hone_free(document);
    return st;
}
