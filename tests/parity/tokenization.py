"""hone tokenize against the tokenizers library: ids, type ids, tokens and offsets of the 1,000 texts and of 1,000 pairs.

    python tokenization.py HONE MODEL [MODEL ...] [--texts texts.jsonl] [--max-length N] [--golden]

(The file is not called tokenize.py: Python's standard library has a module of that name.) The reference is the
tokenizer that transformers builds from the folder, truncated to sentence-transformers' max_seq_length or --max-length,
without padding; pairs are cut longest first.
"""
import argparse
import json
import os
import tempfile

from common import GOLDEN, TEXTS, hone, quiet, reference, rows, verdict, write_rows


def compare(name, kind, got, want, texts, problems, shown=5):
    bad = 0
    if len(got) != len(want):
        problems.append("%s %s: %d rows instead of %d" % (name, kind, len(got), len(want)))
    for i, (g, w) in enumerate(zip(got, want)):
        for key in w:
            if key != "row" and g.get(key) != w[key] or g["row"] != i:
                if bad < shown:
                    print("  %s %s row %d %s of %r:\n    hone      %s\n    reference %s" % (
                        name, kind, i, key, texts[i], str(g.get(key))[:300], str(w[key])[:300]))
                bad += 1
                break
    print("%-20s %-8s %d rows, %d tokens: %d differ" % (name, kind, len(want), sum(len(w["ids"]) for w in want), bad))
    if bad:
        problems.append("%s %s: %d rows differ" % (name, kind, bad))


def encoded(row, e):
    return {"row": row, "ids": e.ids, "type_ids": e.type_ids, "tokens": e.tokens, "offsets": [list(o) for o in e.offsets]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hone")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--texts", default=TEXTS)
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--golden", action="store_true")
    args = parser.parse_args()
    quiet()
    folders = list(args.models)
    if args.golden:
        root = os.path.join(GOLDEN, "models")
        folders += sorted(os.path.join(root, n) for n in os.listdir(root) if os.path.exists(os.path.join(root, n, "config.json")))
    texts = [r["text"] for r in rows(args.texts)]
    pairs = [(texts[i], texts[(i * 7 + 3) % len(texts)]) for i in range(len(texts))]
    problems = []
    with tempfile.TemporaryDirectory() as tmp:
        file = tmp + "/pairs.jsonl"
        write_rows(file, [{"sentence1": a, "sentence2": b} for a, b in pairs])
        for folder in folders:
            name = os.path.basename(os.path.normpath(folder))
            st = reference(folder)
            tok = st.tokenizer.backend_tokenizer
            limit = args.max_length or st.max_seq_length
            tok.no_padding()
            tok.enable_truncation(limit, strategy="longest_first")
            cut = ["--max-length", args.max_length] if args.max_length else []
            out = hone(args.hone, "tokenize", "--model", folder, "--input", args.texts, *cut, text=True)
            compare(name, "texts", [json.loads(x) for x in out.split("\n") if x],
                    [encoded(i, tok.encode(t)) for i, t in enumerate(texts)], texts, problems)
            out = hone(args.hone, "tokenize", "--model", folder, "--input", file, "--pairs", *cut, text=True)
            compare(name, "pairs", [json.loads(x) for x in out.split("\n") if x],
                    [encoded(i, tok.encode(a, b)) for i, (a, b) in enumerate(pairs)], pairs, problems)
    verdict(problems)


if __name__ == "__main__":
    main()
