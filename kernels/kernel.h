/* What all kernels share: the rows of the dispatch table and a few small types.
 *
 * A kernel is arithmetic on pointers: it allocates nothing, starts no thread, prints nothing. Each has up to three
 * rows, hone_<op>_<dtype>_<dir>__<isa> with isa scalar, avx2 or avx512, and one function pointer without the suffix
 * that hone_kernels_init points at the best row the machine runs. The list of all kernels is kernels/kernels.def;
 * prototypes, dispatch, tests and bench are expanded from it. The f64 rows exist in scalar only (gradient checks,
 * references).
 *
 * Common rules unless a header says otherwise: pointers need only natural alignment; inputs and outputs do not overlap
 * except where "in place" is allowed; sizes of 0 do nothing; sums run in a fixed order that depends on the sizes alone;
 * NaN and infinities propagate as IEEE arithmetic has them. */
#ifndef HONE_KERNELS_KERNEL_H
#define HONE_KERNELS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Instruction sets that rows are written for, poorest first. */
typedef enum hone_isa { HONE_ISA_SCALAR = 0, HONE_ISA_AVX2 = 1, HONE_ISA_AVX512 = 2 } hone_isa;

/* Chooses a row for every kernel, once. HONE_ISA=scalar|avx2|avx512 caps the choice; a cap that the machine lacks, or a
 * word that is none of these, returns false and leaves a sentence in *why (static storage). Idempotent; call it from
 * one thread before any kernel. */
bool hone_kernels_init(const char **why);
hone_isa hone_kernels_isa(void);       /* the row in use */
bool hone_isa_supported(hone_isa isa); /* CPUID and the OS's register saving (xgetbv) */
const char *hone_isa_name(hone_isa isa);

/* Instructions that some processors of an instruction set have and others lack; rows that need them say so. HONE_ISA
 * caps these too: under scalar none is used, under avx2 only AVX_VNNI, under avx512 all that the machine has. */
typedef enum hone_cpu {
    HONE_CPU_AVX_VNNI = 1,    /* vpdpbusd on 256 bits, VEX form; wants avx2 */
    HONE_CPU_AVX512_VNNI = 2, /* vpdpbusd on 512 bits; wants avx512 */
    HONE_CPU_AVX512_BF16 = 4  /* vdpbf16ps on 512 bits; wants avx512 */
} hone_cpu;
uint32_t hone_cpu_features(hone_isa cap); /* the bits of this machine that rows up to `cap` may use */

/* Activations, named as config.json names them (formulas in formats: hidden_act). */
typedef enum hone_act {
    HONE_ACT_NONE = 0,
    HONE_ACT_GELU,       /* gelu: x/2 (1 + erf(x/sqrt 2)) */
    HONE_ACT_GELU_TANH,  /* gelu_new, gelu_pytorch_tanh, gelu_fast: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    HONE_ACT_QUICK_GELU, /* x sigmoid(1.702 x) */
    HONE_ACT_RELU,
    HONE_ACT_SILU, /* silu, swish: x sigmoid(x) */
    HONE_ACT_TANH,
    HONE_ACT_SIGMOID,
    HONE_ACT_COUNT
} hone_act;

/* Dropout without a mask: whether an element is kept is a function of (seed, stream, element), computed again wherever
 * it is needed. Elements come in groups of 128. One group draws 16 Philox counters (index = group * 16 + lane), seven
 * rounds; word w (0..3) of lane l holds the 16-bit draws of elements (2w) * 16 + l (low half) and (2w + 1) * 16 + l
 * (high half): so a vector of 16 lanes yields 16 neighbours at a time and no shuffle is needed. Kept if draw >=
 * threshold. threshold = round(p * 65536); kept values are multiplied by scale = 65536 / (65536 - threshold). threshold
 * 0 = off. */
typedef struct hone_dropout {
    uint64_t seed, stream;
    uint32_t threshold;
    float scale;
} hone_dropout;

#endif
