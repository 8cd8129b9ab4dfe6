"""Weighted linear classifiers by scikit-learn, and TrAdaBoost (Dai et al. 2007, algorithm 1) in numpy over them, on data
from a formula that the Rust tests repeat. No library's TrAdaBoost is the published one: ADAPT's takes beta_t = e / (2 - e).

Run from the repository's root: python testdata/goldens/boost/make.py
"""

import json
import os

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC


def formula(first, rows, columns):
    """[rows, columns], multiples of 1/64: exact in every language."""
    i, j = np.meshgrid(np.arange(first, first + rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij")
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0


def svm(x, y, weights):
    return LinearSVC(dual=False, tol=1e-13, max_iter=100000).fit(x, y, sample_weight=weights)


def logistic(x, y, weights):
    return LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y, sample_weight=weights)


def plane(model):
    return [*model.coef_[0].tolist(), float(model.intercept_[0])]


def tradaboost(base, error, balanced, rounds=6, n=40, m=10):
    x, q = formula(0, n + m, 5), formula(900, 8, 5)
    # The source disagrees with the target in the second column.
    y = (x[:, 0] + np.where(np.arange(n + m) < n, 1.0, -1.0) * x[:, 1] > 0).astype(int)
    degree = {
        "probability": lambda f: 1 / (1 + np.exp(-f)),
        "margin": lambda f: np.clip(0.5 + 0.5 * f, 0, 1),
        "class": lambda f: (f > 0).astype(float),
    }[error]
    weights = np.ones(n + m)
    beta = 1 / (1 + np.sqrt(2 * np.log(n) / rounds))
    errors, shares, total, votes = [], [], 0, 0
    for t in range(rounds):
        weights = weights / weights.mean()
        costs = weights.copy()
        if balanced:
            for c in range(2):
                costs[y == c] *= weights.sum() / 2 / weights[y == c].sum()
        model = base(x, y, costs)
        wrong = np.abs(degree(model.decision_function(x)) - y)
        eps = (weights[n:] * wrong[n:]).sum() / weights[n:].sum()
        errors.append(eps)
        shares.append(weights[:n].sum() / weights.sum())
        eps = np.clip(eps, 0.5 / m, 0.49)
        beta_t = eps / (1 - eps)
        weights[:n] *= beta ** wrong[:n]
        weights[n:] *= beta_t ** -wrong[n:]
        if t >= rounds // 2:
            votes = votes - np.log(beta_t) * degree(model.decision_function(q))
            total -= np.log(beta_t)
    name = "svm" if base is svm else "logistic"
    return dict(base=name, error=error, balanced=balanced, errors=errors, source=shares, shares=(votes / total).tolist())


x = formula(0, 60, 6)
row = np.arange(60)
signs, costs = np.where(row % 3 == 0, 1, -1), row % 5 / 4
golden = dict(
    peer=f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    svm=plane(svm(x, signs, costs)),
    logistic=plane(logistic(x, signs, costs)),
    tradaboost=[
        tradaboost(svm, "margin", True),
        tradaboost(svm, "probability", False),
        tradaboost(svm, "class", True),
        tradaboost(logistic, "probability", True),
    ],
)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
