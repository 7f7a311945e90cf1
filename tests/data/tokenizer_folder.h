/* Folders of a tokenizer, made of texts. */
#ifndef HONE_TESTS_DATA_TOKENIZER_FOLDER_H
#define HONE_TESTS_DATA_TOKENIZER_FOLDER_H

/* vocab.txt, and the model of a tokenizer.json with two tokens more (ids 7 and 8). */
#define VOCAB_TXT "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"
#define MODEL                                                                                                          \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_"      \
    "chars_per_word\":9,"                                                                                              \
    "\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"a\":5,\"##b\":6,\"<s>\":7,\"</s>\":8}}"

/* A folder of tokenizer.json, vocab.txt, tokenizer_config.json, special_tokens_map.json, added_tokens.json and
 * config.json; NULL: that one is not there. The same folder each time. */
const char *tokenizer_folder(const char *const content[6]);
/* The ids of the text, as decimals with a space between, are these; each has a spelling. */
void tokenizer_check_ids(const char *const content[6], const char *text, const char *want);

#endif
