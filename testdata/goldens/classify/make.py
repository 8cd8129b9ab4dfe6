#!/usr/bin/env python3
"""Figures of a classifier by scikit-learn, for crates/dl-metrics/src/classify.rs: writes golden.json beside this file.

    python testdata/goldens/classify/make.py        (scikit-learn, numpy)
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

LABELS = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu"]

rng = np.random.default_rng(7)
count = 60
truth = np.concatenate([np.arange(len(LABELS)), rng.integers(0, len(LABELS), count - len(LABELS))])
logits = rng.normal(size=(count, len(LABELS)))
logits[np.arange(count), truth] += 1.2
logits[:, 6] -= 3.0  # hardly ever predicted
scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
scores = np.round(scores, 2)  # ties
first = np.argsort(-scores, axis=1, kind="stable")
predicted = first[:, 0]
precision, recall, f1, _ = precision_recall_fscore_support(truth, predicted, labels=range(len(LABELS)), zero_division=0)
auc = [roc_auc_score(truth == index, scores[:, index]) for index in range(len(LABELS))]

# Guo et al. 2017, 15 bins, open on the left.
confidence, right = scores[np.arange(count), predicted], predicted == truth
error = 0.0
for low in range(15):
    inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
    if inside.any():
        error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())

golden = {
    "made_by": "testdata/goldens/classify/make.py",
    "scikit_learn": sklearn.__version__,
    "labels": LABELS,
    "truth": truth.tolist(),
    "scores": scores.tolist(),
    "top1": float(right.mean()),
    "top5": float((first[:, :5] == truth[:, None]).any(axis=1).mean()),
    "precision": precision.tolist(),
    "recall": recall.tolist(),
    "f1": f1.tolist(),
    "precision_macro": float(precision.mean()),
    "recall_macro": float(recall.mean()),
    "f1_macro": float(f1.mean()),
    "auc": [float(value) for value in auc],
    "auc_macro": float(np.mean(auc)),
    "calibration_error": float(error),
    "confusion": confusion_matrix(truth, predicted, labels=range(len(LABELS))).tolist(),
}
Path(__file__).with_name("golden.json").write_text(json.dumps(golden) + "\n")
