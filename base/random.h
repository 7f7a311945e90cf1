/* Counter-based random numbers: Philox 4x32 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
 * 1, 2, 3"). There is no generator state: a number is a function of (seed, stream, index), so it is the same at any
 * thread count, after any resume and on any device. */
#ifndef HONE_BASE_RANDOM_H
#define HONE_BASE_RANDOM_H

#include <stdint.h>

/* Streams keep uses apart; the low 48 bits are the user's (an epoch, a parameter's number). */
typedef enum hone_stream {
    HONE_STREAM_SHUFFLE = 1,
    HONE_STREAM_DROPOUT = 2,
    HONE_STREAM_INIT = 3,
    HONE_STREAM_SAMPLE = 4,
    HONE_STREAM_BOOTSTRAP = 5,
    HONE_STREAM_TEST = 6,
} hone_stream;
/* The stream number of a use and what it belongs to. */
static inline uint64_t hone_stream_id(hone_stream s, uint64_t user) {
    return ((uint64_t)s << 48) | (user & 0xFFFFFFFFFFFFull);
}

/* Ten rounds; 128 random bits for one counter value. */
void hone_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

/* One number for each (seed, stream, index): 64 bits, and below as real numbers. */
uint64_t hone_random_u64(uint64_t seed, uint64_t stream, uint64_t index);
double hone_random_uniform(uint64_t seed, uint64_t stream, uint64_t index); /* [0, 1), 53 bits */
double hone_random_normal(uint64_t seed, uint64_t stream, uint64_t index);  /* N(0, 1), Box-Muller */
/* Uniform in [0, n) without modulo bias (Lemire's multiply, 64-bit input: bias < n/2^64). */
uint64_t hone_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n);
/* Fisher-Yates over 0..n-1, index i drawing its own counter. */
void hone_random_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *out);

#endif
