/* What each op brings to be tested: a few cases. tests/autograd/ops.c builds its list from autograd/ops.def, so an op
 * without tests/autograd/ops/<name>.c does not link; and puts every case through the same checks (see there). */
#ifndef HONE_TESTS_AUTOGRAD_OP_TEST_H
#define HONE_TESTS_AUTOGRAD_OP_TEST_H

#include "autograd/ops.h"

typedef struct op_case {
    const char *what;
    int n;               /* leaves */
    hone_shape shape[4]; /* of each */
    hone_tensor *(*build)(hone_graph *g, hone_tensor *const *leaf, const void *arg);
    const void *arg;
    bool train;   /* dropout active */
    int constant; /* leaf k with bit k set needs no gradient */
} op_case;

typedef struct op_test {
    const op_case *cases;
    int n;
} op_test;

#define S1(a)                                                                                                          \
    {                                                                                                                  \
        1, {                                                                                                           \
            a                                                                                                          \
        }                                                                                                              \
    }
#define S2(a, b)                                                                                                       \
    {                                                                                                                  \
        2, {                                                                                                           \
            a, b                                                                                                       \
        }                                                                                                              \
    }
#define OP_TEST(name, list) const op_test op_test_##name = {list, (int)(sizeof list / sizeof *list)}

#define HONE_OP(name) extern const op_test op_test_##name;
#include "autograd/ops.def"
#undef HONE_OP

#endif
