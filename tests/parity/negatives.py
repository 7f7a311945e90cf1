"""hone data negatives against sentence_transformers.util.mine_hard_negatives: the same rows, for many settings.

    python negatives.py HONE MODEL [MODEL ...] [--rows pairs.jsonl] [--limit 1e-4]

Rows are compared as sets of (anchor, positive, negatives); where the two differ, the scores of the choices must be within --limit
of each other (a tie, or a margin met exactly). A random choice is checked against the window that it is drawn from. Needs the package
datasets beside sentence-transformers. The data are given anchors with several positives; documents that repeat a text in
another spelling, or that repeat an anchor, are left out: there Hone strikes out more (eval/mining.h).
"""
import argparse
import json
import os
import tempfile

from common import GOLDEN, hone, quiet, reference, rows, verdict, write_rows

SETTINGS = [
    {},
    {"num_negatives": 1},
    {"num_negatives": 5, "range_min": 2},
    {"range_min": 10, "range_max": 100},
    {"range_min": 3, "range_max": 6},
    {"range_max": 1000, "num_negatives": 8},
    {"absolute_margin": 0.1},
    {"absolute_margin": 0.0},
    {"absolute_margin": -0.05, "num_negatives": 4},
    {"relative_margin": 0.05},
    {"relative_margin": 0.5, "range_max": 30},
    {"max_score": 0.3},
    {"min_score": 0.2},
    {"max_score": 0.4, "min_score": 0.1, "relative_margin": 0.05, "absolute_margin": 0.02, "range_min": 1, "range_max": 40},
    {"output_format": "n-tuple"},
    {"output_format": "n-tuple", "num_negatives": 4, "relative_margin": 0.1},
    {"output_format": "n-tuple", "max_score": 0.25, "num_negatives": 6, "range_max": 12},
]


def pairs_of(path):
    """(anchor, positive) rows: every fourth anchor gets the next row's positive as well, and one row stands twice."""
    plain, seen = [], set()
    for r in rows(path):
        a, p = r.get("anchor", r.get("question")), r.get("positive", r.get("answer"))
        if {a.lower(), p.lower()} & seen:
            continue
        seen |= {a.lower(), p.lower()}
        plain.append((a, p))
    out = []
    for i, (a, p) in enumerate(plain):
        out.append((a, p))
        if i % 4 == 0:
            out.append((a, plain[(i + 1) % len(plain)][1]))
    return out + [out[3]]


def mined(dataset, model, setting):
    from sentence_transformers.util import mine_hard_negatives
    kept = mine_hard_negatives(dataset, model, verbose=False, output_scores=True, batch_size=32, **setting)
    return [dict(r) for r in kept]


def ours(binary, folder, path, setting, *more):
    words = []
    for key, value in setting.items():
        words += ["--" + key.replace("_", "-"), value]
    text = hone(binary, "data", "negatives", path, "--model", folder, "--output-scores", "--quiet", *words, *more, text=True)
    return [json.loads(line) for line in text.splitlines()]


def key(row):
    return tuple(v for k, v in row.items() if k != "scores")


def compare(got, want, limit):
    """Rows in only one of the two; those explained by scores closer than the limit are forgiven."""
    left, right = {key(r): r for r in got}, {key(r): r for r in want}
    odd = [left[k] for k in left if k not in right] + [right[k] for k in right if k not in left]
    worst = max([abs(a - b) for k in left if k in right for a, b in zip(left[k]["scores"], right[k]["scores"])], default=0.0)
    by_pair = {}
    for r in odd:
        by_pair.setdefault((r["anchor"], r["positive"]), []).append(r["scores"])
    ties = 0
    for scores in by_pair.values():
        flat = sorted(x for s in scores for x in s[1:])
        if len(flat) >= 2 and flat[-1] - flat[0] <= limit:
            ties += len(scores)
    return len(odd) - ties, ties, worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hone")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rows", default=os.path.join(GOLDEN, "train", "minilm.jsonl"))
    parser.add_argument("--limit", type=float, default=1e-4)
    args = parser.parse_args()
    quiet()
    import datasets
    import sentence_transformers
    datasets.arrow_dataset.generate_fingerprint = lambda *_: "none"  # for caches; it pickles what some versions of pyarrow cannot
    print("sentence-transformers %s, datasets %s" % (sentence_transformers.__version__, datasets.__version__))
    pairs = pairs_of(args.rows)
    dataset = datasets.Dataset.from_dict({"anchor": [a for a, _ in pairs], "positive": [p for _, p in pairs]})
    problems = []
    with tempfile.TemporaryDirectory() as tmp:
        path = tmp + "/pairs.jsonl"
        write_rows(path, [{"anchor": a, "positive": p} for a, p in pairs])
        for folder in args.models:
            model = reference(folder)
            for setting in SETTINGS:
                want = mined(dataset, model, setting)
                got = ours(args.hone, folder, path, setting) if want else []
                wrong, ties, worst = compare(got, want, args.limit)
                print("%-24s %-100s %4d rows, %d wrong, %d ties, scores within %.1e" % (
                    os.path.basename(os.path.normpath(folder)), json.dumps(setting), len(want), wrong, ties, worst))
                if wrong or len(got) != len(want) or not worst <= args.limit:
                    problems.append("%s %s" % (folder, setting))
            window = {key(r) for r in mined(dataset, model, {"range_min": 5, "range_max": 15, "num_negatives": 10})}
            drawn = ours(args.hone, folder, path, {"range_min": 5, "range_max": 15, "num_negatives": 4, "sampling_strategy": "random"})
            outside = [r for r in drawn if key(r) not in window]
            print("random: %d rows, %d outside the window" % (len(drawn), len(outside)))
            if outside or len({key(r) for r in drawn}) != len(drawn):
                problems.append("%s random" % folder)
    verdict(problems)


if __name__ == "__main__":
    main()
