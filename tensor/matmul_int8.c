/* Products in 8-bit integers: packing, blocks and threads around the tiles of kernels/dot.
 *
 * A task owns a rectangle of y: some tiles of rows by some panels of columns. With many rows it owns all columns and
 * quantises its own rows, just before it needs them; with few, they are quantised once and the tasks share the columns.
 * Inside it, for a group of panels that stays in L2, for each tile, for each panel: the whole sum over K in registers
 * (no chains: integers are exact), and from a buffer in L1 the way back to floats. */
#include "tensor/matmul_int8.h"

#include "base/parallel.h"
#include "kernels/dot/dot.h"
#include "kernels/kernels.h"
#include "tensor/matmul_blocks.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct int8_pack_job {
    const float *w;
    int64_t ldw;
    const float *inverse; /* [K], 1 / c_k: what weights are multiplied by */
    const hone_matmul_int8_weight *to;
    int8_t *panels;
    float *scale;
    int32_t *sum;
} int8_pack_job;

/* One panel: each row quantised, then dealt out in groups. */
static hone_status int8_pack_task(void *ctx, int64_t panel) {
    const int8_pack_job *j = ctx;
    const hone_dot_int8_row *row = j->to->row;
    const int64_t nr = row->nr, group = row->group, K = j->to->K, groups = blocks_ceil(K, group);
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    int8_t *q = hone_arena_zalloc(scratch, (size_t)(groups * group)), *out = j->panels + panel * groups * nr * group;
    if (!q) return HONE_E_NOMEM;
    memset(out, 0, (size_t)(groups * nr * group));
    hone_status status = HONE_OK;
    for (int64_t n = panel * nr; n < blocks_min(j->to->N, (panel + 1) * nr) && !status; n++) {
        j->sum[n] = row->weights(K, j->w + n * j->ldw, j->inverse, q, j->scale + n);
        if (isnan(j->scale[n]))
            status = hone_fail(HONE_E_NUMERIC,
                               "int8: row %" PRId64 " of %" PRId64 " of the weight holds a value that is "
                               "not finite",
                               n, j->to->N);
        int8_t *column = out + n % nr * group;
        if (group == 4) /* copies of constant size: a move each */
            for (int64_t g = 0; g < groups; g++) memcpy(column + g * nr * 4, q + g * 4, 4);
        else
            for (int64_t g = 0; g < groups; g++) memcpy(column + g * nr * 2, q + g * 2, 2);
    }
    hone_arena_release(scratch, mark);
    return status;
}

typedef struct int8_balance_job {
    int64_t N, K;
    const float *w;
    int64_t ldw;
    float *gain, *inverse;
} int8_balance_job;

enum { BALANCE_COLUMNS = 64 };

/* c_k = rms(W_.k)^(3/8) and its inverse, for some columns. Those of zeros, or too small or large for a sensible power,
 * stay as they are. */
static hone_status int8_balance_task(void *ctx, int64_t task) {
    const int8_balance_job *j = ctx;
    const int64_t k0 = task * BALANCE_COLUMNS, n_k = blocks_min(BALANCE_COLUMNS, j->K - k0);
    float squares[BALANCE_COLUMNS] = {0};
    for (int64_t n = 0; n < j->N; n++)
        for (int64_t k = 0; k < n_k; k++) squares[k] += j->w[n * j->ldw + k0 + k] * j->w[n * j->ldw + k0 + k];
    for (int64_t k = 0; k < n_k; k++) {
        float quarter = sqrtf(sqrtf(sqrtf(squares[k] / (float)j->N))); /* rms^(1/4) */
        float gain = quarter * sqrtf(quarter);
        if (!(gain > 0x1p-20f && gain < 0x1p20f)) gain = 1;
        j->gain[k0 + k] = gain, j->inverse[k0 + k] = 1 / gain;
    }
    return HONE_OK;
}

hone_status hone_matmul_int8_pack(hone_arena *arena, int64_t N, int64_t K, const float *w, int64_t ldw,
                                  hone_matmul_int8_weight *out) {
    const hone_dot_int8_row *row = hone_dot_int8_choose();
    *out = (hone_matmul_int8_weight){.N = N, .K = K, .row = row};
    if (K > HONE_DOT_INT8_MAX_K)
        return hone_fail(HONE_E_LIMIT, "int8: sums of %" PRId64 " products, at most %" PRId64 " fit into 32 bits", K,
                         HONE_DOT_INT8_MAX_K);
    if (N <= 0) return HONE_OK;
    const int64_t panels = blocks_ceil(N, row->nr), groups = blocks_ceil(K, row->group);
    const hone_arena_mark before = hone_arena_get_mark(arena);
    int8_pack_job j = {.w = w, .ldw = ldw, .to = out};
    j.panels = hone_arena_alloc(arena, (size_t)(panels * groups * row->nr * row->group));
    j.scale = hone_arena_alloc(arena, (size_t)N * sizeof *j.scale);
    j.sum = hone_arena_alloc(arena, (size_t)N * sizeof *j.sum);
    float *gain = hone_arena_alloc(arena, (size_t)K * sizeof *gain);
    hone_arena *scratch = hone_scratch();
    if (hone_arena_failed(arena) || !scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    float *inverse = hone_arena_alloc(scratch, (size_t)K * sizeof *inverse);
    int8_balance_job balance = {N, K, w, ldw, gain, inverse};
    hone_status status =
        inverse ? hone_parallel(blocks_ceil(K, BALANCE_COLUMNS), int8_balance_task, &balance) : HONE_E_NOMEM;
    j.inverse = inverse, out->panels = j.panels, out->scale = j.scale, out->sum = j.sum, out->gain = gain;
    if (!status) status = hone_parallel(panels, int8_pack_task, &j);
    hone_arena_release(scratch, mark);
    if (status) hone_arena_release(arena, before); /* all or nothing */
    return status;
}

typedef struct int8_job {
    const hone_matmul_int8_args *m;
    int64_t tiles, panels, cut_m, cut_n;
    int64_t group;         /* panels that stay in L2 together */
    int64_t words, stride; /* of a quantised row, and from one to the next */
    uint32_t *shared;      /* all rows, quantised beforehand; NULL: each task does its own */
    float *scale;
    int32_t *zero;
} int8_job;

static void int8_quantize(const int8_job *j, int64_t r0, int64_t r1, uint32_t *words, float *scale, int32_t *zero) {
    const hone_matmul_int8_weight *w = j->m->w;
    for (int64_t r = r0; r < r1; r++)
        w->row->quantize(w->K, j->m->a + r * j->m->lda, w->gain, words + (r - r0) * j->stride, scale + r - r0,
                         zero + r - r0);
}

static hone_status int8_room(const int8_job *j, int64_t rows, hone_arena *scratch, uint32_t **words, float **scale,
                             int32_t **zero) {
    *words = hone_arena_alloc(scratch, (size_t)(rows * j->stride) * sizeof **words);
    *scale = hone_arena_alloc(scratch, (size_t)rows * sizeof **scale);
    *zero = hone_arena_alloc(scratch, (size_t)rows * sizeof **zero);
    return *words && *scale && *zero ? HONE_OK : HONE_E_NOMEM;
}

enum { QUANTIZE_ROWS = 8 };
static hone_status int8_quantize_task(void *ctx, int64_t task) {
    const int8_job *j = ctx;
    int64_t r0 = task * QUANTIZE_ROWS;
    int8_quantize(j, r0, blocks_min(j->m->M, r0 + QUANTIZE_ROWS), j->shared + r0 * j->stride, j->scale + r0,
                  j->zero + r0);
    return HONE_OK;
}

/* Tile t by panels p0..p1; the rows' words, scales and zeros begin at the tile's. */
static void int8_tile(const int8_job *j, int64_t t, int64_t p0, int64_t p1, const uint32_t *words, const float *scale,
                      const int32_t *zero) {
    const hone_matmul_int8_args *m = j->m;
    const hone_matmul_int8_weight *w = m->w;
    const int64_t mr = w->row->mr, nr = w->row->nr, r0 = t * mr, rows = blocks_min(mr, m->M - r0);
    _Alignas(64) int32_t sums[HONE_DOT_TILE_MOST];
    for (int64_t p = p0; p < p1; p++) {
        int64_t n = p * nr;
        w->row->tile(rows, j->words, words, j->stride, w->panels + p * j->words * nr * w->row->group, sums);
        w->row->finish(rows, blocks_min(nr, w->N - n), sums, scale, zero, w->scale + n, w->sum + n,
                       m->bias ? m->bias + n : NULL, m->c + r0 * m->ldc + n, m->ldc);
    }
    for (int64_t r = r0; r < r0 + rows && m->act; r++) {
        float *c = m->c + r * m->ldc + p0 * nr;
        hone_activation_f32_fwd(blocks_min(w->N, p1 * nr) - p0 * nr, m->act, c, c);
    }
}

static hone_status int8_task(void *ctx, int64_t task) {
    const int8_job *j = ctx;
    const int64_t mr = j->m->w->row->mr, im = task % j->cut_m, in = task / j->cut_m;
    const int64_t t0 = j->tiles * im / j->cut_m, t1 = j->tiles * (im + 1) / j->cut_m;
    const int64_t p0 = j->panels * in / j->cut_n, p1 = j->panels * (in + 1) / j->cut_n;
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    uint32_t *words;
    float *scale;
    int32_t *zero;
    hone_status status = HONE_OK;
    if (j->shared)
        words = j->shared + t0 * mr * j->stride, scale = j->scale + t0 * mr, zero = j->zero + t0 * mr;
    else if (!(status = int8_room(j, (t1 - t0) * mr, scratch, &words, &scale, &zero)))
        int8_quantize(j, t0 * mr, blocks_min(j->m->M, t1 * mr), words, scale, zero);
    const int64_t groups = blocks_max(1, blocks_ceil(p1 - p0, j->group));
    for (int64_t g = 0; g < groups && !status; g++)
        for (int64_t t = t0; t < t1; t++) {
            int64_t first = (t - t0) * mr;
            int8_tile(j, t, p0 + (p1 - p0) * g / groups, p0 + (p1 - p0) * (g + 1) / groups, words + first * j->stride,
                      scale + first, zero + first);
        }
    hone_arena_release(scratch, mark);
    return status;
}

/* Several tasks for each thread, none so small that handing it out shows. Rows first, in blocks whose quantised form
 * stays in L2 beside the panels; columns where there are too few rows. Nothing depends on the cut but time. */
enum { TASKS_PER_THREAD = 6, TASK_WORK = 128 << 10, BLOCK_BYTES = 96 << 10 };

static void int8_cut(int8_job *j) {
    const hone_matmul_int8_weight *w = j->m->w;
    double work = (double)j->m->M * (double)w->N * (double)w->K / TASK_WORK;
    int64_t threads = hone_threads(), want = threads > 1 ? threads * TASKS_PER_THREAD : 1;
    if ((double)want > work) want = blocks_max(1, (int64_t)work);
    int64_t tile_bytes = w->row->mr * j->stride * (int64_t)sizeof *j->shared;
    int64_t blocks = blocks_ceil(j->tiles, blocks_max(1, BLOCK_BYTES / tile_bytes));
    j->cut_n = 1, j->cut_m = blocks_min(j->tiles, blocks_max(blocks, want));
    if (j->cut_m < want) j->cut_n = blocks_min(j->panels, blocks_ceil(want, j->cut_m));
}

hone_status hone_matmul_int8(const hone_matmul_int8_args *m) {
    const hone_matmul_int8_weight *w = m->w;
    if (m->M <= 0 || w->N <= 0) return HONE_OK;
    int8_job j = {.m = m, .tiles = blocks_ceil(m->M, w->row->mr), .panels = blocks_ceil(w->N, w->row->nr)};
    j.words = blocks_ceil(w->K, w->row->group), j.stride = blocks_max(1, j.words);
    if (j.stride % 512 == 0) j.stride += 16; /* rows 2 KiB apart would share their sets of L1 */
    j.group = blocks_max(1, blocks_l2_bytes() / blocks_max(1, j.words * w->row->nr * w->row->group));
    int8_cut(&j);
    if (j.cut_n == 1) return hone_parallel(j.cut_m, int8_task, &j);
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    hone_status status = int8_room(&j, m->M, scratch, &j.shared, &j.scale, &j.zero);
    if (!status && m->M * w->K <= 32 << 10) /* sooner done than handed out */
        int8_quantize(&j, 0, m->M, j.shared, j.scale, j.zero);
    else if (!status)
        status = hone_parallel(blocks_ceil(m->M, QUANTIZE_ROWS), int8_quantize_task, &j);
    if (!status) status = hone_parallel(j.cut_m * j.cut_n, int8_task, &j);
    hone_arena_release(scratch, mark);
    return status;
}
