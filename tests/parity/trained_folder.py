"""A folder written by hone, opened by transformers and by sentence-transformers, gives hone's embeddings within 1e-5.

    python trained_folder.py HONE FOLDER [FOLDER ...] [--texts texts.jsonl] [--limit 1e-5]

FOLDER is a model folder (run/best_model, run/final_model) or a run, whose model folders are all taken. With transformers,
AutoModel and AutoTokenizer give the token vectors and the folder's own pooling and dense modules do the rest; a tensor of
the encoder that the folder lacks or that transformers does not know is a failure (the pooler may be missing).
"""
import argparse
import os
import tempfile

import numpy as np
from common import TEXTS, hone, quiet, reference, rows, verdict


def with_transformers(folder, st, texts, problems):
    import torch
    from transformers import AutoModel, AutoTokenizer
    model, info = AutoModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    lost = [k for k in info["missing_keys"] if "pooler" not in k]
    extra = list(info["unexpected_keys"])
    mismatched = [str(k) for k in info.get("mismatched_keys", [])]
    if lost or extra or mismatched:
        problems.append("%s: missing %s, unexpected %s, mismatched %s" % (folder, lost, extra, mismatched))
    tok = AutoTokenizer.from_pretrained(folder)
    prompt = st.prompts.get(st.default_prompt_name) or "" if st.default_prompt_name else ""
    out = []
    model.eval()
    for i in range(0, len(texts), 32):
        batch = tok([prompt + t for t in texts[i:i + 32]], padding=True, truncation=True, max_length=st.max_seq_length,
                    return_tensors="pt", return_token_type_ids=True)
        with torch.no_grad():
            features = {"token_embeddings": model(**batch).last_hidden_state, "attention_mask": batch["attention_mask"]}
            if prompt:
                features["prompt_length"] = len(tok(prompt)["input_ids"]) - 1
            for module in list(st)[1:]:
                features = module(features)
        out.append(features["sentence_embedding"].numpy())
    return np.concatenate(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hone")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--texts", default=TEXTS)
    parser.add_argument("--limit", type=float, default=1e-5)
    args = parser.parse_args()
    quiet()
    folders = []
    for folder in args.folders:
        if os.path.exists(folder + "/config.json"):
            folders.append(folder)
        else:
            folders += sorted(os.path.join(folder, n) for n in os.listdir(folder)
                              if os.path.exists(os.path.join(folder, n, "config.json")))
    texts = [r["text"] for r in rows(args.texts)]
    problems = [] if folders else ["no model folder in " + " ".join(args.folders)]
    with tempfile.TemporaryDirectory() as tmp:
        for folder in folders:
            hone(args.hone, "embed", "--model", folder, "--input", args.texts, "--out", tmp + "/x.npy", "--quiet")
            got = np.load(tmp + "/x.npy").astype(np.float64)
            st = reference(folder)
            by_st = st.encode(texts, batch_size=32, convert_to_numpy=True, show_progress_bar=False)
            by_hf = with_transformers(folder, st, texts, problems)
            a, b = np.abs(got - by_st).max(), np.abs(got - by_hf).max()
            print("%s: %d texts, from sentence-transformers %.2g, from transformers %.2g" % (folder, len(texts), a, b))
            if not (a <= args.limit and b <= args.limit):
                problems.append("%s: %.3g, %.3g > %g" % (folder, a, b, args.limit))
    verdict(problems)


if __name__ == "__main__":
    main()
