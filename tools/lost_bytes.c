#include "tools/lost_bytes.h"

#include "base/io.h"

#include <signal.h>
#include <unistd.h>

static bool lost_as_json;

static void add(char *out, size_t n, size_t *used, const char *text) {
    for (; *text && *used + 1 < n; text++) out[(*used)++] = *text;
}

static void add_number(char *out, size_t n, size_t *used, int64_t x) {
    char digits[24];
    size_t k = sizeof digits;
    digits[--k] = 0;
    do digits[--k] = (char)('0' + x % 10);
    while ((x /= 10) && k);
    add(out, n, used, digits + k);
}

/* Names are printed as hone_print_error does; without its help, for nothing here may take memory or a lock. */
static void add_name(char *out, size_t n, size_t *used, const char *name, bool json) {
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        char hex[] = {'\\', '\\', 'x', "0123456789ABCDEF"[*p >> 4], "0123456789ABCDEF"[*p & 15], 0},
             one[] = {'\\', (char)*p, 0};
        if (*p < 0x20 || *p >= 0x7F)
            add(out, n, used, json ? hex : hex + 1);
        else
            add(out, n, used, json && (*p == '"' || *p == '\\') ? one : one + 1);
    }
}

static void on_lost_bytes(int number, siginfo_t *info, void *context) {
    static volatile sig_atomic_t begun;
    char text[4096];
    size_t k = 0;
    int64_t had = 0, has = 0;
    const char *file = hone_io_map_lost(info->si_addr, &had, &has);
    (void)context;
    if (!file) { /* none of ours: as if there were no handler */
        signal(number, SIG_DFL);
        return;
    }
    while (begun) pause(); /* another thread says it */
    begun = 1;
    bool json = lost_as_json, cut = has < had;
    add(text, sizeof text, &k, json ? "{\"error\":\"" : "hone: ");
    if (!json) add_name(text, sizeof text, &k, file, false), add(text, sizeof text, &k, ": ");
    add(text, sizeof text, &k,
        cut ? "was cut short while it was in use: it had "
            : "cannot read: the disk fails, or the file is gone from it (it had ");
    add_number(text, sizeof text, &k, had);
    add(text, sizeof text, &k, cut ? " bytes, now " : " bytes)");
    if (cut) add_number(text, sizeof text, &k, has);
    if (json)
        add(text, sizeof text, &k, cut ? "\",\"code\":3,\"file\":\"" : "\",\"code\":4,\"file\":\""),
            add_name(text, sizeof text, &k, file, true);
    add(text, sizeof text, &k, json ? "\"}\n" : "\n");
    if (!json && cut) add(text, sizeof text, &k, "  hint: wait until it is written, and replace files by renaming\n");
    hone_writer_remove_temporaries();
    if (write(STDERR_FILENO, text, k) < 0) k = 0; /* who would read it is gone */
    _exit(cut ? 3 : 4);
}

void hone_catch_lost_bytes(bool json) {
    struct sigaction s = {.sa_sigaction = on_lost_bytes, .sa_flags = SA_SIGINFO};
    lost_as_json = json;
    sigaction(SIGBUS, &s, NULL);
}
