/* Checkpoints: counters that lie under a checksum that holds, damage that the checksums find, files that are gone. */
#include "tests/reliability/malformed.h"

#include "tests/reliability/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S "state.json"
#define COUNT(name, key, good, bad, says)                                                                              \
    { name, "\"" key "\": " good, "\"" key "\": " bad, S ": " says }

/* The checksum is put right: somebody else wrote this, or an older version. */
static const kind right_kinds[] = {
    {"the good file", "$", "", SAME},
    {"an empty file", NULL, "", S ":1:1: expected a value, found the end of the text"},
    {"zeros, as a lost block leaves them", NULL, "\u2026", S ":1:1: expected a value, found '\\x00'", 0, "\u2400", 512},
    {"a list", NULL, "[]", S ": is not a JSON object"},
    {"an empty object", NULL, "{}", S ": has no whole number \"format\""},
    {"an older format", "\"format\": 2", "\"format\": 1", S ": is of format 1, this version reads 2",
     HONE_E_UNSUPPORTED},
    COUNT("a format in quotes", "format", "2", "\"2\"", "has no whole number \"format\""),
    COUNT("a negative step", "step", "3", "-3", "\"step\" is -3, expected an integer of 0 to 9223372036854775807"),
    COUNT("no step", "step", "3", "null", "has no whole number \"step\""),
    COUNT("a step with a fraction", "step", "3", "3.0", "has no whole number \"step\""),
    {"2^63 steps", "\"step\": 3", "\"step\": 9223372036854775808", "does not fit 64 bits", HONE_E_LIMIT},
    {"2^63 - 1 steps", "\"step\": 3", "\"step\": 9223372036854775807",
     "optimizer.safetensors: has 3 decay factors, 1 for each update; state.json says 9223372036854775807 updates", 0,
     NULL, 0, true},
    {"fewer steps than the optimiser made", "\"step\": 3", "\"step\": 2",
     "optimizer.safetensors: has 3 decay factors, 1 for each update; state.json says 2 updates", 0, NULL, 0, true},
    {"more steps than the optimiser made", "\"step\": 3", "\"step\": 4",
     "optimizer.safetensors: has 3 decay factors, 1 for each update; state.json says 4 updates", 0, NULL, 0, true},
    COUNT("a negative epoch", "epoch", "1", "-1", "\"epoch\" is -1, expected an integer of 0 to 9223372036854775807"),
    COUNT("a negative batch", "batch", "2", "-2", "\"batch\" is -2, expected an integer of 0 to"),
    COUNT("a best step before the first", "best_step", "2", "-2", "\"best_step\" is -2, expected an integer of -1 to"),
    COUNT("a negative number of skipped updates", "skipped", "0", "-1",
          "\"skipped\" is -1, expected an integer of 0 to"),
    COUNT("more updates skipped than made", "skipped", "0", "4", "4 of 3 steps skipped"),
    COUNT("a negative place in the log", "log_offset", "321", "-1",
          "\"log_offset\" is -1, expected an integer of 0 to"),
    COUNT("a negative count of evaluations", "stale", "0", "-1", "\"stale\" is -1, expected an integer of 0 to"),
    COUNT("a metric in quotes", "best_metric", "0.5", "\"0.5\"", "\"best_metric\" is \"0.5\", expected a number"),
    {"a metric of 1e999", "\"best_metric\": 0.5", "\"best_metric\": 1e999", "real number overflow near '1e999'"},
    {"a metric of NaN", "\"best_metric\": 0.5", "\"best_metric\": NaN", "expected a value, found 'N'"},
    {"a key twice", "\"step\": 3", "\"step\": 3, \"step\": 3", "duplicate key \"step\""},
    {"another task", "\"task\": \"pairs\"", "\"task\": \"triplets\"",
     "checkpoint_step_3: was trained with --task \"triplets\", this run has \"pairs\": resuming would not give the "
     "same result; give the options of the first run, or start a new one with another --out",
     HONE_E_ARG, NULL, 0, true},
    {"another seed", "\"seed\": 42", "\"seed\": 43", "checkpoint_step_3: was trained with --seed 43, this run has 42",
     HONE_E_ARG, NULL, 0, true},
    {"no seed", "\"seed\": 42", "\"sead\": 42", "checkpoint_step_3: was trained with --seed (none), this run has 42",
     HONE_E_ARG, NULL, 0, true},
    {"no identity", "\"identity\": {", "\"identify\": {",
     "checkpoint_step_3: was trained with --task (none), this run has \"pairs\"", HONE_E_ARG, NULL, 0, true},
    {"a tensor without a checksum", "\"embeddings.LayerNorm.bias\": ", "\"embeddings.LayerNorm.bios\": ",
     "model.safetensors: tensor \"embeddings.LayerNorm.bias\" is damaged: checksum", 0, NULL, 0, true},
    {"a checksum that is a number", "\"embeddings.LayerNorm.bias\": ", "\"embeddings.LayerNorm.bias\": 7, \"x\": ",
     "model.safetensors: holds 23 tensors, state.json lists 24", 0, NULL, 0, true},
    {"no checksums", "\"checksums\": {", "\"chucksums\": {", "model.safetensors: holds 23 tensors, state.json lists 0",
     0, NULL, 0, true},
    {"no sums of files", "\"files\": {", "\"fails\": {", S ": has no object \"files\""},
    {"sums of files that are a list", "\"files\": {", "\"files\": [], \"x\": {", S ": has no object \"files\""},
    {"a file above the folder", "\"files\": {", "\"files\": {\"../../../../../etc/passwd\": \"00000000\",",
     S ": file \"../../../../../etc/passwd\" is no name in this folder"},
    {"a file with an absolute path", "\"files\": {", "\"files\": {\"/etc/passwd\": \"00000000\",",
     S ": file \"/etc/passwd\" is no name in this folder"},
    {"a file that is not there", "\"files\": {", "\"files\": {\"x.txt\": \"00000000\",",
     "x.txt: cannot open: No such file or directory", HONE_E_IO, NULL, 0, true},
    {"a folder among the files", "\"files\": {", "\"files\": {\"1_Pooling\": \"00000000\",",
     "1_Pooling: not a regular file: Is a directory", HONE_E_IO, NULL, 0, true},
};

/* The checksum is as it was. */
static const kind plain_kinds[] = {
    {"a counter changed by hand", "\"step\": 3", "\"step\": 4", S ": is damaged: checksum "},
    {"white space added", "\"step\": 3", "\"step\":  3", S ": is damaged: checksum "},
    {"a line end more at the end", "$", "\n", S ": is damaged: it does not end in its checksum"},
    {"Windows line ends", "\n", "\r\n", S ": is damaged: checksum "},
    {"something behind the object", "$", "x", "expected the end of the text, found 'x'"},
    {"no checksum at all", "\"state_crc32\"", "\"state_crc33\"", S ": is damaged: it does not end in its checksum"},
    {"no state", NULL, "%%% state.json -\n", S ": cannot open: No such file or directory", HONE_E_IO},
    {"a folder called state.json", NULL, "%%% state.json /\n", S ": not a regular file: Is a directory", HONE_E_IO},
    {"no weights", NULL, "%%% model.safetensors -\n", "model.safetensors: cannot open: No such file or directory",
     HONE_E_IO, NULL, 0, true},
    {"no optimiser", NULL, "%%% optimizer.safetensors -\n",
     "optimizer.safetensors: cannot open: No such file or directory", HONE_E_IO, NULL, 0, true},
    {"empty weights", NULL, "%%% model.safetensors\n", "model.safetensors: file has 0 bytes", 0, NULL, 0, true},
    {"an empty optimiser", NULL, "%%% optimizer.safetensors\n", "optimizer.safetensors: file has 0 bytes", 0, NULL, 0,
     true},
    {"weights without a tensor", NULL, "%%% model.safetensors\n\x02\u2400\u2400\u2400\u2400\u2400\u2400\u2400{}",
     "model.safetensors: holds 0 tensors, state.json lists 23", 0, NULL, 0, true},
    {"a changed config.json", NULL, "%%% config.json\n{}", "checkpoint_step_3: config.json is damaged: checksum ", 0,
     NULL, 0, true},
    {"no tokenizer.json", NULL, "%%% tokenizer.json -\n", "tokenizer.json: cannot open: No such file or directory",
     HONE_E_IO, NULL, 0, true},
    {"no folder of the pooling", NULL, "%%% 1_Pooling -\n", "config.json: cannot open: No such file or directory",
     HONE_E_IO, NULL, 0, true},
    {"a stranger's file, which is nobody's business", NULL, "%%% notes.txt\nhello", SAME},
};

/* hone_checkpoint_newest passes over it, by name. */
static const kind newest_kinds[] = {
    {"a state cut short", NULL, "%%% state.json\n{\"format\": 2, \"st", "run: passing over "},
    {"no state", NULL, "%%% state.json -\n", "run: passing over "},
    {"a list", NULL, "%%% state.json\n[1]", "run: passing over "},
    {"weights that are none", NULL, "%%% model.safetensors\nx", "file has 1 bytes, a safetensors file has at least 8"},
    {"no optimiser", NULL, "%%% optimizer.safetensors -\n", "run: passing over "},
};

static char good[700];

static const char *at(const char *file) {
    static char path[600];
    snprintf(path, sizeof path, "%s/good/%s", fuzz_dir(), file);
    return path;
}

/* Every part of a binary file: its length, header, first and last tensor. */
static void damage(const char *file, const char *says) {
    static const char *const names[] = {"a flipped bit in the length", "a flipped bit in the header",
                                        "a flipped bit in the first tensor", "a flipped bit in the last byte"};
    size_t n;
    char *p = slurp(at(file), &n);
    if (!p) die("no %s", file);
    uint64_t header = 0;
    for (int i = 0; i < 8; i++) header |= (uint64_t)(unsigned char)p[i] << (8 * i);
    const size_t places[] = {0, 20, 8 + (size_t)header, n - 1};
    for (int i = 0; i < 4; i++) {
        char *bundle = malloc(n + 64), name[96];
        if (!bundle) die("no memory");
        size_t head = (size_t)sprintf(bundle, "%%%%%% %s\n", file);
        memcpy(bundle + head, p, n);
        bundle[head + places[i]] ^= 4;
        snprintf(name, sizeof name, "%s: %s", file, names[i]);
        kind k = {.name = name, .says = i < 2 ? "" : says};
        run_kind("checkpoint", "checkpoint", file, &k, bundle, head + n, NULL, 0);
        free(bundle);
    }
    free(p);
}

void malformed_checkpoint(void) {
    uint64_t meaning;
    if (fuzz_find("checkpoint")->read("%%% none -\n", 11, &meaning) != HONE_OK)
        die("the checkpoint is refused: %s", hone_last_error()->message);
    snprintf(good, sizeof good, "%s", at(S));
    kind_group groups[] = {
        {"checkpoint, its checksum right", "checkpoint", S, good, NULL, '+', KINDS(right_kinds)},
        {"checkpoint", "checkpoint", S, good, NULL, 0, KINDS(plain_kinds)},
        {"newest checkpoint", "newest", "run", good, NULL, 0, KINDS(newest_kinds)},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) run_group(&groups[i]);
    damage("model.safetensors", "is damaged: checksum ");
    damage("optimizer.safetensors", "is damaged: checksum ");
    run_cuts_of("checkpoint", S, good, NULL);
    run_cuts_of("checkpoint", "model.safetensors", at("model.safetensors"), NULL);
    run_cuts_of("checkpoint", "config.json", at("config.json"), NULL);
}
