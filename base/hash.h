/* FNV-1a, 64 bits: h = (h ^ byte) * 0x100000001B3 modulo 2^64, byte by byte (Fowler, Noll and Vo). For tables in
 * memory and for telling files apart; not against an adversary. The product wraps, and says so: sanitizers that look
 * for unsigned numbers which wrap by mistake see none here. */
#ifndef HONE_BASE_HASH_H
#define HONE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HONE_HASH_SEED 0xCBF29CE484222325ull

/* FNV's step with 64 bits in place of a byte: one multiplication for eight bytes, or for a character. What differs in
 * the highest bits does not reach the lowest ones; where that matters, mix them (h ^= h >> 29). */
static inline uint64_t hone_hash_word(uint64_t h, uint64_t word) {
    uint64_t wrapped;
    (void)__builtin_mul_overflow(h ^ word, (uint64_t)0x100000001B3, &wrapped);
    return wrapped;
}

static inline uint64_t hone_hash_byte(uint64_t h, uint8_t byte) {
    return hone_hash_word(h, byte);
}

/* The hash of n bytes more; begin with HONE_HASH_SEED. */
static inline uint64_t hone_hash(uint64_t h, const void *p, size_t n) {
    for (size_t i = 0; i < n; i++) h = hone_hash_byte(h, ((const uint8_t *)p)[i]);
    return h;
}

#endif
