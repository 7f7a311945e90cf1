/* Matrix multiplication in float: blocks, packing and threads around the tiles of kernels/matmul.
 *
 * op(B) is packed into panels of nr columns, K outermost. Long sums are cut into chains of equal length, at most kc:
 *
 *     packed B:   chain 0 [panel 0 | panel 1 | ...]   chain 1 [panel 0 | panel 1 | ...]   ...
 *                          kc x nr
 *
 * A task owns a rectangle of C, tiles by panels. Inside it, for a group of panels that stays in L2 while all tiles pass
 * by, for each chain, for each tile (mr rows of A, in L1), for each panel: one register tile of C. When a tile's last
 * chain is done, its rows get bias and activation while they are in L1.
 *
 * Each element of C is the sum of its chains in order, and the cut into chains depends on K and the kernel row alone.
 * So the same row of A gives the same bits whatever M, N, the blocks, the tasks and the threads are; blocks may follow
 * caches and threads. */
#include "tensor/matmul.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "kernels/matmul/matmul.h"
#include "tensor/matmul_passes.h"

#include <string.h>

/* A pass as its tasks read it. */
typedef struct matmul_job {
    const hone_matmul_args *m;
    const hone_matmul_f32_row *row;
    int64_t K0, K1;   /* the part of the sums that it adds */
    int64_t kc;       /* chain length; the last chain may be shorter */
    blocks_grid grid; /* of all of C */
    float *b;         /* chains of panels, from K0 on; NULL: each task packs its own */
    float *a;         /* packed tiles of A^T for K0..K1; NULL: read in place */
    float *sums;      /* [chains of the product, M]: what sum_a gets, chain by chain; or NULL */
} matmul_job;

static matmul_job matmul_job_of(const void *pass) {
    const blocks_pass *p = pass;
    const blocks_product *of = p->product;
    return (matmul_job){of->m, of->row, p->K0, p->K1, of->kc, of->grid, p->b, p->a, of->sums};
}

/* Chains of equal length, multiples of 8. */
static int64_t matmul_chain(const hone_matmul_f32_row *row, int64_t K) {
    int64_t chains = blocks_max(1, blocks_ceil(K, row->kc));
    return blocks_ceil(blocks_ceil(K, chains), 8) * 8;
}

static const float *matmul_b_at(const hone_matmul_args *m, int64_t k, int64_t n) {
    return m->trans_b ? m->b + n * m->ldb + k : m->b + k * m->ldb + n;
}

static void matmul_pack_panel(const matmul_job *j, int64_t k, int64_t steps, int64_t panel, float *out) {
    const hone_matmul_args *m = j->m;
    int64_t n0 = panel * j->row->nr;
    (m->trans_b ? j->row->pack_transpose : j->row->pack_copy)(steps, blocks_min(j->row->nr, m->N - n0),
                                                              matmul_b_at(m, k, n0), m->ldb, out);
}

enum { PACK_PANELS = 4, PACK_TILES = 16, PACK_STEPS = 32 }; /* of one packing task; steps that stay in L1 */

static hone_status matmul_pack_b_task(void *ctx, int64_t task) {
    const matmul_job job = matmul_job_of(ctx), *j = &job;
    int64_t groups = blocks_ceil(j->grid.panels, PACK_PANELS), p0 = task % groups * PACK_PANELS;
    int64_t k = j->K0 + task / groups * j->kc, steps = blocks_min(j->kc, j->K1 - k);
    for (int64_t p = p0; p < blocks_min(j->grid.panels, p0 + PACK_PANELS); p++)
        matmul_pack_panel(j, k, steps, p, j->b + ((k - j->K0) * j->grid.panels + p * steps) * j->row->nr);
    return HONE_OK;
}

static hone_status matmul_pack_a_task(void *ctx, int64_t task) {
    const matmul_job job = matmul_job_of(ctx), *j = &job;
    const hone_matmul_args *m = j->m;
    int64_t groups = blocks_ceil(j->grid.tiles, PACK_TILES), t0 = task % groups * PACK_TILES, mr = j->row->mr;
    int64_t k = j->K0 + task / groups * j->kc, steps = blocks_min(j->kc, j->K1 - k), first = t0 * mr,
            t1 = blocks_min(j->grid.tiles, t0 + PACK_TILES), width = blocks_min(m->M, t1 * mr) - first;
    float *sums = j->sums ? j->sums + k / j->kc * m->M + first : NULL;
    if (sums) memset(sums, 0, (size_t)width * sizeof *sums);
    for (int64_t part = 0; part < steps; part += PACK_STEPS) {
        /* Short columns, so that the source's lines are still in L1 for the next tile; beside each tile a share of the
         * rows that come after them is asked for. */
        int64_t some = blocks_min(PACK_STEPS, steps - part), ahead = blocks_min(PACK_STEPS, steps - part - some);
        const float *from = m->a + (k + part) * m->lda;
        for (int64_t t = t0; t < t1; t++) {
            int64_t i0 = ahead * (t - t0) / (t1 - t0), i1 = ahead * (t - t0 + 1) / (t1 - t0);
            blocks_prefetch_rows(from + (some + i0) * m->lda + first, i1 - i0, m->lda, 0, width);
            j->row->pack_a(some, m->M - t * mr, from + t * mr, m->lda,
                           j->a + ((k - j->K0) * j->grid.tiles + t * steps + part) * mr);
        }
        if (sums) hone_vector_f32_colsum(some, width, m->lda, from + first, sums);
    }
    return HONE_OK;
}

/* Where tile t of A begins at step k: element (i, k) of it is [i * row + k * step]. */
static const float *matmul_a_at(const matmul_job *j, int64_t t, int64_t k, int64_t steps, int64_t *row, int64_t *step) {
    const hone_matmul_args *m = j->m;
    int64_t mr = j->row->mr, r0 = t * mr;
    *row = 1, *step = mr;
    if (j->a) return j->a + ((k - j->K0) * j->grid.tiles + t * steps) * mr;
    *step = m->trans_a ? m->lda : 1;
    if (m->trans_a) return m->a + k * m->lda + r0;
    *row = m->lda;
    return m->a + r0 * m->lda + k;
}

/* Ask for the share `p` of `of` of tile t, which is the next one: the first panel would wait for every line of it. */
BLOCKS_PREFETCHES matmul_prefetch_a(const matmul_job *j, int64_t t, int64_t k, int64_t steps, int64_t p, int64_t of) {
    int64_t row, step, mr = j->row->mr, rows = blocks_min(mr, j->m->M - t * mr), line = 16;
    const float *a = matmul_a_at(j, t, k, steps, &row, &step);
    if (j->a) {
        int64_t n = steps * mr;
        for (int64_t i = n * p / of / line * line; i < n * (p + 1) / of; i += line) __builtin_prefetch(a + i, 0, 2);
        return;
    }
    if (step == 1) blocks_prefetch_rows(a, rows, row, steps * p / of / line * line, steps * (p + 1) / of);
}

/* Whether the rows of a tile of A, read in place, drive each other out of L1: rows a multiple of 4 KiB apart lie in one
 * set, which holds 8 lines (12 in some processors), and a tile of more rows would miss it at every step. Its chain is
 * copied first, which pays as soon as two panels read it. */
static bool matmul_rows_collide(const matmul_job *j) {
    return !j->m->trans_a && j->m->lda % (4096 / (int64_t)sizeof(float)) == 0 && j->row->mr > 8;
}

static const float *matmul_copy_tile(const float *a, int64_t row, int64_t rows, int64_t steps, float *out) {
    for (int64_t i = 0; i < rows; i++) memcpy(out + i * steps, a + i * row, (size_t)steps * sizeof *out);
    return out;
}

/* One chain of a group of panels for tiles t0..t1. copy: room for one tile's chain, or NULL: A is read where it is. */
static void matmul_chain_pass(const matmul_job *j, const float *panels, int64_t k, int64_t steps, int64_t t0,
                              int64_t t1, int64_t p0, int64_t p1, float *copy) {
    const hone_matmul_args *m = j->m;
    int64_t mr = j->row->mr, nr = j->row->nr;
    bool add = m->accumulate || k > 0, last = k + steps == m->K;
    for (int64_t t = t0; t < t1; t++) {
        int64_t r0 = t * mr, rows = blocks_min(mr, m->M - r0), row, step;
        const float *a = matmul_a_at(j, t, k, steps, &row, &step);
        if (copy && p1 - p0 > 1) a = matmul_copy_tile(a, row, rows, steps, copy), row = steps;
        for (int64_t p = p0; p < p1; p++) {
            if (t + 1 < t1) matmul_prefetch_a(j, t + 1, k, steps, p - p0, p1 - p0);
            if (last) blocks_prefetch_finish(m, r0, r0 + rows, p * nr, blocks_min(m->N, (p + 1) * nr));
            j->row->tile(rows, blocks_min(nr, m->N - p * nr), steps, a, row, step, panels + (p - p0) * steps * nr,
                         blocks_sums(m) + r0 * m->ldc + p * nr, m->ldc, add);
        }
        if (last) hone_blocks_finish(m, r0, r0 + rows, p0 * nr, blocks_min(m->N, p1 * nr));
    }
}

static hone_status matmul_task(void *ctx, int64_t task) {
    const matmul_job job = matmul_job_of(ctx), *j = &job;
    /* Neighbouring tasks share their panels: rows run fastest. */
    int64_t im = task % j->grid.cut_m, in = task / j->grid.cut_m;
    int64_t t0 = j->grid.tiles * im / j->grid.cut_m, t1 = j->grid.tiles * (im + 1) / j->grid.cut_m;
    int64_t p0 = j->grid.panels * in / j->grid.cut_n, p1 = j->grid.panels * (in + 1) / j->grid.cut_n;
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    int64_t groups = blocks_max(1, blocks_ceil(p1 - p0, j->grid.group)), nr = j->row->nr;
    const bool packs = !j->b, copies = matmul_rows_collide(j);
    float *own = NULL, *copy = NULL;
    if (packs) own = hone_arena_alloc(scratch, (size_t)(blocks_ceil(p1 - p0, groups) * j->kc * nr) * sizeof *own);
    if (copies) copy = hone_arena_alloc(scratch, (size_t)(j->row->mr * j->kc) * sizeof *copy);
    const bool room = (own || !packs) && (copy || !copies);
    for (int64_t g = 0; room && g < groups; g++) {
        int64_t q0 = p0 + (p1 - p0) * g / groups, q1 = p0 + (p1 - p0) * (g + 1) / groups;
        for (int64_t k = j->K0; k < j->K1; k += j->kc) {
            int64_t steps = blocks_min(j->kc, j->K1 - k);
            const float *panels = own;
            if (own)
                for (int64_t p = q0; p < q1; p++) matmul_pack_panel(j, k, steps, p, own + (p - q0) * steps * nr);
            else
                panels = j->b + ((k - j->K0) * j->grid.panels + q0 * steps) * nr;
            matmul_chain_pass(j, panels, k, steps, t0, t1, q0, q1, copy);
        }
    }
    hone_arena_release(scratch, mark);
    return room ? HONE_OK : HONE_E_NOMEM;
}

enum { TASK_WORK = 64 << 10 };

static blocks_product matmul_product_of(const hone_matmul_args *m) {
    const hone_matmul_f32_row *row = hone_matmul_f32_choose(m->N);
    blocks_product p = {.m = m, .row = row, .kc = matmul_chain(row, m->K)};
    p.grid.tiles = blocks_ceil(m->M, row->mr), p.grid.panels = blocks_ceil(m->N, row->nr);
    p.grid.group = blocks_max(1, blocks_l2_bytes() / (p.kc * row->nr * (int64_t)sizeof(float)));
    p.words_a = p.grid.tiles * row->mr * p.kc, p.words_b = p.grid.panels * row->nr * p.kc;
    p.pack_a = matmul_pack_a_task, p.tasks_a = blocks_ceil(p.grid.tiles, PACK_TILES);
    p.pack_b = matmul_pack_b_task, p.tasks_b = blocks_ceil(p.grid.panels, PACK_PANELS);
    p.multiply = matmul_task;
    return p;
}

static blocks_product matmul_cut(const hone_matmul_args *m) {
    blocks_product p = matmul_product_of(m);
    hone_blocks_cut(m, TASK_WORK, &p.grid);
    p.share_a = m->trans_a && (m->M > 1 || m->sum_a);
    /* Few rows: every task packs what it needs, at once, while the panel is in L1. */
    p.share_b = !m->packed_b && (p.grid.cut_m > 1 || m->M > 2 * BLOCKS_SMALL_M);
    return p;
}

hone_status hone_matmul_f32_all(int count, const hone_matmul_args *m) {
    return hone_blocks_run(count, m, matmul_cut);
}

hone_status hone_matmul_f32(const hone_matmul_args *m) {
    return hone_matmul_f32_all(1, m);
}

int64_t hone_matmul_packed_count(int64_t N, int64_t K) {
    int64_t nr = hone_matmul_f32_choose(N)->nr;
    return blocks_ceil(N, nr) * nr * K;
}

hone_status hone_matmul_pack(int64_t N, int64_t K, bool trans_b, const float *b, int64_t ldb, float *out) {
    if (N <= 0 || K <= 0) return HONE_OK;
    hone_matmul_args m = {.M = 1, .N = N, .K = K, .trans_b = trans_b, .b = b, .ldb = ldb};
    return hone_blocks_pack_b(matmul_product_of(&m), out);
}
