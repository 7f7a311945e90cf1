#include "data/roles.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "data/table_internal.h"
#include "data/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum role { ANCHOR, POSITIVE, NEGATIVE, SCORE, LABEL, IMAGE, TEXT, ID, DOCUMENTS, LABELS, N_ROLES } role;

static const char *const known[N_ROLES][8] = {
    [ANCHOR] = {"anchor", "query", "question", "sentence1", "text1"},
    [POSITIVE] = {"positive", "answer", "passage", "document", "response", "sentence2", "text2"},
    [NEGATIVE] = {"negative"},
    [SCORE] = {"score", "similarity"},
    [LABEL] = {"label", "target", "relevance"},
    [IMAGE] = {"image", "image_path", "filepath"},
    [TEXT] = {"text", "caption", "description", "title"},
    [ID] = {"id", "_id"},
    [DOCUMENTS] = {"documents"},
    [LABELS] = {"labels"},
};

/* "negative" is number 0, "negative_7" number 8; -1 for other words. */
static int64_t negative_number(const char *word) {
    if (strncmp(word, "negative", 8)) return -1;
    if (!word[8]) return 0;
    if (word[8] != '_' || !word[9] || strlen(word + 9) > 6 || strspn(word + 9, "0123456789") != strlen(word + 9))
        return -1;
    return strtoll(word + 9, NULL, 10) + 1;
}

static role find_role(const char *word) {
    if (negative_number(word) >= 0) return NEGATIVE;
    for (int r = 0; r < N_ROLES; r++)
        for (int k = 0; k < 8 && known[r][k]; k++)
            if (!strcmp(word, known[r][k])) return (role)r;
    return N_ROLES;
}

/* ---- near words ---- */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '-' ? '_' : c;
}

/* Fewest insertions, deletions, substitutions and swaps of neighbours (each once): optimal string alignment. */
static int edits(const char *a, const char *b) {
    enum { MOST = 48 };
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > MOST || m > MOST) return MOST;
    int d[MOST + 1][MOST + 1];
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            int best = d[i - 1][j - 1] + (x != y);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

static bool begins(const char *word, const char *start) {
    size_t n = strlen(start);
    if (n < 3 || strlen(word) < n) return false;
    for (size_t i = 0; i < n; i++)
        if (lower(word[i]) != lower(start[i])) return false;
    return true;
}

/* How far apart two words are; a word that begins with the other counts as one edit. 99 = not near. */
static int distance(const char *a, const char *b) {
    if (begins(a, b) || begins(b, a)) return 1;
    int d = edits(a, b), longest = (int)(strlen(a) > strlen(b) ? strlen(a) : strlen(b));
    return d <= (longest < 6 ? 1 : longest / 3) ? d : 99;
}

static const char *nearest_role_word(const char *word) {
    const char *best = NULL;
    int least = 99;
    for (int r = 0; r < N_ROLES; r++)
        for (int k = 0; k < 8 && known[r][k]; k++) {
            int d = distance(word, known[r][k]);
            if (d < least) least = d, best = known[r][k];
        }
    return best;
}

/* ---- finding columns ---- */

typedef struct finder {
    const hone_table *t;
    hone_row_kind kind;
    uint8_t taken[HONE_TABLE_MAX_COLUMNS];
    int64_t mapped[N_ROLES]; /* -1 = not in --columns */
    int64_t negatives[HONE_MAX_NEGATIVES + 1][2];
    int64_t n_negatives;
    hone_roles *out;
} finder;

static bool role_is_used(hone_row_kind kind, role r) {
    if (r == ID || r == SCORE || r == LABEL || r == IMAGE || kind == HONE_ROWS_ANY) return true;
    if (r == DOCUMENTS || r == LABELS) return kind == HONE_ROWS_RERANK;
    if (kind == HONE_ROWS_TEXT || kind == HONE_ROWS_LABELLED) return r != NEGATIVE;
    if (r == NEGATIVE) return kind == HONE_ROWS_PAIRS || kind == HONE_ROWS_TRIPLET || kind == HONE_ROWS_RERANK;
    return r != TEXT;
}

static const char *roles_of_kind(hone_row_kind kind) {
    switch (kind) {
    case HONE_ROWS_PAIRS: return "anchor, positive, negative, negative_1 ..., id";
    case HONE_ROWS_TRIPLET: return "anchor, positive, negative, id";
    case HONE_ROWS_TEXT: return "text, id";
    case HONE_ROWS_TEXT_PAIR: return "anchor, positive, id";
    case HONE_ROWS_RERANK: return "query, document, label; query, positive, negative ...; query, documents, labels; id";
    case HONE_ROWS_ANY: return "anchor, positive, negative ..., text, score, label, documents, labels, id";
    case HONE_ROWS_LABELLED: return "text, label, id";
    default: return "sentence1, sentence2, score, label, id";
    }
}

static const char *canonical(hone_row_kind kind, role r) {
    const bool scored = kind == HONE_ROWS_SCORED || kind == HONE_ROWS_BINARY;
    if (scored && r == ANCHOR) return "sentence1";
    if (scored && r == POSITIVE) return "sentence2";
    if (kind == HONE_ROWS_RERANK && r == ANCHOR) return "query";
    if (kind == HONE_ROWS_RERANK && r == POSITIVE) return "document";
    return known[r][0];
}

static hone_status add_negative(finder *f, int64_t number, int64_t column) {
    if (f->n_negatives == HONE_MAX_NEGATIVES)
        return hone_fail_at(HONE_E_LIMIT, hone_table_path(f->t), 0, 0, "more than %d columns of negatives",
                            HONE_MAX_NEGATIVES);
    int64_t k = f->n_negatives++;
    for (; k > 0 && f->negatives[k - 1][0] > number; k--)
        f->negatives[k][0] = f->negatives[k - 1][0], f->negatives[k][1] = f->negatives[k - 1][1];
    f->negatives[k][0] = number, f->negatives[k][1] = column;
    return HONE_OK;
}

/* "query;answer" in a .csv, or "query,answer" in a .tsv: one column, as the format has it, and nobody's intention. The
 * sign, 0 if there is none. */
static char other_separator(const hone_table *t) {
    hone_table_format format = hone_table_get_format(t);
    if (hone_table_columns(t) != 1 || (format != HONE_TABLE_CSV && format != HONE_TABLE_TSV)) return 0;
    const char *at = strpbrk(hone_table_column_name(t, 0), format == HONE_TABLE_CSV ? ";\t|" : ";,|");
    return at ? *at : 0;
}

static hone_status hint_separator(const hone_table *t) {
    return hone_csv_hint_separator(hone_table_get_format(t) == HONE_TABLE_CSV, other_separator(t));
}

static hone_status no_such_column(const finder *f, const char *role_word, const char *column) {
    char fields[640];
    const char *best = NULL;
    int least = 99;
    for (int64_t c = 0; c < hone_table_columns(f->t); c++) {
        int d = distance(column, hone_table_column_name(f->t, c));
        if (d < least) least = d, best = hone_table_column_name(f->t, c);
    }
    hone_fail_at(HONE_E_ARG, hone_table_path(f->t), 0, 0, "no field \"%s\"; fields are %s", hone_quote(column),
                 hone_table_list_columns(f->t, -1, fields, sizeof fields));
    if (other_separator(f->t)) return hint_separator(f->t);
    if (best) hone_hint("--columns %s=%s", role_word, hone_quote(best));
    return HONE_E_ARG;
}

static hone_status take_map(finder *f, const hone_column_map *map, int64_t n_map) {
    for (int64_t k = 0; k < n_map; k++) {
        const char *word = map[k].role, *column = map[k].column;
        role r = find_role(word);
        if (r == N_ROLES) {
            const char *near = nearest_role_word(word);
            hone_fail(HONE_E_ARG, "--columns %s=%s: no role \"%s\"; roles are %s", hone_quote(word), hone_quote(column),
                      hone_quote(word), roles_of_kind(f->kind));
            if (near) hone_hint("did you mean --columns %s=%s?", near, hone_quote(column));
            return HONE_E_ARG;
        }
        if (!role_is_used(f->kind, r))
            return hone_fail(HONE_E_ARG, "--columns %s=%s: role \"%s\" is not used here; roles are %s", word,
                             hone_quote(column), word, roles_of_kind(f->kind));
        int64_t c = hone_table_find_column(f->t, column);
        if (c < 0) return no_such_column(f, word, column);
        if (f->taken[c])
            return hone_fail(HONE_E_ARG, "--columns gives the column \"%s\" to two roles", hone_quote(column));
        bool twice = r != NEGATIVE && f->mapped[r] >= 0;
        for (int64_t i = 0; r == NEGATIVE && i < f->n_negatives; i++)
            twice = twice || f->negatives[i][0] == negative_number(word);
        if (twice)
            return hone_fail(HONE_E_ARG, "--columns gives the role \"%s\" twice, \"%s\" is the second",
                             canonical(f->kind, r), hone_quote(column));
        f->taken[c] = 1;
        if (r == NEGATIVE)
            HONE_TRY(add_negative(f, negative_number(word), c));
        else
            f->mapped[r] = c;
    }
    return HONE_OK;
}

/* The column of a role by mapping, else by known name; -1. */
static int64_t find_column(finder *f, role r) {
    if (f->mapped[r] >= 0) return f->mapped[r];
    for (int k = 0; k < 8 && known[r][k]; k++) {
        int64_t c = hone_table_find_column(f->t, known[r][k]);
        if (c < 0 || f->taken[c]) continue;
        f->taken[c] = 1;
        return c;
    }
    return -1;
}

static hone_status find_negatives(finder *f) {
    for (int64_t c = 0; c < hone_table_columns(f->t); c++) {
        int64_t number = negative_number(hone_table_column_name(f->t, c));
        bool have = number < 0 || f->taken[c];
        for (int64_t i = 0; i < f->n_negatives; i++) have = have || f->negatives[i][0] == number;
        if (have) continue;
        f->taken[c] = 1;
        HONE_TRY(add_negative(f, number, c));
    }
    hone_roles *r = f->out;
    r->n_negatives = f->n_negatives;
    if (f->kind == HONE_ROWS_TRIPLET && r->n_negatives > 1) r->n_negatives = 1; /* the loss takes one */
    for (int64_t i = 0; i < r->n_negatives; i++) r->negative[i] = f->negatives[i][1];
    return HONE_OK;
}

/* {"data": [{...}, ...]}: a file of one object, whose rows are a list in it. Its name, NULL if there is none. */
static const char *inner_rows(const hone_table *t) {
    for (int64_t c = 0; c < hone_table_columns(t) && hone_table_rows(t) == 1; c++) {
        hone_cell cell = hone_table_cell(t, 0, c);
        if (cell.kind == HONE_CELL_JSON && cell.n > 1 && (!memcmp(cell.p, "[{", 2) || !memcmp(cell.p, "[[", 2)))
            return hone_table_column_name(t, c);
    }
    return NULL;
}

/* `no field "positive"`; the hint proposes the free column that looks most like it, else the only free one. */
static hone_status no_field(const finder *f, role r) {
    char fields[640];
    /* other: of the wanted name, but something else by --columns */
    const char *best = NULL, *only = NULL, *other = NULL;
    int least = 99;
    int64_t n_free = 0;
    for (int64_t c = 0; c < hone_table_columns(f->t); c++) {
        const char *name = hone_table_column_name(f->t, c);
        for (int k = 0; k < 8 && known[r][k] && f->taken[c]; k++)
            if (!strcmp(known[r][k], name)) other = name;
        if (f->taken[c]) continue;
        if (n_free++ == 0) only = name;
        for (int k = 0; k < 8 && known[r][k]; k++) {
            int d = distance(known[r][k], name);
            if (d < least) least = d, best = name;
        }
    }
    if (!best && n_free == 1) best = only;
    hone_table_list_columns(f->t, -1, fields, sizeof fields);
    if (other)
        hone_fail_at(HONE_E_FORMAT, hone_table_path(f->t), 0, 0,
                     "no field \"%s\": the one called \"%s\" has another role; fields are %s", canonical(f->kind, r),
                     hone_quote(other), fields);
    else
        hone_fail_at(HONE_E_FORMAT, hone_table_path(f->t), 0, 0, "no field \"%s\"; fields are %s",
                     canonical(f->kind, r), fields);
    if (other_separator(f->t)) return hint_separator(f->t);
    const bool labelled = f->kind == HONE_ROWS_TRIPLET && hone_table_find_column(f->t, "text") >= 0 &&
                          hone_table_find_column(f->t, "label") >= 0;
    if (labelled) return hone_hint("rows of a text and a label go with --loss batch-hard, hone eval --labels");
    if (inner_rows(f->t))
        return hone_hint(
            "the file is one object, and \"%s\" a list in it: write that list into a file, one object a row",
            hone_quote(inner_rows(f->t)));
    return hone_hint("--columns %s=%s", canonical(f->kind, r), best && *best ? hone_quote(best) : "NAME");
}

static hone_status find_text(finder *f) {
    hone_roles *r = f->out;
    static const role order[] = {TEXT, ANCHOR, POSITIVE};
    for (int k = 0; k < 3 && r->text < 0; k++) r->text = f->mapped[order[k]];
    for (int k = 0; k < 3 && r->text < 0; k++) r->text = find_column(f, order[k]);
    if (r->text < 0) { /* the only column there is, apart from id and the like */
        int64_t n_free = 0, free_column = -1;
        for (int64_t c = 0; c < hone_table_columns(f->t); c++)
            if (!f->taken[c]) n_free++, free_column = c;
        if (n_free == 1 && !other_separator(f->t)) r->text = free_column;
    }
    if (r->text < 0) return no_field(f, TEXT);
    r->columns[r->n_texts++] = r->text;
    return HONE_OK;
}

static void add_text(hone_roles *r, int64_t column) {
    for (int64_t k = 0; k < r->n_texts; k++)
        if (r->columns[k] == column) return;
    if (column >= 0 && r->n_texts < 2 + HONE_MAX_NEGATIVES) r->columns[r->n_texts++] = column;
}

/* Roles where they exist; and every column that is called like a text is one. */
static hone_status find_any(finder *f) {
    hone_roles *r = f->out;
    if (other_separator(f->t) && !f->taken[0]) {
        hone_fail_at(HONE_E_FORMAT, hone_table_path(f->t), 0, 0, "has one column, \"%s\"",
                     hone_quote(hone_table_column_name(f->t, 0)));
        return hint_separator(f->t);
    }
    r->anchor = find_column(f, ANCHOR);
    r->positive = find_column(f, POSITIVE);
    r->text = find_column(f, TEXT);
    HONE_TRY(find_negatives(f));
    add_text(r, r->anchor), add_text(r, r->positive);
    for (int64_t i = 0; i < r->n_negatives; i++) add_text(r, r->negative[i]);
    add_text(r, r->text);
    for (int64_t c = 0; c < hone_table_columns(f->t); c++) {
        role is = find_role(hone_table_column_name(f->t, c));
        if (!f->taken[c] && (is == ANCHOR || is == POSITIVE || is == TEXT)) add_text(r, c);
    }
    return HONE_OK;
}

/* Which of the three forms: lists, a number a row, or positive and negatives. */
static hone_status find_rerank(finder *f) {
    hone_roles *r = f->out;
    r->anchor = find_column(f, ANCHOR);
    if (r->anchor < 0) return no_field(f, ANCHOR);
    r->columns[r->n_texts++] = r->anchor;
    if (r->documents >= 0) return r->labels >= 0 ? HONE_OK : no_field(f, LABELS);
    r->positive = find_column(f, POSITIVE);
    if (r->positive < 0) return no_field(f, POSITIVE);
    r->columns[r->n_texts++] = r->positive;
    if (r->label >= 0 || r->score >= 0) return HONE_OK;
    HONE_TRY(find_negatives(f));
    if (!r->n_negatives) return no_field(f, LABEL);
    for (int64_t i = 0; i < r->n_negatives; i++) r->columns[r->n_texts++] = r->negative[i];
    return HONE_OK;
}

static hone_status find_all(finder *f) {
    hone_roles *r = f->out;
    r->id = find_column(f, ID);
    r->score = find_column(f, SCORE);
    r->label = find_column(f, LABEL);
    r->image = find_column(f, IMAGE);
    if (f->kind == HONE_ROWS_RERANK || f->kind == HONE_ROWS_ANY)
        r->documents = find_column(f, DOCUMENTS), r->labels = find_column(f, LABELS);
    if (f->kind == HONE_ROWS_TEXT || f->kind == HONE_ROWS_LABELLED) {
        HONE_TRY(find_text(f));
        return f->kind == HONE_ROWS_LABELLED && r->label < 0 ? no_field(f, LABEL) : HONE_OK;
    }
    if (f->kind == HONE_ROWS_ANY) return find_any(f);
    if (f->kind == HONE_ROWS_RERANK) return find_rerank(f);
    r->anchor = find_column(f, ANCHOR);
    r->positive = find_column(f, POSITIVE);
    if (f->kind == HONE_ROWS_PAIRS || f->kind == HONE_ROWS_TRIPLET) HONE_TRY(find_negatives(f));
    if (r->anchor < 0) return no_field(f, ANCHOR);
    if (r->positive < 0) return no_field(f, POSITIVE);
    if (f->kind == HONE_ROWS_TRIPLET && !r->n_negatives) return no_field(f, NEGATIVE);
    if (f->kind == HONE_ROWS_SCORED && hone_roles_number(r, f->kind) < 0) return no_field(f, SCORE);
    if (f->kind == HONE_ROWS_BINARY && hone_roles_number(r, f->kind) < 0) return no_field(f, LABEL);
    r->columns[r->n_texts++] = r->anchor;
    r->columns[r->n_texts++] = r->positive;
    for (int64_t i = 0; i < r->n_negatives; i++) r->columns[r->n_texts++] = r->negative[i];
    return HONE_OK;
}

hone_status hone_roles_find(const hone_table *t, hone_row_kind kind, const hone_column_map *map, int64_t n_map,
                            hone_roles *out) {
    hone_roles r = {.anchor = -1,
                    .positive = -1,
                    .text = -1,
                    .id = -1,
                    .score = -1,
                    .label = -1,
                    .image = -1,
                    .documents = -1,
                    .labels = -1};
    finder f = {.t = t, .kind = kind, .out = &r};
    for (int k = 0; k < N_ROLES; k++) f.mapped[k] = -1;
    HONE_TRY(take_map(&f, map, n_map));
    HONE_TRY(find_all(&f));
    *out = r;
    return HONE_OK;
}

/* ---- judging rows ---- */

bool hone_cell_number(hone_cell c, double *out) {
    const char *p = c.p;
    size_t n = c.n;
    if (c.kind == HONE_CELL_MISSING) return false;
    hone_text_trim(&p, &n);
    if ((n == 4 && !strncasecmp(p, "true", 4)) || (n == 5 && !strncasecmp(p, "false", 5))) {
        *out = n == 4;
        return true;
    }
    return hone_parse_decimal(p, n, out);
}

static hone_status check_text(hone_table *t, int64_t i, int64_t column, bool wanted, bool negative, bool *bad) {
    hone_cell c = hone_table_cell(t, i, column);
    const char *name = hone_quote(hone_table_column_name(t, column));
    *bad = true;
    if (c.kind == HONE_CELL_MISSING && hone_table_has_field(t, i, column))
        return hone_table_drop(t, i, "field \"%s\" is null, expected a text", name);
    if (c.kind == HONE_CELL_MISSING) {
        char fields[256];
        return hone_table_drop(t, i, "no field \"%s\"; fields are %s", name,
                               hone_table_list_columns(t, i, fields, sizeof fields));
    }
    if (c.kind == HONE_CELL_JSON)
        return hone_table_drop(t, i, "field \"%s\" is %s, expected a text%s", name, hone_quote_n(c.p, c.n),
                               negative && *c.p == '['
                                   ? ": a list's items go into columns of their own (negative_1, negative_2 ...)"
                                   : "");
    hone_text_trim(&c.p, &c.n);
    if (wanted && !c.n) return hone_table_drop(t, i, "field \"%s\" is empty", name);
    *bad = false;
    return HONE_OK;
}

/* A cell without a value: null, or not there. */
static hone_status drop_missing(hone_table *t, int64_t i, int64_t column, const char *wanted) {
    const char *name = hone_quote(hone_table_column_name(t, column));
    return hone_table_drop(
        t, i, hone_table_has_field(t, i, column) ? "field \"%s\" is null, expected %s" : "no field \"%s\", expected %s",
        name, wanted);
}

static hone_status check_score(hone_table *t, int64_t i, int64_t column, bool binary) {
    hone_cell c = hone_table_cell(t, i, column);
    double x;
    if (hone_cell_number(c, &x) && (!binary || x == 0 || x == 1)) return HONE_OK;
    const char *name = hone_quote(hone_table_column_name(t, column)), *wanted = binary ? "0 or 1" : "a number";
    if (c.kind == HONE_CELL_MISSING) return drop_missing(t, i, column, wanted);
    return hone_table_drop(t, i, "field \"%s\" is \"%s\", expected %s", name, hone_quote_n(c.p, c.n), wanted);
}

static hone_status check_label(hone_table *t, int64_t i, int64_t column) {
    hone_cell c = hone_table_cell(t, i, column);
    const char *name = hone_quote(hone_table_column_name(t, column));
    if (c.kind == HONE_CELL_MISSING) return drop_missing(t, i, column, "a label");
    hone_text_trim(&c.p, &c.n);
    return c.n ? HONE_OK : hone_table_drop(t, i, "field \"%s\" is empty, expected a label", name);
}

int64_t hone_roles_number(const hone_roles *r, hone_row_kind kind) {
    if (kind == HONE_ROWS_SCORED) return r->score >= 0 ? r->score : r->label;
    if (kind == HONE_ROWS_BINARY) return r->label >= 0 ? r->label : r->score;
    if (kind != HONE_ROWS_RERANK || r->documents >= 0) return -1;
    return r->label >= 0 ? r->label : r->score;
}

static hone_cell item_of(hone_json_scanner *s, const hone_json_token *first) {
    hone_cell c = {first->p, first->n, first->kind == HONE_JSON_NULL ? HONE_CELL_MISSING : HONE_CELL_JSON};
    if (first->kind == HONE_JSON_ARRAY || first->kind == HONE_JSON_OBJECT) {
        if (hone_json_scan_skip(s, first) != HONE_OK) return (hone_cell){"", 0, HONE_CELL_MISSING};
        c.n = (size_t)(s->text + s->at - first->p);
    }
    return c;
}

hone_status hone_cell_list(hone_cell c, hone_arena *a, hone_cell **items, int64_t *n) {
    int64_t room = 0;
    *items = NULL, *n = -1;
    size_t blank = strspn(c.p, " \t\r\n");
    if (c.kind == HONE_CELL_MISSING || c.p[blank] != '[') return HONE_OK;
    for (int pass = 0; pass < 2; pass++) { /* count, then fill */
        hone_json_scanner s;
        hone_json_token t;
        int64_t k = 0;
        hone_json_scan_start(&s, c.p, c.n, "", 1);
        bool sound = hone_json_scan_next(&s, &t) == HONE_OK;
        for (;; k++) {
            sound = sound && hone_json_scan_next(&s, &t) == HONE_OK;
            if (!sound || t.kind == HONE_JSON_ARRAY_END) break;
            hone_cell item = item_of(&s, &t);
            if (t.kind == HONE_JSON_STRING) item = (hone_cell){t.p, t.n, HONE_CELL_TEXT};
            if (!pass) continue;
            char *copy = hone_arena_alloc(a, item.n + 1);
            if (!copy) return hone_fail(HONE_E_NOMEM, "no memory for a list");
            if (t.kind == HONE_JSON_STRING)
                item.n = hone_json_scan_decode(&t, copy);
            else
                memcpy(copy, item.p, item.n);
            copy[item.n] = 0;
            item.p = copy;
            (*items)[k] = item;
        }
        sound = sound && hone_json_scan_next(&s, &t) == HONE_OK && t.kind == HONE_JSON_END;
        if (!sound) return hone_error_clear(), HONE_OK;
        room = k;
        if (!pass && !(*items = hone_arena_alloc(a, (size_t)(room + 1) * sizeof **items)))
            return hone_fail(HONE_E_NOMEM, "no memory for a list");
    }
    *n = room;
    return HONE_OK;
}

/* documents: texts; labels: as many numbers. */
static hone_status check_lists(hone_table *t, int64_t i, const hone_roles *r, hone_arena *a) {
    hone_cell *document, *label, cell[2] = {hone_table_cell(t, i, r->documents), hone_table_cell(t, i, r->labels)};
    int64_t n_documents, n_labels;
    double x;
    HONE_TRY(hone_cell_list(cell[0], a, &document, &n_documents));
    HONE_TRY(hone_cell_list(cell[1], a, &label, &n_labels));
    const int64_t column[2] = {r->documents, r->labels}, n[2] = {n_documents, n_labels};
    for (int k = 0; k < 2; k++) {
        const char *name = hone_quote(hone_table_column_name(t, column[k]));
        if (cell[k].kind == HONE_CELL_MISSING) return drop_missing(t, i, column[k], "a list");
        if (n[k] < 0)
            return hone_table_drop(t, i, "field \"%s\" is %s, expected a list", name,
                                   hone_quote_n(cell[k].p, cell[k].n));
        if (!n[k]) return hone_table_drop(t, i, "field \"%s\" is an empty list", name);
    }
    if (n_documents != n_labels)
        return hone_table_drop(t, i, "%" PRId64 " documents, %" PRId64 " labels", n_documents, n_labels);
    for (int64_t k = 0; k < n_documents; k++) {
        if (document[k].kind != HONE_CELL_TEXT)
            return hone_table_drop(t, i, "document %" PRId64 " is %s, expected a text", k + 1,
                                   document[k].n ? hone_quote_n(document[k].p, document[k].n) : "null");
        if (!hone_cell_number(label[k], &x))
            return hone_table_drop(t, i, "label %" PRId64 " is %s, expected a number", k + 1,
                                   label[k].n ? hone_quote_n(label[k].p, label[k].n) : "null");
    }
    return HONE_OK;
}

hone_status hone_roles_check(hone_table *t, hone_row_kind kind, const hone_roles *r) {
    const int64_t number = hone_roles_number(r, kind);
    const bool lists = kind == HONE_ROWS_RERANK && r->documents >= 0;
    const bool wanted = kind == HONE_ROWS_PAIRS || kind == HONE_ROWS_TRIPLET || kind == HONE_ROWS_LABELLED ||
                        (kind == HONE_ROWS_RERANK && number < 0);
    hone_arena *a = lists ? hone_arena_new("lists", 0) : NULL;
    if (lists && !a) return hone_fail(HONE_E_NOMEM, "no memory for lists");
    hone_status st = HONE_OK;
    for (int64_t i = 0; i < hone_table_rows(t) && st == HONE_OK && kind != HONE_ROWS_ANY; i++) {
        bool bad = false;
        for (int64_t k = 0; k < r->n_texts && !bad && st == HONE_OK; k++)
            st = check_text(t, i, r->columns[k], wanted || lists, k >= r->n_texts - r->n_negatives, &bad);
        if (st != HONE_OK || bad) continue;
        if (number >= 0) st = check_score(t, i, number, kind == HONE_ROWS_BINARY);
        if (kind == HONE_ROWS_LABELLED) st = check_label(t, i, r->label);
        if (lists) st = check_lists(t, i, r, a);
        if (lists) hone_arena_reset(a);
    }
    hone_arena_free(a);
    return st == HONE_OK ? hone_table_finish_drops(t) : st;
}

hone_status hone_roles_apply(hone_table *t, hone_row_kind kind, const hone_column_map *map, int64_t n_map,
                             hone_roles *out) {
    hone_roles r;
    HONE_TRY(hone_roles_find(t, kind, map, n_map, &r));
    HONE_TRY(hone_roles_check(t, kind, &r));
    *out = r;
    return HONE_OK;
}
