"""Weights of scikit-learn's LogisticRegression, SVC and LinearSVC on formula-made features.

    python make.py > golden.json

Two classes have one row of weights w in scikit-learn; the golden holds the two rows -w/2 and w/2.
"""
import json

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC


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

def problem(rows, columns, classes, unbalanced):
    y = np.array([(row * 7 + row // 3) % classes for row in range(rows)])
    if unbalanced:
        y = np.array([classes - 1 if row % 7 == 3 else row % (classes - 1) for row in range(rows)])
    x = np.array([[formula(row, k) + (0.75 if k % classes == y[row] else 0) for k in range(columns)] for row in range(rows)])
    return x, y


cases = []
for rows, columns, classes, cost, weights, unbalanced, standardize in CASES:
    x, y = problem(rows, columns, classes, unbalanced)
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

# SVMs: rows, columns, classes, C, weights of the classes, as above; the rows of one against one are scikit-learn's pairs.
SVM_CASES = [
    (60, 6, 3, 1.0, [], False, False),
    (90, 4, 4, 0.05, [1.0, 2.0, 0.5, 1.5], False, False),
    (70, 5, 3, 10.0, [], True, True),
    (50, 8, 2, 0.3, [], False, False),
]
svms = []
for rows, columns, classes, cost, weights, unbalanced, standardize in SVM_CASES:
    x, y = problem(rows, columns, classes, unbalanced)
    sample = np.array([(row % 5 + 1) / 3 for row in range(rows)])
    mean = np.average(x, axis=0, weights=sample)
    scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=sample))
    if not standardize:
        mean, scale = np.zeros(columns), np.ones(columns)
    scaled = (x - mean) / scale
    of_classes = dict(enumerate(weights)) if weights else None
    case = {"rows": rows, "columns": columns, "classes": classes, "cost": cost, "class_weights": weights,
            "unbalanced": unbalanced, "standardize": standardize}
    pairs = SVC(kernel="linear", C=cost, tol=1e-9, class_weight=of_classes).fit(scaled, y, sample)
    rest = LinearSVC(C=cost, tol=1e-12, max_iter=1000000, dual=False, class_weight=of_classes).fit(scaled, y, sample)
    # scikit-learn turns the plane of two classes around: the second is on its positive side.
    turn = -1 if classes == 2 else 1
    for name, model, sign in [("pairs", pairs, turn), ("rest", rest, 1)]:
        weight = sign * model.coef_ / scale
        bias = sign * model.intercept_ - weight @ mean
        case[name] = {"weight": weight.flatten().tolist(), "bias": bias.tolist()}
    case["predicted"] = pairs.predict(scaled).tolist()
    svms.append(case)
print(json.dumps({"peer": f"scikit-learn {sklearn.__version__}", "cases": cases, "svms": svms}))
