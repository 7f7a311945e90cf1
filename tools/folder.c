#include "tools/folder.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* *out is NULL when there is no such file. */
static hone_status load_if_there(const char *dir, const char *file, char path[HONE_PATH_MAX], json_t **out) {
    *out = NULL;
    HONE_TRY(hone_io_join(path, dir, file));
    return hone_io_exists(path) ? hone_json_load(path, out) : HONE_OK;
}

hone_status hone_folder_encoder(const char *dir, char out[HONE_PATH_MAX]) {
    char path[HONE_PATH_MAX];
    json_t *modules;
    HONE_TRY(load_if_there(dir, "modules.json", path, &modules));
    const char *sub = json_string_value(json_object_get(json_array_get(modules, 0), "path"));
    hone_status st;
    if (!sub || !*sub || !strcmp(sub, "."))
        st = hone_io_join(out, dir, "");
    else if (sub[0] == '/' || strstr(sub, ".."))
        st = hone_fail_at(HONE_E_FORMAT, path, 0, 0, "module path \"%s\" leads out of the folder", hone_quote(sub));
    else
        st = hone_io_join(out, dir, sub);
    if (st == HONE_OK && strlen(out) > 1 && out[strlen(out) - 1] == '/') out[strlen(out) - 1] = 0;
    json_decref(modules);
    return st;
}

static hone_status count_positions(const char *encoder, int64_t *out) {
    char path[HONE_PATH_MAX];
    json_t *config;
    const char *type;
    *out = 0;
    HONE_TRY(load_if_there(encoder, "config.json", path, &config));
    if (!config) return HONE_OK;
    hone_status st = hone_json_int(config, path, "max_position_embeddings", 0, 1, INT32_MAX, out);
    if (st == HONE_OK) st = hone_json_string(config, path, "model_type", "", &type);
    /* Positions of these start behind the padding id 1: two rows of the table are never reached. */
    if (st == HONE_OK && *out > 2 &&
        (!strcmp(type, "xlm-roberta") || !strcmp(type, "roberta") || !strcmp(type, "camembert") ||
         !strcmp(type, "mpnet")))
        *out -= 2;
    json_decref(config);
    return st;
}

hone_status hone_folder_max_length(const char *encoder, const hone_tokenizer *t, int64_t asked, int64_t *out) {
    char path[HONE_PATH_MAX];
    json_t *sentence;
    int64_t positions, length = asked;
    HONE_TRY(count_positions(encoder, &positions));
    if (!length) {
        HONE_TRY(load_if_there(encoder, "sentence_bert_config.json", path, &sentence));
        hone_status st = sentence ? hone_json_int(sentence, path, "max_seq_length", 0, 1, INT32_MAX, &length) : HONE_OK;
        json_decref(sentence);
        HONE_TRY(st);
    }
    if (!length && hone_tokenizer_max_length(t) != INT64_MAX) length = hone_tokenizer_max_length(t);
    if (positions && (!length || length > positions)) length = positions;
    *out = length;
    return HONE_OK;
}
