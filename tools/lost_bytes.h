/* A mapped file that somebody cuts short while it is read gives no error that a call could return, but SIGBUS. */
#ifndef HONE_TOOLS_LOST_BYTES_H
#define HONE_TOOLS_LOST_BYTES_H

#include <stdbool.h>

/* From now on such a signal ends the process with a sentence (as JSON with `json`) that names the file, its temporaries
 * removed and exit status 3, or 4 when the file is as long as it was and the disk fails. A SIGBUS that no mapped file
 * explains is what it always was. */
void hone_catch_lost_bytes(bool json);

#endif
