#!/bin/sh
# make cov: what the tests reach of the code that reads files and of the checkpoints. Every line and every branch of
# these sources counts, also those taken only when memory or the disk fails. Called by make, after the tests have run:
#
#     coverage.sh BUILD SOURCE...
#
# Prints lines and branches of each file and of all; BUILD/uncovered.txt names each place that was not reached. Status 1
# when less than 95 % of all branches were taken. Needs gcov, which comes with gcc.
set -u
build=$1
shift
LC_ALL=C
export LC_ALL
gcov=${GCOV:-gcov}
command -v "$gcov" >/dev/null || {
    echo "cov: not found: $gcov, which counts what ran. hint: it comes with gcc; GCOV=gcov-12 names another" >&2
    exit 1
}
rm -rf "$build/gcov" && mkdir -p "$build/gcov"
for source; do
    "$gcov" -b -c -t -o "$build/$(dirname "$source")" "$build/${source%.c}.o" >"$build/gcov/$(echo "$source" | tr / _)" 2>"$build/gcov/log" || {
        cat "$build/gcov/log" >&2
        exit 1
    }
done

for source; do
    echo "$source $build/gcov/$(echo "$source" | tr / _)"
done | awk -v list="$build/uncovered.txt" '
    function percent(a, b) { return b ? 100 * a / b : 100 }
    function row(name, l, ln, b, bn) { printf "%-36s %5d of %5d lines %6.1f %%   %5d of %5d branches %6.1f %%\n", name, l, ln, percent(l, ln), b, bn, percent(b, bn) }
    BEGIN { printf "" >list }
    {
        file = $1; ran = lines = taken = branches = 0
        while ((getline text <$2) > 0) {
            if (text ~ /0:Source:/) ours = index(text, "0:Source:" file) > 0 # headers have sections of their own
            if (!ours) continue
            if (text ~ /^branch/) {
                branches++
                if (text ~ /taken [1-9]/) taken++
                else print file ":" number ": branch never taken: " code >list
            } else if (split(text, part, ":") >= 3 && part[2] + 0 > 0) {
                number = part[2] + 0
                code = substr(text, length(part[1]) + length(part[2]) + 3)
                gsub(/^ +/, "", code)
                if (part[1] ~ /[0-9]/) { ran++; lines++ }
                if (part[1] ~ /#####/) { lines++; print file ":" number ": never run: " code >list }
            }
        }
        if (!lines) { print "cov: nothing was counted for " file; bad = 1; exit 1 }
        row(file, ran, lines, taken, branches)
        all_ran += ran; all_lines += lines; all_taken += taken; all_branches += branches
    }
    END {
        if (bad) exit 1
        row("all", all_ran, all_lines, all_taken, all_branches)
        good = percent(all_taken, all_branches) >= 95
        printf "cov: %.1f %% of lines, %.1f/95 %% of branches %s (%s)\n", percent(all_ran, all_lines), percent(all_taken, all_branches), good ? "PASS" : "FAIL", list
        exit !good
    }'
