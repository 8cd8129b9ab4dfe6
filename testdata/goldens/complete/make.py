"""Matrix completion by dense proximal gradient steps in numpy, from the papers' formulas (Mazumder et al. 2010, equation 8;
Goldberg et al. 2010, equation 7), on data from a formula that the Rust tests repeat.

Run from the repository's root: python testdata/goldens/complete/make.py
"""

import json
import os

import numpy as np


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


def shrink(a, threshold):
    u, s, v = np.linalg.svd(a, full_matrices=False)
    s = np.maximum(s - threshold, 0.0)
    return (u * s) @ v, s.sum()


def known(rows, columns):
    """60 % of the entries, and all of the first row and column."""
    mask = formula(rows, columns, first_row=500) < 0.4
    mask[0, :] = True
    mask[:, 0] = True
    return mask


STEPS = 20000

SOFT = [dict(rows=30, columns=20, lam=1.0), dict(rows=20, columns=30, lam=4.0)]
for case in SOFT:
    rows, columns, lam = case["rows"], case["columns"], case["lam"]
    x, mask = formula(rows, columns), known(rows, columns)
    z = np.zeros_like(x)
    for _ in range(STEPS):
        before = z
        z, norm = shrink(np.where(mask, x, z), lam)
        if np.abs(z - before).max() < 1e-12:
            break
    case["objective"] = float(0.5 * ((x - z)[mask] ** 2).sum() + lam * norm)
    case["first_row"] = z[0].tolist()

# Labels are the signs of the first columns.
LABELS = [dict(rows=25, labels=3, columns=12, lam=0.5, mu=0.02), dict(rows=25, labels=3, columns=12, lam=0.05, mu=0.005)]
for case in LABELS:
    rows, labels, columns, lam, mu = (case[key] for key in ("rows", "labels", "columns", "lam", "mu"))
    x, mask = formula(rows, labels + columns), known(rows, labels + columns)
    y = np.where(x[:, :labels] >= 0.0, 1.0, -1.0)
    seen, features = mask[:, :labels], mask[:, labels:]
    step = min(4.0 * seen.sum() / lam, features.sum())
    z, b = np.zeros_like(x), np.zeros(labels)
    for _ in range(STEPS):
        before = z
        slope = np.where(seen, -y / (1.0 + np.exp(y * (z[:, :labels] + b))), 0.0) * lam / seen.sum()
        gradient = np.concatenate([slope, np.where(features, z[:, labels:] - x[:, labels:], 0.0) / features.sum()], 1)
        b -= slope.sum(0) * 3.8 * seen.sum() / (lam * rows)
        z, norm = shrink(z - step * gradient, step * mu)
        if np.abs(z - before).max() < 1e-12:
            break
    loss = np.log1p(np.exp(-y * (z[:, :labels] + b)))[seen].sum() * lam / seen.sum()
    loss += 0.5 * ((z - x)[:, labels:][features] ** 2).sum() / features.sum()
    case["objective"] = float(loss + mu * norm)
    case["bias"] = b.tolist()
    case["first_row"] = z[0].tolist()

golden = dict(peer=f"numpy {np.__version__}, dense SVD, steps until Z stands still", soft=SOFT, labels=LABELS)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
