/* Runs the command under test ($HONE_BIN, set by `make test`) through the shell and keeps what it printed. */
#ifndef HONE_TESTS_TOOLS_COMMAND_H
#define HONE_TESTS_TOOLS_COMMAND_H

#include "tests/test.h"

typedef struct command_result {
    int status;      /* exit status; 128 + n when a signal ended it */
    char out[65536]; /* standard output, cut */
    char err[16384]; /* standard error, cut */
    int err_lines;
} command_result;

/* `arguments` is shell text behind the command's name ("train --lr 'a b'"); `before` stands in front of it
 * (assignments) or is "". Skips the test when there is no command to run. The result is overwritten by the next call.
 */
const command_result *run_command(const char *before, const char *arguments);
/* The same, the arguments by printf's rules; hone has nothing before. */
const command_result *hone_with(const char *before, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const command_result *hone(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A path in the test's directory; in one of 64 rotating buffers. */
const char *out_path(const char *name);
/* A file of this content there; its path. */
const char *write_file(const char *name, const char *content);

#endif
