/* Every allocation of every command fails in turn, once, for ever, and with files that cannot be removed behind it:
 * exit 5, a clean message, no leak, nothing damaged (faults.h).
 *
 *     STRIDE    every STRIDE-th allocation (7: a minute on two cores; 1: all)     COMMAND   one of those of make
 * iofault */
#include "tests/reliability/common.h"
#include "tests/reliability/faults.h"

#include <stdlib.h>

int main(void) {
    static const fault_kind kinds[] = {{HONE_FAULT_ALLOC, "alloc", "", {5}, ",unlink:after,rename:after"}};
    setenv("STRIDE", "7", 0);
    return run_faults("oom", kinds, 1);
}
