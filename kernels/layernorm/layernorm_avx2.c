/* The AVX2 rows of layernorm. */
#include "kernels/layernorm/layernorm_vector.inc"
