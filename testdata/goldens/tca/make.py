"""TCA, SSTCA and JDA by scipy.linalg.eigh(b, a) of the published problems, dense in f64, on data of a formula that the Rust
tests repeat.

Per case: the eigenvalues, and Q Q' times a probe [n], with Q an orthonormal basis of the components Z of all rows; neither
depends on the signs of eigenvectors. Not from ADAPT or skada, which give a matrix that is not symmetric to `eigh`.

    python testdata/goldens/tca/make.py
"""
import json
import os

import numpy as np
import scipy
import scipy.linalg


def formula(rows, columns, first=0):
    def one(row, column):
        mixed = (row * 2654435761 + column * 40503 + 12345) & 0xFFFFFFFF
        mixed ^= mixed >> 13
        mixed = mixed * 1597334677 & 0xFFFFFFFF
        mixed ^= mixed >> 16
        return (mixed % 256) / 64 - 2

    return np.array([[one(first + i, j) for j in range(columns)] for i in range(rows)])


def domains(ns, nt, d, classes):
    """Classes differ in a column each; the target is shifted and stretched."""
    ys, yt = np.arange(ns) % classes, (np.arange(nt) * 2) % classes
    xs, xt = formula(ns, d), formula(nt, d, 1000)
    xs[np.arange(ns), ys] += 4
    xt[np.arange(nt), yt] += 4
    xt[:, d - 1] *= 1.5
    return xs, ys, xt + 0.5


def kernel(a, b, gamma):
    if gamma is None:
        return a @ b.T
    return np.exp(-gamma * ((a[:, None] - b[None]) ** 2).sum(2))


def solve(p, scatter, penalty, k, unit=False):
    n = len(scatter)
    values, w = scipy.linalg.eigh(scatter, penalty, subset_by_index=[n - k, n - 1])
    if unit:
        w /= np.linalg.norm(w, axis=0)
    return values[::-1], p @ w[:, ::-1]


def result(values, z):
    q, _ = np.linalg.qr(z)
    probe = np.cos(np.arange(len(z)))
    return dict(eigenvalues=values.tolist(), projected=(q @ (q.T @ probe)).tolist())


def graph(x, neighbors):
    """As ftTrans_tca.m of viggin/domain-adaptation-toolbox."""
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(2))
    n = len(x)
    sigma = distances[np.triu_indices(n, 1)].mean()
    w = np.exp(-(distances**2) / 2 / sigma**2) - np.eye(n)
    least = -np.sort(-w, axis=0)[neighbors - 1]
    w = np.where(w < least, 0, w)
    w = np.maximum(w, w.T)
    return np.diag(w.sum(1)) - w


# gamma: None for the linear kernel, "primal" for the features.
DATA = dict(ns=40, nt=30, d=8, classes=3)
WIDE = dict(ns=14, nt=11, d=40, classes=3)
CASES = [
    dict(method="tca", **DATA, gamma=0.05, k=5, lam=1.0),
    dict(method="tca", **DATA, gamma=0.05, k=5, mu=0.002),
    dict(method="tca", **DATA, gamma=None, k=5, lam=1.0),
    dict(method="tca", **DATA, gamma="primal", k=5, lam=0.1),
    dict(method="tca", **WIDE, gamma=None, k=4, lam=1.0),
    dict(method="sstca", **DATA, gamma=0.05, k=5, mu=1.0),
    dict(method="sstca", **DATA, gamma=None, k=4, mu=1.0),
    dict(method="sstca", **DATA, gamma="primal", k=4, mu=1.0),
    dict(method="jda", **DATA, gamma=0.05, k=5, lam=1.0, rounds=3),
    dict(method="jda", **DATA, gamma=None, k=4, lam=1.0, rounds=3),
    dict(method="jda", **DATA, gamma="primal", k=4, lam=0.1, rounds=3),
]

for case in CASES:
    ns, nt, k = case["ns"], case["nt"], case["k"]
    xs, ys, xt = domains(ns, nt, case["d"], case["classes"])
    x = np.vstack([xs, xt])
    n = ns + nt
    p = x if case["gamma"] == "primal" else kernel(x, x, case["gamma"])
    h = np.eye(n) - 1 / n
    e = np.r_[np.ones(ns) / ns, -np.ones(nt) / nt][:, None]
    identity = np.eye(p.shape[1])
    if case["method"] == "jda":
        guessed = None
        for _ in range(case["rounds"]):
            m = e @ e.T * case["classes"]
            for c in range(case["classes"]) if guessed is not None else []:
                own = np.r_[(ys == c) / (ys == c).sum(), -1.0 * (guessed == c) / (guessed == c).sum()][:, None]
                m = m + own @ own.T
            mu = case["lam"] * np.linalg.norm(m)
            values, z = solve(p, p.T @ h @ p, p.T @ m @ p + mu * identity, k, unit=True)
            unit = z / np.linalg.norm(z, axis=1, keepdims=True)
            distances = ((unit[ns:, None] - unit[None, :ns]) ** 2).sum(2)
            guessed = ys[distances.argmin(1)]
        case["guessed"] = guessed.tolist()
    else:
        l = e @ e.T
        mu = case["mu"] if "mu" in case else case["lam"] * np.linalg.norm(l)
        same = np.eye(n)
        if case["method"] == "sstca":
            l = l + graph(x, 5)
            same = 0.9 * np.eye(n)
            same[:ns, :ns] += 0.1 * (ys[:, None] == ys[None])
        values, z = solve(p, p.T @ h @ same @ h @ p, p.T @ l @ p + mu * identity, k)
    case.update(result(values, z))

golden = dict(peer=f"scipy {scipy.__version__}, linalg.eigh(b, a); numpy {np.__version__}", cases=CASES)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
