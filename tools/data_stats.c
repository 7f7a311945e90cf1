/* hone data stats: what is in this file? Any table, whatever its columns are called. */
#include "tools/commands.h"
#include "tools/data.h"
#include "tools/terminal.h"

#include "base/memory.h"

#include <string.h>

static const hone_option options[] = {
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
    DATA_OPTION_COLUMNS,
    {.name = "top",
     .kind = HONE_OPTION_INT,
     .fallback = "10",
     .unit = "values",
     .help = "how many of a column's most frequent values are shown",
     .range = {1, 100000}},
    {.name = NULL}};

#define FEW 50 /* a column of at most so many different values, or of a tenth of its rows, is a category */

typedef enum column_kind { KIND_EMPTY, KIND_TEXT, KIND_NUMBER, KIND_LIST } column_kind;
static const char *const kind_names[] = {"empty", "text", "number", "list or object"};

typedef struct column {
    int64_t column;
    column_kind kind;
    data_values values;
    bool category;
    double min, max, mean; /* numbers */
    data_spread characters, tokens;
    int64_t cut;
} column;

typedef struct job {
    hone_table *t;
    hone_roles roles;
    column *columns;
    int64_t n, limit, top;
    bool tokens;
} job;

static hone_status read_file(const hone_options *o, job *j) {
    hone_column_map *map;
    int64_t n;
    HONE_TRY(data_map(o, &map, &n));
    hone_status st = data_read(o, false, &j->t);
    if (st == HONE_OK) st = hone_roles_find(j->t, HONE_ROWS_ANY, map, n, &j->roles);
    hone_free(map);
    return st;
}

/* Text if one value is no number, unless all are lists or objects. */
static void look_at_cells(const job *j, column *c) {
    int64_t texts = 0, numbers = 0, lists = 0;
    long double sum = 0; /* two numbers near 1e308 have a mean, too */
    for (int64_t i = 0; i < hone_table_rows(j->t); i++) {
        hone_cell x = hone_table_cell(j->t, i, c->column);
        double number;
        hone_text_trim(&x.p, &x.n); /* a blank cell is a missing one, as in data_values_of */
        if (x.kind == HONE_CELL_MISSING || !x.n) continue;
        if (x.kind == HONE_CELL_JSON && (*x.p == '[' || *x.p == '{')) {
            lists++;
        } else if (hone_cell_number(x, &number)) {
            if (!numbers || number < c->min) c->min = number;
            if (!numbers || number > c->max) c->max = number;
            numbers++, sum += number;
        } else {
            texts++;
        }
    }
    c->mean = numbers ? (double)(sum / (long double)numbers) : 0;
    c->kind = texts ? KIND_TEXT : lists ? KIND_LIST : numbers ? KIND_NUMBER : KIND_EMPTY;
}

/* Lengths of the column's texts. */
static hone_status measure(const hone_options *o, job *j, column *c) {
    hone_roles only = {.n_texts = 1, .columns = {c->column}, .documents = -1};
    if (c->column == j->roles.documents) only.n_texts = 0, only.documents = c->column;
    data_texts x;
    HONE_TRY(data_texts_read(j->t, &only, &x));
    int64_t *length = hone_alloc((size_t)(x.n + 1) * sizeof *length);
    int64_t *tokens = hone_alloc((size_t)(x.texts.count + 1) * sizeof *tokens);
    hone_status st = length && tokens ? HONE_OK : HONE_E_NOMEM;
    for (int64_t i = 0; i < x.n && st == HONE_OK; i++) length[i] = data_characters(x.p[i], x.bytes[i]);
    if (st == HONE_OK) c->characters = data_spread_of(length, x.n);
    if (st == HONE_OK && j->tokens) st = data_count_tokens(o, &x.texts, tokens, &j->limit);
    if (st == HONE_OK && j->tokens) {
        for (int64_t i = 0; i < x.n; i++) {
            length[i] = tokens[x.texts.of[i]];
            c->cut += j->limit && length[i] > j->limit;
        }
        c->tokens = data_spread_of(length, x.n);
    }
    hone_free(length), hone_free(tokens);
    data_texts_free(&x);
    return st;
}

static hone_status look_at_columns(const hone_options *o, job *j) {
    j->n = hone_table_columns(j->t);
    j->columns = hone_zalloc((size_t)(j->n + 1) * sizeof *j->columns);
    if (!j->columns) return HONE_E_NOMEM;
    for (int64_t k = 0; k < j->n; k++) {
        column *c = &j->columns[k];
        c->column = k;
        look_at_cells(j, c);
        HONE_TRY(data_values_of(j->t, k, NULL, &c->values));
        c->category = c->values.n && c->values.n < c->values.all &&
                      (c->values.n <= FEW || c->values.n * 10 <= c->values.all) && c->kind != KIND_LIST;
        if (c->kind == KIND_TEXT || k == j->roles.documents) HONE_TRY(measure(o, j, c));
    }
    return HONE_OK;
}

/* ---- the page ---- */

static json_t *column_json(const job *j, const column *c) {
    char text[1024];
    json_t *x = json_pack("{s:s,s:s,s:I,s:I,s:I}", "column",
                          hone_plain_text(hone_table_column_name(j->t, c->column), text, sizeof text), "kind",
                          kind_names[c->kind], "filled", (json_int_t)c->values.all, "missing",
                          (json_int_t)c->values.missing, "different", (json_int_t)c->values.n);
    if (!x) return NULL;
    if (c->kind == KIND_NUMBER) {
        json_object_set_new(x, "min", json_real(c->min));
        json_object_set_new(x, "mean", json_real(c->mean));
        json_object_set_new(x, "max", json_real(c->max));
    }
    if (c->characters.n) json_object_set_new(x, "characters", data_spread_json(&c->characters));
    if (c->tokens.n) {
        json_object_set_new(x, "tokens", data_spread_json(&c->tokens));
        json_object_set_new(x, "cut", json_integer(c->cut));
    }
    if (c->category) {
        json_t *values = json_array();
        for (int64_t k = 0; k < c->values.n && k < j->top; k++) {
            const data_value *v = &c->values.value[k];
            json_array_append_new(values,
                                  json_pack("{s:s%,s:I,s:f}", "value", v->p, v->n, "count", (json_int_t)v->count,
                                            "share", (double)v->count / (double)c->values.all));
        }
        json_object_set_new(x, "values", values);
    }
    return x;
}

static hone_status print_json(const job *j) {
    char file[4200];
    json_t *columns = json_array();
    for (int64_t k = 0; k < j->n; k++) json_array_append_new(columns, column_json(j, &j->columns[k]));
    return hone_print_json(json_pack(
        "{s:s,s:I,s:I,s:o}", "file", hone_plain_text(hone_table_path(j->t), file, sizeof file), "rows",
        (json_int_t)hone_table_rows(j->t), "bad", (json_int_t)hone_table_bad_count(j->t), "columns", columns));
}

static hone_status print_spread(const char *unit, const data_spread *s) {
    return data_say("    %-10s  min %.0f  mean %.1f  25%% %.0f  50%% %.0f  75%% %.0f  90%% %.0f  99%% %.0f  max %.0f\n",
                    unit, s->min, s->mean, s->p25, s->p50, s->p75, s->p90, s->p99, s->max);
}

static hone_status print_column(const job *j, const column *c) {
    char text[256];
    HONE_TRY(data_say("  %s (%s): %" PRId64 " filled, %" PRId64 " missing, %" PRId64 " different\n",
                      hone_quote(hone_table_column_name(j->t, c->column)), kind_names[c->kind], c->values.all,
                      c->values.missing, c->values.n));
    if (c->kind == KIND_NUMBER) HONE_TRY(data_say("    min %.6g  mean %.6g  max %.6g\n", c->min, c->mean, c->max));
    if (c->characters.n) HONE_TRY(print_spread("characters", &c->characters));
    if (c->tokens.n) HONE_TRY(print_spread("tokens", &c->tokens));
    if (c->cut)
        HONE_TRY(data_say("    %" PRId64 " texts are longer than the %" PRId64 " tokens that the model reads\n", c->cut,
                          j->limit));
    for (int64_t k = 0; c->category && k < c->values.n && k < j->top; k++)
        HONE_TRY(data_say("    %8" PRId64 "  %5.1f %%  %s\n", c->values.value[k].count,
                          100 * (double)c->values.value[k].count / (double)c->values.all,
                          data_show(c->values.value[k].p, c->values.value[k].n, text, sizeof text)));
    if (c->category && c->values.n > j->top)
        HONE_TRY(data_say("    ... and %" PRId64 " more values\n", c->values.n - j->top));
    return HONE_OK;
}

static hone_status print_page(const job *j) {
    HONE_TRY(data_say("%s: %" PRId64 " rows, %" PRId64 " that cannot be read, %" PRId64 " columns\n",
                      hone_quote(hone_table_path(j->t)), hone_table_rows(j->t), hone_table_bad_count(j->t), j->n));
    for (int64_t k = 0; k < j->n; k++) HONE_TRY(print_column(j, &j->columns[k]));
    return HONE_OK;
}

static hone_status run(const hone_options *o) {
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    j->tokens = hone_options_has(o, "model");
    j->top = hone_options_int(o, "top");
    hone_status st = read_file(o, j);
    if (st == HONE_OK) st = look_at_columns(o, j);
    if (st == HONE_OK) st = hone_options_flag(o, "json") ? print_json(j) : print_page(j);
    if (st == HONE_OK && j->roles.image >= 0)
        hone_print_note(hone_options_flag(o, "quiet"),
                        "the pictures of column \"%s\" are not looked at: pictures come with the picture models",
                        hone_quote(hone_table_column_name(j->t, j->roles.image)));
    for (int64_t k = 0; j->columns && k < j->n; k++) data_values_free(&j->columns[k].values);
    hone_free(j->columns);
    hone_table_free(j->t);
    hone_free(j);
    return st;
}

const hone_command hone_command_data_stats = {
    .name = "data stats",
    .summary = "count what is in a file: rows, lengths, labels, categories",
    .synopsis = "FILE [options]",
    .about = "Each column with its kind, how many rows have it, how many different values it holds; numbers with their "
             "range; texts with their lengths in characters (and in tokens with --model); columns of few different "
             "values as a table. Percentiles are NumPy's (linear). hone data validate says which rows a task cannot "
             "use.",
    .options = options,
    .operand = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .example = {"hone data stats products.csv",
                "hone data stats pairs.jsonl --model sentence-transformers/all-MiniLM-L6-v2 --json"},
    .example_note = {"a table per column", "lengths in tokens too, for machines"},
    .exits = "3 a file or tokenizer that cannot be read",
    .run = run,
};
