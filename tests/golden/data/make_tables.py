#!/usr/bin/env python3
"""Writes csv_cases.json: CSV and TSV texts, and the rows that Python's csv module reads from them (blank lines left out).

    python tests/golden/data/make_tables.py

Written with Python 3.11 (csv 1.0, standard library only). Every case is legal: what Hone refuses is tested elsewhere."""
import csv
import io
import json
import os
import random

cases = []


def add(name, text, delimiter=","):
    rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r]
    assert len(rows) > 1 and all(len(r) == len(rows[0]) for r in rows), name
    cases.append({"name": name, "delimiter": delimiter, "text": text, "rows": rows})


add("plain", "a,b\n1,2\n3,4\n")
add("no last line end", "a,b\n1,2\n3,4")
add("crlf", "a,b\r\n1,2\r\n3,4\r\n")
add("crlf, no last line end", "a,b\r\n1,2\r\n3,4")
add("lone cr", "a,b\r1,2\r3,4\r")
add("mixed line ends", "a,b\n1,2\r\n3,4\r5,6")
add("quoted", '"a","b"\n"1","2"\n')
add("quoted newline", 'a,b\n"one\ntwo",2\n3,"x\r\ny"\n')
add("quoted lone cr", 'a,b\n"one\rtwo",2\n')
add("doubled quotes", 'a,b\n"say ""yes""",2\n"""","""""\"\n')
add("only quotes", 'a,b\n"""""","x""y"\n')
add("delimiter in quotes", 'a,b\n"1,2,3","4,"\n')
add("empty fields", "a,b,c\n,,\n1,,3\n,2,\n")
add("empty quoted", 'a,b\n"",""\n"",1\n')
add("empty quoted alone", 'a\n""\nx\n')
add("blank lines", "\n\na,b\n\n1,2\n\n\r\n3,4\n\n\n")
add("blank line in quotes", 'a,b\n"x\n\ny",2\n')
add("quote inside a field", 'a,b\n5" pipe,say "hi"\nx"",y"\n')
add("spaces stay", 'a, b\n 1 , 2\n  x ,"  y  "\n')
add("space before quote", 'a,b\n1, "x"\n')
add("one column", "text\nhello\nworld\n")
add("utf8", "question,réponse\n日本語,🙂\nöäü,ñ\n")
add("line separators of Unicode are text", "a,b\nx\u2028y,z\u0085w\n")
add("controls are text", "a,b\nx\x01\x1fy,\x7f\n")
add("tabs in csv", "a,b\n1\t2,3\n")
add("numbers stay text", "a,b\n007,1e5\nNaN,null\nNA,\n")
add("long field", "a,b\n" + "x" * 3000 + ",y\n")
add("long quoted field", 'a,b\n"' + 'x""\n' * 1000 + '",y\n')
add("wide", ",".join(f"c{i}" for i in range(300)) + "\n" + ",".join(str(i) for i in range(300)) + "\n")
add("formula and dashes", "a,b\n=1+1,-x\n'q',`w`\n")
add("backslashes", 'a,b\n"x\\",y\n\\"z,\\n\n')
add("tsv", "a\tb\n1\t2\n3,5\t4\n", "\t")
add("tsv quoted", 'a\tb\n"x\ty"\t2\n"p\nq"\t"say ""so"""\n', "\t")
add("tsv empty fields", "a\tb\tc\n\t\t\n1\t\t3\n", "\t")

rng = random.Random(5)
alphabet = list('ab,"\n\r\t \';é日🙂\\') + ['""', "\r\n", "word", ",,"]
for k in range(200):
    delimiter = rng.choice(",,\t")
    columns = rng.randint(1, 5)
    rows = [[f"c{i}" for i in range(columns)]]
    for _ in range(rng.randint(1, 6)):
        rows.append(["".join(rng.choice(alphabet) for _ in range(rng.randint(0, 8))) for _ in range(columns)])
    out = io.StringIO(newline="")
    style = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    csv.writer(out, delimiter=delimiter, quoting=style, lineterminator=rng.choice(["\n", "\r\n"])).writerows(rows)
    text = out.getvalue()
    if rng.random() < 0.3:
        text = text.rstrip("\r\n")
    if [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r] != rows:
        continue  # the cut took a text's own line end
    add(f"random {k}", text, delimiter)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "csv_cases.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + "\n]\n")
print(len(cases), "cases")
