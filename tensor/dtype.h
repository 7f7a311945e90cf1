/* Element types: those of safetensors files, of which kernels compute in F32 (and F64 for checks) and index with
 * I32. */
#ifndef HONE_TENSOR_DTYPE_H
#define HONE_TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>

/* The order is safetensors' own: its writer sorts tensors by this number, descending. */
typedef enum hone_dtype {
    HONE_BOOL = 0,
    HONE_F4,
    HONE_F6_E2M3,
    HONE_F6_E3M2,
    HONE_U8,
    HONE_I8,
    HONE_F8_E5M2,
    HONE_F8_E4M3,
    HONE_F8_E8M0,
    HONE_F8_E4M3FNUZ,
    HONE_F8_E5M2FNUZ,
    HONE_I16,
    HONE_U16,
    HONE_F16,
    HONE_BF16,
    HONE_I32,
    HONE_U32,
    HONE_F32,
    HONE_C64,
    HONE_F64,
    HONE_I64,
    HONE_U64,
    HONE_DTYPE_COUNT
} hone_dtype;

const char *hone_dtype_name(hone_dtype t); /* "F32" */
int hone_dtype_bits(hone_dtype t);         /* 4 to 64 */
static inline size_t hone_dtype_size(hone_dtype t) {
    return (size_t)hone_dtype_bits(t) / 8;
} /* bytes; 0 for F4 and F6 */
int hone_dtype_from_name(const char *name, size_t n); /* a hone_dtype, or -1 */

#endif
