/* softmax_xent, plain loops: the float row and the double reference. */
#include "kernels/scalar_f32.h"

#include "kernels/softmax_xent/softmax_xent_scalar.inc"

#include "kernels/scalar_f64.h"

#include "kernels/softmax_xent/softmax_xent_scalar.inc"
