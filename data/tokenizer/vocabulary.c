/* The string table: an open-addressing hash over one string pool. A lookup costs one cache line for the slot, one for
 * the entry and one for the bytes. */
#include "data/tokenizer/internal.h"

#include <string.h>

hone_status hone_tok_grow(void **p, size_t *cap, size_t want, size_t size) {
    size_t next = *cap + *cap / 2;
    if (next < want) next = want;
    if (next < 16) next = 16;
    uint64_t bytes;
    if (!hone_mul_size(next, size, &bytes)) return hone_fail(HONE_E_NOMEM, "a tokenizer array of %zu items", next);
    void *q = hone_realloc(*p, (size_t)bytes);
    if (!q) return HONE_E_NOMEM;
    *p = q;
    *cap = next;
    return HONE_OK;
}

/* Multiplication carries upwards only: fold the well-mixed upper half onto the lower bits. */
static inline uint32_t slot_of(uint64_t h) {
    return (uint32_t)(h ^ h >> 32 ^ h >> 17);
}
static inline uint32_t tag_of(uint64_t h) {
    return (uint32_t)(h >> 32);
}

static hone_status rehash(hone_tok_map *m, size_t want) {
    size_t size = 16;
    while (size < want * 2) size *= 2;
    if (size > (size_t)1 << 31) return hone_fail(HONE_E_LIMIT, "a vocabulary of %zu strings", want);
    struct hone_tok_slot *slot = hone_alloc(size * sizeof *slot);
    if (!slot) return HONE_E_NOMEM;
    for (size_t i = 0; i < size; i++) slot[i] = (struct hone_tok_slot){0, -1};
    hone_free(m->slot);
    m->slot = slot;
    m->mask = (uint32_t)size - 1;
    for (size_t i = 0; i < m->entries; i++) {
        uint64_t h = hone_hash(HONE_HASH_SEED, m->pool + m->entry[i].at, m->entry[i].n);
        uint32_t k = slot_of(h) & m->mask;
        while (slot[k].entry >= 0) k = (k + 1) & m->mask;
        slot[k] = (struct hone_tok_slot){tag_of(h), (int32_t)i};
    }
    return HONE_OK;
}

hone_status hone_tok_map_reserve(hone_tok_map *m, size_t n, size_t bytes) {
    HONE_TRY(TOK_GROW(m->entry, m->entry_cap, m->entries + n));
    HONE_TRY(TOK_GROW(m->pool, m->pool_cap, m->pool_n + bytes + n));
    return !m->slot || (m->entries + n) * 2 > (size_t)m->mask + 1 ? rehash(m, m->entries + n) : HONE_OK;
}

int64_t hone_tok_map_find(const hone_tok_map *m, uint64_t h, const char *head, size_t n_head, const char *tail,
                          size_t n_tail) {
    if (!m->slot) return -1;
    uint32_t tag = tag_of(h);
    for (uint32_t k = slot_of(h) & m->mask; m->slot[k].entry >= 0; k = (k + 1) & m->mask) {
        if (m->slot[k].tag != tag) continue;
        const struct hone_tok_entry *e = &m->entry[m->slot[k].entry];
        const char *s = m->pool + e->at;
        if (e->n == n_head + n_tail && (n_head == 0 || memcmp(s, head, n_head) == 0) &&
            (n_tail == 0 || memcmp(s + n_head, tail, n_tail) == 0))
            return m->slot[k].entry;
    }
    return -1;
}

int64_t hone_tok_map_get(const hone_tok_map *m, const char *key, size_t n) {
    return hone_tok_map_find(m, hone_hash(HONE_HASH_SEED, key, n), NULL, 0, key, n);
}

hone_status hone_tok_map_add(hone_tok_map *m, const char *key, size_t n, int32_t value, int64_t *existing) {
    uint64_t h = hone_hash(HONE_HASH_SEED, key, n);
    int64_t found = hone_tok_map_find(m, h, NULL, 0, key, n);
    *existing = found;
    if (found >= 0) return HONE_OK;
    if (n > UINT32_MAX) return hone_fail(HONE_E_LIMIT, "a token of %zu bytes", n);
    HONE_TRY(hone_tok_map_reserve(m, 1, n));
    m->entry[m->entries] = (struct hone_tok_entry){m->pool_n, (uint32_t)n, value};
    if (n) memcpy(m->pool + m->pool_n, key, n);
    m->pool[m->pool_n + n] = 0;
    m->pool_n += n + 1;
    if (n > m->longest) m->longest = (uint32_t)n;
    uint32_t k = slot_of(h) & m->mask;
    while (m->slot[k].entry >= 0) k = (k + 1) & m->mask;
    m->slot[k] = (struct hone_tok_slot){tag_of(h), (int32_t)m->entries++};
    return HONE_OK;
}

void hone_tok_map_free(hone_tok_map *m) {
    hone_free(m->slot);
    hone_free(m->entry);
    hone_free(m->pool);
    *m = (hone_tok_map){0};
}
