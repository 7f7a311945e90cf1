/* Rules are few and read-only between two hone_fault_set calls; only counts change, atomically, so that threads may
 * meet faults. */
#include "base/fault.h"

#ifdef HONE_TEST_HOOKS

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RULES = 8 };

typedef struct fault_rule {
    hone_fault_op op;
    int64_t first;
    bool onwards, after;
    int how;
} fault_rule;

static fault_rule rules[MAX_RULES];
static int n_rules;
static int64_t counts[HONE_FAULT_OPS];
static int64_t fired, bytes_asked, live;

static const char *const op_names[HONE_FAULT_OPS] = {"open",   "read",  "write", "fsync",    "close", "rename",
                                                     "unlink", "mkdir", "mmap",  "truncate", "alloc", "kill"};
static const struct {
    const char *name;
    int how;
} hows[] = {{"short", HONE_FAULT_SHORT},
            {"EIO", EIO},
            {"ENOSPC", ENOSPC},
            {"EINTR", EINTR},
            {"EACCES", EACCES},
            {"EDQUOT", EDQUOT},
            {"EMFILE", EMFILE},
            {"ENOENT", ENOENT},
            {"EROFS", EROFS},
            {"EPERM", EPERM},
            {"EFBIG", EFBIG},
            {"ENOMEM", ENOMEM},
            {"EAGAIN", EAGAIN},
            {"EXDEV", EXDEV},
            {"EBUSY", EBUSY},
            {"EEXIST", EEXIST},
            {"INT", SIGINT},
            {"TERM", SIGTERM},
            {"HUP", SIGHUP}};
enum { SIGNALS = 3 };

static bool parse_rule(const char *s, size_t n, fault_rule *r) {
    char text[64];
    if (n >= sizeof text) return false;
    memcpy(text, s, n);
    text[n] = 0;
    char *number = strchr(text, ':');
    if (!number) return false;
    *number++ = 0;
    int op = 0;
    while (op < HONE_FAULT_OPS && strcmp(text, op_names[op])) op++;
    if (op == HONE_FAULT_OPS) return false;
    char *end;
    r->op = (hone_fault_op)op;
    r->first = strtoll(number, &end, 10);
    r->after = !strncmp(number, "after", 5);
    if (r->after) end = number + 5;
    if (end == number || (r->first < 1 && !r->after)) return false;
    r->onwards = *end == '+';
    end += r->onwards;
    r->how = op == HONE_FAULT_WRITE ? ENOSPC : op == HONE_FAULT_KILL ? SIGKILL : EIO;
    if (!*end) return true;
    if (*end++ != ':' || op == HONE_FAULT_ALLOC) return false;
    size_t all = sizeof hows / sizeof *hows, from = op == HONE_FAULT_KILL ? all - SIGNALS : 0;
    for (size_t i = from; i < (from ? all : all - SIGNALS); i++)
        if (!strcmp(end, hows[i].name)) {
            r->how = hows[i].how;
            return r->how != HONE_FAULT_SHORT || op == HONE_FAULT_READ || op == HONE_FAULT_WRITE;
        }
    return false;
}

bool hone_fault_set(const char *text) {
    n_rules = 0;
    for (int i = 0; i < HONE_FAULT_OPS; i++) __atomic_store_n(&counts[i], 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&fired, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&bytes_asked, 0, __ATOMIC_SEQ_CST);
    int n = 0;
    for (const char *s = text ? text : ""; *s;) {
        size_t len = strcspn(s, ",");
        if (strncmp(s, "nan:", 4) && strncmp(s, "inf:", 4) && strncmp(s, "cuda:", 5)) {
            if (n == MAX_RULES || !parse_rule(s, len, &rules[n])) return false;
            n++;
        }
        s += len + (s[len] == ',');
    }
    n_rules = n;
    return true;
}

int64_t hone_fault_fired(void) {
    return __atomic_load_n(&fired, __ATOMIC_SEQ_CST);
}
int64_t hone_fault_bytes(void) {
    return __atomic_load_n(&bytes_asked, __ATOMIC_SEQ_CST);
}
int64_t hone_fault_live(void) {
    return __atomic_load_n(&live, __ATOMIC_SEQ_CST);
}
void hone_fault_hold(int64_t n) {
    __atomic_add_fetch(&live, n, __ATOMIC_SEQ_CST);
}
int64_t hone_fault_count(hone_fault_op op) {
    return __atomic_load_n(&counts[op], __ATOMIC_SEQ_CST);
}

static int ask(hone_fault_op op) {
    int64_t n = __atomic_add_fetch(&counts[op], 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < n_rules; i++)
        if (rules[i].op == op && (rules[i].after ? __atomic_load_n(&fired, __ATOMIC_SEQ_CST) > 0
                                                 : n == rules[i].first || (rules[i].onwards && n > rules[i].first))) {
            __atomic_add_fetch(&fired, 1, __ATOMIC_SEQ_CST);
            return rules[i].how;
        }
    return 0;
}

int hone_fault_io(hone_fault_op op) {
    int number = ask(HONE_FAULT_KILL);
    if (number) kill(getpid(), number);
    return ask(op);
}

bool hone_fault_alloc(size_t bytes) {
    __atomic_add_fetch(&bytes_asked, (int64_t)bytes, __ATOMIC_SEQ_CST);
    return ask(HONE_FAULT_ALLOC) != 0;
}

__attribute__((constructor)) static void read_environment(void) {
    const char *text = getenv("HONE_FAULT");
    if (text && !hone_fault_set(text)) {
        /* A mistyped rule must not look like a run that met no fault. Test builds only. */
        fprintf(stderr, "HONE_FAULT=%s is not understood\n", text);
        _exit(2);
    }
}

#else
typedef int hone_fault_is_absent; /* an empty translation unit is not C */
#endif
