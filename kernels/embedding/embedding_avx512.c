/* The AVX-512 rows of embedding. */
#include "kernels/embedding/embedding_vector.inc"
