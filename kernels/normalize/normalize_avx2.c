/* The AVX2 rows of normalize. */
#include "kernels/normalize/normalize_vector.inc"
