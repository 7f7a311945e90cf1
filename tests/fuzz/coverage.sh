#!/bin/sh
# Line coverage of the parsers by `malformed` and the replayed corpus, a line a file, and the lines that nothing reaches.
set -eu
files='base/json.c base/json_scan.c base/io_reader.c tensor/safetensors.c tensor/safetensors_header.c data/csv.c data/jsonl.c
data/ejson.c data/table.c data/tokenizer/load.c data/tokenizer/load_json.c data/tokenizer/load_parts.c data/tokenizer/vocabulary.c
models/hub.c models/sentence.c models/bert.c train/checkpoint.c'
find build/gcov -name '*.gcda' -delete
build/gcov/proofs/malformed >build/gcov/malformed.log 2>&1 || { cat build/gcov/malformed.log; exit 1; }
tail -1 build/gcov/malformed.log
HONE_BIN=/nowhere build/gcov/hone-tests corpus >build/gcov/corpus.log 2>&1 || { cat build/gcov/corpus.log; exit 1; }
for f in $files; do
    gcov -t -o "build/gcov/${f%.c}.o" "$f" 2>/dev/null | awk -F: -v f="$f" '
        /0:Source:/ { ours = ($NF == f) }
        ours && $1 !~ /-/ { all++; if ($1 ~ /#####/) { miss++; list = list " " ($2 + 0) } }
        END { printf "%-36s %5.1f %%  %d of %d lines%s\n", f, 100 * (all - miss) / (all + !all), all - miss, all, (miss ? "; not:" list : "") }'
done | tee build/gcov/lines.txt
awk '{ a += $4; b += $6 } END { good = (a >= 0.95 * b); printf "fuzz-cov: %.1f/95 %s (%d of %d lines)\n", 100 * a / b, (good ? "PASS" : "FAIL"), a, b; exit !good }' build/gcov/lines.txt
