/* The bf16 rows: packing against its definition, tiles bit by bit against vdpbf16ps's arithmetic in quadruple
 * precision. */
#include "tests/kernels/dot_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The manual's rounding, by way of the conversion that the weights' files use. */
static uint32_t bf16_of(float x) {
    uint16_t half;
    if (fabsf(x) < 0x1p-126f) return bits_of(x) >> 16 & 0x8000;
    hone_vector_bf16_narrow__scalar(1, &x, &half);
    return half;
}

/* Kinds of values: plain; of all sizes; products near 2^-126; whatever bits there are. */
static float value(uint64_t seed, uint64_t i, int kind) {
    double u = case_uniform(seed, i), v = case_uniform(seed + 1000, i);
    if (kind == 1) return (float)ldexp(u, (int)(v * 60));
    if (kind == 2) return (float)ldexp(u, -63 + (int)(v * 4));
    if (kind == 3 && v > 0.7) return from_bits((uint32_t)((v * 0x1p10 - floor(v * 0x1p10)) * 0x1p32));
    if (kind == 3 && v > 0.6) return from_bits((uint32_t)(fabs(u) * 0x1p23)); /* denormal */
    if (kind == 4) return v > 0.95 ? (v > 0.97 ? INFINITY : NAN) : (float)u;
    return (float)u;
}

static float quad_fma(float a, float b, float sum) {
    __float128 exact = (__float128)a * (__float128)b + (__float128)sum;
    __float128 size = exact < 0 ? -exact : exact;
    if (size < (__float128)0x1p-126 - (__float128)0x1p-151) return copysignf(0, (float)exact);
    return (float)exact;
}

static uint32_t word_of(const hone_dot_bf16_row *row, float even, float odd, int64_t w) {
    if (row->pair_words == 1) return bf16_of(even) | bf16_of(odd) << 16;
    return bf16_of(w % 2 ? even : odd) << 16;
}

static void pack_case(score *s, const dot_bf16_entry *e, int form, int64_t K, int64_t n, uint64_t seed) {
    const hone_dot_bf16_row *row = e->row;
    const int64_t words = hone_dot_bf16_words(row, K), width = form == 2 ? 0 : form == 3 ? row->mr : row->nr;
    const bool along = form == 1 || form == 2; /* k is what neighbours differ in */
    const int64_t ld = (along ? K : n) + (int64_t)(seed % 3), count = along ? (n - 1) * ld + K : (K - 1) * ld + n;
    fixture f;
    fixture_begin(&f, seed);
    float *x = fixture_raw(&f, (size_t)count * 4, 4);
    for (int64_t i = 0; i < count; i++) x[i] = value(seed, (uint64_t)i, (int)(seed % 5));
    fixture_keep(&f, x);
    const int64_t total = words * (form == 2 ? n : width);
    uint32_t *out = fixture_raw(&f, (size_t)total * 4, 4);
    (form == 0   ? row->pack_copy
     : form == 1 ? row->pack_transpose
     : form == 2 ? row->pack_a_rows
                 : row->pack_a_copy)(K, n, x, ld, out);
    for (int64_t i = 0; i < total; i++) {
        int64_t w = form == 2 ? i % words : i / width, j = form == 2 ? i / words : i % width;
        int64_t k = w / row->pair_words * 2;
        float even = 0, odd = 0;
        if (j < n) even = x[along ? j * ld + k : k * ld + j];
        if (j < n && k + 1 < K) odd = x[along ? j * ld + k + 1 : (k + 1) * ld + j];
        uint32_t want = word_of(row, even, odd, w);
        if (out[i] != want)
            FAIL("%s form %d: K %" PRId64 " n %" PRId64 " word %" PRId64 " is %08x, want %08x, seed %" PRIu64,
                 row->name, form, K, n, i, out[i], want, seed);
    }
    fixture_end(&f);
    s->cases++;
}

TEST(dot_bf16, packing_rounds_as_the_instruction_does_and_fills_with_zeros) {
    static const int64_t Ks[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65};
    score s = {.op = "bf16 pack"};
    uint64_t seed = 1;
    for (int r = 0; r < DOT_BF16_ROWS; r++) {
        const dot_bf16_entry *e = dot_bf16_entries + r;
        if (!dot_runs(e->row->isa, e->row->needs)) continue;
        for (int form = 0; form < 4; form++)
            for (int i = 0; i < 13; i++)
                for (int64_t n = 1; n <= (form < 2 ? e->row->nr : e->row->mr); n += 1 + n / 5, seed++)
                    pack_case(&s, e, form, Ks[i], n, seed * 7919);
    }
    score_print(&s, 1000);
}

static void bf16_tile_case(score *s, const dot_bf16_entry *e, int64_t rows, int64_t K, bool transposed, uint64_t seed) {
    const hone_dot_bf16_row *row = e->row;
    const int64_t words = hone_dot_bf16_words(row, K), nr = row->nr, ldc = nr + (int64_t)(seed % 3) * 5;
    fixture f;
    fixture_begin(&f, seed);
    float *x = malloc((size_t)(rows * K) * 4 + 4), *y = malloc((size_t)(K * nr) * 4 + 4);
    int kind = (int)(seed % 5);
    for (int64_t i = 0; i < rows * K; i++) x[i] = value(seed, (uint64_t)i, kind);
    for (int64_t i = 0; i < K * nr; i++) y[i] = value(seed + 5, (uint64_t)i, kind);
    uint32_t *a = fixture_raw(&f, (size_t)(words * (transposed ? row->mr : rows)) * 4, 4),
             *b = fixture_raw(&f, (size_t)(words * nr) * 4, 4);
    float *sums = fixture_raw(&f, (size_t)((rows - 1) * ldc + nr) * 4, 4), *want = malloc((size_t)(rows * nr) * 4);
    for (int64_t i = 0; i < (rows - 1) * ldc + nr; i++) sums[i] = -7;
    row->pack_copy(K, nr, y, nr, b);
    if (transposed) {
        float *t = malloc((size_t)(rows * K) * 4 + 4);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t k = 0; k < K; k++) t[k * rows + i] = x[i * K + k];
        row->pack_a_copy(K, rows, t, rows, a);
        free(t);
    } else {
        row->pack_a_rows(K, rows, x, K, a);
    }
    fixture_keep(&f, a), fixture_keep(&f, b);
    row->tile(rows, words, a, transposed ? 1 : words, transposed ? row->mr : 1, b, sums, ldc);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < nr; j++) {
            float sum = 0;
            for (int64_t k = 0; k < K; k += 2) {
                float odd_a = k + 1 < K ? from_bits(bf16_of(x[i * K + k + 1]) << 16) : 0;
                float odd_b = k + 1 < K ? from_bits(bf16_of(y[(k + 1) * nr + j]) << 16) : 0;
                sum = quad_fma(odd_a, odd_b, sum);
                sum = quad_fma(from_bits(bf16_of(x[i * K + k]) << 16), from_bits(bf16_of(y[k * nr + j]) << 16), sum);
            }
            want[i * nr + j] = sum;
        }
    for (int64_t i = 0; i < rows; i++) {
        score_same(s, e->kind, &f, row->name, nr, sums + i * ldc, want + i * nr);
        for (int64_t j = nr; j < ldc && i < rows - 1; j++) CHECK(sums[i * ldc + j] == -7);
    }
    fixture_end(&f);
    free(x), free(y), free(want);
    s->cases++;
}

TEST(dot_bf16, every_tile_has_the_bits_of_the_instruction_flushed_denormals_included) {
    static const int64_t Ks[] = {1, 2, 3, 8, 17, 64, 127};
    score s = {.op = "bf16 tile"};
    uint64_t seed = 1;
    for (int r = 0; r < DOT_BF16_ROWS; r++) {
        const dot_bf16_entry *e = dot_bf16_entries + r;
        if (!dot_runs(e->row->isa, e->row->needs)) continue;
        CHECK(e->row->mr * e->row->nr <= 12 * 32);
        for (int64_t rows = 1; rows <= e->row->mr; rows++)
            for (int i = 0; i < 7; i++)
                for (int n = 0; n < 5; n++, seed++) bf16_tile_case(&s, e, rows, Ks[i], n % 2, seed);
    }
    score_print(&s, 1000);
}

/* sum = 2^-63 2^-63 = 2^-126, then a product of -2^-150, -2^-151 (a tie), -2^-152: only the first leaves a denormal. */
TEST(dot_bf16, a_result_is_denormal_if_it_is_after_rounding) {
    for (int r = 0; r < DOT_BF16_ROWS; r++) {
        const hone_dot_bf16_row *row = dot_bf16_entries[r].row;
        if (!dot_runs(row->isa, row->needs)) continue;
        for (int e = 75; e <= 76; e++)
            for (int f = 75; f <= 76; f++)
                for (int sign = -1; sign < 2; sign += 2) {
                    float x[2] = {(float)ldexp(-sign, -e), (float)ldexp(sign, -63)}, sums[32];
                    float y[2] = {(float)ldexp(1, -f), (float)ldexp(1, -63)};
                    uint32_t a[2], b[2 * 32];
                    row->pack_a_rows(2, 1, x, 2, a);
                    row->pack_transpose(2, 1, y, 2, b);
                    row->tile(1, row->pair_words, a, row->pair_words, 1, b, sums, row->nr);
                    float want = e + f == 150 ? copysignf(0, (float)sign) : copysignf(0x1p-126f, (float)sign);
                    CHECK_MSG(bits_of(sums[0]) == bits_of(want), "%s: %d %d: %a, want %a", row->name, e, f,
                              (double)sums[0], (double)want);
                }
    }
}

TEST(dot_bf16, tiles_leave_the_rounding_mode_and_denormals_of_the_caller_alone) {
    volatile float tiny = 0x1p-140f;
    for (int r = 0; r < DOT_BF16_ROWS; r++) {
        const hone_dot_bf16_row *row = dot_bf16_entries[r].row;
        if (!dot_runs(row->isa, row->needs)) continue;
        uint32_t a[2 * 12] = {0}, b[2 * 32] = {0};
        float sums[12 * 32];
        row->tile(1, row->pair_words, a, row->pair_words, 1, b, sums, row->nr);
        CHECK(tiny * 2 == 0x1p-139f);
    }
}

/* In a virtual machine a CPUID takes some microseconds, and every product makes the choice. */
TEST(dot_bf16, choosing_the_row_does_not_ask_the_processor_again) {
    enum { CHOICES = 10000 };
    const hone_dot_bf16_row *first = hone_dot_bf16_choose();
    clock_t start = clock();
    for (int i = 0; i < CHOICES; i++) CHECK(hone_dot_bf16_choose() == first);
    double each = (double)(clock() - start) / CLOCKS_PER_SEC / CHOICES;
    CHECK_MSG(each < 5e-6, "a choice takes %.1f us of processor time", each * 1e6);
}

TEST(dot_bf16, the_instruction_runs_here) {
    if (!dot_runs(HONE_ISA_AVX512, HONE_CPU_AVX512_BF16))
        SKIP("this machine has no AVX512-BF16: its row is compiled, its tile runs as emu512bf16");
}
