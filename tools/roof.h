/* The machine's roofs, measured in the same run as whatever is compared with them: fused multiply-adds on registers
 * alone, and bytes streamed from memory. */
#ifndef HONE_TOOLS_ROOF_H
#define HONE_TOOLS_ROOF_H

#include <stdint.h>

/* GF/s of `threads` threads, each multiplying and adding in registers with the kernel row in use (about 5 ms); best of
 * three. */
double hone_roof_gflops(int threads);
/* GB/s that `threads` threads read from memory, arrays larger than the caches; best of three. 0 when memory is
 * short. */
double hone_roof_bandwidth(int threads);

/* The probes: n rounds of 12 independent FMAs; returns a value that depends on them. Lanes: 1, 8, 16. */
float hone_roof_probe__scalar(int64_t n);
float hone_roof_probe__avx2(int64_t n);
float hone_roof_probe__avx512(int64_t n);

#endif
