/* Published folders in every flavour, against sentence-transformers: token ids, embeddings, hidden states. The folders
 * and expected.json come from tests/golden/models/make_models.py. */
#include "base/io.h"
#include "base/json.h"
#include "models/model.h"
#include "tests/models/folders.h"

#include <math.h>
#include <stdlib.h>

typedef struct golden {
    char dir[HONE_PATH_MAX];
    json_t *inputs, *expected;
    hone_model *m;
    hone_arena *arena;
    hone_graph *g;
} golden;

static golden open_as(const char *name, const hone_model_options *how) {
    golden x = {0};
    char file[HONE_PATH_MAX];
    CHECK_OK(hone_json_load(test_path("tests/golden/models/inputs.json"), &x.inputs));
    CHECK_OK(hone_io_join(x.dir, test_path("tests/golden/models"), name));
    CHECK_OK(hone_io_join(file, x.dir, "expected.json"));
    CHECK_OK(hone_json_load(file, &x.expected));
    CHECK_OK(hone_model_open(x.dir, how, &x.m));
    x.arena = hone_arena_new("step", 0);
    x.g = hone_graph_new(x.arena);
    return x;
}

static golden open_golden(const char *name) {
    return open_as(name, NULL);
}

static void close_golden(golden *x) {
    hone_graph_free(x->g);
    hone_arena_free(x->arena);
    hone_model_close(x->m);
    json_decref(x->inputs);
    json_decref(x->expected);
}

static int64_t integer(const json_t *o, const char *key) {
    return json_integer_value(json_object_get(o, key));
}

/* Embeds the golden texts with the prompt named and compares; returns the largest difference. */
static double compare_rows(golden *x, const char *name, const json_t *rows, const char *prompt) {
    const json_t *texts = json_object_get(x->inputs, "texts");
    int64_t n = (int64_t)json_array_size(rows), D = integer(x->expected, "dim");
    CHECK_INT(hone_model_get_info(x->m)->embedding, D);
    CHECK(n >= 4 && n <= (int64_t)json_array_size(texts));
    hone_text *in = calloc((size_t)n, sizeof *in);
    float *out = calloc((size_t)(n * D), sizeof *out);
    for (int64_t i = 0; i < n; i++) {
        const json_t *t = json_array_get(texts, (size_t)i);
        in[i] = (hone_text){json_string_value(t), json_string_length(t)};
    }
    CHECK_OK(hone_model_embed(x->m, x->g, in, n, &(hone_embed_options){.prompt = prompt}, out, NULL));
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < D; c++) {
            const json_t *want =
                json_array_get(json_object_get(json_array_get(rows, (size_t)i), "embedding"), (size_t)c);
            double err = fabs((double)out[i * D + c] - json_number_value(want));
            CHECK_MSG(err <= 1e-5, "%s: text %d, dimension %d is %.9g, want %.9g", name, (int)i, (int)c,
                      (double)out[i * D + c], json_number_value(want));
            if (err > worst) worst = err;
        }
    free(in);
    free(out);
    return worst;
}

TEST(models, every_flavour_of_folder_embeds_like_sentence_transformers) {
    char **names;
    size_t n;
    int seen = 0;
    double worst = 0;
    CHECK_OK(hone_io_list(test_path("tests/golden/models"), &names, &n));
    for (size_t i = 0; i < n; i++) {
        char dir[HONE_PATH_MAX];
        CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), names[i]));
        if (!hone_io_is_dir(dir)) continue;
        golden x = open_golden(names[i]);
        CHECK_INT(hone_model_get_info(x.m)->max_length, integer(x.expected, "max_seq_length"));
        double err = compare_rows(&x, names[i], json_object_get(x.expected, "rows"), NULL);
        if (err > worst) worst = err;
        const json_t *prompts = json_object_get(x.expected, "prompts");
        for (size_t k = 0; k < json_array_size(prompts); k++) {
            const json_t *p = json_array_get(prompts, k);
            const char *text = json_string_value(json_object_get(p, "prompt"));
            err = compare_rows(&x, names[i], json_object_get(p, "rows"), text ? text : "");
            if (err > worst) worst = err;
        }
        close_golden(&x);
        seen++;
    }
    hone_free(names);
    CHECK(seen >= 15);
    printf("  %d folders, largest difference %.2g of 1e-5\n", seen, worst);
}

TEST(models, hidden_states_of_every_layer_are_those_of_transformers) {
    golden x = open_golden("mean");
    const json_t *all = json_object_get(x.expected, "hidden_states");
    CHECK(json_array_size(all) > 0);
    for (size_t t = 0; t < json_array_size(all); t++) {
        const json_t *entry = json_array_get(all, t), *ids = json_object_get(entry, "ids"),
                     *layers = json_object_get(entry, "layers");
        int32_t list[64], cu[2] = {0, (int32_t)json_array_size(ids)};
        for (int32_t i = 0; i < cu[1]; i++) list[i] = (int32_t)json_integer_value(json_array_get(ids, (size_t)i));
        CHECK(json_array_size(layers) > 1);
        for (size_t layer = 0; layer < json_array_size(layers); layer++) {
            hone_graph_begin(x.g, &(hone_graph_mode){0});
            hone_model_batch b = {.B = 1, .T = cu[1], .ids = list, .cu = cu};
            const hone_tensor *h = hone_model_hidden(x.m, x.g, &b, (int)layer);
            CHECK_OK(hone_graph_status(x.g));
            for (int64_t i = 0; i < hone_dim(h, 0); i++)
                for (int64_t c = 0; c < hone_dim(h, 1); c++) {
                    const json_t *row = json_array_get(json_array_get(layers, layer), (size_t)i);
                    CHECK_NEAR(hone_f32(h)[i * hone_dim(h, 1) + c], json_number_value(json_array_get(row, (size_t)c)),
                               1e-5);
                }
        }
    }
    close_golden(&x);
}

TEST(models, a_layer_that_the_model_does_not_have_is_refused_by_its_number) {
    golden x = open_golden("mean");
    const int wrong[] = {-2, 3, 1000};
    int32_t ids[] = {2, 3}, cu[] = {0, 2};
    hone_model_batch b = {.B = 1, .T = 2, .ids = ids, .cu = cu};
    for (int i = 0; i < 3; i++) {
        hone_graph_begin(x.g, &(hone_graph_mode){0});
        CHECK(!hone_model_hidden(x.m, x.g, &b, wrong[i]));
        CHECK_FAILS(hone_graph_status(x.g), HONE_E_ARG, "the model has 0 (embeddings) to 2");
    }
    hone_graph_begin(x.g, &(hone_graph_mode){0});
    CHECK(hone_model_hidden(x.m, x.g, &b, -1));
    CHECK_OK(hone_graph_status(x.g));
    close_golden(&x);
}

TEST(models, a_model_without_files_refuses_text) {
    json_t *config =
        json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i}", "model_type", "bert", "hidden_size", 8, "num_hidden_layers", 1,
                  "num_attention_heads", 2, "intermediate_size", 8, "vocab_size", 16, "max_position_embeddings", 8);
    hone_model *m;
    CHECK_OK(hone_model_make(config, &(hone_model_options){0}, 1, &m));
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_text text = {"hello", 5};
    float out[8];
    CHECK_FAILS(hone_model_embed(m, g, &text, 1, NULL, out, NULL), HONE_E_ARG, "no tokenizer");
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_model_close(m);
    json_decref(config);
}

TEST(models, a_saved_folder_embeds_the_same_bits) {
    static const char *const names[] = {"mean",    "gamma",     "masked_lm",      "f16",
                                        "sharded", "dense_two", "pool_new_order", "vocab_only"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        golden x = open_as(names[k], &(hone_model_options){.train = true, .dropout = -1}), y = open_golden(names[k]);
        char out[HONE_PATH_MAX];
        CHECK_OK(hone_io_join(out, test_dir(), names[k]));
        CHECK_OK(hone_model_save(x.m, out));
        CHECK_OK(hone_model_save(x.m, out)); /* over a folder that is there */
        CHECK_FAILS(hone_model_save(y.m, out), HONE_E_ARG, "is open for inference");
        hone_model *again;
        CHECK_OK(hone_model_open(out, NULL, &again));
        hone_text text = {"the city of light", 17};
        float a[256], b[256];
        size_t bytes = (size_t)hone_model_get_info(again)->embedding * sizeof *a;
        CHECK_OK(hone_model_embed(x.m, x.g, &text, 1, NULL, a, NULL));
        CHECK_OK(hone_model_embed(again, x.g, &text, 1, NULL, b, NULL));
        CHECK_MSG(!memcmp(a, b, bytes), "%s: the saved folder embeds differently", names[k]);
        CHECK_OK(hone_model_embed(y.m, x.g, &text, 1, NULL, b, NULL));
        CHECK_MSG(!memcmp(a, b, bytes), "%s: weights laid out for the kernels embed differently", names[k]);
        close_golden(&y);
        hone_model_close(again);
        close_golden(&x);
    }
}

TEST(models, eight_bits_cannot_be_trained) {
    hone_model *m;
    CHECK_FAILS(hone_model_open(test_path("tests/golden/models/mean"),
                                &(hone_model_options){.train = true, .precision = HONE_PRECISION_INT8}, &m),
                HONE_E_ARG, "have no backward pass");
}

TEST(models, a_precision_that_there_is_not_is_refused) {
    hone_model *m;
    static const int wrong[] = {-1, HONE_PRECISION_COUNT};
    for (int i = 0; i < 2; i++)
        CHECK_FAILS(hone_model_open(test_path("tests/golden/models/mean"),
                                    &(hone_model_options){.precision = (hone_precision)wrong[i]}, &m),
                    HONE_E_ARG, "wants 0 to");
}

TEST(models, options_that_no_model_has_are_refused) {
    const struct {
        hone_model_options o;
        const char *says;
    } bad[] = {{{.dtype = HONE_F16}, "F32 or F64"}, {{.precision = HONE_PRECISION_COUNT}, "precision 3"},
               {{.dropout = 1}, "dropout is 1"},    {{.dropout = NAN}, "dropout is"},
               {{.max_length = -5}, "-5 tokens"},   {{.pooling = "none such"}, "none such"}};
    json_t *config =
        json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i}", "model_type", "bert", "hidden_size", 8, "num_hidden_layers", 1,
                  "num_attention_heads", 2, "intermediate_size", 8, "vocab_size", 16, "max_position_embeddings", 8);
    hone_model *m = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(hone_model_open(test_path("tests/golden/models/mean"), &bad[i].o, &m), HONE_E_ARG, bad[i].says);
        if (i < 4) CHECK_FAILS(hone_model_make(config, &bad[i].o, 1, &m), HONE_E_ARG, bad[i].says);
        CHECK(!m);
    }
    CHECK_OK(hone_model_make(config, NULL, 1, &m));
    hone_model_close(m);
    json_decref(config);
    CHECK_OK(hone_model_open(test_path("tests/golden/models/mean"), NULL, &m));
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    const hone_text text = {"hello", 5};
    float out[64];
    CHECK_FAILS(hone_model_embed(m, g, &text, 1, &(hone_embed_options){.truncate = -1}, out, NULL), HONE_E_ARG,
                "below 0");
    CHECK_FAILS(hone_model_embed(m, g, &text, 1, &(hone_embed_options){.batch_tokens = -1}, out, NULL), HONE_E_ARG,
                "below 0");
    CHECK_FAILS(hone_model_embed(m, g, &text, -1, NULL, out, NULL), HONE_E_ARG, "-1 texts");
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_model_close(m);
}

TEST(models, a_folder_that_says_do_lower_case_sees_lower_case) {
    hone_tokenizer *t;
    hone_encoding upper = {0}, lower = {0};
    static const char shout[] = "The CITY of Light", whisper[] = "the city of light";
    CHECK_OK(hone_tokenizer_open(test_path("tests/golden/models/cased"), &t));
    CHECK_OK(hone_tokenizer_encode(t, shout, strlen(shout), NULL, 0, NULL, &upper));
    CHECK_OK(hone_tokenizer_encode(t, whisper, strlen(whisper), NULL, 0, NULL, &lower));
    CHECK(upper.n != lower.n || memcmp(upper.ids, lower.ids, (size_t)lower.n * sizeof *lower.ids));
    CHECK_OK(hone_tokenizer_lower_case(t));
    CHECK_OK(hone_tokenizer_lower_case(t)); /* once is enough */
    CHECK_OK(hone_tokenizer_encode(t, shout, strlen(shout), NULL, 0, NULL, &upper));
    CHECK_INT(upper.n, lower.n);
    CHECK(!memcmp(upper.ids, lower.ids, (size_t)lower.n * sizeof *lower.ids));
    hone_encoding_free(&upper);
    hone_encoding_free(&lower);
    hone_tokenizer_free(t);
}

/* "Late" is matched in the normalized text, and so by its own normalized spelling: as the reference does, whose
 * normalizer sentence-transformers replaces. */
TEST(models, lower_case_reaches_the_added_tokens_that_are_normalized) {
    hone_tokenizer *t;
    hone_encoding e = {0};
    const char *dir = folder_copy("cased");
    folder_edit(dir, "added_tokens.json", "", "{}");
    folder_edit(dir, "tokenizer_config.json", "\"do_lower_case\"",
                "\"additional_special_tokens\": [{\"content\": \"Late\", \"normalized\": true}], \"do_lower_case\"");
    CHECK_OK(hone_tokenizer_open(dir, &t));
    int64_t id = hone_tokenizer_id(t, "Late", 4);
    CHECK(id >= 0);
    for (int lower = 0; lower < 2; lower++) {
        static const char *const texts[] = {"Late", "late", "LATE"};
        size_t n;
        if (lower) CHECK_OK(hone_tokenizer_lower_case(t));
        const char *shown = hone_tokenizer_token(t, id, &n);
        CHECK(shown && n == 4 && !memcmp(shown, lower ? "late" : "Late", n));
        for (int i = 0; i < 3; i++) {
            CHECK_OK(hone_tokenizer_encode(t, texts[i], 4, NULL, 0, NULL, &e));
            CHECK_MSG((e.n == 3 && e.ids[1] == id) == (lower || !i), "%s, lower case %d", texts[i], lower);
        }
    }
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

static hone_status encode_once(golden *x, const hone_model_batch *b, float *out) {
    hone_graph_begin(x->g, &(hone_graph_mode){0});
    const hone_tensor *e = hone_model_encode(x->m, x->g, b);
    if (e) memcpy(out, hone_f32(e), (size_t)hone_count(e) * sizeof *out);
    return hone_graph_status(x->g);
}

/* A template of type 1 behind [CLS], and a class that passes type ids on. */
TEST(models, type_ids_of_the_tokenizers_template_reach_the_model) {
    static const int32_t ids[] = {3, 9, 10, 4, 3, 11, 4}, cu[] = {0, 4, 7};
    static const int32_t types[] = {0, 1, 1, 1, 0, 1, 1};
    float given[32], zeros[32], own[32], text[16];
    const char *dir = folder_copy("mean");
    golden x = open_golden("mean");
    const hone_model_batch b = {.B = 2, .T = 7, .ids = ids, .cu = cu}, typed = {2, 7, ids, types, cu, NULL};
    CHECK_OK(encode_once(&x, &typed, given));
    CHECK_OK(encode_once(&x, &b, zeros));
    hone_model_close(x.m);
    x.m = NULL;
    folder_edit(dir, "tokenizer_config.json", "\"BertTokenizer\"",
                "\"PreTrainedTokenizerFast\", \"model_input_names\": [\"input_ids\", \"token_type_ids\"]");
    for (int i = 0; i < 2; i++) /* each time the first that is left */
        folder_edit(dir, "tokenizer.json", i ? "\"id\":\"[SEP]\",\"type_id\":0" : "\"id\":\"A\",\"type_id\":0",
                    i ? "\"id\":\"[SEP]\",\"type_id\":1" : "\"id\":\"A\",\"type_id\":1");
    CHECK_OK(hone_model_open(dir, NULL, &x.m));
    CHECK_OK(encode_once(&x, &b, own));
    CHECK(memcmp(given, zeros, sizeof given) && !memcmp(given, own, sizeof given));
    CHECK_OK(hone_model_embed(x.m, x.g, &(hone_text){"e", 1}, 1, NULL, text, NULL));
    CHECK(hone_tokenizer_id(hone_model_tokenizer(x.m), "e", 1) == 10);
    const int32_t one[] = {3, 10, 4}, one_types[] = {0, 1, 1}, one_cu[] = {0, 3};
    CHECK_OK(encode_once(&x, &(hone_model_batch){1, 3, one, one_types, one_cu, NULL}, own));
    CHECK(!memcmp(text, own, sizeof text));
    close_golden(&x);
}

TEST(models, sequences_that_do_not_cut_the_tokens_are_refused) {
    static const int32_t ids[] = {3, 9, 10, 4};
    static const int32_t cu[][3] = {{0, 2, 5}, {1, 2, 4}, {0, 4, 4}, {0, 9, 4}, {0, 2, 3}};
    golden x = open_golden("mean");
    float out[32];
    for (size_t i = 0; i < sizeof cu / sizeof *cu; i++) {
        const hone_model_batch b = {.B = 2, .T = 4, .ids = ids, .cu = cu[i]};
        CHECK_FAILS(encode_once(&x, &b, out), HONE_E_SHAPE, "sequence");
        hone_graph_begin(x.g, &(hone_graph_mode){0});
        CHECK(i == 2 || (!hone_model_hidden(x.m, x.g, &b, -1) && hone_graph_status(x.g) == HONE_E_SHAPE));
    }
    close_golden(&x);
}

/* dense/ leaves the prompt out of its pooling: [CLS] and the prompt's own tokens, not [SEP]. */
TEST(models, prompt_tokens_are_counted_where_pooling_leaves_them_out) {
    golden x = open_golden("dense");
    int32_t n;
    CHECK_OK(hone_model_prompt_tokens(x.m, json_string_value(json_object_get(x.expected, "prompt")), &n));
    CHECK_INT(n, integer(x.expected, "prompt_length"));
    CHECK(n > 1);
    CHECK_OK(hone_model_prompt_tokens(x.m, "", &n));
    CHECK_INT(n, 0);
    close_golden(&x);
    x = open_golden("mean");
    CHECK_OK(hone_model_prompt_tokens(x.m, "query: ", &n));
    CHECK_INT(n, 0);
    close_golden(&x);
}

/* One name each for the spellings of another folder: the vectors are its own, bit for bit. */
TEST(models, synonyms_of_activations_are_the_same_activation) {
    static const struct {
        const char *model, *name, *from, *to;
    } cases[] = {{"gelu_new", "config.json", "gelu_new", "gelu_accurate"},
                 {"gelu_new", "config.json", "gelu_new", "gelu_python_tanh"},
                 {"gelu_new", "config.json", "gelu_new", "gelu_pytorch_tanh"},
                 {"gelu_new", "config.json", "gelu_new", "gelu_fast"},
                 {"silu", "config.json", "silu", "swish"},
                 {"dense", "2_Dense/config.json", "torch.nn.modules.activation.Tanh", "torch.nn.Tanh"},
                 {"dense_two", "2_Dense/config.json", "torch.nn.modules.linear.Identity", "torch.nn.Identity"},
                 {"dense_two", "3_Dense/config.json", "torch.nn.modules.activation.ReLU", "torch.nn.ReLU"}};
    const hone_text text = {"the city of light", 17};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float want[64], got[64];
        golden x = open_golden(cases[i].model);
        int64_t D = hone_model_get_info(x.m)->embedding;
        CHECK(D <= 64);
        CHECK_OK(hone_model_embed(x.m, x.g, &text, 1, NULL, want, NULL));
        const char *dir = folder_copy(cases[i].model);
        hone_model *m;
        folder_edit(dir, cases[i].name, cases[i].from, cases[i].to);
        CHECK_OK(hone_model_open(dir, NULL, &m));
        CHECK_OK(hone_model_embed(m, x.g, &text, 1, NULL, got, NULL));
        CHECK(!memcmp(want, got, (size_t)D * sizeof *got));
        hone_model_close(m);
        close_golden(&x);
    }
}

TEST(models, cu_that_does_not_cut_the_tokens_is_refused_before_positions_are_written) {
    golden x = open_golden("mean");
    int32_t ids[] = {2, 3, 4};
    const int32_t wild[][3] = {{0, 1, 1000000}, {0, -5, 3}, {1, 2, 3}, {0, 2, 2}};
    for (int i = 0; i < 8; i++) {
        hone_model_batch b = {.B = 2, .T = 3, .ids = ids, .cu = wild[i / 2]};
        hone_graph_begin(x.g, &(hone_graph_mode){0});
        CHECK(!(i % 2 ? hone_model_hidden(x.m, x.g, &b, 0) : hone_model_encode(x.m, x.g, &b)));
        CHECK_FAILS(hone_graph_status(x.g), HONE_E_SHAPE, "batch: ");
    }
    close_golden(&x);
}

TEST(models, a_model_in_double_embeds_alike_and_is_not_saved) {
    golden x = open_golden("mean");
    const hone_text text = {"a plane", 7};
    float one[64], two[64];
    hone_model *m;
    CHECK_OK(hone_model_embed(x.m, x.g, &text, 1, NULL, one, NULL));
    const hone_model_info *info = hone_model_get_info(x.m);
    CHECK(info->kept <= 64);
    CHECK_OK(hone_model_open(info->dir, &(hone_model_options){.dtype = HONE_F64}, &m));
    CHECK_OK(hone_model_embed(m, x.g, &text, 1, NULL, two, NULL));
    for (int64_t i = 0; i < info->kept; i++) CHECK_NEAR((double)one[i], (double)two[i], 1e-6);
    CHECK_FAILS(hone_model_save(m, test_dir()), HONE_E_ARG, "is open in F64");
    hone_model_close(m);
    close_golden(&x);
}

TEST(models, a_weight_laid_out_for_inference_is_for_products_alone) {
    golden x = open_golden("mean");
    hone_params *ps = hone_model_params(x.m);
    hone_tensor *w = NULL;
    for (int64_t i = 0; i < hone_params_count(ps) && !w; i++)
        if (hone_params_at(ps, i)->prepares) w = hone_params_at(ps, i)->tensor;
    CHECK(w && !w->data);
    hone_graph_begin(x.g, &(hone_graph_mode){0});
    CHECK(!hone_mean(x.g, w));
    CHECK_FAILS(hone_graph_status(x.g), HONE_E_ARG, "is laid out for inference, its values are not there");
    close_golden(&x);
}
