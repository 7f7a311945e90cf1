/* hone bench step, hone bench embed: how fast a whole training step, and embedding, run on this machine. (bench
 * kernels: bench_kernels.c.) */
#include "tools/bench_embed.h"
#include "tools/bench_step.h"
#include "tools/commands.h"
#include "tools/precision.h"
#include "tools/terminal.h"

#include <math.h>

static const hone_option step_options[] = {
    {.group = "What is measured",
     .name = "arch",
     .kind = HONE_OPTION_STRING,
     .value = "A",
     .fallback = "minilm-l6",
     .help = "minilm-l6, minilm-l12, bert-base, a model's folder, or a config.json (random weights); not available "
             "yet: minilm-l6-ce, vit-b16, vit-b32, clip-b32, siglip-b16",
     .aka = "model|architecture"},
    {.name = "batch",
     .kind = HONE_OPTION_INT,
     .fallback = "16",
     .unit = "texts",
     .help = "texts in a step, half of them anchors, half positives",
     .aka = "batch-size|bs",
     .range = {2, 65536}},
    {.name = "tokens",
     .kind = HONE_OPTION_INT,
     .fallback = "128",
     .unit = "tokens",
     .help = "length of every text",
     .aka = "max-length|length|seq-len",
     .range = {2, 1000000}},
    {.name = "lengths",
     .kind = HONE_OPTION_STRING,
     .value = "lognormal:M,S",
     .help = "instead of --tokens: lengths of a log-normal of mean M and sigma S, cut to 4..256",
     .shown = "all --tokens"},
    {.name = "dropout",
     .kind = HONE_OPTION_REAL,
     .fallback = "0.1",
     .help = "probability of dropping an element",
     .range = {0, 1},
     .below = true},
    {.name = "steps",
     .kind = HONE_OPTION_INT,
     .fallback = "10",
     .unit = "steps",
     .help = "measured steps, after two that warm up",
     .range = {1, 1000000}},
    {.name = "profile", .kind = HONE_OPTION_FLAG, .help = "where the time goes, by phase and by operation"},
    {.name = "serve",
     .kind = HONE_OPTION_FLAG,
     .help = "for scripts: measure a step for each line \"step\" on standard input, the roof for \"roof\"; answers in "
             "JSON"},
    {.name = NULL}};

static const hone_option embed_options[] = {
    {.group = "What is measured",
     .name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "M",
     .help = "a folder, or a name in the local Hugging Face cache",
     .required = true},
    {.name = "input",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "rows to embed, as for hone embed; not standard input",
     .aka = "data|in|file|text",
     .required = true},
    {.name = "columns",
     .kind = HONE_OPTION_PAIRS,
     .value = "ROLE=NAME,...",
     .help = "which column holds the text",
     .shown = "known names",
     .repeat = true},
    {.name = "batch-size",
     .kind = HONE_OPTION_INT,
     .fallback = "16",
     .unit = "rows",
     .help = "rows of 64 tokens computed at once, as for hone embed",
     .aka = "batch|bs",
     .range = {1, 65536}},
    {.name = "max-length",
     .kind = HONE_OPTION_INT,
     .unit = "tokens",
     .shown = "what the model's folder says",
     .help = "longer texts are cut",
     .range = {2, 1000000}},
    {.name = "starts",
     .kind = HONE_OPTION_INT,
     .fallback = "5",
     .unit = "processes",
     .help = "fresh processes that embed the first text",
     .range = {1, 1000}},
    {.name = "queries",
     .kind = HONE_OPTION_INT,
     .fallback = "200",
     .unit = "rows",
     .help = "rows embedded one by one for the latencies",
     .range = {1, 1000000}},
    {.name = "passes",
     .kind = HONE_OPTION_INT,
     .fallback = "3",
     .unit = "passes",
     .help = "over the whole file for the throughput",
     .range = {1, 100000}},
    {.name = "strict", .kind = HONE_OPTION_FLAG, .help = "stop at the first bad row instead of skipping it"},
    {.name = "serve",
     .kind = HONE_OPTION_FLAG,
     .help = "for scripts: embed 25 rows for each line \"queries\" on standard input, all for \"corpus\", or measure "
             "the roof for \"roof\"; answers in JSON"},
    {.name = NULL}};

static hone_status run_step(const hone_options *o) {
    hone_precision precision;
    HONE_TRY(hone_precision_option(o, true, &precision));
    hone_bench_step_options how = {.precision = precision,
                                   .arch = hone_options_string(o, "arch"),
                                   .batch = hone_options_int(o, "batch"),
                                   .tokens = hone_options_int(o, "tokens"),
                                   .lengths = hone_options_string(o, "lengths"),
                                   .dropout = hone_options_real(o, "dropout"),
                                   .steps = hone_options_int(o, "steps"),
                                   .seed = (uint64_t)hone_options_int(o, "seed"),
                                   .profile = hone_options_flag(o, "profile"),
                                   .serve = hone_options_flag(o, "serve"),
                                   .json = hone_options_flag(o, "json")};
    return hone_bench_step(stdout, &how);
}

const hone_command hone_command_bench_step = {
    .name = "bench step",
    .summary = "time a whole training step",
    .synopsis = "[--arch A] [--batch B] [--tokens T] [--dropout P] [--steps N] [options]",
    .about = "Forward, backward, clipping and AdamW on made-up tokens of the asked shape: best and median "
             "milliseconds, tokens a second, "
             "useful GF/s, the share of the FMA roof measured in the same run, and the peak of memory.",
    .options = step_options,
    .example = {"hone bench step --arch minilm-l6 --batch 16 --tokens 128 --dropout 0.1 --steps 20",
                "hone bench step --arch minilm-l6 --batch 64 --lengths lognormal:40,0.5 --json"},
    .example_note = {"MiniLM with 16 texts of 128 tokens", "32 pairs of real-life lengths, as JSON"},
    .exits = "3 bad weights",
    .run = run_step,
};

const hone_command hone_command_bench_embed = {
    .name = "bench embed",
    .summary = "time embedding: start-up, latency, throughput, memory",
    .synopsis = "--model M --input FILE [options]",
    .about =
        "Start-up to the first vector and its memory, in fresh processes; latency of single rows (p50, p99) and texts "
        "and tokens a second in batches, warm, with the share of the FMA roof measured in the same run; peak memory "
        "of a fresh process that embeds the file.",
    .options = embed_options,
    .example = {"hone bench embed --model sentence-transformers/all-MiniLM-L6-v2 --input texts.jsonl",
                "hone bench embed --model run/best_model --input texts.csv --threads 1 --json"},
    .example_note = {"all figures as a table", "one core, as JSON"},
    .exits = "3 bad data or weights|6 a vector is NaN or infinite",
    .run = hone_bench_embed,
};
