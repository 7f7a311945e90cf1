/* Builds a <op>_scalar.inc as the double row hone_<op>_f64_<dir>: the reference of all tests and of the gradient
 * checks. See scalar_f32.h. */
#include "kernels/dropout/dropout_bits.h"
#include "kernels/kernels.h"
#include <tgmath.h>
#undef real
#undef ROW
#define real double
#define ROW(op, dir) hone_##op##_f64_##dir
