#include "kernels/matmul/matmul.h"
#define ATTENTION_TILES hone_matmul_f32__avx512_12x32 /* divides head sizes 32 and 64 */
#include "kernels/attention/attention_vector.inc"
