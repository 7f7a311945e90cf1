"""What sentence-transformers makes of the demo's data with the demo's settings: the figures Hone's are held against.

    python tests/golden/demo_quality.py MODEL [--seeds 1 2 3] [--threads 2] [--judge TRAINED …]

MODEL is a folder of all-MiniLM-L6-v2. Prints the untrained model, one line a seed, and mean and standard deviation over the seeds.
--judge puts folders that Hone trained through the same evaluator (with --seeds and nothing after it, nothing is trained).

The training is the trainer's own, written out so that neither `datasets` nor `accelerate` is needed: one epoch, batch 32, lr 3e-5,
warm-up over a tenth of the steps (rounded up), linear decay, AdamW with weight decay 0.01 except biases and norm weights, gradients
clipped at 1.0, MultipleNegativesRankingLoss with scale 20, dropout as the model's config says. No text occurs twice in the data, so
its no-duplicates batches are plain batches. Made with sentence-transformers 6.2.0, transformers 5.23.0, torch 2.15.0 (printed)."""
import argparse
import gzip
import json
import math
import pathlib
import statistics
import time

import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"
SHOWN = ("accuracy@1", "accuracy@3", "accuracy@10", "mrr@10", "ndcg@10")
BATCH, LR, WARMUP, DECAY, CLIP, SCALE = 32, 3e-5, 0.1, 0.01, 1.0, 20.0


def read(name):
    with gzip.open(DEMO / name, "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def judge(model, rows):
    number = [f"{i:06d}" for i in range(len(rows))]
    evaluator = InformationRetrievalEvaluator(
        {n: r["anchor"] for n, r in zip(number, rows)},
        {n: r["positive"] for n, r in zip(number, rows)},
        {n: {n} for n in number},
        batch_size=64,
        write_csv=False,
    )
    model.eval()
    found = evaluator(model)
    return [found[f"cosine_{name}"] for name in SHOWN]


def groups(model):
    spared = ("bias", "LayerNorm.weight")
    decayed = [p for n, p in model.named_parameters() if not n.endswith(spared)]
    others = [p for n, p in model.named_parameters() if n.endswith(spared)]
    return [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]


def train(path, rows, seed):
    torch.manual_seed(seed)
    model = SentenceTransformer(path, device="cpu")
    loss = MultipleNegativesRankingLoss(model, scale=SCALE)
    optimiser = torch.optim.AdamW(groups(model), lr=LR)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    steps = math.ceil(len(rows) / BATCH)
    schedule = transformers.get_linear_schedule_with_warmup(optimiser, math.ceil(WARMUP * steps), steps)
    model.train()
    for first in range(0, len(rows), BATCH):
        batch = [rows[i] for i in order[first : first + BATCH]]
        features = [model.preprocess([r[c] for r in batch]) for c in ("anchor", "positive")]
        loss(features, None).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return model


def show(name, values, seconds=None):
    end = f"  ({seconds:.0f} s)" if seconds else ""
    print(f"{name:24s}" + "".join(f"{v:12.4f}" for v in values) + end, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--judge", nargs="*", default=[])
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    print(f"sentence-transformers {sentence_transformers.__version__}, transformers {transformers.__version__}, torch {torch.__version__}")
    rows, held = read("train.jsonl.gz"), read("eval.jsonl.gz")
    print(f"{len(rows)} pairs to train on, {len(held)} held out")
    print(f"{'':24s}" + "".join(f"{n:>12s}" for n in SHOWN))
    show("before", judge(SentenceTransformer(a.model, device="cpu"), held))
    for folder in a.judge:
        show(pathlib.Path(folder).name, judge(SentenceTransformer(folder, device="cpu"), held))
    after = []
    for seed in a.seeds:
        began = time.monotonic()
        model = train(a.model, rows, seed)
        took = time.monotonic() - began
        after.append(judge(model, held))
        show(f"after, seed {seed}", after[-1], took)
    if len(after) > 1:
        show("mean over seeds", [statistics.mean(x) for x in zip(*after)])
        show("standard deviation", [statistics.stdev(x) for x in zip(*after)])


if __name__ == "__main__":
    main()
