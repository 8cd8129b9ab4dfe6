"""Objectives of scikit-learn's LinearSVC on data from a formula that the Rust test repeats.

Run from the repository's root: python testdata/goldens/svm/make.py
"""

import json
import os

import numpy as np
import sklearn
from sklearn.svm import LinearSVC


def features(rows, positives, columns, shift):
    """[rows, columns] f32, multiples of 1/64: exact in every language."""
    i, j = np.meshgrid(np.arange(rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij")
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    value = (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0
    moved = (i < positives) & (j % np.uint64(4) == 0)
    value[moved] += shift
    return np.maximum(value, 0.0).astype(np.float32)


CASES = [
    # R-CNN's options on well-separated, overlapping and few-featured data; then a large C; then without a bias.
    dict(rows=400, positives=40, columns=64, shift=1.0, cost=1e-3, positive_weight=2.0, bias=10.0),
    dict(rows=600, positives=100, columns=128, shift=0.25, cost=1e-3, positive_weight=2.0, bias=10.0),
    dict(rows=60, positives=30, columns=8, shift=0.5, cost=1e-3, positive_weight=2.0, bias=10.0),
    dict(rows=300, positives=60, columns=32, shift=0.5, cost=1.0, positive_weight=2.0, bias=10.0),
    dict(rows=200, positives=50, columns=16, shift=0.5, cost=0.1, positive_weight=1.0, bias=0.0),
]

for case in CASES:
    x = features(case["rows"], case["positives"], case["columns"], case["shift"]).astype(np.float64)
    y = np.where(np.arange(case["rows"]) < case["positives"], 1, -1)
    bias = case["bias"]
    options = dict(fit_intercept=True, intercept_scaling=bias) if bias else dict(fit_intercept=False)
    model = LinearSVC(
        loss="hinge", dual=True, C=case["cost"], class_weight={1: case["positive_weight"], -1: 1.0},
        tol=1e-7, max_iter=1_000_000, random_state=0, **options,
    ).fit(x, y)
    w, b = model.coef_[0], float(model.intercept_[0]) if bias else 0.0
    cost = case["cost"] * np.where(y > 0, case["positive_weight"], 1.0)
    v = b / bias if bias else 0.0
    case["objective"] = float(0.5 * (w @ w + v * v) + (cost * np.maximum(0.0, 1.0 - y * (x @ w + b))).sum())

golden = dict(peer=f"scikit-learn {sklearn.__version__}, LinearSVC(loss='hinge', dual=True)", cases=CASES)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
