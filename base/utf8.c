#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t hone_utf8_take(const void *text, size_t n) {
    const uint8_t *p = text, c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    size_t k = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    /* The second byte's bounds leave out overlong forms, surrogates and what lies above U+10FFFF. */
    uint8_t low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (n < k || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < k; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return k;
}

size_t hone_utf8_check(const void *text, size_t n) {
    const uint8_t *p = text;
    for (size_t i = 0; i < n;) {
        uint64_t eight;
        while (n - i >= 8 && (memcpy(&eight, p + i, 8), !(eight & 0x8080808080808080ull))) i += 8; /* ASCII */
        if (i == n) break;
        size_t k = hone_utf8_take(p + i, n - i);
        if (!k) return i;
        i += k;
    }
    return n;
}
