/* safetensors: named tensors in one file, or in the shards of a folder.
 *
 *     [u64 n, little-endian][n bytes of JSON][data: little-endian, row-major, packed, in any order of names]
 *     {"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * Reading maps the file and checks everything against its size before the first tensor is handed out: the ranges start
 * at 0, touch each other and end at the file's end; bytes = shape x dtype; names are unique. Liberal where the
 * reference is (white space around the header, unknown keys in a tensor's object), strict elsewhere. A refused file
 * costs less memory than its own size. Values are not looked at: NaN is legal.
 *
 * Source: github.com/huggingface/safetensors, README.md and safetensors/src/tensor.rs. */
#ifndef HONE_TENSOR_SAFETENSORS_H
#define HONE_TENSOR_SAFETENSORS_H

#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#define HONE_SAFETENSORS_HEADER_MAX 100000000u /* bytes; the reference's limit */
#define HONE_SAFETENSORS_TENSORS_MAX 1000000   /* more: HONE_E_LIMIT */

/* A tensor of the file; name and data are valid until hone_safetensors_close. */
typedef struct hone_safetensors_entry {
    const char *name; /* UTF-8 without NUL */
    const void *data; /* in the mapping, of no particular alignment */
    uint64_t bytes;
    hone_shape shape;
    hone_dtype dtype;
    int file; /* hone_safetensors_path gives its name */
} hone_safetensors_entry;

/* An opened file or folder of shards; read-only, for any number of threads. */
typedef struct hone_safetensors hone_safetensors;

/* path is a file, or a folder with model.safetensors, or else with model.safetensors.index.json and the shards it
 * names. Errors name the file: HONE_E_FORMAT, HONE_E_LIMIT, HONE_E_IO; HONE_E_UNSUPPORTED for a folder that holds only
 * pytorch_model.bin. Close after the last use of any entry's name or data. */
hone_status hone_safetensors_open(const char *path, hone_safetensors **out);
/* The same from n bytes at p, which must outlive the result; `name` stands for the file in messages. */
hone_status hone_safetensors_open_memory(const void *p, size_t n, const char *name, hone_safetensors **out);
void hone_safetensors_close(hone_safetensors *s); /* accepts NULL */

/* Entries in file order: shard by shard, in each by the place of the data. */
int64_t hone_safetensors_count(const hone_safetensors *s);
const hone_safetensors_entry *hone_safetensors_at(const hone_safetensors *s, int64_t i);
const hone_safetensors_entry *hone_safetensors_find(const hone_safetensors *s, const char *name); /* NULL: not there */

/* HONE_E_FORMAT when one of the files was written to or cut since it was opened: what was read may be of both
 * (hone_io_map_check). */
hone_status hone_safetensors_check(const hone_safetensors *s);

/* How many files there are, and the path of file 0 .. files-1. */
int hone_safetensors_files(const hone_safetensors *s);
const char *hone_safetensors_path(const hone_safetensors *s, int file);
/* A value of the file's `__metadata__`, NULL when absent; and the i-th pair in the header's order, false past the last.
 */
const char *hone_safetensors_metadata(const hone_safetensors *s, int file, const char *key);
bool hone_safetensors_metadata_at(const hone_safetensors *s, int file, int64_t i, const char **key, const char **value);

/* All elements as f32 into dst [hone_shape_count(&e->shape)]: F32 bit by bit, F16 and BF16 exactly, F64 rounded to
 * nearest (beyond the range: infinity). Other types: HONE_E_DTYPE. */
hone_status hone_safetensors_read_f32(const hone_safetensors *s, const hone_safetensors_entry *e, float *dst);
/* e's bytes will hardly be read again: their memory goes back to the system, reading them fetches them from the file
 * anew. */
void hone_safetensors_let_go(const hone_safetensors *s, const hone_safetensors_entry *e);

/* One tensor to write; data as in memory, of `dtype`. */
typedef struct hone_safetensors_item {
    const char *name;
    hone_dtype dtype;
    hone_shape shape;
    const void *data;
} hone_safetensors_item;

/* Write items (in any order) to path, replace-or-nothing. F32 items are stored as float_as: HONE_F32, or rounded to
 * nearest even as HONE_F16 or HONE_BF16; others as they are. The bytes are those of the reference writer for the same
 * tensors and the metadata {"format": "pt"}: sorted by dtype, widest first, then by name; compact JSON, padded with
 * spaces to a multiple of 8. Tied weights must be listed once. Errors: HONE_E_ARG for a name that is double, not UTF-8
 * or "__metadata__", HONE_E_LIMIT for a header that no reader takes, HONE_E_IO, HONE_E_NOMEM. */
hone_status hone_safetensors_write(const char *path, const hone_safetensors_item *items, int64_t n,
                                   hone_dtype float_as);

#endif
