/* The targets themselves, private to tests/fuzz. */
#ifndef HONE_TESTS_FUZZ_PARSERS_H
#define HONE_TESTS_FUZZ_PARSERS_H

#include "data/table.h"
#include "tensor/safetensors.h"
#include "tests/fuzz/targets.h"

typedef hone_status fuzz_read(const void *p, size_t n, uint64_t *meaning);

fuzz_read fuzz_json, fuzz_safetensors, fuzz_csv, fuzz_tsv, fuzz_jsonl, fuzz_array, fuzz_no_name, fuzz_table_gz,
    fuzz_gzip, fuzz_ejson, fuzz_shards, fuzz_tokenizer, fuzz_vocab, fuzz_model, fuzz_old_model, fuzz_hub,
    fuzz_checkpoint, fuzz_newest;

uint64_t fuzz_digest_tensors(uint64_t h, const hone_safetensors *s);
uint64_t fuzz_digest_table(const hone_table *t);

#endif
