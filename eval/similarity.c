#include "eval/similarity.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "tensor/matmul.h"

#include <math.h>
#include <string.h>

int hone_similarity_from_name(const char *name) {
    static const char *const names[] = {"cosine", "dot", "euclidean", "manhattan"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

bool hone_similarity_is_distance(hone_similarity similarity) {
    return similarity == HONE_SIMILARITY_EUCLIDEAN || similarity == HONE_SIMILARITY_MANHATTAN;
}

/* Sums run in so many lanes at a time, which the compiler lays side by side; the order is fixed. */
enum { LANES = 8 };

static double total(const double lane[LANES]) {
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

static inline double apart(bool squared, float a, float b) {
    double x = (double)a - (double)b;
    return squared ? x * x : fabs(x);
}

static double distance(hone_similarity similarity, const float *a, const float *b, int64_t D) {
    const bool squared = similarity == HONE_SIMILARITY_EUCLIDEAN;
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= D; i += LANES)
        for (int64_t k = 0; k < LANES; k++) lane[k] += apart(squared, a[i + k], b[i + k]);
    for (int64_t k = 0; k < D - i; k++) lane[k] += apart(squared, a[i + k], b[i + k]);
    return squared ? sqrt(total(lane)) : total(lane);
}

static double dot(const float *a, const float *b, int64_t D) {
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= D; i += LANES)
        for (int64_t k = 0; k < LANES; k++) lane[k] += (double)a[i + k] * (double)b[i + k];
    for (int64_t k = 0; k < D - i; k++) lane[k] += (double)a[i + k] * (double)b[i + k];
    return total(lane);
}

double hone_cosine_of(double ab, double aa, double bb) {
    return ab / sqrt(fmax(aa, 1e-24) * fmax(bb, 1e-24)); /* one root: of aa^2 it is aa */
}

double hone_similarity_of(hone_similarity similarity, const float *a, const float *b, int64_t D) {
    if (hone_similarity_is_distance(similarity)) return -distance(similarity, a, b, D);
    if (similarity == HONE_SIMILARITY_DOT) return dot(a, b, D);
    return hone_cosine_of(dot(a, b, D), dot(a, a, D), dot(b, b, D));
}

float *hone_unit_rows(const float *x, int64_t n, int64_t D) {
    float *y = hone_alloc((size_t)(n * D + 1) * sizeof *y), *norm = hone_alloc((size_t)(n + 1) * sizeof *norm);
    if (y && norm) hone_normalize_f32_fwd(n, D, 1e-12f, x, y, norm);
    if (!norm) {
        hone_free(y);
        y = NULL;
    }
    hone_free(norm);
    return y;
}

hone_status hone_similarity_block(int64_t M, int64_t N, int64_t D, const float *q, const float *d, float *out) {
    return hone_matmul_f32(&(hone_matmul_args){
        .M = M, .N = N, .K = D, .trans_b = true, .a = q, .lda = D, .b = d, .ldb = D, .c = out, .ldc = N});
}
