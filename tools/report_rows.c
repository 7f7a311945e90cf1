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

/* The rows that the run trained on, n of them; *rows NULL: all of the table. Those that --eval-split set aside are none,
 * as long as the file is what it was. */
static hone_status training_rows(const report_data *r, const hone_table *t, const hone_texts *x, int64_t **rows,
                                 int64_t *n) {
    double share = json_number_value(report_option(r, "eval-split"));
    hone_split s = {0};
    *rows = NULL, *n = x->rows;
    if (report_option_string(r, "eval") || !(share > 0 && share < 1) || !same_data(r, "train", t)) return HONE_OK;
    hone_status st = hone_split_rows(x, share, (uint64_t)json_integer_value(report_option(r, "seed")), &s);
    if (st == HONE_OK) *rows = s.train, *n = s.n_train, s.train = NULL;
    hone_split_free(&s);
    return st == HONE_E_NOMEM ? st : HONE_OK;
}

/* Scores of these rows (NULL: 0..n-1) as they are, or how many of them each label has. */
static hone_status count_labels(report_data *r, const hone_table *t, const hone_roles *roles, const int64_t *rows,
                                int64_t n) {
    hone_labels l = {0};
    hone_row_kind kind = row_kind(r, true);
    if (kind == HONE_ROWS_PAIRS || kind == HONE_ROWS_TRIPLET || kind == HONE_ROWS_ANY) return HONE_OK;
    HONE_TRY(hone_labels_read(t, kind, roles, NULL, &l));
    r->n_labels = l.score ? n : l.n_groups;
    r->of_classes = !l.score;
    r->label = hone_zalloc((size_t)(r->n_labels + 1) * sizeof *r->label);
    for (int64_t i = 0; i < n && r->label; i++) {
        int64_t row = rows ? rows[i] : i;
        if (l.score)
            r->label[i] = l.score[row];
        else if (l.group[row] >= 0)
            r->label[l.group[row]] += 1;
    }
    int64_t kept = 0; /* a label of rows that were set aside alone is none of training's */
    for (int64_t k = 0; k < r->n_labels && r->label && !l.score; k++)
        if (r->label[k] > 0) r->label[kept++] = r->label[k];
    if (!l.score) r->n_labels = kept;
    hone_labels_free(&l);
    return r->label ? HONE_OK : HONE_E_NOMEM;
}

/* A distinct text of the training rows, and whether it was first met in a column of documents. */
typedef struct trained_text {
    int32_t text;
    bool document;
} trained_text;

/* Into list, which has room for all; how many. -1: no memory. */
static int64_t list_texts(const hone_texts *x, const int64_t *rows, int64_t n, trained_text *list) {
    uint8_t *seen = hone_zalloc((size_t)x->count + 1);
    int64_t count = 0;
    if (!seen) return -1;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < x->width; g++) {
            int32_t t = x->of[(rows ? rows[i] : i) * x->width + g];
            if (!seen[t]) list[count++] = (trained_text){t, g > 0};
            seen[t] = 1;
        }
    hone_free(seen);
    return count;
}

static double characters(const char *p, size_t n) {
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)p[i] & 0xC0) != 0x80;
    return (double)count;
}

/* In tokens, as training counted them: special tokens and the prompt included, nothing cut. NaN: cannot be said. */
static hone_status count_tokens(const report_data *r, const hone_model *m, const hone_texts *x, trained_text t,
                                hone_encoding *e, double *out) {
    const char *prompt = report_option_string(r, t.document ? "prompt-document" : "prompt-query");
    hone_text_buffer joined = {0};
    const char *p = x->p[t.text];
    size_t n = x->n[t.text];
    if (prompt && *prompt) {
        hone_text_puts(&joined, prompt);
        hone_text_add(&joined, p, n);
        if (joined.failed) return hone_text_buffer_free(&joined), HONE_E_NOMEM;
        p = joined.p, n = joined.n;
    }
    hone_status st = hone_tokenizer_encode(hone_model_tokenizer(m), p, n, NULL, 0, &(hone_encode_options){0}, e);
    *out = st == HONE_OK ? (double)e->n : (double)NAN;
    hone_text_buffer_free(&joined);
    return st == HONE_E_NOMEM ? st : HONE_OK;
}

/* Of up to MOST of the distinct texts, spread evenly. */
static hone_status measure_texts(report_data *r, const hone_model *m, const hone_texts *x, const int64_t *rows,
                                 int64_t n_rows) {
    enum { MOST = 5000 };
    hone_encoding e = {0};
    trained_text *list = hone_alloc((size_t)(x->count + 1) * sizeof *list);
    int64_t count = list ? list_texts(x, rows, n_rows, list) : -1, n = count < MOST ? count : MOST;
    hone_status st = count < 0 ? HONE_E_NOMEM : HONE_OK;
    if (st == HONE_OK && !(r->length = hone_alloc((size_t)(n + 1) * sizeof *r->length))) st = HONE_E_NOMEM;
    for (int64_t i = 0; i < n && st == HONE_OK; i++) {
        trained_text t = list[(int64_t)((double)i * (double)count / (double)n)];
        if (m)
            st = count_tokens(r, m, x, t, &e, &r->length[i]);
        else
            r->length[i] = characters(x->p[t.text], x->n[t.text]);
    }
    if (st == HONE_OK) r->n_lengths = n;
    r->in_tokens = m != NULL;
    if (m) r->max_length = hone_model_get_info(m)->max_length;
    hone_encoding_free(&e);
    hone_free(list);
    return st;
}

hone_status report_measure(report_data *r, const hone_model *m) {
    const char *path = report_option_string(r, "train");
    hone_table *table = NULL;
    hone_texts texts = {0};
    int64_t *rows = NULL, n = 0;
    if (!path || !strcmp(path, "-")) return HONE_OK;
    if (r->lengths_tried) return HONE_OK;
    r->lengths_tried = true;
    hone_roles roles;
    hone_status st = read_table(r, path, row_kind(r, true), &table, &roles, &texts);
    if (st != HONE_OK) {
        report_note_error(r, "the training texts cannot be read");
        return st == HONE_E_NOMEM ? st : HONE_OK;
    }
    st = training_rows(r, table, &texts, &rows, &n);
    if (st == HONE_OK) st = count_labels(r, table, &roles, rows, n);
    if (st == HONE_OK) st = measure_texts(r, m, &texts, rows, n);
    hone_free(rows);
    hone_texts_free(&texts);
    hone_table_free(table);
    return st;
}
