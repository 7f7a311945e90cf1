/* The AVX-512 rows of pooling. */
#include "kernels/pooling/pooling_vector.inc"
