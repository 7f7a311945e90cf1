/* hone train: fine-tune a published model on one's own data. */
#include "tools/commands.h"
#include "tools/judge.h"
#include "tools/outfile.h"
#include "tools/precision.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/rows.h"
#include "tools/terminal.h"
#include "tools/train_dry_run.h"
#include "tools/train_job.h"
#include "tools/train_notes.h"
#include "tools/train_setup.h"

#include "base/io.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "data/batch.h"
#include "data/split.h"
#include "kernels/kernel.h"
#include "losses/loss.h"
#include "train/train.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const hone_option options[] = {
    {.group = "What is trained, on what",
     .name = "task",
     .kind = HONE_OPTION_CHOICE,
     .value = "TASK",
     .allowed = "pairs|triplet|scored",
     .later = "rerank|match|image-text|image-label|distill",
     .help = "what the rows mean",
     .required = true},
    {.name = "model",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "the model to start from: a folder, or a name in the local Hugging Face cache",
     .aka = "model-name-or-path|model-name|base-model|pretrained",
     .required = true},
    {.name = "train",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "rows to train on: .csv, .tsv, .jsonl or .json, also .gz; - is standard input, whichever of these",
     .aka = "data|dataset|train-file|train-data|input",
     .required = true},
    {.name = "eval",
     .kind = HONE_OPTION_FILE,
     .excludes = "eval-split",
     .value = "FILE",
     .help = "rows to judge by, never trained on",
     .aka = "eval-file|val-data|validation-file|dev"},
    {.name = "eval-split",
     .kind = HONE_OPTION_REAL,
     .help = "instead of --eval: the share of --train that is set aside for judging",
     .unit = "share of the rows",
     .range = {0, 1},
     .above = true,
     .below = true},
    {.name = "out",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "folder for the results: best_model, final_model, checkpoints, log.jsonl, run.json, report.html",
     .aka = "output|output-dir|out-dir|save-dir",
     .required = true},
    {.name = "columns",
     .kind = HONE_OPTION_PAIRS,
     .value = "ROLE=NAME,...",
     .help = "which column plays which role, where the names do not say it: anchor=question,positive=answer",
     .shown = "known names",
     .repeat = true},
    {.name = "prompt-query",
     .kind = HONE_OPTION_STRING,
     .help = "put before each anchor",
     .shown = "none; in judging pairs and triplets the folder's prompt query"},
    {.name = "prompt-document",
     .kind = HONE_OPTION_STRING,
     .help = "put before each positive and negative",
     .shown = "none; in judging pairs and triplets the folder's prompt document"},
    {.name = "image-root",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "folder of relative image paths",
     .not_yet = true},
    {.name = "modality",
     .kind = HONE_OPTION_CHOICE,
     .allowed = "text|image",
     .help = "what the columns of --task triplet hold",
     .not_yet = true},
    {.name = "teacher",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "the model to learn from (--task distill)",
     .not_yet = true},

    {.group = "The loss",
     .name = "loss",
     .kind = HONE_OPTION_CHOICE,
     .allowed = HONE_TRAIN_LOSSES,
     .later = HONE_TRAIN_LOSSES_LATER,
     .help = "what is minimised",
     .shown = "mnr for pairs, triplet for triplet, cosent for scored"},
    {.name = "scale",
     .kind = HONE_OPTION_REAL,
     .fallback = "20",
     .help = "similarities are multiplied by this in mnr, mnr-symmetric, gte, cosent and angle (1 / temperature)",
     .aka = "logit-scale",
     .range = {0, INFINITY},
     .above = true},
    {.name = "margin",
     .kind = HONE_OPTION_REAL,
     .shown = "5; 0.5 for contrastive and online-contrastive",
     .help = "how much farther than the positive the negative of a triplet must be; contrastive: how far a negative",
     .unit = "in units of the distance",
     .aka = "triplet-margin",
     .range = {0, INFINITY}},
    {.name = "distance",
     .kind = HONE_OPTION_CHOICE,
     .shown = "euclidean; cosine for contrastive and online-contrastive",
     .allowed = "cosine|euclidean|manhattan",
     .aka = "distance-metric",
     .help = "distance of the triplet and contrastive losses"},
    {.name = "matryoshka",
     .kind = HONE_OPTION_INTS,
     .help = "the loss is the sum over prefixes of these lengths, each brought to unit length; name the full one, too",
     .unit = "dimensions",
     .aka = "matryoshka-dims",
     .range = {1, 65536}},
    {.name = "group",
     .kind = HONE_OPTION_STRING,
     .value = "COLUMN",
     .shown = "none",
     .help = "rows with the same value in this column are not negatives of each other (mnr, mnr-symmetric, gte)"},
    {.name = "pos-weight",
     .kind = HONE_OPTION_REAL,
     .help = "weight of positive rows in bce",
     .range = {0, INFINITY},
     .not_yet = true},
    {.name = "label-smoothing",
     .kind = HONE_OPTION_REAL,
     .help = "share of the target spread evenly",
     .range = {0, 1},
     .not_yet = true},

    {.group = "How long, how fast",
     .name = "epochs",
     .kind = HONE_OPTION_REAL,
     .value = "N",
     .fallback = "3",
     .unit = "passes over the data",
     .help = "length of the training",
     .aka = "num-train-epochs|num-epochs|n-epochs",
     .range = {0, 100000},
     .above = true},
    {.name = "steps",
     .kind = HONE_OPTION_INT,
     .excludes = "epochs",
     .unit = "optimiser steps",
     .help = "length of the training, instead of --epochs",
     .aka = "max-steps|num-steps",
     .range = {1, 1e12}},
    {.name = "batch-size",
     .kind = HONE_OPTION_INT,
     .fallback = "16",
     .unit = "rows",
     .help = "rows in one step; the in-batch losses learn from every other row in it",
     .aka = "train-batch-size|per-device-train-batch-size|bs",
     .range = {1, 65536}},
    {.name = "accumulate",
     .kind = HONE_OPTION_INT,
     .fallback = "1",
     .unit = "batches",
     .help = "batches whose gradients are averaged into one step",
     .aka = "gradient-accumulation-steps|accum-freq|grad-accumulation|accumulation",
     .range = {1, 65536}},
    {.name = "chunk",
     .kind = HONE_OPTION_INT,
     .unit = "rows",
     .help = "gradient cache: a batch of any size in the memory of this many rows",
     .aka = "mini-batch-size|chunk-size",
     .range = {1, 65536}},
    {.name = "lr",
     .kind = HONE_OPTION_REAL,
     .fallback = "2e-5",
     .help = "peak learning rate",
     .aka = "learning-rate|rate",
     .range = {0, 1000}},
    {.name = "lr-scale",
     .kind = HONE_OPTION_PAIRS,
     .value = "PATTERN=F",
     .help = "multiply the learning rate of matching parameters: \"embeddings.*=0.1\"; the last match counts",
     .repeat = true},
    {.name = "warmup",
     .kind = HONE_OPTION_SHARE,
     .fallback = "0.1",
     .unit = "below 1: share of the steps; else steps",
     .help = "the learning rate rises from 0 during this time",
     .aka = "warmup-ratio|warmup-steps",
     .range = {0, 1e12}},
    {.name = "schedule",
     .kind = HONE_OPTION_CHOICE,
     .fallback = "linear",
     .allowed = "linear|cosine|constant",
     .help = "how the learning rate falls after it",
     .aka = "lr-scheduler-type|lr-scheduler|scheduler"},
    {.name = "weight-decay",
     .kind = HONE_OPTION_REAL,
     .fallback = "0.01",
     .help = "AdamW's decay; biases and norms are spared",
     .aka = "wd",
     .range = {0, 1000}},
    {.name = "betas",
     .kind = HONE_OPTION_REALS,
     .value = "B1,B2",
     .fallback = "0.9,0.999",
     .help = "AdamW's averaging of gradients and their squares",
     .aka = "adam-beta1|adam-beta2|beta1|beta2",
     .range = {0, 1},
     .below = true,
     .count = 2},
    {.name = "eps",
     .kind = HONE_OPTION_REAL,
     .fallback = "1e-8",
     .help = "AdamW's epsilon",
     .aka = "adam-epsilon|epsilon",
     .range = {0, 1},
     .above = true},
    {.name = "clip",
     .kind = HONE_OPTION_REAL,
     .fallback = "1.0",
     .help = "largest norm of a step's gradient; 0: no clipping",
     .aka = "max-grad-norm|grad-clip|grad-clip-norm",
     .range = {0, INFINITY}},

    {.group = "The model while training",
     .name = "max-length",
     .kind = HONE_OPTION_INT,
     .unit = "tokens",
     .shown = "what the model's folder says",
     .help = "longer texts are cut, special tokens included",
     .aka = "max-seq-length|max-seq-len|max-len",
     .range = {2, 1000000}},
    {.name = "dropout",
     .kind = HONE_OPTION_REAL,
     .shown = "what config.json says",
     .help = "probability of dropping an element, everywhere the model drops",
     .range = {0, 1},
     .below = true},
    {.name = "freeze",
     .kind = HONE_OPTION_STRINGS,
     .value = "PATTERN",
     .help = "parameters that stay as they are: \"embeddings.*\", \"encoder.layer.[0-3].*\"",
     .repeat = true},
    {.name = "lora",
     .kind = HONE_OPTION_INT,
     .value = "R",
     .help = "train low-rank updates of rank R instead of the weights",
     .aka = "lora-rank|lora-r",
     .range = {1, 4096},
     .not_yet = true},
    {.name = "ema",
     .kind = HONE_OPTION_REAL,
     .value = "D",
     .help = "keep an average of the weights with decay D",
     .range = {0, 1},
     .below = true,
     .not_yet = true},

    {.group = "Batches", .name = "no-shuffle", .kind = HONE_OPTION_FLAG, .help = "take the rows in the file's order"},
    {.name = "no-duplicates",
     .kind = HONE_OPTION_FLAG,
     .excludes = "allow-duplicates",
     .shown = "on for the losses that take other rows as negatives",
     .help = "no text twice in a batch"},
    {.name = "allow-duplicates", .kind = HONE_OPTION_FLAG, .help = "the opposite: batches as the shuffle gives them"},
    {.name = "group-by-length", .kind = HONE_OPTION_FLAG, .help = "rows of like length in a batch", .not_yet = true},
    {.name = "augment",
     .kind = HONE_OPTION_STRINGS,
     .value = "A=X,...",
     .help = "random changes of pictures",
     .not_yet = true},
    {.name = "workers",
     .kind = HONE_OPTION_INT,
     .fallback = "1",
     .unit = "threads",
     .help = "threads that may prepare batches ahead; this version always uses one, which texts never outrun",
     .aka = "num-workers|dataloader-num-workers",
     .range = {0, 64}},
    {.name = "max-bad",
     .kind = HONE_OPTION_REAL,
     .help = "a file with more bad rows than this is refused: it may have been read in the wrong way",
     .unit = "share of the rows",
     .range = {0, 1},
     .shown = "0.01, but 25 rows in any file"},
    {.name = "strict", .kind = HONE_OPTION_FLAG, .help = "stop at the first bad row instead of skipping it"},

    {.group = "Judging and saving",
     .name = "eval-every",
     .kind = HONE_OPTION_WORD_OR_INT,
     .value = "epoch|N",
     .fallback = "epoch",
     .allowed = "epoch",
     .unit = "steps",
     .help = "when to evaluate",
     .aka = "eval-steps|eval-frequency|val-frequency",
     .range = {1, 1e12}},
    {.name = "metric",
     .kind = HONE_OPTION_STRING,
     .value = "NAME",
     .shown = "ndcg@10 for pairs, triplet_accuracy for triplet, spearman for scored",
     .help = "decides which model is the best: a name from hone eval",
     .aka = "metric-for-best-model"},
    {.name = "patience",
     .kind = HONE_OPTION_INT,
     .unit = "evaluations",
     .help = "stop after so many without a new best",
     .aka = "early-stopping-patience",
     .range = {1, 1000000}},
    {.name = "save-every",
     .kind = HONE_OPTION_WORD_OR_INT,
     .value = "epoch|N",
     .fallback = "epoch",
     .allowed = "epoch",
     .unit = "steps",
     .help = "when to write a checkpoint",
     .aka = "save-steps|save-frequency",
     .range = {1, 1e12}},
    {.name = "keep",
     .kind = HONE_OPTION_INT,
     .fallback = "2",
     .unit = "checkpoints",
     .help = "older ones are removed",
     .aka = "save-total-limit",
     .range = {1, 1000000}},
    {.name = "save-all-checkpoints", .kind = HONE_OPTION_FLAG, .excludes = "keep", .help = "remove none"},
    {.name = "resume",
     .kind = HONE_OPTION_FLAG,
     .help = "continue the run in --out where its last checkpoint ends, bit for bit; start it if there is none",
     .aka = "resume-from-checkpoint|continue"},
    {.name = "dry-run",
     .kind = HONE_OPTION_FLAG,
     .help = "print data statistics and a forecast of memory, time and disk (a few steps are computed for it); train "
             "nothing, write nothing"},
    {.name = NULL}};

/* ---- signals: the first asks for a checkpoint and a stop, a second one ends the process at once ---- */

static volatile sig_atomic_t stop_signal, has_work; /* has_work: there is something to save, and somebody who looks */
static const char *volatile parting_words;

static void on_signal(int number) {
    if (has_work && !stop_signal) {
        stop_signal = number;
        return;
    }
    /* comes again with every second of processor time until the hard limit */
    if (has_work && number == SIGXCPU) return;
    const char *s = parting_words;
    if (s && write(STDERR_FILENO, s, strlen(s)) < 0) s = NULL; /* who would read it is gone */
    hone_writer_remove_temporaries();
    _exit(128 + number);
}

/* What the next signal finds to do, and says if that is nothing. */
static void set_work(bool work, const char *words, bool quiet) {
    parting_words = quiet ? NULL : words;
    has_work = work;
}

static void catch_signals(bool dry_run) {
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        sigaction(numbers[i], NULL, &old);
        if (old.sa_handler == SIG_IGN) continue; /* nohup */
        struct sigaction s = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigaction(numbers[i], &s, NULL);
    }
    if (!dry_run) signal(SIGPIPE, SIG_IGN); /* who read our progress is gone: no reason to lose the run */
}

/* ---- the job ---- */

typedef hone_train_rows rows;
typedef hone_train_job job;

/* Asked for; a flag that a config file turns off is not. */
static hone_status check_together(const hone_options *o) {
    bool judged = hone_options_has(o, "eval") || hone_options_has(o, "eval-split");
    const char *need_eval[] = {"eval-every", "metric", "patience"};
    for (size_t i = 0; i < sizeof need_eval / sizeof *need_eval; i++)
        if (!judged && hone_options_given(o, need_eval[i]))
            return hone_fail(HONE_E_ARG, "--%s needs rows to judge by: --eval FILE or --eval-split 0.2", need_eval[i]);
    return HONE_OK;
}

/* One row in a hundred is an accident, more of them are a file that was read in the wrong way. Of a small file some
 * rows are a large share; as many as a person still reads in the list of them are passed over. */
enum { FEW_BAD_ROWS = 25 };
static hone_status check_bad_rows(const hone_options *o, const hone_table *t) {
    int64_t bad = hone_table_bad_count(t), all = bad + hone_table_rows(t);
    bool given = hone_options_has(o, "max-bad");
    double most = given ? hone_options_real(o, "max-bad") : 0.01;
    /* no good row: said elsewhere */
    if ((double)bad <= most * (double)all || (bad <= FEW_BAD_ROWS && !given) || bad == all) return HONE_OK;
    hone_fail_at(HONE_E_FORMAT, hone_table_path(t), 0, 0,
                 "%" PRId64 " of %" PRId64 " rows are bad (%.3g %%), more than the %.3g %% that --max-bad allows", bad,
                 all, 100 * (double)bad / (double)all, 100 * most);
    double enough = ceil(1000 * (double)bad / (double)all) / 1000;
    return hone_hint("--max-bad %.3g trains on the other %" PRId64 "; \"hone data validate\" names every bad row",
                     enough, all - bad);
}

static hone_status read_rows(const hone_options *o, const char *name, hone_row_kind kind, const char *group,
                             rows *out) {
    HONE_TRY(hone_rows_read(o, name, kind, &out->table, &out->roles));
    HONE_TRY(check_bad_rows(o, out->table));
    HONE_TRY(hone_texts_from_table(out->table, out->roles.columns, out->roles.n_texts, &out->texts));
    return hone_labels_read(out->table, kind, &out->roles, group, &out->labels);
}

static hone_status read_data(const hone_options *o, const hone_loss *loss, job *j) {
    const char *group = hone_options_string(o, "group");
    HONE_TRY(read_rows(o, "train", hone_train_row_kind(o, loss, false), group, &j->train));
    if (hone_options_has(o, "eval")) return read_rows(o, "eval", hone_train_row_kind(o, loss, true), NULL, &j->eval);
    if (!hone_options_has(o, "eval-split")) return HONE_OK;
    hone_status st = hone_split_rows(&j->train.texts, hone_options_real(o, "eval-split"),
                                     (uint64_t)hone_options_int(o, "seed"), &j->split);
    if (st != HONE_OK) return hone_blame(hone_table_path(j->train.table), 0);
    hone_print_note(j->quiet,
                    "%" PRId64 " rows to train on, %" PRId64 " set aside for judging; no text is on both sides",
                    j->split.n_train, j->split.n_eval);
    return HONE_OK;
}

static hone_status tokenize(const hone_options *o, const hone_loss *loss, job *j) {
    const hone_model_info *info = hone_model_get_info(j->model);
    const char *prompts[2 + HONE_MAX_NEGATIVES];
    int64_t width = j->train.texts.width;
    if (width < loss->min_groups) {
        hone_fail_at(HONE_E_FORMAT, hone_table_path(j->train.table), 0, 0,
                     "rows have %" PRId64 " texts, --loss %s needs %d", width, loss->name, loss->min_groups);
        return hone_hint("a column \"negative\", or --columns negative=NAME");
    }
    for (int64_t g = 0; g < width; g++) {
        prompts[g] = hone_options_string(o, g ? "prompt-document" : "prompt-query");
        HONE_TRY(hone_model_prompt_tokens(j->model, prompts[g], &j->skip[g]));
    }
    hone_tokenizer_encoder of = {hone_model_tokenizer(j->model), info->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&of);
    hone_status st = hone_token_store_build(&j->train.texts, prompts, &encoder, &j->store);
    if (st == HONE_E_FORMAT) return hone_blame(hone_table_path(j->train.table), 0);
    HONE_TRY(st);
    hone_train_note_cut(&j->notes, &j->store, j->split.train, j->split.n_train ? j->split.n_train : j->train.texts.rows,
                        info);
    if (!loss->in_batch || hone_options_has(o, "group")) return HONE_OK;
    return hone_train_twins_read(j->train.table, &j->train.roles, &j->twins);
}

static hone_status open_judge(const hone_options *o, const hone_loss *loss, job *j) {
    const rows *from = j->eval.table ? &j->eval : &j->train;
    const hone_texts *texts = &from->texts;
    j->judging = (hone_judge_options){.stop = &stop_signal,
                                      .triplet = hone_options_is(o, "task", "triplet"),
                                      .score = from->labels.score,
                                      .label = loss->needs == HONE_LOSS_CLASSES ? from->labels.group : NULL,
                                      .prompt_query = hone_options_string(o, "prompt-query"),
                                      .prompt_document = hone_options_string(o, "prompt-document"),
                                      .file = hone_table_path(from->table),
                                      .metric = hone_options_string(o, "metric")};
    int64_t n = j->eval.table ? texts->rows : j->split.n_eval;
    if (loss == &hone_loss_cosine)
        hone_train_note_range(&j->notes, j->train.labels.score, j->split.train,
                              j->split.n_train ? j->split.n_train : j->train.texts.rows);
    if (!n) return HONE_OK;
    hone_train_note_scores(&j->notes, j->judging.score, j->split.eval, n);
    return hone_judge_new(texts, j->split.eval, n, &j->judging, &j->judge);
}

/* ---- progress ---- */

static void show(void *ctx, const hone_train_report *r) {
    job *j = ctx;
    if (r->note && !j->progress.total) { /* before the first step there is no bar to write around */
        hone_print_note(j->quiet, "%s", r->note);
    } else if (r->note) {
        hone_progress_note(&j->progress, "hone: %s", r->note);
    } else if (r->metrics) {
        static const char shown[] = "accuracy@1 accuracy@3 mrr@10 ndcg@10 triplet_accuracy pearson spearman";
        char line[1024];
        int n = snprintf(line, sizeof line, "step %" PRId64 "  epoch %.4g ", r->step, r->epoch);
        const char *key, *deciding = hone_judge_deciding(j->judge);
        json_t *x;
        json_object_foreach((json_t *)r->metrics, key, x)
            if (json_is_number(x) && n > 0 && (size_t)n < sizeof line &&
                /* log.jsonl has them all */
                (strstr(shown, key) || !strcmp(key, deciding)))
                n += snprintf(line + n, sizeof line - (size_t)n, " %s %.4f", key, json_number_value(x));
        hone_progress_note(&j->progress, "%s", line);
    } else {
        if (!j->progress.total)
            hone_progress_start(&j->progress, "train", "steps", r->total_steps, r->step - 1, j->quiet);
        hone_progress_update(&j->progress, r->step, r->loss);
    }
}

/* ---- training ---- */

static int64_t every(const hone_options *o, const char *name) {
    return hone_options_word(o, name) ? 0 : hone_options_int(o, name); /* the loop's 0: every epoch */
}

static hone_train_options settings(const hone_options *o, const hone_loss *loss, job *j, hone_evaluation *evaluation) {
    hone_train_options t = {
        .out = hone_options_string(o, "out"),
        .loss = loss,
        .loss_options = j->loss_options,
        .epochs = hone_options_real(o, "epochs"),
        .steps = hone_options_int(o, "steps"),
        .batch_size = hone_options_int(o, "batch-size"),
        .accumulate = hone_options_int(o, "accumulate"),
        .chunk = hone_options_has(o, "chunk") ? hone_options_int(o, "chunk") : 0,
        .lr = hone_options_real(o, "lr"),
        .warmup = hone_options_real(o, "warmup"),
        .schedule = hone_options_is(o, "schedule", "cosine")     ? HONE_SCHEDULE_COSINE
                    : hone_options_is(o, "schedule", "constant") ? HONE_SCHEDULE_CONSTANT
                                                                 : HONE_SCHEDULE_LINEAR,
        .optim = {.beta1 = hone_options_item_real(o, "betas", 0),
                  .beta2 = hone_options_item_real(o, "betas", 1),
                  .eps = hone_options_real(o, "eps"),
                  .weight_decay = hone_options_real(o, "weight-decay"),
                  .clip = hone_options_real(o, "clip")},
        .seed = (uint64_t)hone_options_int(o, "seed"),
        .no_shuffle = hone_options_flag(o, "no-shuffle"),
        .no_duplicates = hone_options_given(o, "no-duplicates")
                             ? hone_options_flag(o, "no-duplicates")
                             : loss->in_batch && !hone_options_flag(o, "allow-duplicates"),
        .eval_every = every(o, "eval-every"),
        .save_every = every(o, "save-every"),
        .keep = hone_options_flag(o, "save-all-checkpoints") ? 0 : hone_options_int(o, "keep"),
        .resume = hone_options_flag(o, "resume"),
        .evaluation = j->judge ? evaluation : NULL,
        .patience = hone_options_int(o, "patience"),
        .options = j->resolved,
        .fingerprint = hone_table_fingerprint(j->train.table),
        .notes = j->notes.list,
        .also = j->also,
        .stop = &stop_signal,
        .report = show,
        .ctx = j,
    };
    return t;
}

/* null for one that is not defined (hone_evaluation) */
static json_t *metric_json(double x) {
    return isfinite(x) && x > -DBL_MAX ? json_real(x) : json_null();
}

static hone_status train(const hone_options *o, const hone_loss *loss, job *j) {
    hone_evaluation evaluation = {hone_judge_run, j->judge};
    hone_train_options t = settings(o, loss, j, &evaluation);
    hone_train_data data = {.store = &j->store,
                            .texts = &j->train.texts,
                            .rows = j->split.train,
                            .n = j->split.n_train ? j->split.n_train : j->train.texts.rows,
                            .score = j->train.labels.score,
                            .group = j->train.labels.group,
                            .n_groups = j->train.labels.n_groups,
                            .table = j->train.table,
                            .twin = j->twins.names.of,
                            .n_twins = j->twins.names.count,
                            .twin_name = j->twins.name,
                            .skip = j->skip};
    hone_train_result r = {0};
    if (hone_options_flag(o, "dry-run")) return hone_train_dry_run(o, j, &data, &t);
    HONE_TRY(hone_train_check_room(j, &data, &t));
    set_work(true, "hone: left at once by a second signal; the last checkpoint is intact\n", j->quiet);
    hone_status st = hone_train_run(j->model, &data, &t, &r);
    set_work(false, NULL, true);
    hone_progress_end(&j->progress);
    j->was_finished = r.was_finished;
    if (st == HONE_E_STOPPED) {
        hone_error e = *hone_last_error();
        e.os_error = (int)stop_signal; /* the exit status is 128 + this */
        hone_error_restore(&e);
        return hone_hint("--resume continues the run");
    }
    HONE_TRY(st);
    if (hone_options_flag(o, "json")) {
        char out[2 * HONE_PATH_MAX]; /* a name need not be UTF-8 */
        json_t *line = json_pack("{s:s,s:I,s:o,s:f}", "out", hone_plain_text(t.out, out, sizeof out), "steps",
                                 (json_int_t)r.steps, "loss", metric_json(r.last_loss), "seconds", r.seconds);
        if (line && j->judge) {
            json_object_set_new(line, "best_step", json_integer(r.best_step));
            json_object_set_new(line, "first_metric", metric_json(r.first_metric));
            json_object_set_new(line, "best_metric", metric_json(r.best_metric));
        }
        return hone_print_json(line);
    }
    if (r.was_finished) return HONE_OK;
    if (r.skipped) hone_print_note(j->quiet, "%" PRId64 " of the steps were skipped, log.jsonl marks them", r.skipped);
    hone_print_note(j->quiet, "%" PRId64 " steps in %.0f s; the models are %s/best_model and %s/final_model", r.steps,
                    r.seconds, t.out, t.out);
    return HONE_OK;
}

/* What a resumed run must have the same beside what the loop compares: how rows became tokens; dropout, which changes
 * the weights; rows to judge by and the metric, which decide which model is the best, and when to stop. */
static json_t *describe_rest(const hone_options *o, const job *j) {
    char eval[24] = "";
    json_t *columns = json_array();
    if (j->eval.table) snprintf(eval, sizeof eval, "%016" PRIx64, hone_table_fingerprint(j->eval.table));
    for (int64_t i = 0; i < j->train.roles.n_texts; i++)
        json_array_append_new(columns, json_string(hone_table_column_name(j->train.table, j->train.roles.columns[i])));
    return json_pack(
        "{s:s, s:s?, s:s?, s:I, s:o, s:s?, s:o, s:o, s:s, s:s?}", "task", hone_options_string(o, "task"),
        "prompt_query", hone_options_string(o, "prompt-query"), "prompt_document",
        hone_options_string(o, "prompt-document"), "max_length", (json_int_t)hone_model_get_info(j->model)->max_length,
        "columns", columns, "group", hone_options_string(o, "group"), "eval_split",
        hone_options_has(o, "eval-split") ? json_real(hone_options_real(o, "eval-split")) : json_null(), "dropout",
        hone_options_has(o, "dropout") ? json_real(hone_options_real(o, "dropout")) : json_null(), "eval_data", eval,
        "metric", j->judge ? hone_judge_deciding(j->judge) : NULL);
}

/* What somebody may not have meant: the full length is not trained, labels that stand at one row give no triplet. */
static void say_what_is_left_out(const hone_options *o, const hone_loss_options *loss, int64_t D, const job *j) {
    bool full = loss->n_dims == 0;
    for (int i = 0; i < loss->n_dims; i++) full |= loss->dims[i] == D;
    if (!full)
        hone_print_note(j->quiet,
                        "--matryoshka leaves out %" PRId64 ", the model's own length: whole embeddings are not trained",
                        D);
    if (hone_options_is(o, "task", "triplet") && j->train.labels.group)
        hone_print_note(j->quiet, "%" PRId64 " labels; batches take their rows in pairs, an odd last one is left out",
                        j->train.labels.n_groups);
}

/* Rows are read before the run writes the files of its folder, one of which they may be. */
static hone_status check_rows(const hone_options *o) {
    static const char *const written[] = {"run.json", "report.html"}, *const asked[] = {"train", "eval"};
    char path[HONE_PATH_MAX], name[16];
    for (int i = 0; i < 4; i++) {
        HONE_TRY(hone_io_join(path, hone_options_string(o, "out"), written[i / 2]));
        snprintf(name, sizeof name, "--%s", asked[i % 2]);
        if (hone_io_is_stream(path)) continue;
        HONE_TRY(hone_outfile_check(path, name, hone_options_string(o, asked[i % 2])));
    }
    return HONE_OK;
}

static hone_status prepare_and_train(const hone_options *o, job *j) {
    const hone_loss *loss;
    hone_precision precision;
    HONE_TRY(hone_precision_option(o, true, &precision));
    HONE_TRY(check_together(o));
    HONE_TRY(check_rows(o));
    HONE_TRY(hone_train_choose_loss(o, &loss));
    HONE_TRY(read_data(o, loss, j));
    double dropout = hone_options_real(o, "dropout");
    hone_model_options how = {.train = true,
                              .precision = precision,
                              .dropout = !hone_options_has(o, "dropout") ? 0
                                         : dropout > 0                   ? dropout
                                                                         : -1,
                              .max_length = hone_options_int(o, "max-length")};
    HONE_TRY(hone_model_open(hone_options_string(o, "model"), &how, &j->model));
    int64_t D = hone_model_get_info(j->model)->embedding;
    HONE_TRY(hone_train_loss_options(o, loss, D, &j->loss_options));
    HONE_TRY(hone_train_set_parameters(o, j->model));
    say_what_is_left_out(o, &j->loss_options, D, j);
    HONE_TRY(tokenize(o, loss, j));
    HONE_TRY(open_judge(o, loss, j));
    if (!(j->also = describe_rest(o, j))) return hone_fail(HONE_E_NOMEM, "no memory for the run's identity");
    if (!(j->resolved = hone_train_describe(o, loss, j))) return hone_fail(HONE_E_NOMEM, "no memory for run.json");
    return train(o, loss, j);
}

static bool has_report(const char *out) {
    char path[HONE_PATH_MAX];
    return hone_io_join(path, out, "report.html") == HONE_OK && hone_io_exists(path);
}

static hone_status run(const hone_options *o) {
    HONE_TRY(hone_machine_check_limit());
    job *j = hone_zalloc(sizeof *j);
    if (!j) return HONE_E_NOMEM;
    j->quiet = hone_options_flag(o, "quiet");
    j->progress.quiet = j->quiet;
    set_work(false, "hone: stopped by a signal before the training began; nothing was written\n",
             j->quiet || hone_options_flag(o, "json"));
    catch_signals(hone_options_flag(o, "dry-run"));
    hone_status st = prepare_and_train(o, j);
    json_decref(j->resolved), json_decref(j->also);
    hone_judge_free(j->judge);
    hone_token_store_free(&j->store);
    hone_model_close(j->model);
    hone_texts_free(&j->twins.names);
    hone_split_free(&j->split);
    hone_labels_free(&j->eval.labels), hone_texts_free(&j->eval.texts), hone_table_free(j->eval.table);
    hone_labels_free(&j->train.labels), hone_texts_free(&j->train.texts), hone_table_free(j->train.table);
    if (st == HONE_OK && !hone_options_flag(o, "dry-run") &&
        !(j->was_finished && has_report(hone_options_string(o, "out"))))
        hone_report_after_training(hone_options_string(o, "out"), j->quiet);
    hone_free(j);
    return st;
}

const hone_command hone_command_train = {
    .name = "train",
    .summary = "fine-tune a model on your own rows",
    .synopsis = "--task TASK --model DIR --train FILE [--eval FILE | --eval-split 0.2] --out DIR [options]",
    .about = "Rows of --task pairs have an anchor (a question) and a positive (its answer), and maybe negatives; rows "
             "of --task triplet have an anchor, a positive and a negative, or with the losses batch-hard, "
             "batch-hard-soft-margin, semi-hard and batch-all a text and a label; rows of --task scored have "
             "sentence1, sentence2 and a score, for contrastive and online-contrastive a label 0 or 1. Columns are "
             "found by name: anchor, query, question, sentence1, text1; positive, answer, passage, document, "
             "response, sentence2, text2; negative, negative_1 and so on; score, similarity; label, target, "
             "relevance; text; --columns says it otherwise.\n\n"
             "The model folders it writes load unchanged in transformers and sentence-transformers. A signal "
             "(Ctrl-C) saves a checkpoint and ends the run; --resume continues it.\n\n"
             "--dry-run reads, checks and tokenizes everything, computes some passes in memory and prints rows, "
             "lengths, labels, steps, parameters, and a forecast of memory, time and disk beside what there is; it "
             "does not touch --out. With --json one object, with rows, bad_rows, eval_rows, lengths, eval_lengths, "
             "labels, steps, steps_left, batches, warmup_steps, parameters_trained, parameters_frozen, peak_rss_mb, "
             "available_mb, seconds, disk_mb, disk_free_mb (MiB), fits, finished (the run that --resume names has "
             "ended), warnings (what the run would say of the rows), and the parts of each under memory, time and "
             "disk. A run that cannot fit in memory is refused before it starts, with or without --dry-run (exit 5), "
             "with a --chunk or --batch-size that does; HONE_MEMORY_LIMIT in the environment (1500M, 4G) lowers what "
             "counts as available.",
    .options = options,
    .example = {"hone train --task pairs --model sentence-transformers/all-MiniLM-L6-v2 --train pairs.jsonl "
                "--eval-split 0.2 --out run",
                "hone train --task triplet --model ./minilm --train t.csv --eval v.csv --columns anchor=title --epochs "
                "1 --lr 3e-5 --out run"},
    .example_note = {"questions and answers, a fifth of them set aside for judging",
                     "triplets whose anchor stands in the column \"title\""},
    .exits = "3 bad data or weights|6 training diverged|128+n ended by signal n, checkpoint "
             "saved",
    .run = run,
};
