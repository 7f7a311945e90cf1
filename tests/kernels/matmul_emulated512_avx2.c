/* The 16-lane bodies of matmul and attention over the emulated vocabulary. */
#define HONE_SIMD_EMULATE_512
#include "kernels/matmul/transpose.h"
#include "tests/kernels/matmul_rows.h"

hone_attention_f32_fwd_fn hone_attention_f32_fwd__emu512;
hone_attention_f32_bwd_fn hone_attention_f32_bwd__emu512;

#define TILE_ROWS 8
#define TILE_VECTORS 3
#define TILE_NAME(x) tile_8x48_##x
#define TILE_ROW hone_matmul_f32__emu512_8x48
#define TILE_TEXT "emu512_8x48"
#define TILE_AHEAD 8
#define TILE_KC 384
#include "kernels/matmul/matmul_vector.inc"

#define TILE_ROWS 12
#define TILE_VECTORS 2
#define TILE_NAME(x) tile_12x32_##x
#define TILE_ROW hone_matmul_f32__emu512_12x32
#define TILE_TEXT "emu512_12x32"
#define TILE_AHEAD 8
#define TILE_KC 384
#include "kernels/matmul/matmul_vector.inc"

#define ATTENTION_TILES hone_matmul_f32__emu512_12x32
#include "kernels/attention/attention_vector.inc"
