/* All kernels: contracts, rows and the chosen row of each. Floors above include this one header. */
#ifndef HONE_KERNELS_KERNELS_H
#define HONE_KERNELS_KERNELS_H

#include "kernels/activation/activation.h"
#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/dropout/dropout.h"
#include "kernels/embedding/embedding.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/normalize/normalize.h"
#include "kernels/pooling/pooling.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "kernels/vector/vector.h"

/* The chosen rows (hone_kernels_init sets them; before that they are the scalar rows) and every row by name. */
#define HONE_KERNEL(name)                                                                                              \
    extern hone_##name##_fn *hone_##name;                                                                              \
    hone_##name##_fn hone_##name##__scalar, hone_##name##__avx2, hone_##name##__avx512;
#include "kernels/kernels.def"
#undef HONE_KERNEL

/* The double rows: scalar only. */
hone_layernorm_f64_fwd_fn hone_layernorm_f64_fwd;
hone_layernorm_f64_bwd_fn hone_layernorm_f64_bwd;
hone_activation_f64_fwd_fn hone_activation_f64_fwd;
hone_activation_f64_bwd_fn hone_activation_f64_bwd;
hone_embedding_f64_gather_fn hone_embedding_f64_gather;
hone_embedding_f64_scatter_fn hone_embedding_f64_scatter;
hone_dropout_f64_apply_fn hone_dropout_f64_apply;
hone_pooling_f64_fwd_fn hone_pooling_f64_fwd;
hone_pooling_f64_bwd_fn hone_pooling_f64_bwd;
hone_normalize_f64_fwd_fn hone_normalize_f64_fwd;
hone_normalize_f64_bwd_fn hone_normalize_f64_bwd;
hone_softmax_xent_f64_fwd_fn hone_softmax_xent_f64_fwd;
hone_softmax_xent_f64_bwd_fn hone_softmax_xent_f64_bwd;
hone_adamw_f64_step_fn hone_adamw_f64_step;
hone_vector_f64_scale_fn hone_vector_f64_scale;
hone_vector_f64_mul_fn hone_vector_f64_mul;
hone_vector_f64_sum_fn hone_vector_f64_sum;
hone_vector_f64_dot_fn hone_vector_f64_dot;
hone_vector_f64_sumsq_fn hone_vector_f64_sumsq;
hone_vector_f64_colsum_fn hone_vector_f64_colsum;
hone_vector_f64_finite_fn hone_vector_f64_finite;
hone_attention_f64_fwd_fn hone_attention_f64_fwd;
hone_attention_f64_bwd_fn hone_attention_f64_bwd;

#endif
