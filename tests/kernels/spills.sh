#!/bin/sh
# Do the register tiles of matmul and of the dot products stay in registers?  tests/kernels/spills.sh build/release
# Disassembles every tile function of the AVX2 and AVX-512 rows and fails when a whole vector goes to the stack: a compiler
# that spills an accumulator inside the loop costs ten percent or more. A maintainer's check, for after a change of tile or compiler.
dir=${1:-build/release}
bad=0
for object in "$dir"/kernels/matmul/matmul_avx*.o "$dir"/kernels/dot/dot_avx*.o \
    "$dir"/kernels/dot/dot_bf16_avx512bf16.o; do
    objdump -d --no-show-raw-insn "$object" | awk -v object="$object" '
        /^[0-9a-f]+ <.*rows[0-9]+.*>:/ { name = $2; n++ }
        /^$/ { name = "" }
        name != "" && /vfmadd|vpdpbusd|vpmaddwd|vdpbf16ps/ { fma[name]++ }
        name != "" && /[yz]mm/ && (/\(%rsp/ || /-0x[0-9a-f]+\(%rbp/) { print object, name, $0; bad = 1 }
        END {
            for (f in fma) total += fma[f]
            printf "%s: %d tile functions, %d multiply-adds, %s\n", object, n, total, bad ? "SPILLS" : "no vector on the stack"
            exit bad || !n || !total
        }' || bad=1
done
exit $bad
