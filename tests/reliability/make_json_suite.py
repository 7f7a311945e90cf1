"""Writes json_suite.inc from a checkout of JSONTestSuite (github.com/nst/JSONTestSuite, MIT licence):

    python3 tests/reliability/make_json_suite.py PATH/test_parsing > tests/reliability/json_suite.inc

Files ending in .xz, as some copies keep the three large ones, are unpacked. A file that is one short text over and over
becomes that text and a count. The verdicts on i_ cases are decisions: see IS.
"""
import lzma
import pathlib
import sys

# "a": accepted, "r": refused, "s": accepted by the scanner, and refused where a tree is made of it, because 64 bits do
# not hold the number, or a C string the key. i_ cases without an entry are refused.
IS = {
    "y_object_escaped_null_in_key": "s",
    "i_number_double_huge_neg_exp": "a", "i_number_real_underflow": "a",
    "i_number_huge_exp": "s", "i_number_neg_int_huge_exp": "s", "i_number_pos_double_huge_exp": "s",
    "i_number_real_neg_overflow": "s", "i_number_real_pos_overflow": "s", "i_number_too_big_neg_int": "s",
    "i_number_too_big_pos_int": "s", "i_number_very_big_negative_int": "s",
}


def literal(data):
    out, hexed = [], False
    for byte in data:
        c = chr(byte)
        if c in '"\\?':
            text, now = "\\" + c, False
        elif 32 <= byte < 127:
            # A hex digit after \xNN would be taken for a part of it.
            text, now = ('""' if hexed and c in "0123456789abcdefABCDEF" else "") + c, False
        elif c in "\n\r\t":
            text, now = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c], False
        else:
            text, now = "\\x%02X" % byte, True
        out.append(text)
        hexed = now
    return '"' + "".join(out) + '"'


def shortest(data):
    """(head, unit, times, tail)"""
    if len(data) < 400:
        return data, b"", 0, b""
    for tail in (b"", b"\n"):
        body = data[: len(data) - len(tail)] if data.endswith(tail) else data
        for n in range(1, 20):
            if len(body) % n == 0 and body[:n] * (len(body) // n) == body:
                return b"", body[:n], len(body) // n, tail if data.endswith(tail) else b""
    half = len(data.rstrip(b"\n")) // 2
    if data.rstrip(b"\n") == b"[" * half + b"]" * half:
        return b"", b"[", half, b"]" * half + data[2 * half :]
    raise SystemExit("a large case that is no repetition")


folder = pathlib.Path(sys.argv[1])
print("/* The parsing cases of JSONTestSuite by Nicolas Seriot, github.com/nst/JSONTestSuite, Copyright (c) 2016 Nicolas Seriot,")
print(" * MIT licence. Made by make_json_suite.py, where the letters of the first column are explained. */")
for path in sorted(folder.iterdir(), key=lambda p: ("yni".index(p.name[0]), p.name)):
    data = path.read_bytes()
    if path.suffix == ".xz":
        data = lzma.decompress(data)
    name = path.name.removesuffix(".xz").removesuffix(".json")
    verdict = IS.get(name, "a" if name[0] == "y" else "r")
    head, unit, times, tail = shortest(data)
    print("CASE('%s', \"%s\", %s, %s, %d, %s)" % (verdict, name, literal(head), literal(unit), times, literal(tail)))
