/* Similarities of texts that belong together and of such that do not. */
#include "tools/report_parts.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

static bool make_room(report_side *s, int64_t positive, int64_t negative, int64_t wrong) {
    s->positive = hone_alloc((size_t)(positive + 1) * sizeof(double));
    s->negative = hone_alloc((size_t)(negative + 1) * sizeof(double));
    s->wrong = hone_alloc((size_t)(wrong + 1) * sizeof(double));
    return s->positive && s->negative && s->wrong;
}

/* Without negatives in the rows, one is the positive of another row: the next one's whose document is wrong for the
 * query. */
static hone_status score_pairs(const report_data *r, report_side *s) {
    const hone_retrieval *x = hone_judge_retrieval(s->judge);
    const hone_texts *t = &r->texts;
    const float *q, *d;
    int64_t D = hone_judge_embeddings(s->judge, &q, &d), wide = t->width > 2 ? t->width - 2 : 1;
    int32_t *query = hone_texts_places(t, x->query, x->n_queries),
            *document = hone_texts_places(t, x->document, x->n_documents);
    bool ok = query && document && make_room(s, r->n_rows, r->n_rows * wide, x->n_queries);
    for (int64_t i = 0; i < r->n_rows && ok; i++) {
        const int32_t *of = t->of + r->rows[i] * t->width;
        const float *a = q + query[of[0]] * D;
        s->positive[s->n_positive++] = hone_judge_similarity(s->judge, a, d + document[of[1]] * D);
        for (int64_t g = 2; g < t->width; g++)
            s->negative[s->n_negative++] = hone_judge_similarity(s->judge, a, d + document[of[g]] * D);
        for (int64_t k = 1; k < 8 && k < r->n_rows && t->width == 2; k++) {
            int32_t other = document[t->of[r->rows[(i + k) % r->n_rows] * t->width + 1]];
            if (hone_retrieval_is_relevant(x, query[of[0]], other)) continue;
            s->negative[s->n_negative++] = hone_judge_similarity(s->judge, a, d + other * D);
            break;
        }
    }
    for (int64_t i = 0; i < x->n_queries && ok; i++)
        for (int64_t k = 0; k < x->depth; k++) {
            if (hone_retrieval_is_relevant(x, i, x->top[i * x->depth + k])) continue;
            s->wrong[s->n_wrong++] = (double)x->score[i * x->depth + k];
            break;
        }
    hone_free(query);
    hone_free(document);
    return ok ? HONE_OK : HONE_E_NOMEM;
}

/* Each text beside the next one of its label and the next one of another, round the end; and the nearest of another. */
static hone_status score_labelled(const report_data *r, report_side *s) {
    const float *e, *unused;
    int64_t D = hone_judge_embeddings(s->judge, &e, &unused), n = r->n_rows;
    if (!make_room(s, n, n, n)) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        int32_t own = r->labels.group[r->rows[i]];
        bool same = false, other = false;
        double nearest = 0;
        for (int64_t k = 1; k < n; k++) {
            int64_t at = (i + k) % n;
            bool is_own = r->labels.group[r->rows[at]] == own;
            if (is_own && same) continue;
            double x = hone_judge_similarity(s->judge, e + i * D, e + at * D);
            if (is_own) {
                s->positive[s->n_positive++] = x, same = true;
                continue;
            }
            if (!other) s->negative[s->n_negative++] = x;
            nearest = other ? fmax(nearest, x) : x, other = true;
        }
        if (other) s->wrong[s->n_wrong++] = nearest;
    }
    return HONE_OK;
}

static hone_status score_scored(const report_data *r, report_side *s) {
    const double *x = hone_judge_similarities(s->judge);
    if (!r->two_classes) return HONE_OK;
    if (!make_room(s, r->n_rows, r->n_rows, 0)) return HONE_E_NOMEM;
    for (int64_t i = 0; i < r->n_rows; i++) {
        if (r->labels.score[r->rows[i]] == 1)
            s->positive[s->n_positive++] = x[i];
        else
            s->negative[s->n_negative++] = x[i];
    }
    return HONE_OK;
}

hone_status report_score(report_data *r, report_side *s) {
    if (r->kind == HONE_ROWS_SCORED) return score_scored(r, s);
    return r->kind == HONE_ROWS_LABELLED ? score_labelled(r, s) : score_pairs(r, s);
}
