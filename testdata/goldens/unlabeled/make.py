"""k-means, Gaussian mixtures and sparse codes by scikit-learn, on data from a formula that the Rust tests repeat.

Run from the repository's root: python testdata/goldens/unlabeled/make.py
"""

import json
import os
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.decomposition import dict_learning, sparse_encode
from sklearn.mixture import GaussianMixture


def formula(rows, columns, first_row=0):
    """[rows, columns], multiples of 1/64 in [-2, 2): exact in every language."""
    i, j = np.meshgrid(
        np.arange(first_row, first_row + rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij"
    )
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0


def groups(rows, columns, k, spread, first_row=0):
    """The formula, with `spread` added where the row's group is the column's."""
    i, j = np.meshgrid(np.arange(first_row, first_row + rows), np.arange(columns), indexing="ij")
    return formula(rows, columns, first_row) + spread * (i % k == j % k)


# The last start has two equal centers, of which the second stays empty, and one far away.
KMEANS = [
    dict(rows=90, columns=5, k=3, spread=2.0, iterations=300, tolerance=1e-4, empty=False),
    dict(rows=700, columns=17, k=12, spread=1.5, iterations=300, tolerance=0.0, empty=False),
    dict(rows=700, columns=17, k=12, spread=1.5, iterations=4, tolerance=0.0, empty=False),
    dict(rows=300, columns=4, k=6, spread=1.0, iterations=300, tolerance=1e-4, empty=True),
]
for case in KMEANS:
    x = groups(case["rows"], case["columns"], case["k"], case["spread"])
    start = x[: case["k"]].copy()
    if case["empty"]:
        start[1] = start[0]
        start[2] = 100.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = KMeans(
            case["k"], init=start, n_init=1, max_iter=case["iterations"], tol=case["tolerance"], algorithm="lloyd"
        ).fit(x)
    case["inertia"] = found.inertia_
    case["found_iterations"] = found.n_iter_
    case["centers"] = found.cluster_centers_.tolist()

GMM = [
    dict(rows=200, columns=4, k=3, spread=3.0, covariance="full", iterations=100, tolerance=1e-3),
    dict(rows=200, columns=4, k=3, spread=3.0, covariance="diag", iterations=100, tolerance=1e-3),
    dict(rows=1500, columns=6, k=2, spread=1.0, covariance="full", iterations=7, tolerance=0.0),
]
for case in GMM:
    k, columns = case["k"], case["columns"]
    x = groups(case["rows"], columns, k, case["spread"])
    precisions = np.stack([np.eye(columns)] * k) if case["covariance"] == "full" else np.ones((k, columns))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = GaussianMixture(
            k,
            covariance_type=case["covariance"],
            max_iter=case["iterations"],
            tol=case["tolerance"],
            means_init=x[:k],
            weights_init=np.full(k, 1 / k),
            precisions_init=precisions,
        ).fit(x)
    new = groups(5, columns, k, case["spread"], first_row=case["rows"])
    case["log_likelihood"] = found.lower_bound_
    case["found_iterations"] = found.n_iter_
    case["weights"] = found.weights_.tolist()
    case["log_density"] = found.score_samples(new).tolist()
    case["shares"] = found.predict_proba(new).tolist()

# scikit-learn halves the squares: its alpha is beta / 2.
CODES = [
    dict(rows=12, columns=10, atoms=6, beta=1.0),
    dict(rows=12, columns=10, atoms=25, beta=2.0),
    dict(rows=12, columns=10, atoms=25, beta=0.05),
]
for case in CODES:
    atoms = formula(case["atoms"], case["columns"], first_row=1000)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    x = formula(case["rows"], case["columns"])
    codes = sparse_encode(x, atoms, algorithm="lasso_lars", alpha=case["beta"] / 2, max_iter=10000)
    case["objective"] = float(((x - codes @ atoms) ** 2).sum() + case["beta"] * np.abs(codes).sum())
    case["codes"] = codes.tolist()

DICTIONARY = [dict(rows=200, columns=12, atoms=8, beta=1.0, iterations=60)]
for case in DICTIONARY:
    x = groups(case["rows"], case["columns"], case["atoms"], 2.0)
    start = x[: case["atoms"]] / np.linalg.norm(x[: case["atoms"]], axis=1, keepdims=True)
    codes, atoms, _ = dict_learning(
        x,
        n_components=case["atoms"],
        alpha=case["beta"] / 2,
        max_iter=case["iterations"],
        tol=0.0,
        method="lars",
        dict_init=start,
        code_init=np.zeros((case["rows"], case["atoms"])),
        random_state=0,
        method_max_iter=10000,
    )
    codes = sparse_encode(x, atoms, algorithm="lasso_lars", alpha=case["beta"] / 2, max_iter=10000)
    case["objective"] = float(((x - codes @ atoms) ** 2).sum() + case["beta"] * np.abs(codes).sum())
    case["norms"] = np.linalg.norm(atoms, axis=1).tolist()

golden = dict(
    peer=f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    kmeans=KMEANS,
    gmm=GMM,
    codes=CODES,
    dictionary=DICTIONARY,
)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
