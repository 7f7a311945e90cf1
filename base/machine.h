/* What the machine still has for this process, and what the process holds of it: asked before a run that may not fit.
 *
 * Linux says yes to malloc and ends the process later; so whoever is about to touch gigabytes adds up first and
 * compares. */
#ifndef HONE_BASE_MACHINE_H
#define HONE_BASE_MACHINE_H

#include "base/status.h"

#include <stdint.h>

typedef struct hone_machine_memory {
    uint64_t resident;  /* bytes of this process that are in memory (VmRSS) */
    uint64_t peak;      /* the most that ever were (VmHWM) */
    uint64_t mapped;    /* its address space (VmSize) */
    uint64_t available; /* bytes it may have in memory altogether: resident plus the smallest of MemAvailable (free, and
                           what the system takes back from its caches) and, for each memory cgroup (version 1 or 2) that
                           it is in, the limit (the lower of version 2's two, memory.max and memory.high) less the use
                           that is not reclaimable cache; UINT64_MAX: not known */
    uint64_t address;   /* bytes of address space it may have altogether (RLIMIT_AS, RLIMIT_DATA is not looked at);
                           UINT64_MAX: no limit */
} hone_machine_memory;

/* Never fails: what cannot be read is 0, or "not known". The environment's HONE_MEMORY_LIMIT lowers `available` to so
 * many bytes (a number, with K, M, G or T behind it 2^10, 2^20, 2^30, 2^40 times that): for machines that are shared
 * without cgroups, and for tests; one that cannot be understood does not count. The error record is left as it was. */
void hone_machine_get_memory(hone_machine_memory *out);
/* HONE_E_ARG when HONE_MEMORY_LIMIT is set and cannot be understood. */
hone_status hone_machine_check_limit(void);

/* Processors whose time this process may use up by its control groups (a container's share of a large machine: 2, or
 * 1.5); INFINITY: no limit. The error record is left as it was. */
double hone_machine_cpus(void);

/* A small file of /proc or /sys as text (the caller's, hone_free); NULL when it cannot be had. Neither is counted among
 * the file operations of base/fault.h, and the error record is left as it was. */
char *hone_machine_text(const char *path);

/* Seconds since this process began; 0 when that is not known. */
double hone_machine_uptime(void);

/* ---- for tests: the same from given texts ---- */

/* Value in bytes of the line "Name:   123 kB" of /proc/self/status or /proc/meminfo; UINT64_MAX: no such line. */
uint64_t hone_machine_kib_line(const char *text, const char *name);
/* Path of a controller's cgroup ("memory", "cpu") in /proc/self/cgroup: version 1 (the line whose list has it) or 2
 * ("0::"); returns the version, 0: none. */
int hone_machine_cgroup(const char *text, const char *controller, char *path, int room);
/* Bytes that a group of that version below `mount`, and all groups above it, leave; UINT64_MAX: no limit. `path` is cut
 * on the way. */
uint64_t hone_machine_cgroup_room(const char *mount, int version, char *path);
/* The same of processors: the least; INFINITY: no limit. */
double hone_machine_cgroup_cpus(const char *mount, int version, char *path);

#endif
