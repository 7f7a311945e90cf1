#!/usr/bin/env bash
# `make install` and what a program outside the tree gets from it:  tests/library/install.sh FOLDER
# FOLDER is fresh and becomes PREFIX, DESTDIR and the place of the programs. HONE_CC: the compiler that built the release library;
# without it exit 77 (skipped). One line a step; the first failure ends it with what was said.
set -uo pipefail
[[ -n ${HONE_CC:-} ]] || { echo 'make test has not built the release library here'; exit 77; }
mkdir -p "$1" && dir=$(cd "$1" && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL CONFIG PREFIX DESTDIR HONE_FAULT
prefix=$dir/prefix
golden=$PWD/tests/golden

fail() { echo "FAILED: $*"; exit 1; }
step() { # step NAME COMMAND…
    local name=$1
    shift
    "$@" >"$dir/said" 2>&1 || { cat "$dir/said"; fail "$name: $*"; }
    echo "ok  $name"
}
quiet() { "$@" 2>&1 | tee "$dir/quiet"; [[ ${PIPESTATUS[0]} == 0 && ! -s $dir/quiet ]]; }
install_with() { make --no-print-directory -j1 CC="$HONE_CC" "$@"; }
pc() { PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "$@" hone; }

# CFLAGS and CPPFLAGS of the user's own, on the command line and from outside, take nothing away that the code needs.
for flags in "CFLAGS=-O2 CPPFLAGS=-DNDEBUG" "CFLAGS=-O2 -g"; do
    said=$(make --no-print-directory -n V=1 CC="$HONE_CC" BUILD="$dir/other" "${flags%% CPP*}" $([[ $flags == *CPP* ]] && echo CPPFLAGS=-DNDEBUG) "$dir/other/base/io.o")
    for flag in -std=c11 -fPIC -ffp-contract=off -I. -DHONE_VERSION -O2; do
        [[ $said == *" $flag"* ]] || fail "make $flags compiles without $flag: $said"
    done
done
echo 'ok  CFLAGS and CPPFLAGS'
missing=$(make --no-print-directory -n CC=no-such-compiler lib 2>&1) && fail 'a compiler that is not there is not missed'
[[ $missing == *'not found: no-such-compiler. hint: "tools/setup make lib" installs it'* ]] || fail "a missing compiler is told as: $missing"

step 'make install' install_with install PREFIX="$prefix"
for f in bin/hone lib/libhone.a lib/libhone.so lib/libhone.so.0 lib/pkgconfig/hone.pc include/hone/hone.h include/hone/kernels/simd.h share/man/man1/hone.1; do
    [[ -s $prefix/$f ]] || fail "$f is not there"
done
step 'the command runs' "$prefix/bin/hone" --version
version=$("$prefix/bin/hone" --version | sed -n '1s/hone //p')
[[ $(pc --modversion) == "$version" ]] || fail "pkg-config says $(pc --modversion), the command $version"

# Every header that an installed header includes is installed.
missing=$(cd "$prefix/include/hone" && grep -rhoE '^ *# *include "[^"]+"' . | sed 's/.*"\(.*\)"/\1/' | sort -u |
    while read -r h; do [[ -e $h ]] || echo "$h"; done)
[[ -z $missing ]] || fail "included and not installed:" $missing

# Each of them compiles alone, those with instructions where the compiler is told of them.
for h in $(cd "$prefix/include/hone" && find . -name '*.h' | sed 's|^\./||' | sort); do
    echo "#include \"$h\"" >"$dir/alone.c" && echo 'extern int alone;' >>"$dir/alone.c"
    for std in c11 gnu17; do
        $HONE_CC -std=$std -Wall -Wextra -Wpedantic -Werror -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -I"$prefix/include/hone" \
            -fsyntax-only "$dir/alone.c" >"$dir/said" 2>&1 || { cat "$dir/said"; fail "$h does not compile alone with -std=$std"; }
    done
done
# What the linker sees begins with hone_ (HONE_ABSENT, a constant): a program's own names stay its own.
for lib in "$prefix/lib/libhone.a" "$prefix/lib/libhone.so"; do
    names=$(nm -g $([[ $lib == *.so ]] && echo -D) --defined-only "$lib" | awk 'NF == 3 && $3 !~ /^(hone_|HONE_ABSENT$)/ { print $3 }')
    [[ -z $names ]] || fail "${lib##*/} has other names than hone_:" $names
done

# The experiments, far from the tree. No word of the Makefile's reaches the compiler.
mkdir -p "$dir/away" && cp -r experiments/. "$dir/away"
cd "$dir/away" || exit 1
strict='-std=c11 -Wall -Wextra -Werror -O1'
avx512='-mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c'
step 'a program with the shared library' $HONE_CC $strict probe.c -o probe $(pc --cflags --libs)
# What the pages say, no -l of the user's own: the other experiments of one file, too.
for e in bi_encoder new_loss; do step "$e with pkg-config's words alone" $HONE_CC $strict $e.c -o $e-shared $(pc --cflags --libs); done
step 'it runs' env LD_LIBRARY_PATH="$prefix/lib" ./probe "$golden/models/mean" "$golden/train/labelled.jsonl"
grep -q '^layer  2 of 2  accuracy 0.2407$' "$dir/said" || { cat "$dir/said"; fail 'the probe says something else'; }
uses=$(LD_LIBRARY_PATH=$prefix/lib ldd ./probe) # no pipe into grep -q: it would leave before ldd has said all
[[ $uses == *"$prefix/lib/libhone.so.0"* ]] || fail 'it does not use libhone.so.0'

step 'rows for AVX2' $HONE_CC $strict -mavx2 -mfma -mf16c $(pc --cflags) -c softcap/softcap_avx2.c softcap/softcap_emulated_avx2.c
step 'rows for AVX-512' $HONE_CC $strict $avx512 $(pc --cflags) -c softcap/softcap_avx512.c
mkdir "$dir/static" && cp "$prefix/lib/libhone.a" "$dir/static" # a folder without the shared library: the linker takes the other
static=$(pc --static --cflags --libs | sed "s|-L$prefix/lib|-L$dir/static|")
step 'a program with the static library' $HONE_CC $strict new_op.c softcap/softcap.c softcap_*.o -o new_op $static
step 'it runs' env -u LD_LIBRARY_PATH ./new_op
grep -q '^gradient: 64 elements' "$dir/said" || fail 'new_op says something else'
uses=$(ldd ./new_op)
[[ $uses == *libhone* ]] && fail 'new_op is not static'
step 'a training program' $HONE_CC $strict new_loss.c -o new_loss $static
step 'it runs' ./new_loss "$golden/models/mean" "$golden/train/pairs.jsonl" 3 "$dir/run"
step 'the installed command reads what it wrote' "$prefix/bin/hone" embed --quiet --model "$dir/run/final_model" --input "$golden/train/labelled.jsonl" --out "$dir/x.npy"

cat >program.cc <<'END'
#include <hone.h>
#include <cstdio>
int main() {
    const char *why;
    hone_model *m = nullptr;
    const short three = 3;
    const hone_shape s = hone_shape_of(2, three, 4L), none = hone_shape_of(0);
    if (s.rank != 2 || hone_shape_count(&s) != 12 || hone_shape_count(&none) != 1) return 1;
    if (!hone_kernels_init(&why)) return 2;
    if (hone_model_open("no/such/model", nullptr, &m) == HONE_OK) return 1;
    std::puts(hone_error_text(hone_last_error()));
    return hone_exit_status(hone_last_error()) == 3 ? 0 : 1;
}
END
cxx=g++
[[ $HONE_CC == *clang* ]] && cxx=clang++
if command -v $cxx >/dev/null; then
    step 'a program in C++' $cxx -Wall -Wextra -Werror program.cc -o program $(pc --cflags --libs)
    step 'it runs' env LD_LIBRARY_PATH="$prefix/lib" ./program
else
    echo "skipped: a program in C++ ($cxx is not here)"
fi
cd - >/dev/null || exit 1

# Man pages: one for each command and one for hone; not a warning from groff or man.
pages=("$prefix"/share/man/man1/hone*.1)
((${#pages[@]} == 1 + $("$prefix/bin/hone" help --list | wc -l))) || fail "${#pages[@]} man pages"
for page in "${pages[@]}"; do
    if command -v groff >/dev/null; then step "groff ${page##*/}" quiet groff -man -Tutf8 -ww -z "$page"; fi
    if command -v man >/dev/null; then
        LC_ALL=C.UTF-8 MANROFFOPT=-ww man --warnings -E UTF-8 -l "$page" >"$dir/page" 2>"$dir/said" && [[ ! -s $dir/said ]] ||
            { cat "$dir/said"; fail "man ${page##*/}"; }
        grep -q 'SEE ALSO' "$dir/page" || fail "man ${page##*/}: cut short"
    fi
done
command -v groff >/dev/null || echo 'skipped: man pages under groff (groff is not here)'

step 'make uninstall' install_with uninstall PREFIX="$prefix"
left=$(find "$prefix" ! -type d -o -name '*hone*')
[[ -z $left ]] || fail "left behind:" $left
rm -rf "$prefix"
step 'make install into a folder with a space, given from here' install_with install PREFIX="$(realpath --relative-to=. "$dir")/a place"
flags=$(PKG_CONFIG_PATH="$dir/a place/lib/pkgconfig" pkg-config --cflags hone)
[[ $flags == -I/*/a*place/include/hone* ]] || fail "hone.pc of \"a place\" says $flags"
step 'a program finds it there' bash -c "cd / && $HONE_CC -fsyntax-only '$dir/away/probe.c' $flags"
step 'make install DESTDIR' install_with install DESTDIR="$dir/dest" PREFIX=/usr
[[ -z $(find "$dir/dest" ! -type d ! -path "$dir/dest/usr/*") ]] || fail 'files outside of DESTDIR/PREFIX'
grep -q '^prefix=/usr$' "$dir/dest/usr/lib/pkgconfig/hone.pc" || fail 'hone.pc does not say prefix=/usr'
grep -rIl --include='*.pc' --include='*.1' "$dir" "$dir/dest" && fail 'files that name DESTDIR'
step 'make uninstall DESTDIR' install_with uninstall DESTDIR="$dir/dest" PREFIX=/usr
left=$(find "$dir/dest" ! -type d -o -name '*hone*')
[[ -z $left ]] || fail "left behind:" $left
