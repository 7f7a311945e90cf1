/* hone data negatives: for each question, documents that a model takes for answers and that are none. */
#include "tools/commands.h"
#include "tools/data.h"
#include "tools/outfile.h"
#include "tools/precision.h"
#include "tools/progress.h"
#include "tools/rows.h"
#include "tools/terminal.h"
#include "tools/text_buffer.h"

#include "base/memory.h"
#include "eval/mining.h"
#include "models/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const hone_option options[] = {
    {.group = "In and out",
     .name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "M",
     .help = "the embedder whose mistakes are wanted: a folder, or a name in the local Hugging Face cache",
     .aka = "model-name-or-path|model-name",
     .required = true},
    {.name = "out",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .fallback = "-",
     .help = "where the rows go: .jsonl, .csv or .tsv, also .gz; - is JSON lines on standard output",
     .aka = "output|output-file"},
    {.name = "corpus",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .shown = "none",
     .help = "more documents to choose from, beside the positives of FILE; its column text, or the like",
     .aka = "documents|passages"},
    DATA_OPTION_COLUMNS,
    {.name = "strict", .kind = HONE_OPTION_FLAG, .help = "stop at the first bad row instead of skipping it"},
    {.name = "output-format",
     .kind = HONE_OPTION_CHOICE,
     .value = "WORD",
     .fallback = "triplet",
     .allowed = "triplet|n-tuple",
     .later = "labeled-pair|labeled-list",
     .help = "a row for each negative, in the column negative; or a row for each pair that has all its negatives, in "
             "negative_1, "
             "negative_2 ...",
     .aka = "format|as-triplets"},
    {.name = "output-scores",
     .kind = HONE_OPTION_FLAG,
     .help = "a further column scores: similarity of the positive, then of the negatives"},

    {.group = "Which documents",
     .name = "num-negatives",
     .kind = HONE_OPTION_INT,
     .fallback = "3",
     .unit = "documents",
     .help = "how many for each anchor",
     .aka = "count|n|negatives",
     .range = {1, HONE_MAX_NEGATIVES}},
    {.name = "range-min",
     .kind = HONE_OPTION_INT,
     .fallback = "0",
     .unit = "ranks",
     .help = "pass over so many of the most similar documents: they may be answers that nobody marked",
     .range = {0, 1e9}},
    {.name = "range-max",
     .kind = HONE_OPTION_INT,
     .unit = "ranks",
     .shown = "range-min + num-negatives + positives an anchor has; ten times num-negatives with a limit below",
     .help = "look at no document beyond this rank",
     .range = {1, 1e9}},
    {.name = "absolute-margin",
     .kind = HONE_OPTION_REAL,
     .unit = "similarity",
     .shown = "none",
     .help = "a negative must be less similar than the positive by at least this"},
    {.name = "margin",
     .kind = HONE_OPTION_REAL,
     .excludes = "absolute-margin",
     .unit = "similarity",
     .shown = "none",
     .help = "another name for --absolute-margin"},
    {.name = "relative-margin",
     .kind = HONE_OPTION_REAL,
     .unit = "share of the positive's similarity",
     .shown = "none",
     .help = "the same as a share: 0.05 wants at least 5 % less"},
    {.name = "max-score",
     .kind = HONE_OPTION_REAL,
     .unit = "similarity",
     .shown = "none",
     .help = "no negative above this"},
    {.name = "min-score",
     .kind = HONE_OPTION_REAL,
     .unit = "similarity",
     .shown = "none",
     .help = "no negative below this"},
    {.name = "sampling-strategy",
     .kind = HONE_OPTION_CHOICE,
     .value = "WORD",
     .fallback = "top",
     .allowed = "top|random",
     .help = "the most similar ones that are left, or a seeded choice of them",
     .aka = "sampling|strategy"},
    {.name = "cross-encoder",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "score the candidates again by a reranker",
     .aka = "reranker|rerank",
     .not_yet = true},

    {.group = "Embedding",
     .name = "batch-size",
     .kind = HONE_OPTION_INT,
     .fallback = "16",
     .unit = "rows",
     .help = "texts of 64 tokens computed at once, more or fewer where they are shorter or longer",
     .aka = "bs",
     .range = {1, 65536}},
    {.name = "max-length",
     .kind = HONE_OPTION_INT,
     .unit = "tokens",
     .shown = "what the model's folder says",
     .help = "longer texts are cut, special tokens included",
     .aka = "max-seq-length|max-seq-len|max-len",
     .range = {2, 1000000}},
    {.name = "prompt-query",
     .kind = HONE_OPTION_STRING,
     .shown = "the folder's prompt query",
     .help = "put before each anchor",
     .aka = "query-prompt"},
    {.name = "prompt-document",
     .kind = HONE_OPTION_STRING,
     .shown = "the folder's prompt document",
     .help = "put before each document",
     .aka = "corpus-prompt|document-prompt"},
    {.name = NULL}};

#define ROW_TOKENS 64 /* what --batch-size counts as one row */

typedef enum file_kind { FILE_JSONL, FILE_CSV, FILE_TSV } file_kind;

typedef struct job {
    hone_table *t, *more; /* FILE, --corpus */
    hone_roles roles, more_roles;
    hone_intern queries, documents;
    int64_t *right; /* [queries + 1] */
    int32_t *right_list;
    int64_t most_rows;
    int32_t *same_q, *same_d;
    hone_model *model;
    float *q, *d;
    hone_mining_options how;
    hone_mining *m;
    file_kind kind;
    hone_outfile *out;
    hone_text_buffer line;
    int64_t written, short_of; /* rows; pairs that found too few */
    hone_progress progress;
    bool quiet;
} job;

/* ---- what is asked ---- */

static float limit_of(const hone_options *o, const char *name) {
    return hone_options_has(o, name) ? (float)hone_options_real(o, name) : NAN;
}

static hone_status read_options(const hone_options *o, job *j) {
    j->quiet = hone_options_flag(o, "quiet");
    j->how = (hone_mining_options){.range_min = hone_options_int(o, "range-min"),
                                   .range_max = hone_options_int(o, "range-max"),
                                   .num_negatives = hone_options_int(o, "num-negatives"),
                                   .random = hone_options_is(o, "sampling-strategy", "random"),
                                   .seed = (uint64_t)hone_options_int(o, "seed"),
                                   .absolute_margin =
                                       limit_of(o, hone_options_has(o, "margin") ? "margin" : "absolute-margin"),
                                   .relative_margin = limit_of(o, "relative-margin"),
                                   .max_score = limit_of(o, "max-score"),
                                   .min_score = limit_of(o, "min-score")};
    if (!j->how.range_max) return HONE_OK;
    if (j->how.range_min >= j->how.range_max)
        return hone_fail(HONE_E_ARG, "--range-min is %" PRId64 ", --range-max %" PRId64 ": no rank lies between them",
                         j->how.range_min, j->how.range_max);
    if (j->how.num_negatives <= j->how.range_max - j->how.range_min) return HONE_OK;
    hone_fail(HONE_E_ARG, "--num-negatives is %" PRId64 ", --range-min and --range-max leave room for %" PRId64,
              j->how.num_negatives, j->how.range_max - j->how.range_min);
    return hone_hint("a larger --range-max, a smaller --range-min, or fewer --num-negatives");
}

static bool ends_with(const char *s, size_t n, const char *tail) {
    size_t m = strlen(tail);
    return n > m && !memcmp(s + n - m, tail, m);
}

/* The file is opened before the hour of work; a folder that refuses it says so at once. */
static hone_status open_out(const hone_options *o, job *j) {
    const char *path = hone_options_string(o, "out");
    size_t n = strlen(path);
    if (ends_with(path, n, ".gz")) n -= 3;
    if (ends_with(path, n, ".csv"))
        j->kind = FILE_CSV;
    else if (ends_with(path, n, ".tsv"))
        j->kind = FILE_TSV;
    else if (!ends_with(path, n, ".jsonl") && strcmp(path, "-") && !hone_writer_is_direct(path))
        return hone_fail(HONE_E_ARG, "--out %s: unknown kind of file, allowed: .jsonl, .csv, .tsv, each also .gz, -",
                         hone_quote(path));
    HONE_TRY(hone_outfile_check(path, "FILE", hone_options_operand(o, 0)));
    HONE_TRY(hone_outfile_check(path, "--corpus", hone_options_string(o, "corpus")));
    return hone_outfile_open(path, &j->out);
}

/* ---- who is right for whom ---- */

typedef struct pair {
    int32_t query, document;
    int64_t row;
} pair;

static int by_query(const void *a, const void *b) {
    const pair *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Documents: those of --corpus first, then the positives, each text once, as the reference orders them. */
static hone_status number_documents(job *j) {
    int32_t number;
    for (int64_t i = 0; j->more && i < hone_table_rows(j->more); i++) {
        hone_cell c = hone_table_cell(j->more, i, j->more_roles.columns[0]);
        const char *p = c.p;
        size_t n = c.n;
        hone_text_trim(&p, &n);
        if (n) HONE_TRY(hone_intern_add(&j->documents, c.p, c.n, &number));
    }
    return HONE_OK;
}

static hone_status pair_up(job *j) {
    const int64_t rows = hone_table_rows(j->t);
    pair *pairs = hone_alloc((size_t)(rows + 1) * sizeof *pairs);
    hone_status st = pairs ? number_documents(j) : HONE_E_NOMEM;
    for (int64_t i = 0; i < rows && st == HONE_OK; i++) {
        hone_cell a = hone_table_cell(j->t, i, j->roles.anchor), p = hone_table_cell(j->t, i, j->roles.positive);
        pairs[i].row = i;
        st = hone_intern_add(&j->queries, a.p, a.n, &pairs[i].query);
        if (st == HONE_OK) st = hone_intern_add(&j->documents, p.p, p.n, &pairs[i].document);
    }
    j->right = hone_zalloc((size_t)(j->queries.count + 1) * sizeof *j->right);
    j->right_list = hone_alloc((size_t)(rows + 1) * sizeof *j->right_list);
    if (st == HONE_OK && (!j->right || !j->right_list)) st = HONE_E_NOMEM;
    if (st == HONE_OK) qsort(pairs, (size_t)rows, sizeof *pairs, by_query);
    int64_t n = 0, in_query = 0;
    for (int64_t i = 0; i < rows && st == HONE_OK; i++) {
        bool first = !i || pairs[i].query != pairs[i - 1].query, seen = false;
        if (first) j->right[pairs[i].query] = n, in_query = 0;
        if (++in_query > j->most_rows) j->most_rows = in_query;
        for (int64_t k = j->right[pairs[i].query]; k < n && !seen; k++) seen = j->right_list[k] == pairs[i].document;
        if (!seen) j->right_list[n++] = pairs[i].document;
        j->right[pairs[i].query + 1] = n;
    }
    hone_free(pairs);
    return st;
}

/* One numbering of normal forms over queries and documents. */
static hone_status compare_texts(job *j) {
    const int64_t nq = j->queries.count, nd = j->documents.count;
    const char **p = hone_alloc((size_t)(nq + nd + 1) * sizeof *p);
    size_t *n = hone_alloc((size_t)(nq + nd + 1) * sizeof *n);
    hone_texts x = {0};
    hone_duplicates same = {0};
    j->same_q = hone_alloc((size_t)(nq + 1) * sizeof *j->same_q);
    j->same_d = hone_alloc((size_t)(nd + 1) * sizeof *j->same_d);
    hone_status st = p && n && j->same_q && j->same_d ? HONE_OK : HONE_E_NOMEM;
    for (int64_t k = 0; k < nq && st == HONE_OK; k++) p[k] = j->queries.p[k], n[k] = j->queries.n[k];
    for (int64_t k = 0; k < nd && st == HONE_OK; k++) p[nq + k] = j->documents.p[k], n[nq + k] = j->documents.n[k];
    if (st == HONE_OK) st = hone_texts_from_array(p, n, nq + nd, 1, &x);
    if (st == HONE_OK) st = hone_duplicates_find(&x, 2, &same);
    for (int64_t k = 0; k < nq && st == HONE_OK; k++) j->same_q[k] = same.same[x.of[k]];
    for (int64_t k = 0; k < nd && st == HONE_OK; k++) j->same_d[k] = same.same[x.of[nq + k]];
    hone_duplicates_free(&same);
    hone_texts_free(&x);
    hone_free(p), hone_free(n);
    return st;
}

static hone_status read_corpus(const hone_options *o, job *j) {
    if (!hone_options_has(o, "corpus")) return HONE_OK;
    HONE_TRY(hone_rows_judge(hone_options_string(o, "corpus"), hone_options_flag(o, "strict"), HONE_ROWS_TEXT, NULL, 0,
                             &j->more, &j->more_roles));
    if (hone_table_bad_count(j->more))
        hone_print_note(j->quiet, "%s: %" PRId64 " rows cannot be used and are skipped", hone_table_path(j->more),
                        hone_table_bad_count(j->more));
    return HONE_OK;
}

/* ---- embedding and choosing ---- */

typedef struct shift {
    hone_progress *progress;
    int64_t before;
} shift;

static void show_progress(void *ctx, int64_t done, int64_t total) {
    shift *s = ctx;
    (void)total;
    hone_progress_update(s->progress, s->before + done, (double)NAN);
}

static hone_status embed(const hone_options *o, job *j, hone_graph *g, const hone_intern *x, const char *prompt_name,
                         int64_t before, float **out) {
    const int64_t D = hone_model_get_info(j->model)->kept;
    char option[32];
    snprintf(option, sizeof option, "prompt-%s", prompt_name);
    /* As encode_query and encode_document: the folder's prompt of that name, else none; never its default prompt. */
    const char *prompt =
        hone_options_has(o, option) ? hone_options_string(o, option) : hone_model_prompt(j->model, prompt_name);
    shift s = {&j->progress, before};
    hone_embed_options how = {.prompt = prompt ? prompt : "",
                              .batch_tokens = hone_options_int(o, "batch-size") * ROW_TOKENS,
                              .normalize = true,
                              .progress = show_progress,
                              .ctx = &s};
    hone_text *texts = hone_alloc((size_t)(x->count + 1) * sizeof *texts);
    *out = hone_alloc((size_t)(x->count + 1) * (size_t)D * sizeof **out);
    hone_status st = texts && *out ? HONE_OK : HONE_E_NOMEM;
    for (int64_t k = 0; k < x->count && st == HONE_OK; k++) texts[k] = (hone_text){x->p[k], x->n[k]};
    if (st == HONE_OK) st = hone_model_embed(j->model, g, texts, x->count, &how, *out, NULL);
    hone_free(texts);
    return st;
}

static hone_status embed_all(const hone_options *o, job *j) {
    hone_precision precision;
    HONE_TRY(hone_precision_option(o, false, &precision));
    hone_model_options how = {.precision = precision, .max_length = hone_options_int(o, "max-length")};
    HONE_TRY(hone_model_open(hone_options_string(o, "model"), &how, &j->model));
    HONE_TRY(hone_outfile_check_folder(hone_options_string(o, "out"), "a file of the model",
                                       hone_model_get_info(j->model)->dir));
    hone_precision_note(o, j->model);
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = arena ? hone_graph_new(arena) : NULL;
    hone_status st = g ? HONE_OK : HONE_E_NOMEM;
    hone_progress_start(&j->progress, "embed", "texts", j->queries.count + j->documents.count, 0, j->quiet);
    if (st == HONE_OK) st = embed(o, j, g, &j->documents, "document", 0, &j->d);
    if (st == HONE_OK) st = embed(o, j, g, &j->queries, "query", j->documents.count, &j->q);
    hone_progress_end(&j->progress);
    hone_graph_free(g);
    hone_arena_free(arena);
    return st;
}

static hone_status mine(job *j) {
    const char *name = hone_model_get_info(j->model)->similarity;
    int similarity = name ? hone_similarity_from_name(name) : HONE_SIMILARITY_COSINE;
    j->how.similarity = similarity < 0 ? HONE_SIMILARITY_COSINE : (hone_similarity)similarity;
    hone_mining_input in = {.n_queries = j->queries.count,
                            .n_documents = j->documents.count,
                            .D = hone_model_get_info(j->model)->kept,
                            .q = j->q,
                            .d = j->d,
                            .right = j->right,
                            .right_list = j->right_list,
                            .same_q = j->same_q,
                            .same_d = j->same_d,
                            .most_rows = j->most_rows};
    return hone_mining_run(&in, &j->how, &j->m);
}

/* ---- writing ---- */

/* A field as RFC 4180 has it: in quotes where it must be. An empty one, too: a line without a character is no row. */
static void add_field(job *j, const char *p, size_t n) {
    const char delimiter = j->kind == FILE_CSV ? ',' : '\t';
    hone_text_buffer *b = &j->line;
    bool plain = n > 0;
    if (b->n) hone_text_add(b, &delimiter, 1);
    for (size_t i = 0; i < n && plain; i++) plain = p[i] != delimiter && p[i] != '"' && p[i] != '\n' && p[i] != '\r';
    if (plain) {
        hone_text_add(b, p, n);
        return;
    }
    hone_text_add(b, "\"", 1);
    for (size_t i = 0; i < n; i++) hone_text_add(b, p[i] == '"' ? "\"\"" : p + i, p[i] == '"' ? 2 : 1);
    hone_text_add(b, "\"", 1);
}

static void add_member(job *j, const char *name, const char *p, size_t n) {
    if (j->kind != FILE_JSONL) {
        add_field(j, p, n);
        return;
    }
    hone_text_puts(&j->line, j->line.n ? "," : "{");
    hone_text_json(&j->line, name, strlen(name));
    hone_text_add(&j->line, ":", 1);
    hone_text_json(&j->line, p, n);
}

static void add_scores(job *j, float positive, const float *negative, int64_t n) {
    hone_text_buffer list = {0};
    hone_text_add(&list, "[", 1);
    hone_text_f32(&list, positive);
    for (int64_t k = 0; k < n; k++) {
        hone_text_add(&list, ",", 1);
        hone_text_f32(&list, negative[k]);
    }
    hone_text_add(&list, "]", 1);
    if (j->kind == FILE_JSONL) {
        hone_text_puts(&j->line, ",\"scores\":");
        hone_text_add(&j->line, list.p ? list.p : "", list.n);
    } else {
        add_field(j, list.p ? list.p : "", list.n);
    }
    j->line.failed |= list.failed;
    hone_text_buffer_free(&list);
}

static hone_status end_line(job *j) {
    hone_text_puts(&j->line, j->kind == FILE_JSONL ? "}\n" : "\n");
    if (j->line.failed) return hone_fail(HONE_E_NOMEM, "no memory for a line of output");
    hone_status st = hone_outfile_write(j->out, j->line.p, j->line.n);
    j->line.n = 0;
    return st;
}

static const char *negative_name(char out[32], bool triplet, int64_t k) {
    if (triplet)
        strcpy(out, "negative");
    else
        snprintf(out, 32, "negative_%" PRId64, k + 1);
    return out;
}

static hone_status write_header(job *j, bool triplet, bool scores) {
    char name[32];
    const char *anchor = hone_table_column_name(j->t, j->roles.anchor),
               *positive = hone_table_column_name(j->t, j->roles.positive);
    if (j->kind == FILE_JSONL) return HONE_OK;
    add_field(j, anchor, strlen(anchor));
    add_field(j, positive, strlen(positive));
    for (int64_t k = 0; k < (triplet ? 1 : j->how.num_negatives); k++) {
        negative_name(name, triplet, k);
        add_field(j, name, strlen(name));
    }
    if (scores) add_field(j, "scores", 6);
    return end_line(j);
}

/* negatives[0..n) behind the pair (query, its k-th right document). */
static hone_status write_row(job *j, int64_t query, int64_t k, const int32_t *negative, const float *score, int64_t n,
                             bool triplet, bool scores) {
    char name[32];
    const int32_t d = j->right_list[k];
    add_member(j, hone_table_column_name(j->t, j->roles.anchor), j->queries.p[query], j->queries.n[query]);
    add_member(j, hone_table_column_name(j->t, j->roles.positive), j->documents.p[d], j->documents.n[d]);
    for (int64_t i = 0; i < n; i++)
        add_member(j, negative_name(name, triplet, i), j->documents.p[negative[i]], j->documents.n[negative[i]]);
    if (scores) add_scores(j, j->m->right_score[k], score, n);
    j->written++;
    return end_line(j);
}

static hone_status write_rows(const hone_options *o, job *j) {
    const bool triplet = hone_options_is(o, "output-format", "triplet"), scores = hone_options_flag(o, "output-scores");
    const int64_t want = j->how.num_negatives;
    HONE_TRY(write_header(j, triplet, scores));
    for (int64_t query = 0; query < j->queries.count; query++) {
        const int32_t *negative = j->m->negative + query * want;
        const float *score = j->m->score + query * want;
        int64_t n = 0;
        while (n < want && negative[n] >= 0) n++;
        for (int64_t k = j->right[query]; k < j->right[query + 1]; k++) {
            j->short_of += n < want;
            if (!triplet && n == want) HONE_TRY(write_row(j, query, k, negative, score, n, false, scores));
            for (int64_t i = 0; triplet && i < n; i++)
                HONE_TRY(write_row(j, query, k, negative + i, score + i, 1, true, scores));
        }
    }
    return HONE_OK;
}

static void say_what_was_done(const hone_options *o, const job *j) {
    static const char *const limits[HONE_MINED_LIMITS] = {"absolute-margin", "relative-margin", "max-score",
                                                          "min-score"};
    const int64_t pairs = j->right[j->queries.count];
    double positive = 0, negative = 0;
    int64_t n = 0;
    for (int64_t k = 0; k < pairs; k++) positive += (double)j->m->right_score[k];
    for (int64_t k = 0; k < j->queries.count * j->how.num_negatives; k++)
        if (j->m->negative[k] >= 0) negative += (double)j->m->score[k], n++;
    hone_print_note(j->quiet,
                    "%" PRId64 " rows from %" PRId64 " pairs of %" PRId64 " anchors and %" PRId64
                    " documents; mean similarity of positives %.4f, of negatives %.4f",
                    j->written, pairs, j->queries.count, j->documents.count, positive / (double)pairs,
                    n ? negative / (double)n : (double)NAN);
    for (int k = 0; k < HONE_MINED_LIMITS; k++)
        if (j->m->excluded[k])
            hone_print_note(j->quiet, "%" PRId64 " of %" PRId64 " candidates were left out by --%s", j->m->excluded[k],
                            j->m->candidates, limits[k]);
    if (j->short_of)
        hone_print_note(j->quiet,
                        "%" PRId64 " of %" PRId64 " pairs found fewer than %" PRId64
                        " negatives%s; a larger --range-max finds more",
                        j->short_of, pairs, j->how.num_negatives,
                        hone_options_is(o, "output-format", "n-tuple") ? " and have no row" : "");
}

/* A NUL (JSON's \u0000) has no place in CSV, where no reader would take the row. */
static hone_status fits_format(const hone_options *o, const job *j) {
    const hone_intern *lists[] = {&j->queries, &j->documents};
    for (int k = 0; k < 2 && j->kind != FILE_JSONL; k++)
        for (int64_t i = 0; i < lists[k]->count; i++)
            if (memchr(lists[k]->p[i], 0, lists[k]->n[i])) {
                hone_fail(HONE_E_ARG, "--out %s: the text \"%s\" holds a NUL character, which such a file cannot",
                          hone_quote(hone_options_string(o, "out")), hone_quote_n(lists[k]->p[i], lists[k]->n[i]));
                return hone_hint("--out NAME.jsonl");
            }
    return HONE_OK;
}

static hone_status negatives(const hone_options *o, job *j) {
    HONE_TRY(read_options(o, j));
    HONE_TRY(open_out(o, j));
    HONE_TRY(hone_rows_read_path(o, hone_options_operand(o, 0), HONE_ROWS_PAIRS, &j->t, &j->roles));
    HONE_TRY(read_corpus(o, j));
    HONE_TRY(pair_up(j));
    HONE_TRY(fits_format(o, j));
    HONE_TRY(compare_texts(j));
    HONE_TRY(embed_all(o, j));
    HONE_TRY(mine(j));
    HONE_TRY(write_rows(o, j));
    if (!j->written) {
        hone_fail_at(HONE_E_FORMAT, hone_table_path(j->t), 0, 0, "no negative was found among %" PRId64 " documents",
                     j->documents.count);
        return hone_hint("a larger --range-max or --max-score, a smaller --range-min, --min-score or margin, or more "
                         "documents by --corpus");
    }
    hone_status st = hone_outfile_commit(j->out);
    j->out = NULL;
    HONE_TRY(st);
    say_what_was_done(o, j);
    return HONE_OK;
}

static hone_status run(const hone_options *o) {
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    hone_status st = negatives(o, j);
    hone_outfile_abort(j->out);
    hone_text_buffer_free(&j->line);
    hone_mining_free(j->m);
    hone_free(j->q), hone_free(j->d);
    hone_model_close(j->model);
    hone_free(j->right), hone_free(j->right_list), hone_free(j->same_q), hone_free(j->same_d);
    hone_intern_free(&j->queries), hone_intern_free(&j->documents);
    hone_table_free(j->t), hone_table_free(j->more);
    hone_free(j);
    return st;
}

const hone_command hone_command_data_negatives = {
    .name = "data negatives",
    .summary = "mine hard negatives with a model",
    .synopsis = "FILE --model M [--out FILE] [options]",
    .about = "Ranks all documents (the positives of FILE, and --corpus) by similarity to each anchor and takes, of "
             "those that no row calls right for it, the most similar ones. The options are those of "
             "mine_hard_negatives in sentence-transformers, with its defaults; an anchor with several positives is "
             "held against the least similar of them. The anchor's positives, other spellings of them and the anchor "
             "itself are never taken. What comes out is read by hone train --task pairs and --task triplet.",
    .options = options,
    .operand = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .example = {"hone data negatives pairs.jsonl --model sentence-transformers/all-MiniLM-L6-v2 --relative-margin 0.05 "
                "--out triplets.jsonl",
                "hone data negatives pairs.csv --model ./minilm --range-min 10 --range-max 100 --num-negatives 5 "
                "--sampling-strategy random --output-format n-tuple --out hard.csv"},
    .example_note = {"a row for each negative that is at least 5 % less similar than the positive",
                     "five negatives a row, drawn from the ranks 10 to 100"},
    .exits = "3 bad data or weights|6 a vector is NaN or infinite",
    .run = run,
};
