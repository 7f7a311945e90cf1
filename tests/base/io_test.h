/* What the tests of base/io.h share. */
#ifndef HONE_TESTS_BASE_IO_TEST_H
#define HONE_TESTS_BASE_IO_TEST_H

#include "base/io.h"
#include "tests/test.h"

/* A path in the test folder; eight rotating buffers. */
static inline const char *in_dir(const char *name) {
    static char buffers[8][HONE_PATH_MAX];
    static int turn;
    char *b = buffers[turn++ % 8];
    CHECK_OK(hone_io_join(b, test_dir(), name));
    return b;
}

/* Written without the code under test. */
static inline const char *file_of(const char *name, const void *p, size_t n) {
    const char *path = in_dir(name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(p, 1, n, f) == n && !fclose(f));
    return path;
}

#endif
