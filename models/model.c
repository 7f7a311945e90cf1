/* Opening a folder: config, family, modules, tokenizer, weights; and writing it back. */
#include "models/model.h"

#include "autograd/ops/common.h"
#include "base/io.h"
#include "base/json.h"
#include "base/random.h"
#include "models/family.h"
#include "models/sentence.h"
#include "models/weights.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const hone_family *const families[] = {&hone_family_bert, NULL};

struct hone_model {
    char dir[HONE_PATH_MAX];
    hone_arena *arena;
    const hone_family *family;
    void *self; /* the family's struct */
    json_t *config;
    hone_sentence sentence;
    hone_tokenizer *tokenizer;
    hone_params *params;
    hone_safetensors *weights;   /* open while parameters borrow from it */
    hone_tokenizer_files *files; /* of a model that may be saved: as they were when it was opened */
    hone_model_info info;
    const char *stated; /* config.json's dtype, NULL = not said */
};

/* ---- opening ---- */

static hone_status find_family(hone_model *m, const char *file) {
    const char *type;
    if (!json_is_object(m->config)) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "is not a JSON object");
    HONE_TRY(hone_json_string(m->config, file, "model_type", "", &type));
    for (int i = 0; families[i]; i++)
        if (!strcmp(families[i]->model_type, type)) {
            m->family = families[i];
            return HONE_OK;
        }
    if (!*type) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "has no \"model_type\"");
    return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"model_type\" is \"%s\"; this version runs: bert",
                        hone_quote(type));
}

/* What changes the numbers in every family alike. */
static hone_status check_common(const json_t *config, const char *file, const char **dtype) {
    static const char *const known[] = {"float32", "float16", "bfloat16", "float64"};
    static const char *const torchs[] = {"float", "half", NULL, "double"}; /* its other names */
    const char *key =
        json_is_null(json_object_get(config, "dtype")) || !json_object_get(config, "dtype") ? "torch_dtype" : "dtype";
    const json_t *quantized = json_object_get(config, "quantization_config");
    if (quantized && !json_is_null(quantized)) {
        const char *method = json_string_value(json_object_get(quantized, "quant_method"));
        hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                     "\"quantization_config\" asks for quantized weights (%s), which Hone does not read",
                     method ? hone_quote(method) : "no \"quant_method\"");
        return hone_hint(
            "take the model as it was before it was quantized; hone embed --precision int8 computes in 8 bits");
    }
    HONE_TRY(hone_json_string(config, file, key, NULL, dtype));
    for (size_t i = 0; *dtype && i < sizeof known / sizeof *known; i++)
        if (!strcmp(*dtype, known[i]) || (torchs[i] && !strcmp(*dtype, torchs[i]))) return *dtype = known[i], HONE_OK;
    if (!*dtype) return HONE_OK;
    return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                        "\"%s\" is \"%s\", expected float32, float16, bfloat16 or float64", key, hone_quote(*dtype));
}

/* transformers and sentence-transformers take such a folder for an adapter alone, whatever else is in it. */
static hone_status refuse_adapter(const char *dir) {
    char file[HONE_PATH_MAX];
    HONE_TRY(hone_io_join(file, dir, "adapter_config.json"));
    if (!hone_io_exists(file)) return HONE_OK;
    hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "asks for an adapter (LoRA and the like) on another model's weights");
    return hone_hint("merge it into them first (peft: merge_and_unload), or remove that file if it was merged");
}

static hone_status read_config(hone_model *m, const hone_model_options *o, hone_family_facts *facts) {
    char file[HONE_PATH_MAX];
    HONE_TRY(refuse_adapter(m->sentence.encoder));
    HONE_TRY(hone_io_join(file, m->sentence.encoder, "config.json"));
    if (!hone_io_exists(file)) {
        hone_fail_at(HONE_E_FORMAT, m->dir, 0, 0, "has no config.json");
        return hone_hint("give the folder of a model, with config.json and model.safetensors");
    }
    HONE_TRY(hone_json_load(file, &m->config));
    HONE_TRY(find_family(m, file));
    HONE_TRY(check_common(m->config, file, &m->stated));
    return m->family->configure(m->config, file, o->dropout, m->arena, &m->self, facts);
}

typedef struct has_ctx {
    const hone_safetensors *weights;
    const hone_family *family;
} has_ctx;

static bool has_tensor(void *ctx, const char *name) {
    const has_ctx *c = ctx;
    return hone_weights_find(c->weights, c->family->prefix, name) != NULL;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Of a module's folder transformers knows nothing, whom the reader's own hint names. */
static hone_status hint_at_dense(const hone_model *m) {
    if (hone_last_error()->code != HONE_E_UNSUPPORTED) return hone_last_error()->code;
    return hone_hint("python -c \"from sentence_transformers import SentenceTransformer; "
                     "SentenceTransformer('%s').save('NEW')\" writes a folder NEW with model.safetensors in it",
                     hone_quote(m->dir));
}

static hone_status load_dense(hone_model *m, const hone_weights_place *place) {
    for (int i = 0; i < m->sentence.n_steps; i++) {
        const hone_sentence_step *d = &m->sentence.step[i];
        hone_safetensors *st;
        if (d->kind != HONE_STEP_DENSE) continue;
        if (hone_safetensors_open(d->dir, &st) != HONE_OK) return hint_at_dense(m);
        hone_status s = hone_weights_load_layer(st, m->params, d->name, "linear", place, d->dir);
        if (s == HONE_OK && !d->bias && hone_safetensors_find(st, "linear.bias"))
            s = hone_fail_at(HONE_E_FORMAT, hone_safetensors_path(st, 0), 0, 0,
                             "holds \"linear.bias\", config.json says \"bias\": false");
        if (s == HONE_OK) s = hone_safetensors_check(st);
        hone_safetensors_close(st);
        HONE_TRY(s);
    }
    return HONE_OK;
}

static const char *stated_dtype(const hone_model *m) {
    const hone_safetensors_entry *e =
        hone_weights_find(m->weights, m->family->prefix, hone_params_at(m->params, 0)->name[0]);
    if (m->stated) return m->stated;
    return !e || e->dtype == HONE_F32 ? "float32"
           : e->dtype == HONE_F64     ? "float64"
           : e->dtype == HONE_F16     ? "float16"
                                      : "bfloat16";
}

static hone_status load_weights(hone_model *m, const hone_model_options *o) {
    HONE_TRY(hone_safetensors_open(m->sentence.encoder, &m->weights));
    m->params = hone_params_new(o->dtype == HONE_F64 ? HONE_F64 : HONE_F32);
    if (!m->params) return hone_last_error()->code;
    has_ctx c = {m->weights, m->family};
    m->family->declare(m->self, m->params, has_tensor, &c);
    int64_t encoder_params = hone_params_count(m->params);
    HONE_TRY(hone_sentence_declare(&m->sentence, m->params, m->dir, m->info.hidden, &m->info.embedding));
    m->info.kept = m->info.embedding;
    if (m->sentence.truncate_dim) m->info.kept = smaller(m->info.kept, m->sentence.truncate_dim);
    bool borrow = !o->train && hone_params_dtype(m->params) == HONE_F32;
    HONE_TRY(hone_params_allocate(m->params, o->train ? HONE_PARAMS_TRAIN
                                             : borrow ? HONE_PARAMS_INFERENCE
                                                      : HONE_PARAMS_PLAIN));
    hone_weights_place place = {.arena = m->arena, .precision = o->precision};
    HONE_TRY(hone_weights_load(m->weights, m->params, encoder_params, m->family->prefix, &place, m->sentence.encoder));
    HONE_TRY(load_dense(m, &place));
    HONE_TRY(hone_safetensors_check(m->weights));
    m->info.stated = stated_dtype(m);
    if (!borrow) {
        hone_safetensors_close(m->weights);
        m->weights = NULL;
    }
    return HONE_OK;
}

static void settle_max_length(hone_model *m, const hone_model_options *o, int64_t usable) {
    int64_t n = hone_tokenizer_max_length(m->tokenizer);
    if (m->sentence.max_seq_length) n = m->sentence.max_seq_length;
    if (o->max_length) n = o->max_length;
    m->info.max_length = smaller(n, usable);
}

static hone_status open_parts(hone_model *m, const char *name, const hone_model_options *o) {
    hone_family_facts facts;
    HONE_TRY(hone_model_find(name, m->dir));
    HONE_TRY(hone_sentence_read(m->dir, o->pooling, &m->sentence));
    HONE_TRY(read_config(m, o, &facts));
    m->info = (hone_model_info){.dir = m->dir,
                                .family = m->family->model_type,
                                .hidden = facts.hidden,
                                .layers = facts.layers,
                                .heads = facts.heads,
                                .intermediate = facts.intermediate,
                                .vocab = facts.vocab,
                                .positions = facts.positions,
                                .similarity = m->sentence.similarity};
    HONE_TRY(hone_tokenizer_open(m->sentence.encoder, &m->tokenizer));
    if (hone_tokenizer_is_cut(m->tokenizer) && hone_tokenizer_vocab_limit(m->tokenizer) < facts.vocab) {
        hone_fail_at(HONE_E_FORMAT, m->sentence.encoder, 0, 0,
                     "vocab.txt ends inside a line, with %" PRId64 " tokens; config.json has vocab_size %" PRId64,
                     hone_tokenizer_vocab_limit(m->tokenizer), facts.vocab);
        return hone_hint("download incomplete? if it is whole, add the line end");
    }
    if (m->sentence.lower_case) HONE_TRY(hone_tokenizer_lower_case(m->tokenizer));
    settle_max_length(m, o, facts.usable_positions);
    if (m->info.max_length <= hone_tokenizer_special_count(m->tokenizer, false))
        return hone_fail_at(o->max_length ? HONE_E_ARG : HONE_E_FORMAT, m->dir, 0, 0,
                            "a text may have %" PRId64 " tokens, of which %" PRId64 " are special ones",
                            m->info.max_length, hone_tokenizer_special_count(m->tokenizer, false));
    HONE_TRY(load_weights(m, o));
    if (!m->weights) HONE_TRY(hone_tokenizer_files_read(m->sentence.encoder, &m->files));
    m->info.parameters = hone_params_elements(m->params);
    m->info.precision = o->precision;
    return HONE_OK;
}

static hone_status check_options(const hone_model_options *o) {
    if (o->dtype && o->dtype != HONE_F32 && o->dtype != HONE_F64)
        return hone_fail(HONE_E_ARG, "a model computes in F32 or F64, type %d is asked for", (int)o->dtype);
    if ((int)o->precision < 0 || o->precision >= HONE_PRECISION_COUNT)
        return hone_fail(HONE_E_ARG, "precision %d, wants 0 to %d", (int)o->precision, HONE_PRECISION_COUNT - 1);
    if (!(o->dropout < 1)) return hone_fail(HONE_E_ARG, "dropout is %g, wants less than 1", o->dropout);
    if (!o->train || o->precision != HONE_PRECISION_INT8) return HONE_OK;
    hone_fail(HONE_E_ARG, "products of 8-bit integers have no backward pass: a model for training is f32 or bf16");
    return hone_hint(".precision = HONE_PRECISION_BF16, or .train = false");
}

hone_status hone_model_open(const char *name, const hone_model_options *o, hone_model **out) {
    static const hone_model_options defaults;
    hone_model *m = hone_zalloc(sizeof *m);
    if (!m) return hone_last_error()->code;
    m->arena = hone_arena_new("model", 0);
    if (!o) o = &defaults;
    hone_status s = m->arena ? check_options(o) : hone_last_error()->code;
    if (s == HONE_OK) s = open_parts(m, name, o);
    if (s != HONE_OK) {
        hone_model_close(m);
        return s;
    }
    *out = m;
    return HONE_OK;
}

static bool has_nothing(void *ctx, const char *name) {
    (void)ctx, (void)name;
    return false;
}

static void randomize(hone_params *ps, double deviation, uint64_t seed) {
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *p = hone_params_at(ps, i);
        bool scale = p->kind == HONE_PARAM_NORM && strstr(p->name[0], ".weight");
        bool zero = p->kind == HONE_PARAM_BIAS || p->kind == HONE_PARAM_NORM;
        for (int64_t k = 0; k < hone_count(p->tensor); k++) {
            uint64_t stream = hone_stream_id(HONE_STREAM_INIT, (uint64_t)i);
            double x = scale ? 1 : zero ? 0 : deviation * hone_random_normal(seed, stream, (uint64_t)k);
            if (p->tensor->dtype == HONE_F64)
                hone_f64(p->tensor)[k] = x;
            else
                hone_f32(p->tensor)[k] = (float)x;
        }
    }
}

static hone_status make_parts(hone_model *m, const hone_model_options *o, uint64_t seed) {
    hone_family_facts facts;
    double deviation;
    HONE_TRY(find_family(m, ""));
    HONE_TRY(m->family->configure(m->config, "", o->dropout, m->arena, &m->self, &facts));
    HONE_TRY(hone_json_real(m->config, "", "initializer_range", 0.02, &deviation));
    m->sentence = (hone_sentence){.n_modes = 1,
                                  .modes = {HONE_POOL_MEAN},
                                  .include_prompt = true,
                                  .n_steps = 1,
                                  .step = {{.kind = HONE_STEP_NORMALIZE}},
                                  .similarity = "cosine"};
    m->info = (hone_model_info){.dir = "",
                                .family = m->family->model_type,
                                .hidden = facts.hidden,
                                .layers = facts.layers,
                                .heads = facts.heads,
                                .intermediate = facts.intermediate,
                                .vocab = facts.vocab,
                                .positions = facts.positions,
                                .embedding = facts.hidden,
                                .kept = facts.hidden,
                                .max_length = facts.usable_positions,
                                .similarity = m->sentence.similarity,
                                .stated = "float32"};
    m->params = hone_params_new(o->dtype == HONE_F64 ? HONE_F64 : HONE_F32);
    if (!m->params) return hone_last_error()->code;
    m->family->declare(m->self, m->params, has_nothing, NULL);
    HONE_TRY(hone_params_allocate(m->params, o->train ? HONE_PARAMS_TRAIN : HONE_PARAMS_PLAIN));
    randomize(m->params, deviation, seed);
    m->info.parameters = hone_params_elements(m->params);
    m->info.precision = o->precision;
    return HONE_OK;
}

hone_status hone_model_make(const json_t *config, const hone_model_options *o, uint64_t seed, hone_model **out) {
    static const hone_model_options defaults;
    if (!o) o = &defaults;
    HONE_TRY(check_options(o));
    hone_model *m = hone_zalloc(sizeof *m);
    if (!m) return hone_last_error()->code;
    m->arena = hone_arena_new("model", 0);
    m->config = json_deep_copy(config);
    hone_status s = m->arena && m->config ? make_parts(m, o, seed) : hone_fail(HONE_E_NOMEM, "no memory for the model");
    if (s != HONE_OK) {
        hone_model_close(m);
        return s;
    }
    *out = m;
    return HONE_OK;
}

void hone_model_close(hone_model *m) {
    if (!m) return;
    hone_params_free(m->params);
    hone_safetensors_close(m->weights);
    hone_tokenizer_files_free(m->files);
    hone_tokenizer_free(m->tokenizer);
    hone_sentence_free(&m->sentence);
    json_decref(m->config);
    hone_arena_free(m->arena);
    hone_free(m);
}

/* ---- running and facts ---- */

/* Positions are written by cu before any operation looks at it. */
static bool batch_is_whole(const hone_model_batch *b) {
    const hone_sequences s = {.B = b->B, .T = b->T, .cu = b->cu};
    return hone_ops_check_sequences("batch", &s, &(hone_tensor){.name = "ids", .shape = {1, {b->T}}}, 0) == HONE_OK;
}

/* The batch with the type ids that the tokenizer's template gives, where they are not all 0. False: no memory. */
static bool give_types(const hone_model *m, hone_graph *g, const hone_model_batch *b, hone_model_batch *out) {
    int32_t first;
    *out = *b;
    if (b->types || !m->tokenizer || !hone_tokenizer_type_ids(m->tokenizer, 1, &first)) return true;
    int32_t *types = hone_graph_save(g, (size_t)(b->T + 1) * sizeof *types);
    for (int64_t i = 0; types && i < b->B; i++)
        hone_tokenizer_type_ids(m->tokenizer, b->cu[i + 1] - b->cu[i], types + b->cu[i]);
    out->types = types;
    return types;
}

hone_tensor *hone_model_hidden(hone_model *m, hone_graph *g, const hone_model_batch *b, int layer) {
    if (!batch_is_whole(b)) return hone_graph_refuse(g, HONE_E_SHAPE);
    if (layer < HONE_ALL_ROWS || layer > m->info.layers)
        return hone_graph_refuse(g,
                                 hone_fail(HONE_E_ARG, "layer %d asked for, the model has 0 (embeddings) to %" PRId64,
                                           layer, m->info.layers));
    hone_model_batch typed;
    return give_types(m, g, b, &typed) ? m->family->forward(m->self, g, &typed, layer) : NULL;
}

/* A tokenizer with more tokens than the table has rows: which one it was, the table itself could not say. */
static bool ids_are_known(const hone_model *m, const hone_model_batch *b) {
    for (int64_t i = 0; m->tokenizer && i < b->T; i++) {
        const int64_t id = b->ids[i];
        if (id < m->info.vocab) continue;
        size_t n = 0;
        const char *token = hone_tokenizer_token(m->tokenizer, id, &n);
        hone_fail_at(HONE_E_SHAPE, m->dir, 0, 0,
                     "the tokenizer gives \"%s\" the id %" PRId64 ", the model's table has %" PRId64 " rows",
                     token ? hone_quote_n(token, n) : "", id, m->info.vocab);
        hone_hint("do tokenizer and weights belong to the same model?");
        return false;
    }
    return true;
}

hone_tensor *hone_model_encode(hone_model *m, hone_graph *g, const hone_model_batch *b) {
    hone_model_batch typed;
    if (!batch_is_whole(b) || !ids_are_known(m, b)) return hone_graph_refuse(g, HONE_E_SHAPE);
    if (!give_types(m, g, b, &typed)) return NULL;
    /* CLS alone, and nothing left out of it: of the last layer only the first rows are read. */
    bool first = m->sentence.n_modes == 1 && m->sentence.modes[0] == HONE_POOL_CLS &&
                 (m->sentence.include_prompt || !b->skip) && m->info.layers > 0;
    if (!first) return hone_sentence_forward(&m->sentence, g, m->family->forward(m->self, g, &typed, HONE_ALL_ROWS), b);
    int32_t *cu = hone_graph_save(g, (size_t)(b->B + 1) * sizeof *cu);
    if (!cu) return NULL;
    for (int64_t i = 0; i <= b->B; i++) cu[i] = (int32_t)i;
    return hone_sentence_forward(&m->sentence, g, m->family->forward(m->self, g, &typed, HONE_FIRST_ROWS),
                                 &(hone_model_batch){.B = b->B, .T = b->B, .cu = cu});
}

hone_params *hone_model_params(hone_model *m) {
    return m->params;
}
const hone_model_info *hone_model_get_info(const hone_model *m) {
    return &m->info;
}
const hone_tokenizer *hone_model_tokenizer(const hone_model *m) {
    return m->tokenizer;
}
hone_tensor *hone_model_word_table(const hone_model *m) {
    return m->family->word_table(m->self);
}
hone_status hone_model_check(const hone_model *m) {
    return m->weights ? hone_safetensors_check(m->weights) : HONE_OK;
}
bool hone_model_skips_prompt(const hone_model *m) {
    return !m->sentence.include_prompt;
}

const char *hone_model_prompt(const hone_model *m, const char *name) {
    const json_t *config = m->sentence.config;
    if (!name) {
        name = json_string_value(json_object_get(config, "default_prompt_name"));
        if (!name) return "";
    }
    const char *text = json_string_value(json_object_get(json_object_get(config, "prompts"), name));
    return text || !hone_sentence_has_prompt(name) ? text : "";
}

/* ---- writing ---- */

/* config.json as it came, except for what is no longer true: the class, and the element type if it was stated. */
static hone_status write_config(const hone_model *m, const char *dir) {
    char file[HONE_PATH_MAX];
    json_t *config = json_copy(m->config);
    if (!config) return hone_fail(HONE_E_NOMEM, "no memory for config.json");
    json_object_set_new(config, "architectures", json_pack("[s]", m->family->architecture));
    if (json_object_get(config, "torch_dtype")) json_object_set_new(config, "torch_dtype", json_string("float32"));
    if (json_object_get(config, "dtype")) json_object_set_new(config, "dtype", json_string("float32"));
    hone_status s = hone_io_join(file, dir, "config.json");
    if (s == HONE_OK) s = hone_json_save(config, file);
    json_decref(config);
    return s;
}

/* The tokenizer's own file says how long a text may be, too, and transformers reads no other: as sentence-transformers
 * leaves it when it saves a model. A folder without that file, or whose number is this one, is left as it came. */
static hone_status write_max_length(const hone_model *m, const char *dir) {
    char file[HONE_PATH_MAX], *text;
    size_t n;
    json_t *config;
    HONE_TRY(hone_io_join(file, dir, "tokenizer_config.json"));
    if (!hone_io_exists(file) || hone_tokenizer_max_length(m->tokenizer) == m->info.max_length) return HONE_OK;
    HONE_TRY(hone_io_read_file(file, 256 << 20, &text, &n));
    hone_status s = hone_json_parse_big(text, n, file, &config); /* 1e30 is a usual number there */
    hone_free(text);
    if (s != HONE_OK) return s;
    bool set = json_object_set_new(config, "model_max_length", json_integer(m->info.max_length)) == 0;
    s = set ? hone_json_save(config, file) : hone_fail(HONE_E_NOMEM, "no memory for tokenizer_config.json");
    json_decref(config);
    return s;
}

static hone_status write_folder(hone_model *m, const char *dir) {
    char file[HONE_PATH_MAX];
    HONE_TRY(hone_io_mkdirs(dir));
    HONE_TRY(hone_io_join(file, dir, "model.safetensors"));
    HONE_TRY(hone_weights_save(m->params, file));
    /* the folder that it came from may be gone or another one by now */
    HONE_TRY(hone_tokenizer_files_write(m->files, dir));
    HONE_TRY(write_max_length(m, dir));
    HONE_TRY(hone_sentence_write(&m->sentence, dir, m->info.hidden, m->info.max_length));
    return write_config(m, dir);
}

hone_status hone_model_save(hone_model *m, const char *dir) {
    if (!m->tokenizer) return hone_fail(HONE_E_ARG, "a model made without files has no tokenizer to save");
    if (m->weights)
        return hone_fail(HONE_E_ARG, "%s is open for inference, its weights are no longer as they were read", m->dir);
    if (hone_params_dtype(m->params) != HONE_F32)
        return hone_fail(HONE_E_ARG, "%s is open in F64, for checks; what is saved is F32", m->dir);
    char fresh[HONE_PATH_MAX], old[HONE_PATH_MAX];
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    if (snprintf(fresh, sizeof fresh, "%.*s.tmp-%ld", (int)n, dir, (long)getpid()) >= HONE_PATH_MAX ||
        snprintf(old, sizeof old, "%.*s.old-%ld", (int)n, dir, (long)getpid()) >= HONE_PATH_MAX)
        return hone_fail(HONE_E_LIMIT, "the path is longer than %d bytes", HONE_PATH_MAX);
    HONE_TRY(hone_io_remove_tree(fresh));
    hone_status s = write_folder(m, fresh);
    if (s == HONE_OK) s = hone_io_replace_dir(fresh, dir, old);
    if (s != HONE_OK) { /* keep the sentence of the failure that matters */
        hone_error e = *hone_last_error();
        hone_io_remove_tree(fresh);
        hone_error_restore(&e);
    }
    return s;
}
