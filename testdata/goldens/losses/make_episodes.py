"""Losses of episodes by torch.

Run from the repository's root: python testdata/goldens/losses/make_episodes.py
"""

import torch
import torch.nn.functional as F

from common import case, formula, numbers, write


def episode(shots, scale):
    support, queries = formula(0, 3 * shots, 4, scale=scale), formula(100, 6, 4, scale=scale)
    prototypes = torch.stack([rows.mean(0) for rows in support.split(shots)])
    logits = -(queries[:, None] - prototypes[None]).square().sum(2)
    targets = torch.tensor([0, 0, 1, 1, 2, 2])
    accuracy = (logits.argmax(1) == targets).double().mean().item()
    return case(F.cross_entropy(logits, targets), support=support, queries=queries) | {
        "logits": numbers(logits), "accuracy": accuracy,
    }  # fmt: skip


write("episodes.json", **{"five shots": episode(5, 0.5), "one shot": episode(1, 2.0)})
