"""Draws the training rows of this directory from WordNet's noun file (Debian package wordnet-base).

    python make_data.py /usr/share/wordnet/data.noun
    python make_data.py            # without it: scored, labelled and grouped rows alone, from negatives.jsonl

pairs.jsonl     38 rows anchor, positive            (definition, word; with a hypernym where it is short)
triplets.jsonl  the same plus negative              (the word of another row's neighbour)
negatives.jsonl the same with negative_1..negative_3
minilm.jsonl    160 rows anchor, positive of ordinary length for the real model
scored.jsonl    50 rows sentence1, sentence2, score in 0..1 with ties, label 0 or 1; one row of two equal texts
labelled.jsonl  56 rows text, label: classes of 17, 13, 9, 7, 5, 3, 1 and 1 texts; the last two can make no triplet
grouped.jsonl   the rows of triplets.jsonl, plus group: runs of one to four rows share one, some have none
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


def derived():
    with open(os.path.join(HERE, "negatives.jsonl"), encoding="utf-8") as f:
        tiny = [list(json.loads(line).values()) for line in f]

    scored = []
    for i, (a, p, *negatives) in enumerate(tiny[:25]):
        kind = i * 7 % 5
        scored.append(dict(sentence1=a, sentence2=p, score=(10, 8, 9, 6, 10)[kind] / 10, label=1))
        scored.append(dict(sentence1=a, sentence2=negatives[i % 3], score=(0, 2, 1, 3, 2)[kind] / 10, label=int(kind == 3)))
    scored[21]["sentence2"] = scored[21]["sentence1"]
    write("scored.jsonl", scored)

    texts, labelled = [t for row in tiny for t in row[:2]], []
    for label, count in enumerate((17, 13, 9, 7, 5, 3, 1, 1)):
        labelled += [dict(text=t, label="class %d" % label) for t in texts[len(labelled):len(labelled) + count]]
    order = sorted(range(len(labelled)), key=lambda i: i * 31 % len(labelled))
    write("labelled.jsonl", [labelled[i] for i in order])

    grouped, k = [], 0
    for i, (a, p, n, *_) in enumerate(tiny):
        k += i % 4 != 3 and i % 3 != 1
        grouped.append(dict(anchor=a, positive=p, negative=n, group=None if i % 11 == 5 else "g%d" % k))
    write("grouped.jsonl", grouped)


def main():
    derived()
    if len(sys.argv) < 2:
        return
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
