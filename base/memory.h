/* Memory: one gate for every allocation, and arenas above it.
 *
 * Everything below tools allocates through hone_alloc (or through jansson and zlib, which are told to use it), so a
 * test build can fail the N-th allocation (HONE_FAULT=alloc:N, alloc:N+ for every one from N on).
 *
 * Arenas have three lifetimes: params (lives with the model), step (activations, graph; reset every step), scratch
 * (inside one op call; per thread). Nobody frees a tensor; someone resets an arena. */
#ifndef HONE_BASE_MEMORY_H
#define HONE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* malloc, calloc, realloc, free with the fault gate. NULL on failure (and hone_fail(HONE_E_NOMEM, …) was called with
 * the size). hone_free accepts NULL. Blocks of 2 MiB and more ask for huge pages. Results are 64-byte aligned. */
void *hone_alloc(size_t bytes);
void *hone_zalloc(size_t bytes);
/* Zeros whose untouched pages cost nothing: for tables of which a run touches a part. */
void *hone_zalloc_sparse(size_t bytes);
/* On failure NULL is returned and p stays valid. */
void *hone_realloc(void *p, size_t bytes);
/* Of anything these functions return; accepts NULL. */
void hone_free(void *p);
/* The same gate with malloc's own alignment (16 bytes): for the many little nodes of JSON. */
void *hone_alloc_small(size_t bytes);
/* A copy of s, or of its first n bytes, with a NUL behind; NULL (HONE_E_NOMEM) without memory. Free with hone_free. */
char *hone_strdup(const char *s);
char *hone_strndup(const char *s, size_t n);

/* Memory that is handed out piece by piece and taken back at once. Used by one thread at a time. */
typedef struct hone_arena hone_arena;

/* An empty arena. `name` (borrowed) appears in messages. `first_bytes` sizes the first block; 0 = small.
 * NULL when memory is short. */
hone_arena *hone_arena_new(const char *name, size_t first_bytes);
void hone_arena_free(hone_arena *a); /* accepts NULL */

/* 64-byte aligned, uninitialised (debug builds: 0xFF bytes, NaN as f32). Grows by whole blocks; when memory is short
 * it returns NULL and the arena stays `failed` until reset: check once where it matters. */
void *hone_arena_alloc(hone_arena *a, size_t bytes);
/* The same, zeroed; and a copy of s. */
void *hone_arena_zalloc(hone_arena *a, size_t bytes);
char *hone_arena_strdup(hone_arena *a, const char *s);
/* Whether memory ran short since the last reset. */
bool hone_arena_failed(const hone_arena *a);

/* Forget everything. The memory stays; several blocks are merged into one, so that a warm arena never allocates. */
void hone_arena_reset(hone_arena *a);
size_t hone_arena_used(const hone_arena *a); /* bytes handed out since the last reset */
size_t hone_arena_peak(const hone_arena *a); /* most bytes ever handed out between two resets */

/* A stack inside the arena: everything allocated after the mark is forgotten. Release to a mark of the empty arena is a
 * reset (it merges blocks and forgets the failure): so scratch arenas need no other. */
typedef struct hone_arena_mark {
    size_t block, offset, used;
} hone_arena_mark;
/* Where the arena stands now, and back to there. */
hone_arena_mark hone_arena_get_mark(const hone_arena *a);
void hone_arena_release(hone_arena *a, hone_arena_mark m);

/* This thread's scratch arena, made at first use and kept for the life of the thread. Use with a mark:
 *     hone_arena *s = hone_scratch(); hone_arena_mark m = hone_arena_get_mark(s); … hone_arena_release(s, m); */
hone_arena *hone_scratch(void);

#endif
