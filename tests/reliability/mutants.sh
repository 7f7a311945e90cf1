#!/bin/sh
# make mutants: N random small changes (mutants.awk) in what reads files and in the checkpoints, one at a time; for each
# first the rooms of tests that are about that file; for those left every other room that reads a file, then malformed. A mutant is
# killed when one of them fails, crashes or needs more than TIMEOUT seconds of processor time (four times that for the
# two long ones, resume and malformed); what a busy machine does to the wall's clock kills nobody.
#
#     make mutants [N=100] [SEED=1] [JOBS=2] [LIMIT=seconds] [TIMEOUT=20]
#
# Which mutants a seed draws depends on the changed lines alone (mutants.awk). Those that do not compile, or that compile
# to the very same object, are not counted; the next ones take their place. Mutants that nothing could tell from the
# original are explained in tests/reliability/mutants.txt. They are not run and do not count as killed; what is judged is
# the share of killed ones among the others, and the share among all is printed beside it. The target is 90 %.
#
# Verdicts are kept in build/mutants/results: a second call goes on where the first was stopped. A verdict holds as long
# as the mutant's file stays as it is; "survived" also asks that no test has changed since. To judge the tests
# anew, remove the file. Build nothing with CONFIG=test meanwhile: mutants are linked with those objects.
#
# Called by make, which gives BUILD, COMPILE (compiler and options), LINK_TESTS, LINK_HONE and LINK_MALFORMED (with MUTANT
# and OUT in the place of the two names) and the sources as arguments.
set -u
N=${N:-100} SEED=${SEED:-1} JOBS=${JOBS:-2} LIMIT=${LIMIT:-0} TIMEOUT=${TIMEOUT:-20}
LC_ALL=C
export LC_ALL TIMEOUT LIMIT
tab=$(printf '\t')

rooms_of() { # of a source: the rooms that are about it
    case $1 in
    base/json*) echo json data safetensors ;;
    base/io_reader.c) echo io data ;;
    base/utf8.c) echo utf8 data ;;
    tensor/*) echo safetensors ;;
    data/tokenizer/*) echo tokenizer ;;
    data/*) echo data ;;
    models/*) echo models ;;
    train/*) echo checkpoint ;;
    esac
}
# Arithmetic, and whatever else reads no file of a stranger; library installs and compiles, and
# experiments have objects of their own. resume is long, so it is last.
other='^(activation|adamw|attention.*|batch_triplet|cosent|distance_matrix|dot_.*|dropout|embedding|experiments|finite|forget|gradcheck|hide|isa|kernels|layernorm|library|logaddexp|losses|machine|matmul.*|memory|nan|normalize|ops|optim|parallel|pooling|random|pass|precision|schedule|softmax_xent|status|svg|tensor|vector|watch)$'
rooms_after() { # rooms_after SOURCE: the rooms that come behind those of the source
    rooms_of "$1" | tr ' ' '\n' >"$folder/seen"
    "$BUILD/hone-tests" --list | sed 's/:.*//' | sort -u | grep -Ev "$other" | grep -vxFf "$folder/seen" |
        awk '$0 == "resume" { late = "resume"; next } { print } END { if (late) print late }'
}

limited() { # limited SECONDS COMMAND...: of processor time; one that waits for ever, and needs none, has a quarter of an hour
    seconds=$1
    shift
    # shellcheck disable=SC3045
    (ulimit -v 8000000 && ulimit -c 0 && ulimit -t "$seconds" && exec timeout -k 2 900 "$@" </dev/null >"$folder/log" 2>&1)
}
run() { # run ROOM...: the tests of these rooms with the programs in the folder; `by` is the first that fails
    for by; do
        [ "$by" = resume ] && most=$((4 * TIMEOUT)) || most=$TIMEOUT
        (cd "$folder" && limited "$most" "$folder/hone-tests" "$by") || return 1
    done
}
tree() { # tests name files of the tree; what they write goes into the folder's own build/
    mkdir -p "$folder"
    for name in "$root"/*; do [ "${name##*/}" = build ] || [ -e "$folder/${name##*/}" ] || ln -s "$name" "$folder/"; done
}
sum() { cat "$@" | cksum | cut -d' ' -f1; }
compile() { # compile SOURCE OBJECT
    eval "$COMPILE -c '$1' -o '$2'" >/dev/null 2>&1
}
link() { # link COMMAND NAME: a program with the object in the folder
    command=$(printf '%s\n' "$1" | sed "s|MUTANT|$folder/mutant.o|; s|OUT|$folder/$2|")
    eval "$command" >"$folder/link.log" 2>&1 || { cat "$folder/link.log" >&2; exit 255; }
}
note() { # note FILE VERDICT KEY: with the sums that held when the mutants were drawn
    printf '%s\t%s\t%s\t%s\n' "$(sed -n "s|^$1$tab||p" "$kept/sums")" "$TESTS" "$2" "$3" >>"$results"
}

if [ "${1:-}" = --one ]; then # mutants.sh --one FOLDER: by xargs, below
    folder=$2 by=
    if [ "$LIMIT" -gt 0 ] && [ "$(date +%s)" -ge "$STOP" ]; then exit 0; fi
    IFS=$tab read -r _ file line _ <"$folder/what"
    if [ "$PASS" = 1 ]; then # the rooms of the file, which call it directly
        tree
        link "$LINK_TESTS" hone-tests
        HONE_BIN=$BUILD/hone
        export HONE_BIN
        # shellcheck disable=SC2046
        run $(rooms_of "$file") && exit 0
    else # the others, which need the command, too; malformed at last
        link "$LINK_HONE" hone
        HONE_BIN=$folder/hone
        export HONE_BIN
        # shellcheck disable=SC2046
        if run $(rooms_after "$file"); then
            link "$LINK_MALFORMED" malformed
            by=malformed
            if (cd "$root" && limited $((4 * TIMEOUT)) "$folder/malformed"); then by=; fi
        fi
    fi
    verdict=${by:+killed by $by}
    note "$file" "${verdict:-survived}" "$(cut -f8- "$folder/what")"
    printf '  %s:%s: %s (%s)\n' "$file" "$line" "$(cut -f7 "$folder/what")" "${verdict:-survived}"
    rm -rf "$folder"
    exit 0
fi

root=$PWD
BUILD=$root/$BUILD
kept=$root/build/mutants results=$root/build/mutants/results
STOP=$(($(date +%s) + LIMIT))
mkdir -p "$kept" && touch "$results"
# Mutants and what their tests write are in memory where that can be: the tests sync all the time.
work=$kept
[ -w /dev/shm ] && work=/dev/shm/hone-mutants-$(echo "$root" | cksum | cut -d' ' -f1)
mkdir -p "$work"
trap 'rm -rf "$work"/m[0-9]*; [ "$work" = "$kept" ] || rmdir "$work"' EXIT
trap 'exit 130' INT TERM HUP
TESTS=$(find tests -type f | sort | grep -v '^tests/reliability/mutants' | xargs cat | cksum | cut -d' ' -f1)
export root BUILD kept results STOP TESTS
rm -rf "$work"/m[0-9]*

# Without a change everything must pass, or "killed" would mean nothing.
state="$TESTS $(sum "$@")"
if [ "$(cat "$kept/sound" 2>/dev/null)" != "$state" ]; then
    folder=$work/m0
    tree
    ln -sf "$BUILD/hone-tests" "$BUILD/hone" "$BUILD/proofs/malformed" "$folder/"
    HONE_BIN=$BUILD/hone
    export HONE_BIN
    # shellcheck disable=SC2046
    { run $(rooms_after none) && (cd "$root" && limited $((4 * TIMEOUT)) "$folder/malformed"); } || {
        tail -n 30 "$folder/log"
        echo "mutants: the tests fail without any change"
        exit 1
    }
    rm -rf "$folder"
    echo "$state" >"$kept/sound"
fi

# Places in the order of the seed, with what is known of each from before.
awk -v seed="$SEED" -f tests/reliability/mutants.awk "$@" | sort >"$kept/order"
for file; do printf '%s\t%s\n' "$file" "$(sum "$file")"; done >"$kept/sums"
known() { # known FILE: its lines with the verdict before them, "-" where there is none that still holds
    awk -F '\t' -v tests="$TESTS" -v sums="$kept/sums" -v results="$results" -v explained="$explained" '
        BEGIN {
            while ((getline <sums) > 0) sum[$1] = $2
            while ((getline <results) > 0) if ($3 != "survived" || $2 == tests) was[$1, $4] = $3
            while ((getline <explained) > 0) if ($0 ~ /^    equivalent: /) same[key] = $0; else key = $0
        }
        { v = $8 in same ? same[$8] : was[sum[$2], $8]; print (v ? v : "-") "\t" $0 }' "$1"
}
explained=tests/reliability/mutants.txt

# N that compile, and not to what there was before.
known "$kept/order" >"$kept/known"
: >"$kept/drawn"
made=0
while [ "$made" -lt "$N" ] && IFS= read -r what; do
    verdict=${what%%"$tab"*} what=${what#*"$tab"}
    if [ "$verdict" = - ]; then
        printf '%s\n' "$what" >"$kept/what"
        IFS=$tab read -r _ file line column length _ <"$kept/what"
        text=$(cut -f6 "$kept/what")
        same=$kept/same-$(sum "$file").o
        [ -s "$same" ] || { cp "$file" "$kept/mutant.c" && compile "$kept/mutant.c" "$same"; } # the same name: it is in the object
        awk -v line="$line" -v column="$column" -v n="$length" -v text="$text" '
            FNR == line { $0 = substr($0, 1, column - 1) text substr($0, column + n) } { print }' "$file" >"$kept/mutant.c"
        if compile "$kept/mutant.c" "$kept/mutant.o" && ! cmp -s "$kept/mutant.o" "$same"; then
            folder=$work/m$((made + 1))
            mkdir -p "$folder"
            mv "$kept/mutant.o" "$kept/what" "$folder/"
        else
            note "$file" none "$(cut -f8- "$kept/what")"
            continue
        fi
    fi
    [ "$verdict" = none ] && continue
    made=$((made + 1))
    printf '%s\n' "$what" >>"$kept/drawn"
done <"$kept/known"

for PASS in 1 2; do
    export PASS
    find "$work" -maxdepth 1 -name 'm[0-9]*' -type d | sort -V | xargs -r -P "$JOBS" -n 1 "$0" --one
done

# The account; a key of mutants.txt that no place has any more is named.
awk -F '\t' '
    FNR == NR { there[$8]; next }
    { if ($0 ~ /^    equivalent: / && !(key in there)) print "mutants.txt: no such place: " key; key = $0 }' "$kept/order" "$explained"
known "$kept/drawn" | awk -F '\t' -v n="$N" '
    $1 == "-" { next }
    { done++ }
    $1 ~ /^killed/ { killed++; next }
    $1 ~ /^ / { equivalent++ }
    { print $3 ":" $4 ": " ($1 ~ /^ / ? "not run" : "survived") " (" $8 ")\n    " $9 "\n" ($1 ~ /^ / ? $1 : "    not explained") }
    END {
        if (done < n) { printf "mutants: %d of %d so far, %d killed, %d equivalent; call again to go on\n", done, n, killed, equivalent; exit 1 }
        other = n - equivalent
        good = killed >= 0.9 * other
        printf "mutants: %d of %d killed (%.1f %%); %d equivalent, of the other %d %.1f/90 %% killed %s\n", killed, n,
            100 * killed / n, equivalent, other, 100 * killed / other, good ? "PASS" : "FAIL"
        exit !good
    }'
