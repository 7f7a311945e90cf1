/* The AVX-512 rows of dropout. */
#include "kernels/dropout/dropout_vector.inc"
