/* The AVX-512 rows of vector. */
#include "kernels/vector/vector_vector.inc"
