#include "tensor/dtype.h"

#include <string.h>

static const struct {
    const char *name;
    int bits;
} types[HONE_DTYPE_COUNT] = {
    [HONE_BOOL] = {"BOOL", 8},
    [HONE_F4] = {"F4", 4},
    [HONE_F6_E2M3] = {"F6_E2M3", 6},
    [HONE_F6_E3M2] = {"F6_E3M2", 6},
    [HONE_U8] = {"U8", 8},
    [HONE_I8] = {"I8", 8},
    [HONE_F8_E5M2] = {"F8_E5M2", 8},
    [HONE_F8_E4M3] = {"F8_E4M3", 8},
    [HONE_F8_E8M0] = {"F8_E8M0", 8},
    [HONE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [HONE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [HONE_I16] = {"I16", 16},
    [HONE_U16] = {"U16", 16},
    [HONE_F16] = {"F16", 16},
    [HONE_BF16] = {"BF16", 16},
    [HONE_I32] = {"I32", 32},
    [HONE_U32] = {"U32", 32},
    [HONE_F32] = {"F32", 32},
    [HONE_C64] = {"C64", 64},
    [HONE_F64] = {"F64", 64},
    [HONE_I64] = {"I64", 64},
    [HONE_U64] = {"U64", 64},
};

const char *hone_dtype_name(hone_dtype t) {
    return (unsigned)t < HONE_DTYPE_COUNT ? types[t].name : "?";
}
int hone_dtype_bits(hone_dtype t) {
    return (unsigned)t < HONE_DTYPE_COUNT ? types[t].bits : 0;
}

int hone_dtype_from_name(const char *name, size_t n) {
    for (int t = 0; t < HONE_DTYPE_COUNT; t++)
        if (strlen(types[t].name) == n && !memcmp(types[t].name, name, n)) return t;
    return -1;
}
