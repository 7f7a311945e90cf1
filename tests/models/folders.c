#include "tests/models/folders.h"

#include "base/io.h"

#include <stdlib.h>
#include <unistd.h>

static void copy_tree(const char *from, const char *to) {
    char **names, a[HONE_PATH_MAX], b[HONE_PATH_MAX];
    size_t n;
    CHECK_OK(hone_io_mkdirs(to));
    CHECK_OK(hone_io_list(from, &names, &n));
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(hone_io_join(a, from, names[i]));
        CHECK_OK(hone_io_join(b, to, names[i]));
        if (hone_io_is_dir(a))
            copy_tree(a, b);
        else
            CHECK(!symlink(a, b)); /* replaced by a file of its own where a case changes it */
    }
    hone_free(names);
}

const char *folder_copy(const char *model) {
    static char dir[HONE_PATH_MAX];
    char from[HONE_PATH_MAX], *real;
    CHECK_OK(hone_io_join(from, test_path("tests/golden/models"), model));
    CHECK(real = realpath(from, NULL));
    CHECK_OK(hone_io_join(dir, test_dir(), "broken"));
    CHECK_OK(hone_io_remove_tree(dir));
    copy_tree(real, dir);
    free(real);
    return dir;
}

void folder_edit(const char *dir, const char *name, const char *from, const char *to) {
    char file[HONE_PATH_MAX], *text = NULL;
    size_t n = 0;
    CHECK_OK(hone_io_join(file, dir, name));
    if (*from) CHECK_OK(hone_io_read_file(file, 1 << 24, &text, &n));
    unlink(file);
    if (to) {
        FILE *f = fopen(file, "wb");
        const char *at = text ? strstr(text, from) : NULL;
        CHECK(f);
        CHECK_MSG(!*from || at, "no %s in %s", from, name);
        if (at)
            fprintf(f, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
        else
            fprintf(f, "%s", to);
        CHECK(!fclose(f));
    }
    hone_free(text);
}
