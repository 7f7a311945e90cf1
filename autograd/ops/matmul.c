/* C = op(a) op(b). With A = op(a) [M, K] and B = op(b) [K, N]:
 *     dA = dC B^T,  dB = A^T dC,   each transposed back when its operand was */
#include "autograd/ops.h"
#include "autograd/ops/common.h"

typedef struct matmul_params {
    bool trans_a, trans_b;
} matmul_params;

static hone_status matmul_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const matmul_params *p = n->params;
    const hone_tensor *a = n->in[0], *b = n->in[1];
    if (a->shape.rank != 2 || b->shape.rank != 2 || hone_dim(a, !p->trans_a) != hone_dim(b, p->trans_b))
        return hone_fail(HONE_E_SHAPE, "matmul: a \"%s\" %s%s and b \"%s\" %s%s do not multiply", a->name,
                         hone_shape_str(&a->shape), p->trans_a ? " transposed" : "", b->name, hone_shape_str(&b->shape),
                         p->trans_b ? " transposed" : "");
    *shape = hone_shape_of(2, hone_dim(a, p->trans_a), hone_dim(b, !p->trans_b));
    *dtype = a->dtype;
    return HONE_OK;
}

/* Similarities and the like: always in full precision, they are small and losses are made of their differences. */
static hone_status multiply(hone_dtype dtype, int64_t M, int64_t N, int64_t K, bool trans_a, const void *a, int64_t lda,
                            bool trans_b, const void *b, int64_t ldb, void *c, int64_t ldc, bool add) {
    return hone_ops_product(dtype, HONE_PRECISION_F32,
                            &(hone_matmul_args){.M = M,
                                                .N = N,
                                                .K = K,
                                                .trans_a = trans_a,
                                                .trans_b = trans_b,
                                                .a = a,
                                                .lda = lda,
                                                .b = b,
                                                .ldb = ldb,
                                                .c = c,
                                                .ldc = ldc,
                                                .accumulate = add});
}

static hone_status matmul_forward(hone_graph *g, hone_node *n) {
    (void)g;
    const matmul_params *p = n->params;
    const hone_tensor *a = n->in[0], *b = n->in[1];
    int64_t M = hone_dim(n->out, 0), N = hone_dim(n->out, 1);
    return multiply(a->dtype, M, N, hone_dim(a, !p->trans_a), p->trans_a, a->data, hone_dim(a, 1), p->trans_b, b->data,
                    hone_dim(b, 1), n->out->data, N, false);
}

static hone_status matmul_backward(hone_graph *g, hone_node *n) {
    const matmul_params *p = n->params;
    hone_tensor *a = n->in[0], *b = n->in[1];
    const void *dc = n->out->grad;
    int64_t M = hone_dim(n->out, 0), N = hone_dim(n->out, 1), K = hone_dim(a, !p->trans_a);
    int64_t lda = hone_dim(a, 1), ldb = hone_dim(b, 1);
    bool add;
    void *da = hone_graph_grad(g, a, &add);
    if (da && !p->trans_a) HONE_TRY(multiply(a->dtype, M, K, N, false, dc, N, !p->trans_b, b->data, ldb, da, lda, add));
    if (da && p->trans_a) HONE_TRY(multiply(a->dtype, K, M, N, p->trans_b, b->data, ldb, true, dc, N, da, lda, add));
    void *db = hone_graph_grad(g, b, &add);
    if (db && !p->trans_b) HONE_TRY(multiply(a->dtype, K, N, M, !p->trans_a, a->data, lda, false, dc, N, db, ldb, add));
    if (db && p->trans_b) HONE_TRY(multiply(a->dtype, N, K, M, true, dc, N, p->trans_a, a->data, lda, db, ldb, add));
    return hone_graph_status(g);
}

const hone_op hone_op_matmul = {.name = "matmul",
                                .min_in = 2,
                                .max_in = 2,
                                .shape = matmul_shape,
                                .forward = matmul_forward,
                                .backward = matmul_backward};

hone_tensor *hone_matmul(hone_graph *g, hone_tensor *a, bool trans_a, hone_tensor *b, bool trans_b) {
    return hone_graph_apply(g, &hone_op_matmul, 2, (hone_tensor *[]){a, b}, &(matmul_params){trans_a, trans_b},
                            sizeof(matmul_params));
}
