/* Parsers of folders: shards, tokenizers, models, the Hugging Face cache, checkpoints. */
#include "base/io.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/kernel.h"
#include "models/model.h"
#include "tests/fuzz/parsers.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODELS "tests/golden/models/"

static void must(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s: %s %s\n", what, hone_last_error()->file, hone_last_error()->message);
    abort();
}

static void prepare(void) {
    static bool done;
    const char *why;
    if (done) return;
    must(hone_kernels_init(&why), "kernels");
    hone_set_threads(1);
    done = true;
}

/* ---- sharded safetensors ---- */

hone_status fuzz_shards(const void *p, size_t n, uint64_t *meaning) {
    static fuzz_folder *f;
    hone_safetensors *s;
    if (!f) f = fuzz_folder_open("shards", MODELS "sharded", "model.safetensors.index.json");
    fuzz_folder_fill(f, p, n);
    HONE_TRY(hone_safetensors_open(fuzz_folder_path(f), &s));
    *meaning = fuzz_digest_tensors(0, s);
    hone_safetensors_close(s);
    return HONE_OK;
}

/* ---- tokenizers ---- */

static uint64_t digest_tokenizer(const hone_tokenizer *t) {
    static const char *const texts[] = {"", "The city, the \xC3\xA9t\xC3\xA9 and cold water! [MASK] [UNK]unaffable",
                                        "\xE4\xB8\xAD\xE6\x96\x87 x\xCC\x81 <s> </s> a\tb"};
    hone_encoding e = {0};
    uint64_t h = 0;
    int64_t limit = hone_tokenizer_vocab_limit(t);
    for (int64_t i = 0; i < limit; i++) {
        size_t n = 0;
        const char *name = hone_tokenizer_token(t, i, &n);
        if (!name) continue;
        h = fuzz_digest(fuzz_digest(h, &i, sizeof i), name, n);
        int64_t back = hone_tokenizer_id(t, name, n);
        h = fuzz_digest(h, &back, sizeof back);
    }
    for (int i = 0; i < 9; i++) {
        const char *a = texts[i % 3], *b = i < 3 ? NULL : texts[i / 3];
        hone_encode_options o = {.max_length = i % 2 ? 8 : 0, .want_offsets = i % 2};
        if (hone_tokenizer_encode(t, a, strlen(a), b, b ? strlen(b) : 0, &o, &e) != HONE_OK) {
            hone_error_clear();
            continue;
        }
        h = fuzz_digest(h, e.ids, (size_t)e.n * sizeof *e.ids);
        h = fuzz_digest(h, e.type_ids, (size_t)e.n * sizeof *e.type_ids);
        for (int64_t k = 0; k < e.n; k++) {
            size_t m = 0;
            const char *token = hone_encoding_token(t, &e, k, &m);
            if (token) h = fuzz_digest(h, token, m);
        }
    }
    hone_encoding_free(&e);
    for (int i = HONE_TOKEN_PAD; i <= HONE_TOKEN_MASK; i++) {
        int64_t id = hone_tokenizer_special_id(t, (hone_special_token)i);
        h = fuzz_digest(h, &id, sizeof id);
    }
    int64_t facts[4] = {hone_tokenizer_max_length(t), hone_tokenizer_special_count(t, false),
                        hone_tokenizer_special_count(t, true), hone_tokenizer_uses_type_ids(t)};
    return fuzz_digest(h, facts, sizeof facts);
}

static hone_status read_tokenizer(const fuzz_folder *f, uint64_t *meaning) {
    hone_tokenizer *t;
    HONE_TRY(hone_tokenizer_open(fuzz_folder_path(f), &t));
    *meaning = digest_tokenizer(t);
    hone_tokenizer_free(t);
    return HONE_OK;
}

hone_status fuzz_tokenizer(const void *p, size_t n, uint64_t *meaning) {
    static fuzz_folder *f;
    if (!f) f = fuzz_folder_open("tokenizer", "tests/fuzz/good/tokenizer", "tokenizer.json");
    fuzz_folder_fill(f, p, n);
    return read_tokenizer(f, meaning);
}

hone_status fuzz_vocab(const void *p, size_t n, uint64_t *meaning) {
    static fuzz_folder *f;
    if (!f) f = fuzz_folder_open("vocab", "tests/fuzz/good/vocab", "vocab.txt");
    fuzz_folder_fill(f, p, n);
    return read_tokenizer(f, meaning);
}

/* ---- models ---- */

static hone_status read_model(const char *name, uint64_t *meaning) {
    static hone_arena *arena;
    static hone_graph *g;
    static const hone_text texts[] = {{"the city", 8}, {"cold water", 10}};
    hone_model *m;
    prepare();
    HONE_TRY(hone_model_open(name, NULL, &m));
    const hone_model_info *i = hone_model_get_info(m);
    int64_t facts[] = {i->hidden, i->layers,    i->heads,     i->intermediate,
                       i->vocab,  i->positions, i->embedding, i->max_length};
    uint64_t h = fuzz_digest(fuzz_digest(0, facts, sizeof facts), i->similarity, strlen(i->similarity));
    const char *prompt = hone_model_prompt(m, NULL);
    if (prompt) h = fuzz_digest(h, prompt, strlen(prompt));
    if (!arena) arena = hone_arena_new("fuzz", 0);
    if (!g) g = hone_graph_new(arena);
    float *out = malloc(2 * (size_t)i->embedding * sizeof *out);
    must(out != NULL, "malloc");
    hone_status s = hone_model_embed(m, g, texts, 2, &(hone_embed_options){0}, out, NULL);
    if (s == HONE_OK) *meaning = fuzz_digest(h, out, 2 * (size_t)i->embedding * sizeof *out);
    free(out);
    hone_model_close(m);
    return s;
}

hone_status fuzz_model(const void *p, size_t n, uint64_t *meaning) {
    static fuzz_folder *f;
    if (!f) f = fuzz_folder_open("model", MODELS "dense", "config.json");
    fuzz_folder_fill(f, p, n);
    return read_model(fuzz_folder_path(f), meaning);
}

/* A folder of the oldest sort: no tokenizer.json. */
hone_status fuzz_old_model(const void *p, size_t n, uint64_t *meaning) {
    static fuzz_folder *f;
    if (!f) f = fuzz_folder_open("old_model", MODELS "vocab_only", "vocab.txt");
    fuzz_folder_fill(f, p, n);
    return read_model(fuzz_folder_path(f), meaning);
}

/* refs/main of a repository in the cache, and what stands there. */
hone_status fuzz_hub(const void *p, size_t n, uint64_t *meaning) {
    static fuzz_folder *f;
    if (!f) {
        f = fuzz_folder_open("models--org--name", "tests/fuzz/good/hub", "refs/main");
        setenv("HF_HUB_CACHE", fuzz_dir(), 1);
    }
    char dir[4096];
    /* Names that lead nowhere, and the places where a cache may be. */
    static const char *const names[] = {"",         "no/such/model", "../no/such", "no-such-model",
                                        "Makefile", "org/other",     "a b"};
    static const char *const places[] = {"HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (hone_model_find(names[i], dir) == HONE_OK) abort();
    unsetenv("HF_HUB_CACHE");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        setenv(places[i], fuzz_dir(), 1);
        if (hone_model_find("org/other", dir) == HONE_OK) abort();
        unsetenv(places[i]);
    }
    setenv("HF_HOME", "~/${HONE_NO_SUCH}/$HOME/cache", 1);
    setenv("SENTENCE_TRANSFORMERS_HOME", fuzz_dir(), 1);
    if (hone_model_find("org/other", dir) == HONE_OK) abort();
    unsetenv("HF_HOME"), unsetenv("SENTENCE_TRANSFORMERS_HOME");
    if (hone_model_find("org/other", dir) == HONE_OK || hone_model_find(fuzz_dir(), dir) != HONE_OK) abort();
    setenv("HF_HUB_CACHE", fuzz_dir(), 1);
    hone_error_clear();
    fuzz_folder_fill(f, p, n);
    HONE_TRY(hone_model_find("org/name", dir));
    const char *last = strrchr(dir, '/');
    *meaning = fuzz_digest(0, last, strlen(last));
    return HONE_OK;
}

/* ---- checkpoints ---- */

typedef struct resumable {
    hone_model *m;
    hone_optim *o;
    json_t *identity;
    fuzz_folder *f;
} resumable;

/* A run of three steps that never was: the values do not matter, the files are those of a real one. */
static resumable *run(void) {
    static resumable r;
    char dir[512];
    if (r.f) return &r;
    prepare();
    must(hone_model_open(MODELS "bf16", &(hone_model_options){.train = true}, &r.m) == HONE_OK, "model");
    hone_optim_config c = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .clip = 1};
    must(hone_optim_new(hone_model_params(r.m), &c, &r.o) == HONE_OK, "optimiser");
    for (int i = 0; i < 3; i++) must(hone_optim_step(r.o, 0.001, 1) == HONE_OK, "step");
    must(hone_optim_catch_up_all(r.o) == HONE_OK, "tables");
    r.identity = json_pack("{s:s, s:i, s:f}", "task", "pairs", "seed", 42, "lr", 0.001);
    hone_train_state s = {.step = 3, .epoch = 1, .batch = 2, .best_step = 2, .best_metric = 0.5, .log_offset = 321};
    snprintf(dir, sizeof dir, "%s/good", fuzz_dir());
    must(hone_checkpoint_save(dir, r.m, r.o, &s, r.identity) == HONE_OK, "save");
    r.f = fuzz_folder_open("run/checkpoint_step_3", dir, "state.json");
    return &r;
}

hone_status fuzz_checkpoint(const void *p, size_t n, uint64_t *meaning) {
    resumable *r = run();
    hone_train_state s;
    fuzz_folder_fill(r->f, p, n);
    const hone_status before = hone_checkpoint_check(fuzz_folder_path(r->f), r->identity); /* as --dry-run does */
    HONE_TRY(hone_checkpoint_load(fuzz_folder_path(r->f), r->m, r->o, &s, r->identity));
    if (before) abort();
    int64_t steps = hone_optim_steps(r->o), count = hone_params_count(hone_model_params(r->m));
    uint64_t h = fuzz_digest(fuzz_digest(0, &s, sizeof s), &steps, sizeof steps);
    for (int64_t i = 0; i < count; i++) {
        const hone_tensor *t = hone_params_at(hone_model_params(r->m), i)->tensor;
        h = fuzz_digest(h, t->data, (size_t)hone_count(t) * sizeof(float));
        if (hone_optim_m(r->o, i)) h = fuzz_digest(h, hone_optim_m(r->o, i), (size_t)hone_count(t) * sizeof(float));
    }
    *meaning = h;
    return HONE_OK;
}

/* The newest checkpoint of the run folder, and what is done before and after a checkpoint is written: nothing goes
 * here, where there is one and no litter. Passing over is a failure here, in the words of the message. */
hone_status fuzz_newest(const void *p, size_t n, uint64_t *meaning) {
    resumable *r = run();
    char dir[4096], run_dir[512], said[600] = "";
    fuzz_folder_fill(r->f, p, n);
    snprintf(run_dir, sizeof run_dir, "%s/run", fuzz_dir());
    if (hone_checkpoint_tidy(run_dir) != HONE_OK) abort();
    if (hone_checkpoint_prune(run_dir, 1, INT64_MAX) != HONE_OK) hone_error_clear();
    if (!hone_io_exists(fuzz_folder_path(r->f))) abort();
    HONE_TRY(hone_checkpoint_newest(run_dir, dir, said, sizeof said));
    if (!*dir) return hone_fail_at(HONE_E_FORMAT, "run", 0, 0, "%s", *said ? said : "no checkpoint");
    *meaning = 1;
    return HONE_OK;
}

/* ---- all of them ---- */

const fuzz_target fuzz_targets[] = {
    {"json", "fuzz.json", fuzz_json},
    {"safetensors", "fuzz.safetensors", fuzz_safetensors},
    {"shards", "model.safetensors.index.json", fuzz_shards},
    {"csv", "fuzz.csv", fuzz_csv},
    {"tsv", "fuzz.tsv", fuzz_tsv},
    {"jsonl", "fuzz.jsonl", fuzz_jsonl},
    {"array", "fuzz.json", fuzz_array},
    {"no_name", "fuzz", fuzz_no_name},
    {"gzip", "fuzz.gz", fuzz_gzip},
    {"table_gz", "fuzz.jsonl.gz", fuzz_table_gz},
    {"ejson", "fuzz.json", fuzz_ejson},
    {"tokenizer", "tokenizer.json", fuzz_tokenizer},
    {"vocab", "vocab.txt", fuzz_vocab},
    {"model", "config.json", fuzz_model},
    {"old_model", "vocab.txt", fuzz_old_model},
    {"hub", "main", fuzz_hub},
    {"checkpoint", "state.json", fuzz_checkpoint},
    {"newest", "run", fuzz_newest},
    {NULL, NULL, NULL},
};
