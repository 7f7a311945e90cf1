#include "tests/tools/command.h"

#include "base/io.h"

#include <stdlib.h>
#include <sys/wait.h>

static void slurp(const char *path, char *out, size_t n) {
    FILE *f = fopen(path, "rb");
    size_t got = f ? fread(out, 1, n - 1, f) : 0;
    out[got] = 0;
    if (f) fclose(f);
}

const command_result *run_command(const char *before, const char *arguments) {
    static command_result r;
    char line[8192], out[256], err[256];
    const char *command = getenv("HONE_BIN");
    if (!command || !*command) SKIP("HONE_BIN is not set");
    snprintf(out, sizeof out, "%s/stdout", test_dir());
    snprintf(err, sizeof err, "%s/stderr", test_dir());
    /* Arguments may redirect themselves: theirs come last and win. */
    int n = snprintf(line, sizeof line, "</dev/null >%s 2>%s %s '%s' %s", out, err, before, command, arguments);
    CHECK(n > 0 && (size_t)n < sizeof line);
    int status = system(line);
    r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    slurp(out, r.out, sizeof r.out);
    slurp(err, r.err, sizeof r.err);
    r.err_lines = 0;
    for (const char *p = r.err; *p; p++) r.err_lines += *p == '\n';
    return &r;
}

const char *write_file(const char *name, const char *content) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_dir(), name);
    CHECK_OK(hone_io_write_file(path, content, strlen(content)));
    return path;
}
