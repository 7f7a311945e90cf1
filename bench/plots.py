"""make plots: how the time of a training step grows with tokens, length, threads and width. Writes docs/plots/*.svg.

    python3 bench/plots.py [--rounds 5] [--steps 3] [--threads 1,2] [--measure | --draw] [--quick]

Measures with `hone bench step --json` (MiniLM-L6, dropout 0.1 unless said otherwise) and keeps the figures in
build/plots/steps.json; --draw draws again from that file, --measure only measures. Everything is the standard library: the pictures
are written by hand, with colours that read on a light and on a dark page.
"""
import argparse
import json
import math
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
HONE = os.path.join(ROOT, "build", "hone")
OUT = os.path.join(ROOT, "build", "plots")
PICTURES = os.path.join(ROOT, "docs", "plots")

TOKENS = (256, 512, 1024, 2048, 4096, 8192, 16384)
LENGTHS = (16, 32, 64, 128, 256, 512, 1024)
WIDTHS = (128, 256, 384, 512, 768, 1024)


# ---- measuring ----

def config(name, **changes):
    """A config.json for `hone bench step --arch`: MiniLM-L6 with changes, random weights."""
    content = dict({"model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
                    "intermediate_size": 1536, "max_position_embeddings": 1024}, **changes)
    path = os.path.join(OUT, name + ".json")
    with open(path, "w") as f:
        json.dump(content, f, indent=2)
    return path


def step(args, arch, batch, tokens, threads, **known):
    """One process: the median step of --steps, and its share of the roof that the same process measured."""
    words = [HONE, "bench", "step", "--json", "--arch", arch, "--batch", batch, "--tokens", tokens, "--dropout", 0.1, "--steps", args.steps,
             "--threads", threads]
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("plots: %s ended with %d" % (" ".join(str(w) for w in words), done.returncode))
    r = json.loads(done.stdout)
    r.update(texts=batch, length=tokens, **known)
    print("  %-24s %4d x %-5d %d threads  %9.1f ms  %4.1f %% of the roof" % (
        os.path.basename(arch), batch, tokens, threads, r["median_ms"], 100 * r["share"]), file=sys.stderr, flush=True)
    return r


def processor():
    with open("/proc/cpuinfo") as f:
        return next((line.partition(":")[2].strip() for line in f if line.startswith("model name")), platform.machine())


def shapes(args):
    """(plot, arguments of step) of every point."""
    most = 1024 if args.quick else 16384
    top = max(args.threads)
    for tokens in TOKENS:
        for threads in args.threads:
            if tokens <= most:
                yield "batch", dict(arch="minilm-l6", batch=tokens // 128, tokens=128, threads=threads)
    long = config("minilm-l6-1024")
    for length in LENGTHS:
        if 16 * length <= most:
            yield "length", dict(arch=long, batch=16, tokens=length, threads=top)
    for width in WIDTHS:
        if width * 8 <= most * 2 or not args.quick:
            arch = config("hidden-%d" % width, hidden_size=width, intermediate_size=4 * width, num_attention_heads=max(1, width // 32 if width < 768 else width // 64))
            yield "width", dict(arch=arch, batch=4 if args.quick else 16, tokens=128, threads=top, width=width)


def measure(args):
    """Every point once a round, so that a minute in which others use the machine spoils one sample of many points and no point
    altogether; of each point the process with the median time."""
    os.makedirs(OUT, exist_ok=True)
    points = list(shapes(args))
    runs = [[] for _ in points]
    for _ in range(args.rounds):
        for got, (_, shape) in zip(runs, points):
            got.append(step(args, **shape))
    result = {"threads": args.threads, "cpu": processor(), "steps": args.steps, "rounds": args.rounds, "batch": [], "length": [], "width": []}
    for got, (plot, _) in zip(runs, points):
        got.sort(key=lambda r: r["median_ms"])
        result[plot].append(got[len(got) // 2])
    result["isa"] = result["batch"][0]["isa"]
    with open(os.path.join(OUT, "steps.json"), "w") as f:
        json.dump(result, f, indent=1)
    return result


# ---- drawing ----

STYLE = """
  text { font-family: system-ui, sans-serif; font-size: 13px; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 } .caption { font-size: 12px; fill: #57606a }
  .frame { stroke: #57606a; stroke-width: 1; fill: none } .grid { stroke: #d0d7de; stroke-width: 1 }
  .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 } .s2 { stroke: #1a7f37; fill: #1a7f37 }
  .line { fill: none; stroke-width: 2.2 } .dot { stroke: none } .aid { fill: none; stroke: #8c959f; stroke-width: 1.3; stroke-dasharray: 5 4 }
  .back { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .caption { fill: #9198a1 } .frame { stroke: #9198a1 } .grid { stroke: #30363d } .back { fill: #0d1117 }
    .s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #f0883e; fill: #f0883e } .s2 { stroke: #56d364; fill: #56d364 }
    .line { fill: none } .dot { stroke: none } .aid { fill: none; stroke: #6e7681 }
  }
"""
WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 720, 440, 76, 24, 44, 96


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(x):
    return "{:,.0f}".format(x) if x >= 10 or x == int(x) else "%g" % x


class Scale:
    def __init__(self, low, high, start, end, log):
        self.log, self.start, self.end = log, start, end
        f = self.f = math.log if log else float
        self.low, self.high = f(low), f(high)

    def __call__(self, x):
        return self.start + (self.f(x) - self.low) / (self.high - self.low) * (self.end - self.start)


def log_ticks(low, high):
    """1, 2, 5 times powers of ten, or powers of ten alone where that would be too many."""
    steps = (1, 2, 5) if high / low < 300 else (1,)
    return [s * 10.0 ** e for e in range(-3, 7) for s in steps if low <= s * 10.0 ** e <= high]


def picture(name, title, x_name, y_name, caption, series, x_ticks, log=True, y_max=None, aids=()):
    """series: (label, [(x, y)]); aids: dashed lines that guide the eye, (label, [(x, y)])."""
    every = [p for _, points in list(series) + list(aids) for p in points]
    xs, ys = [p[0] for p in every], [p[1] for p in every]
    if log:
        low, high = min(ys) / 1.25, max(ys) * 1.25
        y_ticks = log_ticks(low, high)
    else:
        low, high = 0, y_max or max(ys) * 1.1
        y_ticks = [high * i / 5 for i in range(6)]
    x = Scale(min(xs) / 1.08, max(xs) * 1.08, LEFT, WIDE - RIGHT, True)
    y = Scale(low, high, HIGH - BOTTOM, TOP, log)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="t d">' % (WIDE, HIGH, WIDE, HIGH),
           '<title id="t">%s</title><desc id="d">%s</desc>' % (escape(title), escape(caption)), "<style>%s</style>" % STYLE,
           '<rect class="back" x="0" y="0" width="%d" height="%d" rx="6"/>' % (WIDE, HIGH),
           '<text class="title" x="%d" y="26">%s</text>' % (LEFT, escape(title))]
    for t in y_ticks:
        out.append('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>' % (
            LEFT, WIDE - RIGHT, y(t), y(t), LEFT - 8, y(t) + 4.5, short(t)))
    for t in x_ticks:
        out.append('<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            x(t), x(t), TOP, HIGH - BOTTOM, x(t), HIGH - BOTTOM + 18, short(t)))
    out.append('<rect class="frame" x="%d" y="%d" width="%d" height="%d"/>' % (LEFT, TOP, WIDE - LEFT - RIGHT, HIGH - TOP - BOTTOM))
    out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % ((LEFT + WIDE - RIGHT) / 2, HIGH - BOTTOM + 40, escape(x_name)))
    out.append('<text x="18" y="%.1f" text-anchor="middle" transform="rotate(-90 18 %.1f)">%s</text>' % (
        (TOP + HIGH - BOTTOM) / 2, (TOP + HIGH - BOTTOM) / 2, escape(y_name)))
    path = lambda points: "M" + " L".join("%.1f %.1f" % (x(a), y(b)) for a, b in points)
    for _, points in aids:
        out.append('<path class="aid" d="%s"/>' % path(points))
    for i, (_, points) in enumerate(series):
        out.append('<path class="line s%d" style="fill:none" d="%s"/>' % (i, path(points)))
        out += ['<circle class="dot s%d" cx="%.1f" cy="%.1f" r="4"><title>%s: %s</title></circle>' % (i, x(a), y(b), short(a), short(b)) for a, b in points]
    for i, (label, _) in enumerate(list(series) + list(aids)):
        at = TOP + 20 + 20 * i
        kind = "line s%d" % i if i < len(series) else "aid"
        out.append('<path class="%s" style="fill:none" d="M%d %d h26"/><text x="%d" y="%d">%s</text>' % (kind, LEFT + 14, at, LEFT + 48, at + 4, escape(label)))
    for i, line in enumerate(caption.split("\n")):
        out.append('<text class="caption" x="%d" y="%d">%s</text>' % (LEFT, HIGH - 28 + 17 * i, escape(line)))
    out.append("</svg>")
    os.makedirs(PICTURES, exist_ok=True)
    with open(os.path.join(PICTURES, name + ".svg"), "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
    print("plots: docs/plots/%s.svg" % name, file=sys.stderr)


def plural(n):
    return "1 thread" if n == 1 else "%d threads" % n


def proportional(points):
    """From the last point back: what it would cost if every token cost the same."""
    (x1, y1), x0 = points[-1], points[0][0]
    return [(x0, y1 * x0 / x1), (x1, y1)]


def draw(result):
    roof = lambda rows: "%.0f GF/s" % max(r["roof_gflops"] for r in rows)
    rounds = "median of %d processes" % result["rounds"] if result["rounds"] > 1 else "one process"
    common = "%s (%s), %s of %d steps each; dropout 0.1." % (result["cpu"], result["isa"], rounds, result["steps"])
    top = max(result["threads"])
    by_threads = [(t, [r for r in result["batch"] if r["threads"] == t]) for t in result["threads"]]
    ms = lambda rows, key="tokens": [(r[key], r["median_ms"]) for r in rows]
    share = lambda rows, key="tokens": [(r[key], 100 * r["share"]) for r in rows]
    ticks = [r["tokens"] for r in by_threads[0][1]]
    picture("step-tokens", "Training step of MiniLM-L6 against tokens in the batch", "tokens in a step (%d to %d texts of 128 tokens)" % (ticks[0] // 128, ticks[-1] // 128), "milliseconds a step",
            common + "\nA straight dashed line is time in proportion to tokens.", [(plural(t), ms(rows)) for t, rows in by_threads], ticks,
            aids=[("in proportion", proportional(ms(by_threads[-1][1])))])
    picture("step-share", "How much of the machine a step of MiniLM-L6 uses", "tokens in a step (%d to %d texts of 128 tokens)" % (ticks[0] // 128, ticks[-1] // 128), "% of the FMA roof of the same run",
            common + "\nUseful work alone; roof %s." % ", ".join("%s at %s" % (roof(rows), plural(t)) for t, rows in by_threads),
            [(plural(t), share(rows)) for t, rows in by_threads], ticks, log=False, y_max=100)
    if len(by_threads) > 1:
        one = {r["tokens"]: r["median_ms"] for r in by_threads[0][1]}
        picture("step-threads", "What a second thread brings" if by_threads[0][0] == 1 and top == 2 else "What more threads bring",
                "tokens in a step (%d to %d texts of 128 tokens)" % (ticks[0] // 128, ticks[-1] // 128), "times as fast as %s" % plural(by_threads[0][0]), common,
                [(plural(t), [(r["tokens"], one[r["tokens"]] / r["median_ms"]) for r in rows]) for t, rows in by_threads[1:]], ticks, log=False,
                y_max=float(top) / by_threads[0][0] * 1.25,
                aids=[("each thread counts in full", [(ticks[0], top / by_threads[0][0]), (ticks[-1], top / by_threads[0][0])])])
    rows = result["length"]
    picture("step-length", "Training step of MiniLM-L6 against the length of its texts", "tokens in each of 16 texts", "milliseconds a step",
            common + " %s.\nLonger texts cost more than in proportion: attention grows with the square." % plural(top).capitalize(), [("16 texts", ms(rows, "length"))],
            [r["length"] for r in rows], aids=[("in proportion", [(rows[0]["length"], rows[0]["median_ms"]),
                                                                  (rows[-1]["length"], rows[0]["median_ms"] * rows[-1]["length"] / rows[0]["length"])])])
    rows = result["width"]
    texts = rows[0]["texts"]
    picture("step-width", "Training step of six layers against their width", "hidden size (inner layer four times as wide)", "milliseconds a step",
            common + " %s, %d texts of 128 tokens.\nDashed: time in proportion to the floating-point operations." % (plural(top).capitalize(), texts),
            [("step", ms(rows, "width"))], [r["width"] for r in rows],
            aids=[("in proportion to the work", [(r["width"], rows[-1]["median_ms"] * r["gflops"] * r["median_ms"] / (rows[-1]["gflops"] * rows[-1]["median_ms"])) for r in rows])])
    picture("width-share", "How much of the machine a step uses at each width", "hidden size (inner layer four times as wide)", "% of the FMA roof of the same run",
            common + " %s, %d texts of 128 tokens.\nUseful work alone; roof %s." % (plural(top).capitalize(), texts, roof(rows)), [("step", share(rows, "width"))],
            [r["width"] for r in rows], log=False, y_max=100)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--steps", type=int, default=3, help="measured steps a process (3)")
    p.add_argument("--rounds", type=int, default=5, help="processes a point, in rounds over all points (5)")
    p.add_argument("--threads", default="1,2", help="thread counts, ascending (1,2)")
    p.add_argument("--draw", action="store_true", help="only draw, from build/plots/steps.json")
    p.add_argument("--measure", action="store_true", help="only measure")
    p.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    args = p.parse_args()
    args.threads = sorted({int(t) for t in args.threads.split(",")})
    if args.draw:
        with open(os.path.join(OUT, "steps.json")) as f:
            result = json.load(f)
    else:
        result = measure(args)
    if not args.measure:
        draw(result)


if __name__ == "__main__":
    main()
