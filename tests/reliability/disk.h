/* A model of a disk under a power failure, fed with the log of what a process did to files (base/io_log.h).
 *
 * What lasts for certain: the bytes of a file as of its last fsync, the names in a folder as of the folder's last
 * fsync. All that came later may be there or not, each piece by itself:
 *
 *     names   a new, renamed or removed name is in the folder or is not (both names of one rename together)
 *     bytes   each 512 or 4096 bytes of a write are there, or are zeros, or are old bytes of the disk, or the file ends
 *             before them
 *
 * This is more than any one file system does to its users: ext4 keeps names in their order and puts zeros for bytes
 * that were still on their way; others reorder. */
#ifndef HONE_TESTS_RELIABILITY_DISK_H
#define HONE_TESTS_RELIABILITY_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct disk disk;

/* The folder `root` (an absolute path) as it is now, all of it safe on the disk; then the log, record by record. */
disk *disk_new(const char *root);
void disk_take_log(disk *d, const char *log);
void disk_free(disk *d);
int64_t disk_records(const disk *d);        /* in the log that change something under root */
void disk_run_to(disk *d, int64_t records); /* forwards only */

/* The name just now renamed or swapped into place by the record that ran last, relative to root; NULL: it was none. */
const char *disk_appeared(const disk *d);
/* A sum over the names and bytes of a file or folder as programs see it now; 0: not there. */
uint64_t disk_sum_now(const disk *d, const char *name);
/* The same over what lasts for certain. */
uint64_t disk_sum_durable(const disk *d, const char *name);
/* Names in root that last for certain. */
size_t disk_durable_names(const disk *d, const char *names[], size_t room);

typedef enum disk_loss {
    DISK_ALL_LOST,   /* all that was not synced */
    DISK_NONE_LOST,  /* as after kill -9 */
    DISK_BYTES_LOST, /* names are there, bytes are not: files are short, or full of zeros */
    DISK_NAMES_LOST, /* the other way about */
    DISK_JOURNAL,    /* names up to some moment, bytes by chance */
    DISK_TORN,       /* everything by chance, 512 bytes at a time */
    DISK_MIXED,      /* everything by chance, 4096 bytes at a time */
    DISK_LOSSES
} disk_loss;

/* What might be found after the power failed now, as a tree in the folder `to`. */
void disk_fail(const disk *d, disk_loss loss, uint64_t seed, const char *to);
/* disk_sum_now of a file or folder on the real disk. */
uint64_t tree_sum(const char *path);

#endif
