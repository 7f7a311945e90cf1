#define HONE_SIMD_EMULATE_512 /* the name asks for AVX2: the emulation needs F16C */
#include "softcap.inc"
