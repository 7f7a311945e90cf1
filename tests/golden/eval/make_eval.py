"""Retrieval metrics by sentence-transformers' own evaluator on random embeddings: python make_eval.py > retrieval.json
(sentence-transformers 6.2.0, torch 2.15.0, numpy; versions are written into the file)."""
import json
import random

import numpy as np
import sentence_transformers
import torch
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.util import cos_sim, dot_score, euclidean_sim, manhattan_sim

SIMS = {"cosine": cos_sim, "dot": dot_score, "euclidean": euclidean_sim, "manhattan": manhattan_sim}


def case(seed, n_rows, n_queries, n_docs, negatives, dim, similarity):
    rng = random.Random(seed)
    rows = [[rng.randrange(n_queries)] + [n_queries + rng.randrange(n_docs) for _ in range(1 + negatives)] for _ in range(n_rows)]
    queries, docs, relevant = [], [], {}
    for row in rows:
        if row[0] not in queries:
            queries.append(row[0])
        for d in row[1:]:
            if d not in docs:
                docs.append(d)
        relevant.setdefault(row[0], set()).add(row[1])
    vectors = np.random.default_rng(seed).standard_normal((n_queries + n_docs, dim)).astype(np.float32)
    for row in rows:  # make positives likely
        vectors[row[1]] = 0.5 * vectors[row[1]] + 0.5 * vectors[row[0]]
    q, d = torch.from_numpy(vectors[queries]), torch.from_numpy(vectors[docs])
    scores = SIMS[similarity](q, d)
    key = lambda t: f"{docs.index(t):06d}"
    evaluator = InformationRetrievalEvaluator(
        {str(t): str(t) for t in queries}, {key(t): str(t) for t in docs}, {str(t): {key(d) for d in relevant[t]} for t in queries}
    )
    results = [[{"corpus_id": key(t), "score": scores[i, j].item()} for j, t in enumerate(docs)] for i in range(len(queries))]
    for r in results:
        r.sort(key=lambda x: (-x["score"], x["corpus_id"]))
    metrics = evaluator.compute_metrics([r[:100] for r in results])
    flat = {}
    for name in ("accuracy@k", "precision@k", "recall@k", "mrr@k", "ndcg@k", "map@k"):
        for k, v in metrics[name].items():
            flat[f"{name[:-1]}{k}"] = float(v)
    return {"rows": rows, "similarity": similarity, "dim": dim, "vectors": [[float(f"{x:.9g}") for x in v] for v in vectors], "metrics": flat}


cases = [
    case(1, 30, 12, 20, 0, 4, "cosine"),
    case(2, 40, 10, 15, 1, 3, "dot"),
    case(3, 60, 25, 130, 3, 6, "cosine"),
    case(4, 20, 9, 12, 0, 5, "euclidean"),
    case(5, 20, 9, 12, 2, 5, "manhattan"),
    case(6, 3, 2, 2, 0, 2, "cosine"),
]
print(json.dumps({"versions": {"sentence_transformers": sentence_transformers.__version__, "torch": torch.__version__, "numpy": np.__version__}, "cases": cases}))
