/* hone eval: how good is a model on these rows, and is another one better? */
#include "tools/commands.h"
#include "tools/judge.h"
#include "tools/labels.h"
#include "tools/precision.h"
#include "tools/progress.h"
#include "tools/rows.h"
#include "tools/terminal.h"

#include "base/memory.h"
#include "eval/bootstrap.h"

#include <math.h>
#include <string.h>

static const hone_option options[] = {
    {.group = "What is judged, on what",
     .name = "task",
     .kind = HONE_OPTION_CHOICE,
     .value = "TASK",
     .allowed = "pairs|triplet|scored",
     .later = "rerank|match|image-text|image-label|distill",
     .help = "what the rows mean",
     .required = true},
    {.name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "M",
     .help = "a folder, or a name in the local Hugging Face cache",
     .aka = "model-name-or-path|model-name",
     .required = true},
    {.name = "data",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "rows that training never saw",
     .aka = "eval|input|test|dataset|file",
     .required = true},
    {.name = "compare",
     .kind = HONE_OPTION_FILE,
     .value = "M2",
     .help = "a second model: its figures, the difference and a paired test",
     .aka = "model2|baseline|base"},
    {.name = "columns",
     .kind = HONE_OPTION_PAIRS,
     .value = "ROLE=NAME,...",
     .help = "which column plays which role: anchor=question,positive=answer",
     .shown = "known names",
     .repeat = true},
    {.name = "labels",
     .kind = HONE_OPTION_FLAG,
     .help = "--task triplet: rows are a text and a label, judged by their neighbours"},
    {.name = "corpus",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "more documents to search in, beside the rows' own positives",
     .not_yet = true},
    {.name = "image-root",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "folder of relative image paths",
     .not_yet = true},

    {.group = "How",
     .name = "batch-size",
     .kind = HONE_OPTION_INT,
     .fallback = "16",
     .unit = "rows",
     .help = "texts of 64 tokens computed at once, more or fewer where they are shorter or longer",
     .aka = "bs|eval-batch-size|per-device-eval-batch-size",
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
     .help = "put before each anchor",
     .shown = "the folder's prompt query; scored, --labels: its default one"},
    {.name = "prompt-document",
     .kind = HONE_OPTION_STRING,
     .help = "put before each positive and negative",
     .shown = "the folder's prompt document; scored: its default one"},
    {.name = "bootstrap",
     .kind = HONE_OPTION_INT,
     .fallback = "2000",
     .unit = "resamples",
     .help = "for the 95 % intervals",
     .range = {100, 1000000}},
    {.name = "changed",
     .kind = HONE_OPTION_INT,
     .fallback = "0",
     .unit = "queries",
     .help = "with --compare: show so many queries whose first answer changed, before and after",
     .range = {0, 100000}},
    {.name = "strict", .kind = HONE_OPTION_FLAG, .help = "stop at the first bad row instead of skipping it"},
    {.name = NULL}};

#define ROW_TOKENS 64                            /* what --batch-size counts as one row */
#define MAX_METRICS (HONE_RETRIEVAL_METRICS + 1) /* more than other tasks have */

typedef struct side {
    hone_judge *judge;
    hone_interval metric[MAX_METRICS];
} side;

typedef struct job {
    hone_table *table;
    hone_roles roles;
    hone_texts texts;
    hone_labels labels;
    side model, other; /* --model, --compare */
    hone_paired difference[MAX_METRICS];
    hone_progress progress;
    bool quiet;
} job;

/* ---- figures ---- */

static void show_progress(void *ctx, int64_t done, int64_t total) {
    (void)total;
    hone_progress_update(ctx, done, (double)NAN);
}

/* Open the model, embed and rank everything, close it: two models are never in memory together. */
static hone_status judge_model(const hone_options *o, job *j, const char *name, side *out) {
    hone_precision precision;
    HONE_TRY(hone_precision_option(o, false, &precision));
    hone_judge_options how = {.triplet = hone_options_is(o, "task", "triplet"),
                              .score = j->labels.score,
                              .label = j->labels.group,
                              .file = hone_table_path(j->table),
                              .prompt_query = hone_options_string(o, "prompt-query"),
                              .prompt_document = hone_options_string(o, "prompt-document"),
                              .batch_tokens = hone_options_int(o, "batch-size") * ROW_TOKENS,
                              .progress = show_progress,
                              .ctx = &j->progress};
    hone_model *m = NULL;
    hone_graph *g = NULL;
    hone_arena *arena = hone_arena_new("step", 0);
    hone_status st = arena && (g = hone_graph_new(arena)) ? HONE_OK : HONE_E_NOMEM;
    if (st == HONE_OK)
        st = hone_model_open(
            name, &(hone_model_options){.precision = precision, .max_length = hone_options_int(o, "max-length")}, &m);
    if (st == HONE_OK) hone_precision_note(o, m);
    if (st == HONE_OK) st = hone_judge_new(&j->texts, NULL, j->texts.rows, &how, &out->judge);
    if (st == HONE_OK) {
        hone_progress_start(&j->progress, "eval", "texts", hone_judge_texts(out->judge), 0, j->quiet);
        st = hone_judge_score(out->judge, m, g);
        hone_progress_end(&j->progress);
    }
    hone_model_close(m);
    hone_graph_free(g);
    hone_arena_free(arena);
    for (int i = 0; st == HONE_OK && i < hone_judge_metrics(out->judge); i++)
        st = hone_judge_interval(out->judge, i, hone_options_int(o, "bootstrap"), (uint64_t)hone_options_int(o, "seed"),
                                 &out->metric[i]);
    return st;
}

/* The second model less the first: positive is better. */
static hone_status compare(const hone_options *o, job *j) {
    for (int i = 0; i < hone_judge_metrics(j->model.judge); i++)
        HONE_TRY(hone_judge_compare(j->model.judge, j->other.judge, i, hone_options_int(o, "bootstrap"),
                                    (uint64_t)hone_options_int(o, "seed"), &j->difference[i]));
    return HONE_OK;
}

/* ---- queries whose first answer changed ---- */

static json_t *text_of(const job *j, int32_t text) {
    return json_stringn(j->texts.p[text], j->texts.n[text]);
}

static json_t *changed_json(const job *j, int64_t query) {
    const hone_retrieval *a = hone_judge_retrieval(j->model.judge), *b = hone_judge_retrieval(j->other.judge);
    int32_t x = a->top[query * a->depth], y = b->top[query * b->depth];
    return json_pack("{s:o,s:o,s:o,s:b,s:o,s:b}", "query", text_of(j, a->query[query]), "right",
                     text_of(j, a->document[a->relevant_list[a->relevant[query]]]), "model", text_of(j, a->document[x]),
                     "model_right", hone_retrieval_is_relevant(a, query, x), "compare", text_of(j, a->document[y]),
                     "compare_right", hone_retrieval_is_relevant(a, query, y));
}

/* Up to `most` of them, spread evenly over all: not the best ones. counts: became right, became wrong, other. */
static json_t *find_changed(const job *j, int64_t most, int64_t counts[3]) {
    const hone_retrieval *a = hone_judge_retrieval(j->model.judge), *b = hone_judge_retrieval(j->other.judge);
    json_t *list = json_array();
    int64_t all = 0, seen = 0;
    counts[0] = counts[1] = counts[2] = 0;
    for (int64_t i = 0; i < a->n_queries; i++) all += a->top[i * a->depth] != b->top[i * b->depth];
    for (int64_t i = 0; i < a->n_queries; i++) {
        int32_t x = a->top[i * a->depth], y = b->top[i * b->depth];
        if (x == y) continue;
        bool before = hone_retrieval_is_relevant(a, i, x), after = hone_retrieval_is_relevant(a, i, y);
        counts[!before && after ? 0 : before && !after ? 1 : 2]++;
        if (all <= most || seen * most / all != (seen + 1) * most / all)
            json_array_append_new(list, changed_json(j, i));
        seen++;
    }
    return list;
}

/* A text of the page: its beginning, cut between characters, on one line. */
static void print_start(const char *words, const json_t *changed, const char *key) {
    enum { MOST = 400 };
    const json_t *text = json_object_get(changed, key);
    const char *p = json_string_value(text);
    size_t n = json_string_length(text), cut = n > MOST ? MOST : n;
    char raw[MOST + 1], plain[4 * MOST + 8];
    while (cut > 0 && cut < n && ((unsigned char)p[cut] & 0xC0) == 0x80) cut--;
    memcpy(raw, p, cut);
    raw[cut] = 0;
    printf("  %s %s%s\n", words, hone_plain_text(raw, plain, sizeof plain), cut < n ? " ..." : "");
}

static void print_changed(const json_t *list, const int64_t counts[3]) {
    size_t i;
    json_t *x;
    printf("\nFirst answers that changed: %" PRId64 " became right, %" PRId64 " became wrong, %" PRId64
           " changed otherwise.",
           counts[0], counts[1], counts[2]);
    printf(" %zu of them, spread evenly:\n", json_array_size(list));
    json_array_foreach((json_t *)list, i, x) {
        putchar('\n');
        print_start("query   ", x, "query");
        print_start("right   ", x, "right");
        print_start(json_is_true(json_object_get(x, "model_right")) ? "before +" : "before -", x, "model");
        print_start(json_is_true(json_object_get(x, "compare_right")) ? "after  +" : "after  -", x, "compare");
    }
}

/* ---- output ---- */

/* null for a correlation that is not defined */
static json_t *number(double x) {
    return isnan(x) ? json_null() : json_real(x);
}

static json_t *interval_json(const hone_interval *x) {
    return json_pack("{s:o,s:o,s:o}", "value", number(x->value), "low", number(x->low), "high", number(x->high));
}

static json_t *side_json(const side *s) {
    json_t *all = json_object();
    for (int i = 0; i < hone_judge_metrics(s->judge); i++)
        json_object_set_new(all, hone_judge_name(s->judge, i), interval_json(&s->metric[i]));
    return all;
}

static hone_status print_as_json(const hone_options *o, const job *j) {
    const hone_retrieval *r = hone_judge_retrieval(j->model.judge);
    json_t *all = json_pack("{s:s,s:I}", "task", hone_options_string(o, "task"), "rows", (json_int_t)j->texts.rows);
    if (r) json_object_set_new(all, "queries", json_integer(r->n_queries));
    if (r) json_object_set_new(all, "documents", json_integer(r->n_documents));
    if (j->labels.group) json_object_set_new(all, "queries", json_integer(hone_judge_queries(j->model.judge)));
    json_object_set_new(all, "metrics", side_json(&j->model));
    if (all && j->other.judge) {
        json_t *difference = json_object();
        for (int i = 0; i < hone_judge_metrics(j->model.judge); i++) {
            json_t *x = interval_json(&j->difference[i].difference);
            json_object_set_new(x, "p", number(j->difference[i].p));
            json_object_set_new(difference, hone_judge_name(j->model.judge, i), x);
        }
        json_object_set_new(all, "compare", side_json(&j->other));
        json_object_set_new(all, "difference", difference);
        int64_t counts[3];
        if (hone_options_int(o, "changed"))
            json_object_set_new(all, "changed", find_changed(j, hone_options_int(o, "changed"), counts));
    }
    return hone_print_json(all);
}

/* sign: "+" or ""; width: of the column, 0 where nothing follows */
static void print_interval(const hone_interval *x, const char *sign, int width) {
    char line[96];
    if (isnan(x->value)) /* a correlation with a constant */
        snprintf(line, sizeof line, "not defined");
    else if (isnan(x->low) || isnan(x->high))
        snprintf(line, sizeof line, *sign ? "%+.4f" : "%.4f", x->value);
    else
        snprintf(line, sizeof line, *sign ? "%+.4f [%+.4f, %+.4f]" : "%.4f [%.4f, %.4f]", x->value, x->low, x->high);
    printf("%-*s", width, line);
}

static void print_as_text(const hone_options *o, const job *j) {
    const hone_retrieval *r = hone_judge_retrieval(j->model.judge);
    if (r)
        printf("%" PRId64 " rows: %" PRId64 " queries, %" PRId64
               " documents; [95 %% bootstrap interval over queries]\n\n",
               j->texts.rows, r->n_queries, r->n_documents);
    else if (j->labels.group)
        printf("%" PRId64 " rows: %" PRId64 " queries; [95 %% bootstrap interval over queries]\n\n", j->texts.rows,
               hone_judge_queries(j->model.judge));
    else
        printf("%" PRId64 " rows; [95 %% bootstrap interval over rows]\n\n", j->texts.rows);
    if (j->other.judge) printf("%-17s %-23s  %-23s  %s\n", "", "model", "compare", "difference");
    for (int i = 0; i < hone_judge_metrics(j->model.judge); i++) {
        const hone_interval *a = &j->model.metric[i], *b = &j->other.metric[i], *d = &j->difference[i].difference;
        printf("%-17s ", hone_judge_name(j->model.judge, i));
        print_interval(a, "", j->other.judge ? 23 : 0);
        if (j->other.judge) {
            printf("  ");
            print_interval(b, "", 23);
            printf("  ");
            print_interval(d, "+", 0);
            if (!isnan(j->difference[i].p)) printf("  p %.2g", j->difference[i].p);
        }
        putchar('\n');
    }
    if (j->other.judge && hone_options_int(o, "changed")) {
        int64_t counts[3];
        json_t *list = find_changed(j, hone_options_int(o, "changed"), counts);
        print_changed(list, counts);
        json_decref(list);
    }
}

static hone_status judge(const hone_options *o, job *j) {
    hone_row_kind kind = hone_options_is(o, "task", "triplet")  ? HONE_ROWS_TRIPLET
                         : hone_options_is(o, "task", "scored") ? HONE_ROWS_SCORED
                                                                : HONE_ROWS_PAIRS;
    if (kind == HONE_ROWS_TRIPLET && hone_options_flag(o, "labels")) kind = HONE_ROWS_LABELLED;
    if (hone_options_flag(o, "labels") && kind != HONE_ROWS_LABELLED)
        return hone_fail(HONE_E_ARG, "--labels goes with --task triplet alone");
    if (kind >= HONE_ROWS_SCORED && hone_options_int(o, "changed"))
        return hone_fail(HONE_E_ARG, "--changed shows first answers, and --task %s%s searches for none",
                         hone_options_string(o, "task"), kind == HONE_ROWS_LABELLED ? " --labels" : "");
    if (hone_options_given(o, "changed") && hone_options_int(o, "changed") && !hone_options_has(o, "compare"))
        return hone_fail(HONE_E_ARG, "--changed needs a second model: --compare M2");
    HONE_TRY(hone_rows_read(o, "data", kind, &j->table, &j->roles));
    HONE_TRY(hone_texts_from_table(j->table, j->roles.columns, j->roles.n_texts, &j->texts));
    HONE_TRY(hone_labels_read(j->table, kind, &j->roles, NULL, &j->labels));
    HONE_TRY(judge_model(o, j, hone_options_string(o, "model"), &j->model));
    if (hone_options_has(o, "compare")) {
        HONE_TRY(judge_model(o, j, hone_options_string(o, "compare"), &j->other));
        HONE_TRY(compare(o, j));
    }
    if (hone_options_flag(o, "json")) return print_as_json(o, j);
    print_as_text(o, j);
    return HONE_OK;
}

static hone_status run(const hone_options *o) {
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    j->quiet = hone_options_flag(o, "quiet");
    hone_status st = judge(o, j);
    hone_judge_free(j->model.judge);
    hone_judge_free(j->other.judge);
    hone_labels_free(&j->labels);
    hone_texts_free(&j->texts);
    hone_table_free(j->table);
    hone_free(j);
    return st;
}

const hone_command hone_command_eval = {
    .name = "eval",
    .summary = "judge a model on rows it has not seen, or compare two",
    .synopsis = "--task TASK --model M --data FILE [--compare M2] [options]",
    .about =
        "Every anchor is searched among all positives and negatives of the file: accuracy, precision and recall at "
        "1, 3, 5 and 10, MRR@10, NDCG@10, MAP@100; where rows have negatives also triplet_accuracy, the share of "
        "them that are farther than the positive. Every figure comes with its 95 % bootstrap interval over the "
        "queries (triplet_accuracy: over the triplets), every difference with the p value of a paired randomisation "
        "test.\n\n"
        "--task scored: pearson and spearman between the model's similarity of sentence1 and sentence2 and the "
        "score; intervals over the rows. --task triplet --labels: every text with a label that others share searches "
        "among all other texts: accuracy at 1, 3, 5 and 10, mrr@10 and map for texts of its label, triplet_accuracy "
        "the share of its triplets that stand right. The figures are means over the texts.",
    .options = options,
    .example = {"hone eval --task pairs --model run/best_model --data test.jsonl",
                "hone eval --task pairs --model sentence-transformers/all-MiniLM-L6-v2 --data test.jsonl --compare "
                "run/best_model --json"},
    .example_note = {"a table of figures with intervals", "before and after, as JSON"},
    .exits = "3 bad data or weights|6 a vector is NaN or infinite",
    .run = run,
};
