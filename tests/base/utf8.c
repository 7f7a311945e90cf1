#include "base/utf8.h"

#include "tests/test.h"

#include <stdint.h>
#include <string.h>

static size_t put(uint32_t c, size_t length, uint8_t *p) {
    static const uint8_t first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1; c >>= 6) p[i] = (uint8_t)(0x80 | (c & 0x3F));
    p[0] = (uint8_t)(first[length] | c);
    return length;
}

/* Every value in every length that can hold it: the shortest alone is a character, and no surrogate is. */
TEST(utf8, every_code_point_has_one_form) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}, room[] = {0, 0x80, 0x800, 0x10000, 0x200000};
    uint8_t p[4];
    for (size_t k = 1; k <= 4; k++)
        for (uint32_t c = 0; c < room[k]; c++) {
            bool right = c >= least[k] && c < 0x110000 && (c < 0xD800 || c > 0xDFFF);
            put(c, k, p);
            size_t got = hone_utf8_take(p, 4);
            CHECK_MSG(got == (right ? k : 0), "U+%04X in %d bytes: %d", c, (int)k, (int)got);
            CHECK(!right || k == 1 || (!hone_utf8_take(p, k - 1) && !hone_utf8_check(p, k - 1)));
        }
}

TEST(utf8, a_byte_that_is_out_of_place_is_found) {
    uint8_t p[4];
    for (int c = 0x80; c < 256; c++) { /* what follows is no continuation; at each place */
        p[0] = (uint8_t)c, p[1] = 'x', p[2] = p[3] = 0x80;
        CHECK_INT(hone_utf8_take(p, 4), 0);
        if (c < 0xC2 || c > 0xF4) continue;
        for (int place = 2; place < 4; place++) {
            size_t k = put(place == 2 ? 0x20AC : 0x1F600, place == 2 ? 3 : 4, p);
            p[place] = (uint8_t)(c | 0xC0);
            CHECK_INT(hone_utf8_take(p, k), 0);
        }
    }
    /* Before, in and behind runs of eight. */
    char text[64];
    for (size_t n = 1; n < sizeof text; n++)
        for (size_t at = 0; at < n; at++) {
            memset(text, 'a', n);
            CHECK_INT(hone_utf8_check(text, n), n);
            text[at] = '\xFF';
            CHECK_INT(hone_utf8_check(text, n), at);
            text[at] = '\xC3';
            bool whole = at + 1 < n;
            if (whole) text[at + 1] = '\xA9';
            CHECK_INT(hone_utf8_check(text, n), whole ? n : at);
        }
    CHECK_INT(hone_utf8_check("", 0), 0);
    CHECK_INT(hone_utf8_check("a\0b", 3), 3); /* NUL is a character */
}
