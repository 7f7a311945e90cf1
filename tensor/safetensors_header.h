/* The header of one safetensors file, private to tensor/safetensors*.c. */
#ifndef HONE_TENSOR_SAFETENSORS_HEADER_H
#define HONE_TENSOR_SAFETENSORS_HEADER_H

#include "tensor/safetensors.h"

typedef struct safetensors_pair {
    const char *key, *value;
} safetensors_pair;

typedef struct safetensors_header {
    int64_t n, n_pairs;
    hone_safetensors_entry *entries; /* by place; one block with all texts and pairs: free it with hone_free */
    safetensors_pair *pairs;
} safetensors_header;

/* Parse and check all n bytes of a file. */
hone_status hone_safetensors_parse(const unsigned char *p, size_t n, const char *path, int file,
                                   safetensors_header *out);

#endif
