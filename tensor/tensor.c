#include "tensor/tensor.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

hone_shape hone_shape_make(size_t n, const int64_t *list) {
    assert(list[0] >= 0 && list[0] <= HONE_MAX_RANK && (size_t)list[0] + 1 == n);
    const int rank = (int)list[0];
    hone_shape s = {.rank = rank};
    memcpy(s.dim, list + 1, (size_t)rank * sizeof *s.dim);
    /* Shapes from files are checked where they are read; one that overflows here is our own mistake. */
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        bool fits = s.dim[i] >= 0 && !__builtin_mul_overflow(count, s.dim[i], &count);
        assert(fits);
        (void)fits;
    }
    return s;
}

int64_t hone_shape_count(const hone_shape *s) {
    int64_t count = 1;
    for (int i = 0; i < s->rank; i++) count *= s->dim[i];
    return count;
}

bool hone_shape_equal(const hone_shape *a, const hone_shape *b) {
    return a->rank == b->rank && (!a->rank || !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim));
}

const char *hone_shape_str(const hone_shape *s) {
    static _Thread_local char buffers[8][HONE_MAX_RANK * 22 + 3];
    static _Thread_local unsigned turn;
    char *out = buffers[turn++ % 8];
    size_t at = 0;
    out[at++] = '[';
    for (int i = 0; i < s->rank; i++) at += (size_t)snprintf(out + at, 23, "%s%" PRId64, i ? ", " : "", s->dim[i]);
    out[at++] = ']';
    out[at] = 0;
    return out;
}

int64_t hone_rows(const hone_tensor *t) {
    int64_t rows = 1;
    for (int i = 0; i + 1 < t->shape.rank; i++) rows *= t->shape.dim[i];
    return rows;
}

int64_t hone_cols(const hone_tensor *t) {
    return t->shape.rank ? t->shape.dim[t->shape.rank - 1] : 1;
}

hone_tensor *hone_tensor_wrap(hone_arena *a, hone_dtype dtype, hone_shape shape, void *data) {
    hone_tensor *t = hone_arena_alloc(a, sizeof *t);
    if (t) *t = (hone_tensor){.data = data, .dtype = dtype, .device = HONE_CPU, .shape = shape, .name = ""};
    return t;
}

hone_tensor *hone_tensor_new(hone_arena *a, hone_dtype dtype, hone_shape shape) {
    uint64_t bytes;
    /* Sub-byte types are for files only. A size beyond the address space is refused by the arena. */
    assert(hone_dtype_size(dtype));
    if (!hone_mul_size((uint64_t)hone_shape_count(&shape), hone_dtype_size(dtype), &bytes)) bytes = SIZE_MAX;
    void *data = hone_arena_alloc(a, bytes);
    return data ? hone_tensor_wrap(a, dtype, shape, data) : NULL;
}
