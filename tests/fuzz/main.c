/* One parser under libFuzzer; FUZZ_TARGET names it. Besides crashes, hangs and leaks, it is a failure to refuse without
 * a sentence or a file's name, to blame ourselves, and to ask for more memory than the input justifies. */
#include "base/fault.h"
#include "tests/fuzz/targets.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    static const fuzz_target *t;
    uint64_t meaning;
    if (!t) {
        static const char good[] = "%%% none -\n"; /* what is made once is made here */
        t = fuzz_find(FUZZ_TARGET);
        if (!t) abort();
        t->read(good, sizeof good - 1, &meaning);
    }
    hone_error_clear();
    hone_fault_set(NULL);
    if (t->read(p, n, &meaning) == HONE_OK) return 0;
    const hone_error *e = hone_last_error();
    double asked = (double)hone_fault_bytes(), allowed = 16.0 * (double)fuzz_size() + (1 << 20);
    int status = hone_exit_status(e);
    if (*e->message && (*e->file || e->code == HONE_E_ARG) && status > 1 && status < 5 && asked < allowed) return 0;
    fprintf(stderr, "refused with status %d, \"%s: %s\", having asked for %.0f bytes of %.0f\n", status, e->file,
            e->message, asked, allowed);
    abort();
}
