/* The dot-product rows under test, the 512-bit ones in emulation among them. */
#ifndef HONE_TESTS_KERNELS_DOT_ROWS_H
#define HONE_TESTS_KERNELS_DOT_ROWS_H
#include "kernels/dot/dot.h"
#include "kernels/dot/dot_bf16.h"
#include "tests/kernels/rows.h"

extern const hone_dot_int8_row hone_dot_int8__emu512vnni, hone_dot_int8__emu512;

typedef struct dot_int8_entry {
    const hone_dot_int8_row *row;
    int kind; /* ROW_… */
} dot_int8_entry;

enum { DOT_INT8_ROWS = 7 };
static const dot_int8_entry dot_int8_entries[DOT_INT8_ROWS] = {
    {&hone_dot_int8__scalar, ROW_SCALAR},     {&hone_dot_int8__avx2, ROW_AVX2},    {&hone_dot_int8__emu512, ROW_EMU512},
    {&hone_dot_int8__emu512vnni, ROW_EMU512}, {&hone_dot_int8__avxvnni, ROW_AVX2}, {&hone_dot_int8__avx512, ROW_AVX512},
    {&hone_dot_int8__avx512vnni, ROW_AVX512},
};
extern const hone_dot_bf16_row hone_dot_bf16__emu512bf16, hone_dot_bf16__emu512;

typedef struct dot_bf16_entry {
    const hone_dot_bf16_row *row;
    int kind;
} dot_bf16_entry;

enum { DOT_BF16_ROWS = 6 };
static const dot_bf16_entry dot_bf16_entries[DOT_BF16_ROWS] = {
    {&hone_dot_bf16__scalar, ROW_SCALAR}, {&hone_dot_bf16__avx2, ROW_AVX2},
    {&hone_dot_bf16__emu512, ROW_EMU512}, {&hone_dot_bf16__emu512bf16, ROW_EMU512},
    {&hone_dot_bf16__avx512, ROW_AVX512}, {&hone_dot_bf16__avx512bf16, ROW_AVX512},
};
static inline bool dot_runs(hone_isa isa, uint32_t needs) {
    return hone_isa_supported(isa) && !(needs & ~hone_cpu_features(HONE_ISA_AVX512));
}
#endif
