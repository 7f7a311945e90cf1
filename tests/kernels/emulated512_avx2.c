/* The 16-lane bodies of all ops over the emulated vocabulary, as rows named __emu512. (The file's name asks for AVX2
 * flags: the compiler then vectorises the emulation, and F16C is there.) */
#define HONE_SIMD_EMULATE_512
#include "kernels/kernels.h"

#define HONE_KERNEL(name) hone_##name##_fn hone_##name##__emu512;
#include "kernels/kernels.def"
#undef HONE_KERNEL

#include "kernels/activation/activation_vector.inc"
#include "kernels/adamw/adamw_vector.inc"
#include "kernels/dropout/dropout_vector.inc"
#include "kernels/embedding/embedding_vector.inc"
#include "kernels/layernorm/layernorm_vector.inc"
#include "kernels/normalize/normalize_vector.inc"
#include "kernels/pooling/pooling_vector.inc"
#include "kernels/softmax_xent/softmax_xent_vector.inc"
#include "kernels/vector/vector_vector.inc"
#include "tests/kernels/simd_math.inc"
