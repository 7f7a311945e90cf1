/* The matmul rows under test, the 16-lane shapes in emulation among them. */
#ifndef HONE_TESTS_KERNELS_MATMUL_ROWS_H
#define HONE_TESTS_KERNELS_MATMUL_ROWS_H
#include "kernels/matmul/matmul.h"
#include "tests/kernels/rows.h"

extern const hone_matmul_f32_row hone_matmul_f32__emu512_8x48, hone_matmul_f32__emu512_12x32;

typedef struct matmul_row_entry {
    const hone_matmul_f32_row *row;
    int kind; /* ROW_… */
} matmul_row_entry;

enum { MATMUL_ROWS = 6 };
static const matmul_row_entry matmul_rows[MATMUL_ROWS] = {
    {&hone_matmul_f32__scalar, ROW_SCALAR},      {&hone_matmul_f32__avx2, ROW_AVX2},
    {&hone_matmul_f32__emu512_8x48, ROW_EMU512}, {&hone_matmul_f32__emu512_12x32, ROW_EMU512},
    {&hone_matmul_f32__avx512_8x48, ROW_AVX512}, {&hone_matmul_f32__avx512_12x32, ROW_AVX512},
};
#endif
