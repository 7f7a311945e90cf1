/* Every allocation of every command fails in turn, once and for ever: exit 5, a clean message, nothing damaged
 * (faults.h).
 *
 *     STRIDE    every STRIDE-th allocation (7: three minutes; 1: all)     COMMAND   one of train, embed, eval,
 * validate, split */
#include "tests/reliability/common.h"
#include "tests/reliability/faults.h"

#include <stdlib.h>

int main(void) {
    static const fault_kind kinds[] = {{"alloc", "", {5}}};
    setenv("STRIDE", "7", 0);
    return run_faults("oom", kinds, 1);
}
