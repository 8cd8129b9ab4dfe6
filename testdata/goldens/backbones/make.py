#!/usr/bin/env python3
"""Goldens of the backbones: torchvision's networks (timm's MobileNet V1) on weights that a formula gives.

    python3 testdata/goldens/backbones/make.py

Weight number i of tensor NAME is (2 mix(NAME, i) - 1) * scale, with scale sqrt(gain / fan_in) for weights and 0.1 for
biases and running means; weights of batch norms and running variances are 1 + 0.5 (2 mix(NAME, i) - 1). The formula is
repeated in crates/dl-models/tests/torchvision.rs. A gain of 6 keeps numbers at their size from one ReLU to the next;
MobileNet V2, where many convolutions have no ReLU after them, would grow them until rounding decides which ones pass.
Gradients are those of sum(logits * (2 mix("loss", i) - 1)), with batch norms as in inference.
"""

import json
import math
from pathlib import Path

import numpy as np
import timm
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


def formula(name, shape, gain=6.0):
    count = math.prod(shape)
    numbers = 2.0 * mix(name, count) - 1.0
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith(".weight")):
        numbers = 1.0 + 0.5 * numbers
    else:
        numbers *= 0.1 if len(shape) == 1 else math.sqrt(gain / (count // shape[0]))
    return torch.from_numpy(numbers.astype(np.float32)).reshape(shape)


def summary(tensor):
    flat = tensor.detach().double().flatten()
    picked = flat[:: max(1, len(flat) // 5)][:5]
    return {
        "shape": list(tensor.shape),
        "sum": flat.sum().item(),
        "size": flat.abs().sum().item(),
        "picked": [round(value.item(), 7) for value in picked],
    }


def golden(network, shape, layers, gradients, options=None, gain=6.0):
    network.eval()
    for module in network.modules():
        if isinstance(module, (torch.nn.ReLU, torch.nn.ReLU6)):
            module.inplace = False
    state = network.state_dict()
    state = {key: formula(key, value.shape, gain) if value.ndim else value for key, value in state.items()}
    network.load_state_dict(state)
    x = torch.from_numpy((2.0 * mix("input", math.prod(shape)) - 1.0).astype(np.float32)).reshape(shape)
    x.requires_grad_()
    seen = {}
    for path, module in network.named_modules():
        if path in layers:
            # A copy: what comes next may work in place.
            module.register_forward_hook(lambda _, __, output, path=path: seen.update({path: output.detach().clone()}))
    logits = network(x)
    for path, after in [("aux1", "inception4a"), ("aux2", "inception4d")]:
        if path in layers:
            seen[path] = network.get_submodule(path)(seen[after])
    weights = torch.from_numpy((2.0 * mix("loss", logits.numel()) - 1.0).astype(np.float32)).reshape(logits.shape)
    (logits * weights).sum().backward()
    parameters = dict(network.named_parameters())
    return {
        "input": shape,
        "options": options or {},
        "gain": gain,
        "logits": logits.flatten().tolist(),
        "layers": {path: summary(seen[path]) for path in layers},
        "gradients": {path: summary(x.grad if path == "input" else parameters[path].grad) for path in gradients},
    }


def of_torchvision(name, shape, layers, gradients, gain=6.0, **options):
    network = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES, **options)
    return golden(network, shape, layers, gradients, gain=gain)


def of_vgg(blocks, norms, shape, layers, gradients, width=0.125, local_response_norm=False):
    """A narrow VGG of torchvision's own parts: its weights would be 500 MB otherwise."""
    scaled = [int(channels * width) for channels in [64, 128, 256, 512, 512]]
    columns = [[channels] * len(block) + ["M"] for block, channels in zip(blocks, scaled)]
    features = list(torchvision.models.vgg.make_layers(sum(columns, []), batch_norm=norms))
    convs = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.Conv2d)]
    for index, kernel in zip(convs, sum(blocks, [])):
        if kernel == 1:
            features[index] = torch.nn.Conv2d(features[index].in_channels, features[index].out_channels, 1)
    if local_response_norm:
        # The paper's alpha is 1e-4 of the sum; torch's is of the mean of the five.
        features.insert(2, torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
    network = torchvision.models.VGG(torch.nn.Sequential(*features), num_classes=CLASSES)
    hidden = int(4096 * width)
    for index, inputs, outputs in [(0, scaled[-1] * 49, hidden), (3, hidden, hidden), (6, hidden, CLASSES)]:
        network.classifier[index] = torch.nn.Linear(inputs, outputs)
    return golden(network, shape, layers, gradients, {"width": width})


torch.set_num_threads(1)
fire = ["features.0", "features.2", "features.3.squeeze", "features.12", "classifier.1", "classifier.3"]
fire_gradients = ["input", "features.0.weight", "features.0.bias", "features.3.expand3x3.weight", "classifier.1.weight"]
A = [[3], [3], [3, 3], [3, 3], [3, 3]]
C = [[3, 3], [3, 3], [3, 3, 1], [3, 3, 1], [3, 3, 1]]
D = [[3, 3], [3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]
goldens = {
    "made_with": f"torch {torch.__version__} (CPU, float32, one thread), torchvision {torchvision.__version__}, "
    f"timm {timm.__version__}",
    "alexnet": of_torchvision(
        "alexnet",
        [2, 3, 99, 83],
        ["features.0", "features.2", "features.12", "avgpool", "classifier.1", "classifier.5"],
        ["input", "features.0.weight", "features.3.bias", "classifier.4.weight", "classifier.6.bias"],
    ),
    "squeezenet1_0": of_torchvision("squeezenet1_0", [2, 3, 65, 67], fire, fire_gradients),
    "squeezenet1_1": of_torchvision("squeezenet1_1", [2, 3, 66, 71], fire, fire_gradients),
    "resnet18": of_torchvision(
        "resnet18",
        [2, 3, 65, 67],
        ["conv1", "bn1", "maxpool", "layer1.0.conv2", "layer2.0", "layer2.0.downsample", "layer4", "avgpool"],
        ["input", "conv1.weight", "bn1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias", "fc.weight"],
    ),
    "resnet50": of_torchvision(
        "resnet50",
        [2, 3, 65, 67],
        ["relu", "layer1.0", "layer1.0.downsample", "layer2.0.bn3", "layer3.5", "layer4", "avgpool"],
        ["input", "conv1.weight", "layer1.0.conv3.weight", "layer3.0.bn2.weight", "layer4.2.bn3.bias", "fc.bias"],
    ),
    "googlenet": of_torchvision(
        "googlenet",
        [2, 3, 66, 71],
        ["conv1.conv", "conv2.bn", "maxpool2", "inception3a.branch2.0", "inception3a.branch3.1", "inception3a.branch4.0"]
        + ["inception4a", "inception4d", "aux1", "aux2", "maxpool4", "inception5b", "avgpool"],
        ["input", "conv1.conv.weight", "inception3b.branch3.1.conv.weight", "inception4e.branch4.1.bn.weight", "fc.weight"],
        transform_input=True,
        init_weights=False,
    )
    | {"options": {"aux_logits": True}},
    "mobilenet_v2": of_torchvision(
        "mobilenet_v2",
        [2, 3, 66, 71],
        ["features.0", "features.1.conv.1", "features.2.conv.1.0", "features.3", "features.3.conv", "features.18"],
        ["input", "features.0.0.weight", "features.2.conv.1.0.weight", "features.17.conv.3.bias", "classifier.1.weight"],
        gain=4.0,
    ),
    "mobilenet_v2 of another width": of_torchvision(
        "mobilenet_v2",
        [1, 3, 47, 50],
        ["features.0", "features.7", "features.18"],
        ["input", "features.14.conv.1.1.weight"],
        gain=4.0,
        width_mult=0.35,
    )
    | {"options": {"width_mult": 0.35}},
    "mobilenet_v1": golden(
        timm.create_model("mobilenetv1_100", num_classes=CLASSES),
        [2, 3, 66, 71],
        ["conv_stem", "bn1", "blocks.0.0.conv_dw", "blocks.1.0.bn1", "blocks.3.4", "blocks.4", "global_pool"],
        ["input", "conv_stem.weight", "blocks.1.0.conv_dw.weight", "blocks.4.1.bn2.bias", "classifier.weight"],
    ),
    "vgg11": of_vgg(
        A,
        False,
        [2, 3, 65, 67],
        ["features.0", "features.2", "features.9", "avgpool", "classifier.1", "classifier.4"],
        ["input", "features.0.weight", "features.8.bias", "classifier.0.weight"],
    ),
    "vgg11_lrn": of_vgg(
        A,
        False,
        [2, 3, 40, 37],
        ["features.1", "features.2", "features.3", "features.21"],
        ["input", "features.0.weight", "features.9.weight"],
        local_response_norm=True,
    ),
    "vgg16_c": of_vgg(
        C,
        False,
        [2, 3, 40, 37],
        ["features.14", "features.15", "features.30"],
        ["input", "features.14.weight", "features.28.bias"],
    ),
    "vgg16_bn": of_vgg(
        D,
        True,
        [2, 3, 65, 67],
        ["features.1", "features.2", "features.6", "features.33", "features.43", "classifier.3"],
        ["input", "features.0.weight", "features.1.weight", "features.41.bias", "classifier.6.weight"],
    ),
}
Path(__file__).with_name("backbones.json").write_text(json.dumps(goldens, indent=1) + "\n")
