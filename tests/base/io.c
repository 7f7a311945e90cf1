#include "base/io.h"
#include "base/fault.h"
#include "base/random.h"
#include "tests/base/io_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static size_t slurp(const char *path, char *out, size_t room) {
    FILE *f = fopen(path, "rb");
    if (!f) return SIZE_MAX;
    size_t n = fread(out, 1, room - 1, f);
    out[n] = 0;
    fclose(f);
    return n;
}

/* No file of ours with .tmp- in its name. */
static bool leftovers(void) {
    bool found = false;
    DIR *d = opendir(test_dir());
    for (struct dirent *e; (e = readdir(d));) found |= strstr(e->d_name, ".tmp-") != NULL;
    closedir(d);
    return found;
}

TEST(io, a_whole_file_comes_with_its_nul) {
    char *text;
    size_t n;
    for (size_t size = 0; size < 300000; size = size * 5 + 1) {
        char *p = malloc(size + 1);
        for (size_t i = 0; i < size; i++) p[i] = (char)(i * 31);
        const char *path = file_of("whole", p, size);
        CHECK_OK(hone_io_read_file(path, size, &text, &n));
        CHECK(n == size && !memcmp(text, p, n) && !text[n]);
        hone_free(text);
        if (size) {
            CHECK_FAILS(hone_io_read_file(path, size - 1, &text, &n), HONE_E_LIMIT, "limit");
            CHECK_INT(hone_exit_status(hone_last_error()), 3);
        }
        free(p);
    }
    CHECK_OK(hone_io_read_file("/proc/self/status", 1 << 20, &text, &n)); /* says that it holds 0 bytes */
    CHECK(n > 100 && strlen(text) == n);
    hone_free(text);
    CHECK_FAILS(hone_io_read_file("/proc/self/status", 100, &text, &n), HONE_E_LIMIT, "at least 101 bytes, limit 100");
}

TEST(io, a_missing_input_is_exit_3_and_a_refused_one_4) {
    char *text;
    size_t n;
    hone_mapping m;
    hone_reader *r;
    CHECK_FAILS(hone_io_read_file(in_dir("absent"), 10, &text, &n), HONE_E_IO, "cannot open: No such file");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    CHECK_FAILS(hone_io_map(in_dir("absent"), &m), HONE_E_IO, "absent");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    CHECK_FAILS(hone_reader_open(in_dir("absent"), &r), HONE_E_IO, "No such file");
    CHECK_FAILS(hone_io_read_file(test_dir(), 1000, &text, &n), HONE_E_IO, "Is a directory");
    CHECK_FAILS(hone_io_map(test_dir(), &m), HONE_E_IO, "not a regular file: Is a directory");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    CHECK_FAILS(hone_reader_open(test_dir(), &r), HONE_E_IO, "Is a directory");
    CHECK_FAILS(hone_io_map("/dev/null", &m), HONE_E_FORMAT, "not a regular file");
    CHECK_FAILS(hone_io_read_file("/dev/zero", 10, &text, &n), HONE_E_FORMAT, "not a regular file: Is a device");
    CHECK(!mkfifo(in_dir("pipe"), 0666));
    /* and nobody waits for a writer */
    CHECK_FAILS(hone_io_map(in_dir("pipe"), &m), HONE_E_FORMAT, "not a regular file: Is a pipe");
    CHECK_FAILS(hone_io_read_file(in_dir("pipe"), 10, &text, &n), HONE_E_FORMAT, "not a regular file: Is a pipe");
    char name[32];
    FILE *writer = popen("sleep 0.05; printf '{}'", "r"); /* as the shell's <(command) */
    snprintf(name, sizeof name, "/dev/fd/%d", fileno(writer));
    CHECK_OK(hone_io_read_stream(name, 10, &text, &n));
    CHECK(n == 2 && !strcmp(text, "{}"));
    hone_free(text);
    pclose(writer);
}

TEST(io, a_name_that_leads_nowhere_is_there_and_says_so_when_opened) {
    char *text;
    size_t n;
    CHECK(!symlink("nowhere", in_dir("dangling")) && !symlink("circle", in_dir("circle")));
    file_of("plain", "x", 1);
    CHECK(hone_io_exists(in_dir("dangling")) && hone_io_exists(in_dir("circle")) && hone_io_exists(in_dir("plain")));
    CHECK(hone_io_is_taken(in_dir("dangling")) && hone_io_is_taken(in_dir("plain")) &&
          !hone_io_is_taken(in_dir("absent")));
    CHECK(!hone_io_exists(in_dir("absent")) && !hone_io_exists(in_dir("plain/below")));
    char long_name[300];
    memset(long_name, 'n', 299), long_name[299] = 0;
    CHECK(!hone_io_exists(in_dir(long_name)));
    CHECK_FAILS(hone_io_read_file(in_dir("dangling"), 10, &text, &n), HONE_E_IO, "No such file");
    CHECK(strstr(hone_last_error()->hint, "a link to a file that is not there"));
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    CHECK_FAILS(hone_io_read_file(in_dir("circle"), 10, &text, &n), HONE_E_IO, "cannot open");
    if (!geteuid()) return; /* root may look everywhere */
    CHECK_OK(hone_io_mkdirs(in_dir("closed")));
    file_of("closed/inside", "x", 1);
    CHECK(!chmod(in_dir("closed"), 0));
    bool there = hone_io_exists(in_dir("closed/inside")), taken = hone_io_is_taken(in_dir("closed/inside"));
    chmod(in_dir("closed"), 0777);
    CHECK(there && !taken);
}

TEST(io, asking_whether_a_file_can_be_written_does_not_open_a_pipe) {
    CHECK(!mkfifo(in_dir("fifo"), 0666));
    int fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
    char byte;
    CHECK(fd >= 0);
    CHECK_OK(hone_writer_check(in_dir("fifo")));
    int writer = open(in_dir("fifo"), O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0 && read(fd, &byte, 1) < 0 && errno == EAGAIN); /* 0: the end had been seen */
    close(writer), close(fd);
    file_of("old", "as it was", 9);
    CHECK_OK(hone_writer_check(in_dir("old")));
    CHECK_OK(hone_writer_check(in_dir("new")));
    CHECK(!hone_io_exists(in_dir("new")) && !leftovers());
    CHECK_FAILS(hone_writer_check(in_dir("absent/new")), HONE_E_IO, "its folder does not exist");
    CHECK_FAILS(hone_writer_check(test_dir()), HONE_E_IO, "it is a folder");
}

TEST(io, standard_input_is_a_dash) {
    const char *path = file_of("input", "from stdin", 10);
    for (int round = 0; round < 3; round++) {
        int kept = dup(0), fd = open(path, O_RDONLY), pipes[2];
        if (round == 2) { /* a pipe has no size, and may come in pieces */
            CHECK(!pipe(pipes) && write(pipes[1], "from stdin", 10) == 10);
            close(pipes[1]), close(fd);
            fd = pipes[0];
        }
        dup2(fd, 0);
        close(fd);
        char *text = NULL, buffer[20] = "";
        size_t n = 0;
        hone_status s;
        if (round == 1) {
            hone_reader *r;
            s = hone_reader_open("-", &r);
            if (s == HONE_OK) s = hone_reader_read(r, buffer, 20, &n);
            hone_reader_close(r);
        } else {
            s = hone_io_read_stream("-", 1000, &text, &n);
        }
        dup2(kept, 0);
        close(kept);
        CHECK_OK(s);
        CHECK_INT(n, 10);
        CHECK_STR(text ? text : buffer, "from stdin");
        hone_free(text);
    }
}

/* All of a file through the reader, `step` bytes at a time. */
static hone_status read_through(const char *path, size_t step, char *out, size_t room, size_t *n) {
    hone_reader *r;
    HONE_TRY(hone_reader_open(path, &r));
    *n = 0;
    for (;;) {
        size_t got = 12345;
        CHECK(*n + step <= room);
        hone_status s = hone_reader_read(r, out + *n, step, &got);
        if (s != HONE_OK || !got) {
            if (s == HONE_OK) { /* the end stays the end */
                CHECK_OK(hone_reader_read(r, out + *n, step, &got));
                CHECK_INT(got, 0);
            }
            hone_reader_close(r);
            return s;
        }
        CHECK(got <= step);
        *n += got;
    }
}

enum { ROOM = 2 << 20 };
static char plain_text[300000], big[ROOM], packed[ROOM];

static size_t make_plain(void) {
    for (size_t i = 0; i < sizeof plain_text; i++)
        plain_text[i] = (char)('a' + hone_random_below(3, 3, i, 20)); /* packs to about half */
    return sizeof plain_text;
}

static size_t gzip_of(const char *p, size_t n, char *out) {
    z_stream z = {0};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)p, z.avail_in = (unsigned)n;
    z.next_out = (unsigned char *)out, z.avail_out = ROOM;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t made = z.total_out;
    deflateEnd(&z);
    return made;
}

TEST(io, the_reader_gives_plain_files_as_they_are) {
    size_t total = make_plain(), n, steps[] = {1, 7, 4096, 131072, 300001};
    for (int k = 0; k < 5; k++) {
        size_t size = steps[k] == 1 ? 1000 : total;
        const char *path = file_of("plain", plain_text, size);
        CHECK_OK(read_through(path, steps[k], big, ROOM, &n));
        CHECK(n == size && !memcmp(big, plain_text, n));
    }
    const char *tiny[] = {"", "x", "\x1f", "\x1f\x8a", "\x8b\x1f"};
    for (int k = 0; k < 5; k++) {
        CHECK_OK(read_through(file_of("tiny", tiny[k], strlen(tiny[k])), 10, big, ROOM, &n));
        CHECK(n == strlen(tiny[k]) && !memcmp(big, tiny[k], n));
    }
}

TEST(io, the_reader_unpacks_gzip_with_many_members_and_padding) {
    size_t total = make_plain(), n, steps[] = {1, 1000, 65536, 300001};
    size_t a = gzip_of(plain_text, total, packed);
    CHECK(a > 130000); /* several fills of the input buffer */
    for (int k = 0; k < 4; k++) {
        CHECK_OK(read_through(file_of("x.gz", packed, a), steps[k], big, ROOM, &n));
        CHECK(n == total && !memcmp(big, plain_text, n));
    }
    /* Members: all, 0 bytes, 5 bytes; then padding as a tape leaves it; then one more. */
    size_t at = a;
    at += gzip_of("", 0, packed + at);
    at += gzip_of("hello", 5, packed + at);
    memset(packed + at, 0, 700);
    at += 700;
    at += gzip_of(" world", 6, packed + at);
    for (int k = 1; k < 4; k++) {
        CHECK_OK(read_through(file_of("x.gz", packed, at), steps[k], big, ROOM, &n));
        CHECK(n == total + 11 && !memcmp(big, plain_text, total) && !memcmp(big + total, "hello world", 11));
    }
    CHECK_OK(read_through(file_of("x.gz", packed, gzip_of("", 0, packed)), 10, big, ROOM, &n));
    CHECK_INT(n, 0);
}

TEST(io, a_gzip_cut_anywhere_is_an_error) {
    make_plain();
    size_t a = gzip_of(plain_text, 3000, packed), n;
    for (size_t cut = 2; cut < a; cut++)
        CHECK_FAILS(read_through(file_of("cut.gz", packed, cut), 1000, big, ROOM, &n), HONE_E_FORMAT,
                    "gzip stream is cut short");
    CHECK_STR(hone_last_error()->file, in_dir("cut.gz"));
    size_t b = a + gzip_of(plain_text, 100, packed + a);
    for (size_t cut = a + 1; cut < b; cut++)
        CHECK_FAILS(read_through(file_of("cut.gz", packed, cut), 1000, big, ROOM, &n), HONE_E_FORMAT, "");
}

TEST(io, a_gzip_followed_by_rubbish_is_an_error) {
    size_t a = gzip_of("hello", 5, packed), n;
    const char *rubbish[] = {"x", "hello", "\x1e\x8b", "\x1fx23456789012345678", "\x8b"};
    for (int k = 0; k < 5; k++) {
        memcpy(packed + a, rubbish[k], strlen(rubbish[k]));
        CHECK_FAILS(read_through(file_of("r.gz", packed, a + strlen(rubbish[k])), 4096, big, ROOM, &n), HONE_E_FORMAT,
                    "r.gz");
    }
}

TEST(io, a_flipped_bit_in_a_gzip_never_changes_the_text) {
    make_plain();
    size_t a = gzip_of(plain_text, 600, packed), n, refused = 0, tried = 0;
    for (size_t i = 2; i < a; i++)
        for (int bit = 0; bit < 8; bit++) {
            packed[i] ^= (char)(1 << bit);
            hone_status s = read_through(file_of("flip.gz", packed, a), 4096, big, ROOM, &n);
            packed[i] ^= (char)(1 << bit);
            tried++;
            refused += s != HONE_OK;
            CHECK_MSG(s == HONE_E_FORMAT || (s == HONE_OK && n == 600 && !memcmp(big, plain_text, n)),
                      "byte %zu bit %d: status %d, %zu bytes", i, bit, s, n);
        }
    CHECK(refused > tried - 8 * 8 - 8); /* only time, system and flags of the member's header are free */
}

TEST(io, a_reader_stays_broken_after_a_failure) {
    size_t a = gzip_of("hello", 5, packed), got = 0;
    hone_reader *r;
    CHECK_OK(hone_reader_open(file_of("cut.gz", packed, a - 3), &r));
    CHECK_FAILS(hone_reader_read(r, big, 100, &got), HONE_E_FORMAT, "cut short");
    CHECK_FAILS(hone_reader_read(r, big, 100, &got), HONE_E_IO, "earlier failure");
    hone_reader_close(r);
    hone_reader_close(NULL);
}

TEST(io, a_writer_replaces_on_commit_and_leaves_nothing_on_abort) {
    char text[100];
    const char *path = file_of("out.txt", "old", 3);
    hone_writer *w;
    CHECK_OK(hone_writer_open(path, &w));
    CHECK_OK(hone_writer_write(w, "new ", 4));
    CHECK_OK(hone_writer_printf(w, "%d-%s", 42, "x"));
    CHECK(slurp(path, text, 100) == 3);
    CHECK_OK(hone_writer_commit(w));
    CHECK_INT(slurp(path, text, 100), 8);
    CHECK_STR(text, "new 42-x");
    CHECK_OK(hone_writer_open(path, &w));
    CHECK_OK(hone_writer_write(w, "never", 5));
    hone_writer_abort(w);
    hone_writer_abort(NULL);
    CHECK_INT(slurp(path, text, 100), 8);
    CHECK(!leftovers());
}

TEST(io, a_writer_goes_through_links_and_keeps_permissions) {
    char text[100];
    struct stat st;
    const char *path = file_of("private", "old", 3);
    CHECK(!mkdir(in_dir("elsewhere"), 0777) && !chmod(path, 0640));
    CHECK(!symlink("../private", in_dir("elsewhere/one")) && !symlink("elsewhere/one", in_dir("two")));
    CHECK_OK(hone_io_write_file(in_dir("two"), "newer", 5));
    CHECK_INT(slurp(path, text, 100), 5);
    CHECK(!lstat(in_dir("two"), &st) && S_ISLNK(st.st_mode) && !lstat(in_dir("elsewhere/one"), &st) &&
          S_ISLNK(st.st_mode));
    CHECK(!lstat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640);
    CHECK(!symlink("fresh", in_dir("to_fresh"))); /* what it leads to is not there yet */
    CHECK_OK(hone_io_write_file(in_dir("to_fresh"), "made", 4));
    CHECK_INT(slurp(in_dir("fresh"), text, 100), 4);
    CHECK(!symlink("no/fresh", in_dir("to_nothing")) && !symlink("round", in_dir("round")));
    CHECK_FAILS(hone_io_write_file(in_dir("to_nothing"), "x", 1), HONE_E_IO, "its folder does not exist");
    CHECK_FAILS(hone_io_write_file(in_dir("round"), "x", 1), HONE_E_IO, "Too many levels");
    CHECK(!lstat(in_dir("round"), &st) && S_ISLNK(st.st_mode));
}

TEST(io, a_writer_takes_pieces_of_any_size) {
    const char *path = in_dir("pieces");
    hone_writer *w;
    CHECK_OK(hone_writer_open(path, &w));
    char *p = malloc(3 << 20), *back;
    size_t sizes[] = {0, 1, (1 << 20) - 1, 1, 1 << 20, 5, (1 << 20) + 1, (3 << 20) - 1, 100, 1 << 19, 1 << 19, 1},
           total = 0, n;
    for (size_t i = 0; i < 3 << 20; i++) p[i] = (char)(i % 251);
    for (int k = 0; k < 12; k++) {
        CHECK_OK(hone_writer_write(w, p, sizes[k]));
        total += sizes[k];
    }
    memset(big, 'z', 5000);
    big[5000] = 0;
    CHECK_OK(hone_writer_printf(w, "<%s>", big));
    CHECK_OK(hone_writer_commit(w));
    CHECK_OK(hone_io_read_file(path, 1 << 30, &back, &n));
    CHECK_INT(n, total + 5002);
    size_t at = 0;
    for (int k = 0; k < 12; k++) {
        CHECK(!memcmp(back + at, p, sizes[k]));
        at += sizes[k];
    }
    CHECK(back[at] == '<' && back[at + 1] == 'z' && back[n - 1] == '>');
    hone_free(back);
    free(p);
}

TEST(io, a_writer_never_replaces_a_device_or_a_folder) {
    struct stat st;
    CHECK_OK(hone_io_write_file("/dev/null", "x", 1));
    CHECK(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
    CHECK_FAILS(hone_io_write_file(test_dir(), "x", 1), HONE_E_IO, "it is a folder");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_FAILS(hone_io_write_file(in_dir("no/such/file"), "x", 1), HONE_E_IO, "folder does not exist");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    if (hone_io_exists("/dev/full")) {
        CHECK_FAILS(hone_io_write_file("/dev/full", "x", 1), HONE_E_IO, "No space left on device");
        CHECK_INT(hone_exit_status(hone_last_error()), 4);
        CHECK(strstr(hone_last_error()->hint, "space"));
    }
}

TEST(io, a_log_grows_and_is_cut_where_it_is_resumed) {
    char text[100];
    const char *path = in_dir("log.jsonl");
    hone_append *a;
    CHECK_OK(hone_append_open(path, -1, &a));
    CHECK_INT(hone_append_offset(a), 0);
    CHECK_OK(hone_append_write(a, "one\n", 4));
    CHECK_OK(hone_append_write(a, "two\n", 4));
    CHECK_INT(hone_append_offset(a), 8);
    CHECK_OK(hone_append_sync(a));
    hone_append_close(a);
    hone_append_close(NULL);
    CHECK_OK(hone_append_open(path, -1, &a));
    CHECK_INT(hone_append_offset(a), 8);
    hone_append_close(a);
    CHECK_OK(hone_append_open(path, 4, &a));
    CHECK_OK(hone_append_write(a, "2\n", 2));
    hone_append_close(a);
    CHECK_INT(slurp(path, text, 100), 6);
    CHECK_STR(text, "one\n2\n");
    CHECK_FAILS(hone_append_open(path, 7, &a), HONE_E_FORMAT, "holds 6 bytes, to continue it needs at least 7");
    CHECK_FAILS(hone_append_open(path, 5, &a), HONE_E_FORMAT, "was changed: no line ends at byte 5");
    CHECK_INT(slurp(path, text, 100), 6);       /* not cut */
    CHECK(!mkfifo(in_dir("pipe.jsonl"), 0600)); /* not waited for */
    CHECK_FAILS(hone_append_open(in_dir("pipe.jsonl"), -1, &a), HONE_E_IO, "not a regular file");
    CHECK_FAILS(hone_append_open("/dev/null", 0, &a), HONE_E_IO, "not a regular file");
    CHECK_FAILS(hone_append_open(in_dir("lost"), 7, &a), HONE_E_FORMAT,
                "is not there, to continue it needs at least 7 bytes");
    CHECK(!hone_io_exists(in_dir("lost")));
    CHECK_FAILS(hone_append_open(in_dir("no/log"), -1, &a), HONE_E_IO, "folder does not exist");
    CHECK_OK(hone_append_open(path, 0, &a));
    CHECK_INT(hone_append_offset(a), 0);
    hone_append_close(a);
}

TEST(io, folders_are_made_listed_and_removed_without_following_links) {
    char path[HONE_PATH_MAX], **names;
    size_t n;
    CHECK_OK(hone_io_join(path, test_dir(), "tree/a//b/c/"));
    CHECK_OK(hone_io_mkdirs(path));
    CHECK_OK(hone_io_mkdirs(path));
    CHECK(hone_io_is_dir(path));
    file_of("tree/a/zeta", "1", 1), file_of("tree/a/Alpha", "1", 1), file_of("tree/a/.hidden", "1", 1);
    file_of("outside", "stays", 5);
    CHECK(!symlink("../outside", in_dir("tree/link")) && !symlink(".", in_dir("tree/loop")));
    CHECK(!symlink("nowhere", in_dir("tree/dangling")));
    CHECK_OK(hone_io_list(in_dir("tree/a"), &names, &n));
    CHECK_INT(n, 4);
    const char *want[] = {".hidden", "Alpha", "b", "zeta"};
    for (int i = 0; i < 4; i++) CHECK_STR(names[i], want[i]);
    CHECK(!names[4]);
    hone_free(names);
    CHECK_OK(hone_io_list(in_dir("tree/a/b/c"), &names, &n));
    CHECK(n == 0 && !names[0]);
    hone_free(names);
    CHECK_FAILS(hone_io_list(in_dir("absent"), &names, &n), HONE_E_IO, "No such file");
    CHECK_FAILS(hone_io_mkdirs(in_dir("outside/sub")), HONE_E_IO, "is not a folder");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_FAILS(hone_io_mkdirs("/proc/no-such-folder/sub"), HONE_E_IO, "cannot make the folder");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_FAILS(hone_io_mkdirs(in_dir("tree/dangling/sub")), HONE_E_IO, "is a link to nothing");
    CHECK_INT(hone_exit_status(hone_last_error()), 4);
    CHECK_OK(hone_io_remove_tree(in_dir("tree")));
    CHECK(!hone_io_exists(in_dir("tree")) && hone_io_exists(in_dir("outside")));
    CHECK_OK(hone_io_remove_tree(in_dir("tree")));
    CHECK_OK(hone_io_remove_tree(in_dir("outside")));
    CHECK(!hone_io_exists(in_dir("outside")));
}

TEST(io, files_are_renamed_and_copied) {
    char text[100];
    const char *from = file_of("from", "content", 7);
    CHECK_OK(hone_io_copy(from, in_dir("copy")));
    CHECK(slurp(in_dir("copy"), text, 100) == 7 && !strcmp(text, "content"));
    CHECK_OK(hone_io_rename(from, in_dir("to")));
    CHECK(!hone_io_exists(from) && slurp(in_dir("to"), text, 100) == 7);
    CHECK_FAILS(hone_io_rename(from, in_dir("to")), HONE_E_IO, "cannot rename");
    CHECK_FAILS(hone_io_copy(from, in_dir("to")), HONE_E_IO, "No such file");
    CHECK(slurp(in_dir("to"), text, 100) == 7);
    CHECK_OK(hone_io_sync_dir(test_dir()));
    uint64_t bytes = 0;
    CHECK_OK(hone_io_free_bytes(test_dir(), &bytes));
    CHECK(bytes > 0);
    CHECK_FAILS(hone_io_free_bytes(in_dir("absent"), &bytes), HONE_E_IO, "No such file");
    CHECK(!leftovers());
}

/* The kernel keeps flock by open file, so a second lock in this process is refused as another process's is. */
TEST(io, a_folder_is_locked_by_one_at_a_time) {
    int first, second;
    char path[HONE_PATH_MAX];
    snprintf(path, sizeof path, "%s", test_dir());
    CHECK_OK(hone_io_lock_dir(path, &first));
    CHECK(first >= 0);
    CHECK_FAILS(hone_io_lock_dir(path, &second), HONE_E_ARG, "another process is writing there");
    CHECK_INT(second, -1);
    hone_io_unlock(second);
    hone_io_unlock(first);
    CHECK_OK(hone_io_lock_dir(path, &second));
    hone_io_unlock(second);
    CHECK_FAILS(hone_io_lock_dir("no/such/folder", &first), HONE_E_IO, "cannot open the folder");
}

TEST(io, paths_are_joined_or_refused) {
    char out[HONE_PATH_MAX], *longest = malloc(HONE_PATH_MAX + 1);
    CHECK_OK(hone_io_join(out, "a", "b"));
    CHECK_STR(out, "a/b");
    CHECK_OK(hone_io_join(out, "a/", "b"));
    CHECK_STR(out, "a/b");
    CHECK_OK(hone_io_join(out, "", "b"));
    CHECK_STR(out, "b");
    CHECK_OK(hone_io_join(out, "/", "b"));
    CHECK_STR(out, "/b");
    memset(longest, 'x', HONE_PATH_MAX);
    longest[HONE_PATH_MAX - 3] = 0;
    CHECK_OK(hone_io_join(out, "a", longest));
    longest[HONE_PATH_MAX - 3] = 'x', longest[HONE_PATH_MAX - 2] = 0;
    CHECK_FAILS(hone_io_join(out, "a", longest), HONE_E_LIMIT, "limit 4095");
    longest[HONE_PATH_MAX - 2] = 'x', longest[HONE_PATH_MAX] = 0;
    CHECK_FAILS(hone_io_mkdirs(longest), HONE_E_LIMIT, "limit 4095");
    free(longest);
}

#ifdef HONE_TEST_HOOKS

static int open_descriptors(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* Runs `act` with the rule's N = 1, 2, … until no fault fires; after each: a failure if and only if `fatal`, the right
 * code, a file named, no descriptor and no temporary left. `after` looks at what is on the disk. */
typedef hone_status act_fn(void);
typedef void after_fn(const char *rule, bool failed);
static void sweep(const char *rule_fmt, bool fatal, act_fn *act, after_fn *after) {
    bool alloc = !strncmp(rule_fmt, "alloc", 5) || strstr(rule_fmt, "ENOMEM");
    for (int n = 1;; n++) {
        char rule[64];
        snprintf(rule, sizeof rule, rule_fmt, n);
        int before = open_descriptors();
        CHECK(hone_fault_set(rule));
        hone_error_clear();
        hone_status s = act();
        bool fired = hone_fault_fired() > 0;
        CHECK(hone_fault_set(NULL));
        const hone_error *e = hone_last_error();
        CHECK_MSG((s != HONE_OK) == (fired && fatal), "%s: status %d (%s), fired %d", rule, s, e->message, fired);
        if (s != HONE_OK) {
            CHECK_MSG(s == (alloc ? HONE_E_NOMEM : HONE_E_IO), "%s: status %d", rule, s);
            CHECK_MSG(e->file[0], "%s: \"%s\" names no file", rule, e->message);
            CHECK_MSG(alloc || e->os_error, "%s: \"%s\" has no errno", rule, e->message);
        }
        CHECK_MSG(open_descriptors() == before, "%s left a descriptor open", rule);
        CHECK_MSG(!leftovers(), "%s left a temporary", rule);
        if (after) after(rule, s != HONE_OK);
        if (!fired) {
            CHECK_MSG(n > 1, "%s never fired", rule);
            return;
        }
    }
}

static hone_status read_it(void) {
    char *text;
    size_t n;
    HONE_TRY(hone_io_read_file(in_dir("whole"), 1 << 20, &text, &n));
    CHECK(n == 10000 && text[9999] == plain_text[9999] && !memcmp(text, plain_text, n));
    hone_free(text);
    return HONE_OK;
}
static hone_status map_it(void) {
    hone_mapping m;
    HONE_TRY(hone_io_map(in_dir("whole"), &m));
    CHECK(m.n == 10000 && !memcmp(m.p, plain_text, m.n));
    hone_io_unmap(&m);
    return HONE_OK;
}
static hone_status stream_it(void) {
    size_t n;
    HONE_TRY(read_through(in_dir("whole"), 3000, big, ROOM, &n));
    CHECK(n == 10000 && !memcmp(big, plain_text, n));
    return HONE_OK;
}
static hone_status unpack_it(void) {
    size_t n;
    HONE_TRY(read_through(in_dir("whole.gz"), 3000, big, ROOM, &n));
    CHECK(n == 300000 && !memcmp(big, plain_text, n));
    return HONE_OK;
}
static hone_status list_it(void) {
    char **names;
    size_t n;
    HONE_TRY(hone_io_list(test_dir(), &names, &n));
    CHECK(n >= 2);
    hone_free(names);
    return HONE_OK;
}

TEST(io, every_failing_read_is_reported_and_interrupts_are_not) {
    size_t total = make_plain();
    file_of("whole", plain_text, 10000);
    file_of("whole.gz", packed, gzip_of(plain_text, total, packed));
    act_fn *acts[] = {read_it, map_it, stream_it, unpack_it, list_it};
    for (int k = 0; k < 5; k++) {
        sweep("open:%d:EMFILE", true, acts[k], NULL);
        sweep("open:%d:EINTR", false, acts[k], NULL);
        if (k != 1) sweep("alloc:%d", true, acts[k], NULL);
        if (k == 1) sweep("mmap:%d:ENOMEM", true, acts[k], NULL);
        if (k == 1 || k == 4) continue;
        sweep("read:%d:EIO", true, acts[k], NULL);
        sweep("read:%d:EINTR", false, acts[k], NULL);
        sweep("read:%d:short", false, acts[k], NULL);
    }
}

static hone_status write_it(void) {
    hone_writer *w;
    HONE_TRY(hone_writer_open(in_dir("target"), &w));
    hone_status s = HONE_OK;
    for (int i = 0; i < 8 && s == HONE_OK; i++) s = hone_writer_write(w, plain_text, sizeof plain_text);
    if (s == HONE_OK) s = hone_writer_printf(w, "%0600d", 7); /* longer than the small buffer */
    if (s == HONE_OK) return hone_writer_commit(w);
    hone_writer_abort(w);
    return s;
}
static hone_status copy_it(void) {
    return hone_io_copy(in_dir("source"), in_dir("target"));
}
/* The target is the old file or the whole new one. A failure means the old one, but for the last step, the sync of the
 * folder, when the new one stands there already. */
static void check_target(const char *rule, bool failed) {
    size_t n = slurp(in_dir("target"), big, ROOM - 1);
    bool old = n == 3 && !memcmp(big, "old", 3);
    bool whole = n == 600 || (n == ROOM - 2 || n == ROOM - 1) || n == sizeof plain_text;
    if (n >= ROOM - 2) {
        struct stat st;
        whole = !stat(in_dir("target"), &st) && st.st_size == 8 * (off_t)sizeof plain_text + 600;
    }
    CHECK_MSG(old || whole, "%s left %zu bytes", rule, n);
    bool folder_sync = !strcmp(rule, "fsync:2:EIO") || !strncmp(rule, "open:2", 6) || !strcmp(rule, "open:3:EACCES");
    if (failed && !folder_sync) CHECK_MSG(old, "%s failed and left %zu bytes", rule, n);
    if (!failed) CHECK_MSG(!old, "%s did not fail and wrote nothing", rule);
    file_of("target", "old", 3);
}

TEST(io, every_failing_write_leaves_the_old_file) {
    make_plain();
    file_of("target", "old", 3);
    file_of("source", plain_text, sizeof plain_text);
    act_fn *acts[] = {write_it, copy_it};
    for (int k = 0; k < 2; k++) {
        sweep("alloc:%d", true, acts[k], check_target);
        sweep("open:%d:EACCES", true, acts[k], check_target);
        sweep("write:%d:ENOSPC", true, acts[k], check_target);
        sweep("write:%d:EDQUOT", true, acts[k], check_target);
        sweep("write:%d:short", false, acts[k], check_target);
        sweep("write:%d:EINTR", false, acts[k], check_target);
        sweep("fsync:%d:EIO", true, acts[k], check_target);
        sweep("fsync:%d:EINTR", false, acts[k], check_target);
        sweep("rename:%d:EACCES", true, acts[k], check_target);
    }
}

/* close(2) reports what a network disk could not write: of the output it counts, of an input it does not. */
TEST(io, a_failing_close_of_the_output_counts) {
    file_of("target", "old", 3);
    make_plain();
    CHECK(hone_fault_set("close:1:EIO"));
    CHECK_FAILS(write_it(), HONE_E_IO, "Input/output error");
    CHECK(hone_fault_set(NULL));
    CHECK(!leftovers());
    CHECK_INT(slurp(in_dir("target"), big, ROOM), 3);
    file_of("whole", plain_text, 10000);
    sweep("close:%d:EIO", false, read_it, NULL);
    sweep("close:%d:EIO", false, map_it, NULL);
}

TEST(io, a_second_fault_while_tidying_up_does_not_hide_the_first) {
    make_plain();
    file_of("target", "old", 3);
    CHECK(hone_fault_set("write:1:ENOSPC,unlink:1:EIO,close:1:EIO"));
    CHECK_FAILS(write_it(), HONE_E_IO, "No space left on device");
    CHECK_INT(hone_fault_fired(), 3);
    CHECK(hone_fault_set(NULL));
    CHECK_INT(slurp(in_dir("target"), big, ROOM), 3);
    CHECK(leftovers());
    CHECK_OK(write_it()); /* and the leftover is in nobody's way */
    CHECK(!leftovers());
}

static hone_status append_it(void) {
    hone_append *a;
    HONE_TRY(hone_append_open(in_dir("log"), 4, &a));
    hone_status s = hone_append_write(a, "two\n", 4);
    if (s == HONE_OK) s = hone_append_write(a, "three\n", 6);
    if (s == HONE_OK) s = hone_append_sync(a);
    hone_append_close(a);
    return s;
}
static void check_log(const char *rule, bool failed) {
    char text[100];
    slurp(in_dir("log"), text, 100);
    const char *legal[] = {"one\nrest", "one\n", "one\ntwo\n", "one\ntwo\nthree\n"};
    bool found = false;
    for (int i = 0; i < 4; i++) found |= !strcmp(text, legal[i]);
    CHECK_MSG(found, "%s left \"%s\"", rule, text);
    if (!failed) CHECK_STR(text, legal[3]);
    file_of("log", "one\nrest", 8);
}

TEST(io, a_failing_append_leaves_no_half_line) {
    file_of("log", "one\nrest", 8);
    sweep("alloc:%d", true, append_it, check_log);
    sweep("open:%d:EROFS", true, append_it, check_log);
    sweep("truncate:%d:EIO", true, append_it, check_log);
    sweep("truncate:%d:EINTR", false, append_it, check_log);
    sweep("write:%d:ENOSPC", true, append_it, check_log);
    sweep("write:%d:short", false, append_it, check_log);
    sweep("fsync:%d:EIO", true, append_it, check_log);
    CHECK(hone_fault_set("write:1:short,write:2:ENOSPC"));
    CHECK_FAILS(append_it(), HONE_E_IO, "No space left");
    CHECK(hone_fault_set(NULL));
    check_log("short and full", true);
}

static hone_status folder_it(void) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, test_dir(), "d1/d2/d3"));
    HONE_TRY(hone_io_mkdirs(path));
    file_of("d1/d2/f", "x", 1);
    HONE_TRY(hone_io_rename(in_dir("d1/d2"), in_dir("d1/d4")));
    return hone_io_remove_tree(in_dir("d1"));
}
static void remove_it(const char *rule, bool failed) {
    CHECK_MSG(failed || !hone_io_exists(in_dir("d1")), "%s: the folder is still there", rule);
    CHECK_OK(hone_io_remove_tree(in_dir("d1")));
}

TEST(io, every_failing_folder_operation_is_reported) {
    sweep("mkdir:%d:EACCES", true, folder_it, remove_it);
    sweep("rename:%d:EXDEV", true, folder_it, remove_it);
    sweep("fsync:%d:EIO", true, folder_it, remove_it);
    sweep("unlink:%d:EACCES", true, folder_it, remove_it);
    sweep("open:%d:EMFILE", true, folder_it, remove_it);
}

TEST(io, killed_at_any_operation_the_target_is_whole) {
    make_plain();
    file_of("target", "old", 3);
    for (int n = 1;; n++) {
        char rule[32];
        snprintf(rule, sizeof rule, "kill:%d", n);
        fflush(NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (!child) _exit(hone_fault_set(rule) && write_it() == HONE_OK ? 0 : 1);
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        struct stat st;
        CHECK(!stat(in_dir("target"), &st));
        off_t whole = 8 * (off_t)sizeof plain_text + 600;
        CHECK_MSG(st.st_size == 3 || st.st_size == whole, "%s left %ld bytes", rule, (long)st.st_size);
        if (WIFEXITED(status)) {
            CHECK_INT(WEXITSTATUS(status), 0);
            CHECK(st.st_size == whole && n > 5);
            break;
        }
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    char **names; /* what the killed children left goes with the folder, but must not disturb other tests */
    size_t n;
    CHECK_OK(hone_io_list(test_dir(), &names, &n));
    for (size_t i = 0; i < n; i++)
        if (strstr(names[i], ".tmp-")) CHECK_OK(hone_io_remove_tree(in_dir(names[i])));
    hone_free(names);
}
#endif
