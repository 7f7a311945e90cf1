#include "models/sentence.h"

#include "tensor/safetensors.h"

#include <stdio.h>
#include <string.h>

/* In the order in which the older config's flags concatenate. */
static const struct {
    hone_pool mode;
    const char *name, *flag;
} pools[] = {{HONE_POOL_CLS, "cls", "pooling_mode_cls_token"},
             {HONE_POOL_MAX, "max", "pooling_mode_max_tokens"},
             {HONE_POOL_MEAN, "mean", "pooling_mode_mean_tokens"},
             {HONE_POOL_MEAN_SQRT_LEN, "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"},
             {HONE_POOL_WEIGHTED_MEAN, "weightedmean", "pooling_mode_weightedmean_tokens"},
             {HONE_POOL_LAST, "lasttoken", "pooling_mode_lasttoken"}};
enum { N_POOLS = sizeof pools / sizeof *pools };

static const struct {
    hone_act act;
    const char *path;
} activations[] = {
    {HONE_ACT_TANH, "torch.nn.modules.activation.Tanh"}, {HONE_ACT_NONE, "torch.nn.modules.linear.Identity"},
    {HONE_ACT_GELU, "torch.nn.modules.activation.GELU"}, {HONE_ACT_RELU, "torch.nn.modules.activation.ReLU"},
    {HONE_ACT_SILU, "torch.nn.modules.activation.SiLU"}, {HONE_ACT_SIGMOID, "torch.nn.modules.activation.Sigmoid"}};

int hone_pool_from_name(const char *name) {
    for (int i = 0; i < N_POOLS; i++)
        if (!strcmp(name, pools[i].name)) return (int)pools[i].mode;
    return -1;
}

const char *hone_pool_name(hone_pool mode) {
    for (int i = 0; i < N_POOLS; i++)
        if (pools[i].mode == mode) return pools[i].name;
    return "?";
}

/* ---- reading ---- */

static hone_status add_mode(hone_sentence *s, const char *file, const json_t *name) {
    if (!json_is_string(name))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"pooling_mode\" is neither a mode's name nor a list of them");
    const char *text = json_string_value(name);
    int mode = hone_pool_from_name(text);
    if (mode < 0)
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"pooling_mode\" \"%s\" is not known", hone_quote(text));
    if (s->n_modes == HONE_POOL_COUNT)
        return hone_fail_at(HONE_E_LIMIT, file, 0, 0, "more than %d pooling modes", HONE_POOL_COUNT);
    s->modes[s->n_modes++] = (hone_pool)mode;
    return HONE_OK;
}

static bool is_flag(const char *key) {
    for (int i = 0; i < N_POOLS; i++)
        if (!strcmp(key, pools[i].flag)) return true;
    return false;
}

static hone_status read_pooling_json(const json_t *o, const char *file, hone_sentence *s) {
    const json_t *mode = json_object_get(o, "pooling_mode");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
        if (!strncmp(key, "pooling_mode_", 13) && !json_is_false(value) && !is_flag(key))
            return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"%s\" is a pooling that Hone does not know",
                                hone_quote(key));
    if (mode && !json_is_array(mode)) HONE_TRY(add_mode(s, file, mode));
    for (size_t i = 0; json_is_array(mode) && i < json_array_size(mode); i++)
        HONE_TRY(add_mode(s, file, json_array_get(mode, i)));
    for (int i = 0; !mode && i < N_POOLS; i++) {
        bool on;
        HONE_TRY(hone_json_bool(o, file, pools[i].flag, false, &on));
        if (on) s->modes[s->n_modes++] = pools[i].mode;
    }
    if (!s->n_modes && mode) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"pooling_mode\" is an empty list");
    if (!s->n_modes) s->modes[s->n_modes++] = HONE_POOL_MEAN;
    HONE_TRY(hone_json_bool(o, file, "include_prompt", true, &s->include_prompt));
    /* another module's file? */
    if (!json_object_get(o, "word_embedding_dimension") && !json_object_get(o, "embedding_dimension"))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                            "has neither \"word_embedding_dimension\" nor \"embedding_dimension\"");
    return HONE_OK;
}

static hone_status read_pooling(const char *dir, hone_sentence *s) {
    char file[HONE_PATH_MAX];
    json_t *o;
    HONE_TRY(hone_io_join(file, dir, "config.json"));
    HONE_TRY(hone_json_load_object(file, &o));
    hone_status status = read_pooling_json(o, file, s);
    json_decref(o);
    return status;
}

/* Where a module may be asked to read from and to write to: the pooled vector alone. */
static hone_status check_places(const json_t *o, const char *file) {
    static const char *const names[] = {"module_input_name", "module_output_name"};
    if (json_is_null(json_object_get(o, names[0]))) /* for the output it means the same place */
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" is null, expected a string", names[0]);
    for (int i = 0; i < 2; i++) {
        const char *name;
        HONE_TRY(hone_json_string(o, file, names[i], "sentence_embedding", &name));
        if (strcmp(name, "sentence_embedding"))
            return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                                "\"%s\" is \"%s\", only \"sentence_embedding\" is supported", names[i],
                                hone_quote(name));
    }
    return HONE_OK;
}

/* What else a dense module can be asked for: another place, the input added to the output. */
static hone_status check_dense_extras(const json_t *o, const char *file) {
    HONE_TRY(check_places(o, file));
    bool residual;
    HONE_TRY(hone_json_bool(o, file, "use_residual", false, &residual));
    if (residual)
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"use_residual\" is true, only false is supported");
    if (json_is_null(json_object_get(o, "activation_function")))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"activation_function\" is null, expected a string");
    return HONE_OK;
}

/* torch.nn has the classes of its modules, too: "torch.nn.Tanh". */
static bool is_activation(const char *path, const char *known) {
    return !strcmp(path, known) || (!strncmp(path, "torch.nn", 8) && !strcmp(path + 8, strrchr(known, '.')));
}

static hone_status read_dense_json(const json_t *o, const char *file, hone_sentence_step *d) {
    const char *path;
    HONE_TRY(check_dense_extras(o, file));
    HONE_TRY(hone_json_int(o, file, "in_features", 0, 1, 1 << 20, &d->in));
    HONE_TRY(hone_json_int(o, file, "out_features", 0, 1, 1 << 20, &d->out));
    HONE_TRY(hone_json_bool(o, file, "bias", true, &d->bias));
    HONE_TRY(hone_json_string(o, file, "activation_function", "torch.nn.modules.activation.Tanh", &path));
    if (!d->in || !d->out)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"in_features\" or \"out_features\" is missing");
    snprintf(d->activation, sizeof d->activation, "%s", path);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (is_activation(path, activations[i].path)) {
            d->act = activations[i].act;
            return HONE_OK;
        }
    return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"activation_function\" is \"%s\", which Hone does not know",
                        hone_quote(path));
}

static hone_status read_dense(const char *dir, hone_sentence_step *d) {
    char file[HONE_PATH_MAX];
    json_t *o;
    HONE_TRY(hone_io_join(file, dir, "config.json"));
    HONE_TRY(hone_json_load_object(file, &o));
    d->kind = HONE_STEP_DENSE;
    snprintf(d->dir, sizeof d->dir, "%s", dir);
    hone_status status = read_dense_json(o, file, d);
    json_decref(o);
    return status;
}

/* Older folders have no file for this module. */
static hone_status read_normalize(const char *dir, hone_sentence_step *n) {
    char file[HONE_PATH_MAX];
    json_t *o;
    n->kind = HONE_STEP_NORMALIZE;
    HONE_TRY(hone_io_join(file, dir, "config.json"));
    if (!hone_io_exists(file)) return HONE_OK;
    HONE_TRY(hone_json_load_object(file, &o));
    hone_status status = check_places(o, file);
    json_decref(o);
    return status;
}

/* The last word of the path: both generations of paths end alike. Another library's path, or one into the folder's own
 * code, is no class that we know, whatever its last word. */
static const char *class_of(const char *type) {
    return strncmp(type, "sentence_transformers.", 22) ? "" : strrchr(type, '.') + 1;
}

/* One entry of modules.json. */
static hone_status read_module(const char *root, const char *file, const json_t *entry, size_t i, hone_sentence *s) {
    const char *path, *type;
    char dir[HONE_PATH_MAX];
    if (!json_is_object(entry)) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "entry %zu is not an object", i);
    HONE_TRY(hone_json_string(entry, file, "path", NULL, &path));
    if (!path) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "module %zu has no \"path\"", i);
    HONE_TRY(hone_json_string(entry, file, "type", "", &type));
    if (*path == '/' || strstr(path, ".."))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "path \"%s\" leaves the folder", hone_quote(path));
    if (*path)
        HONE_TRY(hone_io_join(dir, root, path));
    else
        snprintf(dir, sizeof dir, "%s", root);
    const char *class = class_of(type);
    if (i == 0 && !strcmp(class, "Transformer")) {
        snprintf(s->encoder, sizeof s->encoder, "%s", dir);
        return HONE_OK;
    }
    if (i == 1 && !strcmp(class, "Pooling")) return read_pooling(dir, s);
    if (i > 1 && s->n_steps < 2 * HONE_SENTENCE_MAX_DENSE) {
        hone_sentence_step *step = &s->step[s->n_steps++];
        if (!strcmp(class, "Dense")) return read_dense(dir, step);
        if (!strcmp(class, "Normalize")) return read_normalize(dir, step);
    }
    hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                 "module %zu is \"%s\"; Hone runs Transformer, Pooling, then Dense and Normalize", i, hone_quote(type));
    return *class ? HONE_E_UNSUPPORTED
                  : hone_hint("only classes whose path begins with sentence_transformers are known");
}

static hone_status read_modules(const char *dir, hone_sentence *s) {
    char file[HONE_PATH_MAX];
    json_t *list;
    HONE_TRY(hone_io_join(file, dir, "modules.json"));
    snprintf(s->encoder, sizeof s->encoder, "%s", dir);
    s->include_prompt = true;
    if (!hone_io_exists(file)) { /* what sentence-transformers makes of a bare encoder */
        s->modes[s->n_modes++] = HONE_POOL_MEAN;
        return HONE_OK;
    }
    s->has_modules = true;
    HONE_TRY(hone_json_load(file, &list));
    hone_status status =
        json_is_array(list) ? HONE_OK : hone_fail_at(HONE_E_FORMAT, file, 0, 0, "is not a list of modules");
    for (size_t i = 0; status == HONE_OK && i < json_array_size(list); i++)
        status = read_module(dir, file, json_array_get(list, i), i, s);
    if (status == HONE_OK && !s->n_modes)
        status = hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                              "has %zu modules, expected Transformer and Pooling at least", json_array_size(list));
    json_decref(list);
    return status;
}

/* What else sentence-transformers obeys in this file: arguments for config, model and tokenizer, other tasks and
 * outputs, lengths by the kind of text. Empty ones are common. */
static hone_status check_transformer_extras(const json_t *o, const char *file) {
    static const char *const keys[] = {"model_args",      "model_kwargs",     "tokenizer_args", "processor_kwargs",
                                       "config_args",     "config_kwargs",    "query_length",   "document_length",
                                       "query_expansion", "processing_kwargs"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *v = json_object_get(o, keys[i]);
        if (v && !json_is_null(v) && !(json_is_object(v) && !json_object_size(v)))
            return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"%s\" is set, which Hone does not do", keys[i]);
    }
    static const char *const words[][2] = {{"transformer_task", "feature-extraction"},
                                           {"module_output_name", "token_embeddings"},
                                           {"method", "forward"},
                                           {"method_output_name", "last_hidden_state"}};
    const json_t *text = json_object_get(json_object_get(o, "modality_config"), "text");
    for (int i = 0; i < 4; i++) {
        const char *word;
        HONE_TRY(hone_json_string(i < 2 ? o : text, file, words[i][0], words[i][1], &word));
        if (strcmp(word, words[i][1]))
            return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "\"%s\" is \"%s\", only \"%s\" is supported",
                                words[i][0], hone_quote(word), words[i][1]);
    }
    return HONE_OK;
}

/* The name once had the model's family in it. */
static hone_status read_sentence_bert_config(hone_sentence *s) {
    static const char *const families[] = {"bert",   "roberta",     "distilbert", "camembert",
                                           "albert", "xlm-roberta", "xlnet"};
    char file[HONE_PATH_MAX], name[64];
    json_t *o;
    bool there = false;
    for (size_t i = 0; i < sizeof families / sizeof *families && !there; i++) {
        snprintf(name, sizeof name, "sentence_%s_config.json", families[i]);
        HONE_TRY(hone_io_join(file, s->encoder, name));
        there = hone_io_exists(file);
    }
    if (!there) return HONE_OK;
    HONE_TRY(hone_json_load_object(file, &o));
    hone_status status = hone_json_int(o, file, "max_seq_length", 0, 1, INT32_MAX, &s->max_seq_length);
    if (status == HONE_OK) status = hone_json_bool(o, file, "do_lower_case", false, &s->lower_case);
    if (status == HONE_OK) status = check_transformer_extras(o, file);
    json_decref(o);
    return status;
}

bool hone_sentence_has_prompt(const char *name) {
    return !strcmp(name, "query") || !strcmp(name, "document");
}

/* Named texts, and the one that is put before every text unless another is asked for. */
static hone_status check_prompts(const json_t *config, const char *file) {
    const json_t *prompts = json_object_get(config, "prompts");
    const char *name, *text;
    json_t *value;
    if (prompts && !json_is_null(prompts) && !json_is_object(prompts))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"prompts\" is no object of names and texts");
    json_object_foreach((json_t *)(uintptr_t)prompts, name, value) {
        if (json_is_null(value))
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "prompt \"%s\" is null, expected a string",
                                hone_quote(name));
        hone_status s = hone_json_string(prompts, file, name, "", &text);
        if (s != HONE_OK) return s;
    }
    HONE_TRY(hone_json_string(config, file, "default_prompt_name", NULL, &name));
    if (name && !json_object_get(prompts, name) && !hone_sentence_has_prompt(name))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"default_prompt_name\" is \"%s\", which \"prompts\" lacks",
                            hone_quote(name));
    return HONE_OK;
}

/* Of another kind of model sentence-transformers takes the encoder alone, with mean pooling, and none of its
 * modules. */
static hone_status check_kind(const json_t *config, const char *file) {
    const json_t *kind = json_object_get(config, "model_type");
    if (!kind || (json_is_string(kind) && !strcmp(json_string_value(kind), "SentenceTransformer"))) return HONE_OK;
    return hone_fail_at(
        HONE_E_UNSUPPORTED, file, 0, 0, "\"model_type\" is %s%s%s, only \"SentenceTransformer\" is supported",
        json_is_string(kind) ? "\"" : "", json_is_string(kind) ? hone_quote(json_string_value(kind)) : "no string",
        json_is_string(kind) ? "\"" : "");
}

static hone_status read_similarity(const char *dir, hone_sentence *s) {
    char file[HONE_PATH_MAX];
    const char *name;
    HONE_TRY(hone_io_join(file, dir, "config_sentence_transformers.json"));
    if (!hone_io_exists(file)) return HONE_OK;
    HONE_TRY(hone_json_load_object(file, &s->config));
    HONE_TRY(check_kind(s->config, file));
    HONE_TRY(check_prompts(s->config, file));
    HONE_TRY(hone_json_string(s->config, file, "similarity_fn_name", "cosine", &name));
    if (strcmp(name, "cosine") && strcmp(name, "dot") && strcmp(name, "euclidean") && strcmp(name, "manhattan"))
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                            "\"similarity_fn_name\" is \"%s\", expected cosine, dot, euclidean or manhattan",
                            hone_quote(name));
    snprintf(s->similarity, sizeof s->similarity, "%s", name);
    return hone_json_int(s->config, file, "truncate_dim", 0, 1, INT32_MAX, &s->truncate_dim);
}

hone_status hone_sentence_read(const char *dir, const char *pooling, hone_sentence *s) {
    HONE_TRY(read_modules(dir, s));
    strcpy(s->similarity, "cosine");
    if (s->has_modules) { /* without them sentence-transformers reads neither file */
        HONE_TRY(read_sentence_bert_config(s));
        HONE_TRY(read_similarity(dir, s));
    }
    if (pooling) {
        int mode = hone_pool_from_name(pooling);
        if (mode < 0) return hone_fail(HONE_E_ARG, "pooling \"%s\" is not known", hone_quote(pooling));
        s->n_modes = 1;
        s->modes[0] = (hone_pool)mode;
    }
    return HONE_OK;
}

void hone_sentence_free(hone_sentence *s) {
    json_decref(s->config);
    s->config = NULL;
}

/* ---- running ---- */

hone_status hone_sentence_declare(hone_sentence *s, hone_params *ps, const char *dir, int64_t width,
                                  int64_t *embedding) {
    width *= s->n_modes;
    for (int i = 0; i < s->n_steps; i++) {
        hone_sentence_step *d = &s->step[i];
        if (d->kind != HONE_STEP_DENSE) continue;
        if (d->in != width)
            return hone_fail_at(HONE_E_SHAPE, dir, 0, 0,
                                "module %d is a Dense of %" PRId64 " inputs, it is given %" PRId64, i + 2, d->in,
                                width);
        snprintf(d->name, sizeof d->name, "%d_Dense.linear", i + 2);
        d->dense = hone_linear_declare(ps, d->in, d->out, d->bias, d->name);
        width = d->out;
    }
    *embedding = width;
    return HONE_OK;
}

hone_tensor *hone_sentence_forward(const hone_sentence *s, hone_graph *g, hone_tensor *x, const hone_model_batch *b) {
    hone_sequences sequences = {.B = b->B, .T = b->T, .cu = b->cu};
    x = hone_pooling(g, x, &sequences, s->n_modes, s->modes, s->include_prompt ? NULL : b->skip);
    for (int i = 0; i < s->n_steps; i++)
        x = s->step[i].kind == HONE_STEP_DENSE ? hone_linear_forward(g, &s->step[i].dense, x, s->step[i].act)
                                               : hone_normalize(g, x);
    return x;
}

/* ---- writing ---- */

/* Saves and releases. */
static hone_status save(json_t *o, const char *dir, const char *name) {
    char file[HONE_PATH_MAX];
    hone_status s = o ? hone_io_join(file, dir, name) : hone_fail(HONE_E_NOMEM, "no memory for %s", name);
    if (s == HONE_OK) s = hone_json_save(o, file);
    json_decref(o);
    return s;
}

static json_t *module_entry(int i, const char *path, const char *class) {
    char name[16], type[80];
    snprintf(name, sizeof name, "%d", i);
    snprintf(type, sizeof type, "sentence_transformers.models.%s", class);
    return json_pack("{s:i, s:s, s:s, s:s}", "idx", i, "name", name, "path", path, "type", type);
}

/* The older flags concatenate in their own order; another order needs the newer key, which only newer versions read. */
static bool is_flag_order(const hone_sentence *s) {
    int last = -1;
    for (int k = 0; k < s->n_modes; k++)
        for (int i = 0; i < N_POOLS; i++)
            if (pools[i].mode == s->modes[k]) {
                if (i <= last) return false;
                last = i;
            }
    return true;
}

static hone_status write_pooling(const hone_sentence *s, const char *dir, int64_t width) {
    char sub[HONE_PATH_MAX];
    HONE_TRY(hone_io_join(sub, dir, "1_Pooling"));
    HONE_TRY(hone_io_mkdirs(sub));
    json_t *o =
        json_pack("{s:I}", is_flag_order(s) ? "word_embedding_dimension" : "embedding_dimension", (json_int_t)width);
    if (o && !is_flag_order(s)) {
        json_t *modes = json_array();
        for (int k = 0; k < s->n_modes; k++) json_array_append_new(modes, json_string(hone_pool_name(s->modes[k])));
        json_object_set_new(o, "pooling_mode", modes);
    }
    for (int i = 0; o && is_flag_order(s) && i < N_POOLS; i++) {
        bool on = false;
        for (int k = 0; k < s->n_modes; k++) on |= s->modes[k] == pools[i].mode;
        json_object_set_new(o, pools[i].flag, json_boolean(on));
    }
    if (o) json_object_set_new(o, "include_prompt", json_boolean(s->include_prompt));
    return save(o, sub, "config.json");
}

static hone_status write_dense(const hone_sentence_step *d, const char *dir, const char *folder) {
    char sub[HONE_PATH_MAX], file[HONE_PATH_MAX];
    HONE_TRY(hone_io_join(sub, dir, folder));
    HONE_TRY(hone_io_mkdirs(sub));
    HONE_TRY(save(json_pack("{s:I, s:I, s:b, s:s}", "in_features", (json_int_t)d->in, "out_features",
                            (json_int_t)d->out, "bias", (int)d->bias, "activation_function", d->activation),
                  sub, "config.json"));
    HONE_TRY(hone_io_join(file, sub, "model.safetensors"));
    hone_safetensors_item items[2] = {
        {.name = "linear.weight", .shape = d->dense.w->shape, .dtype = d->dense.w->dtype, .data = d->dense.w->data}};
    if (d->bias)
        items[1] = (hone_safetensors_item){
            .name = "linear.bias", .shape = d->dense.b->shape, .dtype = d->dense.b->dtype, .data = d->dense.b->data};
    return hone_safetensors_write(file, items, d->bias ? 2 : 1, HONE_F32);
}

hone_status hone_sentence_write(const hone_sentence *s, const char *dir, int64_t width, int64_t max_length) {
    json_t *list = json_array();
    json_array_append_new(list, module_entry(0, "", "Transformer"));
    json_array_append_new(list, module_entry(1, "1_Pooling", "Pooling"));
    hone_status status = write_pooling(s, dir, width);
    for (int i = 0; i < s->n_steps && status == HONE_OK; i++) {
        char folder[32];
        bool dense = s->step[i].kind == HONE_STEP_DENSE;
        snprintf(folder, sizeof folder, "%d_%s", i + 2, dense ? "Dense" : "Normalize");
        json_array_append_new(list, module_entry(i + 2, folder, dense ? "Dense" : "Normalize"));
        if (dense) {
            status = write_dense(&s->step[i], dir, folder);
        } else {
            char sub[HONE_PATH_MAX];
            status = hone_io_join(sub, dir, folder);
            if (status == HONE_OK) status = hone_io_mkdirs(sub);
        }
    }
    if (status != HONE_OK) {
        json_decref(list);
        return status;
    }
    HONE_TRY(save(list, dir, "modules.json"));
    HONE_TRY(
        save(json_pack("{s:I, s:b}", "max_seq_length", (json_int_t)max_length, "do_lower_case", (int)s->lower_case),
             dir, "sentence_bert_config.json"));
    json_t *config = s->config ? json_incref(s->config)
                               : json_pack("{s:{}, s:n, s:s}", "prompts", "default_prompt_name", "similarity_fn_name",
                                           s->similarity);
    return save(config, dir, "config_sentence_transformers.json");
}
