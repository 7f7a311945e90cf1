#include "kernels/matmul/matmul.h"
#define ATTENTION_TILES hone_matmul_f32__avx2
#include "kernels/attention/attention_vector.inc"
