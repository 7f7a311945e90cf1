/* What the command writes: results on standard output, sentences on standard error. */
#ifndef HONE_TOOLS_TERMINAL_H
#define HONE_TOOLS_TERMINAL_H

#include "base/status.h"

#include <jansson.h>

/* Print an error as `hone: FILE:LINE:COLUMN: sentence` and `  hint: …`, or with json as one object
 * {"error":…, "code":…, "file":…, "line":…, "column":…, "hint":…} (what is not known is left out). Control bytes and
 * bytes that are not UTF-8 come out as \xNN, so it is never more than two lines. Returns the exit status. */
int hone_print_error(const hone_error *e, bool json);

/* `hone: sentence` on standard error, for what deserves a word and is no failure; nothing when quiet. */
void hone_print_note(bool quiet, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line of JSON on standard output; numbers read back to the same f64. Takes the reference to j, also on failure. A
 * full disk or a closed pipe is HONE_E_IO. */
hone_status hone_print_json(json_t *j);
/* The same text, without the newline, piece by piece to a sink (a hone_writer, say). j is borrowed. */
typedef hone_status (*hone_json_sink)(void *ctx, const char *p, size_t n);
hone_status hone_json_line(const json_t *j, hone_json_sink sink, void *ctx);
/* Text of n bytes on standard output. */
hone_status hone_print_text(const char *s, size_t n);
/* Everything written so far has reached the system; call it last. HONE_E_IO when it has not. */
hone_status hone_print_flush(void);

/* Text without control bytes and broken UTF-8, each such byte as \xNN, cut at n - 1 bytes; returns out. */
char *hone_plain_text(const char *s, char *out, size_t n);

#endif
