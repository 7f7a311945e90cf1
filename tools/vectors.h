/* The files that `hone embed` writes: N rows of D numbers, f32, replace-or-nothing.
 *
 *   X.npy          NumPy's format 1.0: an array [N, D], '<f4', C order
 *   X.safetensors  one tensor "embeddings" F32 [N, D], and "row" I64 [N]: the rows' numbers in the file (gaps where
 * bad) X.jsonl        {"row":0,"id":"a7","vector":[…],"payload":{…}} a line; id and payload where the data has them
 *   -              as X.jsonl, on standard output
 *
 * .npy layout: \x93NUMPY, bytes 1 and 0, u16 length of the header, header (a Python dict in ASCII, padded with spaces
 * so that the data start at a multiple of 64, ending in a newline), data little-endian. Source: numpy.lib.format. */
#ifndef HONE_TOOLS_VECTORS_H
#define HONE_TOOLS_VECTORS_H

#include "data/roles.h"

/* Write x [N, D], the vectors of the table's N good rows, to path. The id column and those of roles->columns, which
 * were embedded, are left out of the payload. HONE_E_ARG for an unknown ending (the known ones in the message),
 * HONE_E_IO. */
hone_status hone_vectors_write(const char *path, const float *x, int64_t D, const hone_table *t,
                               const hone_roles *roles);

/* The ending is known and the file can be written: asked before an hour of work rather than after it. HONE_E_ARG,
 * HONE_E_IO. */
hone_status hone_vectors_check(const char *path);

/* Any f32 array as .npy; shape [rank], rank 1 to 8. */
hone_status hone_npy_write(const char *path, const float *x, const int64_t *shape, int rank);

#endif
