/* The AVX-512 rows of layernorm. */
#include "kernels/layernorm/layernorm_vector.inc"
