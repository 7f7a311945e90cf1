/* tokenizer_config.json, special_tokens_map.json and added_tokens.json. */
#include "tests/reliability/malformed.h"

#define C "tokenizer_config.json"
#define DECODER                                                                                                        \
    "\"17\": {\"content\": \"<extra>\", \"lstrip\": false, \"normalized\": true, \"rstrip\": false, \"single_word\": " \
    "false, \"special\": false}"

static const kind config_kinds[] = {
    {"an empty file", NULL, "", C ":1:1: expected a value, found the end of the text"},
    {"a list", NULL, "[]", C ": not a JSON object"},
    {"null", NULL, "null", C ": not a JSON object"},
    {"an empty object", NULL, "{}", TAKEN},
    {"a key twice", "\"pad_token\"", "\"cls_token\": \"[PAD]\", \"pad_token\"", C ":12:4: duplicate key \"cls_token\""},
    {"Windows line ends", "\n", "\r\n", SAME},
    {"a class token that is a number", "\"cls_token\": \"[CLS]\"", "\"cls_token\": 2",
     C ": \"cls_token\" is neither a token nor an object with \"content\""},
    {"a class token that is a list", "\"cls_token\": \"[CLS]\"", "\"cls_token\": [\"[CLS]\"]",
     C ": \"cls_token\" is neither a token nor"},
    {"a mask token without content", "{\"content\": \"[MASK]\", \"lstrip\": true}", "{\"lstrip\": true}",
     C ": \"mask_token\" is neither a token nor an object with \"content\""},
    {"a mask token whose content is null", "{\"content\": \"[MASK]\", \"lstrip\": true}", "{\"content\": null}",
     "\"mask_token\" is neither a token nor an object"},
    {"a class token of null", "\"cls_token\": \"[CLS]\"", "\"cls_token\": null",
     C ": the special token \"cls_token\" is null, not a token of tokenizer.json, which has \"[CLS]\" in its place"},
    {"a class token with a NUL", "\"cls_token\": \"[CLS]\"", "\"cls_token\": \"[C\\u0000LS]\"", TAKEN},
    {"a class token that the vocabulary lacks", "\"cls_token\": \"[CLS]\"", "\"cls_token\": \"<s>\"", TAKEN},
    {"no length", "512", "0", C ": \"model_max_length\" is 0, expected 1 or more"},
    {"a negative length", "512", "-5", C ": \"model_max_length\" is -5, expected 1 or more"},
    {"a length of half a token", "512", "0.5", C ": \"model_max_length\" is 0.5, expected 1 or more"},
    {"a length in quotes", "512", "\"512\"", C ": \"model_max_length\" is \"512\", expected a number"},
    {"a length of 1e999", "512", "1e999", C ":11:23: real number overflow near '1e999'"},
    {"a length of 10^30", "512", "1000000000000000019884624838656", TAKEN},
    {"do_lower_case in quotes", "\"do_lower_case\": true", "\"do_lower_case\": \"true\"",
     C ": \"do_lower_case\" is \"true\", expected true or false"},
    {"strip_accents that is a number", "\"strip_accents\": null", "\"strip_accents\": 0",
     C ": \"strip_accents\" is 0, expected true or false"},
    {"tokenize_chinese_chars that is a list", "\"tokenize_chinese_chars\": true", "\"tokenize_chinese_chars\": []",
     C ": \"tokenize_chinese_chars\" is an array, expected true or false"},
    {"a tokenizer class that is a number", "\"BertTokenizer\"", "7", C ": \"tokenizer_class\" is 7, expected a string"},
    {"a side that is a number", "\"do_lower_case\"", "\"truncation_side\": 1, \"do_lower_case\"",
     C ": \"truncation_side\" is 1, expected a string"},
    {"added_tokens_decoder that is a list", "\"added_tokens_decoder\": {", "\"added_tokens_decoder\": [], \"x\": {",
     C ": \"added_tokens_decoder\" is not an object"},
    {"an entry of added_tokens_decoder that is a number", DECODER, "\"17\": 5",
     C ": \"added_tokens_decoder\" is neither a token nor an object with \"content\""},
    {"an entry of added_tokens_decoder without content", DECODER, "\"17\": {\"special\": true}",
     C ": \"added_tokens_decoder\" is neither a token nor"},
    {"an entry of added_tokens_decoder whose number is another's: only the order counts", DECODER,
     "\"5\": {\"content\": \"<extra>\", \"special\": false}", SAME},
    {"an entry of added_tokens_decoder whose number is none", DECODER,
     "\"x\": {\"content\": \"<extra>\", \"special\": false}",
     C ": \"added_tokens_decoder\" has the key \"x\", expected an id"},
    {"an entry of added_tokens_decoder of ten million", DECODER,
     "\"10000000\": {\"content\": \"<extra>\", \"special\": false}", SAME},
    {"additional tokens that are a string", "\"additional_special_tokens\": []",
     "\"additional_special_tokens\": \"<t>\"", C ": \"additional_special_tokens\" is not an array"},
    {"an additional token that is a number", "\"additional_special_tokens\": []", "\"additional_special_tokens\": [3]",
     C ": \"additional_special_tokens\" is neither a token nor an object"},
    {"input names that are a string", "[\"input_ids\", \"token_type_ids\", \"attention_mask\"]", "\"input_ids\"",
     C ": \"model_input_names\" is not an array"},
    {"input names that are numbers", "[\"input_ids\", \"token_type_ids\", \"attention_mask\"]", "[1, null]", TAKEN},
    {"a flag of a token that is a number", "\"lstrip\": true", "\"lstrip\": 1",
     C ": \"lstrip\" of \"mask_token\" is not true or false"},
    {"nested 100,000 deep", "{", "{\"x\": \u2026", "nested deeper than 64 levels", HONE_E_LIMIT, "[", 100000},
    {"a folder called tokenizer_config.json", NULL, "%%% tokenizer_config.json /\n",
     C ": not a regular file: Is a directory", HONE_E_IO},
};

#define M "special_tokens_map.json"
static const kind map_kinds[] = {
    {"an empty file", NULL, "", M ":1:1: expected a value, found the end of the text"},
    {"a list", NULL, "[]", M ": not a JSON object"},
    {"a key twice", "\"pad_token\"", "\"cls_token\": \"[PAD]\", \"pad_token\"", "duplicate key \"cls_token\""},
    {"a token that is a number", "\"pad_token\": \"[PAD]\"", "\"pad_token\": 0",
     M ": \"pad_token\" is neither a token nor an object with \"content\""},
    {"an additional token that is null", "[\"<t>\"]", "[null]",
     M ": \"additional_special_tokens\" is neither a token nor an object"},
    {"a separator that the vocabulary lacks", "\"sep_token\": \"[SEP]\"", "\"sep_token\": \"</s>\"",
     "vocab.txt: no token \"</s>\" among 16", 0, NULL, 0, true},
};

#define A "added_tokens.json"
static const kind added_kinds[] = {
    {"an empty file", NULL, "", A ":1:1: expected a value, found the end of the text"},
    {"a list", NULL, "[\"<s>\"]", A ": not a JSON object"},
    {"an id that is a string", NULL, "{\"<s>\": \"16\"}", A ": token \"<s>\" has no integer id"},
    {"an id that is null", NULL, "{\"<s>\": null}", A ": token \"<s>\" has no integer id"},
    {"a negative id", NULL, "{\"<s>\": -1}", A ": token \"<s>\" has id -1, expected 0 to 9999999"},
    {"an id of 2^63", NULL, "{\"<s>\": 9223372036854775808}", A ": token \"<s>\" has no integer id"},
    {"an id behind a gap", NULL, "{\"<s>\": 99}", A ": added token \"<s>\" has id 99, its place is 16"},
    {"an id that the vocabulary gives another", NULL, "{\"<s>\": 3}",
     A ": added token \"<s>\" has id 3, its place is 16"},
    {"a token of the vocabulary with another id", NULL, "{\"water\": 3}",
     A ": added token \"water\" has id 3, its place is 8; the vocabulary gives it that id"},
    {"a token twice", NULL, "{\"<s>\": 16, \"<s>\": 17}", "duplicate key \"<s>\""},
    {"ids in no order", NULL, "{\"bb\": 16, \"aa\": 17}", TAKEN},
    {"ids in no order of names", NULL, "{\"aa\": 17, \"bb\": 16}", TAKEN},
};

void malformed_tokenizer_config(void) {
    static const kind_group groups[] = {
        {C, "tokenizer", C, "tests/fuzz/good/tokenizer/tokenizer_config.json", NULL, 0, KINDS(config_kinds)},
        {M, "vocab", M, "tests/fuzz/good/vocab/special_tokens_map.json", NULL, 0, KINDS(map_kinds)},
        {A, "vocab", A, "tests/fuzz/good/vocab/added_tokens.json", NULL, 0, KINDS(added_kinds)},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        run_group(&groups[i]);
        run_cuts_of(groups[i].target, groups[i].file, groups[i].path, NULL);
    }
}
