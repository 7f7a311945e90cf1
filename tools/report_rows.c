/* The rows of a report: which ones the run was judged by, a sample of them, lengths and labels of the training rows. */
#include "tools/report_parts.h"

#include "base/memory.h"
#include "base/random.h"
#include "data/split.h"
#include "losses/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the rows ---- */

static hone_status read_table(report_data *r, const char *path, hone_row_kind kind, hone_table **out, hone_roles *roles,
                              hone_texts *texts) {
    const json_t *columns = report_option(r, "columns");
    hone_column_map map[2 + HONE_MAX_NEGATIVES];
    int64_t n = 0;
    const char *key;
    json_t *x;
    if (json_is_object(columns))
        json_object_foreach((json_t *)(uintptr_t)columns, key, x) {
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

/* A seeded order of from[0..n) (NULL: 0..n-1). */
static int64_t *shuffled(const report_data *r, const int64_t *from, int64_t n) {
    int64_t *order = hone_alloc((size_t)(n + 1) * sizeof *order);
    if (!order) return NULL;
    hone_random_permutation(r->o->seed, hone_stream_id(HONE_STREAM_SAMPLE, 0), n, order);
    for (int64_t i = 0; i < n && from; i++) order[i] = from[order[i]];
    return order;
}

/* A label whose other rows stay out is no query: a sample of labelled rows gives each label the same small number of
 * places, at least two, and what is left to whoever comes. Moves those chosen to the front; no memory: false. */
static bool share_among_labels(const report_data *r, int64_t *order, int64_t n, int64_t most) {
    const hone_labels *l = &r->labels;
    int64_t *left = hone_alloc((size_t)(l->n_groups + 1) * sizeof *left),
            *rest = hone_alloc((size_t)(n + 1) * sizeof *rest);
    int64_t *first = hone_alloc((size_t)(l->n_groups + 1) * sizeof *first); /* by label: when it was met */
    int64_t labels = 0, taken = 0, n_rest = 0;
    for (int64_t i = 0; left && rest && first && i < l->n_groups; i++) first[i] = -1;
    for (int64_t i = 0; left && rest && first && i < n; i++)
        if (first[l->group[order[i]]] < 0) first[l->group[order[i]]] = labels++;
    int64_t each = labels && most / labels > 2 ? most / labels : 2;
    for (int64_t i = 0; left && i < l->n_groups; i++) left[i] = each;
    for (int64_t i = 0; left && rest && first && i < n; i++) {
        int32_t label = l->group[order[i]];
        if (first[label] < most / 2 && left[label]-- > 0) /* the labels that are met first, where not all have room */
            order[taken++] = order[i];
        else
            rest[n_rest++] = order[i];
    }
    for (int64_t i = 0; left && rest && first && i < n_rest; i++) order[taken++] = rest[i];
    bool ok = left && rest && first;
    hone_free(left), hone_free(rest), hone_free(first);
    return ok;
}

/* A seeded sample of from[0..n) (NULL: 0..n-1), ascending. */
static hone_status sample_rows(report_data *r, const int64_t *from, int64_t n) {
    int64_t most = n < r->o->rows ? n : r->o->rows, *order = shuffled(r, from, n);
    if (!order) return HONE_E_NOMEM;
    r->rows = order;
    if (r->kind == HONE_ROWS_LABELLED && most < n && !share_among_labels(r, order, n, most)) return HONE_E_NOMEM;
    r->eval_rows = n, r->n_rows = most;
    qsort(order, (size_t)most, sizeof *order, by_number);
    r->two_classes = r->labels.score != NULL;
    for (int64_t i = 0; i < most && r->two_classes; i++) {
        double x = r->labels.score[order[i]];
        r->two_classes = x == 0 || x == 1;
    }
    return HONE_OK;
}

/* What the rows of --train and --eval held, as hone train read them; ANY: not known. */
static hone_row_kind row_kind(const report_data *r, bool train) {
    const char *task = report_option_string(r, "task"), *name = report_option_string(r, "loss");
    const hone_loss *loss = name ? hone_loss_find(name) : NULL;
    if (loss && loss->needs == HONE_LOSS_CLASSES) return HONE_ROWS_LABELLED;
    if (task && !strcmp(task, "triplet")) return HONE_ROWS_TRIPLET;
    if (task && !strcmp(task, "pairs")) return HONE_ROWS_PAIRS;
    if (!task || strcmp(task, "scored")) return HONE_ROWS_ANY;
    return train && loss && loss->needs == HONE_LOSS_BINARY ? HONE_ROWS_BINARY : HONE_ROWS_SCORED;
}

/* Those of --eval's file, or of the part of --train that was set aside. */
static hone_status take_rows(report_data *r, bool split) {
    const char *path = hone_table_path(r->table);
    bool same = r->o->data || same_data(r, split ? "train" : "eval", r->table);
    if (!same) report_note(r, "%s is not what it was when the run read it", hone_quote(path));
    if (!split) return sample_rows(r, NULL, r->texts.rows);
    if (!same) return HONE_OK; /* another split: rows that training has seen */
    hone_split s = {0};
    uint64_t seed = (uint64_t)json_integer_value(report_option(r, "seed"));
    double share = json_number_value(report_option(r, "eval-split"));
    hone_status st = hone_split_rows(&r->texts, share, seed, &s);
    if (st == HONE_OK) st = sample_rows(r, s.eval, s.n_eval);
    hone_split_free(&s);
    if (st == HONE_OK || st == HONE_E_NOMEM) return st;
    report_note_error(r, "the rows set aside cannot be found again");
    return HONE_OK;
}

hone_status report_find_rows(report_data *r) {
    const char *task = report_option_string(r, "task"),
               *path = r->o->data ? r->o->data : report_option_string(r, "eval");
    double share = json_number_value(report_option(r, "eval-split"));
    bool split = !path && share > 0 && share < 1;
    r->kind = row_kind(r, split);
    if (r->kind == HONE_ROWS_ANY) {
        report_note(r, "nothing can be judged: this run's task is %s", task ? hone_quote(task) : "not known");
        return HONE_OK;
    }
    if (split) path = report_option_string(r, "train");
    if (!path) {
        report_note(r, "the run had no evaluation rows: --data FILE of hone report gives some");
        return HONE_OK;
    }
    if (!strcmp(path, "-")) {
        report_note(r, "the evaluation rows came from standard input: --data FILE of hone report gives them again");
        return HONE_OK;
    }
    hone_roles roles;
    hone_status st = read_table(r, path, r->kind, &r->table, &roles, &r->texts);
    if (st == HONE_OK) st = hone_labels_read(r->table, r->kind, &roles, NULL, &r->labels);
    if (r->kind == HONE_ROWS_BINARY) r->kind = HONE_ROWS_SCORED;
    if (st == HONE_OK) return take_rows(r, split);
    if (st == HONE_E_NOMEM || r->o->data) return st; /* what the user named must be there */
    report_note_error(r, "the evaluation rows cannot be read");
    return HONE_OK;
}

/* ---- labels and lengths ---- */

/* Scores of the training rows as they are, or how many rows each label has. */
static hone_status count_labels(report_data *r, const hone_table *t, const hone_roles *roles) {
    hone_labels l = {0};
    hone_row_kind kind = row_kind(r, true);
    if (kind == HONE_ROWS_PAIRS || kind == HONE_ROWS_TRIPLET || kind == HONE_ROWS_ANY) return HONE_OK;
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

/* Of up to MOST of the distinct training texts, spread evenly. */
hone_status report_measure(report_data *r, const hone_model *m) {
    enum { MOST = 5000 };
    const char *path = report_option_string(r, "train");
    hone_table *table = NULL;
    hone_texts texts = {0};
    hone_encoding e = {0};
    if (!path || !strcmp(path, "-")) return HONE_OK;
    if (r->lengths_tried) return HONE_OK;
    r->lengths_tried = true;
    hone_roles roles;
    hone_status st = read_table(r, path, row_kind(r, true), &table, &roles, &texts);
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
