/* The 512-bit dot-product rows with their instructions in plain C, each as its manual's page defines it: so the tile,
 * the panels and what surrounds them are tested on machines without the instructions. */
#include "tests/kernels/dot_rows.h"

#define DOT_ROWS 12
#define DOT_VECTORS 2
#define DOT_LANES 16
typedef struct dot_vec {
    uint32_t v[16];
} dot_vec;
typedef struct dot_sum {
    int32_t v[16];
} dot_sum;
typedef int8_t dot_b;
typedef int32_t dot_c;

static inline dot_sum dot_zero(void) {
    return (dot_sum){{0}};
}
static inline dot_vec dot_broadcast(const uint32_t *a) {
    dot_vec r;
    for (int i = 0; i < 16; i++) r.v[i] = *a;
    return r;
}
static inline void dot_store(int32_t *p, dot_sum sum) {
    memcpy(p, sum.v, sizeof sum.v);
}

/* VPDPBUSD: four products u8 x s8, each exact in 16 bits, added to 32 bits without saturation. */
static inline dot_vec vnni_load(const int8_t *b) {
    dot_vec r;
    memcpy(r.v, b, sizeof r.v);
    return r;
}
static inline dot_sum vnni_add(dot_sum sum, dot_vec a, dot_vec b) {
    for (int i = 0; i < 16; i++) {
        uint32_t total = (uint32_t)sum.v[i];
        for (int k = 0; k < 4; k++)
            total += (uint32_t)((int32_t)(uint8_t)(a.v[i] >> 8 * k) * (int32_t)(int8_t)(uint8_t)(b.v[i] >> 8 * k));
        sum.v[i] = (int32_t)total;
    }
    return sum;
}
/* VPMOVSXBW, VPMADDWD, VPADDD. */
static inline dot_vec pair_load(const int8_t *b) {
    dot_vec r;
    for (int i = 0; i < 16; i++)
        r.v[i] = (uint32_t)(uint16_t)(int16_t)b[2 * i] | (uint32_t)(uint16_t)(int16_t)b[2 * i + 1] << 16;
    return r;
}
static inline dot_sum pair_add(dot_sum sum, dot_vec a, dot_vec b) {
    for (int i = 0; i < 16; i++)
        sum.v[i] = (int32_t)((uint32_t)sum.v[i] +
                             (uint32_t)((int16_t)(uint16_t)a.v[i] * (int16_t)(uint16_t)b.v[i] +
                                        (int16_t)(uint16_t)(a.v[i] >> 16) * (int16_t)(uint16_t)(b.v[i] >> 16)));
    return sum;
}

#define DOT_GROUP 4
#define DOT_B_WORD 4
#define DOT_NAME(x) vnni_##x
#define dot_load vnni_load
#define dot_add vnni_add
#include "kernels/dot/dot_tile.inc"
#define DOT_INT8_ROW hone_dot_int8__emu512vnni
#define DOT_INT8_FIELDS .name = "emu512vnni_12x32", .isa = HONE_ISA_AVX2, .needs = 0
#include "kernels/dot/dot_int8.inc"

#undef DOT_GROUP
#undef DOT_B_WORD
#undef DOT_NAME
#undef dot_load
#undef dot_add
#undef DOT_COLS
#undef DOT_UNROLL
#undef DOT_AHEAD
#undef DOT_INT8_ROW
#undef DOT_INT8_FIELDS
#define DOT_GROUP 2
#define DOT_B_WORD 2
#define DOT_NAME(x) pair_##x
#define dot_load pair_load
#define dot_add pair_add
#include "kernels/dot/dot_tile.inc"
#define DOT_INT8_ROW hone_dot_int8__emu512
#define DOT_INT8_FIELDS .name = "emu512_12x32", .isa = HONE_ISA_AVX2, .needs = 0
#include "kernels/dot/dot_int8.inc"
