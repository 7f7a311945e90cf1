/* The AVX2 rows of dropout. */
#include "kernels/dropout/dropout_vector.inc"
