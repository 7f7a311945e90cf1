/* hone embed: texts in, vectors out. */
#include "tools/embed.h"
#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/precision.h"
#include "tools/progress.h"
#include "tools/rows.h"
#include "tools/terminal.h"
#include "tools/vectors.h"

#include "base/memory.h"
#include "models/model.h"

#include <math.h>

static const hone_option options[] = {
    {.group = "In and out",
     .name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "a folder, or a name in the local Hugging Face cache",
     .aka = "model-name-or-path|model-name",
     .required = true},
    {.name = "input",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "rows to embed: .csv, .tsv, .jsonl or .json, also .gz; - is standard input, whichever of these",
     .aka = "data|in|file|text",
     .required = true},
    {.name = "out",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "one row per input row, f32: X.npy, X.safetensors, or X.jsonl with row, id, vector and the other columns "
             "as payload; - is "
             "JSON lines on standard output",
     .aka = "output|output-file",
     .required = true},
    {.name = "columns",
     .kind = HONE_OPTION_PAIRS,
     .value = "ROLE=NAME,...",
     .help = "which column holds the text, the id: text=title,id=sku",
     .shown = "known names",
     .repeat = true},
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
     .help = "rows of 64 tokens computed at once, more or fewer where they are shorter or longer",
     .aka = "bs",
     .range = {1, 65536}},
    {.name = "max-length",
     .kind = HONE_OPTION_INT,
     .unit = "tokens",
     .shown = "what the model's folder says",
     .help = "longer texts are cut, special tokens included",
     .aka = "max-seq-length|max-seq-len|max-len",
     .range = {2, 1000000}},
    {.name = "prompt",
     .kind = HONE_OPTION_STRING,
     .excludes = "prompt-name",
     .shown = "the folder's default_prompt_name",
     .help = "text put before every row; empty: none"},
    {.name = "prompt-name",
     .kind = HONE_OPTION_STRING,
     .value = "NAME",
     .help = "the prompt that the model's folder keeps under this name"},
    {.name = "normalize",
     .kind = HONE_OPTION_FLAG,
     .help = "scale every vector to length 1, whatever the model's modules do",
     .aka = "normalize-embeddings"},
    {.name = "truncate",
     .kind = HONE_OPTION_INT,
     .value = "D",
     .shown = "what the model's folder says, else all",
     .unit = "dimensions",
     .help = "keep the first D numbers of each vector",
     .aka = "truncate-dim|dim|dimensions",
     .range = {1, 1000000}},
    {.name = "pooling",
     .kind = HONE_OPTION_CHOICE,
     .allowed = "mean|cls|max|mean_sqrt_len_tokens|weightedmean|lasttoken",
     .shown = "what the model's folder says",
     .help = "how token vectors become one"},
    {.name = "quantize",
     .kind = HONE_OPTION_CHOICE,
     .allowed = "int8|binary",
     .help = "smaller numbers",
     .aka = "precision",
     .not_yet = true},
    {.name = "strict", .kind = HONE_OPTION_FLAG, .help = "stop at the first bad row instead of skipping it"},
    {.name = NULL}};

typedef struct job {
    hone_table *table;
    hone_roles roles;
    hone_model *model;
    hone_arena *arena;
    hone_graph *graph;
    hone_text *texts;
    float *vectors;
    hone_progress progress;
} job;

/* The prompt by --prompt or --prompt-name; NULL: the model's default. */
static hone_status choose_prompt(const hone_options *o, const hone_model *m, const char **out) {
    *out = hone_options_string(o, "prompt");
    const char *name = hone_options_string(o, "prompt-name");
    if (!name) return HONE_OK;
    *out = hone_model_prompt(m, name);
    if (*out) return HONE_OK;
    hone_fail(HONE_E_ARG, "--prompt-name: the model has no prompt \"%s\"", hone_quote(name));
    return hone_hint("its prompts are in config_sentence_transformers.json; --prompt takes the text itself");
}

static void show_progress(void *ctx, int64_t done, int64_t total) {
    (void)total;
    hone_progress_update(ctx, done, (double)NAN);
}

static hone_status open_model(const hone_options *o, job *j) {
    hone_precision precision;
    HONE_TRY(hone_precision_option(o, false, &precision));
    hone_model_options how = {.precision = precision,
                              .max_length = hone_options_has(o, "max-length") ? hone_options_int(o, "max-length") : 0,
                              .pooling = hone_options_string(o, "pooling")};
    HONE_TRY(hone_model_open(hone_options_string(o, "model"), &how, &j->model));
    HONE_TRY(hone_outfile_check_folder(hone_options_string(o, "out"), "a file of the model",
                                       hone_model_get_info(j->model)->dir));
    hone_precision_note(o, j->model);
    int64_t D = hone_model_get_info(j->model)->embedding, truncate = hone_options_int(o, "truncate");
    if (truncate > D)
        return hone_fail(HONE_E_ARG,
                         "--truncate: %" PRId64 " is out of range, the model's vectors have %" PRId64 " dimensions",
                         truncate, D);
    return HONE_OK;
}

static hone_status embed(const hone_options *o, job *j) {
    int64_t n = hone_table_rows(j->table), cut = 0;
    int64_t D = hone_options_has(o, "truncate") ? hone_options_int(o, "truncate") : hone_model_get_info(j->model)->kept;
    uint64_t bytes;
    if (!hone_mul_size((uint64_t)n * sizeof(float), (uint64_t)D, &bytes))
        return hone_fail(HONE_E_LIMIT, "too many vectors");
    j->arena = hone_arena_new("step", 0);
    j->graph = j->arena ? hone_graph_new(j->arena) : NULL;
    j->texts = hone_alloc((size_t)n * sizeof *j->texts);
    j->vectors = hone_alloc(bytes);
    if (!j->graph || !j->texts || !j->vectors)
        return hone_fail(HONE_E_NOMEM, "no memory for %" PRId64 " vectors of %" PRId64, n, D);
    for (int64_t i = 0; i < n; i++) {
        hone_cell c = hone_table_cell(j->table, i, j->roles.columns[0]);
        j->texts[i] = (hone_text){c.p, c.n};
    }
    hone_embed_options how = {.batch_tokens = hone_options_int(o, "batch-size") * HONE_EMBED_ROW_TOKENS,
                              .normalize = hone_options_flag(o, "normalize"),
                              .truncate = hone_options_int(o, "truncate"),
                              .progress = show_progress,
                              .ctx = &j->progress};
    HONE_TRY(choose_prompt(o, j->model, &how.prompt));
    hone_progress_start(&j->progress, "embed", "rows", n, 0, hone_options_flag(o, "quiet"));
    hone_status st = hone_model_embed(j->model, j->graph, j->texts, n, &how, j->vectors, &cut);
    hone_progress_end(&j->progress);
    HONE_TRY(st);
    if (cut)
        hone_print_note(hone_options_flag(o, "quiet"),
                        "%" PRId64 " of %" PRId64 " texts were cut at %" PRId64 " tokens", cut, n,
                        hone_model_get_info(j->model)->max_length);
    return hone_vectors_write(hone_options_string(o, "out"), j->vectors, D, j->table, &j->roles);
}

static hone_status run(const hone_options *o) {
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    hone_status st = hone_outfile_check(hone_options_string(o, "out"), "--input", hone_options_string(o, "input"));
    if (st == HONE_OK) st = hone_vectors_check(hone_options_string(o, "out"));
    if (st == HONE_OK) st = open_model(o, j);
    if (st == HONE_OK) st = hone_rows_read(o, "input", HONE_ROWS_TEXT, &j->table, &j->roles);
    if (st == HONE_OK) st = embed(o, j);
    hone_free(j->vectors);
    hone_free(j->texts);
    hone_graph_free(j->graph);
    hone_arena_free(j->arena);
    hone_model_close(j->model);
    hone_table_free(j->table);
    hone_free(j);
    return st;
}

const hone_command hone_command_embed = {
    .name = "embed",
    .summary = "turn texts into vectors",
    .synopsis = "--model M --input FILE --out X.npy [options]",
    .about = "Does what sentence-transformers does with the folder: its modules, its default prompt, its "
             "truncate_dim, no normalisation of its own.",
    .options = options,
    .example =
        {"hone embed --model sentence-transformers/all-MiniLM-L6-v2 --input texts.jsonl --out vectors.npy",
         "hone embed --model run/best_model --input products.csv --columns text=title,id=sku --out products.jsonl"},
    .example_note = {"an array [rows, dimensions] for NumPy",
                     "one JSON object a row, with id and payload, for a vector database"},
    .exits = "3 bad data or weights|6 a vector is NaN or infinite",
    .run = run,
};
