/* Broken tokenizer folders: each is refused with a sentence that names file and place, and nothing is left behind. */
#include "base/fault.h"
#include "base/io.h"
#include "data/tokenizer/tokenizer.h"
#include "tests/test.h"

#include <stdlib.h>

static const char *folder(void) {
    static char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, test_dir(), "tokenizer"));
    CHECK_OK(hone_io_remove_tree(path));
    CHECK_OK(hone_io_mkdirs(path));
    return path;
}

static void put(const char *dir, const char *name, const char *text, size_t n) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, dir, name));
    FILE *f = fopen(path, "wb"); /* hone_io_write_file would fsync ten thousand times */
    CHECK(f && fwrite(text, 1, n, f) == n && fclose(f) == 0);
}

/* A good file in eight pieces; each case replaces one. */
enum { VERSION, ADDED, NORM, PRE, POST, TYPE, REST, VOCAB, PIECES };
static const char *const good[PIECES] = {
    "\"version\":\"1.0\",",
    "\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true}],",
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
    "\"strip_accents\":null,\"lowercase\":true},",
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},",
    "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",1],\"sep\":[\"[SEP]\",2]},",
    "\"type\":\"WordPiece\",",
    "\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,",
    "\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"a\":3,\"##b\":4}",
};

static void spell(char *out, size_t size, int piece, const char *with) {
    const char *p[PIECES];
    for (int i = 0; i < PIECES; i++) p[i] = i == piece ? with : good[i];
    snprintf(out, size, "{%s\n%s\n%s\n%s\n%s\n\"model\":{%s%s\n%s}}", p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
}

static void check_case(int piece, const char *with, hone_status code, const char *says) {
    char text[8192];
    const char *dir = folder();
    hone_tokenizer *t = NULL;
    spell(text, sizeof text, piece, with);
    put(dir, "tokenizer.json", text, strlen(text));
    CHECK_FAILS(hone_tokenizer_open(dir, &t), code, says);
    CHECK_MSG(strstr(hone_last_error()->file, "tokenizer.json"), "\"%s\" is blamed, not tokenizer.json (%s)",
              hone_last_error()->file, says);
    CHECK(t == NULL);
}

TEST(tokenizer, the_good_file_is_good) {
    char text[8192];
    const char *dir = folder();
    hone_tokenizer *t = NULL;
    spell(text, sizeof text, -1, NULL);
    put(dir, "tokenizer.json", text, strlen(text));
    CHECK_OK(hone_tokenizer_open(dir, &t));
    hone_encoding e = {0};
    CHECK_OK(hone_tokenizer_encode(t, "A ab", 4, NULL, 0, NULL, &e));
    CHECK_INT(e.n, 5);
    CHECK_INT(e.ids[1], 3);
    CHECK_INT(e.ids[3], 4);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
    spell(text, sizeof text, TYPE, ""); /* old files do not say the type */
    put(dir, "tokenizer.json", text, strlen(text));
    CHECK_OK(hone_tokenizer_open(dir, &t));
    hone_tokenizer_free(t);
}

TEST(tokenizer, a_broken_vocabulary) {
    static const struct {
        const char *vocab;
        hone_status code;
        const char *says;
    } c[] = {
        {"\"vocab\":{}", HONE_E_FORMAT, "the vocabulary is empty"},
        {"\"vocab\":[\"a\"]", HONE_E_FORMAT, "\"vocab\" is not an object of tokens and ids"},
        {"\"vocab\":null", HONE_E_FORMAT, "\"vocab\" is not an object of tokens and ids"},
        {"\"merges\":[]", HONE_E_FORMAT, "\"vocab\" is missing"},
        {"\"vocab\":{\"a\":0,\"b\":0}", HONE_E_FORMAT, "tokens \"a\" and \"b\" both have id 0"},
        {"\"vocab\":{\"a\":0,\"a\":1}", HONE_E_FORMAT, "token \"a\" is there twice, with ids 0 and 1"},
        {"\"vocab\":{\"a\":0,\"\\u0061\":1}", HONE_E_FORMAT, "token \"a\" is there twice, with ids 0 and 1"},
        {"\"vocab\":{\"a\":-1}", HONE_E_FORMAT, "token \"a\" has id -1, expected an integer of 0 to 9999999"},
        {"\"vocab\":{\"a\":1.0}", HONE_E_FORMAT, "token \"a\" has id 1.0, expected an integer"},
        {"\"vocab\":{\"a\":1e3}", HONE_E_FORMAT, "token \"a\" has id 1e3, expected an integer"},
        {"\"vocab\":{\"a\":\"1\"}", HONE_E_FORMAT, "token \"a\" has id 1, expected an integer"},
        {"\"vocab\":{\"a\":{}}", HONE_E_FORMAT, "token \"a\" has id {, expected an integer"},
        {"\"vocab\":{\"a\":null}", HONE_E_FORMAT, "token \"a\" has id null, expected an integer"},
        {"\"vocab\":{\"a\":10000000}", HONE_E_LIMIT, "token \"a\" has id 10000000, the limit is 9999999"},
        {"\"vocab\":{\"a\":99999999999999999999}", HONE_E_FORMAT, "token \"a\" has id 99999999999999999999"},
        {"\"vocab\":{\"a\":9999999}", HONE_E_LIMIT, "the vocabulary has 1 tokens but ids up to 9999999"},
        {"\"vocab\":{\"a\":65552}", HONE_E_LIMIT, "the vocabulary has 1 tokens but ids up to 65552"},
        {"\"vocab\":{\"a\":0,\"b\":65568}", HONE_E_LIMIT, "the vocabulary has 2 tokens but ids up to 65568"},
        {"\"vocab\":{\"a\":65551}", HONE_E_FORMAT, "[UNK]"}, /* 16 for each token and 65536: not too many */
        {"\"vocab\":{\"a\":0,\"b\":65567}", HONE_E_FORMAT, "[UNK]"},
        {"\"vocab\":{\"\\u0001\\n\":\"x\"}", HONE_E_FORMAT, "token \"\\x01\\x0a\" has id x"},
        {"\"vocab\":{\"a\":0},\"vocab\":{\"b\":0}", HONE_E_FORMAT, "duplicate key \"vocab\""},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) check_case(VOCAB, c[i].vocab, c[i].code, c[i].says);
    check_case(VOCAB, "\"vocab\":{\"a\":0,\n\"b\":x}", HONE_E_FORMAT, "found");
    CHECK_INT(hone_last_error()->line, 8);
    check_case(VOCAB, "\"vocab\":{\"a\":0,\n\"a\":1}", HONE_E_FORMAT, "twice");
    CHECK_INT(hone_last_error()->line, 8);
}

TEST(tokenizer, a_model_that_is_not_wordpiece_or_lacks_something) {
    check_case(TYPE, "\"type\":\"BPE\",", HONE_E_UNSUPPORTED, "model \"BPE\" is not supported");
    check_case(TYPE, "\"type\":\"Unigram\",", HONE_E_UNSUPPORTED, "model \"Unigram\" is not supported");
    check_case(TYPE, "\"type\":\"WordLevel\",", HONE_E_UNSUPPORTED, "model \"WordLevel\" is not supported");
    check_case(TYPE, "\"type\":7,", HONE_E_UNSUPPORTED, "model \"?\" is not supported");
    check_case(TYPE, "\"merges\":[],", HONE_E_UNSUPPORTED, "model \"of no type\" is not supported");
    check_case(REST, "\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",", HONE_E_FORMAT,
               "\"max_input_chars_per_word\" is missing");
    check_case(REST, "\"unk_token\":\"[UNK]\",\"max_input_chars_per_word\":100,", HONE_E_FORMAT,
               "\"continuing_subword_prefix\" is missing");
    check_case(REST, "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,", HONE_E_FORMAT,
               "\"unk_token\" is missing");
    check_case(REST, "\"unk_token\":5,\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,",
               HONE_E_FORMAT, "\"unk_token\" is an integer, expected a string");
    check_case(REST, "\"unk_token\":\"a\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":-1,",
               HONE_E_FORMAT, "\"max_input_chars_per_word\" is -1");
    check_case(VERSION, "\"version\":\"2.0\",", HONE_E_UNSUPPORTED, "tokenizer version \"2.0\", Hone reads \"1.0\"");
    check_case(VERSION, "\"version\":1,", HONE_E_UNSUPPORTED, "tokenizer version");
    check_case(VERSION, "\"version\":\"1.0\",\"version\":\"1.0\",", HONE_E_FORMAT, "duplicate key \"version\"");
}

#define FLAGS "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true"
TEST(tokenizer, broken_added_tokens) {
    check_case(ADDED, "\"added_tokens\":{},", HONE_E_FORMAT, "\"added_tokens\" is not an array");
    check_case(ADDED, "\"added_tokens\":[7],", HONE_E_FORMAT, "added_tokens[0]: \"id\" is missing");
    check_case(ADDED, "\"added_tokens\":[{\"content\":\"x\"," FLAGS "}],", HONE_E_FORMAT,
               "added_tokens[0]: \"id\" is missing");
    check_case(ADDED, "\"added_tokens\":[{\"id\":5," FLAGS "}],", HONE_E_FORMAT,
               "added_tokens[0]: \"content\" is missing");
    check_case(ADDED, "\"added_tokens\":[{\"id\":5,\"content\":\"x\",\"single_word\":false}],", HONE_E_FORMAT,
               "added_tokens[0]: \"lstrip\" is missing");
    check_case(ADDED, "\"added_tokens\":[{\"id\":-5,\"content\":\"x\"," FLAGS "}],", HONE_E_FORMAT,
               "added_tokens[0]: \"id\" is -5, expected 0 to 9999999");
    check_case(ADDED, "\"added_tokens\":[{\"id\":9,\"content\":\"x\"," FLAGS "}],", HONE_E_FORMAT,
               "added token \"x\" has id 9, its place is 5");
    check_case(ADDED, "\"added_tokens\":[{\"id\":4,\"content\":\"a\"," FLAGS "}],", HONE_E_FORMAT,
               "added token \"a\" has id 4, its place is 3");
    check_case(ADDED,
               "\"added_tokens\":[{\"id\":5,\"content\":\"x\"," FLAGS "},{\"id\":6,\"content\":\"x\"," FLAGS "}],",
               HONE_E_FORMAT, "added token \"x\" is there twice, with ids 5 and 6");
    check_case(ADDED, "\"added_tokens\":[{\"id\":5,\"content\":\"x\",\"single_word\":1}],", HONE_E_FORMAT,
               "\"single_word\" is an integer, expected true or false");
}

TEST(tokenizer, components_that_hone_does_not_have_are_refused_by_name) {
    static const char *const norm[] = {"Precompiled", "Nmt", "ByteLevel", "Foo", "bertnormalizer", ""};
    static const char *const pre[] = {"ByteLevel", "Metaspace", "Split", "Digits", "UnicodeScripts", "FixedLength"};
    char json[256], say[128];
    for (size_t i = 0; i < sizeof norm / sizeof *norm; i++) {
        snprintf(json, sizeof json, "\"normalizer\":{\"type\":\"%s\"},", norm[i]);
        snprintf(say, sizeof say, "normalizer \"%s\" is not supported", norm[i]);
        check_case(NORM, json, HONE_E_UNSUPPORTED, say);
        snprintf(json, sizeof json,
                 "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"%s\"}]},",
                 norm[i]);
        check_case(NORM, json, HONE_E_UNSUPPORTED, say);
    }
    for (size_t i = 0; i < sizeof pre / sizeof *pre; i++) {
        snprintf(json, sizeof json, "\"pre_tokenizer\":{\"type\":\"%s\"},", pre[i]);
        snprintf(say, sizeof say, "pre_tokenizer \"%s\" is not supported", pre[i]);
        check_case(PRE, json, HONE_E_UNSUPPORTED, say);
    }
    check_case(POST, "\"post_processor\":{\"type\":\"ByteLevel\"},", HONE_E_UNSUPPORTED,
               "post_processor \"ByteLevel\" is not supported");
    check_case(POST, "\"post_processor\":{\"type\":\"Sequence\",\"processors\":[]},", HONE_E_UNSUPPORTED,
               "Sequence of 0 parts");
    check_case(NORM, "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"},",
               HONE_E_UNSUPPORTED, "regular expression (\"a+\")");
    check_case(NORM, "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"},",
               HONE_E_UNSUPPORTED, "empty pattern");
}

TEST(tokenizer, broken_components) {
    check_case(NORM, "\"normalizer\":7,", HONE_E_FORMAT, "normalizer is an integer, expected an object");
    check_case(NORM, "\"normalizer\":{},", HONE_E_FORMAT, "normalizer: \"type\" is missing, expected a string");
    check_case(NORM, "\"normalizer\":{\"type\":\"BertNormalizer\"},", HONE_E_FORMAT, "\"clean_text\" is missing");
    check_case(NORM,
               "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
               "\"lowercase\":true,\"strip_accents\":1},",
               HONE_E_FORMAT, "\"strip_accents\" is an integer");
    check_case(NORM, "\"normalizer\":{\"type\":\"Sequence\"},", HONE_E_FORMAT, "\"normalizers\" is missing");
    check_case(NORM, "\"normalizer\":{\"type\":\"Strip\",\"strip_left\":true},", HONE_E_FORMAT,
               "\"strip_right\" is missing");
    check_case(NORM, "\"normalizer\":{\"type\":\"Replace\",\"pattern\":\"a\",\"content\":\"\"},", HONE_E_FORMAT,
               "\"pattern\" is a string, expected an object");
    check_case(NORM, "\"normalizer\":{\"type\":\"Prepend\"},", HONE_E_FORMAT, "\"prepend\" is missing");
    check_case(PRE, "\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":\"Sideways\"},", HONE_E_FORMAT,
               "\"behavior\" is \"Sideways\"");
    check_case(PRE, "\"pre_tokenizer\":{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"ab\"},", HONE_E_FORMAT,
               "\"delimiter\" is \"ab\", expected one character");
    check_case(POST, "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"x\"],\"sep\":[\"y\",1]},",
               HONE_E_FORMAT, "\"cls\" is not a pair of token and id");
    check_case(POST, "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"x\",1],\"sep\":[\"y\",-1]},",
               HONE_E_FORMAT, "\"sep\" has id -1");
    check_case(POST, "\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"x\",1],\"trim_offsets\":true},",
               HONE_E_FORMAT, "post_processor RobertaProcessing: \"sep\" is not a pair");
#define TEMPLATE(single, pair, tokens)                                                                                 \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":" single ",\"pair\":" pair                         \
    ",\"special_tokens\":" tokens "},"
    check_case(POST, TEMPLATE("[]", "[]", "[]"), HONE_E_FORMAT, "\"special_tokens\" is an array, expected an object");
    check_case(POST, TEMPLATE("7", "[]", "{}"), HONE_E_FORMAT, "\"single\" is an integer, expected an array");
    check_case(POST, TEMPLATE("[{}]", "[]", "{}"), HONE_E_FORMAT, "neither Sequence nor SpecialToken");
    check_case(POST, TEMPLATE("[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}]", "[]", "{}"), HONE_E_FORMAT,
               "\"single\" uses sequence \"B\", expected A");
    check_case(POST, TEMPLATE("[{\"Sequence\":{\"id\":\"A\"}}]", "[]", "{}"), HONE_E_FORMAT, "\"type_id\" is missing");
    check_case(POST, TEMPLATE("[{\"SpecialToken\":{\"id\":\"X\",\"type_id\":0}}]", "[]", "{}"), HONE_E_FORMAT,
               "uses special token \"X\", which special_tokens lacks");
    check_case(POST, TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":[1,2],\"tokens\":[\"a\"]}}"), HONE_E_FORMAT,
               "special token \"X\" has 2 ids and 1 tokens");
    check_case(POST, TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":[-1],\"tokens\":[\"a\"]}}"), HONE_E_FORMAT,
               "special token \"X\" wants ids of 0 to 9999999");
}

/* Every prefix of a good file, and every file with one byte changed, is refused or opens; none crashes or leaks. */
TEST(tokenizer, truncated_and_flipped_files_never_crash) {
    char text[8192], hurt[8192];
    const char *dir = folder();
    spell(text, sizeof text, -1, NULL);
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        hone_tokenizer *t = NULL;
        put(dir, "tokenizer.json", text, i);
        CHECK(hone_tokenizer_open(dir, &t) != HONE_OK);
        CHECK(!t);
    }
    static const char instead[] = {'"', '{', '}', '0', '\\', (char)0xFF, '\0', ','};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof instead; k++) {
            hone_tokenizer *t = NULL;
            memcpy(hurt, text, n);
            hurt[i] = instead[k];
            put(dir, "tokenizer.json", hurt, n);
            if (hone_tokenizer_open(dir, &t) == HONE_OK) {
                hone_encoding e = {0};
                hone_tokenizer_encode(t, "ab [CLS] \xc3\xa9", 11, "b", 1, NULL, &e);
                hone_encoding_free(&e);
                hone_tokenizer_free(t);
            } else
                CHECK(!t && hone_last_error()->message[0]);
        }
}

/* ---- vocab.txt and the files around it ---- */

static void check_vocab(const char *vocab, size_t n, const char *config, hone_status code, const char *says) {
    const char *dir = folder();
    hone_tokenizer *t = NULL;
    put(dir, "vocab.txt", vocab, n);
    if (config) put(dir, "tokenizer_config.json", config, strlen(config));
    CHECK_FAILS(hone_tokenizer_open(dir, &t), code, says);
    CHECK(!t);
}
#define VOCAB_OK "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"

TEST(tokenizer, a_broken_vocab_txt) {
    check_vocab("", 0, NULL, HONE_E_FORMAT, "the vocabulary is empty");
    check_vocab("a\nb\n", 4, NULL, HONE_E_FORMAT, "no token \"[UNK]\" among 2");
    check_vocab("[UNK]\n[SEP]\n", 12, NULL, HONE_E_FORMAT, "no token \"[CLS]\" among 2");
    check_vocab("[UNK]\n[CLS]\n", 12, NULL, HONE_E_FORMAT, "no token \"[SEP]\" among 2");
    check_vocab(VOCAB_OK, strlen(VOCAB_OK), "{\"unk_token\":\"<unk>\"}", HONE_E_FORMAT, "no token \"<unk>\" among 6");
    check_vocab("[UNK]\nx\xff\n", 9, NULL, HONE_E_FORMAT, "byte 0xFF is not UTF-8");
    CHECK_INT(hone_last_error()->line, 2);
    CHECK_INT(hone_last_error()->column, 2);
}

TEST(tokenizer, broken_files_beside_the_vocabulary) {
    static const struct {
        const char *config;
        const char *says;
    } c[] = {
        {"[]", "not a JSON object"},
        {"{\"a\":", "expected"},
        {"{\"do_lower_case\":\"yes\"}", "\"do_lower_case\" is \"yes\", expected true or false"},
        {"{\"strip_accents\":0}", "\"strip_accents\" is 0"},
        {"{\"model_max_length\":\"long\"}", "\"model_max_length\" is \"long\""},
        {"{\"model_max_length\":0}", "\"model_max_length\" is 0, expected 1 or more"},
        {"{\"model_max_length\":-5}", "\"model_max_length\" is -5, expected 1 or more"},
        {"{\"cls_token\":7}", "\"cls_token\" is neither a token nor an object with \"content\""},
        {"{\"cls_token\":{}}", "\"cls_token\" is neither a token nor an object with \"content\""},
        {"{\"added_tokens_decoder\":[]}", "\"added_tokens_decoder\" is not an object"},
        {"{\"added_tokens_decoder\":{\"7\":3}}", "\"added_tokens_decoder\" is neither a token nor"},
        {"{\"additional_special_tokens\":[3]}", "\"additional_special_tokens\" is neither a token nor"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        check_vocab(VOCAB_OK, strlen(VOCAB_OK), c[i].config, HONE_E_FORMAT, c[i].says);
    const char *dir = folder();
    hone_tokenizer *t = NULL;
    put(dir, "vocab.txt", VOCAB_OK, strlen(VOCAB_OK));
    put(dir, "added_tokens.json", "{\"<x>\":9}", 9);
    CHECK_FAILS(hone_tokenizer_open(dir, &t), HONE_E_FORMAT, "added token \"<x>\" has id 9, its place is 6");
    put(dir, "added_tokens.json", "{\"<x>\":\"6\"}", 11);
    CHECK_FAILS(hone_tokenizer_open(dir, &t), HONE_E_FORMAT, "token \"<x>\" has no integer id");
}

TEST(tokenizer, folders_without_a_tokenizer) {
    hone_tokenizer *t = NULL;
    char missing[HONE_PATH_MAX];
    const char *dir = folder();
    CHECK_OK(hone_io_join(missing, dir, "nothing"));
    CHECK_FAILS(hone_tokenizer_open(missing, &t), HONE_E_IO, "no such model folder");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    CHECK_FAILS(hone_tokenizer_open(dir, &t), HONE_E_IO, "neither tokenizer.json nor vocab.txt");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    put(dir, "spiece.model", "x", 1);
    CHECK_FAILS(hone_tokenizer_open(dir, &t), HONE_E_UNSUPPORTED, "tokenizers of this kind are not supported");
}

TEST(tokenizer, vocab_txt_takes_windows_line_ends_and_the_last_of_equal_lines) {
    static const char text[] = "[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\nb \xc2\xa0\r\na";
    const char *dir = folder();
    hone_tokenizer *t = NULL;
    put(dir, "vocab.txt", text, sizeof text - 1);
    CHECK_OK(hone_tokenizer_open(dir, &t));
    CHECK_INT(hone_tokenizer_id(t, "a", 1), 5);
    CHECK_INT(hone_tokenizer_id(t, "b", 1), 4);
    CHECK(!hone_tokenizer_token(t, 3, NULL));
    /* The class's [PAD] and [MASK] are numbered on from the number of tokens, not of lines: as in the reference. */
    CHECK_INT(hone_tokenizer_vocab_size(t), 7);
    CHECK_INT(hone_tokenizer_vocab_limit(t), 7);
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_PAD), 5);
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_MASK), 6);
    hone_tokenizer_free(t);
}

TEST(tokenizer, a_word_without_any_token_and_no_unknown_token_is_an_error_when_it_comes_up) {
    char text[8192];
    const char *dir = folder();
    hone_tokenizer *t = NULL;
    spell(text, sizeof text, REST,
          "\"unk_token\":\"<nope>\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,");
    put(dir, "tokenizer.json", text, strlen(text));
    CHECK_OK(hone_tokenizer_open(dir, &t));
    hone_encoding e = {0};
    CHECK_OK(hone_tokenizer_encode(t, "a", 1, NULL, 0, NULL, &e));
    CHECK_FAILS(hone_tokenizer_encode(t, "a xyz", 5, NULL, 0, NULL, &e), HONE_E_FORMAT,
                "the word \"xyz\" is not in the vocabulary, and neither is the unknown token \"<nope>\"");
    CHECK_INT(e.n, 0);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

TEST(tokenizer, tokenizer_config_wins_over_tokenizer_json_for_the_bert_classes_only) {
    static const struct {
        const char *config;
        int32_t id; /* of "A": the vocabulary has only "a" (3), so 3 when lowered, else 0 */
    } c[] = {
        {"{}", 3},
        {"{\"tokenizer_class\":\"BertTokenizer\",\"do_lower_case\":false}", 0},
        {"{\"tokenizer_class\":\"BertTokenizerFast\",\"do_lower_case\":false}", 0},
        {"{\"do_lower_case\":false}", 0},
        {"{\"tokenizer_class\":\"BertTokenizer\"}", 3},
        {"{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"do_lower_case\":false}", 3},
        {"{\"tokenizer_class\":\"TokenizersBackend\",\"do_lower_case\":false}", 3},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char text[8192];
        const char *dir = folder();
        hone_tokenizer *t = NULL;
        spell(text, sizeof text, -1, NULL);
        put(dir, "tokenizer.json", text, strlen(text));
        put(dir, "tokenizer_config.json", c[i].config, strlen(c[i].config));
        CHECK_OK(hone_tokenizer_open(dir, &t));
        hone_encoding e = {0};
        CHECK_OK(hone_tokenizer_encode(t, "A", 1, NULL, 0, NULL, &e));
        CHECK_INT(e.n, 3);
        CHECK_MSG(e.ids[1] == c[i].id, "%s gives %d, want %d", c[i].config, e.ids[1], c[i].id);
        hone_encoding_free(&e);
        hone_tokenizer_free(t);
    }
}

/* The N-th allocation fails, for every N there is: a status, no leak (under asan), and the next call works. */
static void fail_every_allocation(const char *dir) {
    hone_tokenizer *t = NULL;
    hone_encoding e = {0};
    char rule[32];
    hone_encode_options o = {.want_offsets = true};
    static const char text[] = "Hello caf\xc3\xa9 a\xcc\x81\xcc\xa3 [SEP] <m> HELLO \xe4\xb8\xad";
    CHECK_OK(hone_tokenizer_open(dir, &t));
    for (int n = 1;; n++) {
        snprintf(rule, sizeof rule, "alloc:%d", n);
        CHECK(hone_fault_set(rule));
        hone_status s = hone_tokenizer_encode(t, text, sizeof text - 1, "b", 1, &o, &e);
        bool fired = hone_fault_fired() > 0;
        CHECK(hone_fault_set(NULL));
        CHECK_INT(s, fired ? HONE_E_NOMEM : HONE_OK);
        CHECK_INT(e.n > 0, !fired);
        hone_encoding_free(&e);
        if (!fired) break;
    }
    CHECK_OK(hone_tokenizer_encode(t, text, sizeof text - 1, "b", 1, &o, &e));
    CHECK(hone_fault_set("alloc:1+")); /* a warm encoding allocates nothing */
    CHECK_OK(hone_tokenizer_encode(t, text, sizeof text - 1, "b", 1, &o, &e));
    CHECK_OK(hone_tokenizer_encode(t, text, 12, NULL, 0, NULL, &e));
    CHECK(hone_fault_set(NULL));
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

TEST(tokenizer, every_failed_allocation_is_a_status_and_a_warm_encoding_makes_none) {
    static const char *const names[] = {"added", "forms", "template", "roberta", "cased"};
    char dir[64], rule[32];
    /* Opening: a folder without JSON, because jansson 2.14 writes through a NULL of its own when its memory runs out.
     */
    const char *plain = folder();
    hone_tokenizer *t = NULL;
    put(plain, "vocab.txt", VOCAB_OK, strlen(VOCAB_OK));
    for (int n = 1;; n++) {
        CHECK_MSG(n < 5000, "more than 5000 allocations");
        snprintf(rule, sizeof rule, "alloc:%d", n);
        CHECK(hone_fault_set(rule));
        hone_status s = hone_tokenizer_open(plain, &t);
        bool fired = hone_fault_fired() > 0;
        CHECK(hone_fault_set(NULL));
        if (!fired) {
            CHECK_INT(s, HONE_OK);
            break;
        }
        CHECK_INT(s, HONE_E_NOMEM);
        CHECK(!t);
    }
    hone_tokenizer_free(t);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(dir, sizeof dir, "tests/golden/tokenizer/%s", names[i]);
        fail_every_allocation(test_path(dir));
    }
}
