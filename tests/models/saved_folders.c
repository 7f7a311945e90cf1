/* What a saved folder holds, what keeps one from being saved; then opening and saving in which every allocation and every
 * file operation fails once. */
#include "base/fault.h"
#include "base/io.h"
#include "models/model.h"
#include "tests/models/folders.h"

#include <math.h>
#include <unistd.h>

/* mean has 512 for the tokenizer and 32 in sentence_bert_config.json: sentence-transformers 6.2 saves it with 32 for
 * both. */
TEST(models, a_saved_folder_says_its_length_where_transformers_reads_it) {
    static const struct {
        const char *to;      /* model_max_length of the folder, NULL: no such file */
        int64_t asked, want; /* --max-length; what the saved folder says, 0: the file as it was */
    } cases[] = {{"\"model_max_length\": 512", 0, 32},
                 {"\"model_max_length\": 512", 9, 9},
                 {"\"model_max_length\": 32", 0, 0},
                 {"\"model_max_length\": 1000000000000000019884624838656", 0, 32},
                 {"\"x\": 1", 0, 32},
                 {NULL, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dir = folder_copy("mean");
        char saved[HONE_PATH_MAX], was[HONE_PATH_MAX], is[HONE_PATH_MAX], *a = NULL, *b = NULL;
        size_t na = 0, nb = 0;
        hone_model *m;
        folder_edit(dir, "tokenizer_config.json", cases[i].to ? "\"model_max_length\": 512" : "", cases[i].to);
        CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .max_length = cases[i].asked}, &m));
        CHECK_OK(hone_io_join(saved, test_dir(), "lengths"));
        CHECK_OK(hone_model_save(m, saved));
        hone_model_close(m);
        CHECK_OK(hone_io_join(was, dir, "tokenizer_config.json"));
        CHECK_OK(hone_io_join(is, saved, "tokenizer_config.json"));
        CHECK_INT(hone_io_exists(is), cases[i].to != NULL);
        if (!cases[i].to) continue;
        CHECK_OK(hone_io_read_file(was, 1 << 20, &a, &na));
        CHECK_OK(hone_io_read_file(is, 1 << 20, &b, &nb));
        json_t *before = json_loads(a, JSON_DECODE_INT_AS_REAL, NULL), *after = json_loads(b, 0, NULL);
        if (cases[i].want) {
            CHECK_INT(json_integer_value(json_object_get(after, "model_max_length")), cases[i].want);
            CHECK(json_object_size(after) == json_object_size(before) + !json_object_get(before, "model_max_length"));
            CHECK_STR(json_string_value(json_object_get(after, "tokenizer_class")),
                      json_string_value(json_object_get(before, "tokenizer_class")));
        } else {
            CHECK(na == nb && !memcmp(a, b, na));
        }
        json_decref(before), json_decref(after);
        hone_free(a), hone_free(b);
    }
}

/* As encode() of sentence-transformers: the first dimensions of what the modules give, more or fewer where the caller
 * says so. */
TEST(models, a_folders_truncate_dim_is_kept_to_and_saved) {
    static const struct {
        const char *says;
        int64_t kept;
    } cases[] = {{"{\"truncate_dim\": 5}", 5}, {"{\"truncate_dim\": 99}", 16}, {"{\"truncate_dim\": null}", 16}};
    const hone_text text = {"the city", 8};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dir = folder_copy("mean");
        char saved[HONE_PATH_MAX];
        float whole[16], out[16];
        hone_model *m;
        hone_arena *arena = hone_arena_new("step", 0);
        hone_graph *g = hone_graph_new(arena);
        CHECK_OK(hone_io_join(saved, test_dir(), "truncated"));
        CHECK_OK(hone_model_open(dir, NULL, &m));
        CHECK_OK(hone_model_embed(m, g, &text, 1, NULL, whole, NULL));
        hone_model_close(m);
        folder_edit(dir, "config_sentence_transformers.json", "", cases[i].says);
        CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true}, &m));
        CHECK_OK(hone_model_save(m, saved));
        hone_model_close(m);
        CHECK_OK(hone_model_open(saved, NULL, &m));
        CHECK_INT(hone_model_get_info(m)->embedding, 16);
        CHECK_INT(hone_model_get_info(m)->kept, cases[i].kept);
        for (int k = 0; k < 16; k++) out[k] = 7;
        CHECK_OK(hone_model_embed(m, g, &text, 1, NULL, out, NULL));
        for (int k = 0; k < 16; k++) CHECK(fabsf(out[k] - (k < cases[i].kept ? whole[k] : 7)) <= 1e-6f);
        CHECK_OK(hone_model_embed(m, g, &text, 1, &(hone_embed_options){.truncate = 16}, out, NULL));
        for (int k = 0; k < 16; k++) CHECK(fabsf(out[k] - whole[k]) <= 1e-6f);
        hone_model_close(m);
        hone_graph_free(g);
        hone_arena_free(arena);
    }
}

TEST(models, a_model_is_saved_as_it_was_opened_whatever_became_of_its_folder) {
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                        "vocab.txt"};
    char saved[HONE_PATH_MAX], again[HONE_PATH_MAX], file[HONE_PATH_MAX], *x, *y;
    const char *dir = folder_copy("mean");
    size_t a, b;
    hone_model *m;
    CHECK_OK(hone_io_join(saved, test_dir(), "saved_before"));
    CHECK_OK(hone_io_join(again, test_dir(), "saved_after"));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true}, &m));
    CHECK_OK(hone_model_save(m, saved));
    folder_edit(dir, "tokenizer.json", "", "{}");
    folder_edit(dir, "vocab.txt", "", NULL);
    CHECK_OK(hone_model_save(m, again));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK_OK(hone_io_join(file, saved, names[i]));
        CHECK_OK(hone_io_read_file(file, 1 << 24, &x, &a));
        CHECK_OK(hone_io_join(file, again, names[i]));
        CHECK_OK(hone_io_read_file(file, 1 << 24, &y, &b));
        CHECK_MSG(a == b && !memcmp(x, y, a), "%s", names[i]);
        hone_free(x), hone_free(y);
    }
    CHECK_OK(hone_io_remove_tree(dir));
    CHECK_OK(hone_model_save(m, again));
    hone_model_close(m);
    CHECK_OK(hone_model_open(again, NULL, &m));
    hone_model_close(m);
}

TEST(models, saving_needs_a_tokenizer_weights_of_its_own_and_a_short_path) {
    hone_model *m;
    json_t *config = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "model_type", "bert", "vocab_size", 11,
                               "hidden_size", 8, "num_hidden_layers", 1, "num_attention_heads", 2, "intermediate_size",
                               8, "max_position_embeddings", 9);
    char out[HONE_PATH_MAX], slashes[HONE_PATH_MAX], deep[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(out, test_dir(), "saved"));
    for (int dtype = 0; dtype < 2; dtype++) {
        CHECK_OK(hone_model_make(config, &(hone_model_options){.dtype = dtype ? HONE_F64 : HONE_F32}, 7, &m));
        CHECK_FAILS(hone_model_save(m, out), HONE_E_ARG, "has no tokenizer to save");
        hone_model_close(m);
    }
    json_object_set_new(config, "vocab_size", json_integer(1)); /* the least there is */
    CHECK_OK(hone_model_make(config, &(hone_model_options){0}, 7, &m));
    hone_model_close(m);
    json_object_set_new(config, "vocab_size", json_integer(0));
    CHECK_FAILS(hone_model_make(config, &(hone_model_options){0}, 7, &m), HONE_E_FORMAT, "\"vocab_size\" is 0");
    json_object_set_new(config, "vocab_size", json_integer(11));
    json_object_set_new(config, "model_type", json_string("t5"));
    CHECK_FAILS(hone_model_make(config, &(hone_model_options){0}, 7, &m), HONE_E_UNSUPPORTED, "\"t5\"");
    CHECK(!hone_last_error()->line && !hone_last_error()->column); /* a value has no place in the file any more */
    json_decref(config);
    CHECK_OK(hone_model_open(folder_copy("mean"), NULL, &m));
    CHECK_FAILS(hone_model_save(m, out), HONE_E_ARG, "is open for inference");
    hone_model_close(m);
    CHECK_OK(hone_model_open(folder_copy("mean"), &(hone_model_options){.train = true}, &m));
    memset(deep, 'd', sizeof deep);
    deep[sizeof deep - 1] = 0;
    CHECK_FAILS(hone_model_save(m, deep), HONE_E_LIMIT, "longer than");
    snprintf(slashes, sizeof slashes, "%.1000s//", out);
    CHECK_OK(hone_model_save(m, slashes));
    CHECK_OK(hone_model_save(m, slashes)); /* in the place of the first */
    CHECK(hone_io_is_dir(out));
    hone_model_close(m);
    CHECK_OK(hone_model_open(out, NULL, &m));
    hone_model_close(m);
    CHECK_OK(hone_io_remove_tree(out));
}

#ifdef HONE_TEST_HOOKS
/* Fails the k-th operation, one later each time (later on some later), until none is met. */
static void sweep(const char *rule, hone_status want, const char *dir, const hone_model_options *o, hone_model *to_save,
                  const char *out) {
    char fault[64];
    int64_t k = 1, failures = 0;
    for (bool fired = true; fired; k += 1 + k / (to_save ? 12 : 40)) {
        hone_model *m = NULL;
        snprintf(fault, sizeof fault, rule, (int)k);
        CHECK(hone_fault_set(fault));
        hone_error_clear();
        hone_status s = to_save ? hone_model_save(to_save, out) : hone_model_open(dir, o, &m);
        fired = hone_fault_fired() > 0;
        hone_fault_set(NULL);
        CHECK((s == HONE_OK && !to_save) == (m != NULL));
        CHECK_MSG(s == HONE_OK || (fired && s == want && hone_last_error()->message[0]), "%s: status %d (%s)", fault, s,
                  hone_last_error()->message);
        failures += s != HONE_OK;
        hone_model_close(m);
        hone_json_whole();
        if (to_save) { /* a folder moved aside before the failure would stop the next save */
            char old[HONE_PATH_MAX];
            snprintf(old, sizeof old, "%.4000s.old-%ld", out, (long)getpid());
            CHECK_OK(hone_io_remove_tree(old));
        }
        if (to_save && hone_io_exists(out)) { /* whole */
            CHECK_OK(hone_model_open(out, NULL, &m));
            hone_model_close(m);
        }
    }
    CHECK_MSG(failures > 0, "%s met %d", rule, (int)failures);
}

TEST(models, no_failing_allocation_or_read_passes_for_an_open_model) {
    static const struct {
        const char *model;
        hone_model_options o;
    } cases[] = {{"mean", {.train = true}},
                 {"dense_two", {0}},
                 {"vocab_only", {0}},
                 {"f16", {0}},
                 {"sharded", {.dtype = HONE_F64}},
                 {"pool_new_order", {.precision = HONE_PRECISION_INT8}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dir = folder_copy(cases[i].model);
        sweep("alloc:%d", HONE_E_NOMEM, dir, &cases[i].o, NULL, NULL);
        if (i > 1) continue;
        sweep("read:%d:EIO", HONE_E_IO, dir, &cases[i].o, NULL, NULL);
        sweep("open:%d:EMFILE", HONE_E_IO, dir, &cases[i].o, NULL, NULL);
    }
}

TEST(models, no_failing_allocation_or_write_passes_for_a_saved_model) {
    static const char *const models[] = {"dense_two", "pool_new_order"};
    char out[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(out, test_dir(), "swept"));
    for (int i = 0; i < 2; i++) {
        hone_model *m;
        CHECK_OK(hone_model_open(folder_copy(models[i]), &(hone_model_options){.train = true}, &m));
        sweep("alloc:%d", HONE_E_NOMEM, NULL, NULL, m, out);
        sweep("write:%d:ENOSPC", HONE_E_IO, NULL, NULL, m, out);
        sweep("open:%d:EMFILE", HONE_E_IO, NULL, NULL, m, out);
        sweep("rename:%d:EIO", HONE_E_IO, NULL, NULL, m, out);
        if (!i) sweep("fsync:%d:EIO", HONE_E_IO, NULL, NULL, m, out);
        sweep("mkdir:%d:EACCES", HONE_E_IO, NULL, NULL, m, out);
        hone_model_close(m);
        CHECK_OK(hone_io_remove_tree(out));
    }
}
#endif
