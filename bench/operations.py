"""Where the time of a training step goes, on both sides: the table behind a ratio. Part of make compare (ONLY='operations').

Hone's times are those of `hone bench step --profile`, the peer's of torch.profiler (the time spent in an operation itself, not in those that
it calls). Both name their operations; here they are gathered under what a step has to do, so that the two stand in one line. The roof says how
long the multiplications of a line would take if nothing else were to be done.
"""
import json
import re
import statistics
import subprocess

LINEAR, BESIDE, ATTENTION, NORMS, EMBEDDING, UPDATE, REST = GROUPS = (
    "products of Linear layers", "their bias and GELU", "attention", "norms, dropout, residual sums", "embedding", "gradient norm and AdamW", "everything else")

_HONE = {"mlp": LINEAR, "linear": LINEAR, "attention": ATTENTION, "layernorm": NORMS, "dropout": NORMS, "embedding": EMBEDDING}
_PHASES = ("catch_up", "grad_norm", "update")

# What PyTorch calls them; the first that matches. A sum in place or of two gradients counts as a residual sum, whatever it adds.
_PEER = tuple((re.compile(pattern), group) for pattern, group in (
    (r"aten::(mm|addmm)$", LINEAR),
    (r"aten::sum$|gelu", BESIDE),
    (r"scaled_dot_product|aten::(bmm|baddbmm|all|isneginf|where)$|aten::_softmax", ATTENTION),
    (r"native_layer_norm|dropout|aten::(add|add_|mul|div_|bernoulli_)$", NORMS),
    (r"embedding|index_select|aten::fill_$", EMBEDDING),
    (r"adamw|_foreach_|vector_norm|Optimizer|aten::mul_$", UPDATE),
))


def group_of_peer(operation):
    return next((group for pattern, group in _PEER if pattern.search(operation)), REST)


def _gflop(op):
    """GFLOP in a step of all calls of a Linear, or of a perceptron's two, forward and backward (three products each)."""
    if op["op"] not in ("mlp", "linear"):
        return 0.0
    (m, k), (n, _), out = ([int(d) for d in s.split(", ")] for s in re.findall(r"\[([^\]]*)\]", op["shapes"]))
    return 6e-9 * op["calls"] * m * n * (k + (out[-1] if op["op"] == "mlp" else 0))


def of_hone(executable, words):
    """One short run: milliseconds of each group in a step, GFLOP of its Linear layers, the roof in GF/s."""
    done = subprocess.run([executable, "bench", "step", "--profile", "--json", "--steps", "2"] + words, stdout=subprocess.PIPE, text=True, check=True)
    run = json.loads(done.stdout)
    ms = dict.fromkeys(GROUPS, 0.0)
    for op in run["profile"]["ops"]:
        ms[_HONE.get(op["op"], REST)] += op["forward_ms"] + op["backward_ms"]
    phases = run["profile"]["phases"]
    ms[UPDATE] = sum(phases[p] for p in _PHASES)
    ms[REST] += sum(phases.values()) - sum(ms.values())
    return {"ms": ms, "gflop": {LINEAR: sum(map(_gflop, run["profile"]["ops"]))}, "roof_gflops": run["roof_gflops"]}


def of_peer(answer):
    """The same of the peer's answer to "profile": the whole step's milliseconds, and those of each operation."""
    ms = dict.fromkeys(GROUPS, 0.0)
    for operation, spent in answer["operations"].items():
        ms[group_of_peer(operation)] += spent
    ms[REST] += answer["ms"] - sum(ms.values())
    return ms


def both(executable, words, ask_peer, rounds):
    """In turns, the middle of so many rounds. ask_peer(): its answer to "profile". The caller adds the GFLOP of attention."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(of_hone(executable, words))
        theirs.append(of_peer(ask_peer()))
    middle = lambda runs: {g: statistics.median(r[g] for r in runs) for g in GROUPS}
    return {"hone_ms": middle([r["ms"] for r in ours]), "peer_ms": middle(theirs), "gflop": ours[0]["gflop"],
            "roof_gflops": statistics.median(r["roof_gflops"] for r in ours), "rounds": rounds}


def table(rows):
    lines = ["## Where a step goes", "",
             "Milliseconds of a step, medians of %d profiled rounds in turns; in brackets the share of the roof that the multiplications make. What PyTorch "
             "multiplies for padding is not counted. With dropout its attention is made of single operations, whose dropout counts under norms." % rows[0]["rounds"], "",
             "| step | dropout | roof, GF/s | | " + " | ".join(GROUPS) + " |", "|---|---|---|---|" + "---|" * len(GROUPS)]
    for r in rows:
        for side, name in (("hone_ms", "Hone"), ("peer_ms", "PyTorch")):
            cells = []
            for g in GROUPS:
                share = r["gflop"].get(g, 0) / r[side][g] * 1e3 / r["roof_gflops"] if r[side][g] > 0 else 0
                cells.append(("%.1f" % r[side][g] if r[side][g] else "with the products") + (" (%.0f %%)" % (100 * share) if share else ""))
            lines.append("| %s | %g | %.0f | %s | %s |" % (r["name"], r["dropout"], r["roof_gflops"], name, " | ".join(cells)))
    return lines
