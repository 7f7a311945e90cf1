/* Parsers as functions of bytes: what libFuzzer calls, what the kept corpus is replayed through, and what the named
 * kinds of tests/reliability/malformed*.c are given.
 *
 * A parser of one file takes its bytes. A parser of a folder takes a bundle: texts that replace files of a good folder,
 *
 *     %%% config.json          the lines below are this file's; what stands before the first such line is the main
 * file's
 *     {"model_type": ...
 *     %%% model.safetensors -  the file is not there
 *     %%% vocab.txt /          a folder stands in the file's place
 *     %%% state.json +         its checksum is put right (checkpoints)
 *
 * the line end before a %%% is no part of the file above. */
#ifndef HONE_TESTS_FUZZ_TARGETS_H
#define HONE_TESTS_FUZZ_TARGETS_H

#include "base/status.h"

typedef struct fuzz_target {
    const char *name;
    const char *main_file; /* name of the bytes in messages; of a bundle, the file before the first %%% */
    /* Read everything, use it, free it. *meaning: a digest of what was understood; only set on success. */
    hone_status (*read)(const void *p, size_t n, uint64_t *meaning);
} fuzz_target;

extern const fuzz_target fuzz_targets[]; /* the last one has no name */
const fuzz_target *fuzz_find(const char *name);

/* Bytes that the last read stood on: the input, and the files of the folder that it did not replace. */
size_t fuzz_size(void);

/* ---- for the targets ---- */

uint64_t fuzz_digest(uint64_t h, const void *p, size_t n); /* FNV-1a; start from 0 */
const char *fuzz_dir(void);                                /* a folder of this process, in memory where possible */
void fuzz_clean_up(void);                                  /* removes it */
void fuzz_set_size(size_t n);
/* fuzz_dir()/name with these bytes. The path is good until the next call. */
const char *fuzz_file(const char *name, const void *p, size_t n);

/* A folder made of a good one and a bundle. */
typedef struct fuzz_folder fuzz_folder;
fuzz_folder *fuzz_folder_open(const char *name, const char *good, const char *main_file);
const char *fuzz_folder_path(const fuzz_folder *f);
/* Put the bundle's files there; those of the bundle before are put back. */
void fuzz_folder_fill(fuzz_folder *f, const void *p, size_t n);

#endif
