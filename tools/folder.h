/* A model folder seen from outside, without opening the model: for commands that must work on a tokenizer alone, on
 * families that this version does not run, and on broken folders. */
#ifndef HONE_TOOLS_FOLDER_H
#define HONE_TOOLS_FOLDER_H

#include "base/io.h"
#include "data/tokenizer/tokenizer.h"

/* The folder that holds config.json and the tokenizer: the path of the first module in modules.json ("0_Transformer" in
 * old sentence-transformers folders), dir itself where that is empty or there is no modules.json. */
hone_status hone_folder_encoder(const char *dir, char out[HONE_PATH_MAX]);

/* How many tokens a text may have, special ones included: `asked` if it is not 0, else max_seq_length of
 * sentence_bert_config.json, else model_max_length of the tokenizer; at most the positions of config.json (less the two
 * that RoBERTa and its relatives never reach). 0: no limit known. `encoder` is hone_folder_encoder's. */
hone_status hone_folder_max_length(const char *encoder, const hone_tokenizer *t, int64_t asked, int64_t *out);

#endif
