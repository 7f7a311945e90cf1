"""Accuracies of experiments/probe on tests/golden/models/mean and tests/golden/train/labelled.jsonl, from transformers' output_hidden_states.
    python tests/golden/experiments/make_probe.py        prints the table that stands in tests/experiments/experiments.c"""
import json
import pathlib

import torch
import transformers

root = pathlib.Path(__file__).parents[2]
folder = root / "golden/models/mean"
rows = [json.loads(line) for line in open(root / "golden/train/labelled.jsonl", encoding="utf-8")]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModel.from_pretrained(folder).eval()
print("torch", torch.__version__, "transformers", transformers.__version__)
limit = json.load(open(folder / "sentence_bert_config.json"))["max_seq_length"]
layers = None
for row in rows:
    with torch.no_grad():
        states = model(**tokenizer(row["text"], return_tensors="pt", truncation=True, max_length=limit), output_hidden_states=True).hidden_states
    vectors = [torch.nn.functional.normalize(h[0].double().mean(0), dim=0) for h in states]
    layers = [[] for _ in vectors] if layers is None else layers
    for layer, vector in zip(layers, vectors):
        layer.append(vector)
labels = [row["label"] for row in rows]
for number, layer in enumerate(layers):
    right = judged = 0
    for i, own in enumerate(labels):
        if labels.count(own) < 2:
            continue
        cosine = {}
        for label in set(labels):
            members = [layer[k] for k in range(len(labels)) if labels[k] == label and k != i]
            if members:
                cosine[label] = float(torch.nn.functional.cosine_similarity(layer[i], torch.stack(members).mean(0), dim=0))
        judged += 1
        right += max(cosine, key=cosine.get) == own
    print(f"layer {number}: {right} of {judged} = {right / judged:.4f}")
