"""Distances between domains and weighted risks by numpy, on data from a formula that the Rust tests repeat.

Run from the repository's root: python testdata/goldens/shift/make.py
"""

import json
import os

import numpy as np
from scipy.spatial.distance import cdist, pdist


def formula(first, rows, columns):
    """[rows, columns], multiples of 1/64: exact in every language."""
    i, j = np.meshgrid(
        np.arange(first, first + rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij"
    )
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0


# A gamma of null is 1 / (2 m^2), m the median distance between different rows, the upper one of two.
CASES = [dict(ns=60, nt=40, columns=3, gamma=0.2), dict(ns=300, nt=270, columns=6, gamma=None)]
for case in CASES:
    ns, nt = case["ns"], case["nt"]
    source, target = formula(0, ns, case["columns"]), 0.5 * formula(1000, nt, case["columns"]) + 0.5
    squared = np.sort(pdist(np.vstack([source, target]), "sqeuclidean"))
    squared = squared[squared > 0]
    gamma = case["gamma"] or 0.5 / squared[len(squared) // 2]
    kss, ktt, kst = (np.exp(-gamma * cdist(a, b, "sqeuclidean"))
                     for a, b in [(source, source), (target, target), (source, target)])
    case["used_gamma"] = gamma
    case["biased"] = kss.mean() + ktt.mean() - 2 * kst.mean()
    case["unbiased"] = (
        (kss.sum() - ns) / (ns * (ns - 1)) + (ktt.sum() - nt) / (nt * (nt - 1)) - 2 * kst.mean()
    )
    covariances = [np.cov(rows, rowvar=False) for rows in (source, target)]
    case["covariance"] = ((covariances[0] - covariances[1]) ** 2).sum() / (4 * case["columns"] ** 2)

# DEV as its authors compute it: numpy.cov of the weighted losses and the weights.
table = formula(0, 50, 2)
losses, weights = table[:, 0] + 2, 0.6 * (table[:, 1] + 2)
covariance = np.cov(weights * losses, weights)
eta = -covariance[0, 1] / covariance[1, 1]
risk = dict(
    importance=(weights * losses).mean(), normalized=(weights * losses).sum() / weights.sum(),
    dev=(weights * losses).mean() + eta * weights.mean() - eta,
)

# Entropies of the target's predictions, and soft neighborhood density as in pytorch-adapt's SNDValidator: the softmax of
# the cosines without the row itself.
scores = np.exp(formula(0, 300, 4))
probabilities = scores / scores.sum(1, keepdims=True)
mean = probabilities.mean(0)
unit = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
cosines = (unit @ unit.T) / 0.05
np.fill_diagonal(cosines, -np.inf)
near = np.exp(cosines - cosines.max(1, keepdims=True))
near /= near.sum(1, keepdims=True)
unlabeled = dict(
    entropy=-(probabilities * np.log(probabilities)).sum(1).mean(), mean_entropy=-(mean * np.log(mean)).sum(),
    density=-np.where(near > 0, near * np.log(np.where(near > 0, near, 1)), 0).sum(1).mean(),
)

golden = dict(peer=f"numpy {np.__version__}", distances=CASES, risk=risk, unlabeled=unlabeled)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
