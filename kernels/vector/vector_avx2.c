/* The AVX2 rows of vector. */
#include "kernels/vector/vector_vector.inc"
