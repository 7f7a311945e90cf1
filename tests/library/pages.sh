#!/usr/bin/env bash
# What stands on the pages is true:  tests/library/pages.sh FOLDER
#
#   ```sh      every command runs and ends with 0, page by page from the top, in a fresh folder where the names that pages use exist:
#              pairs.jsonl and friends, a tiny model under the name of the published one, the installed hone, compiler and library.
#              What cannot run stands in not_run, with the reason, and is counted
#   ```c       compiles without a warning; with a main and a first line /* NAME.c */ it is NAME.c for the page's commands
#   ```json, ```text    shown, not run; no other fence, and no code by indentation alone
#   elsewhere  an --option exists in some command, a `make target` in the Makefile, a [link](path) on the disk
#
# FOLDER is fresh. HONE_CC: the compiler that built the release library; without it exit 77 (skipped).
set -uo pipefail
[[ -n ${HONE_CC:-} ]] || { echo 'make test has not built the release library here'; exit 77; }
mkdir -p "$1" && dir=$(cd "$1" && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL CONFIG PREFIX DESTDIR HONE_FAULT
root=$PWD
pages=(README.md docs/*.md demo/README.md bench/README.md)

not_run() { # not_run COMMAND: why it is not run here; fails if it is to run
    case $1 in
        'tools/setup '*) echo 'installs packages of the system' ;;
        'make test'*) echo 'is the run that this test is part of' ;;
        'sudo '* | 'make install'*) echo 'installs; tests/library/install.sh does that in a folder of its own' ;;
        *build/demo/*) echo 'make demo runs it: needs the real model' ;;
        *) return 1 ;;
    esac
}
# Options of other programs, and what options look like.
foreign='--cflags --libs --static --draw --seeds --minilm --option --name'

fail() { echo "FAILED: $*"; exit 1; }

# ---- the folder that the pages run in ----
make --no-print-directory -j1 CC="$HONE_CC" install PREFIX="$dir/prefix" >"$dir/said" 2>&1 || { cat "$dir/said"; fail 'make install'; }
mkdir -p "$dir/bin" "$dir/hf/hub/models--sentence-transformers--all-MiniLM-L6-v2/"{refs,snapshots}
printf '#!/bin/sh\nexec %s "$@"\n' "$HONE_CC" >"$dir/bin/cc" && chmod +x "$dir/bin/cc"
rev=0123456789abcdef0123456789abcdef01234567
printf %s $rev >"$dir/hf/hub/models--sentence-transformers--all-MiniLM-L6-v2/refs/main"
cp -r tests/golden/models/mean "$dir/hf/hub/models--sentence-transformers--all-MiniLM-L6-v2/snapshots/$rev"
export HF_HOME=$dir/hf PATH=$dir/bin:$dir/prefix/bin:$PATH PKG_CONFIG_PATH=$dir/prefix/lib/pkgconfig LD_LIBRARY_PATH=$dir/prefix/lib
unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE TRANSFORMERS_CACHE

files() { # files PAGE: what its commands read, from the tests' own rows
    local data=$root/tests/golden/train
    cp "$data/pairs.jsonl" pairs.jsonl
    cp "$data/pairs.jsonl" test.jsonl
    cp "$data/scored.jsonl" sts.jsonl
    [[ $1 == docs/scored-pairs.md ]] && cp "$data/scored.jsonl" test.jsonl
    sed 's/"text"/"body"/' "$data/labelled.jsonl" >texts.jsonl
    sed -E 's/^\{"text": (".*"), "label": (".*")\}$/\1,\2/; 1i text,label' "$data/labelled.jsonl" >tickets.csv
    cp tickets.csv test.csv
    sed '1s/.*/title,shelf/' tickets.csv >texts.csv
    sed '1s/.*/body,sku/' tickets.csv >corpus.csv
    sed -E 's/^\{"anchor": (".*"), "positive": (".*")\}$/\1,\2/; 1i query,answer' "$data/pairs.jsonl" |
        awk 'NR == 1 { print $0 ",customer,verdict"; next } { print $0 ",c" int(NR / 2) "," (NR % 3 ? "good" : "bad") }' >judged.csv
    cp -r "$root/experiments/." .
}

commands=0 programs=0 left_out=0

run_commands() { # run_commands PAGE BLOCK
    local command why
    sed -e ':a' -e '/\\$/{N;s/\\\n */ /;ba' -e '}' "$2" >"$2.lines"
    while IFS= read -r command <&3; do
        [[ -z $command || $command == \#* ]] && continue
        if why=$(not_run "$command"); then
            echo "skipped: $1: $(sed 's/ *#.*//' <<<"$command"): $why"
            left_out=$((left_out + 1))
            continue
        fi
        timeout 120 bash -c "$command" </dev/null >"$dir/said" 2>&1 || { status=$?; tail -n 20 "$dir/said"; fail "$1: exit $status: $command"; }
        commands=$((commands + 1))
    done 3<"$2.lines"
}

compile() { # compile PAGE BLOCK
    local name
    name=$(sed -nE '1s|^/\* ([a-z_]+\.c) \*/$|\1|p' "$2")
    if grep -q 'int main(' "$2"; then
        [[ -n $name ]] || fail "$1: a program needs its file's name in the first line"
        cp "$2" "$name"
    else
        name=${2##*/}.c
        { echo '#include <hone.h>'; cat "$2"; } >"$name"
    fi
    cc -std=c11 -Wall -Wextra -Werror -Wno-unused-function $(pkg-config --cflags hone) -fsyntax-only "$name" >"$dir/said" 2>&1 ||
        { cat "$dir/said"; fail "$1: does not compile: $(head -n 3 "$2")"; }
    programs=$((programs + 1))
}

# ---- what the words outside of commands say ----
"$dir/prefix/bin/hone" help --list | while read -r c; do "$dir/prefix/bin/hone" help $c; done | grep -oE '^ +--[a-z0-9-]+' | sort -u | tr -d ' ' >"$dir/options"
printf '%s\n' $foreign --help --version --man --list >>"$dir/options"
grep -hoE '^[a-z0-9-]+:' Makefile | tr -d : >"$dir/targets"

words() { # words PAGE
    local w
    for w in $(grep -oE -e '(^|[^a-zA-Z0-9-])--[a-z][a-z0-9-]*' "$1" | grep -oE -e '--[a-z0-9-]+' | sort -u); do
        grep -qxe "$w" "$dir/options" || fail "$1: no command has an option $w"
    done
    for w in $(grep -oE '`make [a-z0-9-]+' "$1" | sed 's/`make //' | sort -u); do
        grep -qx "$w" "$dir/targets" || fail "$1: no target \"make $w\""
    done
    for w in $(grep -oE '\]\([^):]+\)' "$1" | sed -E 's/^\]\(([^#)]*).*/\1/' | sort -u); do
        [[ -e $(dirname "$1")/$w ]] || fail "$1: no file behind the link $w"
    done
}

for page in "${pages[@]}"; do
    words "$page"
    here=$dir/$(echo "$page" | tr /. __) && mkdir "$here"
    awk -v to="$here" '
        /^```/ {
            if (open) { open = 0; close(file); next }
            lang = substr($0, 4)
            if (lang !~ /^(sh|c|json|text)$/) { printf "line %d: a fence of \"%s\", wants sh, c, json or text\n", NR, lang; exit 1 }
            file = sprintf("%s/block.%02d.%s", to, ++n, lang); open = 1; printf "" >file; next
        }
        open { print >file; next }
        /^    [^ ]/ && last == "" { printf "line %d: code by indentation, wants a fence: %s\n", NR, $0; exit 1 }
        { last = $0 }' "$page" >"$dir/said" || fail "$page: $(cat "$dir/said")"
    cd "$here" || exit 1
    files "$page"
    for block in block.*; do
        case $block in
            *.sh) run_commands "$page" "$here/$block" ;;
            *.c) compile "$page" "$here/$block" ;;
            *.json) grep -q '^[{[]' "$block" || fail "$page: $block is no JSON" ;;
        esac
    done
    cd "$root" || exit 1
done
((commands > 20)) || fail "only $commands commands were found"
echo "${#pages[@]} pages: $commands commands run, $left_out not run, $programs programs compiled"
