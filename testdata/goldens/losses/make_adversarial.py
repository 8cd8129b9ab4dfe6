"""DANN, CDAN and Deep CORAL by torch's autograd, in the forms of tllib.

Run from the repository's root: python testdata/goldens/losses/make_adversarial.py
"""

import math

import torch
import torch.nn.functional as F

from common import case, formula, numbers, write


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def domain_loss(logits, sources, weights=None):
    """The mean of the means of both domains."""
    source = F.binary_cross_entropy_with_logits(logits[:sources], torch.ones_like(logits[:sources]), reduction="none")
    target = F.binary_cross_entropy_with_logits(logits[sources:], torch.zeros_like(logits[sources:]), reduction="none")
    if weights is not None:
        source, target = source * weights[:sources], target * weights[sources:]
    return (source.mean() + target.mean()) / 2


def reversal():
    x = formula(0, 3, 4)
    y = Reverse.apply(x, 0.7)
    return case((y * x.detach().exp()).square().mean(), x=x)


def schedules():
    at = [0.0, 0.0, 0.1, 0.5, 1.0, 1.0]
    return {
        "strength": [2 / (1 + math.exp(-10 * p)) - 1 for p in at],
        "rate": [100 * 0.01 / (1 + 10 * p) ** 0.75 for p in at],
    }


def dann():
    x = formula(0, 8, 6)
    weights, hidden = {}, Reverse.apply(x, 0.3)
    for index, (inputs, outputs) in enumerate([(6, 5), (5, 3), (3, 1)]):
        first = 100 + 20 * index
        weight, bias = formula(first, outputs, inputs, scale=0.5), formula(first + 10, outputs, scale=0.5)
        weights |= {f"domain__{index}__weight": weight, f"domain__{index}__bias": bias}
        hidden = F.linear(hidden.relu() if index else hidden, weight, bias)
    accuracy = ((hidden[:4] >= 0).double().mean() + (hidden[4:] < 0).double().mean()).item() / 2
    return case(domain_loss(hidden, 4), x=x, **weights) | {"logits": numbers(hidden), "accuracy": accuracy}


def halves(weighted):
    logits, weights = formula(0, 7, 1, scale=4.0), formula(20, 7)
    loss = domain_loss(logits, 2, weights.detach()[:, None] if weighted else None)
    return case(loss, logits=logits, **({"weights": weights} if weighted else {}))


def entropy_weights(logits):
    weights = 1 + torch.exp(-torch.distributions.Categorical(logits=logits.detach()).entropy())
    return weights / weights.sum() * len(weights)


def cdan(randomized):
    features, logits = formula(0, 6, 3), formula(10, 6, 4)
    f, g = Reverse.apply(features, 0.4), logits.detach().softmax(1)
    if randomized:
        joined = (f @ formula(200, 5, 3).detach().T) * (g @ formula(210, 5, 4).detach().T) / math.sqrt(5)
    else:
        joined = torch.bmm(g.unsqueeze(2), f.unsqueeze(1)).flatten(1)
    weight, bias = formula(100, 1, joined.shape[1], scale=0.5), formula(110, 1, scale=0.5)
    loss = domain_loss(F.linear(joined, weight, bias), 3, entropy_weights(logits)[:, None])
    return case(loss, features=features, logits=logits, domain__0__weight=weight, domain__0__bias=bias)


def coral(columns):
    source, target = formula(0, 4, columns, scale=2.0), formula(10, 5, columns)
    difference = torch.cov(source.T) - torch.cov(target.T)
    return case(difference.square().sum() / (4 * columns**2), source=source, target=target)


write(
    "adversarial.json",
    **{
        "reversal": reversal(),
        "schedules": schedules(),
        "dann": dann(),
        "halves": halves(False),
        "weighted halves": halves(True),
        "entropy weights": {"weights": numbers(entropy_weights(formula(0, 6, 4)))},
        "entropy weights of certain classes": {"weights": numbers(entropy_weights(formula(0, 6, 4, scale=60.0)))},
        "cdan": cdan(False),
        "cdan by a random map": cdan(True),
        "coral of 3 columns": coral(3),
        "coral of 20 columns": coral(20),
    },
)
