/* A file of rows being written: replace-or-nothing (hone_writer), packed where its name ends in .gz, or standard output
 * for "-".
 *
 * The packed bytes depend on the text alone (no time, no name in the gzip header), so the same rows give the same file.
 */
#ifndef HONE_TOOLS_OUTFILE_H
#define HONE_TOOLS_OUTFILE_H

#include "base/io.h"

typedef struct hone_outfile hone_outfile;

/* Refuses (HONE_E_ARG) an --out that is the file `input` of the option or operand `what`, which would be lost. Either
 * may be NULL or "-". */
hone_status hone_outfile_check(const char *out, const char *what, const char *input);
/* The same where `input` may be a folder: --out must be none of the files in it or in its folders. A folder that is not
 * there, or cannot be listed, holds none. */
hone_status hone_outfile_check_folder(const char *out, const char *what, const char *input);
hone_status hone_outfile_open(const char *path, hone_outfile **out);
hone_status hone_outfile_write(hone_outfile *s, const char *p, size_t n);
/* Everything is in place under its name, or nothing is. Frees s, also on failure. Standard output is flushed by the
 * command's end. */
hone_status hone_outfile_commit(hone_outfile *s);
/* Files that belong together: all are in place under their names (path [n]), or none is where there was none before
 * (`fresh`; a file that was replaced cannot come back). Signals that end the process wait until it is done. Frees all
 * and makes them NULL. */
hone_status hone_outfile_commit_all(hone_outfile **s, char (*path)[HONE_PATH_MAX], int64_t n, bool fresh);
void hone_outfile_abort(hone_outfile *s); /* frees s; accepts NULL */

#endif
