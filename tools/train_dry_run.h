/* `hone train --dry-run`: what the run would read and do, what it would need, printed; and the check before every run.
 */
#ifndef HONE_TOOLS_TRAIN_DRY_RUN_H
#define HONE_TOOLS_TRAIN_DRY_RUN_H

#include "tools/train_job.h"

/* Everything is read, tokenized and open. Prints one page (with --json one object) on standard output; writes no file.
 * HONE_E_NOMEM, after the page, when the run would be refused. */
hone_status hone_train_dry_run(const hone_options *o, hone_train_job *j, const hone_train_data *data,
                               const hone_train_options *t);

/* Before a run: HONE_E_ARG for a folder in use, HONE_E_NOMEM for a run that cannot fit in memory, HONE_E_IO when not
 * even the two models that it ends with fit on the disk; a note where its checkpoints may not. Sets t->step_bytes. */
hone_status hone_train_check_room(hone_train_job *j, const hone_train_data *data, hone_train_options *t);

#endif
