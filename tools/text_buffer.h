/* A growing piece of text: for lines of JSON with many numbers, which would be slow as a tree of objects. A failed
 * allocation sets `failed`, checked once at the end. Start from {0}; hone_text_buffer_free gives the memory back. */
#ifndef HONE_TOOLS_TEXT_BUFFER_H
#define HONE_TOOLS_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hone_text_buffer {
    char *p;
    size_t n, capacity;
    bool failed;
} hone_text_buffer;

void hone_text_add(hone_text_buffer *b, const char *s, size_t n);
void hone_text_puts(hone_text_buffer *b, const char *s);
void hone_text_printf(hone_text_buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hone_text_int(hone_text_buffer *b, int64_t x);
void hone_text_f32(hone_text_buffer *b, float x); /* the shortest decimal that reads back; NaN and infinity: null */
void hone_text_json(hone_text_buffer *b, const char *s, size_t n); /* UTF-8 text as a JSON string with its quotes */
/* UTF-8 text for the inside of an HTML element or of a quoted attribute: & < > " ' as references, control bytes (but
 * tab and newline) as U+FFFD. */
void hone_text_html(hone_text_buffer *b, const char *s, size_t n);
void hone_text_buffer_free(hone_text_buffer *b);

#endif
