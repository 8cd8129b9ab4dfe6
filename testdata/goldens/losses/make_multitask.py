"""Losses of several tasks by torch's cross_entropy, whose ignore_index leaves out rows without a label.

Run from the repository's root: python testdata/goldens/losses/make_multitask.py
"""

import torch
import torch.nn.functional as F

from common import case, formula, write

TARGETS = {"plate": [0, 2, -100, 1], "pictogram": [-100, 3, 0, -100], "color": [-100] * 4}
CLASSES = {"plate": 3, "pictogram": 4, "color": 2}


def task(targets):
    logits = formula(0, 5, 3)
    return case(F.cross_entropy(logits, torch.tensor(targets), ignore_index=-100), logits=logits)


def combined(fixed):
    x, inputs, total = formula(0, 4, 5), {}, 0
    for index, (name, targets) in enumerate(TARGETS.items()):
        first, classes = 100 + 20 * index, CLASSES[name]
        weight, bias = formula(first, classes, 5, scale=0.5), formula(first + 10, classes, scale=0.5)
        variance = formula(first + 15, 1, scale=0.5)
        inputs |= {f"task__{name}__weight": weight, f"task__{name}__bias": bias}
        if fixed is None:
            inputs[f"task__{name}__log_variance"] = variance
        if max(targets) < 0:
            continue
        loss = F.cross_entropy(F.linear(x, weight, bias), torch.tensor(targets), ignore_index=-100)
        total = total + (fixed[index] * loss if fixed else 0.5 * torch.exp(-variance[0]) * loss + variance[0] / 2)
    return case(total, x=x, **inputs)


write(
    "multitask.json",
    **{
        "some labels": task([2, -100, 0, -100, 1]),
        "all labels": task([2, 2, 0, 1, 1]),
        "fixed": combined([1.0, 0.25, 3.0]),
        "uncertainty": combined(None),
    },
)
