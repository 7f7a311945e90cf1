/* Folders in which one file says something else: each is refused in a sentence that names the file and both sides. */
#include "base/io.h"
#include "models/model.h"
#include "tensor/safetensors.h"
#include "tests/models/folders.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct broken {
    const char *model, *name, *from, *to;
    hone_status code;
    const char *says;
} broken;

static void check_all(const broken *b, size_t n, const hone_model_options *o) {
    for (size_t i = 0; i < n; i++) {
        const char *dir = folder_copy(b[i].model);
        hone_model *m = NULL;
        folder_edit(dir, b[i].name, b[i].from, b[i].to);
        hone_error_clear();
        hone_status s = hone_model_open(dir, o, &m);
        const hone_error *e = hone_last_error();
        CHECK_MSG(s == b[i].code && !m, "%s with %s: status %d (%s), want %d", b[i].name, b[i].to ? b[i].to : "nothing",
                  s, e->message, b[i].code);
        if (s == HONE_OK) hone_model_close(m);
        CHECK_MSG(strstr(e->message, b[i].says) || strstr(e->hint, b[i].says), "%s: \"%s (%s)\", want \"%s\"",
                  b[i].name, e->message, e->hint, b[i].says);
        CHECK_MSG(s != HONE_E_UNSUPPORTED || !e->line, "%s:%" PRId64 ": a value has no line any more", b[i].name,
                  e->line);
    }
}
#define CHECK_ALL(cases, options) check_all(cases, sizeof cases / sizeof *cases, options)

/* sentence-transformers 6.2: max_seq_length 40 of the positions, no prompts, cosine, all dimensions. */
TEST(models, without_modules_json_the_files_beside_it_are_not_read) {
    const char *dir = folder_copy("mean");
    hone_model *m = NULL;
    folder_edit(dir, "config_sentence_transformers.json", "",
                "{\"prompts\": {\"q\": \"query: \"}, \"default_prompt_name\": \"q\", \"similarity_fn_name\": \"dot\", "
                "\"truncate_dim\": 4}");
    CHECK_OK(hone_model_open(dir, NULL, &m));
    CHECK(hone_model_get_info(m)->max_length == 32 && hone_model_get_info(m)->kept == 4);
    CHECK_STR(hone_model_prompt(m, NULL), "query: ");
    CHECK(hone_model_prompt(m, "query") && !*hone_model_prompt(m, "query") && !hone_model_prompt(m, "passage"));
    hone_model_close(m);
    folder_edit(dir, "config_sentence_transformers.json", "",
                "{\"default_prompt_name\": \"document\", \"similarity_fn_name\": \"dot\", \"truncate_dim\": 4}");
    CHECK_OK(hone_model_open(dir, NULL, &m)); /* every model has that one, an empty text */
    CHECK_STR(hone_model_prompt(m, NULL), "");
    hone_model_close(m);
    folder_edit(dir, "modules.json", "", NULL);
    CHECK_OK(hone_model_open(dir, NULL, &m));
    CHECK(hone_model_get_info(m)->max_length == 40 && hone_model_get_info(m)->kept == 16);
    CHECK_STR(hone_model_get_info(m)->similarity, "cosine");
    CHECK_STR(hone_model_prompt(m, NULL), "");
    hone_model_close(m);
}

/* A folder of a cache is links. One whose blob is gone is no optional file that was left out: without it the folder
 * would mean another model, in silence. */
TEST(models, a_link_to_a_file_that_is_gone_is_refused_by_name) {
    static const struct {
        const char *model, *name;
    } cases[] = {{"mean", "modules.json"},
                 {"mean", "sentence_bert_config.json"},
                 {"mean", "config_sentence_transformers.json"},
                 {"mean", "1_Pooling/config.json"},
                 {"mean", "tokenizer_config.json"},
                 {"mean", "tokenizer.json"},
                 {"mean", "config.json"},
                 {"mean", "model.safetensors"},
                 {"sharded", "model.safetensors.index.json"},
                 {"dense", "2_Dense/model.safetensors"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char file[HONE_PATH_MAX];
        const char *dir = folder_copy(cases[i].model);
        hone_model *m = NULL;
        CHECK_OK(hone_io_join(file, dir, cases[i].name));
        unlink(file);
        CHECK(!symlink("../../blobs/0123", file));
        hone_status s = hone_model_open(dir, NULL, &m);
        CHECK_MSG(s == HONE_E_IO && !m && strstr(hone_last_error()->file, cases[i].name) &&
                      strstr(hone_last_error()->hint, "a link to a file"),
                  "%s: status %d, %s (%s)", cases[i].name, s, hone_last_error()->message, hone_last_error()->hint);
        CHECK_INT(hone_exit_status(hone_last_error()), 3);
    }
}

/* What transformers 5 loads the model as: config.json, else the weights. */
TEST(models, the_stated_dtype_is_known) {
    static const struct {
        const char *model, *from, *to, *stated;
    } c[] = {
        {"mean", "x", "x", "float32"},
        {"mean", "\"torch_dtype\": \"float32\"", "\"torch_dtype\": \"bfloat16\"", "bfloat16"},
        {"mean", "\"torch_dtype\": \"float32\"", "\"torch_dtype\": \"bfloat16\", \"dtype\": \"float16\"", "float16"},
        {"mean", "\"torch_dtype\": \"float32\"", "\"dtype\": \"half\"", "float16"},
        {"mean", "\"torch_dtype\": \"float32\"", "\"dtype\": \"double\"", "float64"},
        {"f16", "\"torch_dtype\": \"float16\"", "\"dtype\": null", "float16"},
        {"bf16", "\"dtype\": \"bfloat16\"", "\"dtype\": null", "bfloat16"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const char *dir = folder_copy(c[i].model);
        hone_model *m = NULL;
        if (strcmp(c[i].from, "x")) folder_edit(dir, "config.json", c[i].from, c[i].to);
        CHECK_OK(hone_model_open(dir, NULL, &m));
        CHECK_STR(hone_model_get_info(m)->stated, c[i].stated);
        hone_model_close(m);
    }
}

TEST(models, a_config_that_cannot_be_is_refused_by_name) {
    static const broken cases[] = {
        {"mean", "config.json", "", NULL, HONE_E_FORMAT, "has no config.json"},
        {"mean", "config.json", "", "[]", HONE_E_FORMAT, "is not a JSON object"},
        {"mean", "config.json", "\"model_type\": \"bert\",", "", HONE_E_FORMAT, "has no \"model_type\""},
        {"mean", "config.json", "\"bert\"", "\"llama\"", HONE_E_UNSUPPORTED, "\"model_type\" is \"llama\""},
        {"mean", "config.json", "\"bert\"", "7", HONE_E_FORMAT, "\"model_type\" is 7, expected a string"},
        {"mean", "config.json", "\"bert\"", "\"be\\u0000rt\"", HONE_E_FORMAT, "expected a string without NUL"},
        {"mean", "config.json", "\"vocab_size\": 163", "\"vocab_size\": 0", HONE_E_FORMAT, "\"vocab_size\" is 0"},
        {"mean", "config.json", "\"hidden_size\": 16", "\"hidden_size\": 1.5", HONE_E_FORMAT, "\"hidden_size\" is 1.5"},
        {"mean", "config.json", "\"hidden_size\": 16", "\"hidden_size\": 17", HONE_E_FORMAT,
         "17 is not a multiple of num_attention_heads 2"},
        {"mean", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1001", HONE_E_FORMAT,
         "1001, expected"},
        {"mean", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", HONE_E_FORMAT,
         "has no tensor \"encoder.layer.2."},
        {"sharded", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", HONE_E_FORMAT,
         "has no tensor"},
        {"mean", "config.json", "\"num_attention_heads\": 2", "\"num_attention_heads\": -1", HONE_E_FORMAT, "is -1"},
        {"mean", "config.json", "\"intermediate_size\": 32", "\"intermediate_size\": 64", HONE_E_SHAPE,
         "config.json wants [64, 16]"},
        {"mean", "config.json", "\"intermediate_size\": 32", "\"intermediate_size\": false", HONE_E_FORMAT, "is false"},
        {"mean", "config.json", "\"max_position_embeddings\": 40", "\"max_position_embeddings\": 0", HONE_E_FORMAT,
         "is 0"},
        {"mean", "config.json", "\"max_position_embeddings\": 40", "\"max_position_embeddings\": 2", HONE_E_FORMAT,
         "of which 2 are special"},
        {"mean", "config.json", "\"type_vocab_size\": 2", "\"type_vocab_size\": {}", HONE_E_FORMAT, "is an object"},
        {"mean", "config.json", "\"pad_token_id\": 0", "\"pad_token_id\": -164", HONE_E_FORMAT, "is -164"},
        {"mean", "config.json", "\"pad_token_id\": 0", "\"per_layer_config\": {\"0\": {}}", HONE_E_UNSUPPORTED,
         "layers settings of their own"},
        {"mean", "config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 0", HONE_E_FORMAT, "above 0"},
        {"mean", "config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": \"1\"", HONE_E_FORMAT,
         "expected a number"},
        {"mean", "config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"swish2\"", HONE_E_UNSUPPORTED,
         "\"hidden_act\" is \"swish2\""},
        {"mean", "config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": []", HONE_E_FORMAT, "is an array"},
        {"mean", "config.json", "\"absolute\"", "\"relative_key\"", HONE_E_UNSUPPORTED, "only \"absolute\""},
        {"mean", "config.json", "\"absolute\"", "1", HONE_E_FORMAT, "is 1, expected a string"},
        {"mean", "config.json", "\"use_cache\": true", "\"is_decoder\": true", HONE_E_UNSUPPORTED, "only encoders"},
        {"mean", "config.json", "\"use_cache\": true", "\"add_cross_attention\": true", HONE_E_UNSUPPORTED,
         "\"add_cross_attention\" is true"},
        {"mean", "config.json", "\"use_cache\": true", "\"quantization_config\": {\"quant_method\": \"gptq\"}",
         HONE_E_UNSUPPORTED, "quantized weights (gptq)"},
        {"mean", "config.json", "\"use_cache\": true", "\"quantization_config\": {}", HONE_E_UNSUPPORTED,
         "\"quantization_config\" asks"},
        {"mean", "config.json", "\"torch_dtype\": \"float32\"", "\"torch_dtype\": \"int8\"", HONE_E_UNSUPPORTED,
         "expected float32, float16, bfloat16 or float64"},
        {"mean", "sentence_bert_config.json", "", "{\"model_args\": {\"dtype\": \"bfloat16\"}}", HONE_E_UNSUPPORTED,
         "\"model_args\" is set"},
        {"mean", "sentence_bert_config.json", "", "{\"query_length\": 32}", HONE_E_UNSUPPORTED,
         "\"query_length\" is set"},
        {"mean", "sentence_bert_config.json", "", "{\"transformer_task\": \"fill-mask\"}", HONE_E_UNSUPPORTED,
         "\"transformer_task\" is \"fill-mask\""},
        {"mean", "sentence_bert_config.json", "",
         "{\"modality_config\": {\"text\": {\"method_output_name\": \"pooler_output\"}}}", HONE_E_UNSUPPORTED,
         "only \"last_hidden_state\""},
        {"mean", "config.json", "\"use_cache\": true", "\"is_causal\": true", HONE_E_UNSUPPORTED,
         "\"is_causal\" is true"},
        {"mean", "config.json", "\"use_cache\": true", "\"is_decoder\": 1", HONE_E_FORMAT, "expected true or false"},
        {"mean", "config.json", "\"hidden_dropout_prob\": 0.0", "\"hidden_dropout_prob\": 1.0", HONE_E_FORMAT,
         "expected 0 <= p < 1"},
        {"mean", "config.json", "\"hidden_dropout_prob\": 0.0", "\"hidden_dropout_prob\": -0.5", HONE_E_FORMAT,
         "expected 0 <= p < 1"},
        {"mean", "config.json", "\"hidden_dropout_prob\": 0.0", "\"hidden_dropout_prob\": \"\"", HONE_E_FORMAT,
         "expected a number"},
        {"mean", "config.json", "\"attention_probs_dropout_prob\": 0.0", "\"attention_probs_dropout_prob\": 2",
         HONE_E_FORMAT, "expected 0 <= p < 1"},
        {"mean", "config.json", "\"num_attention_heads\": 2", "\"num_attention_heads\": null", HONE_E_FORMAT,
         "is null, expected a number"},
        {"mean", "config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": null", HONE_E_FORMAT,
         "is null, expected a string"},
        {"mean", "config.json", "\"hidden_size\": 16", "\"hidden_size\": 16.0", HONE_E_FORMAT,
         "\"hidden_size\" is 16.0, expected an integer"},
        {"mean", "config.json", "\"hidden_size\"", "\"model_type\"", HONE_E_FORMAT, "duplicate key \"model_type\""},
    };
    CHECK_ALL(cases, NULL);
}

TEST(models, modules_that_cannot_be_are_refused_by_name) {
    static const broken cases[] = {
        {"mean", "modules.json", "", "{}", HONE_E_FORMAT, "is not a list of modules"},
        {"mean", "modules.json", "", "[7]", HONE_E_FORMAT, "entry 0 is not an object"},
        {"mean", "modules.json", "", "[]", HONE_E_UNSUPPORTED, "has 0 modules"},
        {"mean", "modules.json", "", "[", HONE_E_FORMAT, "found the end of the text"},
        {"mean", "modules.json", "\"1_Pooling\"", "\"/etc\"", HONE_E_FORMAT, "leaves the folder"},
        {"mean", "modules.json", "\"1_Pooling\"", "\"../x\"", HONE_E_FORMAT, "leaves the folder"},
        {"mean", "modules.json", "\"1_Pooling\"", "1", HONE_E_FORMAT, "\"path\" is 1"},
        {"mean", "modules.json", "\"sentence_transformers.models.Pooling\"", "1", HONE_E_FORMAT, "\"type\" is 1"},
        {"mean", "modules.json", "models.Pooling", "models.LSTM", HONE_E_UNSUPPORTED,
         "module 1 is \"sentence_transformers.models.LSTM\""},
        {"mean", "modules.json", "models.Transformer", "models.CLIPModel", HONE_E_UNSUPPORTED, "module 0 is"},
        {"mean", "modules.json", "models.Normalize", "models.LayerNorm", HONE_E_UNSUPPORTED, "module 2 is"},
        {"mean", "modules.json", "sentence_transformers.models.Normalize", "Pooling", HONE_E_UNSUPPORTED,
         "module 2 is \"Pooling\""},
        /* code of somebody else's, which sentence-transformers wants to be trusted */
        {"mean", "modules.json", "sentence_transformers.models.Normalize", "custom_st.Normalize", HONE_E_UNSUPPORTED,
         "module 2 is \"custom_st.Normalize\""},
        {"mean", "modules.json", "sentence_transformers.models.Pooling", "Pooling", HONE_E_UNSUPPORTED,
         "whose path begins with sentence_transformers"},
        {"mean", "1_Pooling/config.json", "", NULL, HONE_E_IO, "cannot open"},
        {"mean", "1_Pooling/config.json", "", "{", HONE_E_FORMAT, "expected a key"},
        {"mean", "1_Pooling/config.json", "", "{\"pooling_mode\": \"median\"}", HONE_E_UNSUPPORTED,
         "\"median\" is not known"},
        {"mean", "1_Pooling/config.json", "", "{\"pooling_mode\": [\"mean\", 3]}", HONE_E_FORMAT, "is neither a mode"},
        {"mean", "1_Pooling/config.json", "",
         "{\"pooling_mode\": [\"mean\",\"mean\",\"cls\",\"cls\",\"max\",\"max\",\"mean\",\"cls\"]}", HONE_E_LIMIT,
         "pooling modes"},
        {"mean", "1_Pooling/config.json", "", "{\"pooling_mode_cls_token\": 1}", HONE_E_FORMAT,
         "expected true or false"},
        {"mean", "1_Pooling/config.json", "", "{\"include_prompt\": 1}", HONE_E_FORMAT, "expected true or false"},
        {"mean", "1_Pooling/config.json", "", "{}", HONE_E_FORMAT, "has neither \"word_embedding_dimension\" nor"},
        {"mean", "1_Pooling/config.json", "", "{\"pooling_mode\": null}", HONE_E_FORMAT, "is neither a mode"},
        {"mean", "1_Pooling/config.json", "", "{\"pooling_mode_attention_tokens\": true}", HONE_E_UNSUPPORTED,
         "\"pooling_mode_attention_tokens\" is a pooling"},
        {"mean", "modules.json", "\"path\": \"1_Pooling\",", "", HONE_E_FORMAT, "module 1 has no \"path\""},
        {"dense", "2_Dense/config.json", "", NULL, HONE_E_IO, "cannot open"},
        {"dense", "2_Dense/config.json", "true", "false", HONE_E_FORMAT, "holds \"linear.bias\", config.json says"},
        {"dense", "2_Dense/config.json", "\"torch.nn.modules.activation.Tanh\"", "null", HONE_E_FORMAT,
         "\"activation_function\" is null"},
        {"dense", "2_Dense/config.json", "true", "true, \"use_residual\": true", HONE_E_UNSUPPORTED,
         "\"use_residual\" is true"},
        {"dense", "2_Dense/config.json", "true", "true, \"module_input_name\": \"token_embeddings\"",
         HONE_E_UNSUPPORTED, "is \"token_embeddings\""},
        {"dense", "2_Dense/config.json", "true", "true, \"module_output_name\": \"x\"", HONE_E_UNSUPPORTED,
         "\"module_output_name\" is \"x\""},
        {"saved_by_st", "2_Normalize/config.json", "\"module_input_name\": \"sentence_embedding\"",
         "\"module_input_name\": \"token_embeddings\"", HONE_E_UNSUPPORTED, "is \"token_embeddings\""},
        {"saved_by_st", "2_Normalize/config.json", "\"module_output_name\": \"sentence_embedding\"",
         "\"module_output_name\": \"x\"", HONE_E_UNSUPPORTED, "\"module_output_name\" is \"x\""},
        {"saved_by_st", "2_Normalize/config.json", "", "{\"module_input_name\": null}", HONE_E_FORMAT,
         "\"module_input_name\" is null"},
        {"saved_by_st", "2_Normalize/config.json", "", "[]", HONE_E_FORMAT, "is not a JSON object"},
        {"dense", "2_Dense/config.json", "torch.nn.modules.activation.Tanh", "torch.nn.Sinh", HONE_E_UNSUPPORTED,
         "is \"torch.nn.Sinh\""},
        {"dense", "2_Dense/config.json", "torch.nn.modules.activation.Tanh", "torch.Tanh", HONE_E_UNSUPPORTED,
         "is \"torch.Tanh\""},
        {"dense", "2_Dense/config.json", "16", "0", HONE_E_FORMAT, "\"in_features\" is 0"},
        {"dense", "2_Dense/config.json", "16", "17", HONE_E_SHAPE, "a Dense of 17 inputs, it is given 16"},
        {"dense", "2_Dense/config.json", "\"out_features\": 10", "\"out_features\": 11", HONE_E_SHAPE,
         "wants [11, 16]"},
        {"dense", "2_Dense/config.json", "10", "\"10\"", HONE_E_FORMAT, "\"out_features\" is \"10\""},
        {"dense", "2_Dense/config.json", "\"in_features\"", "\"in\"", HONE_E_FORMAT, "is missing"},
        {"dense", "2_Dense/config.json", "\"out_features\"", "\"out\"", HONE_E_FORMAT, "is missing"},
        {"dense", "2_Dense/config.json", "true", "null, \"bias\": 3", HONE_E_FORMAT, "bias"},
        {"dense", "2_Dense/config.json", "true", "\"yes\"", HONE_E_FORMAT, "\"bias\" is \"yes\""},
        {"dense", "2_Dense/config.json", "activation.Tanh", "activation.Mish", HONE_E_UNSUPPORTED,
         "activation.Mish\", which Hone does not know"},
        {"dense", "2_Dense/config.json", "\"torch.nn.modules.activation.Tanh\"", "2", HONE_E_FORMAT,
         "\"activation_function\" is 2"},
        {"dense", "2_Dense/model.safetensors", "", "x", HONE_E_FORMAT, "file has 1 bytes"},
        {"dense", "2_Dense/model.safetensors", "", NULL, HONE_E_IO, "neither model.safetensors nor"},
        {"mean", "sentence_bert_config.json", "", "{", HONE_E_FORMAT, "expected a key"},
        {"mean", "sentence_bert_config.json", "", "{\"max_seq_length\": 0}", HONE_E_FORMAT, "\"max_seq_length\" is 0"},
        {"mean", "sentence_bert_config.json", "", "{\"max_seq_length\": 2}", HONE_E_FORMAT, "may have 2 tokens"},
        {"mean", "sentence_bert_config.json", "", "{\"do_lower_case\": 0}", HONE_E_FORMAT, "\"do_lower_case\" is 0"},
        {"mean", "config_sentence_transformers.json", "", "{\"similarity_fn_name\": \"angle\"}", HONE_E_UNSUPPORTED,
         "expected cosine, dot, euclidean"},
        {"mean", "config_sentence_transformers.json", "", "{\"model_type\": \"SparseEncoder\"}", HONE_E_UNSUPPORTED,
         "\"model_type\" is \"SparseEncoder\", only"},
        {"mean", "config_sentence_transformers.json", "", "{\"model_type\": null}", HONE_E_UNSUPPORTED, "is no string"},
        {"mean", "adapter_config.json", "", "{}", HONE_E_UNSUPPORTED, "asks for an adapter"},
        {"mean", "config_sentence_transformers.json", "", "{\"similarity_fn_name\": 1}", HONE_E_FORMAT,
         "is 1, expected a string"},
        {"mean", "config_sentence_transformers.json", "", "{", HONE_E_FORMAT, "expected a key"},
        {"mean", "config_sentence_transformers.json", "", "{\"truncate_dim\": 0}", HONE_E_FORMAT,
         "\"truncate_dim\" is 0"},
        {"mean", "model.safetensors", "", NULL, HONE_E_IO, "neither model.safetensors nor"},
        {"mean", "tokenizer.json", "", "[]", HONE_E_FORMAT, "a tokenizer is a JSON object"},
    };
    CHECK_ALL(cases, NULL);
}

/* AutoModel, which the reader's hint names, knows nothing of a module's folder. */
TEST(models, a_dense_module_in_pytorchs_own_form_is_refused_with_the_way_out) {
    const char *dir = folder_copy("dense");
    hone_model *m;
    folder_edit(dir, "2_Dense/model.safetensors", "", NULL);
    folder_edit(dir, "2_Dense/pytorch_model.bin", "", "PK");
    CHECK_FAILS(hone_model_open(dir, NULL, &m), HONE_E_UNSUPPORTED, "holds pytorch_model.bin");
    CHECK_MSG(strstr(hone_last_error()->hint, "import SentenceTransformer"), "%s", hone_last_error()->hint);
}

TEST(models, what_a_folder_may_say_in_more_than_one_way_is_read) {
    static const broken cases[] = {
        {"mean", "config.json", "\"pad_token_id\": 0", "\"per_layer_config\": null", 0, "cosine"},
        {"mean", "config.json", "\"pad_token_id\": 0", "\"per_layer_config\": {}", 0, "cosine"},
        {"mean", "config_sentence_transformers.json", "",
         "{\"similarity_fn_name\": \"dot\", \"model_type\": \"SentenceTransformer\"}", 0, "dot"},
        {"mean", "config_sentence_transformers.json", "", "{\"similarity_fn_name\": \"euclidean\"}", 0, "euclidean"},
        {"mean", "config_sentence_transformers.json", "", "{\"similarity_fn_name\": \"manhattan\"}", 0, "manhattan"},
        {"mean", "config_sentence_transformers.json", "", "{\"similarity_fn_name\": null}", 0, "cosine"},
        {"mean", "1_Pooling/config.json", "", "{\"embedding_dimension\": 16, \"pooling_mode_new_tokens\": false}", 0,
         "cosine"},
        {"mean", "1_Pooling/config.json", "", "{\"word_embedding_dimension\": 16, \"pooling_mode\": \"max\"}", 0,
         "cosine"},
        {"mean", "sentence_bert_config.json", "", "{\"max_seq_length\": 3, \"do_lower_case\": true}", 0, "cosine"},
        {"saved_by_st", "2_Normalize/config.json", "", "{\"module_output_name\": null}", 0, "cosine"},
        {"saved_by_st", "2_Normalize/config.json", "", NULL, 0, "cosine"},
        {"mean", "config.json", "",
         "{\"model_type\":\"bert\",\"vocab_size\":163,\"hidden_size\":16,\"num_hidden_layers\":0,\"num_attention_"
         "heads\":2,"
         "\"intermediate_size\":32,\"max_position_embeddings\":40}",
         0, "cosine"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int train = 0; train < 2; train++) {
            const char *dir = folder_copy(cases[i].model);
            hone_model *m;
            folder_edit(dir, cases[i].name, cases[i].from, cases[i].to);
            CHECK_OK(hone_model_open(
                dir, &(hone_model_options){.train = train, .dropout = train ? 0.25 : -1, .max_length = i == 5 ? 7 : 0},
                &m));
            CHECK_STR(hone_model_get_info(m)->similarity, cases[i].says);
            if (cases[i].to && strstr(cases[i].to, "\"max_seq_length\": 3"))
                CHECK_INT(hone_model_get_info(m)->max_length, 3);
            if (i == 5) CHECK_INT(hone_model_get_info(m)->max_length, 7);
            hone_model_close(m);
        }
    hone_model *m;
    CHECK_OK(hone_model_open(folder_copy("mean"), &(hone_model_options){.pooling = "cls"}, &m));
    hone_model_close(m);
    CHECK_FAILS(hone_model_open(folder_copy("mean"), &(hone_model_options){.pooling = "median"}, &m), HONE_E_ARG,
                "\"median\" is not known");
}

/* Every prefix of an index of shards, and what its entries may not be. */
TEST(models, an_index_of_shards_that_ends_early_or_says_something_else_is_refused) {
    static const broken cases[] = {
        {"sharded", "model.safetensors.index.json", "", "[]", HONE_E_FORMAT, "expected an object"},
        {"sharded", "model.safetensors.index.json", "", "{\"metadata\": {}}", HONE_E_FORMAT, "no \"weight_map\""},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_mop\": {}}", HONE_E_FORMAT, "no \"weight_map\""},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {}}", HONE_E_FORMAT, "names no file"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": []}", HONE_E_FORMAT,
         "is no object of file names"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": 7}}", HONE_E_FORMAT,
         "the shard of \"a\" is no string"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": \"\"}}", HONE_E_FORMAT,
         "is no plain file name"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": \".\"}}", HONE_E_FORMAT,
         "is no plain file name"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": \"..\"}}", HONE_E_FORMAT,
         "is no plain file name"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": \"b\\\\c\"}}", HONE_E_FORMAT,
         "is no plain file name"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": \"b\\u0000c\"}}", HONE_E_FORMAT,
         "is no plain file name"},
        {"sharded", "model.safetensors.index.json", "", "{\"weight_map\": {\"a\": \"gone.safetensors\"}}",
         HONE_E_FORMAT, "shard \"gone.safetensors\" is not"},
    };
    CHECK_ALL(cases, NULL);
    char file[HONE_PATH_MAX], name[2100], *text;
    size_t n;
    const char *dir = folder_copy("sharded");
    CHECK_OK(hone_io_join(file, dir, "model.safetensors.index.json"));
    CHECK_OK(hone_io_read_file(file, 1 << 20, &text, &n));
    while (n && text[n - 1] != '}') n--;
    for (size_t cut = 0; cut < n; cut += cut + 300 < n && cut > 300 ? 7 : 1) {
        hone_safetensors *st = NULL;
        unlink(file);
        FILE *f = fopen(file, "wb");
        CHECK(f && fwrite(text, 1, cut, f) == cut && !fclose(f));
        hone_error_clear();
        CHECK_INT(hone_safetensors_open(dir, &st), HONE_E_FORMAT);
        CHECK(!st && strstr(hone_last_error()->file, "index.json"));
    }
    hone_free(text);
    for (int length = 254; length < 1990; length += length < 258 ? 1 : 577) {
        hone_safetensors *st = NULL;
        memset(name, 'n', sizeof name);
        snprintf(name, sizeof name, "{\"weight_map\": {\"a\": \"");
        name[strlen(name)] = 'n';
        memcpy(name + 22 + length, "\"}}", 4);
        unlink(file);
        FILE *f = fopen(file, "wb");
        CHECK(f && fputs(name, f) >= 0 && !fclose(f));
        CHECK_FAILS(hone_safetensors_open(dir, &st), HONE_E_FORMAT,
                    length < 256 ? "is not in the folder" : "is no plain file name");
    }
}

/* The same tensors in another type, or one of them of another kind. In double they are no numbers of single
 * precision. */
static const double WIDER = 1 + 0x1p-40;
static void rewrite(const char *dir, hone_dtype as, const char *name, hone_dtype of_name, bool keep) {
    char file[HONE_PATH_MAX];
    hone_safetensors *st;
    hone_safetensors_item items[64];
    int64_t n = 0;
    CHECK_OK(hone_io_join(file, dir, "model.safetensors"));
    CHECK_OK(hone_safetensors_open(file, &st));
    CHECK(hone_safetensors_count(st) <= 64);
    for (int64_t i = 0; i < hone_safetensors_count(st); i++) {
        const hone_safetensors_entry *e = hone_safetensors_at(st, i);
        int64_t count = hone_shape_count(&e->shape);
        hone_dtype to = name && !strcmp(e->name, name) ? of_name : as;
        if (name && !strcmp(e->name, name) && !keep) continue;
        float *x = malloc((size_t)count * 4);
        double *y = malloc((size_t)count * 8);
        CHECK_OK(hone_safetensors_read_f32(st, e, x));
        for (int64_t k = 0; k < count; k++) y[k] = (double)x[k] * WIDER;
        items[n++] = (hone_safetensors_item){
            .name = strdup(e->name), .dtype = to, .shape = e->shape, .data = to == HONE_F64 ? (void *)y : x};
        free(to == HONE_F64 ? (void *)x : y);
    }
    hone_safetensors_close(st);
    unlink(file);
    CHECK_OK(hone_safetensors_write(file, items, n, HONE_F32));
    for (int64_t i = 0; i < n; i++) free((void *)(uintptr_t)items[i].data), free((void *)(uintptr_t)items[i].name);
}

TEST(models, weights_in_double_are_read_into_either_type_and_integers_are_refused) {
    for (int wide = 0; wide < 2; wide++)
        for (int file_wide = 0; file_wide < 2; file_wide++) {
            const char *dir = folder_copy("mean");
            hone_model *m, *plain;
            CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true}, &plain));
            rewrite(dir, file_wide ? HONE_F64 : HONE_F32, NULL, HONE_F32, true);
            CHECK_OK(
                hone_model_open(dir, &(hone_model_options){.train = true, .dtype = wide ? HONE_F64 : HONE_F32}, &m));
            hone_params *ps = hone_model_params(m), *want = hone_model_params(plain);
            CHECK_INT(hone_params_count(ps), hone_params_count(want));
            for (int64_t i = 0; i < hone_params_count(ps); i++) {
                const hone_tensor *x = hone_params_at(ps, i)->tensor, *y = hone_params_at(want, i)->tensor;
                for (int64_t k = 0; k < hone_shape_count(&y->shape); k++) {
                    double w = (double)((const float *)y->data)[k],
                           v = wide ? ((const double *)x->data)[k] : (double)((const float *)x->data)[k];
                    CHECK_NEAR(v, wide && file_wide ? w * WIDER : w, 0);
                }
            }
            hone_model_close(plain);
            hone_model_close(m);
        }
    hone_model *m = NULL;
    const char *dir = folder_copy("mean"), *name = "embeddings.LayerNorm.weight";
    rewrite(dir, HONE_F32, name, HONE_I32, true);
    CHECK_FAILS(hone_model_open(dir, NULL, &m), HONE_E_DTYPE, "is I32, weights are F32, F16, BF16 or F64");
    dir = folder_copy("mean");
    rewrite(dir, HONE_F32, name, HONE_F32, false);
    CHECK_FAILS(hone_model_open(dir, NULL, &m), HONE_E_FORMAT,
                "has no tensor \"embeddings.LayerNorm.weight\" [16], which config.json asks for");
    CHECK(strstr(hone_last_error()->file, "model.safetensors"));
    CHECK(!m);
}

TEST(models, two_spellings_of_one_parameter_are_refused) {
    static const char *const extra[] = {"bert.embeddings.LayerNorm.weight", "embeddings.LayerNorm.gamma"};
    for (int k = 0; k < 2; k++) {
        const char *dir = folder_copy("mean");
        char file[HONE_PATH_MAX];
        hone_safetensors *st;
        hone_safetensors_item items[65];
        hone_model *m = NULL;
        CHECK_OK(hone_io_join(file, dir, "model.safetensors"));
        CHECK_OK(hone_safetensors_open(file, &st));
        int64_t n = hone_safetensors_count(st);
        CHECK(n <= 64);
        for (int64_t i = 0; i < n; i++) {
            const hone_safetensors_entry *e = hone_safetensors_at(st, i);
            items[i] = (hone_safetensors_item){.name = e->name, .dtype = e->dtype, .shape = e->shape, .data = e->data};
            if (!strcmp(e->name, "embeddings.LayerNorm.weight")) items[n] = items[i];
        }
        items[n].name = extra[k];
        CHECK(!unlink(file)); /* the mapping outlives the name */
        CHECK_OK(hone_safetensors_write(file, items, n + 1, HONE_F32));
        hone_safetensors_close(st);
        CHECK_FAILS(hone_model_open(dir, NULL, &m), HONE_E_FORMAT, "two spellings of one parameter");
        CHECK(strstr(hone_last_error()->message, extra[k]) && !m);
    }
}

TEST(models, weights_that_are_changed_in_place_give_no_vectors) {
    const char *dir = folder_copy("mean");
    char file[HONE_PATH_MAX], *weights;
    size_t n;
    hone_model *m;
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    const hone_text text = {"the city", 8};
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    float out[16];
    CHECK_OK(hone_io_join(file, dir, "model.safetensors"));
    CHECK_OK(hone_io_read_file(file, 1 << 24, &weights, &n));
    CHECK(!unlink(file)); /* a link to the golden one */
    CHECK_OK(hone_io_write_file(file, weights, n));
    CHECK_OK(hone_model_open(dir, NULL, &m));
    CHECK_OK(hone_model_embed(m, g, &text, 1, NULL, out, NULL));
    CHECK_OK(hone_io_write_file(file, weights, n)); /* another file of that name: ours stays as it was */
    CHECK_OK(hone_model_embed(m, g, &text, 1, NULL, out, NULL));
    hone_model_close(m);
    CHECK_OK(hone_model_open(dir, NULL, &m));
    CHECK(!utimensat(AT_FDCWD, file, long_ago, 0));
    out[0] = 77;
    CHECK_FAILS(hone_model_embed(m, g, &text, 1, NULL, out, NULL), HONE_E_FORMAT, "was changed while it was in use");
    CHECK(!strcmp(hone_last_error()->file, file) && out[0] == 77);
    hone_model_close(m);
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_free(weights);
}

TEST(models, a_token_beyond_the_table_is_named_with_the_folder) {
    const char *dir = folder_copy("mean");
    hone_model *m;
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    float out[16];
    folder_edit(dir, "tokenizer.json", "\"the\":", "\"the\":9"); /* one digit more */
    CHECK_OK(hone_model_open(dir, NULL, &m));
    CHECK_OK(hone_model_embed(m, g, &(hone_text){"city", 4}, 1, NULL, out, NULL));
    CHECK_FAILS(hone_model_embed(m, g, &(hone_text){"the city", 8}, 1, NULL, out, NULL), HONE_E_SHAPE,
                "the tokenizer gives \"the\" the id 9");
    CHECK(strstr(hone_last_error()->message, "the model's table has 163 rows") &&
          !strcmp(hone_last_error()->file, dir));
    hone_model_close(m);
    hone_graph_free(g);
    hone_arena_free(arena);
}

/* Of a cache that holds org/name and sentence-transformers/other. */
TEST(models, a_name_without_organisation_is_looked_for_among_sentence_transformers) {
    static const char *const made[] = {"models--sentence-transformers--tiny", "models--plain",
                                       "models--sentence-transformers--plain"};
    char cache[HONE_PATH_MAX], path[HONE_PATH_MAX], dir[HONE_PATH_MAX];
    const char *before = getenv("HF_HUB_CACHE");
    char *kept = before ? strdup(before) : NULL;
    CHECK_OK(hone_io_join(cache, test_dir(), "hub"));
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%.2000s/%s/snapshots/ab", cache, made[i]);
        CHECK_OK(hone_io_mkdirs(path));
        snprintf(path, sizeof path, "%.2000s/%s/refs", cache, made[i]);
        CHECK_OK(hone_io_mkdirs(path));
        snprintf(path, sizeof path, "%.2000s/%s/refs/main", cache, made[i]);
        FILE *f = fopen(path, "wb");
        CHECK(f && fputs("ab", f) >= 0 && !fclose(f));
    }
    CHECK(!setenv("HF_HUB_CACHE", cache, 1));
    CHECK_OK(hone_model_find("tiny", dir));
    CHECK(strstr(dir, "models--sentence-transformers--tiny/snapshots/ab"));
    CHECK_OK(hone_model_find("plain", dir)); /* its own name first */
    CHECK(strstr(dir, "models--plain/snapshots/ab"));
    CHECK_FAILS(hone_model_find("org/tiny", dir), HONE_E_FORMAT, "not in the Hugging Face cache");
    CHECK_FAILS(hone_model_find("small", dir), HONE_E_FORMAT, "no such folder, and not in the Hugging Face cache");
    /* huggingface_hub expands what no shell has seen (os.path.expanduser, expandvars). */
    static const char *const spelled[] = {"~/hub", "$HONE_TEST_ROOT/hub", "${HONE_TEST_ROOT}/hub",
                                          "~/./${HONE_TEST_NAME}b/$HONE_TEST_EMPTY"};
    const char *home = getenv("HOME");
    char *home_kept = home ? strdup(home) : NULL;
    CHECK(!setenv("HOME", test_dir(), 1) && !setenv("HONE_TEST_ROOT", test_dir(), 1) &&
          !setenv("HONE_TEST_NAME", "hu", 1) && !setenv("HONE_TEST_EMPTY", "", 1));
    for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
        CHECK(!setenv("HF_HUB_CACHE", spelled[i], 1));
        CHECK_OK(hone_model_find("plain", dir));
        CHECK(strstr(dir, "models--plain/snapshots/ab") && !strncmp(dir, test_dir(), strlen(test_dir())));
    }
    CHECK(!setenv("HF_HUB_CACHE", "/$HONE_TEST_NONE/${x/~/$", 1)); /* what nobody has set, and what is no name */
    CHECK_FAILS(hone_model_find("plain", dir), HONE_E_FORMAT, "not in the Hugging Face cache /$HONE_TEST_NONE/${x/~/$");
    unsetenv("HF_HUB_CACHE");
    char *hub = getenv("HUGGINGFACE_HUB_CACHE"), *hub_kept = hub ? strdup(hub) : NULL, *hf = getenv("HF_HOME"),
         *hf_kept = hf ? strdup(hf) : NULL;
    unsetenv("HUGGINGFACE_HUB_CACHE");
    CHECK(!setenv("HF_HOME", "~", 1)); /* and below it the folder hub */
    CHECK_OK(hone_model_find("plain", dir));
    if (hub_kept) setenv("HUGGINGFACE_HUB_CACHE", hub_kept, 1);
    (void)(hf_kept ? setenv("HF_HOME", hf_kept, 1) : unsetenv("HF_HOME"));
    (void)(home_kept ? setenv("HOME", home_kept, 1) : unsetenv("HOME"));
    if (kept) setenv("HF_HUB_CACHE", kept, 1);
    free(kept), free(home_kept), free(hub_kept), free(hf_kept);
}

/* The same folder under a longer and longer name, until the names of its files do not fit any more. */
TEST(models, a_path_too_long_for_a_file_of_the_folder_is_refused) {
    static const char *const models[] = {"mean", "dense_two", "sharded", "vocab_only"};
    for (int i = 0; i < 4; i++) {
        char path[HONE_PATH_MAX + 8];
        const char *dir = folder_copy(models[i]);
        size_t n = strlen(dir), opened = 0, refused = 0;
        snprintf(path, sizeof path, "%s/", dir);
        for (size_t k = n + 1; k + 2 < HONE_PATH_MAX; k += 2) memcpy(path + k, "./", 3);
        for (size_t cut = HONE_PATH_MAX - 120; cut < HONE_PATH_MAX - 3; cut += 2) {
            hone_model *m = NULL;
            char shorter[HONE_PATH_MAX];
            snprintf(shorter, sizeof shorter, "%.*s", (int)(cut - (cut - n - 1) % 2), path);
            hone_error_clear();
            hone_status s = hone_model_open(shorter, NULL, &m);
            CHECK((s == HONE_OK) == (m != NULL));
            CHECK(s == HONE_OK || hone_last_error()->message[0]);
            s == HONE_OK ? opened++ : refused++;
            hone_model_close(m);
        }
        CHECK_MSG(opened && refused, "%s: opened %zu, refused %zu", models[i], opened, refused);
    }
}
