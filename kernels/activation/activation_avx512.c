/* The AVX-512 rows of activation. */
#include "kernels/activation/activation_vector.inc"
