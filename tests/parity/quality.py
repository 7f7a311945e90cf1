"""Does hone's training give what sentence-transformers' gives? Same data and settings, several seeds, one judge.

    python quality.py HONE MODEL --train train.jsonl --eval eval.jsonl [--epochs 1] [--batch-size 32] [--lr 3e-5]
                      [--loss mnr] [--seeds 1 2 3] [--anchor anchor --positive positive] [--report out.json]

For every seed both train from MODEL with dropout as its config says, shuffled, no text twice in a batch; the resulting
folders are judged by the same code: every eval anchor searches all different positives of the eval file by cosine.
Prints accuracy@1, accuracy@3 and MRR@10 before and after, mean and spread over seeds, and fails if hone's mean lies below
the reference's own seed-to-seed range (widened by its standard deviation). One optimiser loop stands for the reference's
trainer: tests/golden/train/make_train.py --trainer shows that they are equal to the last bit.
"""
import argparse
import json
import math
import os
import tempfile

import numpy as np
from common import hone, quiet, reference, rows, verdict

METRICS = ("accuracy@1", "accuracy@3", "mrr@10")


def judge(st, data):
    queries = [a for a, _ in data]
    corpus = list(dict.fromkeys(p for _, p in data))
    place = {p: i for i, p in enumerate(corpus)}
    relevant = {}
    for a, p in data:
        relevant.setdefault(a, set()).add(place[p])
    queries = list(dict.fromkeys(queries))
    encode = dict(batch_size=64, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)
    scores = st.encode(queries, **encode) @ st.encode(corpus, **encode).T
    result = np.zeros(3)
    for i, q in enumerate(queries):
        order = np.argsort(-scores[i], kind="stable")[:10]
        rank = next((r for r, d in enumerate(order, 1) if d in relevant[q]), 0)
        result += (rank == 1, 0 < rank <= 3, 1.0 / rank if rank else 0.0)
    return result / len(queries)


class Rows:
    """The little of datasets.Dataset that the reference's sampler asks for."""

    def __init__(self, data):
        self.data, self.column_names = data, ["anchor", "positive"]

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return {"anchor": self.data[i][0], "positive": self.data[i][1]}


def train_reference(folder, data, args, seed):
    import torch
    import transformers
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers.trainer_pt_utils import get_parameter_names
    torch.manual_seed(seed)
    st = reference(folder)
    extra = {}
    if args.loss == "mnr-symmetric":
        extra = dict(directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction")
    loss_fn = MultipleNegativesRankingLoss(st, scale=args.scale, **extra)
    patterns = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
    names = set(get_parameter_names(loss_fn, [torch.nn.LayerNorm], patterns))
    optimizer = torch.optim.AdamW(
        [{"params": [p for n, p in loss_fn.named_parameters() if n in names], "weight_decay": args.weight_decay},
         {"params": [p for n, p in loss_fn.named_parameters() if n not in names], "weight_decay": 0.0}], lr=args.lr, fused=True)
    sampler = NoDuplicatesBatchSampler(Rows(data), batch_size=args.batch_size, drop_last=False,
                                       generator=torch.Generator(), seed=seed)
    total = args.epochs * len(sampler)
    warm = math.ceil(total * args.warmup) if args.warmup < 1 else int(args.warmup)
    scheduler = transformers.get_scheduler("linear", optimizer, num_warmup_steps=warm, num_training_steps=total)
    st.train()
    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        for batch in sampler:
            loss = loss_fn([st.preprocess([data[i][column] for i in batch]) for column in (0, 1)], None)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(st.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    return st.eval()


def train_hone(args, seed, out):
    hone(args.hone, "train", "--task", "pairs", "--model", args.model, "--train", args.train, "--out", out, "--loss", args.loss,
         "--epochs", args.epochs, "--batch-size", args.batch_size, "--lr", args.lr, "--warmup", args.warmup,
         "--weight-decay", args.weight_decay, "--scale", args.scale, "--seed", seed, "--threads", args.threads, "--quiet",
         "--columns", "anchor=%s,positive=%s" % (args.anchor, args.positive))
    return reference(out + "/final_model")


def show(name, values):
    print("%-24s %s" % (name, "  ".join("%s %.4f" % (m, v) for m, v in zip(METRICS, values))), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hone")
    parser.add_argument("model")
    parser.add_argument("--train", required=True)
    parser.add_argument("--eval", required=True)
    parser.add_argument("--anchor", default="anchor")
    parser.add_argument("--positive", default="positive")
    parser.add_argument("--loss", default="mnr", choices=["mnr", "mnr-symmetric"])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-5)
    parser.add_argument("--warmup", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--scale", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report", help="write all numbers as JSON")
    args = parser.parse_args()
    quiet()
    import torch
    torch.set_num_threads(args.threads)
    train, test = ([(r[args.anchor], r[args.positive]) for r in rows(f)] for f in (args.train, args.eval))
    print("%d training pairs, %d evaluation pairs" % (len(train), len(test)))
    before = judge(reference(args.model), test)
    show("before", before)
    table = {"reference": [], "hone": []}
    with tempfile.TemporaryDirectory() as tmp:
        for seed in args.seeds:
            table["reference"].append(judge(train_reference(args.model, train, args, seed), test))
            show("reference, seed %d" % seed, table["reference"][-1])
            table["hone"].append(judge(train_hone(args, seed, os.path.join(tmp, str(seed))), test))
            show("hone, seed %d" % seed, table["hone"][-1])
    problems = []
    for who, values in table.items():
        values = np.array(values)
        show(who + ", mean", values.mean(axis=0))
        show(who + ", lowest", values.min(axis=0))
        show(who + ", highest", values.max(axis=0))
    ref, got = np.array(table["reference"]), np.array(table["hone"])
    slack = ref.std(axis=0, ddof=1) if len(args.seeds) > 1 else np.full(3, 0.01)
    for i, m in enumerate(METRICS):
        low, high, mean = ref[:, i].min() - slack[i], ref[:, i].max() + slack[i], got[:, i].mean()
        if not low <= mean:
            problems.append("%s: hone's mean %.4f is below %.4f..%.4f" % (m, mean, low, high))
    if args.report:
        with open(args.report, "w") as f:
            json.dump({"metrics": METRICS, "before": before.tolist(), "reference": ref.tolist(), "hone": got.tolist()}, f, indent=1)
    verdict(problems)


if __name__ == "__main__":
    main()
