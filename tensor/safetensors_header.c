/* The header is scanned twice. The first pass checks every object's form and counts tensors, metadata and bytes of
 * text, keeping nothing; the second fills one block of exactly that size. So a header that breaks the rules is refused
 * before any memory is asked for, and the shortest legal entry (50 bytes) pays for its 128 bytes of ours. Then the
 * entries are sorted by place and compared with each other and with the file's size. */
#include "tensor/safetensors_header.h"

#include "base/json_scan.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct header_reader {
    hone_json_scanner scan;
    const char *path;
    int file;
    int64_t n, n_pairs;
    uint64_t text; /* bytes of decoded text, NULs included */
    bool seen_metadata;
    /* The second pass: where to put things; NULL in the first. */
    hone_safetensors_entry *entries;
    safetensors_pair *pairs;
    char *pool;
} header_reader;

/* A decoded copy in the pool, or (first pass) only its size. NUL characters would hide the rest of a name from C. */
static hone_status keep_text(header_reader *r, const hone_json_token *t, const char **out) {
    if (t->escaped)
        for (size_t i = 0; i + 5 < t->n; i++) {
            if (!memcmp(t->p + i, "\\u0000", 6))
                return hone_json_scan_fail(&r->scan, t->p, HONE_E_FORMAT, "text with a NUL character");
            i += t->p[i] == '\\';
        }
    if (!r->pool) {
        r->text += t->n + 1;
        *out = NULL;
        return HONE_OK;
    }
    size_t n = hone_json_scan_decode(t, r->pool);
    r->pool[n] = 0;
    *out = r->pool;
    r->pool += n + 1;
    return HONE_OK;
}

static bool text_is(const hone_json_token *t, const char *word) {
    char decoded[128]; /* six raw bytes for each character of the longest word we ask for */
    if (t->n > sizeof decoded) return false;
    size_t n = hone_json_scan_decode(t, decoded);
    return n == strlen(word) && !memcmp(decoded, word, n);
}

static const char *name_of(const hone_json_token *t) {
    return hone_quote_n(t->p, t->n);
}

static hone_status expect(header_reader *r, hone_json_kind kind, const hone_json_token *name, const char *what,
                          hone_json_token *t) {
    HONE_TRY(hone_json_scan_next(&r->scan, t));
    if (t->kind == kind) return HONE_OK;
    return hone_json_scan_fail(&r->scan, t->p ? t->p : r->scan.text + r->scan.at, HONE_E_FORMAT,
                               "\"%s\": %s expected, found '%s'", name_of(name), what, hone_quote_n(t->p, t->n));
}

static hone_status read_metadata(header_reader *r, const hone_json_token *name) {
    if (r->seen_metadata)
        return hone_json_scan_fail(&r->scan, name->p, HONE_E_FORMAT, "\"__metadata__\" stands there twice");
    r->seen_metadata = true;
    hone_json_token t;
    HONE_TRY(hone_json_scan_next(&r->scan, &t));
    if (t.kind == HONE_JSON_NULL) return HONE_OK;
    if (t.kind != HONE_JSON_OBJECT)
        return hone_json_scan_fail(&r->scan, t.p, HONE_E_FORMAT, "\"__metadata__\" is no object of strings");
    for (;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &t));
        if (t.kind == HONE_JSON_OBJECT_END) return HONE_OK;
        safetensors_pair pair;
        hone_json_token value;
        HONE_TRY(keep_text(r, &t, &pair.key));
        HONE_TRY(expect(r, HONE_JSON_STRING, &t, "a string in \"__metadata__\"", &value));
        HONE_TRY(keep_text(r, &value, &pair.value));
        if (r->pairs) r->pairs[r->n_pairs] = pair;
        r->n_pairs++;
    }
}

static hone_status take_number(header_reader *r, const hone_json_token *name, const char *key, const hone_json_token *t,
                               uint64_t *out) {
    if (hone_json_scan_u64(t, out)) return HONE_OK;
    return hone_json_scan_fail(&r->scan, t->p, HONE_E_FORMAT,
                               "tensor \"%s\": \"%s\" holds %s, expected a whole number from 0 to 2^64 - 1",
                               name_of(name), key, hone_quote_n(t->p, t->n));
}

/* Up to `most` whole numbers in brackets. */
static hone_status read_numbers(header_reader *r, const hone_json_token *name, const char *key, int most, uint64_t *out,
                                int *count) {
    hone_json_token t;
    HONE_TRY(expect(r, HONE_JSON_ARRAY, name, "an array of whole numbers", &t));
    for (*count = 0;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &t));
        if (t.kind == HONE_JSON_ARRAY_END) return HONE_OK;
        uint64_t v;
        HONE_TRY(take_number(r, name, key, &t, &v));
        if (*count < most) out[*count] = v;
        if (*count < INT32_MAX) ++*count;
    }
}

static hone_status read_shape(header_reader *r, const hone_json_token *name, hone_shape *shape) {
    uint64_t dims[HONE_MAX_RANK];
    int rank;
    HONE_TRY(read_numbers(r, name, "shape", HONE_MAX_RANK, dims, &rank));
    const char *end = r->scan.text + r->scan.at;
    if (rank > HONE_MAX_RANK)
        return hone_json_scan_fail(&r->scan, end, HONE_E_LIMIT, "tensor \"%s\" has %d dimensions, limit %d",
                                   name_of(name), rank, HONE_MAX_RANK);
    *shape = (hone_shape){.rank = rank};
    uint64_t count = 1;
    for (int i = 0; i < rank; i++) {
        /* From left to right, as the reference does: [2, 2^64 - 2, 0] is an error although the product is 0. */
        if (!hone_mul_size(count, dims[i], &count) || count > INT64_MAX || dims[i] > INT64_MAX)
            return hone_json_scan_fail(&r->scan, end, HONE_E_FORMAT,
                                       "tensor \"%s\": dimension %d of %" PRIu64
                                       " takes the number of elements past 2^63 - 1",
                                       name_of(name), i, dims[i]);
        shape->dim[i] = (int64_t)dims[i];
    }
    return HONE_OK;
}

static hone_status read_dtype(header_reader *r, const hone_json_token *name, hone_dtype *dtype) {
    hone_json_token t;
    HONE_TRY(expect(r, HONE_JSON_STRING, name, "a string for \"dtype\"", &t));
    for (int d = 0; d < HONE_DTYPE_COUNT; d++)
        if (text_is(&t, hone_dtype_name((hone_dtype)d))) return *dtype = (hone_dtype)d, HONE_OK;
    return hone_json_scan_fail(&r->scan, t.p, HONE_E_FORMAT, "tensor \"%s\" has the unknown dtype \"%s\"",
                               name_of(name), hone_quote_n(t.p, t.n));
}

/* {"dtype": …, "shape": […], "data_offsets": [begin, end]}; other keys are passed over. */
static hone_status read_tensor(header_reader *r, const hone_json_token *name, hone_safetensors_entry *e,
                               uint64_t range[2]) {
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    unsigned seen = 0;
    hone_json_token t;
    HONE_TRY(expect(r, HONE_JSON_OBJECT, name, "an object", &t));
    for (;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &t));
        if (t.kind == HONE_JSON_OBJECT_END) break;
        unsigned k = 0;
        while (k < 3 && !text_is(&t, keys[k])) k++;
        if (k == 3) {
            HONE_TRY(hone_json_scan_skip(&r->scan, &t));
            continue;
        }
        if (seen >> k & 1)
            return hone_json_scan_fail(&r->scan, t.p, HONE_E_FORMAT, "tensor \"%s\" has \"%s\" twice", name_of(name),
                                       keys[k]);
        seen |= 1u << k;
        if (k == 0) HONE_TRY(read_dtype(r, name, &e->dtype));
        if (k == 1) HONE_TRY(read_shape(r, name, &e->shape));
        if (k == 2) {
            int count;
            HONE_TRY(read_numbers(r, name, keys[k], 2, range, &count));
            if (count != 2)
                return hone_json_scan_fail(&r->scan, t.p, HONE_E_FORMAT,
                                           "tensor \"%s\": \"data_offsets\" holds %d numbers, expected 2",
                                           name_of(name), count);
        }
    }
    for (unsigned k = 0; k < 3; k++)
        if (!(seen >> k & 1))
            return hone_json_scan_fail(&r->scan, t.p, HONE_E_FORMAT, "tensor \"%s\" has no \"%s\"", name_of(name),
                                       keys[k]);
    return HONE_OK;
}

static hone_status read_header(header_reader *r) {
    hone_json_token t;
    HONE_TRY(hone_json_scan_next(&r->scan, &t));
    if (t.kind != HONE_JSON_OBJECT)
        return hone_json_scan_fail(&r->scan, t.p, HONE_E_FORMAT, "header begins with '%s', expected '{'",
                                   hone_quote_n(t.p, t.n));
    for (;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &t));
        if (t.kind == HONE_JSON_OBJECT_END) break;
        if (text_is(&t, "__metadata__")) {
            HONE_TRY(read_metadata(r, &t));
            continue;
        }
        if (r->n == HONE_SAFETENSORS_TENSORS_MAX)
            return hone_json_scan_fail(&r->scan, t.p, HONE_E_LIMIT, "more than %d tensors",
                                       HONE_SAFETENSORS_TENSORS_MAX);
        hone_safetensors_entry e = {.file = r->file};
        uint64_t range[2];
        HONE_TRY(keep_text(r, &t, &e.name));
        HONE_TRY(read_tensor(r, &t, &e, range));
        if (r->entries) {
            /* Until the ranges are checked, data holds the begin and bytes the end: offsets, not yet an address. */
            e.data = (const void *)(uintptr_t)range[0], e.bytes = range[1];
            r->entries[r->n] = e;
        }
        r->n++;
    }
    return hone_json_scan_next(&r->scan, &t); /* nothing but white space may follow */
}

static uint64_t begin_of(const hone_safetensors_entry *e) {
    return (uint64_t)(uintptr_t)e->data;
}

static int by_place(const void *a, const void *b) {
    const hone_safetensors_entry *x = a, *y = b;
    if (begin_of(x) != begin_of(y)) return begin_of(x) < begin_of(y) ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name); /* empty tensors share a place: an order that does not depend on qsort */
}

/* Ranges start at 0, touch, and fit their shapes; *end is where the last one ends. */
static hone_status check_ranges(const safetensors_header *h, const char *path, uint64_t *end_of_data) {
    uint64_t at = 0;
    for (int64_t i = 0; i < h->n; i++) {
        const hone_safetensors_entry *e = &h->entries[i];
        uint64_t begin = begin_of(e), end = e->bytes, bits;
        if (begin != at)
            return hone_fail_at(
                HONE_E_FORMAT, path, 0, 0,
                "tensor \"%s\" starts at %" PRIu64 ", previous ends at %" PRIu64 " (%s of %" PRIu64 " bytes)",
                hone_quote(e->name), begin, at, begin > at ? "gap" : "overlap", begin > at ? begin - at : at - begin);
        if (end < begin)
            return hone_fail_at(HONE_E_FORMAT, path, 0, 0,
                                "tensor \"%s\" starts at %" PRIu64 " and ends before, at %" PRIu64, hone_quote(e->name),
                                begin, end);
        const char *type = hone_dtype_name(e->dtype), *shape = hone_shape_str(&e->shape);
        if (!hone_mul_size((uint64_t)hone_shape_count(&e->shape), (uint64_t)hone_dtype_bits(e->dtype), &bits))
            return hone_fail_at(HONE_E_FORMAT, path, 0, 0,
                                "tensor \"%s\" %s %s needs more than 2^61 bytes, range holds %" PRIu64,
                                hone_quote(e->name), type, shape, end - begin);
        if (bits % 8)
            return hone_fail_at(HONE_E_FORMAT, path, 0, 0,
                                "tensor \"%s\" %s %s needs %" PRIu64 " bits, not a whole number of bytes",
                                hone_quote(e->name), type, shape, bits);
        if (end - begin != bits / 8)
            return hone_fail_at(HONE_E_FORMAT, path, 0, 0,
                                "tensor \"%s\" %s %s needs %" PRIu64 " bytes, range holds %" PRIu64,
                                hone_quote(e->name), type, shape, bits / 8, end - begin);
        at = end;
    }
    *end_of_data = at;
    return HONE_OK;
}

/* What a file that is no safetensors file often is. */
static hone_status hint_at_content(const unsigned char *p, size_t n) {
    if (n >= 22 && !memcmp(p, "version https://git-lfs", 22))
        return hone_hint("a Git LFS pointer, not the weights: run git lfs pull");
    if (n >= 4 && !memcmp(p, "PK\003\004", 4))
        return hone_hint("a PyTorch or zip file; as pytorch_model.bin, transformers reads it and save_pretrained(…, "
                         "safe_serialization=True) writes safetensors");
    if (n >= 1 && p[0] == '<') return hone_hint("a web page? download the file itself");
    return hone_hint("download incomplete? compare with the published size");
}

static hone_status header_length(const unsigned char *p, size_t n, const char *path, uint64_t *length) {
    if (n < 8) {
        hone_fail_at(HONE_E_FORMAT, path, 0, 0, "file has %zu bytes, a safetensors file has at least 8 (byte 0)", n);
        return hint_at_content(p, n);
    }
    uint64_t len = 0;
    for (int i = 0; i < 8; i++) len |= (uint64_t)p[i] << (8 * i);
    if (len > n - 8) {
        hone_fail_at(HONE_E_FORMAT, path, 0, 0, "header says %" PRIu64 " bytes, file has %zu (byte 0)", len, n);
        return hint_at_content(p, n);
    }
    if (len > HONE_SAFETENSORS_HEADER_MAX)
        return hone_fail_at(HONE_E_LIMIT, path, 0, 0, "header says %" PRIu64 " bytes, limit %u (byte 0)", len,
                            HONE_SAFETENSORS_HEADER_MAX);
    *length = len;
    return HONE_OK;
}

static void start(header_reader *r, const unsigned char *p, uint64_t length, const char *path, int file) {
    *r = (header_reader){.path = path, .file = file};
    hone_json_scan_start_bytes(&r->scan, (const char *)p + 8, length, path, 8);
}

hone_status hone_safetensors_parse(const unsigned char *p, size_t n, const char *path, int file,
                                   safetensors_header *out) {
    uint64_t length = 0;
    HONE_TRY(header_length(p, n, path, &length));
    header_reader r;
    start(&r, p, length, path, file);
    HONE_TRY(read_header(&r));

    /* Counts come from a header that was read to its end: none exceeds its bytes, so that these sums cannot overflow.
     */
    safetensors_header h = {.n = r.n, .n_pairs = r.n_pairs};
    size_t entries_bytes = (size_t)h.n * sizeof *h.entries, pairs_bytes = (size_t)h.n_pairs * sizeof *h.pairs;
    h.entries = hone_alloc(entries_bytes + pairs_bytes + r.text);
    if (!h.entries) return hone_blame(path, 0);
    h.pairs = (safetensors_pair *)(h.entries + h.n);
    start(&r, p, length, path, file);
    r.entries = h.entries, r.pairs = h.pairs, r.pool = (char *)h.entries + entries_bytes + pairs_bytes;
    hone_status s = read_header(&r);
    uint64_t end = 0, whole = 0;
    if (s == HONE_OK) {
        qsort(h.entries, (size_t)h.n, sizeof *h.entries, by_place);
        s = check_ranges(&h, path, &end);
    }
    bool fits = hone_add_size(end, length + 8, &whole);
    if (s == HONE_OK && (!fits || whole > n)) {
        hone_fail_at(HONE_E_FORMAT, path, 0, 0, "tensor \"%s\" ends at byte %" PRIu64 ", file has %zu",
                     hone_quote(h.entries[h.n - 1].name), fits ? whole : UINT64_MAX, n);
        s = hone_hint("download incomplete? compare with the published size");
    } else if (s == HONE_OK && whole < n) {
        s = hone_fail_at(HONE_E_FORMAT, path, 0, 0,
                         "tensors end at byte %" PRIu64 ", file has %zu (%" PRIu64 " bytes too many)", whole, n,
                         (uint64_t)n - whole);
    }
    if (s != HONE_OK) {
        hone_free(h.entries);
        return s;
    }
    for (int64_t i = 0; i < h.n; i++) {
        uint64_t begin = begin_of(&h.entries[i]);
        h.entries[i].data = p + 8 + length + begin;
        h.entries[i].bytes -= begin;
    }
    *out = h;
    return HONE_OK;
}
