#include "tests/reliability/disk.h"

#include "base/hash.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/random.h"
#include "tests/reliability/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 256, MAX_FDS = 1024 };

typedef struct bytes {
    char *p;
    size_t n, room;
} bytes;

typedef struct change { /* of a file's bytes */
    int64_t at;
    size_t n;
    const char *p; /* NULL: cut at `at` */
} change;

typedef struct entry {
    char name[NAME];
    int node;
} entry;

typedef struct entries {
    entry *e;
    size_t n, room;
} entries;

typedef struct move { /* names that change together; node -1: gone */
    entry to[2];
    int n;
    int64_t when;
} move;

typedef struct node {
    bool dir;
    bytes safe, now;
    change *todo;
    size_t n_todo, room_todo;
    entries names_safe, names_now;
    move *moves;
    size_t n_moves, room_moves;
} node;

struct disk {
    char root[512], appeared[NAME];
    char *log;
    size_t n_log, at;
    int64_t records, done;
    node *nodes; /* 0: root */
    int n_nodes, room_nodes;
    int fd[MAX_FDS]; /* node; -1: none */
};

static void *grow(void *p, size_t n, size_t *room, size_t size) {
    if (n < *room) return p;
    *room = 2 * *room + 16;
    p = realloc(p, *room * size);
    if (!p) die("no memory");
    return p;
}

static int new_node(disk *d, bool dir) {
    size_t room = (size_t)d->room_nodes;
    d->nodes = grow(d->nodes, (size_t)d->n_nodes, &room, sizeof *d->nodes);
    d->room_nodes = (int)room;
    d->nodes[d->n_nodes] = (node){.dir = dir};
    return d->n_nodes++;
}

/* ---- bytes and names ---- */

static void resize(bytes *b, size_t n) {
    if (n > b->room) {
        b->room = n + n / 2 + 64;
        b->p = realloc(b->p, b->room);
        if (!b->p) die("no memory");
    }
    if (n > b->n) memset(b->p + b->n, 0, n - b->n);
    b->n = n;
}

static void put_bytes(bytes *b, int64_t at, const char *p, size_t n) {
    if ((size_t)at + n > b->n) resize(b, (size_t)at + n);
    if (n) memcpy(b->p + at, p, n);
}

static int find_name(const entries *l, const char *name) {
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->e[i].name, name)) return l->e[i].node;
    return -1;
}

static void set_name(entries *l, const char *name, int to) {
    size_t i = 0;
    while (i < l->n && strcmp(l->e[i].name, name)) i++;
    if (to < 0) {
        if (i < l->n) l->e[i] = l->e[--l->n];
        return;
    }
    l->e = grow(l->e, l->n, &l->room, sizeof *l->e);
    if (i == l->n) l->n++;
    snprintf(l->e[i].name, NAME, "%s", name);
    l->e[i].node = to;
}

static void copy_names(entries *to, const entries *from) {
    to->n = 0;
    for (size_t i = 0; i < from->n; i++) set_name(to, from->e[i].name, from->e[i].node);
}

static void change_names(disk *d, int dir, const char *a, int x, const char *b, int y) {
    node *p = &d->nodes[dir];
    move m = {.n = b ? 2 : 1, .when = d->done};
    snprintf(m.to[0].name, NAME, "%s", a), m.to[0].node = x;
    if (b) snprintf(m.to[1].name, NAME, "%s", b), m.to[1].node = y;
    p->moves = grow(p->moves, p->n_moves, &p->room_moves, sizeof *p->moves);
    p->moves[p->n_moves++] = m;
    for (int i = 0; i < m.n; i++) set_name(&p->names_now, m.to[i].name, m.to[i].node);
}

/* The folder of an absolute path and the last name of it; -1: not under root. */
static int folder_of(const disk *d, const char *path, char name[NAME]) {
    size_t n = strlen(d->root);
    if (strncmp(path, d->root, n) || path[n] != '/') return -1;
    int dir = 0;
    for (const char *p = path + n + 1;;) {
        size_t len = strcspn(p, "/");
        if (len >= NAME) die("a name is too long: %s", path);
        memcpy(name, p, len);
        name[len] = 0;
        if (!p[len]) return dir;
        dir = find_name(&d->nodes[dir].names_now, name);
        if (dir < 0) die("the log speaks of %s, which is not there", path);
        p += len + 1;
    }
}

static int node_of(const disk *d, const char *path) {
    char name[NAME];
    if (!strcmp(path, d->root)) return 0;
    int dir = folder_of(d, path, name);
    return dir < 0 ? -1 : find_name(&d->nodes[dir].names_now, name);
}

/* ---- the log ---- */

static void sync_node(node *f) {
    if (f->dir) {
        copy_names(&f->names_safe, &f->names_now);
        f->n_moves = 0;
        return;
    }
    resize(&f->safe, 0);
    put_bytes(&f->safe, 0, f->now.p, f->now.n);
    f->n_todo = 0;
}

static void add_change(node *f, change c) {
    f->todo = grow(f->todo, f->n_todo, &f->room_todo, sizeof *f->todo);
    f->todo[f->n_todo++] = c;
    if (c.p)
        put_bytes(&f->now, c.at, c.p, c.n);
    else
        resize(&f->now, (size_t)c.at);
}

static void do_open(disk *d, const char *line) {
    int fd, created, cut, at = 0;
    char name[NAME];
    if (sscanf(line, "open %d %d %d %n", &fd, &created, &cut, &at) < 3 || fd >= MAX_FDS) die("bad log: %s", line);
    const char *path = line + at;
    d->fd[fd] = -1;
    int n = node_of(d, path), dir = strcmp(path, d->root) ? folder_of(d, path, name) : -1;
    if (n < 0 && created && dir >= 0) change_names(d, dir, name, n = new_node(d, false), NULL, 0);
    d->fd[fd] = n;
    if (n >= 0 && cut && d->nodes[n].now.n) add_change(&d->nodes[n], (change){0});
}

static void do_names(disk *d, const char *line) {
    char a[8192], name[NAME], other[NAME], *b;
    snprintf(a, sizeof a, "%s", strchr(line, ' ') + 1);
    if ((b = strchr(a, '\t'))) *b++ = 0;
    int dir = folder_of(d, a, name);
    if (dir < 0) return;
    int n = find_name(&d->nodes[dir].names_now, name);
    if (line[0] == 'm') {
        change_names(d, dir, name, new_node(d, true), NULL, 0);
    } else if (line[0] == 'u') {
        change_names(d, dir, name, -1, NULL, 0);
    } else {
        if (!b || folder_of(d, b, other) != dir) die("a rename between folders: %s", line);
        int m = find_name(&d->nodes[dir].names_now, other);
        change_names(d, dir, name, line[0] == 's' ? m : -1, other, n);
        if (!dir) snprintf(d->appeared, NAME, "%s", other);
    }
}

/* One record; false at the end of the log. */
static bool step(disk *d, bool run) {
    if (d->at >= d->n_log) return false;
    char *line = d->log + d->at, *end = memchr(line, '\n', d->n_log - d->at);
    if (!end) return false;
    *end = 0;
    d->at += (size_t)(end - line) + 1;
    int fd = -1;
    long long at = 0;
    size_t n = 0;
    *d->appeared = 0;
    if (sscanf(line, "write %d %lld %zu", &fd, &at, &n) == 3) {
        const char *p = d->log + d->at;
        d->at += n + 1;
        if (d->at > d->n_log + 1) die("the log ends inside a record");
        if (run && d->fd[fd] >= 0) add_change(&d->nodes[d->fd[fd]], (change){at, n, p});
    } else if (!run) {
    } else if (!strncmp(line, "start ", 6)) {
        for (int i = 0; i < MAX_FDS; i++) d->fd[i] = -1;
    } else if (!strncmp(line, "open ", 5)) {
        do_open(d, line);
    } else if (sscanf(line, "cut %d %lld", &fd, &at) == 2) {
        if (d->fd[fd] >= 0) add_change(&d->nodes[d->fd[fd]], (change){.at = at});
    } else if (sscanf(line, "sync %d", &fd) == 1) {
        if (d->fd[fd] >= 0) sync_node(&d->nodes[d->fd[fd]]);
    } else if (sscanf(line, "close %d", &fd) == 1) {
        d->fd[fd] = -1;
    } else {
        do_names(d, line);
    }
    *end = '\n';
    d->done += run;
    return true;
}

static void read_tree(disk *d, int dir, const char *path) {
    char **names, p[HONE_PATH_MAX];
    size_t n, size;
    if (hone_io_list(path, &names, &n) != HONE_OK) die("cannot list %s", path);
    for (size_t i = 0; i < n; i++) {
        hone_io_join(p, path, names[i]);
        bool folder = hone_io_is_dir(p);
        int k = new_node(d, folder);
        set_name(&d->nodes[dir].names_now, names[i], k);
        if (folder) {
            read_tree(d, k, p);
            continue;
        }
        char *text = slurp(p, &size);
        put_bytes(&d->nodes[k].now, 0, text, size);
        free(text);
    }
    hone_free(names);
    for (size_t i = 0; i < d->nodes[dir].names_now.n; i++) sync_node(&d->nodes[d->nodes[dir].names_now.e[i].node]);
    sync_node(&d->nodes[dir]);
}

disk *disk_new(const char *root) {
    disk *d = calloc(1, sizeof *d);
    if (!d) die("no memory");
    snprintf(d->root, sizeof d->root, "%s", root);
    for (int i = 0; i < MAX_FDS; i++) d->fd[i] = -1;
    read_tree(d, new_node(d, true), root);
    return d;
}

void disk_take_log(disk *d, const char *log) {
    d->log = slurp(log, &d->n_log);
    if (!d->log) die("no log in %s", log);
    while (step(d, false)) d->records++;
    d->at = 0;
}

void disk_free(disk *d) {
    for (int i = 0; i < d->n_nodes; i++) {
        node *f = &d->nodes[i];
        free(f->safe.p), free(f->now.p), free(f->todo), free(f->names_safe.e), free(f->names_now.e), free(f->moves);
    }
    free(d->nodes), free(d->log), free(d);
}

int64_t disk_records(const disk *d) {
    return d->records;
}
void disk_run_to(disk *d, int64_t records) {
    while (d->done < records && step(d, true)) {
    }
}
const char *disk_appeared(const disk *d) {
    return *d->appeared ? d->appeared : NULL;
}

/* ---- sums ---- */

/* Names in any order: the sums of a folder's entries are added up. */
static uint64_t sum_node(const disk *d, int n, bool safe) {
    const node *f = &d->nodes[n];
    uint64_t h = 0xCBF29CE484222325u;
    const bytes *b = safe ? &f->safe : &f->now;
    if (!f->dir) return hone_hash(h, b->p, b->n) | 1;
    const entries *l = safe ? &f->names_safe : &f->names_now;
    for (size_t i = 0; i < l->n; i++) {
        uint64_t child = sum_node(d, l->e[i].node, safe);
        h += hone_hash(child * 0x9E3779B97F4A7C15u, l->e[i].name, strlen(l->e[i].name));
    }
    return h | 1;
}

uint64_t disk_sum_now(const disk *d, const char *name) {
    int n = find_name(&d->nodes[0].names_now, name);
    return n < 0 ? 0 : sum_node(d, n, false);
}

uint64_t disk_sum_durable(const disk *d, const char *name) {
    int n = find_name(&d->nodes[0].names_safe, name);
    return n < 0 ? 0 : sum_node(d, n, true);
}

size_t disk_durable_names(const disk *d, const char *names[], size_t room) {
    const entries *l = &d->nodes[0].names_safe;
    size_t n = l->n < room ? l->n : room;
    for (size_t i = 0; i < n; i++) names[i] = l->e[i].name;
    return n;
}

uint64_t tree_sum(const char *path) {
    uint64_t h = 0xCBF29CE484222325u;
    char **names, p[HONE_PATH_MAX];
    size_t n;
    if (!hone_io_exists(path)) return 0;
    if (!hone_io_is_dir(path)) {
        char *text = slurp(path, &n);
        h = hone_hash(h, text, n) | 1;
        free(text);
        return h;
    }
    if (hone_io_list(path, &names, &n) != HONE_OK) die("cannot list %s", path);
    for (size_t i = 0; i < n; i++) {
        hone_io_join(p, path, names[i]);
        h += hone_hash(tree_sum(p) * 0x9E3779B97F4A7C15u, names[i], strlen(names[i]));
    }
    hone_free(names);
    return h | 1;
}

/* ---- the failure ---- */

typedef struct failure {
    const disk *d;
    disk_loss loss;
    uint64_t seed, drawn;
    double keep;   /* share of what is not synced that is there all the same */
    int64_t until; /* DISK_JOURNAL */
} failure;

static double draw(failure *f) {
    return hone_random_uniform(f->seed, hone_stream_id(HONE_STREAM_TEST, 1), f->drawn++);
}

static bool keeps_move(failure *f, const move *m) {
    switch (f->loss) {
    case DISK_ALL_LOST:
    case DISK_NAMES_LOST: return false;
    case DISK_NONE_LOST:
    case DISK_BYTES_LOST: return true;
    case DISK_JOURNAL: return m->when < f->until;
    default: return draw(f) < f->keep;
    }
}

/* A write whose pieces reach the disk each by itself; what does not is zeros, old bytes, or beyond the file's end. */
static void put_torn(failure *f, bytes *b, const change *c, size_t sector, int hole) {
    for (size_t from = 0; from < c->n;) {
        size_t part = sector - ((size_t)c->at + from) % sector;
        if (part > c->n - from) part = c->n - from;
        size_t at = (size_t)c->at + from;
        if (f->loss != DISK_BYTES_LOST && draw(f) < f->keep) {
            put_bytes(b, (int64_t)at, c->p + from, part);
        } else if (hole) {
            size_t old = b->n;
            if (at + part > b->n) resize(b, at + part);
            if (hole == 2 && at + part > old)
                for (size_t i = at < old ? old : at; i < at + part; i++) b->p[i] = (char)(0xA5 ^ i);
        }
        from += part;
    }
}

static void write_file(failure *f, const node *n, const char *to) {
    bytes b = {0};
    int hole = (int)(3 * draw(f)); /* 0: the file ends early, 1: zeros, 2: what was on the disk before */
    size_t sector = f->loss == DISK_TORN ? 512 : 4096;
    put_bytes(&b, 0, n->safe.p, n->safe.n);
    for (size_t i = 0; i < n->n_todo; i++) {
        const change *c = &n->todo[i];
        if (f->loss == DISK_ALL_LOST) break;
        bool all = f->loss == DISK_NONE_LOST || f->loss == DISK_NAMES_LOST;
        if (!c->p) {
            if (all || draw(f) < f->keep) resize(&b, (size_t)c->at);
        } else if (all) {
            put_bytes(&b, c->at, c->p, c->n);
        } else {
            put_torn(f, &b, c, sector, hole);
        }
    }
    spill(to, b.n ? b.p : "", b.n);
    free(b.p);
}

static void write_node(failure *f, int at, const char *to) {
    const node *n = &f->d->nodes[at];
    if (!n->dir) {
        write_file(f, n, to);
        return;
    }
    entries l = {0};
    char path[HONE_PATH_MAX];
    copy_names(&l, &n->names_safe);
    for (size_t i = 0; i < n->n_moves; i++)
        for (int k = 0, keep = keeps_move(f, &n->moves[i]); k < n->moves[i].n && keep; k++)
            set_name(&l, n->moves[i].to[k].name, n->moves[i].to[k].node);
    if (hone_io_mkdirs(to) != HONE_OK) die("cannot make %s", to);
    for (size_t i = 0; i < l.n; i++) {
        hone_io_join(path, to, l.e[i].name);
        write_node(f, l.e[i].node, path);
    }
    free(l.e);
}

void disk_fail(const disk *d, disk_loss loss, uint64_t seed, const char *to) {
    failure f = {.d = d, .loss = loss, .seed = seed};
    f.keep = draw(&f);
    int64_t first = d->done;
    for (int i = 0; i < d->n_nodes; i++)
        if (d->nodes[i].n_moves && d->nodes[i].moves[0].when < first) first = d->nodes[i].moves[0].when;
    f.until = first + (int64_t)(draw(&f) * (double)(d->done - first + 1));
    write_node(&f, 0, to);
}
