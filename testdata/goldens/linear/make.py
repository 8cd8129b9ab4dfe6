"""Weights of scikit-learn's LogisticRegression on formula-made features.

    python make.py > golden.json

Two classes have one row of weights w in scikit-learn; the golden holds the two rows -w/2 and w/2.
"""
import json

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def formula(row, column):
    mixed = (row * 2654435761 + column * 40503 + 12345) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    mixed = mixed * 1597334677 & 0xFFFFFFFF
    mixed ^= mixed >> 16
    return (mixed % 256) / 64 - 2


# Rows, columns, classes, C, weights of the classes; does the last class have only every seventh row; standardized?
CASES = [
    (60, 6, 3, 1.0, [], False, False),
    (40, 12, 4, 10.0, [1.0, 2.0, 0.5, 1.5], False, False),
    (300, 5, 3, 0.05, [], False, False),
    (60, 6, 2, 1.0, [], False, False),
    (90, 4, 2, 0.1, [], True, False),
    (90, 4, 2, 10.0, [0.5, 3.0], True, False),
    (20, 30, 2, 1.0, [], False, True),
    (70, 5, 3, 1.0, [], True, True),
]

cases = []
for rows, columns, classes, cost, weights, unbalanced, standardize in CASES:
    y = np.array([(row * 7 + row // 3) % classes for row in range(rows)])
    if unbalanced:
        y = np.array([classes - 1 if row % 7 == 3 else row % (classes - 1) for row in range(rows)])
    x = np.array([[formula(row, k) + (0.75 if k % classes == y[row] else 0) for k in range(columns)] for row in range(rows)])
    scaler = StandardScaler(with_mean=standardize, with_std=standardize).fit(x)
    model = LogisticRegression(C=cost, tol=1e-10, max_iter=100000, class_weight=dict(enumerate(weights)) if weights else None)
    model.fit(scaler.transform(x), y)
    weight, bias = model.coef_, model.intercept_
    if standardize:
        weight = weight / scaler.scale_
        bias = bias - weight @ scaler.mean_
    if classes == 2:
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    cases.append({
        "rows": rows, "columns": columns, "classes": classes, "cost": cost, "class_weights": weights,
        "unbalanced": unbalanced, "standardize": standardize,
        "weight": weight.flatten().tolist(), "bias": bias.tolist(),
        "probabilities": model.predict_proba(scaler.transform(x[:5])).tolist(),
    })
print(json.dumps({"peer": f"scikit-learn {sklearn.__version__}", "cases": cases}))
