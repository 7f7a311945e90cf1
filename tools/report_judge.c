/* What a report computes: a sample of the evaluation rows under the run's model and under the one it started from. */
#include "tools/report_parts.h"

#include "base/memory.h"
#include "base/random.h"
#include "data/split.h"
#include "losses/loss.h"
#include "tools/labels.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const json_t *report_option(const report_data *r, const char *name) {
    const json_t *x = json_object_get(json_object_get(r->run, "options"), name);
    return json_is_null(x) ? NULL : x;
}

const char *report_option_string(const report_data *r, const char *name) {
    return json_string_value(report_option(r, name)); /* NULL for other kinds */
}

void report_note(report_data *r, const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *s = json_string(text);
    if (!s) s = json_string("a note that is not UTF-8");
    if (s) json_array_append_new(r->notes, s);
}

void report_note_error(report_data *r, const char *what) {
    const hone_error *e = hone_last_error();
    report_note(r, "%s: %s%s%s", what, *e->file ? hone_quote(e->file) : "", *e->file ? ": " : "", e->message);
}

/* ---- the rows ---- */

static hone_status read_table(report_data *r, const char *path, hone_row_kind kind, hone_table **out,
                              hone_roles *roles, hone_texts *texts) {
    const json_t *columns = report_option(r, "columns");
    hone_column_map map[2 + HONE_MAX_NEGATIVES];
    int64_t n = 0;
    const char *key;
    json_t *x;
    if (json_is_object(columns)) json_object_foreach((json_t *)(uintptr_t)columns, key, x) {
            if (json_is_string(x) && n < (int64_t)(sizeof map / sizeof *map))
                map[n++] = (hone_column_map){key, json_string_value(x)};
        }
    hone_table *t = NULL;
    hone_status st = hone_table_read(path, NULL, &t);
    if (st == HONE_OK) st = hone_roles_apply(t, kind, map, n, roles);
    if (st == HONE_OK) st = hone_texts_from_table(t, roles->columns, roles->n_texts, texts);
    if (st != HONE_OK)
        hone_table_free(t);
    else
        *out = t;
    return st;
}

static bool same_data(const report_data *r, const char *which, const hone_table *t) {
    char sum[24];
    const char *want =
        json_string_value(json_object_get(json_object_get(json_object_get(r->run, "data"), which), "fnv1a64"));
    snprintf(sum, sizeof sum, "%016" PRIx64, hone_table_fingerprint(t));
    return want && !strcmp(want, sum);
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A seeded sample of from[0..n) (NULL: 0..n-1), ascending. */
static hone_status sample_rows(report_data *r, const int64_t *from, int64_t n) {
    int64_t *order = hone_alloc((size_t)(n + 1) * sizeof *order);
    if (!order) return HONE_E_NOMEM;
    hone_random_permutation(r->o->seed, hone_stream_id(HONE_STREAM_SAMPLE, 0), n, order);
    r->eval_rows = n;
    r->n_rows = n < r->o->rows ? n : r->o->rows;
    for (int64_t i = 0; i < r->n_rows && from; i++) order[i] = from[order[i]];
    qsort(order, (size_t)r->n_rows, sizeof *order, by_number);
    r->rows = order;
    return HONE_OK;
}

/* What the run's rows held, as hone train read them. */
static hone_row_kind row_kind(const report_data *r) {
    const char *task = report_option_string(r, "task"), *name = report_option_string(r, "loss");
    const hone_loss *loss = name ? hone_loss_find(name) : NULL;
    if (task && !strcmp(task, "scored")) return loss && loss->needs == HONE_LOSS_BINARY ? HONE_ROWS_BINARY : HONE_ROWS_SCORED;
    if (loss && loss->needs == HONE_LOSS_CLASSES) return HONE_ROWS_LABELLED;
    return task && !strcmp(task, "triplet") ? HONE_ROWS_TRIPLET : HONE_ROWS_PAIRS;
}

/* The rows that the run was judged by: --eval's file, or the part of --train that was set aside. */
static hone_status find_rows(report_data *r) {
    const char *task = report_option_string(r, "task"), *train = report_option_string(r, "train");
    const char *path = r->o->data ? r->o->data : report_option_string(r, "eval");
    double share = json_number_value(report_option(r, "eval-split"));
    if (!task || (strcmp(task, "pairs") && strcmp(task, "triplet"))) {
        report_note(r, "scores and mistakes are shown for the tasks pairs and triplet; this run's task is %s",
                    task ? hone_quote(task) : "not known");
        return HONE_OK;
    }
    if (row_kind(r) == HONE_ROWS_LABELLED) {
        report_note(r, "scores and mistakes are shown for rows of an anchor and a positive; this run's rows are texts with labels");
        return HONE_OK;
    }
    r->triplet = !strcmp(task, "triplet");
    bool split = !path && share > 0 && share < 1;
    if (split) path = train;
    if (!path) {
        report_note(r, "the run had no evaluation rows: --data FILE of hone report gives some");
        return HONE_OK;
    }
    if (!strcmp(path, "-")) {
        report_note(r, "the evaluation rows came from standard input: --data FILE of hone report gives them again");
        return HONE_OK;
    }
    hone_roles roles;
    hone_status st = read_table(r, path, r->triplet ? HONE_ROWS_TRIPLET : HONE_ROWS_PAIRS, &r->table, &roles, &r->texts);
    if (st != HONE_OK) {
        report_note_error(r, "the evaluation rows cannot be read");
        return st == HONE_E_NOMEM ? st : HONE_OK;
    }
    bool same = r->o->data || same_data(r, split ? "train" : "eval", r->table);
    if (!same) report_note(r, "%s is not what it was when the run read it", hone_quote(path));
    if (!split) return sample_rows(r, NULL, r->texts.rows);
    if (!same) return HONE_OK; /* another split: rows that training has seen */
    hone_split s = {0};
    uint64_t seed = (uint64_t)json_integer_value(report_option(r, "seed"));
    st = hone_split_rows(&r->texts, share, seed, &s);
    if (st == HONE_OK) st = sample_rows(r, s.eval, s.n_eval);
    hone_split_free(&s);
    if (st == HONE_OK || st == HONE_E_NOMEM) return st;
    report_note_error(r, "the rows set aside cannot be found again");
    return HONE_OK;
}

/* ---- labels and lengths ---- */

/* Scores of the training rows as they are, or how many rows each label has. */
static hone_status count_labels(report_data *r, const hone_table *t, const hone_roles *roles) {
    hone_labels l = {0};
    hone_row_kind kind = row_kind(r);
    if (kind == HONE_ROWS_PAIRS || kind == HONE_ROWS_TRIPLET) return HONE_OK;
    HONE_TRY(hone_labels_read(t, kind, roles, NULL, &l));
    r->n_labels = l.score ? hone_table_rows(t) : l.n_groups;
    r->of_classes = !l.score;
    r->label = hone_zalloc((size_t)(r->n_labels + 1) * sizeof *r->label);
    for (int64_t i = 0; i < hone_table_rows(t) && r->label; i++) {
        if (l.score)
            r->label[i] = l.score[i];
        else if (l.group[i] >= 0)
            r->label[l.group[i]] += 1;
    }
    hone_labels_free(&l);
    return r->label ? HONE_OK : HONE_E_NOMEM;
}

static double characters(const char *p, size_t n) {
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)p[i] & 0xC0) != 0x80;
    return (double)count;
}

/* Of up to MOST of the distinct training texts, spread evenly. m NULL: in characters. */
static hone_status measure_lengths(report_data *r, const hone_model *m) {
    enum { MOST = 5000 };
    const char *path = report_option_string(r, "train");
    hone_table *table = NULL;
    hone_texts texts = {0};
    hone_encoding e = {0};
    if (!path || !strcmp(path, "-")) return HONE_OK;
    if (r->lengths_tried) return HONE_OK;
    r->lengths_tried = true;
    hone_roles roles;
    hone_status st = read_table(r, path, row_kind(r), &table, &roles, &texts);
    if (st != HONE_OK) {
        report_note_error(r, "the training texts cannot be read");
        return st == HONE_E_NOMEM ? st : HONE_OK;
    }
    st = count_labels(r, table, &roles);
    int64_t n = texts.count < MOST ? texts.count : MOST;
    r->length = hone_alloc((size_t)(n + 1) * sizeof *r->length);
    if (!r->length) st = HONE_E_NOMEM;
    for (int64_t i = 0; i < n && st == HONE_OK; i++) {
        int64_t k = (int64_t)((double)i * (double)texts.count / (double)n);
        r->length[i] = characters(texts.p[k], texts.n[k]);
        if (!m) continue;
        hone_status ok = hone_tokenizer_encode(hone_model_tokenizer(m), texts.p[k], texts.n[k], NULL, 0,
                                               &(hone_encode_options){0}, &e);
        if (ok == HONE_E_NOMEM) st = ok;
        r->length[i] = ok == HONE_OK ? (double)e.n : (double)NAN;
    }
    if (st == HONE_OK) r->n_lengths = n;
    r->in_tokens = m != NULL;
    if (m) r->max_length = hone_model_get_info(m)->max_length;
    hone_encoding_free(&e);
    hone_texts_free(&texts);
    hone_table_free(table);
    return st;
}

/* ---- one model ---- */

static const char *const shown[REPORT_METRICS] = {"accuracy@1", "accuracy@10", "recall@10",       "mrr@10",
                                                  "ndcg@10",    "map@100",     "triplet_accuracy"};

static hone_status intervals(report_data *r, report_side *s) {
    for (int k = 0; k < REPORT_METRICS; k++)
        for (int i = 0; i < hone_judge_metrics(s->judge); i++) {
            if (strcmp(hone_judge_name(s->judge, i), shown[k])) continue;
            s->metric_name[s->n_metrics] = shown[k], s->metric[s->n_metrics] = i;
            HONE_TRY(hone_judge_interval(s->judge, i, r->o->resamples, r->o->seed, &s->value[s->n_metrics++]));
        }
    return HONE_OK;
}

/* place[text] = index in list; -1 elsewhere. */
static int32_t *places(const hone_texts *t, const int32_t *list, int64_t n) {
    int32_t *place = hone_alloc((size_t)(t->count + 1) * sizeof *place);
    if (!place) return NULL;
    memset(place, 0xFF, (size_t)t->count * sizeof *place);
    for (int64_t i = 0; i < n; i++) place[list[i]] = (int32_t)i;
    return place;
}

static bool is_right(const hone_retrieval *x, int64_t query, int32_t document) {
    for (int64_t k = x->relevant[query]; k < x->relevant[query + 1]; k++)
        if (x->relevant_list[k] == document) return true;
    return false;
}

/* Similarities of every sampled row. Without negatives in the rows, one is the positive of another row: the next one's
 * whose document is wrong for the query. */
static hone_status score_rows(report_data *r, report_side *s) {
    const hone_retrieval *x = hone_judge_retrieval(s->judge);
    const hone_texts *t = &r->texts;
    const float *q, *d;
    int64_t D = hone_judge_embeddings(s->judge, &q, &d), wide = t->width > 2 ? t->width - 2 : 1;
    int32_t *query = places(t, x->query, x->n_queries), *document = places(t, x->document, x->n_documents);
    s->positive = hone_alloc((size_t)(r->n_rows + 1) * sizeof(double));
    s->negative = hone_alloc((size_t)(r->n_rows * wide + 1) * sizeof(double));
    s->wrong = hone_alloc((size_t)(x->n_queries + 1) * sizeof(double));
    bool ok = query && document && s->positive && s->negative && s->wrong;
    for (int64_t i = 0; i < r->n_rows && ok; i++) {
        const int32_t *of = t->of + r->rows[i] * t->width;
        const float *a = q + query[of[0]] * D;
        s->positive[s->n_positive++] = hone_judge_similarity(s->judge, a, d + document[of[1]] * D);
        for (int64_t g = 2; g < t->width; g++)
            s->negative[s->n_negative++] = hone_judge_similarity(s->judge, a, d + document[of[g]] * D);
        for (int64_t k = 1; k < 8 && k < r->n_rows && t->width == 2; k++) {
            int32_t other = document[t->of[r->rows[(i + k) % r->n_rows] * t->width + 1]];
            if (is_right(x, query[of[0]], other)) continue;
            s->negative[s->n_negative++] = hone_judge_similarity(s->judge, a, d + other * D);
            break;
        }
    }
    for (int64_t i = 0; i < x->n_queries && ok; i++)
        for (int64_t k = 0; k < x->depth; k++) {
            if (is_right(x, i, x->top[i * x->depth + k])) continue;
            s->wrong[s->n_wrong++] = (double)x->score[i * x->depth + k];
            break;
        }
    hone_free(query);
    hone_free(document);
    return ok ? HONE_OK : HONE_E_NOMEM;
}

static hone_status judge_open(report_data *r, hone_model *m, report_side *s) {
    hone_judge_options how = {.triplet = r->triplet,
                              .prompt_query = report_option_string(r, "prompt-query"),
                              .prompt_document = report_option_string(r, "prompt-document"),
                              .keep_embeddings = true};
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = arena ? hone_graph_new(arena) : NULL;
    hone_judge *j = NULL;
    hone_status st = g ? hone_judge_new(&r->texts, r->rows, r->n_rows, &how, &j) : HONE_E_NOMEM;
    if (st == HONE_OK) st = hone_judge_score(j, m, g);
    hone_graph_free(g);
    hone_arena_free(arena);
    if (st != HONE_OK) {
        hone_judge_free(j);
        return st;
    }
    s->judge = j;
    HONE_TRY(intervals(r, s));
    return score_rows(r, s);
}

/* Two models are never in memory together. The lengths are measured with the first one that opens. */
static hone_status judge_model(report_data *r, const char *name, const char *what, report_side *s) {
    char sentence[128];
    hone_model *m = NULL;
    int64_t length = json_integer_value(report_option(r, "max-length"));
    hone_model_options how = {.max_length = length > 0 ? length : 0};
    hone_status st = hone_model_open(name, &how, &m);
    if (st == HONE_OK) snprintf(s->name, sizeof s->name, "%s", name);
    if (st == HONE_OK && !r->n_lengths) st = measure_lengths(r, m);
    if (st == HONE_OK && r->n_rows) st = judge_open(r, m, s);
    hone_model_close(m);
    if (st == HONE_OK || st == HONE_E_NOMEM) return st;
    snprintf(sentence, sizeof sentence, "%s cannot be judged", what);
    report_note_error(r, sentence);
    hone_judge_free(s->judge);
    s->judge = NULL;
    return HONE_OK;
}

/* final_model, else best_model, else the newest checkpoint that is whole; "" if the run has none. */
static hone_status find_model(report_data *r, char path[HONE_PATH_MAX]) {
    static const char *const names[] = {"final_model", "best_model"};
    for (int i = 0; i < 2; i++) {
        HONE_TRY(hone_io_join(path, r->dir, names[i]));
        if (!hone_io_is_dir(path)) continue;
        if (i) report_note(r, "the run has not ended: %s is judged in place of final_model", names[i]);
        return HONE_OK;
    }
    if (hone_checkpoint_newest(r->dir, path, NULL, 0) != HONE_OK) *path = 0;
    if (*path)
        report_note(r, "the run has not ended: its newest checkpoint is judged in place of final_model");
    else
        report_note(r, "the run has no model yet, so there are no scores and no mistakes to show");
    return HONE_OK;
}

/* ---- mistakes ---- */

typedef struct candidate {
    double gap;
    int64_t at; /* query, or triplet: row * (width - 2) + k */
    int32_t right, wrong;
} candidate;

static int by_gap(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->gap != y->gap) return x->gap > y->gap ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static hone_text text_of(const report_data *r, int32_t text) {
    return (hone_text){r->texts.p[text], r->texts.n[text]};
}

static double similarity(const report_side *s, int32_t query, int32_t document) {
    const float *q, *d;
    if (!s->judge) return (double)NAN;
    int64_t D = hone_judge_embeddings(s->judge, &q, &d);
    return hone_judge_similarity(s->judge, q + query * D, d + document * D);
}

/* Queries whose first document is wrong. */
static int64_t wrong_queries(const report_data *r, candidate *list) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    int64_t n = 0;
    for (int64_t i = 0; i < x->n_queries; i++) {
        int32_t first = x->top[i * x->depth], best = x->relevant_list[x->relevant[i]];
        if (is_right(x, i, first)) continue;
        for (int64_t k = x->relevant[i]; k < x->relevant[i + 1]; k++)
            if (similarity(&r->model, (int32_t)i, x->relevant_list[k]) > similarity(&r->model, (int32_t)i, best))
                best = x->relevant_list[k];
        double gap = similarity(&r->model, (int32_t)i, first) - similarity(&r->model, (int32_t)i, best);
        list[n++] = (candidate){gap, i, best, first};
    }
    return n;
}

static hone_status wrong_triplets(const report_data *r, candidate *list, int64_t *count) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    const hone_texts *t = &r->texts;
    int32_t *document = places(t, x->document, x->n_documents);
    int64_t wide = t->width - 2;
    *count = 0;
    if (!document) return HONE_E_NOMEM;
    for (int64_t i = 0; i < r->n_rows; i++)
        for (int64_t k = 0; k < wide; k++) {
            const int32_t *of = t->of + r->rows[i] * t->width;
            double gap = r->model.negative[i * wide + k] - r->model.positive[i];
            if (gap >= 0) list[(*count)++] = (candidate){gap, i * wide + k, document[of[1]], document[of[2 + k]]};
        }
    hone_free(document);
    return HONE_OK;
}

static hone_status find_mistakes(report_data *r) {
    const hone_retrieval *x = hone_judge_retrieval(r->model.judge);
    const hone_texts *t = &r->texts;
    int64_t wide = t->width - 2, n = 0;
    r->asked = r->triplet ? r->n_rows * wide : x->n_queries;
    candidate *list = hone_alloc((size_t)(r->asked + 1) * sizeof *list);
    int32_t *query = places(t, x->query, x->n_queries);
    hone_status st = list && query ? HONE_OK : HONE_E_NOMEM;
    if (st == HONE_OK && r->triplet)
        st = wrong_triplets(r, list, &n);
    else if (st == HONE_OK)
        n = wrong_queries(r, list);
    r->mistakes_found = n;
    int64_t most = n < r->o->mistakes ? n : r->o->mistakes;
    if (st == HONE_OK && !(r->mistake = hone_alloc((size_t)(most + 1) * sizeof *r->mistake))) st = HONE_E_NOMEM;
    if (st == HONE_OK) qsort(list, (size_t)n, sizeof *list, by_gap);
    for (int64_t i = 0; i < most && st == HONE_OK; i++) {
        const candidate *c = &list[i];
        int32_t q = r->triplet ? query[t->of[r->rows[c->at / wide] * t->width]] : (int32_t)c->at;
        r->mistake[r->n_mistakes++] = (report_mistake){.query = text_of(r, x->query[q]),
                                                       .right = text_of(r, x->document[c->right]),
                                                       .wrong = text_of(r, x->document[c->wrong]),
                                                       .right_score = similarity(&r->model, q, c->right),
                                                       .wrong_score = similarity(&r->model, q, c->wrong),
                                                       .base_right_score = similarity(&r->base, q, c->right),
                                                       .base_wrong_score = similarity(&r->base, q, c->wrong),
                                                       .rank = x->first_rank[q]};
    }
    hone_free(list);
    hone_free(query);
    return st;
}

/* ---- all of it ---- */

hone_status report_judge(report_data *r) {
    char path[HONE_PATH_MAX];
    const char *base = r->o->base ? r->o->base : report_option_string(r, "model");
    if (!r->run) return HONE_OK;
    if (r->o->rows > 0) HONE_TRY(find_rows(r));
    HONE_TRY(find_model(r, path));
    if (*path) HONE_TRY(judge_model(r, path, "the run's model", &r->model));
    if (base && (r->n_rows || !*path)) HONE_TRY(judge_model(r, base, "the base model", &r->base));
    if (!r->n_lengths) HONE_TRY(measure_lengths(r, NULL));
    if (r->model.judge) HONE_TRY(find_mistakes(r));
    for (int i = 0; i < r->model.n_metrics && r->model.judge && r->base.judge; i++)
        HONE_TRY(hone_judge_compare(r->base.judge, r->model.judge, r->model.metric[i], r->o->seed, &r->difference[i]));
    return HONE_OK;
}

static void side_free(report_side *s) {
    hone_judge_free(s->judge);
    hone_free(s->positive);
    hone_free(s->negative);
    hone_free(s->wrong);
}

void report_data_free(report_data *r) {
    side_free(&r->model);
    side_free(&r->base);
    hone_free(r->mistake);
    hone_free(r->length);
    hone_free(r->label);
    hone_free(r->rows);
    hone_texts_free(&r->texts);
    hone_table_free(r->table);
    report_log_free(&r->log);
    json_decref(r->notes);
    json_decref(r->run);
}
