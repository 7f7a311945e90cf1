/* HONE_TEST_EMULATE=1 (make emulated): the whole runner, whatever it tests, computes with the rows of 16 lanes in plain C,
 * those of a processor with AVX-512, VNNI and BF16. Commands that tests start as processes do not. */
#include "tests/kernels/dot_rows.h"
#include "tests/kernels/matmul_rows.h"

#include <stdlib.h>

bool test_emulates(void) {
    const char *wish = getenv("HONE_TEST_EMULATE");
    return wish && *wish && row_runs(ROW_EMU512);
}

void test_emulate(void) {
#define HONE_KERNEL(name)                                                                                              \
    if (!rows_##name[ROW_EMU512]) abort();                                                                             \
    hone_##name = rows_##name[ROW_EMU512];
#include "kernels/kernels.def"
#undef HONE_KERNEL
    hone_matmul_f32_stand_in[0] = &hone_matmul_f32__emu512_12x32;
    hone_matmul_f32_stand_in[1] = &hone_matmul_f32__emu512_8x48;
    hone_dot_int8_stand_in = &hone_dot_int8__emu512vnni;
    hone_dot_bf16_stand_in = &hone_dot_bf16__emu512bf16;
}
