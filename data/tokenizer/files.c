#include "base/io.h"
#include "data/tokenizer/tokenizer.h"

#include <errno.h>

hone_status hone_tokenizer_copy_files(const char *src, const char *dst) {
    static const char *const names[] = {
        "tokenizer.json",
        "vocab.txt",
        "vocab.json",
        "sentencepiece.bpe.model",
        "spiece.model",
        "tokenizer.model",
        "merges.txt",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
    };
    enum { VOCABULARIES = 6 }; /* without one of the first six there is no tokenizer */
    char from[HONE_PATH_MAX], to[HONE_PATH_MAX];
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        HONE_TRY(hone_io_join(from, src, names[i]));
        if (!hone_io_exists(from)) continue;
        any |= i < VOCABULARIES;
        HONE_TRY(hone_io_join(to, dst, names[i]));
        HONE_TRY(hone_io_copy(from, to));
    }
    if (any) return HONE_OK;
    errno = ENOENT;
    return hone_fail_os(src, "neither tokenizer.json nor a vocabulary (vocab.txt) in the folder");
}
