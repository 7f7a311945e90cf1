#include "base/machine.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* Not by base/io.h: its operations are counted (base/fault.h), and how many files there are here to read depends on the
 * machine. */
static ssize_t read_whole(int fd, char *to, size_t room) {
    size_t n = 0;
    for (ssize_t got; n < room; n += (size_t)got) {
        got = read(fd, to + n, room - n);
        if (got < 0 && errno != EINTR) return -1;
        if (!got) return (ssize_t)n;
        if (got < 0) got = 0;
    }
    return -1; /* larger than any that we know */
}

char *hone_machine_text(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    hone_error before = *hone_last_error();
    char *text = NULL;
    ssize_t n = -1;
    for (size_t room = 4096; n < 0 && room <= FILE_MAX; room *= 16) { /* most fit at once; their size is not told */
        hone_free(text);
        text = hone_alloc(room + 1);
        n = text && !lseek(fd, 0, SEEK_SET) ? read_whole(fd, text, room) : -1;
    }
    close(fd);
    hone_error_restore(&before);
    if (n >= 0) {
        text[n] = 0;
        return text;
    }
    hone_free(text);
    return NULL;
}

uint64_t hone_machine_kib_line(const char *text, const char *name) {
    size_t n = strlen(name);
    for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (!strncmp(p, name, n) && p[n] == ':') return strtoull(p + n + 1, NULL, 10) * 1024;
    return UINT64_MAX;
}

/* Lines are "number:controllers:path". */
int hone_machine_cgroup(const char *text, const char *controller, char *path, int room) {
    size_t n = strlen(controller);
    int version = 0;
    for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        const char *list = strchr(p, ':'), *end = p + strcspn(p, "\n"), *at = list ? strchr(list + 1, ':') : NULL;
        if (!at || at > end) continue;
        bool second = at == list + 1, named = false;
        for (const char *w = list + 1; w < at; w += strcspn(w, ",:") + 1)
            named |= strcspn(w, ",:") == n && !strncmp(w, controller, n);
        if ((!second && !named) || (second && version))
            continue; /* where both are mounted, version 1 has the controller */
        version = second ? 2 : 1;
        snprintf(path, (size_t)room, "%.*s", (int)(end - at - 1), at + 1);
    }
    return version;
}

static uint64_t number_in(const char *folder, const char *name) {
    char path[HONE_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = hone_machine_text(path);
    uint64_t x = text && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX; /* "max": none */
    hone_free(text);
    return x;
}

/* Cache of files that the kernel drops before it ends a process; lines are "name bytes". */
static uint64_t reclaimable(const char *folder, const char *name) {
    char path[HONE_PATH_MAX + 64];
    uint64_t x = 0;
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    char *text = hone_machine_text(path);
    const char *p = text ? strstr(text, name) : NULL;
    if (p && (p == text || p[-1] == '\n')) x = strtoull(p + strlen(name), NULL, 10);
    hone_free(text);
    return x;
}

static uint64_t room_in(const char *folder, int version) {
    uint64_t limit = number_in(folder, version == 2 ? "memory.max" : "memory.limit_in_bytes");
    uint64_t used = number_in(folder, version == 2 ? "memory.current" : "memory.usage_in_bytes");
    /* Above this one a process is not ended but held up at every page, for longer than anybody would wait. */
    uint64_t held_up = version == 2 ? number_in(folder, "memory.high") : UINT64_MAX;
    if (held_up < limit) limit = held_up;
    if (limit == UINT64_MAX || used == UINT64_MAX || limit >= (uint64_t)1 << 60)
        return UINT64_MAX; /* version 1 writes none as a huge number */
    uint64_t cache = version == 2 ? reclaimable(folder, "inactive_file ") : reclaimable(folder, "total_inactive_file ");
    used = used > cache ? used - cache : 0;
    return limit > used ? limit - used : 0;
}

/* "200000 100000": microseconds of processor time in how many; version 1 has a file for each. "max" and -1: none. */
static double cpus_in(const char *folder, int version) {
    static const char *const names[] = {"cpu.cfs_quota_us", "cpu.cfs_period_us"};
    double x[2] = {0};
    for (int i = 0; i < (version == 2 ? 1 : 2); i++) {
        char path[HONE_PATH_MAX + 64], *end;
        snprintf(path, sizeof path, "%s/%s", folder, version == 2 ? "cpu.max" : names[i]);
        char *text = hone_machine_text(path);
        x[i] = text ? (double)strtoll(text, &end, 10) : 0;
        if (text && version == 2) x[1] = (double)strtoll(end, NULL, 10);
        hone_free(text);
    }
    return x[0] > 0 && x[1] > 0 ? x[0] / x[1] : (double)INFINITY;
}

/* The next group above; false: there is none. In a container its path may not exist below the mount, whose root is then
 * ours. */
static bool go_up(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
    return slash;
}

uint64_t hone_machine_cgroup_room(const char *mount, int version, char *path) {
    char folder[HONE_PATH_MAX];
    uint64_t least = UINT64_MAX;
    do {
        snprintf(folder, sizeof folder, "%s%s", mount, path);
        uint64_t room = room_in(folder, version);
        if (room < least) least = room;
    } while (go_up(path));
    return least;
}

double hone_machine_cgroup_cpus(const char *mount, int version, char *path) {
    char folder[HONE_PATH_MAX];
    double least = (double)INFINITY;
    do {
        snprintf(folder, sizeof folder, "%s%s", mount, path);
        least = fmin(least, cpus_in(folder, version));
    } while (go_up(path));
    return least;
}

static int my_cgroup(const char *controller, char *path, int room) {
    char *text = hone_machine_text("/proc/self/cgroup");
    int version = text ? hone_machine_cgroup(text, controller, path, room) : 0;
    hone_free(text);
    return version;
}

static uint64_t cgroup_room(void) {
    char path[HONE_PATH_MAX - 64] = "";
    int version = my_cgroup("memory", path, sizeof path);
    if (!version) return UINT64_MAX;
    return hone_machine_cgroup_room(version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory", version, path);
}

double hone_machine_cpus(void) {
    char path[HONE_PATH_MAX - 64] = "";
    int version = my_cgroup("cpu", path, sizeof path);
    if (!version) return (double)INFINITY;
    return hone_machine_cgroup_cpus(version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", version, path);
}

/* False where it says nothing that can be understood; then, and where there is no limit, *bytes is UINT64_MAX. */
static bool limit_of_text(const char *text, uint64_t *bytes) {
    static const char units[] = "KMGT";
    char *end;
    *bytes = UINT64_MAX;
    if (!text || !*text) return true;
    if (*text < '0' || *text > '9') return false;
    uint64_t x = strtoull(text, &end, 10), unit = 1; /* beyond 64 bits: UINT64_MAX, which is no limit */
    const char *sign = *end ? strchr(units, *end) : NULL;
    if (sign) unit = (uint64_t)1 << 10 * (sign - units + 1), end++;
    if (*end) return false;
    if (hone_mul_size(x, unit, &x)) *bytes = x;
    return true;
}

hone_status hone_machine_check_limit(void) {
    const char *text = getenv("HONE_MEMORY_LIMIT");
    uint64_t bytes;
    if (limit_of_text(text, &bytes)) return HONE_OK;
    hone_fail(HONE_E_ARG, "HONE_MEMORY_LIMIT is \"%s\", expected bytes, or a number with K, M, G or T behind it",
              hone_quote(text));
    return hone_hint("1500M, or leave it unset");
}

void hone_machine_get_memory(hone_machine_memory *out) {
    *out = (hone_machine_memory){.available = UINT64_MAX, .address = UINT64_MAX};
    char *text = hone_machine_text("/proc/self/status");
    if (text) {
        uint64_t *to[] = {&out->resident, &out->peak, &out->mapped};
        const char *const names[] = {"VmRSS", "VmHWM", "VmSize"};
        for (int i = 0; i < 3; i++) {
            uint64_t x = hone_machine_kib_line(text, names[i]);
            *to[i] = x == UINT64_MAX ? 0 : x;
        }
    }
    hone_free(text);
    text = hone_machine_text("/proc/meminfo");
    uint64_t room = text ? hone_machine_kib_line(text, "MemAvailable") : UINT64_MAX, group = cgroup_room();
    hone_free(text);
    if (group < room) room = group;
    if (room != UINT64_MAX) out->available = out->resident + room;
    struct rlimit limit;
    if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY) out->address = limit.rlim_cur;
    uint64_t own;
    limit_of_text(getenv("HONE_MEMORY_LIMIT"), &own);
    if (own < out->available) out->available = own;
}

/* Field 22 of /proc/self/stat, in clock ticks since the system began; fields count from behind the name in brackets. */
double hone_machine_uptime(void) {
    struct timespec now;
    char *text = hone_machine_text("/proc/self/stat");
    const char *p = text ? strrchr(text, ')') : NULL;
    for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
    double began = p ? strtod(p, NULL) / (double)sysconf(_SC_CLK_TCK) : 0;
    hone_free(text);
    if (clock_gettime(CLOCK_BOOTTIME, &now) || began <= 0) return 0;
    double up = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec - began;
    return up > 0 ? up : 0;
}
