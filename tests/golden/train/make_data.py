"""Draws the training rows of this directory from WordNet's noun file (Debian package wordnet-base).

    python make_data.py /usr/share/wordnet/data.noun

pairs.jsonl     38 rows anchor, positive            (definition, word; with a hypernym where it is short)
triplets.jsonl  the same plus negative              (the word of another row's neighbour)
negatives.jsonl the same with negative_1..negative_3
minilm.jsonl    160 rows anchor, positive of ordinary length for the real model
All texts of a file are different, so a no-duplicates sampler keeps the file's order. 38 rows in batches of 8 leave a
last batch of 6. WordNet 3.0, Copyright 2006 by Princeton University: licence in LICENSE.wordnet beside this file.
"""
import json
import os
import sys

KINDS = ("05", "06", "13", "19", "20", "27")   # animals, things made, food, natural events, plants, substances
HERE = os.path.dirname(os.path.abspath(__file__))


def synsets(path):
    """offset, words, hypernym offset or None, definition without examples"""
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith(" "):
                continue
            head, gloss = line.rstrip().split(" | ", 1)
            parts = head.split(" ")
            if parts[1] not in KINDS:
                continue
            count = int(parts[3], 16)
            words = [parts[4 + 2 * i].replace("_", " ") for i in range(count)]
            pointers = parts[4 + 2 * count + 1:]
            up = next((pointers[i + 1] for i in range(0, len(pointers) - 3, 4) if pointers[i] == "@"), None)
            yield parts[0], words, up, gloss.split(";")[0].strip()


def write(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


def main():
    entries = list(synsets(sys.argv[1]))
    words = {e[0]: e[1][0] for e in entries}

    seen, tiny = set(), []
    for i in range(40, len(entries), 23):
        offset, names, up, gloss = entries[i]
        low, high = (8, 26) if len(tiny) % 3 == 0 else (20, 60)
        if not low <= len(gloss) <= high or up not in words:
            continue
        positive = names[0] if len(tiny) % 2 else "%s (%s)" % (names[0], words[up])
        negatives = [entries[(i + 977 * k) % len(entries)][1][0] for k in (1, 2, 3)]
        texts = [gloss, positive] + negatives
        if len(set(texts)) < 5 or seen & set(texts):
            continue
        seen |= set(texts)
        tiny.append(texts)
        if len(tiny) == 38:
            break
    write("pairs.jsonl", [dict(anchor=a, positive=p) for a, p, *_ in tiny])
    write("triplets.jsonl", [dict(anchor=a, positive=p, negative=n) for a, p, n, *_ in tiny])
    write("negatives.jsonl", [dict(anchor=a, positive=p, negative_1=n, negative_2=m, negative_3=o)
                              for a, p, n, m, o in tiny])

    seen, real = set(), []
    for offset, names, up, gloss in entries[60::131]:
        if names[0] in seen or gloss in seen or len(gloss) < 15:
            continue
        seen |= {names[0], gloss}
        real.append(dict(anchor=gloss, positive=names[0]))
        if len(real) == 160:
            break
    write("minilm.jsonl", real)
    print(len(tiny), "tiny rows,", len(real), "real rows")


if __name__ == "__main__":
    main()
