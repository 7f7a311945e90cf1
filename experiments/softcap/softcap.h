/* The soft cap of logits, and its rows:  fwd  y = c tanh(x / c)    bwd  dx (+)= dy (1 - (y / c)^2)
 * n elements, c > 0; y may be x, dx may be dy when it is overwritten. NaN stays NaN, infinities give +-c.
 * avx2, avx512 and emulated are one text, softcap.inc: a file's name says which instructions its compiler may use. */
#ifndef SOFTCAP_H
#define SOFTCAP_H
#include "hone.h"

/* y = c tanh(x / c), element by element.   x [...] f32 or f64, c > 0 -> [...]. */
hone_tensor *softcap(hone_graph *g, hone_tensor *x, double c);

#define SOFTCAP_ROW(isa)                                                                                               \
    void hone_softcap_fwd__##isa(int64_t n, float c, const float *x, float *y);                                        \
    void hone_softcap_bwd__##isa(int64_t n, float c, const float *y, const float *dy, float *dx, bool add);
SOFTCAP_ROW(avx2)
SOFTCAP_ROW(avx512)
SOFTCAP_ROW(emu512) /* the 16-lane body in plain C: runs on any machine, for tests */

typedef struct softcap_row {
    const char *name;
    void (*fwd)(int64_t n, float c, const float *x, float *y);
    void (*bwd)(int64_t n, float c, const float *y, const float *dy, float *dx, bool add);
} softcap_row;
extern const softcap_row softcap_rows[4]; /* in the order of hone_isa, then the emulated one */
#endif
