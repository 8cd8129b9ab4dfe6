"""AdaIN and the losses of MUNIT by torch.

Run from the repository's root: python testdata/goldens/losses/make_disentangle.py
"""

import torch
import torch.nn.functional as F

from common import case, formula, numbers, write


def adain():
    content, style = formula(0, 2, 3, 4, 5), formula(100, 2, 3, 2, 3, scale=2.0)
    variance, mean = torch.var_mean(style, (2, 3), keepdim=True, correction=0)
    y = (variance + 1e-5).sqrt() * F.instance_norm(content, eps=1e-5) + mean
    loss = (y * formula(200, 2, 3, 4, 5).detach()).mean()
    return case(loss, content=content, style=style) | {"output": numbers(y)}


def modulate():
    content, scale, shift = formula(0, 2, 3, 4, 5), formula(100, 2, 3), formula(110, 2, 3)
    # As MUNIT does it: a batch norm of one image whose channels are those of all.
    y = F.batch_norm(content.view(1, 6, 4, 5), None, None, scale.view(-1), shift.view(-1), training=True, eps=1e-5)
    loss = (y.view(2, 3, 4, 5) * formula(200, 2, 3, 4, 5).detach()).mean()
    return case(loss, content=content, scale=scale, shift=shift)


def swap():
    x = {
        "made": formula(0, 2, 3, 4, 4), "given": formula(4, 2, 3, 4, 4),
        "found content": formula(100, 2, 4, 2, 2), "content": formula(120, 2, 4, 2, 2),
        "found style": formula(200, 2, 8), "style": formula(210, 2, 8), "other style": formula(220, 2, 8),
    }  # fmt: skip
    image, content = F.l1_loss(x["made"], x["given"]), F.l1_loss(x["found content"], x["content"])
    style = F.l1_loss(x["found style"], x["style"]) + F.l1_loss(x["style"], x["other style"])
    return case(10 * image + content + style, **x) | {"parts": [image.item(), content.item(), style.item()]}


write("disentangle.json", adain=adain(), modulate=modulate(), swap=swap())
