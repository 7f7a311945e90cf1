#include "tests/kernels/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Weak: a kernel need not have an emulated row (attention and matmul bring their own tests). */
#define HONE_KERNEL(name)                                                                                              \
    extern hone_##name##_fn hone_##name##__emu512 __attribute__((weak));                                               \
    hone_##name##_fn *const rows_##name[ROW_COUNT] = {hone_##name##__scalar, hone_##name##__avx2,                      \
                                                      hone_##name##__emu512, hone_##name##__avx512};
#include "kernels/kernels.def"
#undef HONE_KERNEL

const int64_t row_sizes[] = {0,  1,  2,  3,  5,  7,  8,   9,   11,  13,  15,  16,  17,  19,  23,  29,  31,  32,
                             33, 47, 48, 61, 64, 97, 127, 128, 129, 149, 211, 256, 257, 307, 384, 509, 768, 1021};
const int row_size_count = (int)(sizeof row_sizes / sizeof *row_sizes);

const char *row_name(int row) {
    static const char *const names[] = {"scalar", "avx2", "emu512", "avx512"};
    return names[row];
}

bool row_runs(int row) {
    /* The emulated row is built with AVX2 flags. */
    return row == ROW_SCALAR || hone_isa_supported(row == ROW_AVX512 ? HONE_ISA_AVX512 : HONE_ISA_AVX2);
}

static int64_t all_cases;
static void print_total(void) {
    printf("kernel cases in this run: %" PRId64 "\n", all_cases);
}

/* Regions: [guard][REGION bytes][guard], mapped once. */
enum { REGION = 4 << 20, CANARY = 256 };
static unsigned char *region_start[16], *region_end[16];
static unsigned char *heap;
static size_t heap_used;
static const size_t heap_size = (size_t)256 << 20;

static void *heap_take(size_t bytes) {
    if (!heap && !(heap = malloc(heap_size))) abort();
    bytes = (bytes + 63) & ~(size_t)63;
    if (bytes > heap_size - heap_used) abort();
    heap_used += bytes;
    return heap + heap_used - bytes;
}

static uint64_t mix(uint64_t x) { /* splitmix64's finaliser */
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    return x ^ x >> 31;
}

double case_uniform(uint64_t seed, uint64_t i) {
    return (double)(mix(seed * 0x100000001B3ull + i) >> 11) * 0x1p-52 - 1;
}

void fixture_begin(fixture *f, uint64_t seed) {
    memset(f, 0, sizeof *f);
    f->seed = seed;
    heap_used = 0;
}

void *fixture_raw(fixture *f, size_t bytes, size_t item) {
    int s = f->used++;
    if (s == 16 || bytes + 4 * CANARY > REGION) abort();
    if (!region_start[s]) {
        region_start[s] = test_guard_alloc(REGION, 64, true);
        region_end[s] = (unsigned char *)test_guard_alloc(REGION, 64, false) + REGION;
    }
    uint64_t h = mix(f->seed * 31 + (uint64_t)s);
    unsigned char *p;
    if (h % 3 == 0)
        p = region_start[s];
    else if (h % 3 == 1)
        p = region_end[s] - bytes;
    else
        p = region_start[s] + CANARY + (h >> 8) % 64 / item * item;
    if (p > region_start[s] && p < region_start[s] + REGION)
        memset(region_start[s], 0xA5, (size_t)(p - region_start[s]));
    if (p + bytes != region_end[s])
        memset(p + bytes, 0xA5, CANARY);
    else
        memset(p - CANARY, 0xA5, CANARY);
    memset(p, 0xFF, bytes);
    f->slot[s].p = p, f->slot[s].bytes = bytes;
    return p;
}

static float *fixture_fill(fixture *f, int64_t n, double scale) {
    float *p = fixture_raw(f, (size_t)n * sizeof *p, sizeof *p);
    uint64_t seed = f->seed * 64 + (uint64_t)f->used;
    for (int64_t i = 0; i < n; i++) p[i] = (float)(scale * case_uniform(seed, (uint64_t)i));
    return p;
}

void fixture_keep(fixture *f, const void *p) {
    for (int s = 0; s < f->used; s++)
        if (f->slot[s].p == p) {
            f->slot[s].copy = heap_take(f->slot[s].bytes + 1);
            memcpy(f->slot[s].copy, p, f->slot[s].bytes);
        }
}

float *fixture_in(fixture *f, int64_t n, double scale) {
    float *p = fixture_fill(f, n, scale);
    fixture_keep(f, p);
    return p;
}

float *fixture_out(fixture *f, int64_t n, bool filled) {
    return filled ? fixture_fill(f, n, 1) : fixture_raw(f, (size_t)n * sizeof(float), sizeof(float));
}

void fixture_end(fixture *f) {
    for (int s = 0; s < f->used; s++) {
        unsigned char *p = f->slot[s].p;
        size_t bytes = f->slot[s].bytes;
        CHECK_MSG(!f->slot[s].copy || !memcmp(p, f->slot[s].copy, bytes), "input %d was changed (seed %" PRIu64 ")", s,
                  f->seed);
        bool at_start = p == region_start[s], at_end = p + bytes == region_end[s];
        for (size_t i = 1; i <= CANARY; i++) {
            CHECK_MSG(at_start || p[-(ptrdiff_t)i] == 0xA5,
                      "%zu bytes before buffer %d were written (seed %" PRIu64 ")", i, s, f->seed);
            CHECK_MSG(at_end || p[bytes + i - 1] == 0xA5, "%zu bytes behind buffer %d were written (seed %" PRIu64 ")",
                      i, s, f->seed);
        }
    }
}

double *case_doubles(int64_t n, const float *x) {
    double *d = heap_take((size_t)n * sizeof *d + 1);
    for (int64_t i = 0; i < n; i++) d[i] = x ? (double)x[i] : 0;
    return d;
}

float *case_floats(int64_t n, const float *x) {
    float *d = heap_take((size_t)n * sizeof *d + 1);
    if (n) memcpy(d, x, (size_t)n * sizeof *d);
    return d;
}

void score_near(score *s, int row, const fixture *f, const char *what, int64_t index, double got, double want,
                double tol) {
    if ((isnan(got) && isnan(want)) || got == want) return;
    double err = fabs(got - want);
    if (!(err <= tol))
        FAIL("%s %s: %s, index %" PRId64 " is %.9g, want %.9g (off by %.3g, allowed %.3g), seed %" PRIu64, s->op,
             row_name(row), what, index, got, want, err, tol, f->seed);
    if (err > s->worst * tol) s->worst = err / tol, s->worst_row = row;
}

void score_same(score *s, int row, const fixture *f, const char *what, int64_t n, const float *got, const float *want) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(got + i, want + i, sizeof *got) && !(isnan(got[i]) && isnan(want[i])))
            FAIL("%s %s: %s, index %" PRId64 " is %.9g, want the bits of %.9g, seed %" PRIu64, s->op, row_name(row),
                 what, i, (double)got[i], (double)want[i], f->seed);
}

void score_print(const score *s, int64_t at_least) {
    static bool registered;
    at_least = test_cases(at_least, 1);
    if (!registered) registered = !atexit(print_total);
    all_cases += s->cases;
    printf("  %s: %" PRId64 " cases, worst err/tol %.3f (%s)\n", s->op, s->cases, s->worst, row_name(s->worst_row));
    CHECK_MSG(!row_runs(ROW_AVX2) || s->cases >= at_least, "%s: only %" PRId64 " cases, want %" PRId64, s->op, s->cases,
              at_least);
}
