"""Hard negatives by sentence-transformers' mine_hard_negatives on random embeddings: python make_mining.py > mining.json
(sentence-transformers 6.2.0, torch 2.15.0, datasets; versions are written into the file). The model is a stand-in that looks vectors up."""
import contextlib
import io
import json
import random

import datasets
import numpy as np
import sentence_transformers
import torch
from sentence_transformers.util import (cos_sim, dot_score, euclidean_sim, manhattan_sim, mine_hard_negatives, pairwise_cos_sim,
                                        pairwise_dot_score, pairwise_euclidean_sim, pairwise_manhattan_sim)

datasets.arrow_dataset.generate_fingerprint = lambda *_: "none"  # for caches; it pickles what some versions of pyarrow cannot

SIMS = {"cosine": (cos_sim, pairwise_cos_sim), "dot": (dot_score, pairwise_dot_score),
        "euclidean": (euclidean_sim, pairwise_euclidean_sim), "manhattan": (manhattan_sim, pairwise_manhattan_sim)}


class Lookup:
    device = torch.device("cpu")

    def __init__(self, vectors, similarity):
        self.vectors = vectors
        self.similarity, self.similarity_pairwise = SIMS[similarity]

    def encode_query(self, texts, **_):
        return self.vectors[[int(t) for t in texts]]

    encode_document = encode_query


def case(seed, n_queries, n_docs, extra, dim, similarity, **setting):
    """Texts are numbers: queries 0 .. n_queries-1, documents above; every query has one to three positives; `extra` documents are nobody's."""
    rng = random.Random(seed)
    vectors = np.random.default_rng(seed).standard_normal((n_queries + n_docs, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = []
    for q in range(n_queries):
        for _ in range(rng.choice([1, 1, 2, 3])):
            rows.append([q, n_queries + rng.randrange(n_docs - extra)])
    for q, d in rows:
        vectors[d] = 0.7 * vectors[d] + 0.5 * vectors[q]
    vectors = np.array([[float("%.6g" % x) for x in v] for v in vectors], dtype=np.float32)
    corpus = [str(n_queries + n_docs - extra + k) for k in range(extra)]
    dataset = datasets.Dataset.from_dict({"q": [str(q) for q, _ in rows], "d": [str(d) for _, d in rows]})
    with contextlib.redirect_stdout(io.StringIO()):
        out = mine_hard_negatives(dataset, Lookup(vectors, similarity), corpus=corpus or None, output_scores=True, verbose=False,
                                  output_format="triplet", **setting)
    return {"n_queries": n_queries, "rows": rows, "corpus": [int(c) for c in corpus], "similarity": similarity, "dim": dim,
            "vectors": [[float("%.6g" % x) for x in v] for v in vectors], "setting": setting,
            "triplets": [[int(r["q"]), int(r["d"]), int(r["negative"])] + [float("%.6g" % s) for s in r["scores"]] for r in out]}


cases = [
    case(1, 12, 20, 0, 4, "cosine"),
    case(2, 10, 15, 5, 4, "cosine", num_negatives=1),
    case(3, 15, 40, 10, 5, "cosine", range_min=2, range_max=9, num_negatives=4),
    case(4, 15, 30, 0, 5, "dot", absolute_margin=0.1),
    case(5, 15, 30, 5, 5, "cosine", relative_margin=0.05, num_negatives=5),
    case(6, 15, 30, 5, 5, "cosine", relative_margin=0.5, range_min=1),
    case(7, 15, 30, 5, 5, "cosine", max_score=0.4, min_score=-0.2, num_negatives=6),
    case(8, 15, 30, 5, 5, "euclidean", absolute_margin=0.2, range_max=12),
    case(9, 15, 30, 5, 5, "manhattan", relative_margin=0.1),
    case(10, 8, 9, 0, 3, "cosine", range_max=500, num_negatives=7),
    case(11, 12, 25, 3, 4, "cosine", absolute_margin=-0.3, relative_margin=-0.1, max_score=0.8, min_score=0.0, range_min=1, range_max=20, num_negatives=3),
]
print(json.dumps({"versions": {"sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__,
                               "datasets": datasets.__version__}, "cases": cases}))
