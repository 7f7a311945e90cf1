/* The AVX-512 rows of normalize. */
#include "kernels/normalize/normalize_vector.inc"
