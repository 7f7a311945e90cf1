/* The walk of blocked products: several of them in one parallel call, in passes over their sums.
 *
 * A pass covers some chains of one product: its operands are packed, then multiplied. A thread that finds nothing left
 * to multiply goes on with packing for the next pass, whichever product that belongs to:
 *
 *     pack 0 | multiply 0, pack 1 | multiply 1, pack 2 | multiply 2 ...
 *
 * Two rooms for packed operands serve in turn: pack 2 overwrites what multiply 0 read. A product whose operands an
 * earlier one writes waits for that one, and only with what touches them: so products run as though one after another,
 * and those that have nothing to do with each other overlap. */
#ifndef HONE_TENSOR_MATMUL_PASSES_H
#define HONE_TENSOR_MATMUL_PASSES_H
#include "base/parallel.h"
#include "tensor/matmul_blocks.h"

/* A product as the walk sees it. The bodies get a blocks_pass. */
typedef struct blocks_product {
    const hone_matmul_args *m; /* M, N, K above 0 */
    const void *row;           /* of kernels: the bodies know which */
    blocks_grid grid;
    int64_t kc;               /* length of a chain of its sums; the last one may be shorter */
    int64_t words_a, words_b; /* of one chain of the packed operands, 4 bytes each */
    bool share_a, share_b;    /* whether the walk packs them; else a task packs its own, reads them in place, or B is
                                 m->packed_b */
    int64_t tasks_a, tasks_b; /* that pack one chain */
    hone_task pack_a, pack_b, multiply;
    float *sums; /* [chains, M]: what m->sum_a gets, written by pack_a chain by chain; NULL without sum_a */
} blocks_product;

typedef struct blocks_pass {
    const blocks_product *product;
    int64_t K0, K1; /* its part of the sums: whole chains, the last one of the product perhaps shorter */
    void *a, *b;    /* packed operands, from K0 on; NULL where nothing is shared */
} blocks_pass;

/* Run the products m[0..count-1] as though one after another, each as `cut` describes it. Rooms come from the calling
 * thread's scratch arena. HONE_E_NOMEM. */
hone_status hone_blocks_run(int count, const hone_matmul_args *m, blocks_product (*cut)(const hone_matmul_args *m));
/* All of B packed into `out`, chain by chain. */
hone_status hone_blocks_pack_b(blocks_product p, void *out);

#endif
