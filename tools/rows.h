/* What the commands that read rows share: --input and friends, --columns, --strict, and a word about rows left out. */
#ifndef HONE_TOOLS_ROWS_H
#define HONE_TOOLS_ROWS_H

#include "data/roles.h"
#include "tools/options.h"

/* Read the table that option `name` names, find the roles that `kind` needs by --columns or by name, leave out the bad
 * rows (the first one is the failure with --strict) and say so on standard error, each of the first ten with its place.
 * Free *out with hone_table_free. The command's table has the options "columns" and "strict". */
hone_status hone_rows_read(const hone_options *o, const char *name, hone_row_kind kind, hone_table **out,
                           hone_roles *roles);
/* The same for a file that is no option's value but an operand. */
hone_status hone_rows_read_path(const hone_options *o, const char *path, hone_row_kind kind, hone_table **out,
                                hone_roles *roles);
/* The same without options, progress and notes; strict: the first bad row in the file's order, whatever is wrong with
 * it, is the failure. */
hone_status hone_rows_judge(const char *path, bool strict, hone_row_kind kind, const hone_column_map *map,
                            int64_t n_map, hone_table **out, hone_roles *roles);

/* Whether a column is passed over that a user may take for wrong answers, and the sentence that says so: of pairs one
 * that is called like some ("negatives", "neg", "hard_negative") where no other is taken; of triplets a second one. */
bool hone_rows_idle_negatives(const hone_table *t, hone_row_kind kind, const hone_roles *roles, char out[512]);

#endif
