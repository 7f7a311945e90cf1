#include "base/random.h"

#include <math.h>

/* One round: the counter's words 0 and 2 are multiplied to 64 bits, halves are crossed and mixed with the key; the key
 * walks by two Weyl constants. Constants from the paper, table 2 and section 3.3. */
void hone_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

static uint64_t join(uint32_t low, uint32_t high) {
    return (uint64_t)high << 32 | low;
}

uint64_t hone_random_u64(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t r[4];
    hone_philox(seed, stream, index, r);
    return join(r[0], r[1]);
}

double hone_random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    return (double)(hone_random_u64(seed, stream, index) >> 11) * 0x1p-53;
}

double hone_random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t r[4];
    hone_philox(seed, stream, index, r);
    /* The radius wants (0, 1]: log(0) is infinite. Largest result: sqrt(2 * 53 * ln 2) = 8.57. */
    double u = (double)((join(r[0], r[1]) >> 11) + 1) * 0x1p-53;
    double v = (double)(join(r[2], r[3]) >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925286766559 * v);
}

uint64_t hone_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n) {
    return (uint64_t)(((unsigned __int128)hone_random_u64(seed, stream, index) * n) >> 64);
}

void hone_random_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *out) {
    for (int64_t i = 0; i < n; i++) out[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)hone_random_below(seed, stream, (uint64_t)i, (uint64_t)i + 1);
        int64_t t = out[i];
        out[i] = out[j], out[j] = t;
    }
}
