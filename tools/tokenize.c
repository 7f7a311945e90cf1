/* hone tokenize: the ids that the model will see, one JSON object a row, in the rows' order.
 *
 * Rows are encoded on all threads, a round of tasks at a time; each task writes the lines of its own rows into its own
 * buffer, and the buffers are printed in order. */
#include "tools/commands.h"
#include "tools/folder.h"
#include "tools/rows.h"
#include "tools/terminal.h"
#include "tools/text_buffer.h"

#include "base/io.h"
#include "base/parallel.h"
#include "data/tokenizer/tokenizer.h"
#include "models/model.h"

static const hone_option options[] = {
    {.group = "In and out",
     .name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "a model's or tokenizer's folder, or a name in the local Hugging Face cache",
     .aka = "model-name-or-path|model-name|tokenizer|tokenizer-name",
     .required = true},
    {.name = "input",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "rows: .csv, .tsv, .jsonl or .json, also .gz; - is standard input, whichever of these",
     .aka = "data|in|file|text",
     .required = true},
    {.name = "columns",
     .kind = HONE_OPTION_PAIRS,
     .value = "ROLE=NAME,...",
     .help = "which column holds the text: text=title; with --pairs anchor=question,positive=answer",
     .shown = "known names",
     .repeat = true},

    {.group = "How",
     .name = "pairs",
     .kind = HONE_OPTION_FLAG,
     .help = "two texts of each row as one sequence, as a cross-encoder reads them; the longer one is cut first",
     .aka = "pair|text-pair"},
    {.name = "max-length",
     .kind = HONE_OPTION_INT,
     .unit = "tokens",
     .shown = "what the model's folder says",
     .help = "longer texts are cut, special tokens included; never beyond the model's positions",
     .aka = "max-seq-length|max-seq-len|max-len|truncate",
     .range = {1, 1000000}},
    {.name = "strict", .kind = HONE_OPTION_FLAG, .help = "stop at the first bad row instead of skipping it"},
    {.name = NULL}};

#define TASK_ROWS 32
#define ROUND_TASKS 64

typedef struct job {
    const hone_tokenizer *tokenizer;
    const hone_table *table;
    const hone_roles *roles;
    hone_encode_options how;
    bool pairs;
    int64_t first, rows; /* of this round */
    hone_text_buffer out[ROUND_TASKS];
    hone_encoding encoding[ROUND_TASKS];
} job;

static void add_ints(hone_text_buffer *b, const char *name, const int32_t *x, int64_t n) {
    hone_text_puts(b, name);
    for (int64_t i = 0; i < n; i++) {
        if (i) hone_text_add(b, ",", 1);
        hone_text_int(b, x[i]);
    }
    hone_text_add(b, "]", 1);
}

static void add_line(const job *j, int64_t row, const hone_encoding *e, hone_text_buffer *b) {
    hone_text_puts(b, "{\"row\":");
    hone_text_int(b, row);
    add_ints(b, ",\"ids\":[", e->ids, e->n);
    add_ints(b, ",\"type_ids\":[", e->type_ids, e->n);
    hone_text_puts(b, ",\"tokens\":[");
    for (int64_t i = 0; i < e->n; i++) {
        size_t n = 0;
        const char *token = hone_encoding_token(j->tokenizer, e, i, &n);
        if (i) hone_text_add(b, ",", 1);
        hone_text_json(b, token ? token : "", n);
    }
    hone_text_puts(b, "],\"offsets\":[");
    for (int64_t i = 0; i < e->n; i++) {
        hone_text_puts(b, i ? ",[" : "[");
        hone_text_int(b, e->offsets[i][0]);
        hone_text_add(b, ",", 1);
        hone_text_int(b, e->offsets[i][1]);
        hone_text_add(b, "]", 1);
    }
    hone_text_puts(b, "]}\n");
}

static hone_status encode_task(void *ctx, int64_t task) {
    job *j = ctx;
    hone_encoding *e = &j->encoding[task];
    hone_text_buffer *b = &j->out[task];
    int64_t end = (task + 1) * TASK_ROWS < j->rows ? (task + 1) * TASK_ROWS : j->rows;
    for (int64_t i = j->first + task * TASK_ROWS; i < j->first + end; i++) {
        hone_cell a = hone_table_cell(j->table, i, j->roles->columns[0]);
        hone_cell second = {0};
        if (j->pairs) second = hone_table_cell(j->table, i, j->roles->columns[1]);
        hone_status st =
            hone_tokenizer_encode(j->tokenizer, a.p, a.n, j->pairs ? second.p : NULL, second.n, &j->how, e);
        if (st == HONE_E_ARG) return st; /* --max-length, not the row */
        if (st != HONE_OK) return hone_blame(hone_table_path(j->table), hone_table_row_line(j->table, i));
        add_line(j, hone_table_row_number(j->table, i), e, b);
    }
    return b->failed ? hone_fail(HONE_E_NOMEM, "no memory for the lines of output") : HONE_OK;
}

static hone_status encode_all(job *j) {
    int64_t n = hone_table_rows(j->table);
    hone_status st = HONE_OK;
    for (j->first = 0; j->first < n && st == HONE_OK; j->first += j->rows) {
        j->rows = n - j->first < TASK_ROWS * ROUND_TASKS ? n - j->first : TASK_ROWS * ROUND_TASKS;
        st = hone_parallel((j->rows + TASK_ROWS - 1) / TASK_ROWS, encode_task, j);
        /* The rows before a failure are right, but a list that stops in the middle looks complete: print none of the
         * round. */
        for (int k = 0; k < ROUND_TASKS; k++) {
            if (st == HONE_OK && j->out[k].n) st = hone_print_text(j->out[k].p, j->out[k].n);
            j->out[k].n = 0;
        }
    }
    for (int k = 0; k < ROUND_TASKS; k++) {
        hone_text_buffer_free(&j->out[k]);
        hone_encoding_free(&j->encoding[k]);
    }
    return st;
}

static hone_status run(const hone_options *o) {
    char dir[HONE_PATH_MAX], folder[HONE_PATH_MAX];
    hone_tokenizer *tokenizer = NULL;
    hone_table *table = NULL;
    hone_roles roles = {0};
    job *j = NULL;
    hone_status st = hone_model_find(hone_options_string(o, "model"), dir);
    if (st == HONE_OK) st = hone_folder_encoder(dir, folder);
    if (st == HONE_OK) st = hone_tokenizer_open(folder, &tokenizer);
    bool pairs = hone_options_flag(o, "pairs");
    if (st == HONE_OK) st = hone_rows_read(o, "input", pairs ? HONE_ROWS_TEXT_PAIR : HONE_ROWS_TEXT, &table, &roles);
    if (st == HONE_OK && !(j = hone_zalloc(sizeof *j))) st = HONE_E_NOMEM;
    if (st == HONE_OK) {
        j->tokenizer = tokenizer, j->table = table, j->roles = &roles, j->pairs = pairs;
        j->how.want_offsets = true;
        int64_t asked = hone_options_given(o, "max-length") ? hone_options_int(o, "max-length") : 0;
        st = hone_folder_max_length(folder, tokenizer, asked, &j->how.max_length);
    }
    if (st == HONE_OK) st = encode_all(j);
    hone_free(j);
    hone_table_free(table);
    hone_tokenizer_free(tokenizer);
    return st;
}

const hone_command hone_command_tokenize = {
    .name = "tokenize",
    .summary = "show the token ids that a model sees",
    .synopsis = "--model DIR --input FILE [--pairs] [options]",
    .about = "One JSON object a row, in the rows' order: "
             "{\"row\":0,\"ids\":[...],\"type_ids\":[...],\"tokens\":[...],\"offsets\":[[0,3],...]}. Offsets count "
             "characters of the row's text, [begin, end); special tokens have [0, 0]. There is no padding. Skipped "
             "rows leave gaps in \"row\".",
    .options = options,
    .example = {"hone tokenize --model sentence-transformers/all-MiniLM-L6-v2 --input texts.csv --columns text=title",
                "hone tokenize --model ./reranker --input pairs.jsonl --pairs --max-length 256"},
    .example_note = {"one text a row", "two texts a row, cut to 256 tokens together"},
    .exits = "3 bad data or tokenizer",
    .run = run,
};
