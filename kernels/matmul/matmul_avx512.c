/* Two shapes: 8x48 for widths that it divides (384, 768, 1536, 3072), 12x32 for the others (512, 1024). Both leave
 * registers for B and the broadcasts: 24 accumulators of 32. */
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/transpose.h"

#define TILE_ROWS 8
#define TILE_VECTORS 3
#define TILE_NAME(x) tile_8x48_##x
#define TILE_ROW hone_matmul_f32__avx512_8x48
#define TILE_TEXT "avx512_8x48"
#define TILE_AHEAD 8
#define TILE_KC 384
#include "kernels/matmul/matmul_vector.inc"

#define TILE_ROWS 12
#define TILE_VECTORS 2
#define TILE_NAME(x) tile_12x32_##x
#define TILE_ROW hone_matmul_f32__avx512_12x32
#define TILE_TEXT "avx512_12x32"
#define TILE_AHEAD 8
#define TILE_KC 384
#include "kernels/matmul/matmul_vector.inc"
