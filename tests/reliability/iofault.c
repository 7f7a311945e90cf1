/* Every file operation of every command fails in turn, once and for ever: exit 4, a clean message, nothing damaged, the
 * previous checkpoint valid (faults.h).
 *
 *     STRIDE    every STRIDE-th operation (1)     COMMAND   one of train, embed, eval, validate, split */
#include "tests/reliability/common.h"
#include "tests/reliability/faults.h"

int main(void) {
    static const fault_kind kinds[] = {{"open", ":EACCES", {4}}, {"read", ":EIO", {4}},    {"write", ":ENOSPC", {4}},
                                       {"fsync", ":EIO", {4}},   {"close", ":EIO", {4}},   {"rename", ":EIO", {4}},
                                       {"unlink", ":EIO", {4}},  {"mkdir", ":EROFS", {4}}, {"mmap", ":ENOMEM", {4, 5}},
                                       {"truncate", ":EIO", {4}}};
    return run_faults("iofault", kinds, sizeof kinds / sizeof *kinds);
}
