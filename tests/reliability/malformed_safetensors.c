/* safetensors: headers that lie, ranges that do not add up, files that are something else; shards and their index. */
#include "tests/reliability/malformed.h"

#include "tests/reliability/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define V "{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]}"
#define T(dtype, shape, from, to) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"
#define S(more) "{\"w\":{\"dtype\":\"F32\"," more "}}"

/* A header and so many bytes of data. The file: its length, the header, the data. */
typedef struct header_kind {
    kind kind; /* put: the header */
    size_t data;
} header_kind;

#define K(name, header, data, ...)                                                                                     \
    { {name, NULL, header, __VA_ARGS__}, data }

static const header_kind headers[] = {
    /* Not the JSON it must be. */
    K("an empty header", "", 0, "expected a value, found the end of the text (byte 8)"),
    K("a header of spaces", "        ", 0, "expected a value, found the end of the text (byte 16)"),
    K("a header of NULs", "\u2400\u2400\u2400\u2400\u2400\u2400\u2400\u2400", 0,
      "expected a value, found '\\x00' (byte 8)"),
    K("a list", "[]", 0, "header begins with '[', expected '{' (byte 8)"),
    K("a number", "7", 0, "header begins with '7', expected '{'"),
    K("null", "null", 0, "header begins with 'null', expected '{'"),
    K("a byte order mark", "\xEF\xBB\xBF{}", 0, "found '\\xef\\xbb\\xbf' (byte 8)"),
    K("UTF-16", "\xFF\xFE{\u2400}\u2400", 0, "found '\\xff' (byte 8)"),
    K("white space before the brace", " \n\t{\"w\":" W "}", 8, TAKEN),
    K("padding of every sort of white space", "{\"w\":" W "} \t\r\n   ", 8, TAKEN),
    K("padding of NULs", "{\"w\":" W "}\u2400\u2400\u2400", 8, "expected the end of the text, found '\\x00'"),
    K("two objects", "{\"w\":" W "}{}", 8, "expected the end of the text, found '{'"),
    K("an object cut short", "{\"w\":{\"dtype\":\"F32\",\"sha", 8, "string without its closing quote"),
    K("a comma before the brace", "{\"w\":" W ",}", 8, "expected a key in double quotes, found '}'"),
    K("nested 100,000 deep in an unknown key", "{\"w\":{\"x\":\u2026", 8, "nested deeper than 64 levels", HONE_E_LIMIT,
      "[", 100000),
    K("nested 60 deep in an unknown key",
      "{\"w\":{\"x\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
      "}",
      8, TAKEN),
    /* Names. */
    K("a name that is not UTF-8", "{\"w\xFF\":" W "}", 8, "byte '\\xff' is not UTF-8"),
    K("a name with a lone surrogate", "{\"w\\ud800\":" W "}", 8, "\"\\ud800\" begins no valid escape"),
    K("a name with an escaped NUL", "{\"w\\u0000x\":" W "}", 8, "text with a NUL character"),
    K("a name with a raw NUL", "{\"w\u2400x\":" W "}", 8, "control character '\\x00' in a string"),
    K("a name with a terminal's escape", "{\"\\u001b[2J\":1}", 0, "\"\\u001b[2J\": an object expected, found '1'"),
    K("an empty name", "{\"\":" W "}", 8, TAKEN),
    K("a name of 100,000 bytes that lies", "{\"\u2026\":1}", 0, "an object expected, found '1'", 0, "n", 100000),
    K("a name twice, at one place", "{\"w\":" W ",\"w\":" W "}", 8, "(overlap of 8 bytes)"),
    K("a name twice, at two places", "{\"w\":" W ",\"w\":" T("F32", "[2]", "8", "16") "}", 16,
      "tensor \"w\" stands there twice"),
    K("a name twice, once with an escape", "{\"w\":" W ",\"\\u0077\":" T("F32", "[2]", "8", "16") "}", 16,
      "tensor \"w\" stands there twice"),
    K("an empty tensor twice", "{\"w\":" T("F32", "[0]", "0", "0") ",\"w\":" T("F32", "[0]", "0", "0") "}", 0,
      "tensor \"w\" stands there twice"),
    /* Metadata. */
    K("metadata that is a string", "{\"__metadata__\":\"pt\",\"w\":" W "}", 8,
      "\"__metadata__\" is no object of strings"),
    K("metadata that is a list", "{\"__metadata__\":[],\"w\":" W "}", 8, "\"__metadata__\" is no object of strings"),
    K("metadata with a number", "{\"__metadata__\":{\"epoch\":3},\"w\":" W "}", 8,
      "\"epoch\": a string in \"__metadata__\" expected, found '3'"),
    K("metadata with an object", "{\"__metadata__\":{\"a\":{}},\"w\":" W "}", 8,
      "\"a\": a string in \"__metadata__\" expected"),
    K("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{},\"w\":" W "}", 8,
      "\"__metadata__\" stands there twice"),
    K("metadata twice, once with an escape", "{\"__metadata__\":{},\"__metadat\\u0061__\":{}}", 0,
      "\"__metadata__\" stands there twice"),
    K("metadata that is null", "{\"__metadata__\":null,\"w\":" W "}", 8, TAKEN),
    K("metadata with a NUL", "{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "text with a NUL character"),
    /* A tensor that is none. */
    K("a tensor that is a number", "{\"w\":1}", 0, "\"w\": an object expected, found '1'"),
    K("a tensor that is null", "{\"w\":null}", 0, "\"w\": an object expected, found 'null'"),
    K("a tensor that is a list", "{\"w\":[0,8]}", 8, "\"w\": an object expected, found '['"),
    K("no dtype", "{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "tensor \"w\" has no \"dtype\""),
    K("no shape", S("\"data_offsets\":[0,8]"), 8, "tensor \"w\" has no \"shape\""),
    K("no offsets", S("\"shape\":[2]"), 8, "tensor \"w\" has no \"data_offsets\""),
    K("dtype twice", S("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"), 8,
      "tensor \"w\" has \"dtype\" twice"),
    K("shape twice", S("\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]"), 8, "tensor \"w\" has \"shape\" twice"),
    K("offsets twice, once with an escape", S("\"shape\":[2],\"data_offsets\":[0,8],\"d\\u0061ta_offsets\":[0,8]"), 8,
      "tensor \"w\" has \"data_offsets\" twice"),
    K("a dtype in small letters", "{\"w\":" T("f32", "[2]", "0", "8") "}", 8,
      "tensor \"w\" has the unknown dtype \"f32\""),
    K("a dtype of torch", "{\"w\":" T("torch.float32", "[2]", "0", "8") "}", 8, "unknown dtype \"torch.float32\""),
    K("a dtype of a later version", "{\"w\":" T("F128", "[2]", "0", "32") "}", 32, "unknown dtype \"F128\""),
    K("a dtype that is a number", "{\"w\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
      "a string for \"dtype\" expected, found '7'"),
    K("unknown keys", "{\"w\":{\"crc\":12,\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"stride\":[1]}}", 8,
      TAKEN),
    /* Numbers. */
    K("a shape that is a number", S("\"shape\":2,\"data_offsets\":[0,8]"), 8,
      "\"w\": an array of whole numbers expected, found '2'"),
    K("a negative dimension", S("\"shape\":[-2],\"data_offsets\":[0,8]"), 8,
      "tensor \"w\": \"shape\" holds -2, expected a whole number from 0 to 2^64 - 1"),
    K("minus zero", S("\"shape\":[-0],\"data_offsets\":[0,0]"), 0, "\"shape\" holds -0"),
    K("a dimension with a fraction", S("\"shape\":[2.0],\"data_offsets\":[0,8]"), 8, "\"shape\" holds 2.0"),
    K("a dimension with an exponent", S("\"shape\":[2e0],\"data_offsets\":[0,8]"), 8, "\"shape\" holds 2e0"),
    K("a dimension in quotes", S("\"shape\":[\"2\"],\"data_offsets\":[0,8]"), 8, "\"shape\" holds 2, expected"),
    K("a dimension that is null", S("\"shape\":[null],\"data_offsets\":[0,8]"), 8, "\"shape\" holds null"),
    K("a dimension that is a list", S("\"shape\":[[2]],\"data_offsets\":[0,8]"), 8, "\"shape\" holds ["),
    K("a dimension of 2^64", S("\"shape\":[18446744073709551616],\"data_offsets\":[0,8]"), 8,
      "holds 18446744073709551616"),
    K("a dimension of 2^63", S("\"shape\":[9223372036854775808],\"data_offsets\":[0,8]"), 8,
      "dimension 0 of 9223372036854775808 takes the number of elements past 2^63 - 1"),
    K("rank 8", S("\"shape\":[1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]"), 8, TAKEN),
    K("rank 9", S("\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]"), 8, "tensor \"w\" has 9 dimensions, limit 8",
      HONE_E_LIMIT),
    K("rank 100,000", S("\"shape\":[\u20262],\"data_offsets\":[0,8]"), 8, "tensor \"w\" has 100001 dimensions, limit 8",
      HONE_E_LIMIT, "1,", 100000),
    K("a product that wraps to 0", S("\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]"), 0,
      "dimension 1 of 4294967296 takes the number of elements past 2^63 - 1"),
    K("a product that wraps to the right size", S("\"shape\":[6148914691236517206,3],\"data_offsets\":[0,8]"), 8,
      "past 2^63 - 1"),
    K("a product that wraps before a 0", S("\"shape\":[2,18446744073709551614,0],\"data_offsets\":[0,0]"), 0,
      "dimension 1 of 18446744073709551614"),
    K("a 0 before what would wrap", S("\"shape\":[0,9223372036854775807,2],\"data_offsets\":[0,0]"), 0, TAKEN),
    K("bits that wrap", S("\"shape\":[576460752303423488],\"data_offsets\":[0,0]"), 0,
      "tensor \"w\" F32 [576460752303423488] needs more than 2^61 bytes, range holds 0"),
    K("no offset", S("\"shape\":[2],\"data_offsets\":[]"), 8,
      "tensor \"w\": \"data_offsets\" holds 0 numbers, expected 2"),
    K("one offset", S("\"shape\":[2],\"data_offsets\":[8]"), 8, "\"data_offsets\" holds 1 numbers, expected 2"),
    K("three offsets", S("\"shape\":[2],\"data_offsets\":[0,8,8]"), 8, "\"data_offsets\" holds 3 numbers, expected 2"),
    K("offsets that are an object", S("\"shape\":[2],\"data_offsets\":{\"begin\":0,\"end\":8}"), 8,
      "an array of whole numbers expected, found '{'"),
    K("a negative offset", S("\"shape\":[2],\"data_offsets\":[-8,0]"), 8, "\"data_offsets\" holds -8"),
    /* Ranges. */
    K("a range 4 bytes short", "{\"w\":" T("F32", "[768, 768]", "0", "2359292") "}", 8,
      "tensor \"w\" F32 [768, 768] needs 2359296 bytes, range holds 2359292"),
    K("a range 4 bytes long", "{\"w\":" T("F32", "[2]", "0", "12") "}", 12,
      "tensor \"w\" F32 [2] needs 8 bytes, range holds 12"),
    K("the bytes of another dtype", "{\"w\":" T("F16", "[2]", "0", "8") "}", 8,
      "tensor \"w\" F16 [2] needs 4 bytes, range holds 8"),
    K("a scalar with room for two", "{\"w\":" T("F32", "[]", "0", "8") "}", 8,
      "tensor \"w\" F32 [] needs 4 bytes, range holds 8"),
    K("an empty tensor with bytes", "{\"w\":" T("F32", "[0, 3]", "0", "8") "}", 8,
      "tensor \"w\" F32 [0, 3] needs 0 bytes, range holds 8"),
    K("a gap at the beginning", "{\"w\":" T("F32", "[2]", "4", "12") "}", 12,
      "tensor \"w\" starts at 4, previous ends at 0 (gap of 4 bytes)"),
    K("a gap of 96 bytes", "{\"v\":" T("U8", "[4000]", "0", "4000") ",\"w\":" T("F32", "[1]", "4096", "4100") "}", 4100,
      "tensor \"w\" starts at 4096, previous ends at 4000 (gap of 96 bytes)"),
    K("an overlap", "{\"v\":" W ",\"w\":" T("F32", "[2]", "4", "12") "}", 12,
      "tensor \"w\" starts at 4, previous ends at 8 (overlap of 4 bytes)"),
    K("two tensors in one place", "{\"v\":" W ",\"w\":" W "}", 8,
      "tensor \"w\" starts at 0, previous ends at 8 (overlap of 8 bytes)"),
    K("a tensor inside another",
      "{\"v\":" T("U8", "[8]", "0", "8") ",\"w\":" T("U8", "[2]", "3", "5") ",\"x\":" T("U8", "[1]", "8", "9") "}", 9,
      "tensor \"w\" starts at 3, previous ends at 8 (overlap of 5 bytes)"),
    K("an end before the beginning", "{\"v\":" W ",\"w\":" T("F32", "[0]", "8", "4") "}", 8,
      "tensor \"w\" starts at 8 and ends before, at 4"),
    K("offsets at the end of 64 bits", "{\"w\":" T("F32", "[2]", "18446744073709551608", "18446744073709551615") "}", 8,
      "starts at 18446744073709551608, previous ends at 0 (gap of 18446744073709551608 bytes)"),
    K("an end whose sum with the header wraps",
      "{\"w\":" T("U8", "[9223372036854775807]", "0", "9223372036854775807") "}", 8, "needs more than 2^61 bytes"),
    K("a terabyte in a small file", "{\"w\":" T("U8", "[1099511627776]", "0", "1099511627776") "}", 8,
      "tensor \"w\" ends at byte 1099511627861, file has 93; download incomplete?"),
    K("half a byte", "{\"w\":" T("F4", "[3]", "0", "2") "}", 2,
      "tensor \"w\" F4 [3] needs 12 bits, not a whole number of bytes"),
    K("six bits each, and a remainder", "{\"w\":" T("F6_E2M3", "[2]", "0", "2") "}", 2,
      "needs 12 bits, not a whole number of bytes"),
    K("offsets in words instead of bytes", "{\"v\":" T("F32", "[4]", "0", "4") ",\"w\":" T("F32", "[4]", "4", "8") "}",
      32, "tensor \"v\" F32 [4] needs 16 bytes, range holds 4"),
    K("offsets from the beginning of the file", "{\"w\":" T("F32", "[2]", "64", "72") "}", 8,
      "tensor \"w\" starts at 64, previous ends at 0 (gap of 64 bytes)"),
    K("data one byte short", "{\"w\":" W "}", 7, "tensor \"w\" ends at byte 70, file has 69; download incomplete?"),
    K("no data", "{\"w\":" W "}", 0, "tensor \"w\" ends at byte 70, file has 62"),
    K("data one byte long", "{\"w\":" W "}", 9, "tensors end at byte 70, file has 71 (1 bytes too many)"),
    K("data without a tensor", "{}", 4096, "tensors end at byte 10, file has 4106 (4096 bytes too many)"),
    K("no tensor and no data", "{}", 0, TAKEN),
    K("NaN and infinity as values", "{\"w\":" W "}", 8, TAKEN),
    K("a million tensors that are no objects", "{\u2026}", 0, "\"a\": an object expected, found '0'", 0, "\"a\":0,",
      100000),
    K("twenty thousand empty tensors of one name", "{\u2026\"b\":" T("U8", "[0]", "0", "0") "}", 0,
      "tensor \"a\" stands there twice", 0, "\"a\":" T("U8", "[0]", "0", "0") ",", 20000),
};

/* Whole files: the first eight bytes are part of the text. */
static const kind files[] = {
    {"an empty file", NULL, "",
     "fuzz.safetensors: file has 0 bytes, a safetensors file has at least 8 (byte 0); download incomplete? compare "
     "with the published size"},
    {"seven bytes", NULL, "\x02\u2400\u2400\u2400\u2400\u2400\u2400",
     "fuzz.safetensors: file has 7 bytes, a safetensors file has at least 8"},
    {"a length and no header", NULL, "\x02\u2400\u2400\u2400\u2400\u2400\u2400\u2400",
     "header says 2 bytes, file has 8 (byte 0)"},
    {"a header of 4 GiB in a small file", NULL, "\u2400\u2400\u2400\u2400\x01\u2400\u2400\u2400{}",
     "header says 4294967296 bytes, file has 10 (byte 0); download incomplete?"},
    {"a header of 2^64 - 1 bytes", NULL, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}",
     "header says 18446744073709551615 bytes, file has 10"},
    {"a header of 2^64 - 8 bytes, which wraps", NULL, "\xF8\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}",
     "header says 18446744073709551608 bytes, file has 10"},
    {"a length in the other byte order", NULL, "\u2400\u2400\u2400\u2400\u2400\u2400\u2400\x02{}",
     "header says 144115188075855872 bytes, file has 10"},
    {"a header one byte longer than the file", NULL, "\x03\u2400\u2400\u2400\u2400\u2400\u2400\u2400{}",
     "header says 3 bytes, file has 10"},
    {"a header one byte too short", NULL, "\x01\u2400\u2400\u2400\u2400\u2400\u2400\u2400{}",
     "expected a key in double quotes or '}', found the end of the text (byte 9)"},
    {"a file of zeros", NULL, "\u2026", "expected a value, found the end of the text (byte 8)", 0, "\u2400", 64},
    {"a header without its length", NULL, "{\"w\":" W "}\u2400\u2400\u2400\u2400\u2400\u2400\u2400\u2400",
     "header says"},
    {"a Git LFS pointer", NULL, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90868376\n",
     "a Git LFS pointer, not the weights: run git lfs pull"},
    {"a PyTorch file", NULL, "PK\x03\x04\u2400\u2400\u2400\u2400\u2400\u2400\u2400\u2400archive/data.pkl",
     "transformers reads it and save_pretrained(…, safe_serialization=True) writes"},
    {"a web page", NULL, "<!DOCTYPE html><html><head><title>404</title>", "a web page? download the file itself"},
    {"a message in JSON", NULL, "{\"error\":\"Repository not found\"}", "header says"},
    {"a gzip file", NULL, "\x1F\x8B\x08\u2400\u2400\u2400\u2400\u2400\u2400\x03\u2400\u2400\u2400\u2400",
     "header says"},
    {"GGUF", NULL, "GGUF\x03\u2400\u2400\u2400\x01\u2400\u2400\u2400\u2400\u2400\u2400\u2400", "header says"},
    {"text", NULL, "Not Found\n", "header says"},
};

static void run_header(const header_kind *h) {
    size_t n;
    unsigned char *p = bytes_of(&h->kind, 8, h->data, &n); /* the data are NaN */
    for (int i = 0; i < 8; i++) p[i] = (unsigned char)((uint64_t)(n - 8) >> (8 * i));
    run_kind("safetensors", "safetensors", "fuzz.safetensors", &h->kind, p, n + h->data, NULL, 0);
    free(p);
}

void malformed_safetensors(void) {
    kind_group g = {"safetensors files", "safetensors", "fuzz.safetensors", NULL, "", 0, KINDS(files)};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) run_header(&headers[i]);
    run_group(&g);
    run_cuts_of("safetensors", "fuzz.safetensors", "tests/golden/tensor/mixed.safetensors", NULL);
}

/* ---- shards ---- */

#define ONE "\"model-00001-of-00003.safetensors\""
#define FIRST "\"embeddings.LayerNorm.bias\": " ONE
static const kind index_kinds[] = {
    {"an empty index", NULL, "", "model.safetensors.index.json:1:1: expected a value, found the end of the text"},
    {"a list", NULL, "[]", "model.safetensors.index.json:1:1: expected an object"},
    {"a string", NULL, "\"weight_map\"", "expected an object"},
    {"no weight map", NULL, "{\"metadata\": {}}", "model.safetensors.index.json: no \"weight_map\""},
    {"a weight map that names nothing", NULL, "{\"weight_map\": {}}", "\"weight_map\" names no file"},
    {"a weight map that is a list", NULL, "{\"weight_map\": [" ONE "]}", "\"weight_map\" is no object of file names"},
    {"a weight map that is null", NULL, "{\"weight_map\": null}", "\"weight_map\" is no object of file names"},
    {"two weight maps", "\"metadata\": {", "\"weight_map\": {" FIRST "},\n\"metadata\": {",
     "\"weight_map\" stands there twice"},
    {"a shard that is a number", FIRST, "\"embeddings.LayerNorm.bias\": 1",
     "the shard of \"embeddings.LayerNorm.bias\" is no string"},
    {"a shard that is a list", FIRST, "\"embeddings.LayerNorm.bias\": [" ONE "]",
     "the shard of \"embeddings.LayerNorm.bias\" is no string"},
    {"a shard that is not there", FIRST, "\"embeddings.LayerNorm.bias\": \"model-00004-of-00003.safetensors\"",
     "model.safetensors.index.json:7:6: shard \"model-00004-of-00003.safetensors\" is not in the folder; download "
     "incomplete? every shard that the index names must be there"},
    {"a shard above the folder", FIRST, "\"embeddings.LayerNorm.bias\": \"../dense/model.safetensors\"",
     "\"../dense/model.safetensors\" is no plain file name in this folder"},
    {"a shard with an absolute path", FIRST, "\"embeddings.LayerNorm.bias\": \"/etc/passwd\"",
     "\"/etc/passwd\" is no plain file name"},
    {"a shard in a folder below", FIRST, "\"embeddings.LayerNorm.bias\": \"a/b.safetensors\"",
     "\"a/b.safetensors\" is no plain file name"},
    {"a shard with a backslash", FIRST, "\"embeddings.LayerNorm.bias\": \"..\\\\b.safetensors\"",
     "is no plain file name"},
    {"a shard called ..", FIRST, "\"embeddings.LayerNorm.bias\": \"..\"", "\"..\" is no plain file name"},
    {"a shard called .", FIRST, "\"embeddings.LayerNorm.bias\": \".\"", "\".\" is no plain file name"},
    {"a shard without a name", FIRST, "\"embeddings.LayerNorm.bias\": \"\"", "\"\" is no plain file name"},
    {"a shard with a NUL", FIRST, "\"embeddings.LayerNorm.bias\": \"model-00001-of-00003.safetensors\\u0000.txt\"",
     "is no plain file name"},
    {"a shard with a name of 300 bytes", FIRST, "\"embeddings.LayerNorm.bias\": \"\u2026\"", "is no plain file name", 0,
     "x", 300},
    {"a shard with a name of 10,000 bytes", FIRST, "\"embeddings.LayerNorm.bias\": \"\u2026\"", "is no plain file name",
     0, "x", 10000},
    {"a path spelled with escapes", FIRST, "\"embeddings.LayerNorm.bias\": \"\\u002e\\u002e/x\"",
     "is no plain file name"},
    {"a tensor in another shard", FIRST, "\"embeddings.LayerNorm.bias\": \"model-00002-of-00003.safetensors\"",
     "tensor \"embeddings.LayerNorm.bias\" is in \"model-00001-of-00003.safetensors\", not in "
     "\"model-00002-of-00003.safetensors\""},
    {"a tensor that no shard has", FIRST, FIRST ", \"extra\": " ONE,
     "tensor \"extra\" is not in \"model-00001-of-00003.safetensors\""},
    {"a tensor twice", FIRST, FIRST ", " FIRST, "tensor \"embeddings.LayerNorm.bias\" stands there twice"},
    {"the index as its own shard", FIRST, "\"embeddings.LayerNorm.bias\": \"model.safetensors.index.json\"",
     "model.safetensors.index.json: header says", 0},
    {"five thousand shards", NULL, "{\"weight_map\": {\u2026}}", "is not in the folder", 0,
     "\"a\": \"x1.safetensors\",", 5000},
    {"a comment", "^", "// shards\n", "model.safetensors.index.json:1:1: expected a value, found '/'"},
    {"something behind the object", "$", "{}", "expected the end of the text, found '{'"},
    {"Windows line ends", "\n", "\r\n", SAME},
    {"a missing shard", NULL, "%%% model-00002-of-00003.safetensors -\n", "is not in the folder"},
    {"an empty shard", NULL, "%%% model-00002-of-00003.safetensors\n",
     "model-00002-of-00003.safetensors: file has 0 bytes", 0, NULL, 0, true},
    {"a folder in place of a shard", NULL, "%%% model-00002-of-00003.safetensors /\n",
     "model-00002-of-00003.safetensors: not a regular file: Is a directory", HONE_E_IO, NULL, 0, true},
    {"a folder in place of the index", NULL, "%%% model.safetensors.index.json /\n", "Is a directory", HONE_E_IO},
    {"no weights at all", NULL, "%%% model.safetensors.index.json -\n",
     "shards: neither model.safetensors nor model.safetensors.index.json: No such file or directory", HONE_E_IO, NULL,
     0, true},
    {"weights of PyTorch only", NULL, "%%% model.safetensors.index.json -\n%%% pytorch_model.bin\nPK",
     "shards: holds pytorch_model.bin and no safetensors; in that folder, python -c", HONE_E_UNSUPPORTED, NULL, 0,
     true},
    {"an index of PyTorch only", NULL, "%%% model.safetensors.index.json -\n%%% pytorch_model.bin.index.json\n{}",
     "shards: holds pytorch_model.bin.index.json and no safetensors", HONE_E_UNSUPPORTED, NULL, 0, true},
    {"a whole file beside the shards that is none", NULL, "%%% model.safetensors\nx",
     "model.safetensors: file has 1 bytes", 0, NULL, 0, true},
    {"a folder called model.safetensors", NULL, "%%% model.safetensors /\n",
     "model.safetensors: not a regular file: Is a directory", HONE_E_IO, NULL, 0, true},
};

void malformed_shards(void) {
    kind_group g = {"index",
                    "shards",
                    "model.safetensors.index.json",
                    "tests/golden/models/sharded/model.safetensors.index.json",
                    NULL,
                    0,
                    KINDS(index_kinds)};
    run_group(&g);
    run_cuts_of("shards", g.file, g.path, NULL);
}
