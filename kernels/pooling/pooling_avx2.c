/* The AVX2 rows of pooling. */
#include "kernels/pooling/pooling_vector.inc"
