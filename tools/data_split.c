/* hone data split: two (or three) files out of one, with nothing on both sides. */
#include "tools/commands.h"
#include "tools/data.h"
#include "tools/outfile.h"
#include "tools/terminal.h"

#include "base/io.h"
#include "base/memory.h"
#include "data/split.h"

#include <math.h>
#include <string.h>

static const hone_option options[] = {
    {.group = "Sides",
     .name = "ratio",
     .kind = HONE_OPTION_REALS,
     .value = "X[,X[,X]]",
     .fallback = "0.8",
     .unit = "shares of the rows",
     .help = "rows for train; the rest is for eval. Three shares that add up to 1 give train, eval and test",
     .aka = "train-size|train-ratio|share",
     .range = {0, 1},
     .above = true,
     .below = true},
    {.name = "out",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "folder for train, eval (and test), each with the ending of FILE",
     .aka = "output|output-dir|out-dir",
     .required = true},
    {.name = "force", .kind = HONE_OPTION_FLAG, .help = "replace files that are there", .aka = "overwrite"},

    {.group = "What stays together",
     .name = "group",
     .kind = HONE_OPTION_STRING,
     .value = "COLUMN",
     .shown = "none",
     .help = "rows with the same value in this column are all on one side",
     .aka = "groups|group-by|group-column"},
    {.name = "texts",
     .kind = HONE_OPTION_STRINGS,
     .value = "COLUMN,...",
     .shown = "columns with the names of texts, else all that hold texts",
     .help = "no text of these columns, or of lists in them, is on two sides, whatever its column",
     .aka = "text-columns|keys"},
    DATA_OPTION_NEAR,
    DATA_OPTION_COLUMNS,

    {.group = "Balance",
     .name = "stratify",
     .kind = HONE_OPTION_FLAG,
     .help = "each label has the same share on every side, as far as what stays together allows; the column is label, "
             "target or "
             "relevance, or --columns label=NAME"},
    {.name = NULL}};

enum { SIDES = 3 };
static const char *const side_names[SIDES] = {"train", "eval", "test"};

typedef struct job {
    hone_table *t;
    hone_roles roles;
    data_texts x;
    hone_duplicates d;
    hone_clusters clusters;
    hone_cluster_counts equal, near, all; /* clusters by equal texts, by near ones too, and by the group as well */
    int32_t *label;                       /* NULL: not stratified */
    data_values labels;
    int64_t group, ungrouped;
    uint8_t *side; /* [rows] */
    int64_t count[SIDES], n_sides;
    double share[SIDES];
    char path[SIDES][HONE_PATH_MAX];
} job;

/* ---- what is asked ---- */

static hone_status read_ratio(const hone_options *o, job *j) {
    int64_t n = hone_options_count(o, "ratio");
    double sum = 0;
    if (n > SIDES) return hone_fail(HONE_E_ARG, "--ratio: %" PRId64 " shares given, at most 3 are wanted", n);
    for (int64_t k = 0; k < n; k++) sum += j->share[k] = hone_options_item_real(o, "ratio", k);
    if (n == 1) j->share[1] = 1 - sum;
    j->n_sides = n == 3 ? 3 : 2;
    if (n > 1 && !(fabs(sum - 1) < 1e-6))
        return hone_fail(HONE_E_ARG, "--ratio: the %" PRId64 " shares add up to %g, expected 1", n, sum);
    return HONE_OK;
}

static hone_status find_column(const hone_table *t, const char *option, const char *name, int64_t *out) {
    char fields[640], words[4096] = "";
    size_t used = 0, n;
    if ((*out = hone_table_find_column(t, name)) >= 0) return HONE_OK;
    for (int64_t c = 0; c < hone_table_columns(t) && used < sizeof words; c++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", c ? "|" : "", hone_table_column_name(t, c));
    const char *near = hone_nearest_word(name, words, &n);
    hone_fail_at(HONE_E_ARG, hone_table_path(t), 0, 0, "--%s: no field \"%s\"; fields are %s", option, hone_quote(name),
                 hone_table_list_columns(t, -1, fields, sizeof fields));
    return near ? hone_hint("did you mean --%s %s?", option, hone_quote_n(near, n)) : HONE_E_ARG;
}

static hone_status choose_texts(const hone_options *o, job *j) {
    int64_t n = hone_options_count(o, "texts");
    if (n > 2 + HONE_MAX_NEGATIVES)
        return hone_fail(HONE_E_ARG, "--texts: %" PRId64 " columns given, at most %d", n, 2 + HONE_MAX_NEGATIVES);
    const int64_t documents = j->roles.documents; /* in a CSV file the role alone tells that its texts are lists */
    if (n) j->roles.n_texts = 0, j->roles.documents = -1;
    for (int64_t k = 0; k < n; k++) {
        int64_t column;
        HONE_TRY(find_column(j->t, "texts", hone_options_item(o, "texts", k), &column));
        if (column == documents)
            j->roles.documents = column;
        else
            j->roles.columns[j->roles.n_texts++] = column;
    }
    if (!j->roles.n_texts && j->roles.documents < 0) data_guess_texts(j->t, &j->roles);
    return HONE_OK;
}

static hone_status read_file(const hone_options *o, job *j) {
    hone_column_map *map;
    int64_t n;
    const char *path = hone_options_operand(o, 0);
    if (!strcmp(path, "-") || hone_io_is_stream(path)) {
        hone_fail(HONE_E_ARG, "data split reads FILE twice, which %s does not allow",
                  strcmp(path, "-") ? "a pipe or device" : "standard input");
        return hone_hint("write it to a file first");
    }
    HONE_TRY(data_map(o, &map, &n));
    hone_status st = data_read(o, false, &j->t);
    if (st == HONE_OK) st = hone_roles_find(j->t, HONE_ROWS_ANY, map, n, &j->roles);
    hone_free(map);
    HONE_TRY(st);
    HONE_TRY(choose_texts(o, j));
    if (hone_options_has(o, "group")) HONE_TRY(find_column(j->t, "group", hone_options_string(o, "group"), &j->group));
    if (!hone_options_flag(o, "stratify") || j->roles.label >= 0) return HONE_OK;
    char fields[640];
    hone_fail_at(HONE_E_ARG, hone_table_path(j->t), 0, 0, "--stratify: no field \"label\"; fields are %s",
                 hone_table_list_columns(j->t, -1, fields, sizeof fields));
    return hone_hint("--columns label=NAME");
}

static void note_bad_rows(const job *j, bool quiet) {
    const int64_t bad = hone_table_bad_count(j->t);
    for (int64_t k = 0; k < hone_table_bad_listed(j->t) && k < 10; k++) {
        const hone_bad_row *b = hone_table_bad(j->t, k);
        hone_print_note(quiet, "%s:%" PRId64 ": %s (left out)", hone_table_path(j->t), b->line, b->reason);
    }
    if (bad > 10)
        hone_print_note(quiet,
                        "%s: %" PRId64 " rows cannot be read and are left out; \"hone data validate\" names them all",
                        hone_table_path(j->t), bad);
}

/* ---- names of the files ---- */

/* ".jsonl.gz" of the input's name if it tells the format, else the format's own. */
static const char *ending_of(const hone_table *t) {
    static const char *const known[] = {".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json"};
    const char *path = hone_table_path(t), *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name), packed = n > 3 && !strcasecmp(name + n - 3, ".gz") ? 3 : 0;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        size_t m = strlen(known[k]);
        if (n > m + packed && !strncasecmp(name + n - packed - m, known[k], m)) return name + n - packed - m;
    }
    switch (hone_table_get_format(t)) {
    case HONE_TABLE_CSV: return packed ? ".csv.gz" : ".csv";
    case HONE_TABLE_TSV: return packed ? ".tsv.gz" : ".tsv";
    case HONE_TABLE_JSON: return packed ? ".json.gz" : ".json";
    default: return packed ? ".jsonl.gz" : ".jsonl";
    }
}

static hone_status name_files(const hone_options *o, job *j) {
    const char *dir = hone_options_string(o, "out");
    for (int64_t s = 0; s < j->n_sides; s++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", side_names[s], ending_of(j->t));
        HONE_TRY(hone_io_join(j->path[s], dir, name));
        HONE_TRY(hone_outfile_check(j->path[s], "FILE", hone_table_path(j->t))); /* --force or not */
        if (!hone_io_is_taken(j->path[s]) || hone_options_flag(o, "force")) continue;
        hone_fail_at(HONE_E_ARG, j->path[s], 0, 0, "is there already");
        return hone_hint("--force replaces it; or give another --out");
    }
    return HONE_OK;
}

/* ---- who stays together ---- */

static hone_status join_by(const data_texts *x, const int32_t *key, int64_t n_keys, hone_clusters *c) {
    int64_t *first = hone_alloc((size_t)(n_keys + 1) * sizeof *first);
    if (!first) return HONE_E_NOMEM;
    memset(first, 0xFF, (size_t)(n_keys + 1) * sizeof *first);
    for (int64_t k = 0; k < x->n; k++) {
        int32_t number = key[x->texts.of[k]];
        if (number < 0) continue;
        if (first[number] < 0)
            first[number] = x->row[k];
        else
            hone_clusters_join(c, first[number], x->row[k]);
    }
    hone_free(first);
    return HONE_OK;
}

static hone_status join_groups(job *j) {
    data_values values;
    int32_t *of = hone_alloc((size_t)(hone_table_rows(j->t) + 1) * sizeof *of);
    if (!of) return HONE_E_NOMEM;
    hone_status st = data_values_of(j->t, j->group, of, &values);
    if (st == HONE_OK) {
        st = hone_clusters_join_keys(&j->clusters, of, 1, values.n);
        j->ungrouped = values.missing;
        data_values_free(&values);
    }
    hone_free(of);
    return st;
}

static hone_status find_clusters(job *j, double near) {
    hone_duplicates_free(&j->d);
    hone_clusters_free(&j->clusters);
    HONE_TRY(hone_duplicates_find(&j->x.texts, near, &j->d));
    HONE_TRY(hone_clusters_new(hone_table_rows(j->t), &j->clusters));
    HONE_TRY(join_by(&j->x, j->d.same, j->d.n_same, &j->clusters));
    HONE_TRY(hone_clusters_count(&j->clusters, &j->equal));
    HONE_TRY(join_by(&j->x, j->d.near, j->d.n_near, &j->clusters));
    HONE_TRY(hone_clusters_count(&j->clusters, &j->near));
    if (j->group >= 0) HONE_TRY(join_groups(j));
    return hone_clusters_count(&j->clusters, &j->all);
}

/* Rows without a label are a label of their own. */
static hone_status read_labels(job *j) {
    const int64_t rows = hone_table_rows(j->t);
    if (!(j->label = hone_alloc((size_t)(rows + 1) * sizeof *j->label))) return HONE_E_NOMEM;
    HONE_TRY(data_values_of(j->t, j->roles.label, j->label, &j->labels));
    for (int64_t i = 0; i < rows; i++)
        if (j->label[i] < 0) j->label[i] = (int32_t)j->labels.n;
    return HONE_OK;
}

/* ---- sides ---- */

/* Of the rows on side 0, `share` go to side `to`. */
static hone_status move(const hone_options *o, job *j, double share, int to) {
    const int64_t rows = hone_table_rows(j->t);
    hone_clusters c = {0};
    hone_split s = {0};
    int64_t *row = hone_alloc((size_t)(rows + 1) * sizeof *row),
            *place = hone_alloc((size_t)(rows + 1) * sizeof *place), n = 0;
    int32_t *label = hone_alloc((size_t)(rows + 1) * sizeof *label);
    hone_status st = row && place && label ? HONE_OK : HONE_E_NOMEM;
    for (int64_t i = 0; i < rows && st == HONE_OK; i++) {
        if (j->side[i]) continue;
        if (j->label) label[n] = j->label[i];
        place[i] = n, row[n++] = i;
    }
    if (st == HONE_OK) st = hone_clusters_new(n, &c);
    for (int64_t k = 0; k < n && st == HONE_OK; k++) {
        int64_t root = hone_clusters_root(&j->clusters, row[k]);
        if (root != row[k])
            hone_clusters_join(&c, place[root], k); /* a cluster is on one side: its root is here, too */
    }
    if (st == HONE_OK)
        st = hone_split_clusters(&c, j->label ? label : NULL, j->label ? j->labels.n + 1 : 0, share,
                                 (uint64_t)hone_options_int(o, "seed"), &s);
    for (int64_t k = 0; k < s.n_eval && st == HONE_OK; k++) j->side[row[s.eval[k]]] = (uint8_t)to;
    hone_split_free(&s);
    hone_clusters_free(&c);
    hone_free(row), hone_free(place), hone_free(label);
    return st;
}

static hone_status choose_sides(const hone_options *o, job *j) {
    const int64_t rows = hone_table_rows(j->t);
    hone_status st = HONE_OK;
    memset(j->side, 0, (size_t)rows);
    memset(j->count, 0, sizeof j->count);
    if (j->n_sides == 3) st = move(o, j, j->share[2], 2);
    if (st == HONE_OK) st = move(o, j, j->share[1] / (j->share[0] + j->share[1]), 1);
    if (st == HONE_E_FORMAT) {
        hone_blame(hone_table_path(j->t), 0);
        return hone_hint("another --ratio; or --near 0, --texts COLUMN or no --group, so that less stays together (the "
                         "largest part that "
                         "does has %" PRId64 " of %" PRId64 " rows)",
                         j->all.largest, rows);
    }
    for (int64_t i = 0; i < rows; i++) j->count[j->side[i]]++;
    return st;
}

/* ---- writing: the bytes of the rows, from a second walk through the file ---- */

typedef struct copier {
    const job *j;
    hone_reader *in;
    hone_outfile *out[SIDES];
    bool first[SIDES];                 /* nothing but the header is written */
    const char *between, *begin, *end; /* of a JSON array */
    char *buffer;
    size_t room;
    int64_t at; /* bytes read so far */
    char header_end[3];
} copier;

/* The next n bytes of the file into the buffer. */
static hone_status read_exactly(copier *c, int64_t n) {
    if ((uint64_t)n > c->room) {
        char *p = hone_realloc(c->buffer, (size_t)n + (size_t)n / 2);
        if (!p) return HONE_E_NOMEM;
        c->buffer = p, c->room = (size_t)n + (size_t)n / 2;
    }
    for (int64_t have = 0; have < n;) {
        size_t got;
        HONE_TRY(hone_reader_read(c->in, c->buffer + have, (size_t)(n - have), &got));
        if (!got) return hone_fail_at(HONE_E_FORMAT, hone_table_path(c->j->t), 0, 0, "was changed while it was read");
        have += (int64_t)got;
    }
    c->at += n;
    return HONE_OK;
}

static hone_status skip_to(copier *c, int64_t begin) {
    while (c->at < begin) HONE_TRY(read_exactly(c, begin - c->at < (1 << 20) ? begin - c->at : 1 << 20));
    return HONE_OK;
}

/* Behind a mark and white space. */
static bool begins_with_bracket(const char *p, int64_t n) {
    int64_t i = n >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (i < n && strchr(" \t\r\n", p[i]) && p[i]) i++;
    return i < n && p[i] == '[';
}

/* CSV's header, or the bracket of an array (and not of objects one after another). */
static hone_status copy_header(copier *c) {
    const hone_table *t = c->j->t;
    const int64_t header = hone_table_header_bytes(t);
    strcpy(c->header_end, "\n");
    if (hone_table_get_format(t) == HONE_TABLE_JSON) {
        int64_t begin, length;
        hone_table_row_bytes(t, 0, &begin, &length);
        HONE_TRY(read_exactly(c, begin));
        c->between = begins_with_bracket(c->buffer, begin) ? ",\n" : "\n";
        c->begin = *c->between == ',' ? "[\n" : "", c->end = *c->between == ',' ? "\n]\n" : "\n";
    } else if (header) {
        HONE_TRY(read_exactly(c, header));
        if (c->buffer[header - 1] == '\r') strcpy(c->header_end, "\r");
        if (header > 1 && c->buffer[header - 2] == '\r') strcpy(c->header_end, "\r\n");
    }
    for (int64_t s = 0; s < c->j->n_sides; s++) {
        c->first[s] = true;
        if (c->begin) HONE_TRY(hone_outfile_write(c->out[s], c->begin, strlen(c->begin)));
        if (header && !c->begin) HONE_TRY(hone_outfile_write(c->out[s], c->buffer, (size_t)header));
    }
    return HONE_OK;
}

static hone_status copy_rows(copier *c) {
    const hone_table *t = c->j->t;
    HONE_TRY(copy_header(c));
    for (int64_t i = 0; i < hone_table_rows(t); i++) {
        int64_t begin, length;
        const int s = c->j->side[i];
        hone_table_row_bytes(t, i, &begin, &length);
        HONE_TRY(skip_to(c, begin));
        HONE_TRY(read_exactly(c, length));
        if (c->between && !c->first[s]) HONE_TRY(hone_outfile_write(c->out[s], c->between, strlen(c->between)));
        HONE_TRY(hone_outfile_write(c->out[s], c->buffer, (size_t)length));
        c->first[s] = false;
        /* The file's last line may have no end; here another may follow it. */
        if (!c->between && length && c->buffer[length - 1] != '\n' && c->buffer[length - 1] != '\r')
            HONE_TRY(hone_outfile_write(c->out[s], c->header_end, strlen(c->header_end)));
    }
    for (int64_t s = 0; s < c->j->n_sides && c->end; s++)
        HONE_TRY(hone_outfile_write(c->out[s], c->end, strlen(c->end)));
    return HONE_OK;
}

static hone_status write_files(const hone_options *o, job *j) {
    copier c = {.j = j};
    HONE_TRY(hone_io_mkdirs(hone_options_string(o, "out")));
    hone_status st = hone_reader_open(hone_table_path(j->t), &c.in);
    for (int64_t s = 0; s < j->n_sides && st == HONE_OK; s++) st = hone_outfile_open(j->path[s], &c.out[s]);
    if (st == HONE_OK) st = copy_rows(&c);
    if (st == HONE_OK) st = hone_table_check(j->t); /* or the rows are not those that were divided */
    if (st == HONE_OK) st = hone_outfile_commit_all(c.out, j->path, j->n_sides, !hone_options_flag(o, "force"));
    for (int64_t s = 0; s < j->n_sides; s++) hone_outfile_abort(c.out[s]);
    if (c.in) hone_reader_close(c.in);
    hone_free(c.buffer);
    return st;
}

/* ---- what was done ---- */

static hone_status print_json(const job *j) {
    char text[4200];
    json_t *sides = json_object(), *labels = json_array();
    for (int64_t s = 0; s < j->n_sides; s++)
        json_object_set_new(sides, side_names[s],
                            json_pack("{s:s,s:I}", "file", hone_plain_text(j->path[s], text, sizeof text), "rows",
                                      (json_int_t)j->count[s]));
    for (int64_t k = 0; k < j->labels.n && k < 100; k++) {
        json_t *x = json_pack("{s:s%}", "label", j->labels.value[k].p, j->labels.value[k].n);
        for (int64_t s = 0; s < j->n_sides; s++) {
            int64_t n = 0;
            for (int64_t i = 0; i < hone_table_rows(j->t); i++) n += j->label[i] == k && j->side[i] == s;
            if (x) json_object_set_new(x, side_names[s], json_integer(n));
        }
        json_array_append_new(labels, x);
    }
    json_t *all = json_pack("{s:s,s:I,s:I,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:I}}", "file",
                            hone_plain_text(hone_table_path(j->t), text, sizeof text), "rows",
                            (json_int_t)hone_table_rows(j->t), "bad", (json_int_t)hone_table_bad_count(j->t), "sides",
                            sides, "together", "clusters", (json_int_t)j->all.clusters, "shared",
                            (json_int_t)j->all.shared, "shared_rows", (json_int_t)j->all.shared_rows, "largest",
                            (json_int_t)j->all.largest, "rows_by_equal_texts", (json_int_t)j->equal.shared_rows,
                            "rows_by_near_texts", (json_int_t)(j->near.shared_rows - j->equal.shared_rows));
    if (all && j->label)
        json_object_set_new(all, "labels", labels);
    else
        json_decref(labels);
    return hone_print_json(all);
}

static hone_status print_page(const job *j) {
    const int64_t rows = hone_table_rows(j->t);
    for (int64_t s = 0; s < j->n_sides; s++)
        HONE_TRY(data_say("%s: %" PRId64 " rows (%.1f %%)\n", hone_quote(j->path[s]), j->count[s],
                          100 * (double)j->count[s] / (double)rows));
    HONE_TRY(data_say("kept together: %" PRId64 " rows in %" PRId64 " clusters, the largest has %" PRId64 "; %" PRId64
                      " share a text, %" PRId64 " more a nearly equal one",
                      j->all.shared_rows, j->all.shared, j->all.largest, j->equal.shared_rows,
                      j->near.shared_rows - j->equal.shared_rows));
    if (j->group >= 0)
        HONE_TRY(data_say(", %" PRId64 " more the group \"%s\"", j->all.shared_rows - j->near.shared_rows,
                          hone_quote(hone_table_column_name(j->t, j->group))));
    HONE_TRY(data_say("\n"));
    for (int64_t k = 0; k < j->labels.n && k < 10; k++) {
        int64_t n[SIDES] = {0};
        char text[256];
        for (int64_t i = 0; i < rows; i++) n[j->side[i]] += j->label[i] == k;
        HONE_TRY(data_say("label %s: %" PRId64 " for train, %" PRId64 " for eval",
                          data_show(j->labels.value[k].p, j->labels.value[k].n, text, sizeof text), n[0], n[1]));
        if (j->n_sides == 3) HONE_TRY(data_say(", %" PRId64 " for test", n[2]));
        HONE_TRY(data_say("\n"));
    }
    return HONE_OK;
}

static double wanted(const job *j, int64_t side) {
    return round(j->share[side] * (double)hone_table_rows(j->t));
}

/* Too few rows for a side, more than a twentieth of them missing. */
static bool side_falls_short(const job *j, int64_t side) {
    return (double)j->count[side] < floor(0.95 * wanted(j, side));
}

static bool falls_short(const job *j) {
    for (int64_t s = 1; s < j->n_sides; s++)
        if (side_falls_short(j, s)) return true;
    return false;
}

/* Texts made from a template are all near each other, and nothing could be divided. So, where --near was not given and
 * near texts alone are to blame, nearer is asked for: a user who insists gives --near. */
static hone_status divide(const hone_options *o, job *j, bool quiet) {
    static const double more[] = {0.9, 1, 2};
    double near, first;
    HONE_TRY(data_near(o, &near));
    first = near;
    HONE_TRY(data_texts_read(j->t, &j->roles, &j->x));
    if (hone_options_flag(o, "stratify")) HONE_TRY(read_labels(j));
    if (!(j->side = hone_zalloc((size_t)hone_table_rows(j->t) + 1))) return HONE_E_NOMEM;
    for (int k = 0;; k++) {
        HONE_TRY(find_clusters(j, near));
        hone_status st = choose_sides(o, j);
        bool blame = j->near.largest > j->equal.largest && !hone_options_given(o, "near") && k < 3;
        if (!blame || (st == HONE_OK && !falls_short(j))) {
            if (st == HONE_OK && near > first)
                hone_print_note(
                    quiet, "with --near %g one cluster holds too many rows to divide (the texts follow a pattern?); %s",
                    first,
                    near > 1    ? "only equal texts are kept together"
                    : near == 1 ? "--near 1 is used"
                                : "--near 0.9 is used");
            return st;
        }
        if (st != HONE_OK && st != HONE_E_FORMAT) return st;
        near = more[k];
    }
}

static hone_status split(const hone_options *o, job *j) {
    const bool quiet = hone_options_flag(o, "quiet");
    HONE_TRY(read_ratio(o, j));
    HONE_TRY(read_file(o, j));
    note_bad_rows(j, quiet);
    HONE_TRY(name_files(o, j));
    HONE_TRY(divide(o, j, quiet));
    if (j->ungrouped)
        hone_print_note(quiet, "%" PRId64 " rows have no value in \"%s\" and stand alone", j->ungrouped,
                        hone_quote(hone_table_column_name(j->t, j->group)));
    for (int64_t s = 1; s < j->n_sides; s++)
        if (side_falls_short(j, s))
            hone_print_note(quiet,
                            "%s has %" PRId64 " rows, %.0f were wanted: too much stays together, %" PRId64
                            " rows in the largest part",
                            side_names[s], j->count[s], wanted(j, s), j->all.largest);
    HONE_TRY(write_files(o, j));
    return hone_options_flag(o, "json") ? print_json(j) : print_page(j);
}

static hone_status run(const hone_options *o) {
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    j->group = -1;
    hone_status st = split(o, j);
    hone_free(j->label), hone_free(j->side);
    data_values_free(&j->labels);
    hone_clusters_free(&j->clusters);
    hone_duplicates_free(&j->d);
    data_texts_free(&j->x);
    hone_table_free(j->t);
    hone_free(j);
    return st;
}

const hone_command hone_command_data_split = {
    .name = "data split",
    .summary = "divide a file into train and eval, with nothing on both sides",
    .synopsis = "FILE --ratio 0.8 --out DIR [--group COLUMN] [--stratify] [options]",
    .about = "A seeded shuffle that does not leak: rows that share a text (in any column, whatever its case and white "
             "space), rows with nearly equal texts (--near), rows of one --group, and rows linked through others in "
             "these ways, are all on one side. Near means: at least that share of the words in common, and the same "
             "numbers; where the texts follow a pattern so that all of them are near, and --near is not given, 0.9 "
             "and 1 are tried, which a note says. Counts and what was kept together go to standard output.\n\n"
             "The files keep FILE's format, header and packing, and its rows byte for byte, in their order; rows "
             "that cannot be read are named and left out. Files that are there are not replaced unless --force.",
    .options = options,
    .operand = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .example = {"hone data split pairs.jsonl --ratio 0.8 --out split",
                "hone data split judged.csv.gz --ratio 0.8,0.1,0.1 --group customer --stratify --columns label=verdict "
                "--out split"},
    .example_note = {"split/train.jsonl and split/eval.jsonl",
                     "three files; no customer in two of them, each verdict in all"},
    .exits = "3 a file that cannot be read or divided",
    .run = run,
};
