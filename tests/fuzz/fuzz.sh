#!/bin/sh
# fuzz.sh SECONDS TARGET...: run each target for its share of SECONDS from the kept corpus and the kinds of malformed,
# keep what reaches something new, and add a line to tests/fuzz/ledger.tsv: date, target, executions, seconds, edges
# covered, inputs, findings. KEEP=1 puts the minimised corpus back into tests/fuzz/corpus/ (small inputs only).
# JOBS (1) targets run at a time.
set -u
seconds=$1
shift
clang=${CLANG:-clang}
if ! command -v "$clang" >/dev/null || ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return n < 0 && *p; }' |
    "$clang" -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null; then
    echo "fuzz: clang with libFuzzer and AddressSanitizer not found" >&2
    echo "  hint: install clang and its compiler-rt (Debian: clang libclang-rt-dev), or say CLANG=clang-17" >&2
    exit 2
fi
build=build/fuzz-clang found=build/fuzz-found
mkdir -p "$found" build/fuzz-seeds
programs=
for t in "$@"; do programs="$programs $build/fuzz/$t"; done
# shellcheck disable=SC2086
${MAKE:-make} --no-print-directory CONFIG=fuzz CC="${FUZZ_CC:-$clang}" $programs || exit 2
${MAKE:-make} --no-print-directory CONFIG=test build/test/proofs/malformed || exit 2
SEEDS=build/fuzz-seeds build/test/proofs/malformed >build/fuzz-seeds/log 2>&1
share=$((seconds / $#))
[ "$share" -gt 0 ] || share=1
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
bad=0 total=0
one() {
    t=$1 work=build/fuzz-corpus/$1
    mkdir -p "$work" "build/fuzz-seeds/$t" "tests/fuzz/corpus/$t"
    dict=tests/fuzz/dict/$t.dict
    [ -f "$dict" ] || dict=tests/fuzz/dict/json.dict
    "$build/fuzz/$t" -max_total_time="$share" -timeout=1 -malloc_limit_mb=64 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
        -dict="$dict" -artifact_prefix="$found/$t-" "$work" "tests/fuzz/corpus/$t" "build/fuzz-seeds/$t" >"$found/$t.log" 2>&1
    status=$?
    # The second is the wall clock's: what is quick when it is run again was a machine that did something else.
    for slow in "$found/$t"-timeout-*; do
        [ -f "$slow" ] || continue
        if "$build/fuzz/$t" -runs=1 -timeout=1 "$slow" >/dev/null 2>&1; then rm "$slow" && status=0; fi
    done
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/$t.log")
    edges=$(grep -o 'cov: [0-9]*' "$found/$t.log" | tail -1 | cut -c6-)
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%F)" "$t" "${runs:-0}" "$share" "${edges:-0}" "$(find "$work" -type f | wc -l)" \
        "$([ $status -eq 0 ] && echo 0 || echo 1)" >>tests/fuzz/ledger.tsv
    if [ -n "${KEEP:-}" ]; then
        rm -rf "$work.min" && mkdir "$work.min"
        "$build/fuzz/$t" -merge=1 -max_len=2048 -timeout=1 "$work.min" "tests/fuzz/corpus/$t" "build/fuzz-seeds/$t" "$work" >/dev/null 2>&1
        rm -f "tests/fuzz/corpus/$t"/*
        find "$work.min" -type f -printf '%s %p\n' | sort -n | awk '{ sum += $1; if (sum <= 20000) print $2 }' | awk 'NR % 8 == 1' | xargs -r cp -t "tests/fuzz/corpus/$t"
    fi
    return $status
}
for t in "$@"; do
    if one "$t"; then :; else
        bad=$((bad + 1))
        echo "fuzz: $t: see $found/$t.log" >&2
    fi
    runs=$(tail -1 tests/fuzz/ledger.tsv | cut -f3)
    total=$((total + runs))
    tail -1 tests/fuzz/ledger.tsv
done
[ $bad -eq 0 ] && verdict=PASS || verdict=FAIL
echo "fuzz: $(($# - bad))/$# $verdict ($total executions, $share s each)"
[ $bad -eq 0 ]
