/* Products in bf16: blocks, packing and threads around the tiles of kernels/dot. The walk is that of tensor/matmul.c,
 * with operands that are always packed, because packing is what rounds them:
 *
 *     packed B:   chain 0 [panel 0 | panel 1 | ...]   chain 1 [panel 0 | ...]   ...       a panel: words of a chain x
 * nr packed A:   chain 0 [tile 0 | tile 1 | ...]     chain 1 [tile 0 | ...]    ...       a tile: mr x words of a chain,
 * or transposed for A^T Each element of C is the sum of its chains in order; the cut into chains depends on K alone.
 * Blocks, tasks and threads change no bit. */
#include "tensor/matmul_bf16.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "kernels/dot/dot_bf16.h"
#include "kernels/kernels.h"
#include "tensor/matmul_blocks.h"

#include <string.h>

typedef struct bf16_job {
    const hone_matmul_bf16_args *m;
    const hone_dot_bf16_row *row;
    int64_t K0, K1;        /* the part of the sums that this pass adds: whole chains */
    int64_t kc, words;     /* chain length (even), and its words in a row of a panel; the last chain may be shorter */
    int64_t tiles, panels; /* of all of C */
    int64_t group;         /* panels that stay in L2 together */
    int64_t cut_m, cut_n;  /* tasks along each side */
    const uint32_t *a, *b; /* chains from K0 on; b NULL: each task packs its own */
    uint32_t *a_out, *b_out;
} bf16_job;

static void bf16_pack_panel(const bf16_job *j, int64_t k, int64_t steps, int64_t panel, uint32_t *out) {
    const hone_matmul_bf16_args *m = j->m;
    int64_t n0 = panel * j->row->nr, n = blocks_min(j->row->nr, m->N - n0);
    if (m->trans_b)
        j->row->pack_transpose(steps, n, m->b + n0 * m->ldb + k, m->ldb, out);
    else
        j->row->pack_copy(steps, n, m->b + k * m->ldb + n0, m->ldb, out);
}

static void bf16_pack_tile(const bf16_job *j, int64_t k, int64_t steps, int64_t tile, uint32_t *out) {
    const hone_matmul_bf16_args *m = j->m;
    int64_t r0 = tile * j->row->mr, n = blocks_min(j->row->mr, m->M - r0);
    if (m->trans_a)
        j->row->pack_a_copy(steps, n, m->a + k * m->lda + r0, m->lda, out);
    else
        j->row->pack_a_rows(steps, n, m->a + r0 * m->lda + k, m->lda, out);
}

/* Where a chain that begins at step k lies among chains of `wide` tiles or panels of `width`. */
static int64_t bf16_offset(const bf16_job *j, int64_t k, int64_t wide, int64_t width) {
    return (k - j->K0) / j->kc * j->words * wide * width;
}

enum { PACK_PANELS = 4, PACK_TILES = 16 }; /* of one packing task */

static hone_status bf16_pack_b_task(void *ctx, int64_t task) {
    const bf16_job *j = ctx;
    int64_t groups = blocks_ceil(j->panels, PACK_PANELS), p0 = task % groups * PACK_PANELS, nr = j->row->nr;
    int64_t k = j->K0 + task / groups * j->kc, steps = blocks_min(j->kc, j->K1 - k);
    int64_t words = hone_dot_bf16_words(j->row, steps);
    for (int64_t p = p0; p < blocks_min(j->panels, p0 + PACK_PANELS); p++)
        bf16_pack_panel(j, k, steps, p, j->b_out + bf16_offset(j, k, j->panels, nr) + p * words * nr);
    return HONE_OK;
}

static hone_status bf16_pack_a_task(void *ctx, int64_t task) {
    const bf16_job *j = ctx;
    int64_t groups = blocks_ceil(j->tiles, PACK_TILES), t0 = task % groups * PACK_TILES, mr = j->row->mr;
    int64_t k = j->K0 + task / groups * j->kc, steps = blocks_min(j->kc, j->K1 - k);
    int64_t words = hone_dot_bf16_words(j->row, steps), part = j->m->trans_a ? 32 : steps;
    uint32_t *out = j->a_out + bf16_offset(j, k, j->tiles, mr);
    for (int64_t s = 0; s < steps;
         s += part) /* A^T in short columns: the source's lines stay in L1 for the next tile */
        for (int64_t t = t0; t < blocks_min(j->tiles, t0 + PACK_TILES); t++)
            bf16_pack_tile(j, k + s, blocks_min(part, steps - s), t,
                           out + (t * words + hone_dot_bf16_words(j->row, s)) * mr);
    return HONE_OK;
}

/* Rows r0..r1, columns n0..n1 are sums now: bias, pre and activation. */
static void bf16_finish(const hone_matmul_bf16_args *m, int64_t r0, int64_t r1, int64_t n0, int64_t n1) {
    if (!m->bias && !m->pre && !m->act) return;
    for (int64_t r = r0; r < r1; r++) {
        float *c = m->c + r * m->ldc + n0, *pre = m->pre ? m->pre + r * m->ldc + n0 : NULL;
        if (m->bias) hone_vector_f32_scale(n1 - n0, 1, m->bias + n0, c, true);
        if (pre) memcpy(pre, c, (size_t)(n1 - n0) * sizeof *c);
        if (m->act) hone_activation_f32_fwd(n1 - n0, m->act, c, c);
    }
}

/* One chain of a group of panels for tiles t0..t1. */
static void bf16_chain_pass(const bf16_job *j, const uint32_t *panels, int64_t k, int64_t steps, int64_t t0, int64_t t1,
                            int64_t p0, int64_t p1) {
    const hone_matmul_bf16_args *m = j->m;
    const int64_t mr = j->row->mr, nr = j->row->nr, words = hone_dot_bf16_words(j->row, steps);
    const int64_t row = m->trans_a ? 1 : words, step = m->trans_a ? mr : 1;
    const bool add = m->accumulate || k > 0;
    _Alignas(64) float sums[12 * 32];
    for (int64_t t = t0; t < t1; t++) {
        int64_t r0 = t * mr, rows = blocks_min(mr, m->M - r0);
        const uint32_t *a = j->a + bf16_offset(j, k, j->tiles, mr) + t * words * mr;
        for (int64_t p = p0; p < p1; p++) {
            j->row->tile(rows, words, a, row, step, panels + (p - p0) * words * nr, sums);
            j->row->store(rows, blocks_min(nr, m->N - p * nr), sums, m->c + r0 * m->ldc + p * nr, m->ldc, add);
        }
        if (k + steps == m->K) bf16_finish(m, r0, r0 + rows, p0 * nr, blocks_min(m->N, p1 * nr));
    }
}

static hone_status bf16_task(void *ctx, int64_t task) {
    const bf16_job *j = ctx;
    /* Neighbouring tasks share their panels: rows run fastest. */
    int64_t im = task % j->cut_m, in = task / j->cut_m, nr = j->row->nr;
    int64_t t0 = j->tiles * im / j->cut_m, t1 = j->tiles * (im + 1) / j->cut_m;
    int64_t p0 = j->panels * in / j->cut_n, p1 = j->panels * (in + 1) / j->cut_n;
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    int64_t groups = blocks_max(1, blocks_ceil(p1 - p0, j->group));
    uint32_t *own = NULL;
    if (!j->b) {
        own = hone_arena_alloc(scratch, (size_t)(blocks_ceil(p1 - p0, groups) * j->words * nr) * sizeof *own);
        if (!own) return HONE_E_NOMEM;
    }
    for (int64_t g = 0; g < groups; g++) {
        int64_t q0 = p0 + (p1 - p0) * g / groups, q1 = p0 + (p1 - p0) * (g + 1) / groups;
        for (int64_t k = j->K0; k < j->K1; k += j->kc) {
            int64_t steps = blocks_min(j->kc, j->K1 - k), words = hone_dot_bf16_words(j->row, steps);
            const uint32_t *panels = own;
            if (own)
                for (int64_t p = q0; p < q1; p++) bf16_pack_panel(j, k, steps, p, own + (p - q0) * words * nr);
            else
                panels = j->b + bf16_offset(j, k, j->panels, nr) + q0 * words * nr;
            bf16_chain_pass(j, panels, k, steps, t0, t1, q0, q1);
        }
    }
    hone_arena_release(scratch, mark);
    return HONE_OK;
}

/* As in tensor/matmul.c: several tasks for each thread, none too small, along N first. */
enum { TASKS_PER_THREAD = 6, TASK_WORK = 128 << 10, TASK_PANELS = 4, SMALL_M = 64 };

static void bf16_cut(bf16_job *j) {
    const hone_matmul_bf16_args *m = j->m;
    double work = (double)m->M * (double)m->N * (double)m->K / TASK_WORK;
    int64_t threads = hone_threads(), want = threads > 1 ? threads * TASKS_PER_THREAD : 1;
    if ((double)want > work) want = blocks_max(1, (int64_t)work);
    j->cut_n = blocks_min(want, m->M <= SMALL_M ? j->panels : blocks_max(1, j->panels / TASK_PANELS));
    j->cut_m = blocks_min(j->tiles, blocks_ceil(want, j->cut_n));
}

/* Packed copies take at most this much at a time; longer sums are added in several passes. */
enum { PASS_BYTES = 24 << 20 };

/* Room for the packed operands of one pass, and how much of K it covers. */
static hone_status bf16_reserve(bf16_job *j, bool share_b, hone_arena *scratch, int64_t *depth) {
    int64_t a = j->tiles * j->row->mr * j->words, b = share_b ? j->panels * j->row->nr * j->words : 0;
    int64_t chains = blocks_max(1, PASS_BYTES / ((a + b) * (int64_t)sizeof *j->a));
    chains = blocks_min(chains, blocks_ceil(j->m->K, j->kc)), *depth = chains * j->kc;
    j->a = j->a_out = hone_arena_alloc(scratch, (size_t)(chains * a) * sizeof *j->a);
    if (share_b) j->b = j->b_out = hone_arena_alloc(scratch, (size_t)(chains * b) * sizeof *j->b);
    return !j->a || (share_b && !j->b) ? HONE_E_NOMEM : HONE_OK;
}

static bf16_job bf16_job_of(const hone_matmul_bf16_args *m) {
    const hone_dot_bf16_row *row = hone_dot_bf16_choose();
    bf16_job j = {.m = m, .row = row, .K1 = m->K};
    int64_t chains = blocks_max(1, blocks_ceil(m->K, HONE_DOT_BF16_CHAIN)); /* of equal length, multiples of 8 */
    j.kc = blocks_ceil(blocks_ceil(m->K, chains), 8) * 8, j.words = hone_dot_bf16_words(row, j.kc);
    j.tiles = blocks_ceil(m->M, row->mr), j.panels = blocks_ceil(m->N, row->nr);
    j.group = blocks_max(1, blocks_l2_bytes() / (j.words * row->nr * (int64_t)sizeof *j.b));
    return j;
}

static hone_status bf16_pack_b(bf16_job *j) {
    return hone_parallel(blocks_ceil(j->K1 - j->K0, j->kc) * blocks_ceil(j->panels, PACK_PANELS), bf16_pack_b_task, j);
}

hone_status hone_matmul_bf16(const hone_matmul_bf16_args *m) {
    if (m->M <= 0 || m->N <= 0) return HONE_OK;
    if (m->K <= 0) {
        for (int64_t r = 0; r < m->M; r++) {
            if (!m->accumulate) memset(m->c + r * m->ldc, 0, (size_t)m->N * sizeof *m->c);
            bf16_finish(m, r, r + 1, 0, m->N);
        }
        return HONE_OK;
    }
    bf16_job j = bf16_job_of(m);
    bf16_cut(&j);
    /* Few rows: every task packs the panels it needs, at once, while they are in L1. */
    bool share_b = !m->packed_b && (j.cut_m > 1 || m->M > 2 * SMALL_M);
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    int64_t depth = 0;
    hone_status status = bf16_reserve(&j, share_b, scratch, &depth);
    for (; !status && j.K0 < m->K; j.K0 = j.K1) {
        j.K1 = blocks_min(m->K, j.K0 + depth);
        if (m->packed_b) j.b = m->packed_b + j.K0 / j.kc * j.words * j.panels * j.row->nr;
        int64_t a_tasks = blocks_ceil(j.K1 - j.K0, j.kc) * blocks_ceil(j.tiles, PACK_TILES);
        status = hone_parallel(a_tasks, bf16_pack_a_task, &j);
        if (share_b && !status) status = bf16_pack_b(&j);
        if (!status) status = hone_parallel(j.cut_m * j.cut_n, bf16_task, &j);
    }
    hone_arena_release(scratch, mark);
    return status;
}

int64_t hone_matmul_bf16_packed_count(int64_t N, int64_t K) {
    if (N <= 0 || K <= 0) return 0;
    const hone_matmul_bf16_args m = {.M = 1, .N = N, .K = K};
    bf16_job j = bf16_job_of(&m);
    return blocks_ceil(K, j.kc) * j.words * j.panels * j.row->nr;
}

hone_status hone_matmul_bf16_pack(int64_t N, int64_t K, bool trans_b, const float *b, int64_t ldb, uint32_t *out) {
    if (N <= 0 || K <= 0) return HONE_OK;
    hone_matmul_bf16_args m = {.M = 1, .N = N, .K = K, .trans_b = trans_b, .b = b, .ldb = ldb};
    bf16_job j = bf16_job_of(&m);
    j.b_out = out;
    return bf16_pack_b(&j);
}

bool hone_matmul_bf16_is_native(void) {
    return hone_dot_bf16_choose()->needs != 0;
}
