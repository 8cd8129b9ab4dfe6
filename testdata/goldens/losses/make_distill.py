"""Losses of distillation by torch's kl_div; biases by scipy's brentq.

Run from the repository's root: python testdata/goldens/losses/make_distill.py
"""

import numpy as np
import scipy
import torch
import torch.nn.functional as F
from scipy.optimize import brentq
from scipy.special import softmax

from common import case, formula, write


def distill(temperature, alpha, targets, *shape, scale):
    student, teacher = formula(0, *shape, scale=scale), formula(10, *shape, scale=scale)
    s, t = student.flatten(0, -2), teacher.detach().flatten(0, -2)
    soft = F.kl_div(
        F.log_softmax(s / temperature, 1), F.log_softmax(t / temperature, 1), reduction="batchmean", log_target=True
    )
    hard = F.cross_entropy(s, torch.tensor(targets))
    return case((1 - alpha) * hard + alpha * temperature**2 * soft, student=student, teacher=teacher)


def hint():
    student, teacher = formula(0, 4, 3), formula(10, 4, 5)
    weight, bias = formula(100, 5, 3, scale=0.5), formula(110, 5, scale=0.5)
    loss = F.mse_loss(F.linear(student, weight, bias), teacher.detach())
    return case(loss, student=student, teacher=teacher, hint__weight=weight, hint__bias=bias)


def bias(scale, index, prior):
    logits, one = formula(0, 9, 4, scale=scale).detach().numpy(), np.arange(4) == index
    excess = lambda b: softmax(logits + b * one, axis=1)[:, index].mean() - prior
    found = brentq(excess, -200, 200, xtol=1e-13, rtol=1e-14)
    return {"scale": scale, "class": index, "prior": prior, "bias": found}


TARGETS = [3, 0, 1, 1, 2]
write(
    "distill.json",
    **{
        "half": distill(3.0, 0.5, TARGETS, 5, 4, scale=2.0),
        "without labels": distill(2.0, 1.0, TARGETS, 5, 4, scale=2.0),
        "labels alone": distill(4.0, 0.0, TARGETS, 5, 4, scale=2.0),
        "large scores": distill(1.0, 0.7, TARGETS, 5, 4, scale=60.0),
        "tokens": distill(2.0, 0.6, [6, 0, 3, 2, 2, 5], 2, 3, 7, scale=1.0),
        "hint": hint(),
        "peer of biases": f"scipy {scipy.__version__}",
        "biases": [bias(1.0, 2, 0.1), bias(5.0, 0, 0.25), bias(20.0, 3, 0.9)],
    },
)
