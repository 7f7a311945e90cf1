#include "tests/tools/command.h"

#include "base/io.h"

#include <stdarg.h>
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

static const command_result *run_format(const char *before, const char *fmt, va_list ap) {
    char line[4096];
    int n = vsnprintf(line, sizeof line, fmt, ap);
    CHECK(n >= 0 && (size_t)n < sizeof line);
    return run_command(before, line);
}

const command_result *hone_with(const char *before, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const command_result *r = run_format(before, fmt, ap);
    va_end(ap);
    return r;
}

const command_result *hone(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const command_result *r = run_format("", fmt, ap);
    va_end(ap);
    return r;
}

const char *out_path(const char *name) {
    static char paths[64][512];
    static int next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", test_dir(), name);
    return path;
}

const char *write_file(const char *name, const char *content) {
    const char *path = out_path(name);
    CHECK_OK(hone_io_write_file(path, content, strlen(content)));
    return path;
}
