"""hone embed against SentenceTransformer.encode on the 1,000 texts (largest absolute difference <= 1e-5).

    python embeddings.py HONE MODEL [MODEL ...] [--texts texts.jsonl] [--limit 1e-5] [--threads 2]

Also says how far the reference itself is from the same model in f64, and names the worst row. `--golden` adds every tiny
folder of tests/golden/models.
"""
import argparse
import os
import tempfile

import numpy as np
from common import GOLDEN, TEXTS, hone, quiet, reference, rows, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hone")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--texts", default=TEXTS)
    parser.add_argument("--limit", type=float, default=1e-5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--golden", action="store_true")
    parser.add_argument("--f64", action="store_true", help="also run the reference in f64 (slow)")
    args = parser.parse_args()
    quiet()
    folders = list(args.models)
    if args.golden:
        root = os.path.join(GOLDEN, "models")
        folders += sorted(os.path.join(root, n) for n in os.listdir(root) if os.path.exists(os.path.join(root, n, "config.json")))
    texts = [r["text"] for r in rows(args.texts)]
    problems = []
    with tempfile.TemporaryDirectory() as tmp:
        for folder in folders:
            name = os.path.basename(os.path.normpath(folder))
            out = tmp + "/x.npy"
            hone(args.hone, "embed", "--model", folder, "--input", args.texts, "--out", out, "--threads", args.threads, "--quiet")
            got = np.load(out)
            st = reference(folder)
            want = st.encode(texts, batch_size=32, convert_to_numpy=True, show_progress_bar=False)
            if got.shape != want.shape or got.dtype != np.float32:
                problems.append("%s: %s %s instead of %s float32" % (name, got.shape, got.dtype, want.shape))
                continue
            diff = np.abs(got.astype(np.float64) - want)
            worst = np.unravel_index(np.nanargmax(np.where(np.isnan(diff), np.inf, diff)), diff.shape)
            extra = ""
            if args.f64:
                exact = st.double().encode(texts, batch_size=32, convert_to_numpy=True, show_progress_bar=False)
                extra = "; from f64: hone %.2g, reference %.2g" % (np.abs(got - exact).max(), np.abs(want - exact).max())
            print("%-20s %d texts x %d: largest difference %.2g at row %d (%r)%s" % (
                name, len(texts), want.shape[1], diff[worst], worst[0], texts[worst[0]][:40], extra))
            if not diff.max() <= args.limit:
                problems.append("%s: %.3g > %g" % (name, diff.max(), args.limit))
    verdict(problems)


if __name__ == "__main__":
    main()
