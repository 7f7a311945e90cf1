"""Trains the tiny models of ../models for 20 steps in PyTorch and records every step.

    python make_train.py                         rewrites every case folder beside this script (a minute)
    python make_train.py --only mean_mnr         some of them
    python make_train.py --minilm FOLDER         instead: 10 steps of the real all-MiniLM-L6-v2 -> minilm.json
    python make_train.py --trainer               checks the loop against SentenceTransformerTrainer (needs accelerate, datasets)

The loop is what the Hugging Face trainer does: AdamW (0.9, 0.999, 1e-8) without decay on biases and layer norms,
gradient norm clipped to 1, a schedule with warm-up W = ceil(0.1 T) whose first factor is 0, rows in file order, a last
incomplete batch kept, no dropout. Losses are sentence-transformers' own modules. Every case runs in f32 on one thread
(the reference) and again in f64 (how much of the reference is rounding). ../README.md describes what is written.
"""
import argparse
import fnmatch
import json
import math
import os
import sys

import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import GroupByLabelBatchSampler
from sentence_transformers.sentence_transformer.losses import (
    AnglELoss, BatchAllTripletLoss, BatchHardSoftMarginTripletLoss, BatchHardTripletLoss, BatchSemiHardTripletLoss,
    ContrastiveLoss, CoSENTLoss, CosineSimilarityLoss, MatryoshkaLoss, MultipleNegativesRankingLoss, OnlineContrastiveLoss,
    TripletLoss)
from sentence_transformers.sentence_transformer.losses.batch_hard_triplet import BatchHardTripletLossDistanceFunction
from sentence_transformers.sentence_transformer.losses.contrastive import SiameseDistanceMetric
from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric
from transformers.trainer_pt_utils import get_parameter_names

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(os.path.dirname(HERE), "models")
sys.path.insert(0, MODELS)
from make_models import versions  # noqa: E402

NO_DECAY = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
BASE = dict(batch_size=8, epochs=4, lr=1e-3, warmup=0.1, schedule="linear", weight_decay=0.01, clip=1.0, accumulate=1)


def case(model, task, loss, data, **kw):
    return dict(BASE, model=model, task=task, loss=loss, data=data, **kw)


CASES = {
    # multiple negatives, one way, with 0, 1 and 3 hard negatives
    "mean_mnr": case("mean", "pairs", "mnr", "pairs.jsonl"),
    "mean_mnr_neg1": case("mean", "pairs", "mnr", "triplets.jsonl"),
    "mean_mnr_neg3": case("mean", "pairs", "mnr", "negatives.jsonl"),
    # both ways
    "mean_sym": case("mean", "pairs", "mnr-symmetric", "pairs.jsonl"),
    "mean_sym_neg1": case("mean", "pairs", "mnr-symmetric", "triplets.jsonl"),
    "mean_sym_neg3": case("mean", "pairs", "mnr-symmetric", "negatives.jsonl", scale=10.0),
    "mean_gte_neg1": case("mean", "pairs", "gte", "triplets.jsonl"),
    # triplets
    "mean_cosine": case("mean", "triplet", "triplet", "triplets.jsonl", distance="cosine", margin=0.5),
    "mean_euclid5": case("mean", "triplet", "triplet", "triplets.jsonl", distance="euclidean", margin=5.0),
    "mean_euclid02": case("mean", "triplet", "triplet", "triplets.jsonl", distance="euclidean", margin=0.2),
    "mean_manhattan": case("mean", "triplet", "triplet", "triplets.jsonl", distance="manhattan", margin=5.0),
    # another activation, eps and head size; embeddings not normalised
    "gelu_new_mnr": case("gelu_new", "pairs", "mnr", "triplets.jsonl", lr=5e-4),
    "gelu_new_euclid1": case("gelu_new", "triplet", "triplet", "triplets.jsonl", distance="euclidean", margin=1.0, lr=5e-4),
    # a dense module behind the pooling (its prompts are not used in training)
    "dense_sym": case("dense", "pairs", "mnr-symmetric", "pairs.jsonl"),
    "dense_manhattan": case("dense", "triplet", "triplet", "triplets.jsonl", distance="manhattan", margin=5.0),
    # the loop itself: accumulation with a remainder at the end of each epoch, the other schedules, no clipping
    "loop_accumulate": case("relu", "pairs", "mnr", "pairs.jsonl", accumulate=2, epochs=4, schedule="cosine"),
    "loop_constant": case("relu", "pairs", "mnr", "pairs.jsonl", schedule="constant", warmup=3, clip=0.0, weight_decay=0.1),
    # a literal [PAD] in a text: its embedding row has no gradient in PyTorch (padding_idx)
    "pad_row": case("relu", "pairs", "mnr", "pad.jsonl", epochs=20),
    # all directions in one softmax, without and with three hard negatives
    "gte": case("mean", "pairs", "gte", "pairs.jsonl"),
    "gte_neg3": case("gelu_new", "pairs", "gte", "negatives.jsonl", scale=10.0),
    # scored pairs; accents has an odd dimension, gelu_new does not normalise
    "scored_cosent": case("mean", "scored", "cosent", "scored.jsonl", epochs=3),
    "scored_cosine": case("mean", "scored", "cosine", "scored.jsonl", epochs=3),
    "scored_angle": case("mean", "scored", "angle", "scored.jsonl", epochs=3, scale=10.0),
    "scored_angle_odd": case("accents", "scored", "angle", "scored.jsonl", epochs=3),
    "scored_contrastive": case("mean", "scored", "contrastive", "scored.jsonl", epochs=3, distance="cosine", margin=0.5),
    "scored_contrastive_euclid": case("gelu_new", "scored", "contrastive", "scored.jsonl", epochs=3, distance="euclidean",
                                      margin=2.0),
    "scored_contrastive_manhattan": case("gelu_new", "scored", "contrastive", "scored.jsonl", epochs=3, distance="manhattan",
                                         margin=8.0),
    "scored_online": case("mean", "scored", "online-contrastive", "scored.jsonl", epochs=3, distance="cosine", margin=0.5),
    "scored_online_euclid": case("gelu_new", "scored", "online-contrastive", "scored.jsonl", epochs=3, distance="euclidean",
                                 margin=2.0),
    # triplets mined among labelled texts; batches of the library's GroupByLabelBatchSampler with nothing shuffled
    "label_hard": case("gelu_new", "triplet", "batch-hard", "labelled.jsonl", epochs=3, distance="euclidean", margin=5.0),
    "label_hard_cosine": case("mean", "triplet", "batch-hard", "labelled.jsonl", epochs=3, distance="cosine", margin=0.2),
    "label_soft": case("gelu_new", "triplet", "batch-hard-soft-margin", "labelled.jsonl", epochs=3, distance="euclidean"),
    "label_semi": case("gelu_new", "triplet", "semi-hard", "labelled.jsonl", epochs=3, distance="euclidean", margin=1.0),
    "label_semi_cosine": case("mean", "triplet", "semi-hard", "labelled.jsonl", epochs=3, distance="cosine", margin=0.1),
    "label_all": case("gelu_new", "triplet", "batch-all", "labelled.jsonl", epochs=3, distance="euclidean", margin=1.0),
    "label_all_cosine": case("mean", "triplet", "batch-all", "labelled.jsonl", epochs=3, distance="cosine", margin=0.1),
    # Matryoshka around three of them
    "matryoshka_mnr": case("mean", "pairs", "mnr", "triplets.jsonl", matryoshka=[4, 16, 8]),
    "matryoshka_cosent": case("gelu_new", "scored", "cosent", "scored.jsonl", epochs=3, matryoshka=[12, 5]),
    "matryoshka_semi": case("gelu_new", "triplet", "semi-hard", "labelled.jsonl", epochs=3, distance="euclidean", margin=0.3,
                            matryoshka=[18, 6]),
    # rows of one group are not negatives of each other (the masks are ours: the library has none)
    "group_mnr": case("mean", "pairs", "mnr", "grouped.jsonl", group=True),
    "group_sym": case("mean", "pairs", "mnr-symmetric", "grouped.jsonl", group=True),
    "group_gte": case("mean", "pairs", "gte", "grouped.jsonl", group=True),
    # part of the parameters frozen, others with a learning rate of their own
    "freeze": case("mean", "pairs", "mnr", "pairs.jsonl", freeze=["embeddings.word_embeddings.*", "encoder.layer.0.*"]),
    "freeze_parts": case("mean", "pairs", "mnr", "pairs.jsonl", freeze=["*.query.weight", "*.key.bias", "*LayerNorm*"],
                         weight_decay=0.1),
    "lr_scale": case("mean", "pairs", "mnr", "pairs.jsonl", weight_decay=0.1, lr_scale={
        "embeddings.*": 0.1, "encoder.layer.0.*": 0.5, "*.value.weight": 2.0, "embeddings.position*": 0.7}),
}
# no final weights kept: they would add nothing but bytes
LOSSES_ONLY = ("mean_mnr_neg1", "mean_sym", "mean_sym_neg3", "mean_gte_neg1", "mean_euclid5", "gelu_new_mnr", "gte_neg3",
               "scored_cosine", "scored_angle", "scored_contrastive", "scored_contrastive_manhattan", "scored_online",
               "label_hard_cosine", "label_soft", "label_semi_cosine", "label_all", "matryoshka_semi", "group_sym")


class GroupedRanking(torch.nn.Module):
    """MultipleNegativesRankingLoss whose rows of one group do not see each other's texts, written out with a mask."""

    def __init__(self, model, loss, scale):
        super().__init__()
        self.model, self.loss, self.scale, self.groups = model, loss, scale, None

    def forward(self, features, labels):
        e = [torch.nn.functional.normalize(self.model(f)["sentence_embedding"]) for f in features]
        B, q, p = e[0].size(0), e[0], e[1]
        other = torch.tensor([[i != j and a is not None and a == b for j, b in enumerate(self.groups)]
                              for i, a in enumerate(self.groups)])

        def scores(x, texts, own_hidden):
            mask = torch.cat([other | (torch.eye(B, dtype=torch.bool) & own) for own in own_hidden], dim=1)
            return (self.scale * x @ torch.cat(texts).T).masked_fill(mask, -torch.inf)

        positive = self.scale * (q * p).sum(dim=1)
        forth = scores(q, e[1:], [torch.tensor(False)] * (len(e) - 1))
        if self.loss == "mnr":
            log_z = forth.logsumexp(dim=1)
        elif self.loss == "mnr-symmetric":
            log_z = (forth.logsumexp(dim=1) + scores(p, [q], [torch.tensor(False)]).logsumexp(dim=1)) / 2
        else:
            anchors = scores(q, [q], [torch.tensor(True)])
            back = scores(p, e, [torch.tensor(False)] + [torch.tensor(True)] * (len(e) - 1))
            log_z = torch.cat([forth, anchors, back], dim=1).logsumexp(dim=1)
        return (log_z - positive).mean()


def loss_module(model, c):
    loss = plain_loss(model, c)
    return MatryoshkaLoss(model, loss, c["matryoshka"]) if "matryoshka" in c else loss


def plain_loss(model, c):
    scale = c.get("scale", 20.0)
    if c.get("group"):
        return GroupedRanking(model, c["loss"], scale)
    if c["loss"] in ("cosent", "angle"):
        return {"cosent": CoSENTLoss, "angle": AnglELoss}[c["loss"]](model, scale=scale)
    if c["loss"] == "cosine":
        return CosineSimilarityLoss(model)
    if c["loss"] in ("contrastive", "online-contrastive"):
        metric = {"cosine": SiameseDistanceMetric.COSINE_DISTANCE, "euclidean": SiameseDistanceMetric.EUCLIDEAN,
                  "manhattan": SiameseDistanceMetric.MANHATTAN}[c["distance"]]
        kind = ContrastiveLoss if c["loss"] == "contrastive" else OnlineContrastiveLoss
        return kind(model, distance_metric=metric, margin=c["margin"])
    if is_labelled(c):
        metric = {"cosine": BatchHardTripletLossDistanceFunction.cosine_distance,
                  "euclidean": BatchHardTripletLossDistanceFunction.euclidean_distance}[c["distance"]]
        if c["loss"] == "batch-hard-soft-margin":
            return BatchHardSoftMarginTripletLoss(model, distance_metric=metric)
        kind = {"batch-hard": BatchHardTripletLoss, "semi-hard": BatchSemiHardTripletLoss, "batch-all": BatchAllTripletLoss}
        return kind[c["loss"]](model, distance_metric=metric, margin=c["margin"])
    if c["loss"] == "mnr":
        return MultipleNegativesRankingLoss(model, scale=scale)
    if c["loss"] == "mnr-symmetric":
        return MultipleNegativesRankingLoss(model, scale=scale, directions=("query_to_doc", "doc_to_query"),
                                            partition_mode="per_direction")
    if c["loss"] == "gte":
        return MultipleNegativesRankingLoss(model, scale=scale, partition_mode="joint", directions=(
            "query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc"))
    metric = {"cosine": TripletDistanceMetric.COSINE, "euclidean": TripletDistanceMetric.EUCLIDEAN,
              "manhattan": TripletDistanceMetric.MANHATTAN}[c["distance"]]
    return TripletLoss(model, distance_metric=metric, triplet_margin=c["margin"])


def load(folder, dtype):
    """The model without any dropout, whatever its config says."""
    st = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32}, config_kwargs={
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    return st.to(dtype)


def read_rows(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def is_labelled(c):
    return c["loss"] in ("batch-hard", "batch-hard-soft-margin", "semi-hard", "batch-all")


def features_of(st, batch):
    return [st.preprocess([row[column] for row in batch]) for column in batch[0] if column not in ("score", "label", "group")]


def labels_of(batch, c, dtype):
    if is_labelled(c):
        return torch.tensor([int(row["label"].split()[1]) for row in batch])
    if c["task"] != "scored":
        return None
    binary = c["loss"] in ("contrastive", "online-contrastive")
    return torch.tensor([row["label"] for row in batch]) if binary else torch.tensor([row["score"] for row in batch], dtype=dtype)


class Rows:
    """As much of a datasets.Dataset as a batch sampler reads."""

    def __init__(self, rows):
        self.rows, self.column_names = rows, list(rows[0])

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, column):
        return [row[column] for row in self.rows]


def labelled_batches(rows, size):
    sampler = GroupByLabelBatchSampler(Rows(rows), batch_size=size, drop_last=False, valid_label_columns=["label"])
    shuffle, torch.randperm = torch.randperm, lambda n, **kw: torch.arange(n)
    batches = [[rows[i] for i in batch] for batch in sampler]
    torch.randperm = shuffle
    assert len(batches) == len(sampler)
    return batches


def schedule_of(optimizer, c, total):
    warm = c["warmup"] if c["warmup"] >= 1 else math.ceil(total * c["warmup"])
    name = "constant_with_warmup" if c["schedule"] == "constant" else c["schedule"]
    return transformers.get_scheduler(name, optimizer, num_warmup_steps=int(warm), num_training_steps=total)


def batches_of(rows, c):
    """One list of micro-batches per optimiser step; groups do not cross the end of an epoch."""
    size, group = c["batch_size"], c["accumulate"]
    epoch = labelled_batches(rows, size) if is_labelled(c) else [rows[i:i + size] for i in range(0, len(rows), size)]
    steps = [epoch[i:i + group] for i in range(0, len(epoch), group)]
    return steps * c["epochs"]


def parameter_groups(loss_fn, c):
    """Frozen parameters in no group; the last pattern of lr_scale that matches a published name counts."""
    names, groups = set(get_parameter_names(loss_fn, [torch.nn.LayerNorm], NO_DECAY)), {}
    for n, p in loss_fn.named_parameters():
        published = n[n.index("embeddings."):] if "embeddings." in n else n[n.index("encoder."):] if "encoder." in n else n
        if any(fnmatch.fnmatchcase(published, pattern) for pattern in c.get("freeze", [])):
            p.requires_grad_(False)
            continue
        factor = 1.0
        for pattern, value in c.get("lr_scale", {}).items():
            factor = value if fnmatch.fnmatchcase(published, pattern) else factor
        groups.setdefault((factor, n in names), []).append(p)
    return [{"params": ps, "lr": c["lr"] * factor, "weight_decay": c["weight_decay"] if decays else 0.0}
            for (factor, decays), ps in sorted(groups.items(), key=lambda x: (x[0][0] != 1.0, x[0][0], not x[0][1]))]


def train(folder, rows, c, dtype):
    torch.manual_seed(42)
    st = load(folder, dtype)
    loss_fn = loss_module(st, c)
    groups = parameter_groups(loss_fn, c)
    optimizer = torch.optim.AdamW(groups, lr=c["lr"], betas=(0.9, 0.999), eps=1e-8, fused=True)
    steps = batches_of(rows, c)[:c.get("steps")]
    scheduler = schedule_of(optimizer, c, len(steps))
    st.train()
    log = []
    for number, micro in enumerate(steps, 1):
        total = 0.0
        for batch in micro:
            if c.get("group"):
                loss_fn.groups = [row["group"] for row in batch]
            loss = loss_fn(features_of(st, batch), labels_of(batch, c, dtype)) / len(micro)
            loss.backward()
            total = total + loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(st.parameters(), c["clip"] if c["clip"] > 0 else math.inf)
        lr = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        log.append({"step": number, "rows": sum(len(b) for b in micro), "loss": float(total), "lr": lr, "grad_norm": float(norm)})
    st.eval()
    return st, log


def weights_of(st):
    """Final weights under their published names: the transformer's, and each dense module's as N.linear.weight."""
    out = {k: v.contiguous().clone() for k, v in st[0].auto_model.state_dict().items()}
    for i, module in enumerate(st):
        if i and hasattr(module, "linear"):
            out.update({"%d.%s" % (i, k): v.contiguous().clone() for k, v in module.state_dict().items()})
    return out


def g9(x):
    return float("%.9g" % x)


def g3(x):
    return float("%.3g" % x)


def rel(a, b):
    return abs(a - b) / max(abs(b), 1e-30)


def run_case(name, c):
    folder = os.path.join(MODELS, c["model"])
    rows = read_rows(os.path.join(HERE, c["data"]))
    st, log = train(folder, rows, c, torch.float32)
    st64, log64 = train(folder, rows, c, torch.float64)
    w, w64 = weights_of(st), weights_of(st64)
    start = weights_of(load(folder, torch.float32))
    steps = [{"step": a["step"], "rows": a["rows"], "loss": g9(a["loss"]), "lr": a["lr"], "grad_norm": g9(a["grad_norm"]),
              "loss_f64": b["loss"], "grad_norm_f64": b["grad_norm"]} for a, b in zip(log, log64)]
    worst = max(rel(a["loss"], b["loss"]) for a, b in zip(log, log64))
    weights = {k: {"moved": g3((w[k] - start[k]).abs().max()), "f32_f64_max_abs": g3((w[k].double() - w64[k]).abs().max())}
               for k in sorted(w)}
    out = os.path.join(HERE, name)
    os.makedirs(out, exist_ok=True)
    settings = {k: v for k, v in c.items()}
    settings["steps"] = len(steps)
    with open(out + "/expected.json", "w") as f:
        f.write('{"versions": %s,\n "case": %s,\n "loss_f32_f64_max_rel": %.2g,\n "steps": [\n  ' %
                (json.dumps(versions()), json.dumps(settings), worst))
        f.write(",\n  ".join(json.dumps(s) for s in steps))
        f.write('\n ],\n "weights": {\n  ')
        f.write(",\n  ".join("%s: %s" % (json.dumps(k), json.dumps(v)) for k, v in weights.items()))
        f.write("\n }}\n")
    if name not in LOSSES_ONLY:
        moved = {k: v for k, v in w.items() if weights[k]["moved"] > 0}
        save_file(moved, out + "/final.safetensors", metadata={"format": "pt"})
        os.chmod(out + "/final.safetensors", 0o644)
    noisy = {k: v["f32_f64_max_abs"] for k, v in weights.items()}
    keys = max(v for k, v in noisy.items() if ".key.bias" in k)
    rest = max((v, k) for k, v in noisy.items() if ".key.bias" not in k)
    print("%-16s %2d steps loss %.4f -> %.4f  norm %.2f..%.2f  f32-f64 loss %.1e  key bias %.1e  others %.1e %s" %
          (name, len(steps), log[0]["loss"], log[-1]["loss"], min(s["grad_norm"] for s in log),
           max(s["grad_norm"] for s in log), worst, keys, rest[0], rest[1]))


def run_minilm(folder):
    c = case("sentence-transformers/all-MiniLM-L6-v2", "pairs", "mnr", "minilm.jsonl", batch_size=16, epochs=1, lr=2e-5)
    rows = read_rows(os.path.join(HERE, c["data"]))
    results = {}
    for dtype in (torch.float32, torch.float64):
        results[dtype] = train(folder, rows, c, dtype)
    st, log = results[torch.float32]
    st64, log64 = results[torch.float64]
    start, w, w64 = weights_of(load(folder, torch.float32)), weights_of(st), weights_of(st64)
    tensors = {}
    for k in sorted(w):
        flat, before, exact = w[k].double().flatten(), start[k].double().flatten(), w64[k].double().flatten()
        at = [int(i * (flat.numel() - 1) // 7) for i in range(8)]
        tensors[k] = {"sum": float(flat.sum()), "abs_sum": float(flat.abs().sum()), "at": at,
                      "values": [float(flat[i]) for i in at],
                      "moved": g3((flat - before).abs().max()), "f32_f64_max_abs": g3((flat - exact).abs().max())}
    with open(HERE + "/minilm.json", "w") as f:
        c["steps"] = len(log)
        f.write('{"versions": %s,\n "case": %s,\n "steps": [\n  ' % (json.dumps(versions()), json.dumps(c)))
        f.write(",\n  ".join(json.dumps(dict(a, loss=g9(a["loss"]), grad_norm=g9(a["grad_norm"]), loss_f64=b["loss"],
                                             grad_norm_f64=b["grad_norm"])) for a, b in zip(log, log64)))
        f.write('\n ],\n "weights": {\n  ')
        f.write(",\n  ".join("%s: %s" % (json.dumps(k), json.dumps(v)) for k, v in tensors.items()))
        f.write("\n }}\n")
    for a, b in zip(log, log64):
        print(a, "f64 %.9g %.9g" % (b["loss"], b["grad_norm"]))
    print("largest f32-f64 weight difference", max((v["f32_f64_max_abs"], k) for k, v in tensors.items() if "key.bias" not in k))


def run_trainer(names):
    """The same case through SentenceTransformerTrainer; rows kept in order by a sequential sampler."""
    import tempfile

    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class InOrder(DefaultBatchSampler):
        def __init__(self, dataset, batch_size, drop_last, **kw):
            super().__init__(range(len(dataset)), batch_size=batch_size, drop_last=drop_last)

        def __iter__(self):
            for i in range(0, len(self.sampler), self.batch_size):
                yield list(range(i, min(i + self.batch_size, len(self.sampler))))

    for name in names:
        c = CASES[name]
        rows = read_rows(os.path.join(HERE, c["data"]))
        st = load(os.path.join(MODELS, c["model"]), torch.float32)
        with tempfile.TemporaryDirectory() as tmp:
            warm = c["warmup"]
            kind = "constant_with_warmup" if c["schedule"] == "constant" else c["schedule"]
            args = SentenceTransformerTrainingArguments(
                output_dir=tmp, num_train_epochs=c["epochs"], per_device_train_batch_size=c["batch_size"],
                learning_rate=c["lr"], warmup_steps=warm, lr_scheduler_type=kind, weight_decay=c["weight_decay"],
                max_grad_norm=c["clip"], gradient_accumulation_steps=c["accumulate"], logging_steps=1,
                logging_nan_inf_filter=False, save_strategy="no", report_to=[], use_cpu=True, batch_sampler=InOrder,
                disable_tqdm=True, seed=42)
            trainer = SentenceTransformerTrainer(model=st, args=args, train_dataset=Dataset.from_list(rows),
                                                 loss=loss_module(st, c))
            trainer.train()
        got = [h for h in trainer.state.log_history if "loss" in h]
        with open(os.path.join(HERE, name, "expected.json")) as f:
            expected = json.load(f)
        from safetensors.torch import load_file
        final = load_file(os.path.join(HERE, name, "final.safetensors")) if name not in LOSSES_ONLY else {}
        final = {k: v for k, v in final.items() if expected["weights"][k]["f32_f64_max_abs"] < 1e-5}
        w = weights_of(st)
        assert len(got) == len(expected["steps"]), (len(got), len(expected["steps"]))
        print("%-16s trainer against loop: loss %.1e  lr %.1e  grad_norm %.1e relative, weights %.1e absolute" % (
            name, max(rel(a["loss"], b["loss"]) for a, b in zip(got, expected["steps"])),
            max(abs(a["learning_rate"] - b["lr"]) for a, b in zip(got, expected["steps"])),
            max(rel(a["grad_norm"], b["grad_norm"]) for a, b in zip(got, expected["steps"])),
            max(float((w[k] - v).abs().max()) for k, v in final.items()) if final else 0.0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=list(CASES))
    parser.add_argument("--minilm")
    parser.add_argument("--trainer", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("versions", versions())
    if args.minilm:
        run_minilm(args.minilm)
    elif args.trainer:
        run_trainer(args.only)
    else:
        for name in args.only:
            run_case(name, CASES[name])


if __name__ == "__main__":
    main()
