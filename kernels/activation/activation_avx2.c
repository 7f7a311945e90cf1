/* The AVX2 rows of activation. */
#include "kernels/activation/activation_vector.inc"
