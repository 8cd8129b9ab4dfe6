#!/usr/bin/env python3
"""Goldens of the backbones: torchvision's networks on weights given by a formula, so that the weights need no file.

    python3 testdata/goldens/backbones/make.py

Weight number i of tensor NAME is (2 mix(NAME, i) - 1) * scale, with scale sqrt(6 / fan_in) for weights and 0.1 for biases; the
formula is repeated in crates/dl-models/tests/torchvision.rs. Gradients are those of sum(logits * (2 mix("loss", i) - 1)).
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torchvision

CLASSES = 10


def mix(name, count):
    """`count` numbers in [0, 1): murmur's last step on a counter that starts at FNV-1a of the name."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = (start + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return (h ^ (h >> 16)).astype(np.float64) / 2.0**32


def formula(name, shape):
    count = math.prod(shape)
    scale = 0.1 if len(shape) == 1 else math.sqrt(6.0 / (count // shape[0]))
    return torch.from_numpy(((2.0 * mix(name, count) - 1.0) * scale).astype(np.float32)).reshape(shape)


def summary(tensor):
    flat = tensor.detach().double().flatten()
    picked = flat[:: max(1, len(flat) // 5)][:5]
    return {
        "shape": list(tensor.shape),
        "sum": flat.sum().item(),
        "size": flat.abs().sum().item(),
        "picked": [round(value.item(), 7) for value in picked],
    }


def golden(name, shape, layers, gradients):
    network = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    network.load_state_dict({key: formula(key, value.shape) for key, value in network.state_dict().items()})
    x = torch.from_numpy((2.0 * mix("input", math.prod(shape)) - 1.0).astype(np.float32)).reshape(shape)
    x.requires_grad_()
    seen = {}
    for path, module in network.named_modules():
        if path in layers:
            module.register_forward_hook(lambda _module, _input, output, path=path: seen.update({path: output}))
    logits = network(x)
    weights = torch.from_numpy((2.0 * mix("loss", logits.numel()) - 1.0).astype(np.float32)).reshape(logits.shape)
    (logits * weights).sum().backward()
    parameters = dict(network.named_parameters())
    return {
        "input": shape,
        "logits": logits.flatten().tolist(),
        "layers": {path: summary(seen[path]) for path in layers},
        "gradients": {path: summary(x.grad if path == "input" else parameters[path].grad) for path in gradients},
    }


torch.set_num_threads(1)
fire = ["features.0", "features.2", "features.3.squeeze", "features.12", "classifier.1", "classifier.3"]
fire_gradients = ["input", "features.0.weight", "features.0.bias", "features.3.expand3x3.weight", "classifier.1.weight"]
goldens = {
    "made_with": f"torch {torch.__version__} (CPU, float32, one thread), torchvision {torchvision.__version__}",
    "alexnet": golden(
        "alexnet",
        [2, 3, 99, 83],
        ["features.0", "features.2", "features.12", "avgpool", "classifier.1", "classifier.5"],
        ["input", "features.0.weight", "features.3.bias", "classifier.4.weight", "classifier.6.bias"],
    ),
    "squeezenet1_0": golden("squeezenet1_0", [2, 3, 65, 67], fire, fire_gradients),
    "squeezenet1_1": golden("squeezenet1_1", [2, 3, 66, 71], fire, fire_gradients),
}
Path(__file__).with_name("backbones.json").write_text(json.dumps(goldens, indent=1) + "\n")
