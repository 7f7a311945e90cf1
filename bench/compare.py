"""make compare: Hone and PyTorch in turns, on the same work, in one run.

    python3 bench/compare.py [--pairs 9] [--budget 180] [--only TEXT] [--threads N] [--model DIR] [--python EXE]

Prints markdown tables and writes them to build/compare/table.md, every sample to build/compare/result.json.

How it measures. Both sides live in processes of their own, one pair of processes a row, warmed up; they take turns, one sample each
(Hone, PyTorch, Hone, PyTorch ...), and before, between and after the two the machine's roof is measured (multiply-adds on registers,
and one fixed matrix product). A pair whose roofs disagree was disturbed by somebody else and does not count. A row ends when
enough pairs count or its time is used up; how many did is printed. Ratios are of medians and of bests; the verdict is about medians.

The peer gets its best: AdamW fused, scaled_dot_product_attention, gradients set to None, no mask where nothing is padded, and the
fastest of three settings of glibc's allocator, tried at each row. Its memory is the least that any of the settings needed.

The interpreter with the peer's packages: --python, $COMPARE_PYTHON, else a virtual environment outside the repository
($XDG_CACHE_HOME or ~/.cache)/hone/compare, made from requirements.txt on the first run ($COMPARE_PIP: more words for pip install,
say the index that has PyTorch without CUDA). Needs Python 3.8 or later; the standard library is enough for this file.
"""
import argparse
import collections
import datetime
import gzip
import hashlib
import json
import math
import os
import platform
import random
import shlex
import statistics
import subprocess
import sys
import time

import operations

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
HONE = os.path.join(ROOT, "build", "hone")
OUT = os.path.join(ROOT, "build", "compare")
PEER = os.path.join(HERE, "peer.py")

ROOF_SPREAD, CONTROL_SPREAD, HALF_SPEED = 0.06, 0.10, 0.6
MEMORY_TARGET = 0.40
_TRIM = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=68719476736:glibc.malloc.top_pad=67108864"
ALLOCATORS = collections.OrderedDict((
    ("defaults", {}),
    ("no mmap, no trim", {"GLIBC_TUNABLES": _TRIM}),
    ("no mmap, no trim, huge pages", {"GLIBC_TUNABLES": _TRIM + ":glibc.malloc.hugetlb=1"}),
))
STEPS = (  # name, options of hone bench step, target without and with dropout 0.1
    ("MiniLM-L6, 16 x 64", "--arch minilm-l6 --batch 16 --tokens 64", 1.5, 1.9),
    ("MiniLM-L6, 16 x 128", "--arch minilm-l6 --batch 16 --tokens 128", 1.2, 1.9),
    ("MiniLM-L6, 16 x 256", "--arch minilm-l6 --batch 16 --tokens 256", 1.3, 2.3),
    ("MiniLM-L6, 64 real lengths", "--arch minilm-l6 --batch 64 --lengths lognormal:40,0.5", 3.5, 6.0),
    ("BERT-base, 16 x 128", "--arch bert-base --batch 16 --tokens 128", 1.25, 1.5),
)
NOT_YET = (("cross-encoder MiniLM-L6, 16 x 128", "1.2x / 1.9x"), ("ViT-B/16, 8 images", "1.2x"), ("ViT-B/32, 8 images", "1.3x"))
WIDTHS = (384, 768, 1536, 3072)
FEW_ROWS = 64
FORMS = {"NT": (0, "X W^T", 90), "NN": (1, "dY W", 88), "TN": (2, "dY^T X", 83)}


def note(text):
    print(text, file=sys.stderr, flush=True)


def fail(text, hint=None):
    sys.exit("compare: %s%s" % (text, "\n  hint: " + hint if hint else ""))


class Worker:
    """A process that prints a line when it is ready and answers each line with one."""

    def __init__(self, words, name, first=None, environment=None):
        self.name, self.log = name, os.path.join(OUT, name + ".err")
        with open(self.log, "w") as err:
            self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True,
                                            env=dict(os.environ, **(environment or {})))
        self.ready = self.ask(first) if first else self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            with open(self.log) as f:
                fail("%s ended with %s: %s" % (self.name, self.process.returncode, f.read().strip()[-1500:]))
        return json.loads(line)

    def ask(self, word):
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: answer() says how
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def median(x):
    return statistics.median(x)


def steady(roofs, best):
    """Nobody disturbed us: the roofs around the samples agree and are not those of half a core."""
    rates, controls = [r["roof_gflops"] for r in roofs], [r["control_gflops"] for r in roofs]
    return (max(rates) <= (1 + ROOF_SPREAD) * min(rates) and max(controls) <= (1 + CONTROL_SPREAD) * min(controls) and
            min(rates) >= HALF_SPEED * best)


def take_pairs(ours, theirs, roof, args):
    """Samples in turns. ours(), theirs(): milliseconds, or a list of them. Returns the pairs that count and how many were taken."""
    taken, began = [], time.monotonic()
    before = roof()
    while True:
        pair = {"roofs": [before]}
        for side, sample in (("hone", ours), ("peer", theirs)):
            time.sleep(args.pause)
            pair[side] = sample()
            before = roof()
            pair["roofs"].append(before)
        taken.append(pair)
        best = max(r["roof_gflops"] for p in taken for r in p["roofs"])
        good = [p for p in taken if steady(p["roofs"], best)]
        if len(good) >= args.pairs or len(taken) >= 3 * args.pairs or time.monotonic() - began > args.budget:
            break
    quiet = len(good) >= min(3, args.pairs)
    return (good if quiet else taken), len(taken), quiet


def summary(pairs, taken, quiet):
    flat = lambda side: [x for p in pairs for x in (p[side] if isinstance(p[side], list) else [p[side]])]
    ours, theirs = flat("hone"), flat("peer")
    return {"pairs": len(pairs), "taken": taken, "quiet": quiet, "hone_ms": median(ours), "hone_best_ms": min(ours),
            "peer_ms": median(theirs), "peer_best_ms": min(theirs), "ratio": median(theirs) / median(ours),
            "ratio_best": min(theirs) / min(ours), "roof_gflops": median([r["roof_gflops"] for p in pairs for r in p["roofs"]]),
            "samples": pairs}


# ---- training steps ----

def fastest_peer(ready, args, allocator=None):
    """The peer's process with the allocator that suits it best, or with this one, the name of that, and what each one gave."""
    best, tried, allocator = None, collections.OrderedDict(), allocator or args.allocator
    for name, environment in ALLOCATORS.items():
        if allocator and name != allocator:
            continue
        worker = Worker([args.python, PEER, "step"], "peer-step", json.dumps(ready), environment)
        ms = [worker.ask("step")["ms"]]
        while len(ms) < 3 and sum(ms) < 4000:
            ms.append(worker.ask("step")["ms"])
        last = worker.ask("step")
        tried[name] = {"best_ms": min(ms + [last["ms"]]), "peak_rss_mb": last["peak_rss_mb"]}
        note("    %-30s %8.1f ms, %5.0f MB" % (name, tried[name]["best_ms"], last["peak_rss_mb"]))
        if best and tried[best[1]]["best_ms"] <= tried[name]["best_ms"]:
            worker.close()
            continue
        if best:
            best[0].close()
        best = (worker, name)
    return best[0], best[1], tried


def train_row(name, options, dropout, target, args):
    note("%s, dropout %g" % (name, dropout))
    words = [HONE, "bench", "step", "--serve", "--dropout", dropout, "--threads", args.threads] + options.split()
    ours = Worker(words, "hone-step")
    theirs, allocator, tried = fastest_peer(ours.ready, args)
    last = {}

    def sample(worker, side):
        last[side] = worker.ask("step")
        return last[side]["ms"]
    pairs, taken, quiet = take_pairs(lambda: sample(ours, "hone"), lambda: sample(theirs, "peer"), lambda: ours.ask("roof"), args)
    row = summary(pairs, taken, quiet)
    tried[allocator]["peak_rss_mb"] = last["peer"]["peak_rss_mb"]
    row.update(name=name, dropout=dropout, target=target, allocator=allocator, allocators=tried, tokens=ours.ready["tokens"],
               padded_tokens=theirs.ready["padded_tokens"], hone_mb=last["hone"]["peak_rss_mb"],
               peer_mb=min(t["peak_rss_mb"] for t in tried.values()))
    for side in ("hone", "peer"):
        row[side + "_share"] = ours.ready["gflop"] / row[side + "_ms"] * 1e3 / row["roof_gflops"]
    row["memory_ratio"] = row["hone_mb"] / row["peer_mb"]
    bad = (["speed"] if not row["ratio"] >= target else []) + (["memory"] if not row["memory_ratio"] <= MEMORY_TARGET else [])
    row["verdict"] = "fail: " + ", ".join(bad) if bad else "pass"
    ours.close()
    theirs.close()
    return row


def train_table(rows):
    lines = ["## Training steps", "",
             "One step: forward, backward, clipping, AdamW; half of the texts are anchors, half their positives. Real lengths are the "
             "middles of equal slices of a log-normal (mean 40, sigma 0.5, cut to 4..256) in random order, the same for both; PyTorch pads each column to its longest. Memory at most %.2f of "
             "the peer's." % MEMORY_TARGET, "",
             "| step | dropout | target | Hone ms, median / best | PyTorch ms, median / best | ratio, median / best | share of the roof | peak memory, MB | allocator | pairs | |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append("| %s (%s tokens%s) | %g | %gx | %.1f / %.1f | %.1f / %.1f | **%.2fx** / %.2fx | %.1f %% / %.1f %% | %.0f / %.0f = %.2f | %s | %s | %s |" % (
            r["name"], "{:,}".format(r["tokens"]), " of {:,} padded".format(r["padded_tokens"]) if r["padded_tokens"] != r["tokens"] else "",
            r["dropout"], r["target"], r["hone_ms"], r["hone_best_ms"], r["peer_ms"], r["peer_best_ms"], r["ratio"],
            r["ratio_best"], 100 * r["hone_share"], 100 * r["peer_share"], r["hone_mb"], r["peer_mb"], r["memory_ratio"], r["allocator"],
            counted(r), r["verdict"]))
    for name, target in NOT_YET:
        lines.append("| %s | | %s | not yet: no such model in Hone | | | | | | | |" % (name, target))
    return lines


def operations_row(name, options, dropout, allocator, args):
    """Where both sides' time goes, each alone while it is measured. allocator: the one that suited the peer; None: not known yet."""
    note("operations of %s, dropout %g" % (name, dropout))
    words = ["--dropout", str(dropout), "--threads", str(args.threads)] + options.split()
    ours = Worker([HONE, "bench", "step", "--serve"] + words, "hone-step")
    ours.close()
    theirs, _, _ = fastest_peer(ours.ready, args, allocator)
    row = operations.both(HONE, words, lambda: theirs.ask("profile"), min(args.pairs, args.rounds))
    theirs.close()
    row.update(name=name, dropout=dropout)
    row["gflop"][operations.ATTENTION] = ours.ready["gflop"] - row["gflop"][operations.LINEAR]
    return row


def counted(r):
    return "%d of %d%s" % (r["pairs"], r["taken"], "" if r["quiet"] else ", disturbed")


# ---- embedding ----

def demo_rows(name):
    with gzip.open(os.path.join(ROOT, "demo", name + ".jsonl.gz"), "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def write_texts(name, texts):
    path = os.path.join(OUT, name)
    with open(path, "w", encoding="utf-8") as f:
        for text in texts:
            f.write(json.dumps({"text": text}) + "\n")
    return path


def make_texts():
    """200 queries as people type them (the demo's definitions), and 1,000 texts of log-normal length out of the same words."""
    rows = demo_rows("eval")
    queries = [r["anchor"] for r in rows[:200]]
    words = " ".join(r["anchor"] + ". " + r["positive"] for r in rows).split()
    draw, texts, at = random.Random(1), [], 0
    for _ in range(1000):
        tokens = min(256, max(4, round(draw.lognormvariate(math.log(40) - 0.125, 0.5))))
        n = max(1, round((tokens - 2) / 1.35))  # word pieces, full stops included, a word of these definitions
        texts.append(" ".join(words[(at + i) % len(words)] for i in range(n)))
        at += n
    return write_texts("queries.jsonl", queries), write_texts("texts.jsonl", texts), write_texts("one.jsonl", queries[:1])


def alternate_embed(verb, key, path, args):
    ours = Worker([HONE, "bench", "embed", "--serve", "--model", args.model, "--input", path, "--threads", args.threads], "hone-embed")
    theirs = Worker([args.python, PEER, "embed", args.model, path, args.threads], "peer-embed")
    pairs, taken, quiet = take_pairs(lambda: ours.ask(verb)[key], lambda: theirs.ask(verb)[key], lambda: ours.ask("roof"), args)
    row = summary(pairs, taken, quiet)
    row.update(rows=ours.ready["rows"], tokens=ours.ready["tokens"], gflop=ours.ready["gflop"])
    ours.close()
    theirs.close()
    return row


def run_once(words):
    """Milliseconds until the first line, peak memory in MB, that line, of a fresh process."""
    start = time.monotonic()
    with open(os.path.join(OUT, "once.err"), "w") as err:
        process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, text=True)
    line = process.stdout.readline()
    ms = 1e3 * (time.monotonic() - start)
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        with open(os.path.join(OUT, "once.err")) as f:
            fail("%s ended with %d: %s" % (words[0], status, f.read().strip()[-1500:]))
    return ms, usage.ru_maxrss / 1024, line


def cosine(a, b):
    dot = lambda x, y: sum(i * j for i, j in zip(x, y))
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def start_row(one, args):
    rows, vectors = {"hone": [], "peer": []}, {}
    memory = {"hone": 0, "peer": 0}
    began = time.monotonic()
    for i in range(min(args.pairs, 5) + 1):  # the first pair warms the system's file cache
        for side, words in (("hone", [HONE, "embed", "--quiet", "--model", args.model, "--input", one, "--out", "-", "--threads", args.threads]),
                            ("peer", [args.python, PEER, "first", args.model, one, args.threads])):
            ms, mb, line = run_once(words)
            answer = json.loads(line)
            vectors[side] = answer["vector"] if side == "hone" else answer
            if i:
                rows[side].append(ms)
            memory[side] = max(memory[side], mb)
        if i and time.monotonic() - began > args.budget:
            break
    return {"hone_ms": median(rows["hone"]), "hone_best_ms": min(rows["hone"]), "peer_ms": median(rows["peer"]),
            "peer_best_ms": min(rows["peer"]), "ratio": median(rows["peer"]) / median(rows["hone"]), "pairs": len(rows["hone"]),
            "ratio_best": min(rows["peer"]) / min(rows["hone"]), "hone_mb": memory["hone"], "peer_mb": memory["peer"],
            "cosine": cosine(vectors["hone"], vectors["peer"]), "samples": rows}


def whole_row(texts, args):
    vectors = os.path.join(OUT, "vectors.npy")
    _, ours, _ = run_once([HONE, "embed", "--quiet", "--model", args.model, "--input", texts, "--out", vectors, "--threads", args.threads])
    _, theirs, _ = run_once([args.python, PEER, "whole", args.model, texts, args.threads])
    return {"hone_mb": ours, "peer_mb": theirs}


def embed_rows(args, wanted):
    queries, texts, one = make_texts()
    rows = {}
    for name, measure in (("latency", lambda: alternate_embed("queries", "each_ms", queries, args)),
                          ("corpus", lambda: alternate_embed("corpus", "ms", texts, args)),
                          ("start", lambda: start_row(one, args)), ("memory", lambda: whole_row(texts, args))):
        if wanted("embedding " + name):
            note("embedding: " + name)
            rows[name] = measure()
    return rows


def embed_table(rows, args):
    lines = ["## Embedding", "", "Model: %s. Peer: sentence-transformers, `encode`." % args.model_name, "",
             "| | target | Hone, median / best | sentence-transformers, median / best | ratio, median / best | |", "|---|---|---|---|---|---|"]
    verdict = lambda good: "pass" if good else "fail"
    if "latency" in rows:
        r = rows["latency"]
        lines.append("| one query, warm, ms | 4x | %.2f / %.2f | %.2f / %.2f | **%.2fx** / %.2fx | %s |" % (
            r["hone_ms"], r["hone_best_ms"], r["peer_ms"], r["peer_best_ms"], r["ratio"], r["ratio_best"], verdict(r["ratio"] >= 4)))
    if "corpus" in rows:
        r = rows["corpus"]
        rate = lambda ms: 1e3 * r["rows"] / ms
        lines.append("| {:,} texts of mixed lengths ({:,} tokens), texts/s | 2.5x | {:.1f} / {:.1f} | {:.1f} / {:.1f} | **{:.2f}x** / {:.2f}x | {} |".format(
            r["rows"], r["tokens"], rate(r["hone_ms"]), rate(r["hone_best_ms"]), rate(r["peer_ms"]), rate(r["peer_best_ms"]), r["ratio"],
            r["ratio_best"], verdict(r["ratio"] >= 2.5)))
        lines.append("| the same, share of the roof of %.1f GF/s | | %.1f %% | %.1f %% | | |" % (
            r["roof_gflops"], 1e5 * r["gflop"] / r["hone_ms"] / r["roof_gflops"], 1e5 * r["gflop"] / r["peer_ms"] / r["roof_gflops"]))
    if "start" in rows:
        r = rows["start"]
        lines.append("| process start to first vector, ms | 70 ms | %.1f / %.1f | %.0f / %.0f | %.0fx / %.0fx | %s |" % (
            r["hone_ms"], r["hone_best_ms"], r["peer_ms"], r["peer_best_ms"], r["ratio"], r["ratio_best"], verdict(r["hone_ms"] <= 70)))
        lines.append("| the same, peak memory, MB | 150 MB | %.0f | %.0f | %.2f | %s |" % (
            r["hone_mb"], r["peer_mb"], r["hone_mb"] / r["peer_mb"], verdict(r["hone_mb"] <= 150)))
    if "memory" in rows:
        r = rows["memory"]
        lines.append("| a process that embeds all texts, peak memory, MB | 150 MB | %.0f | %.0f | %.2f | %s |" % (
            r["hone_mb"], r["peer_mb"], r["hone_mb"] / r["peer_mb"], verdict(r["hone_mb"] <= 150)))
    if "start" in rows:
        lines += ["", "Cosine of the two first vectors: %.7f." % rows["start"]["cosine"]]
    return lines


# ---- matrix products ----

def hone_products(args):
    done = subprocess.run([HONE, "bench", "kernels", "--only", "matmul_f32", "--json", "--threads", str(args.threads)], stdout=subprocess.PIPE, text=True, check=True)
    rows = collections.OrderedDict()
    for line in done.stdout.splitlines():
        r = json.loads(line)
        words = r["shape"].split()
        m, n, k = (int(x) for x in words[0].split("x"))
        packed = words[2:] == ["packed"]
        if packed and m <= FEW_ROWS:  # what a query really meets: the other figure is nobody's
            rows.pop((m, n, k, words[1], False), None)
        rows[m, n, k, words[1], packed] = r
    return rows


def wanted_product(m, n, k, form, packed):
    tokens, sizes = (k, (m, n)) if form == "TN" else (m, (n, k))
    return tokens <= FEW_ROWS or (tokens == 2048 and all(s in WIDTHS for s in sizes))


def same_terms(library, packed):
    """Weights as they are stored against libraries that pack them in the time that is measured, if at all; weights packed beforehand against all.
    PyTorch reaches oneDNN's product of f32 only with weights packed beforehand."""
    return packed or library != "onednn"


def product_rows(args):
    libraries = ("mkl", "openblas", "onednn")
    found = collections.OrderedDict()
    for turn in range(min(args.pairs, args.rounds)):
        note("matrix products, round %d" % (turn + 1))
        ours = {key: r for key, r in hone_products(args).items() if wanted_product(*key)}
        for key, r in ours.items():
            row = found.setdefault(key, {"hone": [], "roof": [], "mkl": [], "openblas": [], "onednn": []})
            row["hone"].append(r["gflops"])
            if r["bound"] == "fma":
                row["roof"].append(r["roof"])
        for library in libraries:
            worker = Worker([args.python, PEER, "matmul", library, args.threads], "peer-" + library,
                            environment={"OPENBLAS_NUM_THREADS": str(args.threads), "OMP_NUM_THREADS": str(args.threads)})
            for key in ours:
                m, n, k, form, packed = key
                rate = worker.ask(json.dumps([m, n, k, FORMS[form][0], 0.012]))["gflops"] if same_terms(library, packed) else None
                if rate:
                    found[key][library].append(rate)
            worker.close()
    rows = []
    every_roof = [x for r in found.values() for x in r["roof"]]
    for (m, n, k, form, packed), r in found.items():
        peers = {name: r[name] for name in libraries if r[name]}
        best = max(peers, key=lambda name: median(peers[name]))
        rows.append({"m": m, "n": n, "k": k, "form": form, "packed": packed, "hone": median(r["hone"]), "hone_best": max(r["hone"]),
                     "roof": median(r["roof"] or every_roof), "libraries": {name: {"median": median(x), "best": max(x)} for name, x in peers.items()},
                     "best_library": best, "ratio": median(r["hone"]) / median(peers[best]), "ratio_best": max(r["hone"]) / max(peers[best]),
                     "rounds": len(r["hone"])})
    return rows


def product_table(rows):
    lines = ["## Matrix products", "",
             "GF/s, medians over rounds in turns (%d); a share is of the roof. Targets: 90 / 88 / 83 %% of the roof for X W^T, dY W, dY^T X, and never below "
             "0.97x the best library. Weights as they are stored are compared with MKL and OpenBLAS, which get them so, too; packed beforehand, with oneDNN as well." %
             max([r["rounds"] for r in rows] or [0]), "",
             "| product | M, N, K | Hone | share | MKL | OpenBLAS | oneDNN, packed | best library's share | ratio, median / best | |", "|---|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        _, name, target = FORMS[r["form"]]
        shown = lambda key: "%.1f" % r["libraries"][key]["median"] if key in r["libraries"] else "-"
        share = 100 * r["hone"] / r["roof"]
        small = r["m"] <= FEW_ROWS
        good = r["ratio"] >= 0.97 and (small or share >= target)
        lines.append("| %s%s | %d, %d, %d | %.1f | %.1f %% | %s | %s | %s | %.1f %% | **%.2fx** / %.2fx | %s |" % (
            name, ", packed" if r["packed"] else "", r["m"], r["n"], r["k"], r["hone"], share, shown("mkl"), shown("openblas"), shown("onednn"),
            100 * r["libraries"][r["best_library"]]["median"] / r["roof"], r["ratio"], r["ratio_best"], "pass" if good else "fail"))
    return lines


# ---- what it runs on ----

def interpreter(args):
    if args.python:
        return args.python
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(home, "hone", "compare")
    python, stamp = os.path.join(folder, "bin", "python"), os.path.join(folder, "requirements.sha256")
    with open(os.path.join(HERE, "requirements.txt"), "rb") as f:
        want = hashlib.sha256(f.read()).hexdigest()
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read().strip() == want:
                return python
    note("compare: installing the peer into %s (several gigabytes, once)" % folder)
    for words in ([sys.executable, "-m", "venv", folder],
                  [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", os.path.join(HERE, "requirements.txt")] +
                  shlex.split(os.environ.get("COMPARE_PIP", ""))):
        if subprocess.run(words, stdout=sys.stderr).returncode:
            fail("could not run %s" % " ".join(words), "COMPARE_PYTHON=... names an interpreter that has the packages of bench/requirements.txt")
    with open(stamp, "w") as f:
        f.write(want)
    return python


def vocabulary():
    """30,522 word pieces out of the demo's words: special tokens, letters, endings, the words that are met most often."""
    counts = collections.Counter()
    for name in ("train", "eval"):
        for row in demo_rows(name):
            for text in row.values():
                counts.update(w for w in "".join(c if c.isalnum() else " " for c in text.lower()).split() if w.isascii())
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tokens = ["[PAD]"] + ["[unused%d]" % i for i in range(99)] + ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + list(letters) + ["##" + c for c in letters]
    tokens += ["##" + e for e in ("ing", "ed", "er", "es", "ly", "ion", "tion", "able", "ness", "al", "ity", "ic", "ous", "ment")]
    known = set(tokens)
    tokens += [w for w, _ in counts.most_common() if w not in known][:30522 - len(tokens)]
    return tokens + ["[unused%d]" % i for i in range(99, 99 + 30522 - len(tokens))]


def choose_model(args):
    """--model, else the demo's, else one of MiniLM's shape with random weights."""
    if args.model:
        return args.model, os.path.basename(os.path.abspath(args.model))
    demo = os.path.join(ROOT, "build", "demo", "model")
    if os.path.exists(os.path.join(demo, "model.safetensors")):
        return demo, "all-MiniLM-L6-v2"
    folder = os.path.join(OUT, "model")
    if not os.path.exists(os.path.join(folder, "modules.json")):
        note("compare: build/demo/model is not there (make demo downloads it): random weights of its shape")
        words = os.path.join(OUT, "vocabulary.txt")
        with open(words, "w", encoding="utf-8") as f:
            f.write("".join(t + "\n" for t in vocabulary()))
        if subprocess.run([args.python, PEER, "model", folder, words], stdout=sys.stderr).returncode:
            fail("could not make a model", "--model, COMPARE_MODEL=... name a folder of sentence-transformers")
    return folder, "random weights in the shape of all-MiniLM-L6-v2"


def first_line(path, default=""):
    try:
        with open(path) as f:
            return f.readline().strip()
    except OSError:
        return default


def machine():
    cpu, flags = "", ""
    with open("/proc/cpuinfo") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                cpu = value.strip()
            if key.strip() == "flags":
                flags = value.split()
    wide = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if f in flags]
    return {"cpu": cpu, "flags": wide, "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(), "libc": " ".join(platform.libc_ver()),
            "load": first_line("/proc/loadavg"), "huge_pages": first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M")}


def told(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    return done.stdout.strip()


def heading(facts, peer, args):
    lines = ["%s, %s (%s), %d processors, %d threads on both sides, kernel %s, %s, transparent huge pages %s." % (
        facts["date"], facts["cpu"], " ".join(facts["flags"]), facts["cpus"], args.threads, facts["kernel"], facts["libc"], facts["huge_pages"]),
        "Hone %s (commit %s, %s)." % (args.hone["version"], args.hone["commit"], args.hone["isa"]),
        "Peer: Python %(python)s, torch %(torch)s (%(capability)s; %(mkl)s; %(onednn)s), transformers %(transformers)s, sentence-transformers "
        "%(sentence_transformers)s, numpy %(numpy)s (%(openblas)s)." % peer,
        "Pairs in turns: at least %d unless %g seconds a row are over; load average at the start %s." % (args.pairs, args.budget, facts["load"])]
    return lines


def check_versions(peer):
    with open(os.path.join(HERE, "requirements.txt")) as f:
        for line in f:
            name, _, want = line.strip().partition("==")
            have = peer.get(name.replace("-", "_"))
            if have and have.split("+")[0] != want:
                note("compare: %s is %s, requirements.txt has %s" % (name, have, want))


def number_of_threads(args):
    if args.threads:
        return args.threads
    worker = Worker([HONE, "bench", "step", "--serve", "--batch", 2, "--tokens", 2], "hone-step")
    worker.close()
    return worker.ready["threads"]


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pairs", type=int, default=9, help="pairs of samples that must count (9)")
    p.add_argument("--budget", type=float, default=180, help="seconds a row, allocator trials not included (180)")
    p.add_argument("--pause", type=float, default=0.05, help="seconds before each sample, so that nobody's threads still spin (0.05)")
    p.add_argument("--rounds", type=int, default=3, help="most rounds of the matrix products and of profiles (3)")
    p.add_argument("--only", default="", help="rows whose name contains this text; may be several, '|' between")
    p.add_argument("--threads", type=int, default=0, help="of both sides (Hone's own choice)")
    p.add_argument("--allocator", default="", help="one of: %s (all are tried, the fastest is kept)" % "; ".join(ALLOCATORS))
    p.add_argument("--model", default=os.environ.get("COMPARE_MODEL", ""), help="folder for the embedding rows")
    p.add_argument("--python", default=os.environ.get("COMPARE_PYTHON", ""), help="interpreter with the peer's packages")
    args = p.parse_args()
    if args.pairs < 1 or args.budget <= 0 or (args.allocator and args.allocator not in ALLOCATORS):
        p.error("--pairs and --budget must be more than 0, --allocator one of: %s" % "; ".join(ALLOCATORS))
    return args


def main():
    args = parse()
    os.makedirs(OUT, exist_ok=True)
    if not os.path.exists(HONE):
        fail("build/hone is not there", "make")
    args.python = interpreter(args)
    args.threads = number_of_threads(args)
    args.hone = dict(json.loads(told([HONE, "--version", "--json"])), commit=told(["git", "describe", "--always", "--dirty"]) or "unknown")
    args.hone["isa"] = args.hone["cpu_row"]
    peer_worker = Worker([args.python, PEER, "versions", args.threads], "peer-versions")
    peer, facts = peer_worker.ready, machine()
    peer_worker.close()
    check_versions(peer)
    wanted = lambda name: any(part.lower() in name.lower() for part in args.only.split("|"))
    head = heading(facts, peer, args)
    result = {"machine": facts, "peer": peer, "hone": args.hone, "threads": args.threads, "pairs": args.pairs, "budget_s": args.budget,
              "training": [], "operations": [], "embedding": {}, "products": []}
    print("\n".join(head) + "\n", flush=True)

    def keep():
        parts = [head]
        if result["training"]:
            parts.append(train_table(result["training"]))
        if result["operations"]:
            parts.append(operations.table(result["operations"]))
        if result["embedding"]:
            parts.append(embed_table(result["embedding"], args))
        if result["products"]:
            parts.append(product_table(result["products"]))
        with open(os.path.join(OUT, "table.md"), "w") as f:
            f.write("\n\n".join("\n".join(part) for part in parts) + "\n")
        with open(os.path.join(OUT, "result.json"), "w") as f:
            json.dump(result, f, indent=1)
        return parts

    for name, options, plain, dropped in STEPS:
        for dropout, target in ((0, plain), (0.1, dropped)):
            if wanted("%s, dropout %g" % (name, dropout)):
                result["training"].append(train_row(name, options, dropout, target, args))
                keep()
    suited = {(r["name"], r["dropout"]): r["allocator"] for r in result["training"]}
    for name, options, _, _ in STEPS:
        for dropout in (0, 0.1):
            if wanted("operations of %s, dropout %g" % (name, dropout)):
                result["operations"].append(operations_row(name, options, dropout, suited.get((name, dropout)), args))
                keep()
    if any(wanted("embedding " + part) for part in ("latency", "corpus", "start", "memory")):
        args.model, args.model_name = choose_model(args)
        result["embedding"] = embed_rows(args, wanted)
        keep()
    if wanted("matmul"):
        result["products"] = product_rows(args)
    if not any(result[part] for part in ("training", "operations", "embedding", "products")):
        fail("no row's name contains %r" % args.only, "bench/README.md has the names")
    for part in keep()[1:]:
        print("\n".join(part) + "\n")
    note("compare: tables in build/compare/table.md, samples in build/compare/result.json")


if __name__ == "__main__":
    main()
