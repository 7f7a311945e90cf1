#!/bin/sh
# make mutants: N random small changes (mutants.awk) in what reads files and in the checkpoints, one at a time; for each
# the tests that look at that file, then every test that reads a file at all. A mutant is killed when a test fails,
# crashes or runs longer than TIMEOUT; the target is 90 of 100.
#
#     make mutants [N=100] [SEED=1] [JOBS=2] [LIMIT=seconds]
#
# Mutants that do not compile, or that compile to the very same object, are not counted; others take their place. What
# was done is kept under build/mutants/run-*, one folder for each state of the sources and seed: a second call goes on
# where the first was stopped. Build nothing with CONFIG=test meanwhile: mutants are linked with those objects. Survivors
# are printed with their place; tests/reliability/mutants.txt says of those seen so far why no test can tell them from
# the original.
#
# Called by make, which gives BUILD, COMPILE (compiler and options), LINK_TESTS, LINK_HONE and LINK_MALFORMED (with MUTANT and OUT
# in the place of the two names) and the sources as arguments.
set -u
N=${N:-100} SEED=${SEED:-1} JOBS=${JOBS:-2} LIMIT=${LIMIT:-0} TIMEOUT=${TIMEOUT:-120}
LC_ALL=C
export LC_ALL

rooms_of() { # of a source: the rooms that are about it
    case $1 in
    base/json*) echo json data safetensors ;;
    base/io_reader.c) echo io data ;;
    tensor/*) echo safetensors ;;
    data/tokenizer/*) echo tokenizer ;;
    data/*) echo data baddata ;;
    models/*) echo models ;;
    train/*) echo checkpoint resume ;;
    esac
}
# Arithmetic, where no file is read, and the long runs of training, which read the same files as the rest.
pure='^(activation|adamw|attention.*|batch_triplet|cosent|distance_matrix|dot_.*|dropout|embedding|forget|gradcheck|hide|isa|kernels|layernorm|logaddexp|losses|matmul.*|normalize|ops|optim|parallel|pooling|random|pass|precision|resume|schedule|softmax_xent|svg|train|vector)$'

# run FOLDER ROOM...: the tests of these rooms with the programs in FOLDER, one room after the other until one fails
run() {
    folder=$1
    shift
    # Tests name files of the tree; what they write goes into the folder's own build/.
    for name in "$root"/*; do [ "${name##*/}" = build ] || [ -e "$folder/${name##*/}" ] || ln -s "$name" "$folder/"; done
    for room; do
        grep -qx "$room" "$work/rooms" || continue # it may not exist any more
        (cd "$folder" && ulimit -v 8000000 && ulimit -c 0 &&
            HONE_BIN=$folder/hone timeout -k 2 "$TIMEOUT" "$folder/hone-tests" "$room" >log 2>&1 </dev/null) || return 1
    done
}
whole() { # whole FOLDER [FILE]: every room that reads files but those of FILE, and the malformed files
    folder=$1
    rooms_of "${2:-}" | tr ' ' '\n' >"$folder/seen"
    # shellcheck disable=SC2046
    run "$folder" $(grep -Ev "$pure" "$work/rooms" | grep -vxFf "$folder/seen") || return 1
    if [ -x "$folder/malformed" ]; then
        (cd "$root" && HONE_BIN=$folder/hone timeout -k 2 "$((TIMEOUT * 10))" "$folder/malformed" >"$folder/log" 2>&1 </dev/null)
    fi
}

compile() { # compile SOURCE OBJECT
    eval "$COMPILE -c '$1' -o '$2'" >/dev/null 2>&1
}
link() { # link COMMAND FOLDER NAME: a program with the object in the folder
    [ "$1" ] || return 0
    line=$(printf '%s\n' "$1" | sed "s|MUTANT|$2/mutant.o|; s|OUT|$2/$3|")
    eval "$line" >"$2/link.log" 2>&1
}

if [ "${1:-}" = --one ]; then # mutants.sh --one FOLDER: by xargs, below
    folder=$2 work=$(dirname "$2") root=$PWD
    [ -s "$folder/verdict" ] && exit 0
    if [ "$LIMIT" -gt 0 ] && [ "$(date +%s)" -ge "$STOP" ]; then exit 0; fi
    link "$LINK_TESTS" "$folder" hone-tests && link "$LINK_HONE" "$folder" hone && link "$LINK_MALFORMED" "$folder" malformed || {
        cat "$folder/link.log" >&2
        exit 255
    }
    IFS='	' read -r file line _ <"$folder/what"
    if ! run "$folder" $(rooms_of "$file"); then
        verdict='killed by its rooms'
    elif ! whole "$folder" "$file"; then
        verdict='killed by the whole suite'
    else
        verdict=survived
    fi
    find "$folder" -mindepth 1 -maxdepth 1 ! -name what ! -name lines ! -name log -exec rm -rf {} +
    echo "$verdict" >"$folder/verdict"
    printf '  %s:%s: %s (%s)\n' "$file" "$line" "$(cut -f6 "$folder/what")" "$verdict"
    exit 0
fi

root=$PWD
BUILD=$root/$BUILD
export BUILD TIMEOUT LIMIT
STOP=$(($(date +%s) + LIMIT))
export STOP
work=$root/build/mutants/run-$SEED-$(cat "$@" | cksum | cut -d' ' -f1)
mkdir -p "$work"
"$BUILD/hone-tests" --list | sed 's/:.*//' | sort -u >"$work/rooms"

# Without a change everything must pass, or "killed" would mean nothing.
if [ ! -e "$work/sound" ]; then
    mkdir -p "$work/none"
    ln -sf "$BUILD/hone-tests" "$BUILD/hone" "$work/none/"
    [ "$LINK_MALFORMED" ] && ln -sf "$BUILD/proofs/malformed" "$work/none/"
    whole "$work/none" || { tail -n 30 "$work/none/log"; echo "mutants: the tests fail without any change"; exit 1; }
    rm -rf "$work/none"
    : >"$work/sound"
fi

# The order of a seed: every place gets a number from a generator that is the same for every awk.
if [ ! -s "$work/order" ]; then
    awk -f tests/reliability/mutants.awk "$@" | awk -v seed="$SEED" '
        BEGIN { x = seed % 2147483646 + 1; for (i = 0; i < 20; i++) x = x * 16807 % 2147483647 }
        { x = x * 16807 % 2147483647; printf "%010d\t%s\n", x, $0 }' | sort | cut -f2- >"$work/order.new"
    mv "$work/order.new" "$work/order"
fi

# N that compile, and not to what there was before.
made=$(find "$work" -maxdepth 1 -name 'm*' -type d | wc -l)
tried=0
[ -s "$work/tried" ] && read -r tried <"$work/tried"
while [ "$made" -lt "$N" ]; do
    tried=$((tried + 1))
    what=$(sed -n "${tried}p" "$work/order")
    [ "$what" ] || break
    printf '%s\n' "$what" >"$work/what"
    IFS='	' read -r file line column length _ <"$work/what"
    text=$(cut -f5 "$work/what")
    awk -v line="$line" -v column="$column" -v n="$length" -v text="$text" '
        FNR == line { $0 = substr($0, 1, column - 1) text substr($0, column + n) } { print }' "$file" >"$work/mutant.c"
    same=$work/same-$(echo "$file" | tr / _).o
    [ -s "$same" ] || { cp "$file" "$work/same.c" && compile "$work/same.c" "$same"; }
    if compile "$work/mutant.c" "$work/mutant.o" && ! cmp -s "$work/mutant.o" "$same"; then
        made=$((made + 1))
        folder=$work/$(printf 'm%04d' "$made")
        mkdir -p "$folder"
        mv "$work/mutant.o" "$work/what" "$folder/"
        sed -n "${line}p" "$file" >"$folder/lines"
        sed -n "${line}p" "$work/mutant.c" >>"$folder/lines"
    fi
    echo "$tried" >"$work/tried"
done

find "$work" -maxdepth 1 -name 'm*' -type d | sort | head -n "$N" >"$work/list"
xargs -P "$JOBS" -n 1 "$0" --one <"$work/list"

killed=0 done=0
while read -r folder; do
    [ -s "$folder/verdict" ] || continue
    done=$((done + 1))
    case $(cat "$folder/verdict") in killed*) killed=$((killed + 1)) ;; *) continue ;; esac
done <"$work/list"
while read -r folder; do
    grep -qs survived "$folder/verdict" || continue
    IFS='	' read -r file line _ <"$folder/what"
    before=$(sed -n 1p "$folder/lines" | sed 's/^ *//') after=$(sed -n 2p "$folder/lines" | sed 's/^ *//')
    why=$(awk -v key="$file|$before|$after" 'index($0, key) == 1 { getline; print; exit }' tests/reliability/mutants.txt)
    printf '%s:%s: survived (%s)\n    - %s\n    + %s\n    %s\n' "$file" "$line" "$(cut -f6 "$folder/what")" "$before" "$after" \
        "${why:-  not explained}"
done <"$work/list"
if [ "$done" -lt "$N" ]; then
    echo "mutants: $done of $N so far, $killed killed; call again to go on"
    exit 1
fi
if [ $((killed * 10)) -ge $((N * 9)) ]; then
    echo "mutants: $killed/$N PASS"
else
    echo "mutants: $killed/$N FAIL"
    exit 1
fi
