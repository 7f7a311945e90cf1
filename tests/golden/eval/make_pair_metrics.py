"""Metrics of scored pairs by scipy, scikit-learn and sentence-transformers, on random data with ties:
python make_pair_metrics.py > pair_metrics.json   (versions are written into the file)"""
import json
import warnings

import numpy as np
import scipy
import sentence_transformers
import sklearn
from scipy.stats import pearsonr, rankdata, spearmanr
from sentence_transformers.sentence_transformer.evaluation import BinaryClassificationEvaluator
from sklearn.metrics import average_precision_score, matthews_corrcoef, ndcg_score, roc_auc_score

warnings.simplefilter("ignore")
rng = np.random.default_rng(20)


def plain(x):
    return None if np.isnan(x) else float(x)


def correlation(x, y):
    return {
        "x": [float(v) for v in x],
        "y": [float(v) for v in y],
        "ranks": [float(v) for v in rankdata(x)],
        "pearson": plain(pearsonr(x, y)[0]),
        "spearman": plain(spearmanr(x, y)[0]),
    }


def binary(score, label, distance):
    score = np.asarray(score, dtype=np.float32)
    label = np.asarray(label)
    acc, acc_threshold = BinaryClassificationEvaluator.find_best_acc_and_threshold(score, label, not distance)
    f1, precision, recall, f1_threshold = BinaryClassificationEvaluator.find_best_f1_and_threshold(score, label, not distance)
    said = score <= f1_threshold if distance else score >= f1_threshold
    sign = -1 if distance else 1
    return {
        "score": [float(s) for s in score],
        "label": [int(v) for v in label],
        "distance": distance,
        "accuracy": float(acc),
        "accuracy_threshold": float(acc_threshold),
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
        "f1_threshold": float(f1_threshold),
        "mcc": float(matthews_corrcoef(label, said)),
        "ap": float(average_precision_score(label, sign * score)),
        "auc": plain(roc_auc_score(label, sign * score)) if len(set(label)) == 2 else None,
    }


def ranking(score, gain, k):
    return {"score": [float(s) for s in score], "gain": [float(g) for g in gain], "k": k, "ndcg": float(ndcg_score([gain], [score], k=k))}


correlations = [
    correlation(rng.standard_normal(50), rng.standard_normal(50)),
    correlation(np.round(rng.standard_normal(80), 1), rng.integers(0, 6, 80)),
    correlation(1e8 + rng.standard_normal(40), rng.standard_normal(40)),
    correlation(np.arange(30.0), np.arange(30.0) ** 3),
    correlation(np.arange(5.0), np.array([5.0, 4, 3, 2, 1])),
    correlation(np.full(7, 0.1), np.arange(7.0)),
    correlation(np.array([1.0, 2.0]), np.array([3.0, 9.0])),
]
binaries = []
for distance in (False, True):
    sign = -1 if distance else 1
    for n, digits in ((60, 6), (60, 1), (200, 1), (9, 0)):
        label = rng.integers(0, 2, n)
        binaries.append(binary(np.round(sign * (label * 0.8 + rng.standard_normal(n)), digits), label, distance))
    binaries += [
        binary(rng.standard_normal(12), np.ones(12, int), distance),
        binary(rng.standard_normal(12), np.zeros(12, int), distance),
        binary(np.full(10, 0.25), [1, 0] * 5, distance),
        binary([0.5], [1], distance),
        # Neighbours in f32: their mean rounds to one of them.
        binary([1, np.nextafter(np.float32(1), np.float32(2)), np.nextafter(np.float32(1), np.float32(0)), 0.3], [0, 1, 1, 0], distance),
        binary([sign * v for v in (3, 2, 1)], [0, 0, 1], distance),
    ]
rankings = [ranking(rng.standard_normal(12), rng.integers(0, 4, 12), k) for k in (1, 3, 10, 12, 20)]
rankings += [ranking(np.round(rng.standard_normal(15), 0), rng.integers(0, 2, 15), k) for k in (1, 2, 5, 10)]
rankings += [ranking(rng.standard_normal(6), np.zeros(6), 10), ranking(np.ones(8), rng.integers(0, 5, 8), 4)]
versions = {"scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__, "sentence-transformers": sentence_transformers.__version__}
print(json.dumps({"versions": versions, "correlations": correlations, "binaries": binaries, "rankings": rankings}))
