/* 12 accumulators, 2 vectors of B, 2 broadcasts: the 16 registers of AVX2. */
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/transpose.h"

#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TILE_NAME(x) tile_6x16_##x
#define TILE_ROW hone_matmul_f32__avx2
#define TILE_TEXT "avx2_6x16"
#define TILE_AHEAD 8
#define TILE_KC 384
#include "kernels/matmul/matmul_vector.inc"
