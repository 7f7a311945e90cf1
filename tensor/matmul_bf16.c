/* Products in bf16: blocks, packing and threads around the tiles of kernels/dot. The walk is that of tensor/matmul.c,
 * with operands that are always packed, because packing is what rounds them:
 *
 *     packed B:   chain 0 [panel 0 | panel 1 | ...]   chain 1 [panel 0 | ...]   ...   a panel: words of a chain x nr
 *     packed A^T: chain 0 [tile 0 | tile 1 | ...]     chain 1 [tile 0 | ...]    ...   a tile:  words of a chain x mr
 *
 * A task rounds the rows of A itself, a tile at a time, which stays in L1 while the panels of a group pass by; that is
 * done anew for each group, and costs a thirtieth of what follows. Each element of C is the sum of its chains in order;
 * the cut into chains depends on K alone. Blocks, tasks and threads change no bit. */
#include "tensor/matmul_bf16.h"

#include "base/memory.h"
#include "kernels/dot/dot_bf16.h"
#include "kernels/kernels.h"
#include "tensor/matmul_passes.h"

#include <string.h>

/* A pass as its tasks read it. */
typedef struct bf16_job {
    const hone_matmul_args *m;
    const hone_dot_bf16_row *row;
    int64_t K0, K1;    /* the part of the sums that it adds: whole chains */
    int64_t kc, words; /* chain length (even), and its words in a row of a panel; the last chain may be shorter */
    blocks_grid grid;  /* of all of C */
    uint32_t *a, *b;   /* chains from K0 on; NULL: each task packs its own */
    float *sums;       /* [chains of the product, M]: what sum_a gets, chain by chain; or NULL */
} bf16_job;

static bf16_job bf16_job_of(const void *pass) {
    const blocks_pass *p = pass;
    const blocks_product *of = p->product;
    return (bf16_job){of->m,    of->row, p->K0, p->K1,   of->kc, hone_dot_bf16_words(of->row, of->kc),
                      of->grid, p->a,    p->b,  of->sums};
}

static void bf16_pack_panel(const bf16_job *j, int64_t k, int64_t steps, int64_t panel, uint32_t *out) {
    const hone_matmul_args *m = j->m;
    int64_t n0 = panel * j->row->nr, n = blocks_min(j->row->nr, m->N - n0);
    if (m->trans_b)
        j->row->pack_transpose(steps, n, m->b + n0 * m->ldb + k, m->ldb, out);
    else
        j->row->pack_copy(steps, n, m->b + k * m->ldb + n0, m->ldb, out);
}

/* Where a chain that begins at step k lies among chains of `wide` tiles or panels of `width`. */
static int64_t bf16_offset(const bf16_job *j, int64_t k, int64_t wide, int64_t width) {
    return (k - j->K0) / j->kc * j->words * wide * width;
}

enum { PACK_PANELS = 4, PACK_TILES = 16, PACK_STEPS = 32 }; /* of one packing task; steps that stay in L1 */

static hone_status bf16_pack_b_task(void *ctx, int64_t task) {
    const bf16_job job = bf16_job_of(ctx), *j = &job;
    int64_t groups = blocks_ceil(j->grid.panels, PACK_PANELS), p0 = task % groups * PACK_PANELS, nr = j->row->nr;
    int64_t k = j->K0 + task / groups * j->kc, steps = blocks_min(j->kc, j->K1 - k);
    int64_t words = hone_dot_bf16_words(j->row, steps);
    for (int64_t p = p0; p < blocks_min(j->grid.panels, p0 + PACK_PANELS); p++)
        bf16_pack_panel(j, k, steps, p, j->b + bf16_offset(j, k, j->grid.panels, nr) + p * words * nr);
    return HONE_OK;
}

/* A^T in short columns: the source's lines stay in L1 for the next tile. */
static hone_status bf16_pack_a_task(void *ctx, int64_t task) {
    const bf16_job job = bf16_job_of(ctx), *j = &job;
    const hone_matmul_args *m = j->m;
    const int64_t groups = blocks_ceil(j->grid.tiles, PACK_TILES), t0 = task % groups * PACK_TILES, mr = j->row->mr;
    const int64_t k = j->K0 + task / groups * j->kc, steps = blocks_min(j->kc, j->K1 - k), first = t0 * mr;
    const int64_t words = hone_dot_bf16_words(j->row, steps), width = blocks_min(m->M - first, PACK_TILES * mr);
    uint32_t *out = j->a + bf16_offset(j, k, j->grid.tiles, mr);
    float *sums = j->sums ? j->sums + k / j->kc * m->M + first : NULL;
    if (sums) memset(sums, 0, (size_t)width * sizeof *sums);
    for (int64_t part = 0; part < steps; part += PACK_STEPS) {
        int64_t some = blocks_min(PACK_STEPS, steps - part);
        const float *from = m->a + (k + part) * m->lda;
        for (int64_t t = t0; t < blocks_min(j->grid.tiles, t0 + PACK_TILES); t++)
            j->row->pack_a_copy(some, blocks_min(mr, m->M - t * mr), from + t * mr, m->lda,
                                out + (t * words + hone_dot_bf16_words(j->row, part)) * mr);
        if (sums) hone_vector_f32_colsum(some, width, m->lda, from + first, sums);
    }
    return HONE_OK;
}

/* Tile t of A, rounded: in the shared copy of A^T, or rows of A now, into `copy`; the next one is asked for. */
static const uint32_t *bf16_tile_of_a(const bf16_job *j, int64_t t, int64_t t1, int64_t k, int64_t steps,
                                      uint32_t *copy) {
    const hone_matmul_args *m = j->m;
    const int64_t mr = j->row->mr, words = hone_dot_bf16_words(j->row, steps);
    if (j->a) return j->a + bf16_offset(j, k, j->grid.tiles, mr) + t * words * mr;
    const float *a = m->a + t * mr * m->lda + k;
    if (m->trans_a)
        j->row->pack_a_copy(steps, blocks_min(mr, m->M - t * mr), m->a + k * m->lda + t * mr, m->lda, copy);
    else
        j->row->pack_a_rows(steps, blocks_min(mr, m->M - t * mr), a, m->lda, copy);
    if (!m->trans_a && t + 1 < t1)
        blocks_prefetch_rows(a + mr * m->lda, blocks_min(mr, m->M - (t + 1) * mr), m->lda, 0, steps);
    return copy;
}

/* One chain of a group of panels for tiles t0..t1; copy: room for one tile's chain. */
static void bf16_chain_pass(const bf16_job *j, const uint32_t *panels, int64_t k, int64_t steps, int64_t t0, int64_t t1,
                            int64_t p0, int64_t p1, uint32_t *copy) {
    const hone_matmul_args *m = j->m;
    const int64_t mr = j->row->mr, nr = j->row->nr, words = hone_dot_bf16_words(j->row, steps);
    const int64_t row = m->trans_a ? 1 : words, step = m->trans_a ? mr : 1;
    const bool add = m->accumulate || k > 0, last = k + steps == m->K;
    _Alignas(64) float sums[12 * 32];
    for (int64_t t = t0; t < t1; t++) {
        int64_t r0 = t * mr, rows = blocks_min(mr, m->M - r0);
        const uint32_t *a = bf16_tile_of_a(j, t, t1, k, steps, copy);
        for (int64_t p = p0; p < p1; p++) {
            const uint32_t *panel = panels + (p - p0) * words * nr;
            const int64_t cols = blocks_min(nr, m->N - p * nr);
            float *c = blocks_sums(m) + r0 * m->ldc + p * nr;
            for (int64_t i = 0; i < rows; i++)
                __builtin_prefetch(c + i * m->ldc, 1), __builtin_prefetch(c + i * m->ldc + cols - 1, 1);
            if (last) blocks_prefetch_finish(m, r0, r0 + rows, p * nr, p * nr + cols);
            if (cols == nr && !add) {
                j->row->tile(rows, words, a, row, step, panel, c, m->ldc);
                continue;
            }
            j->row->tile(rows, words, a, row, step, panel, sums, nr);
            j->row->store(rows, cols, sums, c, m->ldc, add);
        }
        if (last) hone_blocks_finish(m, r0, r0 + rows, p0 * nr, blocks_min(m->N, p1 * nr));
    }
}

static hone_status bf16_task(void *ctx, int64_t task) {
    const bf16_job job = bf16_job_of(ctx), *j = &job;
    /* Neighbouring tasks share their panels: rows run fastest. */
    int64_t im = task % j->grid.cut_m, in = task / j->grid.cut_m, nr = j->row->nr;
    int64_t t0 = j->grid.tiles * im / j->grid.cut_m, t1 = j->grid.tiles * (im + 1) / j->grid.cut_m;
    int64_t p0 = j->grid.panels * in / j->grid.cut_n, p1 = j->grid.panels * (in + 1) / j->grid.cut_n;
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    int64_t groups = blocks_max(1, blocks_ceil(p1 - p0, j->grid.group));
    uint32_t *own = NULL, *copy = NULL;
    if (!j->a) copy = hone_arena_alloc(scratch, (size_t)(j->row->mr * j->words) * sizeof *copy);
    if (!j->b) own = hone_arena_alloc(scratch, (size_t)(blocks_ceil(p1 - p0, groups) * j->words * nr) * sizeof *own);
    const bool room = (j->a || copy) && (j->b || own);
    for (int64_t g = 0; room && g < groups; g++) {
        int64_t q0 = p0 + (p1 - p0) * g / groups, q1 = p0 + (p1 - p0) * (g + 1) / groups;
        for (int64_t k = j->K0; k < j->K1; k += j->kc) {
            int64_t steps = blocks_min(j->kc, j->K1 - k), words = hone_dot_bf16_words(j->row, steps);
            const uint32_t *panels = own;
            if (own)
                for (int64_t p = q0; p < q1; p++) bf16_pack_panel(j, k, steps, p, own + (p - q0) * words * nr);
            else
                panels = j->b + bf16_offset(j, k, j->grid.panels, nr) + q0 * words * nr;
            bf16_chain_pass(j, panels, k, steps, t0, t1, q0, q1, copy);
        }
    }
    hone_arena_release(scratch, mark);
    return room ? HONE_OK : HONE_E_NOMEM;
}

enum { TASK_WORK = 128 << 10 };

static blocks_product bf16_product_of(const hone_matmul_args *m) {
    const hone_dot_bf16_row *row = hone_dot_bf16_choose();
    blocks_product p = {.m = m, .row = row};
    int64_t chains = blocks_max(1, blocks_ceil(m->K, HONE_DOT_BF16_CHAIN)); /* of equal length, multiples of 8 */
    p.kc = blocks_ceil(blocks_ceil(m->K, chains), 8) * 8;
    int64_t words = hone_dot_bf16_words(row, p.kc);
    p.grid.tiles = blocks_ceil(m->M, row->mr), p.grid.panels = blocks_ceil(m->N, row->nr);
    p.grid.group = blocks_max(1, blocks_l2_bytes() / (words * row->nr * (int64_t)sizeof(uint32_t)));
    p.words_a = p.grid.tiles * row->mr * words, p.words_b = p.grid.panels * row->nr * words;
    p.pack_a = bf16_pack_a_task, p.tasks_a = blocks_ceil(p.grid.tiles, PACK_TILES);
    p.pack_b = bf16_pack_b_task, p.tasks_b = blocks_ceil(p.grid.panels, PACK_PANELS);
    p.multiply = bf16_task;
    return p;
}

static blocks_product bf16_cut(const hone_matmul_args *m) {
    blocks_product p = bf16_product_of(m);
    hone_blocks_cut(m, TASK_WORK, &p.grid);
    p.share_a = m->trans_a && (m->M > 1 || m->sum_a);
    /* Few rows: every task packs the panels it needs, at once, while they are in L1. */
    p.share_b = !m->packed_b && (p.grid.cut_m > 1 || m->M > 2 * BLOCKS_SMALL_M);
    return p;
}

hone_status hone_matmul_bf16_all(int count, const hone_matmul_args *m) {
    return hone_blocks_run(count, m, bf16_cut);
}

hone_status hone_matmul_bf16(const hone_matmul_args *m) {
    return hone_matmul_bf16_all(1, m);
}

int64_t hone_matmul_bf16_packed_count(int64_t N, int64_t K) {
    if (N <= 0 || K <= 0) return 0;
    const hone_matmul_args m = {.M = 1, .N = N, .K = K};
    blocks_product p = bf16_product_of(&m);
    return blocks_ceil(K, p.kc) * p.words_b;
}

hone_status hone_matmul_bf16_pack(int64_t N, int64_t K, bool trans_b, const float *b, int64_t ldb, uint32_t *out) {
    if (N <= 0 || K <= 0) return HONE_OK;
    hone_matmul_args m = {.M = 1, .N = N, .K = K, .trans_b = trans_b, .b = b, .ldb = ldb};
    return hone_blocks_pack_b(bf16_product_of(&m), out);
}

bool hone_matmul_bf16_is_native(void) {
    return hone_dot_bf16_choose()->needs != 0;
}
