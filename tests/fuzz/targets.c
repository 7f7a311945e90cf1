#include "tests/fuzz/targets.h"

#include "base/hash.h"
#include "base/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static size_t size;
static char dir[64];

size_t fuzz_size(void) {
    return size;
}

void fuzz_set_size(size_t n) {
    size = n;
}

const fuzz_target *fuzz_find(const char *name) {
    const fuzz_target *t = fuzz_targets;
    while (t->name && strcmp(t->name, name)) t++;
    return t->name ? t : NULL;
}

uint64_t fuzz_digest(uint64_t h, const void *p, size_t n) {
    return hone_hash(h ? h : HONE_HASH_SEED, p, n);
}

static void give_up(const char *what) {
    perror(what);
    abort();
}

const char *fuzz_dir(void) {
    if (*dir) return dir;
    const char *root = access("/dev/shm", W_OK) ? "build" : "/dev/shm";
    snprintf(dir, sizeof dir, "%s/hone-fuzz-%d", root, (int)getpid());
    if (hone_io_mkdirs(dir) != HONE_OK) give_up(dir);
    atexit(fuzz_clean_up);
    return dir;
}

void fuzz_clean_up(void) {
    if (*dir) hone_io_remove_tree(dir);
    *dir = 0;
}

/* Not through hone_io: its operations are counted and may be told to fail, and it would fsync each time. */
static void put(const char *path, const void *p, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f)) give_up(path);
}

const char *fuzz_file(const char *name, const void *p, size_t n) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name);
    put(path, p, n);
    size = n;
    return path;
}

/* ---- folders ---- */

enum { FILES = 40 };

typedef struct good_file {
    char name[160];
    char *p;
    size_t n;
    bool touched; /* the file there is not the good one */
} good_file;

struct fuzz_folder {
    char path[256];
    const char *main_file;
    good_file file[FILES];
    int n;
};

static char *read_whole(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) give_up(path);
    *n = (size_t)ftell(f);
    char *p = malloc(*n + 1);
    rewind(f);
    if (!p || fread(p, 1, *n, f) != *n) give_up(path);
    fclose(f);
    p[*n] = 0;
    return p;
}

static void add_files(fuzz_folder *f, const char *good, const char *below) {
    char path[600], **names;
    size_t count;
    snprintf(path, sizeof path, "%s/%s", good, below);
    if (hone_io_list(path, &names, &count) != HONE_OK) give_up(path);
    for (size_t i = 0; i < count; i++) {
        char name[160];
        if (!strcmp(names[i], "expected.json")) continue;
        snprintf(name, sizeof name, "%.80s%.70s", below, names[i]);
        snprintf(path, sizeof path, "%s/%s", good, name);
        if (hone_io_is_dir(path)) {
            strcat(name, "/");
            add_files(f, good, name);
            continue;
        }
        if (f->n == FILES) abort();
        good_file *g = &f->file[f->n++];
        strcpy(g->name, name);
        g->p = read_whole(path, &g->n);
        g->touched = true;
    }
    free(names);
}

fuzz_folder *fuzz_folder_open(const char *name, const char *good, const char *main_file) {
    fuzz_folder *f = calloc(1, sizeof *f);
    if (!f) give_up("calloc");
    snprintf(f->path, sizeof f->path, "%s/%s", fuzz_dir(), name);
    f->main_file = main_file;
    add_files(f, good, "");
    if (hone_io_mkdirs(f->path) != HONE_OK) give_up(f->path);
    return f;
}

const char *fuzz_folder_path(const fuzz_folder *f) {
    return f->path;
}

static const char *place_of(const fuzz_folder *f, const char *name) {
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return path;
}

static void make_parent(const char *path) {
    char parent[600];
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = 0;
    hone_io_mkdirs(parent);
}

static void remove_any(const char *path) {
    if (unlink(path) && hone_io_is_dir(path)) hone_io_remove_tree(path);
}

static good_file *entry(fuzz_folder *f, const char *name) {
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->file[i].name, name)) return &f->file[i];
    if (f->n == FILES) return NULL;
    good_file *g = &f->file[f->n++];
    *g = (good_file){.n = 0};
    snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

/* state.json ends in a checksum of all bytes before it; one that a mutation has spoilt hides everything else. */
static void right_sum(char *p, size_t n) {
    static const char mark[] = "\"state_crc32\": \"";
    for (size_t at = n > 16 ? n - 16 : 0; at > 0; at--) {
        if (memcmp(p + at, mark, 16)) continue;
        if (n - at < 16 + 8) return;
        char sum[16];
        snprintf(sum, sizeof sum, "%08lx", crc32_z(crc32_z(0, NULL, 0), (unsigned char *)p, at + 16));
        memcpy(p + at + 16, sum, 8);
        return;
    }
}

static void put_one(fuzz_folder *f, const char *name, char how, const char *p, size_t n) {
    /* Names are a fuzzer's: they stay below the folder, one level deep, and no link or device is made. */
    if (!*name || *name == '/' || strstr(name, "..") || strlen(name) > 90 || strspn(name, "./") == strlen(name)) return;
    const char *slash = strchr(name, '/');
    if (name[strlen(name) - 1] == '/' || (slash && strchr(slash + 1, '/'))) return;
    good_file *g = entry(f, name);
    if (!g) return;
    const char *path = place_of(f, name);
    g->touched = true;
    size_t below = strlen(name);
    for (int i = 0; i < f->n; i++) /* a folder that goes takes its files with it */
        if (!strncmp(f->file[i].name, name, below) && f->file[i].name[below] == '/') f->file[i].touched = true;
    if (slash) make_parent(path);
    if (hone_io_is_dir(path)) remove_any(path);
    size = size > g->n ? size - g->n : 0;
    if (how == '-') {
        remove_any(path);
    } else if (how == '/') {
        remove_any(path);
        mkdir(path, 0777);
    } else {
        FILE *out = fopen(path, "wb"); /* a name that no file can have, below another file for one, is passed over */
        if (!out) return;
        char *copy = malloc(n + 1);
        if (!copy) give_up("malloc");
        memcpy(copy, p, n);
        if (how == '+') right_sum(copy, n);
        if (fwrite(copy, 1, n, out) != n || fclose(out)) give_up(path);
        free(copy);
    }
    size += n;
}

static void restore(fuzz_folder *f) {
    size = 0;
    for (int i = f->n - 1; i >= 0; i--) {
        good_file *g = &f->file[i];
        const char *path = place_of(f, g->name);
        size += g->n;
        if (!g->touched) continue;
        if (hone_io_is_dir(path)) remove_any(path);
        if (g->p) {
            if (strchr(g->name, '/')) make_parent(path);
            put(path, g->p, g->n);
            g->touched = false;
        } else {
            remove_any(path);
            f->file[i] = f->file[--f->n]; /* strangers come after all good files, and go */
        }
    }
}

void fuzz_folder_fill(fuzz_folder *f, const void *bytes, size_t n) {
    const char *p = bytes, *end = p + n;
    char name[128], how = 0;
    restore(f);
    snprintf(name, sizeof name, "%s", f->main_file);
    bool head = n >= 4 && !memcmp(p, "%%% ", 4); /* nothing before the first: the main file is the good one */
    while (p <= end) {
        const char *stop = p;
        while (stop < end && !((stop == bytes || stop[-1] == '\n') && end - stop >= 4 && !memcmp(stop, "%%% ", 4)))
            stop++;
        size_t length = (size_t)(stop - p);
        if (stop < end && length) length--; /* the line end before %%% */
        if (!head) put_one(f, name, how, p, length);
        head = false;
        if (stop == end) break;
        const char *line = stop + 4, *nl = memchr(line, '\n', (size_t)(end - line));
        size_t k = nl ? (size_t)(nl - line) : (size_t)(end - line);
        how = 0;
        if (k >= 2 && line[k - 2] == ' ') how = line[k - 1], k -= 2;
        if (k >= sizeof name) k = sizeof name - 1;
        memcpy(name, line, k);
        name[k] = 0;
        p = nl ? nl + 1 : end;
    }
}
