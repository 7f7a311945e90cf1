/* What the tokenizers library knows about characters. Its tables are of four ages: categories (Mn, P*, Cc, Cf, Co) of
 * Unicode 8.0, decompositions, compositions and combining classes of 9.0, \w of regular expressions of 16.0, lower case
 * of 17.0; White_Space has not changed since 6.3. unicode_tables.c holds exactly those, written by
 * make_unicode_tables.py. */
#ifndef HONE_DATA_TOKENIZER_UNICODE_H
#define HONE_DATA_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UNICODE_NONSPACING = 1,  /* category Mn (8.0) */
    UNICODE_PUNCTUATION = 2, /* ASCII punctuation or category P* (8.0) */
    UNICODE_DELETED = 4,     /* what BERT's clean_text deletes: U+0000, U+FFFD, Cc, Cf, Co (8.0) but \t \n \r */
    UNICODE_WHITE = 8,       /* White_Space */
    UNICODE_WORD = 16,       /* \w: Alphabetic, M*, Nd, Pc, Join_Control (16.0) */
    UNICODE_MARK = 32,       /* category M* (9.0), what StripAccents deletes */
    UNICODE_CJK = 64,        /* BERT's "Chinese character" ranges */
    UNICODE_CHANGES = 128,   /* has a canonical decomposition, a combining class or a lower case: the slow road */
};

#define UNICODE_SHIFT 7
extern const uint8_t hone_unicode_flags_index[0x110000 >> UNICODE_SHIFT];
extern const uint8_t hone_unicode_flags_block[];
extern const uint8_t hone_unicode_ccc_index[0x110000 >> UNICODE_SHIFT];
extern const uint8_t hone_unicode_ccc_block[];
extern const uint8_t hone_unicode_lower_index[0x110000 >> UNICODE_SHIFT];
extern const uint8_t hone_unicode_lower_block[];
extern const int32_t hone_unicode_lower_delta[];

/* Sorted by c; the full decomposition is pool[at .. at+n-1]. The compatibility table holds only what differs. */
typedef struct hone_unicode_decomposition {
    uint32_t c;
    uint16_t at;
    uint16_t n;
} hone_unicode_decomposition;
extern const hone_unicode_decomposition hone_unicode_canonical[];
extern const int hone_unicode_canonical_n;
extern const hone_unicode_decomposition hone_unicode_compatible[];
extern const int hone_unicode_compatible_n;
extern const uint32_t hone_unicode_pool[];

/* Primary composites, sorted by (a, b). */
typedef struct hone_unicode_composition {
    uint32_t a, b, c;
} hone_unicode_composition;
extern const hone_unicode_composition hone_unicode_compositions[];
extern const int hone_unicode_compositions_n;

#define UNICODE_LOOKUP(table, c)                                                                                       \
    table##_block[((size_t)table##_index[(c) >> UNICODE_SHIFT] << UNICODE_SHIFT) | ((c) & ((1u << UNICODE_SHIFT) - 1))]

static inline uint8_t hone_unicode_flags(uint32_t c) {
    return UNICODE_LOOKUP(hone_unicode_flags, c);
}
static inline uint8_t hone_unicode_ccc(uint32_t c) {
    return UNICODE_LOOKUP(hone_unicode_ccc, c);
}

/* Full lower case of one character, context-free: one character, and two for U+0130. Returns the count. */
static inline int hone_unicode_lower(uint32_t c, uint32_t out[2]) {
    int32_t delta = hone_unicode_lower_delta[UNICODE_LOOKUP(hone_unicode_lower, c)];
    out[0] = (uint32_t)((int32_t)c + delta);
    if (c != 0x130) return 1;
    out[1] = 0x307;
    return 2;
}

/* The longest full decomposition is 18 characters (U+FDFA). */
#define HONE_UNICODE_DECOMPOSITION_MAX 18
/* Full decomposition (Hangul included) into out; returns the count, 1 and c itself when there is none. */
int hone_unicode_decompose(uint32_t c, bool compatible, uint32_t out[HONE_UNICODE_DECOMPOSITION_MAX]);
/* The primary composite of a and b, 0 when there is none. */
uint32_t hone_unicode_compose(uint32_t a, uint32_t b);

/* UTF-8 of already checked text: length from the first byte, and one character. */
static inline int hone_utf8_length(uint8_t first) {
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}
static inline uint32_t hone_utf8_decode(const uint8_t *p) {
    if (p[0] < 0x80) return p[0];
    if (p[0] < 0xE0) return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    if (p[0] < 0xF0) return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}
/* Writes c, returns the bytes used (1 to 4). */
static inline int hone_utf8_encode(uint32_t c, uint8_t *p) {
    if (c < 0x80) {
        p[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (uint8_t)(0xC0 | c >> 6);
        p[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (uint8_t)(0xE0 | c >> 12);
        p[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        p[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    p[0] = (uint8_t)(0xF0 | c >> 18);
    p[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    p[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    p[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

#endif
