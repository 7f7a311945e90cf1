/* Dense row-major tensors.
 *
 * A tensor is a shape, a type and a pointer. It owns nothing: its struct and its data live in an arena (or data in a
 * mapped file, or another tensor's storage: a view), and go when the arena is reset. There are no strides: transposes
 * are flags of matmul, heads are addressed inside attention. Every tensor knows its device. */
#ifndef HONE_TENSOR_TENSOR_H
#define HONE_TENSOR_TENSOR_H

#include "base/memory.h"
#include "base/status.h"
#include "tensor/dtype.h"

#define HONE_MAX_RANK 8 /* most dimensions of a tensor */

/* Where the data are. This release computes on the CPU alone. */
typedef enum hone_device { HONE_CPU = 0, HONE_CUDA = 1 } hone_device;

/* Dimensions, the last one contiguous. */
typedef struct hone_shape {
    int rank; /* 0: a scalar, one element */
    int64_t dim[HONE_MAX_RANK];
} hone_shape;

typedef struct hone_node hone_node; /* the operation that made a tensor; autograd's */

/* Which rows of an embedding table's gradient hold something: a batch touches a few hundred of 30,000 rows, and only
 * those are zeroed, summed, measured and used. mark [V], list [n] in order of first touch; the owner clears both after
 * its step. */
typedef struct hone_row_set {
    uint8_t *mark;
    int32_t *list;
    int64_t n;
} hone_row_set;

/* A tensor. Only grad_set, grad and data change after it was made. */
typedef struct hone_tensor {
    void *data;
    hone_dtype dtype;
    hone_device device;
    hone_shape shape;
    const char *name; /* never NULL; "" for intermediate results */

    /* Gradient: same shape and dtype, NULL until somebody wants it. grad_set says whether it already holds a sum (the
     * next contribution adds) or garbage (the next contribution overwrites): no pass is spent on zeroing. */
    bool needs_grad, grad_set;
    void *grad;
    hone_row_set *rows; /* an embedding table's: rows of grad outside the set hold garbage. NULL: grad is whole */
    const struct hone_prepared
        *prepared;   /* a weight laid out for the kernels (prepared.h); data may then be NULL. NULL: not */
    hone_node *node; /* NULL: a leaf (parameter or input) */
} hone_tensor;

/* What stands behind hone_shape_of: n numbers, the rank and its dimensions. */
hone_shape hone_shape_make(size_t n, const int64_t *list);
/* [a, b] is hone_shape_of(2, a, b), a scalar's shape hone_shape_of(0): the rank, then as many dimensions, integers of
 * any type, 0 or more. Anything else is the caller's mistake and asserted: numbers from files are checked before. */
#ifdef __cplusplus
extern "C++" {
template <typename... N> static inline hone_shape hone_shape_of(int rank, N... dim) {
    const int64_t list[] = {rank, static_cast<int64_t>(dim)...};
    return hone_shape_make(sizeof list / sizeof *list, list);
}
}
#else
#define hone_shape_of(...)                                                                                             \
    hone_shape_make(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})
#endif
int64_t hone_shape_count(const hone_shape *s); /* elements; checked at construction, so it cannot overflow */
bool hone_shape_equal(const hone_shape *a, const hone_shape *b);
/* "[16, 384]" for messages; eight rotating thread-local buffers. */
const char *hone_shape_str(const hone_shape *s);

/* Elements of t. */
static inline int64_t hone_count(const hone_tensor *t) {
    return hone_shape_count(&t->shape);
}
/* Dimension i of t; -1 is the last. */
static inline int64_t hone_dim(const hone_tensor *t, int i) {
    return t->shape.dim[i < 0 ? t->shape.rank + i : i];
}
/* Product of all dimensions but the last; the last (1 for a scalar). */
int64_t hone_rows(const hone_tensor *t);
int64_t hone_cols(const hone_tensor *t);
/* The data as what they are; the caller knows the dtype. */
static inline float *hone_f32(const hone_tensor *t) {
    return (float *)t->data;
}
/* As hone_f32, for F64. */
static inline double *hone_f64(const hone_tensor *t) {
    return (double *)t->data;
}
/* As hone_f32, for I32. */
static inline int32_t *hone_i32(const hone_tensor *t) {
    return (int32_t *)t->data;
}

/* A new tensor with uninitialised data in the arena; NULL when it is short of memory (the arena stays failed). */
hone_tensor *hone_tensor_new(hone_arena *a, hone_dtype dtype, hone_shape shape);
/* A tensor over memory that somebody else owns and that outlives it. */
hone_tensor *hone_tensor_wrap(hone_arena *a, hone_dtype dtype, hone_shape shape, void *data);

#endif
