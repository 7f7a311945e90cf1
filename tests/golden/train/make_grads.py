"""Gradients of whole tiny models for one batch, from PyTorch in f64 -> grads/NAME.safetensors and grads/index.json.

    python make_grads.py

The batch is the first 8 rows of the data file; the loss is the mean over it, without dropout and before any clipping.
Every parameter that takes part has a tensor of its name (a dense module's under N.linear.*); the pooler has none. The
gradient of every key bias is zero but for rounding: softmax does not see a constant added to all scores of a row.
"""
import json
import os

import torch
import transformers
from safetensors.torch import save_file

from make_train import HERE, MODELS, case, features_of, labels_of, load, loss_module, read_rows, versions

GRADS = {
    "mean_sym_neg3": case("mean", "pairs", "mnr-symmetric", "negatives.jsonl"),
    "gte_neg3": case("mean", "pairs", "gte", "negatives.jsonl"),
    "angle_matryoshka": case("mean", "scored", "angle", "scored.jsonl", matryoshka=[16, 7]),
    "online_manhattan": case("gelu_new", "scored", "online-contrastive", "scored.jsonl", distance="manhattan", margin=8.0),
    "semi_hard": case("gelu_new", "triplet", "semi-hard", "labelled.jsonl", distance="euclidean", margin=1.0),
    "gelu_new_manhattan": case("gelu_new", "triplet", "triplet", "triplets.jsonl", distance="manhattan", margin=5.0),
}


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    os.makedirs(HERE + "/grads", exist_ok=True)
    index = {"versions": versions(), "cases": {}}
    for name, c in GRADS.items():
        st = load(os.path.join(MODELS, c["model"]), torch.float64).train()
        rows = read_rows(os.path.join(HERE, c["data"]))[:8]
        loss = loss_module(st, c)(features_of(st, rows), labels_of(rows, c, torch.float64))
        loss.backward()
        grads = {k: p.grad for k, p in st[0].auto_model.named_parameters() if p.grad is not None}
        for i, module in enumerate(st):
            if i and hasattr(module, "linear"):
                grads.update({"%d.%s" % (i, k): p.grad for k, p in module.named_parameters()})
        path = HERE + "/grads/%s.safetensors" % name
        save_file({k: v.contiguous() for k, v in grads.items()}, path, metadata={"format": "pt"})
        os.chmod(path, 0o644)
        norm = float(torch.sqrt(sum((g * g).sum() for g in grads.values())))
        index["cases"][name] = {**{k: c[k] for k in ("model", "task", "loss", "data", "distance", "margin", "matryoshka") if k in c},
                                "rows": 8, "loss_f64": float(loss.detach()), "grad_norm_f64": norm}
        print(name, float(loss.detach()), norm, len(grads))
    with open(HERE + "/grads/index.json", "w") as f:
        json.dump(index, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
