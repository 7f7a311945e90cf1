/* What the fuzzers kept, read again: tests/fuzz/corpus/TARGET/ holds one input a file. */
#include "base/fault.h"
#include "base/io.h"
#include "tests/fuzz/targets.h"
#include "tests/test.h"

TEST(corpus, every_kept_input_is_read_or_refused_with_a_sentence) {
    int64_t inputs = 0;
    for (const fuzz_target *t = fuzz_targets; t->name; t++) {
        char dir[HONE_PATH_MAX], path[HONE_PATH_MAX], **names, *p;
        size_t count, n;
        uint64_t meaning = 0, again = 0;
        CHECK_OK(hone_io_join(dir, test_path("tests/fuzz/corpus"), t->name));
        if (!hone_io_is_dir(dir)) continue;
        CHECK_OK(hone_io_list(dir, &names, &count));
        for (size_t i = 0; i < count; i++, inputs++) {
            CHECK_OK(hone_io_join(path, dir, names[i]));
            CHECK_OK(hone_io_read_file(path, 1 << 26, &p, &n));
            hone_error_clear();
            hone_status s = t->read(p, n, &meaning);
            int status = hone_exit_status(hone_last_error());
            CHECK_MSG(s == HONE_OK || (*hone_last_error()->message && status > 1 && status < 5),
                      "%s: status %d, \"%s\"", path, status, hone_last_error()->message);
            hone_status s2 = t->read(p, n, &again);
            CHECK_MSG(s == s2 && (s != HONE_OK || meaning == again), "%s: another meaning the second time", path);
            hone_free(p);
        }
        hone_free(names);
    }
    fuzz_clean_up();
    CHECK_MSG(inputs > 0, "no input was found");
}
