"""Weighted linear models by scikit-learn, KMM by cvxopt and KLIEP by L-BFGS-B, on data from a formula that the Rust tests repeat.

Run from the repository's root: python testdata/goldens/weights/make.py
"""

import json
import os

import cvxopt
import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC


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


def domains(ns, nt, columns):
    """The source is spread; the target is narrower and moved by 0.5."""
    return formula(0, ns, columns), 0.5 * formula(1000, nt, columns) + 0.5


def rbf(a, b, gamma):
    return np.exp(-gamma * ((a[:, None] - b[None]) ** 2).sum(-1))


def row_weights(rows):
    return (np.arange(rows) % 5) / 2.0


# Rows, columns, classes, C, weights of the classes, standardized?
LOGISTIC = [(90, 5, 3, 1.0, [], False), (300, 4, 2, 0.1, [0.5, 2.0], True), (70, 6, 4, 10.0, [], True)]
logistic = []
for rows, columns, classes, cost, class_weights, standardize in LOGISTIC:
    y = (np.arange(rows) * 7 + np.arange(rows) // 3) % classes
    x = formula(0, rows, columns) + 0.75 * (np.arange(columns)[None] % classes == y[:, None])
    weights = row_weights(rows)
    scaler = StandardScaler(with_mean=standardize, with_std=standardize).fit(x, sample_weight=weights)
    model = LogisticRegression(
        C=cost, tol=1e-10, max_iter=100000, class_weight=dict(enumerate(class_weights)) if class_weights else None
    ).fit(scaler.transform(x), y, sample_weight=weights)
    weight, bias = model.coef_, model.intercept_
    if standardize:
        weight = weight / scaler.scale_
        bias = bias - weight @ scaler.mean_
    if classes == 2:
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    logistic.append(dict(
        rows=rows, columns=columns, classes=classes, cost=cost, class_weights=class_weights, standardize=standardize,
        weight=weight.flatten().tolist(), bias=bias.tolist(),
    ))

SVM = [
    dict(rows=200, positives=40, columns=16, shift=0.5, cost=0.01, positive_weight=2.0, bias=10.0),
    dict(rows=100, positives=50, columns=8, shift=0.5, cost=0.1, positive_weight=1.0, bias=0.0),
]
for case in SVM:
    x = formula(0, case["rows"], case["columns"])
    x[: case["positives"], ::4] += case["shift"]
    x = np.maximum(x, 0.0)
    y = np.where(np.arange(case["rows"]) < case["positives"], 1, -1)
    bias, weights = case["bias"], row_weights(case["rows"])
    options = dict(fit_intercept=True, intercept_scaling=bias) if bias else dict(fit_intercept=False)
    model = LinearSVC(
        loss="hinge", dual=True, C=case["cost"], class_weight={1: case["positive_weight"], -1: 1.0},
        tol=1e-7, max_iter=1_000_000, random_state=0, **options,
    ).fit(x, y, sample_weight=weights)
    w, b = model.coef_[0], float(model.intercept_[0]) if bias else 0.0
    cost = case["cost"] * np.where(y > 0, case["positive_weight"], 1.0) * weights
    v = b / bias if bias else 0.0
    case["objective"] = float(0.5 * (w @ w + v * v) + (cost * np.maximum(0.0, 1.0 - y * (x @ w + b))).sum())

# The third has an upper bound that holds, the fourth a sum that holds; eps null is (sqrt(ns) - 1) / sqrt(ns).
KMM = [
    dict(ns=60, nt=40, columns=3, gamma=0.2, bound=1000.0, eps=None),
    dict(ns=150, nt=200, columns=6, gamma=0.05, bound=1000.0, eps=None),
    dict(ns=100, nt=80, columns=4, gamma=0.1, bound=2.0, eps=None),
    dict(ns=80, nt=50, columns=2, gamma=0.5, bound=1000.0, eps=0.01),
]
cvxopt.solvers.options["show_progress"] = False
for case in KMM:
    ns, nt = case["ns"], case["nt"]
    source, target = domains(ns, nt, case["columns"])
    k = rbf(source, source, case["gamma"])
    kappa = ns / nt * rbf(source, target, case["gamma"]).sum(1)
    eps = (np.sqrt(ns) - 1) / np.sqrt(ns) if case["eps"] is None else case["eps"]
    g = np.vstack([np.ones((1, ns)), -np.ones((1, ns)), np.eye(ns), -np.eye(ns)])
    h = np.r_[ns * (1 + eps), ns * (eps - 1), np.full(ns, case["bound"]), np.zeros(ns)]
    found = cvxopt.solvers.qp(*map(cvxopt.matrix, (k, -kappa, g, h)))
    w = np.array(found["x"]).ravel()
    case["objective"] = float(0.5 * w @ k @ w - kappa @ w)
    case["embedding"] = (rbf(target, source, case["gamma"]) @ w / ns)[:10].tolist()

# All rows of the target are centers.
KLIEP = [dict(ns=80, nt=30, columns=3, gamma=0.2), dict(ns=50, nt=40, columns=2, gamma=1.0)]
for case in KLIEP:
    source, target = domains(case["ns"], case["nt"], case["columns"])
    a = rbf(target, target, case["gamma"])
    b = rbf(source, target, case["gamma"]).mean(0)
    # The constraint b'a = 1 as a term: its multiplier is 1 at the optimum.
    best = minimize(
        lambda v: (-np.log(a @ v).mean() + b @ v, -(a / (a @ v)[:, None]).mean(0) + b),
        np.full(len(b), 1 / b.sum()), jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(b),
        options=dict(maxiter=100000, maxfun=1000000, ftol=1e-16, gtol=1e-10),
    )
    v = best.x / (b @ best.x)
    case["likelihood"] = float(np.log(a @ v).mean())
    case["weights"] = (rbf(source, target, case["gamma"]) @ v).tolist()

source, target = domains(60, 90, 4)
x, y = np.vstack([source, target]), np.repeat([0, 1], [60, 90])
scaler = StandardScaler().fit(x)
model = LogisticRegression(tol=1e-10, max_iter=100000).fit(scaler.transform(x), y)
p = model.predict_proba(scaler.transform(source))
domain_classifier = dict(weights=(p[:, 1] / p[:, 0] * 60 / 90).tolist())

golden = dict(
    peer=f"scikit-learn {sklearn.__version__}, cvxopt {cvxopt.__version__}, scipy {scipy.__version__} (L-BFGS-B)",
    logistic=logistic, svm=SVM, kmm=KMM, kliep=KLIEP, domain_classifier=domain_classifier,
)
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
