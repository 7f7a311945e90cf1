#include "tensor/tensor.h"
#include "tests/test.h"

TEST(tensor, names_and_widths_of_types_agree) {
    static const struct {
        const char *name;
        int bits;
    } want[] = {{"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
                {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
                {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
                {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
    CHECK_INT(sizeof want / sizeof *want, HONE_DTYPE_COUNT);
    for (int t = 0; t < HONE_DTYPE_COUNT; t++) {
        CHECK_STR(hone_dtype_name((hone_dtype)t), want[t].name);
        CHECK_INT(hone_dtype_bits((hone_dtype)t), want[t].bits);
        CHECK_INT(hone_dtype_size((hone_dtype)t), want[t].bits / 8);
        CHECK_INT(hone_dtype_from_name(want[t].name, strlen(want[t].name)), t);
    }
    CHECK_INT(hone_dtype_from_name("F3", 2), -1);
    CHECK_INT(hone_dtype_from_name("f32", 3), -1);
    CHECK_INT(hone_dtype_from_name("F322", 4), -1);
    CHECK_INT(hone_dtype_from_name("F32 ", 3), HONE_F32);
    CHECK_INT(hone_dtype_from_name("", 0), -1);
    CHECK_STR(hone_dtype_name(HONE_DTYPE_COUNT), "?");
}

TEST(tensor, shapes_count_compare_and_print) {
    hone_shape s = hone_shape_of(3, (int64_t)2, (int64_t)3, (int64_t)5), scalar = hone_shape_of(0);
    CHECK_INT(hone_shape_count(&s), 30);
    CHECK_INT(hone_shape_count(&scalar), 1);
    /* Numbers of any type: beside the sixth, int arguments of a variadic function would leave half a register open. */
    const short two = 2;
    const unsigned char three = 3;
    const hone_shape many = hone_shape_of(HONE_MAX_RANK, two, three, 4, 5u, -1 + 2, 2L, 1, two), same = many;
    CHECK_STR(hone_shape_str(&many), "[2, 3, 4, 5, 1, 2, 1, 2]");
    CHECK(hone_shape_equal(&many, &same));
    CHECK_STR(hone_shape_str(&s), "[2, 3, 5]");
    CHECK_STR(hone_shape_str(&scalar), "[]");
    hone_shape empty = hone_shape_of(2, (int64_t)0, (int64_t)7),
               other = hone_shape_of(3, (int64_t)2, (int64_t)3, (int64_t)6);
    CHECK_INT(hone_shape_count(&empty), 0);
    CHECK(hone_shape_equal(&s, &s) && !hone_shape_equal(&s, &other) && !hone_shape_equal(&s, &scalar));
    CHECK(hone_shape_equal(&scalar, &scalar));
    hone_shape big = {.rank = 8, .dim = {1, 1, 1, 1, 1, 1, 1, INT64_MAX}};
    CHECK_STR(hone_shape_str(&big), "[1, 1, 1, 1, 1, 1, 1, 9223372036854775807]");
    for (int i = 0; i < 8; i++) big.dim[i] = INT64_MIN; /* the longest text there is */
    CHECK_INT(strlen(hone_shape_str(&big)), 8 * 20 + 7 * 2 + 2);
    const char *first = hone_shape_str(&s);
    for (int i = 0; i < 7; i++) hone_shape_str(&scalar);
    CHECK_STR(first, "[2, 3, 5]");
}

TEST(tensor, tensors_live_in_their_arena) {
    hone_arena *a = hone_arena_new("test", 0);
    hone_tensor *t = hone_tensor_new(a, HONE_F32, hone_shape_of(3, (int64_t)2, (int64_t)3, (int64_t)4));
    CHECK(t && t->data && (uintptr_t)t->data % 64 == 0 && t->dtype == HONE_F32 && t->device == HONE_CPU);
    CHECK(!t->grad && !t->needs_grad && !t->grad_set && !t->node);
    CHECK_STR(t->name, "");
    CHECK_INT(hone_count(t), 24);
    CHECK_INT(hone_rows(t), 6);
    CHECK_INT(hone_cols(t), 4);
    CHECK_INT(hone_dim(t, 0), 2);
    CHECK_INT(hone_dim(t, -1), 4);
    memset(t->data, 0, 24 * 4);
    hone_tensor *v = hone_tensor_wrap(a, HONE_F32, hone_shape_of(0), t->data);
    CHECK(hone_f32(v) == hone_f32(t));
    CHECK_INT(hone_rows(v), 1);
    CHECK_INT(hone_cols(v), 1);
    hone_tensor *e = hone_tensor_new(a, HONE_I64, hone_shape_of(2, (int64_t)0, (int64_t)3));
    CHECK(e && hone_rows(e) == 0 && hone_cols(e) == 3 && hone_count(e) == 0);
    CHECK(!hone_arena_failed(a));
    CHECK(!hone_tensor_new(a, HONE_F64, hone_shape_of(1, INT64_MAX)));
    CHECK(!hone_tensor_new(a, HONE_F32, hone_shape_of(1, INT64_MAX / 4)));
    CHECK(hone_arena_failed(a));
    hone_arena_free(a);
}
