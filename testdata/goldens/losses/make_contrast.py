"""SimCLR's loss as a cross-entropy of torch over the other 2 n - 1 views; rotations by torch.rot90.

Run from the repository's root: python testdata/goldens/losses/make_contrast.py
"""

import torch
import torch.nn.functional as F

from common import case, formula, numbers, write


def nt_xent(first, second, temperature):
    views = F.normalize(torch.cat([first, second]))
    n = len(first)
    similarities = views @ views.T / temperature
    similarities = similarities.masked_fill(torch.eye(2 * n, dtype=torch.bool), -torch.inf)
    return F.cross_entropy(similarities, (torch.arange(2 * n) + n) % (2 * n))


def plain(temperature):
    first, second = formula(0, 4, 6), formula(10, 4, 6)
    return case(nt_xent(first, second, temperature), first=first, second=second)


def simclr():
    first, second = formula(0, 4, 5), formula(10, 4, 5)
    w0, b0 = formula(100, 7, 5, scale=0.5), formula(110, 7, scale=0.5)
    w1, b1 = formula(120, 3, 7, scale=0.5), formula(130, 3, scale=0.5)
    head = lambda x: F.linear(F.linear(x, w0, b0).relu(), w1, b1)
    return case(
        nt_xent(head(first), head(second), 0.2), first=first, second=second,
        projection__0__weight=w0, projection__0__bias=b0, projection__1__weight=w1, projection__1__bias=b1,
    )  # fmt: skip


def rotations():
    images = formula(0, 2, 2, 3, 3)
    rotated = torch.cat([torch.rot90(images, turns, (2, 3)) for turns in range(4)])
    return case((rotated * formula(50, 8, 2, 3, 3).detach()).sum(), images=images) | {"rotated": numbers(rotated)}


write(
    "contrast.json",
    **{
        "nt-xent": plain(0.5),
        "nt-xent of a low temperature": plain(0.05),
        "simclr": simclr(),
        "rotations": rotations(),
    },
)
