/* Every file operation of every command fails in turn, once, for ever, and with a second fault behind it: exit 4, a
 * clean message, no leak, nothing damaged, the previous checkpoint valid (faults.h).
 *
 *     STRIDE    every STRIDE-th operation (1)     COMMAND   one of train, embed, eval, validate, split, negatives,
 *                                                           stats, sample, report, tokenize, inspect */
#include "tests/reliability/common.h"
#include "tests/reliability/faults.h"

#define AFTER ",unlink:after,rename:after"
int main(void) {
    static const fault_kind kinds[] = {{HONE_FAULT_OPEN, "open", ":EACCES", {4}, AFTER},
                                       {HONE_FAULT_READ, "read", ":EIO", {4}, ",alloc:after"},
                                       {HONE_FAULT_WRITE, "write", ":ENOSPC", {4}, AFTER},
                                       {HONE_FAULT_FSYNC, "fsync", ":EIO", {4}, AFTER},
                                       {HONE_FAULT_CLOSE, "close", ":EIO", {4}, ",alloc:after"},
                                       {HONE_FAULT_RENAME, "rename", ":EIO", {4}, ",rename:after,unlink:after"},
                                       {HONE_FAULT_UNLINK, "unlink", ":EIO", {4}, ",open:after:EMFILE"},
                                       {HONE_FAULT_MKDIR, "mkdir", ":EROFS", {4}, AFTER},
                                       {HONE_FAULT_MMAP, "mmap", ":ENOMEM", {5}, ",alloc:after"},
                                       {HONE_FAULT_TRUNCATE, "truncate", ":EIO", {4}, AFTER}};
    return run_faults("iofault", kinds, sizeof kinds / sizeof *kinds);
}
