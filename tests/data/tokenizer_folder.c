#include "tests/data/tokenizer_folder.h"

#include "base/io.h"
#include "data/tokenizer/tokenizer.h"
#include "tests/test.h"

static const char *const texts[] = {
    "tokenizer.json",          "vocab.txt",         "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "config.json",
};

const char *tokenizer_folder(const char *const content[6]) {
    static char dir[HONE_PATH_MAX];
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(dir, test_dir(), "tokconfig"));
    CHECK_OK(hone_io_remove_tree(dir));
    CHECK_OK(hone_io_mkdirs(dir));
    for (int i = 0; i < 6; i++) {
        if (!content[i]) continue;
        CHECK_OK(hone_io_join(path, dir, texts[i]));
        FILE *f = fopen(path, "wb");
        CHECK(f && fwrite(content[i], 1, strlen(content[i]), f) == strlen(content[i]) && !fclose(f));
    }
    return dir;
}

void tokenizer_check_ids(const char *const content[6], const char *text, const char *want) {
    hone_tokenizer *t = NULL;
    hone_encoding e = {0};
    char got[256] = "";
    CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
    CHECK_OK(hone_tokenizer_encode(t, text, strlen(text), NULL, 0, NULL, &e));
    for (int64_t i = 0; i < e.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", i ? " " : "", e.ids[i]);
    CHECK_STR(got, want);
    for (int64_t i = 0; i < e.n; i++) CHECK(hone_encoding_token(t, &e, i, NULL));
    CHECK(!hone_tokenizer_token(t, -1, NULL) && !hone_tokenizer_token(t, 1 << 30, NULL));
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}
