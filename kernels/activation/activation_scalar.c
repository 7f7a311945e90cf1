/* activation, plain loops: the float row and the double reference. */
#include "kernels/scalar_f32.h"

#include "kernels/activation/activation_scalar.inc"

#include "kernels/scalar_f64.h"

#include "kernels/activation/activation_scalar.inc"
