/* The AVX2 rows of adamw. */
#include "kernels/adamw/adamw_vector.inc"
