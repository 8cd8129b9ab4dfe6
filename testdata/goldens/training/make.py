#!/usr/bin/env python3
"""Goldens of training: 20 steps of SGD with momentum, as PyTorch takes them.

    python3 testdata/goldens/training/make.py

The networks are torchvision's (timm's Xception) in training mode, with the weights of ../backbones/formula.py and
without dropout; the batch is a fixed one of small images. The loss is the cross-entropy, plus 0.3 of each auxiliary
classifier's for GoogLeNet. `losses` has the loss of each step, `after` the class scores of the batch after the last
step in inference, which shows the running statistics, and `float64` the largest relative difference of the losses to
those of the same training in double precision: the effect of rounding alone.
"""

import json
import sys
from pathlib import Path

import timm
import torch
import torchvision

sys.path.insert(0, str(Path(__file__).parents[1] / "backbones"))
from formula import formula, signed

CLASSES, STEPS = 10, 20


def train(network, shape, rate, order=1):
    state = network.state_dict()
    state = {key: formula(key, value.shape) if value.ndim else value for key, value in state.items()}
    network.load_state_dict(state)
    network.train()
    x, targets = signed("input", shape), torch.arange(shape[0]) % CLASSES
    if order < 0:
        x, targets = x.flip(0), targets.flip(0)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        scores = network(x)
        loss = torch.nn.functional.cross_entropy(getattr(scores, "logits", scores), targets)
        for auxiliary in ["aux_logits1", "aux_logits2"]:
            if hasattr(scores, auxiliary):
                loss = loss + 0.3 * torch.nn.functional.cross_entropy(getattr(scores, auxiliary), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        return losses, network.eval()(x).flatten().tolist()


def golden(make, shape, rate, options=None):
    losses, after = train(make(), shape, rate)
    others, after_others = train(make(), shape, rate, -1)
    rounding = max(abs(a - b) / a for a, b in zip(losses, others))
    after_others = torch.tensor(after_others).reshape(shape[0], -1).flip(0).flatten()
    rounding_after = ((torch.tensor(after) - after_others).abs().max() / torch.tensor(after).abs().max()).item()
    return {
        "input": shape,
        "rate": rate,
        "options": options or {},
        "losses": losses,
        "after": after,
        "rounding": rounding,
        "rounding_after": rounding_after,
    }


torch.set_num_threads(1)
vision = torchvision.models
goldens = {
    "made_with": f"torch {torch.__version__} (CPU, float32, one thread), torchvision {torchvision.__version__}, "
    f"timm {timm.__version__}",
    "resnet18": golden(lambda: vision.resnet18(num_classes=CLASSES), [4, 3, 64, 64], 2e-4),
    "googlenet": golden(
        lambda: vision.googlenet(
            num_classes=CLASSES, aux_logits=True, init_weights=False, transform_input=True, dropout=0.0, dropout_aux=0.0
        ),
        [4, 3, 128, 128],
        5e-7,
        {"aux_logits": True, "dropout": 0.0, "dropout_aux": 0.0},
    ),
    "mobilenet_v2": golden(
        lambda: vision.mobilenet_v2(num_classes=CLASSES, dropout=0.0), [4, 3, 128, 128], 1e-6, {"dropout": 0.0}
    ),
    "xception": golden(lambda: timm.create_model("legacy_xception", num_classes=CLASSES), [4, 3, 64, 64], 2e-5),
}
Path(__file__).with_name("training.json").write_text(json.dumps(goldens, indent=1) + "\n")
