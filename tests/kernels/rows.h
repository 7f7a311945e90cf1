/* What the kernel tests share: every row of every kernel, guarded buffers, and the comparison with the double
 * reference.
 *
 * Rows tested: scalar, avx2, the 16-lane bodies in emulation (__emu512, any machine with AVX2), avx512 where the
 * machine has it. A case is one call of one row. Each test prints its cases and the worst error as a share of the
 * tolerance. */
#ifndef HONE_TESTS_KERNELS_ROWS_H
#define HONE_TESTS_KERNELS_ROWS_H

#include "kernels/kernels.h"
#include "tests/test.h"

enum { ROW_SCALAR, ROW_AVX2, ROW_EMU512, ROW_AVX512, ROW_COUNT };
const char *row_name(int row);
bool row_runs(int row); /* the machine can execute it */

/* tests/kernels/emulate.c: whether the runner was asked to compute with the emulated rows, and doing so. A test of the
 * choice of rows then skips. */
bool test_emulates(void);
void test_emulate(void);

/* rows_<name>[row]: NULL where no such row is linked. */
#define HONE_KERNEL(name) extern hone_##name##_fn *const rows_##name[ROW_COUNT];
#include "kernels/kernels.def"
#undef HONE_KERNEL

#define FOR_ROWS(row, name)                                                                                            \
    for (int row = 0; row < ROW_COUNT; row++)                                                                          \
        if (row_runs(row) && rows_##name[row])

/* Sizes around both vector widths and the dropout group, primes and a few hundred. */
extern const int64_t row_sizes[];
extern const int row_size_count;

/* Buffers of one case. Each lies right behind a guard page, right before one, or between canaries at an odd address,
 * chosen by the seed; lengths of 0 are fine. Contents are random in [-scale, scale). */
typedef struct fixture {
    uint64_t seed;
    int used;
    struct {
        unsigned char *p;
        size_t bytes;
        void *copy; /* inputs: what must still be there */
    } slot[16];
} fixture;
void fixture_begin(fixture *f, uint64_t seed);
float *fixture_in(fixture *f, int64_t n, double scale);
float *fixture_out(fixture *f, int64_t n, bool filled);   /* filled: random values to add to; else NaN */
void *fixture_raw(fixture *f, size_t bytes, size_t item); /* neither filled nor checked for changes: 0xFF */
void fixture_keep(fixture *f, const void *p);             /* from now on p's contents must not change */
void fixture_end(fixture *f);                             /* fails if an input changed or a canary died */

double case_uniform(uint64_t seed, uint64_t i);  /* [-1, 1) */
double *case_doubles(int64_t n, const float *x); /* a widened copy, valid until the next fixture_begin; x NULL: zeros */
float *case_floats(int64_t n, const float *x);

/* The score of one test. */
typedef struct score {
    const char *op;
    int64_t cases;
    double worst;
    int worst_row;
} score;
/* Both NaN, or equal (infinities too), or |got - want| <= tol. Otherwise the test fails with everything needed to
 * repeat it. */
void score_near(score *s, int row, const fixture *f, const char *what, int64_t index, double got, double want,
                double tol);
void score_same(score *s, int row, const fixture *f, const char *what, int64_t n, const float *got,
                const float *want);                 /* bits */
void score_print(const score *s, int64_t at_least); /* and fails when fewer cases ran */

#define UNIT 0x1p-24 /* unit roundoff of float */

#endif
