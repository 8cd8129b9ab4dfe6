"""Zero-shot classifiers: ESZSL by numpy's closed form, DAP by scikit-learn's logistic regressions, on data from a formula
that the Rust tests repeat.

Run from the repository's root: python testdata/goldens/attributes/make.py
"""

import json
import os

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression


def formula(first, rows, columns):
    """[rows, columns], multiples of 1/64: exact in every language."""
    i, j = np.meshgrid(np.arange(first, first + rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij")
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0


def eszsl(rows, columns, classes, attributes, gamma, lam):
    x, s = formula(0, rows, columns), formula(500, classes, attributes)
    y = np.where(np.arange(rows)[:, None] % classes == np.arange(classes), 1.0, -1.0)
    left = np.linalg.inv(x.T @ x + gamma * np.eye(columns))
    right = np.linalg.inv(s.T @ s + lam * np.eye(attributes))
    v = left @ x.T @ y @ s @ right
    scores = formula(900, 4, columns) @ v @ formula(700, 3, attributes).T
    return {
        "rows": rows, "columns": columns, "classes": classes, "attributes": attributes, "gamma": gamma, "lambda": lam,
        "map": v.tolist(), "scores": scores.tolist(),
    }  # fmt: skip


def dap(seen, unseen, cost, standardize):
    bits = lambda words: np.array(words)[:, None] >> np.arange(4) & 1
    x, q = formula(0, 60, 8), formula(900, 5, 8)
    if standardize:
        mean, deviation = x.mean(0), x.std(0)
        x, q = (x - mean) / deviation, (q - mean) / deviation
    s, u = bits(seen), bits(unseen)
    scores = 0
    for m in range(4):
        if s[:, m].min() == s[:, m].max():
            continue  # nothing to train on
        model = LogisticRegression(C=cost, tol=1e-10, max_iter=10000).fit(x, s[np.arange(60) % len(seen), m])
        logs = model.predict_log_proba(q)
        prior = np.array([1 - s[:, m].mean(), s[:, m].mean()])
        scores = scores + logs[:, u[:, m]] - np.log(prior[u[:, m]])
    return dict(seen=seen, unseen=unseen, cost=cost, standardize=standardize, scores=scores.tolist())


golden = dict(
    peer=f"numpy {np.__version__}, scikit-learn {sklearn.__version__}",
    eszsl=[eszsl(30, 6, 5, 4, 0.5, 2.0), eszsl(8, 12, 4, 7, 10.0, 0.01)],
    # The fourth attribute is constant.
    dap=[dap([9, 10, 12, 15, 11], [8, 13, 14], 1.0, False), dap([9, 10, 12, 15], [8, 13, 14, 11], 0.1, True)],
)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
