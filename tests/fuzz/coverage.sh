#!/bin/sh
# Line coverage of the parsers by `malformed` and the replayed corpus, a line a file, and the lines that nothing reaches.
set -eu
files='base/json.c base/json_scan.c base/io_reader.c tensor/safetensors.c tensor/safetensors_header.c data/csv.c data/jsonl.c
data/ejson.c data/table.c data/tokenizer/load.c data/tokenizer/load_json.c data/tokenizer/load_parts.c data/tokenizer/vocabulary.c
models/hub.c models/sentence.c models/weights.c models/bert.c models/model.c train/checkpoint.c'
find build/gcov -name '*.gcda' -delete
build/gcov/proofs/malformed | tail -1
HONE_BIN=/nowhere build/gcov/hone-tests corpus >build/gcov/corpus.log 2>&1 || { cat build/gcov/corpus.log; exit 1; }
mkdir -p build/gcov/lines
for f in $files; do
    (cd build/gcov/lines && gcov -p -s "$(pwd)" "../../../$f" -o "../${f%.c}.o" >/dev/null 2>&1 || true)
done
for f in $files; do
    g=$(find . build/gcov/lines -maxdepth 4 -name "*$(echo "$f" | tr / '#').gcov" | head -1)
    [ -n "$g" ] || { echo "$f: no data"; continue; }
    awk -F: -v f="$f" '$1 !~ /-/ { all++; if ($1 ~ /#####/) { miss++; list = list " " $2 + 0 } }
        END { printf "%-36s %5.1f %%  %d of %d lines", f, 100 * (all - miss) / all, all - miss, all; print (miss ? "; not:" list : "") }' "$g"
done | tee build/gcov/lines.txt
awk '{ a += $4; b += $6 } END { printf "fuzz-cov: %.1f/95 %s (%d of %d lines)\n", 100 * a / b, a >= 0.95 * b ? "PASS" : "FAIL", a, b; exit a < 0.95 * b }' build/gcov/lines.txt
