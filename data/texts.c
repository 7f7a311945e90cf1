#include "data/texts.h"

#include "base/hash.h"
#include "base/memory.h"
#include "data/table_internal.h"

#include <string.h>

static uint64_t hash_bytes(const char *p, size_t n) {
    uint64_t h = HONE_HASH_SEED ^ n; /* FNV-1a, eight bytes at a time, then mixed: neighbours must not cluster */
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = (h ^ w) * 0x9E3779B97F4A7C15ull;
        h ^= h >> 29;
    }
    h = hone_hash(h, p, n);
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93ull;
    return h ^ h >> 32;
}

static hone_status rehash(hone_intern *t) {
    uint64_t size = t->mask ? 2 * (t->mask + 1) : 1024;
    int32_t *slot = hone_zalloc(size * sizeof *slot);
    uint32_t *hash = hone_alloc(size * sizeof *hash);
    if (!slot || !hash) {
        hone_free(slot);
        hone_free(hash);
        return HONE_E_NOMEM;
    }
    for (int64_t k = 0; k < t->count; k++) {
        uint64_t h = hash_bytes(t->p[k], t->n[k]), i = h & (size - 1);
        while (slot[i]) i = (i + 1) & (size - 1);
        slot[i] = (int32_t)(k + 1);
        hash[i] = (uint32_t)(h >> 32);
    }
    hone_free(t->slot);
    hone_free(t->hash);
    t->slot = slot;
    t->hash = hash;
    t->mask = size - 1;
    return HONE_OK;
}

hone_status hone_intern_add(hone_intern *t, const char *p, size_t n, int32_t *number) {
    if ((uint64_t)t->count * 2 >= t->mask) HONE_TRY(rehash(t));
    uint64_t h = hash_bytes(p, n), i = h & t->mask;
    for (; t->slot[i]; i = (i + 1) & t->mask) {
        int32_t k = t->slot[i] - 1;
        if (t->hash[i] == (uint32_t)(h >> 32) && t->n[k] == n && !memcmp(t->p[k], p, n)) {
            *number = k;
            return HONE_OK;
        }
    }
    if (t->count == INT32_MAX - 1) return hone_fail(HONE_E_LIMIT, "more than %d different texts", INT32_MAX - 1);
    HONE_TRY(hone_grow((void **)&t->p, &t->cap, t->count + 1, sizeof *t->p));
    HONE_TRY(hone_grow((void **)&t->n, &t->cap_n, t->count + 1, sizeof *t->n));
    t->p[t->count] = p;
    t->n[t->count] = n;
    *number = (int32_t)t->count++;
    t->slot[i] = *number + 1;
    t->hash[i] = (uint32_t)(h >> 32);
    return HONE_OK;
}

void hone_intern_free(hone_intern *t) {
    hone_free(t->p);
    hone_free(t->n);
    hone_free(t->slot);
    hone_free(t->hash);
    *t = (hone_intern){0};
}

typedef struct source {
    const hone_table *t;
    const int64_t *columns;
    const char *const *text;
    const size_t *n;
} source;

static hone_status number_texts(const source *s, int64_t rows, int64_t width, hone_texts *out) {
    uint64_t bytes;
    if (rows < 0 || width < 1)
        return hone_fail(HONE_E_ARG, "%" PRId64 " rows of %" PRId64 " texts, wants 0 or more rows of 1 or more", rows,
                         width);
    if (!hone_mul_size((uint64_t)rows, (uint64_t)width * sizeof(int32_t), &bytes))
        return hone_fail(HONE_E_LIMIT, "too many texts");
    int32_t *of = hone_alloc(bytes);
    if (!of) return HONE_E_NOMEM;
    hone_intern names = {0};
    hone_status st = HONE_OK;
    for (int64_t i = 0; st == HONE_OK && i < rows * width; i++) {
        const char *p;
        size_t n;
        if (s->t) {
            hone_cell c = hone_table_cell(s->t, i / width, s->columns[i % width]);
            p = c.p, n = c.n;
        } else {
            p = s->text[i], n = s->n ? s->n[i] : strlen(s->text[i]);
        }
        st = hone_intern_add(&names, p, n, &of[i]);
    }
    if (st != HONE_OK) {
        hone_intern_free(&names);
        hone_free(of);
        return st;
    }
    *out = (hone_texts){.rows = rows, .width = width, .count = names.count, .of = of, .p = names.p, .n = names.n};
    hone_free(names.slot);
    hone_free(names.hash);
    return HONE_OK;
}

hone_status hone_texts_from_table(const hone_table *t, const int64_t *columns, int64_t width, hone_texts *out) {
    return number_texts(&(source){.t = t, .columns = columns}, hone_table_rows(t), width, out);
}

hone_status hone_texts_from_array(const char *const *text, const size_t *n, int64_t rows, int64_t width,
                                  hone_texts *out) {
    return number_texts(&(source){.text = text, .n = n}, rows, width, out);
}

int32_t *hone_texts_places(const hone_texts *x, const int32_t *list, int64_t n) {
    int32_t *place = hone_alloc((size_t)(x->count + 1) * sizeof *place);
    if (!place) return NULL;
    memset(place, 0xFF, (size_t)x->count * sizeof *place);
    for (int64_t i = 0; i < n; i++) place[list[i]] = (int32_t)i;
    return place;
}

void hone_texts_free(hone_texts *x) {
    hone_free(x->of);
    hone_free(x->p);
    hone_free(x->n);
    *x = (hone_texts){0};
}

/* Bytes of the white-space character that p[0..n) begins with, 0 for none: Unicode's White_Space and 0x1C..0x1F. */
static size_t space_at(const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s;
    if (!n) return 0;
    if (p[0] == ' ' || (p[0] >= 0x09 && p[0] <= 0x0D) || (p[0] >= 0x1C && p[0] <= 0x1F)) return 1;
    if (n >= 2 && p[0] == 0xC2 && (p[1] == 0x85 || p[1] == 0xA0)) return 2;
    if (n < 3) return 0;
    uint32_t c = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    if (c == 0xE19A80 || (c >= 0xE28080 && c <= 0xE2808A) || c == 0xE280A8 || c == 0xE280A9 || c == 0xE280AF ||
        c == 0xE2819F || c == 0xE38080)
        return 3;
    return 0;
}

void hone_text_trim(const char **p, size_t *n) {
    size_t k;
    while ((k = space_at(*p, *n))) *p += k, *n -= k;
    for (;;) {
        size_t len = 1;
        while (len <= 3 && len <= *n && !(k = space_at(*p + *n - len, len))) len++;
        if (len > 3 || len > *n || k != len) return;
        *n -= len;
    }
}
