/* The AVX2 rows of embedding. */
#include "kernels/embedding/embedding_vector.inc"
