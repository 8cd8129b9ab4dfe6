"""Weights of scikit-learn's multinomial LogisticRegression on formula-made features.

    python make.py > golden.json
"""
import json

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression


def formula(row, column):
    mixed = (row * 2654435761 + column * 40503 + 12345) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    mixed = mixed * 1597334677 & 0xFFFFFFFF
    mixed ^= mixed >> 16
    return (mixed % 256) / 64 - 2


cases = []
for rows, columns, classes, cost, weights in [(60, 6, 3, 1.0, []), (40, 12, 4, 10.0, [1.0, 2.0, 0.5, 1.5]), (300, 5, 3, 0.05, [])]:
    y = np.array([(row * 7 + row // 3) % classes for row in range(rows)])
    x = np.array([[formula(row, k) + (0.75 if k % classes == y[row] else 0) for k in range(columns)] for row in range(rows)])
    model = LogisticRegression(C=cost, tol=1e-10, max_iter=100000, class_weight=dict(enumerate(weights)) if weights else None)
    model.fit(x, y)
    cases.append({
        "rows": rows, "columns": columns, "classes": classes, "cost": cost, "class_weights": weights,
        "weight": model.coef_.flatten().tolist(), "bias": model.intercept_.tolist(),
    })
print(json.dumps({"peer": f"scikit-learn {sklearn.__version__}", "cases": cases}))
