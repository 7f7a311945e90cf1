/* The allocation gate and the arenas.
 *
 * Blocks come from the C library's aligned allocator and carry no header of ours: its own bookkeeping gives their size
 * (malloc_usable_size), so free() serves all of them, and jansson's and zlib's too.
 *
 * An arena is a short list of blocks, each at least half as large as all before it together, so that a fixed list is
 * long enough for any address space. Picture of one with three blocks and a mark:
 *
 *     block 0 [ aaaa bbbbbbb cc ]  block 1 [ dddddd eeee|fffff gg.......]  block 2 [ (empty, kept) ]
 *                                                mark --^         ^-- offset                              */
#include "base/memory.h"

#include "base/fault.h"
#include "base/status.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if HONE_UNDER_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define REDZONE 64 /* unreadable bytes after each allocation of an arena */
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define REDZONE 0
#endif

#define ALIGN ((size_t)64)
#define HUGE_PAGE ((size_t)2 << 20)
#define SANE_MAX (SIZE_MAX / 4)

static void *alloc_quiet(size_t bytes, size_t align) {
    if (bytes > SANE_MAX || hone_fault_alloc(bytes)) return NULL;
    if (!bytes) bytes = 1;
    if (align < ALIGN) return malloc(bytes);
    void *p;
    if (bytes < HUGE_PAGE) return posix_memalign(&p, ALIGN, bytes) ? NULL : p;
    if (posix_memalign(&p, HUGE_PAGE, bytes)) return NULL;
    madvise(p, bytes, MADV_HUGEPAGE); /* a wish: refused where the kernel has none */
    return p;
}

static void *alloc_or_fail(size_t bytes, size_t align) {
    void *p = alloc_quiet(bytes, align);
    if (!p) hone_fail(HONE_E_NOMEM, "out of memory: %zu bytes wanted", bytes);
    if (p) hone_fault_hold(1);
    return p;
}

void *hone_alloc(size_t bytes) {
    return alloc_or_fail(bytes, ALIGN);
}
void *hone_alloc_small(size_t bytes) {
    return alloc_or_fail(bytes, 0);
}

void *hone_zalloc(size_t bytes) {
    void *p = hone_alloc(bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

/* calloc maps large blocks afresh and knows that they are zero. No huge pages: one touched row would cost 2 MiB. */
void *hone_zalloc_sparse(size_t bytes) {
    if (bytes < HUGE_PAGE) return hone_zalloc(bytes);
    void *p = bytes > SANE_MAX || hone_fault_alloc(bytes) ? NULL : calloc(1, bytes);
    if (!p) hone_fail(HONE_E_NOMEM, "out of memory: %zu bytes wanted", bytes);
    if (p) hone_fault_hold(1);
    if (p) madvise((void *)(((uintptr_t)p + 4095) & ~(uintptr_t)4095), bytes - 4095, MADV_NOHUGEPAGE);
    return p;
}

void *hone_realloc(void *p, size_t bytes) {
    if (!p) return hone_alloc(bytes);
    size_t old = malloc_usable_size(p);
#if !HONE_UNDER_ASAN /* there, always move: a stale pointer is then seen */
    if (bytes <= old && bytes >= old / 2) return p;
#endif
    void *q = hone_alloc(bytes);
    if (!q) return NULL;
    memcpy(q, p, old < bytes ? old : bytes);
    hone_free(p);
    return q;
}

void hone_free(void *p) {
    if (p) hone_fault_hold(-1);
    free(p);
}

char *hone_strndup(const char *s, size_t n) {
    char *d = n < SANE_MAX ? hone_alloc_small(n + 1) : hone_alloc(n);
    if (!d) return NULL;
    memcpy(d, s, n);
    d[n] = 0;
    return d;
}

char *hone_strdup(const char *s) {
    return hone_strndup(s, strlen(s));
}

enum { MAX_BLOCKS = 96, FIRST_BLOCK = 64 << 10 };
/* Of a thread's scratch: packed operands of products that are small themselves, so that a batch a little larger than
 * those before it does not have the block exchanged. Pages that nobody touches cost nothing. */
enum { FIRST_SCRATCH = 256 << 10 };

typedef struct arena_block {
    char *p;
    size_t capacity;
} arena_block;

struct hone_arena {
    const char *name;
    size_t n_blocks;
    size_t block, offset; /* the next byte */
    size_t used, peak;
    size_t first_bytes;
    bool failed;
    bool of_thread; /* a thread's scratch: it lives as long as the thread */
    arena_block blocks[MAX_BLOCKS];
};

/* Make memory that nobody may read again look like it. */
static void spoil(char *p, size_t n) {
#ifdef HONE_TEST_HOOKS
    UNPOISON(p, n);
    memset(p, 0xFF, n);
#endif
    POISON(p, n);
}

/* A block and a gap behind it: two blocks never touch, so that who joins neighbours inside an arena
 * (autograd/lending.h) does not join what two allocations gave, in one C library and not in the other. */
static char *new_block(size_t capacity) {
    return alloc_quiet(capacity + ALIGN, ALIGN);
}

static bool add_block(hone_arena *a, size_t bytes) {
    if (a->n_blocks == MAX_BLOCKS) return false;
    size_t capacity = a->n_blocks ? 0 : a->first_bytes ? a->first_bytes : FIRST_BLOCK, total = 0;
    for (size_t i = 0; i < a->n_blocks; i++) total += a->blocks[i].capacity;
    if (capacity < total / 2) capacity = total / 2;
    if (capacity < FIRST_BLOCK && a->n_blocks) capacity = FIRST_BLOCK;
    if (capacity < bytes) capacity = bytes;
    capacity = (capacity + ALIGN - 1) / ALIGN * ALIGN;
    char *p = new_block(capacity);
    /* The generous size is a convenience; the asked one is what is needed. */
    if (!p && capacity > bytes) p = new_block(capacity = bytes);
    if (!p) return false;
    spoil(p, capacity);
    a->blocks[a->n_blocks++] = (arena_block){p, capacity};
    hone_fault_hold(!a->of_thread);
    return true;
}

static void drop_blocks(hone_arena *a) {
    for (size_t i = 0; i < a->n_blocks; i++) {
        UNPOISON(a->blocks[i].p, a->blocks[i].capacity);
        free(a->blocks[i].p);
        hone_fault_hold(-!a->of_thread);
    }
    a->n_blocks = 0;
}

hone_arena *hone_arena_new(const char *name, size_t first_bytes) {
    hone_arena *a = hone_zalloc(sizeof *a);
    if (!a) return NULL;
    a->name = name, a->first_bytes = first_bytes;
    if (first_bytes && (first_bytes > SANE_MAX || !add_block(a, first_bytes))) {
        hone_fail(HONE_E_NOMEM, "out of memory: arena \"%s\" wants %zu bytes", name, first_bytes);
        hone_free(a);
        return NULL;
    }
    return a;
}

void hone_arena_free(hone_arena *a) {
    if (!a) return;
    drop_blocks(a);
    hone_free(a);
}

void *hone_arena_alloc(hone_arena *a, size_t bytes) {
    if (bytes > SANE_MAX) goto fail;
    size_t room = (bytes + REDZONE + ALIGN - 1) / ALIGN * ALIGN;
    if (!room) room = ALIGN; /* every result is a place of its own */
    while (a->block < a->n_blocks && room > a->blocks[a->block].capacity - a->offset) a->block++, a->offset = 0;
    if (a->block == a->n_blocks && !add_block(a, room)) {
        /* Stand on the last block again, so that smaller wishes and marks keep working. */
        if (a->n_blocks) a->block = a->n_blocks - 1, a->offset = a->blocks[a->block].capacity;
        goto fail;
    }
    char *p = a->blocks[a->block].p + a->offset;
    a->offset += room;
    a->used += room;
    if (a->used > a->peak) a->peak = a->used;
    UNPOISON(p, bytes);
    return p;
fail:
    a->failed = true;
    hone_fail(HONE_E_NOMEM, "out of memory: arena \"%s\" holds %zu bytes and wants %zu more", a->name, a->used, bytes);
    return NULL;
}

void *hone_arena_zalloc(hone_arena *a, size_t bytes) {
    void *p = hone_arena_alloc(a, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

char *hone_arena_strdup(hone_arena *a, const char *s) {
    size_t n = strlen(s) + 1;
    char *d = hone_arena_alloc(a, n);
    return d ? memcpy(d, s, n) : NULL;
}

bool hone_arena_failed(const hone_arena *a) {
    return a->failed;
}

/* Spoil what lies between the mark and the current end. */
static void spoil_from(hone_arena *a, size_t block, size_t offset) {
    for (size_t b = block; b <= a->block && b < a->n_blocks; b++) {
        size_t from = b == block ? offset : 0, to = b == a->block ? a->offset : a->blocks[b].capacity;
        if (to > from) spoil(a->blocks[b].p + from, to - from);
    }
}

void hone_arena_reset(hone_arena *a) {
    if (a->n_blocks > 1) {
        /* One block for the most that was ever needed at once. First free, then ask: never both at the same time.
         * Where the wish is refused the next allocation asks again. */
        drop_blocks(a);
        size_t unit = a->peak >= HUGE_PAGE ? HUGE_PAGE : FIRST_BLOCK;
        size_t capacity = (a->peak + unit - 1) / unit * unit;
        char *p = new_block(capacity);
        if (p) {
            spoil(p, capacity);
            a->blocks[a->n_blocks++] = (arena_block){p, capacity};
            hone_fault_hold(!a->of_thread);
        }
    } else {
        spoil_from(a, 0, 0);
    }
    a->block = a->offset = a->used = 0;
    a->failed = false;
}

size_t hone_arena_used(const hone_arena *a) {
    return a->used;
}
size_t hone_arena_peak(const hone_arena *a) {
    return a->peak;
}

hone_arena_mark hone_arena_get_mark(const hone_arena *a) {
    return (hone_arena_mark){a->block, a->offset, a->used};
}

void hone_arena_release(hone_arena *a, hone_arena_mark m) {
    if (!m.used) { /* empty again: the same as a reset, and the moment to merge blocks */
        hone_arena_reset(a);
        return;
    }
    spoil_from(a, m.block, m.offset);
    a->block = m.block, a->offset = m.offset, a->used = m.used;
}

/* The scratch arena's struct is part of the thread, so that hone_scratch cannot fail; its blocks go with the thread. */
static _Thread_local hone_arena scratch;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_end(void *a) {
    drop_blocks(a);
}
static void scratch_begin(void) {
    pthread_key_create(&scratch_key, scratch_end);
}

hone_arena *hone_scratch(void) {
    if (!scratch.name) {
        scratch.name = "scratch", scratch.of_thread = true, scratch.first_bytes = FIRST_SCRATCH;
        pthread_once(&scratch_once, scratch_begin);
        pthread_setspecific(scratch_key, &scratch);
    }
    return &scratch;
}
