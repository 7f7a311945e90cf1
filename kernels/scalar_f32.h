/* Builds a <op>_scalar.inc as the float row: `real` is float and ROW(op, dir) is hone_<op>_f32_<dir>__scalar. No
 * include guard: scalar_f32.h and scalar_f64.h alternate. Sums run in double in both, so that the scalar row errs only
 * where it stores. <tgmath.h> picks expf or exp by type. */
#include "kernels/dropout/dropout_bits.h"
#include "kernels/kernels.h"
#include <tgmath.h>
#undef real
#undef ROW
#define real float
#define ROW(op, dir) hone_##op##_f32_##dir##__scalar
