"""LogME and H-score by their published formulas, in numpy.

LogME: You et al. 2021, as the authors' LogME.py computes it (fixed-point iteration, truncated SVD not used).
H-score: Bao et al. 2019, as the authors' code computes it, tr(pinv(cov(f)) cov(g)); and with the covariance shrunk toward
the identity.

    python make.py > golden.json
"""
import json

import numpy as np


def formula(row, column):
    mixed = (row * 2654435761 + column * 40503 + 12345) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    mixed = mixed * 1597334677 & 0xFFFFFFFF
    mixed ^= mixed >> 16
    return (mixed % 256) / 64 - 2


def logme(f, y, classes):
    n, d = f.shape
    u, s, vh = np.linalg.svd(f, full_matrices=False)
    sigma = s**2
    evidences = []
    for c in range(classes):
        t = (y == c).astype(float)
        alpha = beta = 1.0
        lam = alpha / beta
        x2 = (u.T @ t) ** 2
        res_x2 = (t**2).sum() - x2.sum()
        for _ in range(11):
            gamma = (sigma / (sigma + lam)).sum()
            m2 = (sigma * x2 / (sigma + lam) ** 2).sum()
            res2 = (x2 / (1 + sigma / lam) ** 2).sum() + res_x2
            alpha = gamma / (m2 + 1e-5)
            beta = (n - gamma) / (res2 + 1e-5)
            new = alpha / beta
            evidence = (
                d / 2 * np.log(alpha)
                + n / 2 * np.log(beta)
                - 0.5 * np.linalg.slogdet(alpha * np.eye(d) + beta * f.T @ f)[1]
                - beta / 2 * res2
                - alpha / 2 * m2
                - n / 2 * np.log(2 * np.pi)
            )
            done = abs(new - lam) / lam <= 1e-3
            lam = new
            if done:
                break
        evidences.append(evidence / n)
    return float(np.mean(evidences))


def h_score(f, y, shrinkage):
    cov = np.cov(f.T)
    if shrinkage:
        cov = (1 - shrinkage) * cov + shrinkage * np.trace(cov) / len(cov) * np.eye(len(cov))
    g = np.zeros_like(f)
    for c in set(y):
        g[y == c] = f[y == c].mean(axis=0)
    return float(np.trace(np.linalg.pinv(cov) @ np.cov(g.T)))


cases = []
for n, d, classes, spread in [(40, 6, 3, 0.5), (12, 20, 4, 1.0), (100, 8, 2, 0.0), (60, 10, 5, 3.0)]:
    y = np.array([(row * 7 + row // 3) % classes for row in range(n)])
    f = np.array([[formula(row, k) + (spread if k % classes == y[row] else 0) for k in range(d)] for row in range(n)])
    case = {"n": n, "d": d, "classes": classes, "spread": spread, "logme": logme(f, y, classes)}
    if n > d:
        case["h_score"] = h_score(f, y, 0)
    case["h_score_shrunk"] = h_score(f, y, 0.1)
    cases.append(case)
print(json.dumps({"peer": f"numpy {np.__version__}", "cases": cases}, indent=1))
