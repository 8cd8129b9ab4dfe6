"""Ridge regression by numpy's closed form in f64, on data from a formula that the Rust test repeats.

Run from the repository's root: python testdata/goldens/ridge/make.py
"""

import json
import os

import numpy as np


def features(rows, columns):
    """[rows, columns] f32, multiples of 1/64: exact in every language."""
    i, j = np.meshgrid(np.arange(rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij")
    mixed = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    mixed = (mixed * np.uint64(1597334677)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return (mixed % np.uint64(256)).astype(np.float64) / 64.0 - 2.0


# More rows than columns, and fewer; a strong and a weak lambda.
CASES = [
    dict(rows=50, columns=6, lam=1000.0),
    dict(rows=50, columns=6, lam=0.01),
    dict(rows=7, columns=12, lam=1000.0),
    dict(rows=7, columns=12, lam=0.01),
]

for case in CASES:
    x = features(case["rows"], case["columns"] + 2)
    y, x = x[:, -2:], x[:, :-2]
    case["beta"] = np.linalg.solve(x.T @ x + case["lam"] * np.eye(case["columns"]), x.T @ y).tolist()

golden = dict(peer=f"numpy {np.__version__}, linalg.solve(X'X + lambda I, X'Y)", cases=CASES)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
