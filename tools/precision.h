/* --precision, as the commands that run models understand it. */
#ifndef HONE_TOOLS_PRECISION_H
#define HONE_TOOLS_PRECISION_H

#include "models/model.h"
#include "tools/options.h"

/* The word of --precision. HONE_E_ARG: int8 for a command that trains. A format for which this CPU has no instructions
 * is computed all the same, with a note on standard error (unless --quiet) that it will not be faster. */
hone_status hone_precision_option(const hone_options *o, bool training, hone_precision *out);

/* A note on standard error (unless --quiet) where the folder states a dtype that transformers computes in and Hone does
 * not. */
void hone_precision_note(const hone_options *o, const hone_model *m);

#endif
