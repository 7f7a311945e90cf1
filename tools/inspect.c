/* hone inspect: what is in a model folder, and what is wrong with it. It reads as much as it can: one broken file does
 * not hide the others. */
#include "tools/commands.h"
#include "tools/folder.h"
#include "tools/terminal.h"

#include "base/json.h"
#include "models/model.h"
#include "tensor/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

static const hone_option options[] = {{.group = "What is shown",
                                       .name = "no-tensors",
                                       .kind = HONE_OPTION_FLAG,
                                       .help = "leave out the list of tensors (and reading them)"},
                                      {.name = "batch-size",
                                       .kind = HONE_OPTION_INT,
                                       .fallback = "16",
                                       .unit = "texts",
                                       .help = "for the memory forecast: texts in a training step",
                                       .range = {1, 65536}},
                                      {.name = "tokens",
                                       .kind = HONE_OPTION_INT,
                                       .fallback = "128",
                                       .unit = "tokens",
                                       .help = "for the memory forecast: length of each text",
                                       .range = {1, 1000000}},
                                      {.name = NULL}};

#define MAX_PROBLEMS 32

typedef struct inspection {
    char dir[HONE_PATH_MAX], encoder[HONE_PATH_MAX];
    json_t *config;         /* NULL: missing or broken */
    hone_model *model;      /* open while info is in use */
    hone_model_info info;   /* zeros when this version cannot run it */
    bool runs;              /* hone_model_open succeeded */
    char unsupported[1024]; /* … or said that something in it is not written yet: no fault of the folder */
    int64_t tensors, elements, floats;
    uint64_t bytes;
    json_t *list; /* of tensors */
    hone_error problem[MAX_PROBLEMS];
    int n_problems;
} inspection;

static void note_problem(inspection *x) {
    const hone_error *e = hone_last_error();
    for (int i = 0; i < x->n_problems; i++) /* the model's own opening meets the same file again */
        if (!strcmp(x->problem[i].message, e->message) && !strcmp(x->problem[i].file, e->file)) return;
    if (x->n_problems < MAX_PROBLEMS) x->problem[x->n_problems++] = *e;
}

/* ---- tensors ---- */

/* Numbers that are none, among F32 data of any alignment. */
static int64_t count_not_finite(const hone_safetensors_entry *e) {
    int64_t bad = 0;
    if (e->dtype != HONE_F32) return 0;
    for (uint64_t i = 0; i < e->bytes / 4; i++) {
        float v;
        memcpy(&v, (const char *)e->data + 4 * i, 4);
        bad += !isfinite(v);
    }
    return bad;
}

static uint32_t checksum(const void *p, uint64_t n) {
    uLong c = crc32(0, NULL, 0);
    const Bytef *b = p;
    while (n) {
        uInt part = n > (1u << 30) ? 1u << 30 : (uInt)n;
        c = crc32(c, b, part);
        b += part, n -= part;
    }
    return (uint32_t)c;
}

static hone_status list_tensor(inspection *x, const hone_safetensors *s, const hone_safetensors_entry *e, bool read) {
    char crc[16], file[2 * HONE_PATH_MAX]; /* a name need not be UTF-8 */
    json_t *shape = json_array();
    for (int i = 0; i < e->shape.rank; i++) json_array_append_new(shape, json_integer(e->shape.dim[i]));
    json_t *j =
        json_pack("{s:s,s:s,s:o,s:I,s:s}", "name", e->name, "dtype", hone_dtype_name(e->dtype), "shape", shape, "bytes",
                  (json_int_t)e->bytes, "file", hone_plain_text(hone_safetensors_path(s, e->file), file, sizeof file));
    if (!j) return hone_fail(HONE_E_NOMEM, "no memory for the list of tensors");
    if (read) {
        snprintf(crc, sizeof crc, "%08x", (unsigned)checksum(e->data, e->bytes));
        json_object_set_new(j, "crc32", json_string(crc));
        int64_t bad = count_not_finite(e);
        if (bad) {
            hone_fail_at(HONE_E_FORMAT, hone_safetensors_path(s, e->file), 0, 0,
                         "tensor \"%s\" holds %" PRId64 " of %" PRIu64 " values that are NaN or infinite",
                         hone_quote(e->name), bad, e->bytes / 4);
            note_problem(x);
        }
    }
    if (json_array_append_new(x->list, j)) return hone_fail(HONE_E_NOMEM, "no memory for the list of tensors");
    x->tensors++;
    x->bytes += e->bytes;
    x->elements += hone_shape_count(&e->shape);
    if (e->dtype == HONE_F32 || e->dtype == HONE_F16 || e->dtype == HONE_BF16 || e->dtype == HONE_F64)
        x->floats += hone_shape_count(&e->shape);
    return hone_json_whole();
}

static hone_status list_weights(inspection *x, const char *folder, bool read) {
    hone_safetensors *s = NULL;
    if (hone_safetensors_open(folder, &s) != HONE_OK) {
        note_problem(x);
        return HONE_OK;
    }
    hone_status st = HONE_OK;
    for (int64_t i = 0; i < hone_safetensors_count(s) && st == HONE_OK; i++)
        st = list_tensor(x, s, hone_safetensors_at(s, i), read);
    hone_safetensors_close(s);
    return st;
}

/* Folders of the modules behind the encoder that have weights of their own (Dense). */
static hone_status list_modules(inspection *x, bool read) {
    char path[HONE_PATH_MAX], folder[HONE_PATH_MAX], weights[HONE_PATH_MAX];
    json_t *modules = NULL;
    HONE_TRY(hone_io_join(path, x->dir, "modules.json"));
    if (!hone_io_exists(path)) return HONE_OK;
    hone_status st = hone_json_load(path, &modules);
    if (st == HONE_E_IO || st == HONE_E_NOMEM) return st;
    if (st != HONE_OK) return HONE_OK; /* reported by hone_folder_encoder */
    for (size_t i = 1; i < json_array_size(modules) && st == HONE_OK; i++) {
        const char *sub = json_string_value(json_object_get(json_array_get(modules, i), "path"));
        if (!sub || !*sub || sub[0] == '/' || strstr(sub, "..")) continue;
        st = hone_io_join(folder, x->dir, sub);
        if (st == HONE_OK) st = hone_io_join(weights, folder, "model.safetensors");
        if (st == HONE_OK && hone_io_exists(weights)) st = list_weights(x, folder, read);
    }
    json_decref(modules);
    return st;
}

/* ---- the folder ---- */

static void read_config(inspection *x) {
    char path[HONE_PATH_MAX];
    if (hone_io_join(path, x->encoder, "config.json") != HONE_OK) return note_problem(x);
    if (!hone_io_exists(path)) {
        hone_fail_at(HONE_E_FORMAT, path, 0, 0, "no such file: a model folder has a config.json");
        return note_problem(x);
    }
    if (hone_json_load(path, &x->config) != HONE_OK) note_problem(x);
}

static void read_tokenizer(inspection *x) {
    hone_tokenizer *t = NULL;
    if (hone_tokenizer_open(x->encoder, &t) != HONE_OK && hone_last_error()->code != HONE_E_UNSUPPORTED)
        note_problem(x);
    hone_tokenizer_free(t);
}

/* Open the model as training would: this finds missing tensors and shapes that do not fit. */
static void try_model(inspection *x) {
    if (hone_model_open(x->dir, NULL, &x->model) == HONE_OK) {
        x->runs = true;
        x->info = *hone_model_get_info(x->model);
    } else if (hone_last_error()->code == HONE_E_UNSUPPORTED) {
        snprintf(x->unsupported, sizeof x->unsupported, "%s", hone_last_error()->message);
    } else if (!x->n_problems) { /* else it stumbled over what is named already */
        note_problem(x);
    }
}

/* ---- forecast ----
 * Embedding holds the weights and one layer's activations at a time. Training holds weights, gradients and AdamW's two
 * moments (16 bytes a parameter) and, per token and layer, what backward needs: q, k, v, context, two sums before and
 * two results after the norms (8 D), the intermediate before and after its activation (2 I); the embedding table's
 * moments count like the others. */
static int64_t embed_bytes(const inspection *x, int64_t tokens) {
    return 4 * (x->floats + tokens * (6 * x->info.hidden + x->info.intermediate));
}
static int64_t train_bytes(const inspection *x, int64_t tokens) {
    return 4 * (4 * x->floats +
                tokens * (x->info.layers * (8 * x->info.hidden + 2 * x->info.intermediate) + 3 * x->info.hidden));
}

/* ---- output ---- */

static const char *config_text(const inspection *x, const char *key) {
    return json_string_value(json_object_get(x->config, key));
}

static const char *architecture(const inspection *x) {
    const char *name = json_string_value(json_array_get(json_object_get(x->config, "architectures"), 0));
    return name ? name : "not named";
}

static json_t *problem_json(const hone_error *e) {
    char text[4200];
    json_t *j = json_object();
    json_object_set_new(j, "error", json_string(hone_plain_text(e->message, text, sizeof text)));
    if (e->file[0]) json_object_set_new(j, "file", json_string(hone_plain_text(e->file, text, sizeof text)));
    if (e->line > 0) json_object_set_new(j, "line", json_integer(e->line));
    if (e->hint[0]) json_object_set_new(j, "hint", json_string(hone_plain_text(e->hint, text, sizeof text)));
    return j;
}

static hone_status print_as_json(const hone_options *o, inspection *x, int64_t tokens) {
    char text[2 * HONE_PATH_MAX];
    json_t *j = json_object(), *problems = json_array();
    json_object_set_new(j, "model", json_string(hone_plain_text(x->dir, text, sizeof text)));
    json_object_set_new(j, "architecture", json_string(architecture(x)));
    if (config_text(x, "model_type")) json_object_set_new(j, "model_type", json_string(config_text(x, "model_type")));
    json_object_set_new(j, "supported", json_boolean(x->runs));
    if (x->runs) {
        const hone_model_info *i = &x->info;
        json_object_set_new(j, "layers", json_integer(i->layers));
        json_object_set_new(j, "hidden", json_integer(i->hidden));
        json_object_set_new(j, "heads", json_integer(i->heads));
        json_object_set_new(j, "intermediate", json_integer(i->intermediate));
        json_object_set_new(j, "vocabulary", json_integer(i->vocab));
        json_object_set_new(j, "positions", json_integer(i->positions));
        json_object_set_new(j, "embedding", json_integer(i->embedding));
        json_object_set_new(j, "max_length", json_integer(i->max_length));
        json_object_set_new(j, "memory",
                            json_pack("{s:I,s:I,s:I,s:I}", "embed_bytes", (json_int_t)embed_bytes(x, tokens),
                                      "train_bytes", (json_int_t)train_bytes(x, tokens), "batch_size",
                                      (json_int_t)hone_options_int(o, "batch-size"), "tokens",
                                      (json_int_t)hone_options_int(o, "tokens")));
    }
    if (*x->unsupported)
        json_object_set_new(j, "unsupported", json_string(hone_plain_text(x->unsupported, text, sizeof text)));
    json_object_set_new(j, "parameters", json_integer(x->floats));
    json_object_set_new(j, "bytes", json_integer((json_int_t)x->bytes));
    if (!hone_options_flag(o, "no-tensors")) json_object_set(j, "tensors", x->list);
    for (int i = 0; i < x->n_problems; i++) json_array_append_new(problems, problem_json(&x->problem[i]));
    json_object_set_new(j, "problems", problems);
    return hone_print_json(j);
}

static void print_tensors(const inspection *x) {
    size_t i, k, width = 10;
    json_t *t, *d;
    char name[512];
    json_array_foreach(x->list, i, t) {
        size_t n = json_string_length(json_object_get(t, "name"));
        if (n > width && n <= 64) width = n;
    }
    puts("\ntensors (crc32 of the bytes in the file)");
    json_array_foreach(x->list, i, t) {
        char shape[256] = "[";
        json_array_foreach(json_object_get(t, "shape"), k, d) {
            size_t used = strlen(shape);
            snprintf(shape + used, sizeof shape - used, "%s%" JSON_INTEGER_FORMAT, k ? ", " : "",
                     json_integer_value(d));
        }
        printf("  %-*s  %-4s %s]  %s\n", (int)width,
               hone_plain_text(json_string_value(json_object_get(t, "name")), name, sizeof name),
               json_string_value(json_object_get(t, "dtype")), shape, json_string_value(json_object_get(t, "crc32")));
    }
}

static void print_as_text(const hone_options *o, const inspection *x, int64_t tokens) {
    char text[2 * HONE_PATH_MAX];
    const hone_model_info *i = &x->info;
    const double MiB = 1024.0 * 1024.0;
    printf("model         %s\n", hone_plain_text(x->dir, text, sizeof text));
    if (x->config) {
        printf("architecture  %s", hone_plain_text(architecture(x), text, sizeof text));
        printf(" (%s)\n", config_text(x, "model_type")
                              ? hone_plain_text(config_text(x, "model_type"), text, sizeof text)
                              : "no model_type");
    }
    if (x->runs) {
        printf("              %" PRId64 " layers, hidden %" PRId64 ", %" PRId64 " heads, intermediate %" PRId64
               ", vocabulary %" PRId64 ", %" PRId64 " positions\n",
               i->layers, i->hidden, i->heads, i->intermediate, i->vocab, i->positions);
        printf("embedding     %" PRId64 " dimensions, %s, texts up to %" PRId64 " tokens\n", i->embedding,
               i->similarity ? i->similarity : "cosine", i->max_length);
    } else if (*x->unsupported) {
        printf("              this version cannot run it: %s\n", hone_plain_text(x->unsupported, text, sizeof text));
    }
    printf("parameters    %" PRId64 " in %" PRId64 " tensors, %.1f MiB on disk\n", x->floats, x->tensors,
           (double)x->bytes / MiB);
    if (x->runs)
        printf("memory        embedding about %.0f MiB, training about %.0f MiB (%" PRId64 " texts of %" PRId64
               " tokens)\n",
               (double)embed_bytes(x, tokens) / MiB, (double)train_bytes(x, tokens) / MiB,
               hone_options_int(o, "batch-size"), hone_options_int(o, "tokens"));
    if (!hone_options_flag(o, "no-tensors") && x->tensors) print_tensors(x);
}

static hone_status look(const hone_options *o, inspection *x) {
    bool read = !hone_options_flag(o, "no-tensors");
    HONE_TRY(hone_model_find(hone_options_operand(o, 0), x->dir));
    if (!(x->list = json_array())) return hone_fail(HONE_E_NOMEM, "no memory for the list of tensors");
    if (hone_folder_encoder(x->dir, x->encoder) != HONE_OK) {
        note_problem(x);
        HONE_TRY(hone_io_join(x->encoder, x->dir, "."));
    }
    read_config(x);
    HONE_TRY(list_weights(x, x->encoder, read));
    HONE_TRY(list_modules(x, read));
    read_tokenizer(x);
    try_model(x);
    int64_t tokens = hone_options_int(o, "batch-size") * hone_options_int(o, "tokens");
    if (hone_options_flag(o, "json")) return print_as_json(o, x, tokens);
    print_as_text(o, x, tokens);
    return hone_print_flush();
}

/* All problems but the first are printed here; the first is the command's failure and decides the exit status. */
static hone_status report(const hone_options *o, const inspection *x) {
    if (!x->n_problems) return HONE_OK;
    for (int i = 1; i < x->n_problems; i++) hone_print_error(&x->problem[i], hone_options_flag(o, "json"));
    hone_error_restore(&x->problem[0]);
    return x->problem[0].code;
}

static hone_status run(const hone_options *o) {
    inspection *x = hone_zalloc(sizeof *x);
    if (!x) return HONE_E_NOMEM;
    hone_status st = look(o, x);
    if (st == HONE_OK) st = report(o, x);
    hone_model_close(x->model);
    json_decref(x->config);
    json_decref(x->list);
    hone_free(x);
    return st;
}

const hone_command hone_command_inspect = {
    .name = "inspect",
    .summary = "show what is in a model folder and what is wrong with it",
    .synopsis = "DIR [options]",
    .about = "DIR is a folder, or a name in the local Hugging Face cache. Shows the architecture, the parameters, a "
             "forecast of the memory that embedding and training take, and every tensor with its type, shape and "
             "checksum (CRC-32 of its bytes). What is wrong is named file by file on standard error, and the exit "
             "code is 3.",
    .options = options,
    .operand = "DIR",
    .min_operands = 1,
    .max_operands = 1,
    .example = {"hone inspect sentence-transformers/all-MiniLM-L6-v2",
                "hone inspect run/best_model --json --no-tensors"},
    .example_note = {"a published model in the cache", "the figures alone, as JSON"},
    .exits = "3 something is wrong in the folder",
    .run = run,
};
