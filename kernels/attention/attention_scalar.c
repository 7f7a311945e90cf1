/* attention, plain loops: the float row and the double reference. */
#include "kernels/attention/attention_scratch.h"
#include "kernels/scalar_f32.h"

/* The dropout draws of one row of P, met in order of j. */
typedef struct attention_draws {
    const hone_dropout *drop; /* NULL: off */
    uint64_t group;           /* of the row's first element */
    uint16_t draw[HONE_DROPOUT_GROUP];
} attention_draws;

static attention_draws attention_draws_of(const hone_dropout *drop, uint64_t task, int64_t T, int64_t i) {
    uint64_t row = task * (uint64_t)T + (uint64_t)i;
    return (attention_draws){.drop = hone_dropout_active(drop) ? drop : NULL,
                             .group = row * (hone_dropout_row_stride(T) / HONE_DROPOUT_GROUP)};
}

/* The factor of element j: 0 or scale. */
static double attention_keep(attention_draws *s, int64_t j) {
    if (!s->drop) return 1;
    if (j % HONE_DROPOUT_GROUP == 0) hone_dropout_group(s->drop, s->group + (uint64_t)j / HONE_DROPOUT_GROUP, s->draw);
    return s->draw[j % HONE_DROPOUT_GROUP] >= s->drop->threshold ? (double)s->drop->scale : 0;
}

#include "kernels/attention/attention_scalar.inc"

#include "kernels/scalar_f64.h"

#include "kernels/attention/attention_scalar.inc"

int64_t hone_attention_scratch(int64_t T, int64_t d) {
    return attention_scratch_count(T, d);
}
