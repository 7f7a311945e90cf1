/* tokenizer.json and vocab.txt. */
#include "tests/reliability/malformed.h"

#define T "tokenizer.json"
#define VOCAB "\"vocab\": {\"[PAD]\": 0, "
#define NORM "{\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": true, \"strip_accents\": null, \"lowercase\": true}"
#define PRE "{\"type\": \"BertPreTokenizer\"}"
#define MASK "{\"id\": 4, \"content\": \"[MASK]\", \"single_word\": false, \"lstrip\": true, \"rstrip\": false, \"normalized\": false, \"special\": true}"
#define FLAGS "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}"

static const kind file_kinds[] = {
    {"an empty file", NULL, "", T ":1:1: expected a value, found the end of the text"},
    {"spaces only", NULL, "   ", T ":1:4: expected a value, found the end of the text"},
    {"a list", NULL, "[]", T ":1:1: a tokenizer is a JSON object, this is not"},
    {"null", NULL, "null", T ":1:1: a tokenizer is a JSON object, this is not"},
    {"an empty object", NULL, "{}", T ": no \"model\""},
    {"a sentencepiece model", NULL, "\n\x0E\n\x05<unk>\x15\u2400\u2400\u2400\u2400\x18\x02", T ":2:1: expected a value, found '\\x0e'"},
    {"a web page", NULL, "<!doctype html>", T ":1:1: expected a value, found '<'"},
    {"a byte order mark", "^", "\xEF\xBB\xBF", T ":1:1: expected a value, found '\\xef\\xbb\\xbf'"},
    {"UTF-16", NULL, "{\u2400\"\u2400", "found '\\x00'"},
    {"Windows line ends", "\n", "\r\n", SAME},
    {"something behind the object", "$", "x", "expected the end of the text, found 'x'"},
    {"nested 100,000 deep", "\"truncation\": {", "\"truncation\": {\"x\": \u2026", "nested deeper than 64 levels", HONE_E_LIMIT, "[", 100000},
    {"another version", "\"version\": \"1.0\"", "\"version\": \"2.0\"", T ": tokenizer version \"2.0\", Hone reads \"1.0\"", HONE_E_UNSUPPORTED},
    {"a version that is a number", "\"version\": \"1.0\"", "\"version\": 1.0", T ": tokenizer version", HONE_E_UNSUPPORTED},
    {"the version twice", "\"version\": \"1.0\"", "\"version\": \"1.0\", \"version\": \"1.0\"", "duplicate key \"version\""},
    {"the model twice", "\"version\": \"1.0\"", "\"model\": {\"type\": \"WordPiece\"}, \"version\": \"1.0\"", "duplicate key \"model\""},
    {"the normalizer twice", "\"normalizer\":", "\"normalizer\": null, \"normalizer\":", "duplicate key \"normalizer\""},
    {"a key twice inside a component", "\"clean_text\": true", "\"clean_text\": true, \"clean_text\": false", "duplicate key \"clean_text\""},
    {"truncation and padding that are nonsense", "\"padding\": null", "\"padding\": [[], {\"x\": -1}]", SAME},
    {"a folder called tokenizer.json", NULL, "%%% tokenizer.json /\n", T ": not a regular file: Is a directory", HONE_E_IO},
};

static const kind vocab_kinds[] = {
    {"a model that is a list", "\"model\": {", "\"model\": [], \"x\": {", "\"model\" is not an object"},
    {"a model that is null", "\"model\": {", "\"model\": null, \"x\": {", "\"model\" is not an object"},
    {"BPE", "\"WordPiece\",\n    \"unk", "\"BPE\",\n    \"unk", T ": model \"BPE\" is not supported; WordPiece tokenizers", HONE_E_UNSUPPORTED},
    {"Unigram", "\"type\": \"WordPiece\",\n    \"unk_token\": \"[UNK]\"", "\"type\": \"Unigram\",\n    \"unk_id\": 0", T ": model \"Unigram\" is not supported", HONE_E_UNSUPPORTED},
    {"WordLevel", "\"type\": \"WordPiece\",\n    \"unk", "\"type\": \"WordLevel\",\n    \"unk", T ": model \"WordLevel\" is not supported", HONE_E_UNSUPPORTED},
    {"a model type that is a number", "\"type\": \"WordPiece\",\n    \"unk", "\"type\": 7,\n    \"unk", T ": model \"?\" is not supported", HONE_E_UNSUPPORTED},
    {"a model type of a megabyte", "\"type\": \"WordPiece\",\n    \"unk", "\"type\": \"\u2026\",\n    \"unk", T ": model \"xxxxxxxx", HONE_E_UNSUPPORTED, "x", 1000000},
    {"no unknown token", "\"unk_token\": \"[UNK]\",", "", T ": model WordPiece: \"unk_token\" is missing, expected a string"},
    {"an unknown token of null", "\"unk_token\": \"[UNK]\"", "\"unk_token\": null", T ": model WordPiece: \"unk_token\" is null, expected a string"},
    {"an unknown token twice", "\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[UNK]\", \"unk_token\": \"[UNK]\"", "duplicate key \"unk_token\""},
    {"no prefix", "\"continuing_subword_prefix\": \"##\",", "", "\"continuing_subword_prefix\" is missing, expected a string"},
    {"a prefix that is a number", "\"continuing_subword_prefix\": \"##\"", "\"continuing_subword_prefix\": 2", "\"continuing_subword_prefix\" is an integer, expected a string"},
    {"no length of words", "\"max_input_chars_per_word\": 100,", "", "\"max_input_chars_per_word\" is missing, expected an integer"},
    {"a negative length of words", "\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": -1", "\"max_input_chars_per_word\" is -1, expected 0 to 9223372036854775807"},
    {"a length of words of 1e999", "\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 1e999", "real number overflow near '1e999'"},
    {"words as long as 64 bits allow", "\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 9223372036854775807", TAKEN},
    {"no vocabulary", "\"vocab\": {", "\"vocab2\": {", T ": model WordPiece: \"vocab\" is missing"},
    {"an empty vocabulary", "\"vocab\": {", "\"vocab\": {}, \"v\": {", T ": the vocabulary is empty"},
    {"a vocabulary that is a list", "\"vocab\": {", "\"vocab\": [\"a\"], \"v\": {", "model: \"vocab\" is not an object of tokens and ids"},
    {"a vocabulary that is null", "\"vocab\": {", "\"vocab\": null, \"v\": {", "model: \"vocab\" is not an object of tokens and ids"},
    {"two vocabularies", "\"vocab\": {", "\"vocab\": {\"a\": 0}, \"vocab\": {", "duplicate key \"vocab\""},
    {"a token twice", VOCAB, VOCAB "\"[PAD]\": 99, ", T ":30:28: token \"[PAD]\" is there twice, with ids 0 and 99"},
    {"a token twice, once with an escape", VOCAB, VOCAB "\"\\u005bPAD]\": 99, ", "token \"[PAD]\" is there twice, with ids 0 and 99"},
    {"an id twice", "\"the\": 5", "\"the\": 6", T ": tokens \"the\" and \"city\" both have id 6"},
    {"a negative id", "\"the\": 5", "\"the\": -5", "token \"the\" has id -5, expected an integer of 0 to 9999999"},
    {"an id with a fraction", "\"the\": 5", "\"the\": 5.0", "token \"the\" has id 5.0, expected an integer"},
    {"an id with an exponent", "\"the\": 5", "\"the\": 5e0", "token \"the\" has id 5e0, expected an integer"},
    {"an id in quotes", "\"the\": 5", "\"the\": \"5\"", "token \"the\" has id 5, expected an integer"},
    {"an id that is a list", "\"the\": 5", "\"the\": [5]", "token \"the\" has id [, expected an integer"},
    {"an id that is null", "\"the\": 5", "\"the\": null", "token \"the\" has id null, expected an integer"},
    {"an id of 2^64", "\"the\": 5", "\"the\": 18446744073709551616", "token \"the\" has id 18446744073709551616, expected an integer"},
    {"an id of 2^32", "\"the\": 5", "\"the\": 4294967296", "token \"the\" has id 4294967296, the limit is 9999999", HONE_E_LIMIT},
    {"an id of ten million", "\"the\": 5", "\"the\": 10000000", "token \"the\" has id 10000000, the limit is 9999999", HONE_E_LIMIT},
    {"sixteen tokens and an id of nine million", "\"!\": 15", "\"!\": 9000000", T ": the vocabulary has 16 tokens but ids up to 9000000", HONE_E_LIMIT},
    {"a token that is not UTF-8", "\"the\": 5", "\"th\xE9\": 5", "byte '\\xe9' is not UTF-8"},
    {"a token with a lone surrogate", "\"the\": 5", "\"\\ud83d\": 5", "\"\\ud83d\" begins no valid escape"},
    {"a token with a NUL", "\"the\": 5", "\"t\\u0000e\": 5", TAKEN},
    {"an empty token", "\"the\": 5", "\"\": 5", TAKEN},
    {"a token of 100,000 bytes", "\"the\": 5", "\"\u2026\": 5", TAKEN, 0, "x", 100000},
    {"a token of 100,000 bytes and a bad id", "\"the\": 5", "\"\u2026\": x", "expected a value, found 'x'", 0, "x", 100000},
    {"fifty thousand tokens of one id", VOCAB, VOCAB "\u2026", "is there twice, with ids", 0, "\"q\": 1, ", 50000},
    {"merges that name strangers", "\"vocab\": {", "\"merges\": [\"q q\", \"zz ##zz\"], \"vocab\": {", SAME},
};

static const kind added_kinds[] = {
    {"added tokens that are an object", "\"added_tokens\": [", "\"added_tokens\": {}, \"x\": [", T ": \"added_tokens\" is not an array"},
    {"an added token that is a string", MASK, "\"[MASK]\"", T ": added_tokens[4]: \"id\" is missing, expected an integer"},
    {"an added token without an id", MASK, "{\"content\": \"[MASK]\", " FLAGS, T ": added_tokens[4]: \"id\" is missing"},
    {"an added token without content", MASK, "{\"id\": 4, " FLAGS, T ": added_tokens[4]: \"content\" is missing, expected a string"},
    {"an added token without flags", MASK, "{\"id\": 4, \"content\": \"[MASK]\"}", T ": added_tokens[4]: \"single_word\" is missing, expected true or false"},
    {"a flag that is a number", MASK, "{\"id\": 4, \"content\": \"[MASK]\", \"single_word\": 0}", "added_tokens[4]: \"single_word\" is an integer, expected true or false"},
    {"a negative id", MASK, "{\"id\": -4, \"content\": \"[MASK]\", " FLAGS, "added_tokens[4]: \"id\" is -4, expected 0 to 9999999"},
    {"an id of ten million", MASK, "{\"id\": 10000000, \"content\": \"[MASK]\", " FLAGS, "added_tokens[4]: \"id\" is 10000000, expected 0 to 9999999"},
    {"an id with a fraction", MASK, "{\"id\": 4.0, \"content\": \"[MASK]\", " FLAGS, "added_tokens[4]: \"id\" is a real number, expected an integer"},
    {"an id that the vocabulary gives another", MASK, "{\"id\": 5, \"content\": \"[MASK]\", " FLAGS, T ": added token \"[MASK]\" has id 5, its place is 4; the vocabulary gives it that id"},
    {"an id behind a gap", "\"id\": 16", "\"id\": 20", T ": added token \"\xC3\xA9t\xC3\xA9\" has id 20, its place is 16; added tokens that are not in the vocabulary are numbered on from its end"},
    {"a token twice with two ids", MASK, MASK ", {\"id\": 3, \"content\": \"[MASK]\", " FLAGS, T ": added token \"[MASK]\" is there twice, with ids 4 and 3"},
    {"a token twice with one id", MASK, MASK ", " MASK, SAME},
    {"an added token without a letter", MASK, MASK ", {\"id\": 16, \"content\": \"\", " FLAGS, SAME},
};

static const kind part_kinds[] = {
    {"a normalizer that is a number", NORM, "7", T ": normalizer is an integer, expected an object"},
    {"a normalizer without a type", NORM, "{}", T ": normalizer: \"type\" is missing, expected a string"},
    {"a normalizer nobody knows", NORM, "{\"type\": \"Rot13\"}", T ": normalizer \"Rot13\" is not supported", HONE_E_UNSUPPORTED},
    {"a normalizer with a table of its own", NORM, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}", T ": normalizer \"Precompiled\" is not supported", HONE_E_UNSUPPORTED},
    {"no clean_text", "\"clean_text\": true, ", "", T ": normalizer BertNormalizer: \"clean_text\" is missing, expected true or false"},
    {"strip_accents that is a number", "\"strip_accents\": null", "\"strip_accents\": 1", "normalizer BertNormalizer: \"strip_accents\" is an integer"},
    {"a sequence without its list", NORM, "{\"type\": \"Sequence\"}", T ": normalizer Sequence: \"normalizers\" is missing"},
    {"a sequence with a stranger", NORM, "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Nmt\"}]}", T ": normalizer \"Nmt\" is not supported", HONE_E_UNSUPPORTED},
    {"a sequence of null", NORM, "{\"type\": \"Sequence\", \"normalizers\": [null]}", T ": normalizer is null, expected an object"},
    {"sequences ten deep", NORM, "\u2026{\"type\": \"NFC\"}]}]}]}]}]}]}]}]}]}]}", T ": normalizer Sequence: \"normalizers\" is nested more than 8 deep", 0, "{\"type\": \"Sequence\", \"normalizers\": [", 10},
    {"a regular expression", NORM, "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(a+)+$\"}, \"content\": \"\"}", T ": normalizer Replace with a regular expression (\"(a+)+$\") is not supported", HONE_E_UNSUPPORTED},
    {"an empty pattern", NORM, "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"x\"}", T ": normalizer Replace with an empty pattern is not supported", HONE_E_UNSUPPORTED},
    {"a pattern that is a string", NORM, "{\"type\": \"Replace\", \"pattern\": \"a\", \"content\": \"x\"}", "\"pattern\" is a string, expected an object"},
    {"a pattern of neither kind", NORM, "{\"type\": \"Replace\", \"pattern\": {}, \"content\": \"x\"}", "normalizer Replace: pattern: \"String\" is missing, expected a string"},
    {"a replacement that is missing", NORM, "{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}}", "normalizer Replace: \"content\" is missing"},
    {"Strip with one side", NORM, "{\"type\": \"Strip\", \"strip_left\": true}", "normalizer Strip: \"strip_right\" is missing"},
    {"Prepend of nothing", NORM, "{\"type\": \"Prepend\"}", "normalizer Prepend: \"prepend\" is missing"},
    {"Prepend of a megabyte", NORM, "{\"type\": \"Prepend\", \"prepend\": \"\u2026\"}", TAKEN, 0, "x", 10000},
    {"a pre-tokenizer that is a list", PRE, "[]", T ": pre_tokenizer is an array, expected an object"},
    {"a pre-tokenizer nobody knows", PRE, "{\"type\": \"Metaspace\"}", T ": pre_tokenizer \"Metaspace\" is not supported", HONE_E_UNSUPPORTED},
    {"a pre-tokenizer with a regular expression", PRE, "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\s\"}}", T ": pre_tokenizer \"Split\" is not supported", HONE_E_UNSUPPORTED},
    {"a behavior nobody knows", PRE, "{\"type\": \"Punctuation\", \"behavior\": \"Sideways\"}", "\"behavior\" is \"Sideways\", expected Isolated, Removed"},
    {"a behavior that is a number", PRE, "{\"type\": \"Punctuation\", \"behavior\": 1}", "\"behavior\" is an integer, expected Isolated"},
    {"a delimiter of two characters", PRE, "{\"type\": \"CharDelimiterSplit\", \"delimiter\": \"ab\"}", "\"delimiter\" is \"ab\", expected one character"},
    {"a delimiter of none", PRE, "{\"type\": \"CharDelimiterSplit\", \"delimiter\": \"\"}", "\"delimiter\" is \"\", expected one character"},
    {"no delimiter", PRE, "{\"type\": \"CharDelimiterSplit\"}", "\"delimiter\" is missing, expected a string"},
    {"pre-tokenizers ten deep", PRE, "\u2026" PRE "]}]}]}]}]}]}]}]}]}]}", T ": pre_tokenizer Sequence: \"pretokenizers\" is nested more than 8 deep", 0, "{\"type\": \"Sequence\", \"pretokenizers\": [", 10},
    {"a sequence of pre-tokenizers that is an object", PRE, "{\"type\": \"Sequence\", \"pretokenizers\": {}}", "pre_tokenizer Sequence: \"pretokenizers\" is an object"},
    {"a post-processor nobody knows", "\"TemplateProcessing\"", "\"ByteLevel\"", T ": post_processor \"ByteLevel\" is not supported", HONE_E_UNSUPPORTED},
    {"special tokens that are a list", "\"special_tokens\": {", "\"special_tokens\": [], \"x\": {", T ": post_processor TemplateProcessing: \"special_tokens\" is an array, expected an object"},
    {"more ids than tokens", "\"ids\": [2]", "\"ids\": [2, 3]", "special token \"[CLS]\" has 2 ids and 1 tokens, expected as many of each"},
    {"a negative special id", "\"ids\": [2]", "\"ids\": [-2]", "special token \"[CLS]\" wants ids of 0 to 9999999 and their spellings"},
    {"a special id of 2^31", "\"ids\": [2]", "\"ids\": [2147483648]", "special token \"[CLS]\" wants ids of 0 to 9999999"},
    {"a special id that no token has", "\"ids\": [2]", "\"ids\": [999]", T ": post_processor: special token \"[CLS]\" has id 999, which no token has"}, /* though the class builds its own */
    {"a spelling that is a number", "\"tokens\": [\"[CLS]\"]", "\"tokens\": [2]", "special token \"[CLS]\" wants ids"},
    {"a template that is a string", "\"single\": [", "\"single\": \"[CLS] $A [SEP]\", \"x\": [", "\"single\" is a string, expected an array"},
    {"no template for pairs", "\"pair\": [", "\"x\": [", "\"pair\" is missing, expected an array"},
    {"a piece of neither sort", "\"single\": [", "\"single\": [{}, ", "\"single\" has a piece that is neither Sequence nor SpecialToken"},
    {"a second text in a template for one", "{\"id\": \"A\", \"type_id\": 0}", "{\"id\": \"B\", \"type_id\": 0}", "\"single\" uses sequence \"B\", expected A"},
    {"a third text", "{\"id\": \"B\", \"type_id\": 1}", "{\"id\": \"C\", \"type_id\": 1}", "\"pair\" uses sequence \"C\", expected A or B"},
    {"a special token without an entry", "\"single\": [", "\"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, ", "\"single\" uses special token \"<s>\", which special_tokens lacks"},
    {"no type id", "{\"id\": \"A\", \"type_id\": 0}", "{\"id\": \"A\"}", "\"type_id\" is missing, expected an integer"},
    {"a negative type id", "{\"id\": \"A\", \"type_id\": 0}", "{\"id\": \"A\", \"type_id\": -1}", "\"type_id\" is -1, expected 0 to 2147483647"},
    {"a template without a text", "\"single\": [", "\"single\": [], \"x\": [", TAKEN},
    {"a template with the text twice", "\"single\": [", "\"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, ", TAKEN},
    {"a thousand special tokens in a template", "\"single\": [", "\"single\": [\u2026", TAKEN, 0, "{\"SpecialToken\": {\"id\": \"[CLS]\", \"type_id\": 0}}, ", 1000},
    {"BertProcessing without sep", "\"type\": \"TemplateProcessing\"", "\"type\": \"BertProcessing\", \"cls\": [\"[CLS]\", 2]", T ": post_processor BertProcessing: \"sep\" is not a pair of token and id"},
    {"BertProcessing with a triple", "\"type\": \"TemplateProcessing\"", "\"type\": \"BertProcessing\", \"cls\": [\"[CLS]\", 2, 0], \"sep\": [\"[SEP]\", 3]", "\"cls\" is not a pair of token and id"},
    {"BertProcessing the wrong way round", "\"type\": \"TemplateProcessing\"", "\"type\": \"BertProcessing\", \"cls\": [2, \"[CLS]\"], \"sep\": [\"[SEP]\", 3]", "\"cls\" is not a pair of token and id"},
    {"BertProcessing with a negative id", "\"type\": \"TemplateProcessing\"", "\"type\": \"BertProcessing\", \"cls\": [\"[CLS]\", -2], \"sep\": [\"[SEP]\", 3]", "\"cls\" has id -2, expected 0 to 9999999"},
    {"RobertaProcessing without its switches", "\"type\": \"TemplateProcessing\"", "\"type\": \"RobertaProcessing\", \"cls\": [\"[CLS]\", 2], \"sep\": [\"[SEP]\", 3]", "post_processor RobertaProcessing: \"trim_offsets\" is missing, expected true or false"},
    {"a sequence of two post-processors", "\"type\": \"TemplateProcessing\"", "\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, {\"type\": \"TemplateProcessing\"}]", "post_processor Sequence of 2 parts is not supported", HONE_E_UNSUPPORTED},
    {"a sequence of no post-processor", "\"type\": \"TemplateProcessing\"", "\"type\": \"Sequence\", \"processors\": []", "post_processor Sequence of 0 parts is not supported", HONE_E_UNSUPPORTED},
};

static const kind lines_kinds[] = {
    {"an empty file", NULL, "", "vocab.txt: the vocabulary is empty"},
    {"a single line end", NULL, "\n", "vocab.txt: no token \"[UNK]\" among 1"},
    {"empty lines between the tokens", "the\n", "\n\n\nthe\n", "added_tokens.json: added token \"<s>\" has id 16, its place is 17", 0, NULL, 0, true},
    {"empty lines at the end", "$", "\n\n", "added_tokens.json: added token \"<s>\" has id 16, its place is 17", 0, NULL, 0, true},
    {"Windows line ends", "\n", "\r\n", SAME},
    {"carriage returns as line ends", NULL, "[PAD]\r[UNK]\r[CLS]\r[SEP]\r[MASK]\rthe\r", "vocab.txt: no token \"[UNK]\" among 1"},
    {"a byte order mark, which is part of the first token", "^", "\xEF\xBB\xBF", TAKEN},
    {"UTF-16", NULL, "\xFF\xFE[\u2400P\u2400A\u2400D\u2400]\u2400\n\u2400", "vocab.txt:1:1: byte 0xFF is not UTF-8"},
    {"Latin-1", "water\n", "caf\xE9\n", "vocab.txt:9:4: byte 0xE9 is not UTF-8"},
    {"a character cut at the end", "$", "\xE4\xB8", "vocab.txt:17:1: byte 0xE4 is not UTF-8"},
    {"a surrogate", "water\n", "\xED\xA0\x80\n", "vocab.txt:9:1: byte 0xED is not UTF-8"},
    {"a NUL in a token", "water\n", "wa\u2400ter\n", "vocab.txt:9:3: NUL byte"},
    {"a file of zeros", NULL, "\u2026", "vocab.txt:1:1: NUL byte", 0, "\u2400", 4096},
    {"no unknown token", "[UNK]\n", "[OOV]\n", "vocab.txt: no token \"[UNK]\" among 16; tokenizer_config.json can name another (unk_token)"},
    {"no class token", "[CLS]\n", "<s>\n", "vocab.txt: no token \"[CLS]\" among 16; tokenizer_config.json can name another (cls_token)"},
    {"no separator", "[SEP]\n", "</s>\n", "vocab.txt: no token \"[SEP]\" among 16; tokenizer_config.json can name another (sep_token)"},
    {"JSON in its place", NULL, "{\"[UNK]\": 0,\n \"[CLS]\": 1}", "vocab.txt: no token \"[UNK]\" among 2"},
    {"tokens with their numbers", NULL, "[PAD]\t0\n[UNK]\t1\n[CLS]\t2\n", "vocab.txt: no token \"[UNK]\" among 3"},
    {"a Git LFS pointer", NULL, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 231508\n", "vocab.txt: no token \"[UNK]\" among 3"},
    {"a token twice, of which the last counts", "$", "the\n", "added_tokens.json: added token \"<s>\" gets id 16, which \"the\" has already", 0, NULL, 0, true},
    {"a line of 100,000 bytes", "water\n", "\u2026\n", TAKEN, 0, "x", 100000},
    {"a folder called vocab.txt", NULL, "%%% vocab.txt /\n", "vocab.txt: not a regular file: Is a directory", HONE_E_IO},
    {"neither vocab.txt nor tokenizer.json", NULL, "%%% vocab.txt -\n", "vocab: neither tokenizer.json nor vocab.txt in the folder: No such file or directory", HONE_E_IO, NULL, 0, true},
    {"vocab.json of another family", NULL, "%%% vocab.txt -\n%%% vocab.json\n{}", "vocab.json: tokenizers of this kind are not supported", HONE_E_UNSUPPORTED, NULL, 0, true},
};

/* A vocabulary cut between two lines is a shorter vocabulary; inside a line, the model sees that it is shorter. */
static bool a_shorter_vocabulary(const unsigned char *p, size_t cut, size_t n) {
    return cut < n && p[0] == '[';
}
static bool at_a_line_end(const unsigned char *p, size_t cut, size_t n) {
    return cut + 1 >= n || (cut && p[cut - 1] == '\n');
}

void malformed_tokenizer(void) {
    static const char path[] = "tests/fuzz/good/tokenizer/tokenizer.json", lines[] = "tests/fuzz/good/vocab/vocab.txt";
    static const kind_group groups[] = {
        {"tokenizer.json", "tokenizer", T, path, NULL, 0, KINDS(file_kinds)},
        {"tokenizer.json: model", "tokenizer", T, path, NULL, 0, KINDS(vocab_kinds)},
        {"tokenizer.json: added tokens", "tokenizer", T, path, NULL, 0, KINDS(added_kinds)},
        {"tokenizer.json: parts", "tokenizer", T, path, NULL, 0, KINDS(part_kinds)},
        {"vocab.txt", "vocab", "vocab.txt", lines, NULL, 0, KINDS(lines_kinds)},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) run_group(&groups[i]);
    run_cuts_of("tokenizer", T, path, NULL);
    run_cuts_of("vocab", "vocab.txt", lines, a_shorter_vocabulary);
    run_cuts_of("old_model", "vocab.txt", "tests/golden/models/vocab_only/vocab.txt", at_a_line_end);
}
