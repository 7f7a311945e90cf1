/* What stands beside the vocabulary: tokenizer_config.json, special_tokens_map.json and added_tokens.json in all their
 * forms. */
#include "base/fault.h"
#include "base/io.h"
#include "base/json.h"
#include "data/tokenizer/tokenizer.h"
#include "tests/data/tokenizer_folder.h"
#include "tests/test.h"

TEST(tokenizer, a_class_whose_words_vocab_txt_does_not_tell_is_refused) {
    static const char *const names[] = {"BertJapaneseTokenizer", "RoFormerTokenizer", "DistilBertTokenizes", "Fast",
                                        "MPNetTokenizes"};
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        char config[128], path[HONE_PATH_MAX];
        hone_tokenizer *t = NULL;
        snprintf(config, sizeof config, "{\"tokenizer_class\": \"%s\"}", names[i / 2]);
        const char *const content[6] = {NULL, VOCAB_TXT, i % 2 ? NULL : config};
        const char *dir = tokenizer_folder(content);
        CHECK_OK(hone_io_join(path, dir, i % 2 ? "config.json" : "tokenizer_config.json"));
        FILE *f = fopen(path, "wb");
        CHECK(f && fputs(config, f) >= 0 && !fclose(f));
        CHECK_FAILS(hone_tokenizer_open(dir, &t), HONE_E_UNSUPPORTED, "whose way to cut texts vocab.txt does not tell");
        CHECK(strstr(hone_last_error()->message, names[i / 2]) && !strcmp(hone_last_error()->file, path));
    }
}

TEST(tokenizer, type_ids_go_by_the_input_names_where_they_are_given) {
    static const struct {
        const char *config;
        bool uses;
    } c[] = {{"{}", true},
             {"{\"model_input_names\": [\"input_ids\", 7]}", false},
             {"{\"model_input_names\": [\"token_type_ids\"]}", true},
             {"{\"tokenizer_class\": \"DistilBertTokenizer\"}", false},
             {"{\"tokenizer_class\": \"DistilBertTokenizerFast\", \"model_input_names\": [\"token_type_ids\"]}", true}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const char *const content[6] = {NULL, VOCAB_TXT, c[i].config};
        hone_tokenizer *t = NULL;
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
        CHECK_MSG(hone_tokenizer_uses_type_ids(t) == c[i].uses, "%s", c[i].config);
        CHECK_INT(hone_tokenizer_max_length(t), INT64_MAX);
        hone_tokenizer_free(t);
    }
}

/* tokenizer_config.json's truncation_side, else the direction in tokenizer.json: as transformers takes them. */
TEST(tokenizer, truncation_takes_the_side_that_the_folder_says) {
    static const struct {
        const char *direction, *config, *one, *pair;
    } c[] = {{"null", "{}", "2 5 6 6 3", "2 5 6 3 5 3"},
             {"{\"direction\":\"Right\"}", "{}", "2 5 6 6 3", "2 5 6 3 5 3"},
             {"{\"direction\":\"Left\"}", "{}", "2 6 5 5 3", "2 5 5 3 6 3"},
             {"\"x\"", "{\"truncation_side\":\"left\"}", "2 6 5 5 3", "2 5 5 3 6 3"},
             {"{\"direction\":\"Left\"}", "{\"truncation_side\":\"right\"}", "2 5 6 6 3", "2 5 6 3 5 3"}};
    static const char first[] = "abb a a", second[] = "ab";
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        for (int pair = 0; pair < 2; pair++) {
            char json[1024], got[64] = "";
            hone_tokenizer *t = NULL;
            hone_encoding e = {0};
            snprintf(json, sizeof json,
                     "{\"truncation\":%s,\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"post_processor\":{\"type\":"
                     "\"BertProcessing\","
                     "\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}," MODEL "}",
                     c[i].direction);
            const char *const content[6] = {json, NULL, c[i].config};
            CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
            hone_encode_options o = {.max_length = pair ? 6 : 5, .want_offsets = true};
            CHECK_OK(hone_tokenizer_encode(t, first, strlen(first), pair ? second : NULL, pair ? strlen(second) : 0, &o,
                                           &e));
            for (int64_t k = 0; k < e.n; k++)
                snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", k ? " " : "", e.ids[k]);
            CHECK_STR(got, pair ? c[i].pair : c[i].one);
            hone_encoding_free(&e);
            hone_tokenizer_free(t);
        }
    const char *const bad[6] = {NULL, VOCAB_TXT, "{\"truncation_side\":\"middle\"}"};
    hone_tokenizer *t = NULL;
    CHECK_FAILS(hone_tokenizer_open(tokenizer_folder(bad), &t), HONE_E_FORMAT,
                "\"truncation_side\" is \"middle\", expected left or right");
}

TEST(tokenizer, broken_files_beside_either_vocabulary_are_named) {
    static const struct {
        const char *config, *map, *added, *file, *says;
        hone_status code;
    } c[] = {
        {"[]", NULL, NULL, "tokenizer_config.json", "not a JSON object", HONE_E_FORMAT},
        {NULL, "7", NULL, "special_tokens_map.json", "not a JSON object", HONE_E_FORMAT},
        {NULL, NULL, "\"x\"", "added_tokens.json", "not a JSON object", HONE_E_FORMAT},
        {"{", NULL, NULL, "tokenizer_config.json", "expected a key", HONE_E_FORMAT},
        {"{\"cls_token\": 7}", NULL, NULL, "tokenizer_config.json", "\"cls_token\" is neither a token nor",
         HONE_E_FORMAT},
        {"{\"cls_token\": {\"lstrip\": true}}", NULL, NULL, "tokenizer_config.json", "\"cls_token\" is neither",
         HONE_E_FORMAT},
        {NULL, "{\"sep_token\": []}", NULL, "special_tokens_map.json", "\"sep_token\" is neither", HONE_E_FORMAT},
        {NULL, NULL, "{\"<x>\": \"7\"}", "added_tokens.json", "token \"<x>\" has no integer id", HONE_E_FORMAT},
        {NULL, NULL, "{\"<x>\": 8}", "added_tokens.json", "has id 8, its place is 7", HONE_E_FORMAT},
        {NULL, NULL, "{\"[MASK]\": 8}", "added_tokens.json", "has id 8, its place is 4", HONE_E_FORMAT},
        {NULL, NULL, "{\"<x>\": -1}", "added_tokens.json", "token \"<x>\" has id -1, expected 0 to", HONE_E_FORMAT},
        {NULL, NULL, "{\"<x>\": 10000000}", "added_tokens.json", "has id 10000000, expected 0 to 9999999",
         HONE_E_FORMAT},
        {NULL, NULL, "{\"<x>\": \"7\", \"<y>\": null, \"<z>\": -1}", "added_tokens.json",
         "token \"<x>\" has no integer id", HONE_E_FORMAT},
        {"{\"added_tokens_decoder\": {\"\": \"<x>\", \"y\": \"<y>\"}}", NULL, NULL, "tokenizer_config.json",
         "has the key \"\", expected an id", HONE_E_FORMAT},
        {"{\"added_tokens_decoder\": {\"7a\": \"<x>\"}}", NULL, NULL, "tokenizer_config.json", "has the key \"7a\"",
         HONE_E_FORMAT},
        {"{\"cls_token\": {\"content\": \"a\", \"single_word\": 1}}", NULL, NULL, "tokenizer_config.json",
         "\"single_word\"", HONE_E_FORMAT},
        {"{\"cls_token\": {\"content\": \"a\", \"rstrip\": 1}}", NULL, NULL, "tokenizer_config.json", "\"rstrip\"",
         HONE_E_FORMAT},
        {"{\"cls_token\": {\"content\": \"a\", \"special\": 1}}", NULL, NULL, "tokenizer_config.json", "\"special\"",
         HONE_E_FORMAT},
        {"{\"additional_special_tokens\": {}}", NULL, NULL, "tokenizer_config.json",
         "\"additional_special_tokens\" is not an array", HONE_E_FORMAT},
        {NULL, "{\"extra_special_tokens\": 7}", NULL, "special_tokens_map.json",
         "\"extra_special_tokens\" is not an array", HONE_E_FORMAT},
        {"{\"model_input_names\": 7}", NULL, NULL, "tokenizer_config.json", "\"model_input_names\" is not an array",
         HONE_E_FORMAT},
        {"{\"added_tokens_decoder\": []}", NULL, NULL, "tokenizer_config.json",
         "\"added_tokens_decoder\" is not an object", HONE_E_FORMAT},
        {"{\"added_tokens_decoder\": {\"7\": 7}}", NULL, NULL, "tokenizer_config.json", "is neither a token nor",
         HONE_E_FORMAT},
        {"{\"additional_special_tokens\": [7]}", NULL, NULL, "tokenizer_config.json",
         "\"additional_special_tokens\" is neither", HONE_E_FORMAT},
        {NULL, "{\"extra_special_tokens\": [{}]}", NULL, "special_tokens_map.json",
         "\"extra_special_tokens\" is neither", HONE_E_FORMAT},
        {"{\"model_max_length\": 0.5}", NULL, NULL, "tokenizer_config.json", "\"model_max_length\" is 0.5",
         HONE_E_FORMAT},
        {"{\"model_max_length\": \"512\"}", NULL, NULL, "tokenizer_config.json", "expected a number", HONE_E_FORMAT},
        {"{\"do_lower_case\": 1}", NULL, NULL, "tokenizer_config.json", "\"do_lower_case\" is 1", HONE_E_FORMAT},
        {"{\"strip_accents\": 1}", NULL, NULL, "tokenizer_config.json", "\"strip_accents\" is 1", HONE_E_FORMAT},
        {"{\"tokenize_chinese_chars\": \"\"}", NULL, NULL, "tokenizer_config.json",
         "\"tokenize_chinese_chars\" is \"\"", HONE_E_FORMAT},
        {"{\"cls_token\": \"[START]\"}", NULL, NULL, "vocab.txt", "no token \"[START]\" among 7", HONE_E_FORMAT},
        {"{\"split_special_tokens\": 3}", NULL, NULL, "tokenizer_config.json", "\"split_special_tokens\" is 3",
         HONE_E_FORMAT},
        {"{\"extra_special_tokens\": {\"b\": 3}}", NULL, NULL, "tokenizer_config.json", "\"b\" is neither a token nor",
         HONE_E_FORMAT},
        {NULL, "{\"extra_special_tokens\": {\"b\": 3}}", NULL, "special_tokens_map.json",
         "\"b\" is neither a token nor", HONE_E_FORMAT},
        {NULL, "{\"extra_special_tokens\": 3}", NULL, "special_tokens_map.json",
         "\"extra_special_tokens\" is not an array", HONE_E_FORMAT},
        {"{\"y_token\": {\"__type\": \"AddedToken\", \"content\": 3}}", NULL, NULL, "tokenizer_config.json",
         "\"y_token\" is neither a token nor", HONE_E_FORMAT},
        {NULL, "{\"y_token\": {\"content\": []}}", NULL, "special_tokens_map.json",
         "\"y_token\" is neither a token nor", HONE_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const char *const content[6] = {NULL, VOCAB_TXT, c[i].config, c[i].map, c[i].added};
        hone_tokenizer *t = NULL;
        CHECK_FAILS(hone_tokenizer_open(tokenizer_folder(content), &t), c[i].code, c[i].says);
        CHECK_MSG(strstr(hone_last_error()->file, c[i].file), "\"%s\" is blamed, not %s", hone_last_error()->file,
                  c[i].file);
        CHECK(!t);
    }
}

#define ADDED(id, content, normalized)                                                                                 \
    "{\"id\":" id ",\"content\":\"" content                                                                            \
    "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":" normalized ",\"special\":false}"
#define BERT_NORMALIZER                                                                                                \
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":" \
    "null,\"lowercase\":true},"

/* Components that no file of ours uses together. */
TEST(tokenizer, rarer_components_of_tokenizer_json_work_as_their_names_say) {
    static const struct {
        const char *parts, *config, *text, *ids;
    } c[] = {
        {"\"normalizer\":{\"type\":\"Lowercase\"},", NULL, "A", "5"},
        {"\"normalizer\":{\"type\":\"NFKC\"},", NULL, "\xEF\xBD\x81", "5"}, /* fullwidth a */
        {"\"normalizer\":{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true},", NULL,
         " \xC2\xA0"
         "a\xE3\x80\x80 ",
         "5"},
        {"\"normalizer\":{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true},", NULL, "   ", ""},
        {"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},{\"type\":\"Prepend\","
         "\"prepend\":\"a\"}]},",
         NULL, "B", "5 6"},
        {"\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"-\"},", NULL, "a-a",
         "5 5"},
        {"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":"
         "\"Punctuation\",\"behavior\":\"MergedWithPrevious\"}]},",
         NULL, "a a! !a", "5 1 1 5"},
        {"\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],"
         "\"sep\":[\"[SEP]\",3]}]},",
         NULL, "a", "2 5 3"},
        {"\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},", "{\"tokenizer_class\":\"BertTokenizer\"}", "a", "2 5 3"},
        {"\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},", "{\"tokenizer_class\":\"MPNetTokenizerFast\"}", "a",
         "7 5 8"},
        {"\"added_tokens\":null,", NULL, "a", "5"},
        /* A spelling that the normalizer empties matches between any two characters (the reference splits there,
         * too). */
        {BERT_NORMALIZER
         "\"added_tokens\":[" ADDED("9", "\\u0001", "true") "],\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},",
         NULL, "ab", "5 1"},
        {BERT_NORMALIZER "\"added_tokens\":[" ADDED("9", "\\u0001", "true") "," ADDED("10", "<x>", "true") "],", NULL,
         "a", "5"},
        {"\"added_tokens\":[" ADDED("4", "[MASK]", "false") "],",
         "{\"tokenizer_class\":\"BertTokenizer\",\"added_tokens_decoder\":{\"4\":"
         "{\"content\":\"[MASK]\",\"lstrip\":true,\"special\":true}}}",
         "[MASK]", "2 4 3"},
        {"\"added_tokens\":[" ADDED("4", "[MASK]", "false") "],",
         "{\"tokenizer_class\":\"OtherTokenizer\",\"added_tokens_decoder\":{\"4\":"
         "{\"content\":\"[MASK]\",\"lstrip\":true,\"special\":true},\"9\":{\"content\":\"\"}}}",
         "[MASK]", "4"},
        {"", "{\"tokenizer_class\":\"OtherTokenizer\",\"unk_token\":null}", "a", "5"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char json[2048];
        snprintf(json, sizeof json, "{\"version\":\"1.0\",%s" MODEL "}", c[i].parts);
        const char *const content[6] = {json, NULL, c[i].config};
        tokenizer_check_ids(content, c[i].text, c[i].ids);
    }
}

/* Vocabularies with spaces in their entries and no pre-tokenizer; ids and offsets as tokenizers 0.23.3 gives them. */
TEST(tokenizer, roberta_processing_leaves_out_the_spaces_at_both_ends_of_a_token) {
    static const struct {
        /* a normalizer that strips and puts a space before: its offset is not 0 */
        bool prepends, trim, add_prefix_space;
        const char *text, *tokens;
    } c[] = {
        {false, true, true, " a", "1:0-0 3:0-2 2:0-0"},
        {false, true, true, "  a", "1:0-0 4:2-3 2:0-0"},
        {false, true, true, "b a", "1:0-0 9:0-1 3:2-3 2:0-0"},
        {false, true, true, "a b", "1:0-0 5:0-1 9:2-3 2:0-0"},
        {false, true, true, "ba b a", "1:0-0 9:0-1 5:1-2 9:3-4 3:5-6 2:0-0"},
        {false, true, true, " ", "1:0-0 6:0-0 2:0-0"},
        {false, true, true,
         "\xC4\xA0"
         "a",
         "1:0-0 8:0-2 2:0-0"},
        {false, true, true, " \xC2\xA0", "1:0-0 11:2-2 2:0-0"},
        {false, true, true, "b \xC2\xA0", "1:0-0 9:0-1 11:3-3 2:0-0"},
        {false, true, false, " a", "1:0-0 3:1-2 2:0-0"},
        {false, true, false, "  a", "1:0-0 4:2-3 2:0-0"},
        {false, true, false, "b a", "1:0-0 9:0-1 3:2-3 2:0-0"},
        {false, true, false, "a b", "1:0-0 5:0-1 9:2-3 2:0-0"},
        {false, true, false, "ba b a", "1:0-0 9:0-1 5:1-2 9:3-4 3:5-6 2:0-0"},
        {false, true, false, " ", "1:0-0 6:1-1 2:0-0"},
        {false, true, false,
         "\xC4\xA0"
         "a",
         "1:0-0 8:1-2 2:0-0"},
        {false, true, false, " \xC2\xA0", "1:0-0 11:2-2 2:0-0"},
        {false, true, false, "b \xC2\xA0", "1:0-0 9:0-1 11:3-3 2:0-0"},
        {false, false, true, " a", "1:0-0 3:0-2 2:0-0"},
        {false, false, true, "a b", "1:0-0 5:0-2 9:2-3 2:0-0"},
        {true, true, true, "  a", "1:0-0 3:2-3 2:0-0"},
        {true, true, true, "b a", "1:0-0 6:0-0 9:0-1 3:2-3 2:0-0"},
        {true, true, false, "  a", "1:0-0 3:3-3 2:0-0"},
        {true, true, false, "b a", "1:0-0 6:1-1 9:0-1 3:2-3 2:0-0"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char json[2048], got[256] = "";
        hone_tokenizer *t = NULL;
        hone_encoding e = {0};
        snprintf(json, sizeof json,
                 "{%s\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"</"
                 "s>\",2],\"cls\":[\"<s>\",1],\"trim_offsets\":%s,"
                 "\"add_prefix_space\":%s},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_"
                 "subword_prefix\":\"\","
                 "\"max_input_chars_per_word\":100,\"vocab\":{\"[UNK]\":0,\"<s>\":1,\"</s>\":2,\" a\":3,\"  a\":4,\"a "
                 "\":5,\" \":6,\"a\":7,"
                 "\"\\u0120a\":8,\"b\":9,\"\\u00a0\":10,\" \\u00a0\":11}}}",
                 c[i].prepends ? "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\",\"strip_"
                                 "left\":true,\"strip_right\":false},"
                                 "{\"type\":\"Prepend\",\"prepend\":\" \"}]},"
                               : "",
                 c[i].trim ? "true" : "false", c[i].add_prefix_space ? "true" : "false");
        const char *const content[6] = {json};
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
        CHECK_OK(hone_tokenizer_encode(t, c[i].text, strlen(c[i].text), NULL, 0,
                                       &(hone_encode_options){.want_offsets = true}, &e));
        for (int64_t k = 0; k < e.n; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d:%d-%d", k ? " " : "", e.ids[k], e.offsets[k][0],
                     e.offsets[k][1]);
        CHECK_MSG(!strcmp(got, c[i].tokens), "\"%s\" (%d %d %d): %s, want %s", c[i].text, c[i].prepends, c[i].trim,
                  c[i].add_prefix_space, got, c[i].tokens);
        hone_encoding_free(&e);
        hone_tokenizer_free(t);
    }
}

/* The reference knows BertProcessing and RobertaProcessing apart by the two switches, both true or false, and by
 * nothing else: how many separators stand between two texts tells which it was. */
TEST(tokenizer, a_roberta_post_processor_is_one_with_both_switches) {
    static const struct {
        const char *type, *more;
        int64_t tokens;
    } c[] = {{"RobertaProcessing", ",\"trim_offsets\":true,\"add_prefix_space\":false", 6},
             {"BertProcessing", ",\"trim_offsets\":true,\"add_prefix_space\":false", 6},
             {"BertProcessing", "", 5},
             {"RobertaProcessing", "", 5},
             {"RobertaProcessing", ",\"trim_offsets\":true", 5},
             {"RobertaProcessing", ",\"trim_offsets\":null,\"add_prefix_space\":true", 5}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char json[512];
        hone_tokenizer *t = NULL;
        hone_encoding e = {0};
        snprintf(json, sizeof json,
                 "{\"post_processor\":{\"type\":\"%s\",\"sep\":[\"</s>\",2],\"cls\":[\"<s>\",1]%s},\"model\":{\"type\":"
                 "\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"\",\"max_input_chars_per_word\":9,"
                 "\"vocab\":{\"u\":0,\"<s>\":1,\"</s>\":2,\"a\":3}}}",
                 c[i].type, c[i].more);
        const char *const content[6] = {json};
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
        CHECK_OK(hone_tokenizer_encode(t, "a", 1, "a", 1, NULL, &e));
        CHECK_MSG(e.n == c[i].tokens, "%s%s: %" PRId64 " tokens, want %" PRId64, c[i].type, c[i].more, e.n,
                  c[i].tokens);
        hone_encoding_free(&e);
        hone_tokenizer_free(t);
    }
}

/* transformers would read the other file. One of a version to come it leaves alone. */
TEST(tokenizer, a_tokenizer_json_for_another_version_is_refused_by_name) {
    static const char model[] =
        "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"\","
        "\"max_input_chars_per_word\":9,\"vocab\":{\"u\":0}}}";
    const char *content[6] = {model, NULL,
                              "{\"fast_tokenizer_files\": [\"tokenizer.json\", \"tokenizer.4.0.0.json\"]}"};
    hone_tokenizer *t = NULL;
    CHECK_FAILS(hone_tokenizer_open(tokenizer_folder(content), &t), HONE_E_UNSUPPORTED,
                "names \"tokenizer.4.0.0.json\"");
    content[2] = "{\"fast_tokenizer_files\": [\"tokenizer.json\", 7, \"tokenizer.9.0.0.json\"]}";
    CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
    hone_tokenizer_free(t);
}

/* What lies behind a text in memory is not of it. */
TEST(tokenizer, a_pattern_is_not_completed_by_what_stands_behind_the_text) {
    const char *const content[6] = {"{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"ab\"},\"content\":"
                                    "\"b\"},\"model\":{\"type\":\"WordPiece\","
                                    "\"unk_token\":\"u\",\"continuing_subword_prefix\":\"\",\"max_input_chars_per_"
                                    "word\":9,\"vocab\":{\"a\":0,\"b\":1,\"u\":2}}}"};
    hone_tokenizer *t = NULL;
    hone_encoding e = {0};
    CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
    CHECK_OK(hone_tokenizer_encode(t, "aab", 3, NULL, 0, NULL, &e));
    CHECK(e.n == 2 && e.ids[0] == 0 && e.ids[1] == 1);
    CHECK_OK(hone_tokenizer_encode(t, "aab", 2, NULL, 0, NULL, &e));
    CHECK(e.n == 2 && e.ids[0] == 0 && e.ids[1] == 0);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

/* No piece of a word may be tried at all: its first character, or the prefix, is longer than every entry. */
TEST(tokenizer, a_vocabulary_shorter_than_a_character_or_the_prefix_gives_the_unknown_token) {
    static const char json[] =
        "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"####\","
        "\"max_input_chars_per_word\":9,\"vocab\":{\"a\":0,\"b\":1,\"u\":2}}}";
    const char *const content[6] = {json};
    tokenizer_check_ids(content, "a", "0");
    tokenizer_check_ids(content, "\xC3\xA9", "2");
    tokenizer_check_ids(content, "ab", "2");
    tokenizer_check_ids(content, "a\xC3\xA9", "2");
}

/* Under a BERT class transformers 5 builds everything but vocabulary and added tokens anew; ids from there (5.23). */
TEST(tokenizer, a_bert_class_goes_by_its_own_special_tokens_where_tokenizer_json_has_others) {
#define POST "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\",3]},"
#define WORDS "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},"
    static const struct {
        const char *parts, *config, *map, *model, *text, *ids;
    } c[] = {
        {POST, "{\"tokenizer_class\":\"BertTokenizer\",\"cls_token\":\"<s>\"}", NULL, NULL, "a", "7 5 3"},
        {POST, "{\"tokenizer_class\":\"BertTokenizerFast\",\"sep_token\":\"</s>\"}", NULL, NULL, "a", "2 5 8"},
        {POST, "{\"tokenizer_class\":\"ElectraTokenizer\",\"sep_token\":\"[NEW]\"}", NULL, NULL, "a", "2 5 9"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\",\"unk_token\":\"<s>\"}", NULL, NULL, "a q", "2 5 7 3"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\",\"mask_token\":\"<s>\",\"pad_token\":\"</s>\"}", NULL, NULL,
         "a<s>", "2 5 7 3"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\"}", "{\"cls_token\":\"<s>\"}", NULL, "a", "7 5 3"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\",\"added_tokens_decoder\":{}}", "{\"cls_token\":\"<s>\"}", NULL,
         "a", "2 5 3"},
        {POST WORDS, "{\"tokenizer_class\":\"BertTokenizer\"}", NULL, NULL, "A.aaaaaaaaaaa", "2 5 1 1 3"},
        {POST WORDS, "{\"tokenizer_class\":\"ConvBertTokenizer\"}", NULL, NULL, "a A.", "2 5 1 3"},
        {"", "{\"tokenizer_class\":\"ConvBertTokenizer\",\"cls_token\":\"<s>\"}", NULL, NULL, "a", "7 5 3"},
        {POST WORDS, "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"cls_token\":\"<s>\"}", NULL, NULL, "a A.",
         "2 5 1 3"},
        /* no class said: the model's */
        {POST WORDS, "{\"cls_token\":\"<s>\"}", NULL, "{\"model_type\":\"bert\"}", "A", "7 5 3"},
        {POST WORDS, NULL, NULL, "{\"model_type\":\"bert\"}", "A", "2 5 3"},
        {POST WORDS, NULL, NULL, "{\"model_type\":\"mpnet\"}", "A", "7 5 8"},
        {POST WORDS, NULL, NULL, "{\"model_type\":\"bert\",\"tokenizer_class\":\"PreTrainedTokenizerFast\"}", "A",
         "2 1 3"},
        {POST WORDS, NULL, NULL, "{\"model_type\":\"gpt\"}", "A", "2 1 3"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char json[2048];
        snprintf(json, sizeof json, "{\"version\":\"1.0\",%s" MODEL "}", c[i].parts);
        const char *const content[6] = {json, NULL, c[i].config, c[i].map, NULL, c[i].model};
        tokenizer_check_ids(content, c[i].text, c[i].ids);
    }
    static const struct {
        const char *parts, *config, *map, *want, *where;
    } bad[] = {
        {"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",999],\"sep\":[\"[SEP]\",3]},",
         "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}", NULL,
         "post_processor: special token \"[CLS]\" has id 999, which no token has", "/tokenizer.json"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\",\"unk_token\":\"[NO]\"}", NULL,
         "the special token \"unk_token\" is \"[NO]\", not a token of tokenizer.json, whose own is \"[UNK]\"",
         "/tokenizer_config.json"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\",\"cls_token\":null}", NULL,
         "\"cls_token\" is null, not a token of tokenizer.json, which has \"[CLS]\" in its place",
         "/tokenizer_config.json"},
        {POST, "{\"tokenizer_class\":\"BertTokenizer\"}", "{\"sep_token\":null}",
         "\"sep_token\" is null, not a token of tokenizer.json, which has \"[SEP]\" in its place",
         "/special_tokens_map.json"},
        {"", "{\"tokenizer_class\":\"BertTokenizer\",\"unk_token\":null}", NULL,
         "\"unk_token\" is null, not a token of tokenizer.json", "/tokenizer_config.json"},
        {"", "{\"tokenizer_class\":\"BertTokenizer\",\"sep_token\":null}", NULL,
         "\"sep_token\" is null, not a token of tokenizer.json", "/tokenizer_config.json"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[2048];
        hone_tokenizer *t = NULL;
        snprintf(json, sizeof json, "{\"version\":\"1.0\",%s" MODEL "}", bad[i].parts);
        const char *const content[6] = {json, NULL, bad[i].config, bad[i].map};
        CHECK(hone_tokenizer_open(tokenizer_folder(content), &t) == HONE_E_FORMAT && !t);
        CHECK_MSG(strstr(hone_last_error()->message, bad[i].want), "%s", hone_last_error()->message);
        CHECK_MSG(strstr(hone_last_error()->file, bad[i].where), "%s", hone_last_error()->file);
    }
}

TEST(tokenizer, components_of_the_wrong_kind_are_named) {
#define TEMPLATE(single, pair, tokens)                                                                                 \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":" single ",\"pair\":" pair                         \
    ",\"special_tokens\":" tokens "},"
#define NESTED(type, list) "{\"type\":\"" type "\",\"" list "\":["
    static const struct {
        const char *parts, *says;
        hone_status code;
    } c[] = {
        {"\"normalizer\":{\"type\":\"Strip\",\"strip_right\":true},", "\"strip_left\" is missing", HONE_E_FORMAT},
        {"\"normalizer\":{\"type\":\"Strip\",\"strip_left\":1,\"strip_right\":true},", "\"strip_left\" is an integer",
         HONE_E_FORMAT},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"},",
         "regular expression (\"a+\")", HONE_E_UNSUPPORTED},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":7},\"content\":\"\"},", "(\"an integer\")",
         HONE_E_UNSUPPORTED},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"},", "empty pattern",
         HONE_E_UNSUPPORTED},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{},\"content\":\"\"},", "\"String\" is missing",
         HONE_E_FORMAT},
        {"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":{}},", "\"normalizers\" is an object", HONE_E_FORMAT},
        {"\"normalizer\":" NESTED("Sequence", "normalizers") NESTED("Sequence", "normalizers")
             NESTED("Sequence", "normalizers") NESTED("Sequence", "normalizers") NESTED("Sequence", "normalizers")
                 NESTED("Sequence", "normalizers") NESTED("Sequence", "normalizers") NESTED("Sequence", "normalizers")
                     NESTED("Sequence", "normalizers") NESTED("Sequence", "normalizers") "]}]}]}]}]}]}]}]}]}]},",
         "nested more than 8 deep", HONE_E_FORMAT},
        {"\"pre_tokenizer\":" NESTED("Sequence", "pretokenizers") NESTED("Sequence", "pretokenizers") NESTED(
             "Sequence", "pretokenizers") NESTED("Sequence", "pretokenizers") NESTED("Sequence", "pretokenizers")
             NESTED("Sequence", "pretokenizers") NESTED("Sequence", "pretokenizers") NESTED("Sequence", "pretokenizers")
                 NESTED("Sequence", "pretokenizers") NESTED("Sequence", "pretokenizers") "]}]}]}]}]}]}]}]}]}]},",
         "nested more than 8 deep", HONE_E_FORMAT},
        {"\"pre_tokenizer\":{\"type\":\"Sequence\"},", "\"pretokenizers\" is missing", HONE_E_FORMAT},
        {"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[7]},", "is an integer", HONE_E_FORMAT},
        {"\"pre_tokenizer\":{\"type\":\"CharDelimiterSplit\"},", "\"delimiter\" is missing", HONE_E_FORMAT},
        {"\"pre_tokenizer\":{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"\"},", "expected one character",
         HONE_E_FORMAT},
        {"\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":7},", "\"behavior\" is an integer", HONE_E_FORMAT},
        {"\"post_processor\":{\"type\":\"Sequence\",\"processors\":[]},", "Sequence of 0 parts", HONE_E_UNSUPPORTED},
        {"\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{},{}]},", "Sequence of 2 parts",
         HONE_E_UNSUPPORTED},
        {"\"post_processor\":" NESTED("Sequence", "processors") NESTED("Sequence", "processors")
             NESTED("Sequence", "processors") NESTED("Sequence", "processors") NESTED("Sequence", "processors")
                 NESTED("Sequence", "processors") NESTED("Sequence", "processors") NESTED("Sequence", "processors")
                     NESTED("Sequence", "processors") NESTED("Sequence", "processors") "{}]}]}]}]}]}]}]}]}]}]},",
         "Sequence of 1 parts", HONE_E_UNSUPPORTED},
        {"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":{},\"sep\":[\"y\",1]},", "\"cls\" is not a pair",
         HONE_E_FORMAT},
        {"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[1,1],\"sep\":[\"y\",1]},", "\"cls\" is not a pair",
         HONE_E_FORMAT},
        {"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"x\",\"1\"],\"sep\":[\"y\",1]},",
         "\"cls\" is not a pair", HONE_E_FORMAT},
        {"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"x\",10000000],\"sep\":[\"y\",1]},",
         "\"cls\" has id 10000000", HONE_E_FORMAT},
        {"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"x\",1]},", "\"sep\" is not a pair", HONE_E_FORMAT},
        {"\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"x\",1],\"sep\":[\"y\"],\"trim_offsets\":true},",
         "\"sep\" is not a pair", HONE_E_FORMAT},
        {TEMPLATE("[]", "7", "{}"), "\"pair\" is an integer", HONE_E_FORMAT},
        {TEMPLATE("[]", "[7]", "{}"), "neither Sequence nor SpecialToken", HONE_E_FORMAT},
        {TEMPLATE("[]", "[{\"Sequence\":{\"id\":\"C\",\"type_id\":0}}]", "{}"), "expected A or B", HONE_E_FORMAT},
        {TEMPLATE("[]", "[{\"Sequence\":{\"id\":\"A\",\"type_id\":-1}}]", "{}"), "\"type_id\" is -1", HONE_E_FORMAT},
        {TEMPLATE("[]", "[{\"Sequence\":{\"id\":\"A\",\"type_id\":2147483648}}]", "{}"), "\"type_id\" is 2147483648",
         HONE_E_FORMAT},
        {TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":{},\"tokens\":[]}}"), "special token \"X\" has 0 ids",
         HONE_E_FORMAT},
        {TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":[],\"tokens\":{}}}"), "special token \"X\" has 0 ids",
         HONE_E_FORMAT},
        {TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":[\"1\"],\"tokens\":[\"a\"]}}"), "wants ids of 0",
         HONE_E_FORMAT},
        {TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":[10000000],\"tokens\":[\"a\"]}}"), "wants ids of 0",
         HONE_E_FORMAT},
        {TEMPLATE("[]", "[]", "{\"X\":{\"id\":\"X\",\"ids\":[1],\"tokens\":[1]}}"), "wants ids of 0", HONE_E_FORMAT},
        {"\"added_tokens\":{},", "\"added_tokens\" is not an array", HONE_E_FORMAT},
        {"\"added_tokens\":[7],", "added_tokens[0]", HONE_E_FORMAT},
        {"\"model\":{},", "duplicate key \"model\"", HONE_E_FORMAT},
        {"\"version\":\"2.0\",", "duplicate key \"version\"", HONE_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char json[4096];
        hone_tokenizer *t = NULL;
        snprintf(json, sizeof json, "{\"version\":\"1.0\",%s" MODEL "}", c[i].parts);
        const char *const content[6] = {json};
        CHECK_FAILS(hone_tokenizer_open(tokenizer_folder(content), &t), c[i].code, c[i].says);
        CHECK(!t);
    }
}

/* The same folder under a longer and longer name, until the names of its files do not fit any more. */
TEST(tokenizer, a_path_too_long_for_a_file_of_the_folder_is_refused) {
    for (int json = 0; json < 2; json++) {
        const char *const content[6] = {json ? "{" MODEL "}" : NULL, json ? NULL : VOCAB_TXT, "{}", "{}", "{}"};
        const char *dir = tokenizer_folder(content);
        char path[HONE_PATH_MAX + 8], out[HONE_PATH_MAX];
        size_t n = strlen(dir), opened = 0, refused = 0;
        snprintf(path, sizeof path, "%s/", dir);
        snprintf(out, sizeof out, "%.4000s/copy", dir);
        CHECK_OK(hone_io_mkdirs(out));
        for (size_t k = n + 1; k + 2 < HONE_PATH_MAX; k += 2) memcpy(path + k, "./", 3);
        for (size_t cut = n + 1 + (HONE_PATH_MAX - n - 60) / 2 * 2; cut < HONE_PATH_MAX - 3; cut += 2) {
            hone_tokenizer *t = NULL;
            char shorter[HONE_PATH_MAX];
            snprintf(shorter, sizeof shorter, "%.*s", (int)cut, path);
            hone_error_clear();
            hone_status s = hone_tokenizer_open(shorter, &t);
            CHECK((s == HONE_OK) == (t != NULL) && (s == HONE_OK || hone_last_error()->message[0]));
            s == HONE_OK ? opened++ : refused++;
            hone_tokenizer_free(t);
            s = hone_tokenizer_copy_files(shorter, out);
            CHECK(s == HONE_OK || hone_last_error()->message[0]);
            s = hone_tokenizer_copy_files(out, shorter);
            CHECK(s == HONE_OK || hone_last_error()->message[0]);
        }
        CHECK(opened && refused);
    }
}

/* BERT's normalizer lowers by itself: a step before it that does so, too, changes neither tokens nor where they come
 * from. */
TEST(tokenizer, offsets_come_through_a_step_before_the_bert_normalizer) {
#define BERT_STEP                                                                                                      \
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":true,"           \
    "\"lowercase\":true}"
#define WITH(normalizer)                                                                                               \
    { "{\"normalizer\":" normalizer ",\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}," MODEL "}" }
    static const char *const content[][6] = {
        WITH(BERT_STEP),
        WITH("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"}," BERT_STEP "]}"),
    };
    static const char text[] = "A\xC3\x81 ab\xC3\x89 \xE4\xB8\xAD\xE6\x96\x87"
                               "a a\xCC\x81\xCC\xA3"
                               "b \xE2\x80\x9C\xC3\x81\xE2\x80\x9D";
    hone_encoding e[2] = {0};
    for (int k = 0; k < 2; k++) {
        hone_tokenizer *t = NULL;
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(content[k]), &t));
        CHECK_OK(hone_tokenizer_encode(t, text, sizeof text - 1, NULL, 0, &(hone_encode_options){.want_offsets = true},
                                       &e[k]));
        hone_tokenizer_free(t);
    }
    CHECK(e[0].n > 6 && e[0].n == e[1].n && e[0].offsets[0][0] == 0);
    for (int64_t i = 0; i < e[0].n; i++) {
        CHECK_INT(e[1].ids[i], e[0].ids[i]);
        CHECK_INT(e[1].offsets[i][0], e[0].offsets[i][0]);
        CHECK_INT(e[1].offsets[i][1], e[0].offsets[i][1]);
        CHECK(e[1].offsets[i][0] < e[1].offsets[i][1]);
    }
    for (int k = 0; k < 2; k++) hone_encoding_free(&e[k]);
}

#ifdef HONE_TEST_HOOKS
/* Every allocation of opening and of a first encoding, with each tokenizer of the goldens: they have every
 * component. */
TEST(tokenizer, a_tokenizer_gives_back_all_its_memory) {
    static const char *const names[] = {"added", "roberta", "template", "uncased"};
    for (int i = 0; i < 4; i++) {
        char dir[HONE_PATH_MAX];
        hone_tokenizer *t = NULL;
        int64_t before = hone_fault_live();
        CHECK_OK(hone_io_join(dir, test_path("tests/golden/tokenizer"), names[i]));
        CHECK_OK(hone_tokenizer_open(dir, &t));
        hone_encoding e = {0};
        for (int offsets = 0; offsets < 2; offsets++)
            CHECK_OK(hone_tokenizer_encode(t, "a \xC3\xA9\xEF\xAC\x81 <x>", 9, "b c", 3,
                                           &(hone_encode_options){.want_offsets = offsets}, &e));
        hone_encoding_free(&e);
        hone_tokenizer_free(t);
        CHECK_MSG(hone_fault_live() == before, "%s: %d blocks more", names[i], (int)(hone_fault_live() - before));
    }
}

TEST(tokenizer, no_failing_allocation_passes_for_an_encoding) {
    static const char *const names[] = {"added",   "added_cased", "course", "forms",    "prefix", "prepend",
                                        "replace", "roberta",     "strip",  "template", "uncased"};
    static const char text[] = " \xC3\x89t\xC3\xA9 \xE2\x84\xAB \xEF\xAC\x81ve, o\xCC\x88\xCC\xB2 "
                               "\xE4\xB8\xAD\xE6\x96\x87\xEA\xB0\x80 [MASK]<x>! "
                               "Donaudampfschifffahrtsgesellschaft 3.14 -- 'quoted' a b c d e f g h i j k l m n o p q "
                               "r s t u v w x y z\xE3\x80\x80 ";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char dir[HONE_PATH_MAX], long_text[6 * sizeof text] = "";
        CHECK_OK(hone_io_join(dir, test_path("tests/golden/tokenizer"), names[i]));
        if (!hone_io_is_dir(dir)) continue;
        for (int k = 0; k < 5; k++) strcat(long_text, text);
        hone_tokenizer *t = NULL;
        CHECK_OK(hone_tokenizer_open(dir, &t));
        int k = 0;
        for (bool fired = true; fired;) {
            char rule[32];
            hone_encoding e = {0};
            snprintf(rule, sizeof rule, "alloc:%d", ++k);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status s = hone_tokenizer_encode(t, text, sizeof text - 1, long_text, strlen(long_text), NULL, &e);
            fired = hone_fault_fired() > 0;
            hone_fault_set(NULL);
            CHECK_MSG(s == (fired ? HONE_E_NOMEM : HONE_OK), "%s, %s: status %d", names[i], rule, s);
            hone_encoding_free(&e);
        }
        CHECK(k > 3);
        hone_tokenizer_free(t);
    }
}

/* PreTrainedTokenizerBase.__init__ of transformers 5.23: pop("model_max_length", pop("max_len", None)). */
TEST(tokenizer, the_older_name_of_the_length_counts_where_the_new_one_is_not_there) {
    static const struct {
        const char *config;
        int64_t want;
    } cases[] = {{"{\"max_len\": 11}", 11},
                 {"{\"max_len\": 11, \"model_max_length\": 12}", 12},
                 {"{\"model_max_length\": 10, \"max_len\": 12}", 10},
                 {"{\"max_len\": 11, \"model_max_length\": null}", INT64_MAX},
                 {"{\"max_len\": null}", INT64_MAX},
                 {"{\"max_length\": 11}", INT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hone_tokenizer *t = NULL;
        CHECK_OK(hone_tokenizer_open(tokenizer_folder((const char *const[6]){NULL, VOCAB_TXT, cases[i].config}), &t));
        CHECK_INT(hone_tokenizer_max_length(t), cases[i].want);
        hone_tokenizer_free(t);
    }
    hone_tokenizer *t = NULL;
    CHECK_FAILS(hone_tokenizer_open(tokenizer_folder((const char *const[6]){NULL, VOCAB_TXT, "{\"max_len\": 0}"}), &t),
                HONE_E_FORMAT, "\"max_len\" is 0");
}

TEST(tokenizer, no_failing_allocation_or_read_passes_for_an_open_folder) {
    static const char *const contents[][6] = {
        {NULL, VOCAB_TXT,
         "{\"tokenizer_class\":\"BertTokenizer\",\"additional_special_tokens\":[\"<x>\"],\"mask_token\":{\"content\":"
         "\"<m>\",\"lstrip\":true},"
         "\"model_max_length\":64}",
         "{\"extra_special_tokens\":[\"<y>\"]}", "{\"<z>\": 7}"},
        {NULL, VOCAB_TXT, "{\"added_tokens_decoder\":{\"7\":{\"content\":\"<x>\"},\"10\":{\"content\":\"<y>\"}}}"},
        {"{\"added_tokens\":[{\"id\":9,\"content\":\"<x>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
         "\"normalized\":true,\"special\":false}],"
         "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},{\"type\":\"Replace\","
         "\"pattern\":{\"String\":\"q\"},\"content\":\"a\"}]},"
         "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}]},"
         "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\",3]}," MODEL "}",
         NULL, "{\"tokenizer_class\":\"MPNetTokenizer\"}"},
    };
    static const char *const rules[] = {"alloc:%d", "read:%d:EIO", "open:%d:EMFILE"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        for (int r = 0; r < 3; r++) {
            const char *dir = tokenizer_folder(contents[i]);
            int k = 0;
            for (bool fired = true; fired;) {
                char rule[32];
                hone_tokenizer *t = NULL;
                snprintf(rule, sizeof rule, rules[r], ++k);
                CHECK(hone_fault_set(rule));
                hone_error_clear();
                hone_status s = hone_tokenizer_open(dir, &t);
                fired = hone_fault_fired() > 0;
                hone_fault_set(NULL);
                hone_json_whole();
                CHECK((s == HONE_OK) == (t != NULL));
                CHECK_MSG(s == HONE_OK ? !fired || r : s == (r ? HONE_E_IO : HONE_E_NOMEM), "%s: status %d (%s)", rule,
                          s, hone_last_error()->message);
                hone_tokenizer_free(t);
            }
            CHECK_MSG(k > (r ? 1 : 10), "%s: only %d", rules[r], k);
        }
}
#endif
