#include "base/io.h"
#include "base/memory.h"
#include "data/tokenizer/tokenizer.h"

#include <errno.h>

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
/* without one of the first six there is no tokenizer */
enum { FILES = sizeof names / sizeof *names, VOCABULARIES = 6 };
static const uint64_t FILE_LIMIT = (uint64_t)256 << 20;

struct hone_tokenizer_files {
    char *text[FILES]; /* NULL: not there */
    size_t n[FILES];
};

static hone_status read_files(const char *src, hone_tokenizer_files *f) {
    char from[HONE_PATH_MAX];
    bool any = false;
    for (int i = 0; i < FILES; i++) {
        HONE_TRY(hone_io_join(from, src, names[i]));
        if (!hone_io_exists(from)) continue;
        any |= i < VOCABULARIES;
        HONE_TRY(hone_io_read_file(from, FILE_LIMIT, &f->text[i], &f->n[i]));
    }
    if (any) return HONE_OK;
    errno = ENOENT;
    return hone_fail_os(src, "neither tokenizer.json nor a vocabulary (vocab.txt) in the folder");
}

hone_status hone_tokenizer_files_read(const char *src, hone_tokenizer_files **out) {
    hone_tokenizer_files *f = hone_zalloc(sizeof *f);
    if (!f) return hone_blame(src, 0);
    hone_status s = read_files(src, f);
    if (s == HONE_OK)
        *out = f;
    else
        hone_tokenizer_files_free(f);
    return s;
}

hone_status hone_tokenizer_files_write(const hone_tokenizer_files *f, const char *dst) {
    char to[HONE_PATH_MAX];
    for (int i = 0; i < FILES; i++) {
        if (!f->text[i]) continue;
        HONE_TRY(hone_io_join(to, dst, names[i]));
        HONE_TRY(hone_io_write_file(to, f->text[i], f->n[i]));
    }
    return HONE_OK;
}

void hone_tokenizer_files_free(hone_tokenizer_files *f) {
    if (!f) return;
    for (int i = 0; i < FILES; i++) hone_free(f->text[i]);
    hone_free(f);
}

hone_status hone_tokenizer_copy_files(const char *src, const char *dst) {
    hone_tokenizer_files *f;
    HONE_TRY(hone_tokenizer_files_read(src, &f));
    hone_status s = hone_tokenizer_files_write(f, dst);
    hone_tokenizer_files_free(f);
    return s;
}
