/* The writer. Byte for byte what the reference writes, so that equal models are equal files. */
#include "base/io.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "kernels/kernels.h"
#include "tensor/safetensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct write_item {
    const hone_safetensors_item *item;
    hone_dtype dtype; /* in the file */
} write_item;

static int by_dtype_then_name(const void *a, const void *b) {
    const write_item *x = a, *y = b;
    if (x->dtype != y->dtype) return x->dtype > y->dtype ? -1 : 1;
    return strcmp(x->item->name, y->item->name);
}

/* The header as it grows. */
typedef struct header_text {
    char *p;
    size_t n, room;
    bool failed;
} header_text;

static void put(header_text *h, const char *p, size_t n) {
    if (h->failed) return;
    if (n > h->room - h->n) {
        size_t room = 2 * h->room + n + 4096;
        char *grown = hone_realloc(h->p, room);
        if (!grown) {
            h->failed = true;
            return;
        }
        h->p = grown, h->room = room;
    }
    memcpy(h->p + h->n, p, n);
    h->n += n;
}

__attribute__((format(printf, 2, 3))) static void put_format(header_text *h, const char *fmt, ...) {
    char text[128];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put(h, text, (size_t)n);
}

/* Escapes as serde_json: the short forms where there are some, \u00xx for other control characters, no more. */
static void put_string(header_text *h, const char *s) {
    put(h, "\"", 1);
    for (; *s; s++) {
        static const char names[] = "\bb\tt\nn\ff\rr\"\"\\\\";
        unsigned char c = (unsigned char)*s;
        const char *k = names;
        while (*k && *k != *s) k += 2;
        if (*k)
            put_format(h, "\\%c", k[1]);
        else if (c < 0x20)
            put_format(h, "\\u%04x", c);
        else
            put(h, s, 1);
    }
    put(h, "\"", 1);
}

static hone_status check_names(const char *path, const write_item *order, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const char *name = order[i].item->name;
        if (hone_utf8_check(name, strlen(name)) < strlen(name) || !strcmp(name, "__metadata__"))
            return hone_fail_at(HONE_E_ARG, path, 0, 0, "\"%s\" cannot be the name of a tensor", hone_quote(name));
    }
    return HONE_OK;
}

/* Equal names may have different dtypes: they are neighbours only in an order by name alone. */
static int by_name_only(const void *a, const void *b) {
    return strcmp(((const write_item *)a)->item->name, ((const write_item *)b)->item->name);
}

static hone_status check_unique(const char *path, write_item *order, int64_t n) {
    qsort(order, (size_t)n, sizeof *order, by_name_only);
    for (int64_t i = 1; i < n; i++)
        if (!strcmp(order[i - 1].item->name, order[i].item->name))
            return hone_fail_at(HONE_E_ARG, path, 0, 0, "tensor \"%s\" is to be written twice",
                                hone_quote(order[i].item->name));
    return HONE_OK;
}

static uint64_t stored_bytes(const write_item *w) {
    return (uint64_t)hone_shape_count(&w->item->shape) * hone_dtype_size(w->dtype);
}

static hone_status make_header(const char *path, const write_item *order, int64_t n, header_text *h) {
    uint64_t at = 0;
    const char *metadata = n ? "{\"__metadata__\":{\"format\":\"pt\"}," : "{\"__metadata__\":{\"format\":\"pt\"}";
    put(h, metadata, strlen(metadata));
    for (int64_t i = 0; i < n; i++) {
        const hone_shape *shape = &order[i].item->shape;
        if (i) put(h, ",", 1);
        put_string(h, order[i].item->name);
        put_format(h, ":{\"dtype\":\"%s\",\"shape\":[", hone_dtype_name(order[i].dtype));
        for (int d = 0; d < shape->rank; d++) put_format(h, "%s%" PRId64, d ? "," : "", shape->dim[d]);
        uint64_t end = at + stored_bytes(&order[i]);
        put_format(h, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at, end);
        at = end;
    }
    put(h, "}", 1);
    put(h, "       ", (8 - h->n % 8) % 8);
    if (h->failed) return hone_blame(path, 0);
    if (h->n > HONE_SAFETENSORS_HEADER_MAX)
        return hone_fail_at(HONE_E_LIMIT, path, 0, 0, "header of %zu bytes, limit %u", h->n,
                            HONE_SAFETENSORS_HEADER_MAX);
    return HONE_OK;
}

static hone_status write_data(hone_writer *out, const write_item *w) {
    if (w->dtype == w->item->dtype) return hone_writer_write(out, w->item->data, stored_bytes(w));
    uint16_t part[4096];
    int64_t n = hone_shape_count(&w->item->shape);
    const float *from = w->item->data;
    for (int64_t i = 0; i < n; i += 4096) {
        int64_t k = n - i < 4096 ? n - i : 4096;
        (w->dtype == HONE_F16 ? hone_vector_f16_narrow : hone_vector_bf16_narrow)(k, from + i, part);
        HONE_TRY(hone_writer_write(out, part, (size_t)k * 2));
    }
    return HONE_OK;
}

static hone_status write_all(const char *path, const write_item *order, int64_t n, const header_text *h) {
    hone_writer *out;
    HONE_TRY(hone_writer_open(path, &out));
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)h->n >> (8 * i));
    uint64_t bytes = sizeof length + h->n;
    for (int64_t i = 0; i < n; i++) bytes += stored_bytes(&order[i]);
    hone_status s = hone_writer_reserve(out, bytes);
    if (s == HONE_OK) s = hone_writer_write(out, length, sizeof length);
    if (s == HONE_OK) s = hone_writer_write(out, h->p, h->n);
    for (int64_t i = 0; i < n && s == HONE_OK; i++) s = write_data(out, &order[i]);
    if (s == HONE_OK) return hone_writer_commit(out);
    hone_writer_abort(out);
    return s;
}

hone_status hone_safetensors_write(const char *path, const hone_safetensors_item *items, int64_t n,
                                   hone_dtype float_as) {
    if (float_as != HONE_F32 && float_as != HONE_F16 && float_as != HONE_BF16)
        return hone_fail_at(HONE_E_ARG, path, 0, 0, "weights can be written as F32, F16 or BF16, not as %s",
                            hone_dtype_name(float_as));
    write_item *order = hone_alloc((size_t)n * sizeof *order);
    if (!order) return hone_blame(path, 0);
    header_text h = {0};
    for (int64_t i = 0; i < n; i++)
        order[i] = (write_item){&items[i], items[i].dtype == HONE_F32 ? float_as : items[i].dtype};
    hone_status s = check_names(path, order, n);
    if (s == HONE_OK) s = check_unique(path, order, n);
    if (s == HONE_OK) {
        qsort(order, (size_t)n, sizeof *order, by_dtype_then_name);
        s = make_header(path, order, n, &h);
    }
    if (s == HONE_OK) s = write_all(path, order, n, &h);
    hone_free(h.p);
    hone_free(order);
    return s;
}
