#!/usr/bin/env python3
"""Make demo/train.jsonl.gz and demo/eval.jsonl.gz from WordNet 3.0:  python3 demo/make_data.py [--source DIR] [--out DIR]

A row is {"anchor": a definition, "positive": the word it defines}. Source: index.noun and data.noun of the Debian package wordnet-base
(1:3.0-37; /usr/share/wordnet). The same source gives the same bytes: no clock, no random module, only a checksum as the shuffle.

Kept of WordNet's 82,115 noun synsets (the reason beside each rule):
  * the synset's first word is one lower-case word (letters, hyphens inside): no names, species or phrases;
  * the synset is that word's first, most frequent sense: so a word stands for one meaning, and occurs once;
  * the gloss without its examples is 4 to 16 words long and unique, without quotation marks;
  * it does not give the answer away: none of its words begins like one of the synset's words.
Of these, 1,000 are held out, and a row is for training only if nothing of it is among them: its synset, none of its words, all
synonyms included, not its definition, in any order of its words. Nor does any held-out word, or its plain plural, occur inside a
definition of training."""
import argparse
import gzip
import hashlib
import json
import pathlib
import re

HELD_OUT, TRAIN = 1000, 6000
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
LETTERS = re.compile(r"[a-z]+")


def lines(path):
    """Without the licence, whose lines begin with a space."""
    with open(path, encoding="latin-1") as f:
        return [line.rstrip() for line in f if not line.startswith(" ")]


def first_senses(path):
    """lemma -> offset of its most frequent synset. Fields: wninput/wndb(5WN)."""
    first = {}
    for line in lines(path):
        field = line.split()
        pointers = int(field[3])
        first[field[0]] = field[4 + pointers + 2]
    return first


def synsets(path):
    """(offset, words, definition without examples)"""
    for line in lines(path):
        head, gloss = line.split(" | ", 1)
        field = head.split(" ")
        words = [field[4 + 2 * i].replace("_", " ") for i in range(int(field[3], 16))]
        yield field[0], words, re.split(r'; "', gloss)[0].strip()


def gives_away(words, definition):
    """Whether a word of the definition begins as one of the defined words does (all but its last two letters, at least four)."""
    inside = LETTERS.findall(definition.lower())
    stems = [w[: max(4, len(w) - 2)] for word in words for w in LETTERS.findall(word.lower()) if len(w) > 2]
    return any(t.startswith(s) for t in inside for s in stems)


def candidates(source):
    first = first_senses(source / "index.noun")
    rows = []
    for offset, words, definition in synsets(source / "data.noun"):
        if not WORD.fullmatch(words[0]) or first[words[0]] != offset:
            continue
        if '"' in definition or not 4 <= len(definition.split()) <= 16 or gives_away(words, definition):
            continue
        rows.append({"anchor": definition, "positive": words[0], "words": {w.lower() for w in words}})
    count = {}
    for r in rows:
        count[r["anchor"].lower()] = count.get(r["anchor"].lower(), 0) + 1
    rows = [r for r in rows if count[r["anchor"].lower()] == 1]
    return sorted(rows, key=lambda r: hashlib.sha256(f"{r['positive']}\t{r['anchor']}".encode()).hexdigest())


def split(rows):
    held, secret, rest = [], set(), []
    for r in rows:
        if len(held) < HELD_OUT and not r["words"] & secret:
            held.append(r)
            secret |= r["words"]
        else:
            rest.append(r)
    letters = lambda text: " ".join(LETTERS.findall(text.lower()))
    forms = {letters(w + ending) for w in secret for ending in ("", "s", "es")}
    known = {frozenset(letters(r["anchor"]).split()) for r in held}
    single, phrases = {f for f in forms if " " not in f}, [f" {f} " for f in forms if " " in f]

    def clean(r):
        text = letters(r["anchor"])
        if frozenset(text.split()) in known:  # the same words, in another order or with other commas
            return False
        return not r["words"] & secret and not single & set(text.split()) and not any(p in f" {text} " for p in phrases)

    return [r for r in rest if clean(r)][:TRAIN], held


def write(path, rows):
    text = "".join(json.dumps({k: r[k] for k in ("anchor", "positive")}) + "\n" for r in rows)
    with open(path, "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", compresslevel=9, mtime=0, filename="") as z:
        z.write(text.encode())
    print(f"{path}: {len(rows)} rows, {path.stat().st_size} bytes, sha256 of the text {hashlib.sha256(text.encode()).hexdigest()}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--source", type=pathlib.Path, default=pathlib.Path("/usr/share/wordnet"))
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    a = p.parse_args()
    rows = candidates(a.source)
    train, held = split(rows)
    print(f"{len(rows)} candidates")
    write(a.out / "train.jsonl.gz", train)
    write(a.out / "eval.jsonl.gz", held)


if __name__ == "__main__":
    main()
