/* Mapped files, and whether they are still what they were. */
#include "tests/base/io_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(io, a_mapping_shows_the_file_and_outlives_its_name) {
    hone_mapping m;
    CHECK_OK(hone_io_map(file_of("mapped", "0123456789", 10), &m));
    CHECK(m.n == 10 && !memcmp(m.p, "0123456789", 10));
    CHECK_OK(hone_io_write_file(in_dir("mapped"), "other", 5));
    CHECK(!memcmp(m.p, "0123456789", 10));
    CHECK(!unlink(in_dir("mapped")));
    CHECK(!memcmp(m.p, "0123456789", 10));
    hone_io_unmap(&m);
    CHECK(!m.p && !m.n);
    hone_io_unmap(&m);
    CHECK_OK(hone_io_map(file_of("empty", "", 0), &m));
    CHECK(!m.p && !m.n);
    hone_io_unmap(&m);
}

/* Nothing is read here behind the end: that is the room tools, a_mapped_file_that_is_cut_short_ends_with_a_sentence. */
TEST(io, a_mapped_file_that_is_changed_in_place_is_told) {
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const char *path = file_of("in_place", "0123456789", 10);
    hone_mapping m, other;
    int64_t had = 0, has = 0;
    CHECK_OK(hone_io_map(path, &m));
    CHECK_OK(hone_io_map(file_of("quiet", "0123456789", 10), &other));
    CHECK_OK(hone_io_map_check(&m));
    CHECK_STR(hone_io_map_lost(m.p + 9, &had, &has), path);
    CHECK_INT(had, 10);
    CHECK_INT(has, 10);
    CHECK(!hone_io_map_lost(&had, &had, &has) && !hone_io_map_lost(NULL, &had, &has));
    CHECK(!truncate(path, 4));
    CHECK_STR(hone_io_map_lost(m.p, &had, &has), path);
    CHECK_INT(had, 10);
    CHECK_INT(has, 4);
    CHECK_FAILS(hone_io_map_check(&m), HONE_E_FORMAT, "was changed while it was in use: it had 10 bytes, now 4");
    CHECK_STR(hone_last_error()->file, path);
    CHECK_OK(hone_io_map_check(&other));
    hone_io_unmap(&m);
    CHECK(!hone_io_map_lost(other.p - 1, &had, &has));
    CHECK(!utimensat(AT_FDCWD, in_dir("quiet"), long_ago, 0)); /* as many bytes, written again */
    CHECK_FAILS(hone_io_map_check(&other), HONE_E_FORMAT, "was changed while it was in use");
    hone_io_unmap(&other);
    CHECK_OK(hone_io_map(file_of("replaced", "0123456789", 10), &m));
    CHECK_OK(hone_io_write_file(in_dir("replaced"), "others", 6)); /* another file: ours is whole */
    CHECK_OK(hone_io_map_check(&m));
    CHECK(!unlink(in_dir("replaced")));
    CHECK_OK(hone_io_map_check(&m));
    hone_io_unmap(&m);
    CHECK_OK(hone_io_map_check(&m));
}
