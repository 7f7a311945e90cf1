#include "tests/kernels/simd_math.inc"
