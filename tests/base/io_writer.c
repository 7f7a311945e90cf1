/* Writers where the system says no, or says it in its own way. What root may do is done by nobody here. */
#include "base/io.h"
#include "base/memory.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* hone_io_write_file(name) in this folder by somebody who is not root; the code of its error. */
static hone_status written_by_nobody(const char *folder, const char *name) {
    int status;
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        if (chdir(folder) || (!geteuid() && (setgid(NOBODY) || setuid(NOBODY)))) _exit(99);
        _exit((int)hone_io_write_file(name, "new", 3));
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 99);
    return (hone_status)WEXITSTATUS(status);
}

static const char *folder_of_nobody(const char *name, mode_t mode) {
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    CHECK_OK(hone_io_mkdirs(path));
    CHECK(!chmod(path, mode) && (geteuid() || !chown(path, NOBODY, NOBODY)));
    return path;
}

static void check_content(const char *folder, const char *name, const char *want) {
    char path[HONE_PATH_MAX], *text;
    size_t n;
    CHECK_OK(hone_io_join(path, folder, name));
    CHECK_OK(hone_io_read_file(path, 100, &text, &n));
    CHECK_STR(text, want);
    hone_free(text);
}

TEST(io, a_folder_that_may_be_written_to_and_not_read_takes_files) {
    const char *folder = folder_of_nobody("drop", 0300);
    CHECK_OK(written_by_nobody(folder, "x"));
    CHECK(!chmod(folder, 0700));
    check_content(folder, "x", "new");
}

TEST(io, a_file_that_may_not_be_written_to_is_not_replaced) {
    const char *folder = folder_of_nobody("kept", 0700);
    char path[HONE_PATH_MAX], **names;
    size_t n;
    CHECK_OK(written_by_nobody(folder, "x"));
    CHECK_OK(hone_io_join(path, folder, "x"));
    CHECK_OK(hone_io_write_file(path, "old", 3));
    CHECK(!chmod(path, 0444) && (geteuid() || !chown(path, NOBODY, NOBODY)));
    CHECK_INT(written_by_nobody(folder, "x"), HONE_E_IO);
    check_content(folder, "x", "old");
    CHECK_OK(hone_io_list(folder, &names, &n));
    CHECK_INT(n, 1);
    hone_free(names);
}

TEST(io, a_name_as_long_as_names_may_be_is_written) {
    char path[HONE_PATH_MAX], name[260];
    memset(name, 'a', sizeof name);
    name[255] = 0;
    CHECK_OK(hone_io_join(path, test_dir(), name));
    CHECK_OK(hone_io_write_file(path, "long", 4));
    check_content(test_dir(), name, "long");
    name[255] = 'a', name[256] = 0;
    CHECK_OK(hone_io_join(path, test_dir(), name));
    CHECK_FAILS(hone_io_write_file(path, "long", 4), HONE_E_IO, "File name too long");
}

/* What is gone is an output: exit status 4, and not the 3 of an input that is not there. */
TEST(io, an_output_whose_folder_goes_while_it_is_written_is_no_missing_input) {
    char folder[HONE_PATH_MAX], path[HONE_PATH_MAX], other[HONE_PATH_MAX];
    hone_writer *w;
    CHECK_OK(hone_io_join(folder, test_dir(), "going"));
    CHECK_OK(hone_io_join(path, folder, "x"));
    CHECK_OK(hone_io_mkdirs(folder));
    CHECK_OK(hone_writer_open(path, &w));
    CHECK_OK(hone_writer_write(w, "new", 3));
    CHECK_OK(hone_io_remove_tree(folder));
    CHECK_FAILS(hone_writer_commit(w), HONE_E_IO, "cannot replace the file: No such file or directory");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_OK(hone_io_mkdirs(folder));
    CHECK_OK(hone_writer_open(path, &w));
    CHECK_OK(hone_io_mkdirs(path));
    CHECK_FAILS(hone_writer_commit(w), HONE_E_IO, "cannot replace the file: Is a directory");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_OK(hone_io_remove_tree(folder));
    CHECK_OK(hone_io_join(other, test_dir(), "gone"));
    CHECK_FAILS(hone_io_rename(folder, other), HONE_E_IO, "cannot rename to");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_FAILS(hone_io_sync_dir(folder), HONE_E_IO, "cannot open the folder");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
}
