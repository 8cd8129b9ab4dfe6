"""Nearest neighbors and prototypes by scikit-learn, on data from a formula that the Rust tests repeat.

Run from the repository's root: python testdata/goldens/neighbors/make.py
"""

import json
import os

import numpy as np
import sklearn
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize


def formula(first, rows, columns):
    """[rows, columns], multiples of 1/64: exact in every language."""
    i, j = np.meshgrid(np.arange(first, first + rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij")
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0


def neighbors(rows, queries, columns, classes, k, metric, votes):
    x, q = formula(0, rows, columns), formula(10000, queries, columns)
    row = np.arange(rows)
    peer = {"euclid": "euclidean", "cosine": "cosine"}[metric]
    found = KNeighborsClassifier(k, weights=votes, metric=peer, algorithm="brute").fit(x, (row * 7 + row // 3) % classes)
    distances, nearest = found.kneighbors(q)
    # No ties, in which scikit-learn's order is undefined.
    assert (np.diff(distances) > 1e-9).all()
    return dict(
        rows=rows, queries=queries, columns=columns, classes=classes, k=k, metric=metric, votes=votes,
        nearest=nearest.tolist(), distances=distances.tolist(), shares=found.predict_proba(q).tolist(),
    )  # fmt: skip


def prototypes(metric):
    classes = [0, 1, 2, 1, 0, 2, 2, 0, 1, 1, 1, 3]
    x, q = formula(0, len(classes), 7), formula(1000, 5, 7)
    x = normalize(x) if metric == "cosine" else x
    means = np.stack([x[np.array(classes) == c].mean(0) for c in range(4)])
    logits = cosine_similarity(q, means) if metric == "cosine" else -euclidean_distances(q, means, squared=True)
    return dict(metric=metric, classes=classes, logits=logits.tolist())


golden = dict(
    peer=f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    neighbors=[
        neighbors(50, 6, 7, 3, 1, "euclid", "uniform"),
        neighbors(200, 6, 16, 4, 5, "euclid", "distance"),
        neighbors(150, 6, 9, 3, 4, "cosine", "uniform"),
        neighbors(90, 6, 5, 3, 3, "cosine", "distance"),
    ],
    prototypes=[prototypes("euclid"), prototypes("cosine")],
)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
