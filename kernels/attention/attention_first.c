#include "kernels/attention/attention_first.h"

#include "kernels/kernels.h"

#include <math.h>

#define real float
#define FIRST(x) hone_attention_first_f32_##x
#define FIRST_EXP expf
#define FIRST_DROP hone_dropout_f32_apply
#include "kernels/attention/attention_first.inc"
#undef real
#undef FIRST
#undef FIRST_EXP
#undef FIRST_DROP

#define real double
#define FIRST(x) hone_attention_first_f64_##x
#define FIRST_EXP exp
#define FIRST_DROP hone_dropout_f64_apply
#include "kernels/attention/attention_first.inc"
