"""hone train against the recorded PyTorch runs of tests/golden/train: loss, learning rate, gradient norm, final weights.

    python train.py HONE [--only CASE ...] [--minilm FOLDER] [--keep DIR] [--threads 1]

Limits: loss 1e-5 relative per step (1e-4 for the real model), learning rate 1e-9 relative, gradient norm 3e-5 relative (of
the f64 run), weights 1e-5 relative to the largest value of their tensor, tensors that are nothing but rounding aside
(../golden/README.md).
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np
from common import GOLDEN, quiet, rows, verdict

TRAIN = os.path.join(GOLDEN, "train")


def command(binary, model, c, out, threads):
    words = [binary, "train", "--task", c["task"], "--model", model, "--train", os.path.join(TRAIN, c["data"]), "--out", out,
             "--loss", c["loss"], "--epochs", c["epochs"], "--batch-size", c["batch_size"], "--lr", repr(c["lr"]),
             "--warmup", c["warmup"], "--schedule", c["schedule"], "--weight-decay", c["weight_decay"], "--clip", c["clip"],
             "--accumulate", c["accumulate"], "--dropout", 0, "--no-shuffle", "--threads", threads, "--quiet"]
    for key in ("scale", "margin", "distance"):
        if key in c:
            words += ["--" + key, c[key]]
    if "matryoshka" in c:
        words += ["--matryoshka", ",".join(map(str, c["matryoshka"]))]
    if c.get("group"):
        words += ["--group", "group"]
    for pattern in c.get("freeze", []):
        words += ["--freeze", pattern]
    for pattern, factor in c.get("lr_scale", {}).items():
        words += ["--lr-scale", "%s=%s" % (pattern, factor)]
    return [str(w) for w in words]


def tensors(folder):
    """Weights of a written folder under the names of the golden files."""
    from safetensors.numpy import load_file
    out = {k[5:] if k.startswith("bert.") else k: v for k, v in load_file(folder + "/model.safetensors").items()}
    with open(folder + "/modules.json") as f:
        for i, module in enumerate(json.load(f)):
            path = os.path.join(folder, module["path"], "model.safetensors")
            if i and os.path.exists(path):
                out.update({"%d.%s" % (i, k): v for k, v in load_file(path).items()})
    return out


def rel(a, b):
    return abs(a - b) / max(abs(b), 1e-30)


def steps_of(run, expected, name, limit, problems):
    log = [r for r in rows(run + "/log.jsonl") if "loss" in r]
    want = expected["steps"]
    if [r["step"] for r in log] != [s["step"] for s in want]:
        problems.append("%s: steps %s" % (name, [r["step"] for r in log]))
        return None
    loss = max(rel(a["loss"], b["loss"]) for a, b in zip(log, want))
    lr = max(rel(a["lr"], b["lr"]) if b["lr"] else abs(a["lr"]) for a, b in zip(log, want))
    norm = max(rel(a["grad_norm"], b["grad_norm_f64"]) for a, b in zip(log, want))
    if not (loss <= limit and lr <= 1e-9 and norm <= 3e-5):
        problems.append("%s: loss %.2g, lr %.2g, grad_norm %.2g" % (name, loss, lr, norm))
        for a, b in zip(log, want):
            if rel(a["loss"], b["loss"]) > limit:
                print("  first at step %d: loss %.9g instead of %.9g" % (a["step"], a["loss"], b["loss"]))
                break
    return "loss %.1e  lr %.1e  grad_norm %.1e" % (loss, lr, norm)


def weights_of_case(run, name, expected, problems):
    from safetensors.numpy import load_file
    path = os.path.join(TRAIN, name, "final.safetensors")
    if not os.path.exists(path):
        return ""
    got, want, worst = tensors(run + "/final_model"), load_file(path), (0.0, "")
    for k, w in want.items():
        if expected["weights"][k]["f32_f64_max_abs"] > 1e-5:
            continue
        if k not in got or got[k].shape != w.shape:
            problems.append("%s: %s missing or of another shape" % (name, k))
            continue
        worst = max(worst, (float(np.abs(got[k].astype(np.float64) - w).max() / np.abs(w).max()), k))
    if not worst[0] <= 1e-5:
        problems.append("%s: weights %.2g in %s" % (name, worst[0], worst[1]))
    return "  weights %.1e (%s)" % worst


def weights_of_minilm(run, expected, problems):
    got, worst = tensors(run + "/final_model"), (0.0, "")
    for k, e in expected["weights"].items():
        if "key.bias" in k or "pooler" in k:
            continue
        v = got[k].astype(np.float64).ravel()
        sample = np.abs(v[e["at"]] - e["values"]).max()
        spread = max(abs(v.sum() - e["sum"]), abs(np.abs(v).sum() - e["abs_sum"])) / max(e["abs_sum"], 1e-30)
        worst = max(worst, (float(max(sample, spread)), k))
    if not worst[0] <= 1e-4:
        problems.append("minilm: weights %.2g in %s" % worst)
    return "  samples and sums %.1e (%s)" % worst


def run_hone(words, name, problems):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 0:
        return True
    said = done.stderr.decode(errors="replace").strip()
    if "not available" in said or "not yet" in said or "later" in said:
        print("%-16s skipped: %s" % (name, said.split("\n")[-1]))
        return False
    problems.append("%s: exit %d: %s" % (name, done.returncode, said[-500:]))
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hone")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--minilm")
    parser.add_argument("--keep")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    quiet()
    problems = []
    with tempfile.TemporaryDirectory() as tmp:
        root = args.keep or tmp
        names = sorted(n for n in os.listdir(TRAIN) if os.path.exists(os.path.join(TRAIN, n, "expected.json")))
        for name in names if args.only is None else args.only:
            with open(os.path.join(TRAIN, name, "expected.json")) as f:
                expected = json.load(f)
            c, run = expected["case"], os.path.join(root, name)
            model = os.path.join(GOLDEN, "models", c["model"])
            if run_hone(command(args.hone, model, c, run, args.threads), name, problems):
                said = steps_of(run, expected, name, 1e-5, problems)
                if said:
                    print("%-16s %s%s" % (name, said, weights_of_case(run, name, expected, problems)))
        if args.minilm:
            with open(os.path.join(TRAIN, "minilm.json")) as f:
                expected = json.load(f)
            run = os.path.join(root, "minilm")
            if run_hone(command(args.hone, args.minilm, expected["case"], run, args.threads), "minilm", problems):
                said = steps_of(run, expected, "minilm", 1e-4, problems)
                if said:
                    print("%-16s %s%s" % ("minilm", said, weights_of_minilm(run, expected, problems)))
    verdict(problems)


if __name__ == "__main__":
    main()
