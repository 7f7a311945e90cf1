/* The scalar rows of the dot-product kernels, which say what the others must give, and the choice among the rows. */
#include "kernels/dot/dot.h"

#define DOT_ROWS 4
#define DOT_COLS 8
#define DOT_GROUP 4
#define DOT_NAME(x) dot_int8_##x

static void dot_int8_words(int64_t rows, int64_t groups, const uint32_t *a, int64_t row, int64_t step, const int8_t *b,
                           int32_t *sums, int64_t lds) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < DOT_COLS; j++) {
            int32_t sum = 0;
            for (int64_t g = 0; g < groups; g++) {
                const uint8_t *u = (const uint8_t *)(a + i * row + g * step);
                const int8_t *q = b + (g * DOT_COLS + j) * DOT_GROUP;
                for (int k = 0; k < DOT_GROUP; k++) sum += u[k] * q[k];
            }
            sums[i * lds + j] = sum;
        }
}

#define DOT_INT8_ROW hone_dot_int8__scalar
#define DOT_INT8_FIELDS .name = "scalar_4x8", .isa = HONE_ISA_SCALAR, .needs = 0
#include "kernels/dot/dot_int8.inc"

const hone_dot_int8_row *const hone_dot_int8_rows[] = {&hone_dot_int8__avx512vnni, &hone_dot_int8__avxvnni,
                                                       &hone_dot_int8__avx512,     &hone_dot_int8__avx2,
                                                       &hone_dot_int8__scalar,     NULL};

#ifdef HONE_TEST_HOOKS
const hone_dot_int8_row *hone_dot_int8_forced, *hone_dot_int8_stand_in;
#endif

const hone_dot_int8_row *hone_dot_int8_choose(void) {
#ifdef HONE_TEST_HOOKS
    if (hone_dot_int8_forced) return hone_dot_int8_forced;
    if (hone_dot_int8_stand_in) return hone_dot_int8_stand_in;
#endif
    hone_isa isa = hone_kernels_isa();
    uint32_t has = hone_cpu_features(isa);
    const hone_dot_int8_row *const *row = hone_dot_int8_rows;
    while ((*row)->isa > isa || ((*row)->needs & ~has)) row++; /* scalar wants nothing */
    return *row;
}
