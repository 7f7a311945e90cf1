/* Single elements of F32 or F64 arrays as doubles, for ops whose arithmetic is light enough to run in double whatever
 * the type. */
#ifndef HONE_AUTOGRAD_OPS_ELEMENT_H
#define HONE_AUTOGRAD_OPS_ELEMENT_H

#include "tensor/tensor.h"

static inline double op_get(hone_dtype dtype, const void *p, int64_t i) {
    return dtype == HONE_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}
/* p[i] (+)= x */
static inline void op_put(hone_dtype dtype, void *p, int64_t i, double x, bool add) {
    if (dtype == HONE_F64)
        ((double *)p)[i] = add ? ((double *)p)[i] + x : x;
    else
        ((float *)p)[i] = add ? ((float *)p)[i] + (float)x : (float)x;
}

#endif
