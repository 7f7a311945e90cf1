/* The AVX-512 rows of adamw. */
#include "kernels/adamw/adamw_vector.inc"
