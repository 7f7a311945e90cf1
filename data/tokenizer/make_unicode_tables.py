#!/usr/bin/env python3
"""Writes unicode_tables.c:  python3 data/tokenizer/make_unicode_tables.py > data/tokenizer/unicode_tables.c

Source: the Unicode Character Database 15.0 as the Debian package unicode-data 15.0.0-1 installs it, cut back to older
versions by DerivedAge.txt, plus the lists below for what changed since. tests/golden/tokenizer/check_parity.py compares
the result with the tokenizers library on every code point.
"""
import sys

UCD = "/usr/share/unicode/"
LAST = 0x110000

# Categories that were different in Unicode 8.0 (then, not now).
MN_8_ADD, MN_8_DROP = {0x1734}, {0x1885, 0x1886, 0xA9BD, 0x111C9}
P_8_ADD = {0x166D, 0x111C9}
# Unicode 9.0: U+1CF2 and U+1CF3 were Mc, U+111C9 was Po.
MARK_9_ADD, MARK_9_DROP = {0x1CF2, 0x1CF3}, {0x111C9}

# Lower case added by Unicode 16.0 and 17.0.
LOWER_17 = {0x1C89: 0x1C8A, 0xA7CB: 0x264, 0xA7CC: 0xA7CD, 0xA7CE: 0xA7CF, 0xA7D2: 0xA7D3, 0xA7D4: 0xA7D5,
            0xA7DA: 0xA7DB, 0xA7DC: 0x19B}
LOWER_17.update({c: c + 0x20 for c in range(0x10D50, 0x10D66)})
LOWER_17.update({c: c + 0x1B for c in range(0x16EA0, 0x16EB9)})

# \w added by Unicode 15.1 and 16.0.
WORD_16 = [(0x897, 0x897), (0x1C89, 0x1C8A), (0xA7CB, 0xA7CD), (0xA7DA, 0xA7DC), (0x105C0, 0x105F3),
           (0x10D40, 0x10D65), (0x10D69, 0x10D6D), (0x10D6F, 0x10D85), (0x10EC2, 0x10EC4), (0x10EFC, 0x10EFC),
           (0x11380, 0x11389), (0x1138B, 0x1138B), (0x1138E, 0x1138E), (0x11390, 0x113B5), (0x113B7, 0x113C0),
           (0x113C2, 0x113C2), (0x113C5, 0x113C5), (0x113C7, 0x113CA), (0x113CC, 0x113D3), (0x113E1, 0x113E2),
           (0x116D0, 0x116E3), (0x11BC0, 0x11BE0), (0x11BF0, 0x11BF9), (0x11F5A, 0x11F5A), (0x13460, 0x143FA),
           (0x16100, 0x16139), (0x16D40, 0x16D6C), (0x16D70, 0x16D79), (0x18CFF, 0x18CFF), (0x1CCF0, 0x1CCF9),
           (0x1E5D0, 0x1E5FA), (0x2EBF0, 0x2EE5D)]

# BERT's "Chinese characters"; U+2B820..2B91F are missing from the reference, so they are missing here.
CJK = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
       (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]

NONSPACING, PUNCTUATION, DELETED, WHITE, WORD, MARK, CJK_BIT, CHANGES = (1 << i for i in range(8))
SHIFT = 7


def ranges(name):
    """Lines `0041..005A ; Value` of a property file."""
    for line in open(UCD + name, encoding="utf-8"):
        line = line.split("#")[0].strip()
        if line:
            span, value = [x.strip() for x in line.split(";")[:2]]
            lo, _, hi = span.partition("..")
            yield int(lo, 16), int(hi or lo, 16), value


def property_set(name, wanted):
    return {c for lo, hi, value in ranges(name) if value == wanted for c in range(lo, hi + 1)}


age, category, ccc, raw, lower = {}, {}, {}, {}, {}
for lo, hi, value in ranges("DerivedAge.txt"):
    for c in range(lo, hi + 1):
        age[c] = tuple(map(int, value.split(".")))
first = None
for line in open(UCD + "UnicodeData.txt", encoding="utf-8"):
    f = line.rstrip("\n").split(";")
    c = int(f[0], 16)
    for x in range(first, c + 1) if f[1].endswith("Last>") else (c,):
        category[x] = f[2]
        if f[3] != "0" and age[x] <= (9, 0):
            ccc[x] = int(f[3])
    if f[5] and age[c] <= (9, 0):
        raw[c] = f[5].split()
    if f[13]:
        lower[c] = int(f[13], 16)
    first = c
lower[0x130] = 0x69  # and U+0307 after it (SpecialCasing.txt), which unicode.h adds
lower.update(LOWER_17)

white = property_set("PropList.txt", "White_Space")
word = property_set("DerivedCoreProperties.txt", "Alphabetic") | property_set("PropList.txt", "Join_Control")
word |= {c for c, k in category.items() if k[0] == "M" or k in ("Nd", "Pc")}
word |= {c for lo, hi in WORD_16 for c in range(lo, hi + 1)}
mn8 = {c for c, k in category.items() if k == "Mn" and age[c] <= (8, 0)} - MN_8_DROP | MN_8_ADD
p8 = {c for c, k in category.items() if k[0] == "P" and age[c] <= (8, 0)} | P_8_ADD
p8 |= set(range(0x21, 0x30)) | set(range(0x3A, 0x41)) | set(range(0x5B, 0x61)) | set(range(0x7B, 0x7F))
deleted = {c for c, k in category.items() if k in ("Cc", "Cf", "Co") and age[c] <= (8, 0)} - {9, 10, 13} | {0, 0xFFFD}
mark9 = {c for c, k in category.items() if k[0] == "M" and age[c] <= (9, 0)} - MARK_9_DROP | MARK_9_ADD
cjk = {c for lo, hi in CJK for c in range(lo, hi + 1)}


def decompose(c, compatible):
    parts = raw.get(c)
    if parts is None or (parts[0][0] == "<" and not compatible):
        return (c,)
    return sum((decompose(int(p, 16), compatible) for p in parts if p[0] != "<"), ())


canonical = {c: d for c in raw if (d := decompose(c, False)) != (c,)}
compatible = {c: d for c in raw if (d := decompose(c, True)) != decompose(c, False)}
excluded = property_set("DerivedNormalizationProps.txt", "Full_Composition_Exclusion")
compositions = sorted((int(p[0], 16), int(p[1], 16), c) for c, p in raw.items()
                      if p[0][0] != "<" and len(p) == 2 and c not in excluded)

flags = bytearray(LAST)
for members, bit in ((mn8, NONSPACING), (p8, PUNCTUATION), (deleted, DELETED), (white, WHITE), (word, WORD),
                     (mark9, MARK), (cjk, CJK_BIT), (canonical, CHANGES), (ccc, CHANGES), (lower, CHANGES),
                     (range(0xAC00, 0xAC00 + 11172), CHANGES)):
    for c in members:
        flags[c] |= bit


def numbers(values, fmt="%d"):
    line = ""
    for v in values:
        word_ = fmt % v + ","
        if len(line) + len(word_) > 116:
            print("    " + line)
            line = ""
        line += word_
    if line:
        print("    " + line)


def two_stage(name, table):
    blocks, index = {}, []
    for at in range(0, LAST, 1 << SHIFT):
        index.append(blocks.setdefault(bytes(table[at:at + (1 << SHIFT)]), len(blocks)))
    assert len(blocks) <= 256, len(blocks)
    print(f"const uint8_t hone_unicode_{name}_index[0x110000 >> UNICODE_SHIFT] = {{")
    numbers(index)
    print("};\nconst uint8_t hone_unicode_%s_block[] = {" % name)
    numbers(b"".join(blocks))
    print("};")


print("/* Written by make_unicode_tables.py from the Unicode Character Database 15.0 (c) Unicode, Inc., under the Unicode")
print(" * licence (unicode.org/license.txt); do not edit. unicode.h says what the tables mean. */")
print("#include \"data/tokenizer/unicode.h\"\n\n/* clang-format off */")
two_stage("flags", flags)
two_stage("ccc", bytes(ccc.get(c, 0) for c in range(LAST)))
deltas = {0: 0}
table = bytearray(LAST)
for c, l in sorted(lower.items()):
    table[c] = deltas.setdefault(l - c, len(deltas))
two_stage("lower", table)
print("const int32_t hone_unicode_lower_delta[] = {")
numbers(deltas)
print("};")

pool, seen = [], {}
for name, mapping in (("canonical", canonical), ("compatible", compatible)):
    print(f"const hone_unicode_decomposition hone_unicode_{name}[] = {{")
    rows = []
    for c, d in sorted(mapping.items()):
        assert len(d) <= 18
        if d not in seen:
            seen[d] = len(pool)
            pool.extend(d)
        rows.append("{0x%X,%d,%d}" % (c, seen[d], len(d)))
    numbers(rows, "%s")
    print("};\nconst int hone_unicode_%s_n = %d;" % (name, len(mapping)))
assert len(pool) < 65536
print("const uint32_t hone_unicode_pool[] = {")
numbers(pool, "0x%X")
print("};\nconst hone_unicode_composition hone_unicode_compositions[] = {")
numbers(["{0x%X,0x%X,0x%X}" % row for row in compositions], "%s")
print("};\nconst int hone_unicode_compositions_n = %d;" % len(compositions))
print(f"{len(canonical)} canonical, {len(compatible)} compatible, {len(compositions)} compositions", file=sys.stderr)
