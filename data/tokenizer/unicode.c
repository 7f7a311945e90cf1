#include "data/tokenizer/unicode.h"

static const hone_unicode_decomposition *find(const hone_unicode_decomposition *table, int n, uint32_t c) {
    int lo = 0, hi = n;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (table[mid].c < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && table[lo].c == c ? &table[lo] : NULL;
}

/* Hangul syllables are arithmetic: 19 leading x 21 vowels x 28 trailing consonants (the first trailing is "none").
 * Unicode standard, section 3.12. */
enum { S0 = 0xAC00, L0 = 0x1100, V0 = 0x1161, T0 = 0x11A7, L_N = 19, V_N = 21, T_N = 28, S_N = L_N * V_N * T_N };

static bool within(uint32_t c, uint32_t from, uint32_t n) {
    return c >= from && c - from < n;
}

int hone_unicode_decompose(uint32_t c, bool compatible, uint32_t out[HONE_UNICODE_DECOMPOSITION_MAX]) {
    if (within(c, S0, S_N)) {
        uint32_t s = c - S0, t = s % T_N;
        out[0] = L0 + s / (V_N * T_N);
        out[1] = V0 + s / T_N % V_N;
        if (t) out[2] = T0 + t;
        return t ? 3 : 2;
    }
    const hone_unicode_decomposition *d = NULL;
    if (c >= 0xA0) {
        if (compatible) d = find(hone_unicode_compatible, hone_unicode_compatible_n, c);
        if (!d) d = find(hone_unicode_canonical, hone_unicode_canonical_n, c);
    }
    if (!d) {
        out[0] = c;
        return 1;
    }
    for (int i = 0; i < d->n; i++) out[i] = hone_unicode_pool[d->at + i];
    return d->n;
}

uint32_t hone_unicode_compose(uint32_t a, uint32_t b) {
    if (within(a, L0, L_N) && within(b, V0, V_N)) return S0 + ((a - L0) * V_N + (b - V0)) * T_N;
    if (within(a, S0, S_N) && (a - S0) % T_N == 0 && within(b, T0 + 1, T_N - 1)) return a + (b - T0);
    int lo = 0, hi = hone_unicode_compositions_n;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        const hone_unicode_composition *k = &hone_unicode_compositions[mid];
        if (k->a < a || (k->a == a && k->b < b))
            lo = mid + 1;
        else
            hi = mid;
    }
    const hone_unicode_composition *k = &hone_unicode_compositions[lo];
    return lo < hone_unicode_compositions_n && k->a == a && k->b == b ? k->c : 0;
}
