#!/bin/sh
# make layers: every #include "room/file.h" must point down. A floor may include the floors listed behind it, and itself.
#
#     tools, experiments, tests > train > eval > models > losses, nn > autograd > tensor, data > kernels, base
#
# losses and nn never meet; data stands on base and tensor and knows no model (a model knows its tokenizer); kernels stand alone.
# hone.h at the root is for experiments, tools and tests. Exit 1 and one line per upward arrow, else a count.
set -eu
cd "$(dirname "$0")/.."
find base kernels tensor autograd nn losses models data eval train tools experiments tests \
    \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.inc' -o -name '*.cu' -o -name '*.cuh' \) -print | LC_ALL=C sort |
    xargs grep -nH '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null |
    awk '
        BEGIN {
            below["base"]     = ""
            below["kernels"]  = ""
            below["tensor"]   = "base kernels"
            below["autograd"] = "tensor kernels base"
            below["data"]     = "tensor base"
            below["nn"]       = "autograd tensor kernels base"
            below["losses"]   = "autograd tensor kernels base"
            below["models"]   = "nn autograd data tensor kernels base"
            below["eval"]     = "models losses nn autograd data tensor kernels base"
            below["train"]    = "eval " below["eval"]
            all               = "train " below["train"] " hone.h"
            below["tools"] = below["experiments"] = below["tests"] = all
        }
        {
            split($0, part, ":")
            from = part[1]; sub(/\/.*/, "", from)
            to = $0; sub(/^[^"]*"/, "", to); sub(/".*/, "", to)
            room = to; sub(/\/.*/, "", room)
            arrows++
            if (from == "experiments" && to != "hone.h" && !(room in below)) next # its own files: they leave the tree with it
            if (to !~ /\// && to != "hone.h") {
                printf "%s:%s: \"%s\": write the full path from the root\n", part[1], part[2], to
                bad++
            } else if (room != from && index(" " below[from] " ", " " room " ") == 0) {
                # A test may use what tests share; a tool is included by nothing but tools and their tests.
                if (from == "tests" && (room == "tests" || room == "tools")) next
                printf "%s:%s: %s may not include \"%s\"\n", part[1], part[2], from, to
                bad++
            }
        }
        END {
            if (bad) { printf "layers: %d of %d includes point up\n", bad, arrows; exit 1 }
            printf "layers: %d includes, all point down\n", arrows
        }'
