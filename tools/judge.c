#include "tools/judge.h"

#include "base/memory.h"
#include "eval/correlation.h"
#include "eval/neighbours.h"
#include "tools/options.h"

#include <math.h>
#include <string.h>

struct hone_judge {
    hone_judge_options o;
    const hone_texts *texts;
    hone_retrieval *retrieval; /* NULL: scored pairs or labelled texts */
    int64_t n;                 /* of these: rows, and for each its text (or the two of a pair) */
    int32_t *first, *second;
    double *gold, *similarity, correlation[2];  /* scored pairs, [n] */
    int32_t *class_of;                          /* labelled texts, [n] */
    double *neighbours[HONE_NEIGHBOUR_METRICS]; /* [n], of which n_queries are filled */
    int64_t n_queries;
    /* Triplets, one for each negative of each row: indices of a query and two documents. */
    int64_t n_triplets;
    int32_t *anchor, *positive, *negative;
    double *wins;
    int deciding;
    /* With o.keep_embeddings. */
    float *q, *d;
    int64_t D;
    hone_similarity measure;
};

static const char triplet_name[] = "triplet_accuracy";
static const char *const correlation_names[] = {[HONE_PEARSON] = "pearson", [HONE_SPEARMAN] = "spearman"};

/* ---- the rows ---- */

static hone_status make_triplets(hone_judge *j, const int64_t *rows, int64_t n) {
    const hone_texts *t = j->texts;
    const hone_retrieval *r = j->retrieval;
    if (t->width < 3) return HONE_OK;
    size_t count = (size_t)n * (size_t)(t->width - 2);
    int32_t *query = hone_texts_places(t, r->query, r->n_queries),
            *document = hone_texts_places(t, r->document, r->n_documents);
    j->anchor = hone_alloc(count * sizeof *j->anchor);
    j->positive = hone_alloc(count * sizeof *j->positive);
    j->negative = hone_alloc(count * sizeof *j->negative);
    j->wins = hone_alloc(count * sizeof *j->wins);
    bool ok = query && document && j->anchor && j->positive && j->negative && j->wins;
    for (int64_t i = 0; i < n && ok; i++) {
        const int32_t *of = t->of + (rows ? rows[i] : i) * t->width;
        for (int64_t g = 2; g < t->width; g++) {
            int64_t k = j->n_triplets++;
            j->anchor[k] = query[of[0]], j->positive[k] = document[of[1]], j->negative[k] = document[of[g]];
        }
    }
    hone_free(query);
    hone_free(document);
    return ok ? HONE_OK : hone_fail(HONE_E_NOMEM, "no memory for %zu triplets", count);
}

static hone_status take_pairs(hone_judge *j, const int64_t *rows, int64_t n) {
    const size_t room = (size_t)(n + 1);
    j->n = n;
    j->first = hone_alloc(room * sizeof *j->first);
    j->second = hone_alloc(room * sizeof *j->second);
    j->gold = hone_alloc(room * sizeof *j->gold);
    j->similarity = hone_alloc(room * sizeof *j->similarity);
    if (!j->first || !j->second || !j->gold || !j->similarity) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        int64_t row = rows ? rows[i] : i;
        j->first[i] = j->texts->of[row * j->texts->width], j->second[i] = j->texts->of[row * j->texts->width + 1];
        j->gold[i] = j->o.score[row];
    }
    return HONE_OK;
}

static hone_status take_labelled(hone_judge *j, const int64_t *rows, int64_t n) {
    const size_t room = (size_t)(n + 1);
    bool ok =
        (j->first = hone_alloc(room * sizeof *j->first)) && (j->class_of = hone_alloc(room * sizeof *j->class_of));
    for (int m = 0; m < HONE_NEIGHBOUR_METRICS; m++) ok = ok && (j->neighbours[m] = hone_alloc(room * sizeof(double)));
    j->n = n;
    for (int64_t i = 0; ok && i < n; i++) {
        int64_t row = rows ? rows[i] : i;
        j->first[i] = j->texts->of[row * j->texts->width];
        j->class_of[i] = j->o.label[row];
    }
    return ok ? HONE_OK : HONE_E_NOMEM;
}

static const char *usual_metric(const hone_judge *j) {
    if (j->gold) return correlation_names[HONE_SPEARMAN];
    return j->o.triplet ? triplet_name : hone_retrieval_metric_names[HONE_NDCG_10];
}

static hone_status choose_metric(hone_judge *j) {
    char words[512] = "";
    const char *want = j->o.metric ? j->o.metric : usual_metric(j);
    for (int i = 0; i < hone_judge_metrics(j); i++) {
        size_t used = strlen(words);
        j->deciding = i;
        if (!strcmp(hone_judge_name(j, i), want)) return HONE_OK;
        snprintf(words + used, sizeof words - used, "%s%s", i ? "|" : "", hone_judge_name(j, i));
    }
    size_t n;
    const char *near = hone_nearest_word(want, words, &n);
    char list[600];
    hone_fail(HONE_E_ARG, "--metric: unknown value \"%s\", allowed: %s", hone_quote(want),
              hone_words_list(words, list, sizeof list));
    return near ? hone_hint("did you mean %.*s?", (int)n, near) : HONE_E_ARG;
}

hone_status hone_judge_new(const hone_texts *texts, const int64_t *rows, int64_t n, const hone_judge_options *o,
                           hone_judge **out) {
    hone_judge *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    j->o = *o;
    j->texts = texts;
    hone_status st = o->score   ? take_pairs(j, rows, n)
                     : o->label ? take_labelled(j, rows, n)
                                : hone_retrieval_new(texts, rows, n, &j->retrieval);
    if (st == HONE_OK && j->retrieval) st = make_triplets(j, rows, n);
    if (st == HONE_OK) st = choose_metric(j);
    if (st != HONE_OK) {
        hone_judge_free(j);
        return st;
    }
    *out = j;
    return HONE_OK;
}

void hone_judge_free(hone_judge *j) {
    if (!j) return;
    hone_retrieval_free(j->retrieval);
    hone_free(j->anchor);
    hone_free(j->positive);
    hone_free(j->negative);
    hone_free(j->wins);
    hone_free(j->first);
    hone_free(j->second);
    hone_free(j->gold);
    hone_free(j->similarity);
    hone_free(j->class_of);
    for (int m = 0; m < HONE_NEIGHBOUR_METRICS; m++) hone_free(j->neighbours[m]);
    hone_free(j->q);
    hone_free(j->d);
    hone_free(j);
}

int64_t hone_judge_texts(const hone_judge *j) {
    return j->retrieval ? j->retrieval->n_queries + j->retrieval->n_documents : j->gold ? 2 * j->n : j->n;
}

/* ---- embeddings ---- */

typedef struct shift {
    const hone_judge_options *o;
    int64_t before, total;
} shift;

static void pass_progress(void *ctx, int64_t done, int64_t total) {
    const shift *s = ctx;
    (void)total;
    s->o->progress(s->o->ctx, s->before + done, s->total);
}

/* The texts of `list` as rows of a new array; NULL with the error set. */
static float *embed(const hone_judge *j, hone_model *m, hone_graph *g, const int32_t *list, int64_t n,
                    const char *prompt, int64_t before) {
    int64_t D = hone_model_get_info(m)->kept;
    shift s = {&j->o, before, hone_judge_texts(j)};
    hone_embed_options how = {.prompt = prompt, .batch_tokens = j->o.batch_tokens, .stop = j->o.stop};
    if (j->o.progress) how.progress = pass_progress, how.ctx = &s;
    hone_text *texts = hone_alloc((size_t)(n + 1) * sizeof *texts);
    float *x = hone_alloc((size_t)(n + 1) * (size_t)D * sizeof *x);
    if (texts && x) {
        for (int64_t i = 0; i < n; i++) texts[i] = (hone_text){j->texts->p[list[i]], j->texts->n[list[i]]};
        if (hone_model_embed(m, g, texts, n, &how, x, NULL) == HONE_OK) {
            hone_free(texts);
            return x;
        }
    }
    hone_free(texts);
    hone_free(x);
    return NULL;
}

static hone_similarity similarity_of(const hone_model *m) {
    const char *name = hone_model_get_info(m)->similarity;
    int s = name ? hone_similarity_from_name(name) : HONE_SIMILARITY_COSINE;
    return s < 0 ? HONE_SIMILARITY_COSINE : (hone_similarity)s;
}

/* hone_triplet_wins wants the three sides row by row: gather them a block at a time. */
static hone_status score_triplets(hone_judge *j, const float *q, const float *d, int64_t D,
                                  hone_similarity similarity) {
    enum { BLOCK = 256 };
    float *side[3] = {NULL, NULL, NULL};
    hone_status st = HONE_OK;
    for (int k = 0; k < 3; k++)
        if (!(side[k] = hone_alloc((size_t)BLOCK * (size_t)D * sizeof(float)))) st = HONE_E_NOMEM;
    for (int64_t from = 0; from < j->n_triplets && st == HONE_OK; from += BLOCK) {
        int64_t n = j->n_triplets - from < BLOCK ? j->n_triplets - from : BLOCK;
        for (int64_t i = 0; i < n; i++) {
            memcpy(side[0] + i * D, q + j->anchor[from + i] * D, (size_t)D * sizeof(float));
            memcpy(side[1] + i * D, d + j->positive[from + i] * D, (size_t)D * sizeof(float));
            memcpy(side[2] + i * D, d + j->negative[from + i] * D, (size_t)D * sizeof(float));
        }
        hone_triplet_wins(n, D, side[0], side[1], side[2], similarity, j->wins + from);
    }
    for (int k = 0; k < 3; k++) hone_free(side[k]);
    return st;
}

static hone_status score_pairs(hone_judge *j, hone_model *m, hone_graph *g) {
    int64_t D = hone_model_get_info(m)->kept;
    float *a = embed(j, m, g, j->first, j->n, j->o.prompt_query, 0);
    float *b = a ? embed(j, m, g, j->second, j->n, j->o.prompt_document, j->n) : NULL;
    hone_status st = b ? HONE_OK : hone_last_error()->code;
    for (int64_t i = 0; st == HONE_OK && i < j->n; i++) {
        j->similarity[i] = hone_similarity_of(similarity_of(m), a + i * D, b + i * D, D);
        if (!isfinite(j->similarity[i])) st = hone_fail(HONE_E_NUMERIC, "an embedding is not finite");
    }
    for (int k = 0; k < 2 && st == HONE_OK; k++)
        st = hone_correlate((hone_correlation)k, j->similarity, j->gold, j->n, &j->correlation[k]);
    hone_free(a);
    hone_free(b);
    return st;
}

static hone_status score_labelled(hone_judge *j, hone_model *m, hone_graph *g) {
    float *e = embed(j, m, g, j->first, j->n, j->o.prompt_query, 0);
    hone_status st = e ? hone_neighbours_measure(j->n, hone_model_get_info(m)->kept, e, j->class_of, similarity_of(m),
                                                 j->o.stop, j->neighbours, &j->n_queries)
                       : hone_last_error()->code;
    if (st == HONE_OK && j->o.keep_embeddings) {
        hone_free(j->q);
        j->q = e, j->D = hone_model_get_info(m)->kept, j->measure = similarity_of(m);
        return HONE_OK;
    }
    hone_free(e);
    if (st == HONE_E_FORMAT && j->o.file && !*hone_last_error()->file) return hone_blame(j->o.file, 0);
    return st;
}

const char *hone_judge_prompt(const hone_model *m, const hone_judge_options *o, bool document) {
    const char *asked = document ? o->prompt_document : o->prompt_query;
    if (asked) return asked;
    return hone_model_prompt(m, o->score || o->label ? NULL : document ? "document" : "query");
}

hone_status hone_judge_score(hone_judge *j, hone_model *m, hone_graph *g) {
    hone_retrieval *r = j->retrieval;
    if (j->gold) return score_pairs(j, m, g);
    if (j->class_of) return score_labelled(j, m, g);
    int64_t D = hone_model_get_info(m)->kept;
    r->stop = j->o.stop;
    float *q = embed(j, m, g, r->query, r->n_queries, hone_judge_prompt(m, &j->o, false), 0);
    float *d = q ? embed(j, m, g, r->document, r->n_documents, hone_judge_prompt(m, &j->o, true), r->n_queries) : NULL;
    hone_status st = d ? hone_retrieval_run(r, q, d, D, similarity_of(m)) : hone_last_error()->code;
    if (st == HONE_OK && j->n_triplets) st = score_triplets(j, q, d, D, similarity_of(m));
    if (st == HONE_OK && j->o.keep_embeddings) {
        hone_free(j->q);
        hone_free(j->d);
        j->q = q, j->d = d, j->D = D, j->measure = similarity_of(m);
        return HONE_OK;
    }
    hone_free(q);
    hone_free(d);
    return st;
}

/* ---- results ---- */

int hone_judge_metrics(const hone_judge *j) {
    if (j->gold) return 2;
    if (j->class_of) return HONE_NEIGHBOUR_METRICS;
    return HONE_RETRIEVAL_METRICS + (j->n_triplets > 0);
}

const char *hone_judge_name(const hone_judge *j, int i) {
    if (j->gold) return correlation_names[i];
    if (j->class_of) return hone_neighbour_metric_names[i];
    return i < HONE_RETRIEVAL_METRICS ? hone_retrieval_metric_names[i] : triplet_name;
}

const char *hone_judge_deciding(const hone_judge *j) {
    return hone_judge_name(j, j->deciding);
}

/* Values of single queries (or triplets), whose mean is the metric. */
static const double *values(const hone_judge *j, int i, int64_t *n) {
    *n = j->class_of ? j->n_queries : i < HONE_RETRIEVAL_METRICS ? j->retrieval->n_queries : j->n_triplets;
    return j->class_of ? j->neighbours[i] : i < HONE_RETRIEVAL_METRICS ? j->retrieval->value[i] : j->wins;
}

double hone_judge_value(const hone_judge *j, int i) {
    int64_t n;
    double sum = 0;
    if (j->gold) return j->correlation[i];
    if (!j->class_of && i < HONE_RETRIEVAL_METRICS) return hone_retrieval_mean(j->retrieval, (hone_retrieval_metric)i);
    const double *x = values(j, i, &n);
    for (int64_t k = 0; k < n; k++) sum += x[k];
    return sum / (double)n;
}

hone_status hone_judge_interval(const hone_judge *j, int i, int64_t resamples, uint64_t seed, hone_interval *out) {
    int64_t n;
    if (j->gold)
        return hone_bootstrap_correlation((hone_correlation)i, j->similarity, j->gold, j->n, resamples, seed, out);
    const double *x = values(j, i, &n);
    return hone_bootstrap_mean(x, n, resamples, seed, out);
}

hone_status hone_judge_compare(const hone_judge *a, const hone_judge *b, int i, int64_t resamples, uint64_t seed,
                               hone_paired *out) {
    int64_t n;
    if (a->gold)
        return hone_paired_correlation((hone_correlation)i, a->similarity, b->similarity, a->gold, a->n, resamples,
                                       seed, out);
    const double *x = values(a, i, &n), *y = values(b, i, &n);
    return hone_paired_test(x, y, n, resamples, seed, out);
}

const hone_retrieval *hone_judge_retrieval(const hone_judge *j) {
    return j->retrieval;
}

int64_t hone_judge_queries(const hone_judge *j) {
    return j->n_queries;
}

int64_t hone_judge_embeddings(const hone_judge *j, const float **q, const float **d) {
    *q = j->q, *d = j->d;
    return j->D;
}

const double *hone_judge_similarities(const hone_judge *j) {
    return j->similarity;
}

double hone_judge_similarity(const hone_judge *j, const float *x, const float *y) {
    return hone_similarity_of(j->measure, x, y, j->D);
}

hone_status hone_judge_run(void *judge, hone_model *m, hone_graph *g, json_t **metrics, double *primary) {
    hone_judge *j = judge;
    HONE_TRY(hone_judge_score(j, m, g));
    json_t *all = json_object();
    for (int i = 0; i < hone_judge_metrics(j); i++) {
        double x = hone_judge_value(j, i);
        if (json_object_set_new(all, hone_judge_name(j, i), isnan(x) ? json_null() : json_real(x))) {
            json_decref(all);
            return hone_fail(HONE_E_NOMEM, "no memory for the metrics");
        }
    }
    *metrics = all;
    *primary = hone_judge_value(j, j->deciding);
    return HONE_OK;
}
