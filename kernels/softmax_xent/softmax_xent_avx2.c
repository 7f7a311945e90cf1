/* The AVX2 rows of softmax_xent. */
#include "kernels/softmax_xent/softmax_xent_vector.inc"
