/* The dispatch table: one pointer per line of kernels.def, set once to the best row this machine runs. */
#include "kernels/kernels.h"

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Until hone_kernels_init has run, every pointer is the scalar row: correct, only slow. */
#define HONE_KERNEL(name) hone_##name##_fn *hone_##name = hone_##name##__scalar;
#include "kernels/kernels.def"
#undef HONE_KERNEL

static hone_isa isa_in_use = HONE_ISA_SCALAR;
static bool isa_chosen;

/* XCR0 says which registers the operating system saves at a task switch: bit 1 xmm, 2 ymm, 5-7 opmask and zmm. Readable
 * only where OSXSAVE is set. */
static uint64_t kernels_xcr0(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

bool hone_isa_supported(hone_isa isa) {
    uint32_t a, b, c1, d, b7, c7, d7;
    if (isa == HONE_ISA_SCALAR) return true;
    if (!__get_cpuid(1, &a, &b, &c1, &d) || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return false;
    uint64_t saved = kernels_xcr0();
    const uint32_t leaf1 = bit_AVX | bit_FMA | bit_F16C;
    bool avx2 = (saved & 0x6) == 0x6 && (c1 & leaf1) == leaf1 && (b7 & bit_AVX2);
    if (isa == HONE_ISA_AVX2) return avx2;
    const uint32_t leaf7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    return isa == HONE_ISA_AVX512 && avx2 && (saved & 0xE6) == 0xE6 && (b7 & leaf7) == leaf7;
}

/* All HONE_CPU_ bits of this machine. */
static uint32_t kernels_ask_features(void) {
    uint32_t last, b, c, d, a1, b1, c1, d1, found = 0;
    if (!hone_isa_supported(HONE_ISA_AVX2) || !__get_cpuid_count(7, 0, &last, &b, &c, &d)) return 0;
    if (last < 1 || !__get_cpuid_count(7, 1, &a1, &b1, &c1, &d1)) a1 = 0;
    if (a1 & bit_AVXVNNI) found |= HONE_CPU_AVX_VNNI;
    if (!hone_isa_supported(HONE_ISA_AVX512)) return found;
    if (c & bit_AVX512VNNI) found |= HONE_CPU_AVX512_VNNI;
    if (a1 & bit_AVX512BF16) found |= HONE_CPU_AVX512_BF16;
    return found;
}

uint32_t hone_cpu_features(hone_isa cap) {
    /* Asked once, because products choose their row at every call, and in a virtual machine each CPUID is a trip to the
     * host: some forty microseconds in all. */
    enum { ASKED = 1 << 30 };
    static uint32_t known; /* every thread would find the same */
    uint32_t found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!found) {
        found = kernels_ask_features() | ASKED;
        __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    }
    if (cap == HONE_ISA_SCALAR) return 0;
    return found & (cap == HONE_ISA_AVX2 ? (uint32_t)HONE_CPU_AVX_VNNI : ~(uint32_t)ASKED);
}

const char *hone_isa_name(hone_isa isa) {
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    return (unsigned)isa < 3 ? names[isa] : "?";
}

hone_isa hone_kernels_isa(void) {
    return isa_in_use;
}

static void kernels_point_at(hone_isa isa) {
#define HONE_KERNEL(name)                                                                                              \
    hone_##name = isa == HONE_ISA_AVX512 ? hone_##name##__avx512                                                       \
                  : isa == HONE_ISA_AVX2 ? hone_##name##__avx2                                                         \
                                         : hone_##name##__scalar;
#include "kernels/kernels.def"
#undef HONE_KERNEL
    isa_in_use = isa;
}

bool hone_kernels_init(const char **why) {
    static char sentence[160];
    if (why) *why = "";
    if (isa_chosen) return true;
    hone_isa isa = HONE_ISA_AVX512;
    const char *cap = getenv("HONE_ISA");
    if (cap && *cap) {
        while (isa > HONE_ISA_SCALAR && strcmp(cap, hone_isa_name(isa)) != 0) isa--;
        if (strcmp(cap, hone_isa_name(isa)) != 0) {
            snprintf(sentence, sizeof sentence, "HONE_ISA is \"%.32s\", it can be scalar, avx2 or avx512", cap);
            if (why) *why = sentence;
            return false;
        }
        if (!hone_isa_supported(isa)) {
            snprintf(sentence, sizeof sentence, "HONE_ISA asks for %s, which this machine does not have", cap);
            if (why) *why = sentence;
            return false;
        }
    } else {
        while (!hone_isa_supported(isa)) isa--;
    }
    kernels_point_at(isa);
    isa_chosen = true;
    return true;
}
