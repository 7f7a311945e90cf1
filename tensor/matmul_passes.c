#include "tensor/matmul_passes.h"

#include "base/memory.h"
#include "kernels/kernels.h"

#include <string.h>

enum { ROOMS = 2 };

typedef struct walk_pass {
    blocks_pass pass; /* what the bodies get */
    int product;
    int needs_a, needs_b, needs_c; /* products before this one that must be done: to pack A, to pack B, to multiply */
    int done;                      /* stages up to and with its multiplication */
} walk_pass;

typedef struct walk {
    blocks_product *product;
    walk_pass *pass;
    int passes;
    hone_stage *stage;
    int stages;
    int *done; /* of each product: stages up to and with its last */
} walk;

/* ---- which products touch the same memory ---- */

typedef struct extent {
    const float *from;
    int64_t n;
} extent;

static extent extent_of(const float *p, int64_t rows, int64_t cols, int64_t ld) {
    return (extent){p, p ? (rows - 1) * ld + cols : 0};
}

static bool extents_meet(extent x, extent y) {
    return x.n > 0 && y.n > 0 && (uintptr_t)x.from < (uintptr_t)(y.from + y.n) &&
           (uintptr_t)y.from < (uintptr_t)(x.from + x.n);
}

static extent extent_of_a(const hone_matmul_args *m) {
    return m->trans_a ? extent_of(m->a, m->K, m->M, m->lda) : extent_of(m->a, m->M, m->K, m->lda);
}

static extent extent_of_b(const hone_matmul_args *m) {
    return m->trans_b ? extent_of(m->b, m->N, m->K, m->ldb) : extent_of(m->b, m->K, m->N, m->ldb);
}

enum { WRITTEN = 4 };

static void written_by(const hone_matmul_args *m, extent out[WRITTEN]) {
    out[0] = extent_of(m->c, m->M, m->N, m->ldc), out[1] = extent_of(m->pre, m->M, m->N, m->ldc);
    out[2] = extent_of(m->through, m->M, m->N, m->ldc), out[3] = extent_of(m->sum_a, 1, m->M, m->M);
}

static bool is_written_by(const hone_matmul_args *m, extent x) {
    extent out[WRITTEN];
    written_by(m, out);
    for (int i = 0; i < WRITTEN; i++)
        if (extents_meet(x, out[i])) return true;
    return false;
}

/* Whether `later` may not run beside `m`: one of them writes what the other reads or writes. */
static bool must_follow(const hone_matmul_args *later, const hone_matmul_args *m) {
    extent out[WRITTEN];
    written_by(later, out);
    for (int i = 0; i < WRITTEN; i++)
        if (is_written_by(m, out[i]) || extents_meet(out[i], extent_of_a(m)) || extents_meet(out[i], extent_of_b(m)) ||
            extents_meet(out[i], extent_of(m->bias, 1, m->N, m->N)))
            return true;
    return is_written_by(m, extent_of_a(later)) || is_written_by(m, extent_of_b(later)) ||
           is_written_by(m, extent_of(later->bias, 1, later->N, later->N));
}

static void find_needs(const walk *w, walk_pass *p) {
    const hone_matmul_args *m = p->pass.product->m;
    for (int i = 0; i < p->product; i++) {
        const hone_matmul_args *before = w->product[i].m;
        if (is_written_by(before, extent_of_a(m))) p->needs_a = i + 1;
        if (is_written_by(before, extent_of_b(m))) p->needs_b = i + 1;
        if (must_follow(m, before)) p->needs_c = i + 1;
    }
}

/* ---- the order of stages ---- */

static void place(walk *w, hone_task body, void *ctx, int64_t tasks, int after) {
    w->stage[w->stages++] = (hone_stage){.body = body, .ctx = ctx, .tasks = tasks, .after = after};
}

/* Stages up to the end of the first `products`. */
static int end_of(const walk *w, int products) {
    return products ? w->done[products - 1] : 0;
}

/* The sums of A, in the order of the chains. */
static hone_status sums_task(void *ctx, int64_t task) {
    const blocks_product *p = ctx;
    const hone_matmul_args *m = p->m;
    (void)task;
    if (!m->add_sum_a) memset(m->sum_a, 0, (size_t)m->M * sizeof *m->sum_a);
    hone_vector_f32_colsum(blocks_ceil(m->K, p->kc), m->M, m->M, p->sums, m->sum_a);
    return HONE_OK;
}

static void place_stages(walk *w) {
    for (int q = 0; q < w->passes; q++) {
        walk_pass *p = &w->pass[q];
        const blocks_product *product = p->pass.product;
        int64_t chains = blocks_ceil(p->pass.K1 - p->pass.K0, product->kc);
        int room = q >= ROOMS ? w->pass[q - ROOMS].done : 0, after = end_of(w, p->needs_c);
        if (product->share_a)
            place(w, product->pack_a, &p->pass, chains * product->tasks_a,
                  (int)blocks_max(room, end_of(w, p->needs_a)));
        if (product->share_b)
            place(w, product->pack_b, &p->pass, chains * product->tasks_b,
                  (int)blocks_max(room, end_of(w, p->needs_b)));
        if (product->share_a || product->share_b) after = w->stages;
        place(w, product->multiply, &p->pass, product->grid.cut_m * product->grid.cut_n, after);
        p->done = w->stages;
        if (p->pass.K1 < product->m->K) continue;
        if (product->sums) place(w, sums_task, &w->product[p->product], 1, p->done - 1);
        w->done[p->product] = w->stages;
    }
}

/* ---- passes and their rooms ---- */

static hone_status empty_task(void *ctx, int64_t task) {
    const blocks_pass *p = ctx;
    (void)task;
    hone_blocks_empty(p->product->m);
    return HONE_OK;
}

static blocks_product product_of(const hone_matmul_args *m, blocks_product (*cut)(const hone_matmul_args *m)) {
    if (m->M > 0 && m->N > 0 && m->K > 0) return cut(m);
    return (blocks_product){
        .m = m, .kc = blocks_max(1, m->K), .grid = {.cut_m = 1, .cut_n = 1}, .multiply = empty_task};
}

/* Words of one chain that the walk packs. */
static int64_t words_of(const blocks_product *p) {
    return (p->share_a ? p->words_a : 0) + (p->share_b ? p->words_b : 0);
}

static int64_t chains_of(const blocks_product *p) {
    return blocks_max(1, blocks_ceil(p->m->K, p->kc));
}

/* Chains of a product that one pass packs. */
static int64_t chains_of_a_pass(const blocks_product *p) {
    int64_t bytes = words_of(p) * (int64_t)sizeof(uint32_t);
    return bytes ? blocks_min(chains_of(p), blocks_max(1, BLOCKS_PASS_BYTES / bytes)) : chains_of(p);
}

static void cut_into_passes(walk *w, int count, uint32_t *const *rooms) {
    for (int i = 0; i < count; i++) {
        const blocks_product *p = &w->product[i];
        int64_t each = chains_of_a_pass(p);
        for (int64_t chain = 0; chain < chains_of(p); chain += each) {
            uint32_t *room = rooms[w->passes % ROOMS];
            walk_pass *q = &w->pass[w->passes++];
            *q = (walk_pass){.product = i};
            q->pass = (blocks_pass){p, chain * p->kc, blocks_min(p->m->K, (chain + each) * p->kc), NULL, NULL};
            if (p->share_a) q->pass.a = room, room += each * p->words_a;
            if (p->share_b) q->pass.b = room;
            if (p->m->packed_b) q->pass.b = (uint32_t *)(uintptr_t)p->m->packed_b + chain * p->words_b;
            find_needs(w, q);
        }
    }
}

hone_status hone_blocks_run(int count, const hone_matmul_args *m, blocks_product (*cut)(const hone_matmul_args *m)) {
    hone_arena *scratch = hone_scratch();
    if (!scratch) return HONE_E_NOMEM;
    hone_arena_mark mark = hone_arena_get_mark(scratch);
    walk w = {.product = hone_arena_alloc(scratch, (size_t)count * sizeof *w.product)};
    int64_t passes = 0, words[ROOMS] = {0};
    bool enough = w.product;
    for (int i = 0; enough && i < count; i++) {
        blocks_product *p = &w.product[i];
        *p = product_of(&m[i], cut);
        const int64_t own = blocks_ceil(chains_of(p), chains_of_a_pass(p));
        for (int64_t q = passes; q < passes + blocks_min(own, ROOMS); q++)
            words[q % ROOMS] = blocks_max(words[q % ROOMS], chains_of_a_pass(p) * words_of(p));
        passes += own;
        if (!p->share_a || !p->m->sum_a) continue;
        p->sums = hone_arena_alloc(scratch, (size_t)(chains_of(p) * p->m->M) * sizeof *p->sums);
        enough = p->sums;
    }
    w.pass = hone_arena_alloc(scratch, (size_t)passes * sizeof *w.pass);
    w.stage = hone_arena_alloc(scratch, (size_t)(3 * passes + count) * sizeof *w.stage);
    w.done = hone_arena_zalloc(scratch, (size_t)count * sizeof *w.done);
    uint32_t *rooms[ROOMS];
    for (int r = 0; r < ROOMS; r++) {
        rooms[r] = hone_arena_alloc(scratch, (size_t)words[r] * sizeof *rooms[r]);
        enough = enough && rooms[r];
    }
    hone_status status = HONE_E_NOMEM;
    if (enough && w.pass && w.stage && w.done) {
        cut_into_passes(&w, count, rooms);
        place_stages(&w);
        status = hone_parallel_stages(w.stages, w.stage);
    }
    hone_arena_release(scratch, mark);
    return status;
}

hone_status hone_blocks_pack_b(blocks_product p, void *out) {
    blocks_pass pass = {.product = &p, .K1 = p.m->K, .b = out};
    return hone_parallel(chains_of(&p) * p.tasks_b, p.pack_b, &pass);
}
