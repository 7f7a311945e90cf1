/* Seen by every source of a coverage build, and by no other. The type tests of jansson are macros with a branch of
 * their own (is the pointer NULL?), which would count once for each use; here they are functions, as our own helpers
 * are. */
#ifndef HONE_TESTS_RELIABILITY_COV_H
#define HONE_TESTS_RELIABILITY_COV_H

#include <jansson.h>

static inline int cov_is(const json_t *v, int type) {
    return v && (int)v->type == type;
}
static inline int cov_is_boolean(const json_t *v) {
    return cov_is(v, JSON_TRUE) || cov_is(v, JSON_FALSE);
}
static inline int cov_is_number(const json_t *v) {
    return cov_is(v, JSON_INTEGER) || cov_is(v, JSON_REAL);
}

#undef json_is_object
#undef json_is_array
#undef json_is_string
#undef json_is_integer
#undef json_is_real
#undef json_is_number
#undef json_is_true
#undef json_is_false
#undef json_boolean_value
#undef json_is_boolean
#undef json_is_null
#define json_is_object(v) cov_is(v, JSON_OBJECT)
#define json_is_array(v) cov_is(v, JSON_ARRAY)
#define json_is_string(v) cov_is(v, JSON_STRING)
#define json_is_integer(v) cov_is(v, JSON_INTEGER)
#define json_is_real(v) cov_is(v, JSON_REAL)
#define json_is_number(v) cov_is_number(v)
#define json_is_true(v) cov_is(v, JSON_TRUE)
#define json_boolean_value json_is_true
#define json_is_false(v) cov_is(v, JSON_FALSE)
#define json_is_boolean(v) cov_is_boolean(v)
#define json_is_null(v) cov_is(v, JSON_NULL)

#endif
