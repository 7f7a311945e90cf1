#include "tensor/safetensors.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/random.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

static unsigned char file_bytes[1 << 20];

/* A file from its header's text and a number of data bytes (0, 1, 2, …). */
static size_t build(const char *header, size_t header_bytes, size_t data_bytes) {
    for (int i = 0; i < 8; i++) file_bytes[i] = (unsigned char)((uint64_t)header_bytes >> (8 * i));
    memcpy(file_bytes + 8, header, header_bytes);
    for (size_t i = 0; i < data_bytes; i++) file_bytes[8 + header_bytes + i] = (unsigned char)i;
    return 8 + header_bytes + data_bytes;
}

/* The copy ends where the file ends: the sanitizer and the guard page see a read past it. */
static hone_status open_copy(size_t n, hone_safetensors **out, void **copy) {
    *copy = test_guard_alloc(n, 1, false);
    memcpy(*copy, file_bytes, n);
    return hone_safetensors_open_memory(*copy, n, "m.safetensors", out);
}

static void check_refused(size_t n, hone_status want, const char *text, const char *what) {
    hone_safetensors *s = NULL;
    void *copy;
    hone_error_clear();
#ifdef HONE_TEST_HOOKS
    CHECK(hone_fault_set(NULL));
#endif
    hone_status got = open_copy(n, &s, &copy);
#ifdef HONE_TEST_HOOKS
    CHECK_MSG(hone_fault_bytes() <= (int64_t)(16 * n + (1 << 20)), "%s: asked for %ld bytes", what,
              (long)hone_fault_bytes());
#endif
    test_guard_free(copy);
    const hone_error *e = hone_last_error();
    CHECK_MSG(got == want && !s, "%s: status %d (%s), want %d", what, got, e->message, want);
    CHECK_MSG(strstr(e->message, text) || strstr(e->hint, text), "%s: says \"%s\" (%s), want \"%s\"", what, e->message,
              e->hint, text);
    CHECK_STR(e->file, "m.safetensors");
    CHECK_INT(hone_exit_status(e), 3);
}

#define W "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

typedef struct bad_header {
    const char *header;
    size_t data;
    const char *text;
} bad_header;

static const bad_header bad_headers[] = {
    /* Not the JSON it must be. */
    {"", 0, "expected a value, found the end of the text (byte 8)"},
    {"   ", 0, "found the end of the text (byte 11)"},
    {"[]", 0, "header begins with '[', expected '{'"},
    {"1", 0, "header begins with '1'"},
    {"null", 0, "header begins with 'null'"},
    {"\"w\"", 0, "expected '{'"},
    {"{", 0, "expected a key"},
    {"{\"w\"", 0, "expected ':'"},
    {"{\"w\":" W, 8, "expected ',' or '}', found the end of the text"},
    {"{\"w\":" W ",}", 8, "expected a key in double quotes, found '}'"},
    {"{\"w\":" W "}}", 8, "expected the end of the text, found '}'"},
    {"{\"w\":" W "} x", 8, "expected the end of the text, found 'x'"},
    {"{\"w\":" W "}{}", 8, "expected the end of the text"},
    {"\xEF\xBB\xBF{\"w\":" W "}", 8, "found '\\xef\\xbb\\xbf'"},
    {"{w:" W "}", 8, "expected a key"},
    {"{'w':" W "}", 8, "expected a key"},
    {"{\"w\xFF\":" W "}", 8, "byte '\\xff' is not UTF-8"},
    {"{\"w\xC0\xAF\":" W "}", 8, "not UTF-8"},
    {"{\"w\xED\xA0\x80\":" W "}", 8, "not UTF-8"},
    {"{\"w\\ud800\":" W "}", 8, "no valid escape"},
    {"{\"w\n\":" W "}", 8, "control character"},
    {"{\"w\\u0000x\":" W "}", 8, "NUL"},
    {"{\"w\":" W ",\"__metadata__\":{\"a\\u0000\":\"b\"}}", 8, "NUL"},
    /* A tensor that is none. */
    {"{\"w\":1}", 0, "\"w\": an object expected, found '1'"},
    {"{\"w\":null}", 0, "an object expected"},
    {"{\"w\":[]}", 0, "an object expected"},
    {"{\"w\":{}}", 0, "tensor \"w\" has no \"dtype\""},
    {"{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "has no \"dtype\""},
    {"{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "has no \"shape\""},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "has no \"data_offsets\""},
    {"{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "has \"dtype\" twice"},
    {"{\"w\":{\"dtype\":\"F32\",\"d\\u0074ype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
     "has \"dtype\" twice"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "has \"shape\" twice"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"data_offsets\":[0,8]}}", 8,
     "has \"data_offsets\" twice"},
    {"{\"w\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "unknown dtype \"F31\""},
    {"{\"w\":{\"dtype\":\"f32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "unknown dtype \"f32\""},
    {"{\"w\":{\"dtype\":\"\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "unknown dtype \"\""},
    {"{\"w\":{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "a string for \"dtype\" expected, found '32'"},
    {"{\"w\":{\"dtype\":null,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "a string for \"dtype\" expected"},
    /* Numbers that are none. */
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8, "an array of whole numbers expected"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":null,\"data_offsets\":[0,8]}}", 8, "an array of whole numbers expected"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds -2"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds 2.0"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2e0],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds 2e0"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds 2"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[null],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds null"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[[2]],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds ["},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[true],\"data_offsets\":[0,8]}}", 8, "\"shape\" holds true"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[02],\"data_offsets\":[0,8]}}", 8, "leading zero"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,8]}}", 8,
     "holds 18446744073709551616"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,-8]}}", 8, "\"data_offsets\" holds -8"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-0,8]}}", 8, "\"data_offsets\" holds -0"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.0]}}", 8, "\"data_offsets\" holds 8.0"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8,
     "\"data_offsets\" holds 1 numbers, expected 2"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[]}}", 8, "\"data_offsets\" holds 0 numbers"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, "\"data_offsets\" holds 3 numbers"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":{\"0\":8}}}", 8, "an array of whole numbers expected"},
    /* Products past 64 bits. */
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", 8, "past 2^63 - 1"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2,18446744073709551614,0],\"data_offsets\":[0,0]}}", 0, "dimension 1"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
     "needs more than 2^61 bytes"},
    {"{\"w\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],\"data_offsets\":[0,0]}}", 0,
     "needs more than 2^61 bytes"},
    {"{\"w\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,0]}}", 0, "past 2^63 - 1"},
    {"{\"w\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
     "needs more than 2^61 bytes"},
    /* Ranges. */
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,7]}}", 7,
     "tensor \"w\" F32 [2] needs 8 bytes, range holds 7"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[768, 768],\"data_offsets\":[0,2359292]}}", 0,
     "tensor \"w\" F32 [768, 768] needs 2359296 bytes, range holds 2359292"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,8]}}", 8, "F32 [] needs 4 bytes, range holds 8"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,8]}}", 8, "F32 [0] needs 0 bytes, range holds 8"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
     "tensor \"w\" starts at 4, previous ends at 0 (gap of 4 bytes)"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "tensor \"w\" starts at 8"},
    {"{\"v\":" W ",\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,4]}}", 8,
     "starts at 8 and ends before, at 4"},
    {"{\"v\":" W ",\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16,
     "tensor \"w\" starts at 12, previous ends at 8 (gap of 4 bytes)"},
    {"{\"v\":" W ",\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
     "tensor \"w\" starts at 4, previous ends at 8 (overlap of 4 bytes)"},
    {"{\"v\":" W ",\"w\":" W "}", 8, "overlap of 8 bytes"},
    {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[18446744073709551608,18446744073709551615]}}", 8,
     "gap of"},
    {"{\"w\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2,
     "needs 12 bits, not a whole number of bytes"},
    {"{\"w\":{\"dtype\":\"F6_E2M3\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, "needs 12 bits"},
    {"{\"w\":" W "}", 7, "ends at byte"},
    {"{\"v\":" W ",\"w\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[8,9]}}", 8, "tensor \"w\" ends at byte"},
    {"{\"w\":" W "}", 0, "download incomplete?"},
    {"{\"w\":" W "}", 9, "(1 bytes too many)"},
    {"{}", 1, "(1 bytes too many)"},
    /* Names and metadata. */
    {"{\"w\":" W ",\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12,
     "tensor \"w\" stands there twice"},
    {"{\"w\":" W ",\"\\u0077\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12,
     "tensor \"w\" stands there twice"},
    {"{\"w\":" W
     ",\"v\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]},\"v\":{\"dtype\":\"F32\",\"shape\":[0],"
     "\"data_offsets\":[8,8]}}",
     8, "tensor \"v\" stands there twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "\"__metadata__\" stands there twice"},
    {"{\"__metadata__\":null,\"__metadata__\":{}}", 0, "\"__metadata__\" stands there twice"},
    {"{\"__metadata__\":{},\"__m\\u0065tadata__\":{}}", 0, "\"__metadata__\" stands there twice"},
    {"{\"__metadata__\":{\"format\":1}}", 0, "a string in \"__metadata__\" expected, found '1'"},
    {"{\"__metadata__\":{\"format\":null}}", 0, "a string in \"__metadata__\" expected"},
    {"{\"__metadata__\":{\"format\":{\"a\":\"b\"}}}", 0, "a string in \"__metadata__\" expected"},
    {"{\"__metadata__\":[]}", 0, "no object of strings"},
    {"{\"__metadata__\":\"pt\"}", 0, "no object of strings"},
    {"{\"__metadata__\":" W "}", 8, "a string in \"__metadata__\" expected"},
};
enum { BAD_HEADERS = sizeof bad_headers / sizeof *bad_headers };

TEST(safetensors, every_broken_header_is_refused_with_its_reason) {
    CHECK(BAD_HEADERS >= 60);
    for (int i = 0; i < BAD_HEADERS; i++) {
        const bad_header *b = &bad_headers[i];
        char what[32];
        snprintf(what, sizeof what, "case %d", i);
        check_refused(build(b->header, strlen(b->header), b->data), HONE_E_FORMAT, b->text, what);
    }
    check_refused(build("{\"w\":" W "}\0\0\0", strlen(W) + 9, 8), HONE_E_FORMAT, "found '\\x00'", "padded with NUL");
}

TEST(safetensors, a_wrong_length_is_refused_before_anything_is_read) {
    size_t n = build("{\"w\":" W "}", strlen(W) + 6, 8);
    for (size_t cut = 0; cut < 8; cut++) check_refused(cut, HONE_E_FORMAT, "has at least 8 (byte 0)", "short");
    static const uint64_t lengths[] = {1000, 4294967296, (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 8};
    for (int k = 0; k < 6; k++) {
        for (int i = 0; i < 8; i++) file_bytes[i] = (unsigned char)(lengths[k] >> (8 * i));
        char text[64];
        snprintf(text, sizeof text, "header says %" PRIu64 " bytes, file has %zu (byte 0)", lengths[k], n);
        check_refused(n, HONE_E_FORMAT, text, "length");
        check_refused(n, HONE_E_FORMAT, "download incomplete? compare with the published size", "length");
    }
    memset(file_bytes, 0, 8);
    check_refused(8, HONE_E_FORMAT, "found the end of the text", "no header");
    const char *lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0";
    memcpy(file_bytes, lfs, strlen(lfs));
    check_refused(strlen(lfs), HONE_E_FORMAT, "git lfs pull", "LFS pointer");
    memcpy(file_bytes, "PK\003\004 and more of it", 20);
    check_refused(20, HONE_E_FORMAT, "save_pretrained(", "zip");
    memcpy(file_bytes, "<!DOCTYPE html>", 16);
    check_refused(16, HONE_E_FORMAT, "web page", "html");
}

TEST(safetensors, legal_but_too_large_is_a_limit) {
    check_refused(build("{\"w\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 65, 1),
                  HONE_E_LIMIT, "has 9 dimensions, limit 8", "rank 9");
    char deep[300] = "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":";
    size_t n = strlen(deep);
    memset(deep + n, '[', 70);
    memset(deep + n + 70, ']', 70);
    memcpy(deep + n + 140, "}}", 3);
    check_refused(build(deep, n + 142, 1), HONE_E_LIMIT, "nested deeper than 64", "deep");
    size_t huge = 100000001 + 8; /* one byte more than the format allows: all spaces, never read */
    unsigned char *p = calloc(1, huge);
    for (int i = 0; i < 8; i++) p[i] = (unsigned char)((uint64_t)100000001 >> (8 * i));
    hone_safetensors *s;
    CHECK_FAILS(hone_safetensors_open_memory(p, huge, "m.safetensors", &s), HONE_E_LIMIT,
                "header says 100000001 bytes, limit 100000000 (byte 0)");
    free(p);
}

TEST(safetensors, a_file_cut_anywhere_is_refused) {
    const char *header =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"I64\",\"shape\":[2],"
        "\"data_offsets\":[24,40]}}  ";
    size_t n = build(header, strlen(header), 40);
    hone_safetensors *s;
    void *copy;
    CHECK_OK(open_copy(n, &s, &copy));
    hone_safetensors_close(s);
    test_guard_free(copy);
    for (size_t cut = 0; cut < n; cut++) check_refused(cut, HONE_E_FORMAT, "", "cut");
}

TEST(safetensors, a_flipped_or_random_byte_never_crashes) {
    const char *header =
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"b\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[24,40]}}";
    size_t n = build(header, strlen(header), 40), refused = 0;
    enum { ROUNDS = 20000 };
    for (uint64_t i = 0; i < ROUNDS; i++) {
        size_t at = (size_t)hone_random_below(1, 1, 3 * i, n - 40);
        unsigned char old = file_bytes[at];
        file_bytes[at] =
            i % 2 ? (unsigned char)(old ^ (1u << (i / 2 % 8)))
                  : (unsigned char)"{}[]\",:0123456789-.eE\\u \n\x80\xFF"[hone_random_below(1, 1, 3 * i + 1, 28)];
        hone_safetensors *s = NULL;
        void *copy;
        hone_status status = open_copy(n, &s, &copy);
        refused += status != HONE_OK;
        for (int64_t k = 0; s && k < hone_safetensors_count(s); k++) {
            const hone_safetensors_entry *e = hone_safetensors_at(s, k);
            const unsigned char *p = e->data;
            CHECK(p >= (unsigned char *)copy && e->bytes <= n && p + e->bytes <= (unsigned char *)copy + n);
        }
        hone_safetensors_close(s);
        test_guard_free(copy);
        file_bytes[at] = old;
    }
    CHECK(refused > ROUNDS / 2 && refused < ROUNDS);
}

TEST(safetensors, what_the_reference_tolerates_is_read) {
    static const struct {
        const char *header;
        size_t data;
        int64_t count;
    } good[] = {
        {"{}", 0, 0},
        {"{}      ", 0, 0},
        {" \t\r\n{ \"w\" : " W " }\n\t\r ", 8, 1},
        {"{\"__metadata__\":null,\"w\":" W "}", 8, 1},
        {"{\"__metadata__\":{},\"w\":" W "}", 8, 1},
        {"{\"w\":" W ",\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 8, 1},
        {"{\"w\":{\"extra\":{\"x\":[1,2.5,null,\"\\u0000\"]},\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],"
         "\"extra\":1}}",
         8, 1},
        {"{\"w\":{\"d\\u0074ype\":\"F\\u00332\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, 1},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, 1},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[3,0,7],\"data_offsets\":[0,0]}}", 0, 1},
        {"{\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[3,3]},\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_"
         "offsets\":[0,3]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
         5, 3},
        {"{\"\":" W "}", 8, 1},
        {"{\"w\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, 1},
        {"{\"w\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, 1},
        {"{\"w\":{\"dtype\":\"U8\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}", 0, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        hone_safetensors *s = NULL;
        void *copy;
        hone_status status = open_copy(build(good[i].header, strlen(good[i].header), good[i].data), &s, &copy);
        CHECK_MSG(status == HONE_OK, "case %zu: %s", i, hone_last_error()->message);
        CHECK_INT(hone_safetensors_count(s), good[i].count);
        CHECK(!hone_safetensors_at(s, good[i].count) && !hone_safetensors_at(s, -1));
        if (i == 5) CHECK_STR(hone_safetensors_metadata(s, 0, "a"), "2");
        if (i == 10) { /* by place */
            CHECK_STR(hone_safetensors_at(s, 0)->name, "a");
            CHECK_STR(hone_safetensors_at(s, 1)->name, "z");
            CHECK_STR(hone_safetensors_at(s, 2)->name, "b");
        }
        hone_safetensors_close(s);
        test_guard_free(copy);
    }
    hone_safetensors_close(NULL);
}

static const char *golden(const char *name) {
    char relative[128];
    snprintf(relative, sizeof relative, "tests/golden/tensor/%s.safetensors", name);
    return test_path(relative);
}

TEST(safetensors, a_file_of_the_reference_shows_its_tensors) {
    hone_safetensors *s;
    CHECK_OK(hone_safetensors_open(golden("mixed"), &s));
    CHECK_INT(hone_safetensors_count(s), 18);
    CHECK_INT(hone_safetensors_files(s), 1);
    CHECK(strstr(hone_safetensors_path(s, 0), "mixed") && !hone_safetensors_path(s, 1) &&
          !hone_safetensors_path(s, -1));
    CHECK_STR(hone_safetensors_metadata(s, 0, "format"), "pt");
    CHECK(!hone_safetensors_metadata(s, 0, "other") && !hone_safetensors_metadata(s, 1, "format"));
    const char *key = NULL, *value = NULL;
    CHECK(!hone_safetensors_metadata_at(s, -1, 0, &key, &value) &&
          !hone_safetensors_metadata_at(s, 1, 0, &key, &value));
    CHECK(!hone_safetensors_metadata_at(s, 0, -1, &key, &value) &&
          !hone_safetensors_metadata_at(s, 0, 1 << 20, &key, &value));
    CHECK(!key && !value);
    CHECK(hone_safetensors_metadata_at(s, 0, 0, &key, &value) && !hone_safetensors_metadata_at(s, 0, 1, &key, &value));
    CHECK_STR(key, "format");
    static const struct {
        const char *name, *shape;
        hone_dtype dtype;
    } want[] = {{"embeddings.word_embeddings.weight", "[3, 4]", HONE_F32},
                {"b.f64", "[4]", HONE_F64},
                {"a.f64", "[]", HONE_F64},
                {"ids", "[1, 3]", HONE_I64},
                {"i32", "[2]", HONE_I32},
                {"i16", "[1]", HONE_I16},
                {"i8", "[3]", HONE_I8},
                {"u8", "[1]", HONE_U8},
                {"mask", "[3]", HONE_BOOL},
                {"half", "[3]", HONE_F16},
                {"brain", "[2]", HONE_BF16},
                {"empty", "[0, 5]", HONE_F32},
                {"another.empty", "[3, 0]", HONE_I64},
                {"quote\" back\\slash /", "[1]", HONE_F32},
                {"control\n\t\x01\x1f\x7f", "[1]", HONE_F32},
                {"caf\xC3\xA9 \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x98\x80", "[1]", HONE_F32},
                {"", "[1]", HONE_F32},
                {"c64", "[1]", HONE_C64}};
    for (int i = 0; i < 18; i++) {
        const hone_safetensors_entry *e = hone_safetensors_find(s, want[i].name);
        CHECK_MSG(e, "\"%s\" is not found", want[i].name);
        CHECK_STR(e->name, want[i].name);
        CHECK_STR(hone_shape_str(&e->shape), want[i].shape);
        CHECK_INT(e->dtype, want[i].dtype);
        CHECK_INT(e->bytes, (uint64_t)hone_shape_count(&e->shape) * hone_dtype_size(e->dtype));
    }
    CHECK(!hone_safetensors_find(s, "absent") && !hone_safetensors_find(s, "zzz") && !hone_safetensors_find(s, "emb"));
    const unsigned char *end = NULL;
    for (int64_t i = 0; i < 18; i++) { /* each begins where the one before it ends */
        const hone_safetensors_entry *e = hone_safetensors_at(s, i);
        if (end) CHECK((const unsigned char *)e->data == end);
        end = (const unsigned char *)e->data + e->bytes;
    }
    float x[12];
    CHECK_OK(hone_safetensors_read_f32(s, hone_safetensors_find(s, "embeddings.word_embeddings.weight"), x));
    for (int i = 0; i < 12; i++) CHECK_NEAR(x[i], i, 0);
    CHECK_OK(hone_safetensors_read_f32(s, hone_safetensors_find(s, "b.f64"), x));
    CHECK(x[0] == 0.1f && isinf(x[1]) && x[1] < 0 && x[2] == 0 && x[3] == 2.5f);
    CHECK_OK(hone_safetensors_read_f32(s, hone_safetensors_find(s, "half"), x));
    CHECK(x[0] == 1.5f && x[1] == -0.25f && x[2] == 65504);
    CHECK_OK(hone_safetensors_read_f32(s, hone_safetensors_find(s, "brain"), x));
    CHECK(x[0] == 1.5f && x[1] == -3);
    CHECK_OK(hone_safetensors_read_f32(s, hone_safetensors_find(s, "empty"), x));
    CHECK_FAILS(hone_safetensors_read_f32(s, hone_safetensors_find(s, "ids"), x), HONE_E_DTYPE,
                "tensor \"ids\" is I64, expected F32, F16, BF16 or F64");
    hone_safetensors_close(s);
}

static void check_same_bytes(const char *path, const char *reference) {
    char *a, *b;
    size_t n, m;
    CHECK_OK(hone_io_read_file(path, 1 << 30, &a, &n));
    CHECK_OK(hone_io_read_file(reference, 1 << 30, &b, &m));
    CHECK_MSG(n == m, "%s has %zu bytes, the reference %zu", path, n, m);
    for (size_t i = 0; i < n; i++) CHECK_MSG(a[i] == b[i], "byte %zu of %s is %d, reference %d", i, path, a[i], b[i]);
    hone_free(a);
    hone_free(b);
}

/* All of s in a scrambled order. */
static int64_t items_of(const hone_safetensors *s, hone_safetensors_item *items) {
    int64_t n = hone_safetensors_count(s), order[64];
    hone_random_permutation(1, 2, n, order);
    for (int64_t i = 0; i < n; i++) {
        const hone_safetensors_entry *e = hone_safetensors_at(s, order[i]);
        items[i] = (hone_safetensors_item){e->name, e->dtype, e->shape, e->data};
    }
    return n;
}

static const char *out_path(void) {
    static char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, test_dir(), "out.safetensors"));
    return path;
}

TEST(safetensors, what_we_write_is_what_the_reference_writes) {
    static const struct {
        const char *from, *to;
        hone_dtype as;
    } cases[] = {{"mixed", "mixed", HONE_F32}, {"none", "none", HONE_F32}, {"f32", "f32", HONE_F32},
                 {"f32", "f16", HONE_F16},     {"f32", "bf16", HONE_BF16}, {"f16", "f16", HONE_F32},
                 {"bf16", "bf16", HONE_F16}};
    for (int k = 0; k < 7; k++) {
        hone_safetensors *s;
        hone_safetensors_item items[64];
        CHECK_OK(hone_safetensors_open(golden(cases[k].from), &s));
        int64_t n = items_of(s, items);
        CHECK_OK(hone_safetensors_write(out_path(), items, n, cases[k].as));
        hone_safetensors_close(s);
        check_same_bytes(out_path(), golden(cases[k].to));
        CHECK_OK(hone_safetensors_open(out_path(), &s));
        hone_safetensors_close(s);
    }
}

static float half_to_f32(uint16_t h) { /* by the definition: sign, 5 bits of exponent, 10 of fraction */
    int e = h >> 10 & 31, f = h & 1023;
    double v = e == 31 ? (double)(f ? NAN : INFINITY) : e ? ldexp(1024 + f, e - 25) : ldexp(f, -24);
    return (float)(h >> 15 ? -v : v);
}

TEST(safetensors, every_16_bit_value_is_widened_exactly_at_any_address) {
    char header[2][200];
    static unsigned char data[65536 * 2 + 16];
    static float got[65536];
    for (int type = 0; type < 2; type++)
        for (int shift = 0; shift < 4; shift++) {
            char *h = header[type];
            snprintf(h, sizeof header[0],
                     "{\"p\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},\"x\":{\"dtype\":\"%s\","
                     "\"shape\":[65536],\"data_offsets\":[%d,%d]}}",
                     shift, shift, type ? "BF16" : "F16", shift, shift + 131072);
            size_t n = build(h, strlen(h), (size_t)shift + 131072);
            for (int i = 0; i < 65536; i++) {
                data[2 * i] = (unsigned char)i, data[2 * i + 1] = (unsigned char)(i >> 8);
            }
            memcpy(file_bytes + n - 131072, data, 131072);
            hone_safetensors *s;
            CHECK_OK(hone_safetensors_open_memory(file_bytes, n, "m", &s));
            CHECK_OK(hone_safetensors_read_f32(s, hone_safetensors_find(s, "x"), got));
            for (int i = 0; i < 65536; i++) {
                uint32_t bits = (uint32_t)i << 16;
                float want;
                memcpy(&want, &bits, 4);
                if (!type) want = half_to_f32((uint16_t)i);
                CHECK_MSG(isnan(want) ? isnan(got[i]) : !memcmp(&want, &got[i], 4), "%04x became %g, want %g", i,
                          (double)got[i], (double)want);
            }
            hone_safetensors_close(s);
        }
}

TEST(safetensors, the_writer_refuses_what_no_reader_takes) {
    float x = 1;
    hone_shape one = hone_shape_of(1, (int64_t)1);
    hone_safetensors_item items[] = {{"a", HONE_F32, one, &x}, {"b", HONE_F32, one, &x}};
    const char *path = out_path();
    CHECK_OK(hone_safetensors_write(path, items, 2, HONE_F32));
    items[1].name = "a";
    items[1].dtype = HONE_I32;
    CHECK_FAILS(hone_safetensors_write(path, items, 2, HONE_F32), HONE_E_ARG, "tensor \"a\" is to be written twice");
    items[1].name = "__metadata__";
    CHECK_FAILS(hone_safetensors_write(path, items, 2, HONE_F32), HONE_E_ARG, "\"__metadata__\" cannot be");
    const char *bad[] = {"\xFF", "a\xC3", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE0\x80\x80", "\xC3("};
    for (int i = 0; i < 6; i++) {
        items[1].name = bad[i];
        CHECK_FAILS(hone_safetensors_write(path, items, 2, HONE_F32), HONE_E_ARG, "cannot be the name");
    }
    CHECK_FAILS(hone_safetensors_write(path, items, 1, HONE_I8), HONE_E_ARG, "not as I8");
    CHECK_FAILS(hone_safetensors_write("no/such/folder/x", items, 1, HONE_F32), HONE_E_IO, "folder does not exist");
    hone_safetensors *s;
    CHECK_OK(hone_safetensors_open(path, &s)); /* the first one still stands there */
    CHECK_INT(hone_safetensors_count(s), 2);
    hone_safetensors_close(s);
}

/* A folder with the given files; "" ends the list. */
static const char *folder(const char *name) {
    static char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, test_dir(), name));
    CHECK_OK(hone_io_remove_tree(path));
    CHECK_OK(hone_io_mkdirs(path));
    return path;
}
static void put_text(const char *dir, const char *name, const char *text) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, dir, name));
    CHECK_OK(hone_io_write_file(path, text, strlen(text)));
}
static void put_shard(const char *dir, const char *name, const char *a, float va, const char *b, float vb) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, dir, name));
    hone_shape one = hone_shape_of(1, (int64_t)1);
    hone_safetensors_item items[] = {{a, HONE_F32, one, &va}, {b, HONE_F32, one, &vb}};
    CHECK_OK(hone_safetensors_write(path, items, b ? 2 : 1, HONE_F32));
}

TEST(safetensors, a_folder_is_one_file_or_shards_or_explained) {
    hone_safetensors *s;
    const char *dir = folder("model");
    CHECK_FAILS(hone_safetensors_open(dir, &s), HONE_E_IO,
                "neither model.safetensors nor model.safetensors.index.json");
    CHECK_INT(hone_exit_status(hone_last_error()), 3);
    CHECK_STR(hone_last_error()->file, dir);
    put_text(dir, "pytorch_model.bin", "PK");
    CHECK_FAILS(hone_safetensors_open(dir, &s), HONE_E_UNSUPPORTED, "holds pytorch_model.bin and no safetensors");
    CHECK(strstr(hone_last_error()->hint,
                 "python -c \"from transformers import AutoModel; AutoModel.from_pretrained('.').save_pretrained('.', "
                 "safe_serialization=True)"));
    put_shard(dir, "s-1.safetensors", "b", 2, "a", 1);
    put_shard(dir, "s-2.safetensors", "c", 3, "unlisted", 4);
    put_text(
        dir, "model.safetensors.index.json",
        "{\"metadata\": {\"total_size\": 12}, \"weight_map\": {\"c\": \"s-2.safetensors\", \"a\": \"s-1.safetensors\", "
        "\"b\": \"s-1.safetensors\"}}");
    CHECK_OK(hone_safetensors_open(dir, &s));
    CHECK_INT(hone_safetensors_files(s), 2);
    CHECK_INT(hone_safetensors_count(s), 4);
    const char *want[] = {"c", "unlisted", "a", "b"};
    float values[] = {3, 4, 1, 2}, x;
    for (int i = 0; i < 4; i++) {
        const hone_safetensors_entry *e = hone_safetensors_at(s, i);
        CHECK_STR(e->name, want[i]);
        CHECK(hone_safetensors_find(s, want[i]) == e);
        CHECK_INT(e->file, i / 2);
        CHECK_OK(hone_safetensors_read_f32(s, e, &x));
        CHECK_NEAR(x, values[i], 0);
    }
    CHECK(strstr(hone_safetensors_path(s, 0), "s-2.safetensors"));
    hone_safetensors_close(s);
    put_shard(dir, "s-3.safetensors", "d", 5, NULL, 0);
    put_text(dir, "model.safetensors.index.json",
             "{\"weight_map\": {\"c\": \"s-2.safetensors\", \"a\": \"s-1.safetensors\", \"d\": \"s-3.safetensors\"}}");
    CHECK_OK(hone_safetensors_open(dir, &s));
    CHECK_INT(hone_safetensors_files(s), 3);
    for (int file = -1; file <= 4; file++) { /* nothing beyond either end */
        const char *key = NULL, *value = NULL;
        const bool there = file >= 0 && file < 3;
        CHECK(!hone_safetensors_path(s, file) == !there);
        CHECK(hone_safetensors_metadata_at(s, file, 0, &key, &value) == there && !key == !there && !value == !there);
        CHECK(!hone_safetensors_metadata(s, file, "format") == !there);
    }
    hone_safetensors_close(s);
    put_shard(dir, "model.safetensors", "whole", 9, NULL, 0); /* preferred */
    CHECK_OK(hone_safetensors_open(dir, &s));
    CHECK_INT(hone_safetensors_count(s), 1);
    hone_safetensors_close(s);
}

TEST(safetensors, a_broken_index_is_refused_with_its_reason) {
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "found the end of the text"},
        {"[]", "expected an object"},
        {"{}", "no \"weight_map\""},
        {"{\"weight_map\": {}}", "names no file"},
        {"{\"weight_map\": []}", "no object of file names"},
        {"{\"weight_map\": {\"a\": 1}}", "the shard of \"a\" is no string"},
        {"{\"weight_map\": {\"a\": \"../s-1.safetensors\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"sub\\\\s-1.safetensors\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"\\u002e\\u002e\\u002fs-1\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"..\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"s\\u0000\"}}", "no plain file name"},
        {"{\"weight_map\": {\"a\": \"s-9.safetensors\"}}", "shard \"s-9.safetensors\" is not in the folder"},
        {"{\"weight_map\": {\"a\": \"s-1.safetensors\", \"x\": \"s-1.safetensors\"}}",
         "tensor \"x\" is not in \"s-1.safetensors\""},
        {"{\"weight_map\": {\"a\": \"s-1.safetensors\", \"b\": \"s-2.safetensors\"}}",
         "tensor \"b\" is in \"s-1.safetensors\", not in \"s-2.safetensors\""},
        {"{\"weight_map\": {\"a\": \"s-1.safetensors\", \"a\": \"s-1.safetensors\"}}",
         "tensor \"a\" stands there twice"},
        {"{\"weight_map\": {\"a\": \"s-1.safetensors\", \"c\": \"s-3.safetensors\"}}",
         "tensor \"a\" is in s-1.safetensors and in s-3.safetensors"},
        {"{\"weight_map\": {\"a\": \"s-1.safetensors\"}, \"weight_map\": {}}", "\"weight_map\" stands there twice"},
        {"{\"weight_map\": {\"a\": \"s-1.safetensors\"}} x", "expected the end of the text"},
        {"{\"weight_map\": {\"a\": \"s-4.safetensors\"}}", "header says"},
    };
    const char *dir = folder("sharded");
    put_shard(dir, "s-1.safetensors", "a", 1, "b", 2);
    put_shard(dir, "s-2.safetensors", "c", 3, NULL, 4);
    put_shard(dir, "s-3.safetensors", "a", 3, "d", 4);
    put_text(dir, "s-4.safetensors", "not a tensor file at all");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hone_safetensors *s = NULL;
        put_text(dir, "model.safetensors.index.json", bad[i].text);
        hone_error_clear();
        hone_status status = hone_safetensors_open(dir, &s);
        const hone_error *e = hone_last_error();
        CHECK_MSG(status == HONE_E_FORMAT && !s && strstr(e->message, bad[i].message),
                  "case %zu: %d \"%s\", want \"%s\"", i, status, e->message, bad[i].message);
        CHECK_MSG(strstr(e->file, "model.safetensors.index.json") || strstr(e->file, "s-3") || strstr(e->file, "s-4"),
                  "case %zu: %s", i, e->file);
    }
}

TEST(safetensors, a_hundred_thousand_tensors_are_opened_and_found) {
    enum { N = 100000 };
    size_t room = (size_t)N * 80 + 100, n = 8;
    char *p = malloc(room);
    p[n++] = '{';
    for (int i = 0; i < N; i++)
        n += (size_t)sprintf(p + n, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "",
                             i * 7919 % N);
    p[n++] = '}';
    for (int i = 0; i < 8; i++) p[i] = (char)((uint64_t)(n - 8) >> (8 * i));
    hone_safetensors *s;
    CHECK_OK(hone_safetensors_open_memory(p, n, "m", &s));
    CHECK_INT(hone_safetensors_count(s), N);
    for (int i = 0; i < N; i += 997) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        CHECK(hone_safetensors_find(s, name));
    }
    hone_safetensors_close(s);
#ifdef HONE_TEST_HOOKS
    p[n - 2] = ' '; /* the last tensor's object is not closed: refused before any of it is kept */
    CHECK(hone_fault_set(NULL));
    CHECK_FAILS(hone_safetensors_open_memory(p, n, "m", &s), HONE_E_FORMAT, "expected");
    CHECK(hone_fault_bytes() < 10000);
#endif
    free(p);
}

#ifdef HONE_TEST_HOOKS
TEST(safetensors, names_to_write_are_utf8_to_its_borders) {
    static const struct {
        const char *name;
        bool good;
    } c[] = {
        {"\xC2\x80", true},
        {"\xC1\x80", false},
        {"\xC2x", false},
        {"\xE0\xA0\x80", true},
        {"\xE0\x9F\x80", false},
        {"\xED\x9F\x80", true},
        {"\xED\xA0\x80", false},
        {"\xEF\x80\x80", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF0\x8F\x80\x80", false},
        {"\xF4\x8F\x80\x80", true},
        {"\xF4\x90\x80\x80", false},
        {"\xF5\x80\x80\x80", false},
        {"\xF1\x80\x80x", false},
        {"\xFFx", false},
        {"\xE1\x80", false},
        {"\x80", false},
    };
    char path[512];
    float x = 1;
    snprintf(path, sizeof path, "%s/names.safetensors", test_dir());
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        hone_safetensors_item item = {.name = c[i].name, .dtype = HONE_F32, .shape = hone_shape_of(1, 1), .data = &x};
        CHECK_MSG((hone_safetensors_write(path, &item, 1, HONE_F32) == HONE_OK) == c[i].good, "name %zu", i);
    }
#ifdef HONE_TEST_HOOKS
    /* The disk fills up in the header, in weights that are narrowed, in those that are not. */
    float *many = calloc(3 << 20, sizeof *many);
    for (int as = 0; as < 2; as++)
        for (int k = 1; k < 4; k++) {
            char rule[32];
            hone_safetensors_item items[2] = {
                {.name = "a", .dtype = HONE_F32, .shape = hone_shape_of(1, 3 << 20), .data = many},
                {.name = "b", .dtype = HONE_I32, .shape = hone_shape_of(1, 2 << 20), .data = many}};
            snprintf(rule, sizeof rule, "write:%d:ENOSPC", k);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status s = hone_safetensors_write(path, items, 2, as ? HONE_BF16 : HONE_F32);
            hone_fault_set(NULL);
            CHECK_INT(s, HONE_E_IO);
            CHECK(strstr(hone_last_error()->file, "names.safetensors"));
        }
    free(many);
#endif
}

TEST(safetensors, every_failing_allocation_and_file_operation_is_reported) {
    const char *dir = folder("faults");
    put_shard(dir, "s-1.safetensors", "a", 1, "b", 2);
    put_shard(dir, "s-2.safetensors", "c", 3, "d", 4);
    put_text(dir, "model.safetensors.index.json",
             "{\"weight_map\": {\"a\": \"s-1.safetensors\", \"c\": \"s-2.safetensors\"}}");
    char target[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(target, dir, "written.safetensors"));
    put_text(dir, "written.safetensors", "old");
    static float x[600000];
    hone_safetensors_item item = {"x", HONE_F32, hone_shape_of(1, (int64_t)600000), x};
    const char *rules[] = {"alloc:%d",        "open:%d:EMFILE", "read:%d:EIO",      "mmap:%d:ENOMEM",
                           "write:%d:ENOSPC", "fsync:%d:EIO",   "rename:%d:EACCES", "write:%d:short"};
    for (int k = 0; k < 8; k++)
        for (int n = 1;; n++) {
            char rule[64], *text;
            size_t size;
            snprintf(rule, sizeof rule, rules[k], n);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_safetensors *s = NULL;
            hone_status status = hone_safetensors_open(dir, &s);
            if (status == HONE_OK) status = hone_safetensors_write(target, &item, 1, k % 2 ? HONE_BF16 : HONE_F32);
            bool fired = hone_fault_fired() > 0;
            CHECK(hone_fault_set(NULL));
            hone_safetensors_close(s);
            CHECK_MSG((status != HONE_OK) == (fired && k < 7), "%s: status %d, fired %d", rule, status, fired);
            if (status != HONE_OK) {
                CHECK_MSG(status == (k && k != 3 ? HONE_E_IO : HONE_E_NOMEM), "%s: status %d", rule, status);
                CHECK_MSG(hone_last_error()->file[0], "%s: %s", rule, hone_last_error()->message);
            }
            CHECK_OK(hone_io_read_file(target, 1 << 30, &text, &size));
            CHECK_MSG(size == 3 || size > 1200000, "%s left %zu bytes", rule, size);
            hone_free(text);
            put_text(dir, "written.safetensors", "old");
            if (!fired) {
                CHECK_MSG(n > 1, "%s never fired", rule);
                break;
            }
        }
}
#endif
