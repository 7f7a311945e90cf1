/* hone data validate: is this file what the task wants? Every bad row by line and reason, and what else deserves a
 * look. */
#include "tools/commands.h"
#include "tools/data.h"
#include "tools/rows.h"
#include "tools/terminal.h"
#include "tools/train_setup.h"

#include "base/memory.h"

#include <string.h>

static const hone_option options[] = {
    {.group = "What is looked at",
     .name = "task",
     .kind = HONE_OPTION_CHOICE,
     .value = "TASK",
     .allowed = "pairs|triplet|scored|rerank",
     .later = "match|image-text|image-label|distill",
     .help = "what the rows are to mean; tasks with pictures come with the picture models",
     .required = true},
    {.name = "loss",
     .kind = HONE_OPTION_CHOICE,
     .allowed = HONE_TRAIN_LOSSES,
     .later = HONE_TRAIN_LOSSES_LATER,
     .help = "what hone train is to minimise: some losses want other columns, a text and a label, or labels of 0 and 1",
     .shown = "the task's first"},
    DATA_OPTION_COLUMNS,
    {.name = "image-root",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "folder of relative image paths",
     .not_yet = true},

    {.group = "How",
     .name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "count lengths in this model's tokens, too: a folder, or a name in the local Hugging Face cache",
     .aka = "tokenizer|model-name-or-path|model-name"},
    {.name = "max-length",
     .kind = HONE_OPTION_INT,
     .unit = "tokens",
     .shown = "what the model's folder says",
     .help = "with --model: texts longer than this are counted as cut",
     .aka = "max-seq-length|max-seq-len|max-len",
     .range = {1, 1000000}},
    DATA_OPTION_NEAR,
    {.name = NULL}};

#define UNBALANCED 5.0
#define FEW_LABELS 100 /* more different values than this are a scale, not labels */

typedef struct role_facts {
    int64_t column, missing, empty; /* of all rows that could be read */
    data_spread characters, tokens;
    int64_t cut;
} role_facts;

typedef struct job {
    hone_table *t;
    hone_row_kind kind;
    hone_roles roles;
    data_texts x;
    hone_duplicates d;
    role_facts role[3 + HONE_MAX_NEGATIVES];
    int64_t n_roles;
    data_values labels;
    int64_t label_column; /* -1: none */
    double ratio;         /* most to least frequent label; 0: not looked at */
    int64_t limit;        /* tokens */
    int64_t same_rows, near_rows, same_texts, near_texts, contradictions;
    int64_t equal_pairs; /* rows whose first two texts are one */
    bool tokens;
    json_t *warnings;
} job;

/* As hone train has it for this task and loss. */
static hone_status choose_kind(const hone_options *o, hone_row_kind *out) {
    const hone_loss *loss;
    *out = HONE_ROWS_RERANK;
    if (!hone_options_is(o, "task", "rerank")) {
        HONE_TRY(hone_train_loss_of(hone_options_string(o, "task"), hone_options_string(o, "loss"), &loss));
        *out = hone_train_row_kind(o, loss, false);
    } else if (hone_options_given(o, "loss")) {
        return hone_fail(HONE_E_ARG, "--loss: \"%s\" does not go with --task rerank", hone_options_string(o, "loss"));
    }
    return HONE_OK;
}

/* ---- columns ---- */

static void count_missing(job *j) {
    const hone_roles *r = &j->roles;
    for (int64_t k = 0; k < r->n_texts; k++) j->role[j->n_roles++].column = r->columns[k];
    if (r->documents >= 0) j->role[j->n_roles++].column = r->documents;
    for (int64_t i = 0; i < hone_table_rows(j->t); i++)
        for (int64_t k = 0; k < j->n_roles; k++) {
            hone_cell c = hone_table_cell(j->t, i, j->role[k].column);
            hone_text_trim(&c.p, &c.n);
            j->role[k].missing += c.kind == HONE_CELL_MISSING;
            j->role[k].empty += c.kind == HONE_CELL_TEXT && !c.n;
        }
}

/* ---- bad rows, one line each on standard error ---- */

static void name_bad_rows(const job *j, bool json) {
    char text[1024], file[4200];
    hone_plain_text(hone_table_path(j->t), file, sizeof file);
    for (int64_t k = 0; k < hone_table_bad_listed(j->t); k++) {
        const hone_bad_row *b = hone_table_bad(j->t, k);
        hone_plain_text(b->reason, text, sizeof text);
        if (!json) {
            char column[24] = "";
            if (b->column > 0) snprintf(column, sizeof column, ":%" PRId64, b->column);
            fprintf(stderr, "hone: %s:%" PRId64 "%s: %s\n", file, b->line, column, text);
            continue;
        }
        json_t *line = json_pack("{s:s,s:i,s:s,s:I,s:I}", "error", text, "code", 3, "file", file, "line",
                                 (json_int_t)b->line, "row", (json_int_t)b->row);
        if (line && b->column > 0) json_object_set_new(line, "column", json_integer(b->column));
        if (line) json_dumpf(line, stderr, JSON_COMPACT);
        fputc('\n', stderr);
        json_decref(line);
    }
}

static hone_status count_bad_rows(const job *j) {
    const int64_t bad = hone_table_bad_count(j->t);
    if (!bad) return HONE_OK;
    return hone_fail_at(HONE_E_FORMAT, hone_table_path(j->t), 0, 0, "%" PRId64 " of %" PRId64 " rows are bad", bad,
                        bad + hone_table_rows(j->t));
}

/* A file of broken rows alone has no columns to speak of: its rows are named and counted, and that is all. */
static hone_status read_file(const hone_options *o, job *j, bool *bare) {
    hone_column_map *map;
    int64_t n;
    HONE_TRY(choose_kind(o, &j->kind));
    HONE_TRY(data_map(o, &map, &n));
    hone_status st = data_read(o, true, &j->t);
    *bare = st == HONE_OK && !hone_table_rows(j->t) && hone_table_bad_count(j->t);
    if (st == HONE_OK && !*bare) st = hone_roles_find(j->t, j->kind, map, n, &j->roles);
    hone_free(map);
    HONE_TRY(st);
    if (*bare) return HONE_OK;
    count_missing(j);
    return hone_roles_check(j->t, j->kind, &j->roles); /* the judge that training asks */
}

/* ---- duplicates ---- */

/* Rows whose texts have the same numbers as an earlier row's; `first` gets that row, or the row itself. */
static hone_status same_rows(const job *j, const int32_t *number, int64_t *first, int64_t *repeated) {
    hone_intern seen = {0};
    const int64_t rows = hone_table_rows(j->t), n = j->x.n;
    int32_t *key = hone_alloc((size_t)(n + rows + 1) * 2 * sizeof *key);
    int64_t *owner = hone_alloc((size_t)(rows + 1) * sizeof *owner);
    hone_status st = key && owner ? HONE_OK : HONE_E_NOMEM;
    int64_t at = 0, k = 0;
    *repeated = 0;
    for (int64_t i = 0; i < rows && st == HONE_OK; i++) {
        int64_t from = at, before = seen.count;
        int32_t which;
        for (; k < n && j->x.row[k] == i; k++) key[at++] = j->x.column[k], key[at++] = number[j->x.texts.of[k]];
        st = hone_intern_add(&seen, (const char *)(key + from), (size_t)(at - from) * sizeof *key, &which);
        if (st != HONE_OK) break;
        if (seen.count > before) owner[which] = i;
        *repeated += seen.count == before;
        first[i] = owner[which];
    }
    hone_intern_free(&seen);
    hone_free(key), hone_free(owner);
    return st;
}

/* Copies of a row that have another label. */
static hone_status count_contradictions(job *j, const int64_t *first) {
    const int64_t number = hone_roles_number(&j->roles, j->kind);
    double a, b;
    for (int64_t i = 0; i < hone_table_rows(j->t); i++) {
        if (first[i] == i) continue;
        if (number >= 0) {
            j->contradictions += hone_cell_number(hone_table_cell(j->t, i, number), &a) &&
                                 hone_cell_number(hone_table_cell(j->t, first[i], number), &b) && a != b;
        } else if (j->kind == HONE_ROWS_LABELLED) {
            hone_cell x = hone_table_cell(j->t, i, j->roles.label), y = hone_table_cell(j->t, first[i], j->roles.label);
            j->contradictions += x.n != y.n || memcmp(x.p, y.p, x.n);
        }
    }
    return HONE_OK;
}

static hone_status look_for_duplicates(const hone_options *o, job *j) {
    double near;
    HONE_TRY(data_near(o, &near));
    HONE_TRY(hone_duplicates_find(&j->x.texts, near, &j->d));
    int64_t *first = hone_alloc((size_t)(hone_table_rows(j->t) + 1) * sizeof *first);
    if (!first) return HONE_E_NOMEM;
    hone_status st = same_rows(j, j->d.near, first, &j->near_rows);
    if (st == HONE_OK) st = same_rows(j, j->d.same, first, &j->same_rows);
    if (st == HONE_OK) st = count_contradictions(j, first);
    hone_free(first);
    j->near_rows -= j->same_rows;
    j->same_texts = j->x.texts.count - j->d.n_same, j->near_texts = j->d.n_same - j->d.n_near;
    for (int64_t k = 0; k + 1 < j->x.n; k++)
        j->equal_pairs += j->x.column[k] == 0 && j->x.column[k + 1] == 1 && j->x.row[k] == j->x.row[k + 1] &&
                          j->d.same[j->x.texts.of[k]] == j->d.same[j->x.texts.of[k + 1]];
    return st;
}

/* ---- labels ---- */

/* Labels in lists are counted item by item. */
static hone_status list_labels(job *j) {
    hone_intern names = {0};
    hone_arena *a = hone_arena_new("labels", 0);
    hone_status st = a ? HONE_OK : HONE_E_NOMEM;
    int64_t cap = 0;
    for (int64_t i = 0; i < hone_table_rows(j->t) && st == HONE_OK; i++) {
        hone_cell *item;
        int64_t n;
        st = hone_cell_list(hone_table_cell(j->t, i, j->roles.labels), a, &item, &n);
        for (int64_t k = 0; k < n && st == HONE_OK; k++) {
            int32_t number;
            int64_t before = names.count;
            st = hone_intern_add(&names, item[k].p, item[k].n, &number);
            if (st == HONE_OK) st = data_grow((void **)&j->labels.value, &cap, names.count, sizeof *j->labels.value);
            if (st != HONE_OK) break;
            if (names.count > before) {
                char *copy = hone_arena_strdup(j->x.arena, item[k].p); /* lives as long as the job */
                if (!copy) st = HONE_E_NOMEM;
                j->labels.value[number] = (data_value){copy, item[k].n, 0};
                if (copy) names.p[number] = copy;
            }
            j->labels.value[number].count++, j->labels.all++, j->labels.n = names.count;
        }
        hone_arena_reset(a);
    }
    hone_intern_free(&names);
    hone_arena_free(a);
    return st;
}

static hone_status look_at_labels(job *j) {
    const hone_roles *r = &j->roles;
    j->label_column = j->kind == HONE_ROWS_RERANK && r->documents >= 0 ? r->labels : hone_roles_number(r, j->kind);
    if (j->label_column < 0 && r->label >= 0) j->label_column = r->label;
    if (j->label_column < 0) return HONE_OK;
    if (j->kind == HONE_ROWS_RERANK && r->documents >= 0)
        HONE_TRY(list_labels(j));
    else
        HONE_TRY(data_values_of(j->t, j->label_column, NULL, &j->labels));
    if (j->labels.n < 2 || j->labels.n > FEW_LABELS) return HONE_OK;
    int64_t most = 0, least = INT64_MAX;
    for (int64_t k = 0; k < j->labels.n; k++) {
        if (j->labels.value[k].count > most) most = j->labels.value[k].count;
        if (j->labels.value[k].count < least) least = j->labels.value[k].count;
    }
    j->ratio = (double)most / (double)least;
    return HONE_OK;
}

/* ---- lengths ---- */

static hone_status measure(const hone_options *o, job *j) {
    int64_t *length = hone_alloc((size_t)(j->x.n + 1) * sizeof *length);
    int64_t *tokens = hone_alloc((size_t)(j->x.texts.count + 1) * sizeof *tokens);
    hone_status st = length && tokens ? HONE_OK : HONE_E_NOMEM;
    j->tokens = hone_options_has(o, "model");
    if (st == HONE_OK && j->tokens) st = data_count_tokens(o, &j->x.texts, tokens, &j->limit);
    for (int64_t k = 0; k < j->n_roles && st == HONE_OK; k++) {
        role_facts *f = &j->role[k];
        int64_t n = 0;
        for (int64_t i = 0; i < j->x.n; i++)
            if (j->x.column[i] == k) length[n++] = data_characters(j->x.p[i], j->x.bytes[i]);
        f->characters = data_spread_of(length, n);
        if (!j->tokens) continue;
        n = 0;
        for (int64_t i = 0; i < j->x.n; i++) {
            if (j->x.column[i] != k) continue;
            length[n] = tokens[j->x.texts.of[i]];
            f->cut += j->limit && length[n] > j->limit;
            n++;
        }
        f->tokens = data_spread_of(length, n);
    }
    hone_free(length), hone_free(tokens);
    return st;
}

/* ---- what deserves a word, though training would take the rows ---- */

static __attribute__((format(printf, 2, 3))) void warn(job *j, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_array_append_new(j->warnings, json_string(text));
}

static void collect_warnings(job *j) {
    const int64_t rows = hone_table_rows(j->t);
    if (j->ratio > UNBALANCED)
        warn(j, "labels are unbalanced: the most frequent one occurs %.3g times as often as the rarest, 5 is much",
             j->ratio);
    if (j->label_column >= 0 && j->labels.n == 1 && j->labels.all > 1) {
        char value[160];
        warn(j, "all labels are \"%s\": there is nothing to learn from them",
             data_show(j->labels.value[0].p, j->labels.value[0].n, value, sizeof value));
    }
    if (j->contradictions)
        warn(j, "%" PRId64 " rows have the texts of an earlier row and another label", j->contradictions);
    if (j->same_rows) warn(j, "%" PRId64 " of %" PRId64 " rows are copies of an earlier row", j->same_rows, rows);
    if (j->near_rows)
        warn(j, "%" PRId64 " of %" PRId64 " rows are nearly copies of an earlier row", j->near_rows, rows);
    int64_t alone = 0;
    for (int64_t k = 0; k < j->labels.n && j->kind == HONE_ROWS_LABELLED; k++) alone += j->labels.value[k].count == 1;
    if (alone)
        warn(j,
             "%" PRId64 " of %" PRId64 " labels stand at one row: it has no other text of its label, and is not used",
             alone, j->labels.n);
    if (j->equal_pairs && j->kind != HONE_ROWS_SCORED && j->kind != HONE_ROWS_BINARY)
        warn(j, "%" PRId64 " of %" PRId64 " rows have the same text twice, as \"%s\" and as \"%s\"", j->equal_pairs,
             rows, hone_quote(hone_table_column_name(j->t, j->role[0].column)),
             hone_quote(hone_table_column_name(j->t, j->role[1].column)));
    for (int64_t k = 0; k < j->n_roles; k++)
        if (j->role[k].cut)
            warn(j,
                 "%" PRId64 " of %" PRId64 " texts of \"%s\" are longer than the %" PRId64
                 " tokens that the model reads",
                 j->role[k].cut, j->role[k].tokens.n, hone_quote(hone_table_column_name(j->t, j->role[k].column)),
                 j->limit);
    char idle[512];
    if (hone_rows_idle_negatives(j->t, j->kind, &j->roles, idle)) warn(j, "the %s", idle);
    if (j->roles.image >= 0)
        warn(j, "the column \"%s\" is not looked at: pictures come with the picture models",
             hone_quote(hone_table_column_name(j->t, j->roles.image)));
}

/* ---- the page ---- */

static json_t *name_json(const hone_table *t, int64_t column) {
    char text[1024];
    return json_string(hone_plain_text(hone_table_column_name(t, column), text, sizeof text));
}

static json_t *columns_json(const job *j) {
    json_t *all = json_array();
    for (int64_t k = 0; k < j->n_roles; k++) {
        const role_facts *f = &j->role[k];
        json_t *c = json_pack("{s:o,s:I,s:I,s:I,s:o}", "column", name_json(j->t, f->column), "missing",
                              (json_int_t)f->missing, "empty", (json_int_t)f->empty, "texts",
                              (json_int_t)f->characters.n, "characters", data_spread_json(&f->characters));
        if (c && j->tokens) {
            json_object_set_new(c, "tokens", data_spread_json(&f->tokens));
            json_object_set_new(c, "cut", json_integer(f->cut));
        }
        json_array_append_new(all, c);
    }
    return all;
}

static json_t *labels_json(const job *j) {
    json_t *values = json_array();
    char text[256];
    for (int64_t k = 0; k < j->labels.n && k < FEW_LABELS; k++)
        json_array_append_new(values,
                              json_pack("{s:s,s:I}", "value",
                                        data_show(j->labels.value[k].p, j->labels.value[k].n, text, sizeof text),
                                        "count", (json_int_t)j->labels.value[k].count));
    json_t *all = json_pack("{s:o,s:I,s:o}", "column", name_json(j->t, j->label_column), "different",
                            (json_int_t)j->labels.n, "values", values);
    if (all && j->ratio > 0) json_object_set_new(all, "ratio", json_real(j->ratio));
    return all;
}

static hone_status print_json(const hone_options *o, const job *j) {
    char file[4200];
    const int64_t bad = hone_table_bad_count(j->t);
    json_t *rows = json_array();
    for (int64_t k = 0; k < hone_table_bad_listed(j->t); k++)
        json_array_append_new(rows, json_integer(hone_table_bad(j->t, k)->row));
    json_t *all = json_pack(
        "{s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:{s:I,s:I,s:I,s:I}}", "file",
        hone_plain_text(hone_table_path(j->t), file, sizeof file), "task", hone_options_string(o, "task"), "rows",
        (json_int_t)(hone_table_rows(j->t) + bad), "good", (json_int_t)hone_table_rows(j->t), "bad", (json_int_t)bad,
        "bad_rows", rows, "columns", columns_json(j), "duplicates", "rows", (json_int_t)j->same_rows, "near_rows",
        (json_int_t)j->near_rows, "texts", (json_int_t)j->same_texts, "near_texts", (json_int_t)j->near_texts);
    if (all && j->label_column >= 0) json_object_set_new(all, "labels", labels_json(j));
    if (all) json_object_set(all, "warnings", j->warnings);
    return hone_print_json(all);
}

static hone_status print_spread(const char *unit, const data_spread *s) {
    return data_say("    %-10s  min %.0f  mean %.1f  50%% %.0f  90%% %.0f  99%% %.0f  max %.0f\n", unit, s->min,
                    s->mean, s->p50, s->p90, s->p99, s->max);
}

static hone_status print_page(const job *j) {
    char text[256];
    const int64_t bad = hone_table_bad_count(j->t), good = hone_table_rows(j->t);
    HONE_TRY(data_say("%s: %" PRId64 " rows, %" PRId64 " good, %" PRId64 " bad\n", hone_quote(hone_table_path(j->t)),
                      good + bad, good, bad));
    for (int64_t k = 0; k < j->n_roles; k++) {
        const role_facts *f = &j->role[k];
        HONE_TRY(data_say("  %s: %" PRId64 " texts, %" PRId64 " missing, %" PRId64 " empty\n",
                          hone_quote(hone_table_column_name(j->t, f->column)), f->characters.n, f->missing, f->empty));
        HONE_TRY(print_spread("characters", &f->characters));
        if (j->tokens) HONE_TRY(print_spread("tokens", &f->tokens));
    }
    HONE_TRY(data_say("  duplicates: %" PRId64 " rows copy an earlier one, %" PRId64 " more nearly; %" PRId64
                      " texts are others written differently, %" PRId64 " more nearly\n",
                      j->same_rows, j->near_rows, j->same_texts, j->near_texts));
    if (j->label_column >= 0) {
        HONE_TRY(data_say("  %s: %" PRId64 " different values",
                          hone_quote(hone_table_column_name(j->t, j->label_column)), j->labels.n));
        for (int64_t k = 0; k < j->labels.n && k < 10 && j->labels.n <= FEW_LABELS; k++)
            HONE_TRY(data_say("%s %s %" PRId64 " (%.1f %%)", k ? "," : ":",
                              data_show(j->labels.value[k].p, j->labels.value[k].n, text, sizeof text),
                              j->labels.value[k].count,
                              100 * (double)j->labels.value[k].count / (double)j->labels.all));
        HONE_TRY(data_say("\n"));
    }
    size_t i;
    json_t *w;
    json_array_foreach(j->warnings, i, w) HONE_TRY(data_say("  warning: %s\n", json_string_value(w)));
    return HONE_OK;
}

static hone_status validate(const hone_options *o, job *j) {
    const bool json = hone_options_flag(o, "json");
    bool bare;
    HONE_TRY(read_file(o, j, &bare));
    if (!bare) {
        HONE_TRY(data_texts_read(j->t, &j->roles, &j->x));
        HONE_TRY(look_for_duplicates(o, j));
        HONE_TRY(look_at_labels(j));
        HONE_TRY(measure(o, j));
        collect_warnings(j);
    }
    name_bad_rows(j, json);
    HONE_TRY(json ? print_json(o, j) : print_page(j));
    return count_bad_rows(j);
}

static hone_status run(const hone_options *o) {
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    j->label_column = -1;
    j->warnings = json_array();
    hone_status st = j->warnings ? validate(o, j) : HONE_E_NOMEM;
    data_values_free(&j->labels);
    hone_duplicates_free(&j->d);
    data_texts_free(&j->x);
    hone_table_free(j->t);
    json_decref(j->warnings);
    hone_free(j);
    return st;
}

const hone_command hone_command_data_validate = {
    .name = "data validate",
    .summary = "name every bad row of a file, and what else deserves a look",
    .synopsis = "FILE --task TASK [options]",
    .about = "Bad rows are those that hone train would skip: broken ones (JSON, quotes, UTF-8, number of fields), and "
             "rows without a text or number that the task needs. Each is named on standard error with its line and "
             "the reason, in the file's order; with --json each is an object on a line. The summary goes to standard "
             "output: missing values, lengths, duplicates, labels, warnings. Any bad row makes the exit code 3; "
             "warnings do not.\n\n"
             "Rows of --task rerank have a query, a document and a label; or a query, a positive and negatives; or a "
             "query with lists documents and labels. Equal texts are equal after Unicode normalisation, whatever "
             "their case and white space; near ones share most of their words and all their numbers.",
    .options = options,
    .operand = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .example = {"hone data validate pairs.jsonl --task pairs --model sentence-transformers/all-MiniLM-L6-v2",
                "hone data validate judged.csv --task rerank --columns query=question,document=answer --json"},
    .example_note = {"bad rows, lengths in tokens, duplicates", "the same for machines, with columns of other names"},
    .exits = "3 bad rows, or a file or tokenizer that cannot be read",
    .run = run,
};
