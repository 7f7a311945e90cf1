/* What is a character in UTF-8 and what is none: RFC 3629, the table of well-formed sequences in the Unicode standard
 * (3-7). No overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef HONE_BASE_UTF8_H
#define HONE_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the character that begins at p, 1 to 4; 0: none does, or it does not end within the n bytes. n > 0. */
size_t hone_utf8_take(const void *p, size_t n);
/* Index of the first byte that belongs to no character; n where there is none. */
size_t hone_utf8_check(const void *p, size_t n);

#endif
